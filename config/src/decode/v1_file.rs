//! A `traefik.toml` of v1 -> the flags of v1 that say the same: `[docker] domain` is
//! `--docker.domain` there, and the command line is read after the file, not instead of it.

use std::collections::BTreeMap;

use super::tree::{Id, ROOT, Shape, Tree};
use crate::finding::{Finding, Origin, Severity};
use crate::legacy::options::{self, Kind, To};
use crate::routing::Configuration;

/// Tables that held routes. They have another model today.
const ROUTES: &[&str] = &["frontends", "backends"];

/// What a file of v1 says.
pub(super) struct V1File {
    /// Flags of v1.
    pub words: Vec<String>,
    /// Where each of them was written, by its text before `=`.
    pub origins: BTreeMap<String, Origin>,
    pub findings: Vec<Finding>,
}

impl V1File {
    /// Reads the file if it is one of v1: if it has an option or a table that only v1 knows.
    pub fn of(tree: &Tree) -> Option<Self> {
        let mut file = Self { words: Vec::new(), origins: BTreeMap::new(), findings: Vec::new() };
        let mut points = Vec::new();
        let mut routes = false;
        for top in tree.children(ROOT) {
            let name = tree.node(top).name.to_ascii_lowercase();
            match name.as_str() {
                "entrypoints" => points.extend(tree.children(top)),
                // An array of tables is v1's, a table v3's.
                "tls" if tree.node(top).shape == Shape::List => file.routes(tree, top, &mut routes),
                name if ROUTES.contains(&name) => file.routes(tree, top, &mut routes),
                _ => file.walk(tree, top, &tree.node(top).name),
            }
        }
        if !routes && crate::legacy::flags(&file.words).is_none() {
            return None;
        }
        for point in points {
            file.point(tree, point);
        }
        Some(file)
    }

    fn routes(&mut self, tree: &Tree, id: Id, routes: &mut bool) {
        *routes = true;
        let name = &tree.node(id).name;
        let message =
            format!("{name} is of Traefik v1 and has no effect: routes have another form");
        let finding = Finding::new(Severity::Warning, tree.origin(id), message);
        self.findings.push(finding.expected(
            "http.routers, http.services and tls.certificates in a file of its own that \
             providers.file.filename names",
        ));
    }

    fn say(&mut self, key: &str, value: &str, origin: Origin) {
        self.words.push(format!("--{key}={value}"));
        self.origins.entry(format!("--{key}")).or_insert(origin);
    }

    fn walk(&mut self, tree: &Tree, id: Id, key: &str) {
        let origin = tree.origin(id);
        let node = tree.node(id);
        if let Some(scalar) = node.scalars.last() {
            return self.say(key, &scalar.text, origin);
        }
        if key.eq_ignore_ascii_case("acme.domains") {
            for domain in tree.children(id) {
                let mut names = Vec::new();
                for part in ["main", "sans"].iter().filter_map(|part| tree.child(domain, part)) {
                    texts(tree, part, &mut names);
                }
                self.say(key, &names.join(","), tree.origin(domain));
            }
            return;
        }
        if node.shape == Shape::List {
            let mut items = Vec::new();
            texts(tree, id, &mut items);
            if !items.is_empty() {
                return self.say(key, &items.join(","), origin);
            }
            for item in tree.children(id) {
                self.walk(tree, item, &format!("{key}[{}]", tree.node(item).name));
            }
            return;
        }
        // A table's mention alone switches it on, as a flag's does.
        if is_switch(&key.to_ascii_lowercase(), tree.has_children(id)) {
            self.say(key, "true", origin);
        }
        for child in tree.children(id) {
            self.walk(tree, child, &format!("{key}.{}", tree.node(child).name));
        }
    }

    fn point(&mut self, tree: &Tree, id: Id) {
        let name = tree.node(id).name.clone();
        let mut values: Vec<(String, String)> = Vec::new();
        let mut certificates = Vec::new();
        flatten(tree, id, "", &mut values, &mut certificates);
        let mut text = format!("Name:{name}");
        for (key, value) in values {
            if value.contains(char::is_whitespace) {
                let message = format!("{key} of the entry point {name:?} has a blank in its value");
                let finding = Finding::new(Severity::Error, tree.origin(id), message);
                self.findings.push(finding.expected("the options of v3 for this entry point"));
            }
            let key = match key.as_str() {
                "tls.clientca.files" | "tls.clientcafiles" => "ca",
                "tls.clientca.optional" => "ca.optional",
                "tls.defaultcertificate.certfile" => "tls.defaultcertificate.cert",
                "tls.defaultcertificate.keyfile" => "tls.defaultcertificate.key",
                other => other,
            };
            text.push_str(&format!(" {key}:{value}"));
        }
        let has_tls = tree.child(id, "tls").is_some();
        match certificates.is_empty() {
            true if has_tls => text.push_str(" TLS"),
            true => {}
            false => text.push_str(&format!(" TLS:{}", certificates.join(";"))),
        }
        let origin = tree.origin(id);
        self.origins.entry(format!("--entryPoints=Name:{name}")).or_insert_with(|| origin.clone());
        self.say("entryPoints", &text, origin);
    }

    /// Leads objects that the flags made back to the file.
    pub fn lead_back_objects(&self, routing: &mut Configuration) {
        let lead_back = |origin: &mut Origin| {
            if let Origin::Flag { flag } = origin
                && let Some(written) = self.origins.get(&**flag)
            {
                *origin = written.clone();
            }
        };
        routing.routers.values_mut().for_each(|it| lead_back(&mut it.origin));
        routing.middlewares.values_mut().for_each(|it| lead_back(&mut it.origin));
        routing.tls_options.values_mut().for_each(|it| lead_back(&mut it.origin));
        routing.tls_stores.values_mut().for_each(|it| lead_back(&mut it.origin));
        routing.certificates.iter_mut().for_each(|it| lead_back(&mut it.origin));
    }

    /// Leads findings about the flags back to the file.
    pub fn lead_back(&self, findings: &mut [Finding]) {
        for finding in findings {
            if let Origin::Flag { flag } = &finding.origin
                && let Some(origin) = self.origins.get(&**flag)
            {
                let rest = finding.message.strip_prefix(&**flag).map(str::to_owned);
                if let Some(rest) = rest {
                    finding.message = format!("{}{rest}", flag.trim_start_matches('-'));
                }
                finding.origin = origin.clone();
            }
        }
    }
}

/// Whether a table of this key (lower-case) says something by being there. What has no counterpart
/// is told where it stands alone: else by what is below it.
fn is_switch(key: &str, has_children: bool) -> bool {
    if !has_children || ["accesslog", "api", "ping"].contains(&key) {
        return true;
    }
    match options::find(options::OPTIONS, key) {
        Some((Kind::Truth, To::Nothing(_), _)) => false,
        Some((Kind::Truth, ..)) => true,
        _ => false,
    }
}

fn texts(tree: &Tree, id: Id, found: &mut Vec<String>) {
    let node = tree.node(id);
    match node.scalars.last() {
        Some(scalar) => found.push(scalar.text.clone().into_owned()),
        None => {
            let scalars = tree.children(id).filter_map(|child| {
                tree.node(child).scalars.last().map(|scalar| scalar.text.clone().into_owned())
            });
            found.extend(scalars);
        }
    }
}

/// Everything below an entry point; pairs of certificates apart.
fn flatten(
    tree: &Tree,
    id: Id,
    key: &str,
    values: &mut Vec<(String, String)>,
    certificates: &mut Vec<String>,
) {
    for child in tree.children(id) {
        let node = tree.node(child);
        let name = node.name.to_ascii_lowercase();
        let key = if key.is_empty() { name } else { format!("{key}.{name}") };
        if key == "tls.certificates" {
            for pair in tree.children(child) {
                let mut halves = Vec::new();
                for half in ["certFile", "keyFile"].iter().filter_map(|it| tree.child(pair, it)) {
                    texts(tree, half, &mut halves);
                }
                certificates.push(halves.join(","));
            }
            continue;
        }
        let mut items = Vec::new();
        texts(tree, child, &mut items);
        if node.shape == Shape::List || node.scalars.last().is_some() {
            values.push((key, items.join(",")));
        } else {
            flatten(tree, child, &key, values, certificates);
        }
    }
}
