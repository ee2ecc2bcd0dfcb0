//! `/api/entrypoints`: the install configuration's entry points with their defaults filled in.

use serde_json::Value;
use swarmgate_config::install::EntryPoint;

use super::Scene;
use super::list::{Key, Page};

pub(super) fn list(scene: &Scene<'_>) -> Result<Page, String> {
    let entry_points = scene.state.install.entry_points_or_default();
    let mut rows: Vec<(String, EntryPoint)> =
        entry_points.into_iter().filter(|(name, _)| scene.query.finds(&[name])).collect();
    scene.query.sort(&mut rows, |(name, _)| (Key::Number(0), name.clone()));
    scene.query.page(rows, |(name, written)| show(&name, &written))
}

pub(super) fn one(scene: &Scene<'_>, name: &str) -> Option<Value> {
    let entry_points = scene.state.install.entry_points_or_default();
    entry_points.get(name).map(|written| show(name, written))
}

fn show(name: &str, written: &EntryPoint) -> Value {
    let mut shown = serde_json::to_value(written.filled()).unwrap_or_default();
    if let Value::Object(shown) = &mut shown {
        shown.insert("name".into(), name.into());
    }
    if let Some(Value::Object(characters)) = shown.pointer_mut("/http/encodedCharacters") {
        // Allowed unless denied, and what is denied is left out.
        for name in ENCODED {
            match characters.get(name) {
                None => drop(characters.insert(name.into(), true.into())),
                Some(Value::Bool(false)) => drop(characters.remove(name)),
                Some(_) => {}
            }
        }
    }
    shown
}

const ENCODED: [&str; 7] = [
    "allowEncodedSlash",
    "allowEncodedBackSlash",
    "allowEncodedNullCharacter",
    "allowEncodedSemicolon",
    "allowEncodedPercent",
    "allowEncodedQuestionMark",
    "allowEncodedHash",
];
