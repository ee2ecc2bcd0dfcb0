//! Replaced values are dropped later and elsewhere: taking a snapshot of 10,000 routers apart takes
//! milliseconds, which no data-plane thread has.
//!
//! The thread here has the last handle on a value as long as anybody else has one, so it is always
//! the one that drops. It looks often: while many changes follow each other, memory must not be
//! full of what was replaced.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use std::{io, thread};

use rustix::process::{getpriority_process, setpriority_process};

/// How much nicer this thread is than those of the data plane.
const NICENESS: i32 = 5;

/// A thread that keeps values until nobody else looks at them, and for a moment in any case.
#[derive(Debug)]
pub struct Retirement<T>(Sender<Arc<T>>);

impl<T: Send + Sync + 'static> Retirement<T> {
    /// `rest`: how long a value is kept at least, and how often it is looked at. The thread ends with the last value after the
    /// handle is dropped.
    pub fn start(rest: Duration) -> io::Result<Self> {
        let (sender, retiring) = channel();
        thread::Builder::new().name("retirement".into()).spawn(move || {
            // Where the system does not allow it, dropping is a little less considerate.
            let _ = getpriority_process(None)
                .and_then(|niceness| setpriority_process(None, niceness.saturating_add(NICENESS)));
            keep(&retiring, rest);
        })?;
        Ok(Self(sender))
    }

    /// Takes a value that has been replaced.
    pub fn retire(&self, value: Arc<T>) {
        // Without the thread it is dropped here, which is as good.
        let _ = self.0.send(value);
    }
}

fn keep<T>(retiring: &Receiver<Arc<T>>, rest: Duration) {
    let mut kept: Vec<(Instant, Arc<T>)> = Vec::new();
    loop {
        let next = match kept.is_empty() {
            true => retiring.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => retiring.recv_timeout(rest),
        };
        match next {
            Ok(value) => kept.push((Instant::now(), value)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        kept.retain(|(since, value)| since.elapsed() < rest || Arc::strong_count(value) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_when_nobody_looks_at_them() {
        let retirement = Retirement::start(Duration::from_millis(100)).expect("a thread");
        let values: Vec<_> = (0..3).map(Arc::new).collect();
        let gone: Vec<_> = values.iter().map(Arc::downgrade).collect();
        let used = Arc::clone(&values[2]);
        for value in values {
            retirement.retire(value);
        }
        let left = || gone.iter().filter(|value| value.strong_count() > 0).count();
        assert_eq!(left(), 3, "not at once");
        let wait = |wanted| {
            let start = Instant::now();
            while left() != wanted {
                assert!(start.elapsed() < Duration::from_secs(10), "{} left", left());
                thread::sleep(Duration::from_millis(5));
            }
        };
        wait(1);
        drop(used);
        wait(0);
    }
}
