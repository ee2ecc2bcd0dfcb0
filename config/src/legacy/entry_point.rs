//! v1's entry point in one text: `Name:https Address::443 TLS:/c.pem,/k.pem Compress:on`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::finding::Origin;
use crate::routing::{
    BasicAuth, Certificate, ClientAuth, Compress, ForwardAuth, ForwardAuthTls, IpAllowList,
    IpStrategy, Middleware, RedirectRegex, TlsOptions, TlsStore, Written,
};

use super::auth::list;
use super::facts::Facts;
use crate::decode::text::quote;

/// One entry point as v1 has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Point {
    pub name: String,
    /// Keys in lower case. A bare `TLS` has an empty value.
    pub values: BTreeMap<String, String>,
}

/// Keys that [`Point::make`] and `flags` know.
const KEYS: &[&str] = &[
    "name",
    "address",
    "tls",
    "tls.minversion",
    "tls.ciphersuites",
    "tls.snistrict",
    "tls.defaultcertificate.cert",
    "tls.defaultcertificate.key",
    "ca",
    "ca.optional",
    "redirect.entrypoint",
    "redirect.regex",
    "redirect.replacement",
    "redirect.permanent",
    "compress",
    "whitelistsourcerange",
    "whitelist.sourcerange",
    "whitelist.usexforwardedfor",
    "auth.basic.users",
    "auth.basic.usersfile",
    "auth.basic.removeheader",
    "auth.digest.users",
    "auth.digest.usersfile",
    "auth.digest.removeheader",
    "auth.headerfield",
    "auth.forward.address",
    "auth.forward.authresponseheaders",
    "auth.forward.trustforwardheader",
    "auth.forward.tls.ca",
    "auth.forward.tls.caoptional",
    "auth.forward.tls.cert",
    "auth.forward.tls.key",
    "auth.forward.tls.insecureskipverify",
    "proxyprotocol.trustedips",
    "proxyprotocol.insecure",
    "forwardedheaders.trustedips",
    "forwardedheaders.insecure",
];

/// What an entry point becomes.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Options below `entryPoints.<name>`.
    pub options: Vec<(&'static str, String)>,
    /// What has to be written elsewhere, as a person would write it.
    pub elsewhere: Vec<String>,
}

impl Point {
    /// Reads the text. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_matches(['\'', '"']);
        let mut values = BTreeMap::new();
        for part in text.split_whitespace() {
            let (key, value) = part.split_once(':').unwrap_or((part, ""));
            values.insert(key.replace('_', "").to_ascii_lowercase(), value.to_owned());
        }
        let name = values.get("name").cloned().unwrap_or_default();
        if name.is_empty() || name.contains(['.', '[', ']']) {
            return Err(format!("{} has no usable Name", quote(text)));
        }
        match values.get("address") {
            Some(address) if !address.is_empty() => Ok(Self { name, values }),
            _ => Err(format!("the entry point {} has no Address", quote(&name))),
        }
    }

    /// Whether this text is meant for an entry point of v1.
    pub fn looks_so(text: &str) -> bool {
        let lower = text.to_ascii_lowercase();
        lower.contains("name:") || lower.contains("address:")
    }

    /// Keys that v1 does not know, and what was expected in place of each.
    pub fn unknown(&self) -> Vec<(&str, &'static str)> {
        let unknown = self.values.keys().map(String::as_str).filter(|key| !KEYS.contains(key));
        unknown.map(|key| (key, instead(key))).collect()
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// v1 takes `true`, `enable` and `on`.
    pub fn truth(&self, key: &str) -> bool {
        let value = self.get(key).unwrap_or_default().to_ascii_lowercase();
        matches!(value.as_str(), "true" | "enable" | "on")
    }

    pub fn has_tls(&self) -> bool {
        self.values.keys().any(|key| key == "tls" || key.starts_with("tls.") || key == "ca")
    }

    /// The options of v3; what hung on the entry point goes into `facts`.
    pub fn make(&self, origin: &Origin, facts: &mut Facts) -> Made {
        let mut made = Made::default();
        let address = self.get("address").unwrap_or_default();
        made.options.push(("address", address.to_owned()));
        if self.has_tls() {
            self.tls(origin, facts, &mut made);
        }
        let middlewares = self.middlewares();
        if !middlewares.is_empty() {
            let mut names = Vec::new();
            for (kind, middleware) in middlewares {
                let name = format!("{}-{kind}", self.name);
                made.elsewhere.push(format!(
                    "http.middlewares.{name}.{kind} in a file, and \
                     entryPoints.{}.http.middlewares={name}@file",
                    self.name
                ));
                names.push(format!("{name}@internal"));
                let written = Written { value: Arc::new(middleware), origin: origin.clone() };
                facts.routing.middlewares.insert(name, written);
            }
            made.options.push(("http.middlewares", names.join(",")));
        }
        self.trust(&mut made);
        made
    }

    fn trust(&self, made: &mut Made) {
        let groups = [
            ("proxyprotocol", "proxyProtocol.trustedIPs", "proxyProtocol.insecure"),
            ("forwardedheaders", "forwardedHeaders.trustedIPs", "forwardedHeaders.insecure"),
        ];
        for (group, trusted, insecure) in groups {
            let said = format!("{group}.insecure");
            match self.get(&format!("{group}.trustedips")) {
                Some(ips) => made.options.push((trusted, list(ips))),
                // v1 trusts everybody's X-Forwarded headers unless something else is said.
                None if group == "forwardedheaders" && !self.values.contains_key(&said) => {
                    made.options.push((insecure, "true".into()));
                }
                None => {}
            }
            if self.truth(&said) {
                made.options.push((insecure, "true".into()));
            }
        }
    }

    /// Whether everybody's `X-Forwarded` headers are believed because nothing else was said.
    pub fn trusts_by_default(&self) -> bool {
        !self.values.keys().any(|key| key.starts_with("forwardedheaders."))
    }

    fn tls(&self, origin: &Origin, facts: &mut Facts, made: &mut Made) {
        made.options.push(("http.tls", "true".into()));
        for pair in self.get("tls").unwrap_or_default().split(';') {
            if let Some((cert, key)) = pair.split_once(',') {
                let value = certificate(cert, key);
                made.elsewhere.push(format!("tls.certificates in a file: {cert}, {key}"));
                let written = Written { value: Arc::new(value), origin: origin.clone() };
                facts.routing.certificates.push(written);
            }
        }
        let default = ["cert", "key"].map(|end| self.get(&format!("tls.defaultcertificate.{end}")));
        if let [Some(cert), Some(key)] = default {
            made.elsewhere.push(format!("tls.stores.default.defaultCertificate: {cert}, {key}"));
            let value = TlsStore {
                default_certificate: Some(certificate(cert, key)),
                ..TlsStore::default()
            };
            let written = Written { value: Arc::new(value), origin: origin.clone() };
            facts.routing.tls_stores.insert("default".into(), written);
        }
        let client = self.get("ca").map(|files| ClientAuth {
            ca_files: list(files).split(',').map(str::to_owned).collect(),
            client_auth_type: Some(
                match self.truth("ca.optional") {
                    true => "VerifyClientCertIfGiven",
                    false => "RequireAndVerifyClientCert",
                }
                .into(),
            ),
        });
        let suites = self.get("tls.ciphersuites").map(list).unwrap_or_default();
        let options = TlsOptions {
            min_version: self.get("tls.minversion").map(str::to_owned),
            cipher_suites: suites
                .split(',')
                .filter(|suite| !suite.is_empty())
                .map(str::to_owned)
                .collect(),
            sni_strict: self.truth("tls.snistrict"),
            client_auth: client,
            ..TlsOptions::default()
        };
        if options == TlsOptions::default() {
            return;
        }
        // One set for all entry points is the default one; those that differ have a name.
        let held = facts.routing.tls_options.get("default");
        let same = held.is_none_or(|held| *held.value == options);
        let name = match options.client_auth.is_none() && same {
            true => "default".to_owned(),
            false => format!("v1-{}", self.name),
        };
        if name != "default" {
            made.options.push(("http.tls.options", format!("{name}@internal")));
        }
        made.elsewhere.push(format!("tls.options.{name} in a file"));
        let written = Written { value: Arc::new(options), origin: origin.clone() };
        facts.routing.tls_options.insert(name, written);
    }

    /// In the order in which they run.
    fn middlewares(&self) -> Vec<(&'static str, Middleware)> {
        let mut made = Vec::new();
        let range = self.get("whitelist.sourcerange").or(self.get("whitelistsourcerange"));
        if let Some(range) = range {
            let forwarded = self.truth("whitelist.usexforwardedfor");
            let list = IpAllowList {
                source_range: split(range),
                ip_strategy: forwarded.then(|| IpStrategy { depth: 1, ..IpStrategy::default() }),
                ..IpAllowList::default()
            };
            let middleware = Middleware { ip_allow_list: Some(list), ..Middleware::default() };
            made.push(("ipAllowList", middleware));
        }
        if let (Some(regex), Some(replacement)) =
            (self.get("redirect.regex"), self.get("redirect.replacement"))
        {
            let redirect = RedirectRegex {
                regex: regex.into(),
                replacement: replacement.into(),
                permanent: self.truth("redirect.permanent"),
            };
            let middleware = Middleware { redirect_regex: Some(redirect), ..Middleware::default() };
            made.push(("redirectRegex", middleware));
        }
        made.extend(self.authentication());
        if self.truth("compress") {
            let compress = Some(Compress::default());
            made.push(("compress", Middleware { compress, ..Middleware::default() }));
        }
        made
    }

    /// Basic, else digest, else forwarded authentication.
    fn authentication(&self) -> Option<(&'static str, Middleware)> {
        let given = |prefix: &str| self.values.keys().any(|key| key.starts_with(prefix));
        let users = |kind: &str| BasicAuth {
            users: split(self.get(&format!("auth.{kind}.users")).unwrap_or_default()),
            users_file: self.get(&format!("auth.{kind}.usersfile")).unwrap_or_default().into(),
            remove_header: self.truth(&format!("auth.{kind}.removeheader")),
            header_field: self.get("auth.headerfield").unwrap_or_default().into(),
            ..BasicAuth::default()
        };
        let none = Middleware::default();
        if given("auth.basic.") {
            return Some(("basicAuth", Middleware { basic_auth: Some(users("basic")), ..none }));
        }
        if given("auth.digest.") {
            return Some(("digestAuth", Middleware { digest_auth: Some(users("digest")), ..none }));
        }
        if !given("auth.") {
            return None;
        }
        // Also for what is not understood: without an address nobody passes.
        let text = |key: &str| self.get(&format!("auth.forward.{key}")).unwrap_or_default();
        let tls = given("auth.forward.tls.").then(|| ForwardAuthTls {
            ca: text("tls.ca").into(),
            cert: text("tls.cert").into(),
            key: text("tls.key").into(),
            insecure_skip_verify: self.truth("auth.forward.tls.insecureskipverify"),
            ca_optional: None,
        });
        let forward = ForwardAuth {
            address: text("address").into(),
            tls,
            trust_forward_header: Some(self.truth("auth.forward.trustforwardheader")),
            auth_response_headers: split(text("authresponseheaders")),
            ..ForwardAuth::default()
        };
        Some(("forwardAuth", Middleware { forward_auth: Some(forward), ..none }))
    }
}

/// What comes nearest in v3 to a key that is not understood.
fn instead(key: &str) -> &'static str {
    match key {
        "proxyprotocol" => "ProxyProtocol.TrustedIPs, in v3 entryPoints.<name>.proxyProtocol",
        "forwardedheaders" => {
            "ForwardedHeaders.TrustedIPs, in v3 entryPoints.<name>.forwardedHeaders"
        }
        key if key.starts_with("whitelist.ipstrategy") => {
            "an ipAllowList of v3 with ipStrategy.depth or ipStrategy.excludedIPs, in \
             entryPoints.<name>.http.middlewares"
        }
        key if key.starts_with("clientipstrategy") => {
            "ipStrategy of the middlewares of v3 that look at the client's address"
        }
        _ => "a key of v1",
    }
}

fn split(text: &str) -> Vec<String> {
    list(text).split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn certificate(cert: &str, key: &str) -> Certificate {
    Certificate { cert_file: cert.into(), key_file: key.into(), ..Certificate::default() }
}
