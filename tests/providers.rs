//! The HTTP and REST providers in the running proxy: what is handed out and what is put is served,
//! under its provider's name and in its provider's place.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarmgate_testkit::client::{self, Response};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::real;
use swarmgate_testkit::upstream::Upstream;

const LIMIT: Duration = Duration::from_secs(20);

/// Hands out one text for every request; returns its port.
fn hand_out(text: &Arc<Mutex<String>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = Arc::clone(text);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let body = text.lock().unwrap().clone();
            let status = if body.is_empty() { "500 Oops" } else { "200 OK" };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    port
}

/// One router and one service, in JSON.
fn site(rule: &str, upstream: &Upstream) -> String {
    serde_json::json!({"http": {
        "routers": {"site": {"rule": rule, "service": "site"}},
        "services": {"site": {"loadBalancer": {"servers": [{"url": upstream.url()}]}}},
    }})
    .to_string()
}

fn put(port: u16, method: &str, path: &str, body: &str) -> Response {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    client::exchange(("127.0.0.1", port), request).expect("an answer")
}

#[track_caller]
fn serves(process: &Running, web: u16, host: &str, name: &str) {
    eventually(&format!("{name} behind {host}"), LIMIT, || match client::get(web, host, "/") {
        Ok(answer) if answer.status == 200 && answer.text().contains(name) => Ok(()),
        other => Err(format!("{other:?}; {}", process.output())),
    });
}

#[test]
fn what_is_handed_out_and_what_is_put_is_served() {
    let (web, api) = (ports::free(), ports::free());
    let (of_http, of_rest) = (Upstream::start("of-http"), Upstream::start("of-rest"));
    let text = Arc::new(Mutex::new(site("Host(`http.test`)", &of_http)));
    let port = hand_out(&text);
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg(format!("--entryPoints.traefik.address=127.0.0.1:{api}"))
        .arg(format!("--providers.http.endpoint=http://127.0.0.1:{port}/"))
        .arg("--providers.http.pollInterval=100ms")
        .arg("--providers.rest.insecure=true")
        .arg("--api.insecure=true")
        .start();
    process.wait_listening(api);
    serves(&process, web, "http.test", "of-http");

    let body = site("Host(`rest.test`)", &of_rest);
    let answer = put(api, "PUT", "/api/providers/rest", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json; charset=UTF-8"));
    let sent: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer.json(), sent);
    serves(&process, web, "rest.test", "of-rest");
    serves(&process, web, "http.test", "of-http");

    // Names and places.
    let get = |path: &str| client::get(api, "localhost", path).unwrap();
    for name in ["site@http", "site@rest"] {
        assert_eq!(get(&format!("/api/http/routers/{name}")).status, 200, "{name}");
    }
    let rest = get("/api/http/routers/rest@internal").json();
    assert_eq!(rest["rule"], "PathPrefix(`/api/providers`)");
    assert_eq!(rest["priorityStr"], i64::MAX.to_string());
    let overview = get("/api/overview").json();
    assert_eq!(overview["providers"], serde_json::json!(["HTTP", "Rest"]));

    // Of equal rules, HTTP's comes before REST's.
    let equal = site("Host(`http.test`)", &of_rest);
    assert_eq!(put(api, "PUT", "/api/providers/rest", &equal).status, 200);
    eventually("the old one is gone", LIMIT, || match client::get(web, "rest.test", "/") {
        Ok(answer) if answer.status == 404 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    serves(&process, web, "http.test", "of-http");

    // A failure keeps what is there, and is told once in the log and shown in the API.
    text.lock().unwrap().clear();
    process.wait_output("received non-ok response code: 500");
    std::thread::sleep(Duration::from_millis(1_500));
    serves(&process, web, "http.test", "of-http");
    let told = process.output().matches("received non-ok response code: 500").count();
    assert_eq!(told, 1, "{}", process.output());
    assert!(get("/api/findings").text().contains("received non-ok response code: 500"));

    // What is no configuration changes nothing.
    for (method, path, body, status) in [
        ("PUT", "/api/providers/rest", "{", 400),
        ("PUT", "/api/providers/rest", "http: {}", 400),
        ("PUT", "/api/providers/file", "{}", 400),
        ("GET", "/api/providers/rest", "", 405),
        ("PUT", "/api/providers/a/b", "{}", 404),
    ] {
        let answer = put(api, method, path, body);
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
    }
    assert_eq!(get("/api/http/routers/site@rest").status, 200);
    // A bad router spoils only itself, and says where it came from.
    let bad = r#"{"http":{"routers":{"bad":{"rul":"x"}}}}"#;
    assert_eq!(put(api, "PUT", "/api/providers/rest", bad).status, 200);
    process.wait_output("PUT /api/providers/rest");
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(16 << 20));
    assert_eq!(put(api, "PUT", "/api/providers/rest", &long).status, 413);
}

/// The one that came last counts, however long the one before it takes.
#[test]
fn what_is_put_counts_in_the_order_in_which_it_came() {
    let (web, api) = (ports::free(), ports::free());
    let (first, second) = (Upstream::start("first"), Upstream::start("second"));
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg(format!("--entryPoints.traefik.address=127.0.0.1:{api}"))
        .arg("--providers.rest.insecure=true")
        .start();
    process.wait_listening(api);
    eventually("its router", LIMIT, || match put(api, "PUT", "/api/providers/rest", "{}").status {
        200 => Ok(()),
        other => Err(format!("{other}; {}", process.output())),
    });
    let body = site("Host(`first.test`)", &first);
    let mut slow = TcpStream::connect(("127.0.0.1", api)).unwrap();
    let length = body.len();
    let head =
        format!("PUT /api/providers/rest HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    slow.write_all(head.as_bytes()).unwrap();
    let (start, end) = body.split_at(length / 2);
    slow.write_all(start.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let body = site("Host(`second.test`)", &second);
    let waiting = std::thread::spawn(move || put(api, "PUT", "/api/providers/rest", &body));
    std::thread::sleep(Duration::from_millis(500));
    assert!(!waiting.is_finished(), "it waits for the one before");
    slow.write_all(end.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(slow).read_line(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(waiting.join().unwrap().status, 200);
    serves(&process, web, "second.test", "second");
    assert_eq!(client::get(web, "first.test", "/").unwrap().status, 404);
}

/// Without `insecure` a router of the user's own leads there, and only there.
#[test]
fn a_router_to_rest() {
    let web = ports::free();
    let upstream = Upstream::start("of-rest");
    let routing =
        "http:\n  routers:\n    put: {rule: 'Host(`put.test`)', service: rest@internal}\n";
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .file("routing.yml", routing)
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg("--providers.file.filename=routing.yml")
        .arg("--providers.rest=true")
        .start();
    process.wait_listening(web);
    let body = site("Host(`rest.test`)", &upstream);
    let request = |host: &str| {
        let length = body.len();
        let request = format!(
            "PUT /api/providers/rest HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\
             Expect: 100-continue\r\nConnection: close\r\n\r\n{body}"
        );
        client::exchange(("127.0.0.1", web), request)
    };
    eventually("the router", LIMIT, || match request("put.test") {
        Ok(answer) if answer.status == 200 => Ok(()),
        other => Err(format!("{other:?}; {}", process.output())),
    });
    assert_eq!(request("other.test").unwrap().status, 404);
    serves(&process, web, "rest.test", "of-rest");
}

/// The same requests to Traefik, where it is installed.
#[test]
fn as_traefik_answers() {
    let Some(traefik) = real::traefik("the REST provider beside Traefik's") else { return };
    let bodies = [
        ("PUT", "/api/providers/rest", r#"{"http":{"routers":{"r":{"rule":"Host(`<a>`)"}}}}"#),
        ("PUT", "/api/providers/rest", "{}"),
        ("PUT", "/api/providers/rest", "{"),
        ("PUT", "/api/providers/rest", ""),
        ("PUT", "/api/providers/file", "{}"),
        ("GET", "/api/providers/rest", ""),
        ("POST", "/api/providers/rest", "{}"),
        ("PUT", "/api/providers/", "{}"),
        ("PUT", "/api/providers/rest/x", "{}"),
    ];
    let ask = |program: std::path::PathBuf| {
        let (web, api) = (ports::free(), ports::free());
        let mut process = Launch::new(program)
            .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
            .arg(format!("--entryPoints.traefik.address=127.0.0.1:{api}"))
            .arg("--providers.rest.insecure=true")
            .arg("--global.checkNewVersion=false")
            .start();
        process.wait_listening(api);
        eventually("the router", LIMIT, || {
            let answer = put(api, "GET", "/api/providers/rest", "");
            if answer.status == 405 { Ok(()) } else { Err(format!("{answer:?}")) }
        });
        bodies.map(|(method, path, body)| {
            let answer = put(api, method, path, body);
            let kind = answer.header("content-type").unwrap_or_default().to_owned();
            // The parser's words are its own.
            let text =
                if answer.status == 400 && body != "{}" { String::new() } else { answer.text() };
            format!("{method} {path} {body}: {} {kind} {text}", answer.status)
        })
    };
    let (theirs, ours) = (ask(traefik), ask(env!("CARGO_BIN_EXE_swarmgate").into()));
    assert_eq!(ours, theirs);
}

/// Alerts need a number: 1 while a provider is up to date, 0 from its first trouble on.
#[test]
fn the_state_of_a_provider_is_a_metric() {
    let (web, api) = (ports::free(), ports::free());
    let upstream = Upstream::start("of-http");
    let text = Arc::new(Mutex::new(site("Host(`http.test`)", &upstream)));
    let port = hand_out(&text);
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg(format!("--entryPoints.traefik.address=127.0.0.1:{api}"))
        .arg(format!("--providers.http.endpoint=http://127.0.0.1:{port}/"))
        .arg("--providers.http.pollInterval=100ms")
        .arg("--providers.swarm.endpoint=unix:///nowhere/docker.sock")
        .arg("--metrics.prometheus=true")
        .start();
    process.wait_listening(api);
    let up = |provider: &str, up: u8| {
        let line = format!("\nswarmgate_provider_up{{provider=\"{provider}\"}} {up}\n");
        eventually(&line, LIMIT, || {
            let page = client::get(api, "localhost", "/metrics").map_err(|it| it.to_string())?;
            if page.text().contains(&line) { Ok(()) } else { Err(process.output()) }
        });
    };
    up("http", 1);
    up("swarm", 0);
    let good = std::mem::take(&mut *text.lock().unwrap());
    up("http", 0);
    serves(&process, web, "http.test", "of-http");
    *text.lock().unwrap() = good;
    up("http", 1);
}
