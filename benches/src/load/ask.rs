//! Single requests beside the load: is it ready, is the new router there?

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A single answer may take this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks again and again, over one connection as long as it is kept.
#[derive(Debug)]
pub struct Asker {
    target: SocketAddr,
    connection: Option<TcpStream>,
}

impl Asker {
    /// Nothing is connected yet.
    #[must_use]
    pub fn new(target: SocketAddr) -> Self {
        Self { target, connection: None }
    }

    /// The status that a GET gets.
    ///
    /// # Errors
    /// Nobody listens, or what came was no answer.
    pub fn status(&mut self, host: &str, path: &str) -> io::Result<u16> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = TcpStream::connect_timeout(&self.target, PATIENCE)?;
                connection.set_read_timeout(Some(PATIENCE))?;
                connection.set_nodelay(true)?;
                connection
            }
        };
        write!(connection, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
        let mut seen = Vec::new();
        let mut room = [0; 4096];
        loop {
            if let Some(answer) = answer(&seen) {
                if answer.kept && seen.len() == answer.length {
                    self.connection = Some(connection);
                }
                return Ok(answer.status);
            }
            match connection.read(&mut room)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => seen.extend_from_slice(&room[..n]),
            }
            if seen.len() > 1 << 20 {
                return Err(io::Error::other("the answer has no end"));
            }
        }
    }

    /// Asks every `pause` until the answer is `status`, at most until `deadline`; whether it was.
    pub fn wait(
        &mut self,
        (host, path): (&str, &str),
        status: u16,
        pause: Duration,
        deadline: Instant,
        mut go_on: impl FnMut() -> bool,
    ) -> bool {
        loop {
            if self.status(host, path).is_ok_and(|seen| seen == status) {
                return true;
            }
            if Instant::now() >= deadline || !go_on() {
                return false;
            }
            std::thread::sleep(pause);
        }
    }
}

struct Answer {
    status: u16,
    /// Of head and body.
    length: usize,
    /// Whether the connection can be asked again: the body's end is known and nobody wants to close.
    kept: bool,
}

/// `None`: not all of it is here yet.
fn answer(seen: &[u8]) -> Option<Answer> {
    let end = seen.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(seen.get(..end)?).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let header = |name: &str| {
        head.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| *key == name)
    };
    let length = header("content-length").and_then(|(_, value)| value.trim().parse().ok());
    let closes = header("connection").is_some_and(|(_, value)| value.trim() == "close");
    let whole = (end + 4).saturating_add(length.unwrap_or(0));
    (seen.len() >= whole || length.is_none()).then_some(Answer {
        status,
        length: whole,
        kept: length.is_some() && !closes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Upstream;

    #[test]
    fn answers_whole_and_in_part() {
        let whole = answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nab").unwrap();
        assert_eq!((whole.status, whole.kept), (404, true));
        assert!(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na").is_none());
        assert!(answer(b"HTTP/1.1 200 OK\r\nContent-Le").is_none());
        let chunked = answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        assert!(!chunked.kept);
        let closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        assert!(!answer(closing).unwrap().kept);
    }

    #[test]
    fn asks_again_on_the_same_connection() {
        let upstream = Upstream::start().unwrap();
        let mut asker = Asker::new(upstream.address());
        for _ in 0..3 {
            assert_eq!(asker.status("a.test", "/small").unwrap(), 200);
            assert!(asker.connection.is_some());
        }
        let soon = || Instant::now() + Duration::from_millis(20);
        let pause = Duration::from_millis(1);
        assert!(asker.wait(("a.test", "/"), 200, pause, soon(), || true));
        assert!(!asker.wait(("a.test", "/"), 404, pause, soon(), || true));
        assert!(!asker.wait(("a.test", "/"), 404, pause, soon() + PATIENCE, || false));
    }
}
