//! A proxy that asks others: a server, one who says who may pass, one who has the error pages; and
//! one who says anything at all.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use swarmgate_testkit::client::{self, Client, Response};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;

use crate::attack::expand;
use crate::house::LIMIT;

/// The install file of a stand that needs nothing more.
pub const PLAIN: &str = "providers: {file: {filename: routing.yml}}\n";

pub struct Stand {
    pub process: Running,
    /// `{APP}`; obeys `X-Do`.
    pub app: Upstream,
    /// `{AUTH}`; obeys `X-Auth-Do`.
    pub auth: Upstream,
    /// `{PAGES}`; obeys `X-Page-Do`.
    pub pages: Upstream,
    /// `{TELLER}`.
    pub teller: Teller,
    ports: Vec<(&'static str, u16)>,
}

impl Stand {
    /// With these files: `routing.yml` has a router for `ready.test`, `install` no entry points.
    /// `{WEB}` is the proxy itself, `{DEAD}` nobody; addresses are without a scheme.
    pub fn start(install: &str, files: &[(&str, &str)]) -> Self {
        let app = Upstream::start("app");
        let auth = Upstream::obeying("auth", "x-auth-do");
        let pages = Upstream::obeying("pages", "x-page-do");
        let teller = Teller::start();
        let ports: Vec<(&str, u16)> =
            ["web", "trusting", "traefik"].map(|name| (name, ports::free())).into();
        let addresses = [
            ("{APP}", app.address().to_string()),
            ("{AUTH}", auth.address().to_string()),
            ("{PAGES}", pages.address().to_string()),
            ("{TELLER}", format!("127.0.0.1:{}", teller.port)),
            ("{DEAD}", format!("127.0.0.1:{}", ports::free())),
            ("{WEB}", format!("127.0.0.1:{}", ports[0].1)),
        ];
        let filled = |text: &str| {
            addresses.iter().fold(text.to_owned(), |text, (name, at)| text.replace(name, at))
        };
        let mut text = format!("{}entryPoints:\n", filled(install));
        for (name, port) in &ports {
            let more = match *name {
                "trusting" => ", forwardedHeaders: {trustedIPs: [127.0.0.0/8]}",
                _ => "",
            };
            text.push_str(&format!("  {name}: {{address: '127.0.0.1:{port}'{more}}}\n"));
        }
        let mut launch = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
            .file("install.yml", &text)
            .arg("--configFile=install.yml");
        for (name, text) in files {
            launch = launch.file(name, &filled(text));
        }
        let mut process = launch.start();
        for (_, port) in &ports {
            process.wait_listening(*port);
        }
        let stand = Self { process, app, auth, pages, teller, ports };
        eventually("its routers serve", LIMIT, || {
            match client::get(stand.port("web"), "ready.test", "/") {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}; it said:\n{}", stand.process.output())),
            }
        });
        stand
    }

    pub fn port(&self, entry_point: &str) -> u16 {
        match self.ports.iter().find(|(name, _)| *name == entry_point) {
            Some((_, port)) => *port,
            None => panic!("no entry point {entry_point}"),
        }
    }

    /// What comes of these bytes, on a connection of their own.
    pub fn send(&self, entry_point: &str, bytes: impl AsRef<[u8]>) -> io::Result<Response> {
        let mut client = Client::connect(("127.0.0.1", self.port(entry_point)))?;
        client.set_timeout(LIMIT)?;
        client.exchange(bytes)
    }

    /// What comes of such a line as the attacks are made of.
    #[track_caller]
    pub fn ask(&self, entry_point: &str, line: &str) -> Response {
        match self.send(entry_point, expand(line)) {
            Ok(answer) => answer,
            Err(error) => panic!("{line:.300}: no answer: {error}"),
        }
    }

    /// It still serves others.
    #[track_caller]
    pub fn is_well(&mut self) {
        assert!(self.process.is_running(), "{}", self.process.output());
        assert_eq!(self.ask("web", "GET / ready.test").status, 200, "{}", self.process.output());
    }
}

/// Says what it is told to say to whoever connects and says something; then it closes.
pub struct Teller {
    port: u16,
    says: Arc<Mutex<Vec<u8>>>,
}

impl Teller {
    fn start() -> Self {
        let port = ports::free();
        let listener = TcpListener::bind(("127.0.0.1", port));
        let listener = listener.unwrap_or_else(|error| panic!("port {port}: {error}"));
        let says = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&says);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let says = shared.lock().unwrap_or_else(|broken| broken.into_inner()).clone();
                thread::spawn(move || tell(stream, &says));
            }
        });
        Self { port, says }
    }

    pub fn say(&self, bytes: impl AsRef<[u8]>) {
        *self.says.lock().unwrap_or_else(|broken| broken.into_inner()) = bytes.as_ref().to_vec();
    }
}

fn tell(mut stream: TcpStream, says: &[u8]) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut heard = [0; 65_536];
    if stream.read(&mut heard)? > 0 {
        stream.write_all(says)?;
    }
    stream.shutdown(Shutdown::Write)?;
    // A connection with bytes that nobody has read would be reset.
    while stream.read(&mut heard)? > 0 {}
    Ok(())
}
