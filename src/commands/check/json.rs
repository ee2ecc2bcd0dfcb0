//! The report as JSON.

use serde_json::{Value, json};
use swarmgate_config::finding::Severity;

use super::Report;
use super::note::{Note, kind, word_of};
use super::source::Sources;
use super::stack::Engine;
use super::table::{Table, tables};

/// The whole report; ends with a line feed.
pub fn render(report: &Report) -> String {
    let worlds: Vec<Value> = report
        .worlds
        .iter()
        .map(|world| {
            let stacks: Vec<Value> = world
                .stacks
                .iter()
                .map(|stack| {
                    json!({
                        "file": report.sources.shown(stack.file),
                        "name": stack.name,
                        "engine": match stack.engine {
                            Engine::Swarm => "swarm",
                            Engine::Compose => "compose",
                        },
                        "services": stack.services.iter().map(|s| &s.key).collect::<Vec<_>>(),
                    })
                })
                .collect();
            let mut object = serde_json::Map::new();
            object.insert("stacks".into(), stacks.into());
            object.insert(
                "install".into(),
                if world.known { json!(world.from) } else { Value::Null },
            );
            for table in tables(world) {
                object.insert(camel(table.title), rows(&table));
            }
            Value::Object(object)
        })
        .collect();
    let findings: Vec<Value> =
        report.notes.iter().map(|note| finding(note, &report.sources)).collect();
    let whole = json!({
        "version": 1,
        "worlds": worlds,
        "findings": findings,
        "summary": {
            "errors": report.count(Severity::Error),
            "warnings": report.count(Severity::Warning),
            "notes": report.count(Severity::Info),
        },
    });
    pretty(&whole)
}

/// Indented text of a value.
pub fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("{text}\n")
}

/// `ENTRY POINTS` -> `entryPoints`.
fn camel(title: &str) -> String {
    let mut out = String::new();
    for (index, word) in title.to_lowercase().split(' ').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if index > 0 => {
                out.extend(first.to_uppercase());
                out.push_str(letters.as_str());
            }
            _ => out.push_str(word),
        }
    }
    out
}

fn rows(table: &Table) -> Value {
    let rows = table.rows.iter().map(|row| {
        let mut object = serde_json::Map::new();
        for (column, cell) in table.columns.iter().zip(&row.cells) {
            object.insert(camel(column), json!(cell));
        }
        object.insert("status".into(), json!(row.status));
        Value::Object(object)
    });
    Value::Array(rows.collect())
}

fn finding(note: &Note, sources: &Sources) -> Value {
    let mut object = serde_json::Map::new();
    object.insert("severity".into(), json!(word_of(note.severity)));
    object.insert("id".into(), json!(note.id));
    object.insert("message".into(), json!(note.message));
    if let Some(expected) = &note.expected {
        object.insert("expected".into(), json!(expected));
    }
    if let Some(at) = note.at {
        object.insert("file".into(), json!(sources.shown(at.file)));
        if at.is_line() {
            object.insert("line".into(), json!(at.line));
            object.insert("column".into(), json!(at.column));
        }
    }
    if let Some((first, last)) = note.columns(sources) {
        object.insert("column".into(), json!(first));
        object.insert("endColumn".into(), json!(last.saturating_add(1)));
    }
    if let Some(place) = &note.place {
        object.insert("place".into(), json!(place));
    }
    if let Some((object_kind, name)) = &note.object {
        object.insert("object".into(), json!({"kind": kind(*object_kind), "name": name}));
    }
    Value::Object(object)
}
