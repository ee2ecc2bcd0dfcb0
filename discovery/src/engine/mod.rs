//! A Docker Engine: where it is, what we ask it, how we follow its changes.

pub mod answer;
pub mod backoff;
pub mod client;
pub mod endpoint;
pub mod events;
pub mod failure;
pub mod follow;
mod hedge;
pub mod last;
pub mod own;
mod reach;
pub mod remarks;
pub mod tls;
pub mod transport;
pub mod variables;

pub use self::client::Engine;
pub use self::endpoint::Endpoint;
pub use self::events::Event;
pub use self::failure::{Cause, Failure};
pub use self::variables::DockerVariables;
