//! Tunnels over real sockets: what goes in comes out, ends are passed on, and what is idle or slow
//! holds little.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use super::pipe::Counts;
use super::{Bytes, Direction, Event, Relayed, Side, buffer, pipe, relay};

/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(async { timeout(PATIENCE, test).await.expect("it hangs") });
}

/// A connection's two ends. `room`: how much the kernel may hold on the way, in bytes.
pub(super) async fn sockets(room: Option<usize>) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    if let Some(room) = room {
        socket2::SockRef::from(&listener).set_recv_buffer_size(room).unwrap();
        socket2::SockRef::from(&listener).set_send_buffer_size(room).unwrap();
    }
    let (one, other) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (one, other) = (one.unwrap(), other.unwrap().0);
    if let Some(room) = room {
        socket2::SockRef::from(&one).set_recv_buffer_size(room).unwrap();
        socket2::SockRef::from(&one).set_send_buffer_size(room).unwrap();
    }
    one.set_nodelay(true).unwrap();
    other.set_nodelay(true).unwrap();
    (one, other)
}

/// Bytes that differ from place to place: the `length` ones that begin at `start`.
pub(super) fn pattern(start: usize, length: usize) -> Vec<u8> {
    (start..start + length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

/// Sends a piece again and again; whoever reads knows each byte. The piece's length fits no
/// buffer's.
struct Flood {
    piece: Vec<u8>,
    bytes: usize,
}

impl Flood {
    fn new(start: usize, bytes: usize) -> Self {
        Self { piece: pattern(start, 99_991), bytes }
    }

    async fn send(&self, to: &mut (impl AsyncWriteExt + Unpin)) {
        let mut left = self.bytes;
        while left > 0 {
            let piece = &self.piece[..left.min(self.piece.len())];
            to.write_all(piece).await.unwrap();
            left -= piece.len();
        }
    }

    async fn check(&self, from: &mut (impl AsyncReadExt + Unpin)) {
        let mut got = vec![0; self.piece.len()];
        let mut left = self.bytes;
        while left > 0 {
            let got = &mut got[..left.min(self.piece.len())];
            from.read_exact(got).await.unwrap();
            assert!(*got == self.piece[..got.len()], "other bytes, {left} before the end");
            left -= got.len();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// Keeps bytes back until it is flushed, as TLS may.
    Other,
}

const KINDS: [(Kind, Kind); 4] = [
    (Kind::Plain, Kind::Plain),
    (Kind::Plain, Kind::Other),
    (Kind::Other, Kind::Plain),
    (Kind::Other, Kind::Other),
];

fn side(kind: Kind, stream: TcpStream) -> Side {
    match kind {
        Kind::Plain => Side::Plain(stream),
        Kind::Other => Side::Other(Box::new(BufStream::new(stream))),
    }
}

struct Tunnel {
    client: TcpStream,
    server: TcpStream,
    events: Rc<RefCell<Vec<(Direction, Event)>>>,
    task: JoinHandle<Relayed>,
}

impl Tunnel {
    async fn open(kinds: (Kind, Kind), room: Option<usize>) -> Self {
        Self::with_first(kinds, room, b"", b"").await
    }

    async fn with_first(
        kinds: (Kind, Kind),
        room: Option<usize>,
        to_server: &'static [u8],
        to_client: &'static [u8],
    ) -> Self {
        let (client, near_client) = sockets(room).await;
        let (near_server, server) = sockets(room).await;
        let events = Rc::new(RefCell::new(Vec::new()));
        let told = Rc::clone(&events);
        let task = spawn_local(relay(
            side(kinds.0, near_client),
            side(kinds.1, near_server),
            Bytes::from_static(to_server),
            Bytes::from_static(to_client),
            move |direction, event| told.borrow_mut().push((direction, event)),
        ));
        Self { client, server, events, task }
    }

    /// Until the tunnel waits for something.
    async fn settle(&self) {
        let mut before = usize::MAX;
        while before != self.events.borrow().len() {
            before = self.events.borrow().len();
            sleep(Duration::from_millis(30)).await;
        }
    }
}

/// Writes until nothing goes any more and the tunnel is left with bytes that the reader, who does
/// not read, would have to take.
async fn clog(writer: &mut TcpStream) {
    let flood = pattern(0, 1 << 20);
    loop {
        let blocked = timeout(Duration::from_millis(50), writer.write(&flood)).await.is_err();
        if blocked && buffer::out() + pipe::counts().out > 0 {
            return;
        }
    }
}

fn holds_nothing(name: &str) {
    assert_eq!(buffer::out(), 0, "buffers: {name}");
    assert_eq!(pipe::counts().out, 0, "pipes: {name}");
}

#[test]
fn small_messages_are_copied_and_hold_nothing_between() {
    run(async {
        for kinds in KINDS {
            let name = format!("{kinds:?}");
            let mut tunnel = Tunnel::open(kinds, None).await;
            for length in [1, 64, 1000, 16 * 1024, 60_000] {
                let (question, answer) = (pattern(length, length), pattern(7, length));
                let mut got = vec![0; length];
                tunnel.client.write_all(&question).await.unwrap();
                tunnel.server.read_exact(&mut got).await.unwrap();
                assert!(got == question, "{name}");
                tunnel.server.write_all(&answer).await.unwrap();
                tunnel.client.read_exact(&mut got).await.unwrap();
                assert!(got == answer, "{name}");
                tunnel.settle().await;
                holds_nothing(&name);
            }
            let Tunnel { client, server, task, .. } = tunnel;
            drop((client, server));
            let relayed = task.await.unwrap();
            assert!(relayed.result.is_ok(), "{name}: {relayed:?}");
            assert_eq!((relayed.to_server, relayed.to_client), (77_449, 77_449), "{name}");
        }
        assert_eq!(pipe::counts(), Counts { out: 0, kept: 0, taken: 0 });
    });
}

#[test]
fn floods_both_ways_arrive_whole_and_are_spliced_between_plain_sockets() {
    run(async {
        for kinds in KINDS {
            let name = format!("{kinds:?}");
            let plain = kinds == (Kind::Plain, Kind::Plain);
            let bytes = if plain { 64 << 20 } else { 16 << 20 };
            let before = pipe::counts().taken;
            let Tunnel { mut client, mut server, task, events } = Tunnel::open(kinds, None).await;
            let (up, down) = (Flood::new(1, bytes), Flood::new(2, bytes + 13));
            {
                let (mut from_client, mut to_client) = client.split();
                let (mut from_server, mut to_server) = server.split();
                tokio::join!(
                    up.send(&mut to_client),
                    up.check(&mut from_server),
                    down.send(&mut to_server),
                    down.check(&mut from_client),
                );
            }
            assert_eq!(pipe::counts().taken > before, plain, "{name}");
            drop((client, server));
            let relayed = task.await.unwrap();
            assert!(relayed.result.is_ok(), "{name}: {relayed:?}");
            assert_eq!((relayed.to_server, relayed.to_client), (bytes as u64, bytes as u64 + 13));
            let told = |direction, read: bool| -> usize {
                let of = |event: &(Direction, Event)| match event {
                    (way, Event::Read(bytes)) if read && *way == direction => *bytes,
                    (way, Event::Written(bytes)) if !read && *way == direction => *bytes,
                    _ => 0,
                };
                events.borrow().iter().map(of).sum()
            };
            for read in [true, false] {
                assert_eq!(told(Direction::ToServer, read), bytes, "{name}");
                assert_eq!(told(Direction::ToClient, read), bytes + 13, "{name}");
            }
            holds_nothing(&name);
        }
    });
}

#[test]
fn an_end_is_passed_on_and_the_other_way_stays_open() {
    run(async {
        for kinds in KINDS {
            for client_first in [true, false] {
                // Long enough to be spliced, and short.
                for length in [8, 3 << 20] {
                    let name = format!("{kinds:?}, {client_first}, {length}");
                    let Tunnel { client, server, task, events } = Tunnel::open(kinds, None).await;
                    let (mut one, mut two) =
                        if client_first { (client, server) } else { (server, client) };
                    let (question, mut got) = (pattern(5, length), Vec::new());
                    let ask = async {
                        one.write_all(&question).await.unwrap();
                        one.shutdown().await.unwrap();
                    };
                    let _ = tokio::join!(ask, two.read_to_end(&mut got));
                    assert!(got == question, "{name}");
                    assert!(!task.is_finished(), "{name}");
                    let mut got = Vec::new();
                    let answer = async {
                        two.write_all(&question).await.unwrap();
                        drop(two);
                    };
                    let _ = tokio::join!(answer, one.read_to_end(&mut got));
                    assert!(got == question, "{name}");
                    let relayed = task.await.unwrap();
                    assert!(relayed.result.is_ok(), "{name}: {relayed:?}");
                    let counts = (relayed.to_server, relayed.to_client);
                    assert_eq!(counts, (length as u64, length as u64), "{name}");
                    holds_nothing(&name);
                    if length == 8 {
                        let (first, second) = if client_first {
                            (Direction::ToServer, Direction::ToClient)
                        } else {
                            (Direction::ToClient, Direction::ToServer)
                        };
                        let of = |way| {
                            [Event::Read(8), Event::Written(8), Event::Read(0), Event::ShutDown]
                                .map(|event| (way, event))
                        };
                        assert_eq!(*events.borrow(), [of(first), of(second)].concat(), "{name}");
                    }
                }
            }
        }
    });
}

#[test]
fn what_was_read_before_goes_first() {
    run(async {
        for kinds in KINDS {
            let name = format!("{kinds:?}");
            let tunnel = Tunnel::with_first(kinds, None, b"up ", b"down ").await;
            let Tunnel { mut client, mut server, task, events } = tunnel;
            client.write_all(b"and on").await.unwrap();
            client.shutdown().await.unwrap();
            server.write_all(b"and on").await.unwrap();
            server.shutdown().await.unwrap();
            let (mut up, mut down) = (Vec::new(), Vec::new());
            server.read_to_end(&mut up).await.unwrap();
            client.read_to_end(&mut down).await.unwrap();
            assert_eq!((&up[..], &down[..]), (&b"up and on"[..], &b"down and on"[..]), "{name}");
            let relayed = task.await.unwrap();
            assert_eq!((relayed.to_server, relayed.to_client), (9, 11), "{name}");
            assert_eq!(events.borrow()[0], (Direction::ToServer, Event::Written(3)), "{name}");
        }
    });
}

#[test]
fn a_reset_ends_both_ways() {
    run(async {
        for kinds in KINDS {
            for flooding in [false, true] {
                let name = format!("{kinds:?}, {flooding}");
                let tunnel = Tunnel::open(kinds, Some(256 << 10)).await;
                let Tunnel { client, mut server, task, .. } = tunnel;
                if flooding {
                    clog(&mut server).await;
                }
                client.set_zero_linger().unwrap();
                drop(client);
                let relayed = task.await.unwrap();
                assert!(relayed.result.is_err(), "{name}: {relayed:?}");
                // The server's end hears of it, too.
                let mut rest = Vec::new();
                let _ = server.read_to_end(&mut rest).await;
                assert!(rest.is_empty(), "{name}");
                holds_nothing(&name);
            }
        }
    });
}

#[test]
fn a_slow_reader_slows_the_writer_and_loses_nothing() {
    run(async {
        for kinds in KINDS {
            let name = format!("{kinds:?}");
            let tunnel = Tunnel::open(kinds, Some(64 << 10)).await;
            let Tunnel { mut client, mut server, task, .. } = tunnel;
            let flood = Flood::new(3, 8 << 20);
            let mut taken = 0;
            while let Ok(written) =
                timeout(Duration::from_millis(200), server.write(&flood.piece[taken % 99_991..]))
                    .await
            {
                taken += written.unwrap();
            }
            // Four socket buffers of 64 KiB (which the kernel doubles), and what the tunnel holds.
            assert!(taken < 2 << 20, "{name}: {taken}");
            assert!(buffer::out() + pipe::counts().out <= 2, "{name}");
            let send = async {
                let mut at = taken;
                while at < flood.bytes {
                    let start = at % 99_991;
                    let end = flood.piece.len().min(start + flood.bytes - at);
                    at += server.write(&flood.piece[start..end]).await.unwrap();
                }
                server.shutdown().await.unwrap();
            };
            tokio::join!(send, flood.check(&mut client));
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "{name}");
            drop((client, server));
            assert_eq!(task.await.unwrap().to_client, 8 << 20, "{name}");
            holds_nothing(&name);
        }
    });
}

#[test]
fn after_a_flood_small_messages_are_copied_again() {
    run(async {
        let mut tunnel = Tunnel::open((Kind::Plain, Kind::Plain), None).await;
        let flood = Flood::new(4, 8 << 20);
        tokio::join!(flood.send(&mut tunnel.client), flood.check(&mut tunnel.server));
        tunnel.settle().await;
        holds_nothing("idle after a flood");
        assert!(pipe::counts().kept > 0);
        let message = async |tunnel: &mut Tunnel| {
            tunnel.client.write_all(b"hello").await.unwrap();
            let mut got = [0; 5];
            tunnel.server.read_exact(&mut got).await.unwrap();
            assert_eq!(&got, b"hello");
        };
        // The first may still be spliced: only it tells that the flood is over.
        message(&mut tunnel).await;
        tunnel.settle().await;
        let before = pipe::counts().taken;
        for _ in 0..10 {
            message(&mut tunnel).await;
        }
        tunnel.settle().await;
        assert_eq!(pipe::counts().taken, before);
        holds_nothing("idle after messages");
    });
}

#[test]
fn without_pipes_everything_is_copied() {
    run(async {
        pipe::refuse();
        let tunnel = Tunnel::open((Kind::Plain, Kind::Plain), None).await;
        let Tunnel { mut client, mut server, task, .. } = tunnel;
        let flood = Flood::new(5, 40 << 20);
        tokio::join!(flood.send(&mut client), flood.check(&mut server));
        drop((client, server));
        let relayed = task.await.unwrap();
        assert!(relayed.result.is_ok());
        assert_eq!(relayed.to_server, 40 << 20);
        assert_eq!(pipe::counts(), Counts { out: 0, kept: 0, taken: 0 });
        holds_nothing("no pipes");
    });
}

#[test]
fn a_tunnel_that_is_dropped_leaves_nothing_to_the_next() {
    run(async {
        let tunnel = Tunnel::open((Kind::Plain, Kind::Plain), Some(64 << 10)).await;
        let Tunnel { client: _client, mut server, task, .. } = tunnel;
        clog(&mut server).await;
        let before = pipe::counts();
        assert_eq!(before.out, 1);
        task.abort();
        assert!(task.await.is_err());
        assert_eq!(pipe::counts(), Counts { out: 0, ..before }, "it was not empty");
        holds_nothing("aborted");
        let mut tunnel = Tunnel::open((Kind::Plain, Kind::Plain), None).await;
        let flood = Flood::new(6, 2 << 20);
        tokio::join!(flood.send(&mut tunnel.client), flood.check(&mut tunnel.server));
    });
}
