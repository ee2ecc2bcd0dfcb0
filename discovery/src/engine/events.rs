//! The engine's event stream: one JSON object a line, each line bounded.

use std::collections::HashMap;
use std::fmt;

use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;

use super::failure::{Cause, Failure};

/// Real events are well below a kilobyte, but labels of a container are among the attributes.
const MAX_LINE: usize = 1024 * 1024;

/// An event, as far as we look at it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Event {
    /// `service`, `container`, `network`, `node`, ...
    #[serde(rename = "Type")]
    pub kind: String,
    /// `create`, `update`, `start`, `health_status: healthy`, ...
    pub action: String,
    /// What it happened to.
    pub actor: Actor,
}

/// `Actor` of an event.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Actor {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Name, labels, what changed.
    pub attributes: HashMap<String, String>,
}

/// An open event stream.
pub struct Events {
    body: Incoming,
    buffer: BytesMut,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// Reads events from an answer's body.
    pub fn new(body: Incoming) -> Self {
        Self { body, buffer: BytesMut::new() }
    }

    /// The next event. May be dropped and called again without losing one. A line that cannot be
    /// read counts as an event without a type: something happened.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Ok(serde_json::from_slice(&line).unwrap_or_default());
            }
            if self.buffer.len() > MAX_LINE {
                return Err(Failure::new(Cause::Refused, "the engine sends an endless event"));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                Some(Err(_)) | None => {
                    let text = "the engine has ended the stream of events";
                    return Err(Failure::new(Cause::Unreachable, text));
                }
            }
        }
    }
}
