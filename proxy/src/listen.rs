//! Step 1, sockets: one listener per entry point and data-plane thread, sharing the port.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Length of the kernel's queue of connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// Clients are probed after this much silence, so that dead peers are noticed.
const KEEPALIVE: Duration = Duration::from_secs(180);

/// Opens `count` listeners on one address with `SO_REUSEPORT`: the kernel spreads connections over
/// them.
///
/// `exclusive` refuses an address on which somebody listens already, which `SO_REUSEPORT` alone
/// would silently share. Options set here are inherited by accepted sockets, which saves system
/// calls for each of them.
pub fn listen(address: SocketAddr, count: usize, exclusive: bool) -> io::Result<Vec<TcpListener>> {
    let mut address = address;
    if exclusive && address.port() != 0 {
        let probe = socket(address)?;
        probe.bind(&address.into())?;
        probe.listen(1)?;
    }
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count.max(1) {
        let socket = socket(address)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from(socket);
        // A port chosen by the kernel holds for the listeners that follow.
        address.set_port(listener.local_addr()?.port());
        listeners.push(listener);
    }
    Ok(listeners)
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `[::]` serves IPv4 as well, as with Go.
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket)
}

/// A listener within a thread's event loop.
///
/// Asking the kernel for a connection that is not there makes it build a socket and throw it away,
/// a thirtieth of all that a short connection costs. Tokio's own listener asks so after each
/// connection; this one asks in a cheaper way whether there is another.
#[derive(Debug)]
pub struct Listener {
    /// The listening socket. Its type is the one by which tokio lets us say that there is nothing
    /// left; it is never read or written.
    socket: TcpStream,
    /// Whether an event told of connections, and the kernel was not seen without any since.
    told: Cell<bool>,
}

impl Listener {
    /// Takes a non-blocking listener into the event loop of this thread's runtime.
    ///
    /// # Errors
    /// The kernel watches no more sockets.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        let socket = TcpStream::from_std(OwnedFd::from(listener).into())?;
        Ok(Self { socket, told: Cell::new(false) })
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// What the kernel says of the connection, or of the process: `accept(2)`.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            self.socket.readable().await?;
            let accepted = self.socket.try_io(Interest::READABLE, || {
                if self.told.replace(true) && !self.has_queued() {
                    self.told.set(false);
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                let accepted = self.accept_now();
                if matches!(&accepted, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                    self.told.set(false);
                }
                accepted
            });
            match accepted {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => return accepted,
            }
        }
    }

    /// A connection that the kernel has accepted already.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`Listener::accept`].
    pub fn accept_now(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, peer) =
            acceptfrom_with(&self.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
        let peer = peer
            .and_then(|peer| SocketAddr::try_from(peer).ok())
            .ok_or(io::ErrorKind::ConnectionAborted)?;
        Ok((TcpStream::from_std(socket.into())?, peer))
    }

    fn has_queued(&self) -> bool {
        let mut socket = [PollFd::new(&self.socket, PollFlags::IN)];
        // In doubt the kernel is asked for a connection.
        poll(&mut socket, Some(&Timespec::default())).map_or(true, |ready| ready > 0)
    }
}

/// Has the kernel drop the first packets of new connections, while those whose handshake has begun
/// still arrive. Closing a listener resets what is between; after this and a moment's accepting
/// nothing is. Clients that come meanwhile try again by themselves and find whoever listens next.
pub fn turn_away(listener: &Listener) -> io::Result<()> {
    const LOAD_FLAGS: SockFilter = SockFilter::new(0x30, 0, 0, 13);
    const ONLY_SYN_AND_ACK: SockFilter = SockFilter::new(0x54, 0, 0, 0x12);
    const IS_SYN: SockFilter = SockFilter::new(0x15, 0, 1, 0x02);
    const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);
    const PASS: SockFilter = SockFilter::new(0x06, 0, 0, u32::MAX);
    // Classic BPF over the TCP header: byte 13 has the flags (RFC 9293 section 3.1).
    SockRef::from(&listener.socket).attach_filter(&[
        LOAD_FLAGS,
        ONLY_SYN_AND_ACK,
        IS_SYN,
        DROP,
        PASS,
    ])
}

/// Has the kernel probe a client that is silent.
pub fn probe(client: &TcpStream) -> io::Result<()> {
    SockRef::from(client).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))
}

/// Sets what a connection to a server needs: no delay, and probes well below the 900 s after which
/// IPVS forgets an idle connection.
pub fn prepare_upstream(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(Duration::from_secs(30))
            .with_interval(Duration::from_secs(15)),
    )
}
