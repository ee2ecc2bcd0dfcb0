//! Bytes kept as they arrive: the first of them in memory, the others in a file without a name.
//!
//! The file is unlinked when it is made, so it is gone whatever happens. It is read, written and closed
//! by helper threads: a disk may take its time.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::helpers::{self, Work};

/// The file is read and written in pieces of so many bytes.
const PIECE: usize = 64 * 1024;

/// And in larger ones the more of it there is, up to so many.
const LARGE_PIECE: usize = 256 * 1024;

/// Why bytes are kept no longer.
#[derive(Debug)]
pub(super) enum Refused {
    /// There are more than allowed.
    TooLarge,
    /// The file cannot be made or written.
    Disk(io::Error),
}

/// Bytes that arrive.
#[derive(Debug)]
pub(super) struct Store {
    /// At most so many bytes in all.
    most: u64,
    /// At most so many in memory.
    in_memory: usize,
    memory: Vec<u8>,
    /// Behind `memory`: what the file has not got yet.
    piece: Vec<u8>,
    file: Option<Rc<Spilled>>,
    written: u64,
}

/// Bytes that have arrived. Copies share them.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    memory: Bytes,
    /// And its length, bytes.
    file: Option<(Rc<Spilled>, u64)>,
}

/// Hands stored bytes out.
#[derive(Debug)]
pub(super) struct Replay {
    memory: Bytes,
    file: Option<Rc<Spilled>>,
    at: u64,
    end: u64,
    reading: Option<Reading>,
}

/// A piece on its way from the file.
struct Reading(Pin<Box<dyn Future<Output = io::Result<Vec<u8>>>>>);

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

/// A file as the data-plane thread holds it; helpers have it only while they read or write.
#[derive(Debug)]
struct Spilled(Arc<File>);

impl Drop for Spilled {
    /// Closing gives back all that was written, which takes the longer the more that was.
    fn drop(&mut self) {
        let file = Arc::clone(&self.0);
        if Handle::try_current().is_ok() {
            tokio::task::spawn_local(helpers::run(Work::Close, move || drop(file)));
        }
    }
}

/// How many bytes the piece has that begins here.
fn piece_at(place: u64) -> usize {
    usize::try_from(place).unwrap_or(LARGE_PIECE).clamp(PIECE, LARGE_PIECE)
}

impl Store {
    /// For at most `most` bytes, `in_memory` of them in memory; it grows as they arrive.
    pub(super) fn new(most: u64, in_memory: usize) -> Self {
        let (memory, piece) = (Vec::new(), Vec::new());
        Self { most, in_memory, memory, piece, file: None, written: 0 }
    }

    fn length(&self) -> u64 {
        self.written + (self.memory.len() + self.piece.len()) as u64
    }

    /// Keeps some more.
    pub(super) async fn put(&mut self, data: &[u8]) -> Result<(), Refused> {
        if self.length().saturating_add(data.len() as u64) > self.most {
            return Err(Refused::TooLarge);
        }
        let fits = self.in_memory.saturating_sub(self.memory.len()).min(data.len());
        let (first, mut rest) = data.split_at(fits);
        self.remember(first);
        while !rest.is_empty() {
            let whole = piece_at(self.written);
            let fits = whole.saturating_sub(self.piece.len()).min(rest.len());
            let (first, later) = rest.split_at(fits);
            self.piece.extend_from_slice(first);
            rest = later;
            if self.piece.len() >= whole {
                self.write().await.map_err(Refused::Disk)?;
            }
        }
        Ok(())
    }

    /// Grows by doubling, but never beyond what may be in memory.
    fn remember(&mut self, data: &[u8]) {
        let needed = self.memory.len() + data.len();
        if needed > self.memory.capacity() {
            let wanted = needed.max(self.memory.capacity() * 2).min(self.in_memory.max(needed));
            self.memory.reserve_exact(wanted - self.memory.len());
        }
        self.memory.extend_from_slice(data);
    }

    /// Has the piece written.
    async fn write(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        let file = self.file.as_ref().map(|spilled| Arc::clone(&spilled.0));
        let length = piece.len() as u64;
        let writing = helpers::run(Work::Body, move || {
            let file = match file {
                Some(file) => file,
                None => Arc::new(tempfile::tempfile()?),
            };
            (&*file).write_all(&piece)?;
            Ok::<_, io::Error>((file, piece))
        });
        let (file, mut piece) = writing.await??;
        piece.clear();
        self.piece = piece;
        self.file.get_or_insert_with(|| Rc::new(Spilled(file)));
        self.written += length;
        Ok(())
    }

    /// Everything has arrived.
    pub(super) async fn finish(mut self) -> io::Result<Stored> {
        if !self.piece.is_empty() {
            self.write().await?;
        }
        let written = self.written;
        Ok(Stored { memory: self.memory.into(), file: self.file.map(|file| (file, written)) })
    }
}

impl Stored {
    /// All bytes.
    pub(super) fn length(&self) -> u64 {
        let in_file = self.file.as_ref().map_or(0, |(_, length)| *length);
        in_file.saturating_add(self.memory.len() as u64)
    }

    /// The bytes, if all are in memory.
    pub(super) fn whole(&self) -> Option<&Bytes> {
        self.file.is_none().then_some(&self.memory)
    }

    /// From the first byte on.
    pub(super) fn replay(&self) -> Replay {
        let (file, end) = self.file.clone().map_or((None, 0), |(file, end)| (Some(file), end));
        Replay { memory: self.memory.clone(), file, at: 0, end, reading: None }
    }
}

impl Replay {
    /// How many bytes are left.
    pub(super) fn left(&self) -> u64 {
        (self.memory.len() as u64).saturating_add(self.end.saturating_sub(self.at))
    }

    /// The next bytes; `None`: it is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if !self.memory.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.memory))));
        }
        let left = self.end.saturating_sub(self.at);
        let (Some(spilled), true) = (&self.file, left > 0) else { return Poll::Ready(None) };
        let (at, whole) = (self.at, piece_at(self.at));
        let reading = self.reading.get_or_insert_with(|| {
            let file = Arc::clone(&spilled.0);
            let length = usize::try_from(left).unwrap_or(whole).min(whole);
            Reading(Box::pin(async move {
                helpers::run(Work::Body, move || read(&file, at, length)).await?
            }))
        });
        let read = ready!(reading.0.as_mut().poll(cx));
        self.reading = None;
        match &read {
            Ok(piece) => self.at += piece.len() as u64,
            // Nothing more comes.
            Err(_) => self.at = self.end,
        }
        Poll::Ready(Some(read.map(Bytes::from)))
    }
}

fn read(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; length];
    file.read_exact_at(&mut piece, at)?;
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::runtime::{Builder, LocalOptions};

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime =
            Builder::new_current_thread().enable_time().build_local(LocalOptions::default());
        runtime.unwrap().block_on(future)
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    async fn keep(data: &[u8], piece: usize, store: Store) -> Stored {
        let mut store = store;
        for piece in data.chunks(piece) {
            store.put(piece).await.unwrap();
        }
        store.finish().await.unwrap()
    }

    async fn all(mut replay: Replay) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(data) = poll_fn(|cx| replay.poll(cx)).await {
            all.extend_from_slice(&data.unwrap());
        }
        assert_eq!(replay.left(), 0);
        all
    }

    #[test]
    fn comes_back_as_it_went() {
        run(async {
            // Bytes, in pieces of, in memory, whether a file was needed.
            for (length, piece, in_memory, spilled) in [
                (0, 1, 10, false),
                (10, 3, 10, false),
                (11, 3, 10, true),
                (11, 100, 10, true),
                (PIECE + 10, 7000, 10, true),
                (3 * PIECE + 5, PIECE * 4, 1000, true),
                (LARGE_PIECE * 3 + 5, 100_000, 10, true),
                (1000, 1, 0, true),
            ] {
                let data = pattern(length);
                let stored = keep(&data, piece, Store::new(u64::MAX, in_memory)).await;
                assert_eq!(stored.length(), length as u64);
                assert_eq!(stored.whole().is_none(), spilled, "{length} {in_memory}");
                // More than once, and at the same time.
                let (one, other) = (stored.replay(), stored.replay());
                assert_eq!(one.left(), length as u64);
                assert!(all(one).await == data, "{length} {piece} {in_memory}");
                assert!(all(other).await == data, "{length} {piece} {in_memory}");
            }
        });
    }

    #[test]
    fn no_more_than_allowed() {
        run(async {
            for (in_memory, most) in [(100, 10), (5, 10), (0, 10)] {
                let mut store = Store::new(most, in_memory);
                store.put(&pattern(10)).await.unwrap();
                assert!(matches!(store.put(b"x").await, Err(Refused::TooLarge)));
                assert!(matches!(store.put(&pattern(1 << 20)).await, Err(Refused::TooLarge)));
            }
        });
    }

    #[test]
    fn memory_is_taken_as_it_is_needed() {
        run(async {
            let mut store = Store::new(u64::MAX, 1_000_000);
            store.put(b"x").await.unwrap();
            assert!(store.memory.capacity() < 100);
            for _ in 0..3000 {
                store.put(&pattern(1000)).await.unwrap();
                assert!(store.memory.capacity() <= 1_000_000);
                assert!(store.piece.capacity() <= 2 * LARGE_PIECE);
            }
            assert_eq!(store.memory.len(), 1_000_000);
        });
    }

    #[test]
    fn pieces_grow_with_the_file() {
        let mut places = vec![0];
        while places.len() < 6 {
            let place: u64 = places[places.len() - 1];
            places.push(place + piece_at(place) as u64);
        }
        let kib: Vec<u64> = places.iter().map(|place| place / 1024).collect();
        assert_eq!(kib, [0, 64, 128, 256, 512, 768]);
        assert_eq!(piece_at(u64::MAX), LARGE_PIECE);
        run(async {
            // What is kept before it is written is never more than the next piece.
            let mut store = Store::new(u64::MAX, 0);
            for _ in 0..100 {
                store.put(&pattern(10_000)).await.unwrap();
                assert!(store.piece.len() < piece_at(store.written));
            }
            assert_eq!(store.written, 768 * 1024);
        });
    }

    /// The data-plane thread would stand still while the disk gets its room back.
    #[test]
    fn files_are_closed_by_helpers() {
        run(async {
            let stored = keep(&pattern(100), 100, Store::new(u64::MAX, 10)).await;
            let (mut replay, again) = (stored.replay(), stored.clone());
            let file = Arc::downgrade(&stored.file.as_ref().unwrap().0.0);
            assert!(poll_fn(|cx| replay.poll(cx)).await.unwrap().is_ok());
            let turn = helpers::turns(Work::Close).acquire_owned().await.unwrap();
            drop((stored, again, replay));
            // No helper has a turn for it.
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(file.strong_count(), 1);
            drop(turn);
            while file.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
}
