//! Started processes: on one core, in a folder of their own, stopped by their id whatever happens.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::{Found, Start};

/// How long a process may take to stop when asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// The processes that run now; each leads a group of its own.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Kills everything that was started here and has not ended: for panics and interrupts, where
/// nothing else may run any more.
pub fn kill_all() {
    for pid in std::mem::take(&mut *RUNNING.lock().unwrap_or_else(PoisonError::into_inner)) {
        kill_group(pid);
    }
}

fn kill_group(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        // It may have ended by itself.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Puts the calling thread, and what it starts, on a core.
///
/// # Errors
/// There is no such core, or it is not ours to use.
pub fn pin(core: usize) -> io::Result<()> {
    if core >= CpuSet::MAX_CPU {
        return Err(io::Error::other(format!("no core {core}")));
    }
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set)
        .map_err(|error| io::Error::other(format!("core {core} cannot be used: {error}")))
}

/// A started peer; stopped when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it on `core` (`None`: any) with its output in `folder`/output.log.
    ///
    /// # Errors
    /// The program cannot be started, or the core cannot be used.
    pub fn start(
        found: &Found,
        start: Start,
        folder: &Path,
        core: Option<usize>,
    ) -> io::Result<Self> {
        let output = File::create(folder.join("output.log"))?;
        let mut command = Command::new(&found.program);
        command
            .args(start.arguments)
            .envs(start.variables)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0);
        // A child is born on the core of the thread that starts it.
        let child = std::thread::scope(|scope| {
            let started = scope.spawn(|| {
                if let Some(core) = core {
                    pin(core)?;
                }
                let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
                let child = command.spawn()?;
                running.extend(i32::try_from(child.id()));
                Ok(child)
            });
            started.join().unwrap_or_else(|_| Err(io::Error::other("its start panicked")))
        });
        child.map(|child| Self { child }).map_err(|error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", found.program.display()))
        })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn stop(&mut self) {
        let pid = i32::try_from(self.child.id()).unwrap_or(0);
        if self.ended().is_none() {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::TERM);
            }
            let began = Instant::now();
            while self.ended().is_none() && began.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        // The rest of its group, and itself if it did not want to.
        kill_group(pid);
        let _ = self.child.wait();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (Found, Start) {
        let found = Found { program: "/bin/sh".into(), version: String::new() };
        (found, Start::new(["-c", script]).with("GREETING", "hello"))
    }

    /// Whether the process lives (one that only waits to be collected does not).
    fn lives(pid: &str) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
    }

    #[test]
    fn stops_it_and_its_children() {
        let folder = tempfile::tempdir().unwrap();
        // The shell does not pass the signal on, and its child ignores it.
        let script = "echo $GREETING; (trap '' TERM; echo $$ >shell; sleep 60) & echo $! >child; \
                      wait";
        let (found, start) = shell(script);
        let process = Process::start(&found, start, folder.path(), None).unwrap();
        let began = Instant::now();
        let child = loop {
            let read = std::fs::read_to_string(folder.path().join("child")).unwrap_or_default();
            if read.ends_with('\n') {
                break read.trim().to_owned();
            }
            assert!(began.elapsed() < Duration::from_secs(5));
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(lives(&child));
        drop(process);
        let began = Instant::now();
        while lives(&child) {
            assert!(began.elapsed() < Duration::from_secs(5), "{child} was left");
            std::thread::sleep(Duration::from_millis(5));
        }
        let said = std::fs::read_to_string(folder.path().join("output.log")).unwrap();
        assert_eq!(said, "hello\n");
    }

    #[test]
    fn starts_on_its_core_only() {
        let folder = tempfile::tempdir().unwrap();
        let (found, start) = shell("cat /proc/self/status");
        let mut process = Process::start(&found, start, folder.path(), Some(0)).unwrap();
        let began = Instant::now();
        while process.ended().is_none() {
            assert!(began.elapsed() < Duration::from_secs(5));
            std::thread::sleep(Duration::from_millis(5));
        }
        let said = std::fs::read_to_string(folder.path().join("output.log")).unwrap();
        let cores = said.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        assert_eq!(cores.map(str::trim), Some("0"), "{said}");
        let (found, start) = shell("exit 0");
        let error = Process::start(&found, start, folder.path(), Some(1_000_000)).unwrap_err();
        assert!(error.to_string().contains("1000000"), "{error}");
    }
}
