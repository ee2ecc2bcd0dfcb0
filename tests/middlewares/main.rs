//! Middlewares as a black box: what each does to requests and answers on the wire, and what it
//! remembers.

mod auth;
mod errors;
mod forward_auth;
mod in_flight_req;
mod rate_limit;
mod stage;
