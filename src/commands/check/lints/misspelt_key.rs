//! Keys that the engine's clients refuse because of a letter: `lables:`, `deply:`.

use super::Context;
use crate::commands::check::closest;
use crate::commands::check::note::Note;
use crate::commands::check::yaml::Node;

/// Top-level keys (Compose specification).
const TOP: &[&str] = &[
    "version", "name", "include", "services", "networks", "volumes", "configs", "secrets", "models",
];

/// Keys of `deploy`.
const DEPLOY: &[&str] = &[
    "mode",
    "replicas",
    "labels",
    "update_config",
    "rollback_config",
    "resources",
    "restart_policy",
    "placement",
    "endpoint_mode",
];

/// Keys of a service.
const SERVICE: &[&str] = &[
    "annotations",
    "attach",
    "blkio_config",
    "build",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "command",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "credential_spec",
    "depends_on",
    "deploy",
    "develop",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "driver_opts",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "gpus",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "isolation",
    "label_file",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "models",
    "network_mode",
    "networks",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "ports",
    "post_start",
    "pre_stop",
    "privileged",
    "profiles",
    "provider",
    "pull_policy",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "use_api_socket",
    "user",
    "userns_mode",
    "uts",
    "volumes",
    "volumes_from",
    "working_dir",
];

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in &context.world.stacks {
        keys(&stack.root, TOP, "at the top of the file", notes);
        for service in &stack.services {
            keys(&service.node, SERVICE, &format!("in service {:?}", service.key), notes);
            if let Some(deploy) = service.node.get("deploy") {
                keys(deploy, DEPLOY, &format!("in deploy of service {:?}", service.key), notes);
            }
        }
    }
}

fn keys(node: &Node, known: &[&str], place: &str, notes: &mut Vec<Note>) {
    for pair in node.pairs() {
        let key = pair.key.as_str();
        if known.contains(&key) || key.starts_with("x-") || key == "<<" {
            continue;
        }
        // Only what is close: clients grow new keys every year.
        if let Some(closest) = closest(key, known) {
            let message = format!("unknown key {key:?} {place}: the client refuses the file");
            notes.push(
                Note::error("misspelt-key", Some(pair.at), message).needle(key).expected(closest),
            );
        }
    }
}
