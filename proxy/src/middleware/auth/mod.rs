//! Middlewares that ask the client who it is: `basicAuth` and `digestAuth`.

mod admission;
mod basic;
mod checks;
mod digest;
mod hash;
mod md5_crypt;
mod nonces;
mod parameters;
mod users;

pub(super) use self::basic::BasicAuth;
pub(super) use self::digest::DigestAuth;

use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{Response, StatusCode};

use crate::body::Body;
use crate::respond;
use crate::serve::service::Request;

/// The realm where none is written.
const REALM: &str = "traefik";

/// 401 with this challenge.
fn ask(challenge: HeaderValue) -> Response<Body> {
    let mut answer = respond::bare(StatusCode::UNAUTHORIZED);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    *answer.body_mut() = Body::from("401 Unauthorized\n");
    answer
}

/// Tells the access log who the client says it is, right or wrong.
fn note(request: &mut Request<'_>, user: &[u8]) {
    if let Some(logged) = &mut request.watched.logged
        && !user.is_empty()
    {
        logged.user(user);
    }
}

/// The realm as challenges show it, or why it cannot be shown.
fn realm(written: &str) -> Result<&str, String> {
    let realm = if written.is_empty() { REALM } else { written };
    match HeaderValue::from_str(realm) {
        Ok(_) => Ok(realm),
        Err(_) => Err(format!("realm {realm:?} cannot be sent in a header; expected plain text")),
    }
}

/// Bytes nobody can guess; `None` only if the system has no randomness.
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    crate::tls::provider().secure_random.fill(&mut bytes).ok()?;
    Some(bytes)
}
