//! From texts to a report: what each file is, which proxy serves which stack, what comes of it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use swarmgate_config::decode::{Format, decode_routing_file, load_install_text};
use swarmgate_config::finding::{Finding, Severity};
use swarmgate_config::install::Install;
use swarmgate_config::routing::Configuration;
use swarmgate_discovery::offline;

use super::input::{self, Kind, Reach};
use super::interpolate::{self, Budget, Found, Oddity, dotenv};
use super::lints;
use super::note::Note;
use super::options::Options;
use super::proxy::{self, Leads};
use super::source::{Sources, Spot};
use super::stack::{self, Engine, Stack};
use super::world::World;
use super::yaml::Node;
use super::{Report, follow, guess, merge, place};

/// A stack file before it is understood.
struct Draft {
    file: usize,
    name: Option<String>,
    root: Node,
}

/// Files that configure a proxy.
#[derive(Default)]
struct Given {
    installs: Vec<(usize, Format)>,
    routing: Vec<(usize, Format)>,
}

/// See [`super::examine`].
pub fn gather(
    options: &Options,
    texts: Vec<(String, String)>,
    variables: &[(String, String)],
) -> Report {
    let given = options.files.iter().map(|(path, _)| path.as_str());
    let mut sources = Sources::default();
    sources.reach = Reach::of(given);
    let mut notes = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut given = Given::default();
    let names = options.files.iter().map(|(_, name)| name.clone());
    for ((shown, text), name) in texts.into_iter().zip(names) {
        let file = sources.add(&shown, text.clone());
        match input::sniff(file, &shown, &text, &mut notes) {
            Some(Kind::Stack(mut root)) => {
                let engine = options.engine.unwrap_or_else(|| guess::engine(&shown, &root).0);
                if engine == Engine::Compose {
                    follow::follow(file, &mut root, &mut sources);
                }
                if !variables_of(file, engine, &mut root, &sources, variables, &mut notes) {
                    continue;
                }
                let whole = root.get("services").is_some_and(|services| !services.is_null());
                match drafts.first_mut() {
                    // A file without services only makes sense on top of another.
                    Some(first) if options.merge || !whole => merge::merge(&mut first.root, root),
                    _ => drafts.push(Draft { file, name, root }),
                }
            }
            Some(Kind::Install(format)) => given.installs.push((file, format)),
            Some(Kind::Routing(format)) => given.routing.push((file, format)),
            None => {}
        }
    }
    let stacks: Vec<(Stack, bool)> = drafts
        .into_iter()
        .map(|draft| {
            let shown = sources.shown(draft.file).to_owned();
            let (engine, sure) = match options.engine {
                Some(engine) => (engine, true),
                None => guess::engine(&shown, &draft.root),
            };
            let said = draft.name.is_some() || draft.root.get("name").is_some();
            let name = draft.name.unwrap_or_else(|| guess::name(&shown, &draft.root));
            let mut stack = stack::read(draft.file, name, engine, draft.root, &mut notes);
            stack.sure = sure;
            (stack, said)
        })
        .collect();
    let routing = routing(&given, &sources, &mut notes);
    let mut worlds = worlds(stacks, &given, &mut sources, &mut notes);
    for world in &mut worlds {
        let own_files = of_provider(world, &mut sources, &mut notes);
        let mut all = own_files;
        all.extend(routing.iter().cloned());
        if !world.known {
            world.files_known = !routing.is_empty();
        } else if !routing.is_empty() {
            world.files_known = true;
        }
        world.files = offline::files(all);
        let findings = world.build();
        let mut own: Vec<Note> =
            findings.into_iter().map(|finding| place::note(world, finding, &sources)).collect();
        soften(world, &mut own);
        lints::all(world, &sources, &mut own);
        notes.append(&mut own);
    }
    if worlds.len() > 1 {
        lints::across(&worlds, &mut notes);
    }
    Report { sources, worlds, notes }
}

/// Without the proxy some questions have no answer here.
fn soften(world: &World, notes: &mut [Note]) {
    for note in notes.iter_mut() {
        let unanswerable = world.proxy.is_none() && note.id == "several-networks";
        if unanswerable && note.severity == Severity::Warning {
            note.severity = Severity::Info;
        }
        // What nobody reads is worth more than a note before a deployment.
        if matches!(note.id, "not-exposed" | "https-without-tls") && note.severity == Severity::Info
        {
            note.severity = Severity::Warning;
        }
    }
}

/// Replaces the variables of a stack file, and tells what is odd about them. False: it became too
/// large to be looked at.
fn variables_of(
    file: usize,
    engine: Engine,
    root: &mut Node,
    sources: &Sources,
    variables: &[(String, String)],
    notes: &mut Vec<Note>,
) -> bool {
    let folder = sources.get(file).map(|source| source.folder().to_owned()).unwrap_or_default();
    let beside =
        input::ordinary(&folder.join(".env")).map(|text| dotenv(&text)).unwrap_or_default();
    let from_file: RefCell<BTreeSet<String>> = RefCell::default();
    let lookup = |name: &str| {
        let of = |known: &[(String, String)]| {
            known.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        };
        of(variables).or_else(|| {
            let value = of(&beside)?;
            from_file.borrow_mut().insert(name.to_owned());
            Some(value)
        })
    };
    let mut found: Vec<Found> = Vec::new();
    let mut budget = Budget::default();
    for section in ["services", "networks", "volumes", "configs", "secrets", "name"] {
        let super::yaml::Value::Map(pairs) = &mut root.value else { return true };
        if let Some(pair) = pairs.iter_mut().find(|pair| pair.key == section) {
            let mut below = Vec::new();
            let done = interpolate::tree(&mut pair.node, &lookup, &mut budget, &mut below);
            if let Err(at) = done {
                let message = "the file is too large once its variables are replaced";
                notes.push(Note::error("syntax", Some(at), message).expected("shorter values"));
                return false;
            }
            found.extend(below);
        }
    }
    let mut last: Option<Spot> = None;
    for found in found {
        let of_compose = matches!(found.oddity, Oddity::Alternative { .. } | Oddity::Nested { .. });
        if of_compose && engine == Engine::Compose {
            continue;
        }
        // One mistake of a value is enough: a hash has three.
        let note = oddity(&found);
        if note.severity == Severity::Error {
            if last == Some(found.at) {
                continue;
            }
            last = Some(found.at);
        }
        notes.push(note);
    }
    let names = from_file.into_inner();
    if !names.is_empty() && engine == Engine::Swarm {
        let names: Vec<String> = names.into_iter().collect();
        let message = format!(
            "`docker stack deploy` reads no .env file: {} must be in its environment",
            names.join(", ")
        );
        let expected = "set -a; . ./.env; set +a before the deployment";
        notes.push(Note::info("env-file", Some(Spot::whole(file)), message).expected(expected));
    }
    true
}

fn oddity(found: &Found) -> Note {
    let at = Some(found.at);
    let doubled = || {
        let (key, value) = match found.raw.split_once('=') {
            Some((key, value)) if key.starts_with("traefik") => (key, value),
            _ => ("", &*found.raw),
        };
        let value = value.replace("$$", "$").replace('$', "$$");
        let all = if key.is_empty() { value } else { format!("{key}={value}") };
        all.chars().take(200).collect::<String>()
    };
    match &found.oddity {
        Oddity::Invalid { text } => Note::error(
            "dollar-not-doubled",
            at,
            format!(
                "{text} is no variable, and each $ begins one: the client refuses or mangles it"
            ),
        )
        .needle(text)
        .expected(format!("$$ for each $ that is meant: {}", doubled())),
        Oddity::Unset { name } if is_literal(found, name) => Note::error(
            "dollar-not-doubled",
            at,
            format!("${name} is read as a variable that is not set, so it becomes nothing"),
        )
        .needle(format!("${name}"))
        .expected(format!("$$ for each $ that is meant: {}", doubled())),
        Oddity::Unset { name } => Note::warning(
            "unset-variable",
            at,
            format!("the variable {name} is not set: it becomes an empty text"),
        )
        .needle(name)
        .expected(format!("a value in the environment or in .env, or ${{{name}:-default}}")),
        Oddity::Alternative { text } => Note::error(
            "compose-only",
            at,
            format!("docker stack deploy does not know {text}...}}, and refuses the file"),
        )
        .needle(text)
        .expected("${NAME:-default}, or a variable that is made beforehand"),
        Oddity::Nested { text } => Note::warning(
            "compose-only",
            at,
            "docker stack deploy replaces no variable within a default: it stays as it is",
        )
        .needle(text)
        .expected("a default without variables"),
        Oddity::Required { name, message } => {
            let message = match message.as_str() {
                "" => format!("the variable {name} is not set, and the file requires it"),
                message => format!("the variable {name} is not set: {message}"),
            };
            Note::error("required-variable", at, message)
                .needle(name)
                .expected("a value in the environment or in .env")
        }
    }
}

/// Whether a `$` was hardly meant as a variable: password hashes, regular expressions, groups.
fn is_literal(found: &Found, name: &str) -> bool {
    let last = found.path.last().map(String::as_str).unwrap_or_default();
    let key = found.raw.split('=').next().unwrap_or_default();
    let key = if key.len() < found.raw.len() { key } else { last }.to_ascii_lowercase();
    let last = last.to_ascii_lowercase();
    let takes = ["auth.users", ".replacement", ".regex", "regexp", "stripprefixregex"];
    takes.iter().any(|part| key.contains(part) || last.contains(part))
        || (found.raw.contains("Regexp(") && key.contains("rule"))
        || matches!(name, "apr1" | "2y" | "2a" | "2b")
}

/// Routing files that were given.
fn routing(given: &Given, sources: &Sources, notes: &mut Vec<Note>) -> Vec<Configuration> {
    let mut read = Vec::new();
    for (file, format) in &given.routing {
        let Some(source) = sources.get(*file) else { continue };
        match decode_routing_file(&source.shown, &source.text, *format) {
            Ok(configuration) => read.push(configuration),
            Err(finding) => notes.push(of_file(*file, finding)),
        }
    }
    read
}

/// A finding about a file as a whole, or with its place in it.
fn of_file(file: usize, finding: Finding) -> Note {
    use swarmgate_config::finding::Origin;
    let at = match &finding.origin {
        Origin::File { line: Some(line), column, .. } => {
            Spot { file, line: *line, column: column.unwrap_or(1) }
        }
        _ => Spot::whole(file),
    };
    let id = if finding.message.contains("not valid") { "syntax" } else { "configuration" };
    let mut note = Note::new(finding.severity, id, Some(at), finding.message);
    note.expected = finding.expected;
    note
}

/// Who serves what: each proxy is a world of its own, with its own stack; stacks without a proxy
/// belong to the first one that reads such stacks.
fn worlds(
    stacks: Vec<(Stack, bool)>,
    given: &Given,
    sources: &mut Sources,
    notes: &mut Vec<Note>,
) -> Vec<World> {
    let proxy_of = proxy::of_stack;
    if !given.installs.is_empty() {
        let mut worlds = Vec::new();
        let mut stacks = Some(stacks);
        for (file, format) in &given.installs {
            let of_this: Vec<(Stack, bool)> = stacks.take().unwrap_or_default();
            let proxy = of_this
                .iter()
                .enumerate()
                .find_map(|(number, (stack, _))| Some((number, proxy_of(stack)?)));
            let said: Vec<bool> = of_this.iter().map(|(_, said)| *said).collect();
            let all = of_this.into_iter().map(|(stack, _)| stack).collect();
            let mut world = World::new(all, proxy);
            let (shown, text) = match sources.get(*file) {
                Some(source) => (source.shown.clone(), source.text.clone()),
                None => continue,
            };
            match load_install_text(&shown, &text, *format) {
                Ok(loaded) => {
                    notes.extend(
                        loaded.findings.into_iter().map(|f| place::note(&world, f, sources)),
                    );
                    take(&mut world, loaded.install, shown);
                }
                Err(findings) => {
                    notes.extend(findings.into_iter().map(|f| place::note(&world, f, sources)));
                }
            }
            rename(&mut world, &said);
            worlds.push(world);
        }
        return worlds;
    }
    let mut groups: Vec<Vec<(Stack, bool)>> = Vec::new();
    let mut rest: Vec<(Stack, bool)> = Vec::new();
    for (stack, said) in stacks {
        match proxy_of(&stack) {
            Some(_) => groups.push(vec![(stack, said)]),
            None => rest.push((stack, said)),
        }
    }
    for (stack, said) in rest {
        let same = groups
            .iter()
            .position(|group| group.first().is_some_and(|(first, _)| first.engine == stack.engine));
        match same.or(if groups.is_empty() { None } else { Some(0) }) {
            Some(group) => {
                if let Some(group) = groups.get_mut(group) {
                    group.push((stack, said));
                }
            }
            None => groups.push(vec![(stack, said)]),
        }
    }
    if groups.is_empty() && !given.routing.is_empty() {
        groups.push(Vec::new());
    }
    groups
        .into_iter()
        .map(|group| {
            let said: Vec<bool> = group.iter().map(|(_, said)| *said).collect();
            let stacks: Vec<Stack> = group.into_iter().map(|(stack, _)| stack).collect();
            let proxy = stacks.first().and_then(proxy_of).map(|service| (0, service));
            let mut world = World::new(stacks, proxy);
            let installed = world.proxy().map(|(stack, service)| {
                (proxy::install(stack, service, sources, notes), service.key.clone())
            });
            match installed {
                Some((proxy::Install::Loaded(loaded), key)) => {
                    let findings = loaded.findings;
                    notes.extend(findings.into_iter().map(|f| place::note(&world, f, sources)));
                    let from = match loaded.source.strip_prefix("file ") {
                        Some(file) => file.to_owned(),
                        None => format!("{} of service {key}", loaded.source),
                    };
                    take(&mut world, loaded.install, from);
                }
                Some((proxy::Install::Refused(findings), _)) => {
                    notes.extend(findings.into_iter().map(|f| place::note(&world, f, sources)));
                }
                Some((proxy::Install::Unknown(note), _)) => notes.push(note),
                None => {}
            }
            rename(&mut world, &said);
            world
        })
        .collect()
}

fn take(world: &mut World, install: Install, from: String) {
    world.install = install;
    world.known = true;
    world.from = from;
}

/// Takes the stacks' names from full names of networks, where nobody said them.
fn rename(world: &mut World, said: &[bool]) {
    let wanted: Vec<String> =
        world.providers().into_iter().filter_map(|(_, settings, _)| settings.network).collect();
    for (stack, said) in world.stacks.iter_mut().zip(said) {
        if !said && let Some(name) = guess::name_by_network(stack, &wanted) {
            stack.name = name;
        }
    }
}

/// The files that the proxy's file provider reads, as far as they lie beside the stack.
fn of_provider(
    world: &mut World,
    sources: &mut Sources,
    notes: &mut Vec<Note>,
) -> Vec<Configuration> {
    let Some(settings) = world.install.providers.file.clone() else {
        world.files_known = true;
        return Vec::new();
    };
    let given = |path: Option<String>| path.filter(|path| !path.is_empty());
    let (path, is_directory) = match (given(settings.directory), given(settings.filename)) {
        (Some(directory), _) => (directory, true),
        (None, Some(file)) => (file, false),
        (None, None) => return Vec::new(),
    };
    let place = match world.proxy() {
        Some((stack, service)) => {
            let folder = sources.get(stack.file).map(|source| source.folder().to_owned());
            let folder = folder.unwrap_or_default();
            match proxy::leads(stack, service, &folder, &path) {
                Leads::Inline(text, at) => {
                    let shown = format!("{}:{}", sources.shown(at.file), at.line);
                    let format = if path.ends_with(".toml") { Format::Toml } else { Format::Yaml };
                    sources.add_within(&shown, text.clone(), at);
                    world.files_known = true;
                    return match decode_routing_file(&shown, &text, format) {
                        Ok(configuration) => vec![configuration],
                        Err(finding) => {
                            notes.push(place::note(world, finding, sources));
                            Vec::new()
                        }
                    };
                }
                leads => leads,
            }
        }
        // The install configuration alone: a path may still lead to something here.
        None => Leads::Beside(PathBuf::from(&path)),
    };
    let at = world.proxy().map(|(_, service)| service.at);
    let Leads::Beside(host) = place else {
        let message = format!(
            "the routing configuration {path} is not checked: it does not lie beside the stack \
             file; what is named with @file is taken to be there"
        );
        notes.push(Note::info("routing-unknown", at, message));
        return Vec::new();
    };
    let paths = if is_directory { directory(&host, 0) } else { vec![host.clone()] };
    let mut read = Vec::new();
    let mut any = false;
    for path in paths {
        let Ok(text) = sources.reach.read(&path) else { continue };
        any = true;
        let shown = path.display().to_string();
        let format = if shown.ends_with(".toml") { Format::Toml } else { Format::Yaml };
        // One that was also given on the command line is read once.
        if sources.find(&shown).is_some() {
            continue;
        }
        sources.add(&shown, text.clone());
        match decode_routing_file(&shown, &text, format) {
            Ok(configuration) => read.push(configuration),
            Err(finding) => notes.push(place::note(world, finding, sources)),
        }
    }
    world.files_known = any;
    if !any {
        let message = format!(
            "the routing configuration {} is not there; what is named with @file is taken to be \
             there",
            host.display()
        );
        notes.push(Note::info("routing-unknown", at, message));
    }
    read
}

/// `.toml`, `.yaml` and `.yml` files below a folder, by name.
fn directory(path: &Path, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(path) else { return found };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries.into_iter().take(1000) {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory && depth < 8 {
            found.extend(directory(&path, depth.saturating_add(1)));
        } else if path.extension().is_some_and(|end| end == "toml" || end == "yaml" || end == "yml")
        {
            found.push(path);
        }
    }
    found
}
