//! A running proxy with one upstream behind `app.test`.

use std::io::{self, BufReader};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use swarmgate_testkit::certificates::{self, Certificate};
use swarmgate_testkit::client::{self, Client, Response};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;
use swarmgate_testkit::wire::Head;

/// Longer than any step of a test takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(20);

pub struct Harness {
    pub process: Running,
    pub upstream: Upstream,
    /// Behind `raw.test` and `hasty-raw.test`, and one of two behind `half.test`, for tests that play the server themselves.
    pub raw: TcpListener,
    /// For `tls.test`.
    pub certificate: Certificate,
    pub web: u16,
    pub secure: u16,
    /// API and ping.
    pub api: u16,
}

impl Harness {
    /// With the defaults.
    pub fn start() -> Self {
        Self::with("", &[])
    }

    /// `transport` is YAML of the entry points `web` and `secure`, in flow style; the flags of the
    /// proxy cannot be used beside a file, so `install` holds further lines of that.
    pub fn with(transport: &str, install: &[&str]) -> Self {
        let (web, secure, api) = (ports::free(), ports::free(), ports::free());
        let upstream = Upstream::start("app");
        let raw = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let certificate = certificates::self_signed(&["tls.test"]);
        let transport = if transport.is_empty() { "{}" } else { transport };
        let text = format!(
            "entryPoints:
  web: {{address: '127.0.0.1:{web}', transport: {transport}}}
  secure: {{address: '127.0.0.1:{secure}', transport: {transport}}}
  traefik: {{address: '127.0.0.1:{api}', transport: {transport}}}
providers: {{file: {{filename: routing.yml}}}}
api: {{insecure: true}}
ping: {{}}
{}\n",
            install.join("\n")
        );
        let routing = format!(
            "http:
  routers:
    app: {{rule: 'Host(`app.test`)', service: app}}
    tls: {{rule: 'Host(`tls.test`)', service: app, tls: {{}}}}
    dead: {{rule: 'Host(`dead.test`)', service: dead}}
    empty: {{rule: 'Host(`empty.test`)', service: empty}}
    hasty: {{rule: 'Host(`hasty.test`)', service: hasty}}
    base-dead: {{rule: 'Host(`base-dead.test`)', service: base-dead}}
    base-live: {{rule: 'Host(`base-live.test`)', service: base-live}}
    raw: {{rule: 'Host(`raw.test`)', service: raw}}
    quiet: {{rule: 'Host(`quiet.test`)', service: app, observability: {{accessLogs: false, metrics: false}}}}
    half: {{rule: 'Host(`half.test`)', service: half}}
    raw-hasty: {{rule: 'Host(`hasty-raw.test`)', service: raw-hasty}}
  services:
    app: {{loadBalancer: {{servers: [{{url: '{url}'}}]}}}}
    dead: {{loadBalancer: {{servers: [{{url: 'http://127.0.0.1:{dead}'}}]}}}}
    empty: {{loadBalancer: {{servers: []}}}}
    hasty: {{loadBalancer: {{serversTransport: hasty, servers: [{{url: '{url}'}}]}}}}
    base-dead: {{loadBalancer: {{servers: [{{url: '{url}'}}, {{url: 'http://127.0.0.1:{dead}/base', preservePath: true}}]}}}}
    base-live: {{loadBalancer: {{servers: [{{url: '{url}/base', preservePath: true}}, {{url: 'http://127.0.0.1:{dead}'}}]}}}}
    raw: {{loadBalancer: {{servers: [{{url: '{raw}'}}]}}}}
    half: {{loadBalancer: {{servers: [{{url: '{raw}'}}, {{url: '{url}'}}]}}}}
    raw-hasty: {{loadBalancer: {{serversTransport: hasty, servers: [{{url: '{raw}'}}]}}}}
  serversTransports:
    hasty: {{forwardingTimeouts: {{responseHeaderTimeout: 300ms}}}}
tls: {{certificates: [{{certFile: tls.pem, keyFile: tls.key}}]}}
",
            url = upstream.url(),
            dead = ports::free(),
            raw = format!("http://{}", raw.local_addr().expect("bound")),
        );
        let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
            .file("install.yml", &text)
            .file("routing.yml", &routing)
            .file("tls.pem", &certificate.pem)
            .file("tls.key", &certificate.key)
            .arg("--configFile=install.yml")
            .start();
        for port in [web, secure, api] {
            process.wait_listening(port);
        }
        let harness = Self { process, upstream, raw, certificate, web, secure, api };
        eventually("the routers serve", LIMIT, || match client::get(web, "app.test", "/") {
            Ok(response) if response.status == 200 => Ok(()),
            other => Err(format!("{other:?}; it said:\n{}", harness.process.output())),
        });
        harness
    }

    /// A connection to `web`.
    pub fn connect(&self) -> Client {
        Client::connect(("127.0.0.1", self.web)).expect("it listens")
    }

    /// A request with these orders for the upstream, on a connection of its own.
    pub fn ask(&self, host: &str, orders: &[&str]) -> io::Result<Response> {
        self.connect().exchange(request(host, orders))
    }

    /// The proxy's next connection to the server that the test plays, and the head on it.
    pub fn accept_raw(&self) -> (Head, BufReader<TcpStream>) {
        let begun = Instant::now();
        self.raw.set_nonblocking(true).expect("a mode");
        let stream = loop {
            match self.raw.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    assert!(begun.elapsed() < LIMIT, "the proxy does not connect");
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("accepting: {error}"),
            }
        };
        stream.set_nonblocking(false).expect("a mode");
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        let mut reader = BufReader::new(stream);
        let head = Head::read(&mut reader).expect("a head").expect("a request");
        (head, reader)
    }

    /// It still serves.
    #[track_caller]
    pub fn is_well(&self) {
        let response = self.ask("app.test", &[]).expect("an answer");
        assert_eq!(response.status, 200, "{}", self.process.output());
    }
}

/// A `GET` with orders for the upstream.
pub fn request(host: &str, orders: &[&str]) -> String {
    let orders: String = orders.iter().map(|order| format!("X-Do: {order}\r\n")).collect();
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n{orders}\r\n")
}
