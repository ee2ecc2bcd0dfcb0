//! Exchanges that take more than one request and one answer.

use std::io;
use std::process::Command;
use std::time::Duration;

use swarmgate_testkit::client::{Client, Response};
use swarmgate_testkit::real;

use crate::outcome;
use crate::setup::{Side, World};

type Talk = fn(&Side, &World) -> Vec<String>;

/// All conversations by name.
pub const ALL: &[(&str, Talk)] = &[
    ("talk: websocket", websocket),
    ("talk: upgrade to anything", upgrade),
    ("talk: upgrade over HTTP/1.0", upgrade_10),
    ("talk: upgrade behind compress", upgrade_compressed),
    ("talk: keep-alive", keep_alive),
    ("talk: keep-alive ends after two", counted),
    ("talk: pipelining", pipelining),
    ("talk: HTTP/1.0 closes", closes_10),
    ("talk: after an error in the head", after_bad_head),
    ("talk: early answer to a long body", early_answer),
    ("talk: both servers get their share", shares),
    ("talk: weights are exact", weights),
    ("talk: body arrives before its end", streaming_up),
    ("talk: answer arrives before its end", streaming_down),
    ("talk: HTTP/2 over TLS", http2),
    ("talk: HTTP/2 without TLS", h2c),
    ("talk: HTTP/2 POST", http2_post),
    ("talk: HTTP/2 trailers", http2_trailers),
    ("talk: HTTP/2 no router", http2_not_found),
    ("talk: HTTP/2 cookies", http2_cookies),
    ("talk: HTTP/2, an open breaker without a body", crate::bodiless::breakers),
    ("talk: tries of retry", crate::tries::retry),
    ("talk: tries of buffering", crate::tries::buffering),
    ("talk: tries of buffering, no body", crate::tries::without_body),
    ("talk: upgrades through retry and buffering", crate::tries::upgrades),
    ("talk: digest, counts", crate::digest::counts),
    ("talk: digest, what is said", crate::digest::variants),
    ("talk: digest, realms and fields", crate::digest::others),
];

pub fn told(side: &Side, talk: impl FnOnce(&mut Client) -> io::Result<Vec<String>>) -> Vec<String> {
    told_on(side, "web", talk)
}

fn told_on(
    side: &Side,
    entry_point: &str,
    talk: impl FnOnce(&mut Client) -> io::Result<Vec<String>>,
) -> Vec<String> {
    let result = Client::connect(("127.0.0.1", side.port(entry_point))).and_then(|mut client| {
        client.set_timeout(Duration::from_secs(5))?;
        talk(&mut client)
    });
    result.unwrap_or_else(|error| vec![outcome::no_answer(&error)])
}

fn switched(side: &Side, world: &World, request: &str) -> Vec<String> {
    told(side, |client| {
        client.send(request)?;
        let mut response = client.response("GET")?;
        let closing = response.status != 101;
        let mut lines = Vec::new();
        if !closing {
            client.send("ping")?;
            lines.push(format!("echo: {:?}", String::from_utf8_lossy(&client.bytes(10)?)));
            client.finish()?;
            lines.push(format!("after the end: {:?}", client.rest()?.len()));
        }
        response.body.clear();
        lines.extend(outcome::lines(side, Ok(response)));
        if let Some(head) = world.one.last_head() {
            lines.extend(outcome::upstream_head(&head));
        }
        Ok(lines)
    })
}

fn websocket(side: &Side, world: &World) -> Vec<String> {
    let request = "GET /chat?x HTTP/1.1\r\nHost: host.test\r\nConnection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://elsewhere.test\r\n\r\n";
    switched(side, world, request)
}

fn upgrade(side: &Side, world: &World) -> Vec<String> {
    let request =
        "GET / HTTP/1.1\r\nHost: host.test\r\nConnection: Upgrade\r\nUpgrade: foo/1\r\n\r\n";
    switched(side, world, request)
}

fn upgrade_compressed(side: &Side, world: &World) -> Vec<String> {
    let request = "GET / HTTP/1.1\r\nHost: z.test\r\nConnection: Upgrade\r\nUpgrade: foo/1\r\nAccept-Encoding: gzip, br\r\n\r\n";
    switched(side, world, request)
}

fn upgrade_10(side: &Side, world: &World) -> Vec<String> {
    let request =
        "GET / HTTP/1.0\r\nHost: host.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
    switched(side, world, request)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: host.test\r\n\r\n";

fn brief(response: &Response) -> String {
    format!("{} connection={:?}", response.status, response.header("connection"))
}

fn keep_alive(side: &Side, _: &World) -> Vec<String> {
    told(side, |client| (0..5).map(|_| client.exchange(GET).map(|got| brief(&got))).collect())
}

fn counted(side: &Side, _: &World) -> Vec<String> {
    told_on(side, "counted", |client| {
        let mut lines = vec![brief(&client.exchange(GET)?), brief(&client.exchange(GET)?)];
        lines.push(format!("then {:?}", client.rest()?.len()));
        Ok(lines)
    })
}

fn pipelining(side: &Side, _: &World) -> Vec<String> {
    told(side, |client| {
        let targets = ["/1", "/2", "/3"];
        let requests: String = targets
            .iter()
            .map(|target| format!("GET {target} HTTP/1.1\r\nHost: host.test\r\n\r\n"))
            .collect();
        client.send(requests)?;
        let answer = |_| client.response("GET").map(|got| got.json()["target"].to_string());
        targets.iter().map(answer).collect()
    })
}

fn closes_10(side: &Side, _: &World) -> Vec<String> {
    told(side, |client| {
        let first = client.exchange("GET / HTTP/1.0\r\nHost: host.test\r\n\r\n")?;
        Ok(vec![brief(&first), format!("then {:?}", client.rest()?.len())])
    })
}

fn after_bad_head(side: &Side, _: &World) -> Vec<String> {
    told(side, |client| {
        let first = client.exchange("GET / HTTP/1.1\r\nHost: host.test\r\nX A: b\r\n\r\n")?;
        Ok(vec![format!("{}", first.status), format!("then {:?}", client.rest()?.len())])
    })
}

/// The answer of a router that does not exist comes though the body is not read.
fn early_answer(side: &Side, _: &World) -> Vec<String> {
    told(side, |client| {
        client
            .send("POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: 1000000\r\n\r\nabc")?;
        Ok(vec![format!("{}", client.response("POST")?.status)])
    })
}

fn names(side: &Side, host: &str, count: usize) -> io::Result<Vec<String>> {
    let mut client = Client::connect(("127.0.0.1", side.port("web")))?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    (0..count).map(|_| Ok(client.exchange(&request)?.json()["name"].to_string())).collect()
}

fn count(names: &[String]) -> Vec<String> {
    let of = |wanted: &str| names.iter().filter(|name| name.contains(wanted)).count();
    vec![format!("one: {}, two: {}", of("one"), of("two"))]
}

fn shares(side: &Side, _: &World) -> Vec<String> {
    names(side, "pair.test", 20).map_or_else(|error| vec![error.to_string()], |n| count(&n))
}

fn weights(side: &Side, _: &World) -> Vec<String> {
    names(side, "weights.test", 40).map_or_else(|error| vec![error.to_string()], |n| count(&n))
}

fn streaming_up(side: &Side, _: &World) -> Vec<String> {
    told(side, |client| {
        client.send(
            "POST / HTTP/1.1\r\nHost: host.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
        )?;
        // The server answers at the end of the body: when it answers earlier the other proxy
        // sometimes cuts the connection, so answers of that kind cannot be compared.
        std::thread::sleep(Duration::from_millis(50));
        client.send("3\r\ntwo\r\n0\r\n\r\n")?;
        let response = client.response("POST")?;
        let seen = response.json();
        Ok(vec![format!("{} {} {}", response.status, seen["framing"], seen["body"])])
    })
}

fn streaming_down(side: &Side, _: &World) -> Vec<String> {
    told(side, |client| {
        client.send(
            "GET / HTTP/1.1\r\nHost: host.test\r\nX-Do: drip 300\r\nX-Do: body abcdef\r\n\r\n",
        )?;
        client.head()?;
        let start = std::time::Instant::now();
        let first = client.chunk()?.unwrap_or_default();
        let early = start.elapsed() < Duration::from_millis(250);
        let mut rest = Vec::new();
        while let Some(chunk) = client.chunk()? {
            rest.extend(chunk);
        }
        Ok(vec![
            format!("first {:?}, early: {early}", String::from_utf8_lossy(&first)),
            format!("rest {:?}", String::from_utf8_lossy(&rest)),
        ])
    })
}

/// curl speaks HTTP/2 for us. Its output with `-i` is read as an answer again.
fn curl(side: &Side, entry_point: &str, host: &str, scheme: &str, more: &[&str]) -> Vec<String> {
    let Some(curl) = real::curl("HTTP/2 side by side") else { return Vec::new() };
    let port = side.port(entry_point);
    let output = Command::new(curl)
        .args(["-sS", "-k", "-i", "--max-time", "10", "--noproxy", "*", "-A", "curl"])
        .args(["-H", "Accept-Encoding: identity"])
        .args(["--connect-to", &format!("::127.0.0.1:{port}")])
        .args(more)
        .arg(format!("{scheme}://{host}/x?y=1"))
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return vec![error.to_string()],
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ');
    let response = Response {
        version: words.next().unwrap_or_default().to_owned(),
        status: words.next().and_then(|word| word.parse().ok()).unwrap_or_default(),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
        ..Response::default()
    };
    let mut lines = outcome::lines(side, Ok(response));
    lines.push(format!(
        "curl: {:?} {}",
        output.status.code(),
        String::from_utf8_lossy(&output.stderr)
    ));
    lines
}

fn http2(side: &Side, _: &World) -> Vec<String> {
    curl(side, "secure", "tls.test", "https", &["--http2"])
}

fn h2c(side: &Side, _: &World) -> Vec<String> {
    curl(side, "web", "host.test", "http", &["--http2-prior-knowledge"])
}

fn http2_post(side: &Side, _: &World) -> Vec<String> {
    curl(
        side,
        "secure",
        "tls.test",
        "https",
        &["--http2", "-d", "hello", "-H", "Content-Type: a/b"],
    )
}

fn http2_trailers(side: &Side, _: &World) -> Vec<String> {
    let orders =
        ["--http2", "-H", "X-Do: trailer X-T: v", "-H", "X-Do: body abc", "-H", "TE: trailers"];
    curl(side, "secure", "tls.test", "https", &orders)
}

fn http2_not_found(side: &Side, _: &World) -> Vec<String> {
    curl(side, "secure", "nobody.test", "https", &["--http2"])
}

fn http2_cookies(side: &Side, _: &World) -> Vec<String> {
    curl(side, "secure", "tls.test", "https", &["--http2", "-H", "Cookie: a=b; c=d"])
}
