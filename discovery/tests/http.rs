//! The HTTP provider against servers that behave and servers that do not.

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use support::{Watched, routers, told, watch};
use swarmgate_config::install::{ClientTls, Http, Install};
use swarmgate_config::scalar;
use swarmgate_discovery::{Surroundings, providers_in};
use swarmgate_testkit::certificates::self_signed;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Answers every request with the same bytes, and closes.
#[derive(Clone, Default)]
struct Server {
    answer: Arc<Mutex<Vec<u8>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(tls: Option<TlsAcceptor>) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self::default();
        let this = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (this, tls) = (this.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => this.serve(stream).await,
                            Err(error) => this.heads.lock().unwrap().push(format!("TLS: {error}")),
                        },
                        None => this.serve(stream).await,
                    }
                });
            }
        });
        (server, address)
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut head = vec![0; 4096];
        let length = stream.read(&mut head).await.unwrap_or_default();
        head.truncate(length);
        self.heads.lock().unwrap().push(String::from_utf8_lossy(&head).to_ascii_lowercase());
        let answer = self.answer.lock().unwrap().clone();
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    }

    fn say(&self, head: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let mut answer =
            format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(body);
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.heads.lock().unwrap())
    }
}

fn settings(address: SocketAddr, path: &str) -> Http {
    Http {
        endpoint: format!("http://{address}{path}"),
        poll_interval: scalar::Duration::from_millis(50),
        poll_timeout: scalar::Duration::from_secs(2),
        ..Http::default()
    }
}

fn start(settings: Http) -> Watched {
    let mut install = Install::default();
    install.providers.http = Some(settings);
    watch(&install)
}

fn router(name: &str) -> String {
    format!("http:\n  routers:\n    {name}: {{rule: 'Host(`{name}.test`)', service: s}}\n")
}

#[tokio::test]
async fn the_last_good_answer_keeps_serving() {
    let (server, address) = Server::start(None).await;
    server.say("200 OK", router("one"));
    let mut watched = start(settings(address, "/config?key=secret"));
    watched.until("the first", |c| routers(c) == ["one"]).await;
    assert_eq!(watched.provider, "http");
    assert!(watched.latest.findings.is_empty());

    server.say("200 OK", r#"{"http":{"routers":{"two":{"rule":"Host(`b`)","service":"s"}}}}"#);
    watched.until("JSON", |c| routers(c) == ["two"]).await;
    server.say("200 OK\r\nContent-Type: application/toml", "[http.routers.three]\nrule = 'x'\n");
    watched.until("TOML", |c| routers(c) == ["three"]).await;

    let place = format!("http://{address}/config");
    // answer, body, part of the finding
    let table: [(&str, &[u8], &str); 9] = [
        ("500 Oops", b"", "received non-ok response code: 500"),
        ("204 No Content", b"", "received non-ok response code: 204"),
        ("200 OK", b"", "the answer is empty"),
        ("200 OK", b"http: [\n", "not valid YAML"),
        ("200 OK", b"{\"error\": \"rate limited\"}", "defines nothing that can be read"),
        ("200 OK", b"null\n", "the answer is empty"),
        ("200 OK", b"\xff\xfe", "no UTF-8 text"),
        ("200 OK\r\nContent-Encoding: gzip", b"x", "compressed"),
        ("302 Found\r\nLocation: /config", b"", "redirected more than 10 times"),
    ];
    for (head, body, part) in table {
        server.say(head, body);
        watched.until(part, |c| told(c, part)).await;
        assert!(told(&watched.latest, "keeps serving") && told(&watched.latest, &place), "{head}");
        assert!(!told(&watched.latest, "secret"), "{:?}", watched.latest.findings);
        assert_eq!(watched.latest.findings.len(), 1, "{head}: {:?}", watched.latest.findings);
        assert_eq!(routers(&watched.latest), ["three"], "{head}");
        server.say("200 OK", router("three"));
        watched.until("well again", |c| c.findings.is_empty()).await;
    }

    // One bad object spoils only itself, and the line is the answer's.
    server.say("200 OK", format!("{}    bad: {{rul: x}}\n", router("good")));
    watched.until("the good one", |c| routers(c) == ["good"]).await;
    assert!(told(&watched.latest, &format!("{place}:4:")), "{:?}", watched.latest.findings);

    server.say("200 OK", "{}");
    watched.until("nothing, said outright", |c| c.routers.is_empty()).await;
}

#[tokio::test]
async fn servers_that_are_away_or_hang() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hasty = Http { poll_timeout: scalar::Duration::from_millis(200), ..settings(address, "/") };
    // It accepts, and says nothing.
    let mut watched = start(hasty);
    watched.until("the time-out", |c| told(c, "no whole answer within 200ms")).await;
    drop(listener);
    watched.until("refused", |c| told(c, "it cannot be reached")).await;
    assert!(told(&watched.latest, "it is asked again and again"));
}

#[tokio::test]
async fn large_answers() {
    let (server, address) = Server::start(None).await;
    server.say("200 OK", router("small"));
    let mut watched = start(Http { max_response_body_size: 200, ..settings(address, "/") });
    watched.until("small", |c| routers(c) == ["small"]).await;
    server.say("200 OK", format!("{}# {}\n", router("large"), "x".repeat(200)));
    watched.until("large", |c| told(c, "more than 200 bytes")).await;
    assert_eq!(routers(&watched.latest), ["small"]);
}

#[tokio::test]
async fn headers_go_to_their_server_only() {
    let (other, elsewhere) = Server::start(None).await;
    other.say("200 OK", router("moved"));
    let (server, address) = Server::start(None).await;
    server.say(&format!("307 Moved\r\nLocation: http://{elsewhere}/there"), "");
    let with_headers = Http {
        headers: [("X-Token", "t0ken"), ("Host", "named.test"), ("Accept", "text/yaml")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        endpoint: format!("http://me:pw@{address}/here?q=1"),
        ..settings(address, "")
    };
    let mut watched = start(with_headers);
    watched.until("followed", |c| routers(c) == ["moved"]).await;
    let first = server.asked().remove(0);
    for part in [
        "get /here?q=1 http/1.1",
        "host: named.test",
        "x-token: t0ken",
        "accept: text/yaml",
        "authorization: basic bwu6chc=",
        "user-agent: swarmgate/",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    let second = other.asked().remove(0);
    assert!(second.contains("get /there") && second.contains(&format!("host: {elsewhere}")));
    assert!(!second.contains("t0ken") && !second.contains("authorization"), "{second}");
}

#[tokio::test]
async fn tls() {
    let certificate = self_signed(&["127.0.0.1"]);
    let chain = vec![CertificateDer::from(certificate.der.clone())];
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (server, address) = Server::start(Some(TlsAcceptor::from(Arc::new(config)))).await;
    server.say("200 OK", router("safe"));
    let trusting = |tls: Option<ClientTls>| Http {
        endpoint: format!("https://{address}/"),
        tls,
        ..settings(address, "")
    };
    let ca = ClientTls { ca: Some(certificate.pem), ..ClientTls::default() };
    let mut watched = start(trusting(Some(ca)));
    watched.until("trusted", |c| routers(c) == ["safe"]).await;
    let blind = ClientTls { insecure_skip_verify: true, ..ClientTls::default() };
    let mut watched = start(trusting(Some(blind)));
    watched.until("not verified", |c| routers(c) == ["safe"]).await;
    let mut watched = start(trusting(None));
    watched.until("unknown", |c| told(c, "it cannot be reached: invalid peer certificate")).await;
    assert!(routers(&watched.latest).is_empty());
}

#[tokio::test]
async fn equal_answers_are_no_news() {
    let (server, address) = Server::start(None).await;
    server.say("200 OK", router("one"));
    let mut watched = start(settings(address, "/"));
    watched.until("the first", |c| routers(c) == ["one"]).await;
    assert!(watched.next_within(Duration::from_millis(400)).await.is_none());
    assert!(server.asked().len() >= 3);
}

#[test]
fn settings_that_do_not_run() {
    let table = [
        ("ftp://h/", "endpoint: scheme \"ftp\" is not known"),
        ("h/path", "expected a URL such as https://host/path"),
    ];
    for (endpoint, expected) in table {
        let mut install = Install::default();
        install.providers.http = Some(Http { endpoint: endpoint.into(), ..Http::default() });
        let (providers, findings) = providers_in(&install, &Surroundings::default());
        assert!(providers.is_empty());
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().contains(expected), "{}", findings[0]);
    }
}
