//! Test support: engine simulator, ACME server, upstreams, clients, the proxy as a child process.
//!
//! The testkit depends on no room of the house: it judges from outside.
