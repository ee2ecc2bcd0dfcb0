//! TLS of routers: options (fail closed), and which certificates are wanted from resolvers.

mod names;
mod options;

use std::collections::{BTreeMap, HashSet};

pub(super) use self::names::Fallen;
use self::names::Names;
use super::entry_points::EntryPoints;
use super::routers::Parsed;
use super::trouble::Trouble;
use crate::checked::Wanted;
use crate::checked::handshake::{ClientAuth, DefaultOptions, Handshakes, TlsOptions};
use crate::finding::{Findings, ObjectKind, Origin, Severity};
use crate::install::Install;
use crate::name::QName;
use crate::routing::{self, Domain, RouterTls, Written};

/// Options by name, which handshake gets which, and the certificates that are wanted.
type Finished = (BTreeMap<QName, (TlsOptions, Origin)>, Handshakes, Vec<Wanted>);

pub(super) struct Tls<'a> {
    install: &'a Install,
    /// Each, or why nobody is served with it.
    options: BTreeMap<QName, Result<(TlsOptions, Origin), Trouble>>,
    default: DefaultOptions,
    /// Why nothing can be served with the default options.
    default_refused: Option<Trouble>,
    names: Names,
    wanted: Vec<Wanted>,
    seen: HashSet<(String, Domain)>,
}

impl<'a> Tls<'a> {
    pub(super) fn new(
        install: &'a Install,
        written: impl Iterator<Item = (QName, &'a Written<routing::TlsOptions>)>,
        findings: &mut Findings,
    ) -> Self {
        let mut options = BTreeMap::new();
        let mut defaults: Vec<(QName, &Origin)> = Vec::new();
        for (name, written) in written {
            let mut find = |severity, trouble: &Trouble| {
                let kind = ObjectKind::TlsOptions;
                findings.push(trouble.finding(severity, &written.origin, kind, name.to_string()));
            };
            if name.name() == "default" {
                defaults.push((name.clone(), &written.origin));
            }
            let read = match options::read(&written.value) {
                Ok(read) => {
                    read.remarks.iter().for_each(|remark| find(Severity::Warning, remark));
                    Ok((read.options, written.origin.clone()))
                }
                Err(trouble) => {
                    find(Severity::Error, &trouble);
                    Err(trouble)
                }
            };
            options.insert(name, read);
        }
        let (default, default_refused) = match defaults.as_slice() {
            [] => (DefaultOptions::BuiltIn, None),
            [(name, _)] => match options.get(name) {
                Some(Err(trouble)) => (DefaultOptions::Refused, Some(trouble.clone())),
                _ => (DefaultOptions::Written(name.clone()), None),
            },
            [(name, first), ..] => {
                let trouble = Trouble::new(
                    "TLS options default are defined by several providers: none of them counts, \
                     and no router is served with them",
                )
                .expected("one definition");
                findings.push(trouble.finding(
                    Severity::Error,
                    first,
                    ObjectKind::TlsOptions,
                    name.to_string(),
                ));
                (DefaultOptions::Refused, Some(trouble))
            }
        };
        let (names, wanted, seen) = (Names::default(), Vec::new(), HashSet::new());
        Self { install, options, default, default_refused, names, wanted, seen }
    }

    /// Shares out the server names among the options that routers ask for.
    pub(super) fn share_names(&mut self, routers: &[Parsed<'_>], entry_points: &EntryPoints) {
        self.names = Names::share(routers, entry_points);
    }

    /// Why this copy of a router cannot be served as it asks on an entry point, if it cannot: no
    /// handshake knows it, or another router of its host asks for other options.
    pub(super) fn fallen(&self, entry_point: &str, copy: &QName) -> Option<&Fallen> {
        self.names.fallen(entry_point, copy)
    }

    /// Whether a router that has fallen back to the default options is served at all.
    pub(super) fn is_strict(&self) -> bool {
        self.install.core.as_ref().is_some_and(|core| core.strict_tls_options)
    }

    /// The options that a router's TLS is served with; `None`: the default ones. What cannot be
    /// served as asked is refused: options may ask for a client's certificate, and silence would
    /// let everybody in.
    pub(super) fn check(&self, tls: &RouterTls, provider: &str) -> Result<Option<QName>, Trouble> {
        let Some(name) = names::asked(tls, provider) else {
            return self.default_refused.clone().map_or(Ok(None), Err);
        };
        match self.options.get(&name) {
            // What is called so is for everybody, and nobody's in particular.
            Some(options) if name.name() != "default" => {
                return options.as_ref().map(|_| Some(name)).map_err(Clone::clone);
            }
            _ => {}
        }
        let trouble = Trouble::new(format!("building router handler: unknown TLS options: {name}"));
        let elsewhere = QName::new(name.name(), "");
        Err(match self.options.range(elsewhere..).next() {
            Some((found, _)) if found.name() == name.name() && name.name() != "default" => {
                trouble.expected(format!("{found}, if that one is meant"))
            }
            _ => trouble,
        })
    }

    /// Whether these options ask clients for certificates.
    pub(super) fn asks_clients(&self, name: &QName) -> bool {
        let read = self.options.get(name).and_then(|read| read.as_ref().ok());
        read.is_some_and(|(options, _)| options.client_auth != ClientAuth::None)
    }

    /// The only resolver, if there is exactly one.
    pub(super) fn only_resolver(&self) -> Option<&str> {
        let mut names = self.install.certificates_resolvers.keys();
        names.next().filter(|_| names.next().is_none()).map(String::as_str)
    }

    /// Notes the certificates that a mounted router wants.
    pub(super) fn want(
        &mut self,
        router: &QName,
        origin: &Origin,
        tls: &RouterTls,
        hosts: &[String],
        findings: &mut Findings,
    ) {
        let Some(resolver) = tls.cert_resolver.as_deref().filter(|name| !name.is_empty()) else {
            return;
        };
        let mut warn = |trouble: Trouble| {
            let kind = ObjectKind::Router;
            findings.push(trouble.finding(Severity::Warning, origin, kind, router.to_string()));
        };
        let resolvers = &self.install.certificates_resolvers;
        let Some(known) = resolvers.get(resolver) else {
            let names: Vec<&str> = resolvers.keys().map(String::as_str).collect();
            let trouble = Trouble::new(format!(
                "Router uses a nonexistent certificate resolver {resolver:?}; it is served with \
                 other certificates"
            ));
            return warn(match names.as_slice() {
                [] => trouble.expected("certificatesResolvers in the install configuration"),
                names => trouble.expected(format!("one of {}", names.join(", "))),
            });
        };
        if known.acme.as_ref().is_none_or(|acme| acme.http_challenge.is_none()) {
            return warn(Trouble::new(format!(
                "no certificate is ordered: resolver {resolver:?} has no httpChallenge, the only \
                 challenge that is served yet"
            )));
        }
        let from_rule;
        let domains = if tls.domains.is_empty() {
            let mut names = hosts.iter().cloned();
            let Some(main) = names.next() else {
                return warn(
                    Trouble::new("no certificate is ordered: the rule names no Host")
                        .expected("a Host in the rule, or tls.domains"),
                );
            };
            from_rule = [Domain { main, sans: names.collect() }];
            from_rule.as_slice()
        } else {
            tls.domains.as_slice()
        };
        for domain in domains {
            let mut names: Vec<String> = Vec::with_capacity(1 + domain.sans.len());
            let mut seen: HashSet<String> = HashSet::new();
            for written in std::iter::once(&domain.main).chain(&domain.sans) {
                match orderable(written) {
                    Ok(name) => {
                        if seen.insert(name.clone()) {
                            names.push(name);
                        }
                    }
                    Err(why) => warn(Trouble::new(format!(
                        "no certificate is ordered for {written:?}: {why}"
                    ))),
                }
            }
            let mut names = names.into_iter();
            let Some(main) = names.next() else { continue };
            let domain = Domain { main, sans: names.collect() };
            if self.seen.insert((resolver.to_owned(), domain.clone())) {
                self.wanted.push(Wanted {
                    resolver: resolver.to_owned(),
                    domain,
                    router: router.clone(),
                });
            }
        }
    }

    pub(super) fn finish(self) -> Finished {
        let Self { options, default, names, wanted, .. } = self;
        let sound = options.into_iter().filter_map(|(name, read)| Some((name, read.ok()?)));
        let handshakes = Handshakes { default, names: names.by_entry_point };
        (sound.collect(), handshakes, wanted)
    }
}

/// A name in the form that is ordered, or why HTTP-01 cannot get it.
fn orderable(written: &str) -> Result<String, &'static str> {
    let name = written.strip_suffix('.').unwrap_or(written).to_ascii_lowercase();
    if name.contains('*') {
        return Err("a wildcard needs the DNS challenge, which is not served yet");
    }
    if !name.is_ascii() {
        return Err("it is not ASCII; write its xn-- form");
    }
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Err("it is an IP address");
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric_end =
        name.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    if name.len() > 253 || numeric_end || !name.split('.').all(label) {
        return Err("it is not a valid DNS name");
    }
    Ok(name)
}
