//! What each middleware does to a request: it is given the request and watched. One that stands
//! around the rest counts or asks others; it is not asked, and says what it would do.

use http::header::{HOST, HeaderName, LOCATION};
use http::{HeaderValue, Response, request};
use swarmgate_config::checked;
use swarmgate_config::name::QName;
use swarmgate_config::{routing, secret};

use super::answer;
use crate::body::Body;
use crate::middleware::{self, Context, Edit, Flow, NoForwardedFor};
use crate::snapshot::Route;

/// Takes the request through a route's middlewares; the answer, if one of them gives it.
pub(super) fn walk(
    checked: &checked::Configuration,
    route: &Route,
    names: &[QName],
    head: &mut request::Parts,
    context: &Context<'_>,
) -> (Vec<answer::Middleware>, Option<Response<Body>>) {
    let mut told = Vec::with_capacity(route.middlewares.len());
    let mut answered: Option<Response<Body>> = None;
    for (number, middleware) in route.middlewares.iter().enumerate() {
        // The names are found a second way; should the two ways part, none is better than a wrong one.
        let name = names.get(number).filter(|_| names.len() == route.middlewares.len());
        let written = name.and_then(|name| checked.middlewares.get(name)).map(|it| &*it.value);
        let mut effect = answer::Middleware {
            name: name.map_or_else(|| format!("middleware {}", number + 1), ToString::to_string),
            kind: written.and_then(|it| it.kind().ok()).unwrap_or_default().to_owned(),
            ..answer::Middleware::default()
        };
        match &**middleware {
            _ if answered.is_some() => effect.unreached = true,
            middleware::Middleware::Around(around) => {
                effect.effects = around.would_do(head, context);
            }
            middleware::Middleware::Edit(edit) => {
                let before = head.clone();
                match edit.on_request(head, context) {
                    Flow::Next => effect.effects = changes(&before, head),
                    Flow::Answer(answer) => {
                        effect.answers = true;
                        effect.effects = vec![format!("answers {}", described(&answer))];
                        answered = Some(*answer);
                    }
                }
                if !effect.answers {
                    effect.effects.extend(of_answer(&**edit, written, head, context));
                }
            }
        }
        told.push(effect);
    }
    (told, answered)
}

/// `301 Moved Permanently, Location: https://…`.
pub(super) fn described(answer: &Response<Body>) -> String {
    let status = answer.status();
    let reason = status.canonical_reason().unwrap_or_default();
    match answer.headers().get(LOCATION) {
        Some(location) => {
            let location = secret::url(&String::from_utf8_lossy(location.as_bytes()));
            format!("{} {reason}, Location: {location}", status.as_u16())
        }
        None => format!("{} {reason}", status.as_u16()),
    }
}

/// What is different afterwards.
fn changes(before: &request::Parts, after: &request::Parts) -> Vec<String> {
    let mut told = Vec::new();
    if before.uri.path() != after.uri.path() {
        told.push(format!("the path {} becomes {}", before.uri.path(), after.uri.path()));
    }
    if before.uri.query() != after.uri.query() {
        told.push(format!("the query becomes {:?}", after.uri.query().unwrap_or_default()));
    }
    for name in after.headers.keys() {
        let lines: Vec<_> = after.headers.get_all(name).iter().collect();
        let earlier: Vec<_> = before.headers.get_all(name).iter().collect();
        if lines == earlier {
            continue;
        }
        let shown = |line: &&HeaderValue| {
            secret::header(name.as_str(), &String::from_utf8_lossy(line.as_bytes())).into_owned()
        };
        let lines: Vec<String> = lines.iter().map(shown).collect();
        told.push(format!("sets the request's {}: {}", spelled(name), lines.join(", ")));
    }
    for name in before.headers.keys().filter(|name| !after.headers.contains_key(*name)) {
        told.push(format!("removes the request's {}", spelled(name)));
    }
    let hidden = |head: &request::Parts| head.extensions.get::<NoForwardedFor>().is_some();
    if hidden(after) && !hidden(before) {
        told.push("the server gets no X-Forwarded-For".into());
    }
    told
}

/// What it will do to the answer: it is given an empty one and watched. What it removes is not seen
/// that way, and told by its options.
fn of_answer(
    edit: &dyn Edit,
    written: Option<&routing::Middleware>,
    head: &request::Parts,
    context: &Context<'_>,
) -> Vec<String> {
    let headers = written.and_then(|written| written.headers.as_ref());
    let removed = headers.into_iter().flat_map(|headers| &headers.custom_response_headers);
    let removed = removed.filter(|(_, value)| value.is_empty());
    let mut told: Vec<_> =
        removed.map(|(name, _)| format!("removes the answer's {name}")).collect();
    let (mut answer, ()) = Response::new(()).into_parts();
    edit.on_response(&mut answer, head, context);
    told.extend(answer.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        format!("sets the answer's {}: {}", spelled(name), secret::header(name.as_str(), &value))
    }));
    told
}

/// A header's name as it is usually spelled.
fn spelled(name: &HeaderName) -> String {
    if name == HOST {
        return "Host".into();
    }
    let words = name.as_str().split('-').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    words.collect::<Vec<_>>().join("-")
}

/// A router's middlewares as they are run: chains taken apart, those around the service last.
pub(super) fn names(
    checked: &checked::Configuration,
    router: &QName,
    service: &QName,
) -> Vec<QName> {
    let own = checked.routers.get(router).map(|it| it.value.middlewares.as_slice());
    let around = checked.services.get(service).map(|it| it.value.middlewares.as_slice());
    let mut names = Vec::new();
    for (references, of) in [(own, router), (around, service)] {
        for reference in references.unwrap_or_default() {
            flatten(checked, &QName::resolve(reference, of.provider()), 0, &mut names);
        }
    }
    names
}

/// The check has refused circles and long chains; this only must not trust that blindly.
fn flatten(checked: &checked::Configuration, name: &QName, depth: usize, into: &mut Vec<QName>) {
    let chain = checked.middlewares.get(name).and_then(|it| it.value.chain.as_ref());
    match chain {
        Some(chain) if depth < super::MOST && into.len() < 10_000 => {
            for member in &chain.middlewares {
                flatten(checked, &QName::resolve(member, name.provider()), depth + 1, into);
            }
        }
        Some(_) => {}
        None => into.push(name.clone()),
    }
}
