//! A stack or compose file's services, as far as a proxy is concerned.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use swarmgate_discovery::offline::{Mode, Planned};

use super::command;
use super::note::Note;
use super::source::Spot;
use super::yaml::{Node, Value};

/// Who will run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// `docker stack deploy`.
    Swarm,
    /// `docker compose up`.
    Compose,
}

/// A label, or any other `key=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Where the key stands.
    pub at: Spot,
}

/// A published port.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// In the container.
    pub target: u16,
    /// Outside, if it is known.
    pub published: Option<u16>,
    /// `mode: host`.
    pub host_mode: bool,
    /// On loopback only.
    pub local: bool,
    /// Where.
    pub at: Spot,
}

/// A mounted volume or folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    /// A path or a volume's name.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// `bind`, `volume`, `tmpfs`...
    pub kind: String,
    /// Whether it cannot be written.
    pub read_only: bool,
    /// Where.
    pub at: Spot,
}

/// A use of a `configs:` or `secrets:` entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Mounted {
    /// `configs` or `secrets`.
    pub section: &'static str,
    /// The entry's key.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Where.
    pub at: Spot,
}

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its key.
    pub key: String,
    /// Where the key stands.
    pub at: Spot,
    /// The whole of it.
    pub node: Node,
    /// `labels`.
    pub labels: Vec<Label>,
    /// `deploy.labels`.
    pub deploy_labels: Vec<Label>,
    /// Keys of networks, and where each is named.
    pub networks: Vec<(String, Spot)>,
    /// `ports`.
    pub ports: Vec<Port>,
    /// `volumes`.
    pub mounts: Vec<Mount>,
    /// `configs` and `secrets`.
    pub configs: Vec<Mounted>,
    /// `environment`.
    pub environment: Vec<Label>,
    /// Words of `entrypoint` and `command`.
    pub command: Vec<(String, Spot)>,
    /// Whether only a shell knows what becomes of the command.
    pub by_shell: bool,
    /// How many tasks.
    pub mode: Mode,
    /// Conditions of `deploy.placement.constraints`.
    pub placement: Vec<String>,
    /// Labels of either place by their keys in lower case.
    by_key: [HashMap<String, usize>; 2],
}

/// A network.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its name in the engine, where the file says it.
    pub name: Option<String>,
    /// It exists before the deployment.
    pub external: bool,
    /// Where.
    pub at: Spot,
}

/// One stack or compose project.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The first of its files.
    pub file: usize,
    /// Its name.
    pub name: String,
    /// Who will run it.
    pub engine: Engine,
    /// Whether that was said, rather than taken from a hint.
    pub sure: bool,
    /// The whole file.
    pub root: Node,
    /// The services, in order.
    pub services: Vec<Service>,
    /// The networks by key.
    pub networks: BTreeMap<String, Network>,
}

impl Service {
    /// The labels that the engine's provider reads.
    pub fn read_labels(&self, engine: Engine) -> &[Label] {
        match engine {
            Engine::Swarm => &self.deploy_labels,
            Engine::Compose => &self.labels,
        }
    }

    /// The label of this key, in any case, among those that are read.
    pub fn label(&self, engine: Engine, key: &str) -> Option<&Label> {
        let (labels, index) = match engine {
            Engine::Swarm => (&self.deploy_labels, &self.by_key[1]),
            Engine::Compose => (&self.labels, &self.by_key[0]),
        };
        labels.get(*index.get(&key.to_lowercase())?)
    }

    /// The image, or nothing.
    pub fn image(&self) -> String {
        self.node.get("image").and_then(Node::text).unwrap_or_default()
    }
}

impl Stack {
    /// What the engine calls a service.
    pub fn own_name(&self, service: &Service) -> String {
        match self.engine {
            Engine::Swarm => format!("{}_{}", self.name, service.key),
            Engine::Compose => match service.node.get("container_name").and_then(Node::text) {
                Some(name) if !name.is_empty() => name,
                _ => format!("{}-{}-1", self.name, service.key),
            },
        }
    }

    /// What the engine calls a network.
    pub fn network_name(&self, key: &str) -> String {
        match self.networks.get(key) {
            Some(Network { name: Some(name), .. }) => name.clone(),
            Some(Network { external: true, .. }) => key.to_owned(),
            _ => format!("{}_{key}", self.name),
        }
    }

    /// The networks of a service by their names in the engine; `None`: the host's network.
    pub fn networks_of(&self, service: &Service) -> Option<BTreeSet<String>> {
        let mode = service.node.get("network_mode").and_then(Node::text).unwrap_or_default();
        if mode == "host" && self.engine == Engine::Compose {
            return None;
        }
        if matches!(mode.as_str(), "none" | "bridge") && self.engine == Engine::Compose {
            return Some(BTreeSet::from([mode]));
        }
        let mut names: BTreeSet<String> =
            service.networks.iter().map(|(key, _)| self.network_name(key)).collect();
        if names.is_empty() {
            names.insert(self.network_name("default"));
        }
        if names.remove("host") && names.is_empty() { None } else { Some(names) }
    }

    /// A service as the engine would see it once it is deployed.
    pub fn planned(&self, service: &Service) -> Planned {
        let mut labels: BTreeMap<String, String> = service
            .read_labels(self.engine)
            .iter()
            .map(|label| (label.key.clone(), label.value.clone()))
            .collect();
        let networks = self.networks_of(service);
        let host = networks.is_none();
        let mut networks: BTreeMap<String, bool> =
            networks.unwrap_or_default().into_iter().map(|name| (name, false)).collect();
        let mut ports: Vec<u16> = service.ports.iter().map(|port| port.target).collect();
        let text = |key: &str| service.node.path(&["deploy", key]).and_then(Node::text);
        match self.engine {
            Engine::Swarm => {
                labels.insert("com.docker.stack.namespace".into(), self.name.clone());
                if service.ports.iter().any(|port| !port.host_mode) && !host {
                    networks.insert("ingress".into(), true);
                }
            }
            Engine::Compose => {
                labels.insert("com.docker.compose.project".into(), self.name.clone());
                labels.insert("com.docker.compose.service".into(), service.key.clone());
                let exposed = service.node.get("expose").map(Node::elements).unwrap_or_default();
                ports.extend(exposed.iter().filter_map(|port| port_number(&port.text()?)));
                if ports.is_empty() {
                    // The image may expose one, which no file tells.
                    ports.push(PORT_OF_IMAGE);
                }
            }
        }
        Planned {
            name: self.own_name(service),
            labels,
            networks,
            mode: service.mode,
            dnsrr: text("endpoint_mode").is_some_and(|mode| mode == "dnsrr"),
            host,
            ports,
            published: service
                .ports
                .iter()
                .filter(|port| port.host_mode)
                .filter_map(|port| Some((port.target, port.published?)))
                .collect(),
        }
    }
}

/// Stands for the port that an image exposes: nobody serves HTTP there.
pub const PORT_OF_IMAGE: u16 = 1;

/// `8080`, `8080/tcp`; the first of a range.
fn port_number(text: &str) -> Option<u16> {
    let text = text.split('/').next()?;
    text.split('-').next()?.trim().parse().ok().filter(|port| *port != 0)
}

/// Reads a stack. The tree is interpolated.
pub fn read(file: usize, name: String, engine: Engine, root: Node, notes: &mut Vec<Note>) -> Stack {
    let networks = root
        .get("networks")
        .map(Node::pairs)
        .unwrap_or_default()
        .iter()
        .map(|pair| (pair.key.clone(), network(&pair.node, pair.at)))
        .collect();
    let services = root.get("services").map(Node::pairs).unwrap_or_default();
    let services =
        services.iter().map(|pair| service(&pair.key, pair.at, &pair.node, notes)).collect();
    Stack { file, name, engine, sure: true, services, networks, root }
}

fn network(node: &Node, at: Spot) -> Network {
    let external = node.get("external");
    let old_name = external.and_then(|external| external.get("name"));
    let name = node.get("name").or(old_name).and_then(Node::text).filter(|name| !name.is_empty());
    let external =
        external.is_some_and(|external| external.is_true() || !external.pairs().is_empty());
    Network { name, external, at }
}

fn service(key: &str, at: Spot, node: &Node, notes: &mut Vec<Note>) -> Service {
    let deploy = node.get("deploy");
    let at_most = |key: &str| deploy.and_then(|deploy| deploy.get(key)).and_then(Node::text);
    let replicas = at_most("replicas")
        .or_else(|| node.get("scale").and_then(Node::text))
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let mode = match at_most("mode").as_deref() {
        Some("global") => Mode::Global,
        Some("replicated-job" | "global-job") => Mode::Job,
        _ => Mode::Replicated(replicas),
    };
    let constraints = deploy.and_then(|deploy| deploy.path(&["placement", "constraints"]));
    let mut command = command::words(node.get("entrypoint"));
    command.extend(command::words(node.get("command")));
    let (command, by_shell) = command::unwrapped(command);
    let own_labels = labels(node.get("labels"), notes);
    let deploy_labels = labels(deploy.and_then(|deploy| deploy.get("labels")), notes);
    let by_key = [&own_labels, &deploy_labels].map(|labels| {
        let keys = labels.iter().enumerate().rev();
        keys.map(|(at, label)| (label.key.to_lowercase(), at)).collect()
    });
    Service {
        key: key.to_owned(),
        at,
        labels: own_labels,
        deploy_labels,
        by_key,
        networks: keys(node.get("networks")),
        ports: ports(node.get("ports")),
        mounts: mounts(node.get("volumes")),
        configs: ["configs", "secrets"]
            .into_iter()
            .flat_map(|kind| mounted(kind, node.get(kind)))
            .collect(),
        environment: pairs(node.get("environment")),
        command,
        by_shell,
        mode,
        placement: constraints
            .map(Node::elements)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::text)
            .collect(),
        node: node.clone(),
    }
}

/// A list of names, or a map by name.
fn keys(node: Option<&Node>) -> Vec<(String, Spot)> {
    let Some(node) = node else { return Vec::new() };
    match &node.value {
        Value::List(elements) => {
            elements.iter().filter_map(|element| Some((element.text()?, element.at))).collect()
        }
        Value::Map(pairs) => pairs.iter().map(|pair| (pair.key.clone(), pair.at)).collect(),
        _ => Vec::new(),
    }
}

/// `KEY=value` in a list, or a map.
pub fn pairs(node: Option<&Node>) -> Vec<Label> {
    labels(node, &mut Vec::new())
}

/// Labels; both clients refuse elements that are no text.
fn labels(node: Option<&Node>, notes: &mut Vec<Note>) -> Vec<Label> {
    let Some(node) = node else { return Vec::new() };
    let mut found = Vec::new();
    let mut add = |key: &str, value: String, at: Spot| {
        found.push(Label { key: key.to_owned(), value, at });
    };
    match &node.value {
        Value::Map(pairs) => {
            for pair in pairs {
                match pair.node.text() {
                    Some(value) => add(&pair.key, value, pair.at),
                    None => notes.push(
                        Note::error(
                            "label-form",
                            Some(pair.at),
                            format!("the value of label {:?} is no text", pair.key),
                        )
                        .expected("one line of text; dots in a key do not nest in a stack file"),
                    ),
                }
            }
        }
        Value::List(elements) => {
            for element in elements {
                match &element.value {
                    Value::Map(pairs) => {
                        for pair in pairs {
                            let value = pair.node.text().unwrap_or_default();
                            let form = format!("- {}={value}", pair.key);
                            let message = "a label in a list is written with =, not with a colon: \
                                           this one is a map, and the client refuses it";
                            notes.push(
                                Note::error("label-form", Some(pair.at), message).expected(form),
                            );
                            add(&pair.key, value, pair.at);
                        }
                    }
                    Value::Text(text) => match text.split_once('=') {
                        Some((key, value)) => add(key, value.to_owned(), element.at),
                        None => add(text, String::new(), element.at),
                    },
                    // Nothing at all may be what an unset variable left.
                    Value::Null => {}
                    _ => {
                        let message = "a label in a list is a text: this one is none, and the \
                                       client refuses the file";
                        notes.push(
                            Note::error("label-form", Some(element.at), message)
                                .expected("- key=value"),
                        );
                    }
                }
            }
        }
        Value::Null => {}
        _ => notes.push(
            Note::error("label-form", Some(node.at), "labels are neither a list nor a map")
                .expected("a list of key=value, or a map"),
        ),
    }
    found
}

fn ports(node: Option<&Node>) -> Vec<Port> {
    let mut ports = Vec::new();
    for element in node.map(Node::elements).unwrap_or_default() {
        if let Some(text) = element.text() {
            let bare = text.split('/').next().unwrap_or_default();
            if text.ends_with("/udp") {
                continue;
            }
            let mut parts = bare.rsplit(':');
            let Some(target) = parts.next().and_then(port_number) else { continue };
            let published = parts.next().and_then(port_number);
            let ip = parts.next().unwrap_or_default();
            let local = ip.starts_with("127.") || ip.ends_with("1]");
            ports.push(Port { target, published, host_mode: false, local, at: element.at });
            continue;
        }
        let text = |key: &str| element.get(key).and_then(Node::text);
        let Some(target) = text("target").as_deref().and_then(port_number) else { continue };
        if text("protocol").is_some_and(|protocol| protocol == "udp") {
            continue;
        }
        ports.push(Port {
            target,
            published: text("published").as_deref().and_then(port_number),
            host_mode: text("mode").is_some_and(|mode| mode == "host"),
            local: text("host_ip").is_some_and(|ip| ip.starts_with("127.")),
            at: element.at,
        });
    }
    ports
}

fn mounts(node: Option<&Node>) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for element in node.map(Node::elements).unwrap_or_default() {
        let at = element.at;
        if let Some(text) = element.text() {
            // `C:\x:/y`: the first colon is a drive's.
            let drive = is_drive(&text);
            let (from, text) = match drive {
                true => text.split_at(2),
                false => ("", text.as_str()),
            };
            let mut parts = text.split(':');
            let (first, second) = (parts.next().unwrap_or_default(), parts.next());
            let options = parts.next().unwrap_or_default();
            let (source, target) = match second {
                Some(target) => (first, target),
                None => ("", first),
            };
            let bind = drive || source.starts_with(['/', '.', '~']);
            mounts.push(Mount {
                source: format!("{from}{source}"),
                target: target.to_owned(),
                kind: if bind { "bind" } else { "volume" }.to_owned(),
                read_only: options.split(',').any(|option| option == "ro"),
                at,
            });
            continue;
        }
        let text = |keys: &[&str]| {
            keys.iter().find_map(|key| element.get(key).and_then(Node::text)).unwrap_or_default()
        };
        let read_only = element.get("read_only").or(element.get("readonly"));
        mounts.push(Mount {
            source: text(&["source", "src"]),
            target: text(&["target", "dst", "destination"]),
            kind: text(&["type"]),
            read_only: read_only.is_some_and(Node::is_true),
            at,
        });
    }
    mounts
}

/// Whether a path begins with a letter, a colon and a backslash: a folder of Windows.
fn is_drive(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && letters.next() == Some(':')
        && matches!(letters.next(), Some('\\'))
}

fn mounted(kind: &'static str, node: Option<&Node>) -> Vec<Mounted> {
    let mut found = Vec::new();
    for element in node.map(Node::elements).unwrap_or_default() {
        let default = |source: &str| match kind {
            "secrets" => format!("/run/secrets/{source}"),
            _ => format!("/{source}"),
        };
        let (source, target) = match element.text() {
            Some(source) => (source.clone(), default(&source)),
            None => {
                let text = |key: &str| element.get(key).and_then(Node::text).unwrap_or_default();
                let (source, target) = (text("source"), text("target"));
                match target.as_str() {
                    "" => (source.clone(), default(&source)),
                    path if path.starts_with('/') => (source, target),
                    name => (source, default(name)),
                }
            }
        };
        found.push(Mounted { section: kind, source, target, at: element.at });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::yaml;

    fn stack(text: &str) -> Stack {
        let root = yaml::read(0, text).unwrap().root;
        read(0, "app".into(), Engine::Swarm, root, &mut Vec::new())
    }

    #[test]
    fn ports_and_mounts() {
        let stack = stack(
            "services:\n  a:\n    image: x\n    ports: ['80:8080', '127.0.0.1:81:81', 82, '83:83/udp', \
             {target: 84, published: 85, mode: host}]\n    volumes: [/var/run/docker.sock:/s:ro, \
             'data:/data', '/anonymous', {type: bind, source: ./x, target: /y, read_only: true}]\n",
        );
        let service = &stack.services[0];
        let ports: Vec<_> = service
            .ports
            .iter()
            .map(|port| (port.target, port.published, port.host_mode, port.local))
            .collect();
        let expected = [
            (8080, Some(80), false, false),
            (81, Some(81), false, true),
            (82, None, false, false),
            (84, Some(85), true, false),
        ];
        assert_eq!(ports, expected);
        let mounts: Vec<_> = service
            .mounts
            .iter()
            .map(|mount| (mount.source.as_str(), mount.target.as_str(), mount.read_only))
            .collect();
        let expected = [
            ("/var/run/docker.sock", "/s", true),
            ("data", "/data", false),
            ("", "/anonymous", false),
            ("./x", "/y", true),
        ];
        assert_eq!(mounts, expected);
    }

    #[test]
    fn names_of_networks() {
        let stack = stack(
            "services:\n  a: {networks: [one, two, three, four, host]}\n  b: {}\nnetworks:\n  one:\n  \
             two: {external: true}\n  three: {external: {name: old}}\n  four: {name: new}\n  host: \
             {external: true}\n",
        );
        let names = stack.networks_of(&stack.services[0]).unwrap();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["app_one", "new", "old", "two"]);
        let default = stack.networks_of(&stack.services[1]).unwrap();
        assert_eq!(default.into_iter().collect::<Vec<_>>(), ["app_default"]);
    }
}
