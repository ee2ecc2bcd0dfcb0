//! What came of a request, as sorted lines that can be compared.

use std::io;

use serde_json::Value;
use swarmgate_testkit::client::Response;
use swarmgate_testkit::coding;
use swarmgate_testkit::wire::Head;

use crate::setup::Side;

/// Headers that say nothing about likeness: the time, the machine's name, the echo's length.
const IGNORED_BY_US: &[&str] = &["date"];
const IGNORED_UPSTREAM: &[&str] = &["x-forwarded-server"];

/// An answer, or why there was none.
pub fn lines(side: &Side, result: io::Result<Response>) -> Vec<String> {
    let mut lines = match result {
        Ok(response) => answer(&response),
        Err(error) => vec![no_answer(&error)],
    };
    for line in &mut lines {
        *line = without_nonces(&side.neutral(line));
    }
    lines.sort();
    lines
}

/// Nonces are random; their length is not.
fn without_nonces(line: &str) -> String {
    let mut parts = line.split("'nonce-");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (nonce, rest) = part.split_once('\'').unwrap_or((part, ""));
        kept.push_str(&format!("'nonce of {} characters'{rest}", nonce.len()));
    }
    kept
}

/// Closing and resetting are told apart by chance only.
pub fn no_answer(error: &io::Error) -> String {
    use io::ErrorKind::{
        BrokenPipe, ConnectionReset, InvalidData, TimedOut, UnexpectedEof, WouldBlock,
    };
    match error.kind() {
        InvalidData => turned_away(&error.to_string()),
        UnexpectedEof | ConnectionReset | BrokenPipe => "closed before the end".into(),
        WouldBlock | TimedOut => "nothing within the time".into(),
        _ => format!("no answer: {error}"),
    }
}

/// The body without its coding; how well a coding does its work, and whether fast enough for its
/// length to be told, is each one's own.
fn decoded(response: &Response) -> Option<Response> {
    let coding = response.header("content-encoding")?;
    let (body, whole) = coding::decode(coding, &response.body)?;
    if !whole {
        return None;
    }
    let mut plain = Response { body, ..response.clone() };
    plain.headers.retain(|(name, _)| {
        !["content-length", "transfer-encoding"].contains(&&*name.to_ascii_lowercase())
    });
    plain.headers.push(("X-Body".into(), "decoded".into()));
    Some(plain)
}

/// A handshake ended with an alert. Which one tells a bad certificate is a matter of taste.
fn turned_away(error: &str) -> String {
    const TASTE: &[&str] = &[
        "BadCertificate",
        "UnknownCa",
        "UnknownCA",
        "CertificateUnknown",
        "CertificateExpired",
        "DecryptError",
    ];
    match TASTE.iter().any(|alert| error.ends_with(alert)) {
        true => "turned away for a certificate".into(),
        false => format!("no answer: {error}"),
    }
}

fn answer(response: &Response) -> Vec<String> {
    let plain = decoded(response);
    let response = plain.as_ref().unwrap_or(response);
    let mut lines = vec![format!("status: {} {}", response.version, response.status)];
    let seen = seen(response);
    for (name, value) in &response.headers {
        let name = name.to_ascii_lowercase();
        if IGNORED_BY_US.contains(&name.as_str()) {
            continue;
        }
        let shown = match &*name {
            "content-length" if seen.is_some() => "its length",
            // Of a report that HEAD does not get; it counts connections, which has its digits.
            "content-length" if is_of_a_report(value, response) => "a report's length",
            // To the nanosecond; `Retry-After` says the same in seconds.
            "x-retry-in" => "a while",
            // In any order.
            "access-control-expose-headers" if value.contains("grpc-status") => {
                lines.push(format!("header {name}: {}", sorted(value)));
                continue;
            }
            _ => value,
        };
        lines.push(format!("header {name}: {shown}"));
    }
    for (name, value) in &response.trailers {
        lines.push(format!("trailer {}: {value}", name.to_ascii_lowercase()));
    }
    for head in &response.informational {
        lines.push(format!("early: {:?}", head.first.split(' ').nth(1)));
        for (name, value) in &head.headers {
            lines.push(format!("early {}: {value}", name.to_ascii_lowercase()));
        }
    }
    match seen {
        None => lines.push(format!("body: {:?}", response.text())),
        Some((seen, behind)) => {
            lines.extend(upstream(&seen));
            if !behind.is_empty() {
                lines.push(format!("behind the report: {behind:?}"));
            }
        }
    }
    lines
}

/// Whether this is the length of a report that was not sent.
fn is_of_a_report(length: &str, response: &Response) -> bool {
    response.body.is_empty()
        && response.header("content-type") == Some("application/json")
        && length.parse().is_ok_and(|length: u64| (200..1000).contains(&length))
}

fn sorted(list: &str) -> String {
    let mut items: Vec<&str> = list.split(", ").collect();
    items.sort_unstable();
    items.join(", ")
}

/// The upstream's report, where the body is one, and what a proxy has written behind it.
fn seen(response: &Response) -> Option<(Value, &[u8])> {
    let mut values = serde_json::Deserializer::from_slice(&response.body).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let behind = response.body.get(values.byte_offset()..).unwrap_or_default();
    let behind = behind.strip_prefix(b"\n").unwrap_or(behind);
    value.get("framing").is_some().then_some((value, behind))
}

fn upstream(seen: &Value) -> Vec<String> {
    let mut lines: Vec<String> = ["name", "method", "target", "version", "body", "framing"]
        .iter()
        .map(|key| format!("upstream {key}: {}", seen[key]))
        .collect();
    for pair in seen["headers"].as_array().into_iter().flatten() {
        let text = |index: usize| pair[index].as_str().unwrap_or_default();
        lines.extend(header(text(0), text(1)));
    }
    for pair in seen["trailers"].as_array().into_iter().flatten() {
        lines.push(format!("upstream trailer {pair}"));
    }
    lines
}

/// What the upstream saw of a request that was answered by something else than its report.
pub fn upstream_head(head: &Head) -> Vec<String> {
    let mut lines = vec![format!("upstream first line: {}", head.first)];
    for (name, value) in &head.headers {
        lines.extend(header(name, value));
    }
    lines.sort();
    lines
}

fn header(name: &str, value: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let ignored = IGNORED_UPSTREAM.contains(&name.as_str());
    (!ignored).then(|| format!("upstream header {name}: {value}"))
}
