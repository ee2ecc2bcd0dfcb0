//! `grpcWeb` on the wire: bodies in pieces, and answers that are translated as they come.

use std::time::{Duration, Instant};

use crate::stage::Stage;

const ROUTERS: &str = "g: {rule: 'Host(`g.test`)', service: app, middlewares: [grpc]}";
const GRPC: &str = "grpc: {grpcWeb: {allowOrigins: ['*']}}";

fn head(media_type: &str, framing: &str, orders: &[&str]) -> String {
    let orders: String = orders.iter().map(|order| format!("X-Do: {order}\r\n")).collect();
    format!(
        "POST /a.B/C HTTP/1.1\r\nHost: g.test\r\nContent-Type: {media_type}\r\n{framing}\r\n{orders}\r\n"
    )
}

#[test]
fn text_in_any_pieces() {
    let stage = Stage::set(ROUTERS, GRPC);
    let letters = "aGVsbG8gd29ybGQ=aGk=";
    for cut in 0..letters.len() {
        let mut client = stage.connect();
        let (left, right) = letters.split_at(cut);
        client.send(head("application/grpc-web-text", "Transfer-Encoding: chunked", &[])).unwrap();
        for piece in [left, right].into_iter().filter(|piece| !piece.is_empty()) {
            client.send(format!("{:x}\r\n{piece}\r\n", piece.len())).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
        client.send("0\r\n\r\n").unwrap();
        let answer = client.response("POST").unwrap();
        let seen = decoded(&answer.body);
        let end = seen.len() - 5;
        assert_eq!(seen[end..], [0x80, 0, 0, 0, 0], "no trailers");
        let seen: serde_json::Value = serde_json::from_slice(&seen[..end]).unwrap();
        assert_eq!(seen["body"], "hello worldhi", "cut at {cut}");
        assert_eq!(seen["framing"], "chunked");
        assert!(seen["headers"].to_string().contains("\"application/grpc\""), "{seen}");
    }
}

/// Base64 in parts, each with its own padding.
pub fn decoded(text: &[u8]) -> Vec<u8> {
    let letter = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other} is no letter of base64"),
    };
    let quantum = |four: &[u8]| {
        let kept = four.iter().take_while(|byte| **byte != b'=').count();
        let number = four[..kept].iter().fold(0_u32, |n, byte| n << 6 | u32::from(letter(*byte)));
        let bytes = (number << (6 * (4 - kept))).to_be_bytes();
        bytes[1..kept].to_vec()
    };
    text.chunks(4).flat_map(quantum).collect()
}

#[test]
fn no_base64() {
    let stage = Stage::set(ROUTERS, GRPC);
    for body in ["!!!!", "aGk", "=aGk", "aG=k"] {
        let framing = format!("Content-Length: {}", body.len());
        let request = format!("{}{body}", head("application/grpc-web-text", &framing, &[]));
        let answer = stage.connect().exchange(request).unwrap();
        assert_eq!(answer.status, 500, "{body}");
    }
    assert_eq!(stage.get("ready.test", &[]).status, 200);
}

#[test]
fn answers_as_they_come() {
    let stage = Stage::set(ROUTERS, GRPC);
    let orders = [
        "drip 500",
        "body abcdef",
        "header Content-Type: application/grpc",
        "trailer Grpc-Status: 0",
    ];
    let mut client = stage.connect();
    client.send(head("application/grpc-web", "Content-Length: 0", &orders)).unwrap();
    let answer = client.head().unwrap();
    let value = |name: &str| {
        answer
            .headers
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(name))
            .map(|(_, value)| &**value)
    };
    assert_eq!(value("content-type"), Some("application/grpc-web"));
    assert_eq!(value("trailer"), None);
    let begun = Instant::now();
    assert_eq!(client.chunk().unwrap().unwrap(), b"ab");
    assert!(begun.elapsed() < Duration::from_millis(450), "{:?}", begun.elapsed());
    let mut rest = Vec::new();
    while let Some(chunk) = client.chunk().unwrap() {
        rest.extend(chunk);
    }
    assert_eq!(rest, b"cdef\x80\0\0\0\x10grpc-status: 0\r\n");
}
