//! What is told of requests: the access log.

pub mod access_log;

pub use access_log::{AccessLog, Record};
