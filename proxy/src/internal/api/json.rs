//! How the API writes JSON: as Go's encoder does, so that clients see no difference.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::list::Page;
use crate::body::Body;
use crate::respond;

const X_NEXT_PAGE: HeaderName = HeaderName::from_static("x-next-page");

/// A 200 with one value.
pub(super) fn answer(value: &impl Serialize) -> Response<Body> {
    let mut answer = respond::bare(StatusCode::OK);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *answer.body_mut() = Body::from(text(value));
    answer
}

/// As [`answer`], the way `/api/version` alone has it: other content type, no newline.
pub(super) fn bare(value: &impl Serialize) -> Response<Body> {
    let mut answer = answer(&());
    let kind = HeaderValue::from_static("application/json; charset=UTF-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    let text = text(value);
    *answer.body_mut() = Body::from(text.slice(..text.len().saturating_sub(1)));
    answer
}

/// A 200 with one page of a list.
pub(super) fn page(page: Page) -> Response<Body> {
    let mut answer = answer(&page.items);
    answer.headers_mut().insert(X_NEXT_PAGE, HeaderValue::from(page.next));
    answer
}

/// `{"message":…}`, under Traefik's odd content type.
pub(super) fn error(status: StatusCode, message: &str) -> Response<Body> {
    let mut answer = respond::error(status, "");
    *answer.body_mut() = Body::from(text(&serde_json::json!({ "message": message })));
    answer
}

/// Compact, one newline at the end; `&`, `<`, `>` and the two line separators of JavaScript are
/// escaped, so that no string can end a script that it is pasted into.
fn text(value: &impl Serialize) -> Bytes {
    let mut text = escaped(&serde_json::to_string(value).unwrap_or_else(|_| "null".into()));
    text.push('\n');
    Bytes::from(text)
}

/// JSON as Go's encoder writes it.
pub(crate) fn escaped(plain: &str) -> String {
    let mut text = String::with_capacity(plain.len() + 1);
    // These characters occur inside of strings only.
    for c in plain.chars() {
        match c {
            '&' => text.push_str("\\u0026"),
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            c => text.push(c),
        }
    }
    text
}

/// Leaves out, at every depth, what Go leaves out as empty: null, false, 0, `""`, `[]` and a zero
/// duration. Objects stay, even empty ones: their presence has a meaning.
pub(super) fn prune(value: &mut Value) {
    if let Value::Object(map) = value {
        map.values_mut().for_each(prune);
        map.retain(|_, value| !is_empty(value));
    }
}

/// As [`prune`], for the value's own members only: the maps inside may hold empty strings that
/// mean something.
pub(super) fn prune_here(value: &mut Value) {
    if let Value::Object(map) = value {
        map.retain(|_, value| !is_empty(value));
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty() || text == "0s",
        Value::Array(items) => items.is_empty(),
        Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_as_go_writes_them() {
        let written = text(&serde_json::json!({ "a": "<&>\u{2028}\u{2029}é\"\\\n" }));
        let expected = "{\"a\":\"\\u003c\\u0026\\u003e\\u2028\\u2029é\\\"\\\\\\n\"}\n";
        assert_eq!(std::str::from_utf8(&written).unwrap(), expected);
    }

    #[test]
    fn empty_members() {
        let mut value = serde_json::json!({
            "a": null, "b": false, "c": 0, "d": "", "e": [], "f": "0s", "g": {}, "h": {"x": 0},
            "i": true, "j": 1, "k": [""], "l": 0.5
        });
        prune(&mut value);
        let expected =
            serde_json::json!({ "g": {}, "h": {}, "i": true, "j": 1, "k": [""], "l": 0.5 });
        assert_eq!(value, expected);
    }
}
