//! The proxies that are measured: found on the machine, configured for the same work, started on
//! one core and stopped by their process id.

mod caddy;
pub mod certificate;
pub mod find;
mod haproxy;
mod nginx;
pub mod process;
pub mod relay;
mod site;
mod sozu;
mod swarmgate;
mod traefik;

use std::ffi::OsString;
use std::io;
use std::path::Path;

pub use certificate::Certificate;
pub use find::Found;
pub use site::{Needs, Routes, Site, host, path};
pub use traefik::{routing as traefik_routing, routing_file as traefik_routing_file};

/// One of the proxies. The order is the report's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// What this is about.
    Swarmgate,
    /// One worker process, upstream keep-alive.
    Nginx,
    /// One thread, `http-reuse always`.
    Haproxy,
    /// `GOMAXPROCS=1`.
    Traefik,
    /// `GOMAXPROCS=1` and `experimental.fastProxy`.
    TraefikFast,
    /// `GOMAXPROCS=1`.
    Caddy,
    /// One worker.
    Sozu,
    /// Our own relay that parses nothing: the floor.
    Relay,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Swarmgate,
        Self::Nginx,
        Self::Haproxy,
        Self::Traefik,
        Self::TraefikFast,
        Self::Caddy,
        Self::Sozu,
        Self::Relay,
    ];

    /// Its name in arguments and in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Swarmgate => "swarmgate",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Traefik => "traefik",
            Self::TraefikFast => "traefik-fast",
            Self::Caddy => "caddy",
            Self::Sozu => "sozu",
            Self::Relay => "relay",
        }
    }

    /// The peer of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|peer| peer.name() == name)
    }

    /// The program and its version, or why it is not there.
    ///
    /// # Errors
    /// A sentence for the reader: where it was looked for, or why it did not tell its version.
    pub fn find(self, swarmgate: Option<&Path>) -> Result<Found, String> {
        match self {
            Self::Swarmgate => swarmgate::find(swarmgate),
            Self::Nginx => find::program("nginx", &["-v"]),
            Self::Haproxy => find::program("haproxy", &["-v"]),
            Self::Traefik | Self::TraefikFast => find::program("traefik", &["version"]),
            Self::Caddy => find::program("caddy", &["version"]),
            Self::Sozu => find::program("sozu", &["--version"]),
            Self::Relay => relay::find(),
        }
    }

    /// Whether it can do a load that needs this; the reason, when it cannot.
    ///
    /// # Errors
    /// The reason.
    pub fn can(self, needs: Needs) -> Result<(), &'static str> {
        match self {
            Self::Swarmgate | Self::Traefik | Self::TraefikFast => Ok(()),
            Self::Nginx | Self::Haproxy | Self::Caddy => {
                if needs.live_file {
                    Err("takes no new routers from a watched file")
                } else {
                    Ok(())
                }
            }
            Self::Sozu => sozu::can(needs),
            Self::Relay => relay::can(needs),
        }
    }

    /// Writes its configuration into `folder` and says how to start it.
    ///
    /// # Errors
    /// The files could not be written.
    pub fn prepare(self, site: &Site, found: &Found, folder: &Path) -> io::Result<Start> {
        let start = match self {
            Self::Swarmgate => swarmgate::prepare(site, folder)?,
            Self::Nginx => nginx::prepare(site, found, folder)?,
            Self::Haproxy => haproxy::prepare(site, folder)?,
            Self::Traefik => traefik::prepare(site, folder, false)?,
            Self::TraefikFast => traefik::prepare(site, folder, true)?,
            Self::Caddy => caddy::prepare(site, folder)?,
            Self::Sozu => sozu::prepare(site, folder)?,
            Self::Relay => relay::prepare(site),
        };
        Ok(start)
    }
}

/// How a prepared peer is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Arguments of its program.
    pub arguments: Vec<OsString>,
    /// Variables beside the inherited ones.
    pub variables: Vec<(&'static str, OsString)>,
}

impl Start {
    fn new<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Self { arguments: arguments.into_iter().map(Into::into).collect(), variables: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for peer in Peer::ALL {
            assert_eq!(Peer::named(peer.name()), Some(peer));
        }
        assert_eq!(Peer::named("apache"), None);
    }

    #[test]
    fn only_file_watchers_can_take_new_routers() {
        let needs = Needs { live_file: true, ..Needs::default() };
        let can: Vec<_> = Peer::ALL.into_iter().filter(|peer| peer.can(needs).is_ok()).collect();
        assert_eq!(can, [Peer::Swarmgate, Peer::Traefik, Peer::TraefikFast]);
    }
}
