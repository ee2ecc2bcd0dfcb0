//! Security headers, and the check of the host.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, HOST, HeaderMap, HeaderName,
    HeaderValue, PUBLIC_KEY_PINS, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use http::{Response, StatusCode, request};
use swarmgate_config::routing;

use super::{first, value};
use crate::body::Body;
use crate::middleware::{self, Context};
use crate::{respond, tls};

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Stands for the nonce in a policy.
const NONCE: &str = "$NONCE";

/// Every option of Traefik's that is neither a custom header nor CORS.
#[derive(Debug)]
pub(super) struct Security {
    /// Empty: every host will do.
    allowed_hosts: Vec<String>,
    /// The first of these that says something is the host to check.
    host_headers: Vec<HeaderName>,
    /// Any of these makes a request secure.
    secure_headers: Secures,
    /// Set on every answer.
    always: Vec<(HeaderName, HeaderValue)>,
    /// Set on answers to secure requests.
    if_secure: Vec<(HeaderName, HeaderValue)>,
    /// Policies with a nonce: the parts that stand around it.
    nonced: Vec<(HeaderName, Vec<String>)>,
}

/// Headers that a proxy in front of us sets where its client's connection is TLS.
type Secures = Arc<[(HeaderName, HeaderValue)]>;

/// Left among the request's extensions: the lists that have found it secure. Later middlewares may
/// change the headers, and that does not count.
#[derive(Clone, Debug, Default)]
struct FoundSecure(Vec<Secures>);

impl Security {
    /// `None`: nothing of it is set.
    pub(super) fn build(written: &routing::Headers) -> Result<Option<Self>, String> {
        let mut built = Self {
            allowed_hosts: Vec::new(),
            host_headers: names("hostsProxyHeaders", written.hosts_proxy_headers.iter())?,
            secure_headers: [].into(),
            always: Vec::new(),
            if_secure: Vec::new(),
            nonced: Vec::new(),
        };
        built.set_headers(written)?;
        if !written.is_development {
            built.allowed_hosts.clone_from(&written.allowed_hosts);
            built.set_for_secure_requests(written)?;
        }
        let idle = built.always.is_empty()
            && built.if_secure.is_empty()
            && built.nonced.is_empty()
            && built.allowed_hosts.is_empty();
        Ok((!idle).then_some(built))
    }

    fn set_headers(&mut self, written: &routing::Headers) -> Result<(), String> {
        let or = |custom: &String, on: bool, usual: &str| match (custom.is_empty(), on) {
            (false, _) => custom.clone(),
            (true, true) => usual.to_owned(),
            (true, false) => String::new(),
        };
        let frame = or(&written.custom_frame_options_value, written.frame_deny, "DENY");
        let xss =
            or(&written.custom_browser_xss_value, written.browser_xss_filter, "1; mode=block");
        let sniff = or(&String::new(), written.content_type_nosniff, "nosniff");
        let table = [
            (X_FRAME_OPTIONS, "customFrameOptionsValue", &frame),
            (X_CONTENT_TYPE_OPTIONS, "contentTypeNosniff", &sniff),
            (X_XSS_PROTECTION, "customBrowserXSSValue", &xss),
            (CONTENT_SECURITY_POLICY, "contentSecurityPolicy", &written.content_security_policy),
            (
                CONTENT_SECURITY_POLICY_REPORT_ONLY,
                "contentSecurityPolicyReportOnly",
                &written.content_security_policy_report_only,
            ),
            (REFERRER_POLICY, "referrerPolicy", &written.referrer_policy),
            (PERMISSIONS_POLICY, "permissionsPolicy", &written.permissions_policy),
        ];
        for (name, option, text) in table.into_iter().filter(|(_, _, text)| !text.is_empty()) {
            let is_policy = option.starts_with("contentSecurityPolicy");
            let value = value(option, text)?;
            if is_policy && text.contains(NONCE) {
                let line = text.trim().replace(['\r', '\n'], " ");
                self.nonced.push((name, line.split(NONCE).map(str::to_owned).collect()));
            } else {
                self.always.push((name, value));
            }
        }
        Ok(())
    }

    fn set_for_secure_requests(&mut self, written: &routing::Headers) -> Result<(), String> {
        if written.sts_seconds != 0 {
            let mut sts = format!("max-age={}", written.sts_seconds);
            if written.sts_include_subdomains {
                sts.push_str("; includeSubDomains");
            }
            if written.sts_preload {
                sts.push_str("; preload");
            }
            let sts = (STRICT_TRANSPORT_SECURITY, value("stsSeconds", &sts)?);
            match written.force_sts_header {
                true => self.always.push(sts),
                false => self.if_secure.push(sts),
            }
        }
        if !written.public_key.is_empty() {
            self.if_secure.push((PUBLIC_KEY_PINS, value("publicKey", &written.public_key)?));
        }
        let mut secure_headers = Vec::new();
        for (name, text) in &written.ssl_proxy_headers {
            for name in names("sslProxyHeaders", [name].into_iter())? {
                secure_headers.push((name, value("sslProxyHeaders", text)?));
            }
        }
        // Nobody asks where nothing depends on it.
        if !self.if_secure.is_empty() {
            self.secure_headers = secure_headers.into();
        }
        Ok(())
    }

    /// The refusal of a request for another host.
    pub(super) fn on_request(
        &self,
        head: &mut request::Parts,
        context: &Context<'_>,
    ) -> Option<Response<Body>> {
        if !self.allowed_hosts.is_empty() && !self.is_allowed(head, context) {
            return Some(respond::error(StatusCode::INTERNAL_SERVER_ERROR, "Bad Host\n"));
        }
        let found = |(name, value): &(HeaderName, HeaderValue)| first(&head.headers, name) == value;
        if !context.tls && self.secure_headers.iter().any(found) {
            let lists = head.extensions.get_or_insert_default::<FoundSecure>();
            if !lists.0.iter().any(|list| Arc::ptr_eq(list, &self.secure_headers)) {
                lists.0.push(Arc::clone(&self.secure_headers));
            }
        }
        None
    }

    fn is_allowed(&self, head: &request::Parts, context: &Context<'_>) -> bool {
        let told = self.host_headers.iter().map(|name| first(&head.headers, name));
        let host = told.into_iter().find(|told| !told.is_empty());
        let host = host.unwrap_or_else(|| middleware::host(head, context));
        self.allowed_hosts.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(host))
    }

    fn is_secure(&self, request: &request::Parts, context: &Context<'_>) -> bool {
        let mine = |list: &Secures| Arc::ptr_eq(list, &self.secure_headers);
        context.tls
            || !self.secure_headers.is_empty()
                && request
                    .extensions
                    .get::<FoundSecure>()
                    .is_some_and(|lists| lists.0.iter().any(mine))
    }

    pub(super) fn on_response(
        &self,
        headers: &mut HeaderMap,
        request: &request::Parts,
        context: &Context<'_>,
    ) {
        for (name, value) in &self.always {
            headers.insert(name.clone(), value.clone());
        }
        if !self.if_secure.is_empty() && self.is_secure(request, context) {
            for (name, value) in &self.if_secure {
                headers.insert(name.clone(), value.clone());
            }
        }
        if self.nonced.is_empty() {
            return;
        }
        let nonce = nonce();
        for (name, parts) in &self.nonced {
            if let Ok(value) = HeaderValue::try_from(parts.join(&nonce)) {
                headers.insert(name.clone(), value);
            }
        }
    }
}

/// Header names, `Host` left out: it is no header to Traefik, so it is never found.
fn names<'a>(
    option: &str,
    written: impl Iterator<Item = &'a String>,
) -> Result<Vec<HeaderName>, String> {
    let mut names = Vec::new();
    for name in written.filter(|name| !name.is_empty()) {
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            format!("{option} has {name:?}, which is no header name; expected letters, digits and dashes")
        })?;
        names.extend((parsed != HOST).then_some(parsed));
    }
    Ok(names)
}

/// A policy's source that nobody can guess. Should the system have no randomness, the policy has
/// one source less, which allows less.
fn nonce() -> String {
    let mut bytes = [0; 16];
    match tls::fill_random(&mut bytes) {
        true => format!("'nonce-{}'", STANDARD_NO_PAD.encode(bytes)),
        false => String::new(),
    }
}
