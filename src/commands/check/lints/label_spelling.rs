//! Labels that nobody reads because of a letter or a space, and quotes that become part of a value.

use super::Context;
use crate::commands::check::closest;
use crate::commands::check::note::Note;
use crate::commands::check::stack::Label;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in &context.world.stacks {
        for service in &stack.services {
            for label in service.labels.iter().chain(&service.deploy_labels) {
                if let Some(note) = about(label) {
                    notes.push(note);
                }
            }
        }
    }
}

/// Whether labels of the proxy go on like this: others have words that are close to its name.
fn is_ours(rest: &str) -> bool {
    let first = rest.split('.').next().unwrap_or_default().to_ascii_lowercase();
    matches!(
        first.as_str(),
        "http" | "tcp" | "udp" | "docker" | "swarm" | "tls" | "port" | "frontend" | "backend"
    ) || first.starts_with("enable")
}

fn about(label: &Label) -> Option<Note> {
    let (root, rest) = label.key.split_once('.')?;
    let at = Some(label.at);
    if root != root.trim() || (root == "traefik" && label.key != label.key.trim_end()) {
        let message = format!("the label's key has a space in it: {:?}", label.key);
        let value = label.value.trim();
        return Some(
            Note::error("label-spaces", at, message)
                .expected(format!("{}={value}, without spaces around =", label.key.trim())),
        );
    }
    let misspelt = || closest(root, &["traefik"]).is_some() && is_ours(rest);
    if !root.eq_ignore_ascii_case("traefik") && misspelt() {
        let message = format!("{root:?} is not \"traefik\": nobody reads this label");
        return Some(
            Note::error("misspelt-root", at, message)
                .needle(root)
                .expected(format!("traefik.{rest}={}", label.value)),
        );
    }
    if root != "traefik" {
        return None;
    }
    if label.value.starts_with(' ') {
        let message = "the value begins with a space, which is part of it";
        return Some(
            Note::warning("label-spaces", at, message)
                .needle(format!("={}", label.value))
                .expected(format!("{}={}", label.key, label.value.trim())),
        );
    }
    let quoted =
        |quote: char| label.value.strip_prefix(quote).and_then(|inner| inner.strip_suffix(quote));
    let inner = quoted('"').or_else(|| quoted('\''))?;
    let message = "the quotes are part of the value: YAML takes quotes off only around the whole \
                   element";
    Some(
        Note::error("quotes-in-value", at, message)
            .needle(&label.value)
            .expected(format!("{}={inner}", label.key)),
    )
}
