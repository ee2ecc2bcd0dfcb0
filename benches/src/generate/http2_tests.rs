//! What an HTTP/2 connection makes of its server's frames.

use super::*;

const fn begun(due: u64) -> Begun {
    Begun { due, sent: due }
}

/// A frame's bytes.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
    bytes.extend_from_slice(payload);
    bytes
}

/// A connection with requests on streams 1, 3 and so on.
fn speaking(requests: u64) -> Http2 {
    let mut speech = Http2::new(4, false, Expected { body: Some(5), ..Expected::default() });
    let mut out = Vec::new();
    for due in 0..requests {
        speech.begin(begun(due), &[0; 9], &mut out);
    }
    assert_eq!(out.get(9 + 5..9 + 9), (requests > 1).then_some(&[0, 0, 0, 3][..]));
    speech
}

/// A name, the server's frames, what is seen of them.
type Case = (&'static str, Vec<Vec<u8>>, Option<Seen>);

#[test]
fn answers_end_where_they_end() {
    use kind::{CONTINUATION, DATA, RST_STREAM};
    const HEADERS: u8 = hpack::HEADERS;
    let (end, whole) = (END_STREAM, END_HEADERS);
    let good = Seen::Answered(begun(0), 5);
    let bad = |cause| Seen::Failed(begun(0), cause);
    let table: Vec<Case> = vec![
        (
            "whole",
            vec![frame(HEADERS, whole, 1, &[0x88]), frame(DATA, end, 1, b"hello")],
            Some(good),
        ),
        (
            "in two frames",
            vec![
                frame(HEADERS, whole, 1, &[0x88]),
                frame(DATA, 0, 1, b"hel"),
                frame(DATA, end, 1, b"lo"),
            ],
            Some(good),
        ),
        (
            "padded, with a priority",
            vec![
                frame(HEADERS, whole | 0x28, 1, &[1, 0, 0, 0, 0, 9, 0x88, 0]),
                frame(DATA, end | 0x8, 1, b"\x01hello\0"),
            ],
            Some(good),
        ),
        (
            "trailers",
            vec![
                frame(HEADERS, whole, 1, &[0x88]),
                frame(DATA, 0, 1, b"hello"),
                frame(HEADERS, whole | end, 1, &[0x8d]),
            ],
            Some(good),
        ),
        (
            "early hints, and a head in two frames",
            vec![
                frame(HEADERS, whole, 1, &[0x08, 3, b'1', b'0', b'3']),
                frame(HEADERS, 0, 1, &[0x88]),
                frame(CONTINUATION, whole, 1, &[0x10]),
                frame(DATA, end, 1, b"hello"),
            ],
            Some(good),
        ),
        (
            "a short body",
            vec![frame(HEADERS, whole, 1, &[0x88]), frame(DATA, end, 1, b"hell")],
            Some(bad(Cause::Body)),
        ),
        ("no body", vec![frame(HEADERS, whole | end, 1, &[0x88])], Some(bad(Cause::Body))),
        ("not found", vec![frame(HEADERS, whole | end, 1, &[0x8d])], Some(bad(Cause::Status))),
        ("unknown", vec![frame(HEADERS, whole | end, 1, &[0xbe])], Some(bad(Cause::Status))),
        ("reset", vec![frame(RST_STREAM, 0, 1, &[0, 0, 0, 2])], Some(bad(Cause::Reset))),
        ("refused", vec![frame(RST_STREAM, 0, 1, &[0, 0, 0, 7])], Some(Seen::Again(begun(0)))),
        ("another's", vec![frame(HEADERS, whole | end, 9, &[0x88])], None),
        ("no end", vec![frame(HEADERS, whole, 1, &[0x88]), frame(DATA, 0, 1, b"hello")], None),
    ];
    for (what, frames, expected) in table {
        for piece in [1, 7, 1000] {
            let (mut speech, mut seen) = (speaking(1), Vec::new());
            for bytes in frames.concat().chunks(piece) {
                speech.feed(bytes, &mut Vec::new(), &mut seen).unwrap();
            }
            assert_eq!(seen, expected.iter().copied().collect::<Vec<_>>(), "{what}, by {piece}");
            assert_eq!(speech.room(), if expected.is_some() { 4 } else { 3 }, "{what}");
        }
    }
}

#[test]
fn what_is_not_http2_is_refused() {
    let table: Vec<Vec<u8>> = vec![
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        frame(kind::DATA, END_STREAM, 1, b"before its head"),
        [frame(1, 0, 1, &[0x88]), frame(kind::DATA, 0, 1, b"x")].concat(),
        frame(kind::CONTINUATION, END_HEADERS, 1, &[]),
        frame(1, END_HEADERS | 0x8, 1, &[200, 0x88]),
        frame(kind::GOAWAY, 0, 0, &[]),
    ];
    for bytes in table {
        let result = speaking(1).feed(&bytes, &mut Vec::new(), &mut Vec::new());
        assert_eq!(result, Err(Cause::Protocol), "{bytes:?}");
    }
}

#[test]
fn the_server_is_answered_and_obeyed() {
    let (mut speech, mut out) = (speaking(1), Vec::new());
    let settings = frame(kind::SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 2]);
    let ping = frame(kind::PING, 0, 0, b"12345678");
    let bytes = [settings, ping, frame(kind::SETTINGS, 1, 0, &[])].concat();
    speech.feed(&bytes, &mut out, &mut Vec::new()).unwrap();
    let acks = [frame(kind::SETTINGS, 1, 0, &[]), frame(kind::PING, 1, 0, b"12345678")];
    assert_eq!(out, acks.concat());
    assert_eq!(speech.room(), 1);
}

#[test]
fn goaway_gives_back_what_was_not_looked_at() {
    let (mut speech, mut seen) = (speaking(3), Vec::new());
    let goaway = frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0]);
    speech.feed(&goaway, &mut Vec::new(), &mut seen).unwrap();
    assert_eq!(seen, [Seen::Again(begun(2))]);
    assert_eq!((speech.finished(), speech.room(), speech.outstanding().count()), (true, 0, 2));
}

#[test]
fn windows_are_given_back() {
    let mut speech = Http2::new(1, false, Expected::default());
    let mut begin = Vec::new();
    speech.begin(begun(0), &[0; 9], &mut begin);
    speech.feed(&frame(1, END_HEADERS, 1, &[0x88]), &mut Vec::new(), &mut Vec::new()).unwrap();
    let mut data = vec![0, 0x40, 0, 0, 0, 0, 0, 0, 1];
    data.resize(9 + 16_384, 0);
    let (mut sent, mut out) = (0u64, Vec::new());
    let mut windows = [u64::from(CONNECTION_WINDOW), u64::from(STREAM_WINDOW)];
    while sent < 40 << 20 {
        speech.feed(&data, &mut out, &mut Vec::new()).unwrap();
        sent += 16_384;
        let mut reader = Reader::default();
        let mut bytes = &*out;
        while let Some(update) = reader.next(&mut bytes).unwrap() {
            assert_eq!(update.kind, kind::WINDOW_UPDATE);
            let more = u32::from_be_bytes(update.payload.try_into().unwrap());
            windows[update.stream as usize] += u64::from(more);
        }
        out.clear();
        for window in windows {
            assert!(window >= sent + 16_384, "the server had to stop at {sent}");
        }
    }
}

#[test]
fn a_single_request_is_the_only_one() {
    let mut speech = Http2::new(16, true, Expected::default());
    assert_eq!(speech.room(), 1);
    speech.begin(begun(0), &[0; 9], &mut Vec::new());
    assert_eq!((speech.room(), speech.finished()), (0, true));
}
