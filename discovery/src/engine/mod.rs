//! A Docker Engine: where it is, what we ask it, how we follow its changes.

pub mod backoff;
pub mod client;
pub mod endpoint;
pub mod events;
pub mod follow;
pub mod own;
mod tls;
pub mod transport;

pub use self::client::{Cause, Engine, Failure};
pub use self::endpoint::Endpoint;
pub use self::events::Event;
