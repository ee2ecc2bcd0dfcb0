//! Swarmgate's data plane: the way of a request.
//!
//! In order:
//! 1. [`listen`]: sockets, one per entry point and thread; [`accept`]: connections.
//! 2. [`serve`]: TLS, HTTP/2 or HTTP/1? [`tls`] picks the certificate. One [`connection`] each.
//! 3. [`serve::request`]: the request's own way. [`forward::headers`] cleans what arrived,
//!    [`canonical`] makes the one view of host and path, [`route`] finds the router in the
//!    [`snapshot`], [`middleware`]s see the request.
//! 4. [`internal`] services answer themselves; [`balance`] picks a server, [`pool`] has a
//!    connection to it or [`forward::connect`] makes one, [`forward`] sends and waits.
//! 5. The answer goes back through the middlewares; [`failure`] maps causes to answers,
//!    [`respond`] has our own.
//!
//! [`http1`] is the protocol of steps 2 to 5 on both sides (HTTP/2 is hyper's), [`present`] what
//! its headers are looked at for, [`transport`] its stream; [`relay`] has the kernel move tunnels
//! and large bodies.
//!
//! [`explain`] walks the same way for somebody who only asks.
//!
//! [`worker`] is a data-plane thread: everything above happens on the thread that accepted the
//! connection, but for what takes long, which its [`helpers`] do. [`proxy`] starts and stops the
//! threads and swaps the snapshot.

pub mod accept;
pub mod balance;
pub mod body;
pub mod canonical;
pub mod clock;
pub mod connection;
pub mod explain;
pub mod failure;
mod file;
pub mod forward;
pub mod helpers;
pub mod http1;
pub mod internal;
pub mod listen;
#[doc(hidden)]
pub mod measure;
pub mod middleware;
pub mod observe;
pub mod pool;
pub mod present;
pub mod proxy;
pub mod relay;
pub mod resolve;
pub mod respond;
mod retire;
pub mod route;
pub mod serve;
pub mod settings;
pub mod snapshot;
pub mod tls;
pub mod transport;
pub mod trust;
pub mod worker;

pub use proxy::{BindError, Options, Proxy};
