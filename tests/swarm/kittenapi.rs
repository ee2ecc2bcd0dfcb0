//! The kitten API: map-style labels, only a Host rule, two networks and no word on which to use.

use std::time::Duration;

use swarmgate_testkit::swarm::{Curl, Engine, Stack};

use crate::house::{House, all_answer, example, until};

/// Networks that exist before the stacks, removed with the test.
struct Networks<'a>(&'a Engine, [&'static str; 2]);

impl<'a> Networks<'a> {
    fn create(engine: &'a Engine) -> Self {
        let networks = Self(engine, ["frontend", "backend"]);
        for name in networks.1 {
            let _ = engine.try_docker(&["network", "rm", name]);
            engine.docker(&["network", "create", "--driver=overlay", "--attachable", name]);
        }
        networks
    }
}

impl Drop for Networks<'_> {
    fn drop(&mut self) {
        for name in self.1 {
            let _ = self.0.try_docker(&["network", "rm", name]);
        }
    }
}

#[test]
fn the_service_is_reached_on_the_network_that_both_share() {
    let Some(house) = House::enter() else { return };
    let _networks = Networks::create(&house.engine);
    let proxy = Stack::prepare(&house.engine, &example("kittenapi"), "traefik").replace(
        "traefik-stack.yml",
        "image: traefik:v3.6",
        &house.image_line(),
    );
    let api = Stack::prepare(&house.engine, &example("kittenapi"), "kittenapi");
    proxy.deploy("traefik-stack.yml");
    api.deploy("docker-stack.yml");

    let curl = Curl::new();
    let url = "http://kittenapi.example.com/";
    until(&curl, url, Duration::from_secs(20), |answer| answer.status == 200);
    let replicas = house.replicas("kittenapi_kittenapi");
    assert_eq!(replicas.len(), 2, "{replicas:?}");
    all_answer(&curl, url, &replicas, Duration::from_secs(20));
    assert_eq!(curl.get("http://other.example.com/").expect("an answer").status, 404);

    // Nothing runs, yet the router stays: "try again", not "no such site".
    house.engine.docker(&["service", "scale", "--detach", "kittenapi_kittenapi=0"]);
    let answer = until(&curl, url, Duration::from_secs(30), |answer| answer.status == 503);
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    house.engine.docker(&["service", "scale", "--detach", "kittenapi_kittenapi=2"]);
    until(&curl, url, Duration::from_secs(30), |answer| answer.status == 200);
}
