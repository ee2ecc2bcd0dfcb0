//! What a file does not say itself: which engine will run it, and what its stack will be called.

use std::path::Path;

use super::stack::{Engine, Stack};
use super::world::{has_labels, is_traefik};
use super::yaml::{Node, Value};

/// Who will run a stack, by what it asks for.
pub fn engine(shown: &str, root: &Node) -> Engine {
    let name = Path::new(shown).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let mut swarm = 0_u32;
    let mut compose = 0_u32;
    swarm = swarm.saturating_add(u32::from(name.contains("stack")).saturating_mul(2));
    compose = compose.saturating_add(u32::from(name.contains("compose")));
    for pair in root.get("services").map(Node::pairs).unwrap_or_default() {
        let service = &pair.node;
        if let Some(deploy) = service.get("deploy") {
            let labels = super::stack::pairs(deploy.get("labels"));
            swarm = swarm.saturating_add(u32::from(has_labels(&labels)).saturating_mul(3));
            let own = ["mode", "placement", "update_config", "rollback_config", "endpoint_mode"];
            let asked = own.iter().any(|key| deploy.get(key).is_some());
            swarm = swarm.saturating_add(u32::from(asked).saturating_mul(2));
        }
        let own = ["build", "container_name", "restart", "profiles", "network_mode", "extends"];
        let asked = own.iter().any(|key| service.get(key).is_some());
        let conditions =
            service.get("depends_on").is_some_and(|on| matches!(on.value, Value::Map(_)));
        compose = compose.saturating_add(u32::from(asked || conditions));
    }
    for pair in root.get("networks").map(Node::pairs).unwrap_or_default() {
        let driver = pair.node.get("driver").and_then(Node::text).unwrap_or_default();
        swarm = swarm.saturating_add(u32::from(driver == "overlay").saturating_mul(2));
        compose = compose.saturating_add(u32::from(driver == "bridge").saturating_mul(2));
    }
    if compose > swarm { Engine::Compose } else { Engine::Swarm }
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
            ("a.yml", "services: {a: {deploy: {labels: [traefik.enable=true]}}}", Engine::Swarm),
            ("a.yml", "services: {a: {build: .}}", Engine::Compose),
            ("docker-compose.yml", "services: {a: {image: x}}", Engine::Compose),
            ("docker-compose.yml", "services: {a: {deploy: {mode: global}}}", Engine::Swarm),
            ("a.yml", "services: {a: {image: x}}", Engine::Swarm),
        ] {
            let root = yaml::read(0, text).unwrap().root;
            assert_eq!(engine(shown, &root), expected, "{text}");
        }
    }
}
