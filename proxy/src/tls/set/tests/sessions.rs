//! Sessions last as long as the certificates that they began with.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use rustls::client::{ResolvesClientCert, Resumption, Tls12Resumption};
use rustls::sign::CertifiedKey;
use rustls::{HandshakeKind, SignatureScheme};

use super::*;

/// Until then everything that begins with a certificate has to have begun.
const SOON: Duration = Duration::from_secs(4);

/// A client that gets a new certificate, and keeps its sessions.
#[derive(Debug)]
struct Renewing(Mutex<Arc<CertifiedKey>>);

impl Renewing {
    fn renew(&self, identity: &Identity) {
        *self.0.lock().unwrap() = certified(identity);
    }
}

impl ResolvesClientCert for Renewing {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.lock().unwrap()))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn certified(Identity(chain, key): &Identity) -> Arc<CertifiedKey> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let signer = crate::tls::provider().key_provider.load_private_key(key).unwrap();
    Arc::new(CertifiedKey::new(chain.clone(), signer))
}

/// A client of its own; TLS 1.2 knows sessions by tickets and by their ids.
fn renewing(version: &str, by_id: bool, identity: &Identity) -> (Arc<ClientConfig>, Arc<Renewing>) {
    let renewing = Arc::new(Renewing(Mutex::new(certified(identity))));
    let mut config = ClientConfig::clone(&client(version, None));
    config.client_auth_cert_resolver = Arc::clone(&renewing) as _;
    config.resumption = Resumption::in_memory_sessions(8).tls12_resumption(match by_id {
        true => Tls12Resumption::SessionIdOnly,
        false => Tls12Resumption::SessionIdOrTickets,
    });
    (Arc::new(config), renewing)
}

#[test]
fn sessions_end_with_their_certificates() {
    let ours = authority("ours");
    let asks = |client_auth| TlsOptions { client_auth, ca_files: vec![ours.pem()], ..options() };
    let end = SystemTime::now() + SOON;
    let since_1970 = end.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970;
    let soon = issued(&ours, |params| params.not_after = not_after);
    let later = issued(&ours, |_| ());
    let mut begun = Vec::new();
    for asked in [ClientAuth::RequireAndVerify, ClientAuth::VerifyIfGiven] {
        let set = set("o", &asks(asked));
        for (version, by_id) in
            [("VersionTLS12", false), ("VersionTLS12", true), ("VersionTLS13", false)]
        {
            for renews in [true, false] {
                let (client, identity) = renewing(version, by_id, &soon);
                let what = format!("{asked:?} {version} {by_id} {renews}");
                for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
                    let (shaken, server) = shake(&set, &client).unwrap();
                    assert_eq!(shaken.handshake_kind(), Some(expected), "{what}");
                    assert_eq!(server.peer_certificates(), Some(&*soon.0), "{what}");
                }
                begun.push((what, Arc::clone(&set), client, renews.then_some(identity)));
            }
        }
    }
    // The last second is a whole one.
    let end = end + Duration::from_secs(1);
    std::thread::sleep(end.duration_since(SystemTime::now()).unwrap_or_default());
    for (what, set, client, renewed) in begun {
        let Some(renewed) = renewed else {
            assert!(shake(&set, &client).is_err(), "{what}: its time is over");
            continue;
        };
        renewed.renew(&later);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (shaken, server) = shake(&set, &client).unwrap();
            assert_eq!(shaken.handshake_kind(), Some(expected), "{what}");
            assert_eq!(server.peer_certificates(), Some(&*later.0), "{what}");
        }
    }
}

#[test]
fn a_session_of_nobody_has_no_end() {
    let ours = authority("ours");
    let given = TlsOptions {
        client_auth: ClientAuth::VerifyIfGiven,
        ca_files: vec![ours.pem()],
        ..options()
    };
    let set = set("o", &given);
    for version in BOTH {
        let nobody = client(version, None);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let (shaken, server) = shake(&set, &nobody).unwrap();
            assert_eq!(shaken.handshake_kind(), Some(expected), "{version}");
            assert_eq!(server.peer_certificates(), None, "{version}");
        }
    }
}
