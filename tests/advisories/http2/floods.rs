//! Frames by the hundred thousand: the connection is ended, or they cost next to nothing.

use std::thread;
use std::time::{Duration, Instant};

use swarmgate_testkit::eventually::eventually;

use super::wire::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PING,
    PRIORITY, Peer, RST_STREAM, SETTINGS, WHOLE, WINDOW_UPDATE, frame, get, line, stream,
};
use crate::house::LIMIT;
use crate::keep::Keep;

/// Memory that a flood may take, MiB.
const ROOM: u64 = 16;

/// Processor time that one may take, seconds, of a build without optimisation.
const TIME: f64 = 3.0;

struct Flood {
    name: &'static str,
    /// Whether the connection has to be ended for it; else it may live on.
    ends: bool,
    /// What comes first.
    first: Vec<u8>,
    /// Piece number so and so.
    piece: fn(usize) -> Vec<u8>,
    pieces: usize,
}

fn reset(number: usize) -> Vec<u8> {
    frame(RST_STREAM, 0, stream(number), &CANCEL)
}

fn silent(number: usize) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream(number), &get(&["silent"]))
}

/// Requests and what makes us reset them, a hundred at a time.
fn hundred(number: usize, one: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    (number * 100..(number + 1) * 100).flat_map(one).collect()
}

fn window(number: usize, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream(number), &by.to_be_bytes())
}

fn floods() -> Vec<Flood> {
    let upload = || {
        let head = [get(&["silent"]), line(b"content-type", b"x")].concat();
        frame(HEADERS, END_HEADERS, 1, &head)
    };
    let flood = |name, ends, first, piece, pieces| Flood { name, ends, first, piece, pieces };
    vec![
        // D01
        flood(
            "opened and reset",
            true,
            vec![],
            |n| hundred(n, |n| [silent(n), reset(n)].concat()),
            1000,
        ),
        // D02
        flood(
            "windows of nothing",
            true,
            vec![],
            |n| hundred(n, |n| [silent(n), window(n, 0)].concat()),
            1000,
        ),
        flood(
            "windows too wide",
            true,
            vec![],
            |n| hundred(n, |n| [silent(n), window(n, 0x7fff_ffff)].concat()),
            1000,
        ),
        flood(
            "data behind the end",
            true,
            vec![],
            |n| hundred(n, |n| [silent(n), frame(DATA, 0, stream(n), b"x")].concat()),
            1000,
        ),
        flood(
            "streams that depend on themselves",
            true,
            vec![],
            |n| {
                hundred(n, |n| {
                    let itself = [&stream(n).to_be_bytes()[..], &[1]].concat();
                    [silent(n), frame(PRIORITY, 0, stream(n), &itself)].concat()
                })
            },
            1000,
        ),
        // D04
        flood(
            "continued with nothing",
            true,
            frame(HEADERS, END_STREAM, 1, &get(&[])),
            |_| frame(CONTINUATION, 0, 1, b"").repeat(100),
            2000,
        ),
        flood(
            "continued with little",
            true,
            frame(HEADERS, END_STREAM, 1, &get(&[])),
            |_| frame(CONTINUATION, 0, 1, b"\0\x01a\x01b").repeat(100),
            2000,
        ),
        flood(
            "continued with much",
            true,
            frame(HEADERS, END_STREAM, 1, &get(&[])),
            |_| frame(CONTINUATION, 0, 1, &b"\0\x01a\x01b".repeat(3000)),
            2000,
        ),
        // D08
        flood("pings", false, vec![], |_| frame(PING, 0, 0, b"12345678").repeat(100), 2000),
        flood("settings", false, vec![], |_| frame(SETTINGS, 0, 0, b"").repeat(100), 2000),
        flood(
            "half requests",
            true,
            vec![],
            |n| hundred(n, |n| frame(HEADERS, WHOLE, stream(n), &line(b":method", b"GET"))),
            1000,
        ),
        // D09
        flood(
            "thousands of settings each",
            false,
            vec![],
            |n| {
                let size = 65_535 + u32::try_from(n).unwrap_or_default();
                let one = [&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &size.to_be_bytes()].concat();
                frame(SETTINGS, 0, 0, &one.repeat(2400))
            },
            3000,
        ),
        // D10
        flood(
            "priorities",
            false,
            vec![],
            |n| hundred(n % 10, |n| frame(PRIORITY, 0, stream(n), &[0, 0, 0, 0, n as u8])),
            2000,
        ),
        flood("empty data", true, upload(), |_| frame(DATA, 0, 1, b"").repeat(100), 2000),
        flood("data by the byte", true, upload(), |_| frame(DATA, 0, 1, b"x").repeat(100), 2000),
        flood(
            "padding without data",
            true,
            upload(),
            |_| frame(DATA, 8, 1, b"\x08\0\0\0\0\0\0\0\0").repeat(100),
            2000,
        ),
        flood("windows by the byte", false, upload(), |_| window(0, 1).repeat(100), 1000),
        flood(
            "nameless headers",
            true,
            frame(HEADERS, END_STREAM, 1, &get(&[])),
            |_| frame(CONTINUATION, 0, 1, b"\0\0\0").repeat(100),
            2000,
        ),
    ]
}

/// D01, D02, D04, D08, D09, D10: by clients that read the answers, and by others.
#[test]
fn floods_are_ended_or_cost_little() {
    let keep = Keep::start();
    for flood in floods() {
        for deaf in [false, true] {
            let what = format!("{}{}", flood.name, if deaf { ", deaf" } else { "" });
            let (watch, busy, begun) = (keep.watch(), keep.busy(), Instant::now());
            let mut peer = if deaf { Peer::deaf(keep.web, &[]) } else { Peer::new(keep.web, &[]) };
            let pieces = (0..flood.pieces).map(flood.piece);
            let pieces = std::iter::once(flood.first.clone()).chain(pieces);
            let mut refused = false;
            for piece in pieces {
                // A client that does not read is not listened to either, in the end.
                refused = peer.send(&piece).is_err();
                if refused || begun.elapsed() > LIMIT {
                    break;
                }
            }
            if flood.ends && deaf {
                // Whoever does not read learns of the end when it writes.
                while !refused && begun.elapsed() < LIMIT {
                    thread::sleep(Duration::from_millis(5));
                    refused = peer.send(&frame(PING, 0, 0, b"12345678")).is_err();
                }
            }
            if flood.ends {
                let ended = refused || (!deaf && peer.wait(LIMIT, |heard| heard.ended).ended);
                assert!(ended, "{what}: it goes on: {:?}", peer.heard());
            }
            if flood.ends && !deaf {
                let heard = peer.wait(Duration::from_secs(1), |heard| heard.ended);
                assert_ne!(heard.goaway, Some(0), "{what}: {heard:?}");
            }
            watch.end(&what, ROOM);
            let took = keep.busy() - busy;
            assert!(took < TIME, "{what}: {took} seconds");
            drop(peer);
            eventually("nothing is left at the upstream", LIMIT, || match keep.upstream.open() {
                // Those that are kept for the next requests.
                0..=8 => Ok(()),
                more => Err(format!("{what}: {more} connections")),
            });
        }
    }
}

/// D01, D03: streams that are reset before anybody is asked too much leave nothing behind.
#[test]
fn what_was_reset_is_gone() {
    let keep = Keep::start();
    let watch = keep.watch();
    let mut peer = Peer::new(keep.web, &[]);
    let most = (0..2000)
        .map(|number| {
            // It may be ended meanwhile, where the machine is so busy that they arrive together.
            if peer.send(&silent(number)).is_err() {
                peer = Peer::new(keep.web, &[]);
            }
            thread::sleep(Duration::from_micros(500));
            let _ = peer.send(&reset(number));
            if number % 50 == 0 { keep.upstream.open() } else { 0 }
        })
        .max();
    assert!(most <= Some(250), "{most:?} requests at once");
    watch.end("slowly opened and reset", ROOM);
    eventually("nobody is asked any more", LIMIT, || match keep.upstream.open() {
        0..=8 => Ok(()),
        more => Err(format!("{more} connections")),
    });
}
