//! The load test: a generator and an upstream that cost next to nothing, the peers, the report.

pub mod generate;
pub mod load;
pub mod peer;
pub mod report;
pub mod upstream;
