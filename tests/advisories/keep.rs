//! A second house: tight time-outs, TLS options, and a watch over what attacks cost.

use std::fs;
use std::io::{self, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use swarmgate_testkit::certificates::{self, Authority, Certificate};
use swarmgate_testkit::client::{self, Client, Greeting, TlsClient};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;
use swarmgate_testkit::wire::Head;

use crate::house::LIMIT;

/// The time-outs of `hasty`.
pub const HASTE: Duration = Duration::from_secs(2);

const ROUTING: &str = "http:
  routers:
    app: {rule: 'Host(`p.test`)', service: app, entryPoints: [web, hasty]}
    huge: {rule: 'Host(`huge.test`)', service: huge, entryPoints: [web, hasty]}
    open: {rule: 'Host(`open.test`)', service: app, entryPoints: [secure], tls: {}}
    same: {rule: 'Host(`same.test`)', service: app, entryPoints: [secure], tls: {}}
    guarded: {rule: 'Host(`guarded.test`)', service: app, entryPoints: [secure], tls: {}, middlewares: [auth]}
    mtls: {rule: 'Host(`mtls.test`)', service: app, entryPoints: [secure], tls: {options: mtls}}
    wild: {rule: 'Host(`*.w.test`)', service: app, entryPoints: [secure], tls: {options: mtls}}
    free: {rule: 'Host(`free.w.test`)', service: app, entryPoints: [secure], tls: {}}
    negated: {rule: '!Host(`mtls.test`) && PathPrefix(`/negated`)', service: app, entryPoints: [secure], tls: {}}
    other: {rule: 'Host(`other.test`)', service: app, entryPoints: [secure], tls: {options: other}}
    bounded: {rule: 'Host(`bounded.test`)', service: app, entryPoints: [secure], tls: {options: bounded}}
    given: {rule: 'Host(`given.test`)', service: app, entryPoints: [secure], tls: {options: given}, middlewares: [pass]}
    broken: {rule: 'Host(`broken.test`)', service: app, entryPoints: [secure], tls: {options: broken}}
    half: {rule: 'Host(`half.test`)', service: app, entryPoints: [secure], tls: {options: half}}
    revoking: {rule: 'Host(`revoking.test`)', service: app, entryPoints: [secure], tls: {options: revoking}}
  middlewares:
    auth: {basicAuth: {users: ['bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=']}}
    pass: {passTLSClientCert: {pem: true}}
  services:
    app: {loadBalancer: {servers: [{url: '{APP}'}]}}
    huge: {loadBalancer: {servers: [{url: 'http://127.0.0.1:{HUGE}'}]}}
tls:
  certificates: [{CERTIFICATES}]
  options:
    mtls: {clientAuth: {caFiles: [ca.pem]}}
    other: {clientAuth: {caFiles: [other.pem]}}
    bounded: {clientAuth: {caFiles: [bounded.pem]}}
    given: {clientAuth: {caFiles: [ca.pem], clientAuthType: VerifyClientCertIfGiven}}
    broken: {clientAuth: {caFiles: [nowhere.pem]}}
    half: {clientAuth: {caFiles: [ca.pem, nowhere.pem]}}
    revoking: {clientAuth: {caFiles: [ca.pem], crlFiles: [ca.pem]}}
";

const CERTIFICATES: &str = "{certFile: tls.pem, keyFile: tls.key}";

pub struct Keep {
    pub process: Running,
    pub upstream: Upstream,
    pub web: u16,
    pub hasty: u16,
    pub secure: u16,
    pub api: u16,
    huge: u16,
    /// For `open.test`.
    pub certificate: Certificate,
    /// Issues to the clients of `mtls.test`, `*.w.test` and `given.test`.
    pub ours: Authority,
    /// Issues to the clients of `other.test`.
    pub theirs: Authority,
    /// For `bounded.test`; may issue for names below `a.b.test` only.
    pub bounded: Authority,
}

impl Keep {
    pub fn start() -> Self {
        let [web, hasty, secure, api] = [(); 4].map(|()| ports::free());
        let upstream = Upstream::start("app");
        let certificate = certificates::self_signed(&["open.test"]);
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        let bounded = Authority::bounded("bounded", "a.b.test");
        let seconds = HASTE.as_secs();
        let install = format!(
            "entryPoints:
  web: {{address: '127.0.0.1:{web}', transport: {{lifeCycle: {{graceTimeOut: 1s}}}}}}
  hasty: {{address: '127.0.0.1:{hasty}', transport: {{respondingTimeouts: {{readTimeout: {seconds}s, writeTimeout: {seconds}s, idleTimeout: {seconds}s}}}}}}
  secure: {{address: '127.0.0.1:{secure}'}}
  traefik: {{address: '127.0.0.1:{api}'}}
providers: {{file: {{filename: routing.yml}}}}
api: {{insecure: true}}
"
        );
        let huge = huge();
        let routing = routing(&upstream, huge, CERTIFICATES);
        let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
            .file("install.yml", &install)
            .file("routing.yml", &routing)
            .file("tls.pem", &certificate.pem)
            .file("tls.key", &certificate.key)
            .file("ca.pem", &ours.pem())
            .file("other.pem", &theirs.pem())
            .file("bounded.pem", &bounded.pem())
            .arg("--configFile=install.yml")
            .start();
        for port in [web, hasty, secure, api] {
            process.wait_listening(port);
        }
        let keep = Self {
            process,
            upstream,
            web,
            hasty,
            secure,
            api,
            huge,
            certificate,
            ours,
            theirs,
            bounded,
        };
        eventually("its routers serve", LIMIT, || keep.serves());
        keep
    }

    /// Whether somebody else is served.
    pub fn serves(&self) -> Result<(), String> {
        match client::get(self.web, "p.test", "/") {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}; it said:\n{}", self.process.output())),
        }
    }

    /// The certificate of `open.test` leaves the configuration.
    pub fn withdraw_the_certificate(&self) {
        let routing = routing(&self.upstream, self.huge, "");
        self.process.replace_file("routing.yml", &routing);
    }

    /// A client of `secure`, who greets so.
    pub fn client(&self, identity: Option<&Certificate>, version: &str) -> TlsClient {
        let greeting = Greeting { identity, version, ..Greeting::default() };
        TlsClient::new(greeting).expect("a client")
    }

    /// The status of a request on a connection of its own; nothing: the handshake fails.
    pub fn ask(&self, client: &TlsClient, name: &str, host: &str) -> Option<u16> {
        let mut client = client.connect(("127.0.0.1", self.secure), name).ok()?;
        ask(&mut client, host)
    }

    /// Seconds of processor time that it has taken so far.
    pub fn busy(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.pid()));
        let stat = stat.expect("it runs");
        // Behind the name, which is in brackets; user and system time, in hundredths.
        let rest = stat.rsplit(") ").next().unwrap_or_default();
        let ticks: f64 =
            rest.split(' ').skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
        ticks / 100.0
    }

    /// How many files it has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.pid())).map_or(0, Iterator::count)
    }

    /// Resident memory, KiB.
    pub fn memory(&self) -> u64 {
        self.process.resident_kib().expect("it runs")
    }

    /// From now until it is asked: its memory is measured, and a neighbour wants to be served.
    pub fn watch(&self) -> Watch {
        let (pid, web) = (self.process.pid(), self.web);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let watching = thread::spawn(move || {
            let mut seen = Seen { most: resident(pid), ..Seen::default() };
            while !stopped.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let answer = client::get(web, "p.test", "/").map(|answer| answer.status);
                seen.slowest = seen.slowest.max(begun.elapsed());
                if !matches!(answer, Ok(200)) {
                    seen.unserved = Some(format!("{answer:?}"));
                }
                seen.most = seen.most.max(resident(pid));
                thread::sleep(Duration::from_millis(10));
            }
            seen
        });
        Watch { before: self.memory(), stop, watching }
    }
}

fn routing(upstream: &Upstream, huge: u16, certificates: &str) -> String {
    ROUTING
        .replace("{APP}", &upstream.url())
        .replace("{HUGE}", &huge.to_string())
        .replace("{CERTIFICATES}", certificates)
}

/// A server of 1 MiB for whoever asks, that costs its own process next to nothing: its port. It
/// ends with the test.
fn huge() -> u16 {
    static BODY: [u8; 1 << 20] = [b'x'; 1 << 20];
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || -> io::Result<()> {
                let mut reader = BufReader::new(stream.try_clone()?);
                while Head::read(&mut reader)?.is_some() {
                    let length = BODY.len();
                    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
                    stream.write_all(&BODY)?;
                }
                Ok(())
            });
        }
    });
    port
}

/// The status of a `GET` with this host; nothing: the connection is over.
pub fn ask(client: &mut Client, host: &str) -> Option<u16> {
    let answer = client.exchange(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    answer.ok().map(|answer| answer.status)
}

fn resident(pid: u32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    // In pages of 4 KiB.
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4
}

pub struct Watch {
    before: u64,
    stop: Arc<AtomicBool>,
    watching: JoinHandle<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    most: u64,
    slowest: Duration,
    unserved: Option<String>,
}

impl Watch {
    /// Ends the watch: the neighbour was served all the time, and the memory has grown by no more
    /// than so many MiB.
    #[track_caller]
    pub fn end(self, what: &str, most: u64) {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.watching.join().expect("the watch");
        assert!(seen.unserved.is_none(), "{what}: the neighbour got {:?}", seen.unserved);
        assert!(seen.slowest < crate::LONG, "{what}: the neighbour waited {:?}", seen.slowest);
        let grown = seen.most.saturating_sub(self.before);
        println!("{what}: grown by {grown} KiB, the neighbour waited {:?}", seen.slowest);
        assert!(grown < most * 1024, "{what}: grown by {grown} KiB");
    }
}
