//! What a server learns of a client that was let in: `headerField` and `removeHeader`.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use swarmgate_config::routing;

use crate::forward::headers::are_aliases;

/// They frame or route the message.
const OURS: [HeaderName; 7] =
    [CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// What is done to the request's headers.
#[derive(Debug)]
pub(super) struct Admission {
    field: Option<HeaderName>,
    remove: bool,
}

impl Admission {
    pub(super) fn build(written: &routing::BasicAuth) -> Result<Self, String> {
        let field = Some(&written.header_field).filter(|field| !field.is_empty());
        let field = field
            .map(|name| match HeaderName::from_bytes(name.as_bytes()) {
                Ok(field) if OURS.contains(&field) => Err(format!(
                    "headerField {name:?} is the message's own; expected another header, such as \
                     \"X-Web-User\""
                )),
                Ok(field) => Ok(field),
                Err(_) => Err(format!(
                    "headerField {name:?} is no header name; expected one such as \"X-Web-User\""
                )),
            })
            .transpose()?;
        Ok(Self { field, remove: written.remove_header })
    }

    /// Takes what the client said of itself away and puts what is known in its place.
    pub(super) fn apply(&self, headers: &mut HeaderMap, user: &[u8]) {
        if let Some(field) = &self.field {
            remove_shadows(headers, field);
            match HeaderValue::from_bytes(user) {
                Ok(user) => drop(headers.insert(field, user)),
                // No user is called so (`users.rs`); the client's own word must not stand.
                Err(_) => drop(headers.remove(field)),
            }
        }
        if self.remove {
            headers.remove(AUTHORIZATION);
        }
    }

    /// The same in words.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        if let Some(field) = &self.field {
            told.push(format!("sets the request's {field} to the user's name"));
        }
        if self.remove {
            told.push("removes the request's Authorization".into());
        }
        told
    }
}

/// Removes what a server's CGI-style variables would take for `field`, whichever of the two is
/// spelled oddly.
fn remove_shadows(headers: &mut HeaderMap, field: &HeaderName) {
    let shadows = |name: &&HeaderName| {
        *name != field && are_aliases(name.as_str(), field.as_str()) && !OURS.contains(name)
    };
    let shadows: Vec<HeaderName> = headers.keys().filter(shadows).cloned().collect();
    for name in shadows {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(options: &str) -> Result<Admission, String> {
        Admission::build(&serde_json::from_str(options).unwrap())
    }

    #[test]
    fn headers() {
        // Options, the headers afterwards.
        let table: &[(&str, &[(&str, &str)])] = &[
            ("{}", &[("authorization", "Basic x"), ("x-user", "spoofed"), ("x-user", "twice")]),
            (r#"{"headerField":"X-User"}"#, &[("authorization", "Basic x"), ("x-user", "bob")]),
            (r#"{"removeHeader":true,"headerField":"x-USER"}"#, &[("x-user", "bob")]),
            (
                r#"{"removeHeader":true,"headerField":"Authorization"}"#,
                &[("x-user", "spoofed"), ("x-user", "twice")],
            ),
        ];
        for (options, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_static("Basic x"));
            headers.append("x-user", HeaderValue::from_static("spoofed"));
            headers.append("x-user", HeaderValue::from_static("twice"));
            build(options).unwrap().apply(&mut headers, b"bob");
            let mut left: Vec<_> = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                .collect();
            left.sort_unstable();
            assert_eq!(left, *expected, "{options}");
        }
    }

    #[test]
    fn nothing_looks_like_it() {
        let mut headers = HeaderMap::new();
        for name in ["x_user", "x.user", "x-user", "x-other"] {
            headers.append(name, HeaderValue::from_static("spoofed"));
        }
        build(r#"{"headerField":"X-User"}"#).unwrap().apply(&mut headers, b"bob");
        let mut left: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-other", "x-user"]);
        assert_eq!(headers["x-user"], "bob");
        // The option may be the odd one, and nothing that frames the message goes for it.
        for (field, kept) in [("X_User", "x-other"), ("Content_Length", "content-length")] {
            let mut headers = HeaderMap::new();
            for name in ["x-user", "x.user", "x_user", kept] {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static("1"));
            }
            let options = format!(r#"{{"headerField":"{field}"}}"#);
            build(&options).unwrap().apply(&mut headers, b"bob");
            assert_eq!(headers[field], "bob");
            assert_eq!(headers[kept], "1");
            assert_eq!(headers.contains_key("x-user"), field != "X_User", "{headers:?}");
        }
    }

    #[test]
    fn refused() {
        for (name, expected) in [
            ("X User", "headerField \"X User\" is no header name"),
            ("Host", "headerField \"Host\" is the message's own"),
            ("transfer-encoding", "is the message's own"),
        ] {
            let error = build(&format!(r#"{{"headerField":"{name}"}}"#)).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
