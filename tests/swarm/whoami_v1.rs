//! The stack of Traefik 1.7's tutorials: v1 flags, v1 labels, a global proxy, four replicas.

use std::collections::BTreeSet;
use std::time::Duration;

use swarmgate_testkit::swarm::{Curl, Engine, Stack};

use crate::house::{House, all_answer, example, report, until};

/// The network that exists before the stack, removed with the test.
struct Network<'a>(&'a Engine);

const NETWORK: &str = "traefik-net";

impl<'a> Network<'a> {
    fn create(engine: &'a Engine) -> Self {
        let _ = engine.try_docker(&["network", "rm", NETWORK]);
        engine.docker(&["network", "create", "--driver=overlay", NETWORK]);
        Self(engine)
    }
}

impl Drop for Network<'_> {
    fn drop(&mut self) {
        let _ = self.0.try_docker(&["network", "rm", NETWORK]);
    }
}

#[test]
fn a_stack_of_traefik_1_7_runs_with_its_image_line_changed() {
    let Some(house) = House::enter() else { return };
    let _network = Network::create(&house.engine);
    let stack = Stack::prepare(&house.engine, &example("whoami-v1"), "whoami").replace(
        "docker-stack.yml",
        "image: traefik:v1.7",
        &house.image_line(),
    );
    stack.deploy("docker-stack.yml");

    let curl = Curl::new().arg("--header").arg("Host: whoami.docker.localhost");
    let url = "http://localhost/";
    until(&curl, url, Duration::from_secs(30), |answer| answer.status == 200);
    let replicas = house.replicas(&stack.service("whoami"));
    assert_eq!(replicas.len(), 4, "{replicas:?}");
    all_answer(&curl, url, &replicas, Duration::from_secs(20));
    let names: Vec<String> =
        (0..16).map(|_| curl.get(url).expect("an answer").said("Hostname").to_owned()).collect();
    let different: BTreeSet<&String> = names.iter().collect();
    report(&format!("16 requests were answered by {} replicas", different.len()));
    assert_eq!(different.len(), 4, "{names:?}");

    let dashboard = Curl::new().get("http://localhost:8080/").expect("an answer");
    assert!(matches!(dashboard.status, 301 | 302), "{dashboard:?}");
    assert_eq!(dashboard.header("location"), "http://localhost:8080/dashboard/");
    assert_eq!(Curl::new().get("http://localhost:8080/dashboard/").expect("it").status, 200);
    assert_eq!(Curl::new().get("http://localhost/").expect("an answer").status, 404);

    // Whoever reads the log knows what to write instead.
    let log = stack.logs("traefik");
    for part in [
        "--docker.swarmMode is of Traefik v1",
        "--providers.swarm=true",
        "traefik.http.services.whoami-whoami.loadbalancer.server.port=80",
    ] {
        assert!(log.contains(part), "{part}:\n{log}");
    }
}
