//! A small ACME server (RFC 8555) on loopback TLS, with faults on demand.
//!
//! It does what a client can notice: directory, nonces, accounts, orders, real HTTP-01 requests,
//! issuance from the CSR, chains with alternates. Every domain is looked for at
//! `127.0.0.1:http_port`. Nonces, URLs, account keys and key authorizations are checked; JWS
//! signatures are not. It runs on a thread of its own, so that synchronous code can use it too.

mod authority;
mod protocol;
mod server;
mod state;
mod validate;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use self::state::State;

/// What the server is asked to do wrong; may be changed while it runs.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Domains whose validation fails.
    pub refuse: BTreeSet<String>,
    /// Answer this many signed requests with this status (and `Retry-After`) and a problem.
    pub answer: Option<Answer>,
    /// Say badNonce to this many signed requests.
    pub bad_nonces: u32,
    /// Answer nothing any more.
    pub hang: bool,
    /// Leave validations of these domains pending for ever.
    pub never_validate: BTreeSet<String>,
    /// Answer this many requests with a page that is no JSON, status 502.
    pub garbage: u32,
}

/// An error answer given instead of the work.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Status: 429 is a rate limit, 500 a fault of the server.
    pub status: u16,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u64>,
    /// How often.
    pub times: u32,
    /// Only for new orders.
    pub only_orders: bool,
}

/// How a server is made.
#[derive(Clone, Debug)]
pub struct AcmeServerConfig {
    /// Where HTTP-01 requests go, on 127.0.0.1, whatever the domain.
    pub http_port: u16,
    /// Where it listens; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Lifetime of the certificates.
    pub validity: Duration,
    /// Requires an external account binding with this key identifier.
    pub external_account: Option<String>,
    /// Profiles that the directory offers.
    pub profiles: Vec<String>,
    /// Faults from the beginning.
    pub faults: Faults,
}

impl Default for AcmeServerConfig {
    fn default() -> Self {
        Self {
            http_port: 80,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            validity: Duration::from_secs(90 * 24 * 3600),
            external_account: None,
            profiles: Vec::new(),
            faults: Faults::default(),
        }
    }
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct AcmeServer {
    /// The directory: `https://127.0.0.1:<port>/directory`.
    pub directory_url: String,
    /// The root behind both the server's own TLS and the certificates it issues.
    pub root_pem: String,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl AcmeServer {
    /// Starts a server; it listens when this returns.
    pub fn start(config: AcmeServerConfig) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(config.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let base = format!("https://{address}");
        let state = State::new(config, base.clone()).map_err(io::Error::other)?;
        let root_pem = state.authority.root_pem();
        let tls = state.authority.server_tls(address.ip()).map_err(io::Error::other)?;
        let state = Arc::new(Mutex::new(state));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&state);
        let thread = thread::Builder::new().name("acme-server".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = server::serve(listener, tls, shared) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self {
            directory_url: format!("{base}/directory"),
            root_pem,
            state,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Changes the faults.
    pub fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.lock().faults);
    }

    /// The names of every order that was accepted, in order of arrival.
    pub fn orders(&self) -> Vec<Vec<String>> {
        self.lock().orders.iter().map(|order| order.names.clone()).collect()
    }

    /// The profiles asked for, order by order.
    pub fn profiles(&self) -> Vec<Option<String>> {
        self.lock().orders.iter().map(|order| order.profile.clone()).collect()
    }

    /// The contacts of every account, in order of registration.
    pub fn accounts(&self) -> Vec<Vec<String>> {
        self.lock().accounts.iter().map(|account| account.contacts.clone()).collect()
    }

    /// Forgets all accounts, as a test CA does at a restart.
    pub fn forget_accounts(&self) {
        for account in &mut self.lock().accounts {
            account.forgotten = true;
        }
    }

    /// How many requests came in, directory and nonces included.
    pub fn requests(&self) -> usize {
        self.lock().requests
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AcmeServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
