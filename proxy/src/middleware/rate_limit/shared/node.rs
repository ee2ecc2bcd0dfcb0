//! One server of a store: how it is reached, and the connections to it that all threads share.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::sync::{mpsc, oneshot};

use super::connection::{self, Failure, Job};
use super::resp::Reply;

/// So many commands wait for a connection to take them; who comes then waits for a place.
const QUEUE: usize = 1024;

/// Threads in the order in which they came here.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
}

/// How a server is reached.
#[derive(Clone)]
pub(super) struct Access {
    /// Without brackets.
    pub host: String,
    pub port: u16,
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub username: String,
    pub password: String,
    /// It has to be a member of a cluster.
    pub cluster: bool,
    pub db: i64,
    pub dial: Duration,
    pub read: Duration,
    pub write: Duration,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// One connection at a time, made when somebody needs it.
#[derive(Default)]
struct Lane {
    /// To whoever drives the connection; closed when it has ended.
    jobs: ArcSwapOption<mpsc::Sender<Job>>,
    /// Held while one is made: no two for the same lane.
    opening: Mutex<()>,
}

/// A server.
pub(super) struct Node {
    pub access: Arc<Access>,
    /// Each thread goes by one of them.
    lanes: Box<[Lane]>,
    /// When it failed last: milliseconds by its cluster's clock, and one; 0: it is well.
    pub lost: AtomicU64,
}

impl Node {
    /// Connects to nobody yet. `lanes`: so many connections at most.
    pub(super) fn new(access: Access, lanes: usize) -> Self {
        let lanes = (0..lanes).map(|_| Lane::default()).collect();
        Self { access: Arc::new(access), lanes, lost: AtomicU64::new(0) }
    }

    /// So many connections at most.
    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Has it run a command. `command` is asked for again where the connection ended before there
    /// was an answer: a store that was restarted, or one that hangs up on who says nothing for long.
    /// `asking`: although it does not have the key yet (`ASKING`).
    pub(super) async fn ask(
        &self,
        command: impl Fn() -> Vec<u8>,
        asking: bool,
    ) -> Result<Reply, Failure> {
        let mut failure = Failure::Ended("there is no connection".into());
        for _ in 0..2 {
            match self.ask_once(command(), asking).await {
                Err(Failure::Ended(why)) => failure = Failure::Ended(why),
                other => return other,
            }
        }
        Err(failure)
    }

    /// Ends its connections: what its address leads to may be another by now.
    pub(super) fn hang_up(&self) {
        for lane in &self.lanes {
            lane.jobs.store(None);
        }
    }

    async fn ask_once(&self, command: Vec<u8>, asking: bool) -> Result<Reply, Failure> {
        let ended = || Failure::Ended("the connection ended".into());
        let (answer, answered) = oneshot::channel();
        let jobs = self.lane().ok_or_else(ended)?.jobs(&self.access);
        jobs.send(Job { command, asking, answer }).await.map_err(|_| ended())?;
        // Whoever drives the connection answers in time, or goes away with it.
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    fn lane(&self) -> Option<&Lane> {
        let number = THREAD.get().checked_rem(self.lanes.len())?;
        self.lanes.get(number)
    }
}

impl Lane {
    /// Where commands go; a new connection if there is none. It is this thread's then.
    fn jobs(&self, access: &Arc<Access>) -> Arc<mpsc::Sender<Job>> {
        let open = || self.jobs.load_full().filter(|jobs| !jobs.is_closed());
        if let Some(jobs) = open() {
            return jobs;
        }
        // Nothing panics while it holds it, and nobody waits.
        let _opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = open() {
            return jobs;
        }
        let (jobs, received) = mpsc::channel(QUEUE);
        tokio::task::spawn_local(connection::run(Arc::clone(access), received));
        let jobs = Arc::new(jobs);
        self.jobs.store(Some(Arc::clone(&jobs)));
        jobs
    }
}
