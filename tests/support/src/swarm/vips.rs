//! Makes the services' VIPs answer on a kernel without IPVS, in Swarm's own place and order.
//!
//! Swarm balances a service's VIP inside a namespace per overlay network. Without IPVS nothing
//! answers there. This keeper puts NAT rules in its stead: each new connection to a VIP goes to the
//! next running task, established ones stay where they are. The engine marks a task for shutdown
//! about two seconds before it signals it; the keeper looks ten times a second, so a task has left
//! the rules well before it is told to stop, as it would have left IPVS.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use super::engine::{Engine, run};

const EVERY: Duration = Duration::from_millis(100);

/// What one network's namespace should do: VIP -> addresses of the tasks behind it, sorted.
type Table = BTreeMap<String, Vec<String>>;

/// Keeps the rules in step with the tasks until it is dropped.
#[derive(Debug)]
pub struct VipKeeper {
    stop: Arc<AtomicBool>,
    changes: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl VipKeeper {
    /// Starts it; `None` where the kernel has IPVS and Swarm needs no help.
    pub fn start(engine: &Engine) -> Option<Self> {
        if Path::new("/proc/net/ip_vs").exists() {
            return None;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let changes = Arc::new(AtomicU64::new(0));
        let (engine, ending, counter) = (engine.clone(), Arc::clone(&stop), Arc::clone(&changes));
        let thread = std::thread::spawn(move || {
            let mut applied = BTreeMap::new();
            let mut failures = 0;
            while !ending.load(Ordering::Relaxed) {
                // An engine that does not answer, or a namespace half made or gone: next time. Only
                // what lasts is worth a word.
                match round(&engine, &mut applied, &counter) {
                    Ok(()) => failures = 0,
                    Err(error) => {
                        failures += 1;
                        if failures % 20 == 0 {
                            eprintln!("vips: {error}");
                        }
                    }
                }
                std::thread::sleep(EVERY);
            }
        });
        Some(Self { stop, changes, thread: Some(thread) })
    }

    /// How many times rules were rewritten so far.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }
}

impl Drop for VipKeeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Looks once and rewrites the rules of every network whose table changed. `applied` remembers, per
/// network, the namespace (its inode: it may be made anew) and the table in force.
fn round(
    engine: &Engine,
    applied: &mut BTreeMap<String, (u64, Table)>,
    changes: &AtomicU64,
) -> Result<(), String> {
    let services = engine.get("/services")?;
    let tasks = engine.get("/tasks?filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D")?;
    let wanted = tables(&services, &tasks);
    let mut outcome = Ok(());
    for (network, table) in &wanted {
        let namespace = engine.balancer_namespace(network);
        // Not there: no task of that network runs here yet, or no more.
        let Some(inode) = mounted(&namespace) else { continue };
        if applied.get(network).is_some_and(|(known, now)| *known == inode && now == table) {
            continue;
        }
        let mut command = engine.command("nsenter");
        command.arg(format!("--net={}", namespace.display())).args(["sh", "-eu"]);
        match run(command, Some(&shell_script(table)), Duration::from_secs(10)) {
            Ok(_) => {
                applied.insert(network.clone(), (inode, table.clone()));
                changes.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => outcome = Err(format!("network {network}: {error}")),
        }
    }
    applied.retain(|network, _| wanted.contains_key(network));
    outcome
}

/// The inode of a namespace's file; `None` where there is none, or only the empty file that the
/// engine mounts it on and leaves behind.
fn mounted(namespace: &Path) -> Option<u64> {
    let (file, folder) = (namespace.metadata().ok()?, namespace.parent()?.metadata().ok()?);
    (file.dev() != folder.dev()).then(|| file.ino())
}

/// The table of every network, from the engine's answers to `/services` and `/tasks`.
fn tables(services: &Value, tasks: &Value) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for service in list(services, "") {
        let id = text(service, "/ID");
        for vip in list(service, "/Endpoint/VirtualIPs") {
            let (network, address) = (text(vip, "/NetworkID"), address(text(vip, "/Addr")));
            if address.is_empty() {
                continue;
            }
            let mut behind: Vec<String> = list(tasks, "")
                .filter(|task| text(task, "/ServiceID") == id)
                .filter(|task| text(task, "/Status/State") == "running")
                .filter(|task| text(task, "/DesiredState") == "running")
                .flat_map(|task| list(task, "/NetworksAttachments"))
                .filter(|attached| text(attached, "/Network/ID") == network)
                .flat_map(|attached| list(attached, "/Addresses"))
                .filter_map(|addressed| Some(self::address(addressed.as_str()?).to_owned()))
                .collect();
            behind.sort();
            tables.entry(network.to_owned()).or_default().insert(address.to_owned(), behind);
        }
    }
    tables
}

/// The elements of the array at `pointer`; none where there is no array.
fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// The text at `pointer`; empty where there is none.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// `10.0.1.5/24` -> `10.0.1.5`.
fn address(with_prefix: &str) -> &str {
    with_prefix.split('/').next().unwrap_or_default()
}

/// A shell script that brings a namespace to `table`: addresses first, then all rules in one step.
fn shell_script(table: &Table) -> String {
    let mut script = String::from("echo 1 > /proc/sys/net/ipv4/ip_forward\n");
    script.push_str("ip -batch - <<'END'\n");
    for vip in table.keys() {
        let _ = writeln!(script, "address replace {vip}/32 dev eth0");
    }
    script.push_str("END\niptables-restore -w <<'END'\n*nat\n");
    for (vip, tasks) in table {
        for (index, task) in tasks.iter().enumerate() {
            let every = tasks.len() - index;
            let _ = writeln!(
                script,
                "-A PREROUTING -d {vip}/32 -p tcp -m statistic --mode nth --every {every} --packet 0 \
                 -j DNAT --to-destination {task}"
            );
        }
    }
    script.push_str("-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\nEND\n");
    script
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(service: &str, state: &str, desired: &str, address: &str) -> Value {
        json!({
            "ServiceID": service,
            "Status": {"State": state},
            "DesiredState": desired,
            "NetworksAttachments": [{"Network": {"ID": "net"}, "Addresses": [address]}],
        })
    }

    #[test]
    fn only_running_tasks_that_shall_run_are_behind_a_vip() {
        let services = json!([
            {"ID": "web", "Endpoint": {"VirtualIPs": [{"NetworkID": "net", "Addr": "10.0.1.2/24"}]}},
            {"ID": "none", "Endpoint": {"VirtualIPs": [{"NetworkID": "net", "Addr": "10.0.1.9/24"}]}},
            {"ID": "dnsrr", "Endpoint": {}},
        ]);
        let tasks = json!([
            task("web", "running", "running", "10.0.1.4/24"),
            task("web", "running", "running", "10.0.1.3/24"),
            task("web", "starting", "running", "10.0.1.5/24"),
            task("web", "running", "shutdown", "10.0.1.6/24"),
            task("other", "running", "running", "10.0.1.7/24"),
        ]);
        let expected = Table::from([
            ("10.0.1.2".to_owned(), vec!["10.0.1.3".to_owned(), "10.0.1.4".to_owned()]),
            ("10.0.1.9".to_owned(), Vec::new()),
        ]);
        assert_eq!(tables(&services, &tasks), BTreeMap::from([("net".to_owned(), expected)]));
        assert_eq!(tables(&json!(null), &json!({"message": "no"})), BTreeMap::new());
    }

    #[test]
    fn an_ordinary_file_is_no_namespace() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(mounted(file.path()), None);
        assert_eq!(mounted(Path::new("/nowhere/at/all")), None);
        assert!(mounted(Path::new("/proc")).is_some(), "another file system");
    }

    #[test]
    fn rules_rotate_over_the_tasks() {
        let table = Table::from([("10.0.1.2".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
        let script = shell_script(&table);
        let first = script.find("--every 2 --packet 0 -j DNAT --to-destination a").unwrap();
        let second = script.find("--every 1 --packet 0 -j DNAT --to-destination b").unwrap();
        assert!(first < second, "{script}");
    }
}
