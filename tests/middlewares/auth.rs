//! `basicAuth` and `digestAuth`: what is remembered, what waits, and what is written down.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use swarmgate_testkit::client::{self, Client, Response};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::real;

use crate::stage::{LIMIT, Stage};

const ROUTER: &str = "in: {rule: 'Host(`in.test`)', service: app, middlewares: [auth]}";

/// Of "secret"; each check takes a good part of a second.
const SLOW: &str = "bob:$2y$13$abcdefghijklmnopqrstuuyd9ipDgNyTEie103vumVuve9x.2WtxW";
const SECRET: &str = "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
const EMPTY: &str = "bob:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=";

/// MD5 of `bob:traefik:secret`.
const HA1: &str = "185b1d3a142373ac8826db9cccec494c";

/// `bob:secret`, `bob:` and `bob:wrong`.
const BOB_SECRET: &str = "Ym9iOnNlY3JldA==";
const BOB_EMPTY: &str = "Ym9iOg==";
const BOB_WRONG: &str = "Ym9iOndyb25n";

fn ask(port: u16, credentials: &str) -> Response {
    let mut client = Client::connect(("127.0.0.1", port)).expect("it listens");
    client.set_timeout(Duration::from_secs(120)).expect("a time-out");
    let request =
        format!("GET / HTTP/1.1\r\nHost: in.test\r\nAuthorization: Basic {credentials}\r\n\r\n");
    client.exchange(request).expect("an answer")
}

fn becomes(stage: &Stage, credentials: &str, status: u16) {
    eventually("the users change", LIMIT, || match ask(stage.web, credentials).status {
        found if found == status => Ok(()),
        other => Err(other.to_string()),
    });
}

#[test]
fn a_slow_check_is_made_once_and_holds_nobody_up() {
    let stage = Stage::set(ROUTER, &format!("auth: {{basicAuth: {{users: ['{SLOW}']}}}}"));
    let start = Instant::now();
    assert_eq!(ask(stage.web, BOB_SECRET).status, 200);
    let once = start.elapsed();
    assert!(once > Duration::from_millis(50), "{once:?}");
    let start = Instant::now();
    for _ in 0..100 {
        assert_eq!(ask(stage.web, BOB_SECRET).status, 200);
    }
    let remembered = start.elapsed();
    assert!(remembered < once * 50, "{remembered:?} for 100, {once:?} for one");

    // Each of these is another password. Whoever comes meanwhile does not wait for them.
    let web = stage.web;
    let guesses: Vec<_> = (b'a'..=b'x')
        .map(|letter| {
            thread::spawn(move || ask(web, &format!("Ym9iOndyb25{}", char::from(letter))).status)
        })
        .collect();
    thread::sleep(Duration::from_millis(100));
    for _ in 0..20 {
        let start = Instant::now();
        assert_eq!(client::get(web, "ready.test", "/").expect("an answer").status, 200);
        assert_eq!(ask(web, BOB_SECRET).status, 200);
        let waited = start.elapsed();
        assert!(waited < once * 4 + Duration::from_secs(1), "{waited:?}, a check {once:?}");
    }
    for guess in guesses {
        assert_eq!(guess.join().expect("no panic"), 401);
    }
}

#[test]
fn the_file_of_users_is_read_again() {
    let mut stage = Stage::set("", "");
    stage.process.replace_file("users", SECRET);
    stage.change(ROUTER, "auth: {basicAuth: {usersFile: users}}");
    assert_eq!(ask(stage.web, BOB_SECRET).status, 200);
    stage.process.replace_file("users", EMPTY);
    becomes(&stage, BOB_EMPTY, 200);
    assert_eq!(ask(stage.web, BOB_SECRET).status, 401);
    // Without the file everything stays, and that is said once.
    fs::remove_file(stage.process.directory().join("users")).expect("removed");
    let said = |stage: &Stage| stage.process.output().matches("The users stay as they").count();
    eventually("it says so", LIMIT, || {
        assert_eq!(ask(stage.web, BOB_EMPTY).status, 200);
        if said(&stage) == 1 { Ok(()) } else { Err(stage.process.output()) }
    });
    // Longer than until the next look.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        assert_eq!(ask(stage.web, BOB_EMPTY).status, 200);
        thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(said(&stage), 1);
    stage.process.replace_file("users", SECRET);
    becomes(&stage, BOB_SECRET, 200);
}

#[test]
fn a_router_that_comes_too_late_for_the_file_takes_no_other_with_it() {
    let mut stage = Stage::set("", "");
    let auth = "auth: {basicAuth: {usersFile: users}}";
    stage.process.replace_file("users", SECRET);
    stage.change(ROUTER, auth);
    assert_eq!(ask(stage.web, BOB_SECRET).status, 200);
    fs::remove_file(stage.process.directory().join("users")).expect("removed");
    // It is built before the other, by its name.
    let early = "early: {rule: 'Host(`early.test`)', service: app, middlewares: [auth]}";
    stage.change(&format!("{early}\n    {ROUTER}"), auth);
    assert_eq!(stage.get("early.test", &[]).status, 404);
    assert_eq!(ask(stage.web, BOB_SECRET).status, 200);
}

#[test]
fn names_are_logged_and_secrets_are_not() {
    let stage = Stage::set_with(
        ROUTER,
        &format!("auth: {{basicAuth: {{users: ['{SLOW}'], headerField: X-User}}}}"),
        &["--accessLog.filePath=access.log", "--log.level=DEBUG"],
    );
    assert_eq!(ask(stage.web, BOB_SECRET).status, 200);
    assert_eq!(ask(stage.web, BOB_WRONG).status, 401);
    let path = stage.process.directory().join("access.log");
    let text = eventually("both lines", LIMIT, || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.matches(" - bob [").count() == 2 { Ok(text) } else { Err(text) }
    });
    assert!(text.contains("\" 200 ") && text.contains("\" 401 "), "{text}");
    let all = text + &stage.process.output();
    for secret in [BOB_SECRET, BOB_WRONG, "secret", "wrong", "$2y$", "d9ipDgNyTEie"] {
        assert!(!all.contains(secret), "{secret} is written in:\n{all}");
    }
}

#[test]
fn what_is_wrong_is_named_without_its_hash() {
    let stage = Stage::set(
        ROUTER,
        "auth: {basicAuth: {users: ['ann:{SHA}hash-1', 'bob:{SHA}hash-2:more']}}",
    );
    assert_eq!(ask(stage.web, BOB_SECRET).status, 404);
    let output = eventually("it says so", LIMIT, || {
        let output = stage.process.output();
        if output.contains("users[1]") { Ok(output) } else { Err(output) }
    });
    assert!(!output.contains("hash-1") && !output.contains("hash-2"), "{output}");
}

fn curl(stage: &Stage, more: &[&str]) -> Option<String> {
    let output = Command::new(real::curl("digestAuth")?)
        .args(["-sS", "-i", "--max-time", "20", "--noproxy", "*"])
        .args(["--connect-to", &format!("::127.0.0.1:{}", stage.web)])
        .args(more)
        .output()
        .expect("curl runs");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn digest_as_a_client_speaks_it() {
    let auth =
        format!("auth: {{digestAuth: {{users: ['bob:traefik:{HA1}'], headerField: X-User}}}}");
    let mut stage = Stage::set(ROUTER, &auth);
    let right = ["--digest", "-u", "bob:secret", "http://in.test/a?b=c", "http://in.test/d"];
    let Some(text) = curl(&stage, &right) else { return };
    // It begins anew for each URL.
    assert_eq!(text.matches("HTTP/1.1 401").count(), 2, "{text}");
    assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
    let wrong = ["--digest", "-u", "bob:wrong", "http://in.test/"];
    let text = curl(&stage, &wrong).unwrap_or_default();
    assert_eq!(text.matches("HTTP/1.1 401").count(), 2, "{text}");

    // The opaque of a challenge tells whether its nonces are still known.
    let opaque = |stage: &Stage| {
        let answer = client::get(stage.web, "in.test", "/").expect("an answer");
        let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
        let (_, after) = challenge.split_once("opaque=").expect("an opaque");
        after.split(',').next().unwrap_or_default().to_owned()
    };
    let before = opaque(&stage);
    stage.change(ROUTER, &format!("{auth}\n    other: {{addPrefix: {{prefix: /x}}}}"));
    assert_eq!(opaque(&stage), before);
    stage.change(ROUTER, &auth.replace("X-User", "X-Other"));
    assert_ne!(opaque(&stage), before);
}
