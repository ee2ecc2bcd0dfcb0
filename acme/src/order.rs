//! One certificate, from the order to the chain (RFC 8555 section 7.4), over instant-acme.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus,
    Problem, RetryPolicy,
};
use tokio::time::{sleep, timeout};

use crate::account;
use crate::ca::client::Client;
use crate::certificate;
use crate::challenge::http01::{Challenges, Published};
use crate::key::{Request, Subject};
use crate::names;
use crate::resolver::{Orders, Resolver};

/// How long the CA may take to validate; Traefik's limit.
const VALIDATION: Duration = Duration::from_secs(60);

/// Every step has its own limit; this one only keeps a sum of small delays from going on for ever.
const WHOLE: Duration = Duration::from_secs(15 * 60);

/// What is to be ordered.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// As the CA sees them, main first.
    pub(crate) names: Vec<String>,
    /// PEM of the key to keep, at a renewal.
    pub(crate) keep: Option<String>,
}

/// What was got.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
}

/// Why nothing was got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// In the CA's own words, where it spoke.
    pub(crate) message: String,
    /// The CA asks for this much patience.
    pub(crate) retry_after: Option<Duration>,
}

/// Orders a certificate.
pub(crate) async fn obtain(
    resolver: &Resolver,
    orders: &Orders,
    challenges: &Challenges,
    job: Job,
) -> Result<Issued, Trouble> {
    let client = Client::new(orders.ca.clone());
    let steps = steps(resolver, orders, challenges, &client, job);
    let result = match timeout(WHOLE, steps).await {
        Ok(result) => result,
        Err(_) => Err(format!("given up after {WHOLE:?}")),
    };
    result.map_err(|message| Trouble { message, retry_after: client.take_notes().retry_after })
}

async fn steps(
    resolver: &Resolver,
    orders: &Orders,
    challenges: &Challenges,
    client: &Client,
    job: Job,
) -> Result<Issued, String> {
    let identifiers: Vec<Identifier> =
        job.names.iter().map(|name| names::identifier(name)).collect();
    let (account, mut order) = begin(resolver, orders, client, &identifiers).await?;
    prove(orders, challenges, &mut order).await?;

    let subject = Subject {
        names: job.names,
        emails: orders.email_addresses.clone(),
        common_name: orders.common_name,
        key_type: orders.key_type,
        keep: job.keep,
    };
    let request = tokio::task::spawn_blocking(move || subject.request())
        .await
        .map_err(|error| format!("making the key failed: {error}"))?
        .map_err(|error| format!("the signing request cannot be made: {error}"))?;
    order.finalize_csr(&request.csr).await.map_err(text)?;
    let chain_pem = order
        .poll_certificate(&polling(orders.certificate_timeout))
        .await
        .map_err(|error| waiting(error, "issue the certificate", orders.certificate_timeout))?;
    let chain_pem = preferred(orders, client, &account, chain_pem).await;
    check(&chain_pem, &request)?;
    Ok(Issued { chain_pem, key_pem: request.key_pem })
}

/// Opens the account and places the order. An account that the CA has forgotten is replaced once:
/// a test CA does so at every restart.
async fn begin(
    resolver: &Resolver,
    orders: &Orders,
    client: &Client,
    identifiers: &[Identifier],
) -> Result<(Account, Order), String> {
    let mut new = NewOrder::new(identifiers);
    if let Some(profile) = &orders.profile {
        new = new.profile(profile);
    }
    let account = account::open(resolver, orders, client).await.map_err(text)?;
    match account.new_order(&new).await {
        Err(Error::Api(problem)) if is(&problem, "accountDoesNotExist") => {
            account::forget(resolver, &account).await;
            let account = account::open(resolver, orders, client).await.map_err(text)?;
            let order = account.new_order(&new).await.map_err(text)?;
            Ok((account, order))
        }
        result => Ok((account, result.map_err(text)?)),
    }
}

/// Answers every pending authorization over HTTP-01 and waits until the order is ready.
async fn prove(orders: &Orders, challenges: &Challenges, order: &mut Order) -> Result<(), String> {
    let mut answers: Vec<Published> = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(text)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let challenge = authorization
            .challenge(ChallengeType::Http01)
            .ok_or_else(|| format!("the CA offers no HTTP challenge for {name}"))?;
        let answer = challenges
            .publish(&name, &challenge.token, challenge.key_authorization().as_str())
            .ok_or("too many challenges wait for the CA already")?;
        answers.push(answer);
    }
    if !answers.is_empty() {
        sleep(orders.delay).await;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(text)?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            if let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) {
                challenge.set_ready().await.map_err(text)?;
            }
        }
    }
    match order.poll_ready(&polling(VALIDATION)).await {
        Ok(OrderStatus::Ready) => Ok(()),
        Err(error @ Error::Timeout(_)) => {
            // A CA that waits for its own second try has said why already.
            let waiting = waiting(error, "validate the names", VALIDATION);
            Err(reasons(order).await.map_or(waiting.clone(), |why| format!("{waiting}: {why}")))
        }
        Ok(_) => {
            Err(reasons(order).await.unwrap_or_else(|| "the CA declared the order invalid".into()))
        }
        Err(error) => Err(reasons(order).await.unwrap_or_else(|| text(error))),
    }
}

/// What the CA says about each name that failed.
async fn reasons(order: &mut Order) -> Option<String> {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let Ok(mut authorization) = authorization else { break };
        let Ok(state) = authorization.refresh().await else { break };
        let problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        let name = state.identifier().to_string();
        reasons.extend(problems.map(|problem| format!("{name}: {}", problem_text(problem))));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// The chain whose topmost issuer is the preferred one, if the CA has such; else the first.
async fn preferred(orders: &Orders, client: &Client, account: &Account, first: String) -> String {
    let Some(preferred) = &orders.preferred_chain else { return first };
    let fits = |chain: &str| {
        certificate::facts(chain).is_ok_and(|facts| facts.topmost_issuer == *preferred)
    };
    if fits(&first) {
        return first;
    }
    for url in client.take_notes().alternates {
        // The library has no call for a signed download as such. Asking for an "order" is the
        // same request; that its answer is no order is an error to the library and not to us.
        let _ = account.order(url).await;
        if let Some(chain) = client.take_notes().chain.filter(|chain| fits(chain)) {
            return chain;
        }
    }
    tracing::warn!(preferred, "the CA has no chain of the preferred issuer; its first is used");
    first
}

/// A chain that does not fit the key would take down every handshake that gets it.
fn check(chain_pem: &str, request: &Request) -> Result<(), String> {
    let facts = certificate::facts(chain_pem)
        .map_err(|error| format!("the CA sent a certificate that cannot be read: {error}"))?;
    match facts.public_key == request.public_key {
        true => Ok(()),
        false => Err("the CA sent a certificate for another key".into()),
    }
}

fn polling(limit: Duration) -> RetryPolicy {
    RetryPolicy::new().initial_delay(Duration::from_millis(200)).backoff(1.4).timeout(limit)
}

fn waiting(error: Error, what: &str, limit: Duration) -> String {
    match error {
        Error::Timeout(_) => format!("the CA did not {what} within {limit:?}"),
        other => text(other),
    }
}

fn is(problem: &Problem, kind: &str) -> bool {
    let full = problem.r#type.as_deref().unwrap_or_default();
    full.strip_prefix("urn:ietf:params:acme:error:") == Some(kind)
}

fn text(error: Error) -> String {
    match error {
        Error::Api(problem) => problem_text(&problem),
        Error::Json(error) => format!("the CA's answer is not what ACME says: {error}"),
        other => other.to_string(),
    }
}

/// The CA's own words, its sub-problems among them.
fn problem_text(problem: &Problem) -> String {
    let mut text = problem.detail.clone().unwrap_or_else(|| "no reason given".into());
    if let Some(kind) = &problem.r#type {
        let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind);
        text.push_str(&format!(" ({kind})"));
    }
    for sub in &problem.subproblems {
        text.push_str(&format!("; {sub}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use instant_acme::Problem;

    use super::problem_text;

    #[test]
    fn problems_in_words() {
        let table = [
            (r#"{}"#, "no reason given"),
            (
                r#"{"type":"urn:ietf:params:acme:error:dns","detail":"NXDOMAIN","status":400}"#,
                "NXDOMAIN (dns)",
            ),
            (r#"{"type":"about:blank","detail":"odd"}"#, "odd (about:blank)"),
            (
                r#"{"detail":"some","subproblems":[{"type":"x","detail":"bad label",
                    "identifier":{"type":"dns","value":"_a.test"}}]}"#,
                r#"some; for "_a.test": bad label (x)"#,
            ),
        ];
        for (json, expected) in table {
            let problem: Problem = serde_json::from_str(json).unwrap();
            assert_eq!(problem_text(&problem), expected);
        }
    }
}
