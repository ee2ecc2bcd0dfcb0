//! TLS of routers: options (fail closed), and which certificates are wanted from resolvers.

use std::collections::{BTreeMap, HashSet};

use super::trouble::Trouble;
use crate::checked::Wanted;
use crate::finding::{Findings, ObjectKind, Origin, Severity};
use crate::install::Install;
use crate::name::QName;
use crate::routing::{Domain, RouterTls, TlsOptions, Written};

pub(super) struct Tls<'a> {
    install: &'a Install,
    options: BTreeMap<QName, TlsOptions>,
    /// Why nothing can be served with the default options.
    default_refused: Option<Trouble>,
    wanted: Vec<Wanted>,
    seen: HashSet<(String, Domain)>,
}

impl<'a> Tls<'a> {
    pub(super) fn new(
        install: &'a Install,
        written: impl Iterator<Item = (QName, &'a Written<TlsOptions>)>,
        findings: &mut Findings,
    ) -> Self {
        let mut options = BTreeMap::new();
        let mut defaults: Vec<(QName, &Written<TlsOptions>)> = Vec::new();
        for (name, written) in written {
            if name.name() == "default" {
                defaults.push((name.clone(), written));
            }
            options.insert(name, (*written.value).clone());
        }
        let default_refused = match defaults.as_slice() {
            [] => None,
            [(name, written)] => default_options(name, written, findings),
            [(name, first), ..] => {
                let trouble = Trouble::new(
                    "TLS options default are defined by several providers: none of them counts, \
                     and no router is served with them",
                )
                .expected("one definition");
                findings.push(trouble.finding(
                    Severity::Error,
                    &first.origin,
                    ObjectKind::TlsOptions,
                    name.to_string(),
                ));
                Some(trouble)
            }
        };
        Self { install, options, default_refused, wanted: Vec::new(), seen: HashSet::new() }
    }

    /// Whether a router's TLS can be served as asked. What is not is refused: options may ask for
    /// a client's certificate, and silence would let everybody in.
    pub(super) fn check(&self, tls: &RouterTls, provider: &str) -> Result<(), Trouble> {
        let name = match tls.options.as_deref() {
            None | Some("" | "default") => {
                return self.default_refused.clone().map_or(Ok(()), Err);
            }
            Some(reference) => QName::resolve(reference, provider),
        };
        if self.options.contains_key(&name) && name.name() != "default" {
            return Err(Trouble::new(format!(
                "TLS options {name} are not served yet, and its routers are not served without them"
            ))
            .expected("tls without options"));
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

    pub(super) fn finish(self) -> (BTreeMap<QName, TlsOptions>, Vec<Wanted>) {
        (self.options, self.wanted)
    }
}

/// Options named `default` hold for everybody. What they ask for beyond what is served anyway is
/// refused when it protects, and reported otherwise.
fn default_options(
    name: &QName,
    written: &Written<TlsOptions>,
    findings: &mut Findings,
) -> Option<Trouble> {
    let options = &written.value;
    let mut find = |severity, trouble: &Trouble| {
        let kind = ObjectKind::TlsOptions;
        findings.push(trouble.finding(severity, &written.origin, kind, name.to_string()));
    };
    let protecting = [
        (options.client_auth.is_some(), "clientAuth"),
        (options.sni_strict, "sniStrict"),
        (options.min_version.as_deref() == Some("VersionTLS13"), "minVersion VersionTLS13"),
    ];
    let protecting: Vec<&str> =
        protecting.into_iter().filter_map(|(set, option)| set.then_some(option)).collect();
    if !protecting.is_empty() {
        let trouble = Trouble::new(format!(
            "TLS options default: {} not served yet, and no router with TLS is served without",
            protecting.join(" and ")
        ));
        find(Severity::Error, &trouble);
        return Some(trouble);
    }
    let other = [
        (!options.cipher_suites.is_empty(), "cipherSuites"),
        (!options.curve_preferences.is_empty(), "curvePreferences"),
        (!options.alpn_protocols.is_empty(), "alpnProtocols"),
        (options.max_version.is_some(), "maxVersion"),
        (options.disable_session_tickets, "disableSessionTickets"),
        (
            options
                .min_version
                .as_deref()
                .is_some_and(|version| matches!(version, "VersionTLS10" | "VersionTLS11")),
            "minVersion below VersionTLS12",
        ),
    ];
    let other: Vec<&str> =
        other.into_iter().filter_map(|(set, what)| set.then_some(what)).collect();
    if !other.is_empty() {
        find(
            Severity::Warning,
            &Trouble::new(format!(
                "TLS options default: {} known but not served yet: TLS 1.2 and 1.3 are served with \
                 modern suites",
                other.join(", ")
            )),
        );
    }
    None
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
