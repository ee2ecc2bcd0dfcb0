//! v1 labels under `traefik.frontend.headers` -> a `headers` middleware, and redirections to
//! HTTPS, which v3's `headers` accepts and does not do.

use super::frontend::Chain;
use super::maker::Maker;
use super::rule::string;
use super::segments::{Given, Part};
use crate::finding::Severity;

/// Maps: `Name:value||Name:value`.
const MAPS: &[(&str, &str)] = &[
    ("frontend.headers.customRequestHeaders", "customrequestheaders"),
    ("frontend.headers.customResponseHeaders", "customresponseheaders"),
    ("frontend.headers.SSLProxyHeaders", "sslproxyheaders"),
];

/// Options of the same name, in lower case.
const SAME: &[&str] = &[
    "allowedHosts",
    "hostsProxyHeaders",
    "STSSeconds",
    "STSIncludeSubdomains",
    "STSPreload",
    "forceSTSHeader",
    "frameDeny",
    "customFrameOptionsValue",
    "contentTypeNosniff",
    "browserXSSFilter",
    "customBrowserXSSValue",
    "contentSecurityPolicy",
    "publicKey",
    "referrerPolicy",
    "isDevelopment",
];

/// The `headers` middleware.
pub(super) fn translate<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, chain: &mut Chain) {
    let key = chain.key("headers", "headers");
    let before = maker.made();
    for (v1, v3) in MAPS {
        let Some(given) = maker.take(part, v1) else { continue };
        for (name, value) in pairs(maker, given) {
            maker.make_named(&format!("{key}.{v3}"), &name, &value, given);
        }
    }
    for option in SAME {
        if let Some(given) = maker.take(part, &format!("frontend.headers.{option}")) {
            maker.make(format!("{key}.{}", option.to_ascii_lowercase()), given.value, given);
        }
    }
    if maker.made() > before {
        chain.add("headers");
    }
}

/// `SSLRedirect` and its companions, as the redirection that they were.
pub(super) fn ssl_redirect<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, chain: &mut Chain) {
    let mut truth = |name: &str| maker.take_truth(part, &format!("frontend.headers.{name}"));
    let redirect = truth("SSLRedirect");
    let temporary = truth("SSLTemporaryRedirect").is_some_and(|(on, _)| on);
    let force = truth("SSLForceHost");
    let development = truth("isDevelopment").is_some_and(|(on, _)| on);
    let host = maker.take(part, "frontend.headers.SSLHost").filter(|host| !host.value.is_empty());
    if let Some((true, given)) = force {
        let instead = "a redirectRegex from the other hosts";
        maker.no_counterpart(given, instead);
    }
    let Some((true, given)) = redirect else {
        if let Some(host) = host {
            let message = "has no effect, as in v1: SSLRedirect is not true";
            maker.find(Severity::Warning, Some(host), message.into(), "SSLRedirect=true");
        }
        return;
    };
    if development {
        return;
    }
    let permanent = (!temporary).to_string();
    match host {
        None => {
            let key = chain.key("sslredirect", "redirectscheme");
            maker.make(format!("{key}.scheme"), "https", given);
            maker.make(format!("{key}.permanent"), &permanent, given);
        }
        Some(host) => {
            let key = chain.key("sslredirect", "redirectregex");
            let to = host.value.replace('$', "$$");
            maker.make(format!("{key}.regex"), "^http://[^/]+(.*)$", host);
            maker.make(format!("{key}.replacement"), &format!("https://{to}${{1}}"), host);
            maker.make(format!("{key}.permanent"), &permanent, given);
        }
    }
    chain.add("sslredirect");
    let Some(proxy) = part.get("frontend.headers.SSLProxyHeaders") else { return };
    let secure: Vec<(&str, &str)> = proxy
        .value
        .split("||")
        .filter_map(|entry| entry.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    // Redirections here look at this one by themselves.
    let is_known = |(name, value): &(&str, &str)| {
        name.eq_ignore_ascii_case("X-Forwarded-Proto") && *value == "https"
    };
    if !secure.iter().all(is_known) {
        let headers = secure.iter();
        chain.secure = headers.map(|(name, value)| header(name, value)).collect();
    }
}

fn header(name: &str, value: &str) -> String {
    format!("Header({}, {})", string(name), string(value))
}

/// `Name:value||Name:value`; what has no colon has a finding.
pub(super) fn pairs<'a>(maker: &mut Maker<'a>, given: Given<'a>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in given.value.split("||").filter(|entry| !entry.trim().is_empty()) {
        match entry.split_once(':') {
            Some((name, value)) => found.push((name.trim().to_owned(), value.trim().to_owned())),
            None => {
                // Not shown: it may be a secret.
                let message = "an entry is ignored, as in v1: it has no colon".to_owned();
                let expected = "Name:value||Name:value";
                maker.find(Severity::Warning, Some(given), message, expected);
            }
        }
    }
    found
}
