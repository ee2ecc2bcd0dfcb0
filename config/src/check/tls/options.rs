//! TLS options as written -> as served. The names are Go's, as Traefik's are.

use super::super::trouble::Trouble;
use crate::checked::handshake::{ClientAuth, Group, TlsOptions};
use crate::routing;

/// Options that can be served, and what a person should know of them.
pub(super) struct Read {
    pub(super) options: TlsOptions,
    pub(super) remarks: Vec<Trouble>,
}

/// Of TLS 1.2, by Go's names.
const SUITES: &[&str] = &[
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// Other names of the same.
const SUITES_TOO: &[(&str, &str)] = &[
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
];

/// Of TLS 1.3: always on, named or not (so in Go).
const SUITES_13: &[&str] =
    &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// What Go has besides: without forward secrecy, with CBC or with broken ciphers.
const SUITES_LEFT_OUT: &[&str] = &[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_FALLBACK_SCSV",
];

/// `None`: known to Go, not served.
const GROUPS: &[(&str, Option<Group>)] = &[
    ("X25519", Some(Group::X25519)),
    ("x25519", Some(Group::X25519)),
    ("CurveP256", Some(Group::Secp256r1)),
    ("secp256r1", Some(Group::Secp256r1)),
    ("CurveP384", Some(Group::Secp384r1)),
    ("secp384r1", Some(Group::Secp384r1)),
    ("CurveP521", None),
    ("secp521r1", None),
    ("X25519MLKEM768", Some(Group::X25519MlKem768)),
    ("SecP256r1MLKEM768", Some(Group::Secp256r1MlKem768)),
    ("SecP384r1MLKEM1024", None),
];

const VERSIONS: &[(&str, u8)] =
    &[("VersionTLS10", 10), ("VersionTLS11", 11), ("VersionTLS12", 12), ("VersionTLS13", 13)];

const CLIENT_AUTH: &[(&str, ClientAuth)] = &[
    ("NoClientCert", ClientAuth::None),
    ("RequestClientCert", ClientAuth::Request),
    ("RequireAnyClientCert", ClientAuth::RequireAny),
    ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
    ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
];

/// Reads options, or tells why there can be no handshake by them.
pub(super) fn read(written: &routing::TlsOptions) -> Result<Read, Trouble> {
    let mut remarks = Vec::new();
    let (tls12, tls13) = versions(written, &mut remarks)?;
    let (client_auth, ca_files) = client_auth(written.client_auth.as_ref())?;
    let cipher_suites = suites(&written.cipher_suites, tls12, &mut remarks)?;
    // What is left of TLS 1.2 when only suites of TLS 1.3 are named.
    let tls12 = tls12 && cipher_suites.as_ref().is_none_or(|suites| !suites.is_empty());
    if !tls12 && !tls13 {
        return Err(broken("no cipher suite of TLS 1.2 is left, and TLS 1.3 is not allowed")
            .expected(format!("some of {}", SUITES.join(", "))));
    }
    if written.alpn_protocols.iter().any(|name| name.is_empty() || name.len() > 255) {
        return Err(broken("alpnProtocols has a name that is empty or longer than 255 bytes")
            .expected("names like h2 and http/1.1"));
    }
    let alpn_protocols = match written.alpn_protocols.as_slice() {
        [] => vec!["h2".to_owned(), "http/1.1".to_owned()],
        named => {
            let mut named = named.to_vec();
            // Go lets clients of HTTP/1.1 in to servers of HTTP/2 alone.
            if named.iter().any(|it| it == "h2") && !named.iter().any(|it| it == "http/1.1") {
                named.push("http/1.1".to_owned());
            }
            named
        }
    };
    let options = TlsOptions {
        tls12,
        tls13,
        cipher_suites,
        groups: groups(&written.curve_preferences, &mut remarks)?,
        client_auth,
        ca_files,
        sni_strict: written.sni_strict,
        alpn_protocols,
        tickets: !written.disable_session_tickets,
    };
    Ok(Read { options, remarks })
}

fn broken(why: impl std::fmt::Display) -> Trouble {
    Trouble::new(format!("building router handler: building TLS config: {why}"))
}

/// Whether TLS 1.2 and TLS 1.3 are spoken.
fn versions(
    written: &routing::TlsOptions,
    remarks: &mut Vec<Trouble>,
) -> Result<(bool, bool), Trouble> {
    let mut version = |option: &str, written: Option<&str>| {
        let text = written.filter(|text| !text.is_empty())?;
        let known = VERSIONS.iter().find(|(name, _)| *name == text);
        if known.is_none() {
            let names: Vec<&str> = VERSIONS.iter().map(|(name, _)| *name).collect();
            remarks.push(
                Trouble::new(format!(
                    "{option} {text:?} is unknown: it counts as if it were unset"
                ))
                .expected(format!("one of {}", names.join(", "))),
            );
        }
        known.map(|(_, version)| *version)
    };
    let least = version("minVersion", written.min_version.as_deref());
    let most = version("maxVersion", written.max_version.as_deref());
    let (lowest, highest) = (least.unwrap_or(12), most.unwrap_or(13));
    if highest < 12 {
        return Err(broken("maxVersion is below TLS 1.2, which is the oldest that is served")
            .expected("VersionTLS12 or VersionTLS13"));
    }
    if lowest > highest {
        return Err(broken("minVersion is above maxVersion").expected("a version between them"));
    }
    if lowest < 12 {
        remarks.push(
            Trouble::new(
                "minVersion is below TLS 1.2, which is the oldest that is served: older clients \
                 are turned away",
            )
            .expected("VersionTLS12 or VersionTLS13"),
        );
    }
    Ok((lowest <= 12, highest >= 13))
}

fn suites(
    written: &[String],
    tls12: bool,
    remarks: &mut Vec<Trouble>,
) -> Result<Option<Vec<&'static str>>, Trouble> {
    if written.is_empty() {
        return Ok(None);
    }
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    let mut of_13 = false;
    for name in written {
        let name = name.as_str();
        let today = SUITES_TOO.iter().find(|(other, _)| *other == name).map_or(name, |(_, it)| *it);
        if let Some(suite) = SUITES.iter().find(|suite| **suite == today) {
            if !kept.contains(suite) {
                kept.push(*suite);
            }
        } else if SUITES_13.contains(&name) {
            of_13 = true;
        } else if SUITES_LEFT_OUT.contains(&name) {
            left_out.push(name);
        } else {
            return Err(broken(format!("invalid CipherSuite: {name}"))
                .expected("names as Go has them, like TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
        }
    }
    if !left_out.is_empty() {
        let served = format!("some of {}", SUITES.join(", "));
        let names = left_out.join(", ");
        if kept.is_empty() && !of_13 && tls12 {
            let why = format!("of cipherSuites nothing is left: {names} not served");
            return Err(broken(why).expected(served));
        }
        remarks.push(
            Trouble::new(format!("cipherSuites that are not served are left out: {names}"))
                .expected(served),
        );
    }
    Ok(Some(kept))
}

fn groups(written: &[String], remarks: &mut Vec<Trouble>) -> Result<Option<Vec<Group>>, Trouble> {
    if written.is_empty() {
        return Ok(None);
    }
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    let served = || {
        let served = GROUPS.iter().filter(|(_, group)| group.is_some());
        let names: Vec<&str> = served.map(|(name, _)| *name).collect();
        format!("some of {}", names.join(", "))
    };
    for name in written {
        match GROUPS.iter().find(|(known, _)| known == name) {
            Some((_, Some(group))) if kept.contains(group) => {}
            Some((_, Some(group))) => kept.push(*group),
            Some((known, None)) => left_out.push(*known),
            None => {
                return Err(broken(format!("invalid CurveID in curvePreferences: {name}"))
                    .expected(served()));
            }
        }
    }
    if kept.is_empty() {
        let names = left_out.join(", ");
        let why = format!("of curvePreferences nothing is left: {names} not served");
        return Err(broken(why).expected(served()));
    }
    if !left_out.is_empty() {
        let names = left_out.join(", ");
        remarks.push(
            Trouble::new(format!("curvePreferences that are not served are left out: {names}"))
                .expected(served()),
        );
    }
    Ok(Some(kept))
}

fn client_auth(
    written: Option<&routing::ClientAuth>,
) -> Result<(ClientAuth, Vec<String>), Trouble> {
    let Some(written) = written else { return Ok((ClientAuth::None, Vec::new())) };
    let files = &written.ca_files;
    if files.iter().any(String::is_empty) {
        return Err(broken(
            "invalid certificate(s) content: clientAuth.caFiles has an empty entry",
        )
        .expected("paths of PEM files, or PEM"));
    }
    let asked = match written.client_auth_type.as_deref() {
        None | Some("") if files.is_empty() => ClientAuth::None,
        None | Some("") => ClientAuth::RequireAndVerify,
        Some(text) => match CLIENT_AUTH.iter().find(|(name, _)| *name == text) {
            Some((_, asked)) => *asked,
            None => {
                let names: Vec<&str> = CLIENT_AUTH.iter().map(|(name, _)| *name).collect();
                return Err(broken(format!("unknown client auth type {text:?}"))
                    .expected(format!("one of {}", names.join(", "))));
            }
        },
    };
    if asked.verifies() && files.is_empty() {
        let text = written.client_auth_type.as_deref().unwrap_or_default();
        return Err(broken(format!("invalid clientAuthType: {text}, CAFiles is required"))
            .expected("clientAuth.caFiles: the authorities' certificates"));
    }
    Ok((asked, files.clone()))
}
