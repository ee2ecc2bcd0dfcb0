//! What the micro benchmarks and fuzz targets need and nobody else may touch: a client without a
//! socket, a pool with connections in it, the encoders of `compress`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Version, request};
use swarmgate_config::install::EntryPoint;
use swarmgate_config::routing::ServersTransport;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::balance::{Limits, Server, ServerKey, Transport};
use crate::connection::{Connection, Registry};
use crate::forward::{ServerStream, headers};
pub use crate::middleware::encoded;
use crate::pool::Pools;
use crate::present::Present;
use crate::serve::settle::settle;
use crate::settings::Settings;
use crate::tls;

/// A client whose requests' headers are rewritten as on their way to a server.
#[derive(Debug)]
pub struct Client {
    connection: Rc<Connection>,
    server_name: HeaderValue,
}

impl Client {
    /// An untrusted client of an entry point with default settings.
    ///
    /// # Errors
    /// When the defaults are refused, which would be a defect.
    pub fn new() -> Result<Self, String> {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let settings = Settings::new("web", address, &EntryPoint::default())?;
        let peer = SocketAddr::from(([192, 0, 2, 17], 40_000));
        let connection = Rc::<Registry>::default().open(peer, Arc::new(settings), Rc::default());
        Ok(Self { connection, server_name: HeaderValue::from_static("edge-1") })
    }

    /// A request's headers as they arrive; true: it asks for an upgrade.
    pub fn arrive(&self, headers: &mut HeaderMap, host: &HeaderValue) -> bool {
        let host = Some(host);
        let present = Present::of(headers);
        headers::arrive(
            headers,
            &self.connection,
            &self.server_name,
            host,
            Version::HTTP_11,
            present,
        )
        .is_some()
    }

    /// The one view of a request as everything behind it shares it: its host, and whether it asks
    /// for an upgrade. `None`: it is refused.
    pub fn settle(&self, head: &mut request::Parts) -> Option<(HeaderValue, bool)> {
        let present = Present::of(&head.headers);
        let settled = settle(&self.connection, &self.server_name, head, present);
        let (host, upgrade) = settled.ok()?;
        Some((host.unwrap_or_else(|| HeaderValue::from_static("")), upgrade.is_some()))
    }

    /// A request's headers as they leave for the server.
    pub fn depart(&self, headers: &mut HeaderMap) {
        headers::depart(headers, &self.connection, None, true);
    }

    /// An answer's headers before the client gets them.
    pub fn clean_answer(&self, headers: &mut HeaderMap) {
        let present = Present::of(headers);
        headers::clean_answer(headers, present);
    }
}

/// A thread's pools, with idle connections to one server on loopback.
#[derive(Debug)]
pub struct Pool {
    pools: Pools,
    server: Arc<Server>,
    /// The server's ends, so that the connections stay open.
    _ends: Vec<TcpStream>,
    /// Drives the sockets; dropped last.
    _runtime: Runtime,
}

impl Pool {
    /// `connections` idle ones; `vip_tasks`: the server is a Swarm VIP with so many tasks.
    ///
    /// # Errors
    /// When loopback has no port or no connection to give.
    pub fn new(connections: usize, vip_tasks: Option<u32>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let transport = Transport {
            name: String::new(),
            tls: tls::client_config(&ServersTransport::default()).map_err(io::Error::other)?,
            server_name: None,
            limits: Limits::default(),
        };
        let (pools, ends, server) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let key = ServerKey {
                url: format!("http://{address}"),
                preserve_path: false,
                transport: String::new(),
                vip_tasks,
            };
            let server = Arc::new(Server::build(key, &transport).map_err(io::Error::other)?);
            let (pools, mut ends, mut leases) = (Pools::default(), Vec::new(), Vec::new());
            for _ in 0..connections {
                let near = TcpStream::connect(address).await?;
                ends.push(listener.accept().await?.0);
                leases.push(pools.lease(&server, ServerStream::Plain(near)));
            }
            for lease in leases {
                lease.give_back();
            }
            io::Result::Ok((pools, ends, server))
        })?;
        Ok(Self { pools, server, _ends: ends, _runtime: runtime })
    }

    /// Takes a connection as a request does, and gives it back as its answer does. False: there was
    /// none.
    pub fn take_and_give(&self) -> bool {
        let lease = self.pools.take(&self.server);
        let taken = lease.is_some();
        if let Some(lease) = lease {
            lease.give_back();
        }
        taken
    }
}
