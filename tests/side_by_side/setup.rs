//! The two proxies, started from the same files on ports of their own.

use std::path::Path;
use std::time::Duration;

use swarmgate_testkit::certificates::{self, Authority, Certificate};
use swarmgate_testkit::client;
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::secure::Secure;
use swarmgate_testkit::upstream::Upstream;

/// Entry points: name, and what else its block says (indented by four).
const ENTRY_POINTS: &[(&str, &str)] = &[
    ("web", ""),
    ("secure", ""),
    ("redir", "http: {redirections: {entryPoint: {to: secure}}}"),
    ("redir443", "http: {redirections: {entryPoint: {to: ':443', permanent: false}}}"),
    ("redirlow", "http: {redirections: {entryPoint: {to: secure, priority: 10}}}"),
    ("redirhttp", "http: {redirections: {entryPoint: {to: ':80', scheme: http}}}"),
    ("trusted", "forwardedHeaders: {trustedIPs: [127.0.0.0/8]}"),
    ("believing", "forwardedHeaders: {insecure: true}"),
    ("noappend", "forwardedHeaders: {notAppendXForwardedFor: true}"),
    ("keepconn", "forwardedHeaders: {connection: [X-Keep]}"),
    ("raw", "http: {sanitizePath: false}"),
    ("semicolons", "http: {encodeQuerySemicolons: true}"),
    ("small", "http: {maxHeaderBytes: 2000}"),
    ("prepend", "http: {middlewares: [from-ep@file]}"),
    ("tlsall", "http: {tls: {}}"),
    ("counted", "transport: {keepAliveMaxRequests: 2}"),
    ("traefik", ""),
];

/// The routing configuration: one file for each feature, all in one folder.
const ROUTING: &[(&str, &str)] = &[
    ("routing/base.yml", include_str!("routing/base.yml")),
    ("routing/access.yml", include_str!("routing/access.yml")),
    ("routing/options.yml", include_str!("routing/options.yml")),
    ("routing/tries.yml", include_str!("routing/tries.yml")),
    ("routing/layers.yml", include_str!("routing/layers.yml")),
    ("routing/lists.toml", include_str!("routing/lists.toml")),
    ("routing/lists.yml", include_str!("routing/lists.yml")),
    ("routing/v2.yml", include_str!("routing/v2.yml")),
    ("routing/rules.yml", include_str!("routing/rules.yml")),
    ("routing/bodies.yml", include_str!("routing/bodies.yml")),
    ("routing/bodiless.yml", include_str!("routing/bodiless.yml")),
    ("routing/grpc_web.yml", include_str!("routing/grpc_web.yml")),
    ("routing/tls.yml", include_str!("routing/tls.yml")),
    ("routing/asks.yml", include_str!("routing/asks.yml")),
    ("routing/pages.yml", include_str!("routing/pages.yml")),
];

/// What both proxies talk to.
pub struct World {
    /// Answers as `one`.
    pub one: Upstream,
    /// Answers as `two`.
    pub two: Upstream,
    /// Says who may pass; obeys `X-Auth-Do`.
    pub auth: Upstream,
    /// The same over TLS.
    pub secure_auth: Secure,
    /// Gives error pages; obeys `X-Page-Do`.
    pub pages: Upstream,
    /// For `tls.test` and `*.sub.test`.
    pub certificate: Certificate,
    /// What clients may show, by name.
    pub identities: Vec<(&'static str, Certificate)>,
    /// Who has issued `own` and `old`.
    authority: Authority,
    dead: u16,
}

impl World {
    pub fn start() -> Self {
        let authority = Authority::new("The authority");
        let identities = vec![
            ("own", authority.issue("A client", 2020, 2099)),
            ("old", authority.issue("An old client", 2019, 2020)),
            ("stranger", Authority::new("Another").issue("A stranger", 2020, 2099)),
            ("self", certificates::self_signed(&["self.test"])),
        ];
        Self {
            authority,
            identities,
            one: Upstream::start("one"),
            two: Upstream::start("two"),
            auth: Upstream::obeying("auth", "x-auth-do"),
            secure_auth: Secure::start("localhost"),
            pages: Upstream::obeying("pages", "x-page-do"),
            certificate: certificates::self_signed(&["tls.test", "*.sub.test"]),
            dead: ports::free(),
        }
    }

    /// What a client may show.
    pub fn identity(&self, name: &str) -> &Certificate {
        match self.identities.iter().find(|(known, _)| *known == name) {
            Some((_, certificate)) => certificate,
            None => panic!("no identity {name}"),
        }
    }

    /// A file of the routing configuration, with what stands in it for ports filled in.
    pub fn routing(&self, text: &str) -> String {
        text.replace("{ONE}", &self.one.url())
            .replace("{TWO}", &self.two.url())
            .replace("{CA}", &indented(&self.authority.pem()))
            .replace("{AUTH}", &self.auth.address().to_string())
            .replace("{SECURE_AUTH}", &format!("localhost:{}", self.secure_auth.port()))
            .replace("{PAGES}", &self.pages.url())
            .replace("{DEAD}", &format!("http://127.0.0.1:{}", self.dead))
    }
}

/// Below a list's item in YAML.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("            {line}\n")).collect()
}

/// One of the two.
pub struct Side {
    pub ports: Vec<(&'static str, u16)>,
    pub process: Running,
}

impl Side {
    /// Starts it and waits until the routing configuration is in force.
    pub fn start(name: &str, program: &Path, world: &World) -> Self {
        let ports: Vec<(&'static str, u16)> =
            ENTRY_POINTS.iter().map(|(name, _)| (*name, ports::free())).collect();
        let mut install = String::from(
            "providers: {file: {directory: routing}}\napi: {insecure: true}\nping: {}\nlog: {level: INFO, noColor: true}\nentryPoints:\n",
        );
        for ((name, more), (_, port)) in ENTRY_POINTS.iter().zip(&ports) {
            install.push_str(&format!("  {name}:\n    address: '127.0.0.1:{port}'\n"));
            if !more.is_empty() {
                install.push_str(&format!("    {more}\n"));
            }
        }
        let mut launch = Launch::new(program)
            .file("install.yml", &install)
            .file("users.txt", "# eve:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n\n ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=  \r\n\tbob:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/")
            .file("ca.pem", &world.authority.pem())
            .file("self.pem", &world.identity("self").pem)
            .file("tls.pem", &world.certificate.pem)
            .file("tls.key", &world.certificate.key)
            .file("auth.pem", &world.secure_auth.certificate.pem)
            .arg("--configFile=install.yml");
        for (file, text) in ROUTING {
            launch = launch.file(file, &world.routing(text));
        }
        let mut process = launch.start();
        for (_, port) in &ports {
            process.wait_listening(*port);
        }
        let side = Self { ports, process };
        eventually(&format!("{name} serves its routers"), Duration::from_secs(20), || {
            match client::get(side.port("web"), "host.test", "/ready") {
                Ok(response) if response.status == 200 => Ok(()),
                other => Err(format!("{other:?}; it said:\n{}", side.process.output())),
            }
        });
        side
    }

    /// The port of an entry point.
    pub fn port(&self, entry_point: &str) -> u16 {
        match self.ports.iter().find(|(name, _)| *name == entry_point) {
            Some((_, port)) => *port,
            None => panic!("no entry point {entry_point}"),
        }
    }

    /// Our own ports, by the names of their entry points.
    pub fn neutral(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (name, port)| {
            replace_number(&text, &port.to_string(), &format!("<port of {name}>"))
        })
    }
}

/// Not within longer numbers: those of certificates have many digits.
fn replace_number(text: &str, number: &str, with: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(number) {
        let (before, found) = rest.split_at(at);
        let (found, after) = found.split_at(number.len());
        let is_part = before.ends_with(|c: char| c.is_ascii_digit())
            || after.starts_with(|c: char| c.is_ascii_digit());
        replaced.push_str(before);
        replaced.push_str(if is_part { found } else { with });
        rest = after;
    }
    replaced + rest
}
