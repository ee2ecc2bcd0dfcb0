//! An HTTP/1.1 server that tells what it saw, and misbehaves when asked to.
//!
//! Unless told otherwise it answers 200 with a JSON object: `name` of the server, `connection` and
//! `request` numbers (both from 1), `method`, `target`, `version`, `headers` as pairs in order and
//! as spelled, `body`, `framing` (`length`, `chunked`, `none`) and `trailers`.
//!
//! Each `X-Do` header line of a request is an order:
//!
//! | Order | Effect |
//! |---|---|
//! | `status 404`, `header Name: value`, `body text` | another status, one more header, another body |
//! | `bytes 1000`, `text 1000`, `noise 1000` | a body of so many bytes, letters, bytes without order |
//! | `hex 00ff` | a body of these bytes |
//! | `untyped` | no `Content-Type`, which is JSON's otherwise |
//! | `chunked`, `until-close`, `trailer Name: value` | framing of the answer |
//! | `early 103 Link: x` | a 1xx answer first |
//! | `slow 200` | waits so many milliseconds before the head |
//! | `drip 200` | three chunks, waiting between them |
//! | `halves 200` | a body with a length, waiting in its middle |
//! | `count` | reads the body without keeping it; `body` is its length |
//! | `duplex` | sends each chunk of the body back at once |
//! | `hangup` | closes after the answer without having said so |
//! | `short` | promises more bytes than it sends, then closes |
//! | `raw text` | sends this instead of an answer (`\r`, `\n`, `\\` as escapes), then closes |
//! | `close`, `reset`, `silent` | no answer at all |
//! | `deny` | does not switch protocols though asked to |
//! | `fails 2 503 key` | the first two requests with this order are answered with 503 (0: not at all) and `failed`, then one is answered as usual, and it begins anew |
//!
//! One that is asked beside another, by the same request, obeys a header of its own
//! ([`Upstream::obeying`]).
//!
//! A request with `Upgrade` gets 101, and after that its own bytes back.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::json;

use crate::wire::{self, Framing, Head};

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    name: String,
    /// The header of its orders.
    orders: String,
    stopped: AtomicBool,
    connections: AtomicU64,
    requests: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
    last: Mutex<Option<Head>>,
    /// How often orders to fail have been obeyed.
    failed: Mutex<HashMap<String, u64>>,
}

impl Shared {
    /// The status that this request is to fail with.
    fn failing(&self, head: &Head) -> Option<u16> {
        let order = head.all("x-do").find_map(|order| order.strip_prefix("fails "))?;
        let mut words = order.split(' ');
        let times: u64 = words.next()?.parse().ok()?;
        let status = words.next()?.parse().ok()?;
        let mut failed = self.failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let count = failed.entry(order.to_owned()).or_default();
        if *count == times {
            *count = 0;
            return None;
        }
        *count += 1;
        Some(status)
    }

    fn streams(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.streams.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Upstream {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When there is no such port.
    pub fn start(name: &str) -> Self {
        Self::obeying(name, "x-do")
    }

    /// The same for one whose orders are in header lines of this name.
    ///
    /// # Panics
    /// When there is no such port.
    pub fn obeying(name: &str, orders: &str) -> Self {
        let port = crate::ports::free();
        match Self::listen(name, orders, SocketAddr::from(([127, 0, 0, 1], port))) {
            Ok(upstream) => upstream,
            Err(error) => panic!("upstream on port {port}: {error}"),
        }
    }

    /// Starts on the given address.
    ///
    /// # Errors
    /// The socket's.
    pub fn bind(name: &str, address: SocketAddr) -> io::Result<Self> {
        Self::listen(name, "x-do", address)
    }

    fn listen(name: &str, orders: &str, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            orders: orders.to_owned(),
            ..Shared::default()
        });
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &for_thread));
        Ok(Self { address, shared })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Requests seen so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.shared.streams().len()
    }

    /// The head of the latest request.
    pub fn last_head(&self) -> Option<Head> {
        self.shared.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Closes the connections that are open now; new ones are accepted.
    pub fn drop_connections(&self) {
        for stream in self.shared.streams().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        self.drop_connections();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let Ok(copy) = stream.try_clone() else { continue };
        shared.streams().push(copy);
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            let address = stream.peer_addr();
            let _ = serve(stream, number, &shared);
            // The copy in the list would keep the socket open.
            shared.streams().retain(|other| match (&address, other.peer_addr()) {
                (Ok(address), Ok(other)) => *address != other,
                _ => false,
            });
        });
    }
}

/// Whether the connection goes on.
enum Next {
    Again,
    Close,
}

fn serve(stream: TcpStream, connection: u64, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let mut request = 0;
    while let Some(head) = Head::read(&mut reader)? {
        shared.requests.fetch_add(1, Ordering::SeqCst);
        request += 1;
        *shared.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(head.clone());
        let failing = shared.failing(&head);
        let by = &shared.orders;
        let exchange = Exchange { head, connection, request, name: &shared.name, by, failing };
        if let Next::Close = exchange.answer(&mut reader, &mut writer)? {
            break;
        }
    }
    writer.shutdown(Shutdown::Both)
}

struct Exchange<'a> {
    head: Head,
    connection: u64,
    request: u64,
    name: &'a str,
    /// The header of its orders.
    by: &'a str,
    /// The status to fail with; 0: no answer.
    failing: Option<u16>,
}

impl Exchange<'_> {
    /// The rest of the first order that begins with this word.
    fn order<'a>(&'a self, word: &'a str) -> Option<&'a str> {
        self.orders(word).next()
    }

    fn orders<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        self.head.all(self.by).filter_map(move |order| {
            let (first, rest) = order.split_once(' ').unwrap_or((order, ""));
            (first == word).then_some(rest)
        })
    }

    fn milliseconds(&self, word: &str) -> Option<Duration> {
        self.order(word)?.parse().ok().map(Duration::from_millis)
    }

    fn answer(
        &self,
        reader: &mut BufReader<TcpStream>,
        writer: &mut TcpStream,
    ) -> io::Result<Next> {
        if self.order("close").is_some() || self.failing == Some(0) {
            return Ok(Next::Close);
        }
        if self.order("reset").is_some() {
            socket2::SockRef::from(&*writer).set_linger(Some(Duration::ZERO))?;
            return Ok(Next::Close);
        }
        if self.order("silent").is_some() {
            io::copy(reader, &mut io::sink())?;
            return Ok(Next::Close);
        }
        if self.head.header("upgrade").is_some() && self.order("deny").is_none() {
            return self.switch(reader, writer);
        }
        for early in self.orders("early") {
            let (status, header) = early.split_once(' ').unwrap_or((early, ""));
            let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
            write!(writer, "HTTP/1.1 {status} Early\r\n{header}\r\n")?;
        }
        if self.order("duplex").is_some() {
            return self.duplex(reader, writer);
        }
        let counted = self.order("count").is_some();
        let (body, framing, trailers) = self.body(reader, counted)?;
        if let Some(pause) = self.milliseconds("slow") {
            std::thread::sleep(pause);
        }
        if let Some(raw) = self.order("raw") {
            let text = raw.replace("\\r", "\r").replace("\\n", "\n").replace("\\\\", "\\");
            writer.write_all(text.as_bytes())?;
            return Ok(Next::Close);
        }
        let count = |count: &str| count.parse().unwrap_or(0);
        let content = if self.failing.is_some() {
            b"failed".to_vec()
        } else if let Some(text) = self.order("body") {
            text.as_bytes().to_vec()
        } else if let Some(number) = self.order("bytes") {
            pattern(count(number))
        } else if let Some(number) = self.order("text") {
            letters(count(number))
        } else if let Some(number) = self.order("noise") {
            noise(count(number))
        } else if let Some(digits) = self.order("hex") {
            hex(digits)
        } else {
            self.seen(&body, framing, &trailers)
        };
        self.send(writer, &content)
    }

    /// Reads the body: itself (or its length as text), its framing, its trailers.
    #[allow(clippy::type_complexity)]
    fn body(
        &self,
        reader: &mut BufReader<TcpStream>,
        counted: bool,
    ) -> io::Result<(Vec<u8>, &'static str, Vec<(String, String)>)> {
        match self.head.framing() {
            Framing::Unknown => Ok((Vec::new(), "none", Vec::new())),
            Framing::Length(length) if counted => {
                let got = io::copy(&mut reader.take(length), &mut io::sink())?;
                Ok((got.to_string().into_bytes(), "length", Vec::new()))
            }
            Framing::Chunked if counted => {
                let mut length = 0;
                while let Some(chunk) = wire::chunk(reader)? {
                    length += chunk.len();
                }
                Ok((length.to_string().into_bytes(), "chunked", wire::trailers(reader)?))
            }
            framing => {
                let name = if framing == Framing::Chunked { "chunked" } else { "length" };
                let (body, trailers) = wire::body(reader, framing)?;
                Ok((body, name, trailers))
            }
        }
    }

    fn seen(&self, body: &[u8], framing: &str, trailers: &[(String, String)]) -> Vec<u8> {
        let mut words = self.head.first.split(' ');
        let mut json = json!({
            "name": self.name,
            "connection": self.connection,
            "request": self.request,
            "method": words.next(),
            "target": words.next(),
            "version": words.next(),
            "headers": self.head.headers,
            "body": wire::latin1(body),
            "framing": framing,
            "trailers": trailers,
        })
        .to_string();
        json.push('\n');
        json.into_bytes()
    }

    fn send(&self, writer: &mut TcpStream, content: &[u8]) -> io::Result<Next> {
        let failing = self.failing.map(|status| status.to_string());
        let status = failing.as_deref().or(self.order("status")).unwrap_or("200");
        let mut head = format!("HTTP/1.1 {status} As Ordered\r\n");
        for header in self.orders("header") {
            head.push_str(&format!("{header}\r\n"));
        }
        if self
            .orders("header")
            .all(|header| !header.to_ascii_lowercase().starts_with("content-type"))
            && self.order("untyped").is_none()
        {
            head.push_str("Content-Type: application/json\r\n");
        }
        let trailers: Vec<&str> = self.orders("trailer").collect();
        let drip = self.milliseconds("drip");
        let bodiless = self.head.first.starts_with("HEAD ")
            || matches!(status, "204" | "304")
            || status.starts_with('1');
        let chunked = self.order("chunked").is_some() || drip.is_some() || !trailers.is_empty();
        if chunked && !bodiless {
            for trailer in &trailers {
                let name = trailer.split(':').next().unwrap_or_default();
                head.push_str(&format!("Trailer: {name}\r\n"));
            }
            head.push_str("Transfer-Encoding: chunked\r\n\r\n");
            writer.write_all(head.as_bytes())?;
            let parts = if drip.is_some() { 3 } else { 1 };
            for part in content.chunks(content.len().div_ceil(parts).max(1)) {
                write!(writer, "{:x}\r\n", part.len())?;
                writer.write_all(part)?;
                writer.write_all(b"\r\n")?;
                if let Some(pause) = drip {
                    std::thread::sleep(pause);
                }
            }
            writer.write_all(b"0\r\n")?;
            for trailer in &trailers {
                write!(writer, "{trailer}\r\n")?;
            }
            writer.write_all(b"\r\n")?;
        } else {
            let until_close = self.order("until-close").is_some();
            let short = self.order("short").is_some();
            if until_close {
                head.push_str("Connection: close\r\n");
            } else if status != "204" {
                let length = content.len() + if short { 10 } else { 0 };
                head.push_str(&format!("Content-Length: {length}\r\n"));
            }
            head.push_str("\r\n");
            writer.write_all(head.as_bytes())?;
            if !bodiless {
                let (first, second) = match self.milliseconds("halves") {
                    Some(_) => content.split_at(content.len() / 2),
                    None => (content, &[][..]),
                };
                writer.write_all(first)?;
                std::thread::sleep(self.milliseconds("halves").unwrap_or_default());
                writer.write_all(second)?;
            }
            if until_close || short {
                return Ok(Next::Close);
            }
        }
        let close = self.order("hangup").is_some()
            || self.head.header("connection").is_some_and(|value| value == "close");
        Ok(if close { Next::Close } else { Next::Again })
    }

    /// Switches to whatever protocol was asked for and echoes.
    fn switch(
        &self,
        reader: &mut BufReader<TcpStream>,
        writer: &mut TcpStream,
    ) -> io::Result<Next> {
        let protocol = self.head.header("upgrade").unwrap_or_default();
        let mut head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n"
        );
        // RFC 6455's own example; a test that sends another key only wants the tunnel.
        if self.head.header("sec-websocket-key").is_some() {
            head.push_str("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
        }
        for header in self.orders("header") {
            head.push_str(&format!("{header}\r\n"));
        }
        // The greeting leaves together with the 101, as servers do it.
        head.push_str("\r\nhello ");
        writer.write_all(head.as_bytes())?;
        let mut buffer = [0; 4096];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(Next::Close),
                count => writer.write_all(&buffer[..count])?,
            }
        }
    }

    fn duplex(
        &self,
        reader: &mut BufReader<TcpStream>,
        writer: &mut TcpStream,
    ) -> io::Result<Next> {
        writer.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        while let Some(chunk) = wire::chunk(reader)? {
            write!(writer, "{:x}\r\n", chunk.len())?;
            writer.write_all(&chunk)?;
            writer.write_all(b"\r\n")?;
        }
        wire::trailers(reader)?;
        writer.write_all(b"0\r\n\r\n")?;
        Ok(Next::Again)
    }
}

/// `length` bytes that differ by position, so that a lost or doubled piece shows.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

/// `length` letters and blanks, as text has them.
pub fn letters(length: usize) -> Vec<u8> {
    b"the quick brown fox jumps over the lazy dog ".iter().copied().cycle().take(length).collect()
}

/// `length` bytes that nothing makes shorter.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        // Knuth's MMIX generator; its high bits have no pattern that matters here.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// The bytes of these digits.
fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).unwrap_or_default();
            u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("not hexadecimal: {digits}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Client, exchange};

    #[test]
    fn tells_what_it_saw() {
        let upstream = Upstream::start("one");
        let request = "POST /a?b HTTP/1.1\r\nX-lower: V\r\nContent-Length: 2\r\n\r\nhi";
        let mut client = Client::connect(upstream.address()).unwrap();
        client.exchange(request).unwrap();
        let json = client.exchange(request).unwrap().json();
        assert_eq!(json["name"], "one");
        assert_eq!((&json["connection"], &json["request"]), (&json!(1), &json!(2)));
        assert_eq!((&json["method"], &json["target"]), (&json!("POST"), &json!("/a?b")));
        assert_eq!(json["headers"], json!([["X-lower", "V"], ["Content-Length", "2"]]));
        assert_eq!((&json["body"], &json["framing"]), (&json!("hi"), &json!("length")));
        assert_eq!((upstream.connections(), upstream.requests()), (1, 2));
    }

    #[test]
    fn obeys_orders() {
        let upstream = Upstream::start("one");
        let table: [(&[&str], u16, &str); 6] = [
            (&["status 404", "body no"], 404, "no"),
            (&["chunked", "body abc"], 200, "abc"),
            (&["until-close", "body abc"], 200, "abc"),
            (&["drip 1", "body abcdef", "trailer T: v"], 200, "abcdef"),
            (&["early 103 Link: x", "body abc"], 200, "abc"),
            (&[r"raw HTTP/1.1 299 X\r\n\r\nraw"], 299, "raw"),
        ];
        for (orders, status, body) in table {
            let orders: String = orders.iter().map(|order| format!("X-Do: {order}\r\n")).collect();
            let request = format!("GET / HTTP/1.1\r\n{orders}\r\n");
            let response = exchange(upstream.address(), &request).unwrap();
            assert_eq!((response.status, response.text()), (status, body.to_owned()), "{orders}");
        }
        for silence in ["close", "reset", "short"] {
            let request = format!("GET / HTTP/1.1\r\nX-Do: {silence}\r\n\r\n");
            assert!(exchange(upstream.address(), &request).is_err(), "{silence}");
        }
    }

    #[test]
    fn fails_as_often_as_ordered() {
        let upstream = Upstream::start("one");
        let request = "GET / HTTP/1.1\r\nX-Do: fails 2 503 a\r\nX-Do: body b\r\n\r\n";
        for (status, body) in [(503, "failed"), (503, "failed"), (200, "b"), (503, "failed")] {
            let response = exchange(upstream.address(), request).unwrap();
            assert_eq!((response.status, response.text()), (status, body.to_owned()));
        }
    }

    #[test]
    fn switches_protocols() {
        let upstream = Upstream::start("one");
        let mut client = Client::connect(upstream.address()).unwrap();
        client.send("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n").unwrap();
        assert_eq!(client.head().unwrap().first, "HTTP/1.1 101 Switching Protocols");
        client.send("ping").unwrap();
        assert_eq!(client.bytes(10).unwrap(), b"hello ping");
    }
}
