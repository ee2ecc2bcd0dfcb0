//! The log's own thread: lines go in through a bounded channel and are dropped rather than waited
//! for.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing::Level;

use super::format::Format;

/// Lines that may wait; at a few hundred bytes each, about a megabyte.
const WAITING: usize = 4096;
/// How long the end of the process may wait for a blocked terminal.
const PATIENCE: Duration = Duration::from_secs(1);

/// The log of this process.
static CURRENT: OnceLock<(Writer, Format)> = OnceLock::new();

enum Message {
    Line(String),
    Flush(SyncSender<()>),
}

/// The sending end.
#[derive(Clone)]
pub struct Writer {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread that writes to `sink`.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || write_all(&receiver, sink, &counter))?;
        Ok(Self { sender, dropped })
    }

    /// Hands a line over.
    pub fn line(&self, line: String) {
        if self.sender.try_send(Message::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything handed over so far is written.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.sender.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(PATIENCE);
        }
    }
}

fn write_all(receiver: &Receiver<Message>, mut sink: impl Write, dropped: &AtomicU64) {
    while let Ok(first) = receiver.recv() {
        // What waits is taken together and flushed once. A sink that fails (a closed pipe, a full
        // disk) loses its lines; the proxy goes on.
        for message in std::iter::once(first).chain(receiver.try_iter().take(WAITING)) {
            match message {
                Message::Line(line) => {
                    let _ = sink.write_all(line.as_bytes());
                }
                Message::Flush(done) => {
                    let _ = sink.flush();
                    let _ = done.try_send(());
                }
            }
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0
            && let Some((_, format)) = CURRENT.get()
        {
            let text = format!("the log could not keep up: {lost} lines were dropped");
            let _ = sink.write_all(format.message(Level::WARN, &text).as_bytes());
        }
        let _ = sink.flush();
    }
}

/// Makes this the log of the process, for [`flush`] and [`last_word`].
pub fn install(writer: Writer, format: Format) {
    let _ = CURRENT.set((writer, format));
}

/// See [`super::flush`].
pub fn flush() {
    if let Some((writer, _)) = CURRENT.get() {
        writer.flush();
    }
}

/// See [`super::fatal`].
pub fn last_word(message: &str) {
    match CURRENT.get() {
        Some((writer, format)) => {
            writer.line(format.message(Level::ERROR, message));
            writer.flush();
        }
        None => {
            let line = Format { json: false, colour: false }.message(Level::ERROR, message);
            let _ = io::stderr().lock().write_all(line.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn flush_waits_for_all_lines() {
        let sink = Sink::default();
        let writer = Writer::start(sink.clone()).unwrap();
        for number in 0..1000 {
            writer.line(format!("{number}\n"));
        }
        writer.flush();
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let expected: String = (0..1000).map(|number| format!("{number}\n")).collect();
        assert_eq!(text, expected);
    }

    #[test]
    fn a_blocked_sink_holds_nobody_up() {
        struct Blocked;
        impl Write for Blocked {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                loop {
                    std::thread::park();
                }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let writer = Writer::start(Blocked).unwrap();
        for _ in 0..WAITING + 100 {
            writer.line("x\n".into());
        }
        assert!(writer.dropped.load(Ordering::Relaxed) >= 99);
        writer.flush();
    }
}
