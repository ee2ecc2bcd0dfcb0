//! The API's answers about the same configuration, object by object.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use swarmgate_testkit::client;

use crate::setup::Side;

/// A case: name, Traefik's lines, ours.
type Case = (String, Vec<String>, Vec<String>);

/// Compares every object of every list, the overview, the raw data and the entry points.
pub fn compare(theirs: &Side, ours: &Side) -> Vec<Case> {
    let mut cases = Vec::new();
    for list in ["http/routers", "http/services", "http/middlewares", "entrypoints"] {
        let [theirs, ours] = [theirs, ours].map(|side| objects(side, list));
        let mut names: Vec<&String> = theirs.keys().chain(ours.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let lines = |side: &BTreeMap<String, Value>| match side.get(name) {
                Some(object) => flat(object),
                None => vec!["absent".to_owned()],
            };
            cases.push((format!("api {list} {name}"), lines(&theirs), lines(&ours)));
        }
    }
    for path in ["overview", "rawdata"] {
        let [theirs, ours] = [theirs, ours].map(|side| keys(&get(side, path)));
        cases.push((format!("api {path}, keys"), theirs, ours));
    }
    let [theirs, ours] = [theirs, ours].map(|side| flat(&get(side, "overview")));
    cases.push(("api overview".into(), theirs, ours));
    cases
}

fn get(side: &Side, path: &str) -> Value {
    match client::get(side.port("traefik"), "localhost", &format!("/api/{path}")) {
        Ok(response) if response.status == 200 => {
            let neutral = side.neutral(&response.text());
            serde_json::from_str(&neutral).unwrap_or(json!({"not JSON": neutral}))
        }
        other => json!({ "failed": format!("{other:?}") }),
    }
}

fn objects(side: &Side, list: &str) -> BTreeMap<String, Value> {
    let Value::Array(objects) = get(side, &format!("{list}?per_page=100000")) else {
        return BTreeMap::from([("the list".to_owned(), json!("not a list"))]);
    };
    objects
        .into_iter()
        .map(|object| (object["name"].as_str().unwrap_or("without a name").to_owned(), object))
        .collect()
}

/// One line per leaf: its path and its value.
fn flat(value: &Value) -> Vec<String> {
    fn walk(path: &str, value: &Value, lines: &mut Vec<String>) {
        match value {
            Value::Object(object) if !object.is_empty() => {
                for (key, value) in object {
                    walk(&format!("{path}.{key}"), value, lines);
                }
            }
            Value::Array(array) if !array.is_empty() => {
                // Order says nothing in the lists that the API gives.
                let mut items: Vec<String> = array.iter().map(ToString::to_string).collect();
                items.sort();
                lines.push(format!("{path} = {}", items.join(", ")));
            }
            leaf => lines.push(format!("{path} = {leaf}")),
        }
    }
    let mut lines = Vec::new();
    walk("", value, &mut lines);
    lines.sort();
    lines
}

/// The paths of all keys, with the objects' own names left out below the second level.
fn keys(value: &Value) -> Vec<String> {
    fn walk(path: &str, value: &Value, depth: usize, keys: &mut Vec<String>) {
        let Value::Object(object) = value else { return };
        for (key, value) in object {
            let named = key.contains('@');
            let path = format!("{path}.{}", if named { "*" } else { key });
            keys.push(path.clone());
            if depth < 3 {
                walk(&path, value, depth + 1, keys);
            }
        }
    }
    let mut found = Vec::new();
    walk("", value, 0, &mut found);
    found.sort();
    found.dedup();
    found
}
