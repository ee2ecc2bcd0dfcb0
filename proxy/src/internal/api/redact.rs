//! What the API must not tell: password hashes, keys, tokens, user info of URLs.

use serde_json::Value;
use swarmgate_config::secret::{self, HIDDEN, is_secret_option};

/// Replaces secrets at every depth.
pub(super) fn redact(value: &mut Value) {
    redact_below("", value);
}

/// `parent`: the member's name (lower-case) that holds the value.
fn redact_below(parent: &str, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let key = name.to_ascii_lowercase();
                match value {
                    Value::String(text) if holds_headers(parent) => {
                        *text = secret::header(&key, text).into_owned();
                    }
                    Value::String(text) if is_secret_option(&key) && !text.is_empty() => {
                        *text = HIDDEN.into();
                    }
                    Value::String(text)
                        if matches!(key.as_str(), "address" | "replacement" | "url") =>
                    {
                        *text = secret::url(text);
                    }
                    Value::Array(users) if key == "users" => {
                        users.iter_mut().for_each(hide_hash);
                    }
                    // The middleware of this name has options, a health check has headers.
                    other if key == "headers" && parent == "healthcheck" => {
                        redact_below("customrequestheaders", other);
                    }
                    other => redact_below(&key, other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact_below(parent, item)),
        _ => {}
    }
}

/// Whether an option of this name (lower-case) is a map of headers.
fn holds_headers(key: &str) -> bool {
    matches!(key, "customrequestheaders" | "customresponseheaders")
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
                "Authorization": "Basic x", "X-Api-Key": "k", "X-Auth": "a", "X-Token": "",
                "X-Other": "o"
            }, "stsSeconds": 5, "publicKey": "p" },
            "healthCheck": { "path": "/", "headers": { "X-Session": "s", "X-Plain": "p" } },
            "redirectRegex": { "regex": "^http://a/", "replacement": "http://u:p@b/$1" },
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
                "Authorization": "xxxx", "X-Api-Key": "xxxx", "X-Auth": "xxxx", "X-Token": "",
                "X-Other": "o"
            }, "stsSeconds": 5, "publicKey": "p" },
            "healthCheck": { "path": "/", "headers": { "X-Session": "xxxx", "X-Plain": "p" } },
            "redirectRegex": { "regex": "^http://a/", "replacement": "http://xxxx@b/$1" },
            "rateLimit": { "redis": { "password": "xxxx", "endpoints": ["a:1"] } },
            "plugin": { "p": { "clientSecret": "xxxx", "list": [{ "token": "xxxx" }] } }
        });
        assert_eq!(value, expected);
    }
}
