//! The proxy as a black box: bytes in, bytes out, and what the upstream saw in between.

mod connections;
mod early;
mod failures;
mod frames;
mod harness;
mod hostile;
mod http1;
mod http2;
mod metrics;
mod observe;
mod odd_http2;
mod splice;
mod stop;
mod streaming;
mod tls;
mod tls_options;
