//! The proxy as a black box: bytes in, bytes out, and what the upstream saw in between.

mod connections;
mod failures;
mod harness;
mod hostile;
mod observe;
mod stop;
mod streaming;
mod tls;
