//! Middlewares as a black box: what each does to requests and answers on the wire, and what it
//! remembers.

mod auth;
mod grpc_web;
mod in_flight_req;
mod rate_limit;
mod stage;
