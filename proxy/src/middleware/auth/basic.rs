//! `basicAuth`: a name and a password (RFC 7617).

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Response, StatusCode, request};
use swarmgate_config::routing;

use super::admission::Admission;
use super::checks::Checks;
use super::hash::Hash;
use super::users::Users;
use super::{ask, note, realm};
use crate::body::Body;
use crate::middleware::{Answering, Around, Context, Rest};
use crate::respond;
use crate::serve::service::Request;

/// Nobody's password is longer, bytes; computing hashes of longer ones would be work for nothing.
const LONGEST_PASSWORD: usize = 4096;

/// As Go reads it: bits that mean nothing may be set.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// A built `basicAuth` (Traefik: BasicAuth).
#[derive(Debug)]
pub struct BasicAuth {
    users: Arc<Users<Hash>>,
    checks: Checks,
    challenge: HeaderValue,
    admission: Admission,
}

/// What a client says of itself.
struct Credentials {
    /// Name, colon, password.
    text: Vec<u8>,
    colon: usize,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// The first `Authorization`, if it is of this kind.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(AUTHORIZATION)?.as_bytes();
        let (scheme, encoded) = value.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let text = BASE64.decode(encoded).ok()?;
        let colon = text.iter().position(|byte| *byte == b':')?;
        Some(Self { text, colon })
    }

    fn user(&self) -> &[u8] {
        self.text.get(..self.colon).unwrap_or_default()
    }

    fn password(&self) -> &[u8] {
        self.text.get(self.colon.saturating_add(1)..).unwrap_or_default()
    }
}

impl BasicAuth {
    pub(in crate::middleware) fn build(written: &routing::BasicAuth) -> Result<Self, String> {
        let realm = realm(&written.realm)?;
        let users = Users::read(&written.users, &written.users_file, realm)?;
        if users.now().len() == 0 {
            return Err("it has no users, nobody would be let in; expected users such as \
                        \"name:hash\", or a usersFile of them"
                .into());
        }
        Ok(Self {
            users: Arc::new(users),
            checks: Checks::new().ok_or("the system has no randomness")?,
            challenge: HeaderValue::from_str(&format!("Basic realm=\"{realm}\""))
                .map_err(|error| error.to_string())?,
            admission: Admission::build(written)?,
        })
    }

    fn ask(&self) -> Response<Body> {
        ask(self.challenge.clone())
    }
}

impl Around for BasicAuth {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        self.users.look();
        let refused = || -> Answering<'f> { Box::pin(ready(self.ask().into())) };
        let Some(given) = Credentials::of(&request.head.headers) else { return refused() };
        note(request, given.user());
        if given.password().len() > LONGEST_PASSWORD {
            return refused();
        }
        let users = self.users.now();
        // Somebody who is not known takes as long as somebody who is.
        let known = users.get(given.user());
        let Some(hash) = known.or(users.stand_in()) else { return refused() };
        let is_known = known.is_some();
        if !hash.is_slow() {
            if !(hash.is_of(given.password()) && is_known) {
                return refused();
            }
            self.admission.apply(&mut request.head.headers, given.user());
            return rest.run(request);
        }
        let id = self.checks.id(given.user(), hash, given.password());
        if is_known && self.checks.is_right(&id) {
            self.admission.apply(&mut request.head.headers, given.user());
            return rest.run(request);
        }
        let hash = Arc::clone(hash);
        Box::pin(async move {
            match self.checks.check(id, &hash, given.password()).await {
                Some(true) if is_known => {
                    self.checks.remember(id);
                    self.admission.apply(&mut request.head.headers, given.user());
                    rest.run(request).await
                }
                Some(_) => self.ask().into(),
                None => respond::bare(StatusCode::INTERNAL_SERVER_ERROR).into(),
            }
        })
    }

    fn would_do(&self, _head: &request::Parts, _context: &Context<'_>) -> Vec<String> {
        let users = self.users.now();
        let mut told = vec![format!(
            "lets {} users in by their passwords, everybody else is answered 401 Unauthorized",
            users.len()
        )];
        let mut never: Vec<_> = users
            .secrets()
            .filter(|(_, hash)| matches!(hash, Hash::Never))
            .map(|(name, _)| String::from_utf8_lossy(name))
            .collect();
        never.sort_unstable();
        if let Some(first) = never.first() {
            told.push(format!(
                "never lets {first:?} in ({} such users): a hash of another kind than bcrypt, \
                 MD5-crypt and {{SHA}}, or damaged",
                never.len()
            ));
        }
        told.extend(self.admission.told());
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::build;

    #[test]
    fn credentials() {
        // The header, and what it says.
        let table: &[(&str, Option<(&str, &str)>)] = &[
            ("Basic Ym9iOnNlY3JldA==", Some(("bob", "secret"))),
            ("bAsIc Ym9iOnNlY3JldA==", Some(("bob", "secret"))),
            ("Basic Ym9iOnNlY3JldB==", Some(("bob", "secret"))),
            ("Basic Ym9iOmE6Yg==", Some(("bob", "a:b"))),
            ("Basic Og==", Some(("", ""))),
            ("Basic Ym9iOnNlY3JldA", None),
            ("Basic  Ym9iOnNlY3JldA==", None),
            ("Basic Ym9i", None),
            ("Basic", None),
            ("Basic ", None),
            ("Basic\tYm9iOnNlY3JldA==", None),
            ("Bearer Ym9iOnNlY3JldA==", None),
            ("", None),
        ];
        for (value, expected) in table {
            let mut headers = HeaderMap::new();
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            headers.append(AUTHORIZATION, HeaderValue::from_static("Basic b3RoZXI6eA=="));
            let found = Credentials::of(&headers);
            let found = found
                .as_ref()
                .map(|it| [it.user(), it.password()].map(|it| str::from_utf8(it).unwrap()));
            assert_eq!(found.map(|[user, password]| (user, password)), *expected, "{value}");
        }
        assert!(Credentials::of(&HeaderMap::new()).is_none());
    }

    #[test]
    fn refused() {
        for (options, expected) in [
            ("{}", "it has no users"),
            (r#"{"users":["bob"]}"#, "users[0]: \"bob\" has no hash; expected name:hash"),
            (r#"{"users":["a:{SHA}x"],"realm":"a\nb"}"#, "realm \"a\\nb\" cannot be sent"),
            (r#"{"users":["a:{SHA}x"],"headerField":"a b"}"#, "is no header name"),
            (r#"{"usersFile":"/nowhere/users"}"#, "usersFile \"/nowhere/users\""),
        ] {
            let error = build(&format!(r#"{{"basicAuth":{options}}}"#)).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }

    #[test]
    fn prints_no_secret() {
        let built = build(r#"{"basicAuth":{"users":["bob:$apr1$salt$hash"]}}"#).unwrap();
        let text = format!("{built:?}");
        assert!(!text.contains("salt") && !text.contains("hash"), "{text}");
    }
}
