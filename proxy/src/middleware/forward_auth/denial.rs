//! The server does not let a request pass: what its client is told.

use http::header::{HeaderValue, LOCATION};
use http::{Response, StatusCode};
use swarmgate_config::routing;
use swarmgate_config::secret;

use super::Verdict;
use super::address::Address;
use crate::body::Body;
use crate::failure::Failure;
use crate::http1::Error;
use crate::middleware::location;
use crate::respond;

/// What is made of the server's answer.
#[derive(Debug)]
pub(super) struct Denial {
    /// Where clients sign in who are not (401).
    signin: Option<HeaderValue>,
    /// `Location` stays as the server says it.
    keeps_location: bool,
}

impl Denial {
    pub(super) fn build(written: &routing::ForwardAuth) -> Result<Self, String> {
        let url = Some(&written.auth_signin_url).filter(|url| !url.is_empty());
        let signin = url.map(|url| {
            let printed = location::normalize(url.as_bytes());
            printed.and_then(|url| HeaderValue::try_from(url).ok()).ok_or_else(|| {
                let shown = secret::url(url);
                format!("authSigninURL {shown:?} is no URL; expected one such as \"https://login.test/\"")
            })
        });
        Ok(Self { signin: signin.transpose()?, keeps_location: written.preserve_location_header })
    }

    /// Whether the client sees nothing of an answer with this status.
    pub(super) fn hides(&self, status: StatusCode) -> bool {
        status == StatusCode::UNAUTHORIZED && self.signin.is_some()
    }

    /// What the client gets of the server's answer.
    pub(super) fn answer(
        &self,
        mut answer: Response<Body>,
        address: &Address,
    ) -> Result<Verdict, Failure> {
        if let Some(signin) = &self.signin
            && self.hides(answer.status())
        {
            let mut redirect = respond::bare(StatusCode::FOUND);
            redirect.headers_mut().insert(LOCATION, signin.clone());
            return Ok(redirect.into());
        }
        let said = answer.headers().get(LOCATION).filter(|said| !said.is_empty());
        if let Some(said) = said {
            let leads = match self.keeps_location {
                true => location::normalize(said.as_bytes()),
                // It is relative to where it was said.
                false => location::resolve(address.url.as_bytes(), said.as_bytes()),
            };
            let leads = leads.and_then(|leads| HeaderValue::try_from(leads).ok());
            let leads =
                leads.ok_or(Failure::BadAnswer(Error::Malformed("its Location is no URL")))?;
            if !leads.is_empty() {
                answer.headers_mut().insert(LOCATION, leads);
            }
        }
        Ok(answer.into())
    }

    /// The same in words.
    pub(super) fn told(&self) -> Option<String> {
        let signin = self.signin.as_ref()?;
        let url = secret::url(&String::from_utf8_lossy(signin.as_bytes()));
        Some(format!("401 becomes a redirection to {url}"))
    }
}
