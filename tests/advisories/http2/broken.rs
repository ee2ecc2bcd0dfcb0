//! Frames and windows that make no sense.

use std::time::Duration;

use swarmgate_testkit::eventually::eventually;

use super::wire::{
    DATA, END_HEADERS, FLOW_CONTROL_ERROR, HEADERS, PREFACE, Peer, REFUSED_STREAM, SETTINGS, WHOLE,
    WINDOW_UPDATE, frame, get, request, stream,
};
use crate::house::LIMIT;
use crate::keep::Keep;

/// D13: kinds of frames that nobody knows are passed over; known ones that are none end the
/// connection.
#[test]
fn frames_of_all_kinds() {
    let keep = Keep::start();
    let mut peer = Peer::new(keep.web, &[]);
    for kind in 10..=255_u8 {
        for (number, stream) in [0, 1, 77].into_iter().enumerate() {
            let payload = vec![kind; usize::from(kind) * number];
            let flags = kind.wrapping_mul(37).rotate_left(number as u32);
            peer.send(&frame(kind, flags, stream, &payload)).expect("sent");
        }
    }
    peer.send(&request(1, &get(&["body x"]))).expect("sent");
    let heard = peer.wait(LIMIT, |heard| heard.ok == 1);
    assert_eq!((heard.ok, heard.goaway), (1, None), "{heard:?}");
    for kind in DATA..10 {
        // Settings and the like are about the connection, the others about a stream.
        let stream = if matches!(kind, 0..=3 | 5 | 9) { 0 } else { 3 };
        let mut peer = Peer::new(keep.web, &[]);
        peer.send(&frame(kind, 0, stream, b"abc")).expect("sent");
        let heard = peer.wait(LIMIT, |heard| heard.ended);
        assert!(heard.ended, "kind {kind}: {heard:?}");
    }
    keep.serves().unwrap();
}

/// D14: the limit of streams holds from the first byte on, whether settings are acknowledged or not.
#[test]
fn the_first_write_is_counted() {
    let keep = Keep::start();
    let mut peer = Peer::new(keep.web, &[]);
    let heads: Vec<u8> =
        (0..1000).flat_map(|number| request(stream(number), &get(&["silent"]))).collect();
    peer.send(&heads).expect("sent");
    let heard = peer.wait(LIMIT, |heard| heard.resets.get(&REFUSED_STREAM) == Some(&750));
    assert_eq!(heard.resets.get(&REFUSED_STREAM), Some(&750), "{heard:?}");
    assert!(keep.upstream.open() <= 260, "{} at the upstream", keep.upstream.open());
    // The same before the client's own settings, which is no connection at all.
    let mut peer = Peer::silent(keep.web);
    let bytes = [PREFACE, &heads[..]].concat();
    let _ = peer.send(&bytes);
    keep.serves().unwrap();
    drop(peer);
    let mut peer = Peer::new(keep.web, &[]);
    peer.send(&frame(SETTINGS, 1, 0, b"")).expect("sent");
    peer.send(&request(1, &get(&["body x"]))).expect("sent");
    assert_eq!(peer.wait(LIMIT, |heard| heard.ok == 1).ok, 1);
}

/// D16: windows wider than there are end their stream, or the connection, and nothing leaks.
#[test]
fn windows_too_wide() {
    let keep = Keep::start();
    let widest = |stream: u32| frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
    let mut peer = Peer::new(keep.web, &[]);
    peer.send(&frame(HEADERS, END_HEADERS, 1, &get(&["silent"]))).expect("sent");
    peer.send(&[widest(1), widest(1)].concat()).expect("sent");
    let heard = peer.wait(LIMIT, |heard| !heard.resets.is_empty());
    assert_eq!(heard.resets.get(&FLOW_CONTROL_ERROR), Some(&1), "{heard:?}");
    peer.send(&frame(HEADERS, WHOLE, 3, &get(&["body x"]))).expect("sent");
    assert_eq!(peer.wait(LIMIT, |heard| heard.ok == 1).ok, 1, "the connection lives on");
    let files = keep.open_files();
    let watch = keep.watch();
    for number in 0..300 {
        let mut peer = Peer::new(keep.web, &[]);
        peer.send(&[widest(0), widest(0)].concat()).expect("sent");
        let heard = peer.wait(LIMIT, |heard| heard.ended);
        assert!(heard.ended, "{number}: {heard:?}");
        assert_eq!(heard.goaway, Some(FLOW_CONTROL_ERROR), "{number}: {heard:?}");
    }
    watch.end("windows", 8);
    eventually("its files are closed", Duration::from_secs(10), || match keep.open_files() {
        now if now <= files + 8 => Ok(()),
        now => Err(format!("{now} files; there were {files}")),
    });
}
