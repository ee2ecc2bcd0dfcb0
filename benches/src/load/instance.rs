//! One peer, started for one load and ready to be measured.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use super::ask::Asker;
use super::loads::Load;
use super::proc::Tree;
use crate::generate::Wire;
use crate::peer::process::Process;
use crate::peer::{Certificate, Found, Peer, Site};

/// With 10,000 routers some take long.
const READY: Duration = Duration::from_secs(90);

/// What all peers have in common.
#[derive(Debug)]
pub struct Ground {
    /// Where requests end.
    pub upstream: SocketAddr,
    /// What TLS shows.
    pub certificate: Certificate,
    /// For configurations and logs.
    pub folder: PathBuf,
    /// The peers' core; `None`: any.
    pub core: Option<usize>,
}

/// A running peer.
#[derive(Debug)]
pub struct Instance {
    // Stopped first, then its folder may go.
    process: Process,
    /// Its configuration.
    pub site: Site,
    /// Its files.
    pub folder: PathBuf,
    /// Its processes.
    pub tree: Tree,
    /// From its start to its first 200.
    pub ready: Duration,
}

impl Instance {
    /// Starts `peer` for `load` and waits until it serves.
    ///
    /// # Errors
    /// In words, with the end of what it printed.
    pub fn start(ground: &Ground, peer: Peer, found: &Found, load: &Load) -> Result<Self, String> {
        let folder = ground.folder.join(format!("{}-{}", load.name, peer.name()));
        // The last round's.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let tls = (load.wire != Wire::Plain).then(|| (free_address(), ground.certificate.clone()));
        let site = Site {
            upstream: ground.upstream,
            plain: free_address(),
            tls,
            metrics: load.logged.then(free_address),
            access_log: load.logged.then(|| folder.join("access.log")),
            routes: load.routes,
            connections: load.most_connections(),
        };
        let start = peer.prepare(&site, found, &folder).map_err(|error| error.to_string())?;
        let began = Instant::now();
        let mut process = Process::start(found, start, &folder, ground.core)
            .map_err(|error| error.to_string())?;
        wait_ready(&mut process, &site, load, began)
            .map_err(|error| format!("{error}{}", last_words(&folder)))?;
        let ready = began.elapsed();
        let tree = Tree::of(process.id());
        Ok(Self { process, site, folder, tree, ready })
    }

    /// Where the load goes.
    #[must_use]
    pub fn target(&self) -> SocketAddr {
        self.site.tls.as_ref().map_or(self.site.plain, |(address, _)| *address)
    }

    /// Whether it still runs; what it printed, if not.
    ///
    /// # Errors
    /// It ended.
    pub fn alive(&mut self) -> Result<(), String> {
        match self.process.ended() {
            None => Ok(()),
            Some(status) => Err(format!("it ended ({status}){}", last_words(&self.folder))),
        }
    }
}

fn wait_ready(
    process: &mut Process,
    site: &Site,
    load: &Load,
    began: Instant,
) -> Result<(), String> {
    // The last route: the others are there when it is.
    let (hosts, paths) = (load.routes.hosts(), load.routes.paths("/small"));
    let (Some(host), Some(path)) = (hosts.last(), paths.last()) else {
        return Err("a load without routes".to_owned());
    };
    let mut asker = Asker::new(site.plain);
    let pause = Duration::from_millis(1);
    let mut ended = None;
    let served = asker.wait((host, path), 200, pause, began + READY, || {
        ended = process.ended();
        ended.is_none()
    });
    let listens = |address: &SocketAddr| {
        while std::net::TcpStream::connect(address).is_err() {
            if began.elapsed() > READY {
                return false;
            }
            std::thread::sleep(pause);
        }
        true
    };
    match (served, ended) {
        (true, _) if site.tls.as_ref().is_none_or(|(address, _)| listens(address)) => Ok(()),
        (_, Some(status)) => Err(format!("it ended ({status}) before it served")),
        _ => Err(format!("it did not serve within {} s", READY.as_secs())),
    }
}

/// The end of what a peer printed, for a message.
fn last_words(folder: &Path) -> String {
    let text = fs::read(folder.join("output.log")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    let words: String = lines.into_iter().rev().collect::<Vec<_>>().join(" / ");
    let start = words.char_indices().rev().nth(400).map_or(0, |(at, _)| at);
    match words.get(start..) {
        None | Some("") => String::new(),
        Some(words) => format!(": {words}"),
    }
}

/// An address of 127.0.0.1 that nobody listens on, with a port that the kernel does not give to
/// clients: the load's own connections would take it.
#[must_use]
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|port| port.parse().ok());
    let ports = first.unwrap_or(32_768_u16).saturating_sub(10_240).max(1000);
    // Runs side by side begin at different places.
    let begin = u16::try_from(std::process::id() % u32::from(ports)).unwrap_or(0);
    let at = |n: u16| {
        let port = 10_240 + (u32::from(begin) + u32::from(n)) % u32::from(ports);
        SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap_or(10_240)))
    };
    loop {
        let address = at(NEXT.fetch_add(1, Ordering::Relaxed));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_addresses_differ() {
        let (first, second) = (free_address(), free_address());
        assert_ne!(first, second);
        assert!(TcpListener::bind(first).is_ok());
    }

    #[test]
    fn the_end_of_what_was_said() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(last_words(folder.path()), "");
        fs::write(folder.path().join("output.log"), "a\nb\nc\nd\n").unwrap();
        assert_eq!(last_words(folder.path()), ": b / c / d");
        fs::write(folder.path().join("output.log"), "ä".repeat(1000)).unwrap();
        assert_eq!(last_words(folder.path()).chars().count(), 403);
    }
}
