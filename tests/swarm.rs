//! The main job on the real thing: stacks on a Docker Swarm, our image in Traefik's place, a real CA.
//!
//! Needs the engine of `scripts/engine start`, Pebble and curl (`scripts/install-real-parts`);
//! without them each test says what it skipped, or fails where `SWARMGATE_REQUIRE_REAL=1`.
//! `SWARMGATE_IMAGE` names an image to judge instead of building ours.

#[path = "swarm/development.rs"]
mod development;
#[path = "swarm/django.rs"]
mod django;
#[path = "swarm/docker_run.rs"]
mod docker_run;
#[path = "swarm/house.rs"]
mod house;
#[path = "swarm/kittenapi.rs"]
mod kittenapi;
#[path = "swarm/labels.rs"]
mod labels;
#[path = "swarm/whoami_v1.rs"]
mod whoami_v1;
