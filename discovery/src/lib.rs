//! Swarmgate's providers: where routing configuration comes from.
//!
//! Each provider sends whole configurations and knows nothing else; [`aggregate()`] keeps the
//! latest of each, throttles bursts and hands the merged whole on.

pub mod aggregate;
mod build;
mod docker;
mod engine;
mod file;
mod http;
pub mod offline;
pub mod provider;
mod rest;
mod swarm;

pub use aggregate::aggregate;
pub use provider::{Provider, Surroundings, Update, Updates, providers, providers_in, rest};
pub use rest::Put;
