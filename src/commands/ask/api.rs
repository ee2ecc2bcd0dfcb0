//! The same question over HTTP, where the API is reachable: `GET /api/explain`, `GET /api/routes`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use swarmgate_proxy::explain::{Ask, Target};
use swarmgate_proxy::resolve::Resolver;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// To connect.
const CONNECT: Duration = Duration::from_secs(5);
/// For the whole exchange.
const WHOLE: Duration = Duration::from_secs(30);
/// The longest answer, bytes.
const ANSWER_LIMIT: u64 = 256 << 20;

/// Asks the API behind `base`, `http://host[:port][/base/path]`.
///
/// # Errors
/// Why there is no answer.
pub async fn ask(base: &str, ask: &Ask) -> Result<Value, String> {
    let target = Target::parse(base).map_err(|error| format!("--api: {error}"))?;
    if target.tls {
        return Err("--api: https is not spoken here; expected http://host:port".into());
    }
    if target.shown != base {
        return Err("--api: a user is not sent; expected http://host:port".into());
    }
    let path = format!("{}{}", target.target.trim_end_matches('/'), path(ask));
    let fail = |error: String| format!("the API at {base} cannot be asked: {error}");
    let exchange = exchange(&target, &path);
    let answer = timeout(WHOLE, exchange).await.map_err(|_| fail("it does not answer".into()))?;
    let (status, body) = answer.map_err(fail)?;
    let body: Option<Value> = serde_json::from_slice(&body).ok();
    match (status, body) {
        (200, Some(answer)) => Ok(answer),
        (400, Some(Value::Object(refusal))) => match refusal.get("message") {
            Some(Value::String(message)) => Err(message.clone()),
            _ => Err(fail("400".into())),
        },
        (200, None) => Err(fail("its answer is no JSON".into())),
        (404, _) => Err(fail(
            "404; expected the address of Swarmgate's API, such as \
                              http://host:8080 with api.insecure"
                .into(),
        )),
        (status, _) => Err(fail(status.to_string())),
    }
}

fn path(ask: &Ask) -> String {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let path = match ask {
        Ask::Explain(question) => {
            pairs.push(("url", &question.url));
            pairs.push(("method", &question.method));
            pairs.push(("from", &question.from));
            pairs.push(("entryPoint", &question.entry_point));
            pairs.extend(question.headers.iter().map(|line| ("header", line.as_str())));
            "/api/explain"
        }
        Ask::Routes { host, entry_point } => {
            pairs.push(("host", host));
            pairs.push(("entryPoint", entry_point));
            "/api/routes"
        }
    };
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    format!("{path}?{}", query.join("&"))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Status and body.
async fn exchange(target: &Target, path: &str) -> Result<(u16, Vec<u8>), String> {
    let addresses: Vec<IpAddr> = match target.name.parse() {
        Ok(address) => vec![address],
        Err(_) => Resolver::default().resolve(&target.name).await?,
    };
    let mut stream = connect(&addresses, target.port).await?;
    let broken = |error: std::io::Error| error.to_string();
    // HTTP/1.0: the end of the connection is the end of the answer.
    let request = format!(
        "GET {path} HTTP/1.0\r\nHost: {}\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
        target.host
    );
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LIMIT).read_to_end(&mut answer).await.map_err(broken)?;
    read(&answer).ok_or_else(|| "its answer is no HTTP".into())
}

async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, String> {
    let mut last = "its name has no address".to_owned();
    for address in addresses {
        match timeout(CONNECT, TcpStream::connect(SocketAddr::new(*address, port))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = "timed out".into(),
        }
    }
    Err(last)
}

fn read(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = answer.split_at_checked(end)?;
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let mut words = line.split(' ');
    let version = words.next()?;
    let status = words.next()?.parse().ok()?;
    version.starts_with("HTTP/1.").then(|| (status, body.get(4..).unwrap_or_default().to_vec()))
}

#[cfg(test)]
mod tests {
    use swarmgate_proxy::explain::Question;

    use super::*;

    #[test]
    fn paths() {
        let question = Question {
            url: "http://a.test/x?y&z".into(),
            headers: vec!["A: b+c".into(), "D: é".into()],
            ..Question::default()
        };
        assert_eq!(
            path(&Ask::Explain(question)),
            "/api/explain?url=http%3A%2F%2Fa.test%2Fx%3Fy%26z&header=A%3A%20b%2Bc&header=D%3A%20%C3%A9"
        );
        let routes = Ask::Routes { host: "a.test".into(), entry_point: String::new() };
        assert_eq!(path(&routes), "/api/routes?host=a.test");
    }

    #[test]
    fn answers() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}", Some((200, "{}"))),
            ("HTTP/1.0 404 \r\n\r\n", Some((404, ""))),
            ("HTTP/1.1 x\r\n\r\n", None),
            ("SSH-2.0\r\n\r\n", None),
            ("", None),
        ] {
            let expected = expected.map(|(status, body)| (status, body.as_bytes().to_vec()));
            assert_eq!(read(answer.as_bytes()), expected, "{answer:?}");
        }
    }
}
