//! Buffers for copying, kept per thread: a flow has one only while bytes are on their way.

use std::cell::RefCell;

/// A buffer's size: larger ones copy no cheaper per byte. Bytes.
const SIZE: usize = 64 * 1024;
/// The size when [`OUT`] are in use, by receivers that are slow. Bytes.
const SMALL: usize = 8 * 1024;
/// Full-size buffers that a thread has in use at once.
const OUT: usize = 64;
/// Buffers that a thread keeps for the next user.
const KEPT: usize = 8;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { kept: Vec::new(), out: 0 }) };
}

#[derive(Debug)]
struct Pool {
    kept: Vec<Box<[u8]>>,
    out: usize,
}

/// Buffers of this thread that are in use now.
pub fn out() -> usize {
    POOL.with_borrow(|pool| pool.out)
}

/// A buffer in use; goes back to its thread when dropped.
#[derive(Debug)]
pub struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// An empty one.
    pub fn take() -> Self {
        let bytes = POOL.with_borrow_mut(|pool| {
            pool.out += 1;
            if pool.out > OUT { None } else { Some(pool.kept.pop()) }
        });
        let bytes = match bytes {
            Some(Some(kept)) => kept,
            Some(None) => vec![0; SIZE].into(),
            None => vec![0; SMALL].into(),
        };
        Self { bytes, start: 0, end: 0 }
    }

    /// Room to read into; [`Buffer::filled`] tells how much of it was used.
    pub fn room(&mut self) -> &mut [u8] {
        self.start = 0;
        self.end = 0;
        &mut self.bytes
    }

    /// So many bytes of the room hold something now. True: all of them.
    pub fn filled(&mut self, bytes: usize) -> bool {
        self.start = 0;
        self.end = bytes.min(self.bytes.len());
        self.end == self.bytes.len()
    }

    /// What is still to be written.
    pub fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// So many bytes of the rest were written.
    pub fn written(&mut self, bytes: usize) {
        self.start = self.start.saturating_add(bytes).min(self.end);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // At the thread's end the pool may be gone already.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            pool.out = pool.out.saturating_sub(1);
            if bytes.len() == SIZE && pool.kept.len() < KEPT {
                pool.kept.push(bytes);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut buffer = Buffer::take();
        assert_eq!(buffer.room().len(), SIZE);
        buffer.room()[..5].copy_from_slice(b"hello");
        assert!(!buffer.filled(5));
        assert_eq!(buffer.rest(), b"hello");
        buffer.written(2);
        assert_eq!(buffer.rest(), b"llo");
        buffer.written(3);
        assert_eq!(buffer.rest(), b"");
        assert!(buffer.filled(SIZE), "full");
        buffer.room();
        assert_eq!(buffer.rest(), b"", "the room is all of it");
    }

    #[test]
    fn many_in_use_are_small_and_few_are_kept() {
        let mut buffers: Vec<Buffer> = (0..=OUT).map(|_| Buffer::take()).collect();
        assert_eq!(out(), OUT + 1);
        let sizes: Vec<usize> = buffers.iter_mut().map(|buffer| buffer.room().len()).collect();
        assert_eq!(sizes.iter().filter(|size| **size == SIZE).count(), OUT);
        assert_eq!(sizes.last(), Some(&SMALL));
        drop(buffers);
        assert_eq!(out(), 0);
        assert_eq!(POOL.with_borrow(|pool| pool.kept.len()), KEPT);
        assert_eq!(Buffer::take().room().len(), SIZE);
    }
}
