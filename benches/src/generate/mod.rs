//! The load generator: one thread, non-blocking sockets, requests made beforehand.
//!
//! [`run`] puts a [`Work`] on a target and counts; [`hold`] opens idle connections and keeps them.
//!
//! A request is `GET path HTTP/1.1` with `Host`, `User-Agent` (a Firefox), `Accept: */*`,
//! `Accept-Encoding: gzip, deflate, br, zstd`, the work's own headers, and `Connection: close`
//! where a connection carries one request: 171 bytes for `/small` on `bench.test`. Over HTTP/2 the
//! same fields go in one HEADERS frame without Huffman coding and without the dynamic table. TLS is
//! 1.3 with AES-128-GCM and X25519 only.

mod connection;
mod echo;
mod engine;
mod expected;
mod frames;
mod head;
mod held;
mod hpack;
mod http1;
mod http2;
mod outcome;
mod record;
mod requests;
mod schedule;
mod socket;
mod speech;
#[cfg(test)]
mod tests;
mod tls;
mod work;

use std::io;

pub use held::{Held, hold};
pub use outcome::{Failures, Outcome, Tls};
pub use work::{Kind, Pace, Reuse, Wire, Work};

/// Puts `work` on its target and returns what was seen. The calling thread does all of it; it
/// returns at the latest after warm-up, duration and two time-outs.
///
/// `at_start` and `at_end` run just before and just after the measured part, so that the caller
/// can read the proxy's clocks there. The measured part begins when all connections are open (or
/// the time-out has passed) and the warm-up is over.
///
/// # Errors
/// A work that cannot be done (no host, a name that no certificate can have, a pace of 0), or
/// sockets that the kernel does not give. What the target does wrong is no error but is counted in
/// [`Outcome::failures`].
pub fn run(work: &Work, at_start: impl FnMut(), at_end: impl FnMut()) -> io::Result<Outcome> {
    engine::Engine::new(work, false)?.run(at_start, at_end)
}
