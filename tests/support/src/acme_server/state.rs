//! What the server remembers: nonces, accounts, orders and their authorizations.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::authority::Authority;
use super::{AcmeServerConfig, Faults};

/// Everything, behind one lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) base: String,
    pub(super) config: AcmeServerConfig,
    pub(super) authority: Authority,
    pub(super) faults: Faults,
    pub(super) nonces: HashSet<String>,
    pub(super) accounts: Vec<Account>,
    pub(super) orders: Vec<Order>,
    pub(super) authorizations: Vec<Authorization>,
    pub(super) requests: usize,
    counter: u64,
}

#[derive(Debug)]
pub(super) struct Account {
    pub(super) jwk: Value,
    pub(super) thumbprint: String,
    pub(super) contacts: Vec<String>,
    pub(super) forgotten: bool,
}

#[derive(Debug)]
pub(super) struct Order {
    pub(super) account: usize,
    pub(super) names: Vec<String>,
    pub(super) identifiers: Vec<Value>,
    pub(super) profile: Option<String>,
    pub(super) authorizations: Vec<usize>,
    /// Chain and alternate chain, once issued.
    pub(super) chains: Option<(String, String)>,
}

#[derive(Debug)]
pub(super) struct Authorization {
    pub(super) account: usize,
    pub(super) identifier: Value,
    pub(super) name: String,
    pub(super) token: String,
    pub(super) status: Status,
    /// Why it is invalid.
    pub(super) error: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Processing,
    Valid,
    Invalid,
}

impl State {
    pub(super) fn new(config: AcmeServerConfig, base: String) -> Result<Self, String> {
        Ok(Self {
            base,
            authority: Authority::new(config.validity).map_err(|error| error.to_string())?,
            faults: config.faults.clone(),
            config,
            nonces: HashSet::new(),
            accounts: Vec::new(),
            orders: Vec::new(),
            authorizations: Vec::new(),
            requests: 0,
            counter: 0,
        })
    }

    /// A value that was not given out before; long enough for a token.
    pub(super) fn fresh(&mut self, kind: &str) -> String {
        self.counter += 1;
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let digest = Sha256::digest(format!("{kind} {} {time}", self.counter).as_bytes());
        super::protocol::base64url(&digest)
    }

    pub(super) fn nonce(&mut self) -> String {
        let nonce = self.fresh("nonce");
        self.nonces.insert(nonce.clone());
        nonce
    }

    /// Status of an order (RFC 8555 section 7.1.6).
    pub(super) fn order_status(&self, order: &Order) -> &'static str {
        let mut statuses = order.authorizations.iter().map(|id| self.authorizations[*id].status);
        if order.chains.is_some() {
            "valid"
        } else if statuses.clone().any(|status| status == Status::Invalid) {
            "invalid"
        } else if statuses.all(|status| status == Status::Valid) {
            "ready"
        } else {
            "pending"
        }
    }

    pub(super) fn order_json(&self, id: usize) -> Value {
        let order = &self.orders[id];
        let base = &self.base;
        let mut json = json!({
            "status": self.order_status(order),
            "identifiers": order.identifiers,
            "authorizations": order
                .authorizations
                .iter()
                .map(|id| format!("{base}/authz/{id}"))
                .collect::<Vec<_>>(),
            "finalize": format!("{base}/finalize/{id}"),
        });
        if let Some(profile) = &order.profile {
            json["profile"] = json!(profile);
        }
        if order.chains.is_some() {
            json["certificate"] = json!(format!("{base}/cert/{id}"));
        }
        json
    }

    pub(super) fn challenge_json(&self, id: usize) -> Value {
        let authorization = &self.authorizations[id];
        let mut json = json!({
            "type": "http-01",
            "url": format!("{}/chall/{id}", self.base),
            "token": authorization.token,
            "status": match authorization.status {
                Status::Pending => "pending",
                Status::Processing => "processing",
                Status::Valid => "valid",
                Status::Invalid => "invalid",
            },
        });
        if let Some(error) = &authorization.error {
            json["error"] = error.clone();
        }
        json
    }

    pub(super) fn authorization_json(&self, id: usize) -> Value {
        let authorization = &self.authorizations[id];
        json!({
            "status": match authorization.status {
                Status::Pending | Status::Processing => "pending",
                Status::Valid => "valid",
                Status::Invalid => "invalid",
            },
            "identifier": authorization.identifier,
            "challenges": [
                { "type": "dns-01", "url": format!("{}/none", self.base),
                  "token": authorization.token, "status": "pending" },
                self.challenge_json(id),
            ],
        })
    }
}
