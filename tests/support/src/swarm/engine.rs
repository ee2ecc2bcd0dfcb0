//! The engine that `scripts/engine start` runs: its command line, its API, its namespaces.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Where that engine listens; the example stacks bind this path, so it is fixed.
const SOCKET: &str = "/var/run/docker.sock";

/// No `docker` command of a test takes longer than this.
const LIMIT: Duration = Duration::from_secs(180);

/// A running Docker Engine in swarm mode, started by `scripts/engine`. Any other engine on this
/// machine is somebody's own and never used.
#[derive(Clone, Debug)]
pub struct Engine {
    state: PathBuf,
}

impl Engine {
    /// The engine, if it runs and is a Swarm manager.
    ///
    /// # Errors
    /// Why there is none, in the words of a skipped test.
    pub fn find() -> Result<Self, String> {
        let state = std::env::var_os("SWARMGATE_ENGINE_DIR");
        let state = state.map_or_else(|| PathBuf::from("/tmp/swarmgate-engine"), PathBuf::from);
        let none = || "no engine (run scripts/engine start)".to_owned();
        let pid = std::fs::read_to_string(state.join("dockerd.pid")).map_err(|_| none())?;
        let name = std::fs::read_to_string(format!("/proc/{}/comm", pid.trim()));
        if name.map_err(|_| none())?.trim() != "dockerd" {
            return Err(none());
        }
        let engine = Self { state };
        match engine.get("/info")?.pointer("/Swarm/ControlAvailable") {
            Some(Value::Bool(true)) => Ok(engine),
            _ => Err("the engine is no Swarm manager (run scripts/engine start)".to_owned()),
        }
    }

    /// The path of its API socket.
    pub fn socket(&self) -> &'static str {
        SOCKET
    }

    /// The file of the namespace in which Swarm balances for a network. The engine keeps one per
    /// overlay network that has a task on this node.
    pub fn balancer_namespace(&self, network: &str) -> PathBuf {
        let short = network.get(..9).unwrap_or(network);
        self.state.join("run/netns").join(format!("lb_{short}"))
    }

    /// A command that sees the same tools as the engine (its choice of iptables) and this engine only.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = vec![self.state.join("bin")];
        folders.extend(std::env::split_paths(&path));
        let mut command = Command::new(program);
        command
            .env("PATH", std::env::join_paths(folders).unwrap_or(path))
            .env("DOCKER_HOST", format!("unix://{SOCKET}"))
            .env_remove("DOCKER_CONTEXT")
            .env_remove("DOCKER_TLS_VERIFY")
            .stdin(Stdio::null());
        command
    }

    /// Runs `docker <arguments>`; returns its standard output without the last newline.
    ///
    /// # Errors
    /// What it said, when it failed or took more than three minutes.
    pub fn try_docker(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = self.command("docker");
        command.args(arguments);
        run(command, None, LIMIT)
            .map_err(|error| format!("docker {}: {error}", arguments.join(" ")))
    }

    /// Like [`Engine::try_docker`], where a failure fails the test.
    ///
    /// # Panics
    /// When the command fails.
    #[track_caller]
    pub fn docker(&self, arguments: &[&str]) -> String {
        self.try_docker(arguments).unwrap_or_else(|error| panic!("{error}"))
    }

    /// `GET` on the engine's API.
    ///
    /// # Errors
    /// A broken connection, a status outside 2xx, or a body that is no JSON.
    pub fn get(&self, path: &str) -> Result<Value, String> {
        self.send("GET", path, None)
    }

    /// `POST` of a JSON body on the engine's API.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.send("POST", path, Some(body))
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let failed =
            |error: &dyn std::fmt::Display| format!("{method} {path} on {SOCKET}: {error}");
        let mut stream = UnixStream::connect(SOCKET).map_err(|error| failed(&error))?;
        let limit = Some(Duration::from_secs(10));
        stream.set_read_timeout(limit).map_err(|error| failed(&error))?;
        stream.set_write_timeout(limit).map_err(|error| failed(&error))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let length = body.len();
        // HTTP/1.0: the body ends with the connection, there is no framing to take apart.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .map_err(|error| failed(&error))?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(|error| failed(&error))?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if !head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
            return Err(failed(&format!("{head}\n{body}")));
        }
        match body.trim() {
            "" => Ok(Value::Null),
            body => serde_json::from_str(body).map_err(|error| failed(&error)),
        }
    }

    /// The host's own address on the bridge through which every task reaches the outside.
    ///
    /// # Panics
    /// When the engine has no such bridge.
    pub fn gateway(&self) -> String {
        self.docker(&[
            "network",
            "inspect",
            "docker_gwbridge",
            "--format",
            "{{(index .IPAM.Config 0).Gateway}}",
        ])
    }

    /// The folder of a volume on the host; the volume is made if it is not there.
    ///
    /// # Panics
    /// When the engine refuses.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.docker(&["volume", "create", name]);
        self.docker(&["volume", "inspect", name, "--format", "{{.Mountpoint}}"]).into()
    }
}

/// Runs a command to its end; returns its standard output without the last newline.
///
/// # Errors
/// Its output when it failed; a word about time when it was killed for taking longer than `limit`.
pub fn run(mut command: Command, input: Option<&str>, limit: Duration) -> Result<String, String> {
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        // A command that does not read all of it says itself what is wrong.
        let _ = stdin.write_all(input.as_bytes());
    }
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let start = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if start.elapsed() > limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("killed after {limit:?}"));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let stdout = stdout.join().unwrap_or_default();
    let stderr = stderr.join().unwrap_or_default();
    if status.success() {
        Ok(stdout.trim_end().to_owned())
    } else {
        Err(format!("{status}\n{stdout}{stderr}"))
    }
}

/// Reads a stream to its end on a thread of its own, so that a full pipe never blocks the child.
fn drain(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Runs a script of the repository in `root` and returns its output. Half an hour is allowed, since
/// scripts build.
///
/// # Panics
/// When the script fails.
#[track_caller]
pub fn script(engine: &Engine, root: &Path, name: &str, arguments: &[&str]) -> String {
    let mut command = engine.command(root.join("scripts").join(name));
    command.args(arguments).current_dir(root);
    match run(command, None, Duration::from_secs(1800)) {
        Ok(output) => output,
        Err(error) => panic!("scripts/{name}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn commands_answer_fail_or_are_killed() {
        let limit = Duration::from_secs(10);
        assert_eq!(run(shell("echo a; echo b >&2"), None, limit), Ok("a".to_owned()));
        assert_eq!(run(shell("cat"), Some("in"), limit), Ok("in".to_owned()));
        let failed = run(shell("echo why >&2; exit 3"), None, limit).unwrap_err();
        assert!(failed.contains("exit status: 3") && failed.contains("why"), "{failed}");
        let killed = run(shell("exec sleep 30"), None, Duration::from_millis(50)).unwrap_err();
        assert_eq!(killed, "killed after 50ms");
        // More than a pipe holds.
        let much = run(shell("head -c 200000 /dev/zero | tr '\\0' x"), None, limit).unwrap();
        assert_eq!(much.len(), 200_000);
    }
}
