//! The two ways a stack file writes labels: a list of `key=value`, or a map.

use serde_yaml::{Mapping, Value};

/// Rewrites the deploy labels of one service of a stack file from the list to the map form.
///
/// # Panics
/// When the file has no such list.
pub fn as_map(stack: &str, service: &str) -> String {
    let mut stack: Value = serde_yaml::from_str(stack).expect("the stack file is YAML");
    stack.apply_merge().expect("the stack file's merges");
    let labels = &mut stack["services"][service]["deploy"]["labels"];
    let list = labels.as_sequence().expect("labels as a list");
    let pairs = list.iter().map(|label| {
        let label = label.as_str().expect("a label is text");
        let (key, value) = label.split_once('=').expect("a label is key=value");
        (Value::from(key), Value::from(value))
    });
    *labels = Value::Mapping(pairs.collect::<Mapping>());
    serde_yaml::to_string(&stack).expect("YAML")
}

#[test]
fn a_list_becomes_a_map() {
    let stack = "services:\n  web:\n    deploy:\n      labels:\n        - a.b=Host(`c`)\n        - d=$${1}=x\n";
    let map: Value = serde_yaml::from_str(&as_map(stack, "web")).unwrap();
    let labels = &map["services"]["web"]["deploy"]["labels"];
    assert_eq!(labels["a.b"].as_str(), Some("Host(`c`)"));
    assert_eq!(labels["d"].as_str(), Some("$${1}=x"));
}
