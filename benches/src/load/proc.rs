//! What /proc tells about a process and its children: CPU time, memory; and about the cores.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// CPU time of a process tree since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Of all threads that run, to the nanosecond, where the kernel keeps it.
    pub exact: Option<Duration>,
    /// In user mode, of ended threads too, in whole clock ticks (10 ms).
    pub user: Duration,
    /// In the kernel, likewise.
    pub system: Duration,
}

/// CPU time between two readings.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Used {
    /// User and system together.
    pub total: Duration,
    /// The part of it in user mode, 0 to 1; split by clock ticks.
    pub user_share: f64,
}

impl Cpu {
    /// What was used since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Used {
        let user = self.user.saturating_sub(before.user);
        let system = self.system.saturating_sub(before.system);
        let ticks = user + system;
        let total = match (self.exact, before.exact) {
            // A thread that ended has taken its exact time with it: the ticks still count it.
            (Some(now), Some(then)) if now + 3 * tick() >= then + ticks => now.saturating_sub(then),
            _ => ticks,
        };
        let user_share =
            if ticks.is_zero() { 0.0 } else { user.as_secs_f64() / ticks.as_secs_f64() };
        Used { total, user_share }
    }
}

fn tick() -> Duration {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_secs(1) / u32::try_from(per_second).unwrap_or(100)
}

/// A process and all that descend from it, as they are now.
#[derive(Debug, Clone)]
pub struct Tree {
    pids: Vec<u32>,
}

impl Tree {
    /// Looks for the descendants of `root`. Reads all of /proc: not for a measured part.
    #[must_use]
    pub fn of(root: u32) -> Self {
        let mut parents = BTreeMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
            else {
                continue;
            };
            if let Some(stat) = read_stat(pid) {
                parents.insert(pid, stat.parent);
            }
        }
        Self { pids: descendants(root, &parents) }
    }

    /// This process alone.
    #[must_use]
    pub fn own() -> Self {
        Self { pids: vec![std::process::id()] }
    }

    /// CPU time so far.
    #[must_use]
    pub fn cpu(&self) -> Cpu {
        let mut sum = Cpu { exact: Some(Duration::ZERO), ..Cpu::default() };
        for &pid in &self.pids {
            if let Some(stat) = read_stat(pid) {
                sum.user += tick() * u32::try_from(stat.user).unwrap_or(u32::MAX);
                sum.system += tick() * u32::try_from(stat.system).unwrap_or(u32::MAX);
            }
            sum.exact = sum.exact.zip(exact(pid)).map(|(all, one)| all + one);
        }
        sum
    }

    /// Resident memory now, in bytes, summed over the processes (what they share counts for each).
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most resident memory so far, in bytes, summed.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> u64 {
        let of = |pid: &u32| {
            let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            kibibytes(&text, field).unwrap_or(0) * 1024
        };
        self.pids.iter().map(of).sum()
    }
}

fn descendants(root: u32, parents: &BTreeMap<u32, u32>) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        let children = parents.iter().filter(|&(pid, of)| *of == parent && !found.contains(pid));
        let children: Vec<u32> = children.map(|(&pid, _)| pid).collect();
        found.extend(children);
        at += 1;
    }
    found
}

/// Nanoseconds of all threads that run, from the scheduler's own statistics.
fn exact(pid: u32) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let file: PathBuf = thread.path().join("schedstat");
        match fs::read_to_string(&file) {
            Ok(text) => sum += running_time(&text)?,
            // Ended since it was listed, or a kernel without these statistics.
            Err(_) if thread.path().exists() => return None,
            Err(_) => {}
        }
    }
    Some(sum)
}

/// schedstat: nanoseconds run, nanoseconds waited, times run.
fn running_time(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// Clock ticks.
    user: u64,
    system: u64,
}

fn read_stat(pid: u32) -> Option<Stat> {
    stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `pid (name) state parent ... utime stime ...`; the name may hold spaces and parentheses.
fn stat(text: &str) -> Option<Stat> {
    let (_, after) = text.rsplit_once(')')?;
    let mut fields = after.split_whitespace();
    // proc(5) counts from 1 and the state is the third: parent 4, utime 14, stime 15.
    let parent = fields.nth(1)?.parse().ok()?;
    let user = fields.nth(9)?.parse().ok()?;
    let system = fields.next()?.parse().ok()?;
    Some(Stat { parent, user, system })
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How long a core has been busy, with whatever, since the machine began (clock ticks).
#[must_use]
pub fn core_busy(core: usize) -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    tick() * u32::try_from(busy(&text, core).unwrap_or(0)).unwrap_or(u32::MAX)
}

/// user nice system idle iowait irq softirq steal: all but idle, iowait and steal.
fn busy(stat: &str, core: usize) -> Option<u64> {
    let name = format!("cpu{core}");
    let line = stat.lines().find(|line| line.split_whitespace().next() == Some(&name))?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).map_while(|t| t.parse().ok()).collect();
    Some([0, 1, 2, 5, 6].iter().filter_map(|&at| ticks.get(at)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_everything_in_it() {
        let text = "42 (a) b (c)) S 7 42 42 0 -1 4194560 100 0 0 0 31 12 0 0 20 0 1 0 99 1 2";
        assert_eq!(stat(text), Some(Stat { parent: 7, user: 31, system: 12 }));
        for bad in ["", "42 (a", "42 (a) S", "42 (a) S x"] {
            assert_eq!(stat(bad), None, "{bad}");
        }
    }

    #[test]
    fn trees() {
        let parents = [(2, 1), (3, 2), (4, 2), (5, 4), (9, 8)].into_iter().collect();
        assert_eq!(descendants(2, &parents), [2, 3, 4, 5]);
        assert_eq!(descendants(9, &parents), [9]);
        assert_eq!(descendants(77, &parents), [77]);
    }

    #[test]
    fn fields() {
        assert_eq!(running_time("327379330 287067 27\n"), Some(Duration::from_nanos(327_379_330)));
        assert_eq!(running_time(""), None);
        let status = "Name:\tx\nVmHWM:\t    1200 kB\nVmRSS:\t     900 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(900));
        assert_eq!(kibibytes(status, "VmHWM:"), Some(1200));
        assert_eq!(kibibytes(status, "VmSwap:"), None);
        let stat = "cpu  9 9 9 9 9 9 9 9\ncpu0 1 2 3 1000 5 6 7 800 0 0\ncpu1 1 1 1 1 1 1 1 1\n";
        assert_eq!(busy(stat, 0), Some(19));
        assert_eq!(busy(stat, 1), Some(5));
        assert_eq!(busy(stat, 2), None);
    }

    #[test]
    fn exact_time_unless_a_thread_has_taken_it_away() {
        let ms = Duration::from_millis;
        let at = |exact, user, system| Cpu { exact, user: ms(user), system: ms(system) };
        let cases = [
            // (before, after, total ms, user share)
            (at(Some(ms(5)), 0, 10), at(Some(ms(1009)), 300, 710), 1004, 0.3),
            (at(Some(ms(500)), 400, 100), at(Some(ms(200)), 900, 200), 600, 500.0 / 600.0),
            (at(None, 0, 0), at(None, 20, 60), 80, 0.25),
            (at(Some(ms(5)), 0, 0), at(Some(ms(7)), 0, 0), 2, 0.0),
        ];
        for (before, after, total, share) in cases {
            let used = after.since(&before);
            assert_eq!(used.total, ms(total), "{before:?} {after:?}");
            assert!((used.user_share - share).abs() < 1e-9, "{used:?}");
        }
    }

    #[test]
    fn this_process() {
        let own = Tree::own();
        let before = own.cpu();
        let began = std::time::Instant::now();
        while began.elapsed() < ms(60) {
            std::hint::black_box(began);
        }
        // Other tests may run beside, or keep this one waiting.
        assert!(own.cpu().since(&before).total >= ms(10));
        assert!(own.resident() > 1 << 20 && own.peak() >= own.resident() / 2);
        assert!(Tree::of(std::process::id()).pids.contains(&std::process::id()));
        assert!(core_busy(0) > Duration::ZERO);
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }
}
