//! The requests, one line each, by feature.

mod access;
mod asks;
mod bodies;
mod elsewhere;
mod grpc_web;
mod headers;
mod layers;
mod lists;
mod options;
mod pages;
mod rules;
mod tls;
mod trailers;
mod tries;
mod v2_hosts;

use std::time::Duration;

use swarmgate_testkit::client::{Client, Greeting, TlsClient};

use crate::outcome;
use crate::setup::{Side, World};

/// One request and where it goes.
pub struct Case {
    pub name: &'static str,
    entry_point: &'static str,
    /// TLS with this server name; empty: TLS without one.
    tls: Option<&'static str>,
    /// What a TLS client brings, as [`greeting`] reads it.
    brings: &'static str,
    request: Vec<u8>,
}

/// How a TLS client greets that brings these things.
fn greeting<'w>(brings: &str, world: &'w World) -> Greeting<'w> {
    let mut greeting = Greeting::default();
    for thing in brings.split_whitespace() {
        match thing {
            "1.2" => greeting.version = "1.2",
            "1.3" => greeting.version = "1.3",
            "h2" => greeting.protocols = &["h2", "http/1.1"],
            "foo" => greeting.protocols = &["foo"],
            "none" => greeting.protocols = &[],
            identity => greeting.identity = Some(world.identity(identity)),
        }
    }
    greeting
}

impl Case {
    /// Sends the request and tells what came of it.
    pub fn run(&self, side: &Side, world: &World) -> Vec<String> {
        let address = ("127.0.0.1", side.port(self.entry_point));
        let mut certificate = None;
        let result = match self.tls {
            None => Client::connect(address),
            Some(name) => TlsClient::new(greeting(self.brings, world))
                .and_then(|client| client.connect(address, name)),
        }
        .and_then(|mut client| {
            client.set_timeout(Duration::from_secs(12))?;
            certificate = client.certificate().map(<[u8]>::to_vec);
            client.exchange(&self.request)
        });
        let mut lines = outcome::lines(side, result);
        if let Some(der) = certificate {
            let ours = der == world.certificate.der;
            lines.push(format!("certificate: {}", if ours { "tls.pem" } else { "another" }));
        }
        lines
    }
}

/// `GET /path host.test | Name: value | …`; a part that begins with `=` is the body.
fn expand(line: &str) -> Vec<u8> {
    let mut parts = line.split(" | ");
    let mut words = parts.next().unwrap_or_default().split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (method, target, host) = (word(), word(), word());
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
    let mut body = "";
    for part in parts {
        match part.strip_prefix('=') {
            Some(text) => {
                body = text;
                head.push_str(&format!("Content-Length: {}\r\n", body.len()));
            }
            None => head.push_str(&format!("{part}\r\n")),
        }
    }
    format!("{head}\r\n{body}").into_bytes()
}

fn plain(entry_point: &'static str, cases: &[(&'static str, &str)]) -> Vec<Case> {
    let case = |(name, line): &(&'static str, &str)| Case {
        name,
        entry_point,
        tls: None,
        brings: "",
        request: expand(line),
    };
    cases.iter().map(case).collect()
}

fn over_tls(cases: &[(&'static str, &'static str, &'static str, &str)]) -> Vec<Case> {
    let case =
        |(name, entry_point, server, line): &(&'static str, &'static str, &'static str, &str)| {
            let request = expand(line);
            Case { name, entry_point, tls: Some(server), brings: "", request }
        };
    cases.iter().map(case).collect()
}

fn greeted(cases: &[(&'static str, &'static str, &'static str, &str)]) -> Vec<Case> {
    let case = |(name, server, brings, line): &(&'static str, &'static str, &'static str, &str)| {
        let request = expand(line);
        Case { name, entry_point: "secure", tls: Some(server), brings, request }
    };
    cases.iter().map(case).collect()
}

/// Bytes as they are; `\n` stands for CR LF.
fn bytes(cases: &[(&'static str, &str)]) -> Vec<Case> {
    let case = |(name, text): &(&'static str, &str)| Case {
        name,
        entry_point: "web",
        tls: None,
        brings: "",
        request: text.replace('\n', "\r\n").replace('\u{1}', "\n").into_bytes(),
    };
    cases.iter().map(case).collect()
}

/// All cases.
pub fn all() -> Vec<Case> {
    let mut all = Vec::new();
    all.extend(plain("web", RULES));
    all.extend(plain("web", PATHS));
    all.extend(plain("raw", RAW_PATHS));
    all.extend(plain("web", rules::V2));
    all.extend(plain("web", rules::V3));
    all.extend(plain("web", rules::OPTIONS));
    all.extend(plain("trusted", rules::OTHER_ENTRY_POINT));
    all.extend(plain("web", layers::PLAIN));
    all.extend(over_tls(layers::TLS));
    all.extend(plain("web", v2_hosts::LAYERS));
    all.extend(greeted(v2_hosts::OPTIONS));
    all.extend(plain("web", lists::PLAIN));
    all.extend(plain("trusted", lists::TRUSTED));
    all.extend(greeted(lists::OPTIONS));
    all.extend(plain("web", MIDDLEWARES));
    all.extend(plain("web", headers::PLAIN));
    all.extend(plain("trusted", headers::TRUSTED));
    all.extend(plain("web", asks::PLAIN));
    all.extend(plain("trusted", asks::TRUSTED));
    all.extend(plain("keepconn", asks::KEPT));
    all.extend(over_tls(asks::TLS));
    all.extend(plain("web", pages::PLAIN));
    all.extend(plain("web", &[("pages: endless URL", &pages::endless())]));
    all.extend(plain("trusted", pages::TRUSTED));
    all.extend(over_tls(headers::TLS));
    all.extend(plain("web", access::PLAIN));
    all.extend(plain("trusted", access::TRUSTED));
    all.extend(plain("web", options::PLAIN));
    all.extend(plain("trusted", options::TRUSTED));
    all.extend(over_tls(options::TLS));
    all.extend(plain("web", bodies::NEGOTIATION));
    for (name, line) in bodies::compress() {
        all.extend(plain("web", &[(name.leak(), &line)]));
    }
    all.extend(plain("web", bodies::CONTENT_TYPE));
    all.extend(plain("web", AUTH));
    all.extend(plain("web", tries::RETRY));
    all.extend(plain("web", tries::CIRCUIT_BREAKER));
    all.extend(plain("web", tries::BUFFERING));
    all.extend(bytes(tries::BYTES));
    all.extend(plain("web", trailers::PLAIN));
    all.extend(plain("web", FORWARDING));
    all.extend(plain("web", ANSWERS));
    all.extend(plain("web", FAILURES));
    for (entry_point, cases) in ENTRY_POINTS {
        all.extend(plain(entry_point, cases));
    }
    all.extend(over_tls(TLS));
    all.extend(greeted(tls::OPTIONS));
    all.extend(plain("web", tls::PLAIN));
    all.extend(plain("trusted", tls::TRUSTED));
    all.extend(plain("web", grpc_web::PLAIN));
    all.extend(bytes(BYTES));
    let many: String = (0..150).map(|number| format!(" | X-{number}: v")).collect();
    all.push(Case {
        name: "forward: many header lines",
        entry_point: "web",
        tls: None,
        brings: "",
        request: expand(&format!("GET / host.test{many}")),
    });
    all.push(Case {
        name: "ep: head too large",
        entry_point: "small",
        tls: None,
        brings: "",
        request: expand(&format!("GET / host.test | X-Big: {}", "x".repeat(8000))),
    });
    all.push(Case {
        name: "ep: head just fits",
        entry_point: "small",
        tls: None,
        brings: "",
        request: expand(&format!("GET / host.test | X-Big: {}", "x".repeat(5000))),
    });
    all
}

/// Those for the proxies of `elsewhere.rs`.
pub fn elsewhere() -> Vec<Case> {
    let plain = elsewhere::PLAIN.iter().flat_map(|(entry_point, cases)| plain(entry_point, cases));
    plain.chain(over_tls(elsewhere::TLS)).collect()
}

const RULES: &[(&str, &str)] = &[
    ("rule: host", "GET / host.test"),
    ("rule: host in other case, with a port", "GET / HOST.Test:81"),
    ("rule: host of the rule in upper case", "GET / upper.test"),
    ("rule: host with a trailing dot", "GET / host.test."),
    ("rule: host with a trailing dot and a port", "GET / host.test.:80"),
    ("rule: host with two trailing dots", "GET / host.test.."),
    ("rule: trailing dot in the rule", "GET / dot.test"),
    ("rule: IPv6 host", "GET / [::1]"),
    ("rule: IPv6 host with a port", "GET / [::1]:8080"),
    ("rule: unknown host", "GET / unknown.test"),
    ("rule: wildcard host", "GET / a.wild.test"),
    ("rule: wildcard host, two labels", "GET / a.b.wild.test"),
    ("rule: wildcard host, none", "GET / wild.test"),
    ("rule: host by regular expression", "GET / re-abc.test"),
    ("rule: host by regular expression, upper case", "GET / RE-ABC.test"),
    ("rule: host by regular expression, trailing dot", "GET / re-abc.test."),
    ("rule: host by regular expression, no match", "GET / re-1.test"),
    ("rule: path", "GET /exact p.test"),
    ("rule: path with a query", "GET /exact?a=b p.test"),
    ("rule: path, longer", "GET /exact/ p.test"),
    ("rule: path prefix", "GET /prefix/x p.test"),
    ("rule: path prefix, other case", "GET /PRE p.test"),
    ("rule: path prefix with a blank", "GET /foo%20bar p.test"),
    ("rule: path prefix with a blank, plus", "GET /foo+bar p.test"),
    ("rule: escaped slash in the rule", "GET /enc%2fslash/x p.test"),
    ("rule: escaped slash in the rule, real one", "GET /enc/slash p.test"),
    ("rule: letters outside ASCII", "GET /%c3%a9 p.test"),
    ("rule: path by regular expression", "GET /a/b.png p.test"),
    ("rule: path by regular expression, no match", "GET /a/b.gif p.test"),
    ("rule: method", "POST / m.test | =x"),
    ("rule: method, other", "GET / m.test"),
    ("rule: method, made up", "FOO / m.test"),
    ("rule: header", "GET / h.test | X-KEY: v"),
    ("rule: header, other case of the value", "GET / h.test | X-Key: V"),
    ("rule: header, second line", "GET / h.test | X-Key: w | X-Key: v"),
    ("rule: header, list", "GET / h.test | X-Key: w, v"),
    ("rule: header by regular expression", "GET / h.test | X-Key: regular"),
    ("rule: header absent", "GET / h.test"),
    ("rule: headers of our own are matched", "GET / proto.test"),
    ("rule: query", "GET /?k=v q.test"),
    ("rule: query, escaped", "GET /?%6b=%76 q.test"),
    ("rule: query, second value", "GET /?k=w&k=v q.test"),
    ("rule: query, after a semicolon", "GET /?a=b;k=v q.test"),
    ("rule: query, other value", "GET /?k=x q.test"),
    ("rule: query flag", "GET /?flag q.test"),
    ("rule: query flag, empty", "GET /?flag= q.test"),
    ("rule: query flag, with a value", "GET /?flag=1 q.test"),
    ("rule: query by regular expression", "GET /?n=123 q.test"),
    ("rule: query by regular expression, no match", "GET /?n=12x q.test"),
    ("rule: client address", "GET / c.test"),
    ("rule: client address, other", "GET / c2.test"),
    ("rule: client address is not X-Forwarded-For", "GET / c2.test | X-Forwarded-For: 10.0.0.1"),
    ("rule: not", "GET /public n.test"),
    ("rule: not, refused", "GET /private/x n.test"),
    ("rule: not an or", "GET /c n2.test"),
    ("rule: not an or, refused", "GET /b n2.test"),
    ("rule: or", "GET /x o.test"),
    ("rule: or binds weaker than and", "GET /x o2.test"),
    ("rule: or, and both", "GET /and o2.test"),
    ("rule: spellings, strings, comments", "GET /esc sp.test"),
    ("priority: longer rule first", "GET /a prio.test"),
    ("priority: the rest", "GET /b prio.test"),
    ("priority: as given", "GET /a/b prio.test"),
    ("priority: length, not exactness", "GET /c x.test"),
    ("priority: negative is last", "GET /a/very/long/one neg.test"),
    ("broken: entry point unknown", "GET / eponly.test"),
    ("broken: one entry point unknown", "GET / ephalf.test"),
    ("broken: middleware with bad options", "GET / alone.test"),
    ("broken: no service", "GET / noservice.test"),
    ("broken: chain of chains", "GET / loop.test"),
    ("tls routers are not for plain requests", "GET / tls.test"),
];

const PATHS: &[(&str, &str)] = &[
    ("path: double slash", "GET /a//b host.test"),
    ("path: dot", "GET /a/./b host.test"),
    ("path: dots", "GET /a/../b host.test"),
    ("path: escaped dots", "GET /a/%2e%2E/b host.test"),
    ("path: above the root", "GET /../../x host.test"),
    ("path: dot at the end", "GET /a/. host.test"),
    ("path: dots at the end", "GET /a/.. host.test"),
    ("path: slashes everywhere", "GET //a//b// host.test"),
    ("path: escaped slash and dots", "GET /a/%2F/../b host.test"),
    ("path: escapes in lower case", "GET /a%2fb%3a host.test"),
    ("path: unreserved escapes", "GET /%66oo%7E host.test"),
    ("path: escape of zero", "GET /a%00b host.test"),
    ("path: escape of a byte outside UTF-8", "GET /a%FFb host.test"),
    ("path: raw punctuation", "GET /a!$&'()*+,;=:@[]b host.test"),
    ("path: raw characters that browsers send", "GET /a|b^c\"d{e}f\\g host.test"),
    ("path: raw characters that nobody sends", "GET /a<b>c`d host.test"),
    ("path: raw letters outside ASCII", "GET /é host.test"),
    ("path: bad escape", "GET /a%zz host.test"),
    ("path: cut escape", "GET /a%2 host.test"),
    ("path: number sign", "GET /a#b host.test"),
    ("query: raw characters that browsers send", "GET /?a=b|c^d`e{f}g\\h'i host.test"),
    ("query: raw characters that nobody sends", "GET /?a=\"<> host.test"),
    ("query: bad escape", "GET /?a=%zz&b=%20+%2 host.test"),
    ("query: raw letters outside ASCII", "GET /?a=é host.test"),
    ("query: lone question mark", "GET /x? host.test"),
    ("query: semicolons", "GET /?a;b=1;c host.test"),
    ("query: second question mark", "GET /?a=?b host.test"),
    ("query: dots are no path", "GET /a?x=/../b//c host.test"),
    ("target: absolute", "GET http://host.test/abs?q other.test"),
    ("target: absolute without a path", "GET http://host.test other.test"),
    ("target: absolute, a query without a path", "GET http://host.test?q=1 other.test"),
    ("target: absolute with another scheme", "GET https://host.test/abs other.test"),
];

const RAW_PATHS: &[(&str, &str)] = &[
    ("raw path: double slash", "GET /a//b host.test"),
    ("raw path: dots", "GET /a/../b host.test"),
    ("raw path: escaped dots", "GET /a/%2e%2e/b host.test"),
    ("raw path: above the root", "GET /../../x host.test"),
    ("raw path: escapes in lower case", "GET /a%2fb host.test"),
];

const MIDDLEWARES: &[(&str, &str)] = &[
    ("redirectRegex: permanent", "GET /a?b=c www.re.test"),
    ("redirectRegex: permanent, POST", "POST /a www.re.test | =x"),
    ("redirectRegex: permanent, HEAD", "HEAD /a www.re.test"),
    ("redirectRegex: port of the request", "GET /a www.re.test:81"),
    ("redirectRegex: host in another case", "GET /a WWW.re.test"),
    ("redirectRegex: temporary", "GET /a/b temp.re.test"),
    ("redirectRegex: temporary, PUT", "PUT /a/b temp.re.test | =x"),
    ("redirectRegex: sanitised path, raw query", "GET /a//b/../c?x=/../y;z temp.re.test"),
    ("redirectRegex: relative", "GET /a rel.re.test"),
    ("redirectRegex: blanks", "GET /a blank.re.test"),
    ("redirectRegex: no match", "GET /a none.re.test"),
    ("redirectRegex: same as before", "GET /a same.re.test"),
    ("redirectRegex: not a URL", "GET /a bad.re.test"),
    ("redirectRegex: all matches", "GET /x/x all.re.test"),
    ("redirectRegex: named groups", "GET /r named.re.test"),
    ("redirectRegex: escapes kept", "GET /a%2Fb%20c temp.re.test"),
    ("redirectScheme: GET", "GET /a?b rs.test"),
    ("redirectScheme: POST", "POST /a?b rs.test | =x"),
    ("redirectScheme: port of the request", "GET /a rs.test:8080"),
    ("redirectScheme: other port", "GET /a rsp.test:81"),
    ("redirectScheme: permanent, known port", "GET /a rsq.test"),
    ("redirectScheme: permanent, DELETE", "DELETE /a rsq.test"),
    ("redirectScheme: http to http", "GET /a rsh.test"),
    ("redirectScheme: untrusted proto", "GET /a rs.test | X-Forwarded-Proto: https"),
    ("redirectScheme: upper case host", "GET /a RS.test"),
    ("stripPrefix", "GET /foo/bar?q st.test"),
    ("stripPrefix: not there", "GET /bar st.test"),
    ("stripPrefix: whole", "GET /foo st.test"),
    ("stripPrefix: whole with slash", "GET /foo/ st.test"),
    ("stripPrefix: within a segment", "GET /foobar st.test"),
    ("stripPrefix: before a dot", "GET /foo.bar st.test"),
    ("stripPrefix: escapes survive", "GET /foo/a%2Fb%20c st.test"),
    ("stripPrefix: escaped slash after it", "GET /foo%2Fbar st.test"),
    ("stripPrefix: dots after it", "GET /foo/../bar st.test"),
    ("stripPrefix: dots without slash after it", "GET /foo..%2Fbar st.test"),
    ("stripPrefix: untrusted prefix header", "GET /foo/x st.test | X-Forwarded-Prefix: /evil"),
    ("stripPrefix: first of the list", "GET /barista/x sto.test"),
    ("stripPrefix: trimmed", "GET /trim/x sto.test"),
    ("stripPrefix: two", "GET /foo/bar/x stt.test"),
    ("addPrefix", "GET /x?q add.test"),
    ("addPrefix: escapes survive", "GET /a%2Fb add.test"),
    ("addPrefix: root", "GET / add.test"),
    ("addPrefix: without slash", "GET /x addb.test"),
    ("addPrefix: with two slashes", "GET /x adds.test"),
    ("addPrefix: escape in the prefix", "GET /x adde.test"),
    ("addPrefix: escape in the prefix and path", "GET /x%2Fy adde.test"),
    ("strip, then add", "GET /foo/x sa.test"),
    ("headers: set and removed", "GET / hd.test | X-Set: old | X-Set: older | X-Gone: here"),
    (
        "headers: of the answer",
        "GET / hd.test | X-Do: header X-Secret: s | X-Do: header X-Many: 1 | X-Do: header X-Many: 2",
    ),
    ("headers: of an error", "GET / hd.test | X-Do: status 500 | X-Do: body broken"),
    ("headers: host", "GET / hh.test"),
    ("headers: X-Forwarded-For removed", "GET / hx.test"),
    ("headers: of our own answer", "GET / h404.test"),
    ("headers: of a later redirection", "GET / hr.test"),
    ("chain", "GET /foo/x ch.test"),
    ("chain in a chain", "GET /foo/x chd.test"),
    ("stripPrefixRegex", "GET /v12/x?q=1 sre.test"),
    ("stripPrefixRegex: no segment", "GET /v1x sre.test"),
    ("stripPrefixRegex: all of it", "GET /v1 sre.test"),
    ("stripPrefixRegex: second", "GET /foo/abc/x sre.test"),
    ("stripPrefixRegex: none", "GET /bar sre.test"),
    ("stripPrefixRegex: found elsewhere", "GET /a/b sref.test"),
    ("stripPrefixRegex: found at the beginning", "GET /bbb/b sref.test"),
    ("stripPrefixRegex: escapes are kept", "GET /v1/a%2Fb sre.test"),
    ("stripPrefixRegex: not clean", "GET /v1../x sre.test"),
    ("stripPrefixRegex: spoofed prefix", "GET /v1/x sre.test | X-Forwarded-Prefix: /evil"),
    ("replacePath", "GET /old?q=1 rp.test"),
    ("replacePath: escapes are told", "GET /old/a%2Fb rp.test"),
    ("replacePath: told before", "GET /old rp.test | X-Replaced-Path: /evil"),
    ("replacePath: blank and question mark", "GET /old?r=2 rpo.test"),
    ("replacePath: empty", "GET /old?r=2 rpn.test"),
    ("replacePath: twice", "GET /old rpt.test"),
    ("replacePath: broken escape", "GET /old rpb.test"),
    ("replacePathRegex", "GET /foo/x?q=1 rpr.test"),
    ("replacePathRegex: no match", "GET /food/x rpr.test"),
    ("replacePathRegex: escapes", "GET /foo/a%2Fb%20c rpr.test"),
    ("replacePathRegex: not clean", "GET /foo/%2F..%2Fx rpr.test"),
    ("replacePathRegex: all matches", "GET /aaa rpra.test"),
    ("replacePathRegex: up", "GET /e rpru.test"),
    ("replacePathRegex: question mark", "GET /e/f?g rprq.test"),
    ("replacePathRegex: nothing left", "GET /e?g rprn.test"),
    ("encodedCharacters: none", "GET /a/b?x=%2F ec.test"),
    ("encodedCharacters: slash", "GET /a%2Fb ec.test"),
    ("encodedCharacters: slash in lower case", "GET /a%2fb ec.test"),
    ("encodedCharacters: backslash", "GET /a%5Cb ec.test"),
    ("encodedCharacters: raw backslash", "GET /a\\b ec.test"),
    ("encodedCharacters: null", "GET /a%00 ec.test"),
    ("encodedCharacters: semicolon", "GET /a%3Bb ec.test"),
    ("encodedCharacters: raw semicolon", "GET /a;b ec.test"),
    ("encodedCharacters: percent", "GET /a%2541 ec.test"),
    ("encodedCharacters: question mark", "GET /a%3Fb ec.test"),
    ("encodedCharacters: hash", "GET /a%23b ec.test"),
    ("encodedCharacters: blank", "GET /a%20b ec.test"),
    ("encodedCharacters: allowed slash", "GET /a%2Fb ecs.test"),
    ("encodedCharacters: allowed percent", "GET /a%2541 ecs.test"),
    ("encodedCharacters: not the others", "GET /a%23 ecs.test"),
    ("ipAllowList: in", "GET / al.test"),
    ("ipAllowList: out", "GET / aln.test"),
    ("ipAllowList: HEAD, out", "HEAD / aln.test"),
    ("ipAllowList: another code", "GET / alc.test"),
    ("ipAllowList: depth without a header", "GET / ald.test"),
    (
        "ipAllowList: depth and an untrusted header",
        "GET / ald.test | X-Forwarded-For: 10.0.0.1, 2.2.2.2",
    ),
    (
        "ipAllowList: excluding and an untrusted header",
        "GET / ale.test | X-Forwarded-For: 10.0.0.1, 192.168.1.1",
    ),
    ("ipAllowList: bad range", "GET / bal.test"),
    ("ipAllowList: no range", "GET / baln.test"),
    ("ipAllowList: bad code", "GET / balc.test"),
    ("ipWhiteList: out", "GET / wh.test"),
    ("inFlightReq: none", "GET / ifr.test"),
    ("inFlightReq: between others", "GET /foo/x ifo.test"),
    ("inFlightReq: before an answer", "GET /x ifa.test"),
    ("inFlightReq: two criteria", "GET / bif.test"),
    ("rateLimit: none", "GET / rln.test"),
    ("rateLimit: passes", "GET /foo/x rlh.test"),
    ("rateLimit: first", "GET / rls.test | X-Key: a"),
    ("rateLimit: second", "GET / rls.test | X-Key: a"),
    ("rateLimit: third", "GET / rls.test | X-Key: a"),
    ("rateLimit: third, HEAD", "HEAD / rls.test | X-Key: a"),
    ("rateLimit: first of another source", "GET / rls.test | X-Key: b"),
    ("rateLimit: first without a source", "GET / rls.test"),
    ("rateLimit: negative period", "GET / brp.test"),
    ("rateLimit: two criteria", "GET / brs.test"),
    ("stripPrefixRegex: bad pattern", "GET / bsre.test"),
    ("replacePathRegex: bad pattern", "GET / brpr.test"),
];

const AUTH: &[(&str, &str)] = &[
    ("basicAuth: nothing said", "GET /foo/x ba.test"),
    ("basicAuth: nothing said, HEAD", "HEAD /foo/x ba.test"),
    ("basicAuth: nothing said, POST", "POST /foo/x ba.test | =x"),
    ("basicAuth: apr1", "GET /foo/x ba.test | Authorization: Basic Ym9iOnNlY3JldA=="),
    ("basicAuth: MD5-crypt", "GET /foo/x ba.test | Authorization: Basic b25lOnNlY3JldA=="),
    ("basicAuth: SHA-1", "GET /foo/x ba.test | Authorization: Basic c2hhOnNlY3JldA=="),
    ("basicAuth: bcrypt 2a", "GET /foo/x ba.test | Authorization: Basic YjJhOnNlY3JldA=="),
    ("basicAuth: bcrypt 2b", "GET /foo/x ba.test | Authorization: Basic YjJiOnNlY3JldA=="),
    ("basicAuth: bcrypt 2x", "GET /foo/x ba.test | Authorization: Basic YjJ4OnNlY3JldA=="),
    ("basicAuth: bcrypt 2y", "GET /foo/x ba.test | Authorization: Basic YjJ5OnNlY3JldA=="),
    ("basicAuth: no such bcrypt", "GET /foo/x ba.test | Authorization: Basic YjJjOnNlY3JldA=="),
    ("basicAuth: bcrypt cut off", "GET /foo/x ba.test | Authorization: Basic c2hvcnQ6c2VjcmV0"),
    ("basicAuth: plain text", "GET /foo/x ba.test | Authorization: Basic cGxhaW46c2VjcmV0"),
    ("basicAuth: SHA-256 crypt", "GET /foo/x ba.test | Authorization: Basic Zml2ZTpzZWNyZXQ="),
    ("basicAuth: SHA-512 crypt", "GET /foo/x ba.test | Authorization: Basic c2l4OnNlY3JldA=="),
    ("basicAuth: salted SHA-1", "GET /foo/x ba.test | Authorization: Basic c3NoYTpzZWNyZXQ="),
    ("basicAuth: DES crypt", "GET /foo/x ba.test | Authorization: Basic ZGVzOnNlY3JldA=="),
    ("basicAuth: no hash", "GET /foo/x ba.test | Authorization: Basic bm9uZTpzZWNyZXQ="),
    ("basicAuth: no name", "GET /foo/x ba.test | Authorization: Basic OnNlY3JldA=="),
    ("basicAuth: listed twice", "GET /foo/x ba.test | Authorization: Basic dHdpY2U6c2VjcmV0"),
    ("basicAuth: blank in the name", "GET /foo/x ba.test | Authorization: Basic YSBiOnNlY3JldA=="),
    (
        "basicAuth: name in another case",
        "GET /foo/x ba.test | Authorization: Basic Qk9COnNlY3JldA==",
    ),
    ("basicAuth: unknown", "GET /foo/x ba.test | Authorization: Basic bm9ib2R5OnNlY3JldA=="),
    ("basicAuth: bcrypt, eight bits", "GET /foo/x ba.test | Authorization: Basic ZWlnaHQ6cMOkc3M="),
    ("basicAuth: no hash and no password", "GET /foo/x ba.test | Authorization: Basic bm9uZTo="),
    (
        "basicAuth: plain text, the same",
        "GET /foo/x ba.test | Authorization: Basic ZGVzOmFiSm5nZ3hoQi95V0k=",
    ),
    ("basicAuth: no password", "GET /foo/x ba.test | Authorization: Basic bm9wYXNzOg=="),
    ("basicAuth: no password, another", "GET /foo/x ba.test | Authorization: Basic bm9wYXNzOng="),
    ("basicAuth: bcrypt, wrong", "GET /foo/x ba.test | Authorization: Basic YjJ5OlNlY3JldA=="),
    ("basicAuth: apr1, wrong", "GET /foo/x ba.test | Authorization: Basic Ym9iOlNlY3JldA=="),
    ("basicAuth: SHA-1, wrong", "GET /foo/x ba.test | Authorization: Basic c2hhOlNlY3JldA=="),
    (
        "basicAuth: bcrypt, longer than it looks at",
        "GET /foo/x ba.test | Authorization: Basic YjJ5OnNlY3JldHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4",
    ),
    (
        "basicAuth: scheme in another case",
        "GET /foo/x ba.test | Authorization: bAsIC c2hhOnNlY3JldA==",
    ),
    ("basicAuth: two blanks", "GET /foo/x ba.test | Authorization: Basic  c2hhOnNlY3JldA=="),
    ("basicAuth: without padding", "GET /foo/x ba.test | Authorization: Basic c2hhOnNlY3JldA"),
    ("basicAuth: no colon", "GET /foo/x ba.test | Authorization: Basic c2hh"),
    ("basicAuth: no Base64", "GET /foo/x ba.test | Authorization: Basic sha:secret"),
    ("basicAuth: meaningless bits", "GET /foo/x ba.test | Authorization: Basic Ym9iOnNlY3JldB=="),
    ("basicAuth: nothing behind the scheme", "GET /foo/x ba.test | Authorization: Basic"),
    ("basicAuth: Bearer", "GET /foo/x ba.test | Authorization: Bearer c2hhOnNlY3JldA=="),
    ("basicAuth: Digest", "GET /foo/x ba.test | Authorization: Digest username=\"bob\""),
    (
        "basicAuth: twice, the first counts",
        "GET /foo/x ba.test | Authorization: Basic c2hhOnNlY3JldA== | Authorization: Basic c2hhOndyb25n",
    ),
    (
        "basicAuth: twice, the second does not",
        "GET /foo/x ba.test | Authorization: Basic c2hhOndyb25n | Authorization: Basic c2hhOnNlY3JldA==",
    ),
    (
        "basicAuth: as hop-by-hop",
        "GET /foo/x ba.test | Authorization: Basic c2hhOnNlY3JldA== | Connection: Authorization",
    ),
    ("basicAuth: realm", "GET /foo/x ba-realm.test"),
    ("basicAuth: realm, in", "GET /foo/x ba-realm.test | Authorization: Basic Ym9iOnNlY3JldA=="),
    (
        "basicAuth: header field",
        "GET /foo/x ba-field.test | Authorization: Basic Ym9iOnNlY3JldA== | X-Web-User: root | x-web-user: admin",
    ),
    (
        "basicAuth: header field, out",
        "GET /foo/x ba-field.test | Authorization: Basic Ym9iOng= | X-Web-User: root",
    ),
    (
        "basicAuth: header field dropped by Connection",
        "GET /foo/x ba-field.test | Authorization: Basic Ym9iOnNlY3JldA== | Connection: X-Web-User",
    ),
    (
        "basicAuth: header removed",
        "GET /foo/x ba-remove.test | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    (
        "basicAuth: header not removed, out",
        "GET /foo/x ba-remove.test | Authorization: Basic Ym9iOng=",
    ),
    ("basicAuth: file", "GET /foo/x ba-file.test | Authorization: Basic YW5uOnNlY3JldA=="),
    (
        "basicAuth: file, second line",
        "GET /foo/x ba-file.test | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    ("basicAuth: file, comment", "GET /foo/x ba-file.test | Authorization: Basic ZXZlOnNlY3JldA=="),
    ("basicAuth: file, wrong", "GET /foo/x ba-file.test | Authorization: Basic YW5uOng="),
    ("basicAuth: list over file", "GET /foo/x ba-over.test | Authorization: Basic YW5uOg=="),
    (
        "basicAuth: list over file, file's",
        "GET /foo/x ba-over.test | Authorization: Basic YW5uOnNlY3JldA==",
    ),
    (
        "basicAuth: list over file, other",
        "GET /foo/x ba-over.test | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    (
        "basicAuth: between others",
        "GET /foo/x ba-after.test | Authorization: Basic c2hhOnNlY3JldA==",
    ),
    ("basicAuth: between others, out", "GET /foo/x ba-after.test"),
    (
        "basicAuth: bad, no users",
        "GET /foo/x ba-bad-none.test | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    (
        "basicAuth: bad, no colon in the list",
        "GET /foo/x ba-bad-colon.test | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    (
        "basicAuth: bad, two colons",
        "GET /foo/x ba-bad-colons.test | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    (
        "basicAuth: bad, no file",
        "GET /foo/x ba-bad-file.test | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    ("digestAuth: bad, no realm", "GET /foo/x da-bad.test"),
    ("digestAuth: bad, no file", "GET /foo/x da-bad-file.test"),
];

const FORWARDING: &[(&str, &str)] = &[
    ("forward: GET", "GET /a/b?c=d host.test | User-Agent: me | Accept: */*"),
    ("forward: no user agent", "GET / host.test"),
    ("forward: HEAD", "HEAD / host.test | X-Do: body x"),
    ("forward: POST", "POST / host.test | =hello"),
    ("forward: POST without a body", "POST / host.test"),
    ("forward: POST of nothing", "POST / host.test | ="),
    ("forward: GET with a body", "GET / host.test | =hello"),
    ("forward: PUT", "PUT / host.test | =hello"),
    ("forward: DELETE", "DELETE / host.test"),
    ("forward: PATCH", "PATCH / host.test | =hello"),
    ("forward: OPTIONS", "OPTIONS / host.test"),
    ("forward: TRACE", "TRACE / host.test"),
    ("forward: made-up method", "BREW / host.test"),
    ("forward: method in lower case", "get / host.test"),
    ("forward: CONNECT", "CONNECT host.test:443 host.test:443"),
    ("forward: OPTIONS *", "OPTIONS * host.test"),
    ("forward: GET *", "GET * host.test"),
    ("forward: several lines of a name", "GET / host.test | X-A: 1 | x-a: 2 | X-A: 3"),
    ("forward: cookies", "GET / host.test | Cookie: a=b | Cookie: c=d; e=f"),
    ("forward: accept-encoding", "GET / host.test | Accept-Encoding: br"),
    ("forward: accept-encoding identity", "GET / host.test | Accept-Encoding: identity"),
    ("forward: range", "GET / host.test | Range: bytes=0-1"),
    ("forward: authorization", "GET / host.test | Authorization: Basic YTpi"),
    ("forward: proxy headers", "GET / host.test | Proxy-Authorization: x | Proxy-Connection: y"),
    ("forward: te", "GET / host.test | TE: gzip, trailers"),
    ("forward: te without trailers", "GET / host.test | TE: gzip"),
    ("forward: keep-alive", "GET / host.test | Keep-Alive: timeout=5"),
    (
        "forward: connection lists headers",
        "GET / host.test | Connection: X-A, x-b | X-A: 1 | X-B: 2",
    ),
    (
        "forward: connection cannot drop ours",
        "GET / host.test | Connection: X-Forwarded-For, X-Real-Ip, X-Forwarded-Host, Host",
    ),
    ("forward: connection close", "GET / host.test | Connection: close"),
    ("forward: upgrade not asked for", "GET / host.test | Upgrade: websocket"),
    (
        "forward: upgrade to h2c",
        "GET / host.test | Connection: Upgrade, HTTP2-Settings | Upgrade: h2c | HTTP2-Settings: AAMAAABkAAQAAP__",
    ),
    ("forward: via and forwarded", "GET / host.test | Via: 1.1 x | Forwarded: for=1.2.3.4"),
    ("forward: header outside ASCII", "GET / host.test | X-A: é"),
    ("forward: empty header", "GET / host.test | X-A:"),
    ("forward: underscores and dots", "GET / host.test | X_A: 1 | X.B: 2 | x-c_d: 3"),
    ("forward: expect something else", "GET / host.test | Expect: a-miracle"),
    ("forward: port in the host", "GET / host.test:8443"),
    ("forward: host not passed", "GET / nohost.test"),
    ("forward: path of the server kept", "GET /x%2Fy?z preserve.test"),
    ("forward: path of the server ignored", "GET /x urlpath.test"),
    (
        "x-forwarded: untrusted",
        "GET / host.test | X-Forwarded-For: 1.2.3.4 | X-Forwarded-Proto: https | X-Forwarded-Host: evil | X-Forwarded-Port: 1 | X-Forwarded-Prefix: /x | X-Forwarded-Uri: /u | X-Forwarded-Method: PUT | X-Forwarded-Server: s | X-Forwarded-Tls-Client-Cert: c | X-Real-Ip: 9.9.9.9",
    ),
    ("x-forwarded: underscores", "GET / host.test | X_Forwarded_For: 1.2.3.4 | X_Real_Ip: 1.1.1.1"),
    (
        "x-forwarded: look-alikes",
        "GET / host.test | X-Forwarded-User: u | X-Forwarded-Ssl: on | X-Original-Forwarded-For: 1.1.1.1 | X-Forwarded-Ip: 2.2.2.2 | X-Forwarded-Scheme: s",
    ),
];

const ANSWERS: &[(&str, &str)] = &[
    ("answer: 404", "GET / host.test | X-Do: status 404 | X-Do: body no"),
    ("answer: 500", "GET / host.test | X-Do: status 500"),
    ("answer: 204", "GET / host.test | X-Do: status 204 | X-Do: body "),
    ("answer: 304", "GET / host.test | X-Do: status 304 | X-Do: header ETag: \"x\""),
    ("answer: 999", "GET / host.test | X-Do: status 999"),
    (
        "answer: redirection passes",
        "GET / host.test | X-Do: status 302 | X-Do: header Location: http://127.0.0.1/x y",
    ),
    (
        "answer: cookies",
        "GET / host.test | X-Do: header Set-Cookie: a=b | X-Do: header Set-Cookie: c=d",
    ),
    ("answer: chunked", "GET / host.test | X-Do: chunked"),
    ("answer: until close", "GET / host.test | X-Do: until-close | X-Do: body abc"),
    (
        "answer: no content type",
        "GET / host.test | X-Do: header Content-Type:  | X-Do: body <html>",
    ),
    ("answer: trailers", "GET / host.test | X-Do: trailer X-T: v | X-Do: body abc"),
    (
        "answer: trailers that are headers",
        "GET / host.test | X-Do: trailer X-T: v | X-Do: trailer Content-Length: 5 | X-Do: trailer Host: x | X-Do: trailer Cache-Control: x | X-Do: body abc",
    ),
    (
        "answer: hop-by-hop",
        "GET / host.test | X-Do: header Keep-Alive: timeout=5 | X-Do: header Connection: X-Hop | X-Do: header X-Hop: 1 | X-Do: header Proxy-Authenticate: Basic | X-Do: header Upgrade: foo | X-Do: header Te: x | X-Do: header Proxy-Connection: x",
    ),
    (
        "answer: server and date",
        "GET / host.test | X-Do: header Server: mine | X-Do: header Via: 1.0 x",
    ),
    ("answer: own X-Forwarded", "GET / host.test | X-Do: header X-Forwarded-For: 1"),
    (
        "answer: early hints",
        "GET / host.test | X-Do: early 103 Link: </a>; rel=preload | X-Do: body abc | X-Do: header Content-Type: text/plain",
    ),
    ("answer: head with a length", "HEAD / host.test | X-Do: bytes 1234"),
    ("answer: head chunked", "HEAD / host.test | X-Do: chunked | X-Do: body x"),
    ("answer: large", "GET / host.test | X-Do: bytes 300000"),
    ("answer: odd header name", "GET / host.test | X-Do: header x_odd.name: v"),
    ("answer: empty", "GET / host.test | X-Do: body "),
];

const FAILURES: &[(&str, &str)] = &[
    ("failure: no router", "GET / nobody.test"),
    ("failure: no router, POST", "POST / nobody.test | =x"),
    ("failure: no router, HEAD", "HEAD / nobody.test"),
    ("failure: nobody listens", "GET / dead.test"),
    ("failure: nobody listens, POST", "POST / dead.test | =x"),
    ("failure: nobody listens, HEAD", "HEAD / dead.test"),
    ("failure: no server", "GET / empty.test"),
    ("failure: closed before the answer", "POST / host.test | X-Do: close | =x"),
    ("failure: reset", "POST / host.test | X-Do: reset | =x"),
    ("failure: too late", "GET / late.test | X-Do: silent"),
    ("failure: just in time", "GET / late.test | X-Do: slow 20"),
    ("failure: garbage", r"GET / host.test | X-Do: raw garbage\r\n\r\n"),
    (
        "failure: bad header line",
        r"GET / host.test | X-Do: raw HTTP/1.1 200 OK\r\nbad line\r\n\r\n",
    ),
    (
        "failure: bad content length",
        r"GET / host.test | X-Do: raw HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ),
    (
        "failure: two content lengths",
        r"GET / host.test | X-Do: raw HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ),
    ("failure: head cut off", r"GET / host.test | X-Do: raw HTTP/1.1 200 OK\r\nX-A: b"),
    ("failure: body cut off", "GET / host.test | X-Do: short | X-Do: bytes 100000"),
    ("failure: unknown scheme", "GET / scheme.test"),
    (
        "failure: upgrade to something else",
        r"GET / host.test | Connection: Upgrade | Upgrade: foo | X-Do: deny | X-Do: raw HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: bar\r\n\r\n",
    ),
    (
        "failure: upgrade denied",
        "GET / host.test | Connection: Upgrade | Upgrade: websocket | X-Do: deny | X-Do: status 403",
    ),
    ("internal: noop", "GET / noop.test"),
    ("internal: ping by a user's router", "GET /anything ping.test"),
    ("internal: api by a user's router, root", "GET / api.test"),
    ("internal: api by a user's router, unknown", "GET /api/nothing api.test"),
    ("internal: api by a user's router, POST", "POST /api/overview api.test | =x"),
    ("internal: api by a user's router, dashboard without slash", "GET /dashboard api.test"),
];

const ENTRY_POINTS: &[(&str, &[(&str, &str)])] = &[
    (
        "redir",
        &[
            ("redirection: GET", "GET /a?b=c;d host.test"),
            ("redirection: unknown host too", "GET /a unknown.test"),
            ("redirection: HEAD", "HEAD /a host.test"),
            ("redirection: POST", "POST /a host.test | =x"),
            ("redirection: port of the request", "GET /a host.test:8080"),
            ("redirection: sanitised path", "GET /a//b/../c host.test"),
            ("redirection: absolute target", "GET http://abs.test/a host.test"),
            (
                "redirection: absolute target, a query without a path",
                "GET http://abs.test?a host.test",
            ),
            ("redirection: empty host", "GET /a "),
            ("redirection: upper case", "GET /a HOST.test"),
            (
                "redirection: challenge path without a resolver",
                "GET /.well-known/acme-challenge/x host.test",
            ),
            (
                "redirection: websocket",
                "GET /a host.test | Connection: Upgrade | Upgrade: websocket",
            ),
            ("redirection: IPv6", "GET /a [::1]"),
        ],
    ),
    (
        "redir443",
        &[
            ("redirection 443: GET", "GET /a host.test"),
            ("redirection 443: PUT", "PUT /a host.test | =x"),
        ],
    ),
    (
        "redirlow",
        &[
            ("redirection with priority: longer rule", "GET /a host.test"),
            ("redirection with priority: the rest", "GET /a unknown.test"),
        ],
    ),
    (
        "redirhttp",
        &[
            ("redirection to http", "GET /a host.test:8080"),
            ("redirection to itself", "GET /a host.test"),
        ],
    ),
    (
        "trusted",
        &[
            (
                "trusted: all kept",
                "GET / host.test | X-Forwarded-For: 1.2.3.4 | X-Forwarded-For: 5.6.7.8 | X-Forwarded-Proto: https | X-Forwarded-Host: front | X-Forwarded-Port: 1 | X-Forwarded-Prefix: /x | X-Forwarded-Server: s | X-Real-Ip: 9.9.9.9",
            ),
            ("trusted: nothing sent", "GET / host.test"),
            ("trusted: proto alone", "GET / host.test | X-Forwarded-Proto: https"),
            ("trusted: host with a port", "GET / host.test:8443 | X-Forwarded-Proto: wss"),
            ("trusted: prefix appended", "GET /foo/x st.test | X-Forwarded-Prefix: /before"),
            ("trusted: https already", "GET /a rs.test | X-Forwarded-Proto: https"),
            ("trusted: http already", "GET /a rsh.test | X-Forwarded-Proto: http"),
            ("trusted: client address stays", "GET / c2.test | X-Forwarded-For: 10.0.0.1"),
        ],
    ),
    (
        "believing",
        &[(
            "insecure: kept",
            "GET / host.test | X-Forwarded-For: 1.2.3.4 | X-Forwarded-Proto: https",
        )],
    ),
    (
        "noappend",
        &[
            ("not appended: untrusted", "GET / host.test | X-Forwarded-For: 1.2.3.4"),
            ("not appended: nothing", "GET / host.test"),
        ],
    ),
    (
        "keepconn",
        &[(
            "connection: named header survives",
            "GET / host.test | Connection: X-Keep, X-Drop | X-Keep: 1 | X-Drop: 2",
        )],
    ),
    (
        "semicolons",
        &[
            ("semicolons: escaped", "GET /?a=1;b=2 host.test"),
            ("semicolons: matching", "GET /?a=b;k=v q.test"),
        ],
    ),
    (
        "prepend",
        &[
            ("entry point middleware", "GET / host.test"),
            ("entry point middleware comes first", "GET /foo/x ch.test"),
            ("entry point middleware without a router", "GET / nobody.test"),
        ],
    ),
    (
        "traefik",
        &[
            ("ping", "GET /ping host.test"),
            ("ping: POST", "POST /ping host.test | =x"),
            ("ping: longer path", "GET /pingfoo host.test"),
            ("dashboard: root", "GET / host.test:81"),
            ("api: unknown", "GET /api/nothing host.test"),
            ("api: trailing slash", "GET /api/overview/ host.test"),
            ("api: POST", "POST /api/overview host.test | =x"),
            ("api: HEAD", "HEAD /api/overview host.test"),
            ("api: unknown router", "GET /api/http/routers/nope@file host.test"),
            ("api: router without a provider", "GET /api/http/routers/host host.test"),
            ("api: bad page", "GET /api/http/routers?page=0 host.test"),
            ("api: bad page size", "GET /api/http/routers?per_page=x host.test"),
            ("api: page beyond the end", "GET /api/http/routers?page=99&per_page=100 host.test"),
            ("api: nothing found", "GET /api/http/routers?search=zzzz host.test"),
            ("api: tcp routers", "GET /api/tcp/routers host.test"),
            ("api: udp services", "GET /api/udp/services host.test"),
            ("api: udp middlewares", "GET /api/udp/middlewares host.test"),
        ],
    ),
    ("tlsall", &[("entry point tls: plain request", "GET / host.test")]),
];

const TLS: &[(&str, &str, &str, &str)] = &[
    ("tls: own certificate", "secure", "tls.test", "GET / tls.test"),
    ("tls: server name in another case", "secure", "TLS.test", "GET / tls.test"),
    ("tls: wildcard certificate", "secure", "a.sub.test", "GET / a.sub.test"),
    ("tls: default certificate", "secure", "unknown.test", "GET / tls.test"),
    ("tls: no server name", "secure", "", "GET / tls.test"),
    ("tls: other host", "secure", "tls.test", "GET / a.sub.test"),
    ("tls: plain routers are not for it", "secure", "host.test", "GET / host.test"),
    ("tls: on a plain entry point", "web", "tls.test", "GET / tls.test"),
    ("tls: plain router on a plain entry point", "web", "plain.test", "GET / plain.test"),
    ("tls: forwarded headers", "secure", "tls.test", "GET / tls.test:8443"),
    ("tls: redirectScheme is content", "secure", "tls-rs.test", "GET /a tls-rs.test"),
    ("tls: redirectScheme to another port", "secure", "tls-rsp.test", "GET /a tls-rsp.test"),
    ("tls: redirectScheme, port as asked", "secure", "tls-rsp.test", "GET /a tls-rsp.test:8443"),
    ("tls: redirectScheme to http", "secure", "tls-rsh.test", "GET /a tls-rsh.test"),
    ("tls: redirectRegex www", "secure", "www.tls.test", "GET /x?y=1 www.tls.test"),
    ("tls: of the entry point", "tlsall", "tls.test", "GET / host.test"),
    ("tls: of the entry point, router's own", "tlsall", "tls.test", "GET / tls.test"),
    ("tls: no redirection on TLS", "redir", "tls.test", "GET / tls.test"),
    (
        "tls: trusted",
        "trusted",
        "tls.test",
        "GET / tls.test | X-Forwarded-Proto: http | X-Forwarded-For: 1.1.1.1",
    ),
];

const BYTES: &[(&str, &str)] = &[
    ("bytes: HTTP/1.0", "GET / HTTP/1.0\nHost: host.test\n\n"),
    ("bytes: HTTP/1.0 keep-alive", "GET / HTTP/1.0\nHost: host.test\nConnection: keep-alive\n\n"),
    ("bytes: HTTP/1.0 without a host", "GET / HTTP/1.0\n\n"),
    ("bytes: HTTP/1.0, chunked answer", "GET / HTTP/1.0\nHost: host.test\nX-Do: chunked\n\n"),
    ("bytes: HTTP/1.0, trailers", "GET / HTTP/1.0\nHost: host.test\nX-Do: trailer X-T: v\n\n"),
    ("bytes: no host", "GET / HTTP/1.1\n\n"),
    ("bytes: two hosts", "GET / HTTP/1.1\nHost: host.test\nHost: p.test\n\n"),
    ("bytes: two equal hosts", "GET / HTTP/1.1\nHost: host.test\nHost: host.test\n\n"),
    ("bytes: malformed host", "GET / HTTP/1.1\nHost: ho st\n\n"),
    ("bytes: host with a path", "GET / HTTP/1.1\nHost: host.test/x\n\n"),
    ("bytes: host with user info", "GET / HTTP/1.1\nHost: user@host.test\n\n"),
    ("bytes: empty host", "GET / HTTP/1.1\nHost:\n\n"),
    ("bytes: bad version", "GET / HTTP/3.7\nHost: host.test\n\n"),
    ("bytes: HTTP/2.0", "GET / HTTP/2.0\nHost: host.test\n\n"),
    ("bytes: nonsense", "what is this\nHost: host.test\n\n"),
    ("bytes: bad header name", "GET / HTTP/1.1\nHost: host.test\nX A: b\n\n"),
    ("bytes: blank before the colon", "GET / HTTP/1.1\nHost: host.test\nX-A : b\n\n"),
    ("bytes: empty header name", "GET / HTTP/1.1\nHost: host.test\n: b\n\n"),
    ("bytes: control byte in a value", "GET / HTTP/1.1\nHost: host.test\nX-A: b\u{2}c\n\n"),
    (
        "bytes: chunked body",
        "POST / HTTP/1.1\nHost: host.test\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
    ),
    (
        "bytes: chunked body with trailers",
        "POST / HTTP/1.1\nHost: host.test\nTransfer-Encoding: chunked\nTrailer: X-T\n\n5\nhello\n0\nX-T: v\n\n",
    ),
    (
        "bytes: chunk extension",
        "POST / HTTP/1.1\nHost: host.test\nTransfer-Encoding: chunked\n\n5;a=b\nhello\n0\n\n",
    ),
    (
        "bytes: chunked and length",
        "POST / HTTP/1.1\nHost: host.test\nTransfer-Encoding: chunked\nContent-Length: 3\n\n5\nhello\n0\n\n",
    ),
    (
        "bytes: bad chunk",
        "POST / HTTP/1.1\nHost: host.test\nTransfer-Encoding: chunked\n\nzz\nhello\n0\n\n",
    ),
    (
        "bytes: unknown transfer encoding",
        "POST / HTTP/1.1\nHost: host.test\nTransfer-Encoding: gzip\n\n",
    ),
    (
        "bytes: transfer encoding list",
        "POST / HTTP/1.1\nHost: host.test\nTransfer-Encoding: gzip, chunked\n\n0\n\n",
    ),
    (
        "bytes: equal content lengths",
        "POST / HTTP/1.1\nHost: host.test\nContent-Length: 2\nContent-Length: 2\n\nhi",
    ),
    (
        "bytes: differing content lengths",
        "POST / HTTP/1.1\nHost: host.test\nContent-Length: 2\nContent-Length: 3\n\nhi",
    ),
    ("bytes: signed content length", "POST / HTTP/1.1\nHost: host.test\nContent-Length: +2\n\nhi"),
    (
        "bytes: negative content length",
        "POST / HTTP/1.1\nHost: host.test\nContent-Length: -2\n\nhi",
    ),
    (
        "bytes: expect 100",
        "POST / HTTP/1.1\nHost: host.test\nExpect: 100-continue\nContent-Length: 2\n\nhi",
    ),
    ("bytes: bare line feeds", "GET / HTTP/1.1\u{1}Host: host.test\u{1}\u{1}"),
    ("bytes: folded header", "GET / HTTP/1.1\nHost: host.test\nX-A: b\n  c\n\n"),
];
