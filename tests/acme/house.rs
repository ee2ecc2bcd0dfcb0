//! A Pebble, and a proxy with one resolver that asks it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use swarmgate_testkit::client::{self, Client, Response, Trust};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::swarm::Pebble;
use swarmgate_testkit::upstream::Upstream;
use swarmgate_testkit::{ports, real};

/// Longer than an order takes, the ten seconds before a second try among it.
pub const LIMIT: Duration = Duration::from_secs(40);

/// What stays when a proxy is stopped and another one started.
pub struct House {
    pub pebble: Option<Pebble>,
    pub upstream: Upstream,
    pub web: u16,
    pub secure: u16,
    pub api: u16,
    storage: tempfile::TempDir,
    directory_url: String,
    /// Trusted by the proxy: Pebble's own HTTPS.
    ca: String,
    /// Trusted by us: what Pebble issues.
    pub root: String,
}

impl House {
    /// `None` where Pebble is missing; said plainly.
    pub fn new() -> Option<Self> {
        if !Pebble::installed() {
            real::skip("acme", "pebble, pebble-challtestsrv or curl not found");
            return None;
        }
        let (web, secure, api) = (ports::free(), ports::free(), ports::free());
        let pebble = Pebble::start_at("127.0.0.1", web);
        let root = std::fs::read_to_string(pebble.root()).expect("Pebble's root");
        Some(Self {
            directory_url: pebble.directory_url(),
            ca: pebble.server_root(),
            root,
            pebble: Some(pebble),
            upstream: Upstream::start("app"),
            web,
            secure,
            api,
            storage: tempfile::tempdir().expect("a temporary directory"),
        })
    }

    pub fn pebble(&self) -> &Pebble {
        self.pebble.as_ref().expect("Pebble still runs")
    }

    pub fn acme_json(&self) -> PathBuf {
        self.storage.path().join("acme.json")
    }

    /// A proxy (ours or Traefik) with a router for each rule, all of them with the resolver; port
    /// 80 redirects everything to https, as production stacks do.
    pub fn start(&self, program: &Path, rules: &[&str]) -> Running {
        let install = format!(
            "entryPoints:
  http:
    address: '127.0.0.1:{web}'
    http: {{redirections: {{entryPoint: {{to: ':443', scheme: https}}}}}}
  https: {{address: '127.0.0.1:{secure}'}}
  traefik: {{address: '127.0.0.1:{api}'}}
providers: {{file: {{filename: routing.yml}}, providersThrottleDuration: 100ms}}
api: {{insecure: true}}
certificatesResolvers:
  letsencrypt:
    acme:
      email: me@example.test
      caServer: {directory}
      caCertificates: [ca.pem]
      storage: {storage}
      httpChallenge: {{entryPoint: http}}
",
            web = self.web,
            secure = self.secure,
            api = self.api,
            directory = self.directory_url,
            storage = self.acme_json().display(),
        );
        let mut running = Launch::new(program)
            .file("install.yml", &install)
            .file("routing.yml", &self.routing(rules))
            .file("ca.pem", &self.ca)
            .arg("--configFile=install.yml")
            .start();
        for port in [self.web, self.secure] {
            running.wait_listening(port);
        }
        running
    }

    /// Ours.
    pub fn swarmgate(&self, rules: &[&str]) -> Running {
        self.start(Path::new(env!("CARGO_BIN_EXE_swarmgate")), rules)
    }

    /// The routing file.
    pub fn routing(&self, rules: &[&str]) -> String {
        let mut text = String::from("http:\n  routers:\n");
        for (number, rule) in rules.iter().enumerate() {
            text += &format!(
                "    r{number}: {{rule: '{rule}', entryPoints: [https], service: app, tls: \
                 {{certResolver: letsencrypt}}}}\n"
            );
        }
        text + &format!(
            "  services:\n    app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}\n",
            self.upstream.url()
        )
    }

    /// Asks over TLS, trusting Pebble's root and nothing else.
    pub fn ask(&self, name: &str) -> Result<(Response, Vec<u8>), String> {
        let mut client =
            Client::connect_tls(("127.0.0.1", self.secure), name, Trust::Roots(&self.root))
                .map_err(|error| error.to_string())?;
        let certificate = client.certificate().unwrap_or_default().to_vec();
        let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        let response = client.exchange(request).map_err(|error| error.to_string())?;
        Ok((response, certificate))
    }

    /// Waits until a name is served with a certificate of Pebble's; the certificate.
    #[track_caller]
    pub fn served(&self, running: &Running, name: &str) -> Vec<u8> {
        eventually(name, LIMIT, || match self.ask(name) {
            Ok((response, certificate)) if response.status == 200 => Ok(certificate),
            // Right after the start the routing file may not be in force yet.
            Ok((response, _)) => Err(format!("{}; {}", response.status, running.output())),
            Err(error) => Err(format!("{error}; {}", running.output())),
        })
    }

    /// Port 80, as a browser first meets it.
    pub fn plain(&self, host: &str, target: &str) -> Response {
        client::get(self.web, host, target).expect("an answer over plain HTTP")
    }

    /// The file, whose mode must be 0600.
    #[track_caller]
    pub fn stored(&self) -> serde_json::Value {
        let mode = std::fs::metadata(self.acme_json()).expect("acme.json").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read(self.acme_json()).expect("acme.json");
        serde_json::from_slice(&text).expect("JSON")
    }
}
