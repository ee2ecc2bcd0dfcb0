//! Engines over TCP: plain, with HTTP Basic, and with TLS.

mod support;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use support::{docker, routers, told, watch_swarm};
use swarmgate_config::install::{ClientTls, Docker};
use swarmgate_testkit::certificates::{Certificate, self_signed};
use swarmgate_testkit::engine::{Engine, ServiceSpec};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;

fn engine() -> Engine {
    let engine = Engine::start_temporary().unwrap();
    let port = "traefik.http.services.web.loadbalancer.server.port";
    engine.create_service(ServiceSpec::new("web").network("n").label(port, "80")).unwrap();
    engine
}

/// What clients said first, connection by connection.
type Heads = Arc<Mutex<Vec<String>>>;

/// A TCP front for the engine's socket.
async fn front(engine: &Engine, tls: Option<TlsAcceptor>) -> (SocketAddr, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Heads::default();
    let (path, seen) = (engine.path().to_owned(), heads.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (path, seen, tls) = (path.clone(), seen.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    // A handshake that fails is what some tests want.
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => pass(stream, path, seen).await,
                        Err(error) => seen.lock().unwrap().push(format!("TLS: {error}")),
                    },
                    None => pass(stream, path, seen).await,
                }
            });
        }
    });
    (address, heads)
}

async fn pass(mut client: impl AsyncRead + AsyncWrite + Unpin, path: PathBuf, seen: Heads) {
    let mut head = vec![0; 4096];
    let length = client.read(&mut head).await.unwrap();
    head.truncate(length);
    seen.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
    let mut engine = UnixStream::connect(path).await.unwrap();
    engine.write_all(&head).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
}

fn server_tls(certificate: &Certificate, client: Option<&Certificate>) -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from(client.der.clone())).unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots),
                provider,
            );
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let chain = vec![CertificateDer::from(certificate.der.clone())];
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap();
    TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
}

#[tokio::test]
async fn plain_tcp_with_basic_authentication() {
    let engine = engine();
    let (address, heads) = front(&engine, None).await;
    // By address and by name, in each scheme.
    for endpoint in [
        format!("tcp://{address}"),
        format!("http://{address}"),
        format!("tcp://localhost:{}", address.port()),
    ] {
        let settings = Docker {
            username: Some("user".into()),
            password: Some("pass".into()),
            ..docker(&endpoint)
        };
        let mut watched = watch_swarm(settings);
        watched.until(&endpoint, |c| routers(c) == ["web"]).await;
        let heads = std::mem::take(&mut *heads.lock().unwrap());
        for head in heads {
            let head = head.to_ascii_lowercase();
            assert!(head.contains("authorization: basic dxnlcjpwyxnz\r\n"), "{head}");
            assert!(head.contains("user-agent: swarmgate/"), "{head}");
            assert!(head.starts_with("get /"), "{head}");
        }
    }
}

#[tokio::test]
async fn tls() {
    let engine = engine();
    let server = self_signed(&["127.0.0.1", "localhost"]);
    let client = self_signed(&["client"]);
    let stranger = self_signed(&["127.0.0.1"]);
    let room = tempfile::tempdir().unwrap();
    let ca_file = room.path().join("ca.pem");
    std::fs::write(&ca_file, &server.pem).unwrap();

    let ca = Some(server.pem.clone());
    let (cert, key) = (Some(client.pem.clone()), Some(client.key.clone()));
    let file = Some(ca_file.display().to_string());
    let identified = ClientTls { ca: ca.clone(), cert, key, ..ClientTls::default() };
    let plain = ClientTls { ca, ..ClientTls::default() };
    let stranger = ClientTls { ca: Some(stranger.pem), ..ClientTls::default() };
    let trusting = ClientTls { insecure_skip_verify: true, ..ClientTls::default() };
    // case, client's settings, whether the server wants a client certificate, whether it works
    let table = [
        ("the right CA", plain.clone(), false, true),
        ("the CA from a file", ClientTls { ca: file, ..ClientTls::default() }, false, true),
        ("another CA", stranger, false, false),
        ("public roots", ClientTls::default(), false, false),
        ("no verification", trusting, false, true),
        ("a client certificate", identified, true, true),
        ("no client certificate", plain, true, false),
    ];
    for (case, tls, wants_client, works) in table {
        let acceptor = server_tls(&server, wants_client.then_some(&client));
        let (address, _) = front(&engine, Some(acceptor)).await;
        let settings = Docker { tls: Some(tls), ..docker(&format!("tcp://{address}")) };
        let mut watched = watch_swarm(settings);
        if works {
            watched.until(case, |c| routers(c) == ["web"]).await;
        } else {
            watched.until(case, |c| told(c, "the engine cannot be reached")).await;
            assert!(routers(&watched.latest).is_empty(), "{case}");
        }
    }
}

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut watched = watch_swarm(docker(&format!("tcp://{address}")));
    watched.until("the finding", |c| told(c, "cannot be reached")).await;
    assert!(told(&watched.latest, &format!("tcp://{address}")));
}
