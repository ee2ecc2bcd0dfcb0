//! What would become of a request, and why: the way of a request walked by somebody who only asks.
//!
//! Everything is asked of the snapshot in force, with the code that serves: the canonical view, the
//! rules, the middlewares, the choice of the certificate. Nothing is sent, counted or logged, and
//! no data-plane thread is troubled.
//!
//! - [`Question`]: what is asked. [`answer`](Explanation): what would happen, in the order of the way.
//! - [`Routes`]: all routes, for `swarmgate routes`.

mod answer;
mod certificate;
mod effect;
mod handshake;
mod near;
mod question;
mod routes;
mod walk;
mod written;

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use swarmgate_config::install::Install;

pub use self::answer::{
    Candidate, Certificate, Disabled, EntryPoint, Explanation, Failed, Layer, Lost, Middleware,
    Outcome, Remark, Requested, Router, Server, Service, Swarm,
};
pub use self::question::{Ask, Question, Target};
pub use self::routes::{Routes, Row};

use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::tls::Certificates;
use crate::worker::Shared;

/// The most of anything that an explanation lists; what is left out is counted.
pub const MOST: usize = 100;

/// The longest text that is repeated, in bytes: a rule may have a megabyte.
const LONGEST: usize = 2000;

/// A text as it is repeated: long ones are cut.
fn brief(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let mut end = LONGEST;
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    format!("{}...", text.get(..end).unwrap_or_default())
}

/// What is in force at one moment.
#[derive(Clone, Copy)]
struct View<'a> {
    settings: &'a [Arc<Settings>],
    addresses: &'a [(String, SocketAddr)],
    snapshot: &'a Snapshot,
    certificates: &'a Certificates,
    install: &'a Install,
    server_name: &'a HeaderValue,
}

impl View<'_> {
    /// The address that an entry point really listens on.
    fn address(&self, settings: &Settings) -> SocketAddr {
        let known = self.addresses.iter().find(|(name, _)| *name == settings.name);
        known.map_or(settings.address, |(_, address)| *address)
    }
}

/// Explains what would become of a request.
///
/// Costs some ten milliseconds with 10,000 routers: not for a data-plane thread.
///
/// # Errors
/// What is wrong with the question, for the person who asked.
pub fn explain(shared: &Shared, question: &Question) -> Result<Explanation, String> {
    view(shared, |view| walk::explain(view, question))
}

/// Lists the routes that a host and an entry point (each may be empty: all) have.
///
/// # Errors
/// What is wrong with the question.
pub fn routes(shared: &Shared, host: &str, entry_point: &str) -> Result<Routes, String> {
    view(shared, |view| routes::list(view, host, entry_point))
}

fn view<T>(shared: &Shared, look: impl FnOnce(View<'_>) -> T) -> T {
    let snapshot = shared.snapshot.load_full();
    let certificates = shared.store.get();
    look(View {
        settings: &shared.settings,
        addresses: &shared.addresses,
        snapshot: &snapshot,
        certificates: &certificates,
        install: &shared.state.install,
        server_name: &shared.server_name,
    })
}

#[cfg(test)]
mod tests;
