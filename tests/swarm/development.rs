//! The Django example in development: containers without Swarm, the dashboard on 8080.

use std::time::Duration;

use serde_yaml::Value;
use swarmgate_testkit::swarm::{Curl, Engine};

use crate::house::{House, example, report, until};

const NETWORK: &str = "swarmgate-development";
const CONTAINERS: [&str; 2] = ["swarmgate-development-web", "swarmgate-development-traefik"];

/// What the test made, removed when dropped.
struct Made<'a>(&'a Engine);

impl Made<'_> {
    fn clear(&self) {
        for name in CONTAINERS {
            let _ = self.0.try_docker(&["rm", "--force", name]);
        }
        let _ = self.0.try_docker(&["network", "rm", NETWORK]);
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?}", self.0.try_docker(&["logs", CONTAINERS[1]]));
        }
        self.clear();
    }
}

/// Starts one service of the compose file as `docker compose` would: its image (or `image` in its
/// place), ports, volumes, labels and command.
fn run(house: &House, compose: &Value, service: &str, name: &str, image: Option<&str>) {
    let service = &compose["services"][service];
    let mut arguments = vec!["run".to_owned(), "--detach".to_owned()];
    arguments.extend(["--name", name, "--network", NETWORK].map(str::to_owned));
    let strings = |key: &str| {
        let list = service[key].as_sequence().cloned().unwrap_or_default();
        list.iter().filter_map(|one| Some(one.as_str()?.to_owned())).collect::<Vec<_>>()
    };
    let folder = example("django");
    for (key, flag) in [("ports", "--publish"), ("labels", "--label"), ("volumes", "--volume")] {
        for value in strings(key) {
            let value = match value.strip_prefix('.') {
                Some(rest) if key == "volumes" => format!("{}{rest}", folder.display()),
                _ => value,
            };
            arguments.extend([flag.to_owned(), value]);
        }
    }
    arguments.push(image.or(service["image"].as_str()).expect("an image").to_owned());
    let command = service["command"].as_str().unwrap_or_default();
    arguments.extend(command.split_whitespace().map(str::to_owned));
    house.engine.docker(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn the_compose_file_runs_with_the_dashboard() {
    let Some(house) = House::enter() else { return };
    let made = Made(&house.engine);
    made.clear();
    let file = std::fs::read_to_string(example("django").join("docker-compose.yml"));
    let mut compose: Value = serde_yaml::from_str(&file.expect("the compose file")).expect("YAML");
    compose.apply_merge().expect("merges");
    house.engine.docker(&["network", "create", NETWORK]);
    run(&house, &compose, "traefik", CONTAINERS[1], Some(&house.image));

    let curl = Curl::new();
    let url = "http://myapp.localhost/admin/";
    until(&curl, url, Duration::from_secs(20), |answer| answer.status == 404);
    run(&house, &compose, "web", CONTAINERS[0], None);
    let answer = until(&curl, url, Duration::from_secs(20), |answer| answer.status == 200);
    assert_eq!(answer.said("Request"), "GET /admin/ HTTP/1.1", "{answer:?}");

    let answer = curl.get("http://localhost:8080/").expect("an answer");
    assert_eq!(answer.status / 100, 3, "{answer:?}");
    assert!(answer.header("location").ends_with("/dashboard/"), "{answer:?}");
    let answer = curl.get("http://localhost:8080/dashboard/").expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = curl.get("http://localhost:8080/api/http/routers/web@docker").expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("Host(`myapp.localhost`)"), "{answer:?}");

    house.engine.docker(&["stop", CONTAINERS[0]]);
    // A request in the very moment of the stop waits for an address that nobody has any more, until
    // the dial timeout; so no single one may wait long here.
    let hasty = Curl::new().arg("--max-time").arg("1");
    let start = std::time::Instant::now();
    until(&hasty, url, Duration::from_secs(10), |answer| answer.status == 404);
    report(&format!("a stopped container is gone after {:.1?}", start.elapsed()));
}
