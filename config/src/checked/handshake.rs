//! TLS options as they are served, and which handshake gets which.

use std::collections::BTreeMap;

use crate::name::QName;

/// TLS options, read: what is left of them can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// TLS 1.2 is spoken; one of the two is.
    pub tls12: bool,
    /// TLS 1.3 is spoken.
    pub tls13: bool,
    /// Of TLS 1.2, by Go's names; `None`: all that there are. Those of TLS 1.3 are always on.
    pub cipher_suites: Option<Vec<&'static str>>,
    /// Groups for the key exchange; `None`: all that there are.
    pub groups: Option<Vec<Group>>,
    /// What is asked of a client.
    pub client_auth: ClientAuth,
    /// Whom clients' certificates are to be issued by: each a path to PEM, or the PEM itself.
    pub ca_files: Vec<String>,
    /// A client whose server name no certificate has is turned away.
    pub sni_strict: bool,
    /// Protocols in order of preference.
    pub alpn_protocols: Vec<String>,
    /// Sessions can be resumed.
    pub tickets: bool,
}

/// A group for the key exchange that can be served (RFC 8446 section 4.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Group {
    X25519,
    Secp256r1,
    Secp384r1,
    X25519MlKem768,
    Secp256r1MlKem768,
}

/// What is asked of a client (Go: `tls.ClientAuthType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    None,
    /// A certificate of whomever, if it has one.
    Request,
    /// A certificate of whomever.
    RequireAny,
    /// A certificate of one of the authorities, if it has any.
    VerifyIfGiven,
    /// A certificate of one of the authorities.
    RequireAndVerify,
}

impl ClientAuth {
    /// Whether a client's certificate has to be issued by one of the authorities.
    pub fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }

    /// Whether a client without a certificate is turned away.
    pub fn requires(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }
}

/// Which TLS options a handshake gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handshakes {
    /// Those of everybody of whom nothing else is said.
    pub default: DefaultOptions,
    /// By entry point and by the server name that a client sends: lower-case, without a dot at the
    /// end; `*.parent` is any one label in place of the star. Empty as long as no router of the
    /// entry point asks for other options than the default ones. `None`: the default ones.
    ///
    /// Options that cannot be served are named all the same: nobody gets other ones in their place.
    pub names: BTreeMap<String, BTreeMap<String, Option<QName>>>,
}

/// The options of everybody of whom nothing else is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum DefaultOptions {
    /// Nobody has written any.
    #[default]
    BuiltIn,
    /// Written under the name `default`.
    Written(QName),
    /// Written so that they cannot be served: no handshake is held by other ones in their place.
    Refused,
}
