//! The proxy (ours, or Traefik) as a child process: files and flags in, output and exit code out.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How a program is started: in a fresh temporary directory, with nothing of the caller's
/// environment but `PATH`.
#[derive(Debug)]
pub struct Launch {
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    directory: TempDir,
}

impl Launch {
    /// Prepares a run of `program`, which is an absolute path.
    ///
    /// # Panics
    /// When there is no room for a temporary directory.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { program: program.into(), arguments: Vec::new(), variables: Vec::new(), directory }
    }

    /// Writes a file into the working directory; `name` may have folders.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn file(self, name: &str, content: &str) -> Self {
        let path = self.directory.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("a folder in the temporary directory");
        }
        fs::write(path, content).expect("a file in the temporary directory");
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// The working directory, which is also `$HOME`.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts it.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start(self) -> Running {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.directory.path())
            .envs(self.variables)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start {}: {error}", self.program.display()),
        };
        let stdout = Captured::default();
        let stderr = Captured::default();
        let readers = vec![
            stdout.follow(child.stdout.take().expect("piped above")),
            stderr.follow(child.stderr.take().expect("piped above")),
        ];
        Running { child, directory: self.directory, stdout, stderr, readers }
    }

    /// Starts it and waits for its end.
    ///
    /// # Panics
    /// When it still runs after `limit` (it is killed), or cannot be started.
    pub fn run(self, limit: Duration) -> Finished {
        let mut running = self.start();
        let Some(status) = running.wait(limit) else {
            panic!("still running after {limit:?}; it said:\n{}", running.output());
        };
        running.finished(status)
    }
}

/// One stream of a child's output, filled by a thread.
#[derive(Clone, Debug, Default)]
struct Captured(Arc<Mutex<String>>);

impl Captured {
    fn follow(&self, stream: impl Read + Send + 'static) -> std::thread::JoinHandle<()> {
        let into = self.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
                into.lock().push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn text(&self) -> String {
        self.lock().clone()
    }
}

/// A running child; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    directory: TempDir,
    stdout: Captured,
    stderr: Captured,
    readers: Vec<std::thread::JoinHandle<()>>,
}

/// A child that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
    /// Its working directory, still there.
    pub directory: TempDir,
}

impl Finished {
    /// Standard output, then standard error.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl Running {
    /// Its working directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// What it wrote so far: standard output, then standard error.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout(), self.stderr())
    }

    /// Replaces a file of the working directory in one step, as an editor does.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn replace_file(&self, name: &str, content: &str) {
        let path = self.directory.path().join(name);
        let next = self.directory.path().join(format!("{name}.next"));
        fs::write(&next, content).expect("a file in the temporary directory");
        fs::rename(next, path).expect("renamed within one directory");
    }

    /// Waits until something accepts connections on `127.0.0.1:port`.
    ///
    /// # Panics
    /// When the process ends first, or after 20 seconds, with all it said.
    #[track_caller]
    pub fn wait_listening(&mut self, port: u16) {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        self.wait_until(&format!("listening on {address}"), |_| {
            TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
        });
    }

    /// Waits until its output contains `text`.
    ///
    /// # Panics
    /// As [`Running::wait_listening`].
    #[track_caller]
    pub fn wait_output(&mut self, text: &str) {
        self.wait_until(&format!("{text:?} in its output"), |running| {
            running.output().contains(text)
        });
    }

    /// Waits until `probe` is true.
    ///
    /// # Panics
    /// As [`Running::wait_listening`].
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, mut probe: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        loop {
            if probe(self) {
                return;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                self.join_readers();
                if probe(self) {
                    return;
                }
                panic!("it ended ({status}) before: {what}; it said:\n{}", self.output());
            }
            if start.elapsed() > Duration::from_secs(20) {
                panic!("20 s passed before: {what}; it said:\n{}", self.output());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal by name (`TERM`, `HUP`, `USR1`).
    ///
    /// # Panics
    /// When there is no `sh` to send it with.
    pub fn signal(&self, name: &str) {
        // The standard library can only kill, and this crate forbids unsafe code.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -s {name} {}", self.child.id())])
            .stderr(Stdio::null())
            .status();
        assert!(status.is_ok(), "sh: {status:?}");
    }

    /// Waits for its end; `None` when it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    self.join_readers();
                    return Some(status);
                }
                _ if start.elapsed() > limit => return None,
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    ///
    /// # Panics
    /// When it still runs after `limit`.
    #[track_caller]
    pub fn terminate(mut self, limit: Duration) -> Finished {
        self.signal("TERM");
        match self.wait(limit) {
            Some(status) => self.finished(status),
            None => panic!("still running {limit:?} after SIGTERM; it said:\n{}", self.output()),
        }
    }

    /// Resident memory in KiB, where `/proc` tells it.
    pub fn resident_kib(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse().ok())
            .ok_or_else(|| io::Error::other("no VmRSS"))
    }

    /// The processor time it has used, in hundredths of a second, where `/proc` tells it.
    pub fn processor_time(&self) -> io::Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may hold anything.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let of_both = fields.split_whitespace().skip(11).take(2);
        let times: Vec<u64> = of_both.filter_map(|field| field.parse().ok()).collect();
        match times[..] {
            [user, system] => Ok(user + system),
            _ => Err(io::Error::other("no times")),
        }
    }

    fn join_readers(&mut self) {
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }

    fn finished(mut self, status: ExitStatus) -> Finished {
        self.join_readers();
        let fresh = tempfile::tempdir().expect("a temporary directory");
        Finished {
            status,
            stdout: self.stdout(),
            stderr: self.stderr(),
            directory: std::mem::replace(&mut self.directory, fresh),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_both_streams_and_the_exit_code() {
        let finished = Launch::new("/bin/sh")
            .file("a/b.txt", "from a file\n")
            .args(["-c", "cat a/b.txt; echo $X >&2; exit 3"])
            .env("X", "from env")
            .run(Duration::from_secs(10));
        assert_eq!(finished.stdout, "from a file\n");
        assert_eq!(finished.stderr, "from env\n");
        assert_eq!(finished.status.code(), Some(3));
    }

    #[test]
    fn terminates_gracefully() {
        let mut running = Launch::new("/bin/sh")
            .args(["-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"])
            .start();
        running.wait_output("up");
        assert!(running.is_running());
        let finished = running.terminate(Duration::from_secs(10));
        assert_eq!(finished.stdout, "up\nbye\n");
        assert!(finished.status.success());
    }
}
