//! v1's protection of frontends: authentication and address lists -> v3 middlewares. What is not
//! understood here takes the router out.

use super::frontend::Chain;
use super::maker::Maker;
use super::segments::{Given, Part};
use crate::finding::Severity;

const FORWARD: &[(&str, &str)] = &[
    ("address", "address"),
    ("trustForwardHeader", "trustforwardheader"),
    ("authResponseHeaders", "authresponseheaders"),
    ("tls.ca", "tls.ca"),
    ("tls.cert", "tls.cert"),
    ("tls.key", "tls.key"),
    ("tls.insecureSkipVerify", "tls.insecureskipverify"),
];

/// What a misspelt label should be.
pub(super) const EXACT: &str = "a label of v1 in its exact spelling";

/// `whiteList`: which addresses may pass.
pub(super) fn white_list<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, chain: &mut Chain) {
    let old = maker.take(part, "frontend.whitelistSourceRange");
    let range = maker.take(part, "frontend.whiteList.sourceRange");
    let mut forwarded = maker.take_truth(part, "frontend.whiteList.useXForwardedFor");
    if range.is_none()
        && let Some((_, given)) = forwarded.take()
    {
        let message = "has no effect, as in v1: there is no whiteList.sourceRange";
        maker.find(Severity::Warning, Some(given), message.into(), "");
    }
    let Some(range) = range.or(old) else { return };
    let key = chain.key("ipallowlist", "ipallowlist");
    maker.make(format!("{key}.sourcerange"), &list(range.value), range);
    if let Some((true, given)) = forwarded {
        maker.make(format!("{key}.ipstrategy.depth"), "1", given);
        let message = "v1 let a request pass when any address of X-Forwarded-For was allowed; here \
                       it is the last one of them that counts";
        let expected = "ipstrategy.depth or ipstrategy.excludedips as the proxies before this one \
                        are";
        maker.find(Severity::Warning, Some(given), message.into(), expected);
    }
    chain.add("ipallowlist");
}

/// Basic, digest or forwarded authentication: one of them, in this order.
pub(super) fn authentication<'a>(
    maker: &mut Maker<'a>,
    part: &Part<'_, 'a>,
    chain: &mut Chain,
    router: &str,
) {
    let old = maker.take(part, "frontend.auth.basic");
    let field = maker.take(part, "frontend.auth.headerField");
    let mut kinds = Vec::new();
    for kind in ["basic", "digest", "forward"] {
        let mut found = maker.take_under(part, &format!("frontend.auth.{kind}."));
        if let Some(old) = old.filter(|_| kind == "basic") {
            // The older label, which v1 looks at first.
            let alone = match old.value.is_empty() {
                true => found.entry("users").or_insert(old).key == old.key,
                false => found.insert("users", old).is_none(),
            };
            if !alone {
                let message = match old.value.is_empty() {
                    true => "auth.basic is empty: auth.basic.users counts, as in v1",
                    false => "auth.basic counts, not auth.basic.users, as in v1",
                };
                let expected = "one of them, auth.basic.users";
                maker.find(Severity::Warning, Some(old), message.into(), expected);
            }
        }
        if !found.is_empty() {
            kinds.push((kind, found));
        }
    }
    let mut kinds = kinds.into_iter();
    let Some((kind, mut given)) = kinds.next() else {
        if let Some(field) = field {
            let message = "auth.headerField stands alone";
            maker.refuse(router, Some(field), message, "auth.basic, auth.digest or auth.forward");
        }
        return;
    };
    for (other, given) in kinds {
        let about = given.values().next().copied();
        let message = format!("auth.{other} has no effect, as in v1: auth.{kind} comes first");
        maker.find(Severity::Warning, about, message, "");
    }
    let middleware = format!("{kind}auth");
    let key = chain.key(&middleware, &middleware);
    let first = given.values().next().copied();
    match kind {
        "forward" => {
            for (v1, v3) in FORWARD {
                let Some(given) = given.remove(v1) else { continue };
                let value = match *v1 {
                    "authResponseHeaders" => list(given.value),
                    _ => given.value.to_owned(),
                };
                // An address may hold a password.
                if *v1 == "tls.key" || value.contains('@') {
                    maker.make_hidden(format!("{key}.{v3}"), &value, given);
                } else {
                    maker.make(format!("{key}.{v3}"), &value, given);
                }
            }
            // It asked the authenticator for less, never the client.
            if let Some(optional) = given.remove("tls.caOptional") {
                maker.no_counterpart(optional, "remove it");
            }
            if part.get("frontend.auth.forward.address").is_none() {
                let expected = "traefik.frontend.auth.forward.address";
                maker.refuse(router, first, "auth.forward has no address", expected);
            }
        }
        _ => {
            users(maker, &mut given, &key);
            if let Some(field) = field {
                maker.make(format!("{key}.headerfield"), field.value, field);
            }
        }
    }
    for given in given.into_values() {
        let message = "an unknown label of authentication";
        maker.refuse(router, Some(given), message, EXACT);
    }
    chain.add(&middleware);
}

fn users<'a>(
    maker: &mut Maker<'a>,
    given: &mut std::collections::BTreeMap<&'a str, Given<'a>>,
    key: &str,
) {
    if let Some(users) = given.remove("users") {
        maker.make_hidden(format!("{key}.users"), &list(users.value), users);
    }
    if let Some(file) = given.remove("usersFile") {
        maker.make(format!("{key}.usersfile"), file.value, file);
    }
    if let Some(remove) = given.remove("removeHeader") {
        let on = maker.truth(remove).unwrap_or_default();
        maker.make(format!("{key}.removeheader"), &on.to_string(), remove);
    }
}

/// `a, b` without the blanks.
pub(super) fn list(value: &str) -> String {
    let parts: Vec<&str> =
        value.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.join(",")
}
