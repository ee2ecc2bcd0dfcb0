//! A real certificate authority beside the engine: Pebble, with names that all mean this machine.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::engine::Engine;
use crate::{eventually::eventually, ports, real};

/// A running Pebble, reachable from the tasks of the engine; stopped when dropped.
#[derive(Debug)]
pub struct Pebble {
    directory: TempDir,
    address: String,
    port: u16,
    management: u16,
    /// Management of the name server.
    names: u16,
    children: Vec<Child>,
}

impl Pebble {
    /// Whether the programs are installed.
    pub fn installed() -> bool {
        ["pebble", "pebble-challtestsrv", "curl"].iter().all(|name| real::program(name).is_some())
    }

    /// Starts it on the engine's gateway address, where every task can reach it. It looks for
    /// HTTP-01 answers on port 80 of this machine, whatever the name.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(engine: &Engine) -> Self {
        Self::start_at(&engine.gateway(), 80)
    }

    /// Starts it on an address of this machine. It looks for HTTP-01 answers on `http_port` of
    /// that address, whatever the name.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start_at(address: &str, http_port: u16) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let address = address.to_owned();
        let (port, management, dns) = (ports::free(), ports::free(), ports::free());
        let names_management = ports::free();
        let path = |name: &str| directory.path().join(name);
        write_certificate(directory.path(), &address);
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("{address}:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": path("server.pem"),
            "privateKey": path("server.key"),
            "httpPort": http_port,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        std::fs::write(path("config.json"), config.to_string()).expect("Pebble's configuration");

        let mut names = Command::new("pebble-challtestsrv");
        names
            .args(["-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""])
            .args(["-defaultIPv4", &address])
            // An empty management address would mean port 80.
            .args(["-management", &format!("127.0.0.1:{names_management}")])
            .args(["-dns01", &format!("127.0.0.1:{dns}")]);
        let mut pebble = Command::new("pebble");
        pebble
            .arg("-config")
            .arg(path("config.json"))
            .args(["-dnsserver", &format!("127.0.0.1:{dns}")])
            .env("PEBBLE_VA_NOSLEEP", "1");
        let log = |name: &str| {
            let file = std::fs::File::create(path(name)).expect("a log file");
            (file.try_clone().expect("a log file"), file)
        };
        let mut children = Vec::new();
        for (mut command, name) in [(names, "names.log"), (pebble, "pebble.log")] {
            let (stdout, stderr) = log(name);
            command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
            children.push(command.spawn().expect("Pebble's programs start"));
        }
        let names = names_management;
        let pebble = Self { directory, address, port, management, names, children };
        pebble.save_root();
        pebble
    }

    /// Waits until it answers, and writes the root of the certificates it will issue.
    fn save_root(&self) {
        let url = format!("https://127.0.0.1:{}/roots/0", self.management);
        let root = eventually("Pebble's root", Duration::from_secs(20), || {
            let mut command = Command::new("curl");
            command.args([
                "--silent",
                "--show-error",
                "--fail",
                "--insecure",
                "--noproxy",
                "*",
                &url,
            ]);
            super::engine::run(command, None, Duration::from_secs(5)).map_err(|e| e + &self.log())
        });
        std::fs::write(self.root(), root + "\n").expect("Pebble's root is written");
    }

    /// Gives a name an address of its own; `None` takes it back, so that it means this machine
    /// again.
    ///
    /// # Panics
    /// When the name server does not answer.
    pub fn set_address(&self, name: &str, address: Option<&str>) {
        let (what, body) = match address {
            Some(address) => ("add-a", serde_json::json!({"host": name, "addresses": [address]})),
            None => ("clear-a", serde_json::json!({"host": name})),
        };
        let url = format!("http://127.0.0.1:{}/{what}", self.names);
        eventually("Pebble's names", Duration::from_secs(20), || {
            let mut command = Command::new("curl");
            command.args(["--silent", "--show-error", "--fail", "--noproxy", "*"]);
            command.args(["--data", &body.to_string(), &url]);
            super::engine::run(command, None, Duration::from_secs(5))
        });
    }

    /// The directory URL, as a task of the engine sees it.
    pub fn directory_url(&self) -> String {
        format!("https://{}:{}/dir", self.address, self.port)
    }

    /// PEM of the root that signed Pebble's own HTTPS certificate (for `caCertificates`).
    ///
    /// # Panics
    /// When the file is gone.
    pub fn server_root(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("ca.pem")).expect("the root is there")
    }

    /// The PEM file of the root that signs what Pebble issues; new with each start.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("issued-root.pem")
    }

    /// What Pebble said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("pebble.log")).unwrap_or_default()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Pebble's own HTTPS certificate for `address`, and the root that signs it.
fn write_certificate(directory: &Path, address: &str) {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Swarmgate test root");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = ca.self_signed(&ca_key).expect("a root");
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(vec![address.to_owned(), "localhost".to_owned()])
        .and_then(|params| params.signed_by(&key, &issuer))
        .expect("a certificate");
    for (name, text) in
        [("ca.pem", root.pem()), ("server.pem", server.pem()), ("server.key", key.serialize_pem())]
    {
        std::fs::write(directory.join(name), text).expect("a file in the temporary directory");
    }
}
