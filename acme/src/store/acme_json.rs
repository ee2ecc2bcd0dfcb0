//! `acme.json`: read and written so that Traefik's own can be brought along, and taken back.
//!
//! ```json
//! { "letsencrypt": {
//!     "Account": { … },
//!     "Certificates": [ { "domain": { "main": "a.test", "sans": ["b.test"] },
//!                         "certificate": "<base64 of PEM>", "key": "<base64 of PEM>",
//!                         "Store": "default" } ],
//!     "SwarmgateAccount": { … } } }
//! ```
//!
//! Everything unknown stays as it is. Traefik's account key is RSA, which our ACME library cannot
//! sign with: its `Account` is left untouched, and our own account stands beside it under
//! `SwarmgateAccount`, which Traefik passes over.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use swarmgate_config::routing::Domain;

use super::write;
use crate::HeldCertificate;

const OWN_ACCOUNT: &str = "SwarmgateAccount";

/// More than any real one, and little enough to be read at once.
const LARGEST: u64 = 256 << 20;

/// One file, perhaps of several resolvers.
#[derive(Debug)]
pub(crate) struct Storage {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    document: Map<String, Value>,
    /// Something is not in the file yet.
    dirty: bool,
}

impl Storage {
    /// Opens the file, or makes it. The error says why it cannot be used, in Traefik's words where
    /// there are any.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let document = parse(&read(path)?)?;
        Ok(Self { path: path.to_owned(), state: Mutex::new(State { document, dirty: false }) })
    }

    /// The certificates of a resolver; those that are no base64 text are passed over.
    pub(crate) fn certificates(&self, resolver: &str) -> Vec<HeldCertificate> {
        let state = self.lock();
        let entries = state.document.get(resolver).and_then(|r| member(r, "Certificates"));
        let entries = entries.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| {
                let text = |name| {
                    let encoded = member(entry, name)?.as_str()?;
                    String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()
                };
                Some(HeldCertificate {
                    resolver: resolver.to_owned(),
                    domain: domain(entry)?,
                    chain_pem: text("certificate")?,
                    key_pem: text("key")?,
                })
            })
            .collect()
    }

    /// Our account of a resolver.
    pub(crate) fn account(&self, resolver: &str) -> Option<Value> {
        self.lock().document.get(resolver)?.get(OWN_ACCOUNT).cloned()
    }

    /// Keeps our account, or forgets it. Not in the file before [`Storage::save`].
    pub(crate) fn set_account(&self, resolver: &str, account: Option<Value>) {
        let mut state = self.lock();
        change(&mut state.document, resolver, |entry| {
            match account {
                Some(account) => entry.insert(OWN_ACCOUNT.into(), account),
                None => entry.remove(OWN_ACCOUNT),
            };
        });
        state.dirty = true;
    }

    /// Keeps a certificate in the place of the one with the same names. Not in the file before
    /// [`Storage::save`].
    pub(crate) fn put(&self, certificate: &HeldCertificate) {
        let mut state = self.lock();
        change(&mut state.document, &certificate.resolver, |entry| put(entry, certificate));
        state.dirty = true;
    }

    /// Whether something waits for [`Storage::save`].
    pub(crate) fn dirty(&self) -> bool {
        self.lock().dirty
    }

    /// Writes the file if something changed; blocks. What cannot be written stays in memory.
    pub(crate) fn save(&self) -> Result<(), String> {
        // The lock is held meanwhile, so that an older state never overwrites a newer.
        let mut state = self.lock();
        if !state.dirty {
            return Ok(());
        }
        let mut text = serde_json::to_vec_pretty(&state.document).map_err(|e| e.to_string())?;
        text.push(b'\n');
        write::replace(&self.path, &text)
            .map_err(|error| format!("{} cannot be written: {error}", self.path.display()))?;
        state.dirty = false;
        Ok(())
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file's text after the checks that Traefik makes; a missing file is made.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unable = |error: std::io::Error| {
        let hint = match error.kind() {
            ErrorKind::NotFound => " (its directory does not exist)",
            _ => "",
        };
        format!("unable to open {}: {error}{hint}", path.display())
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .map_err(unable)?;
            return Ok(Vec::new());
        }
        other => other.map_err(unable)?,
    };
    let metadata = file.metadata().map_err(unable)?;
    if metadata.is_dir() {
        return Err(format!(
            "{} is a directory (Docker makes one where a file to be mounted does not exist)",
            path.display()
        ));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let name = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        return Err(format!(
            "unable to get ACME account: permissions {mode:o} for {} are too open, please use 600",
            name.display()
        ));
    }
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text).map_err(unable)?;
    Ok(text)
}

fn parse(text: &[u8]) -> Result<Map<String, Value>, String> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let document: Value =
        serde_json::from_slice(text).map_err(|error| format!("it is not valid JSON: {error}"))?;
    let Value::Object(document) = document else {
        return Err("it is not a JSON object of resolvers".into());
    };
    const V1: [&str; 4] =
        ["DomainsCertificate", "ChallengeCerts", "HTTPChallenges", "TLSChallenges"];
    let is_v1 = V1.iter().any(|key| document.contains_key(*key))
        || document.get("Certificates").is_some_and(|value| !value.is_object());
    if is_v1 {
        return Err("it was written by Traefik v1, whose format is not read; move it away, and \
                    new certificates are ordered"
            .into());
    }
    if let Some((name, _)) = document.iter().find(|(_, v)| !v.is_object() && !v.is_null()) {
        return Err(format!("its member {name:?} is not the object of a resolver"));
    }
    Ok(document)
}

/// Changes the object of a resolver, made in Traefik's shape where it is missing.
fn change(
    document: &mut Map<String, Value>,
    resolver: &str,
    change: impl FnOnce(&mut Map<String, Value>),
) {
    let mut entry = match document.remove(resolver) {
        Some(Value::Object(entry)) => entry,
        _ => Map::from_iter([
            ("Account".to_owned(), Value::Null),
            ("Certificates".to_owned(), Value::Null),
        ]),
    };
    change(&mut entry);
    document.insert(resolver.to_owned(), Value::Object(entry));
}

/// Puts a certificate into a resolver's list; what else its entry says is kept.
fn put(entry: &mut Map<String, Value>, certificate: &HeldCertificate) {
    let key = entry.keys().find(|key| key.eq_ignore_ascii_case("Certificates")).cloned();
    let key = key.unwrap_or_else(|| "Certificates".into());
    let mut list = match entry.remove(&key) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let same = |old: &Value| domain(old).as_ref() == Some(&certificate.domain);
    let mut new = match list.iter().find(|old| same(old)) {
        Some(Value::Object(old)) => old.clone(),
        _ => Map::new(),
    };
    // Written in any case before, in Traefik's from now on.
    new.retain(|key, _| {
        !["domain", "certificate", "key"].iter().any(|ours| key.eq_ignore_ascii_case(ours))
    });
    list.retain(|old| !same(old));
    let mut domain = json!({ "main": certificate.domain.main });
    if !certificate.domain.sans.is_empty() {
        domain["sans"] = json!(certificate.domain.sans);
    }
    new.insert("domain".into(), domain);
    new.insert("certificate".into(), BASE64_STANDARD.encode(&certificate.chain_pem).into());
    new.insert("key".into(), BASE64_STANDARD.encode(&certificate.key_pem).into());
    new.entry("Store").or_insert_with(|| "default".into());
    list.push(Value::Object(new));
    entry.insert(key, Value::Array(list));
}

fn domain(entry: &Value) -> Option<Domain> {
    let domain = member(entry, "domain")?;
    let sans = member(domain, "sans").and_then(Value::as_array);
    Some(Domain {
        main: member(domain, "main")?.as_str()?.to_owned(),
        sans: sans
            .map(|sans| sans.iter().filter_map(|san| san.as_str().map(str::to_owned)).collect())
            .unwrap_or_default(),
    })
}

/// A member by name; Go does not mind its case, so files that people edited need not either.
fn member<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    let object = object.as_object()?;
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v))
}

#[cfg(test)]
mod tests;
