//! How often a server is asked, where the proxies may ask more than once.

use std::time::Duration;

use swarmgate_testkit::client::Client;

use crate::conversations::told;
use crate::outcome;
use crate::setup::{Side, World};

/// `POST host | order | …`; a part that begins with `=` is the body. Each answer's status, and the
/// number of requests that the server has got for it.
fn hits(side: &Side, world: &World, requests: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for line in requests {
        let mut parts = line.split(" | ");
        let (method, host) = parts.next().and_then(|it| it.split_once(' ')).expect("both");
        let mut text = format!("{method} / HTTP/1.1\r\nHost: {host}.test\r\n");
        let mut body = "";
        for part in parts {
            match part.strip_prefix('=') {
                Some(it) => {
                    body = it;
                    text.push_str(&format!("Content-Length: {}\r\n", it.len()));
                }
                None => text.push_str(&format!("X-Do: {part}\r\n")),
            }
        }
        text.push_str(&format!("\r\n{body}"));
        let before = world.one.requests();
        let result = Client::connect(("127.0.0.1", side.port("web"))).and_then(|mut client| {
            client.set_timeout(Duration::from_secs(12))?;
            client.exchange(&text)
        });
        let status = match result {
            Ok(answer) => format!("{} {:?}", answer.status, answer.text().len().min(7)),
            Err(error) => outcome::no_answer(&error),
        };
        lines.push(format!("{line}: {status}, {} requests", world.one.requests() - before));
    }
    lines
}

pub fn retry(side: &Side, world: &World) -> Vec<String> {
    hits(
        side,
        world,
        &[
            "GET rt | status 503",
            "GET rt | status 502",
            "GET rt | status 200",
            "POST rt | status 503 | =x",
            "GET rt-one | status 503",
            "GET rt-status | status 200",
            "GET rt-status | status 404",
            "GET rt-status | status 405",
            "GET rt-status | status 499",
            "GET rt-status | status 500",
            "GET rt-status | status 503",
            "GET rt-status | status 504",
            "GET rt-status | fails 1 500 r1",
            "GET rt-status | fails 2 503 r2",
            "GET rt-status | fails 2 404 r3",
            "HEAD rt-status | status 503",
            "OPTIONS rt-status | status 503",
            "DELETE rt-status | status 503",
            "PUT rt-status | status 503 | =hello",
            "PUT rt-status | fails 2 503 r4 | =hello",
            "POST rt-status | status 503 | =hello",
            "POST rt-status | status 503",
            "PATCH rt-status | status 503 | =hello",
            "LOCK rt-status | status 503",
            "lock rt-status | status 503",
            "FOO rt-status | status 503",
            "POST rt-any | status 503 | =hello",
            "PATCH rt-any | status 503 | =hello",
            "LOCK rt-any | status 503",
            "POST rt-any | fails 2 503 r5 | =hello",
            "PUT rt-small | status 503 | =hello",
            "PUT rt-small | status 503 | =hello!",
            "PUT rt-small | status 503",
            "PUT rt-none | status 503 | =h",
            "PUT rt-none | status 503",
            "PUT rt-unlimited | status 503 | =hello hello hello hello hello hello",
            "GET rt-calm | status 503",
            "GET rt-brief | slow 20 | status 503",
            "GET rt-quiet | status 503",
            "GET rt-gateway | status 502",
            "GET rt-401",
            "GET rt-auth",
            "GET rt-edits | status 503",
        ],
    )
}

pub fn buffering(side: &Side, world: &World) -> Vec<String> {
    hits(
        side,
        world,
        &[
            "POST bf | status 503 | =x",
            "POST bf-again | status 502 | =x",
            "POST bf-again | status 504 | =x",
            "POST bf-again | status 503 | =x",
            "POST bf-again | status 200 | =x",
            "POST bf-again | fails 1 502 b1 | =x",
            "PUT bf-again | fails 2 504 b2 | =x",
            "PUT bf-code | status 503 | =x",
            "PUT bf-code | status 502 | =x",
            "POST bf-method | status 503 | =x",
            "PUT bf-method | status 503 | =x",
            "PUT bf-method | status 499 | =x",
            "PUT bf-method | fails 1 599 b3 | =x",
            "PUT bf-spill | status 503 | =hello",
            "PUT bf-spill | fails 3 503 b4 | =hello",
        ],
    )
}

/// The first try of requests without a body is the only one of Traefik 3.7.
pub fn without_body(side: &Side, world: &World) -> Vec<String> {
    hits(
        side,
        world,
        &[
            "GET bf-again | status 502",
            "GET bf-again | status 200",
            "GET bf-code | status 503",
            "HEAD bf-code | status 503",
            "POST bf-code | status 503",
        ],
    )
}

pub fn upgrades(side: &Side, _world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for host in ["rt", "rt-status", "bf", "bf-again", "cb-good-blanks"] {
        lines.extend(told(side, |client| {
            client.send(format!(
                "GET / HTTP/1.1\r\nHost: {host}.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
            ))?;
            let head = client.head()?;
            client.send("ping")?;
            let echo = String::from_utf8_lossy(&client.bytes(10)?).into_owned();
            Ok(vec![format!("{host}: {} {echo:?}", head.first)])
        }));
        // Refused ones are answered as anything else is.
        lines.extend(told(side, |client| {
            client.send(format!(
                "GET / HTTP/1.1\r\nHost: {host}.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Do: deny\r\nX-Do: status 403\r\nX-Do: body no\r\n\r\n"
            ))?;
            let answer = client.response("GET")?;
            Ok(vec![format!("{host} refused: {} {:?}", answer.status, answer.text())])
        }));
    }
    lines
}
