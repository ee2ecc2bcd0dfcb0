//! What a connection says and hears, whatever the protocol.

use super::echo::Echo;
use super::http1::Http1;
use super::http2::Http2;
use super::outcome::Cause;

/// A request that has begun. Nanoseconds since the run's begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun {
    /// From when its latency counts.
    pub due: u64,
    /// When it was sent: its time-out counts from here.
    pub sent: u64,
}

/// How a request came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Well answered, with a body of so many bytes.
    Answered(Begun, u64),
    /// Badly, or not.
    Failed(Begun, Cause),
    /// The target said that it has not looked at it: it may be sent again.
    Again(Begun),
}

/// One connection's protocol.
#[derive(Debug)]
pub(super) enum Speech {
    Http1(Http1),
    Http2(Box<Http2>),
    Echo(Box<Echo>),
}

impl Speech {
    /// Appends what is to be sent at the connection's begin. `request`: the upgrade, for those
    /// that need one.
    pub fn hello(&mut self, request: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Http1(_) => {}
            Self::Http2(speech) => speech.hello(out),
            Self::Echo(_) => out.extend_from_slice(request),
        }
    }

    /// How many requests may begin now.
    pub fn room(&self) -> usize {
        match self {
            Self::Http1(speech) => speech.room(),
            Self::Http2(speech) => speech.room(),
            Self::Echo(speech) => speech.room(),
        }
    }

    /// Begins a request (there must be room) and appends its bytes.
    pub fn begin(&mut self, begun: Begun, request: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Http1(speech) => {
                speech.begin(begun);
                out.extend_from_slice(request);
            }
            Self::Http2(speech) => speech.begin(begun, request, out),
            Self::Echo(speech) => speech.begin(begun, out),
        }
    }

    /// Takes what came; tells what it finished, and appends what is to be sent for it.
    ///
    /// # Errors
    /// What the connection, and all that is outstanding on it, has failed of.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Vec<Seen>,
    ) -> Result<(), Cause> {
        match self {
            Self::Http1(speech) => speech.feed(bytes, seen),
            Self::Http2(speech) => speech.feed(bytes, out, seen),
            Self::Echo(speech) => speech.feed(bytes, out, seen),
        }
    }

    /// How many of the coming bytes are body and need not be looked at.
    pub fn skippable(&self) -> u64 {
        match self {
            Self::Http1(speech) => speech.skippable(),
            Self::Http2(_) | Self::Echo(_) => 0,
        }
    }

    /// So many of them have come.
    pub fn skip(&mut self, bytes: u64, seen: &mut Vec<Seen>) {
        if let Self::Http1(speech) = self {
            speech.skip(bytes, seen);
        }
    }

    /// The target has closed: an answer may end with that.
    pub fn ended(&mut self, seen: &mut Vec<Seen>) {
        if let Self::Http1(speech) = self {
            speech.ended(seen);
        }
    }

    /// No request may begin on this connection any more.
    pub fn finished(&self) -> bool {
        match self {
            Self::Http1(speech) => speech.finished(),
            Self::Http2(speech) => speech.finished(),
            Self::Echo(_) => false,
        }
    }

    /// The target has said that it will close (else, when finished, it is for us to do).
    pub fn target_closes(&self) -> bool {
        match self {
            Self::Http1(speech) => speech.target_closes(),
            Self::Http2(_) | Self::Echo(_) => false,
        }
    }

    /// Requests that have begun and have no end yet.
    pub fn outstanding(&self) -> Vec<Begun> {
        match self {
            Self::Http1(speech) => speech.outstanding().into_iter().collect(),
            Self::Http2(speech) => speech.outstanding().collect(),
            Self::Echo(speech) => speech.outstanding().into_iter().collect(),
        }
    }

    /// Whether there is any of them.
    pub fn busy(&self) -> bool {
        match self {
            Self::Http1(speech) => speech.outstanding().is_some(),
            Self::Http2(speech) => speech.outstanding().next().is_some(),
            Self::Echo(speech) => speech.outstanding().is_some(),
        }
    }
}
