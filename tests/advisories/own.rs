//! The proxy's own answers: its API, its REST provider, its errors.

use swarmgate_testkit::client::Response;

use crate::attack::{expand, headers};
use crate::stand::{PLAIN, Stand};

const ROUTING: &str = "http:
  routers:
    ready: {rule: 'Host(`ready.test`)', service: app}
    limit: {rule: 'Host(`limit.test`)', service: app, middlewares: [limit]}
    busy: {rule: 'Host(`busy.test`)', service: app, middlewares: [busy]}
    allow: {rule: 'Host(`allow.test`)', service: app, middlewares: [allow]}
    dead: {rule: 'Host(`dead.test`)', service: dead}
    wide: {rule: 'PathPrefix(`/`)', service: app, entryPoints: [trusting], priority: 1}
  middlewares:
    limit: {buffering: {maxRequestBodyBytes: 1}}
    busy: {rateLimit: {average: 1, period: 1h, burst: 1}}
    allow: {ipAllowList: {sourceRange: [192.0.2.1]}}
  services:
    app: {loadBalancer: {servers: [{url: 'http://{APP}'}]}}
    dead: {loadBalancer: {servers: [{url: 'http://{DEAD}'}]}}
";

/// N02: an API that is switched on is reachable where a router leads to it, and nowhere else.
#[test]
fn an_api_without_a_router_is_nowhere() {
    for (options, wanted) in [("{}", 404), ("{debug: true}", 404), ("{insecure: true}", 200)] {
        let install = format!("{PLAIN}api: {options}\n");
        let stand = Stand::start(&install, &[("routing.yml", ROUTING)]);
        for path in ["/api/version", "/api/rawdata", "/dashboard/"] {
            for (entry_point, wanted) in [("traefik", wanted), ("web", 404)] {
                let answer = stand.ask(entry_point, &format!("GET {path} any.test"));
                assert_eq!(answer.status, wanted, "N02: {options} {entry_point} {path}");
            }
        }
        for path in ["/debug/pprof/", "/debug/vars"] {
            let answer = stand.ask("traefik", &format!("GET {path} any.test"));
            assert_eq!(answer.status, 404, "N02: {options} {path}");
        }
    }
}

/// N05: no web page puts a configuration or reads one.
#[test]
fn web_pages_configure_nothing() {
    let install = "providers: {file: {filename: routing.yml}, rest: {insecure: true}}\napi: {insecure: true}\n";
    let stand = Stand::start(install, &[("routing.yml", ROUTING)]);
    const EVIL: &str =
        r#"{"http":{"routers":{"evil":{"rule":"Host(`evil.test`)","service":"app@file"}}}}"#;
    let allows = |answer: &Response| {
        let names = answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
        names.filter(|name| name.starts_with("access-control-")).collect::<Vec<_>>()
    };
    for origin in ["https://evil.test", "null", "http://127.0.0.1"] {
        for kind in ["text/plain", "application/json", "application/x-www-form-urlencoded"] {
            let line = format!(
                "PUT /api/providers/rest evil.test | Origin: {origin} | Content-Type: {kind} | ={EVIL}"
            );
            let answer = stand.ask("traefik", &line);
            assert_eq!((answer.status, allows(&answer)), (403, vec![]), "N05: {origin} {kind}");
        }
        for line in ["POST", "GET", "DELETE", "PATCH"] {
            let line = format!("{line} /api/providers/rest evil.test | Origin: {origin} | ={EVIL}");
            assert_eq!(stand.ask("traefik", &line).status, 405, "N05: {line}");
        }
        let line = format!(
            "OPTIONS /api/providers/rest evil.test | Origin: {origin} | Access-Control-Request-Method: PUT"
        );
        let answer = stand.ask("traefik", &line);
        assert!(answer.status >= 400 && allows(&answer).is_empty(), "N05: {answer:?}");
        for path in ["/api/rawdata", "/api/version", "/api/http/routers"] {
            let line = format!("GET {path} evil.test | Origin: {origin}");
            assert_eq!(allows(&stand.ask("traefik", &line)), [""; 0], "N05: {line}");
        }
    }
    assert_eq!(stand.ask("web", "GET / evil.test").status, 404, "N05");
    // Whoever is no web page may.
    let line = format!("PUT /api/providers/rest 127.0.0.1 | ={EVIL}");
    assert_eq!(stand.ask("traefik", &line).status, 200);
}

/// What no router gets to see, or what middlewares refuse: one connection's bytes each.
fn refused() -> Vec<(Vec<u8>, u16)> {
    let line = |text: &str| expand(text);
    let large = format!("GET / ready.test | X-Large: {}", "a".repeat(2 << 20));
    let many = format!("GET / ready.test{}", " | X-Many: a".repeat(5000));
    vec![
        (b"GE(T / HTTP/1.1\r\nHost: ready.test\r\n\r\n".to_vec(), 400),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), 400),
        (b"GET / HTTP/1.1\r\nHost: ready.test\r\nHost: b.test\r\n\r\n".to_vec(), 400),
        (b"GET / HTTP/1.1\r\nHost: <b>x</b>\r\n\r\n".to_vec(), 400),
        (b"GET /<img%zz HTTP/1.1\r\nHost: ready.test\r\n\r\n".to_vec(), 400),
        (b"GET / HTTP/7.0\r\nHost: ready.test\r\n\r\n".to_vec(), 0),
        (line("GET / ready.test | X-Odd\u{0}: <img>"), 400),
        (line("GET / ready.test | Transfer-Encoding: <img>"), 0),
        (line("GET / ready.test | Content-Length: <img>"), 400),
        (line("GET / ready.test | Expect: <img>"), 417),
        (line("CONNECT ready.test:80 ready.test"), 0),
        (line("POST / limit.test | =<img>"), 413),
        (line(&large), 431),
        (line(&many), 431),
        (line("GET /<img> allow.test"), 403),
        (line("GET /<img>?<img> nobody.test"), 404),
        (line("GET /<img> busy.test"), 200),
        (line("GET /<img> busy.test"), 429),
        (line("GET /<img> dead.test"), 502),
    ]
}

/// N07: no answer of ours says again what was asked. N11: none that an odd request provokes may be
/// kept for others (RFC 9111 section 3: without a word on it, only some statuses may).
#[test]
fn errors_are_neither_echoes_nor_kept() {
    const KEPT: [u16; 11] = [203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501];
    let mut stand = Stand::start(PLAIN, &[("routing.yml", ROUTING)]);
    for (request, wanted) in refused() {
        let shown = String::from_utf8_lossy(&request).into_owned();
        let answer = match stand.send("web", &request) {
            Ok(answer) => answer,
            Err(error) => panic!("{shown:.100?}: no answer: {error}"),
        };
        let status = answer.status;
        assert!(wanted == 0 || status == wanted, "{shown:.100?}: {status}");
        if status == 200 {
            continue;
        }
        let kind = answer.header("content-type").unwrap_or("text/plain");
        assert!(kind.starts_with("text/plain"), "N07: {shown:.100?}: {kind}");
        let mut told = answer.text();
        for (name, value) in &answer.headers {
            told.push_str(&format!("{name}: {value}\n"));
        }
        assert!(!told.contains("img") && !told.contains("<b>"), "N07: {shown:.100?}: {told}");
        // Of these, a 404 is the same for all who ask for that host and path, and nobody keeps what
        // was said to CONNECT.
        let odd = status != 404 && !shown.starts_with("CONNECT");
        let unkept = answer.header("cache-control") == Some("no-store");
        assert!(!odd || unkept || !KEPT.contains(&status), "N11: {shown:.100?}: {status}");
        for name in ["expires", "last-modified", "etag", "age"] {
            assert_eq!(answer.header(name), None, "N11: {shown:.100?}: {name}");
        }
    }
    // What no cache looks at does not change what is kept.
    let plain = stand.ask("web", "GET /a ready.test");
    for header in [
        "X-HTTP-Method-Override: DELETE",
        "X-HTTP-Method: PUT",
        "X-Method-Override: POST",
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Scheme: https",
        "X-Forwarded-Port: 1",
        "X-Forwarded-Prefix: /evil",
        "X-Original-URL: /b",
        "X-Rewrite-URL: /b",
        "X-Host: evil.test",
        "Forwarded: host=evil.test;proto=https",
    ] {
        let answer = stand.ask("web", &format!("GET /a ready.test | {header}"));
        let (seen, before) = (answer.json(), plain.json());
        assert_eq!(answer.status, 200, "N11: {header}");
        for what in ["method", "target"] {
            assert_eq!(seen[what], before[what], "N11: {header}");
        }
        for name in ["X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "Host"] {
            assert_eq!(headers(&seen, name), headers(&before, name), "N11: {header}");
        }
    }
    stand.is_well();
}
