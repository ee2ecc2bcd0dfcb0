//! A resolver at work between the testkit's CA and a small web server that answers for it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarmgate_acme::{Acme, Challenges, HeldCertificate};
use swarmgate_config::checked::Wanted;
use swarmgate_config::finding::Finding;
use swarmgate_config::install::{self, CertificateResolver, HttpChallenge};
use swarmgate_config::name::QName;
use swarmgate_config::routing::Domain;
use swarmgate_testkit::acme_server::{AcmeServer, AcmeServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here should take, the ten seconds before a second try among it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The CA, the web server's port and a place for `acme.json`.
pub struct World {
    pub server: AcmeServer,
    pub directory: tempfile::TempDir,
    listener: Option<TcpListener>,
}

impl World {
    pub async fn new(change: impl FnOnce(&mut AcmeServerConfig)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = AcmeServerConfig {
            http_port: listener.local_addr().unwrap().port(),
            ..AcmeServerConfig::default()
        };
        change(&mut config);
        Self {
            server: AcmeServer::start(config).unwrap(),
            directory: tempfile::tempdir().unwrap(),
            listener: Some(listener),
        }
    }

    pub fn storage(&self) -> PathBuf {
        self.directory.path().join("acme.json")
    }

    /// Options of a resolver that knows this CA.
    pub fn options(&self) -> install::Acme {
        install::Acme {
            ca_server: self.server.directory_url.clone(),
            ca_certificates: vec![self.server.root_pem.clone()],
            storage: self.storage().to_str().unwrap().into(),
            email: Some("me@example.test".into()),
            http_challenge: Some(HttpChallenge {
                entry_point: Some("web".into()),
                ..HttpChallenge::default()
            }),
            ..install::Acme::default()
        }
    }

    /// Starts the resolver `le`.
    pub fn run(&mut self, options: install::Acme) -> Rig {
        self.run_all([("le".to_owned(), options)].into(), HashSet::new())
    }

    pub fn run_all(
        &mut self,
        resolvers: BTreeMap<String, install::Acme>,
        elsewhere: HashSet<String>,
    ) -> Rig {
        let resolvers = resolvers
            .into_iter()
            .map(|(name, acme)| (name, CertificateResolver { acme: Some(acme), tailscale: None }))
            .collect();
        let (acme, found) = Acme::open(&resolvers);
        assert_eq!(found, []);
        let (elsewhere_sender, elsewhere) = watch::channel(elsewhere);
        let acme = acme.covered_elsewhere(elsewhere);
        let challenges = acme.challenges();
        let web = self.listener.take().map(|listener| tokio::spawn(serve(listener, challenges)));
        let (wanted, wanted_receiver) = watch::channel(Vec::new());
        let (change, changes) = mpsc::unbounded_channel();
        let findings = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&findings);
        let held = acme.held();
        let task = tokio::spawn(acme.run(
            wanted_receiver,
            move |held| {
                let _ = change.send(held);
            },
            move |findings| *told.lock().unwrap() = findings,
        ));
        Rig { held, wanted, changes, findings, task, web, _elsewhere: elsewhere_sender }
    }
}

/// A resolver at work.
pub struct Rig {
    /// What it held when it started.
    pub held: Vec<HeldCertificate>,
    wanted: watch::Sender<Vec<Wanted>>,
    changes: mpsc::UnboundedReceiver<Vec<HeldCertificate>>,
    findings: Arc<Mutex<Vec<Finding>>>,
    task: JoinHandle<()>,
    web: Option<JoinHandle<()>>,
    _elsewhere: watch::Sender<HashSet<String>>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(web) = &self.web {
            web.abort();
        }
    }
}

impl Rig {
    /// Wants certificates of the resolver `le`: each a list of names.
    pub fn want(&self, wanted: &[&str]) {
        self.want_of(&wanted.iter().map(|names| ("le", *names)).collect::<Vec<_>>());
    }

    pub fn want_of(&self, wanted: &[(&str, &str)]) {
        let wanted = wanted.iter().map(|(resolver, names)| {
            let mut names = names.split(' ').map(str::to_owned);
            Wanted {
                resolver: (*resolver).into(),
                domain: Domain { main: names.next().unwrap(), sans: names.collect() },
                router: QName::new("web", "swarm"),
            }
        });
        self.wanted.send(wanted.collect()).unwrap();
    }

    /// The next arrival: everything held.
    pub async fn arrival(&mut self) -> Vec<HeldCertificate> {
        timeout(PATIENCE, self.changes.recv()).await.expect("a certificate in time").unwrap()
    }

    /// Waits for a finding that has all these words.
    pub async fn finding(&self, words: &[&str]) -> String {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let findings: Vec<String> = self.findings();
            let found = findings.iter().find(|text| words.iter().all(|word| text.contains(word)));
            if let Some(found) = found {
                return found.clone();
            }
            assert!(tokio::time::Instant::now() < deadline, "{words:?} not in {findings:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until nothing is wrong (any more).
    pub async fn no_findings(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.findings().is_empty() {
            assert!(tokio::time::Instant::now() < deadline, "{:?}", self.findings());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn findings(&self) -> Vec<String> {
        self.findings.lock().unwrap().iter().map(ToString::to_string).collect()
    }

    /// Closes `wanted` and waits for the end, which must come at once.
    pub async fn stop(mut self) {
        let (other, _) = watch::channel(Vec::new());
        drop(std::mem::replace(&mut self.wanted, other));
        let ended = timeout(Duration::from_secs(2), &mut self.task).await;
        ended.expect("the end comes at once").unwrap();
    }
}

/// The storage as JSON.
pub fn stored(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A web server that knows nothing but challenges.
async fn serve(listener: TcpListener, challenges: Challenges) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let challenges = challenges.clone();
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap_or_default());
            }
            let head = String::from_utf8(head).unwrap();
            let path = head.split(' ').nth(1).unwrap();
            let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
            let token = path.strip_prefix("/.well-known/acme-challenge/").unwrap();
            let answer = match challenges.lookup(host, token) {
                Some(body) => {
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
                }
                None => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        });
    }
}
