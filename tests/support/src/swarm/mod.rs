//! Real Docker Swarm under the tests: the engine, stacks, VIPs that answer, a real CA, steady load, curl.

pub mod curl;
pub mod engine;
pub mod load;
pub mod pebble;
pub mod stack;
pub mod vips;

pub use curl::{Answer, Curl};
pub use engine::Engine;
pub use load::{Load, Tally};
pub use pebble::Pebble;
pub use stack::Stack;
pub use vips::VipKeeper;
