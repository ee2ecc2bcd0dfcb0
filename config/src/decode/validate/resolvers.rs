//! Certificate resolvers: storage, challenge, numbers that exclude each other.

use super::Checker;
use crate::finding::ObjectKind;
use crate::install::Acme;

impl Checker<'_> {
    pub(super) fn resolvers(&mut self) {
        let install = self.install;
        for (name, resolver) in &install.certificates_resolvers {
            let names = ["certificatesResolvers", name.as_str()];
            match (&resolver.acme, &resolver.tailscale) {
                (Some(_), Some(_)) => {
                    let message = "unable to initialize the resolver with both ACME and Tailscale";
                    self.fatal(&names, message, "one of acme, tailscale");
                }
                (Some(acme), None) => self.acme(name, acme),
                (None, Some(_)) => {}
                (None, None) => {
                    let object = (ObjectKind::Resolver, name.as_str());
                    self.error(object, &names, "the resolver says nothing", "acme below it");
                }
            }
        }
    }

    fn acme(&mut self, name: &str, acme: &Acme) {
        let object = (ObjectKind::Resolver, name);
        let at = |option: &'static str| ["certificatesResolvers", name, "acme", option];
        if acme.storage.is_empty() {
            let message = format!(
                "unable to initialize certificates resolver {name:?} with no storage location for \
                 the certificates"
            );
            self.fatal(&at("storage"), message, "a path such as /letsencrypt/acme.json");
        }
        if acme.certificates_duration < 1 {
            let message = format!("{} hours: the resolver is not used", acme.certificates_duration);
            self.error(object, &at("certificatesDuration"), message, "1 or more");
        }
        if acme.client_timeout < acme.client_response_header_timeout {
            let message = format!(
                "{} is less than clientResponseHeaderTimeout ({}): the resolver is not used",
                acme.client_timeout, acme.client_response_header_timeout
            );
            self.error(object, &at("clientTimeout"), message, "at least as much");
        }
        let known = ["EC256", "EC384", "RSA2048", "RSA4096", "RSA8192"];
        if let Some(key_type) = acme.key_type.as_ref().filter(|key_type| {
            !key_type.is_empty() && !known.contains(&key_type.to_ascii_uppercase().as_str())
        }) {
            let message = format!("unknown key type {key_type:?}: RSA4096 is used");
            self.warning(&at("keyType"), message, &known.join(", "));
        }
        self.challenge(name, acme);
    }

    fn challenge(&mut self, name: &str, acme: &Acme) {
        let object = (ObjectKind::Resolver, name);
        let names = ["certificatesResolvers", name, "acme", "httpChallenge", "entryPoint"];
        let Some(challenge) = &acme.http_challenge else {
            if acme.tls_challenge.is_none() && acme.dns_challenge.is_none() {
                let message = "ACME challenge not specified: no certificate can be ordered";
                let names = ["certificatesResolvers", name, "acme"];
                self.error(object, &names, message, "httpChallenge.entryPoint");
            }
            return;
        };
        let entry_point = challenge.entry_point.as_deref().unwrap_or_default();
        let expected = format!("one of {}", self.entry_point_names());
        if entry_point.is_empty() {
            let message = "no entry point: no certificate can be ordered";
            self.error(object, &names, message, &expected);
        } else if !self.knows_entry_point(entry_point) {
            let message =
                format!("unknown entry point {entry_point:?}: no certificate can be ordered");
            self.error(object, &names, message, &expected);
        }
    }
}
