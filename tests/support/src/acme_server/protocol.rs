//! What each request asks and what it is answered (RFC 8555 section 7).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::state::{Account, Authorization, Order, State, Status};
use super::validate;

/// An answer before it becomes HTTP.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: String,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Reply {
    fn json(status: u16, body: &Value) -> Self {
        Self { status, kind: "application/json", body: body.to_string(), headers: Vec::new() }
    }

    fn with(mut self, header: &'static str, value: String) -> Self {
        self.headers.push((header, value));
        self
    }
}

/// A problem document (RFC 7807).
pub(super) fn problem(status: u16, kind: &str, detail: &str) -> Reply {
    let mut reply = Reply::json(status, &problem_json(status, kind, detail));
    reply.kind = "application/problem+json";
    reply
}

pub(super) fn problem_json(status: u16, kind: &str, detail: &str) -> Value {
    json!({
        "type": format!("urn:ietf:params:acme:error:{kind}"),
        "detail": detail,
        "status": status,
    })
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Answers one request. `None`: never.
pub(super) fn answer(
    shared: &Arc<Mutex<State>>,
    method: &str,
    path: &str,
    body: &[u8],
) -> Option<Reply> {
    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
    state.requests += 1;
    if state.faults.hang {
        return None;
    }
    if state.faults.garbage > 0 {
        state.faults.garbage -= 1;
        let body = "<html><body><h1>502 Bad Gateway</h1></body></html>".to_owned();
        return Some(Reply { status: 502, kind: "text/html", body, headers: Vec::new() });
    }
    let reply = match (method, path) {
        ("GET", "/directory") => Ok(Reply::json(200, &directory(&state))),
        ("HEAD" | "GET", "/nonce") => Ok(Reply::json(200, &json!({}))),
        ("POST", _) => signed(shared, &mut state, path, body),
        _ => Err(problem(404, "malformed", "no such resource")),
    };
    let reply = reply.unwrap_or_else(|error| error);
    let nonce = state.nonce();
    Some(reply.with("replay-nonce", nonce).with("cache-control", "no-store".into()))
}

fn directory(state: &State) -> Value {
    let base = &state.base;
    let profiles: serde_json::Map<String, Value> =
        state.config.profiles.iter().map(|name| (name.clone(), json!("a profile"))).collect();
    json!({
        "newNonce": format!("{base}/nonce"),
        "newAccount": format!("{base}/account"),
        "newOrder": format!("{base}/order"),
        "revokeCert": format!("{base}/revoke"),
        "keyChange": format!("{base}/key"),
        "meta": {
            "externalAccountRequired": state.config.external_account.is_some(),
            "profiles": profiles,
        },
    })
}

/// The parts of a JWS that matter here.
struct Jws {
    protected: Value,
    payload: Value,
}

fn decode(text: Option<&Value>) -> Option<Value> {
    let text = text?.as_str()?;
    if text.is_empty() {
        return Some(Value::Null);
    }
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn signed(
    shared: &Arc<Mutex<State>>,
    state: &mut State,
    path: &str,
    body: &[u8],
) -> Result<Reply, Reply> {
    let malformed = |detail: &str| problem(400, "malformed", detail);
    let jws: Value = serde_json::from_slice(body).map_err(|_| malformed("the body is no JSON"))?;
    let jws = Jws {
        protected: decode(jws.get("protected")).ok_or_else(|| malformed("no protected header"))?,
        payload: decode(jws.get("payload")).ok_or_else(|| malformed("no payload"))?,
    };
    let nonce = jws.protected["nonce"].as_str().unwrap_or_default();
    if !state.nonces.remove(nonce) {
        return Err(problem(400, "badNonce", "the nonce was not given out, or was used before"));
    }
    if state.faults.bad_nonces > 0 {
        state.faults.bad_nonces -= 1;
        return Err(problem(400, "badNonce", "the nonce is not liked"));
    }
    if jws.protected["url"].as_str() != Some(&format!("{}{path}", state.base)) {
        return Err(problem(401, "unauthorized", "the signed URL is not the requested one"));
    }
    if let Some(fault) = &mut state.faults.answer
        && fault.times > 0
        && (!fault.only_orders || path == "/order")
    {
        fault.times -= 1;
        let kind = if fault.status == 429 { "rateLimited" } else { "serverInternal" };
        let reply = problem(fault.status, kind, "this answer was ordered by the test");
        return Err(match fault.retry_after {
            Some(seconds) => reply.with("retry-after", seconds.to_string()),
            None => reply,
        });
    }
    if path == "/account" {
        return new_account(state, &jws);
    }
    let account = jws.protected["kid"]
        .as_str()
        .and_then(|kid| kid.strip_prefix(&format!("{}/account/", state.base)))
        .and_then(|id| id.parse::<usize>().ok())
        .filter(|id| state.accounts.get(*id).is_some_and(|account| !account.forgotten))
        .ok_or_else(|| problem(400, "accountDoesNotExist", "no account with this URL"))?;
    let (kind, id) = path.rsplit_once('/').unwrap_or_default();
    let id = id.parse::<usize>().ok();
    let own_order = |state: &State| {
        id.filter(|id| state.orders.get(*id).is_some_and(|order| order.account == account))
            .ok_or_else(|| problem(404, "malformed", "no such order"))
    };
    let own_authorization = |state: &State| {
        id.filter(|id| state.authorizations.get(*id).is_some_and(|a| a.account == account))
            .ok_or_else(|| problem(404, "malformed", "no such authorization"))
    };
    match (path, kind) {
        ("/order", _) => new_order(state, account, &jws.payload),
        (_, "/order") => Ok(Reply::json(200, &state.order_json(own_order(state)?))),
        (_, "/authz") => {
            let id = own_authorization(state)?;
            Ok(Reply::json(200, &state.authorization_json(id)))
        }
        (_, "/chall") => {
            let id = own_authorization(state)?;
            if jws.payload.is_object() && state.authorizations[id].status == Status::Pending {
                state.authorizations[id].status = Status::Processing;
                tokio::spawn(validate::run(Arc::clone(shared), id));
            }
            Ok(Reply::json(200, &state.challenge_json(id)))
        }
        (_, "/finalize") => finalize(state, own_order(state)?, &jws.payload),
        (_, "/cert") => {
            let id = own_order(state)?;
            chain(state, id, false)
        }
        (_, "/alternate") => {
            let id = own_order(state)?;
            chain(state, id, true)
        }
        _ => Err(problem(404, "malformed", "no such resource")),
    }
}

fn new_account(state: &mut State, jws: &Jws) -> Result<Reply, Reply> {
    let jwk = jws.protected["jwk"].clone();
    let member = |name: &str| jwk[name].as_str().unwrap_or_default().to_owned();
    if member("kty") != "EC" || member("x").is_empty() || member("y").is_empty() {
        return Err(problem(400, "badPublicKey", "only EC keys are known here"));
    }
    let known = state.accounts.iter().position(|a| a.jwk == jwk && !a.forgotten);
    if let Some(id) = known {
        return Ok(Reply::json(200, &json!({"status": "valid"}))
            .with("location", format!("{}/account/{id}", state.base)));
    }
    if jws.payload["onlyReturnExisting"] == json!(true) {
        return Err(problem(400, "accountDoesNotExist", "no account with this key"));
    }
    if let Some(expected) = &state.config.external_account {
        let binding = &jws.payload["externalAccountBinding"];
        let protected = decode(binding.get("protected")).unwrap_or_default();
        if protected["kid"].as_str() != Some(expected) {
            let detail = "an external account binding is needed";
            return Err(problem(403, "externalAccountRequired", detail));
        }
    }
    // RFC 7638: members in this order, without blanks.
    let canonical = format!(
        r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
        member("crv"),
        member("x"),
        member("y")
    );
    let contacts = jws.payload["contact"].as_array().cloned().unwrap_or_default();
    state.accounts.push(Account {
        thumbprint: base64url(&Sha256::digest(canonical.as_bytes())),
        jwk,
        contacts: contacts.iter().filter_map(|c| c.as_str().map(str::to_owned)).collect(),
        forgotten: false,
    });
    let id = state.accounts.len() - 1;
    Ok(Reply::json(201, &json!({"status": "valid", "contact": contacts}))
        .with("location", format!("{}/account/{id}", state.base)))
}

fn new_order(state: &mut State, account: usize, payload: &Value) -> Result<Reply, Reply> {
    let identifiers = payload["identifiers"].as_array().cloned().unwrap_or_default();
    let names: Vec<String> =
        identifiers.iter().filter_map(|i| i["value"].as_str().map(str::to_owned)).collect();
    if names.is_empty() || names.iter().collect::<BTreeSet<_>>().len() != names.len() {
        return Err(problem(400, "malformed", "identifiers are missing or repeated"));
    }
    let unfit = |name: &&String| name.contains('*') || !name.is_ascii() || name.contains(' ');
    if let Some(name) = names.iter().find(unfit) {
        let detail = format!("no certificate for {name:?} here");
        return Err(problem(400, "rejectedIdentifier", &detail));
    }
    let profile = payload["profile"].as_str().map(str::to_owned);
    if profile.as_ref().is_some_and(|profile| !state.config.profiles.contains(profile)) {
        return Err(problem(400, "invalidProfile", "no such profile"));
    }
    let mut authorizations = Vec::new();
    for (identifier, name) in identifiers.iter().zip(&names) {
        let token = state.fresh("token");
        state.authorizations.push(Authorization {
            account,
            identifier: identifier.clone(),
            name: name.clone(),
            token,
            status: Status::Pending,
            error: None,
        });
        authorizations.push(state.authorizations.len() - 1);
    }
    state.orders.push(Order { account, names, identifiers, profile, authorizations, chains: None });
    let id = state.orders.len() - 1;
    let location = format!("{}/order/{id}", state.base);
    Ok(Reply::json(201, &state.order_json(id)).with("location", location))
}

fn finalize(state: &mut State, id: usize, payload: &Value) -> Result<Reply, Reply> {
    if state.order_status(&state.orders[id]) != "ready" {
        return Err(problem(403, "orderNotReady", "the order is not ready"));
    }
    let csr = payload["csr"].as_str().and_then(|csr| BASE64_URL_SAFE_NO_PAD.decode(csr).ok());
    let csr = csr.ok_or_else(|| problem(400, "badCSR", "the CSR is no base64url"))?;
    let names = state.orders[id].names.clone();
    let chains = state
        .authority
        .issue(&csr, &names, id as u64 + 1)
        .map_err(|error| problem(400, "badCSR", &error))?;
    state.orders[id].chains = Some(chains);
    let location = format!("{}/order/{id}", state.base);
    Ok(Reply::json(200, &state.order_json(id)).with("location", location))
}

fn chain(state: &State, id: usize, alternate: bool) -> Result<Reply, Reply> {
    let chains = state.orders[id].chains.as_ref();
    let (first, second) = chains.ok_or_else(|| problem(404, "malformed", "not issued"))?;
    let other = if alternate { "cert" } else { "alternate" };
    Ok(Reply {
        status: 200,
        kind: "application/pem-certificate-chain",
        body: if alternate { second.clone() } else { first.clone() },
        headers: vec![("link", format!("<{}/{other}/{id}>;rel=\"alternate\"", state.base))],
    })
}
