//! HTTP middlewares as written: exactly one kind each.

mod access;
mod body;
mod headers;
mod paths;
mod traffic;

use serde::{Deserialize, Serialize};

pub use self::access::*;
pub use self::body::*;
pub use self::headers::*;
pub use self::paths::*;
pub use self::traffic::*;

/// Declares [`Middleware`] and the names of its kinds from one list, so that the two cannot part.
macro_rules! kinds {
    ($($field:ident: $type:ty = $name:literal $served:literal;)*) => {
        /// `http.middlewares.<name>`: exactly one field is set (Traefik: HTTP middlewares).
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        #[allow(missing_docs)]
        pub struct Middleware {
            $(
                #[serde(skip_serializing_if = "Option::is_none", rename = $name)]
                pub $field: Option<$type>,
            )*
        }

        impl Middleware {
            /// The names of all kinds that are set, as Traefik spells them (`redirectRegex`).
            pub fn kinds(&self) -> Vec<&'static str> {
                let mut kinds = Vec::new();
                $(if self.$field.is_some() { kinds.push($name); })*
                kinds
            }

            /// Whether middlewares of this kind (as [`Middleware::kinds`] spells it) are served.
            pub fn is_kind_served(kind: &str) -> bool {
                match kind {
                    $($name => $served,)*
                    _ => false,
                }
            }
        }
    };
}

kinds! {
    add_prefix: AddPrefix = "addPrefix" true;
    strip_prefix: StripPrefix = "stripPrefix" true;
    redirect_regex: RedirectRegex = "redirectRegex" true;
    redirect_scheme: RedirectScheme = "redirectScheme" true;
    headers: Headers = "headers" true;
    chain: Chain = "chain" true;
    strip_prefix_regex: StripPrefixRegex = "stripPrefixRegex" true;
    replace_path: ReplacePath = "replacePath" true;
    replace_path_regex: ReplacePathRegex = "replacePathRegex" true;
    basic_auth: BasicAuth = "basicAuth" true;
    digest_auth: DigestAuth = "digestAuth" true;
    forward_auth: ForwardAuth = "forwardAuth" true;
    ip_allow_list: IpAllowList = "ipAllowList" true;
    ip_white_list: IpWhiteList = "ipWhiteList" true;
    rate_limit: RateLimit = "rateLimit" true;
    in_flight_req: InFlightReq = "inFlightReq" true;
    compress: Compress = "compress" true;
    content_type: ContentType = "contentType" true;
    buffering: Buffering = "buffering" true;
    retry: Retry = "retry" true;
    circuit_breaker: CircuitBreaker = "circuitBreaker" true;
    errors: Errors = "errors" true;
    pass_tls_client_cert: PassTlsClientCert = "passTLSClientCert" true;
    grpc_web: GrpcWeb = "grpcWeb" true;
    encoded_characters: EncodedCharacters = "encodedCharacters" true;
    plugin: serde_json::Value = "plugin" false;
    // Only Traefik's Kubernetes providers serve these; files may name them all the same.
    request_header_modifier: serde_json::Value = "requestHeaderModifier" false;
    response_header_modifier: serde_json::Value = "responseHeaderModifier" false;
    request_redirect: serde_json::Value = "requestRedirect" false;
    url_rewrite: serde_json::Value = "URLRewrite" false;
    snippet: serde_json::Value = "snippet" false;
    rewrite_target: serde_json::Value = "rewriteTarget" false;
    app_root: serde_json::Value = "appRoot" false;
    upstream_vhost: serde_json::Value = "upstreamVHost" false;
    auth_tls_pass_certificate_to_upstream: serde_json::Value =
        "authTLSPassCertificateToUpstream" false;
}

impl Middleware {
    /// The one kind that is set, or the names of all that are when it is none or several.
    pub fn kind(&self) -> Result<&'static str, Vec<&'static str>> {
        match self.kinds().as_slice() {
            [kind] => Ok(kind),
            kinds => Err(kinds.to_vec()),
        }
    }

    /// Whether exactly one kind is set and it is served.
    pub fn served(&self) -> bool {
        self.kind().is_ok_and(Self::is_kind_served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_several_none() {
        let none = Middleware::default();
        assert_eq!(none.kind(), Err(vec![]));
        assert!(!none.served());

        let served = Middleware { chain: Some(Chain::default()), ..Default::default() };
        assert_eq!(served.kind(), Ok("chain"));
        assert!(served.served());

        let unserved = Middleware { plugin: Some(serde_json::Value::Null), ..Default::default() };
        assert_eq!(unserved.kind(), Ok("plugin"));
        assert!(!unserved.served());

        let both = Middleware {
            basic_auth: Some(BasicAuth::default()),
            chain: Some(Chain::default()),
            ..Default::default()
        };
        assert_eq!(both.kind(), Err(vec!["chain", "basicAuth"]));
        assert!(!both.served());
    }
}
