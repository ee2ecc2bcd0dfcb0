//! A server that does one thing to each request.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What it does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends this for each read.
    Answer(Vec<u8>),
    /// Sends this for the first read, and closes.
    AnswerAndClose(Vec<u8>),
    /// Sends nothing.
    Silence,
    /// Answers well, but each so many requests only after a time.
    Stall { every: u64, time: Duration },
}

/// The server, until it is dropped.
#[derive(Debug)]
pub struct Scripted {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Scripted {
    pub fn start(act: Act) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let seen = Arc::clone(&stop);
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept()
                && !seen.load(Ordering::Relaxed)
            {
                let (act, count) = (act.clone(), Arc::clone(&count));
                std::thread::spawn(move || serve(client, &act, &count));
            }
        });
        Self { address, stop }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it, to see that.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut client: TcpStream, act: &Act, count: &AtomicU64) {
    let mut buffer = [0; 16 << 10];
    while let Ok(1..) = client.read(&mut buffer) {
        let sent = match act {
            Act::Silence => Ok(()),
            Act::Answer(bytes) => client.write_all(bytes),
            Act::AnswerAndClose(bytes) => {
                let _ = client.write_all(bytes);
                return;
            }
            Act::Stall { every, time } => {
                if (count.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(*every) {
                    std::thread::sleep(*time);
                }
                client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHello there\n")
            }
        };
        if sent.is_err() {
            return;
        }
    }
}
