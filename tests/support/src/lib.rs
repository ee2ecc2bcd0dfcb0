//! Test support: engine simulator, ACME server, upstreams, clients, the proxy as a child process.
//!
//! The testkit depends on no room of the house: it judges from outside.

pub mod acme_server;
mod any_name;
pub mod certificates;
pub mod client;
pub mod coding;
pub mod engine;
pub mod eventually;
pub mod many;
pub mod ports;
pub mod process;
pub mod real;
pub mod secure;
pub mod socket_proxy;
pub mod swarm;
pub mod upstream;
pub mod wire;
