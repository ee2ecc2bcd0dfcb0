//! Look-alikes of headers that a middleware writes.

use http::header::{HeaderMap, HeaderName};

/// Removes headers that a server's CGI-style variables would take for the ones we write
/// (`X_User` for `X-User`), so that no client can shadow them.
pub(super) fn remove_aliases<'n>(
    headers: &mut HeaderMap,
    ours: impl Iterator<Item = &'n HeaderName> + Clone,
) {
    let odd = |name: &HeaderName| {
        name.as_str().bytes().any(|byte| !byte.is_ascii_alphanumeric() && byte != b'-')
    };
    if !headers.keys().any(odd) {
        return;
    }
    let fold = |byte: u8| if byte.is_ascii_alphanumeric() { byte } else { b'-' };
    let aliases: Vec<HeaderName> = headers
        .keys()
        .filter(|name| odd(name))
        .filter(|name| {
            let folded = || name.as_str().bytes().map(fold);
            ours.clone().any(|ours| ours.as_str().bytes().map(fold).eq(folded()))
        })
        .cloned()
        .collect();
    for name in aliases {
        headers.remove(name);
    }
}
