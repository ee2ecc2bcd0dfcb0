//! Answers of the proxies' own whose status has no body, over HTTP/2: there a body behind them is an
//! error of the protocol, and the client gets nothing.

use std::process::Command;

use swarmgate_testkit::real;

use crate::setup::{Side, World};

/// A breaker that opens behind its first answer, by what it says then.
pub fn breakers(side: &Side, _: &World) -> Vec<String> {
    let Some(curl) = real::curl("answers without a body side by side") else { return Vec::new() };
    let mut lines = Vec::new();
    for host in ["cb-204", "cb-304"] {
        for protocol in ["--http2-prior-knowledge", "--http2-prior-knowledge", "--http1.1"] {
            for method in ["GET", "POST"] {
                let output = Command::new(&curl)
                    .args(["-s", "-o", "/dev/null", "--max-time", "10", "--noproxy", "*", protocol])
                    .args(["-X", method, "-H", &format!("Host: {host}.test")])
                    .args(["-w", "HTTP/%{http_version} %{http_code}"])
                    .arg(format!("http://127.0.0.1:{}/", side.port("web")))
                    .output();
                lines.push(match output {
                    Ok(output) => {
                        let said = String::from_utf8_lossy(&output.stdout).into_owned();
                        format!("{host} {protocol} {method}: {said}, {}", output.status)
                    }
                    Err(error) => error.to_string(),
                });
            }
        }
    }
    lines
}
