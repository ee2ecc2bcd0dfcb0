//! Lists, maps and texts in each other's place, and ports that are none: every client refuses them.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::source::Spot;
use crate::commands::check::stack::{Engine, Stack};
use crate::commands::check::yaml::{Node, Value};

/// What a value may be.
#[derive(Clone, Copy)]
enum Shape {
    Map,
    List,
    Either,
    Words,
    Text,
}

const SECTIONS: &[&str] = &["networks", "volumes", "configs", "secrets"];

/// Keys of a service. Labels are looked at where they are read.
const SERVICE: &[(&str, Shape)] = &[
    ("image", Shape::Text),
    ("deploy", Shape::Map),
    ("ports", Shape::List),
    ("expose", Shape::List),
    ("volumes", Shape::List),
    ("configs", Shape::List),
    ("secrets", Shape::List),
    ("networks", Shape::Either),
    ("environment", Shape::Either),
    ("depends_on", Shape::Either),
    ("command", Shape::Words),
    ("entrypoint", Shape::Words),
    ("env_file", Shape::Words),
];

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in &context.world.stacks {
        sections(stack, notes);
        project_name(stack, notes);
        let Some(services) = stack.root.pair("services") else { continue };
        if services.node.is_null() {
            notes.push(wrong("services", "nothing", Shape::Map, services.at, "services"));
        }
        if matches!(&services.node.value, Value::Map(pairs) if pairs.is_empty()) {
            let message = "services: is empty, so there is nothing to deploy";
            notes.push(Note::warning("wrong-type", Some(services.at), message).needle("services"));
        }
        for pair in services.node.pairs() {
            let path = format!("services.{}", pair.key);
            if pair.node.is_null() {
                notes.push(wrong(&path, "nothing", Shape::Map, pair.at, &pair.key));
                continue;
            }
            if !expect(&path, &pair.node, Shape::Map, pair.at, &pair.key, notes) {
                continue;
            }
            service(&path, &pair.node, stack.engine, notes);
            if !["image", "build", "extends", "provider"].iter().any(|k| pair.node.get(k).is_some())
            {
                let message = format!("service {:?} has neither image nor build", pair.key);
                notes.push(
                    Note::warning("no-image", Some(pair.at), message)
                        .needle(&pair.key)
                        .expected("image:, or --merge with the file that has it"),
                );
            }
        }
    }
}

/// Compose's names are stricter than those of stacks.
fn project_name(stack: &Stack, notes: &mut Vec<Note>) {
    let Some(pair) = stack.root.pair("name").filter(|_| stack.engine == Engine::Compose) else {
        return;
    };
    let Some(name) = pair.node.text().filter(|name| !name.is_empty()) else { return };
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.starts_with(letter) && name.chars().all(|c| letter(c) || matches!(c, '_' | '-')) {
        return;
    }
    let message = format!("{name:?} is no name of a project: compose refuses the file");
    notes.push(
        Note::error("wrong-type", Some(pair.at), message)
            .needle(name)
            .expected("lower-case letters, digits, - and _"),
    );
}

fn sections(stack: &Stack, notes: &mut Vec<Note>) {
    for section in SECTIONS.iter().chain(&["services"]) {
        let Some(pair) = stack.root.pair(section) else { continue };
        if pair.node.is_null() || !expect(section, &pair.node, Shape::Map, pair.at, section, notes)
        {
            continue;
        }
        if *section == "services" {
            continue;
        }
        for entry in pair.node.pairs().iter().filter(|entry| !entry.node.is_null()) {
            let path = format!("{section}.{}", entry.key);
            expect(&path, &entry.node, Shape::Map, entry.at, &entry.key, notes);
        }
    }
}

fn service(path: &str, node: &Node, engine: Engine, notes: &mut Vec<Note>) {
    for (key, shape) in SERVICE {
        let Some(pair) = node.pair(key) else { continue };
        let path = format!("{path}.{key}");
        if pair.node.is_null() {
            // `docker stack config` refuses a key without a value; of compose this is not known.
            if engine == Engine::Swarm && *key != "deploy" {
                notes.push(wrong(&path, "nothing", *shape, pair.at, key));
            }
            continue;
        }
        if expect(&path, &pair.node, *shape, pair.at, key, notes) && *key == "ports" {
            ports(&pair.node, notes);
        }
    }
    let replicas = node.get("deploy").and_then(|deploy| deploy.pair("replicas"));
    if let Some(pair) = replicas
        && let Some(text) = pair.node.text().filter(|text| !text.is_empty())
        && text.parse::<u32>().is_err()
    {
        let message = format!("{path}.deploy.replicas is {text:?}: the client refuses the file");
        let note = Note::error("wrong-type", Some(pair.at), message).needle(text);
        notes.push(note.expected("a whole number"));
    }
}

/// Says when a value has another shape. What is empty because of a variable was told already.
fn expect(
    path: &str,
    node: &Node,
    shape: Shape,
    at: Spot,
    key: &str,
    notes: &mut Vec<Note>,
) -> bool {
    let is = match &node.value {
        Value::Map(_) => "a map",
        Value::List(_) => "a list",
        _ => "a text",
    };
    let right = match shape {
        Shape::Map => is == "a map",
        Shape::List => is == "a list",
        Shape::Either => is != "a text",
        Shape::Words => is != "a map",
        Shape::Text => is == "a text",
    };
    if !right {
        notes.push(wrong(path, is, shape, at, key));
    }
    right
}

fn wrong(path: &str, is: &str, shape: Shape, at: Spot, key: &str) -> Note {
    let expected = match shape {
        Shape::Map => "a map: keys with values",
        Shape::List => "a list: - at the beginning of each element",
        Shape::Either => "a list or a map",
        Shape::Words => "a text or a list",
        Shape::Text => "a text",
    };
    let message = match is {
        "nothing" => format!("{path} has no value: the client refuses the file"),
        is => format!("{path} is {is}: the client refuses the file"),
    };
    Note::error("wrong-type", Some(at), message).needle(key).expected(expected)
}

fn ports(node: &Node, notes: &mut Vec<Note>) {
    for element in node.elements() {
        let wrong = match &element.value {
            Value::Map(_) => match element.get("target").and_then(Node::text) {
                Some(text) if is_port(&text, 1) => continue,
                Some(text) => format!("the target port {text:?} is none"),
                None => "the port has no target".to_owned(),
            },
            Value::List(_) => "a list is no port".to_owned(),
            _ => {
                let text = element.text().unwrap_or_default();
                if is_short_port(&text) {
                    continue;
                }
                format!("the port {text:?} is none")
            }
        };
        let message = format!("{wrong}: the client refuses the file");
        notes.push(
            Note::error("bad-port", Some(element.at), message)
                .expected("published:target with numbers from 1 to 65535"),
        );
    }
}

/// `80`, `8000-8010`; numbers up from `least`.
fn is_port(text: &str, least: u16) -> bool {
    let mut ends = text.splitn(2, '-').map(|end| end.parse::<u16>().ok());
    let first = ends.next().flatten();
    let last = ends.next().unwrap_or(first);
    matches!((first, last), (Some(first), Some(last)) if first >= least && first <= last)
}

/// `[[ip:]published:]target[/protocol]`.
fn is_short_port(text: &str) -> bool {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if !matches!(protocol.to_ascii_lowercase().as_str(), "tcp" | "udp" | "sctp") {
        return false;
    }
    let mut parts = ports.rsplitn(3, ':');
    let target = parts.next().unwrap_or_default();
    let published = parts.next().unwrap_or_default();
    let ip = parts.next().unwrap_or_default();
    let ip = ip.trim_start_matches('[').trim_end_matches(']');
    let address = ip.is_empty() || ip.parse::<std::net::IpAddr>().is_ok();
    address && is_port(target, 1) && (published.is_empty() || is_port(published, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ports() {
        for (text, expected) in [
            ("80", true),
            ("80:8080", true),
            ("80:8080/udp", true),
            ("127.0.0.1:80:80", true),
            ("127.0.0.1::80", true),
            ("[::1]:80:80", true),
            (":80", true),
            ("8000-8010:8000-8010", true),
            ("0:80", true),
            ("", false),
            ("a:b", false),
            ("99999:80", false),
            ("80:0", false),
            ("80-70:1", false),
            ("host:80:80", false),
            ("80/icmp", false),
            (":::", false),
        ] {
            assert_eq!(is_short_port(text), expected, "{text}");
        }
    }
}
