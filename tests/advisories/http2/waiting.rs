//! Clients that ask for much and take nothing, begin and do not go on, stay and never leave.

use std::thread;
use std::time::{Duration, Instant};

use super::wire::{
    AGAIN, CONTINUATION, HEADERS, INITIAL_WINDOW_SIZE, PREFACE, Peer, SETTINGS, WINDOW_UPDATE,
    frame, get, get_from, remembered, request, stream,
};
use crate::house::LIMIT;
use crate::keep::{HASTE, Keep};

/// Later than what ends such a connection, on a busy machine.
const LATE: Duration = Duration::from_secs(12);

/// D11: a client without room is sent nothing, one that does not read little, and both are cut off.
#[test]
fn who_takes_nothing_gets_nothing() {
    let keep = Keep::start();
    let ask = |peer: &mut Peer, streams: usize| {
        for number in 0..streams {
            let block = get_from("huge.test", &[]);
            peer.send(&request(stream(number), &block)).expect("sent");
        }
    };
    let watch = keep.watch();
    let mut peer = Peer::new(keep.web, &[(INITIAL_WINDOW_SIZE, 0)]);
    ask(&mut peer, 100);
    assert_eq!(peer.wait(LIMIT, |heard| heard.ok == 100).ok, 100);
    let busy = keep.busy();
    thread::sleep(Duration::from_secs(2));
    let busy = keep.busy() - busy;
    // The neighbour's requests are in it.
    assert!(busy < 1.0, "{busy} seconds of 2 while nothing moves");
    drop(peer);
    watch.end("windows of 0", 20);

    // As much room as there can be, and nobody who reads: 250 answers of 1 MB.
    let watch = keep.watch();
    let mut peer = Peer::deaf(keep.web, &[(INITIAL_WINDOW_SIZE, 0x7fff_ffff)]);
    peer.send(&frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes())).expect("sent");
    ask(&mut peer, 250);
    thread::sleep(Duration::from_secs(3));
    drop(peer);
    watch.end("wide windows, unread", 60);

    for deaf in [false, true] {
        let room = if deaf { 65_535 } else { 0 };
        let settings = [(INITIAL_WINDOW_SIZE, room)];
        let mut peer = match deaf {
            false => Peer::new(keep.hasty, &settings),
            true => Peer::deaf(keep.hasty, &settings),
        };
        let begun = Instant::now();
        ask(&mut peer, 100);
        if deaf {
            while peer.send(&frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])).is_ok() {
                assert!(begun.elapsed() < LATE, "it is not cut off");
                thread::sleep(Duration::from_millis(100));
            }
        } else {
            let heard = peer.wait(LATE, |heard| heard.ended);
            assert!(heard.ended, "it is not cut off: {heard:?}");
        }
        assert!(begun.elapsed() >= HASTE / 2, "{:?}", begun.elapsed());
    }
}

/// D15, D18: what has begun and does not go on, in whatever state, ends by the time-outs.
#[test]
fn half_a_beginning_is_cut_off() {
    let keep = Keep::start();
    let settings = frame(SETTINGS, 0, 0, b"");
    let too_large = [get(&[]), remembered(b"x", &[b'v'; 3900]), vec![AGAIN; 400]].concat();
    let table: [(&str, Vec<u8>); 7] = [
        ("nothing", vec![]),
        ("half a preface", PREFACE[..9].to_vec()),
        ("all but a byte of it", PREFACE[..23].to_vec()),
        ("a preface", PREFACE.to_vec()),
        ("a preface and settings", [PREFACE, &settings].concat()),
        ("half a head", [PREFACE, &settings, &frame(HEADERS, 0, 1, &get(&[]))].concat()),
        ("a head too large", [PREFACE, &settings, &request(1, &too_large)].concat()),
    ];
    let clients: Vec<_> = table
        .into_iter()
        .map(|(what, bytes)| {
            let mut client = swarmgate_testkit::client::Client::connect(("127.0.0.1", keep.hasty))
                .expect("it listens");
            client.set_timeout(LATE).expect("a time-out");
            client.send(bytes).expect("sent");
            (what, client)
        })
        .collect();
    let begun = Instant::now();
    for (what, mut client) in clients {
        let rest = client.rest();
        assert!(rest.is_ok(), "{what}: {rest:?}");
        assert!(begun.elapsed() < LATE, "{what}: {:?}", begun.elapsed());
    }
    assert!(begun.elapsed() >= HASTE / 2, "{:?}", begun.elapsed());
    // A bit now and then does not buy more time.
    let mut peer = Peer::new(keep.hasty, &[]);
    peer.send(&frame(HEADERS, 0, 1, &get(&[]))).expect("sent");
    let begun = Instant::now();
    while peer.send(&frame(CONTINUATION, 0, 1, b"")).is_ok() && !peer.heard().ended {
        assert!(begun.elapsed() < LATE, "a head in drops goes on");
        thread::sleep(Duration::from_millis(200));
    }
    keep.serves().unwrap();
}

/// D12: a stop does not wait for clients that hear nothing of it.
#[test]
fn a_stop_waits_for_nobody_for_ever() {
    let keep = Keep::start();
    let deaf: Vec<Peer> = (0..100)
        .map(|number| {
            let mut peer = Peer::deaf(keep.web, &[(INITIAL_WINDOW_SIZE, 100)]);
            let block = match number % 3 {
                0 => get(&["silent"]),
                1 => get_from("huge.test", &[]),
                _ => return peer,
            };
            peer.send(&request(1, &block)).expect("sent");
            peer
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    let finished = keep.process.terminate(LIMIT);
    let took = begun.elapsed();
    assert!(finished.status.success(), "{}", finished.output());
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(deaf);
}
