//! The requests' bytes, made once; a run only picks the next.
//!
//! HTTP/1.1: `GET path HTTP/1.1` with `Host`, [`USER_AGENT`], `Accept: */*`,
//! `Accept-Encoding: gzip, deflate, br, zstd`, the work's own headers, and `Connection: close`
//! where a connection carries one request. HTTP/2: one HEADERS frame of the same, its HPACK block
//! without Huffman coding and without the dynamic table, so that each request has the same bytes.

use std::io;

use super::hpack;
use super::work::{Kind, Reuse, Wire, Work};

/// The `User-Agent` that is sent.
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// The `Sec-WebSocket-Key` that is sent (the example of RFC 6455).
const WEBSOCKET_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// All requests of a work, and which is next.
#[derive(Debug)]
pub(super) struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    next: usize,
    stride: usize,
}

impl Requests {
    /// # Errors
    /// A host, path or header that cannot be sent.
    pub fn new(work: &Work) -> io::Result<Self> {
        check(work)?;
        let count = work.hosts.len().max(work.paths.len());
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(count));
        for (host, path) in work.hosts.iter().cycle().zip(work.paths.iter().cycle()).take(count) {
            match work.wire {
                Wire::TlsHttp2 => hpack::request(&mut bytes, host, path, &headers(work))?,
                Wire::Plain | Wire::Tls => http1(&mut bytes, work, host, path),
            }
            ends.push(bytes.len());
        }
        Ok(Self { bytes, ends, next: 0, stride: stride(count) })
    }

    /// The next request. Within as many as there are, each comes once.
    pub fn next(&mut self) -> &[u8] {
        let at = self.next;
        self.next = (at + self.stride) % self.ends.len().max(1);
        let from = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let to = self.ends.get(at).copied().unwrap_or_default();
        self.bytes.get(from.unwrap_or(0)..to).unwrap_or_default()
    }
}

/// The headers behind `Host`.
fn headers(work: &Work) -> Vec<(&str, &str)> {
    let mut headers = vec![
        ("User-Agent", USER_AGENT),
        ("Accept", "*/*"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ];
    headers.extend(work.request_headers.iter().map(|(name, value)| (&**name, &**value)));
    headers
}

fn http1(out: &mut Vec<u8>, work: &Work, host: &str, path: &str) {
    let mut line = |parts: [&str; 3]| {
        parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        out.extend_from_slice(b"\r\n");
    };
    line(["GET ", path, " HTTP/1.1"]);
    line(["Host", ": ", host]);
    for (name, value) in headers(work) {
        line([name, ": ", value]);
    }
    if work.kind == Kind::WebSocketEcho {
        line(["Connection", ": ", "Upgrade"]);
        line(["Upgrade", ": ", "websocket"]);
        line(["Sec-WebSocket-Version", ": ", "13"]);
        line(["Sec-WebSocket-Key", ": ", WEBSOCKET_KEY]);
    } else if work.reuse != Reuse::KeepAlive {
        line(["Connection", ": ", "close"]);
    }
    line([""; 3]);
}

/// How far the next request is from the last: about the golden section, so that neighbours in the
/// list (often neighbours in the target's memory) do not follow each other; prime to `count`.
fn stride(count: usize) -> usize {
    let begin = (count as f64 * 0.618) as usize;
    (begin..).find(|&step| step > 0 && gcd(step, count) == 1).unwrap_or(1)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn check(work: &Work) -> io::Result<()> {
    let wrong = |what: String| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    let token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if work.hosts.is_empty() || work.paths.is_empty() {
        return wrong("the load has no host or no path".to_owned());
    }
    if let Some(host) = work.hosts.iter().find(|host| !token(host)) {
        return wrong(format!("{host:?} is no host"));
    }
    if let Some(path) = work.paths.iter().find(|path| !token(path) || !path.starts_with('/')) {
        return wrong(format!("{path:?} is no path: expected / and visible ASCII"));
    }
    for (name, value) in &work.request_headers {
        if !token(name) || name.contains(':') || value.contains(['\r', '\n', '\0']) {
            return wrong(format!("{name:?}: {value:?} is no header"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::SocketAddr;

    use super::*;

    fn work() -> Work {
        Work::new(SocketAddr::from(([127, 0, 0, 1], 80)))
    }

    #[test]
    fn a_request_is_what_the_docs_say() {
        let work = Work {
            reuse: Reuse::ConnectionPerRequest,
            request_headers: vec![("X-A".to_owned(), "b".to_owned())],
            ..work()
        };
        let mut requests = Requests::new(&work).unwrap();
        let expected = "GET /small HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: Mozilla/5.0 (X11; \
            Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: */*\r\n\
            Accept-Encoding: gzip, deflate, br, zstd\r\nX-A: b\r\nConnection: close\r\n\r\n";
        assert_eq!(std::str::from_utf8(requests.next()).unwrap(), expected);
        assert_eq!(std::str::from_utf8(requests.next()).unwrap(), expected);
    }

    #[test]
    fn each_request_comes_once_before_any_comes_again() {
        for count in [1, 2, 3, 10, 100, 1000, 1024, 10_000] {
            let hosts = (0..count).map(|at| format!("h{at}.test")).collect();
            let mut requests = Requests::new(&Work { hosts, ..work() }).unwrap();
            for _ in 0..2 {
                let seen: HashSet<Vec<u8>> = (0..count).map(|_| requests.next().to_vec()).collect();
                assert_eq!(seen.len(), count);
            }
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let with_host = |host: &str| Work { hosts: vec![host.to_owned()], ..work() };
        let with_path = |path: &str| Work { paths: vec![path.to_owned()], ..work() };
        let with_header = |name: &str, value: &str| Work {
            request_headers: vec![(name.to_owned(), value.to_owned())],
            ..work()
        };
        let table = [
            with_host(""),
            with_host("a b"),
            with_path("small"),
            with_path("/a b"),
            with_path("/a\r\nX: y"),
            with_header("", "x"),
            with_header("a:", "x"),
            with_header("a", "x\r\ny: z"),
            Work { hosts: Vec::new(), ..work() },
            Work { paths: Vec::new(), ..work() },
        ];
        for work in table {
            assert!(Requests::new(&work).is_err(), "{work:?}");
        }
    }
}
