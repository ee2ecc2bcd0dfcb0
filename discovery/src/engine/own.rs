//! Which container we run in, so that networks we are attached to can be preferred.

use std::collections::BTreeSet;

use super::client::Engine;
use super::failure::{Cause, Failure};

/// Ids that may be our own container's, likeliest first; empty outside of containers.
pub fn candidates() -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    from_texts(
        &read("/proc/sys/kernel/hostname"),
        &read("/proc/self/mountinfo"),
        &read("/proc/self/cgroup"),
    )
}

fn from_texts(hostname: &str, mountinfo: &str, cgroup: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |id: &str, lengths: &[usize]| {
        let hex = id.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase());
        if hex && lengths.contains(&id.len()) && !found.iter().any(|other| other.starts_with(id)) {
            found.push(id.to_owned());
        }
    };
    for line in mountinfo.lines() {
        let mut fields = line.split(' ').skip(3);
        let (root, mount_point) = (fields.next(), fields.next());
        // On a host, mounts of all its containers are listed; only a container has these.
        if !matches!(mount_point, Some("/etc/hostname" | "/etc/hosts" | "/etc/resolv.conf")) {
            continue;
        }
        for part in root.unwrap_or_default().split('/') {
            add(part, &[64]);
        }
    }
    for line in cgroup.lines() {
        for part in line.split(['/', '-', '.', ':']) {
            add(part, &[64]);
        }
    }
    // A host name is the short id unless somebody sets another.
    add(hostname.trim(), &[12, 64]);
    found
}

/// So many times a network list waits for the engine to tell about our container; then it does
/// without.
const PATIENCE: u8 = 5;

/// The networks that our own container is attached to, as they were found last.
#[derive(Debug, Default)]
pub struct Own {
    ids: Vec<String>,
    networks: Option<BTreeSet<String>>,
    known: bool,
    failed: u8,
}

impl Own {
    /// Of the container with one of these ids; not asked for yet.
    pub fn new(ids: Vec<String>) -> Self {
        Self { ids, ..Self::default() }
    }

    /// Known from elsewhere.
    pub fn fixed(networks: Option<BTreeSet<String>>) -> Self {
        Self { networks, known: true, ..Self::default() }
    }

    /// Their names; `None` when we are in no container that anybody knows.
    pub fn networks(&self) -> Option<&BTreeSet<String>> {
        self.networks.as_ref()
    }

    /// Something may have changed: ask again.
    pub fn forget(&mut self) {
        self.known = false;
    }

    /// Asks, unless all is known. An engine that does not know our container (another manager, after
    /// a fail-over) or does not say changes nothing about what was found: a container stays itself.
    ///
    /// # Errors
    /// When nothing was found before and the engine may tell soon: without our networks, a service's
    /// would be chosen blindly.
    pub async fn renew(&mut self, engine: &Engine) -> Result<(), Failure> {
        if self.known {
            return Ok(());
        }
        match ask(engine, &self.ids).await {
            Ok(found) => {
                self.networks = found.or(self.networks.take());
                self.known = true;
                self.failed = 0;
            }
            Err(failure) if failure.cause == Cause::Unreachable => return Err(failure),
            Err(failure) if self.networks.is_none() && self.failed < PATIENCE => {
                self.failed = self.failed.saturating_add(1);
                return Err(failure);
            }
            Err(failure) => tracing::debug!("The proxy's own container is not known: {failure}"),
        }
        Ok(())
    }
}

async fn ask(engine: &Engine, ids: &[String]) -> Result<Option<BTreeSet<String>>, Failure> {
    for id in ids {
        match engine.container(id).await {
            // The engine also finds containers by name.
            Ok(container) if container.id.starts_with(id) => {
                return Ok(Some(container.network_settings.networks.into_keys().collect()));
            }
            Ok(_) => {}
            // Not there, or a socket proxy that forbids looking.
            Err(failure) if failure.cause == Cause::NotFound || failure.is_for_good() => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::from_texts;

    #[test]
    fn ids() {
        let long = "0123456789ab".to_owned() + &"c".repeat(52);
        let other = "f".repeat(64);
        let mount = |root: &str, at: &str| format!("1 2 8:1 {root} {at} rw - ext4 /dev/a rw\n");
        let hosts = mount(&format!("/var/lib/docker/containers/{long}/hosts"), "/etc/hosts");
        let shm = mount(&format!("/var/lib/docker/containers/{other}/mounts/shm"), "/x/shm");
        let table: [(&str, &str, &str, Vec<String>); 8] = [
            ("0123456789ab\n", "", "", vec!["0123456789ab".into()]),
            ("myhost", "", "", vec![]),
            ("0123456789AB", "", "", vec![]),
            ("redis", &hosts, "", vec![long.clone()]),
            ("0123456789ab", &hosts, "", vec![long.clone()]),
            ("host", &shm, "", vec![]),
            ("host", "", &format!("0::/system.slice/docker-{long}.scope"), vec![long.clone()]),
            ("host", "garbage\n\n - ", "::", vec![]),
        ];
        for (hostname, mountinfo, cgroup, expected) in table {
            assert_eq!(from_texts(hostname, mountinfo, cgroup), expected, "{hostname}");
        }
    }
}
