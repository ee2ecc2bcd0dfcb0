//! A running proxy with routers whose middlewares the test writes, and one upstream.

use std::time::Duration;

use swarmgate_testkit::client::{self, Client, Response};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;

/// Longer than any step of a test takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A proxy with one entry point, `web`.
pub struct Stage {
    pub process: Running,
    pub upstream: Upstream,
    /// Somebody else who may be asked: the service `other`, and `{OTHER}` (`host:port`). Its orders
    /// are in `X-Other-Do`.
    pub other: Upstream,
    pub web: u16,
    revision: u32,
    services: String,
}

/// The routing file: the test's own `http:` section in flow style, beside the service `app` and a
/// router for `ready.test`, whose answers tell the revision that serves.
fn routing(
    upstream: &Upstream,
    other: &Upstream,
    revision: u32,
    routers: &str,
    middlewares: &str,
    services: &str,
) -> String {
    let middlewares = middlewares.replace("{OTHER}", &other.address().to_string());
    let services = services.replace("UPSTREAM", &upstream.url());
    format!(
        "http:
  routers:
    ready: {{rule: 'Host(`ready.test`)', service: app, middlewares: [revision]}}
    {routers}
  middlewares:
    revision: {{headers: {{customResponseHeaders: {{X-Revision: '{revision}'}}}}}}
    {middlewares}
  services:
    app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}
    other: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}{services}
",
        upstream.url(),
        other.url()
    )
}

impl Stage {
    /// `routers` and `middlewares`: YAML, one in a line, each line after the first indented by four.
    pub fn set(routers: &str, middlewares: &str) -> Self {
        Self::set_with(routers, middlewares, &[])
    }

    /// The same with more arguments for the proxy.
    pub fn set_with(routers: &str, middlewares: &str, arguments: &[&str]) -> Self {
        Self::set_over(routers, middlewares, "", arguments)
    }

    /// The same with more services: lines that begin with a line feed and are indented by four, in
    /// which `UPSTREAM` stands for the upstream's URL.
    pub fn set_over(routers: &str, middlewares: &str, services: &str, arguments: &[&str]) -> Self {
        Self::start(routers, middlewares, services, arguments, &[])
    }

    /// The same as [`Stage::set`], with its temporary files there.
    pub fn set_in(folder: &str, routers: &str, middlewares: &str) -> Self {
        Self::start(routers, middlewares, "", &[], &[("TMPDIR", folder)])
    }

    /// The same as [`Stage::set`], with one data-plane thread for everybody.
    pub fn set_on_one_thread(routers: &str, middlewares: &str) -> Self {
        Self::start(routers, middlewares, "", &[], &[("SWARMGATE_THREADS", "1")])
    }

    fn start(
        routers: &str,
        middlewares: &str,
        services: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let (web, upstream) = (ports::free(), Upstream::start("app"));
        let other = Upstream::obeying("other", "x-other-do");
        let launch = Launch::new(env!("CARGO_BIN_EXE_swarmgate"));
        let launch =
            variables.iter().fold(launch, |launch, (name, value)| launch.env(name, *value));
        let mut process = launch
            .file("routing.yml", &routing(&upstream, &other, 0, routers, middlewares, services))
            .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
            .arg("--providers.file.filename=routing.yml")
            .args(arguments.iter().copied())
            .start();
        process.wait_listening(web);
        let services = services.to_owned();
        let stage = Self { process, upstream, other, web, revision: 0, services };
        stage.wait_revision();
        stage
    }

    /// Puts other routers and middlewares in their place, and waits until they serve.
    pub fn change(&mut self, routers: &str, middlewares: &str) {
        self.revision += 1;
        let (upstream, other) = (&self.upstream, &self.other);
        let text = routing(upstream, other, self.revision, routers, middlewares, &self.services);
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

    /// A connection to `web`.
    pub fn connect(&self) -> Client {
        Client::connect(("127.0.0.1", self.web)).expect("it listens")
    }

    /// A `GET` with these orders for the upstream, on a connection of its own.
    pub fn get(&self, host: &str, orders: &[&str]) -> Response {
        self.connect().exchange(request(host, orders)).expect("an answer")
    }
}

/// `GET /` with these orders for the upstream.
pub fn request(host: &str, orders: &[&str]) -> String {
    let orders: String = orders.iter().map(|order| format!("X-Do: {order}\r\n")).collect();
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n{orders}\r\n")
}
