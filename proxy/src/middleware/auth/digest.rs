//! `digestAuth`: proof of a password that is not sent (RFC 7616, MD5 and `auth` only).

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderValue};
use http::{Response, StatusCode, request};
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use swarmgate_config::routing;

use super::admission::Admission;
use super::nonces::{Nonces, Use, token};
use super::parameters::Parameters;
use super::users::{Secret, Users};
use super::{ask, note, realm};
use crate::body::Body;
use crate::middleware::{Answering, Around, Context, Rest};
use crate::respond;
use crate::serve::service::Request;

/// A built `digestAuth` (Traefik: DigestAuth), with its nonces: of one router, over all threads.
#[derive(Debug)]
pub struct DigestAuth {
    users: Arc<Users<Ha1>>,
    nonces: Nonces,
    realm: String,
    opaque: String,
    admission: Admission,
}

/// MD5 of name, realm and password, in hexadecimal digits as written.
pub(super) struct Ha1(Box<[u8]>);

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1")
    }
}

impl Secret for Ha1 {
    const EXPECTED: &'static str = "name:realm:hash";

    fn read(rest: &[u8], realm: &str) -> Result<Option<Self>, String> {
        let mut parts = rest.split(|byte| *byte == b':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(of), Some(hash), None) => Ok((of == realm.as_bytes()).then(|| Self(hash.into()))),
            // What there is may be the hash of a basicAuth.
            (_, None, _) => Err(format!("has a realm or a hash only; expected {}", Self::EXPECTED)),
            _ => Err(format!("has more behind its hash; expected {}", Self::EXPECTED)),
        }
    }

    fn cost(&self) -> u32 {
        1
    }
}

impl Ha1 {
    /// What a client that knows the password answers.
    fn response(&self, method: &str, given: &Parameters) -> [u8; 32] {
        let request = md5(&[method.as_bytes(), given.uri.as_bytes()]);
        md5(&[
            &self.0,
            given.nonce.as_bytes(),
            given.nc.as_bytes(),
            given.cnonce.as_bytes(),
            given.qop.as_bytes(),
            &request,
        ])
    }
}

/// Of the parts with colons between them, in hexadecimal digits.
fn md5(parts: &[&[u8]]) -> [u8; 32] {
    let mut sum = Md5::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            sum.update(b":");
        }
        sum.update(part);
    }
    let sum: [u8; 16] = sum.finalize().into();
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(sum) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    text
}

/// Hexadecimal, without a sign.
fn count(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// The path of a request target or URL, its escapes undone; `None`: an escape is broken.
fn path(uri: &str) -> Option<Vec<u8>> {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    let path = match uri.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
        }
        _ => uri,
    };
    let mut bytes = path.bytes();
    let mut decoded = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            decoded.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

impl DigestAuth {
    pub(in crate::middleware) fn build(written: &routing::DigestAuth) -> Result<Self, String> {
        let realm = realm(&written.realm)?.to_owned();
        Ok(Self {
            users: Arc::new(Users::read(&written.users, &written.users_file, &realm)?),
            nonces: Nonces::default(),
            realm,
            opaque: token().ok_or("the system has no randomness")?,
            admission: Admission::build(written)?,
        })
    }

    fn ask(&self, stale: bool) -> Response<Body> {
        let challenge = self.nonces.issue().and_then(|nonce| {
            let (realm, opaque) = (&self.realm, &self.opaque);
            let stale = if stale { ", stale=\"true\"" } else { "" };
            HeaderValue::from_str(&format!(
                "Digest realm=\"{realm}\", nonce=\"{nonce}\", opaque=\"{opaque}\"{stale}, \
                 algorithm=\"MD5\", qop=\"auth\""
            ))
            .ok()
        });
        match challenge {
            Some(challenge) => ask(challenge),
            None => respond::bare(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Whether the client knows its password, and says so for the first time in these words.
    fn check(&self, head: &request::Parts, given: &Parameters) -> Use {
        if given.opaque != self.opaque
            || given.qop != "auth"
            || given.algorithm.as_ref().is_some_and(|algorithm| algorithm != "MD5")
        {
            return Use::Wrong;
        }
        // Traefik goes by the beginning of the path alone, so that clients which name less of the
        // target than they ask for get in.
        let asked = path(head.uri.path());
        let named = path(&given.uri);
        if !matches!((asked, named), (Some(asked), Some(named)) if asked.starts_with(&named)) {
            return Use::Wrong;
        }
        let users = self.users.now();
        // Somebody who is not known takes as long as somebody who is.
        let known = users.get(given.username.as_bytes());
        let Some(ha1) = known.or(users.stand_in()) else { return Use::Wrong };
        let expected = ha1.response(head.method.as_str(), given);
        let right: bool = expected.ct_eq(given.response.as_bytes()).into();
        if !right || known.is_none() || ha1.0.is_empty() {
            return Use::Wrong;
        }
        match count(&given.nc) {
            Some(count) => self.nonces.spend(&given.nonce, count),
            None => Use::Wrong,
        }
    }
}

impl Around for DigestAuth {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        self.users.look();
        let given = request.head.headers.get(AUTHORIZATION);
        let given = given.and_then(|header| Parameters::read(header.as_bytes()));
        let Some(given) = given else { return Box::pin(ready(self.ask(false).into())) };
        note(request, given.username.as_bytes());
        match self.check(request.head, &given) {
            Use::Fresh => {
                self.admission.apply(&mut request.head.headers, given.username.as_bytes());
                rest.run(request)
            }
            other => Box::pin(ready(self.ask(other == Use::Stale).into())),
        }
    }

    fn would_do(&self, _head: &request::Parts, _context: &Context<'_>) -> Vec<String> {
        let mut told = vec![format!(
            "lets {} users of the realm {:?} in by their passwords, everybody else is answered \
             401 Unauthorized",
            self.users.now().len(),
            self.realm
        )];
        told.extend(self.admission.told());
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::build as build_any;

    fn build(users: &str) -> Result<DigestAuth, String> {
        let written = serde_json::from_str(&format!(r#"{{"users":{users},"realm":"r"}}"#)).unwrap();
        DigestAuth::build(&written)
    }

    /// The HA1 of `name:realm:password`.
    fn ha1(text: &str) -> String {
        String::from_utf8(md5(&[text.as_bytes()]).to_vec()).unwrap()
    }

    fn built() -> DigestAuth {
        let bob = ha1("bob:r:secret");
        build(&format!(r#"["bob:r:{bob}", "bob:other:x", "ann:r:", "eve:other:{bob}"]"#)).unwrap()
    }

    fn head(target: &str) -> request::Parts {
        http::Request::builder().uri(target).body(()).unwrap().into_parts().0
    }

    fn given(auth: &DigestAuth) -> Parameters {
        Parameters {
            username: "bob".into(),
            nonce: auth.nonces.issue().unwrap(),
            uri: "/a/b?c".into(),
            qop: "auth".into(),
            nc: "00000001".into(),
            cnonce: "c".into(),
            opaque: auth.opaque.clone(),
            ..Parameters::default()
        }
    }

    fn signed(mut given: Parameters, name: &str) -> Parameters {
        let ha1 = Ha1(ha1(&format!("{name}:r:secret")).into_bytes().into());
        given.response = String::from_utf8(ha1.response("GET", &given).to_vec()).unwrap();
        given
    }

    #[test]
    fn rfc_2617_example() {
        let given = Parameters {
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093".into(),
            uri: "/dir/index.html".into(),
            qop: "auth".into(),
            nc: "00000001".into(),
            cnonce: "0a4f113b".into(),
            ..Parameters::default()
        };
        let ha1 = Ha1(ha1("Mufasa:testrealm@host.com:Circle Of Life").into_bytes().into());
        assert_eq!(&ha1.response("GET", &given), b"6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn checks() {
        type Change = fn(&mut Parameters);
        // What is different before the client signs, and what comes of it.
        let table: &[(&str, Change, Use)] = &[
            ("nothing", |_| {}, Use::Fresh),
            ("MD5", |it| it.algorithm = Some("MD5".into()), Use::Fresh),
            ("shorter uri", |it| it.uri = "/a".into(), Use::Fresh),
            ("whole url", |it| it.uri = "http://h.test/a/b".into(), Use::Fresh),
            ("escapes", |it| it.uri = "/%61".into(), Use::Fresh),
            ("high count", |it| it.nc = "ffffffffffffffff".into(), Use::Fresh),
            ("other uri", |it| it.uri = "/b".into(), Use::Wrong),
            ("longer uri", |it| it.uri = "/a/b/c".into(), Use::Wrong),
            ("broken uri", |it| it.uri = "/%6".into(), Use::Wrong),
            ("SHA-256", |it| it.algorithm = Some("SHA-256".into()), Use::Wrong),
            ("md5", |it| it.algorithm = Some("md5".into()), Use::Wrong),
            ("auth-int", |it| it.qop = "auth-int".into(), Use::Wrong),
            ("no qop", |it| it.qop = String::new(), Use::Wrong),
            ("other opaque", |it| it.opaque = "x".into(), Use::Wrong),
            ("other nonce", |it| it.nonce = "x".into(), Use::Wrong),
            ("other user", |it| it.username = "eve".into(), Use::Wrong),
            ("user without a hash", |it| it.username = "ann".into(), Use::Wrong),
            ("no user", |it| it.username = String::new(), Use::Wrong),
            ("count zero", |it| it.nc = "0".into(), Use::Wrong),
            ("no count", |it| it.nc = String::new(), Use::Wrong),
            ("count with a sign", |it| it.nc = "+1".into(), Use::Wrong),
            ("count too high", |it| it.nc = "10000000000000000".into(), Use::Wrong),
        ];
        let auth = built();
        for (name, change, expected) in table {
            let mut given = given(&auth);
            change(&mut given);
            let given = signed(given, "bob");
            assert_eq!(auth.check(&head("/a/b?c"), &given), *expected, "{name}");
        }
        let mut tampered = signed(given(&auth), "bob");
        tampered.cnonce = "d".into();
        assert_eq!(auth.check(&head("/a/b?c"), &tampered), Use::Wrong);
        // An HA1 of nothing proves nothing.
        for name in ["ann", "nobody"] {
            let mut given = Parameters { username: name.into(), ..given(&auth) };
            let response = Ha1(Box::default()).response("GET", &given);
            given.response = String::from_utf8(response.to_vec()).unwrap();
            assert_eq!(auth.check(&head("/a/b?c"), &given), Use::Wrong, "{name}");
        }
    }

    #[test]
    fn replays() {
        let auth = built();
        let mut given = given(&auth);
        for (count, expected) in
            [("1", Use::Fresh), ("1", Use::Wrong), ("A", Use::Fresh), ("2", Use::Stale)]
        {
            given.nc = count.into();
            given = signed(given, "bob");
            assert_eq!(auth.check(&head("/a/b?c"), &given), expected, "{count}");
        }
    }

    #[test]
    fn users() {
        assert_eq!(built().users.now().len(), 2);
        assert!(build_any(r#"{"digestAuth":{}}"#).is_ok());
        for (users, expected) in [
            (r#"["a:r:x","bob"]"#, "users[1]: \"bob\" has no hash; expected name:realm:hash"),
            (r#"["bob:hash"]"#, "users[0]: \"bob\" has a realm or a hash only"),
            (r#"["bob:r:hash:x"]"#, "users[0]: \"bob\" has more behind its hash"),
        ] {
            let error = build(users).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains(":x") && !error.contains("hash:"), "{error}");
        }
    }

    #[test]
    fn prints_no_secret() {
        let text = format!("{:?}", built());
        assert!(!text.contains(&ha1("bob:r:secret")), "{text}");
    }
}
