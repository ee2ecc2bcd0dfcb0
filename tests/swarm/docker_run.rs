//! Our image by `docker run` on the manager, attached to the services' network.

use std::time::Duration;

use swarmgate_testkit::swarm::{Curl, Engine};

use crate::house::{House, all_answer, until};

/// Removed in this order when dropped: containers, services, networks.
struct Made<'a>(&'a Engine, &'static str);

impl Made<'_> {
    fn clear(&self) {
        for remove in [&["rm", "--force"] as &[&str], &["service", "rm"], &["network", "rm"]] {
            let mut arguments = remove.to_vec();
            arguments.push(self.1);
            // A network can only go when the service's last task has gone.
            for _ in 0..40 {
                match self.0.try_docker(&arguments) {
                    Err(why) if why.contains("in use") || why.contains("active endpoints") => {
                        std::thread::sleep(Duration::from_millis(250));
                    }
                    _ => break,
                }
            }
        }
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?}", self.0.try_docker(&["logs", self.1]));
        }
        self.clear();
    }
}

#[test]
fn the_image_runs_beside_the_swarm_too() {
    let Some(house) = House::enter() else { return };
    let name = "swarmgate-docker-run";
    let made = Made(&house.engine, name);
    made.clear();
    house.engine.docker(&["network", "create", "--driver=overlay", "--attachable", name]);
    house.engine.docker(&[
        "service",
        "create",
        "--detach",
        "--quiet",
        "--no-resolve-image",
        "--name",
        name,
        "--network",
        name,
        "--replicas=2",
        "--label=traefik.http.routers.run.rule=Host(`run.example.com`) && PathPrefix(`/api`)",
        "--label=traefik.http.routers.run.middlewares=strip",
        "--label=traefik.http.middlewares.strip.stripprefix.prefixes=/api",
        "--label=traefik.http.services.run.loadbalancer.server.port=8080",
        "swarmgate-whoami:latest",
    ]);
    let socket = format!("{0}:{0}:ro", house.engine.socket());
    house.engine.docker(&[
        "run",
        "--detach",
        "--name",
        name,
        "--network",
        name,
        "--publish=80:80",
        "--volume",
        &socket,
        &house.image,
        // The first word that people's command lines begin with.
        "traefik",
        "--entrypoints.web.address=:80",
        "--providers.swarm=true",
        "--ping=true",
        "--ping.entrypoint=web",
    ]);
    let curl = Curl::new();
    let url = "http://run.example.com/api/kittens";
    let answer = until(&curl, url, Duration::from_secs(30), |answer| answer.status == 200);
    assert_eq!(answer.said("Request"), "GET /kittens HTTP/1.1", "{answer:?}");
    assert_eq!(answer.said("x-forwarded-prefix"), "/api", "{answer:?}");
    let replicas = house.replicas(name);
    all_answer(&curl, url, &replicas, Duration::from_secs(20));

    // The image has no shell; the binary inside answers for itself.
    let answer = house.engine.docker(&[
        "exec",
        name,
        "/swarmgate",
        "healthcheck",
        "--entrypoints.web.address=:80",
        "--ping=true",
        "--ping.entrypoint=web",
    ]);
    assert!(answer.starts_with("OK"), "{answer}");

    let start = std::time::Instant::now();
    house.engine.docker(&["stop", "--time=20", name]);
    let code = house.engine.docker(&["inspect", "--format={{.State.ExitCode}}", name]);
    assert_eq!(code, "0", "a graceful stop after SIGTERM");
    assert!(start.elapsed() < Duration::from_secs(15), "stopping took {:?}", start.elapsed());
}
