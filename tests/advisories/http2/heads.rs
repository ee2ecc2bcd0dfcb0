//! Heads that are larger than they look, and compression that is none.

use std::time::Duration;

use swarmgate_testkit::eventually::eventually;

use super::wire::{
    AGAIN, CONTINUATION, HEADERS, PRIORITY_UPDATE, Peer, WHOLE, frame, get, line, remembered,
    request, stream,
};
use crate::house::LIMIT;
use crate::keep::Keep;

/// One line of the largest size that is remembered.
fn large() -> Vec<u8> {
    remembered(b"x-large", &[b'v'; 3900])
}

/// D06: a byte that means four thousand, cookies in crumbs, lines without end.
#[test]
fn small_blocks_that_mean_much() {
    let keep = Keep::start();
    let crumbs = |count: usize| line(b"cookie", b"a=b").repeat(count);
    let lines = |count: usize| line(b"x-a", b"").repeat(count);
    let again = |count: usize| [large(), vec![AGAIN; count]].concat();
    // What comes behind the usual lines, and whether it is served.
    let table = [
        ("a quarter of the limit", again(60), true),
        ("more than the limit", again(300), false),
        ("far more than the limit", again(20_000), false),
        ("a cookie in crumbs", crumbs(1000), true),
        ("too many crumbs", crumbs(5000), false),
        ("far too many crumbs", crumbs(60_000), false),
        ("too many lines", lines(5000), false),
    ];
    for (what, more, served) in table {
        let (watch, busy, before) = (keep.watch(), keep.busy(), keep.upstream.requests());
        let mut peer = Peer::new(keep.web, &[]);
        // On many streams: what is refused is refused each time.
        const STREAMS: usize = 20;
        for number in 0..STREAMS {
            let block = [get(&["body x"]), more.clone()].concat();
            if peer.send(&request(stream(number), &block)).is_err() {
                break;
            }
        }
        let heard = peer.wait(LIMIT, |heard| heard.ok + heard.other >= STREAMS);
        let expected = if served { STREAMS } else { 0 };
        assert_eq!(heard.ok, expected, "{what}: {heard:?}");
        let neighbours = keep.upstream.requests() - before;
        assert!(served || heard.goaway.is_some() || heard.other == STREAMS, "{what}: {heard:?}");
        watch.end(what, 48);
        let took = keep.busy() - busy;
        assert!(took < 3.0, "{what}: {took} seconds, {neighbours} requests upstream");
    }
}

/// D07: names that nobody will use again are not kept.
#[test]
fn no_name_is_remembered() {
    let keep = Keep::start();
    let mut before = 0;
    for round in 0..12 {
        if round == 2 {
            before = keep.memory();
        }
        let mut peer = Peer::new(keep.web, &[]);
        for number in 0..100 {
            let name = format!("x-{round}-{number}-{}", "n".repeat(4000));
            let block = [get(&["body x"]), remembered(name.as_bytes(), b"v")].concat();
            peer.send(&request(stream(number), &block)).expect("sent");
        }
        let heard = peer.wait(LIMIT, |heard| heard.ok == 100);
        assert_eq!(heard.ok, 100, "{heard:?}");
    }
    let grown = keep.memory().saturating_sub(before);
    // Of the names alone there were 4 MiB.
    assert!(grown < 3 * 1024, "grown by {grown} KiB");
}

/// D05: blocks that cannot be read end the connection, and so does their end.
#[test]
fn blocks_that_are_none() {
    let keep = Keep::start();
    let late = [get(&[]), vec![0x3f, 1]].concat();
    let large = [vec![0x3f, 0xe1, 0xff, 0x7f], get(&[])].concat();
    let table: [(&str, &[u8]); 7] = [
        ("index 0", b"\x80"),
        ("an index that is not there", b"\xff\xff\x03"),
        ("an index without end", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("bad padding of a Huffman code", b"\0\x81\0\0"),
        ("the end of Huffman codes within one", b"\0\x84\xff\xff\xff\xff\0"),
        ("the table's size behind a line", &late),
        ("a table larger than allowed", &large),
    ];
    let before = keep.upstream.requests();
    for (what, block) in table {
        let mut peer = Peer::new(keep.web, &[]);
        peer.send(&frame(HEADERS, WHOLE, 1, block)).expect("sent");
        let heard = peer.wait(LIMIT, |heard| heard.ended);
        assert!(heard.ended && heard.ok == 0, "{what}: {heard:?}");
    }
    assert_eq!(keep.upstream.requests(), before);
    let (files, watch) = (keep.open_files(), keep.watch());
    let half = frame(HEADERS, 0, 1, &get(&[]));
    let quarter = frame(CONTINUATION, 0, 1, &get(&[]));
    for _ in 0..500 {
        let mut peer = Peer::deaf(keep.web, &[]);
        // It may be ended on the way.
        let _ = peer.send(&[&half[..], &quarter[..20]].concat());
    }
    watch.end("cut in the middle of a head", 16);
    eventually("its files are closed", LIMIT, || match keep.open_files() {
        now if now <= files + 8 => Ok(()),
        now => Err(format!("{now} files; there were {files}")),
    });
}

/// D17: priorities that cannot be read are nobody's trouble.
#[test]
fn priorities_that_are_none() {
    let keep = Keep::start();
    let watch = keep.watch();
    for round in 0..5 {
        let mut peer = Peer::new(keep.web, &[]);
        for number in 0..100 {
            let stream = stream(number);
            let block = [get(&["body x"]), line(b"priority", b"u=9;i=?x,,;\xff")].concat();
            let update = [&stream.to_be_bytes()[..], b"u=9;\xff"].concat();
            let bytes = [request(stream, &block), frame(PRIORITY_UPDATE, 0, 0, &update)].concat();
            peer.send(&bytes).expect("sent");
        }
        let heard = peer.wait(Duration::from_secs(20), |heard| heard.ok == 100);
        assert_eq!(heard.ok, 100, "{round}: {heard:?}");
    }
    watch.end("priorities", 8);
}
