//! Steady load from many clients: some keep their connection, some open a new one for each request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A request that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(10);

/// Pause of each client between two requests.
const PAUSE: Duration = Duration::from_millis(10);

/// What came of the requests so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests that were sent.
    pub total: u64,
    /// Those that were not answered 200 with a complete body.
    pub failed: u64,
    /// Why, for the first twenty.
    pub reasons: Vec<String>,
    /// Answers per replica (its `x-replica` header).
    pub replicas: BTreeMap<String, u64>,
    /// Answers per version (the `Version:` line).
    pub versions: BTreeMap<String, u64>,
}

/// Running load; see [`Load::stop`].
#[derive(Debug)]
pub struct Load {
    tally: Arc<Mutex<Tally>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Where the requests go.
#[derive(Clone)]
struct Target {
    address: SocketAddr,
    host: String,
    /// `None`: plain HTTP.
    tls: Option<TlsConnector>,
}

impl Load {
    /// Starts `keeping` clients that keep their connection and `fresh` clients that open a new one
    /// for each request, all over TLS on 127.0.0.1:443, trusting the roots in the PEM file `roots`.
    ///
    /// # Panics
    /// When the roots cannot be read.
    pub fn start(host: &str, roots: &Path, keeping: usize, fresh: usize) -> Self {
        let mut store = rustls::RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(roots).expect("a PEM file") {
            store.add(root.expect("a certificate")).expect("a root");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_root_certificates(store)
            .with_no_client_auth();
        let tls = Some(TlsConnector::from(Arc::new(config)));
        let address = SocketAddr::from(([127, 0, 0, 1], 443));
        Self::of(Target { address, host: host.to_owned(), tls }, keeping, fresh)
    }

    /// Like [`Load::start`], over plain HTTP to this address.
    pub fn start_plain(address: SocketAddr, host: &str, keeping: usize, fresh: usize) -> Self {
        Self::of(Target { address, host: host.to_owned(), tls: None }, keeping, fresh)
    }

    fn of(target: Target, keeping: usize, fresh: usize) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (counted, ending) = (Arc::clone(&tally), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let clients = (0..keeping + fresh).map(|index| {
                    let client = client(
                        target.clone(),
                        index < keeping,
                        Arc::clone(&counted),
                        Arc::clone(&ending),
                    );
                    tokio::spawn(client)
                });
                for client in clients.collect::<Vec<_>>() {
                    let _ = client.await;
                }
            });
        });
        Self { tally, stop, thread: Some(thread) }
    }

    /// What came of it so far.
    pub fn tally(&self) -> Tally {
        lock(&self.tally).clone()
    }

    /// Lets the requests under way finish, ends, and returns the whole account.
    #[must_use]
    pub fn stop(mut self) -> Tally {
        self.end();
        self.tally()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

type Sender = http1::SendRequest<Empty<Bytes>>;

/// One client: a request, a pause, until told to stop.
async fn client(target: Target, keeps: bool, tally: Arc<Mutex<Tally>>, stop: Arc<AtomicBool>) {
    let mut kept: Option<Sender> = None;
    let mut count = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        count += 1;
        // Every fourth answer takes a while, so that some are under way whenever a task stops.
        let path = if count.is_multiple_of(4) { "/?wait=150" } else { "/" };
        let asked = tokio::time::timeout(LIMIT, ask(&target, path, kept.take())).await;
        let asked = asked.unwrap_or_else(|_| Err(format!("no answer within {LIMIT:?}")));
        {
            let mut tally = lock(&tally);
            tally.total += 1;
            match asked {
                Ok(answer) => {
                    *tally.replicas.entry(answer.replica).or_default() += 1;
                    *tally.versions.entry(answer.version).or_default() += 1;
                    kept = answer.sender.filter(|_| keeps);
                }
                Err(reason) => {
                    tally.failed += 1;
                    if tally.reasons.len() < 20 {
                        tally.reasons.push(reason);
                    }
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

struct Answered {
    replica: String,
    version: String,
    /// The connection, if the answer left it open.
    sender: Option<Sender>,
}

/// One request; on the kept connection if there is one that still lives.
async fn ask(target: &Target, path: &str, kept: Option<Sender>) -> Result<Answered, String> {
    let reused = kept.is_some();
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        let connection = if reused { "kept" } else { "new" };
        format!("{what} ({connection} connection, {path}): {error}")
    };
    let mut sender = match kept {
        Some(sender) if !sender.is_closed() => sender,
        _ => connect(target).await?,
    };
    let request = Request::get(path)
        .header(header::HOST, &target.host)
        .body(Empty::new())
        .map_err(|error| failed("request", &error))?;
    let response = sender.send_request(request).await.map_err(|error| failed("answer", &error))?;
    let status = response.status();
    let replica = response.headers().get("x-replica");
    let replica = replica.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let body = response.into_body().collect().await.map_err(|error| failed("body", &error))?;
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    if status != 200 {
        return Err(failed("status", &format!("{status} {body}")));
    }
    let version = body.lines().find_map(|line| line.strip_prefix("Version: "));
    let sender = match sender.ready().await {
        Ok(()) => Some(sender),
        // Closed after a complete answer, which the server is free to do.
        Err(_) => None,
    };
    Ok(Answered {
        replica: replica.unwrap_or_default(),
        version: version.unwrap_or_default().to_owned(),
        sender,
    })
}

async fn connect(target: &Target) -> Result<Sender, String> {
    let stream = TcpStream::connect(target.address).await.map_err(|e| format!("connect: {e}"))?;
    let _ = stream.set_nodelay(true);
    let Some(tls) = &target.tls else { return speak(stream).await };
    let name = ServerName::try_from(target.host.clone()).map_err(|e| format!("name: {e}"))?;
    speak(tls.connect(name, stream).await.map_err(|e| format!("TLS: {e}"))?).await
}

async fn speak<S>(stream: S) -> Result<Sender, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|e| format!("handshake: {e}"))?;
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}
