//! What is told of requests: the access log, the metrics.

pub mod access_log;
pub mod metrics;

pub use access_log::{AccessLog, Record};
pub use metrics::Metrics;
