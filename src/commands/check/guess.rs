//! What a file does not say itself: which engine will run it, and what its stack will be called.

use std::path::Path;

use super::stack::{Engine, Stack};
use super::world::{has_labels, is_traefik};
use super::yaml::{Node, Value};

/// Keys of a service that only compose knows.
const OF_COMPOSE: &[&str] =
    &["build", "container_name", "restart", "profiles", "network_mode", "extends"];
/// Those that `docker stack deploy` passes over without harm.
const PASSED_OVER: &[&str] = &["container_name", "restart"];
/// Keys of `deploy` that compose does nothing with, and those that it knows as well.
const OF_SWARM: &[&str] =
    &["mode", "placement", "update_config", "rollback_config", "endpoint_mode"];
const OF_BOTH: &[&str] = &["replicas", "restart_policy"];

/// Who will run a stack, by what it asks for; and whether that leaves no doubt. A hint counts once,
/// however many services give it.
pub fn engine(shown: &str, root: &Node) -> (Engine, bool) {
    let name = Path::new(shown).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let pairs = |section: &str| root.get(section).map(Node::pairs).unwrap_or_default();
    let services = || pairs("services").iter().map(|pair| &pair.node);
    let any = |hint: &dyn Fn(&Node) -> bool| services().any(hint);
    let deploys = |keys: &[&str]| {
        any(&|service| {
            let deploy = service.get("deploy");
            deploy.is_some_and(|deploy| keys.iter().any(|key| deploy.get(key).is_some()))
        })
    };
    let deploy_labels = any(&|service| {
        let labels = service.get("deploy").and_then(|deploy| deploy.get("labels"));
        has_labels(&super::stack::pairs(labels))
    });
    let own_labels = any(&|service| has_labels(&super::stack::pairs(service.get("labels"))));
    let driver = |wanted: &str| {
        pairs("networks").iter().any(|pair| {
            pair.node.get("driver").and_then(Node::text).is_some_and(|driver| driver == wanted)
        })
    };
    // Nobody writes labels below deploy for compose.
    let for_swarm = deploy_labels && !own_labels;
    let keys = OF_COMPOSE.iter().filter(|key| {
        let harmless = for_swarm && PASSED_OVER.contains(key);
        !harmless && any(&|service| service.get(key).is_some())
    });
    let conditions = any(&|service| {
        service.get("depends_on").is_some_and(|on| matches!(on.value, Value::Map(_)))
    });
    let weigh = |hints: &[(bool, usize)]| {
        hints.iter().filter(|(there, _)| *there).map(|(_, weight)| *weight).sum::<usize>()
    };
    let swarm = weigh(&[
        (name.contains("stack"), 2),
        (deploy_labels, 3),
        (deploys(OF_SWARM), 2),
        (deploys(OF_BOTH), 1),
        (driver("overlay"), 2),
    ]);
    let compose = weigh(&[(name.contains("compose"), 1), (conditions, 1), (driver("bridge"), 2)]);
    let compose = compose.saturating_add(keys.count());
    let engine = if compose > swarm { Engine::Compose } else { Engine::Swarm };
    (engine, swarm.abs_diff(compose) > 1)
}

/// The name of a stack by its file: the stem without the words everybody uses, else the folder.
pub fn name(shown: &str, root: &Node) -> String {
    if let Some(name) = root.get("name").and_then(Node::text).filter(|name| !name.is_empty()) {
        return name;
    }
    let path = Path::new(shown);
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let words: Vec<&str> = stem
        .split(['-', '_', '.'])
        .filter(|word| {
            !["", "docker", "stack", "compose", "swarm", "prod", "production", "dev", "yml", "yaml"]
                .contains(&word.to_ascii_lowercase().as_str())
        })
        .collect();
    if !words.is_empty() && !stem.starts_with('<') {
        return words.join("-");
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.and_then(|folder| folder.file_name()).and_then(|name| name.to_str());
    match folder {
        Some(folder) if !matches!(folder, "." | "..") => folder.to_lowercase(),
        _ => "stack".to_owned(),
    }
}

/// The stack's name as a full network name tells it: `myapp_public` for the network `public`.
pub fn name_by_network(stack: &Stack, wanted: &[String]) -> Option<String> {
    let labels = stack.services.iter().flat_map(|service| service.read_labels(stack.engine));
    let labelled = labels
        .filter(|label| {
            is_traefik(&label.key) && label.key.to_ascii_lowercase().ends_with(".network")
        })
        .map(|label| &label.value);
    let own: Vec<&String> = stack
        .networks
        .iter()
        .filter(|(_, network)| !network.external && network.name.is_none())
        .map(|(key, _)| key)
        .collect();
    wanted.iter().chain(labelled).find_map(|name| {
        own.iter().find_map(|key| {
            let prefix = name.strip_suffix(key.as_str())?.strip_suffix('_')?;
            (!prefix.is_empty()).then(|| prefix.to_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::yaml;

    #[test]
    fn names() {
        let root = yaml::read(0, "services: {}").unwrap().root;
        for (shown, expected) in [
            ("docker-stack.yml", "stack"),
            ("examples/Django/docker-stack.yml", "django"),
            ("traefik-stack.yml", "traefik"),
            ("shop.yml", "shop"),
            ("./compose.yaml", "stack"),
            ("<stdin>", "stack"),
        ] {
            assert_eq!(name(shown, &root), expected, "{shown}");
        }
        let named = yaml::read(0, "name: app\nservices: {}").unwrap().root;
        assert_eq!(name("x.yml", &named), "app");
    }

    #[test]
    fn engines() {
        for (shown, text, expected) in [
            (
                "a.yml",
                "services: {a: {deploy: {labels: [traefik.enable=true]}}}",
                (Engine::Swarm, true),
            ),
            ("a.yml", "services: {a: {build: .}}", (Engine::Compose, false)),
            ("a.yml", "services: {a: {build: ., restart: always}}", (Engine::Compose, true)),
            ("docker-compose.yml", "services: {a: {image: x}}", (Engine::Compose, false)),
            (
                "docker-compose.yml",
                "services: {a: {deploy: {mode: global}}}",
                (Engine::Swarm, false),
            ),
            (
                "docker-compose.yml",
                "services: {a: {deploy: {replicas: 2}}}",
                (Engine::Swarm, false),
            ),
            ("a.yml", "services: {a: {image: x}}", (Engine::Swarm, false)),
            (
                "docker-compose.yml",
                "services: {a: {restart: always, container_name: a, deploy: {labels: \
                 [traefik.enable=true]}}, b: {restart: always}, c: {restart: always}}",
                (Engine::Swarm, true),
            ),
            (
                "a.yml",
                "services: {a: {restart: always, labels: [traefik.enable=true]}, b: {restart: \
                 always}}",
                (Engine::Compose, false),
            ),
        ] {
            let root = yaml::read(0, text).unwrap().root;
            assert_eq!(engine(shown, &root), expected, "{text}");
        }
    }
}
