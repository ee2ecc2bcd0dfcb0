//! A relay in front of the engine's socket: it counts the calls, and can cut the engine off.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{ReadHalf, WriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// What becomes of connections to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// They reach it.
    Open,
    /// Nothing moves on them until the door is open again: an engine that is stopped, or too busy.
    Held,
    /// Nothing will ever move on them again, also not later: a network that has lost their state.
    Lost,
    /// They are closed, and new ones refused: an engine that is down.
    Refused,
}

/// A call that somebody made.
#[derive(Clone, Debug)]
pub struct Call {
    /// When its head had arrived.
    pub at: Instant,
    /// Method and path, without version and query: `GET /services`.
    pub what: String,
}

/// A Unix socket behind which the engine is; gone when dropped.
#[derive(Debug)]
pub struct EngineRelay {
    path: PathBuf,
    door: watch::Sender<Door>,
    calls: Arc<Mutex<Vec<Call>>>,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _directory: TempDir,
}

impl EngineRelay {
    /// Listens in front of the socket `engine`, with an open door.
    ///
    /// # Errors
    /// No room for a directory, a socket or a thread.
    pub fn start(engine: &Path) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("docker.sock");
        let (door, watched) = watch::channel(Door::Open);
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = tokio::sync::oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Bound before anybody is told of it.
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(&path)?
        };
        let way = Way { path: path.clone(), engine: engine.to_owned(), calls: Arc::clone(&calls) };
        let thread = std::thread::Builder::new().name("engine relay".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, way, watched) => {}
                    _ = ended => {}
                }
            });
        })?;
        let thread = Some(thread);
        Ok(Self { path, door, calls, end: Some(end), thread, _directory: directory })
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The socket as a provider's `endpoint`.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// Opens or shuts the door; takes effect at once.
    pub fn set(&self, door: Door) {
        self.door.send_replace(door);
    }

    /// The calls so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }

    /// How many calls were made from `from` until `to`.
    pub fn count(&self, from: Instant, to: Instant) -> usize {
        lock(&self.calls).iter().filter(|call| call.at >= from && call.at < to).count()
    }
}

impl Drop for EngineRelay {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock(calls: &Mutex<Vec<Call>>) -> MutexGuard<'_, Vec<Call>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From where to where, and where calls are noted.
#[derive(Clone)]
struct Way {
    path: PathBuf,
    engine: PathBuf,
    calls: Arc<Mutex<Vec<Call>>>,
}

/// Accepts for ever; while connections are refused there is no socket.
async fn serve(listener: UnixListener, way: Way, door: watch::Receiver<Door>) {
    let mut listener = Some(listener);
    loop {
        let Some(open) = &listener else {
            is(door.clone(), Door::Open).await;
            listener = UnixListener::bind(&way.path).ok();
            continue;
        };
        tokio::select! {
            accepted = open.accept() => {
                if let Ok((client, _)) = accepted {
                    tokio::spawn(connection(client, way.clone(), door.clone()));
                }
            }
            () = is(door.clone(), Door::Refused) => {
                listener = None;
                let _ = std::fs::remove_file(&way.path);
            }
        }
    }
}

/// Waits for the door to be like this; for ever when nobody moves it any more.
async fn is(mut door: watch::Receiver<Door>, wanted: Door) {
    if door.wait_for(|door| *door == wanted).await.is_err() {
        std::future::pending().await
    }
}

/// One connection, until either side ends it or the door closes it.
async fn connection(mut client: UnixStream, way: Way, door: watch::Receiver<Door>) {
    let Ok(mut engine) = UnixStream::connect(&way.engine).await else { return };
    let lost = {
        let ((from_client, to_client), (from_engine, to_engine)) = (client.split(), engine.split());
        let mut heads = Heads::default();
        let note = |bytes: &[u8]| {
            let at = Instant::now();
            heads.read(bytes, |what| lock(&way.calls).push(Call { at, what }));
        };
        tokio::select! {
            // The engine may still answer a client that has nothing more to ask.
            () = async {
                tokio::join!(
                    pass(from_client, to_engine, door.clone(), note),
                    pass(from_engine, to_client, door.clone(), |_| ()),
                );
            } => false,
            () = is(door.clone(), Door::Refused) => false,
            () = is(door.clone(), Door::Lost) => true,
        }
    };
    if lost {
        // Stays open and silent until the client gives up.
        let mut nowhere = [0; 4096];
        while matches!(client.read(&mut nowhere).await, Ok(1..)) {}
    }
}

/// Moves bytes while the door is open; hands the end on.
async fn pass(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    door: watch::Receiver<Door>,
    mut note: impl FnMut(&[u8]),
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        is(door.clone(), Door::Open).await;
        let Some(bytes) = buffer.get(..read) else { return };
        note(bytes);
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// Finds the heads in a stream of requests.
#[derive(Default)]
struct Heads {
    head: Vec<u8>,
    /// Bytes of a body that are still to come.
    body: usize,
}

impl Heads {
    fn read(&mut self, mut bytes: &[u8], mut found: impl FnMut(String)) {
        while !bytes.is_empty() {
            let skipped = self.body.min(bytes.len());
            self.body -= skipped;
            bytes = &bytes[skipped..];
            let Some((byte, rest)) = bytes.split_first() else { return };
            self.head.push(*byte);
            bytes = rest;
            if !self.head.ends_with(b"\r\n\r\n") {
                continue;
            }
            let head = String::from_utf8_lossy(&std::mem::take(&mut self.head)).into_owned();
            let mut lines = head.lines();
            found(shorten(lines.next().unwrap_or_default()));
            let length = lines.find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            self.body = length.unwrap_or(0);
        }
    }
}

/// `GET /v1.41/tasks?filters=... HTTP/1.1` -> `GET /tasks`.
fn shorten(line: &str) -> String {
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let path = match path.strip_prefix("/v1.") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => path,
    };
    format!("{method} {path}")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener as Listener, UnixStream as Stream};
    use std::time::Duration;

    use super::*;
    use crate::eventually::eventually;

    #[test]
    fn heads_are_found_however_they_are_cut() {
        let text = b"GET /v1.41/tasks?filters=a HTTP/1.1\r\nHost: a\r\n\r\nPOST /x HTTP/1.1\r\n\
                     Content-Length: 5\r\n\r\n\r\n\r\nxHEAD /_ping HTTP/1.1\r\n\r\n";
        for size in [1, 7, text.len()] {
            let (mut heads, mut found) = (Heads::default(), Vec::new());
            for piece in text.chunks(size) {
                heads.read(piece, |what| found.push(what));
            }
            assert_eq!(found, ["GET /tasks", "POST /x", "HEAD /_ping"], "pieces of {size}");
        }
    }

    /// An engine that sends back what it gets.
    fn echo() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("engine.sock");
        let listener = Listener::bind(&path).unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut buffer = [0; 64];
                    while let Ok(read @ 1..) = stream.read(&mut buffer) {
                        stream.write_all(&buffer[..read]).unwrap();
                    }
                });
            }
        });
        (directory, path)
    }

    fn ask(stream: &mut Stream) -> io::Result<u8> {
        stream.set_read_timeout(Some(Duration::from_millis(300)))?;
        stream.write_all(b"x")?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok(answer[0])
    }

    #[test]
    fn the_door_holds_loses_or_refuses() {
        let (_directory, engine) = echo();
        let relay = EngineRelay::start(&engine).unwrap();
        for (door, survives) in [(Door::Held, true), (Door::Lost, false), (Door::Refused, false)] {
            let mut before = Stream::connect(relay.path()).unwrap();
            assert_eq!(ask(&mut before).unwrap(), b'x', "{door:?}");
            relay.set(door);
            assert!(ask(&mut before).is_err(), "{door:?}");
            if door == Door::Refused {
                // The socket goes on another thread.
                eventually("nobody is let in", Duration::from_secs(5), || {
                    Stream::connect(relay.path()).map_or(Ok(()), |_| Err("let in".to_owned()))
                });
            }
            let mut during = Stream::connect(relay.path());
            assert_eq!(during.is_ok(), door != Door::Refused, "{door:?}");
            if let Ok(during) = &mut during {
                assert!(ask(during).is_err(), "{door:?}");
            }
            relay.set(Door::Open);
            assert_eq!(ask(&mut before).is_ok(), survives, "{door:?}");
            if let Ok(during) = &mut during {
                assert_eq!(ask(during).is_ok(), survives, "{door:?}");
            }
            let mut after = loop {
                // The socket is made anew on another thread.
                if let Ok(after) = Stream::connect(relay.path()) {
                    break after;
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            assert_eq!(ask(&mut after).unwrap(), b'x', "{door:?}");
        }
    }
}
