//! One small server that stands in for every image of the example stacks: web, database, cache, worker.
//!
//! The stacks' own `command:` lines decide what it is, so the stacks run unmodified:
//!
//! | first argument | becomes |
//! |---|---|
//! | `gunicorn`, `http [port]` or none | an HTTP server on `:8080` (or that port) that answers who it is and what it was asked |
//! | `tcp <port>`, `postgres`, `redis-server` | a TCP server that accepts and says nothing (5432, 6379) |
//! | `celery`, `sleep` | a process that waits |
//!
//! `--stop-delay <seconds>` (or the variable `STOP_DELAY`): how long it goes on serving after
//! SIGTERM; then it finishes what is under way and ends.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long requests under way may take after the listener is closed.
const DRAIN: Duration = Duration::from_secs(8);

/// What this process stands in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Http(u16),
    Tcp(u16),
    Wait,
}

/// Reads the role from the arguments (without the program's name).
fn role(arguments: &[String]) -> Result<Role, String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["http", port, ..] if !port.starts_with("--") => match port.parse() {
            Ok(port) => Ok(Role::Http(port)),
            Err(_) => Err(format!("http: `{port}` is not a port")),
        },
        [] | ["http" | "gunicorn" | "python", ..] => Ok(Role::Http(8080)),
        ["tcp", port, ..] => match port.parse() {
            Ok(port) => Ok(Role::Tcp(port)),
            Err(_) => Err(format!("tcp: `{port}` is not a port")),
        },
        ["postgres", ..] => Ok(Role::Tcp(5432)),
        ["redis-server", ..] => Ok(Role::Tcp(6379)),
        ["celery" | "sleep", ..] => Ok(Role::Wait),
        [first, ..] if first.starts_with("--") => Ok(Role::Http(8080)),
        [first, ..] => Err(format!("nothing stands in for `{first}`")),
    }
}

/// Seconds to go on serving after SIGTERM: `--stop-delay 3`, else the variable `STOP_DELAY`, else 0.
fn stop_delay(arguments: &[String], variable: Option<String>) -> Result<Duration, String> {
    let given = arguments.iter().position(|word| word == "--stop-delay");
    let text = match given {
        Some(at) => arguments.get(at + 1).cloned().unwrap_or_default(),
        None => variable.unwrap_or_else(|| "0".to_owned()),
    };
    match text.parse() {
        Ok(seconds) if seconds < 600 => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("stop delay `{text}`: expected whole seconds below 600")),
    }
}

/// The answer: who I am, the request's line and headers, and how long its body was.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let length = body.collect().await.map_or(0, |body| body.to_bytes().len());
    let hostname = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let mut text = String::new();
    let _ = writeln!(text, "Hostname: {}", hostname.trim());
    let _ = writeln!(text, "Version: {}", std::env::var("VERSION").unwrap_or_default());
    let _ = writeln!(text, "Request: {} {} {:?}", head.method, head.uri, head.version);
    let _ = writeln!(text, "Body-Bytes: {length}");
    for (name, value) in &head.headers {
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    if let Some(wait) = head.uri.query().and_then(|query| query.strip_prefix("wait=")) {
        tokio::time::sleep(Duration::from_millis(wait.parse().unwrap_or(0).min(10_000))).await;
    }
    if head.uri.path() == "/env" {
        for (name, value) in std::env::vars() {
            let _ = writeln!(text, "{name}={value}");
        }
    }
    let mut response = Response::new(Full::new(Bytes::from(text)));
    if let Ok(name) = hostname.trim().parse() {
        response.headers_mut().insert("x-replica", name);
    }
    Ok(response)
}

/// Serves until `stop` is done, then lets what is under way finish.
async fn serve(listener: TcpListener, stop: impl Future<Output = ()>) {
    let (stopping, told) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => drop(connections.spawn(connection(stream, told.clone()))),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    let finished = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, finished).await;
}

/// Serves one connection; closes it after the answer under way once told to stop.
async fn connection(stream: TcpStream, mut told: watch::Receiver<bool>) {
    let connection =
        http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        _ = told.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Accepts and keeps connections until `stop` is done.
async fn accept_only(listener: TcpListener, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let mut held = std::collections::VecDeque::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted { held.push_back(stream); }
                if held.len() > 100 { held.pop_front(); }
            }
            () = &mut stop => return,
        }
    }
}

/// Done when SIGTERM or SIGINT has come and `delay` has passed.
async fn stopped(delay: Duration) {
    // A process that cannot listen for signals is of no use as PID 1: it ends at once.
    let (Ok(mut term), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::time::sleep(delay).await;
}

fn run(arguments: &[String]) -> Result<(), String> {
    let role = role(arguments)?;
    let delay = stop_delay(arguments, std::env::var("STOP_DELAY").ok())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let port = match role {
            Role::Wait => {
                stopped(Duration::ZERO).await;
                return Ok(());
            }
            Role::Http(port) | Role::Tcp(port) => port,
        };
        let listener = TcpListener::bind(("0.0.0.0", port))
            .await
            .map_err(|error| format!("port {port}: {error}"))?;
        match role {
            Role::Tcp(_) => accept_only(listener, stopped(delay)).await,
            _ => serve(listener, stopped(delay)).await,
        }
        Ok(())
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("whoami: {message}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Role, role, stop_delay};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_stacks_commands_choose_the_role() {
        let table = [
            ("", Ok(Role::Http(8080))),
            ("http 80", Ok(Role::Http(80))),
            ("http x", Err("http: `x` is not a port".to_owned())),
            ("http --stop-delay 3", Ok(Role::Http(8080))),
            ("gunicorn --bind 0.0.0.0:8080 --workers 2 myapp.wsgi", Ok(Role::Http(8080))),
            ("--stop-delay 3", Ok(Role::Http(8080))),
            ("redis-server --appendonly yes", Ok(Role::Tcp(6379))),
            ("tcp 5432", Ok(Role::Tcp(5432))),
            ("tcp x", Err("tcp: `x` is not a port".to_owned())),
            ("celery --app myapp worker --loglevel info", Ok(Role::Wait)),
            ("bash", Err("nothing stands in for `bash`".to_owned())),
        ];
        for (text, expected) in table {
            assert_eq!(role(&words(text)), expected, "{text}");
        }
    }

    #[test]
    fn the_stop_delay_is_read() {
        let table = [
            ("", None, Some(0)),
            ("http --stop-delay 3", Some("9"), Some(3)),
            ("http", Some("9"), Some(9)),
            ("http --stop-delay", None, None),
            ("http --stop-delay 1s", None, None),
        ];
        for (text, variable, expected) in table {
            let delay = stop_delay(&words(text), variable.map(str::to_owned));
            assert_eq!(delay.ok(), expected.map(Duration::from_secs), "{text}");
        }
    }
}
