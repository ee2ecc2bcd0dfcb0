//! `query`: which page is asked for.

use http::StatusCode;
use http::uri::PathAndQuery;

use crate::middleware::location;

/// The path and query of the pages, with places to be filled in.
#[derive(Debug)]
pub(super) struct Page(Box<str>);

impl Page {
    pub(super) fn build(query: &str) -> Result<Self, String> {
        let page = Self(query.into());
        let tried = page.target(StatusCode::NOT_FOUND, StatusCode::NOT_FOUND, || "url".into());
        tried.map(|_| page).ok_or_else(|| {
            format!(
                "query {query:?} is no path and query; expected one such as \"/{{status}}.html\""
            )
        })
    }

    /// The page of an answer that was `original` and will be `status`; `url`: what was asked for.
    /// `None`: it is too long.
    pub(super) fn target(
        &self,
        status: StatusCode,
        original: StatusCode,
        url: impl FnOnce() -> String,
    ) -> Option<PathAndQuery> {
        let mut text = self.0.strip_prefix('/').unwrap_or(&self.0).to_owned();
        if self.0.contains('{') {
            text = text.replace("{status}", status.as_str());
            text = text.replace("{originalStatus}", original.as_str());
            if text.contains("{url}") {
                text = text.replace("{url}", &query_escaped(&url()));
            }
        }
        let slash = if self.0.is_empty() { "" } else { "/" };
        let url = location::normalize(format!("http://h{slash}{text}").as_bytes())?;
        let target = url.strip_prefix(b"http://h")?;
        let target = target.split(|byte| *byte == b'#').next().unwrap_or_default();
        match target {
            [] => Some(PathAndQuery::from_static("/")),
            target => PathAndQuery::try_from(target).ok(),
        }
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        format!("/{}", self.0.strip_prefix('/').unwrap_or(&self.0))
    }
}

/// As the value of a form (Go: `url.QueryEscape`).
fn query_escaped(text: &str) -> String {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(HEX.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    let mut escaped = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            byte => escaped.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let table = [
            ("", "/"),
            ("/", "/"),
            ("/{status}.html", "/503.html"),
            ("{status}.html", "/503.html"),
            ("//{status}", "//503"),
            ("/{originalStatus}/{status}", "/500/503"),
            (
                "/x?u={url}&s={status}",
                "/x?u=http%3A%2F%2Fh.test%2Fa%2520b%3Fc%3Dd+e%7Bstatus%7D&s=503",
            ),
            ("/a b#frag", "/a%20b"),
            ("/{unknown}", "/%7Bunknown%7D"),
            ("?s={status}", "/?s=503"),
        ];
        for (query, expected) in table {
            let page = Page::build(query).unwrap();
            let (status, original) =
                (StatusCode::SERVICE_UNAVAILABLE, StatusCode::INTERNAL_SERVER_ERROR);
            let target =
                page.target(status, original, || "http://h.test/a%20b?c=d e{status}".into());
            assert_eq!(target.unwrap(), expected, "{query}");
        }
        for bad in ["/%zz", "/a\nb"] {
            let error = Page::build(bad).unwrap_err();
            assert!(error.contains("is no path and query"), "{error}");
        }
        let long = Page::build("/{url}").unwrap();
        let url = || "x".repeat(100_000);
        assert_eq!(long.target(StatusCode::OK, StatusCode::OK, url), None);
    }
}
