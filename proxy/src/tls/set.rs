//! TLS options ready for handshakes.
//!
//! Each set has tickets of its own: no session is resumed under other options than those it began
//! with. A set that nobody changes is carried over from one configuration to the next, and its
//! tickets with it.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{ALL_KX_GROUPS, Ticketer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoClientAuth, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{NamedGroup, ServerConfig, SupportedProtocolVersion};
use swarmgate_config::checked::handshake::{ClientAuth, Group, TlsOptions};

use super::authorities::{self, Authorities};
use super::client_auth::Clients;
use super::sessions::Sessions;
use super::{Store, cipher_name, provider, trust};

/// The name of the options that everybody gets of whom nothing else is said.
pub const DEFAULT: &str = "default";

/// TLS options ready for handshakes.
#[derive(Debug)]
pub struct Set {
    name: Arc<str>,
    ground: Ground,
    /// For handshakes that have nothing of their own.
    config: Arc<ServerConfig>,
    /// Of clients whose certificates are verified: each handshake has its own.
    sessions: Option<Sessions>,
    clients: Option<Arc<Clients>>,
    /// Without `caFiles`: what counts is what is in them.
    options: TlsOptions,
    /// Of the certificates in `clientAuth.caFiles`: a file may change while its name stays.
    authorities: [u8; 32],
    remarks: Vec<String>,
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
        let asked = options.client_auth;
        let files = authorities::files(&options.ca_files)?;
        let bad = |error: String| format!("invalid certificate(s) content: {error}");
        let listed = match asked {
            ClientAuth::None => Authorities::default(),
            _ => Authorities::of(&files).map_err(bad)?,
        };
        let authorities = listed.digest();
        let options = TlsOptions { ca_files: Vec::new(), ..options.clone() };
        if let Some(previous) = previous
            && previous.options == options
            && previous.authorities == authorities
        {
            return Ok(Arc::clone(previous));
        }
        let clients = match asked {
            ClientAuth::None => None,
            asked => {
                let roots = listed.roots().map_err(bad)?;
                Some(Arc::new(Clients::build(asked, roots, listed.certificates())?))
            }
        };
        let remarks = if asked.verifies() { listed.remarks() } else { Vec::new() };
        let ground = Ground::new(&options, store);
        let (config, sessions) =
            ground.with(clients.as_ref(), options.tickets).map_err(|error| error.to_string())?;
        let (name, config) = (Arc::clone(name), Arc::new(config));
        let set = Self { name, ground, config, sessions, clients, options, authorities, remarks };
        Ok(Arc::new(set))
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
        let files = authorities::files(&texts.cloned().collect::<Vec<_>>())?;
        let listed = Authorities::of(&files).and_then(|listed| listed.roots());
        listed.map(drop).map_err(|error| format!("invalid certificate(s) content: {error}"))
    }

    /// `default`, or the qualified name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// For one handshake.
    pub fn config(&self) -> Arc<ServerConfig> {
        let own = self.sessions.as_ref().and_then(|sessions| {
            let session = sessions.begin();
            let mut config = self.ground.config(Arc::clone(&session) as _).ok()?;
            config.ticketer = Arc::clone(&session) as _;
            config.session_storage = session;
            Some(Arc::new(config))
        });
        own.unwrap_or_else(|| Arc::clone(&self.config))
    }

    /// What a person should know about them.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
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
}

/// What all handshakes of a set stand on.
#[derive(Debug)]
struct Ground {
    crypto: Arc<CryptoProvider>,
    versions: Vec<&'static SupportedProtocolVersion>,
    certificates: Arc<dyn ResolvesServerCert>,
    protocols: Vec<Vec<u8>>,
}

impl Ground {
    fn new(options: &TlsOptions, store: &Arc<Store>) -> Self {
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
        let certificates: Arc<dyn ResolvesServerCert> = match options.sni_strict {
            true => Arc::new(Strict(Arc::clone(store))),
            false => Arc::clone(store) as Arc<dyn ResolvesServerCert>,
        };
        let protocols = options.alpn_protocols.iter().map(|name| name.clone().into_bytes());
        Self { crypto: Arc::new(crypto), versions, certificates, protocols: protocols.collect() }
    }

    fn config(&self, verifier: Arc<dyn ClientCertVerifier>) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.crypto))
            .with_protocol_versions(&self.versions)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&self.certificates));
        config.alpn_protocols.clone_from(&self.protocols);
        Ok(config)
    }

    /// For handshakes that have nothing of their own; where those have, the sessions of all.
    fn with(
        &self,
        clients: Option<&Arc<Clients>>,
        tickets: bool,
    ) -> Result<(ServerConfig, Option<Sessions>), rustls::Error> {
        let verifier: Arc<dyn ClientCertVerifier> = match clients {
            Some(clients) => Arc::clone(clients) as _,
            None => Arc::new(NoClientAuth),
        };
        let mut config = self.config(verifier)?;
        let verifying = clients.filter(|clients| tickets && clients.verifies());
        let sessions = verifying.map(Sessions::new).transpose()?;
        if tickets && sessions.is_none() {
            config.ticketer = Ticketer::new()?;
        } else {
            config.send_tls13_tickets = 0;
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        Ok((config, sessions))
    }
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
