//! Finds the file of install configuration (Traefik: install configuration, file lookup).

use std::path::{Path, PathBuf};

use super::flags;
use super::{Sources, text::quote};
use crate::finding::{Finding, Origin, Severity};

/// Traefik tries them in this order within each place.
const EXTENSIONS: &[&str] = &["toml", "yaml", "yml"];

/// A file that exists.
pub(super) struct Found {
    /// For messages.
    pub shown: String,
    /// To open.
    pub path: PathBuf,
}

/// The file to read. `Err`: one was named that does not exist.
pub(super) fn find(sources: &Sources) -> Result<Option<Found>, Finding> {
    if let Some((flag, value)) = flags::config_file(&sources.arguments) {
        let shown = expand(&value, sources);
        let path = sources.working_directory.join(&shown);
        // Better than Traefik, which goes on to the usual places without a word.
        if !path.exists() {
            let message = format!("the file {} does not exist", quote(&shown));
            let finding = Finding::new(Severity::Error, Origin::Flag { flag }, message);
            return Err(finding.expected("the path of a .yml, .yaml, .toml or .json file"));
        }
        return Ok(Some(Found { shown, path }));
    }
    let places = places(sources);
    let own = own_places(sources, &places);
    let named = |name: &'static str| {
        move |place: &PathBuf| {
            EXTENSIONS.iter().map(move |end| (name, *end)).map({
                let place = place.clone();
                move |(name, end)| place.join(format!("{name}.{end}"))
            })
        }
    };
    let found = places
        .iter()
        .flat_map(named("traefik"))
        .chain(own.iter().flat_map(named("swarmgate")))
        .find(|path| path.exists());
    Ok(found.map(|path| Found { shown: path.display().to_string(), path }))
}

/// `/etc/traefik`, `$XDG_CONFIG_HOME`, `$HOME/.config`, the working directory.
fn places(sources: &Sources) -> Vec<PathBuf> {
    let root = root(sources);
    let home = |name: &str| -> Option<PathBuf> {
        let value = variable(sources, name)?;
        (!value.is_empty()).then(|| sources.working_directory.join(value))
    };
    vec![
        root.join("etc/traefik"),
        // Unset, the variable stands for nothing, and Traefik looks into the root directory.
        home("XDG_CONFIG_HOME").unwrap_or_else(|| root.to_owned()),
        home("HOME").unwrap_or_else(|| root.to_owned()).join(".config"),
        sources.working_directory.clone(),
    ]
}

/// Where our own name is looked for, after all of Traefik's.
fn own_places(sources: &Sources, places: &[PathBuf]) -> Vec<PathBuf> {
    std::iter::once(root(sources).join("etc/swarmgate")).chain(places.iter().cloned()).collect()
}

fn root(sources: &Sources) -> &Path {
    if sources.root.as_os_str().is_empty() { Path::new("/") } else { &sources.root }
}

fn variable(sources: &Sources, name: &str) -> Option<String> {
    let (_, value) = sources.variables.iter().find(|(variable, _)| variable == name)?;
    value.to_str().map(str::to_owned)
}

/// Replaces `$NAME` and `${NAME}`; an unset variable is empty.
fn expand(text: &str, sources: &Sources) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, tail) = match braced {
            Some(pair) => pair,
            None => {
                let end = after
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(after.len());
                after.split_at(end)
            }
        };
        if name.is_empty() && braced.is_none() {
            out.push('$');
        } else {
            out.push_str(&variable(sources, name).unwrap_or_default());
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}
