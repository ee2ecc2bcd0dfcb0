//! One JSON object per line, keys sorted.

use std::net::IpAddr;

use http::header::{HeaderMap, HeaderName};

use super::clf::{forwarded_for, protocol};
use super::fields::{Field, Fields, Mode, REDACTED};
use super::text::{json, number};
use super::{Record, timestamp};

/// An object being written.
struct Object<'a> {
    line: &'a mut Vec<u8>,
    fields: &'a Fields,
}

impl Object<'_> {
    /// A key and its colon; the first one opens the object.
    fn key(&mut self, prefix: &str, key: &str) {
        let first = matches!(self.line.last(), None | Some(b'\n'));
        self.line.extend_from_slice(if first { b"{\"" } else { b",\"" });
        self.line.extend_from_slice(prefix.as_bytes());
        self.line.extend_from_slice(key.as_bytes());
        self.line.extend_from_slice(b"\":");
    }

    fn text(&mut self, field: Field, key: &str, text: &[u8]) {
        if self.fields.shows(field) {
            self.key("", key);
            json(self.line, text);
        }
    }

    fn number(&mut self, field: Field, key: &str, value: impl std::fmt::Display) {
        if self.fields.shows(field) {
            self.key("", key);
            number(self.line, value);
        }
    }

    fn time(&mut self, field: Field, key: &str, record: &Record<'_>) {
        if self.fields.shows(field) {
            self.key("", key);
            self.line.push(b'"');
            timestamp::rfc3339(self.line, record.started, true);
            self.line.push(b'"');
        }
    }

    /// Kept headers, sorted by their canonical names; several lines of one name become one.
    fn headers(&mut self, prefix: &str, headers: Option<&HeaderMap>) {
        let Some(headers) = headers else { return };
        let mut names: Vec<(&HeaderName, Mode)> = headers
            .keys()
            .map(|name| (name, self.fields.header(name)))
            .filter(|(_, mode)| *mode != Mode::Drop)
            .collect();
        names.sort_by_key(|(name, _)| name.as_str());
        for (name, mode) in names {
            self.key(prefix, &canonical(name));
            if mode == Mode::Redact {
                json(self.line, REDACTED.as_bytes());
                continue;
            }
            let mut joined = Vec::new();
            for (at, value) in headers.get_all(name).iter().enumerate() {
                if at > 0 {
                    joined.push(b',');
                }
                joined.extend_from_slice(value.as_bytes());
            }
            json(self.line, &joined);
        }
    }
}

pub(super) fn write(line: &mut Vec<u8>, record: &Record<'_>, fields: &Fields) {
    let ip = record.peer.ip().to_canonical().to_string();
    let (host, port) = split_port(record.host);
    let duration = record.duration.as_nanos();
    let origin_duration = record.origin_duration.as_nanos().min(duration);
    let mut object = Object { line, fields };
    let peer = match record.peer.ip().to_canonical() {
        IpAddr::V4(ip) => format!("{ip}:{}", record.peer.port()),
        IpAddr::V6(ip) => format!("[{ip}]:{}", record.peer.port()),
    };
    object.text(Field::ClientAddr, "ClientAddr", peer.as_bytes());
    let client = forwarded_for(record).unwrap_or(ip.as_bytes());
    object.text(Field::ClientHost, "ClientHost", client);
    let client_port = record.peer.port().to_string();
    object.text(Field::ClientPort, "ClientPort", client_port.as_bytes());
    object.text(Field::ClientUsername, "ClientUsername", record.user.unwrap_or("-").as_bytes());
    object.number(Field::DownstreamContentSize, "DownstreamContentSize", record.bytes);
    object.number(Field::DownstreamStatus, "DownstreamStatus", record.status.as_u16());
    object.number(Field::Duration, "Duration", duration);
    if record.bytes != record.origin_bytes {
        // Bytes fit a float well enough for a ratio.
        #[allow(clippy::cast_precision_loss)]
        let ratio = match record.bytes {
            0 => 0.0,
            bytes => record.origin_bytes as f64 / bytes as f64,
        };
        object.number(Field::GzipRatio, "GzipRatio", ratio);
    }
    object.number(Field::OriginContentSize, "OriginContentSize", record.origin_bytes);
    object.number(Field::OriginDuration, "OriginDuration", origin_duration);
    let origin_status = record.origin_status.map_or(0, |status| status.as_u16());
    object.number(Field::OriginStatus, "OriginStatus", origin_status);
    object.number(Field::Overhead, "Overhead", duration.saturating_sub(origin_duration));
    if !record.host.is_empty() {
        object.text(Field::RequestAddr, "RequestAddr", record.host.as_bytes());
    }
    object.number(Field::RequestContentSize, "RequestContentSize", record.request_bytes);
    object.number(Field::RequestCount, "RequestCount", record.request_count);
    if !record.host.is_empty() {
        object.text(Field::RequestHost, "RequestHost", host.as_bytes());
    }
    object.text(Field::RequestMethod, "RequestMethod", record.method.as_str().as_bytes());
    object.text(Field::RequestPath, "RequestPath", fields.target(record.target).as_bytes());
    if !record.host.is_empty() {
        object.text(Field::RequestPort, "RequestPort", port.as_bytes());
    }
    object.text(Field::RequestProtocol, "RequestProtocol", protocol(record.protocol).as_bytes());
    let scheme: &[u8] = if record.tls.is_some() { b"https" } else { b"http" };
    object.text(Field::RequestScheme, "RequestScheme", scheme);
    object.number(Field::RetryAttempts, "RetryAttempts", 0);
    let optional = |object: &mut Object<'_>, field, key, text: Option<&str>| {
        if let Some(text) = text {
            object.text(field, key, text.as_bytes());
        }
    };
    optional(&mut object, Field::RouterName, "RouterName", record.router);
    let address = record.server_url.map(|url| url.split_once("://").map_or(url, |(_, rest)| rest));
    optional(&mut object, Field::ServiceAddr, "ServiceAddr", address);
    optional(&mut object, Field::ServiceName, "ServiceName", record.service);
    optional(&mut object, Field::ServiceUrl, "ServiceURL", record.server_url);
    object.time(Field::StartLocal, "StartLocal", record);
    object.time(Field::StartUtc, "StartUTC", record);
    optional(&mut object, Field::TlsCipher, "TLSCipher", record.tls.map(|tls| tls.cipher));
    optional(&mut object, Field::TlsVersion, "TLSVersion", record.tls.map(|tls| tls.version));
    object.headers("downstream_", record.response_headers);
    object.text(Field::EntryPointName, "entryPointName", record.entry_point.as_bytes());
    object.key("", "level");
    object.line.extend_from_slice(b"\"info\"");
    object.key("", "msg");
    object.line.extend_from_slice(b"\"\"");
    object.headers("origin_", record.origin_headers);
    object.headers("request_", record.request_headers);
    object.key("", "time");
    object.line.push(b'"');
    let ended = record.started.checked_add(record.duration).unwrap_or(record.started);
    timestamp::rfc3339(object.line, ended, false);
    object.line.extend_from_slice(b"\"}\n");
}

/// Host and port; a missing port shows as `-`.
fn split_port(host: &str) -> (&str, &str) {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, "-"),
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    (bare.unwrap_or(name), port)
}

/// `x-forwarded-for` -> `X-Forwarded-For`. Characters of a name need no escapes in JSON.
fn canonical(name: &HeaderName) -> String {
    let mut first = true;
    let respell = |c: char| {
        let respelled = if first { c.to_ascii_uppercase() } else { c };
        first = c == '-';
        respelled
    };
    name.as_str().chars().map(respell).collect()
}
