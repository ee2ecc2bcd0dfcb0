//! Headers that `headers` sets and removes as written.

use std::collections::BTreeMap;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRAILER,
    TRANSFER_ENCODING,
};
use http::request;
use swarmgate_config::routing;

use super::value;
use crate::forward::headers::FORWARDED_FOR;
use crate::middleware::aliases::remove_aliases;
use crate::middleware::{ForwardedHost, NoForwardedFor};

/// `customRequestHeaders` and `customResponseHeaders`.
#[derive(Debug, Default)]
pub(super) struct Custom {
    request: Edits,
    response: Edits,
    /// The host that the server is told.
    host: Option<HeaderValue>,
    /// The client's address is not told to the server.
    no_forwarded_for: bool,
}

#[derive(Debug, Default)]
struct Edits {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
}

impl Edits {
    fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
    }

    fn names(&self) -> impl Iterator<Item = &HeaderName> + Clone {
        self.remove.iter().chain(self.set.iter().map(|(name, _)| name))
    }
}

impl Custom {
    pub(super) fn build(written: &routing::Headers) -> Result<Self, String> {
        let mut built = Self {
            request: edits("customRequestHeaders", &written.custom_request_headers, false)?,
            response: edits("customResponseHeaders", &written.custom_response_headers, true)?,
            ..Self::default()
        };
        // The host is no header to Traefik: it can be changed but not removed.
        if let Some(at) = built.request.set.iter().position(|(name, _)| *name == HOST) {
            built.host = Some(built.request.set.swap_remove(at).1);
        }
        built.request.remove.retain(|name| *name != HOST);
        // What frames the message is ours alone; Traefik ignores these as well.
        built.request.set.retain(|(name, _)| *name != CONNECTION);
        // Only this spelling keeps the address back, as with Traefik.
        built.no_forwarded_for =
            written.custom_request_headers.get("X-Forwarded-For").is_some_and(String::is_empty);
        Ok(built)
    }

    pub(super) fn on_request(&self, head: &mut request::Parts) {
        if !self.request.is_empty() {
            remove_aliases(&mut head.headers, self.request.names());
            self.request.apply(&mut head.headers);
            if self.no_forwarded_for {
                head.extensions.insert(NoForwardedFor);
            } else if head.extensions.get::<NoForwardedFor>().is_some()
                && self.request.set.iter().any(|(name, _)| *name == FORWARDED_FOR)
            {
                head.extensions.remove::<NoForwardedFor>();
            }
        }
        if let Some(host) = &self.host {
            head.headers.insert(HOST, host.clone());
            head.extensions.insert(ForwardedHost(host.clone()));
        }
    }

    pub(super) fn on_response(&self, headers: &mut HeaderMap) {
        self.response.apply(headers);
    }
}

/// `folded`: line breaks become blanks.
fn edits(option: &str, written: &BTreeMap<String, String>, folded: bool) -> Result<Edits, String> {
    let mut edits = Edits::default();
    for (name, text) in written {
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(format!(
                "{option} has {name:?}, which is no header name; expected letters, digits and \
                 dashes"
            ));
        };
        if [CONTENT_LENGTH, TRANSFER_ENCODING, TRAILER].contains(&parsed) {
            continue;
        }
        if text.is_empty() {
            edits.remove.push(parsed);
            continue;
        }
        if !folded && text.contains(['\r', '\n']) {
            return Err(format!("{option}.{name} has a line break; expected one line of text"));
        }
        edits.set.push((parsed, value(&format!("{option}.{name}"), text)?));
    }
    Ok(edits)
}
