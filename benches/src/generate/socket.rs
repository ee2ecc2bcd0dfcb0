//! Sockets of the generator: opened without waiting, from as many addresses as ports need.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, connect, recv, send,
    socket_with, sockopt,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections from one source address to one target: below what the kernel has ports for (its
/// default range has 28,232).
const PER_ADDRESS: usize = 20_000;

/// Begins a connection to `target` without waiting for it. The `place`th of those that are open
/// at a time takes the first source address that has a port for it, if the target is on
/// 127.0.0.0/8.
///
/// # Errors
/// The kernel refuses at once: no descriptor, no port, nobody listening.
pub(super) fn open(target: SocketAddr, place: usize) -> Result<OwnedFd, Errno> {
    let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    // Where the system paces (BBR), the load would cost more and come in other bursts than where it
    // does not. Refused, the system's own way stays.
    let _ = sockopt::set_tcp_congestion(&socket, "reno");
    if let Some(source) = source(target, place) {
        bind(&socket, &SocketAddr::from((source, 0)))?;
    }
    match connect(&socket, &target) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(socket),
        Err(error) => Err(error),
    }
}

/// The address to come from; `None`: the kernel chooses.
fn source(target: SocketAddr, place: usize) -> Option<Ipv4Addr> {
    let more = u8::try_from(place / PER_ADDRESS).ok().filter(|&more| more > 0)?;
    match target.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => Some(Ipv4Addr::new(127, 0, 1, more)),
        _ => None,
    }
}

/// What a socket gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Got {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// The end.
    End,
}

/// Reads into `buffer`.
///
/// # Errors
/// The connection is broken.
pub(super) fn read(socket: &OwnedFd, buffer: &mut [u8]) -> Result<Got, Errno> {
    receive(socket, buffer, RecvFlags::empty())
}

/// Takes up to `buffer.len()` bytes off the socket without copying them (Linux: `MSG_TRUNC` on
/// TCP). What the buffer holds then means nothing.
///
/// # Errors
/// The connection is broken.
pub(super) fn discard(socket: &OwnedFd, buffer: &mut [u8]) -> Result<Got, Errno> {
    receive(socket, buffer, RecvFlags::TRUNC)
}

fn receive(socket: &OwnedFd, buffer: &mut [u8], flags: RecvFlags) -> Result<Got, Errno> {
    loop {
        match recv(socket, &mut *buffer, flags) {
            Ok((_, 0)) => return Ok(Got::End),
            Ok((_, length)) => return Ok(Got::Bytes(length)),
            Err(Errno::WOULDBLOCK) => return Ok(Got::Nothing),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Sends as much of `bytes` as fits, and returns how much that was (0 also while the connection
/// is not made yet).
///
/// # Errors
/// The connection is broken.
pub(super) fn write(socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    loop {
        match send(socket, bytes, SendFlags::NOSIGNAL) {
            Ok(sent) => return Ok(sent),
            Err(Errno::WOULDBLOCK) => return Ok(0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Lets this process open as many files as it may at most.
pub(super) fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Refused, the limit stays: opening then tells.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_connections_come_from_many_addresses() {
        let here = SocketAddr::from(([127, 0, 0, 1], 80));
        let there = SocketAddr::from(([192, 0, 2, 1], 80));
        assert_eq!(source(here, 19_999), None);
        assert_eq!(source(here, 20_000), Some(Ipv4Addr::new(127, 0, 1, 1)));
        assert_eq!(source(here, 45_000), Some(Ipv4Addr::new(127, 0, 1, 2)));
        assert_eq!(source(there, 45_000), None);
    }
}
