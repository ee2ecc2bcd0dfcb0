//! TLS options ready for handshakes.
//!
//! Each set has tickets of its own: no session is resumed under other options than those it began
//! with. A set that nobody changes is carried over from one configuration to the next, and its
//! tickets with it.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{ALL_KX_GROUPS, Ticketer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoClientAuth, NoServerSessionStorage, ResolvesServerCert, ServerConnection,
};
use rustls::sign::CertifiedKey;
use rustls::{NamedGroup, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};
use swarmgate_config::checked::handshake::{ClientAuth, Group, TlsOptions};

use super::client_auth::Clients;
use super::{Store, cipher_name, provider, trust};

/// The name of the options that everybody gets of whom nothing else is said.
pub const DEFAULT: &str = "default";

/// TLS options ready for handshakes.
#[derive(Debug)]
pub struct Set {
    name: Arc<str>,
    config: Arc<ServerConfig>,
    clients: Option<Arc<Clients>>,
    options: TlsOptions,
    /// Of each of `clientAuth.caFiles`: a file may change while its name stays.
    authorities: Vec<[u8; 32]>,
}

impl Set {
    /// Builds a set, or hands on `previous` if that was built from the same.
    ///
    /// # Errors
    /// Says what is wrong with the options or the files that they name.
    pub fn build(
        name: &Arc<str>,
        options: &TlsOptions,
        store: &Arc<Store>,
        previous: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, String> {
        let files = options
            .ca_files
            .iter()
            .map(|written| trust::text(written, "certificate"))
            .collect::<Result<Vec<(String, String)>, _>>()
            .map_err(|error| format!("clientAuth.caFiles: {error}"))?;
        let authorities: Vec<[u8; 32]> =
            files.iter().map(|(pem, _)| Sha256::digest(pem).into()).collect();
        if let Some(previous) = previous
            && previous.options == *options
            && previous.authorities == authorities
        {
            return Ok(Arc::clone(previous));
        }
        let clients = match options.client_auth {
            ClientAuth::None => None,
            asked => {
                let (roots, listed) = roots(&files)
                    .map_err(|error| format!("invalid certificate(s) content: {error}"))?;
                Some(Arc::new(Clients::build(asked, roots, listed)?))
            }
        };
        let config = config(options, clients.clone(), store).map_err(|error| error.to_string())?;
        let (name, options) = (Arc::clone(name), options.clone());
        Ok(Arc::new(Self { name, config: Arc::new(config), clients, options, authorities }))
    }

    /// Looks at the authorities that are given as text, and reads no file.
    ///
    /// # Errors
    /// Says why no set can be built of them.
    pub fn look(options: &TlsOptions) -> Result<(), String> {
        if options.client_auth == ClientAuth::None {
            return Ok(());
        }
        let texts = options.ca_files.iter().filter(|written| trust::is_text(written));
        let texts: Vec<(String, String)> =
            texts.map(|written| trust::text(written, "certificate")).collect::<Result<_, _>>()?;
        roots(&texts).map_err(|error| format!("invalid certificate(s) content: {error}")).map(drop)
    }

    /// `default`, or the qualified name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// For rustls.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// Whether clients are turned away whose server name no certificate has.
    pub fn is_strict(&self) -> bool {
        self.options.sni_strict
    }

    /// Whether clients are asked for certificates.
    pub fn asks_clients(&self) -> bool {
        self.clients.is_some()
    }

    /// Whether they are the default ones.
    pub fn is_default(&self) -> bool {
        *self.name == *DEFAULT
    }

    /// What is asked of a client, for a person.
    pub fn described(&self) -> String {
        let asked = match self.options.client_auth {
            ClientAuth::None => return self.name.to_string(),
            ClientAuth::Request => "a client certificate is asked for",
            ClientAuth::RequireAny => "a client certificate is required",
            ClientAuth::VerifyIfGiven => "a client certificate is verified if there is one",
            ClientAuth::RequireAndVerify => "a verified client certificate is required",
        };
        format!("{}: {asked}", self.name)
    }

    /// Whether a connection may be served as if its handshake had been held by these options.
    /// `met`: those that it was held by, if not the built-in ones.
    ///
    /// A connection outlives changes of its options, but not those of what is asked of clients.
    pub fn is_met_by(self: &Arc<Self>, met: Option<&Arc<Self>>) -> bool {
        let Some(met) = met else { return self.is_default() && !self.asks_clients() };
        if Arc::ptr_eq(self, met) {
            return true;
        }
        let (own, its) = (&self.options, &met.options);
        let asked_alike = own.client_auth == its.client_auth && self.authorities == met.authorities;
        self.name == met.name && (asked_alike || !self.asks_clients())
    }

    /// Whether the certificate that a resumed session brings along would still be admitted: it may
    /// have expired since.
    pub fn still_admits(&self, session: &ServerConnection) -> bool {
        let Some(clients) = self.clients.as_ref().filter(|clients| clients.verifies()) else {
            return true;
        };
        match session.peer_certificates().and_then(<[_]>::split_first) {
            None => !clients.client_auth_mandatory(),
            Some((own, others)) => clients.verify_client_cert(own, others, UnixTime::now()).is_ok(),
        }
    }
}

/// The authorities as rustls wants them, and their certificates.
fn roots(
    files: &[(String, String)],
) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), String> {
    let (mut roots, mut listed) = (RootCertStore::empty(), Vec::new());
    for (pem, what) in files {
        let before = listed.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| format!("{what} is not PEM: {error}"))?;
            roots
                .add(certificate.clone())
                .map_err(|error| format!("{what} cannot be used: {error}"))?;
            listed.push(certificate);
        }
        if listed.len() == before {
            return Err(format!("{what} holds no certificate; expected PEM"));
        }
    }
    Ok((roots, listed))
}

fn config(
    options: &TlsOptions,
    clients: Option<Arc<Clients>>,
    store: &Arc<Store>,
) -> Result<ServerConfig, rustls::Error> {
    let mut crypto = CryptoProvider::clone(provider());
    if let Some(suites) = &options.cipher_suites {
        let asked = |suite: &rustls::SupportedCipherSuite| {
            suite.tls13().is_some() || suites.contains(&cipher_name(suite.suite()))
        };
        crypto.cipher_suites.retain(asked);
    }
    if let Some(groups) = &options.groups {
        let groups: Vec<NamedGroup> = groups.iter().map(|group| named(*group)).collect();
        // More than what is offered where nobody asks for any.
        let asked = ALL_KX_GROUPS.iter().filter(|group| groups.contains(&group.name()));
        crypto.kx_groups = asked.copied().collect();
    }
    let mut versions = Vec::with_capacity(2);
    if options.tls13 {
        versions.push(&rustls::version::TLS13);
    }
    if options.tls12 {
        versions.push(&rustls::version::TLS12);
    }
    let verifier: Arc<dyn ClientCertVerifier> = match clients {
        Some(clients) => clients,
        None => Arc::new(NoClientAuth),
    };
    let certificates: Arc<dyn ResolvesServerCert> = match options.sni_strict {
        true => Arc::new(Strict(Arc::clone(store))),
        false => Arc::clone(store) as Arc<dyn ResolvesServerCert>,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(crypto))
        .with_protocol_versions(&versions)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificates);
    config.alpn_protocols =
        options.alpn_protocols.iter().map(|name| name.clone().into_bytes()).collect();
    if options.tickets {
        config.ticketer = Ticketer::new()?;
    } else {
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
    }
    Ok(config)
}

fn named(group: Group) -> NamedGroup {
    match group {
        Group::X25519 => NamedGroup::X25519,
        Group::Secp256r1 => NamedGroup::secp256r1,
        Group::Secp384r1 => NamedGroup::secp384r1,
        Group::X25519MlKem768 => NamedGroup::X25519MLKEM768,
        Group::Secp256r1MlKem768 => NamedGroup::secp256r1MLKEM768,
    }
}

/// Certificates by their names only.
#[derive(Debug)]
struct Strict(Arc<Store>);

impl ResolvesServerCert for Strict {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.by_name(hello.server_name()?, hello.signature_schemes())
    }
}

#[cfg(test)]
pub(super) mod tests;
