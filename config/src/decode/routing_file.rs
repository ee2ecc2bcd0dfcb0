//! A routing configuration file, or a text of the same form from elsewhere -> objects, with lines.

use std::sync::Arc;

use super::error::unknown_key;
use super::objects::{Reader, Refused};
use super::text::shorten;
use super::tree::{Id, ROOT, Tree};
use super::{Format, toml, yaml};
use crate::breath::pieces;
use crate::finding::{Finding, ObjectKind, Severity};
use crate::routing::Configuration;

const SECTIONS: &[&str] = &["http", "tcp", "udp", "tls"];

/// See [`super::decode_routing_text`]; `{{` only means a template in files.
pub(super) fn decode(
    provider: &str,
    path: &str,
    text: &str,
    format: Format,
) -> Result<Configuration, Finding> {
    let templated = provider == "file";
    let path: Arc<str> = path.into();
    let parsed = match format {
        Format::Yaml => yaml::parse(&path, text),
        Format::Toml => toml::parse(&path, text),
    };
    let mut tree = parsed.map_err(|finding| match template_line(text).filter(|_| templated) {
        // What looks like a syntax error to us may be fine once Traefik has run it.
        Some(line) => finding.expected(format!(
            "no Go template ({{{{ ... }}}}) as in line {line}: templates are not served"
        )),
        None => finding,
    })?;
    let mut findings = std::mem::take(&mut tree.notes);
    findings.extend(check_root(&tree));
    let templates = if templated { templates(&tree, text) } else { Vec::new() };
    let mut reader = Reader { tree: &mut tree, provider, refused: Refused::new(), findings };
    for (kind, name, finding) in templates {
        match kind {
            Some(kind) => reader.refuse(kind, &name, finding),
            None => return Err(finding),
        }
    }
    let configuration = reader.read();
    // Without its own options, "default" would mean ours, which may ask less of clients.
    if reader.refused.contains(&(ObjectKind::TlsOptions, "default".into())) {
        let finding = configuration.findings.into_iter().find(|finding| {
            matches!(&finding.object, Some((ObjectKind::TlsOptions, name))
                if name.to_ascii_lowercase().starts_with("default@"))
        });
        return Err(finding.unwrap_or_else(|| {
            let origin = tree.origin(ROOT);
            Finding::new(Severity::Error, origin, "tls.options.default cannot be read")
        }));
    }
    Ok(configuration)
}

/// The first line with a template, from 1; comments may hold some.
fn template_line(text: &str) -> Option<usize> {
    let is_template = |line: &str| !line.trim_start().starts_with('#') && line.contains("{{");
    text.lines().position(is_template).map(|line| line.saturating_add(1))
}

fn check_root(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in tree.children(ROOT) {
        let name = tree.node(id).name.to_ascii_lowercase();
        match name.as_str() {
            "http" | "tls" => {}
            "tcp" | "udp" => {
                let message = format!(
                    "{} routing is known but not served yet: the section has no effect",
                    name.to_ascii_uppercase()
                );
                findings.push(Finding::new(Severity::Warning, tree.origin(id), message));
            }
            // Keys that only hold YAML anchors.
            _ if name.starts_with("x-") => {}
            _ => findings.push(unknown_key(tree, id, SECTIONS, Severity::Warning)),
        }
    }
    findings
}

/// Templates in names and values, with the object that each spoils; none means the whole file.
fn templates(tree: &Tree<'_>, text: &str) -> Vec<(Option<ObjectKind>, String, Finding)> {
    let mut found = Vec::new();
    // An escape may hide one.
    if !pieces(text).any(|piece| piece.contains("{{") || piece.contains('\\')) {
        return found;
    }
    let mut open: Vec<Id> = tree.children(ROOT).collect();
    while let Some(id) = open.pop() {
        open.extend(tree.children(id));
        let node = tree.node(id);
        let texts = std::iter::once(&node.name).chain(node.scalars.iter().map(|s| &s.text));
        let Some(text) = texts.into_iter().find(|text| text.contains("{{")) else { continue };
        let message = format!("Go templates are not served: {:?}", shorten(text, 80));
        let finding = Finding::new(Severity::Error, tree.origin(id), message)
            .expected("plain text without {{ ... }}");
        let names: Vec<String> =
            tree.names(id).iter().map(|name| name.to_ascii_lowercase()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let object = match names.as_slice() {
            ["http", "routers", name, ..] => Some((ObjectKind::Router, *name)),
            ["http", "services", name, ..] => Some((ObjectKind::Service, *name)),
            ["http", "middlewares", name, ..] => Some((ObjectKind::Middleware, *name)),
            ["http", "serverstransports", name, ..] => Some((ObjectKind::ServersTransport, *name)),
            ["tls", "certificates", index, ..] => Some((ObjectKind::Certificate, *index)),
            ["tls", "options", name, ..] => Some((ObjectKind::TlsOptions, *name)),
            ["tls", "stores", name, ..] => Some((ObjectKind::TlsStore, *name)),
            ["tcp" | "udp", ..] => continue,
            _ => None,
        };
        match object {
            Some((kind, name)) => found.push((Some(kind), name.to_owned(), finding)),
            None => found.push((None, String::new(), finding)),
        }
    }
    found
}
