//! Real Docker Swarm under the tests: the engine, stacks, VIPs that answer, a real CA, steady load, curl.

pub mod curl;
pub mod engine;
pub mod foothold;
pub mod load;
pub mod pebble;
pub mod relay;
pub mod services;
pub mod stack;
pub mod vips;

pub use curl::{Answer, Curl};
pub use engine::Engine;
pub use foothold::Foothold;
pub use load::{Load, Tally};
pub use pebble::Pebble;
pub use relay::{Door, EngineRelay};
pub use services::Task;
pub use stack::Stack;
pub use vips::VipKeeper;
