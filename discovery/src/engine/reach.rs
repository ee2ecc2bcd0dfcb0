//! Reaching an engine that hangs: a fresh attempt each second, since the older ones may be lost.

use std::sync::Arc;
use std::time::Duration;

use super::failure::too_slow;
use super::hedge::hedge;
use super::{Endpoint, Engine, Failure};

/// How long an attempt may hang before another one is made beside it.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// How long the first attempt may hang; so there are never more than ten.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects to the engine: whichever attempt is answered first counts, be it by a failure.
///
/// # Errors
/// That failure, or that none was answered in time.
pub async fn reach(
    endpoint: &Arc<Endpoint>,
    timeout: Duration,
    newest: Option<(u16, u16)>,
) -> Result<Engine, Failure> {
    let limit = if timeout.is_zero() { PATIENCE } else { timeout.min(PATIENCE) };
    let reached =
        hedge(IMPATIENCE, usize::MAX, || Engine::connect(Arc::clone(endpoint), timeout, newest));
    tokio::time::timeout(limit, reached).await.unwrap_or_else(|_| Err(too_slow()))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;
    use tokio::time::Instant;

    use super::super::Cause;
    use super::super::endpoint::Address;
    use super::*;

    /// An engine on a socket that leaves the first `deaf` connections without an answer.
    fn engine(deaf: usize, answer: &'static str) -> (tempfile::TempDir, Arc<Endpoint>) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("docker.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if held.len() < deaf {
                    held.push(stream);
                    continue;
                }
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 4096]).await;
                    let length = answer.len();
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                    let _ = stream.write_all(format!("{head}{answer}").as_bytes()).await;
                });
            }
        });
        let address = Address::Unix(path);
        let endpoint = Endpoint { address, text: String::new(), tls: None, authorization: None };
        (directory, Arc::new(endpoint))
    }

    #[tokio::test]
    async fn who_asks_anew_is_answered() {
        let (_directory, endpoint) = engine(2, r#"{"ApiVersion": "1.41"}"#);
        let start = Instant::now();
        reach(&endpoint, Duration::ZERO, None).await.expect("the third attempt is answered");
        let took = start.elapsed();
        assert!(took >= IMPATIENCE * 2 && took < IMPATIENCE * 4, "{took:?}");
    }

    #[tokio::test]
    async fn a_failure_is_an_answer_and_patience_ends() {
        let (_directory, endpoint) = engine(0, "{}");
        let failure = reach(&endpoint, Duration::ZERO, None).await.expect_err("no API version");
        assert_eq!(failure.cause, Cause::Refused, "{failure}");
        let (_directory, endpoint) = engine(usize::MAX, "");
        let failure = reach(&endpoint, Duration::from_millis(300), None).await.expect_err("deaf");
        assert_eq!(failure.cause, Cause::Unreachable, "{failure}");
    }
}
