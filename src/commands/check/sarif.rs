//! The report as SARIF 2.1.0 (OASIS), which CI systems show beside the lines.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use swarmgate_config::finding::Severity;

use super::Report;
use super::json::pretty;
use super::note::Note;
use super::source::{STDIN, Sources};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// More results than CI systems take of one run.
const MOST_RESULTS: usize = 25_000;

/// A run that could not begin, and why; ends with a line feed.
pub fn failed(message: &str) -> String {
    pretty(&whole(json!([]), json!([]), Some(message), false))
}

/// The document of one run; a message of the program itself, and whether it came to its end.
fn whole(rules: Value, results: Value, message: Option<&str>, successful: bool) -> Value {
    let mut invocation = json!({"executionSuccessful": successful});
    if let (Some(message), Some(object)) = (message, invocation.as_object_mut()) {
        let level = if successful { "warning" } else { "error" };
        let told = json!([{"level": level, "message": {"text": message}}]);
        object.insert("toolExecutionNotifications".into(), told);
    }
    let mut run = json!({
        "tool": {"driver": {
            "name": "swarmgate check",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": rules,
        }},
        "columnKind": "unicodeCodePoints",
        "results": results,
    });
    if let (Some(_), Some(object)) = (message, run.as_object_mut()) {
        object.insert("invocations".into(), json!([invocation]));
    }
    json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})
}

/// The whole report; ends with a line feed.
pub fn render(report: &Report) -> String {
    let ids: Vec<&str> =
        report.notes.iter().map(|note| note.id).collect::<BTreeSet<_>>().into_iter().collect();
    let rules: Vec<Value> = ids
        .iter()
        .map(|id| json!({"id": id, "shortDescription": {"text": id.replace('-', " ")}}))
        .collect();
    let results: Vec<Value> = report
        .notes
        .iter()
        .take(MOST_RESULTS)
        .map(|note| {
            let index = ids.iter().position(|id| *id == note.id);
            result(note, index, &report.sources)
        })
        .collect();
    let over = report.notes.len().saturating_sub(MOST_RESULTS);
    let message = (over > 0).then(|| format!("{over} more findings are left out"));
    pretty(&whole(json!(rules), json!(results), message.as_deref(), true))
}

fn result(note: &Note, index: Option<usize>, sources: &Sources) -> Value {
    let level = match note.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    let text = match &note.expected {
        Some(expected) => format!("{}; expected: {expected}", note.message),
        None => note.message.clone(),
    };
    let mut result = json!({"ruleId": note.id, "level": level, "message": {"text": text}});
    let Some(object) = result.as_object_mut() else { return result };
    if let Some(index) = index {
        object.insert("ruleIndex".into(), json!(index));
    }
    if let Some(at) = note.at {
        let mut physical = serde_json::Map::new();
        physical.insert("artifactLocation".into(), json!({"uri": uri(sources.shown(at.file))}));
        if at.is_line() {
            let mut region = serde_json::Map::new();
            region.insert("startLine".into(), json!(at.line));
            let (first, last) = note.columns(sources).unwrap_or((at.column, at.column));
            region.insert("startColumn".into(), json!(first.max(1)));
            region.insert("endColumn".into(), json!(last.max(1).saturating_add(1)));
            physical.insert("region".into(), Value::Object(region));
        }
        object.insert("locations".into(), json!([{"physicalLocation": physical}]));
    }
    result
}

/// A path as a relative reference (RFC 3986), an absolute one with its scheme.
fn uri(path: &str) -> String {
    if path == STDIN {
        return "stdin".to_owned();
    }
    let mut out = String::new();
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, expected) in [
            ("a b/é.yml", "a%20b/%C3%A9.yml"),
            ("/etc/x.yml", "file:///etc/x.yml"),
            (STDIN, "stdin"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
