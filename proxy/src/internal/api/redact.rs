//! What the API must not tell: password hashes, keys, tokens, user info of URLs.

use serde_json::Value;

const HIDDEN: &str = "xxxx";

/// Replaces secrets at every depth.
pub(super) fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.to_ascii_lowercase();
                match value {
                    Value::String(text) if is_secret(&key) && !text.is_empty() => {
                        *text = HIDDEN.into();
                    }
                    Value::String(text) if matches!(key.as_str(), "address" | "url") => {
                        *text = without_user(text);
                    }
                    Value::Array(users) if key == "users" => {
                        users.iter_mut().for_each(hide_hash);
                    }
                    other => redact(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

/// Whether a member of this name (lower-case) holds a secret: options and header names alike.
fn is_secret(key: &str) -> bool {
    let words = ["password", "secret", "token", "apikey", "api-key", "api_key"];
    matches!(key, "key" | "authorization" | "proxy-authorization" | "cookie")
        || words.iter().any(|word| key.contains(word))
}

/// `name:hash` keeps its name.
fn hide_hash(user: &mut Value) {
    if let Value::String(text) = user {
        *text = match text.rsplit_once(':') {
            Some((name, _)) => format!("{name}:{HIDDEN}"),
            None => HIDDEN.into(),
        };
    }
}

/// A URL without what stands between `://` and `@`.
pub(super) fn without_user(url: &str) -> String {
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
    fn secrets() {
        let mut value = serde_json::json!({
            "basicAuth": { "users": ["a:$apr1$x", "b:{SHA}y", "z"], "realm": "r" },
            "digestAuth": { "users": ["a:realm:5f4d"] },
            "forwardAuth": {
                "address": "http://u:p@auth:9/x@y", "tls": { "key": "k", "cert": "c" }
            },
            "headers": { "customRequestHeaders": {
                "Authorization": "Basic x", "X-Api-Key": "k", "X-Token": "", "X-Other": "o"
            } },
            "rateLimit": { "redis": { "password": "p", "endpoints": ["a:1"] } },
            "plugin": { "p": { "clientSecret": "s", "list": [{ "token": "t" }] } }
        });
        redact(&mut value);
        let expected = serde_json::json!({
            "basicAuth": { "users": ["a:xxxx", "b:xxxx", "xxxx"], "realm": "r" },
            "digestAuth": { "users": ["a:realm:xxxx"] },
            "forwardAuth": {
                "address": "http://xxxx@auth:9/x@y", "tls": { "key": "xxxx", "cert": "c" }
            },
            "headers": { "customRequestHeaders": {
                "Authorization": "xxxx", "X-Api-Key": "xxxx", "X-Token": "", "X-Other": "o"
            } },
            "rateLimit": { "redis": { "password": "xxxx", "endpoints": ["a:1"] } },
            "plugin": { "p": { "clientSecret": "xxxx", "list": [{ "token": "xxxx" }] } }
        });
        assert_eq!(value, expected);
    }
}
