//! Loads the install configuration: finds the one source that counts, decodes and checks it.

use std::io::Read;
use std::sync::Arc;

use super::de::{decode_all, fields_of};
use super::lookup::{self, Found};
use super::text::shorten;
use super::tree::{ROOT, Tree};
use super::v1_file::V1File;
use super::{
    Format, Loaded, Sources, flags, legacy, presence, toml, unserved, validate, variables, yaml,
};
use crate::finding::{Finding, Origin, Severity};
use crate::install::Install;
use crate::legacy::{Facts, TranslatedFlags};

/// Nobody writes longer ones; a device or a log given by mistake must not fill the memory.
const MOST_BYTES: u64 = 16 << 20;

/// More errors than anybody repairs at a time.
const MOST_ERRORS: usize = 25;

/// See [`super::load_install`].
pub(super) fn load(sources: &Sources) -> Result<Loaded, Vec<Finding>> {
    let fields = fields_of::<Install>();
    let v1 = crate::legacy::flags(&sources.arguments);
    let today = v1.as_ref().map(|v1| Sources { arguments: v1.rest.clone(), ..sources.clone() });
    if let Some(found) =
        lookup::find(today.as_ref().unwrap_or(sources)).map_err(|finding| vec![finding])?
    {
        let tree = read(&found).map_err(|finding| vec![finding])?;
        if found.path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"))
            && let Some(file) = V1File::of(&tree)
        {
            return from_v1_file(file, &sources.arguments, &found.shown);
        }
        let ignored = ignored(sources, fields, &found);
        return from_tree(tree, format!("file {}", found.shown), ignored, Facts::default());
    }
    given(sources, v1)
}

/// See [`super::load_install_without_file`].
pub(super) fn without_file(sources: &Sources) -> Result<Loaded, Vec<Finding>> {
    given(sources, crate::legacy::flags(&sources.arguments))
}

/// Flags, else variables, else the defaults. `v1`: the flags, if they are v1's.
fn given(sources: &Sources, v1: Option<TranslatedFlags>) -> Result<Loaded, Vec<Finding>> {
    let fields = fields_of::<Install>();
    if !sources.arguments.is_empty() {
        let v1 = v1.unwrap_or_else(|| TranslatedFlags {
            rest: sources.arguments.clone(),
            ..TranslatedFlags::default()
        });
        let (tree, mut findings) = flags::parse(&v1.rest, &v1.options);
        findings.splice(0..0, v1.findings);
        if variables::any(&sources.variables, fields) {
            findings.push(
                Finding::new(
                    Severity::Warning,
                    Origin::Env { variable: "TRAEFIK_*".into() },
                    "the variables are not read, because flags are given: sources are never merged",
                )
                .expected("everything in one of file, flags, variables"),
            );
        }
        return from_tree(tree, "flags".into(), findings, v1.facts);
    }
    let (tree, findings) = variables::parse(&sources.variables, fields);
    let source =
        if variables::any(&sources.variables, fields) { "environment" } else { "defaults" };
    from_tree(tree, source.into(), findings, Facts::default())
}

/// A file of v1, and the flags that v1 read after it.
fn from_v1_file(mut file: V1File, after: &[String], shown: &str) -> Result<Loaded, Vec<Finding>> {
    let mut arguments = std::mem::take(&mut file.words);
    arguments.extend(after.iter().cloned());
    let mut v1 = crate::legacy::flags(&arguments)
        .unwrap_or_else(|| TranslatedFlags { rest: arguments, ..TranslatedFlags::default() });
    file.lead_back_objects(&mut v1.facts.routing);
    let (tree, mut findings) = flags::parse(&v1.rest, &v1.options);
    findings.splice(0..0, file.findings.drain(..).chain(v1.findings));
    let mut loaded = from_tree(tree, format!("file {shown} (Traefik v1)"), findings, v1.facts);
    match &mut loaded {
        Ok(loaded) => file.lead_back(&mut loaded.findings),
        Err(findings) => file.lead_back(findings),
    }
    loaded
}

/// See [`super::load_install_text`]. `arguments`: the command line, which v1 read after its file.
pub(super) fn text(
    path: &str,
    text: &str,
    format: Format,
    arguments: &[String],
) -> Result<Loaded, Vec<Finding>> {
    let shown: Arc<str> = path.into();
    let tree = match format {
        Format::Toml => toml::parse(&shown, text),
        Format::Yaml => yaml::parse(&shown, text),
    };
    let tree = tree.map_err(|finding| vec![finding])?;
    if !tree.has_children(ROOT) {
        return Err(vec![nothing(&shown)]);
    }
    if format == Format::Toml
        && let Some(file) = V1File::of(&tree)
    {
        return from_v1_file(file, arguments, path);
    }
    from_tree(tree, format!("file {path}"), Vec::new(), Facts::default())
}

fn nothing(shown: &Arc<str>) -> Finding {
    let origin = Origin::File { file: shown.clone(), line: None, column: None };
    Finding::new(Severity::Error, origin, "no configuration found in the file")
        .expected("at least one key, such as entryPoints")
}

/// Says that flags and variables beside a file are not read.
fn ignored(sources: &Sources, fields: &[&'static str], found: &Found) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |origin: Origin, what: &str| {
        let message = format!(
            "{what} are not read, because the file {} was found: sources are never merged",
            found.shown
        );
        let finding = Finding::new(Severity::Warning, origin, message);
        findings.push(finding.expected("everything in one of file, flags, variables"));
    };
    if flags::any_other(&sources.arguments) {
        let flag = sources.arguments.join(" ");
        say(Origin::Flag { flag: shorten(&flag, 200).into() }, "flags");
    }
    if variables::any(&sources.variables, fields) {
        say(Origin::Env { variable: "TRAEFIK_*".into() }, "variables");
    }
    findings
}

fn read(found: &Found) -> Result<Tree<'static>, Finding> {
    let shown: Arc<str> = found.shown.as_str().into();
    let origin = Origin::File { file: shown.clone(), line: None, column: None };
    let wrong = |message: String| Finding::new(Severity::Error, origin.clone(), message);
    if found.path.is_dir() {
        return Err(wrong("is a directory".into())
            .expected("a file; an engine makes a directory where a mounted file is missing"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(&found.path)
        .and_then(|file| file.take(MOST_BYTES.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| wrong(format!("cannot be read: {error}")).expected("a readable file"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(wrong(format!("is larger than {MOST_BYTES} bytes")).expected("a smaller file"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| wrong("is not UTF-8".into()).expected("text in UTF-8"))?;
    let extension = found.path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    let tree = match extension.to_ascii_lowercase().as_str() {
        "toml" => toml::parse(&shown, &text)?,
        "yaml" | "yml" | "json" => yaml::parse(&shown, &text)?,
        _ => {
            let message = format!("unsupported file extension: {}", found.shown);
            return Err(wrong(message).expected(".yml, .yaml, .toml or .json"));
        }
    };
    if tree.has_children(ROOT) { Ok(tree.into_owned()) } else { Err(nothing(&shown)) }
}

fn from_tree(
    mut tree: Tree,
    source: String,
    mut findings: Vec<Finding>,
    v1: Facts,
) -> Result<Loaded, Vec<Finding>> {
    findings.append(&mut tree.notes);
    findings.extend(presence::resolve(&mut tree, presence::INSTALL));
    findings.extend(legacy::resolve(&mut tree));
    findings.extend(unserved::install(&tree).into_iter().map(|(_, finding)| finding));
    let mut install: Install = match decode_all(&mut tree, ROOT, MOST_ERRORS) {
        Ok(install) => install,
        Err(errors) => {
            let errors = errors.iter().map(|error| error.finding(&tree, Severity::Error));
            let mut all: Vec<Finding> = errors.collect();
            all.append(&mut findings);
            return Err(all);
        }
    };
    install.v1 = v1;
    spread_globals(&mut install);
    let verdict = validate::validate(&install, &tree);
    let ends = findings.iter().any(|finding| finding.severity == Severity::Error);
    if ends || !verdict.fatal.is_empty() {
        let mut all = verdict.fatal;
        all.append(&mut findings);
        // What ends the start comes first.
        all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        return Err(all);
    }
    findings.extend(verdict.notes);
    Ok(Loaded { install, source, findings })
}

/// `global` options that stand for the same option of every entry point.
fn spread_globals(install: &mut Install) {
    let not_append = install.global.as_ref().and_then(|global| global.not_append_x_forwarded_for);
    if not_append == Some(true) {
        for entry_point in install.entry_points.values_mut() {
            entry_point.forwarded_headers.not_append_x_forwarded_for = true;
        }
    }
}
