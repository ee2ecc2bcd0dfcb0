//! TLS options as clients meet them: who is let in, what resumes, what a change does to those who
//! are in already.

use std::process::Command;
use std::time::Duration;

use swarmgate_testkit::certificates::{self, Authority, Certificate};
use swarmgate_testkit::client::{self, Client, Greeting, Response, TlsClient};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;
use swarmgate_testkit::{ports, real};

use crate::harness::LIMIT;

mod changes;
mod ends;
mod neighbours;

const OPTIONS: &str = "
    mtls: {clientAuth: {caFiles: [ca.pem]}}
    other: {clientAuth: {caFiles: [other.pem]}}
    given: {clientAuth: {caFiles: [ca.pem], clientAuthType: VerifyClientCertIfGiven}}
    modern: {minVersion: VersionTLS13}
    strict: {sniStrict: true}
    broken: {clientAuth: {caFiles: [nowhere.pem]}}";

struct Stage {
    process: Running,
    _upstream: Upstream,
    url: String,
    more: &'static str,
    web: u16,
    secure: u16,
    revision: u32,
    authority: Authority,
    ours: Certificate,
    theirs: Certificate,
}

impl Stage {
    fn set() -> Self {
        Self::with("")
    }

    /// With `more` routers. There is also an entry point that redirects to the one with TLS.
    fn with(more: &'static str) -> Self {
        let (web, secure, upstream) = (ports::free(), ports::free(), Upstream::start("app"));
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        let certificate = certificates::self_signed(&["named.test"]);
        let url = upstream.url();
        let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
            .file("routing.yml", &routing(&url, 0, OPTIONS, more))
            .file("ca.pem", &ours.pem())
            .file("other.pem", &theirs.pem())
            .file("tls.pem", &certificate.pem)
            .file("tls.key", &certificate.key)
            .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
            .arg(format!("--entryPoints.secure.address=127.0.0.1:{secure}"))
            .arg(format!("--entryPoints.front.address=127.0.0.1:{}", ports::free()))
            .arg("--entryPoints.front.http.redirections.entryPoint.to=secure")
            .arg("--providers.file.filename=routing.yml")
            .start();
        process.wait_listening(web);
        process.wait_listening(secure);
        let (authority, theirs) = (ours, theirs.issue("theirs", 2020, 2099));
        let ours = authority.issue("ours", 2020, 2099);
        let (_upstream, revision) = (upstream, 0);
        let stage =
            Self { process, _upstream, url, more, web, secure, revision, authority, ours, theirs };
        stage.wait_revision();
        stage
    }

    fn change(&mut self, options: &str) {
        self.revision += 1;
        let text = routing(&self.url, self.revision, options, self.more);
        self.process.replace_file("routing.yml", &text);
        self.wait_revision();
    }

    fn wait_revision(&self) {
        let revision = self.revision.to_string();
        eventually("the configuration serves", LIMIT, || {
            match client::get(self.web, "ready.test", "/") {
                Ok(answer) if answer.header("x-revision") == Some(&revision) => Ok(()),
                other => Err(format!("{other:?}; it said:\n{}", self.process.output())),
            }
        });
    }

    fn client(&self, identity: Option<&Certificate>, version: &str) -> TlsClient {
        TlsClient::new(Greeting { identity, version, ..Greeting::default() }).unwrap()
    }

    fn connect(&self, client: &TlsClient, name: &str) -> std::io::Result<Client> {
        client.connect(("127.0.0.1", self.secure), name)
    }

    /// What a request gets on a connection of its own; nothing: the handshake fails.
    fn ask(&self, client: &TlsClient, name: &str, host: &str) -> Option<Response> {
        ask(&mut self.connect(client, name).ok()?, host)
    }
}

fn ask(client: &mut Client, host: &str) -> Option<Response> {
    ask_for(client, host, "/")
}

fn ask_for(client: &mut Client, host: &str, path: &str) -> Option<Response> {
    client.exchange(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).ok()
}

fn routing(url: &str, revision: u32, options: &str, more: &str) -> String {
    format!(
        "http:
  routers:
    ready: {{rule: 'Host(`ready.test`)', service: app, entryPoints: [web], middlewares: [revision]}}
    open: {{rule: 'Host(`open.test`)', service: app, entryPoints: [secure], tls: {{}}}}
    any: {{rule: 'PathPrefix(`/`)', service: app, entryPoints: [secure], tls: {{}}, priority: 1}}
    mtls: {{rule: 'Host(`mtls.test`)', service: app, entryPoints: [secure], tls: {{options: mtls}}}}
    mixed: {{rule: 'Host(`mixed.test`) || HostRegexp(`^x[.]mixed[.]test$`)', service: app, entryPoints: [secure], tls: {{options: mtls}}}}
    wild: {{rule: 'Host(`*.wild.test`)', service: app, entryPoints: [secure], tls: {{options: mtls}}}}
    other: {{rule: 'Host(`other.test`)', service: app, entryPoints: [secure], tls: {{options: other}}}}
    given: {{rule: 'Host(`given.test`)', service: app, entryPoints: [secure], tls: {{options: given}}}}
    modern: {{rule: 'Host(`modern.test`)', service: app, entryPoints: [secure], tls: {{options: modern}}}}
    strict: {{rule: 'Host(`strict.test`) || Host(`named.test`)', service: app, entryPoints: [secure], tls: {{options: strict}}}}
    broken: {{rule: 'Host(`broken.test`)', service: app, entryPoints: [secure], tls: {{options: broken}}}}
    unknown: {{rule: 'Host(`unknown.test`)', service: app, entryPoints: [secure], tls: {{options: unknown}}}}{more}
  middlewares:
    mark: {{headers: {{customResponseHeaders: {{X-Marked: 'yes'}}}}}}
    revision: {{headers: {{customResponseHeaders: {{X-Revision: '{revision}'}}}}}}
  services:
    app: {{loadBalancer: {{servers: [{{url: '{url}'}}]}}}}
tls:
  certificates: [{{certFile: tls.pem, keyFile: tls.key}}]
  options:{options}
"
    )
}

#[test]
fn who_is_let_in() {
    let stage = Stage::set();
    for version in ["1.2", "1.3"] {
        let nobody = stage.client(None, version);
        let ours = stage.client(Some(&stage.ours), version);
        let theirs = stage.client(Some(&stage.theirs), version);
        // SNI, Host, and the status with no certificate, ours and theirs; 0: no answer at all.
        let table = [
            ("open.test", "open.test", [200, 200, 200]),
            ("", "open.test", [200, 200, 200]),
            ("mtls.test", "mtls.test", [0, 200, 0]),
            ("MTLS.test", "mtls.test.", [0, 200, 0]),
            ("mtls.test", "MTLS.Test:443", [0, 200, 0]),
            ("other.test", "other.test", [0, 0, 200]),
            ("given.test", "given.test", [200, 200, 0]),
            ("a.wild.test", "a.wild.test", [0, 200, 0]),
            ("a.wild.test", "mtls.test", [0, 200, 0]),
            // In by another door.
            ("open.test", "mtls.test", [421, 421, 421]),
            ("open.test", "mtls.test.", [421, 421, 421]),
            ("open.test", "a.wild.test", [421, 421, 421]),
            ("", "mtls.test", [421, 421, 421]),
            ("", "A.WILD.TEST.", [421, 421, 421]),
            ("mtls.test", "open.test", [0, 421, 0]),
            ("mtls.test", "other.test", [0, 421, 0]),
            ("mtls.test", "nobody.test", [0, 421, 0]),
            ("given.test", "mtls.test", [421, 421, 0]),
            // A rule that holds for more hosts than it names.
            ("mixed.test", "mixed.test", [0, 200, 0]),
            ("x.mixed.test", "x.mixed.test", [421, 421, 421]),
            ("mtls.test", "x.mixed.test", [0, 200, 0]),
            ("modern.test", "modern.test", if version == "1.2" { [0; 3] } else { [200; 3] }),
            ("strict.test", "strict.test", [0, 0, 0]),
            ("named.test", "strict.test", [200, 200, 200]),
            ("broken.test", "broken.test", [0, 0, 0]),
            ("unknown.test", "unknown.test", [0, 0, 0]),
            // By the router of any host, which asks for nothing.
            ("open.test", "broken.test", [200, 200, 200]),
        ];
        for (name, host, expected) in table {
            for (client, expected) in [&nobody, &ours, &theirs].into_iter().zip(expected) {
                let got = stage.ask(client, name, host).map_or(0, |answer| answer.status);
                let said = stage.process.output();
                assert_eq!(got, expected, "{version} {name:?} {host:?}: {said}");
            }
        }
    }
    let said = stage.process.output();
    assert!(said.contains("nowhere.pem") && said.contains("unknown TLS options: unknown@file"));
}

#[test]
fn misdirected() {
    let stage = Stage::set();
    let answer = stage.ask(&stage.client(None, ""), "open.test", "mtls.test").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (421, "Misdirected Request\n"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("connection"), None);
}

/// advisories.md J09.
#[test]
fn sessions_stay_where_they_began() {
    let mut stage = Stage::set();
    for version in ["1.2", "1.3"] {
        let ours = stage.client(Some(&stage.ours), version);
        let resumed = |name: &str| {
            let mut client = stage.connect(&ours, name).unwrap();
            // Tickets of TLS 1.3 come behind the handshake.
            assert_eq!(ask(&mut client, name).unwrap().status, 200);
            client.is_resumed()
        };
        assert!(!resumed("mtls.test") && resumed("mtls.test"), "{version}");
        assert!(!resumed("open.test") && resumed("open.test"), "{version}");
    }
    let before: Vec<TlsClient> = ["1.2", "1.3"]
        .into_iter()
        .map(|version| {
            let client = stage.client(Some(&stage.ours), version);
            assert_eq!(stage.ask(&client, "mtls.test", "mtls.test").unwrap().status, 200);
            client
        })
        .collect();
    // A change elsewhere ends no session.
    stage.change(OPTIONS);
    for client in &before {
        let mut connected = stage.connect(client, "mtls.test").unwrap();
        assert!(connected.is_resumed());
        assert_eq!(ask(&mut connected, "mtls.test").unwrap().status, 200);
    }
    // Another authority does, and the client is looked at anew.
    stage.change(&OPTIONS.replace(
        "mtls: {clientAuth: {caFiles: [ca.pem]}}",
        "mtls: {clientAuth: {caFiles: [other.pem]}}",
    ));
    for client in &before {
        assert!(stage.ask(client, "mtls.test", "mtls.test").is_none());
    }
}

/// A connection that is open while its options change.
#[test]
fn connections_outlive_changes() {
    let mut stage = Stage::set();
    let client = stage.client(None, "");
    let open = |stage: &Stage, name: &str, host: &str| {
        let mut connection = stage.connect(&client, name).unwrap();
        assert_eq!(ask(&mut connection, host).unwrap().status, 200);
        connection
    };
    let mut modern = open(&stage, "modern.test", "modern.test");
    let mut anybody = open(&stage, "open.test", "open.test");
    // What is asked of clients stays the same.
    stage.change(&OPTIONS.replace("{minVersion: VersionTLS13}", "{alpnProtocols: [http/1.1]}"));
    assert_eq!(ask(&mut modern, "modern.test").unwrap().status, 200);
    // Now they are to show something: who has not is sent to a new connection.
    stage.change(
        &OPTIONS
            .replace(
                "{minVersion: VersionTLS13}",
                "{clientAuth: {clientAuthType: RequireAnyClientCert}}",
            )
            .replace("strict:", "default: {clientAuth: {caFiles: [ca.pem]}}\n    strict:"),
    );
    for (connection, host) in [(&mut modern, "modern.test"), (&mut anybody, "open.test")] {
        let answer = ask(connection, host).unwrap();
        assert_eq!((answer.status, answer.header("connection")), (421, Some("close")), "{host}");
        assert!(stage.ask(&client, host, host).is_none());
    }
    let ours = stage.client(Some(&stage.ours), "");
    assert_eq!(stage.ask(&ours, "open.test", "open.test").unwrap().status, 200);
}

/// The judge from outside.
#[test]
fn openssl_agrees() {
    let Some(program) = real::openssl("TLS options, as OpenSSL sees them") else { return };
    let stage = Stage::set();
    stage.process.replace_file("own.pem", &format!("{}{}", stage.ours.pem, stage.ours.key));
    let openssl = |arguments: &[&str]| {
        let output = Command::new(&program)
            .args(["s_client", "-connect", &format!("127.0.0.1:{}", stage.secure)])
            .args(arguments)
            .current_dir(stage.process.directory())
            .stdin(std::process::Stdio::null())
            .output()
            .expect("it starts");
        let (told, errors) = (output.stdout, output.stderr);
        format!("{}{}", String::from_utf8_lossy(&told), String::from_utf8_lossy(&errors))
    };
    // Arguments, and what openssl says then.
    let table: &[(&[&str], &str)] = &[
        (&["-servername", "mtls.test", "-tls1_2"], "alert certificate required"),
        (
            &["-servername", "mtls.test", "-cert", "own.pem"],
            "Acceptable client certificate CA names",
        ),
        (&["-servername", "mtls.test", "-cert", "own.pem"], "CN = ours"),
        (&["-servername", "open.test"], "No client certificate CA names sent"),
        (&["-servername", "modern.test", "-tls1_2"], "alert protocol version"),
        (&["-servername", "modern.test"], "TLSv1.3"),
        (&["-servername", "strict.test"], "unrecognized name"),
        (&["-noservername"], "No client certificate CA names sent"),
        (&["-servername", "broken.test"], "no peer certificate available"),
    ];
    for (arguments, expected) in table {
        let said = openssl(arguments);
        assert!(said.contains(expected), "{arguments:?} {expected:?}: {said}");
    }
}

/// advisories.md J02: however the hello is cut, the options are those of its name.
#[test]
fn hellos_in_pieces() {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    let stage = Stage::set();
    let hello = hello_for("broken.test");
    // The options of this name refuse: whoever is not recognised is let in by the default ones.
    let send = |pieces: &[&[u8]]| {
        let mut stream = TcpStream::connect(("127.0.0.1", stage.secure)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        for piece in pieces {
            if stream.write_all(piece).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    };
    let open = hello_for("open.test");
    {
        let mut stream = TcpStream::connect(("127.0.0.1", stage.secure)).unwrap();
        stream.write_all(&open).unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(first, [0x16], "the hello is a good one");
    }
    for cut in (1..hello.len()).step_by(7) {
        let (left, right) = hello.split_at(cut);
        assert_ne!(send(&[left, right]).first(), Some(&0x16), "cut at {cut}");
    }
    // The same message in records of its own for each piece.
    for length in [1, 16, 100] {
        let records: Vec<u8> = hello[5..]
            .chunks(length)
            .flat_map(|piece| {
                let length = u16::try_from(piece.len()).unwrap().to_be_bytes();
                [&[0x16, 3, 1][..], &length, piece].concat()
            })
            .collect();
        assert_ne!(send(&[&records]).first(), Some(&0x16), "records of {length}");
    }
}

/// The first record of a handshake with this name.
fn hello_for(name: &str) -> Vec<u8> {
    use std::io::Read;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let name = name.to_owned();
    let client = std::thread::spawn(move || {
        let client = TlsClient::new(Greeting::default()).unwrap();
        assert!(client.connect(address, &name).is_err());
    });
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = [0; 5];
    stream.read_exact(&mut head).unwrap();
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut body).unwrap();
    drop(stream);
    client.join().unwrap();
    [&head[..], &body].concat()
}
