//! What decoding cannot see: values that contradict each other or name what does not exist
//! (Traefik: install configuration, fatal validation).

mod entry_points;
mod metrics;
mod resolvers;

use super::tree::{ROOT, Tree};
use crate::finding::{Finding, ObjectKind, Origin, Severity};
use crate::install::{AccessLog, Install, Log, PRECEDENCE};

/// The findings about one install configuration.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// They end the start.
    pub fatal: Vec<Finding>,
    /// The start goes on without what they are about.
    pub notes: Vec<Finding>,
}

/// Collects findings; knows where each option was written.
struct Checker<'a> {
    install: &'a Install,
    tree: &'a Tree<'a>,
    verdict: Verdict,
}

/// Checks everything.
pub(super) fn validate(install: &Install, tree: &Tree) -> Verdict {
    let mut checker = Checker { install, tree, verdict: Verdict::default() };
    checker.entry_points();
    checker.resolvers();
    checker.providers();
    checker.core();
    checker.api();
    checker.ping();
    checker.metrics();
    if let Some(log) = &install.log {
        checker.log(log);
    }
    if let Some(access_log) = &install.access_log {
        checker.access_log(access_log);
    }
    checker.verdict
}

impl Checker<'_> {
    fn origin(&self, names: &[&str]) -> Origin {
        match self.tree.nearest(names) {
            ROOT if !self.tree.source.is_file() => Origin::Internal,
            id => self.tree.origin(id),
        }
    }

    fn finding(
        &self,
        severity: Severity,
        names: &[&str],
        message: impl AsRef<str>,
        expected: &str,
    ) -> Finding {
        let message = format!("{}: {}", names.join("."), message.as_ref());
        let finding = Finding::new(severity, self.origin(names), message);
        if expected.is_empty() { finding } else { finding.expected(expected) }
    }

    fn fatal(&mut self, names: &[&str], message: impl AsRef<str>, expected: &str) {
        let finding = self.finding(Severity::Error, names, message, expected);
        self.verdict.fatal.push(finding);
    }

    fn error(
        &mut self,
        object: (ObjectKind, &str),
        names: &[&str],
        message: impl AsRef<str>,
        expected: &str,
    ) {
        let finding = self.finding(Severity::Error, names, message, expected);
        self.verdict.notes.push(finding.on(object.0, object.1));
    }

    fn warning(&mut self, names: &[&str], message: impl AsRef<str>, expected: &str) {
        let finding = self.finding(Severity::Warning, names, message, expected);
        self.verdict.notes.push(finding);
    }

    /// The names of all entry points, for messages.
    fn entry_point_names(&self) -> String {
        let names: Vec<String> = self.install.entry_points_or_default().into_keys().collect();
        names.join(", ")
    }

    fn knows_entry_point(&self, name: &str) -> bool {
        self.install.entry_points_or_default().contains_key(name)
    }

    fn providers(&mut self) {
        let known = |name: &str| PRECEDENCE.contains(&name) || name == "internal";
        for name in &self.install.providers.precedence {
            if !known(&name.to_ascii_lowercase()) {
                let message = format!("unknown provider {name:?}");
                self.fatal(&["providers", "precedence"], message, &PRECEDENCE.join(", "));
            }
        }
        if let Some(file) = &self.install.providers.file
            && file.filename.as_deref().unwrap_or_default().is_empty()
            && file.directory.as_deref().unwrap_or_default().is_empty()
        {
            self.error(
                (ObjectKind::Provider, "file"),
                &["providers", "file"],
                "names neither a file nor a directory: nothing is read",
                "filename or directory",
            );
        }
        for (name, docker) in
            [("docker", &self.install.providers.docker), ("swarm", &self.install.providers.swarm)]
        {
            let Some(docker) = docker else { continue };
            // Several managers stand with commas between them.
            for endpoint in docker.endpoint.split(',').map(str::trim) {
                self.engine(name, endpoint);
            }
        }
        if let Some(http) = &self.install.providers.http {
            let provider = (ObjectKind::Provider, "http");
            if http.endpoint.is_empty() {
                let message = "non-empty endpoint is required: nothing is read";
                let expected = "an endpoint such as https://host/path";
                self.error(provider, &["providers", "http", "endpoint"], message, expected);
            }
            if http.poll_interval.positive().is_none() {
                let message = "the poll interval is not more than zero: nothing is read";
                let names = ["providers", "http", "pollInterval"];
                self.error(provider, &names, message, "a time such as 5s");
            }
        }
    }

    fn engine(&mut self, name: &str, endpoint: &str) {
        const SCHEMES: [&str; 6] =
            ["unix://", "tcp://", "http://", "https://", "npipe://", "fd://"];
        let expected = "unix:///path or tcp://host:port";
        let names = ["providers", name, "endpoint"];
        if endpoint.starts_with("ssh://") {
            let message = "engines behind ssh:// are not served: the provider gets nothing";
            self.error((ObjectKind::Provider, name), &names, message, expected);
        } else if !SCHEMES.iter().any(|scheme| endpoint.starts_with(scheme)) {
            let message = format!("unable to parse docker host {endpoint:?}");
            self.error((ObjectKind::Provider, name), &names, message, expected);
        }
    }

    fn core(&mut self) {
        let syntax = self.install.core.as_ref().and_then(|core| core.default_rule_syntax.as_ref());
        if let Some(syntax) = syntax.filter(|syntax| !matches!(syntax.as_str(), "" | "v2" | "v3")) {
            let message = format!("unsupported default rule syntax configuration: {syntax:?}");
            self.fatal(&["core", "defaultRuleSyntax"], message, "v3 or v2");
        }
        if syntax.is_some_and(|syntax| syntax == "v2") {
            let message = "v2 rules syntax is deprecated";
            self.warning(&["core", "defaultRuleSyntax"], message, "rules in v3 syntax");
        }
    }

    fn api(&mut self) {
        let base = self.install.api.as_ref().and_then(|api| api.base_path.as_ref());
        if let Some(base) = base.filter(|base| !is_plain_path(base)) {
            let message = format!("{base:?} is not a plain absolute path");
            self.fatal(&["api", "basePath"], message, "a path such as /proxy");
        }
    }

    fn ping(&mut self) {
        let Some(ping) = &self.install.ping else { return };
        if !ping.manual_routing && !self.knows_entry_point(&ping.entry_point) {
            let message = format!("unknown entry point {:?}: ping is not served", ping.entry_point);
            let expected = self.entry_point_names();
            let names = ["ping", "entryPoint"];
            self.error((ObjectKind::EntryPoint, &ping.entry_point), &names, message, &expected);
        }
        if !(100..=999).contains(&ping.terminating_status_code) {
            let message = format!("{} is no HTTP status", ping.terminating_status_code);
            self.fatal(&["ping", "terminatingStatusCode"], message, "a number such as 503");
        }
    }

    fn log(&mut self, log: &Log) {
        const LEVELS: &[&str] = &["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "PANIC"];
        if let Some(level) = log.level.as_ref().filter(|level| {
            !level.is_empty() && !LEVELS.contains(&level.to_ascii_uppercase().as_str())
        }) {
            let message = format!("unknown level {level:?}: ERROR is used");
            self.warning(&["log", "level"], message, &LEVELS.join(", "));
        }
        if let Some(format) = log.format.as_ref().filter(|format| {
            !matches!(format.to_ascii_lowercase().as_str(), "" | "common" | "json")
        }) {
            let message = format!("unknown format {format:?}: common is used");
            self.warning(&["log", "format"], message, "common or json");
        }
    }

    fn access_log(&mut self, log: &AccessLog) {
        if let Some(format) = log
            .format
            .as_ref()
            .filter(|format| !matches!(format.as_str(), "" | "common" | "json" | "genericCLF"))
        {
            let message = format!("unsupported access log format {format:?}: common is used");
            self.warning(&["accessLog", "format"], message, "common, genericCLF or json");
        }
        let codes = log.filters.iter().flat_map(|filters| &filters.status_codes);
        for code in codes {
            if !is_status_range(code) {
                let message = format!("{code:?} is no status or range of them: ignored");
                self.warning(
                    &["accessLog", "filters", "statusCodes"],
                    message,
                    "codes such as 200 or 500-599",
                );
            }
        }
        let modes = log.fields.iter().flat_map(|fields| {
            let groups = [&fields.headers, &fields.query_parameters];
            let below = groups
                .into_iter()
                .flatten()
                .flat_map(|group| group.default_mode.iter().chain(group.names.values()));
            fields.default_mode.iter().chain(fields.names.values()).chain(below)
        });
        for mode in modes {
            if !matches!(mode.to_ascii_lowercase().as_str(), "keep" | "drop" | "redact") {
                let message = format!("unknown mode {mode:?}");
                self.warning(&["accessLog", "fields"], message, "keep, drop or redact");
            }
        }
    }
}

fn is_plain_path(path: &str) -> bool {
    path.is_empty()
        || (path.starts_with('/')
            && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b)))
}

/// `200`, `300-302`.
fn is_status_range(text: &str) -> bool {
    let code = |text: &str| text.trim().parse::<u16>().ok();
    match text.split_once('-') {
        Some((from, to)) => {
            matches!((code(from), code(to)), (Some(from), Some(to)) if from <= to)
        }
        None => code(text).is_some(),
    }
}
