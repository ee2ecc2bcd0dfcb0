//! The command line -> the keyed tree (Traefik: install configuration, flags).

use std::cell::Cell;
use std::sync::Arc;

use super::de::{Asked, Probe, probe};
use super::place::Source;
use super::text::{quote, shorten};
use super::tree::{Builder, Tree, split_key};
use crate::finding::{Finding, Origin, Severity};
use crate::install::Install;
use crate::legacy::FlagOption;

/// One flag with its value.
struct Flag<'a> {
    /// As typed, without the value.
    typed: Arc<str>,
    /// Without dashes.
    key: &'a str,
    value: &'a str,
}

/// The name of the flag that names the file.
pub(super) const CONFIG_FILE: &str = "configFile";

/// Reads all flags; `--configFile` is left out. `translated` are those that were written in the
/// form of Traefik v1. The findings are errors in form, and warnings.
pub(super) fn parse(
    arguments: &[String],
    translated: &[FlagOption],
) -> (Tree<'static>, Vec<Finding>) {
    let mut findings = Vec::new();
    let old = translated.iter().map(|option| Flag {
        typed: Arc::clone(&option.typed),
        key: &option.key,
        value: &option.value,
    });
    // What is written in today's form comes last: it wins.
    let flags: Vec<Flag<'_>> = old.chain(split(arguments, &mut findings)).collect();
    let mut builder = Builder::new(Source::Flags);
    let mut keys: Vec<(&Flag<'_>, Vec<&str>)> = Vec::new();
    for flag in &flags {
        if flag.key.eq_ignore_ascii_case(CONFIG_FILE) {
            continue;
        }
        match split_key(flag.key) {
            Ok(names) => keys.push((flag, names)),
            Err(error) => findings.push(bad(&flag.typed, error.message(), "--a.b=value")),
        }
    }
    // The byte-wise smallest spelling names the nodes; values keep the order of the command line.
    let mut sorted: Vec<&(&Flag<'_>, Vec<&str>)> = keys.iter().collect();
    sorted.sort_by_key(|(flag, _)| flag.key);
    for (flag, names) in sorted {
        builder.reach(names, &flag.typed);
    }
    for (flag, names) in &keys {
        let id = builder.reach(names, &flag.typed);
        builder.put(id, flag.value, &flag.typed);
    }
    (builder.build(), findings)
}

/// The value of the last `--configFile`, in any case. An empty one counts as not given.
pub(super) fn config_file(arguments: &[String]) -> Option<(Arc<str>, String)> {
    let flags = split(arguments, &mut Vec::new());
    let last = flags.iter().rev().find(|flag| flag.key.eq_ignore_ascii_case(CONFIG_FILE))?;
    (!last.value.is_empty()).then(|| (last.typed.clone(), last.value.to_owned()))
}

/// Whether any flag but `--configFile` is given.
pub(super) fn any_other(arguments: &[String]) -> bool {
    let flags = split(arguments, &mut Vec::new());
    flags.iter().any(|flag| !flag.key.eq_ignore_ascii_case(CONFIG_FILE))
}

fn bad(typed: &str, message: String, expected: &str) -> Finding {
    let origin = Origin::Flag { flag: shorten(typed, 256).into() };
    Finding::new(Severity::Error, origin, message).expected(expected)
}

fn split<'a>(arguments: &'a [String], findings: &mut Vec<Finding>) -> Vec<Flag<'a>> {
    let mut flags: Vec<Flag<'a>> = Vec::new();
    let mut words = arguments.iter().peekable();
    let mut ended = false;
    while let Some(word) = words.next() {
        let body = if ended { None } else { word.strip_prefix('-') };
        let Some(body) = body else {
            findings.push(stray(word, flags.last()));
            continue;
        };
        let body = body.strip_prefix('-').unwrap_or(body);
        if body.is_empty() && word.len() == 2 {
            ended = true;
            continue;
        }
        if body.is_empty() || body.starts_with(['-', '=']) {
            let message = format!("bad flag syntax: {}", quote(word));
            findings.push(bad(word, message, "--a.b=value"));
            continue;
        }
        let dashes = word.len().saturating_sub(body.len());
        if let Some((key, value)) = body.split_once('=') {
            let typed = word.get(..dashes.saturating_add(key.len())).unwrap_or(word);
            flags.push(Flag { typed: typed.into(), key, value });
            continue;
        }
        let typed: Arc<str> = word.as_str().into();
        let value = match asked(body) {
            Some(Asked::Bool | Asked::Group) => "true",
            Some(Asked::Scalar | Asked::List) => match words.next_if(|next| !is_flag(next)) {
                Some(next) => next,
                None => {
                    let expected = format!("{word}=value");
                    findings.push(bad(word, "the flag needs a value".into(), &expected));
                    continue;
                }
            },
            // The model has no shape for it, or does not know it at all.
            Some(Asked::Any) | None => match words.next_if(|next| !next.starts_with('-')) {
                Some(next) => next,
                None => "true",
            },
        };
        flags.push(Flag { typed, key: body, value });
    }
    flags
}

fn stray(word: &str, before: Option<&Flag<'_>>) -> Finding {
    let message = format!("the word {} belongs to no flag", quote(word));
    let finding = bad(word, message, "flags only");
    match before {
        Some(flag) if flag.value == "true" => {
            finding.expected(format!("flags only; a value is given as {}={word}", flag.typed))
        }
        _ => finding,
    }
}

/// Whether a word is a flag that we know: only then it cannot be the value of the one before it.
/// `-1` and the like are values.
fn is_flag(word: &str) -> bool {
    let Some(body) = word.strip_prefix('-') else { return false };
    let body = body.strip_prefix('-').unwrap_or(body);
    let key = body.split_once('=').map_or(body, |(key, _)| key);
    asked(key).is_some()
}

/// What the model asks a key for; `None` if it does not know the key.
fn asked(key: &str) -> Option<Asked> {
    if key.eq_ignore_ascii_case(CONFIG_FILE) {
        return Some(Asked::Scalar);
    }
    let names = split_key(key).ok()?;
    let mut builder = Builder::new(Source::Flags);
    let node = builder.reach(&names, &Arc::from(key));
    builder.put(node, "true", &Arc::from(key));
    let tree = builder.build();
    let noted = Probe { node, asked: Cell::new(None) };
    // A value that does not fit is an error here too, but by then the question is answered.
    let _ = probe::<Install>(&tree, super::tree::ROOT, &noted);
    noted.asked.get()
}
