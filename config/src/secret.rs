//! What is shown of secrets: nothing. One list of suspicious names for the API, explanations and
//! findings.

use std::borrow::Cow;

/// Stands in place of a secret.
pub const HIDDEN: &str = "xxxx";

/// Whether an option of this name holds a secret. Case does not count.
pub fn is_secret_option(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = ["password", "secret", "token", "apikey", "api-key", "api_key"];
    matches!(name.as_str(), "key" | "authorization" | "proxy-authorization" | "cookie")
        || words.iter().any(|word| name.contains(word))
}

/// Whether a header of this name is likely to carry a secret. Case does not count.
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = ["auth", "cookie", "cred", "jwt", "key", "pass", "session", "signature"];
    // CORS is public: `Access-Control-Allow-Credentials`.
    is_secret_option(&name)
        || (words.iter().any(|word| name.contains(word)) && !name.starts_with("access-control-"))
}

/// A header's value as it may be shown.
pub fn header<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    // Empty values remove headers.
    if value.is_empty() {
        return Cow::Borrowed(value);
    }
    let scheme = value.split_once(' ').map_or("", |(scheme, _)| scheme);
    let schemes = ["basic", "bearer", "digest", "token"];
    if is_secret_header(name) || schemes.iter().any(|it| it.eq_ignore_ascii_case(scheme)) {
        return Cow::Borrowed(HIDDEN);
    }
    if value.contains("://") { Cow::Owned(url(value)) } else { Cow::Borrowed(value) }
}

/// A URL without what stands between `://` and `@`.
pub fn url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        // Name, value, what is shown.
        for (name, value, expected) in [
            ("Authorization", "Bearer x", HIDDEN),
            ("X-Auth", "x", HIDDEN),
            ("X-API-KEY", "x", HIDDEN),
            ("X-Api-Pass", "x", HIDDEN),
            ("X-Signature", "x", HIDDEN),
            ("X-Credential", "x", HIDDEN),
            ("Set-Cookie", "x", HIDDEN),
            ("X-Other", "Basic eDp5", HIDDEN),
            ("X-Other", "bearer x", HIDDEN),
            ("X-Target", "http://u:p@h/x", "http://xxxx@h/x"),
            ("X-Token", "", ""),
            ("X-Other", "o", "o"),
            ("X-Other", "basic", "basic"),
            ("Access-Control-Allow-Credentials", "true", "true"),
            ("X-Frame-Options", "DENY", "DENY"),
            ("X-Forwarded-Prefix", "/api", "/api"),
        ] {
            assert_eq!(header(name, value), expected, "{name}: {value}");
        }
    }

    #[test]
    fn urls() {
        for (text, expected) in [
            ("http://u:p@h:8/x@y?z@z", "http://xxxx@h:8/x@y?z@z"),
            ("http://u:p@q@h", "http://xxxx@h"),
            ("http://h/x@y", "http://h/x@y"),
            ("https://h?a@b", "https://h?a@b"),
            ("h:80", "h:80"),
            ("", ""),
        ] {
            assert_eq!(url(text), expected, "{text}");
        }
    }
}
