//! The main job on the real thing: stacks on a Docker Swarm, our image in Traefik's place, a real CA.
//!
//! What the engine's changes cost is measured with the binary itself, in a place on an overlay network
//! (`stage`): how soon a label is live, what is lost while everything changes, how fair a VIP is.
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
#[path = "swarm/fairness.rs"]
mod fairness;
#[path = "swarm/house.rs"]
mod house;
#[path = "swarm/kittenapi.rs"]
mod kittenapi;
#[path = "swarm/labels.rs"]
mod labels;
#[path = "swarm/latency.rs"]
mod latency;
#[path = "swarm/stage.rs"]
mod stage;
#[path = "swarm/whoami_v1.rs"]
mod whoami_v1;
#[path = "swarm/zero_loss.rs"]
mod zero_loss;
