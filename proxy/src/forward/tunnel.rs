//! After a 101: bytes both ways until one side ends.

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, response};
use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};

use super::headers::{Upgrade, clean_answer};
use super::stream::ServerStream;
use crate::connection::ClientStream;
use crate::failure::Failure;
use crate::pool::{Counted, Lease};
use crate::present::Present;

/// Per direction and tunnel, bytes.
const BUFFER: usize = 16 * 1024;

/// The server's end of a tunnel.
#[derive(Debug)]
pub struct Tunnel {
    stream: ServerStream,
    /// What the server has said already.
    read: Bytes,
    _counted: Counted,
}

impl Tunnel {
    /// Checks a 101 against what was asked for, makes it the client's 101 and takes the connection.
    ///
    /// # Errors
    /// The server answers with another protocol.
    pub fn open(
        wanted: &Upgrade,
        answer: &mut response::Parts,
        lease: Option<Lease>,
    ) -> Result<Self, Failure> {
        let got = answer.headers.get(UPGRADE).cloned();
        let got = got
            .filter(|got| wanted.names(got.as_bytes().trim_ascii()))
            .ok_or(Failure::BadUpgrade)?;
        let present = Present::of(&answer.headers);
        clean_answer(&mut answer.headers, present);
        answer.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        answer.headers.insert(UPGRADE, got);
        let (stream, read, counted) =
            lease.and_then(Lease::into_parts).ok_or(Failure::BadUpgrade)?;
        Ok(Self { stream, read, _counted: counted })
    }

    /// Relays until both sides have ended, or either failed. `read`: what the client has said
    /// already.
    pub async fn run(mut self, mut client: ClientStream, read: Bytes) {
        let relay = async {
            self.stream.write_all(&read).await?;
            client.write_all(&self.read).await?;
            copy_bidirectional_with_sizes(&mut client, &mut self.stream, BUFFER, BUFFER).await
        };
        // Either side's end or failure ends both: there is nobody to tell.
        let _ = relay.await;
    }
}
