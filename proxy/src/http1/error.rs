//! What can be wrong with an HTTP/1.1 connection.

use std::io;

/// Why a head or a body could not be read or written.
#[derive(Debug)]
pub enum Error {
    /// The connection failed.
    Io(io::Error),
    /// The connection ended too early.
    Ended,
    /// The head is not HTTP.
    Malformed(&'static str),
    /// The head has a version other than HTTP/1.0 and HTTP/1.1.
    Version,
    /// The head is larger than allowed.
    HeadTooLarge,
    /// The request target is longer than the 65,534 bytes that a URI may have.
    TargetTooLong,
    /// The `Content-Length` is no number, or there are several.
    BadLength,
    /// The chunks are malformed.
    BadChunk(&'static str),
    /// More interim answers (1xx) than anybody needs.
    TooManyInterim,
    /// The client's HTTP/2 stream failed.
    Http2(hyper::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            Self::Ended => f.write_str("the connection ended too early"),
            Self::Malformed(what) => f.write_str(what),
            Self::Version => f.write_str("the HTTP version is neither 1.0 nor 1.1"),
            Self::HeadTooLarge => f.write_str("the head is too large"),
            Self::TargetTooLong => f.write_str("the request target is too long"),
            Self::BadLength => f.write_str("Content-Length is not one number"),
            Self::BadChunk(what) => write!(f, "malformed chunks: {what}"),
            Self::TooManyInterim => f.write_str("too many interim answers (1xx)"),
            Self::Http2(error) => write!(f, "the HTTP/2 stream failed: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Http2(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
