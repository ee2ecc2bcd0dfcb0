//! Look-alikes of headers that a middleware writes.

use http::header::{HeaderMap, HeaderName};

use crate::forward::headers;

/// Removes headers that a server's CGI-style variables would take for the ones we write
/// (`X_User` for `X-User`), so that no client can shadow them.
pub(super) fn remove_aliases<'n>(
    headers: &mut HeaderMap,
    ours: impl Iterator<Item = &'n HeaderName> + Clone,
) {
    headers::remove_aliases(headers, |name| {
        ours.clone().any(|ours| headers::are_aliases(name, ours.as_str()))
    });
}
