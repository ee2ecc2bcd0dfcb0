//! Where bytes lie on their way: one read buffer per thread, and a few write buffers that travel.
//!
//! Connections hold no buffer while nothing is on its way. Reads of unknown size go into the
//! thread's one buffer, which stays in the processor's cache, and only what arrived is copied out.

use std::cell::RefCell;

/// Size of the thread's read buffer, bytes: most heads, and what came with them.
const SCRATCH: usize = 16 * 1024;

/// Write buffers kept per thread.
const KEPT: usize = 64;

/// A write buffer that grew beyond this is not kept, bytes.
const LARGEST_KEPT: usize = 32 * 1024;

/// Capacity of a new write buffer, bytes: most heads.
const NEW: usize = 1024;

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
    static WRITE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Lends the thread's read buffer. Only for the moment of one read.
pub fn with_scratch<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    READ.with_borrow_mut(|scratch| read(scratch))
}

/// An empty write buffer.
pub fn take() -> Vec<u8> {
    WRITE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(NEW))
}

/// Gives a write buffer back; what it holds is dropped.
pub fn give(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 || buffer.capacity() > LARGEST_KEPT {
        return;
    }
    buffer.clear();
    WRITE.with_borrow_mut(|kept| {
        if kept.len() < KEPT {
            kept.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_buffers_come_back_empty() {
        let mut buffer = take();
        buffer.extend_from_slice(b"secret");
        give(buffer);
        assert!(take().is_empty());
        give(Vec::with_capacity(LARGEST_KEPT + 1));
        assert!(take().capacity() <= LARGEST_KEPT);
        for _ in 0..2 * KEPT {
            give(Vec::with_capacity(NEW));
        }
        assert_eq!(WRITE.with_borrow(Vec::len), KEPT);
    }
}
