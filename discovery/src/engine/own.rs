//! Which container we run in, so that networks we are attached to can be preferred.

use std::collections::{BTreeMap, BTreeSet};

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

/// Networks of our own container: name -> id. `None` when we are in no container of this engine.
pub async fn networks(
    engine: &Engine,
    candidates: &[String],
) -> Result<Option<BTreeMap<String, String>>, Failure> {
    for id in candidates {
        let container = match engine.container(id).await {
            Ok(container) => container,
            Err(Failure { cause: Cause::Unreachable, message }) => {
                return Err(Failure::new(Cause::Unreachable, message));
            }
            // Not there, or a socket proxy that forbids looking: we do without.
            Err(_) => continue,
        };
        // The engine also finds containers by name.
        if !container.id.is_some_and(|whole| whole.starts_with(id)) {
            continue;
        }
        let networks = container.network_settings.and_then(|settings| settings.networks);
        return Ok(Some(
            networks
                .unwrap_or_default()
                .into_iter()
                .map(|(name, endpoint)| (name, endpoint.network_id.unwrap_or_default()))
                .collect(),
        ));
    }
    Ok(None)
}

/// Names only.
pub fn names(networks: &BTreeMap<String, String>) -> BTreeSet<String> {
    networks.keys().cloned().collect()
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
