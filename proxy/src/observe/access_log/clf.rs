//! The common log format and its generic subset.

use http::Version;
use http::header::{REFERER, USER_AGENT};

use super::fields::{Field, Fields};
use super::text::{clf, number};
use super::{Record, timestamp};

/// Writes a line. Without `extended` it ends after the user agent, as other servers' do.
pub(super) fn write(line: &mut Vec<u8>, record: &Record<'_>, fields: &Fields, extended: bool) {
    let peer;
    let host = match forwarded_for(record) {
        Some(text) => text,
        None => {
            peer = record.peer.ip().to_canonical().to_string();
            peer.as_bytes()
        }
    };
    bare(line, fields.shows(Field::ClientHost).then_some(host));
    line.extend_from_slice(b" - ");
    let user = record.user.filter(|_| fields.shows(Field::ClientUsername));
    bare(line, user.map(str::as_bytes));
    line.extend_from_slice(b" [");
    if fields.shows(Field::StartUtc) || fields.shows(Field::StartLocal) {
        timestamp::clf(line, record.started);
    } else {
        line.push(b'-');
    }
    line.extend_from_slice(b"] \"");
    let inside = |line: &mut Vec<u8>, field: Field, text: &str| {
        clf(line, if fields.shows(field) { text.as_bytes() } else { b"-" }, true);
    };
    inside(line, Field::RequestMethod, record.method.as_str());
    line.push(b' ');
    inside(line, Field::RequestPath, &fields.target(record.target));
    line.push(b' ');
    inside(line, Field::RequestProtocol, protocol(record.protocol));
    line.extend_from_slice(b"\" ");
    let figure = |line: &mut Vec<u8>, field: Field, figure: u64| {
        if fields.shows(field) {
            number(line, figure);
        } else {
            line.push(b'-');
        }
    };
    figure(line, Field::DownstreamStatus, record.status.as_u16().into());
    line.push(b' ');
    figure(line, Field::DownstreamContentSize, record.bytes);
    line.push(b' ');
    quoted(line, fields.value(&REFERER, record.referer, record.request_headers));
    line.push(b' ');
    quoted(line, fields.value(&USER_AGENT, record.user_agent, record.request_headers));
    if extended {
        line.push(b' ');
        figure(line, Field::RequestCount, record.request_count);
        line.push(b' ');
        let router = record.router.filter(|_| fields.shows(Field::RouterName));
        quoted(line, router.map(str::as_bytes));
        line.push(b' ');
        let server = record.server_url.filter(|_| fields.shows(Field::ServiceUrl));
        quoted(line, server.map(str::as_bytes));
        line.push(b' ');
        let shown = fields.shows(Field::Duration);
        number(line, if shown { record.duration.as_millis() } else { 0 });
        line.extend_from_slice(b"ms");
    }
    line.push(b'\n');
}

/// The client as the hops before us named it.
pub(super) fn forwarded_for<'a>(record: &Record<'a>) -> Option<&'a [u8]> {
    let given = record
        .forwarded_for
        .or_else(|| record.request_headers?.get("x-forwarded-for").map(|value| value.as_bytes()));
    given.filter(|text| !text.is_empty())
}

/// As Go spells it.
pub(super) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

fn bare(line: &mut Vec<u8>, text: Option<&[u8]>) {
    clf(line, text.unwrap_or(b"-"), false);
}

fn quoted(line: &mut Vec<u8>, text: Option<&[u8]>) {
    line.push(b'"');
    clf(line, text.unwrap_or(b"-"), true);
    line.push(b'"');
}
