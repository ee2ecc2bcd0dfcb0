//! One attack: what is sent, and what must come of it.

use std::io;

use serde_json::Value;
use swarmgate_testkit::client::Response;

use crate::house::House;

/// `id` is the handle of its row in docs/advisories.md.
#[derive(Clone, Debug)]
pub struct Attack {
    pub id: &'static str,
    pub entry_point: &'static str,
    /// `GET /path host.test | Name: value | …`, `=text` for a body, `+Name: value` for a trailer;
    /// or bytes as they are.
    pub request: Sent,
    pub outcome: Outcome,
}

#[derive(Clone, Debug)]
pub enum Sent {
    Line(String),
    Bytes(Vec<u8>),
}

/// What must come of it.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// This status, and the upstream saw nothing.
    Refused(u16),
    /// No success, and the upstream saw nothing.
    Untouched,
    /// The upstream got this target.
    Target(String),
    /// Refused with 400, or the upstream got a path without anything left to resolve.
    CleanOr400,
    /// The upstream got these values of the header, in order.
    Seen(&'static str, &'static [&'static str]),
    /// The upstream got no trailers, and none of the headers.
    NoTrailers(&'static [&'static str]),
    /// A redirection to exactly this.
    Location(&'static str),
    /// The answer lacks this header.
    Without(&'static str),
}

/// The bytes of a line.
pub fn expand(line: &str) -> Vec<u8> {
    let mut parts = line.split(" | ");
    let mut words = parts.next().unwrap_or_default().split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (method, target, host) = (word(), word(), word());
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
    let (mut body, mut trailers) = (None, String::new());
    for part in parts {
        if let Some(text) = part.strip_prefix('=') {
            body = Some(text);
        } else if let Some(trailer) = part.strip_prefix('+') {
            trailers.push_str(&format!("{trailer}\r\n"));
        } else {
            head.push_str(&format!("{part}\r\n"));
        }
    }
    let body = match (body, trailers.is_empty()) {
        (None, true) => String::new(),
        (Some(body), true) => {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
            body.to_owned()
        }
        (body, false) => {
            head.push_str("Transfer-Encoding: chunked\r\n");
            let body = body.unwrap_or("x");
            format!("{:x}\r\n{body}\r\n0\r\n{trailers}\r\n", body.len())
        }
    };
    format!("{head}\r\n{body}").into_bytes()
}

impl Attack {
    fn send(&self, house: &House) -> io::Result<Response> {
        let mut client = house.connect(self.entry_point);
        match &self.request {
            Sent::Line(line) => client.exchange(expand(line)),
            Sent::Bytes(bytes) => client.exchange(bytes),
        }
    }

    /// Makes it, and says what is wrong with what came of it.
    pub fn run(&self, house: &House) -> Result<(), String> {
        let before = house.upstream.requests();
        let result = self.send(house);
        let touched = house.upstream.requests() - before;
        let response = match (result, &self.outcome) {
            (Ok(response), _) => response,
            // Closed without an answer is an answer.
            (Err(error), Outcome::Untouched | Outcome::CleanOr400)
                if error.kind() != io::ErrorKind::WouldBlock && touched == 0 =>
            {
                return Ok(());
            }
            (Err(error), _) => return Err(format!("no answer: {error}")),
        };
        let status = response.status;
        let fault = |text: String| Err(format!("{text}; {status}, {}", response.text()));
        let reached = || -> Result<Value, String> {
            match status {
                200 if touched == 1 => Ok(response.json()),
                _ => Err(format!("{status} and {touched} requests upstream")),
            }
        };
        match &self.outcome {
            Outcome::Refused(wanted) if status != *wanted || touched != 0 => {
                fault(format!("{touched} requests upstream, and not {wanted}"))
            }
            Outcome::Untouched if status < 400 || touched != 0 => {
                fault(format!("{touched} requests upstream"))
            }
            Outcome::Target(wanted) => {
                let seen = reached()?;
                if seen["target"] == **wanted { Ok(()) } else { fault(format!("not {wanted}")) }
            }
            Outcome::CleanOr400 => {
                if status == 400 && touched == 0 {
                    return Ok(());
                }
                let seen = reached()?;
                let target = seen["target"].as_str().unwrap_or_default();
                if is_clean(target) { Ok(()) } else { fault(format!("{target} is not clean")) }
            }
            Outcome::Seen(name, wanted) => {
                let found = headers(&reached()?, name);
                if found == *wanted { Ok(()) } else { fault(format!("{name}: {found:?}")) }
            }
            Outcome::NoTrailers(names) => {
                let seen = reached()?;
                let trailers = seen["trailers"].as_array().map_or(0, Vec::len)
                    + seen["trailers"].as_object().map_or(0, serde_json::Map::len);
                let ours = ["x-forwarded-for", "host"];
                let found: Vec<&&str> = names
                    .iter()
                    .filter(|name| !ours.contains(&&*name.to_ascii_lowercase()))
                    .filter(|name| !headers(&seen, name).is_empty())
                    .collect();
                if trailers == 0 && found.is_empty() {
                    Ok(())
                } else {
                    fault(format!("{trailers} trailers, {found:?}"))
                }
            }
            Outcome::Location(wanted) => {
                let found: Vec<&str> = response
                    .headers
                    .iter()
                    .filter(|(name, _)| name.eq_ignore_ascii_case("location"))
                    .map(|(_, value)| &**value)
                    .collect();
                if (300..400).contains(&status) && found == [*wanted] && touched == 0 {
                    Ok(())
                } else {
                    fault(format!("to {found:?}, not {wanted}"))
                }
            }
            Outcome::Without(name) => match response.header(name) {
                None if status < 500 => Ok(()),
                found => fault(format!("{name}: {found:?}")),
            },
            Outcome::Refused(_) | Outcome::Untouched => Ok(()),
        }
    }
}

/// The values of a header that the upstream saw, whatever its case.
pub fn headers(seen: &Value, name: &str) -> Vec<String> {
    let pairs = seen["headers"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    pairs
        .iter()
        .filter(|pair| text(&pair[0]).eq_ignore_ascii_case(name))
        .map(|pair| text(&pair[1]))
        .collect()
}

/// Whether nobody behind us finds anything to resolve in the path.
fn is_clean(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    path.starts_with('/')
        && !path.contains("//")
        && !path.contains(['\\', '#', ' '])
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
        && !path.to_ascii_lowercase().contains("%2e")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean() {
        for (target, expected) in [
            ("/", true),
            ("/a/b?../x", true),
            ("/a%2F..b", true),
            ("/a/../b", false),
            ("//a", false),
            ("/a/%2E%2e", false),
            ("a", false),
        ] {
            assert_eq!(is_clean(target), expected, "{target}");
        }
    }

    #[test]
    fn lines() {
        let bytes = expand("POST /a h | A: b | =xyz");
        assert_eq!(bytes, b"POST /a HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 3\r\n\r\nxyz");
        let bytes = expand("POST /a h | =xyz | +T: u");
        assert!(bytes.ends_with(b"chunked\r\n\r\n3\r\nxyz\r\n0\r\nT: u\r\n\r\n"), "{bytes:?}");
    }
}
