//! Whom the proxy asks about a request, and for an error page: what they are told, and what they can
//! make of it.

use serde_json::Value;
use swarmgate_testkit::eventually::eventually;

use crate::attack::headers;
use crate::house::LIMIT;
use crate::stand::{PLAIN, Stand};

const ROUTING: &str = "http:
  routers:
    ready: {rule: 'Host(`ready.test`)', service: app}
    auth: {rule: 'Host(`auth.test`)', service: app, middlewares: [auth]}
    unset: {rule: 'Host(`unset.test`)', service: app, middlewares: [unset]}
    strip: {rule: 'Host(`strip.test`)', service: app, middlewares: [strip, auth]}
    user: {rule: 'Host(`user.test`)', service: app, middlewares: [user]}
    users: {rule: 'Host(`users.test`)', service: app, middlewares: [users]}
    told: {rule: 'Host(`told.test`)', service: app, middlewares: [told]}
    dead: {rule: 'Host(`dead.test`)', service: app, middlewares: [dead]}
    small: {rule: 'Host(`small.test`)', service: app, middlewares: [small]}
    body: {rule: 'Host(`body.test`)', service: app, middlewares: [body]}
    page: {rule: 'Host(`page.test`)', service: app, middlewares: [page]}
    page-only: {rule: 'Host(`only.test`)', service: app, middlewares: [page-only]}
    all: {rule: 'Host(`all.test`)', service: app, middlewares: [page, retry, auth]}
  middlewares:
    auth: {forwardAuth: {address: 'http://{AUTH}/', trustForwardHeader: false}}
    unset: {forwardAuth: {address: 'http://{AUTH}/'}}
    strip: {stripPrefix: {prefixes: [/pre]}}
    user: {forwardAuth: {address: 'http://{AUTH}/', authResponseHeaders: [X-User]}}
    users: {forwardAuth: {address: 'http://{AUTH}/', authResponseHeadersRegex: '^X-User'}}
    told: {forwardAuth: {address: 'http://{TELLER}/', authResponseHeaders: [X-User]}}
    dead: {forwardAuth: {address: 'http://{DEAD}/'}}
    small: {forwardAuth: {address: 'http://{AUTH}/', maxResponseBodySize: 1000}}
    body: {forwardAuth: {address: 'http://{AUTH}/', forwardBody: true, maxBodySize: 10}}
    page: {errors: {status: ['500-599'], service: pages}}
    page-only: {errors: {status: ['500-599'], service: pages, errorRequestHeaders: [Accept]}}
    retry: {retry: {attempts: 2}}
  services:
    app: {loadBalancer: {servers: [{url: 'http://{APP}'}]}}
    pages: {loadBalancer: {servers: [{url: 'http://{PAGES}'}]}}
";

fn stand() -> Stand {
    Stand::start(PLAIN, &[("routing.yml", ROUTING)])
}

const SPOOFED: &str = "X-Forwarded-For: 6.6.6.6 | X-Forwarded-Proto: https | X-Forwarded-Host: evil | X-Forwarded-Port: 666 | X-Forwarded-Server: evil | X-Forwarded-Uri: /public | X-Forwarded-Method: OPTIONS | X-Forwarded-Prefix: /evil | X_Forwarded_Uri: /public | X_Forwarded_Proto: https";

/// H07, H08, H09: whoever asks, the auth server is told where the request leads and whence it comes.
#[test]
fn strangers_do_not_say_what_is_asked() {
    let stand = stand();
    for (entry_point, host) in
        [("web", "auth.test"), ("web", "unset.test"), ("trusting", "auth.test")]
    {
        let line = format!("GET /admin?a=b {host} | X-Auth-Do: status 403 | {SPOOFED}");
        let answer = stand.ask(entry_point, &line);
        assert_eq!(answer.status, 403, "{entry_point} {host}");
        let asked = answer.json();
        assert_eq!(asked["name"], "auth");
        for (id, name, wanted) in [
            ("H07", "X-Forwarded-For", &["127.0.0.1"][..]),
            ("H07", "X-Forwarded-Host", &[host]),
            ("H07", "X-Forwarded-Prefix", &[]),
            ("H08", "X-Forwarded-Proto", &["http"]),
            ("H08", "X-Forwarded-Port", &["80"]),
            ("H09", "X-Forwarded-Uri", &["/admin?a=b"]),
            ("H09", "X-Forwarded-Method", &["GET"]),
        ] {
            assert_eq!(headers(&asked, name), wanted, "{id}: {entry_point} {host} {name}");
        }
        let text = answer.text();
        for spoofed in ["6.6.6.6", "evil", "/public", "OPTIONS"] {
            assert!(!text.contains(spoofed), "{entry_point} {host}: {spoofed} in {text}");
        }
    }
    // What a middleware before it says of the path stays ours, too.
    let line = format!("GET /pre/admin strip.test | X-Auth-Do: status 403 | {SPOOFED}");
    let asked = stand.ask("trusting", &line).json();
    assert_eq!(headers(&asked, "X-Forwarded-Uri"), ["/admin"]);
    assert!(!headers(&asked, "X-Forwarded-Prefix").contains(&"/evil".to_owned()), "{asked}");
    assert_eq!(stand.app.requests(), 1, "only the stand's own");
}

/// I08: who the client is, the auth server says or nobody.
#[test]
fn clients_do_not_say_who_they_are() {
    let stand = stand();
    const CLAIMS: &str = "X-User: admin | x-USER: root | X_User: admin | X.User: admin";
    for host in ["user.test", "users.test"] {
        for (said, wanted) in [
            ("X-A: b", &[][..]),
            ("X-Auth-Do: header X-User: bob", &["bob"]),
            ("X-Auth-Do: header X-User: ", &[""]),
            ("Connection: X-User | X-Auth-Do: header X-User: bob", &["bob"]),
        ] {
            let seen = stand.ask("web", &format!("GET / {host} | {CLAIMS} | {said}")).json();
            assert_eq!(seen["name"], "app");
            assert_eq!(headers(&seen, "X-User"), wanted, "I08: {host} {said}");
            for alias in ["X_User", "X.User"] {
                assert_eq!(headers(&seen, alias), [""; 0], "I08: {host} {said} {alias}");
            }
        }
    }
}

/// H16, I10, I07: what is no whole answer lets nobody pass, and one header is one header.
#[test]
fn broken_answers_let_nobody_pass() {
    let mut stand = stand();
    let before = stand.app.requests();
    let large = format!("HTTP/1.1 200 OK\r\nX-User: {}\r\n\r\n", "a".repeat(2 << 20));
    for (id, said) in [
        ("H16", &b"HTTP/1.1 200 OK\r\nX-User: a\rX-Admin: 1\r\nContent-Length: 0\r\n\r\n"[..]),
        ("H16", b"HTTP/1.1 200 OK\r\nX-User: a\0\r\nContent-Length: 0\r\n\r\n"),
        ("H16", b"HTTP/1.1 200 OK\r\nX-User\r\nContent-Length: 0\r\n\r\n"),
        ("H16", b"HTTP/1.1 200 OK\r\nX-User : a\r\nContent-Length: 0\r\n\r\n"),
        ("H16", large.as_bytes()),
        ("I10", b""),
        ("I10", b"\r\n"),
        ("I10", b"hello\r\n\r\n"),
        ("I10", b"\x16\x03\x01\x00\x05hello"),
        ("I10", b"HTTP/1.1 200 OK\r\nX-User: bob\r\n"),
        ("I10", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
        ("I10", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        ("I10", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        ("I10", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"),
        ("I10", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ("I10", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("I10", b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
    ] {
        stand.teller.say(said);
        let answer = stand.ask("web", "GET / told.test | X-User: admin");
        let said = String::from_utf8_lossy(said);
        assert_eq!(answer.status, 500, "{id}: {said:.100}");
        assert_eq!(answer.text(), "", "{id}: {said:.100}");
    }
    assert_eq!(stand.ask("web", "GET / dead.test").status, 500, "I10");
    assert_eq!(stand.app.requests(), before);
    // A line of its own is no part of the header before it.
    stand.teller.say("HTTP/1.1 200 OK\r\nX-User: a\r\nX-Admin: 1\r\nContent-Length: 0\r\n\r\n");
    let seen = stand.ask("web", "GET / told.test").json();
    assert_eq!((headers(&seen, "X-User"), headers(&seen, "X-Admin")), (vec!["a".into()], vec![]));
    // What is no text does not keep anybody from asking.
    for line in ["X-Odd: \u{ff}\u{fe}", "Cookie: \u{80}=\u{ff}", "User-Agent: \u{c3}\u{28}"] {
        let asked = stand.auth.requests();
        let bytes: Vec<u8> = format!(
            "GET /%ff%fe?%ff HTTP/1.1\r\nHost: auth.test\r\nX-Auth-Do: status 403\r\n{line}\r\n\r\n"
        )
        .chars()
        .map(|sign| sign as u8)
        .collect();
        assert_eq!(stand.send("web", bytes).expect("an answer").status, 403, "I10: {line:?}");
        assert_eq!(stand.auth.requests(), asked + 1, "I10: {line:?}");
    }
    // As much as may be, and a byte more.
    let before = stand.app.requests();
    for (length, of_200, of_403) in [(1000, 200, 403), (1001, 401, 401)] {
        for framing in ["", " | X-Auth-Do: chunked"] {
            let line = format!("GET / small.test | X-Auth-Do: bytes {length}{framing}");
            assert_eq!(stand.ask("web", &line).status, of_200, "I07: {line}");
            let line = format!("{line} | X-Auth-Do: status 403");
            assert_eq!(stand.ask("web", &line).status, of_403, "I07: {line}");
        }
    }
    assert_eq!(stand.app.requests() - before, 2, "I07");
    stand.is_well();
}

/// I09: a body goes along whole, or not at all, and so does what frames it.
#[test]
fn bodies_are_asked_about_whole() {
    let stand = stand();
    let post = |host: &str, framing: &str, body: &str, more: &str| {
        let framed = match framing {
            "chunked" => {
                let chunk = format!("{:x}\r\n{body}\r\n", body.len());
                format!("Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n")
            }
            _ => format!("Content-Length: {}\r\n\r\n{body}", body.len()),
        };
        let text = format!("POST / HTTP/1.1\r\nHost: {host}\r\n{more}{framed}");
        stand.send("web", text).expect("an answer")
    };
    let denied = "X-Auth-Do: status 403\r\n";
    for framing in ["length", "chunked"] {
        let asked = post("auth.test", framing, "0123456789", denied).json();
        assert_eq!((&asked["name"], &asked["framing"]), (&"auth".into(), &"none".into()), "I09");
        for name in ["Content-Length", "Transfer-Encoding", "Trailer"] {
            assert_eq!(headers(&asked, name), [""; 0], "I09: {framing} {name}");
        }
        for (more, name) in [(denied, "auth"), ("", "app")] {
            let seen = post("body.test", framing, "0123456789", more).json();
            assert_eq!((&seen["name"], &seen["body"]), (&name.into(), &"0123456789".into()), "I09");
        }
        let (app, auth) = (stand.app.requests(), stand.auth.requests());
        assert_eq!(post("body.test", framing, "0123456789!", "").status, 401, "I09: {framing}");
        assert_eq!((stand.app.requests(), stand.auth.requests()), (app, auth), "I09: {framing}");
    }
}

/// H15: nobody is followed to where others might hear what was meant for him.
#[test]
fn redirections_are_not_followed() {
    let stand = stand();
    let secret = "Authorization: Basic Ym9iOnNlY3JldA== | Cookie: session=1";
    for status in [301, 302, 303, 307, 308] {
        let (leads, pages) =
            (format!("http://{}/x", stand.pages.address()), stand.pages.requests());
        let answer = stand.ask(
            "web",
            &format!(
                "GET / auth.test | {secret} | X-Auth-Do: status {status} | X-Auth-Do: header Location: {leads}"
            ),
        );
        assert_eq!((answer.status, answer.header("location")), (status, Some(&*leads)), "H15");
        assert_eq!(stand.pages.requests(), pages, "H15");
        let leads = format!("http://{}/x", stand.auth.address());
        let asked = stand.auth.requests();
        let answer = stand.ask(
            "web",
            &format!(
                "GET / page.test | {secret} | X-Do: status 500 | X-Page-Do: status {status} | X-Page-Do: header Location: {leads}"
            ),
        );
        assert_eq!((answer.status, stand.auth.requests()), (500, asked), "H15");
    }
}

/// H15: nor does what the HTTP provider shows to one server reach another.
#[test]
fn a_providers_secrets_are_for_its_server() {
    let install = "providers:
  file: {filename: routing.yml}
  http: {endpoint: 'http://me:hunter2@{TELLER}/', pollInterval: 100ms, headers: {X-Token: hunter2, Cookie: a=hunter2}}
";
    let stand = Stand::start(install, &[("routing.yml", ROUTING)]);
    let leads = format!("http://{}/x", stand.pages.address());
    stand
        .teller
        .say(format!("HTTP/1.1 302 Found\r\nLocation: {leads}\r\nContent-Length: 0\r\n\r\n"));
    let head = eventually("it is led there", LIMIT, || {
        stand.pages.last_head().ok_or_else(|| stand.process.output())
    });
    assert_eq!(head.first, "GET /x HTTP/1.1");
    for name in ["authorization", "cookie", "x-token"] {
        assert_eq!(head.header(name), None, "H15");
    }
    assert!(!stand.process.output().contains("hunter2"), "{}", stand.process.output());
}

/// I12: what a page is asked with is what its router says, and the page changes no status.
#[test]
fn pages_get_what_they_may_see() {
    let stand = stand();
    let asks = |host: &str| {
        let answer = stand.ask(
            "web",
            &format!(
                "GET /a {host} | X-Do: status 503 | Authorization: Basic eA== | Cookie: a=b | X-Token: c | Accept: a/b"
            ),
        );
        assert_eq!(answer.status, 503, "I12: {host}");
        answer.json()
    };
    let asked = asks("only.test");
    assert_eq!((&asked["name"], headers(&asked, "Accept")), (&"pages".into(), vec!["a/b".into()]));
    let mut names: Vec<String> = asked["headers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|pair| pair[0].as_str().unwrap_or_default().to_ascii_lowercase())
        .filter(|name| !name.starts_with("x-forwarded-") && name != "x-real-ip")
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "host"], "I12");
    // As Traefik does where nothing else is said.
    assert_eq!(headers(&asks("page.test"), "Cookie"), ["a=b"]);
}

/// B22: who is asked beside an upgrade is not asked to upgrade.
#[test]
fn upgrades_are_the_servers_alone() {
    let mut stand = stand();
    let upgrade = |more: &str| {
        format!(
            "GET / all.test | Connection: Upgrade | Upgrade: websocket | Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ== | Sec-WebSocket-Version: 13 | {more}"
        )
    };
    let carries_none = |seen: &Value, who: &str| {
        assert_eq!(seen["name"], who);
        for name in ["Connection", "Upgrade", "Keep-Alive"] {
            assert_eq!(headers(seen, name), [""; 0], "B22: {who} {name}");
        }
    };
    // The server refuses.
    let answer = stand.ask("web", &upgrade("X-Do: deny | X-Do: status 403"));
    assert_eq!((answer.status, &answer.json()["name"]), (403, &"app".into()), "B22");
    let asked = stand.auth.last_head().expect("it was asked");
    assert_eq!((asked.header("connection"), asked.header("upgrade")), (None, None), "B22");
    // It fails, and a page is asked for.
    let answer = stand.ask("web", &upgrade("X-Do: deny | X-Do: status 503"));
    assert_eq!(answer.status, 503, "B22");
    carries_none(&answer.json(), "pages");
    // The auth server refuses.
    let answer = stand.ask("web", &upgrade("X-Auth-Do: status 403"));
    assert_eq!(answer.status, 403, "B22");
    carries_none(&answer.json(), "auth");
    // Nobody refuses.
    let answer = stand.send("web", crate::attack::expand(&upgrade("X-A: b")));
    assert_eq!(answer.expect("an answer").status, 101, "B22");
    stand.is_well();
}
