//! Several files as one stack: what a later file says wins, what it adds is added.

use super::source::Spot;
use super::yaml::{Node, Pair, Value};

/// Lists that are maps in another form: `KEY=value`.
const KEYED: &[&str] = &["labels", "environment", "extra_hosts", "sysctls"];

/// Adds a later file to those before it.
pub fn merge(into: &mut Node, later: Node) {
    merge_at("", into, later);
}

fn merge_at(key: &str, into: &mut Node, later: Node) {
    if KEYED.contains(&key) {
        as_map(into);
    }
    let mut later = later;
    if KEYED.contains(&key) {
        as_map(&mut later);
    }
    match (&mut into.value, later.value) {
        (Value::Map(pairs), Value::Map(more)) => {
            for pair in more {
                match pairs.iter_mut().find(|known| known.key == pair.key) {
                    Some(known) => {
                        if known.node.is_null() {
                            known.at = pair.at;
                        }
                        if matches!(pair.node.value, Value::Map(_) | Value::List(_)) {
                            merge_at(&pair.key, &mut known.node, pair.node);
                        } else if !pair.node.is_null() {
                            // Messages point to where the value in force was written.
                            known.at = pair.at;
                            known.node = pair.node;
                        }
                    }
                    None => pairs.push(pair),
                }
            }
        }
        // Commands are replaced, whatever else is a list grows.
        (Value::List(elements), Value::List(more)) if !matches!(key, "command" | "entrypoint") => {
            for element in more {
                if !elements.iter().any(|known| known.value == element.value) {
                    elements.push(element);
                }
            }
        }
        (value, later_value) => {
            *value = later_value;
            into.at = later.at;
        }
    }
}

/// A list of `KEY=value` as a map.
fn as_map(node: &mut Node) {
    let Value::List(elements) = &mut node.value else { return };
    if !elements.iter().all(|element| matches!(element.value, Value::Text(_))) {
        return;
    }
    let pairs = std::mem::take(elements).into_iter().map(|element| {
        let at: Spot = element.at;
        let text = element.text().unwrap_or_default();
        let (key, value) = text.split_once('=').unwrap_or((&text, ""));
        let node = Node { at, value: Value::Text(value.to_owned()) };
        Pair { key: key.to_owned(), at, node }
    });
    node.value = Value::Map(pairs.collect());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::yaml;

    #[test]
    fn later_files_win() {
        let tree = |text: &str| yaml::read(0, text).unwrap().root;
        let mut whole = tree(
            "services:\n  a:\n    image: one\n    labels: [x=1, y=2]\n    ports: ['80']\n    \
             command: [a]\n    deploy: {replicas: 1}\n",
        );
        merge(
            &mut whole,
            tree(
                "services:\n  a:\n    image: two\n    labels: {y: '3', z: '4'}\n    ports: ['80', \
                 '81']\n    command: [b]\n    deploy: {mode: global}\n  b: {image: x}\n",
            ),
        );
        let a = whole.path(&["services", "a"]).unwrap();
        assert_eq!(a.get("image").unwrap().text().unwrap(), "two");
        let labels: Vec<_> = a
            .get("labels")
            .unwrap()
            .pairs()
            .iter()
            .map(|p| (p.key.as_str(), p.node.text().unwrap()))
            .collect();
        assert_eq!(labels, [("x", "1".into()), ("y", "3".into()), ("z", "4".into())]);
        assert_eq!(a.get("ports").unwrap().elements().len(), 2);
        assert_eq!(a.get("command").unwrap().elements().len(), 1);
        assert_eq!(a.get("deploy").unwrap().pairs().len(), 2);
        assert!(whole.path(&["services", "b"]).is_some());
    }
}
