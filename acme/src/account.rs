//! The account at the CA: restored from the storage, or registered with the first order.

use http::Uri;
use instant_acme::{Account, AccountCredentials, Error, ExternalAccountKey, NewAccount};
use serde_json::Value;

use crate::ca::client::Client;
use crate::resolver::{Orders, Resolver};

/// Opens the account. Terms of service are accepted, as in Traefik.
pub(crate) async fn open(
    resolver: &Resolver,
    orders: &Orders,
    client: &Client,
) -> Result<Account, Error> {
    if let Some(account) = restore(resolver, orders, client).await? {
        return Ok(account);
    }
    let _alone = orders.registering.lock().await;
    // Another order may have registered it meanwhile.
    if let Some(account) = restore(resolver, orders, client).await? {
        return Ok(account);
    }
    let contact = orders.email.as_ref().map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let external = orders
        .external_account
        .as_ref()
        .map(|(kid, key)| ExternalAccountKey::new(kid.clone(), key));
    let (account, credentials) = Account::builder_with_http(Box::new(client.clone()))
        .create(&new, orders.ca.directory.to_string(), external.as_ref())
        .await?;
    tracing::info!(resolver = resolver.name, account = account.id(), "registered an ACME account");
    resolver.storage.set_account(&resolver.name, Some(serde_json::to_value(&credentials)?));
    save(resolver).await;
    Ok(account)
}

/// Forgets an account that the CA does not know (any more).
pub(crate) async fn forget(resolver: &Resolver, account: &Account) {
    // Unless another order has registered a new one already.
    if stored_id(resolver).as_deref() == Some(account.id()) {
        tracing::warn!(
            resolver = resolver.name,
            account = account.id(),
            "the CA does not know the stored ACME account; a new one is registered"
        );
        resolver.storage.set_account(&resolver.name, None);
        save(resolver).await;
    }
}

fn stored_id(resolver: &Resolver) -> Option<String> {
    resolver.storage.account(&resolver.name)?.get("id")?.as_str().map(str::to_owned)
}

/// The stored account, if there is one and it belongs to this CA.
async fn restore(
    resolver: &Resolver,
    orders: &Orders,
    client: &Client,
) -> Result<Option<Account>, Error> {
    let Some(mut stored) = resolver.storage.account(&resolver.name) else { return Ok(None) };
    let directory = stored.get("directory").and_then(Value::as_str).unwrap_or_default();
    if !same_host(directory, &orders.ca.directory) {
        tracing::info!(
            resolver = resolver.name,
            stored = directory,
            "the stored ACME account belongs to another CA; a new one is registered"
        );
        return Ok(None);
    }
    // The path may have changed; the account is the same.
    if let Some(stored) = stored.as_object_mut() {
        stored.insert("directory".into(), orders.ca.directory.to_string().into());
    }
    let credentials: AccountCredentials = match serde_json::from_value(stored) {
        Ok(credentials) => credentials,
        Err(error) => {
            tracing::warn!(resolver = resolver.name, "the stored ACME account is broken: {error}");
            return Ok(None);
        }
    };
    let builder = Account::builder_with_http(Box::new(client.clone()));
    match builder.from_credentials(credentials).await {
        Ok(account) => Ok(Some(account)),
        Err(Error::KeyRejected) => {
            tracing::warn!(resolver = resolver.name, "the stored ACME account's key is broken");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn same_host(stored: &str, directory: &Uri) -> bool {
    stored.parse::<Uri>().is_ok_and(|stored| stored.authority() == directory.authority())
}

/// Writes the storage; what fails stays marked there and is told by the resolver's loop.
pub(crate) async fn save(resolver: &Resolver) {
    let storage = resolver.storage.clone();
    let saved = tokio::task::spawn_blocking(move || storage.save()).await;
    if let Ok(Err(error)) = saved {
        tracing::error!(resolver = resolver.name, "{error}");
    }
}
