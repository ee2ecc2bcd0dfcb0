//! Kernel pipes for splicing, kept per thread: bytes pass through them without being copied.
//!
//! Bytes in a pipe are kernel memory that no one accounts to us, and the kernel lets all processes
//! of a user share 64 MiB of pipes (`/proc/sys/fs/pipe-user-pages-soft`). So the whole process
//! takes at most half of that; whoever asks for more gets none and copies.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::pipe::{
    PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice,
};

/// The size to have while pipes are few: fewer and larger calls wake the receiver less often.
/// Bytes; the most that the kernel gives an ordinary user.
const LARGE: usize = 1024 * 1024;
/// The size once [`LARGE_ALL`] is used up. Bytes.
const MEDIUM: usize = 256 * 1024;
/// Below this copying is as quick. Bytes; what the kernel gives without being asked.
const LEAST: usize = 64 * 1024;
/// Up to this sum of sizes, pipes of the process are large. Bytes.
const LARGE_ALL: usize = 16 * 1024 * 1024;
/// The sum of all sizes in the process. Bytes.
const ALL: usize = 32 * 1024 * 1024;
/// Pipes that a thread keeps for the next user.
const KEPT: usize = 4;

/// Sizes of all open pipes of the process; touched when one is made or closed, not when it is used.
static SIZES: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool::new()) };
}

/// How a thread's pipes are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// In use now.
    pub out: usize,
    /// Empty and kept for the next user.
    pub kept: usize,
    /// How often one was taken since the thread began.
    pub taken: u64,
}

/// What this thread's pipes are doing.
pub fn counts() -> Counts {
    POOL.with_borrow(|pool| Counts { out: pool.out, kept: pool.kept.len(), taken: pool.taken })
}

#[derive(Debug)]
struct Pool {
    kept: Vec<Ends>,
    out: usize,
    taken: u64,
    #[cfg(test)]
    refusing: bool,
}

impl Pool {
    const fn new() -> Self {
        Self {
            kept: Vec::new(),
            out: 0,
            taken: 0,
            #[cfg(test)]
            refusing: false,
        }
    }
}

/// Makes [`take`] fail on this thread, as if there were no pipe left.
#[cfg(test)]
pub(super) fn refuse() {
    POOL.with_borrow_mut(|pool| {
        pool.kept.clear();
        pool.refusing = true;
    });
}

/// Both ends and their part of [`SIZES`].
#[derive(Debug)]
struct Ends {
    reader: OwnedFd,
    writer: OwnedFd,
    _size: Size,
}

/// A part of [`SIZES`], given back when dropped. Bytes.
#[derive(Debug)]
struct Size(usize);

impl Size {
    fn reserve(size: usize, limit: usize) -> Option<Self> {
        add_within(&SIZES, size, limit).then_some(Self(size))
    }
}

/// Adds if the sum stays within the limit.
fn add_within(sum: &AtomicUsize, more: usize, limit: usize) -> bool {
    let add = |sum: usize| sum.checked_add(more).filter(|sum| *sum <= limit);
    sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
}

impl Drop for Size {
    fn drop(&mut self) {
        SIZES.fetch_sub(self.0, Ordering::Relaxed);
    }
}

impl Ends {
    /// # Errors
    /// The process's share is used up, it has no descriptor left, or the kernel gives only tiny
    /// pipes because others have used up the user's share.
    fn make() -> io::Result<Self> {
        let size = Size::reserve(LARGE, LARGE_ALL)
            .or_else(|| Size::reserve(MEDIUM, ALL))
            .ok_or_else(|| io::Error::other("all pipes are in use"))?;
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        // A smaller pipe than wished for is no reason to copy.
        let got = fcntl_setpipe_size(&writer, size.0)
            .or_else(|_| fcntl_setpipe_size(&writer, MEDIUM))
            .or_else(|_| fcntl_getpipe_size(&writer))?;
        if got < LEAST {
            return Err(io::Error::other("the user's share of pipe memory is used up"));
        }
        Ok(Self { reader, writer, _size: size })
    }
}

/// A pipe in use. When dropped it goes back to its thread if it is empty, else it is closed
/// together with what it holds.
#[derive(Debug)]
pub struct Pipe {
    ends: Option<Ends>,
    held: usize,
}

impl Pipe {
    /// A pipe that is kept, or a new one.
    ///
    /// # Errors
    /// There is none to be had: copy.
    pub fn take() -> io::Result<Self> {
        POOL.with_borrow_mut(|pool| {
            #[cfg(test)]
            if pool.refusing {
                return Err(io::Error::other("the test says no"));
            }
            let ends = match pool.kept.pop() {
                Some(ends) => ends,
                None => Ends::make()?,
            };
            pool.out += 1;
            pool.taken = pool.taken.wrapping_add(1);
            Ok(Self { ends: Some(ends), held: 0 })
        })
    }

    /// Bytes inside.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Moves at most `most` bytes from a socket into the pipe; 0: the socket has ended. To be
    /// called when the pipe is empty: otherwise "would block" may also mean that it is full.
    ///
    /// # Errors
    /// The socket's; "would block" when nothing is there.
    pub fn fill(&mut self, from: impl AsFd, most: usize) -> io::Result<usize> {
        let Some(ends) = &self.ends else { return Ok(0) };
        let moved = retry(|| {
            splice(&from, None, &ends.writer, None, most.min(LARGE), SpliceFlags::NONBLOCK)
        })?;
        self.held = self.held.saturating_add(moved);
        Ok(moved)
    }

    /// Moves what the pipe holds into a socket, as far as it takes it.
    ///
    /// # Errors
    /// The socket's; "would block" when it takes nothing now.
    pub fn drain(&mut self, to: impl AsFd) -> io::Result<usize> {
        let Some(ends) = &self.ends else { return Ok(0) };
        let moved =
            retry(|| splice(&ends.reader, None, &to, None, self.held, SpliceFlags::NONBLOCK))?;
        self.held = self.held.saturating_sub(moved);
        Ok(moved)
    }
}

fn retry(mut call: impl FnMut() -> Result<usize, Errno>) -> io::Result<usize> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            done => return Ok(done?),
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let ends = self.ends.take();
        // At the thread's end the pool may be gone: then the pipe is closed.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            pool.out = pool.out.saturating_sub(1);
            if self.held == 0
                && pool.kept.len() < KEPT
                && let Some(ends) = ends
            {
                pool.kept.push(ends);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn sockets() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (one, listener.accept().unwrap().0)
    }

    #[test]
    fn an_empty_pipe_is_kept_and_a_full_one_is_not() {
        let (mut writer, reader) = sockets();
        let (mut end, to) = sockets();
        writer.write_all(b"hello").unwrap();
        let mut pipe = Pipe::take().unwrap();
        assert_eq!(counts(), Counts { out: 1, kept: 0, taken: 1 });
        // Blocking sockets: the first call waits for the bytes.
        reader.set_nonblocking(false).unwrap();
        assert_eq!(reader.peek(&mut [0; 5]).unwrap(), 5);
        assert_eq!(pipe.fill(&reader, 3).unwrap(), 3);
        assert_eq!(pipe.held(), 3);
        assert_eq!(pipe.drain(&to).unwrap(), 3);
        let mut got = [0; 3];
        end.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"hel");
        drop(pipe);
        assert_eq!(counts(), Counts { out: 0, kept: 1, taken: 1 });

        let mut pipe = Pipe::take().unwrap();
        assert_eq!(pipe.fill(&reader, 100).unwrap(), 2);
        drop(pipe);
        assert_eq!(counts(), Counts { out: 0, kept: 0, taken: 2 }, "it held two bytes");
    }

    #[test]
    fn few_are_kept() {
        let pipes: Vec<Pipe> = (0..KEPT + 2).map(|_| Pipe::take().unwrap()).collect();
        assert_eq!(counts().out, KEPT + 2);
        drop(pipes);
        assert_eq!(counts(), Counts { out: 0, kept: KEPT, taken: KEPT as u64 + 2 });
    }

    /// Sum before, what is added, the limit, whether it is.
    #[test]
    fn sums_stay_within_their_limit() {
        let table = [
            (0, 10, 10, true),
            (0, 11, 10, false),
            (9, 1, 10, true),
            (10, 1, 10, false),
            (20, 0, 10, false),
            (1, usize::MAX, usize::MAX, false),
        ];
        for (before, more, limit, added) in table {
            let sum = AtomicUsize::new(before);
            assert_eq!(add_within(&sum, more, limit), added, "{before} + {more} <= {limit}");
            let after = if added { before + more } else { before };
            assert_eq!(sum.into_inner(), after, "{before} + {more} <= {limit}");
        }
    }

    #[test]
    fn nothing_to_read_would_block() {
        let (_writer, reader) = sockets();
        reader.set_nonblocking(true).unwrap();
        let mut pipe = Pipe::take().unwrap();
        assert_eq!(pipe.fill(&reader, 10).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
