//! A bare relay that parses nothing: what a proxy costs at least on this kernel. Each client
//! connection has its own upstream connection; bytes are copied to and fro.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::Start;
use super::find::Found;
use super::site::{Needs, Site};

const LISTENER: u64 = u64::MAX;
/// One read's room. A whole small request or answer fits; a large one takes few calls.
const ROOM: usize = 64 * 1024;

/// This program again, as `relay`.
pub fn find() -> Result<Found, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    Ok(Found { program, version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// It sees no requests: only loads where a client's connection can be a connection to the upstream.
pub fn can(needs: Needs) -> Result<(), &'static str> {
    let Needs { http, tls, http2, upgrade: _, log, live_file } = needs;
    if http || tls || http2 || log || live_file { Err("parses nothing") } else { Ok(()) }
}

/// How it is started.
pub fn prepare(site: &Site) -> Start {
    // --bench: as a cargo bench target the program does nothing without it.
    let (listen, upstream) = (site.plain.to_string(), site.upstream.to_string());
    Start::new(["--bench", "relay", listen.as_str(), upstream.as_str()])
}

/// One end of a pair: a socket, and what waits to be written to it.
struct End {
    socket: TcpStream,
    waiting: VecDeque<u8>,
    flags: EventFlags,
}

/// Listens and relays until the process is stopped.
///
/// # Errors
/// The address cannot be listened on, or epoll does not work.
pub fn serve(listen: SocketAddr, upstream: SocketAddr) -> io::Result<()> {
    Relay::new(TcpListener::bind(listen)?, upstream)?.run(|| false)
}

struct Relay {
    listener: TcpListener,
    upstream: SocketAddr,
    epoll: rustix::fd::OwnedFd,
    /// Ends 2n and 2n+1 belong together.
    ends: Vec<Option<End>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
}

impl Relay {
    fn new(listener: TcpListener, upstream: SocketAddr) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        let buffer = vec![0; ROOM];
        Ok(Self { listener, upstream, epoll, ends: Vec::new(), free: Vec::new(), buffer })
    }

    fn run(&mut self, stop: impl Fn() -> bool) -> io::Result<()> {
        let mut events = Vec::with_capacity(256);
        while !stop() {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Err(rustix::io::Errno::INTR) => continue,
                result => result?,
            };
            for event in &events {
                let (data, flags) = (event.data.u64(), event.flags);
                if data == LISTENER {
                    self.accept();
                } else if let Ok(at) = usize::try_from(data) {
                    // An error here is the pair's end, not the relay's.
                    if self.moved(at, flags).is_err() {
                        self.close(at);
                    }
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self) {
        while let Ok((client, _)) = self.listener.accept() {
            // A pair that cannot be made is a client that is hung up on.
            let _ = self.pair(client);
        }
    }

    fn pair(&mut self, client: TcpStream) -> io::Result<()> {
        let upstream = TcpStream::connect(self.upstream)?;
        let at = self.free.pop().unwrap_or_else(|| {
            self.ends.extend([None, None]);
            self.ends.len() - 2
        });
        for (at, socket) in [(at, client), (at + 1, upstream)] {
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            let flags = EventFlags::IN;
            epoll::add(&self.epoll, &socket, EventData::new_u64(at as u64), flags)?;
            self.ends[at] = Some(End { socket, waiting: VecDeque::new(), flags });
        }
        Ok(())
    }

    /// Something happened at an end: what it waited for is written, what it has is handed over.
    fn moved(&mut self, at: usize, seen: EventFlags) -> io::Result<()> {
        let Some([Some(first), Some(second)]) = self.ends.get_mut(at & !1..=at | 1) else {
            // Closed earlier in this batch.
            return Ok(());
        };
        let (here, there) = if at & 1 == 0 { (first, second) } else { (second, first) };
        if seen.contains(EventFlags::OUT) {
            while !here.waiting.is_empty() {
                match here.socket.write(here.waiting.as_slices().0) {
                    Ok(n) => drop(here.waiting.drain(..n)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
        if seen.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR)
            && there.waiting.is_empty()
        {
            match here.socket.read(&mut self.buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    let written = match there.socket.write(&self.buffer[..n]) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                        result => result?,
                    };
                    there.waiting.extend(&self.buffer[written..n]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        // Read only what can be handed on; be told of room only while something waits.
        let (here_waits, there_waits) = (!here.waiting.is_empty(), !there.waiting.is_empty());
        let wanted = |own: bool, other: bool| {
            let read = if other { EventFlags::empty() } else { EventFlags::IN };
            if own { read | EventFlags::OUT } else { read }
        };
        for (end, at, flags) in [
            (here, at, wanted(here_waits, there_waits)),
            (there, at ^ 1, wanted(there_waits, here_waits)),
        ] {
            if end.flags != flags {
                epoll::modify(&self.epoll, &end.socket, EventData::new_u64(at as u64), flags)?;
                end.flags = flags;
            }
        }
        Ok(())
    }

    fn close(&mut self, at: usize) {
        let first = at & !1;
        let mut was = false;
        for at in [first, first + 1] {
            // A closed socket leaves the epoll by itself.
            was |= self.ends.get_mut(at).is_some_and(|end| end.take().is_some());
        }
        if was {
            self.free.push(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn copies_more_than_fits_and_ends_with_its_client() {
        // An upstream that echoes.
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = upstream.local_addr().unwrap();
        let echo = std::thread::spawn(move || {
            let (socket, _) = upstream.accept().unwrap();
            io::copy(&mut socket.try_clone().unwrap(), &mut &socket).unwrap()
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let relay = std::thread::spawn(move || {
            Relay::new(listener, address).unwrap().run(|| seen.load(Ordering::Relaxed))
        });

        let size = 8 << 20;
        let client = TcpStream::connect(at).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let sender = client.try_clone().unwrap();
        let sent: Vec<u8> = (0..size).map(|i: u32| (i % 251) as u8).collect();
        let expected = sent.clone();
        let writer = std::thread::spawn(move || (&sender).write_all(&sent));
        // Let everything fill up first.
        std::thread::sleep(Duration::from_millis(50));
        let mut got = vec![0; expected.len()];
        (&client).read_exact(&mut got).unwrap();
        assert!(got == expected);
        writer.join().unwrap().unwrap();
        drop(client);
        assert_eq!(echo.join().unwrap(), u64::from(size));
        stop.store(true, Ordering::Relaxed);
        // Wakes it, so that it looks.
        let _ = TcpStream::connect(at);
        relay.join().unwrap().unwrap();
    }

    #[test]
    fn only_loads_without_requests() {
        assert!(can(Needs::default()).is_ok());
        assert!(can(Needs { upgrade: true, ..Needs::default() }).is_ok());
        assert!(can(Needs { http: true, ..Needs::default() }).is_err());
        assert!(can(Needs { tls: true, ..Needs::default() }).is_err());
    }
}
