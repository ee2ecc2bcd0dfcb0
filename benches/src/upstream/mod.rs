//! The upstream: an epoll server on one thread that answers from memory.
//!
//! `/small` (and any path that is not named here) has 12 bytes, `/1k` 1,024, `/1m` 1,048,576,
//! each with `Date`, `Content-Type` and `Content-Length`; with `Upgrade: websocket` each
//! WebSocket frame is echoed. Connections are kept alive as long as the client likes, any number.

mod answer;
mod echo;
mod request;
mod server;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, listen as queue, socket_with, sockopt,
};

/// Connections that may wait to be accepted (the kernel's `somaxconn` cuts it).
const QUEUE: i32 = 4096;

/// Listens on `address` (port 0: any free one) with a long queue. What it accepts sends at once
/// (`TCP_NODELAY` is inherited) and unpaced.
///
/// # Errors
/// The address is taken or not this machine's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    // As the generator does, for the same reason.
    let _ = sockopt::set_tcp_congestion(&socket, "reno");
    bind(&socket, &address)?;
    queue(&socket, QUEUE)?;
    Ok(TcpListener::from(socket))
}

/// Serves on the calling thread until `stop` is true (looked at ten times a second and after each
/// batch of events).
///
/// # Errors
/// epoll does not work. What clients do wrong closes their connection.
pub fn serve(listener: &TcpListener, stop: &AtomicBool) -> io::Result<()> {
    server::serve(listener, stop)
}

/// The upstream as a process of its own (`load upstream`): prints `listening on ADDRESS` and
/// serves until its standard input ends, so that it never outlives who started it with a pipe.
///
/// # Errors
/// As [`listen`] and [`serve`].
pub fn serve_until_input_ends(address: SocketAddr) -> io::Result<()> {
    let listener = listen(address)?;
    let mut output = io::stdout().lock();
    writeln!(output, "listening on {}", listener.local_addr()?)?;
    output.flush()?;
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    std::thread::Builder::new().name("input".to_owned()).spawn(move || {
        let mut buffer = [0; 256];
        let mut input = io::stdin().lock();
        while input.read(&mut buffer).is_ok_and(|length| length > 0) {}
        seen.store(true, Ordering::Relaxed);
    })?;
    serve(&listener, &stop)
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
            .spawn(move || serve(&listener, &seen))?;
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
