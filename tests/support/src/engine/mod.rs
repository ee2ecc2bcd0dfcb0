//! A simulated Docker Engine: its API over a Unix socket, in the state the caller describes.
//!
//! Start one with [`Engine::start`] or [`Engine::start_temporary`], describe services with
//! [`ServiceSpec`] and change them while something watches. Addresses are taken from
//! `127.<octet>.0.0/16` unless the caller gives them, so that a test can listen on a VIP or on a
//! task's address. The engine runs on a thread of its own; its methods may be called from
//! synchronous and asynchronous code.

#[allow(missing_docs)]
mod clock;
#[allow(missing_docs)]
mod json;
#[allow(missing_docs)]
mod server;
mod spec;
mod stack;
#[allow(missing_docs)]
mod state;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

pub use self::spec::{ContainerSpec, Fault, Mode, Published, ServiceSpec};
pub use self::stack::Stack;

use self::server::Shared;
use self::state::State;

/// A running (or stopped) simulated engine. Dropping it stops it and removes its socket.
#[derive(Debug)]
pub struct Engine {
    path: PathBuf,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    thread: Option<thread::JoinHandle<()>>,
    _directory: Option<tempfile::TempDir>,
}

#[derive(Debug)]
enum Command {
    Stop(oneshot::Sender<io::Result<()>>),
    Start(oneshot::Sender<io::Result<()>>),
}

/// What a service looks like now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// Its id.
    pub id: String,
    /// VIPs by network name; empty for DNS round robin.
    pub vips: BTreeMap<String, IpAddr>,
    /// Its tasks.
    pub tasks: Vec<TaskView>,
}

/// What a task looks like now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// Its id.
    pub id: String,
    /// Its slot, from 1.
    pub slot: u32,
    /// `running`, `preparing`, ...
    pub state: String,
    /// Addresses by network name.
    pub addresses: BTreeMap<String, IpAddr>,
}

/// Octets are spread over processes and engines, so that tests side by side seldom meet.
fn next_octet() -> u8 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id());
    u8::try_from(64 + number.wrapping_mul(7) % 180).unwrap_or(64)
}

impl Engine {
    /// Starts an engine that listens on `path`, a manager without services.
    pub fn start(path: impl Into<PathBuf>) -> io::Result<Self> {
        Self::start_with(path.into(), next_octet(), None)
    }

    /// Starts an engine whose addresses are in `127.<octet>.0.0/16`.
    pub fn start_at(path: impl Into<PathBuf>, octet: u8) -> io::Result<Self> {
        Self::start_with(path.into(), octet, None)
    }

    /// Starts an engine on a socket in a temporary directory of its own.
    pub fn start_temporary() -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        Self::start_with(directory.path().join("docker.sock"), next_octet(), Some(directory))
    }

    fn start_with(
        path: PathBuf,
        octet: u8,
        directory: Option<tempfile::TempDir>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(State::new(octet)));
        let (commands, receiver) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("engine-simulator".into()).spawn({
            let (path, shared) = (path.clone(), shared.clone());
            move || runtime.block_on(run(path, shared, receiver))
        })?;
        let engine = Self { path, shared, commands, thread: Some(thread), _directory: directory };
        engine.restart()?;
        Ok(engine)
    }

    fn command(
        &self,
        command: impl FnOnce(oneshot::Sender<io::Result<()>>) -> Command,
    ) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        let gone = || io::Error::other("the engine's thread has ended");
        self.commands.send(command(sender)).map_err(|_| gone())?;
        // The answer comes from another thread within microseconds; waiting here is fine even
        // inside a runtime, where `blocking_recv` would panic.
        let mut receiver = receiver;
        loop {
            match receiver.try_recv() {
                Ok(result) => return result,
                Err(oneshot::error::TryRecvError::Empty) => {
                    thread::sleep(std::time::Duration::from_micros(100));
                }
                Err(oneshot::error::TryRecvError::Closed) => return Err(gone()),
            }
        }
    }

    /// Stops listening, cuts all connections and removes the socket. The state stays.
    pub fn stop(&self) {
        // An engine that has gone is stopped.
        let _ = self.command(Command::Stop);
    }

    /// Listens again after [`Engine::stop`]; cuts connections if it was running.
    pub fn restart(&self) -> io::Result<()> {
        self.command(Command::Start)
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The socket as `unix://...`.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> (T, Vec<Value>)) -> T {
        let mut state = self.shared.lock();
        let (result, events) = change(&mut state);
        for event in events {
            // Nobody may be listening.
            let _ = self.shared.events.send(event);
        }
        result
    }

    /// Creates an overlay network unless it exists; returns its id.
    pub fn create_network(&self, name: &str) -> String {
        self.change(|state| {
            let events = state.create_network(name);
            let id = state.networks.get(name).map(|network| network.id.clone());
            (id.unwrap_or_default(), events)
        })
    }

    /// Creates a bridge network unless it exists.
    pub fn create_bridge(&self, name: &str) {
        self.change(|state| ((), state.create_bridge(name)));
    }

    /// Creates a service and returns its id; fails when the name is taken.
    pub fn create_service(&self, spec: ServiceSpec) -> Result<String, String> {
        self.change(|state| match state.create_service(spec) {
            Ok((id, events)) => (Ok(id), events),
            Err(message) => (Err(message), Vec::new()),
        })
    }

    /// Reads a stack file and creates what it asks for, as `docker stack deploy` does; services
    /// that exist get the file's labels and replicas. Returns the services' names.
    pub fn deploy_stack(&self, stack: &str, text: &str) -> Result<Vec<String>, String> {
        self.deploy(Stack::parse(stack, text)?)
    }

    /// Creates what a stack asks for, possibly changed by the caller (addresses, say).
    pub fn deploy(&self, stack: Stack) -> Result<Vec<String>, String> {
        for network in &stack.networks {
            self.create_network(network);
        }
        let mut names = Vec::new();
        for spec in stack.services {
            names.push(spec.name.clone());
            if self.service(&spec.name).is_some() {
                self.set_labels(&spec.name, spec.labels.clone());
                if let Mode::Replicated(replicas) = spec.mode {
                    self.scale(&spec.name, replicas);
                }
            } else {
                self.create_service(spec)?;
            }
        }
        Ok(names)
    }

    /// Replaces a service's labels.
    pub fn set_labels(&self, service: &str, labels: BTreeMap<String, String>) {
        self.change(|state| ((), state.set_labels(service, |current| *current = labels)));
    }

    /// Sets labels of a service and keeps the others (`docker service update --label-add`).
    pub fn update_labels<'a>(
        &self,
        service: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        let labels: Vec<(String, String)> =
            labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        self.change(|state| ((), state.set_labels(service, |current| current.extend(labels))));
    }

    /// Removes a label of a service.
    pub fn remove_label(&self, service: &str, label: &str) {
        self.change(|state| {
            let events = state.set_labels(service, |current| {
                current.remove(label);
            });
            ((), events)
        });
    }

    /// Gives a service other networks; its tasks move there by [`Engine::replace_task`]. `allocate`:
    /// whether its new VIPs are there at once.
    pub fn set_networks(&self, service: &str, networks: &[&str], allocate: bool) {
        self.change(|state| ((), state.set_networks(service, networks, allocate)));
    }

    /// Changes the number of replicas; the youngest tasks go first.
    pub fn scale(&self, service: &str, replicas: u32) {
        self.change(|state| ((), state.scale(service, replicas)));
    }

    /// Replaces one task, the new one first, as one step of a `start-first` rolling update.
    /// `false` when the service has no task with that index.
    pub fn replace_task(&self, service: &str, index: usize) -> bool {
        self.change(|state| state.replace_task(service, index))
    }

    /// Has one task shut down: it still runs, and is on its way out. `false` when the service has no
    /// task with that index.
    pub fn shut_down_task(&self, service: &str, index: usize) -> bool {
        self.change(|state| state.shut_down_task(service, index))
    }

    /// Sets the state of a rolling update (`updating`, `completed`, ...).
    pub fn set_update_state(&self, service: &str, update: Option<&'static str>) {
        self.change(|state| ((), state.set_update_state(service, update)));
    }

    /// Removes a service.
    pub fn remove_service(&self, service: &str) {
        self.change(|state| ((), state.remove_service(service)));
    }

    /// Runs a plain container and returns its id.
    pub fn run_container(&self, spec: ContainerSpec) -> String {
        self.change(|state| state.run_container(spec))
    }

    /// Stops a plain container, by name or id.
    pub fn stop_container(&self, container: &str) {
        self.change(|state| ((), state.stop_container(container)));
    }

    /// Removes a plain container, by name or id.
    pub fn remove_container(&self, container: &str) {
        self.change(|state| ((), state.remove_container(container)));
    }

    /// Sets a plain container's health: `starting`, `healthy`, `unhealthy`.
    pub fn set_health(&self, container: &str, health: &str) {
        self.change(|state| ((), state.set_health(container, health)));
    }

    /// What a service looks like now.
    pub fn service(&self, name: &str) -> Option<ServiceView> {
        let state = self.shared.lock();
        let service = state.services.get(name)?;
        Some(ServiceView {
            id: service.id.clone(),
            vips: service.vips.clone(),
            tasks: service
                .tasks
                .iter()
                .map(|task| TaskView {
                    id: task.id.clone(),
                    slot: task.slot,
                    state: task.state.clone(),
                    addresses: task.addresses.clone(),
                })
                .collect(),
        })
    }

    /// Names of all services.
    pub fn services(&self) -> Vec<String> {
        self.shared.lock().services.keys().cloned().collect()
    }

    /// Whether new tasks wait in state `preparing` for [`Engine::release_tasks`].
    pub fn hold_tasks(&self, hold: bool) {
        self.shared.lock().hold_tasks = hold;
    }

    /// Starts all tasks that wait.
    pub fn release_tasks(&self) {
        self.change(|state| ((), state.release_tasks()));
    }

    /// Sets the state of all tasks of a service without any event, as if on another node.
    pub fn set_task_states(&self, service: &str, task_state: &str) {
        self.shared.lock().set_task_states(service, task_state);
    }

    /// Whether tasks cause container events, as on the node they run on.
    pub fn local_containers(&self, local: bool) {
        self.shared.lock().local_containers = local;
    }

    /// Makes the node a manager or a worker.
    pub fn set_manager(&self, manager: bool) {
        self.shared.lock().manager = manager;
    }

    /// Sets the newest and the oldest API version that is spoken.
    pub fn set_api_versions(&self, newest: (u32, u32), oldest: (u32, u32)) {
        let mut state = self.shared.lock();
        state.api_version = newest;
        state.min_api_version = oldest;
    }

    /// Sends an event that no change caused.
    pub fn send_event(&self, kind: &str, action: &str, id: &str) {
        let _ = self.shared.events.send(state::event(kind, action, id, &[], "swarm"));
    }

    /// Misbehaves on paths (without version) that begin with `prefix`, until
    /// [`Engine::clear_faults`]. The first matching fault counts.
    pub fn fault(&self, prefix: &str, fault: Fault) {
        self.shared.lock().faults.push((prefix.to_owned(), fault));
    }

    /// Misbehaves once, at the next path that begins so.
    pub fn slip(&self, prefix: &str, fault: Fault) {
        self.shared.lock().slips.push((prefix.to_owned(), fault));
    }

    /// Whether paths without a version are forbidden, as by some socket proxies.
    pub fn versions_only(&self, only: bool) {
        self.shared.lock().versions_only = only;
    }

    /// Behaves again.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Calls so far: `GET /services`, paths without version and query. Inspections count as
    /// `GET /containers/{id}/json`.
    pub fn calls(&self, call: &str) -> usize {
        self.shared.lock().calls.get(call).copied().unwrap_or_default()
    }

    /// All calls so far.
    pub fn all_calls(&self) -> BTreeMap<String, usize> {
        self.shared.lock().calls.clone()
    }

    /// The first 10,000 requests as they came: method and whole target.
    pub fn requests(&self) -> Vec<String> {
        self.shared.lock().requests.clone()
    }

    /// How many clients are reading events.
    pub fn event_readers(&self) -> usize {
        self.shared.events.receiver_count()
    }
}

impl Stack {
    /// Reads a stack file; names get the prefix `<stack>_`.
    pub fn parse(stack: &str, text: &str) -> Result<Self, String> {
        stack::parse(stack, text)
    }

    /// A service of the stack by its whole name.
    pub fn service_mut(&mut self, name: &str) -> Option<&mut ServiceSpec> {
        self.services.iter_mut().find(|service| service.name == name)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
        // Ending the channel ends the thread.
        let (closed, _) = mpsc::unbounded_channel();
        self.commands = closed;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(path: PathBuf, shared: Arc<Shared>, mut commands: mpsc::UnboundedReceiver<Command>) {
    let mut server: Option<tokio::task::JoinHandle<()>> = None;
    while let Some(command) = commands.recv().await {
        if let Some(server) = server.take() {
            server.abort();
            // Wait until its connections are cut.
            let _ = server.await;
        }
        // A socket that was never made need not be removed.
        let _ = std::fs::remove_file(&path);
        match command {
            Command::Stop(answer) => {
                let _ = answer.send(Ok(()));
            }
            Command::Start(answer) => {
                let result = tokio::net::UnixListener::bind(&path).map(|listener| {
                    server = Some(tokio::spawn(server::serve(listener, shared.clone())));
                });
                let _ = answer.send(result);
            }
        }
    }
    if let Some(server) = server {
        server.abort();
    }
}
