//! The load test: a generator and an upstream that cost next to nothing, the peers, the report.

mod frame;
pub mod generate;
pub mod load;
pub mod middlewares;
pub mod peer;
mod poll;
pub mod report;
pub mod upstream;
