//! Free loopback ports that two test processes never pick at the same moment.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the kernel's range for outgoing connections, so that a client's own port never takes one.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// Held until the process ends: a UDP socket on an address that nobody else uses stands for "this
/// TCP port is taken by a test", and the kernel forgets it however the process ends.
static RESERVED: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A TCP port that is free on every address now and that no other test will pick while this
/// process lives.
///
/// # Panics
/// When no port is free, which on a test machine means that something else is wrong.
pub fn free() -> u16 {
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = (FIRST + start.wrapping_add(step) % COUNT) as u16;
        let reservation = SocketAddr::from((Ipv4Addr::new(127, 77, 77, 77), port));
        let Ok(reservation) = UdpSocket::bind(reservation) else { continue };
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_err() {
            continue;
        }
        RESERVED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(reservation);
        return port;
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn ports_differ() {
        let ports: BTreeSet<u16> = (0..50).map(|_| super::free()).collect();
        assert_eq!(ports.len(), 50);
    }
}
