//! An answer on its way back to the client, and what goes with it.

use std::fmt;

use http::Response;

use crate::body::Body;
use crate::forward::tunnel::Tunnel;

/// Something that lasts as long as its request: dropped when the answer's last byte has been handed
/// over, when the tunnel behind a 101 has ended, or when the client has gone.
pub trait Held: fmt::Debug {}

/// An answer.
#[derive(Debug)]
pub struct Answered {
    /// Its head and its body as it arrives.
    pub response: Response<Body>,
    /// Behind a 101: the server's end of the tunnel.
    pub tunnel: Option<Box<Tunnel>>,
    /// What middlewares keep until the answer is over.
    pub held: Vec<Box<dyn Held>>,
    /// It is our own word for a server that could not be reached: nothing of the request was
    /// written to any, and its body is as whoever stands here passed it on. A middleware that changes
    /// bodies and cannot take that back any more says `false`.
    pub unreached: bool,
}

impl Answered {
    /// Throws it away for another try, with everything that was held for it.
    pub fn discard(self) {
        self.response.into_body().discard_at_once();
    }
}

impl From<Response<Body>> for Answered {
    fn from(response: Response<Body>) -> Self {
        Self { response, tunnel: None, held: Vec::new(), unreached: false }
    }
}
