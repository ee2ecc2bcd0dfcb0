//! A new connection to a server: name -> address -> TCP -> TLS -> HTTP/1.1.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::stream::ServerStream;
use crate::balance::Server;
use crate::failure::Failure;
use crate::listen;
use crate::middleware::OneServer;
use crate::pool::{Lease, Pools};
use crate::resolve::Resolver;

/// Traefik's fixed limit of a TLS handshake.
const TLS_HANDSHAKE: Duration = Duration::from_secs(10);

/// Pauses before a refused or failed connection to a Swarm VIP is tried again: another task may
/// answer. Connecting is always safe to repeat.
const VIP_PAUSES: [Duration; 3] =
    [Duration::from_millis(5), Duration::from_millis(50), Duration::from_millis(250)];

/// How long one connection attempt may stay unanswered where another may fare better: at a VIP,
/// whose next connection leads to another task, or while there are other servers. A container that
/// has just gone answers nothing at all, and nobody should wait `dialTimeout` for it.
pub const IMPATIENCE: Duration = Duration::from_secs(1);

/// What happens if a connection cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    /// The caller has other servers to try.
    pub others: bool,
    /// Somebody before the caller tries again, and decides how often.
    pub again: OneServer,
}

/// Connects to a server.
pub async fn connect(
    server: &Arc<Server>,
    pools: &Rc<Pools>,
    resolver: &Resolver,
    chance: Chance,
) -> Result<Lease, Failure> {
    let mut pauses = match server.vip_tasks() {
        0 => [].iter(),
        _ => VIP_PAUSES.iter(),
    };
    let mut made_room = false;
    let stream = loop {
        let pause = pauses.next();
        let limit = match pause {
            None if !chance.others && !chance.again.silent => server.limits.dial,
            _ => server.limits.dial.min(IMPATIENCE),
        };
        match (dial(server, resolver, limit).await, pause) {
            (Ok(stream), _) => break stream,
            // Connections that nobody uses must not be those that others want for.
            (Err(Failure::Connect(error)), _) if !made_room && is_full(&error) => {
                made_room = true;
                pools.clear();
            }
            (Err(failure @ (Failure::Connect(_) | Failure::DialTimeout)), Some(pause))
                if !chance.again.wants(&failure) =>
            {
                tokio::time::sleep(*pause).await;
            }
            (Err(failure), _) => return Err(failure),
        }
    };
    Ok(pools.lease(server, stream))
}

/// Whether no more descriptors can be opened.
fn is_full(error: &io::Error) -> bool {
    let full = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| full.contains(&code))
}

async fn dial(
    server: &Server,
    resolver: &Resolver,
    limit: Duration,
) -> Result<ServerStream, Failure> {
    let dialled = timeout(limit, async {
        match server.host.parse::<IpAddr>() {
            Ok(address) => {
                let address = SocketAddr::new(address, server.port);
                TcpStream::connect(address).await.map_err(Failure::Connect)
            }
            Err(_) => {
                let addresses = resolver.resolve(&server.host).await.map_err(Failure::Resolve)?;
                let mut failure = Failure::Resolve("it has no address".into());
                for address in addresses {
                    match TcpStream::connect(SocketAddr::new(address, server.port)).await {
                        Ok(stream) => return Ok(stream),
                        Err(error) => failure = Failure::Connect(error),
                    }
                }
                Err(failure)
            }
        }
    });
    let stream = dialled.await.map_err(|_| Failure::DialTimeout)??;
    listen::prepare_upstream(&stream).map_err(Failure::Connect)?;
    let Some((config, name)) = &server.tls else { return Ok(ServerStream::Plain(stream)) };
    let handshake = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream);
    match timeout(TLS_HANDSHAKE, handshake).await {
        Err(_) => Err(Failure::TlsTimeout),
        Ok(Err(error)) if error.get_ref().is_some_and(|e| e.is::<rustls::Error>()) => {
            Err(classify_tls(error))
        }
        Ok(Err(error)) => Err(Failure::Connect(error)),
        Ok(Ok(stream)) => Ok(ServerStream::Tls(Box::new(stream))),
    }
}

/// A server that refuses us, or does not speak TLS, is a bad gateway; one that we refuse is our
/// error, as with Traefik.
fn classify_tls(error: io::Error) -> Failure {
    let ours = matches!(
        error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()),
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
    );
    if ours { Failure::Tls(error) } else { Failure::Connect(error) }
}
