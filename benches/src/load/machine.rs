//! What the machine is, for whoever reads the figures.

use std::fs;

use serde::Serialize;

/// The machine and the time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// As the kernel names it, with family and model, which tell more on virtual machines.
    pub cpu: String,
    /// Its cores.
    pub cores: usize,
    /// Of memory.
    pub memory_mib: u64,
    /// `6.1.0`
    pub kernel: String,
    /// `Debian GNU/Linux 12 (bookworm)`
    pub system: String,
    /// The load average of the last minute when it began: what ran beside.
    pub load_average: f64,
    /// When it began, RFC 3339, UTC.
    pub date: String,
}

impl Machine {
    /// This one, now.
    #[must_use]
    pub fn this() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let now = time::OffsetDateTime::now_utc().replace_nanosecond(0).ok();
        let average = read("/proc/loadavg");
        Self {
            cpu: cpu(&read("/proc/cpuinfo")),
            cores: cores(&read("/proc/cpuinfo")),
            memory_mib: memory(&read("/proc/meminfo")) / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            system: system(&read("/etc/os-release")),
            load_average: average.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0),
            date: now
                .and_then(|now| now.format(&time::format_description::well_known::Rfc3339).ok())
                .unwrap_or_default(),
        }
    }

    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "{}, {} cores, {} MiB, Linux {}, {}, {}",
            self.cpu, self.cores, self.memory_mib, self.kernel, self.system, self.date
        )
    }
}

fn cpu(cpuinfo: &str) -> String {
    let field = |name: &str| {
        let line = cpuinfo
            .lines()
            .find(|line| line.split_once(':').is_some_and(|(key, _)| key.trim() == name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    };
    let name = field("model name").unwrap_or("unknown CPU");
    match field("cpu family").zip(field("model")) {
        None => name.to_owned(),
        Some((family, model)) => format!("{name} (family {family}, model {model})"),
    }
}

/// All that are there: this thread may be on one of them only.
fn cores(cpuinfo: &str) -> usize {
    cpuinfo.lines().filter(|line| line.starts_with("processor")).count().max(1)
}

fn memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn system(release: &str) -> String {
    let line = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    line.map_or("unknown system", |name| name.trim_matches('"')).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_kernel_tells() {
        let info = "processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n";
        assert_eq!(cpu(info), "AMD EPYC (family 26, model 2)");
        assert_eq!(cores("processor\t: 0\nprocessor\t: 1\n"), 2);
        assert_eq!(cpu("model name : X\n"), "X");
        assert_eq!(cpu(""), "unknown CPU");
        assert_eq!(memory("MemTotal:  2048 kB\nMemFree: 1 kB\n"), 2048);
        assert_eq!(system("ID=x\nPRETTY_NAME=\"Debian 12\"\n"), "Debian 12");
        assert_eq!(system(""), "unknown system");
    }

    #[test]
    fn this_machine() {
        let machine = Machine::this();
        assert!(machine.cores > 0 && machine.memory_mib > 0 && machine.date.ends_with('Z'));
        assert!(machine.line().contains(&machine.kernel));
    }
}
