//! Mistakes that only show when a middleware or TLS options are built: each is built as the proxy
//! would, and thrown away.
//!
//! Its files are those of the machine that the proxy will run on: what stands in them is not asked.

use std::collections::HashSet;

use swarmgate_config::checked::{self, Route, Status};
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::name::QName;
use swarmgate_config::routing::{ForwardAuthTls, Middleware};
use swarmgate_proxy::{middleware, tls};

/// One finding for each used middleware that was good so far and cannot be built, and for TLS
/// options.
pub fn look(checked: &checked::Configuration) -> Vec<Finding> {
    let mut findings = authorities(checked);
    let served = served(checked);
    for (name, middleware) in &checked.middlewares {
        let used = !middleware.used_by.is_empty() || served.contains(name);
        if !used
            || middleware.status == Status::Disabled
            || matches!(middleware.origin, Origin::Internal)
            || middleware.value.chain.is_some()
        {
            continue;
        }
        let written = without_files(&middleware.value);
        if let Err(error) =
            middleware::Middleware::build(name.text(), &written, &mut middleware::Anybody)
        {
            let (wrong, expected) = match error.split_once("; expected ") {
                Some((wrong, expected)) => (wrong, Some(expected)),
                None => (&*error, None),
            };
            let text = format!("middleware \"{name}\": {wrong}");
            let finding = Finding::new(Severity::Error, middleware.origin.clone(), text)
                .on(ObjectKind::Middleware, name.to_string());
            findings.push(match expected {
                Some(expected) => finding.expected(expected),
                None => finding,
            });
        }
    }
    findings
}

/// The middlewares that requests pass: those that a chain leads to, that a router of any layer has,
/// or that stand around the service of an error page.
fn served(checked: &checked::Configuration) -> HashSet<&QName> {
    let mut served: HashSet<&QName> =
        checked.pages.values().flat_map(|around| around.iter()).collect();
    let mut open: Vec<&Route> = checked.routes.values().flatten().collect();
    // A router may be below several.
    let mut seen: HashSet<&QName> = HashSet::new();
    while let Some(route) = open.pop() {
        served.extend(&route.middlewares);
        let below = route.children.iter().map(|child| &**child);
        open.extend(below.filter(|child| seen.insert(&child.router)));
    }
    served
}

/// What is wrong with the authorities of TLS options that are given as text.
fn authorities(checked: &checked::Configuration) -> Vec<Finding> {
    let broken = checked.tls_options.iter().filter_map(|(name, (options, origin))| {
        let error = tls::Set::look(options).err()?;
        let text = format!("TLS options \"{name}\": {error}");
        let finding = Finding::new(Severity::Error, origin.clone(), text);
        Some(finding.on(ObjectKind::TlsOptions, name.to_string()))
    });
    broken.collect()
}

/// The same with nothing to be read; where there must be something, something is there.
fn without_files(written: &Middleware) -> Middleware {
    let mut written = written.clone();
    let somebody = ["somebody:{SHA}", "somebody:somewhere:"];
    for (auth, somebody) in
        [&mut written.basic_auth, &mut written.digest_auth].into_iter().zip(somebody)
    {
        if let Some(auth) = auth
            && !auth.users_file.is_empty()
        {
            auth.users_file.clear();
            auth.users.push(somebody.to_owned());
        }
    }
    let redis = written.rate_limit.as_mut().and_then(|limit| limit.redis.as_mut());
    let of_redis = redis.and_then(|redis| redis.tls.as_mut());
    let of_auth = written.forward_auth.as_mut().and_then(|auth| auth.tls.as_mut());
    of_redis.into_iter().chain(of_auth).for_each(forget_files);
    written
}

fn forget_files(tls: &mut ForwardAuthTls) {
    let is_path = |text: &str| !text.is_empty() && !text.contains("-----BEGIN");
    if is_path(&tls.ca) {
        tls.ca.clear();
    }
    let both = !tls.cert.is_empty() && !tls.key.is_empty();
    if both && (is_path(&tls.cert) || is_path(&tls.key)) {
        tls.cert.clear();
        tls.key.clear();
    }
}
