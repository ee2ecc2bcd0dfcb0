//! `address`: whom is asked, and where answers with a relative `Location` lead.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::uri::{PathAndQuery, Scheme, Uri};
use swarmgate_config::secret;

use crate::middleware::escape::unescape;
use crate::middleware::location;

/// The address, taken apart.
#[derive(Debug)]
pub(super) struct Address {
    /// `http://host:port`.
    pub(super) origin: String,
    /// Path and query of each question.
    pub(super) target: PathAndQuery,
    /// `Authorization` of each question that has none, from the address' user info.
    pub(super) credentials: Option<HeaderValue>,
    /// The whole of it, without user info.
    pub(super) url: String,
    /// For people.
    pub(super) shown: String,
}

impl Address {
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        let shown = secret::url(written);
        let wrong = |what: &str| format!("address {shown:?}: {what}");
        if written.is_empty() {
            return Err(
                "address is missing; expected a URL such as \"http://auth:9091/verify\"".into()
            );
        }
        let no_url = || wrong("it is no URL; expected one such as \"http://auth:9091/verify\"");
        // Nobody sends a fragment.
        let without_fragment = written.split('#').next().unwrap_or_default();
        let url = location::normalize(without_fragment.as_bytes()).ok_or_else(no_url)?;
        let uri = Uri::try_from(url).map_err(|_| no_url())?;
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => scheme,
            _ => return Err(wrong("expected http:// or https://")),
        };
        let authority = uri.authority().map(|it| it.as_str()).unwrap_or_default();
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if host.is_empty() || host.starts_with(':') {
            return Err(wrong("the host is missing"));
        }
        let origin = format!("{scheme}://{host}");
        let target = match uri.query() {
            Some(query) => format!("{}?{query}", uri.path()),
            None => uri.path().to_owned(),
        };
        let url = format!("{origin}{target}");
        let target = PathAndQuery::try_from(target).map_err(|_| no_url())?;
        let credentials = user.map(credentials).transpose().map_err(wrong)?;
        Ok(Self { origin, target, credentials, url, shown })
    }
}

/// User info as a header.
fn credentials(user: &str) -> Result<HeaderValue, &'static str> {
    const BAD: &str = "its user info cannot be read";
    let mut text = Vec::with_capacity(user.len() + 1);
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    text.extend(unescape(name.as_bytes()).ok_or(BAD)?);
    text.push(b':');
    text.extend(unescape(password.as_bytes()).ok_or(BAD)?);
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(text)));
    let mut value = value.map_err(|_| BAD)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        // Written; origin, target, credentials.
        let table = [
            ("http://auth", "http://auth", "/", None),
            ("HTTP://Auth:9091/a/b", "http://Auth:9091", "/a/b", None),
            ("http://auth?a=b", "http://auth", "/?a=b", None),
            (
                "http://auth/api/verify?rd=https://login.test/#/",
                "http://auth",
                "/api/verify?rd=https://login.test/",
                None,
            ),
            ("https://[::1]:8/x y", "https://[::1]:8", "/x%20y", None),
            ("http://me:p%40ss@auth/", "http://auth", "/", Some("Basic bWU6cEBzcw==")),
            ("http://me@auth/", "http://auth", "/", Some("Basic bWU6")),
        ];
        for (written, origin, target, credentials) in table {
            let address = Address::parse(written).unwrap();
            assert_eq!(address.origin, origin, "{written}");
            assert_eq!(address.target, target, "{written}");
            let found = address.credentials.as_ref().map(|value| value.to_str().unwrap());
            assert_eq!(found, credentials, "{written}");
        }
        for bad in ["", "auth", "auth:80/x", "//auth", "http://", "http://a:x/", "http://a/%zz"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
