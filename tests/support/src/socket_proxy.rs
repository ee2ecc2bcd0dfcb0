//! A read-only proxy in front of an engine's socket: it lets `GET` and `HEAD` of given paths through,
//! refuses the rest with 403, and remembers what was asked.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A head that is longer is none of the engine's clients'.
const MOST_HEAD: u64 = 64 * 1024;

/// A running proxy. Its socket goes when it is dropped; open connections may outlive it.
#[derive(Debug)]
pub struct SocketProxy {
    path: PathBuf,
    shared: Arc<Shared>,
    _directory: tempfile::TempDir,
}

#[derive(Debug)]
struct Shared {
    engine: PathBuf,
    allowed: Vec<String>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    allowed: Vec<String>,
    refused: Vec<String>,
}

impl SocketProxy {
    /// Starts one in front of the engine's socket. A path stands without version; `*` in it stands
    /// for one part: `/containers/*/json`.
    ///
    /// # Errors
    /// The socket's.
    pub fn start(engine: &Path, allowed: &[&str]) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("read-only.sock");
        let listener = UnixListener::bind(&path)?;
        let shared = Arc::new(Shared {
            engine: engine.to_owned(),
            allowed: allowed.iter().map(|path| (*path).to_owned()).collect(),
            seen: Mutex::default(),
        });
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for client in listener.incoming().flatten() {
                    let shared = Arc::clone(&shared);
                    // A client that goes away is no news.
                    thread::spawn(move || drop(shared.serve(client)));
                }
            }
        });
        Ok(Self { path, shared, _directory: directory })
    }

    /// Its socket as `unix://...`.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// What was let through: method and path without version and query.
    pub fn allowed(&self) -> Vec<String> {
        self.shared.seen(|seen| seen.allowed.clone())
    }

    /// What was refused, in the same form.
    pub fn refused(&self) -> Vec<String> {
        self.shared.seen(|seen| seen.refused.clone())
    }
}

impl Shared {
    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One request; the engine is told to close behind it, so that no second one slips through.
    fn serve(&self, mut client: UnixStream) -> io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?.take(MOST_HEAD));
        let mut lines: Vec<String> = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim_end().is_empty() {
                break;
            }
            lines.push(line);
        }
        let first = lines.first().map(String::as_str).unwrap_or_default();
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = without_version(target.split('?').next().unwrap_or_default());
        let asked = format!("{method} {path}");
        let read_only = matches!(method, "GET" | "HEAD");
        if !(read_only && self.allowed.iter().any(|pattern| matches(pattern, path))) {
            self.seen(|seen| seen.refused.push(asked));
            let body = r#"{"message":"forbidden by the socket proxy"}"#;
            let length = body.len();
            return client.write_all(
                format!(
                    "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\
                     Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                )
                .as_bytes(),
            );
        }
        self.seen(|seen| seen.allowed.push(asked));
        let mut engine = UnixStream::connect(&self.engine)?;
        lines.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        lines.push("Connection: close\r\n\r\n".to_owned());
        engine.write_all(lines.concat().as_bytes())?;
        // The client's end ends the engine's work on it, too: streams of events.
        let (mut gone, ended) = (client.try_clone()?, engine.try_clone()?);
        thread::spawn(move || {
            let mut rest = [0; 1024];
            while matches!(gone.read(&mut rest), Ok(1..)) {}
            let _ = ended.shutdown(Shutdown::Both);
        });
        io::copy(&mut engine, &mut client)?;
        client.shutdown(Shutdown::Both)
    }
}

fn without_version(path: &str) -> &str {
    match path.strip_prefix("/v1.") {
        Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(path),
        None => path,
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(path).all(|(wanted, part)| *wanted == "*" || *wanted == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (pattern, path, expected) in [
            ("/services", "/services", true),
            ("/services", "/services/x", false),
            ("/containers/*/json", "/containers/abc/json", true),
            ("/containers/*/json", "/containers/abc/exec", false),
            ("/containers/*/json", "/containers/a/b/json", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
        assert_eq!(without_version("/v1.41/services"), "/services");
        assert_eq!(without_version("/version"), "/version");
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        let engine = crate::engine::Engine::start_temporary().unwrap();
        let proxy = SocketProxy::start(engine.path(), &["/version"]).unwrap();
        let ask = |first: &str| {
            let path = proxy.endpoint().replace("unix://", "");
            let mut stream = UnixStream::connect(path).unwrap();
            stream.write_all(format!("{first} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer.get(9..12).unwrap_or_default().to_owned()
        };
        assert_eq!(ask("GET /v1.41/version"), "200");
        assert_eq!(ask("POST /version"), "403");
        assert_eq!(ask("GET /services"), "403");
        assert_eq!(proxy.allowed(), ["GET /version"]);
        assert_eq!(proxy.refused(), ["POST /version", "GET /services"]);
        assert_eq!(engine.calls("GET /services"), 0);
    }
}
