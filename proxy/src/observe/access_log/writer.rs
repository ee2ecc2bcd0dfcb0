//! From the data-plane threads' buffers to the file: one writer thread.
//!
//! A producer locks only its own buffer, which nobody else touches but the writer, some hundred
//! times a second at most. It wakes the writer once per batch, not once per line.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Buffers; threads beyond this number share them.
const SHARDS: usize = 32;

/// What one buffer may hold before lines are dropped, in bytes.
const SHARD_LIMIT: usize = 1 << 20;

/// What a buffer keeps allocated once it was written, in bytes.
const KEPT_CAPACITY: usize = 64 << 10;

/// How long a batch gathers.
const GATHER: Duration = Duration::from_millis(10);

/// How long [`Writer::flush`] waits for a slow output.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often trouble with the output is told.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// Where lines go.
pub(super) struct Output {
    sink: Sink,
}

enum Sink {
    Stdout,
    File { path: PathBuf, file: File },
}

impl Output {
    pub fn stdout() -> Self {
        Self { sink: Sink::Stdout }
    }

    pub fn file(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        Ok(Self { sink: Sink::File { path: path.to_owned(), file } })
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(lines)?;
                stdout.flush()
            }
            Sink::File { file, .. } => file.write_all(lines),
        }
    }

    /// On failure the old file stays in use.
    fn reopen(&mut self) -> io::Result<()> {
        if let Sink::File { path, file } = &mut self.sink {
            *file = open(path)?;
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let opened = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        OpenOptions::new().append(true).create(true).mode(0o664).open(path)
    };
    opened().map_err(|error| {
        io::Error::new(error.kind(), format!("access log {}: {error}", path.display()))
    })
}

/// The producers' side; dropping it writes what is left and ends the thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    shards: [Mutex<Shard>; SHARDS],
    /// Set by the first line of a batch.
    pending: AtomicBool,
    reopen: AtomicBool,
    stop: AtomicBool,
    /// Flushes asked for, and those done.
    asked: AtomicU64,
    done: Mutex<u64>,
    progress: Condvar,
}

#[derive(Default)]
struct Shard {
    lines: Vec<u8>,
    dropped: u64,
}

thread_local! {
    static SHARD: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The calling thread's buffer.
fn shard_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    SHARD.with(|own| {
        let number = own.get().unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        own.set(Some(number));
        number
    })
}

impl Writer {
    pub fn start(output: Output) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            shards: Default::default(),
            pending: AtomicBool::new(false),
            reopen: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            done: Mutex::new(0),
            progress: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("access-log".into())
            .spawn(move || theirs.run(output))?
            .thread()
            .clone();
        Ok(Self { shared, thread })
    }

    /// Lets `format` append one line to the thread's buffer, unless that is full.
    pub fn append(&self, format: impl FnOnce(&mut Vec<u8>)) {
        let Some(shard) = self.shared.shards.get(shard_number()) else { return };
        {
            let mut shard = lock(shard);
            if shard.lines.len() >= SHARD_LIMIT {
                shard.dropped = shard.dropped.saturating_add(1);
                return;
            }
            format(&mut shard.lines);
        }
        let pending = &self.shared.pending;
        if !pending.load(Ordering::SeqCst) && !pending.swap(true, Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    pub fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }

    pub fn flush(&self) {
        let number = self.shared.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.thread.unpark();
        let done = lock(&self.shared.done);
        // On a timeout the output hangs; there is nothing to be gained by waiting on.
        let _ = self.shared.progress.wait_timeout_while(done, PATIENCE, |done| *done < number);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.flush();
        self.shared.stop.store(true, Ordering::SeqCst);
        // Not joined: a hanging output must not hang the stop.
        self.thread.unpark();
    }
}

impl Shared {
    fn run(&self, mut output: Output) {
        let mut spare = Vec::new();
        let mut trouble = Trouble::default();
        loop {
            let asked = self.asked.load(Ordering::SeqCst);
            let urgent = || {
                self.stop.load(Ordering::SeqCst)
                    || self.reopen.load(Ordering::SeqCst)
                    || self.asked.load(Ordering::SeqCst) != asked
            };
            let hurry = *lock(&self.done) < asked;
            if !hurry && !urgent() {
                if self.pending.load(Ordering::SeqCst) {
                    thread::park_timeout(GATHER);
                } else {
                    thread::park();
                    continue;
                }
            }
            self.pending.store(false, Ordering::SeqCst);
            for shard in &self.shards {
                let dropped = {
                    let mut shard = lock(shard);
                    std::mem::swap(&mut shard.lines, &mut spare);
                    std::mem::take(&mut shard.dropped)
                };
                trouble.dropped = trouble.dropped.saturating_add(dropped);
                if !spare.is_empty()
                    && let Err(error) = output.write(&spare)
                {
                    trouble.error = Some(error);
                }
                spare.clear();
                // A burst must not hold memory for ever.
                spare.shrink_to(KEPT_CAPACITY);
            }
            if self.reopen.swap(false, Ordering::SeqCst) {
                match output.reopen() {
                    Ok(()) => tracing::info!("the access log file was reopened"),
                    Err(error) => tracing::error!("{error}; the old file stays in use"),
                }
            }
            trouble.tell();
            *lock(&self.done) = asked;
            self.progress.notify_all();
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

/// What went wrong since it was last told.
#[derive(Default)]
struct Trouble {
    dropped: u64,
    error: Option<io::Error>,
    told: Option<Instant>,
}

impl Trouble {
    fn tell(&mut self) {
        if (self.dropped == 0 && self.error.is_none())
            || self.told.is_some_and(|at| at.elapsed() < COMPLAINTS)
        {
            return;
        }
        if let Some(error) = self.error.take() {
            tracing::error!("the access log cannot be written, lines are lost: {error}");
        }
        if self.dropped > 0 {
            tracing::warn!(
                "{} access log lines were dropped because the output is too slow",
                std::mem::take(&mut self.dropped)
            );
        }
        self.told = Some(Instant::now());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn lines_of_all_threads_arrive_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/access.log");
        let writer = Writer::start(Output::file(&path).unwrap()).unwrap();
        thread::scope(|scope| {
            for name in ["one", "two", "three"] {
                let writer = &writer;
                scope.spawn(move || {
                    for number in 0..1_000 {
                        writer.append(|line| {
                            line.extend_from_slice(format!("{name} {number}\n").as_bytes());
                        });
                    }
                });
            }
        });
        writer.flush();
        let text = read(&path);
        assert_eq!(text.lines().count(), 3_000);
        for name in ["one", "two", "three"] {
            let numbers: Vec<usize> = text
                .lines()
                .filter_map(|line| line.strip_prefix(name)?.trim().parse().ok())
                .collect();
            assert!(numbers.iter().copied().eq(0..1_000), "{name}");
        }
    }

    #[test]
    fn lines_arrive_without_a_flush() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let writer = Writer::start(Output::file(&path).unwrap()).unwrap();
        for number in 1..=3 {
            writer.append(|line| line.extend_from_slice(b"x\n"));
            let deadline = Instant::now() + Duration::from_secs(5);
            while read(&path).lines().count() < number && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(2));
            }
            assert_eq!(read(&path).lines().count(), number);
        }
    }

    #[test]
    fn dropping_writes_what_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let writer = Writer::start(Output::file(&path).unwrap()).unwrap();
        writer.append(|line| line.extend_from_slice(b"last\n"));
        drop(writer);
        assert_eq!(read(&path), "last\n");
    }

    #[test]
    fn reopening_follows_a_rotation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let rotated = directory.path().join("access.log.1");
        let writer = Writer::start(Output::file(&path).unwrap()).unwrap();
        writer.append(|line| line.extend_from_slice(b"old\n"));
        writer.flush();
        fs::rename(&path, &rotated).unwrap();
        writer.append(|line| line.extend_from_slice(b"still old\n"));
        writer.reopen();
        writer.flush();
        writer.append(|line| line.extend_from_slice(b"new\n"));
        writer.flush();
        assert_eq!(read(&rotated), "old\nstill old\n");
        assert_eq!(read(&path), "new\n");
    }

    #[test]
    fn a_full_buffer_drops_and_counts() {
        // Nobody drains this one.
        let shared = Arc::new(Shared {
            shards: Default::default(),
            pending: AtomicBool::new(true),
            reopen: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            done: Mutex::new(0),
            progress: Condvar::new(),
        });
        let writer = Writer { shared: Arc::clone(&shared), thread: thread::current() };
        for _ in 0..SHARD_LIMIT / 1_000 + 10 {
            writer.append(|line| line.resize(line.len() + 1_000, b'x'));
        }
        let held: usize = shared.shards.iter().map(|shard| lock(shard).lines.len()).sum();
        let dropped: u64 = shared.shards.iter().map(|shard| lock(shard).dropped).sum();
        assert!((SHARD_LIMIT..SHARD_LIMIT + 1_000).contains(&held), "{held}");
        assert!((8..=10).contains(&dropped), "{dropped}");
        // Let `drop` see its flush done at once.
        *lock(&shared.done) = u64::MAX;
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error = Output::file(directory.path()).err().unwrap();
        let expected = format!("access log {}: ", directory.path().display());
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}
