//! The curl lines, and the same requests by our own client so that the demo can check itself.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use serde_json::Value;
use swarmgate_testkit::client::{self, Client, Response, Trust};

use crate::swarm::{Ports, Stage, WEB};

/// A line to copy, and what it shows.
pub struct Line {
    pub shows: &'static str,
    pub curl: String,
    check: fn(&Stage) -> Result<String, String>,
}

impl Line {
    /// Does what the line does; says what came of it.
    pub fn check(&self, stage: &Stage) -> Result<String, String> {
        (self.check)(stage)
    }
}

/// All lines.
pub fn lines(stage: &Stage) -> Vec<Line> {
    let Ports { http, https, dashboard } = stage.ports;
    let ca = stage.root_file.display();
    let tls = |host: &str| {
        format!("curl -i --cacert {ca} --connect-to {host}:443:127.0.0.1:{https} 'https://{host}")
    };
    vec![
        Line {
            shows: "plain HTTP is redirected",
            curl: format!(
                "curl -i --connect-to domini.com:80:127.0.0.1:{http} 'http://domini.com/x?y=1'"
            ),
            check: redirected,
        },
        Line {
            shows: "www is redirected by the stack's own middleware",
            curl: format!("{}/x?y=1'", tls("www.domini.com")),
            check: www,
        },
        Line {
            shows: "all replicas answer in turn",
            curl: format!("{}/?[1-6]'", tls("domini.com")),
            check: replicas,
        },
        Line {
            shows: "the routes as the API tells them",
            curl: format!("curl http://127.0.0.1:{dashboard}/api/http/routers"),
            check: api,
        },
    ]
}

/// `GET` over TLS, the certificate checked against the built-in authority.
///
/// # Errors
/// The connection's, or the handshake's.
pub fn secure(stage: &Stage, host: &str, target: &str) -> io::Result<Response> {
    let address = ("127.0.0.1", stage.ports.https);
    let mut client = Client::connect_tls(address, host, Trust::Roots(&stage.root))?;
    client.exchange(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

/// The API's answer.
///
/// # Errors
/// With a sentence for people.
pub fn ask_api(stage: &Stage, path: &str) -> Result<Value, String> {
    let response = client::get(stage.ports.dashboard, "localhost", &format!("/api/{path}"))
        .map_err(|error| format!("the API does not answer: {error}"))?;
    serde_json::from_slice(&response.body)
        .map_err(|error| format!("/api/{path}: {} {error}", response.status))
}

/// Which task answered.
pub fn task(response: &Response) -> Option<String> {
    response.text().lines().find_map(|line| line.strip_prefix("Hostname: ").map(str::to_owned))
}

fn expect(response: &Response, status: u16, location: &str) -> Result<String, String> {
    let got = response.header("location").unwrap_or_default();
    if response.status == status && got == location {
        Ok(format!("{status} {location}"))
    } else {
        Err(format!("{} {got:?} instead of {status} {location:?}", response.status))
    }
}

fn redirected(stage: &Stage) -> Result<String, String> {
    let response = client::get(stage.ports.http, "domini.com", "/x?y=1");
    let location = format!("https://domini.com:{}/x?y=1", stage.ports.https);
    expect(&response.map_err(|error| error.to_string())?, 301, &location)
}

fn www(stage: &Stage) -> Result<String, String> {
    let response = secure(stage, "www.domini.com", "/x?y=1");
    expect(&response.map_err(|error| error.to_string())?, 301, "https://domini.com/x?y=1")
}

fn replicas(stage: &Stage) -> Result<String, String> {
    let wanted = stage.engine.service(WEB).map_or(0, |view| view.tasks.len());
    all_answer(stage, wanted, Duration::from_secs(10))
}

/// Asks until `wanted` tasks have answered.
///
/// # Errors
/// When a request fails, or some task never answers.
pub fn all_answer(stage: &Stage, wanted: usize, limit: Duration) -> Result<String, String> {
    let start = Instant::now();
    let mut seen = BTreeSet::new();
    let mut requests = 0;
    loop {
        let response = secure(stage, "domini.com", "/").map_err(|error| error.to_string())?;
        requests += 1;
        match task(&response) {
            Some(task) if response.status == 200 => seen.insert(task),
            _ => return Err(format!("{} {}", response.status, response.text())),
        };
        if seen.len() >= wanted {
            let names: Vec<String> = seen.into_iter().collect();
            return Ok(format!("{requests} requests, answered by {}", names.join(", ")));
        }
        if start.elapsed() > limit {
            return Err(format!("{requests} requests, {wanted} replicas, but only {seen:?}"));
        }
    }
}

fn api(stage: &Stage) -> Result<String, String> {
    let routers = ask_api(stage, "http/routers")?;
    let names: BTreeSet<&str> = routers
        .as_array()
        .into_iter()
        .flatten()
        .filter(|router| router["status"] == "enabled")
        .filter_map(|router| router["name"].as_str())
        .collect();
    let missing = ["web@", "www@"]
        .into_iter()
        .find(|wanted| !names.iter().any(|name| name.starts_with(wanted)));
    match missing {
        None => Ok(format!("{} routers", names.len())),
        Some(missing) => Err(format!("no enabled router {missing}… among {names:?}")),
    }
}

/// `providers.providersThrottleDuration`: a change on its own is live at once, further ones within
/// this time come together at its end.
const THROTTLE: Duration = Duration::from_secs(2);

/// A new label is live at once.
///
/// # Errors
/// When it is not within a second.
pub fn label_change(stage: &Stage) -> Result<String, String> {
    let rule = "traefik.http.routers.web.rule";
    // The stack's own deployment was a change too.
    std::thread::sleep(THROTTLE + Duration::from_millis(200));
    let start = Instant::now();
    stage.engine.update_labels(WEB, [(rule, "Host(`domini.com`) || Host(`new.domini.com`)")]);
    let result = loop {
        let address = ("127.0.0.1", stage.ports.https);
        let status = Client::connect_tls(address, "new.domini.com", Trust::Anything)
            .and_then(|mut client| {
                client.exchange("GET / HTTP/1.1\r\nHost: new.domini.com\r\n\r\n")
            })
            .map(|response| response.status);
        match status {
            Ok(200) => break Ok(format!("live after {} ms", start.elapsed().as_millis())),
            other if start.elapsed() > Duration::from_secs(1) => {
                break Err(format!("not within a second: {other:?}"));
            }
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    stage.engine.update_labels(WEB, [(rule, "Host(`domini.com`)")]);
    result
}
