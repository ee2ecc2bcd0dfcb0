//! Request and answer headers between client and server (Traefik: forwarded headers; RFC 9110
//! section 7.6.1 for hop-by-hop headers).

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use crate::connection::Connection;
use crate::present::Present;
use crate::settings::AliasHeaders;

/// The addresses that a request came by.
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_SERVER: HeaderName = HeaderName::from_static("x-forwarded-server");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Headers that only the proxy may set, in the spelling with `-`.
pub const MANAGED: [&str; 11] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-prefix",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    "x-real-ip",
];

/// `replacePath` tells servers here what was asked for; what strangers tell is not to stand before it.
const REPLACED_PATH: &str = "x-replaced-path";

/// What the request asks to become: one protocol or several, in order of preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade(pub HeaderValue);

impl Upgrade {
    /// The upgrade that a client asks for, without what would be spoken on this hop alone: h2c
    /// (which RFC 9113 dropped), TLS and HTTP themselves. A server that agreed to one of these
    /// would be reached past router and middlewares.
    fn asked(headers: &HeaderMap) -> Option<Self> {
        let lines = || headers.get_all(UPGRADE).iter();
        let offered = || lines().flat_map(protocols);
        let mut accepted = offered().filter(|protocol| is_end_to_end(protocol)).peekable();
        accepted.peek()?;
        if lines().count() == 1 && offered().all(is_end_to_end) {
            return lines().next().cloned().map(Self);
        }
        let list = accepted.collect::<Vec<_>>().join(&b", "[..]);
        HeaderValue::from_bytes(&list).ok().map(Self)
    }

    /// Whether it asks for this protocol.
    pub fn names(&self, protocol: &[u8]) -> bool {
        protocols(&self.0).any(|asked| asked.eq_ignore_ascii_case(protocol))
    }

    /// Whether it is a WebSocket handshake.
    pub fn is_websocket(&self) -> bool {
        self.names(b"websocket")
    }
}

fn protocols(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let protocols = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    protocols.filter(|protocol| !protocol.is_empty())
}

fn is_end_to_end(protocol: &[u8]) -> bool {
    let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default();
    ![&b"h2c"[..], b"tls", b"http"].iter().any(|hop| name.eq_ignore_ascii_case(hop))
}

/// Cleans the headers of a request that has just arrived, before anything matches them: managed
/// headers of untrusted peers go, hop-by-hop headers named in `Connection` go, the proxy's own are
/// added. Returns the upgrade that is asked for.
pub fn arrive(
    headers: &mut HeaderMap,
    connection: &Connection,
    server_name: &HeaderValue,
    host: Option<&HeaderValue>,
    version: Version,
    present: Present,
) -> Option<Upgrade> {
    let settings = &connection.settings;
    let mut managed = present.any(Present::MANAGED);
    if managed && !settings.trusts(connection.peer.ip()) {
        remove_managed(headers);
        remove_spellings(headers, &[REPLACED_PATH]);
        managed = false;
    }
    if managed && present.any(Present::FORWARDED_FOR) {
        join_forwarded_for(headers);
    }
    let upgrade = match present.any(Present::CONNECTION) {
        // RFC 9110 section 7.8: `Upgrade` is ignored in HTTP/1.0.
        true => {
            connection_options(headers, connection, present).filter(|_| version != Version::HTTP_10)
        }
        false => None,
    };
    let tls = connection.tls.get().is_some();
    let absent = |headers: &HeaderMap, name: &HeaderName| !managed || !headers.contains_key(name);
    if absent(headers, &REAL_IP) {
        headers.insert(REAL_IP, connection.peer_value.clone());
    }
    if absent(headers, &FORWARDED_PROTO) {
        let websocket = upgrade.as_ref().is_some_and(Upgrade::is_websocket);
        let proto = match (websocket, tls) {
            (false, false) => "http",
            (false, true) => "https",
            (true, false) => "ws",
            (true, true) => "wss",
        };
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(proto));
    }
    if absent(headers, &FORWARDED_PORT) {
        let port = port(headers, tls, host);
        headers.insert(FORWARDED_PORT, port);
    }
    if let Some(host) = host
        && !host.is_empty()
        && absent(headers, &FORWARDED_HOST)
    {
        headers.insert(FORWARDED_HOST, host.clone());
    }
    headers.insert(FORWARDED_SERVER, server_name.clone());
    upgrade
}

/// Removes the headers that only the proxy may set, in both spellings.
pub fn remove_managed(headers: &mut HeaderMap) {
    remove_spellings(headers, &MANAGED);
}

/// Removes headers of these names, which begin with `x`, in both spellings.
fn remove_spellings(headers: &mut HeaderMap, names: &[&str]) {
    // Most requests carry none: one look at the names is cheaper than removing each.
    let is_managed = |name: &HeaderName| {
        let name = name.as_str();
        name.as_bytes().first() == Some(&b'x')
            && names.iter().any(|managed| {
                managed.len() == name.len()
                    && managed
                        .bytes()
                        .zip(name.bytes())
                        .all(|(a, b)| a == b || (a == b'-' && b == b'_'))
            })
    };
    while let Some(name) = headers.keys().find(|name| is_managed(name)).cloned() {
        headers.remove(name);
    }
}

/// Reads `Connection`: the headers it names go (RFC 9110 section 7.6.1), but the managed ones and
/// those that the entry point keeps for middlewares.
fn connection_options(
    headers: &mut HeaderMap,
    connection: &Connection,
    present: Present,
) -> Option<Upgrade> {
    if names_no_other(headers, present) {
        return None;
    }
    let mut upgrade = None;
    let lines: Vec<HeaderValue> = headers.get_all(CONNECTION).iter().cloned().collect();
    for line in &lines {
        for option in line.as_bytes().split(|byte| *byte == b',') {
            let Ok(name) = HeaderName::from_bytes(option.trim_ascii()) else { continue };
            if name == UPGRADE {
                upgrade = Upgrade::asked(headers);
                headers.remove(HTTP2_SETTINGS);
                continue;
            }
            let kept = MANAGED.contains(&name.as_str())
                || name == CONNECTION
                || name == HOST
                || name == CONTENT_LENGTH
                || name == TRANSFER_ENCODING
                || connection.settings.kept_connection_headers.contains(&name);
            if !kept {
                headers.remove(name);
            }
        }
    }
    upgrade
}

/// Whether `Connection` says `close` or `keep-alive`, as nearly all do, and there is no header of
/// that name.
fn names_no_other(headers: &HeaderMap, present: Present) -> bool {
    let mut lines = headers.get_all(CONNECTION).iter();
    let (Some(only), None) = (lines.next(), lines.next()) else { return false };
    let only = only.as_bytes();
    !present.any(Present::HOP)
        && (only.eq_ignore_ascii_case(b"close") || only.eq_ignore_ascii_case(b"keep-alive"))
}

fn port(headers: &HeaderMap, tls: bool, host: Option<&HeaderValue>) -> HeaderValue {
    if let Some(port) = host.and_then(|host| host_port(host.as_bytes())) {
        return HeaderValue::from_bytes(port).unwrap_or_else(|_| HeaderValue::from_static("80"));
    }
    let secure =
        tls || headers.get(FORWARDED_PROTO).is_some_and(|proto| proto == "https" || proto == "wss");
    HeaderValue::from_static(if secure { "443" } else { "80" })
}

/// The digits after the last `:` that is not inside brackets.
pub fn host_port(host: &[u8]) -> Option<&[u8]> {
    let colon = host.iter().rposition(|byte| *byte == b':')?;
    let (name, port) = (host.get(..colon)?, host.get(colon + 1..)?);
    let plain = !name.contains(&b':') || name.ends_with(b"]");
    (plain && !port.is_empty() && port.iter().all(u8::is_ascii_digit)).then_some(port)
}

/// Removes the headers that the entry point's alias strategy removes. False: it refuses the request.
pub fn treat_aliases(headers: &mut HeaderMap, strategy: AliasHeaders) -> bool {
    let (underscore_only, reject) = match strategy {
        AliasHeaders::Keep => return true,
        AliasHeaders::Delete { underscore_only } => (underscore_only, false),
        AliasHeaders::Reject { underscore_only } => (underscore_only, true),
    };
    let is_alias = |name: &HeaderName| {
        name.as_str().bytes().any(|byte| {
            byte == b'_' || (!underscore_only && !byte.is_ascii_alphanumeric() && byte != b'-')
        })
    };
    while let Some(name) = headers.keys().find(|name| is_alias(name)).cloned() {
        if reject {
            return false;
        }
        headers.remove(name);
    }
    true
}

/// Removes what a CGI-style server takes for one of these headers, such as `X_User` for `x-user`:
/// of what such a server makes of both, the client's could win.
pub fn remove_aliases(headers: &mut HeaderMap, of: impl Fn(&str) -> bool) {
    if !headers.keys().any(has_alias_character) {
        return;
    }
    // One pass: a client may send thousands.
    let is_alias = |name: &&HeaderName| has_alias_character(name) && of(name.as_str());
    let aliases: Vec<HeaderName> = headers.keys().filter(is_alias).cloned().collect();
    for name in aliases {
        headers.remove(name);
    }
}

/// Whether the name has another character than letters, digits and `-`.
pub fn has_alias_character(name: &HeaderName) -> bool {
    name.as_str().bytes().any(|byte| !byte.is_ascii_alphanumeric() && byte != b'-')
}

/// Whether two names, in lower case, are one to a CGI-style server (RFC 3875 section 4.1.18).
pub fn are_aliases(one: &str, other: &str) -> bool {
    let folds =
        |(a, b): (u8, u8)| a == b || !a.is_ascii_alphanumeric() && !b.is_ascii_alphanumeric();
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(folds)
}

/// Whether the framing is one that we understand: no `Transfer-Encoding`, or one line that says
/// `chunked`. Passing on what another reads differently is how requests are smuggled (RFC 9112
/// section 11.2).
pub fn is_framing_clear(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(TRANSFER_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => true,
        (Some(only), None) => only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// Whether these credentials or this challenge belong to a connection instead of a request: NTLM
/// and Negotiate (RFC 4559 section 6). Such a connection to a server is one client's own.
pub fn are_of_connection(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().any(|value| {
        let scheme = value.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate")
    })
}

/// A request that could have a body says that it has none (RFC 9110 section 8.6).
pub fn announce_empty_body(headers: &mut HeaderMap, method: &Method) {
    if matches!(*method, Method::POST | Method::PUT | Method::PATCH)
        && !headers.contains_key(CONTENT_LENGTH)
    {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

/// Prepares a request's headers for the server: hop-by-hop headers go, the peer is appended to
/// `X-Forwarded-For` if it `appends`. Returns what the headers had before.
pub fn depart(
    headers: &mut HeaderMap,
    connection: &Connection,
    upgrade: Option<&Upgrade>,
    appends: bool,
) -> Present {
    let present = Present::of(headers);
    if present.any(HOP_BY_HOP) {
        remove_from_request(headers, connection, present);
    }
    if let Some(Upgrade(protocol)) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, protocol.clone());
    }
    if appends && connection.settings.append_forwarded_for {
        if present.any(Present::FORWARDED_FOR) {
            append_forwarded_for(headers, &connection.peer_value);
        } else {
            headers.insert(FORWARDED_FOR, connection.peer_value.clone());
        }
    }
    join_cookies(headers, connection);
    present
}

/// What goes no further than one connection.
const HOP_BY_HOP: Present = Present::CONNECTION
    .and(Present::HOP)
    .and(Present::TE)
    .and(Present::TRANSFER_ENCODING)
    .and(Present::TRAILER);

fn remove_from_request(headers: &mut HeaderMap, connection: &Connection, present: Present) {
    remove_kept(headers, connection, present);
    let trailers = present.any(Present::TE)
        && headers.get_all(TE).iter().any(|te| {
            te.as_bytes()
                .split(|byte| *byte == b',')
                .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
        });
    remove_hop_by_hop(headers, present);
    if present.any(Present::TRAILER) {
        headers.remove(TRAILER);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Names that the entry point kept for the middlewares are removed now.
fn remove_kept(headers: &mut HeaderMap, connection: &Connection, present: Present) {
    if !present.any(Present::CONNECTION) || names_no_other(headers, present) {
        return;
    }
    let lines: Vec<HeaderValue> = headers.get_all(CONNECTION).iter().cloned().collect();
    for option in lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b',')) {
        if let Ok(name) = HeaderName::from_bytes(option.trim_ascii())
            && connection.settings.kept_connection_headers.contains(&name)
        {
            headers.remove(name);
        }
    }
}

/// Takes from the copy of a request's headers what another request that is made of them must not
/// carry: all that is about this connection, this body, an upgrade. Credentials for a proxy stay
/// (RFC 9110 section 11.7.2), and `TE`.
pub fn leave_message(headers: &mut HeaderMap, connection: &Connection) {
    let present = Present::of(headers);
    remove_kept(headers, connection, present);
    for name in [CONNECTION, CONTENT_LENGTH, KEEP_ALIVE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
}

/// Removes the hop-by-hop headers of a request or an answer that has those of `present`. `Trailer`
/// is left: an answer's trailers are passed on.
fn remove_hop_by_hop(headers: &mut HeaderMap, present: Present) {
    if present.any(Present::CONNECTION) {
        headers.remove(CONNECTION);
    }
    if present.any(Present::TRANSFER_ENCODING) {
        headers.remove(TRANSFER_ENCODING);
        // Chunked wins; two framings must not leave together.
        headers.remove(CONTENT_LENGTH);
    }
    if present.any(Present::TE) {
        headers.remove(TE);
    }
    if present.any(Present::HOP) {
        for name in [KEEP_ALIVE, PROXY_CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, UPGRADE]
        {
            headers.remove(name);
        }
    }
}

/// Cleans an answer's headers for the client; `present` is what they have.
pub fn clean_answer(headers: &mut HeaderMap, present: Present) {
    if !present.any(HOP_BY_HOP) {
        return;
    }
    if present.any(Present::CONNECTION) && !names_no_other(headers, present) {
        let lines: Vec<HeaderValue> = headers.get_all(CONNECTION).iter().cloned().collect();
        for option in lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b',')) {
            if let Ok(name) = HeaderName::from_bytes(option.trim_ascii())
                && name != CONTENT_LENGTH
            {
                headers.remove(name);
            }
        }
    }
    remove_hop_by_hop(headers, present);
}

/// Makes several lines of `X-Forwarded-For` one: proxies add themselves behind all of them, some by
/// a line of their own, and whoever asks for the last entry must not be shown the client's.
fn join_forwarded_for(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(FORWARDED_FOR).iter();
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    for line in std::iter::once(second).chain(lines) {
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(line.as_bytes());
    }
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(FORWARDED_FOR, value);
    }
}

/// Appends the peer to `X-Forwarded-For`.
pub fn append_forwarded_for(headers: &mut HeaderMap, peer: &HeaderValue) {
    let mut lines = headers.get_all(FORWARDED_FOR).iter();
    let value = match lines.next() {
        None => peer.clone(),
        Some(first) => {
            let mut joined = first.as_bytes().to_vec();
            for line in lines {
                joined.extend_from_slice(b", ");
                joined.extend_from_slice(line.as_bytes());
            }
            if !joined.is_empty() {
                joined.extend_from_slice(b", ");
            }
            joined.extend_from_slice(peer.as_bytes());
            HeaderValue::from_bytes(&joined).unwrap_or_else(|_| peer.clone())
        }
    };
    headers.insert(FORWARDED_FOR, value);
}

/// HTTP/2 clients may split `Cookie`; HTTP/1.1 wants it whole (RFC 9113 section 8.2.3).
pub fn join_cookies(headers: &mut HeaderMap, connection: &Connection) {
    if !connection.multiplexed.get() {
        return;
    }
    let mut lines = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    for line in std::iter::once(second).chain(lines) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(line.as_bytes());
    }
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_hosts() {
        let table: &[(&str, Option<&str>)] = &[
            ("a.test", None),
            ("a.test:81", Some("81")),
            ("a.test:", None),
            ("a.test:x", None),
            ("[::1]", None),
            ("[::1]:82", Some("82")),
            ("::1", None),
            ("", None),
        ];
        for (host, expected) in table {
            assert_eq!(host_port(host.as_bytes()), expected.map(str::as_bytes), "{host}");
        }
    }

    #[test]
    fn managed_headers_go_in_both_spellings() {
        let mut headers = HeaderMap::new();
        for name in MANAGED {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("x"));
            let alias = HeaderName::from_bytes(name.replace('-', "_").as_bytes()).expect("valid");
            headers.append(alias, HeaderValue::from_static("x"));
        }
        headers.append("x-forwarded-user", HeaderValue::from_static("kept"));
        headers.append("x.forwarded.for", HeaderValue::from_static("kept"));
        remove_managed(&mut headers);
        assert_eq!(headers.len(), 2, "{headers:?}");
    }

    #[test]
    fn aliases() {
        let table = [
            ("x-user", "x_user", true),
            ("x-user", "x.user", true),
            ("x-user", "x~user", true),
            ("x-user", "xuser", false),
            ("x-user", "x-users", false),
            ("x-user", "xauser", false),
        ];
        for (one, other, expected) in table {
            assert_eq!(are_aliases(one, other), expected, "{one} {other}");
        }
        let mut headers = HeaderMap::new();
        for name in ["x-user", "x_user", "x.user", "x_other", "x"] {
            headers.append(name, HeaderValue::from_static("v"));
        }
        remove_aliases(&mut headers, |name| are_aliases(name, "x-user"));
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x", "x-user", "x_other"]);
    }

    #[test]
    fn framing() {
        let table: &[(&[&str], bool)] = &[
            (&[], true),
            (&["chunked"], true),
            (&["Chunked"], true),
            (&["gzip, chunked"], false),
            (&["identity"], false),
            (&["chunked", "chunked"], false),
            (&["chunked, chunked"], false),
            (&[""], false),
        ];
        for (lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append(TRANSFER_ENCODING, HeaderValue::from_static(line));
            }
            assert_eq!(is_framing_clear(&headers), *expected, "{lines:?}");
        }
    }

    #[test]
    fn alias_strategies() {
        let names = ["x-a", "x_a", "x.a", "x~a"];
        let table = [
            (AliasHeaders::Keep, Some(4)),
            (AliasHeaders::Delete { underscore_only: false }, Some(1)),
            (AliasHeaders::Delete { underscore_only: true }, Some(3)),
            (AliasHeaders::Reject { underscore_only: true }, None),
            (AliasHeaders::Reject { underscore_only: false }, None),
        ];
        for (strategy, expected) in table {
            let mut headers: HeaderMap = names
                .iter()
                .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("v")))
                .collect();
            let left = treat_aliases(&mut headers, strategy).then(|| headers.len());
            assert_eq!(left, expected, "{strategy:?}");
        }
    }

    #[test]
    fn upgrades() {
        let table: &[(&[&str], Option<&str>)] = &[
            (&[], None),
            (&[""], None),
            (&["WebSocket"], Some("WebSocket")),
            (&["foo/1,  bar"], Some("foo/1,  bar")),
            (&["h2c"], None),
            (&["H2C", "h2c"], None),
            (&["websocket, h2c"], Some("websocket")),
            (&["TLS/1.2, HTTP/1.1"], None),
            (&["a", "HTTP/2.0", "b"], Some("a, b")),
        ];
        for (lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append(UPGRADE, HeaderValue::from_static(line));
            }
            let expected = expected.map(|value| Upgrade(HeaderValue::from_static(value)));
            assert_eq!(Upgrade::asked(&headers), expected, "{lines:?}");
        }
        let upgrade = Upgrade(HeaderValue::from_static("foo/1, WebSocket"));
        assert!(upgrade.names(b"FOO/1") && upgrade.is_websocket() && !upgrade.names(b"foo"));
        assert!(!upgrade.names(b""));
    }

    #[test]
    fn credentials_of_connections() {
        use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
        let table: &[(&[&str], bool)] = &[
            (&[], false),
            (&["Basic abc"], false),
            (&["NTLM"], true),
            (&["Basic realm=a", "Negotiate"], true),
            (&["negotiate TlRM"], true),
            (&["NTLMv9 x"], false),
        ];
        for (lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(line));
            }
            assert_eq!(are_of_connection(&headers, &WWW_AUTHENTICATE), *expected, "{lines:?}");
            assert!(!are_of_connection(&headers, &AUTHORIZATION));
        }
    }

    #[test]
    fn forwarded_for_is_joined_and_appended() {
        let mut headers = HeaderMap::new();
        let peer = HeaderValue::from_static("9.9.9.9");
        append_forwarded_for(&mut headers, &peer);
        assert_eq!(headers[FORWARDED_FOR], "9.9.9.9");
        headers.insert(FORWARDED_FOR, HeaderValue::from_static("a"));
        headers.append(FORWARDED_FOR, HeaderValue::from_static("b"));
        append_forwarded_for(&mut headers, &peer);
        assert_eq!(headers[FORWARDED_FOR], "a, b, 9.9.9.9");
    }

    #[test]
    fn lines_of_forwarded_for_become_one() {
        let table: &[(&[&str], &[&str])] = &[
            (&[], &[]),
            (&["a"], &["a"]),
            (&["a, b"], &["a, b"]),
            (&["a", "b"], &["a, b"]),
            (&["a, b", "", "c"], &["a, b, , c"]),
        ];
        for (lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
            }
            join_forwarded_for(&mut headers);
            let left: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
            assert_eq!(left, *expected, "{lines:?}");
        }
    }
}
