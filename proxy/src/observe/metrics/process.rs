//! The `process_*` figures, as every Prometheus client tells them; from `/proc`.

use std::fs;

/// Clock ticks a second in `/proc`: fixed for programs (`USER_HZ`), whatever the kernel's own.
const TICKS: f64 = 100.0;

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    pub name: &'static str,
    pub help: &'static str,
    pub kind: &'static str,
    pub value: f64,
}

/// The figures that can be had now.
pub(super) fn figures() -> Vec<Figure> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let stat = read("/proc/self/stat");
    let limits = read("/proc/self/limits");
    let network = network(&read("/proc/self/net/netstat"));
    // One of them is the directory that is being read.
    let open = fs::read_dir("/proc/self/fd").ok().map(|all| all.count().saturating_sub(1) as f64);
    let status = read("/proc/self/status");
    let ticks = |field| stat_field(&stat, field);
    let cpu = ticks(14).zip(ticks(15)).map(|(user, system)| (user + system) / TICKS);
    let started = ticks(22).zip(boot_time(&read("/proc/stat")));
    let started = started.map(|(since, booted)| booted + since / TICKS);
    [
        (
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
            "counter",
            cpu,
        ),
        (
            "process_max_fds",
            "Maximum number of open file descriptors.",
            "gauge",
            limit(&limits, "Max open files"),
        ),
        (
            "process_network_receive_bytes_total",
            "Number of bytes received by the process over the network.",
            "counter",
            network.map(|(received, _)| received),
        ),
        (
            "process_network_transmit_bytes_total",
            "Number of bytes sent by the process over the network.",
            "counter",
            network.map(|(_, sent)| sent),
        ),
        ("process_open_fds", "Number of open file descriptors.", "gauge", open),
        (
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            "gauge",
            kibibytes(&status, "VmRSS:"),
        ),
        (
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            "gauge",
            started,
        ),
        (
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            "gauge",
            kibibytes(&status, "VmSize:"),
        ),
        (
            "process_virtual_memory_max_bytes",
            "Maximum amount of virtual memory available in bytes.",
            "gauge",
            limit(&limits, "Max address space"),
        ),
    ]
    .into_iter()
    .filter_map(|(name, help, kind, value)| Some(Figure { name, help, kind, value: value? }))
    .collect()
}

/// A field of `/proc/self/stat`, numbered from 1 as in proc(5). The second is the program's name in
/// parentheses, which may hold anything.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

/// When the machine was started, seconds since 1970.
fn boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// A line `VmRSS:   1234 kB` of `/proc/self/status`, bytes.
fn kibibytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let number: f64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(number * 1024.0)
}

/// The soft limit of a line of `/proc/self/limits`; none is the largest number, as in Go.
fn limit(limits: &str, name: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(u64::MAX as f64),
        number => number.parse().ok(),
    }
}

/// `InOctets` and `OutOctets` of the line pair `IpExt:` in `/proc/self/net/netstat`.
fn network(netstat: &str) -> Option<(f64, f64)> {
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("IpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let find = |wanted: &str| {
        let mut pairs = names.split_ascii_whitespace().zip(values.split_ascii_whitespace());
        pairs.find(|(name, _)| *name == wanted)?.1.parse().ok()
    };
    Some((find("InOctets")?, find("OutOctets")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_says() {
        let stat = "12 (a b) (c) S 1 12 12 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 4 0 777 1000 9";
        assert_eq!(stat_field(stat, 14), Some(150.0));
        assert_eq!(stat_field(stat, 15), Some(50.0));
        assert_eq!(stat_field(stat, 22), Some(777.0));
        assert_eq!(stat_field(stat, 99), None);
        assert_eq!(stat_field("", 14), None);
        assert_eq!(stat_field(stat, 0), None);
        assert_eq!(boot_time("cpu 1 2\nbtime 1700000000\nx"), Some(1.7e9));
        assert_eq!(kibibytes("VmSize:\t 10 kB\nVmRSS:\t 2 kB\n", "VmRSS:"), Some(2048.0));
        assert_eq!(kibibytes("VmRSS:\n", "VmRSS:"), None);
        let limits = "Max open files            1024                 4096                 files\n\
                      Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(limit(limits, "Max open files"), Some(1024.0));
        assert_eq!(limit(limits, "Max address space"), Some(u64::MAX as f64));
        assert_eq!(limit(limits, "Max stack size"), None);
        let netstat = "TcpExt: A B\nTcpExt: 1 2\nIpExt: X InOctets OutOctets\nIpExt: 1 20 30\n";
        assert_eq!(network(netstat), Some((20.0, 30.0)));
        assert_eq!(network("IpExt: InOctets\n"), None);
    }

    #[test]
    fn of_this_process() {
        let figures = figures();
        let value = |name: &str| figures.iter().find(|f| f.name == name).map(|f| f.value);
        assert!(value("process_resident_memory_bytes").unwrap() > 100_000.0);
        assert!(value("process_open_fds").unwrap() >= 3.0);
        let started = value("process_start_time_seconds").unwrap();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        assert!(started > now - 86_400.0 * 365.0 && started < now + 2.0, "{started} {now}");
        assert!(figures.iter().map(|f| f.name).is_sorted());
    }
}
