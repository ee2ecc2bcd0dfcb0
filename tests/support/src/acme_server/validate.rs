//! HTTP-01 as the CA does it: a real request to the domain's web server (RFC 8555 section 8.3).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::protocol::problem_json;
use super::state::{State, Status};

const PATIENCE: Duration = Duration::from_secs(5);

/// Validates an authorization that is being processed.
pub(super) async fn run(shared: Arc<Mutex<State>>, id: usize) {
    let (port, name, token, expected, refused, never) = {
        let state = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let authorization = &state.authorizations[id];
        let name = authorization.name.clone();
        let thumbprint = &state.accounts[authorization.account].thumbprint;
        (
            state.config.http_port,
            name.clone(),
            authorization.token.clone(),
            format!("{}.{thumbprint}", authorization.token),
            state.faults.refuse.contains(&name),
            state.faults.never_validate.contains(&name),
        )
    };
    if never {
        return;
    }
    let result = if refused {
        Err(("dns", format!("DNS problem: NXDOMAIN looking up A for {name}")))
    } else {
        timeout(PATIENCE, fetch(port, &name, &token))
            .await
            .unwrap_or_else(|_| Err(format!("{name}: no answer in time")))
            .map_err(|error| ("connection", error))
            .and_then(|body| match body.trim_end() == expected {
                true => Ok(()),
                false => Err(("unauthorized", format!("{name}: the key authorization is wrong"))),
            })
    };
    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let authorization = &mut state.authorizations[id];
    match result {
        Ok(()) => authorization.status = Status::Valid,
        Err((kind, detail)) => {
            authorization.status = Status::Invalid;
            authorization.error = Some(problem_json(403, kind, &detail));
        }
    }
}

async fn fetch(port: u16, name: &str, token: &str) -> Result<String, String> {
    let wrong = |what: &str| format!("{name}: {what}");
    let stream =
        TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| wrong(&error.to_string()))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| wrong(&error.to_string()))?;
    tokio::spawn(async move {
        // Its errors reach the sender.
        let _ = connection.await;
    });
    let request = Request::get(format!("/.well-known/acme-challenge/{token}"))
        .header("host", name)
        .header("user-agent", "testkit-acme-server")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| wrong(&error.to_string()))?;
    let response = sender.send_request(request).await.map_err(|error| wrong(&error.to_string()))?;
    let status = response.status();
    if status != 200 {
        return Err(wrong(&format!("invalid response: {status}")));
    }
    let body = Limited::new(response.into_body(), 64 * 1024)
        .collect()
        .await
        .map_err(|error| wrong(&error.to_string()))?;
    String::from_utf8(body.to_bytes().to_vec()).map_err(|_| wrong("the answer is no text"))
}
