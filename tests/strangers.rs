//! A name that a stack's labels write is the stack's own: what is wrong with it opens no door to
//! somebody else's object of that name.

use std::time::Duration;

use swarmgate_testkit::client;
use swarmgate_testkit::engine::{Engine, ServiceSpec};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::Launch;
use swarmgate_testkit::upstream::Upstream;

const LIMIT: Duration = Duration::from_secs(30);
const PREFIX: &str = "traefik.http.middlewares.m.addprefix.prefix";
const MISTYPED: &str = "traefik.http.middlewares.m.addprefix.prefx";

#[test]
fn a_mistyped_middleware_is_nobody_elses() {
    let engine = Engine::start_temporary().unwrap();
    let upstreams = [Upstream::start("first"), Upstream::start("second")];
    let service = |stack: &str, upstream: &Upstream, prefix: &str| {
        ServiceSpec::new(format!("{stack}_web"))
            .network("net")
            .label("com.docker.stack.namespace", stack)
            .label(format!("traefik.http.routers.{stack}.rule"), format!("Host(`{stack}.test`)"))
            .label(format!("traefik.http.routers.{stack}.middlewares"), "m")
            .label(format!("traefik.http.services.{stack}.loadbalancer.server.url"), upstream.url())
            .label(PREFIX, prefix)
    };
    engine.create_service(service("first", &upstreams[0], "/first")).unwrap();
    let (web, api) = (ports::free(), ports::free());
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg(format!("--entryPoints.traefik.address=127.0.0.1:{api}"))
        .arg("--api.insecure=true")
        .arg("--providers.providersThrottleDuration=0")
        .arg(format!("--providers.swarm.endpoint={}", engine.endpoint()))
        .start();
    process.wait_listening(api);
    let answers = |host: &str, status: u16| {
        eventually(&format!("{status} for {host}"), LIMIT, || match client::get(web, host, "/") {
            Ok(answer) if answer.status == status => Ok(()),
            other => Err(format!("{other:?}; {}", process.output())),
        });
    };
    let told = |part: &str| {
        eventually(part, LIMIT, || {
            let answer = client::get(api, "localhost", "/api/findings?per_page=1000");
            let text = answer.map_err(|it| it.to_string())?.text();
            if text.contains(part) { Ok(()) } else { Err(text) }
        });
    };
    answers("first.test", 200);
    engine.create_service(service("second", &upstreams[1], "/second")).unwrap();
    told("HTTP middleware defined multiple times");
    answers("second.test", 404);

    // The first one makes a mistake: its site is closed, and does not run through the second's.
    engine.remove_label("first_web", PREFIX);
    engine.update_labels("first_web", [(MISTYPED, "/first")]);
    answers("first.test", 404);
    told("whose labels for it cannot be read");
    answers("second.test", 404);
    answers("first.test", 404);

    // Mended, all is as before; gone, the second gets the name.
    engine.remove_label("first_web", MISTYPED);
    engine.update_labels("first_web", [(PREFIX, "/first")]);
    answers("first.test", 200);
    answers("second.test", 404);
    engine.remove_service("first_web");
    answers("second.test", 200);
    // The first comes back with its mistake: the second is the older one now, and stays.
    let labels = service("first", &upstreams[0], "/first");
    let mut late = labels.label(MISTYPED, "/first");
    late.labels.remove(PREFIX);
    engine.create_service(late).unwrap();
    told("left out, because \\\"m\\\"");
    answers("second.test", 200);
    answers("first.test", 404);
}
