//! One view: the canonical host and path that matching, middlewares and forwarding share.

use std::borrow::Cow;

/// The canonical host: port removed, brackets of IPv6 removed, trimmed, lower-cased. Borrows when
/// nothing changes.
pub fn host(as_sent: &str) -> Cow<'_, str> {
    Cow::Borrowed(as_sent)
}

/// Normalises the percent-encoding of an escaped path and, with `sanitize`, collapses `//`, `/./`
/// and `/../`. `None`: it is canonical already. The query is never part of it.
pub fn path(_escaped: &str, _sanitize: bool) -> Option<String> {
    None
}

/// What path matchers see: every escape decoded but those of reserved characters and `%`. Borrows
/// when there is no escape.
pub fn routing_path(canonical: &str) -> Cow<'_, [u8]> {
    Cow::Borrowed(canonical.as_bytes())
}
