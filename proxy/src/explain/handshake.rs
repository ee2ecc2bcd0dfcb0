//! Whether the handshake of a URL's name lets its request pass.

use http::StatusCode;

use super::answer::Outcome;
use super::{Target, View};
use crate::snapshot::Route;
use crate::tls::{Choice, Handshakes};

/// The name that a client sends in its handshake: none for an address (RFC 6066 section 3).
pub(super) fn server_name(target: &Target) -> Option<String> {
    let is_address = target.name.parse::<std::net::IpAddr>().is_ok();
    (!is_address).then(|| target.name.trim_end_matches('.').to_ascii_lowercase())
}

/// How a request ends whose handshake is not held.
pub(super) fn closed(view: View<'_>, entry_point: usize, target: &Target) -> Option<Outcome> {
    let name = server_name(target);
    let choice = handshakes(view, entry_point, target)?.choose(name.as_deref());
    matches!(choice, Choice::Refused).then(|| Outcome {
        kind: "refused".into(),
        text: "the connection is closed in its TLS handshake: the TLS options of this name cannot \
               be served"
            .into(),
        ..Outcome::default()
    })
}

/// The refusal of a request by the router that takes it, which asks for other TLS options than
/// those that the handshake was held by. `host`: canonical.
pub(super) fn misdirected(
    view: View<'_>,
    entry_point: usize,
    target: &Target,
    host: &str,
    route: &Route,
) -> Option<Outcome> {
    let handshakes = handshakes(view, entry_point, target)?;
    let name = server_name(target);
    let choice = handshakes.choose(name.as_deref());
    let met = match choice {
        Choice::BuiltIn => None,
        Choice::Set(set) => Some(set),
        Choice::Refused => return closed(view, entry_point, target),
    };
    if handshakes.admits(met, host, &route.handshake) {
        return None;
    }
    let (held, asked) = (choice.name(), handshakes.asked(host, &route.handshake).name());
    let expected = match name.as_deref() {
        None => "a name in place of the address: no client sends an address in its handshake, so \
                 nothing but the default options can hold for it"
            .to_owned(),
        Some(name) if name != host => format!("a connection of its own for {host}"),
        Some(name) => format!(
            "the same tls.options for all routers of {name}, each with Host(`{name}`) in its rule"
        ),
    };
    let what = name.map_or_else(|| "without a name".to_owned(), |name| format!("for {name}"));
    let router = &route.name;
    Some(Outcome {
        kind: "refused".into(),
        status: Some(StatusCode::MISDIRECTED_REQUEST.as_u16()),
        text: format!(
            "the request is refused with 421: the TLS handshake {what} is held by the options \
             {held}, router {router} serves {host} by {asked} only; expected {expected}"
        ),
        ..Outcome::default()
    })
}

/// The handshakes of a URL with TLS, where anybody has written TLS options.
fn handshakes<'v>(view: View<'v>, entry_point: usize, target: &Target) -> Option<&'v Handshakes> {
    let handshakes = &view.snapshot.entry_points.get(entry_point)?.handshakes;
    (target.tls && !handshakes.is_plain()).then_some(handshakes)
}
