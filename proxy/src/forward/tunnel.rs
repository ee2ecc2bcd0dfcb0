//! After a 101: bytes both ways until one side ends.

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, response};

use super::headers::{Upgrade, clean_answer};
use super::stream::ServerStream;
use crate::connection::ClientStream;
use crate::failure::Failure;
use crate::pool::{Counted, Lease};
use crate::present::Present;
use crate::relay::{Direction, Event, Side, relay};

/// The server's end of a tunnel.
#[derive(Debug)]
pub struct Tunnel {
    stream: ServerStream,
    /// What the server has said already.
    read: Bytes,
    _counted: Counted,
}

impl Tunnel {
    /// Checks a 101 against what was asked for, makes it the client's 101 and takes the connection.
    ///
    /// # Errors
    /// The server answers with another protocol.
    pub fn open(
        wanted: &Upgrade,
        answer: &mut response::Parts,
        lease: Option<Lease>,
    ) -> Result<Self, Failure> {
        let got = answer.headers.get(UPGRADE).cloned();
        let got = got
            .filter(|got| wanted.names(got.as_bytes().trim_ascii()))
            .ok_or(Failure::BadUpgrade)?;
        let present = Present::of(&answer.headers);
        clean_answer(&mut answer.headers, present);
        answer.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        answer.headers.insert(UPGRADE, got);
        let (stream, read, counted) =
            lease.and_then(Lease::into_parts).ok_or(Failure::BadUpgrade)?;
        Ok(Self { stream, read, _counted: counted })
    }

    /// Relays until both sides have ended, or either failed. `read`: what the client has said
    /// already.
    pub async fn run(self, client: ClientStream, read: Bytes) {
        let server = match self.stream {
            ServerStream::Plain(stream) => Side::Plain(stream),
            ServerStream::Tls(stream) => Side::Other(stream),
        };
        let (client, activity) = match client {
            ClientStream::Plain(stream) => {
                let (stream, activity) = stream.into_parts();
                (Side::Plain(stream), Some(activity))
            }
            // The stream below TLS tells the connection itself.
            ClientStream::Tls(stream) => (Side::Other(stream), None),
        };
        let seen = |direction, event| {
            let Some(activity) = &activity else { return };
            match (direction, event) {
                (Direction::ToServer, Event::Read(length)) => activity.has_read(length),
                (Direction::ToClient, Event::Written(length)) => activity.has_written(length),
                (Direction::ToClient, Event::ShutDown) => activity.has_shut_down(),
                _ => {}
            }
        };
        // Either side's end or failure ends both: there is nobody to tell.
        let _ = relay(client, server, read, self.read, seen).await;
    }
}
