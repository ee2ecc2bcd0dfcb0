//! The middlewares, one at a time: how each is written, and the request that passes it.

/// One router and what is asked of it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// In arguments, in the report, and the first part of the router's host.
    pub name: &'static str,
    /// The router's middlewares, as YAML in flow style: name and options. The first is the one that
    /// the case is about, unless it is `chain`.
    pub middlewares: &'static [(&'static str, &'static str)],
    /// What is asked for.
    pub path: &'static str,
    /// Beside what each request sends anyway (`Accept-Encoding: gzip, deflate, br, zstd` among it).
    pub headers: &'static [(&'static str, &'static str)],
    /// The answer's status.
    pub status: u16,
    /// The middleware answers itself: no server is asked, so that nothing can be subtracted.
    pub answers: bool,
}

/// A request that goes through to the server; the other cases differ from it.
const PASSES: Case =
    Case { name: "", middlewares: &[], path: "/small", headers: &[], status: 200, answers: false };

/// `ann:secret`
const ANN: &[(&str, &str)] = &[("Authorization", "Basic YW5uOnNlY3JldA==")];

/// The same without any middleware, for each path that is compared: what is subtracted.
pub const BARE: [Case; 2] =
    [Case { name: "bare", ..PASSES }, Case { name: "bare-1k", path: "/1k", ..PASSES }];

/// Every middleware, in the order of Traefik's documentation. `{UPSTREAM}` is the server's URL.
pub const CASES: &[Case] = &[
    Case { name: "addPrefix", middlewares: &[("add", "{addPrefix: {prefix: /pre}}")], ..PASSES },
    Case {
        name: "basicAuth-sha1",
        middlewares: &[("sha1", "{basicAuth: {users: ['ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=']}}")],
        headers: ANN,
        ..PASSES
    },
    Case {
        name: "basicAuth-bcrypt",
        // Of cost 5; htpasswd's own default.
        middlewares: &[(
            "bcrypt",
            "{basicAuth: {users: ['ann:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a']}}",
        )],
        headers: ANN,
        ..PASSES
    },
    Case {
        name: "buffering",
        middlewares: &[("buffer", "{buffering: {maxRequestBodyBytes: 1000000}}")],
        ..PASSES
    },
    Case {
        name: "buffering-1k",
        middlewares: &[("buffer1k", "{buffering: {maxResponseBodyBytes: 1000000}}")],
        path: "/1k",
        ..PASSES
    },
    Case {
        name: "chain",
        middlewares: &[
            ("chain", "{chain: {middlewares: [chained-strip, chained-add]}}"),
            ("chained-strip", "{stripPrefix: {prefixes: [/a]}}"),
            ("chained-add", "{addPrefix: {prefix: /b}}"),
        ],
        path: "/a/small",
        ..PASSES
    },
    Case {
        name: "circuitBreaker",
        middlewares: &[(
            "breaker",
            "{circuitBreaker: {expression: 'NetworkErrorRatio() > 0.5 || ResponseCodeRatio(500, 600, 0, 600) > 0.5'}}",
        )],
        ..PASSES
    },
    Case {
        name: "circuitBreaker-latency",
        middlewares: &[(
            "latency",
            "{circuitBreaker: {expression: 'LatencyAtQuantileMS(50.0) > 60000'}}",
        )],
        ..PASSES
    },
    Case {
        name: "compress-gzip-1k",
        middlewares: &[("gzip", "{compress: {encodings: [gzip]}}")],
        path: "/1k",
        ..PASSES
    },
    Case {
        name: "compress-br-1k",
        middlewares: &[("br", "{compress: {encodings: [br]}}")],
        path: "/1k",
        ..PASSES
    },
    Case {
        name: "compress-zstd-1k",
        middlewares: &[("zstd", "{compress: {encodings: [zstd]}}")],
        path: "/1k",
        ..PASSES
    },
    Case {
        name: "compress-too-small",
        middlewares: &[("compress", "{compress: {minResponseBodyBytes: 1024}}")],
        ..PASSES
    },
    Case { name: "contentType", middlewares: &[("sniff", "{contentType: {}}")], ..PASSES },
    Case {
        name: "digestAuth-challenge",
        middlewares: &[(
            "digest",
            "{digestAuth: {users: ['ann:traefik:e008efc4676c740d22dfb8460b00c71f']}}",
        )],
        status: 401,
        answers: true,
        ..PASSES
    },
    Case {
        name: "encodedCharacters",
        middlewares: &[("encoded", "{encodedCharacters: {allowEncodedSlash: true}}")],
        ..PASSES
    },
    Case {
        name: "errors-unneeded",
        middlewares: &[("errors", "{errors: {status: ['500-599'], service: app, query: /e}}")],
        ..PASSES
    },
    Case {
        name: "errors-page",
        middlewares: &[("page", "{errors: {status: ['200'], service: app, query: '/{status}'}}")],
        ..PASSES
    },
    Case {
        name: "forwardAuth",
        middlewares: &[("forward", "{forwardAuth: {address: '{UPSTREAM}/auth'}}")],
        ..PASSES
    },
    Case {
        name: "grpcWeb",
        middlewares: &[("grpc", "{grpcWeb: {allowOrigins: ['*']}}")],
        ..PASSES
    },
    Case {
        name: "headers-custom",
        middlewares: &[(
            "custom",
            "{headers: {customRequestHeaders: {X-Script-Name: test}, customResponseHeaders: {X-Custom: value}}}",
        )],
        ..PASSES
    },
    Case {
        name: "headers-security",
        middlewares: &[(
            "security",
            "{headers: {frameDeny: true, browserXssFilter: true, contentTypeNosniff: true, referrerPolicy: same-origin}}",
        )],
        ..PASSES
    },
    Case {
        name: "headers-cors",
        middlewares: &[(
            "cors",
            "{headers: {accessControlAllowOriginList: ['https://a.test'], accessControlAllowMethods: [GET], addVaryHeader: true}}",
        )],
        headers: &[("Origin", "https://a.test")],
        ..PASSES
    },
    Case {
        name: "inFlightReq",
        middlewares: &[("flight", "{inFlightReq: {amount: 1000000}}")],
        ..PASSES
    },
    Case {
        name: "ipAllowList",
        middlewares: &[("allow", "{ipAllowList: {sourceRange: [10.0.0.0/8, 127.0.0.0/8]}}")],
        ..PASSES
    },
    Case {
        name: "passTLSClientCert",
        middlewares: &[("certificate", "{passTLSClientCert: {pem: true}}")],
        ..PASSES
    },
    Case {
        name: "rateLimit",
        middlewares: &[("rate", "{rateLimit: {average: 1000000000, burst: 1000000000}}")],
        ..PASSES
    },
    Case {
        name: "redirectRegex-unmatched",
        middlewares: &[(
            "other",
            "{redirectRegex: {regex: '^https?://www[.](.*)$', replacement: 'https://$1'}}",
        )],
        ..PASSES
    },
    Case {
        name: "redirectRegex",
        middlewares: &[(
            "regex",
            "{redirectRegex: {regex: '^http://(.*)$', replacement: 'https://$1'}}",
        )],
        status: 302,
        answers: true,
        ..PASSES
    },
    Case {
        name: "redirectScheme",
        middlewares: &[("scheme", "{redirectScheme: {scheme: https}}")],
        status: 302,
        answers: true,
        ..PASSES
    },
    Case {
        name: "replacePath",
        middlewares: &[("replace", "{replacePath: {path: /small}}")],
        path: "/other",
        ..PASSES
    },
    Case {
        name: "replacePathRegex",
        middlewares: &[(
            "replace-regex",
            "{replacePathRegex: {regex: '^/api/(.*)$', replacement: '/$1'}}",
        )],
        path: "/api/small",
        ..PASSES
    },
    Case { name: "retry", middlewares: &[("retry", "{retry: {attempts: 3}}")], ..PASSES },
    Case {
        name: "retry-status",
        middlewares: &[("retry-status", "{retry: {attempts: 3, status: ['500-599']}}")],
        ..PASSES
    },
    Case {
        name: "stripPrefix",
        middlewares: &[("strip", "{stripPrefix: {prefixes: [/api]}}")],
        path: "/api/small",
        ..PASSES
    },
    Case {
        name: "stripPrefixRegex",
        middlewares: &[("strip-regex", "{stripPrefixRegex: {regex: ['/[a-z]+/[0-9]+']}}")],
        path: "/users/42/small",
        ..PASSES
    },
];

impl Case {
    /// The host that leads to its router.
    #[must_use]
    pub fn host(&self) -> String {
        format!("{}.middleware.test", self.name.to_ascii_lowercase())
    }

    /// The case of that name, the bare ones too.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.iter().chain(&BARE).find(|case| case.name == name)
    }

    /// What is subtracted: the same request without the middleware. `None`: nothing can be.
    #[must_use]
    pub fn bare(&self) -> Option<&'static Self> {
        let same = if self.path == "/1k" { "bare-1k" } else { "bare" };
        BARE.iter().find(|bare| bare.name == same && !self.answers)
    }
}

/// The routing configuration: a router for each case, all with one service.
#[must_use]
pub fn routing(upstream: &str) -> String {
    let (mut routers, mut middlewares) = (String::new(), String::new());
    for case in BARE.iter().chain(CASES) {
        // A chain names the others itself.
        let named = case.middlewares.first().map_or("", |(name, _)| name);
        routers += &format!(
            "    {}: {{rule: 'Host(`{}`)', service: app, middlewares: [{named}]}}\n",
            case.name,
            case.host()
        );
        for (name, options) in case.middlewares {
            let options = options.replace("{UPSTREAM}", upstream);
            middlewares += &format!("    {name}: {options}\n");
        }
    }
    format!(
        "http:\n  routers:\n{routers}  middlewares:\n{middlewares}  services:\n    app: \
         {{loadBalancer: {{servers: [{{url: '{upstream}'}}]}}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names = HashSet::new();
        let mut middlewares = HashSet::new();
        for case in BARE.iter().chain(CASES) {
            assert!(names.insert(case.host()), "{}", case.name);
            for (name, _) in case.middlewares {
                assert!(middlewares.insert(name), "{name}");
            }
            assert_eq!(Case::named(case.name).map(|it| it.path), Some(case.path));
        }
    }

    #[test]
    fn every_kind_is_there() {
        let all: String =
            CASES.iter().flat_map(|case| case.middlewares).map(|(_, options)| *options).collect();
        for kind in [
            "addPrefix",
            "basicAuth",
            "buffering",
            "chain",
            "circuitBreaker",
            "compress",
            "contentType",
            "digestAuth",
            "encodedCharacters",
            "errors",
            "forwardAuth",
            "grpcWeb",
            "headers",
            "inFlightReq",
            "ipAllowList",
            "passTLSClientCert",
            "rateLimit",
            "redirectRegex",
            "redirectScheme",
            "replacePath",
            "replacePathRegex",
            "retry",
            "stripPrefix",
            "stripPrefixRegex",
        ] {
            assert!(all.contains(&format!("{{{kind}: ")), "{kind}");
        }
    }

    #[test]
    fn the_routing_configuration() {
        let text = routing("http://127.0.0.1:9000");
        assert_eq!(text.matches("rule:").count(), CASES.len() + BARE.len());
        let expected = "    addPrefix: {rule: 'Host(`addprefix.middleware.test`)', service: app, \
                        middlewares: [add]}\n";
        assert!(text.contains(expected), "{text}");
        assert!(text.contains(
            "    bare: {rule: 'Host(`bare.middleware.test`)', service: app, middlewares: []}\n"
        ));
        assert!(text.contains("address: 'http://127.0.0.1:9000/auth'"), "{text}");
    }
}
