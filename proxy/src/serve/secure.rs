//! The TLS handshake: by the options of the server name, where anybody has written any.

use std::pin::pin;
use std::sync::Arc;

use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake, TlsAcceptor};

use crate::connection::{Connection, Stream, TlsInfo, unless_ended};
use crate::tls::{Agreed, Choice, PeerCertificates, Set};
use crate::worker::Worker;

/// `unrecognized_name`, fatal, as a record of its own (RFC 8446 section 6, RFC 6066 section 3):
/// the client has heard nothing yet.
const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];

/// Protocols that requests are spoken in. Options may name others, and bytes that are meant for those
/// are none of ours (RFC 9325 section 3.8).
const SPOKEN: [&[u8]; 3] = [b"h2", b"http/1.1", b"http/1.0"];

/// Holds the handshake of a connection. `None`: there will be no request.
pub async fn secure(
    worker: &Worker,
    entry_point: usize,
    connection: &Connection,
    stream: Stream,
) -> Option<Box<TlsStream<Stream>>> {
    let is_plain = {
        let snapshot = worker.snapshot();
        snapshot.entry_points.get(entry_point).is_none_or(|point| point.handshakes.is_plain())
    };
    let stream = if is_plain {
        let acceptor = TlsAcceptor::from(Arc::clone(&worker.shared.tls));
        unless_ended(connection, pin!(acceptor.accept(stream))).await?.ok()?
    } else {
        Box::pin(chosen(worker, entry_point, connection, stream)).await?
    };
    let session = stream.get_ref().1;
    if session.alpn_protocol().is_some_and(|protocol| !SPOKEN.contains(&protocol)) {
        return None;
    }
    connection.tls.set(Some(info(session)));
    if let Some(name) = session.server_name() {
        // There is one handshake.
        let _ = connection.server_name.set(name.into());
    }
    Some(Box::new(stream))
}

/// Holds a handshake by the options that the client's server name has.
async fn chosen(
    worker: &Worker,
    entry_point: usize,
    connection: &Connection,
    stream: Stream,
) -> Option<TlsStream<Stream>> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
    let hello = unless_ended(connection, pin!(hello)).await?.ok()?;
    let set = match choose(worker, entry_point, &hello) {
        Choice::BuiltIn => None,
        Choice::Set(set) => Some(set),
        // Closed without a word, as Traefik does.
        Choice::Refused => return None,
    };
    if set.as_ref().is_some_and(|set| set.is_strict()) && !is_named(worker, &hello) {
        turn_away(connection, hello).await;
        return None;
    }
    let config = set.as_ref().map_or_else(|| Arc::clone(&worker.shared.tls), |set| set.config());
    let stream = unless_ended(connection, pin!(hello.into_stream(config))).await?.ok()?;
    let session = stream.get_ref().1;
    if let Some(set) = set {
        agree(connection, set, PeerCertificates::of(session));
    }
    Some(stream)
}

/// The options that are in force now, for a client that has said hello.
fn choose(worker: &Worker, entry_point: usize, hello: &StartHandshake<Stream>) -> Choice {
    let snapshot = worker.snapshot();
    let Some(point) = snapshot.entry_points.get(entry_point) else { return Choice::Refused };
    point.handshakes.choose(hello.client_hello().server_name()).clone()
}

/// Whether there is a certificate for the client's server name.
fn is_named(worker: &Worker, hello: &StartHandshake<Stream>) -> bool {
    let hello = hello.client_hello();
    let name = hello.server_name().map(str::to_ascii_lowercase);
    let found = |name: &str| worker.shared.store.by_name(name, hello.signature_schemes());
    name.as_deref().and_then(found).is_some()
}

async fn turn_away(connection: &Connection, hello: StartHandshake<Stream>) {
    let StartHandshake { mut io, .. } = hello;
    let saying = async {
        io.write_all(UNRECOGNIZED_NAME).await?;
        io.shutdown().await
    };
    // The connection is over either way.
    let _ = unless_ended(connection, pin!(saying)).await;
}

/// Keeps what the requests of the connection will be asked about.
fn agree(connection: &Connection, set: Arc<Set>, certificates: Option<PeerCertificates>) {
    // There is one handshake.
    let _ = connection.agreed.set(Box::new(Agreed { set, certificates }));
}

fn info(session: &rustls::ServerConnection) -> TlsInfo {
    TlsInfo {
        version: match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "1.2",
            _ => "1.3",
        },
        cipher: session
            .negotiated_cipher_suite()
            .map_or("-", |suite| crate::tls::cipher_name(suite.suite())),
    }
}
