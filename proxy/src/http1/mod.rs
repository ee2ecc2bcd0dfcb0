//! HTTP/1.1 on both sides of the proxy (RFC 9112), made for forwarding.
//!
//! A general HTTP library keeps a task, a channel and a buffer per connection. A proxy can do with
//! less: the request's own task reads and writes both connections, a head is written from the map it
//! was read into, and an idle connection is a socket and nothing else. What that saves is measured
//! in docs/performance.md.
//!
//! - [`head`]: bytes -> heads; [`framing`]: where the body ends; [`decode`]: its bytes.
//! - [`encode`]: heads and chunks -> bytes; [`date`].
//! - [`wire`]: a connection's bytes, read and to be written; [`buffer`]: where they lie.
//! - [`client`]: a client's connection. Its requests are served by [`crate::serve`]; a server's
//!   connection is [`crate::forward::exchange`].

pub mod buffer;
pub mod client;
pub mod date;
pub mod decode;
pub mod encode;
mod error;
pub mod framing;
pub mod head;
#[cfg(test)]
mod tests;
pub mod wire;

pub use self::client::Client;
pub use self::error::Error;
pub use self::wire::Wire;
