//! Swarmgate's data plane: the way of a request.

pub mod body;
pub mod canonical;
pub mod internal;
pub mod middleware;
pub mod respond;
pub mod route;
pub mod tls;
