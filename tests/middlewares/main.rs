//! Middlewares as a black box: what each does to requests and answers on the wire, and what it
//! remembers.

mod again;
mod auth;
mod auth_tls;
mod buffering;
mod circuit_breaker;
mod compress;
mod content_type;
mod errors;
mod files;
mod forward_auth;
mod grpc_web;
mod in_flight_req;
mod layers;
mod rate_limit;
mod rate_limit_cluster;
mod rate_limit_redis;
mod retry;
mod stage;
mod told;
