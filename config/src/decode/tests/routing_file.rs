//! Routing files: objects with lines, and what a mistake spoils.

use crate::decode::{Format, decode_routing_file};
use crate::finding::{Finding, Severity};
use crate::routing::Configuration;

fn yaml(text: &str) -> Configuration {
    decode_routing_file("dyn.yml", text, Format::Yaml).unwrap()
}

fn told(configuration: &Configuration) -> Vec<String> {
    configuration.findings.iter().map(ToString::to_string).collect()
}

const YAML: &str = r#"http:
  routers:
    web:
      rule: Host(`a.test`)
      service: app
      entryPoints: [web, "b,c"]
      priority: "7"
      tls: {}
  services:
    app:
      loadBalancer:
        servers:
          - url: http://10.0.0.1:80
          - url: http://10.0.0.2:80
            weight: 2
  middlewares:
    strip:
      stripPrefix:
        prefixes:
          - /a
  serversTransports:
    t:
      rootCAs: [ca.pem]
      forwardingTimeouts:
        dialTimeout: 5
tls:
  certificates:
    - certFile: a.pem
      keyFile: a.key
  options:
    strict:
      minVersion: VersionTLS13
  stores:
    default:
      defaultCertificate:
        certFile: d.pem
        keyFile: d.key
"#;

const TOML: &str = r#"[http.routers.web]
rule = "Host(`a.test`)"
service = "app"
entryPoints = ["web", "b,c"]
priority = 7
tls = {}
[[http.services.app.loadBalancer.servers]]
url = "http://10.0.0.1:80"
[[http.services.app.loadBalancer.servers]]
url = "http://10.0.0.2:80"
weight = 2
[http.middlewares.strip.stripPrefix]
prefixes = ["/a"]
[http.serversTransports.t]
rootCAs = ["ca.pem"]
[http.serversTransports.t.forwardingTimeouts]
dialTimeout = "5s"
[[tls.certificates]]
certFile = "a.pem"
keyFile = "a.key"
[tls.options.strict]
minVersion = "VersionTLS13"
[tls.stores.default.defaultCertificate]
certFile = "d.pem"
keyFile = "d.key"
"#;

#[test]
fn two_formats_one_model() {
    let a = yaml(YAML);
    assert_eq!(told(&a), Vec::<String>::new());
    let router = &a.routers["web"];
    assert_eq!(router.origin.to_string(), "dyn.yml:3:5");
    assert_eq!(router.value.entry_points, ["web", "b,c"]);
    assert_eq!(router.value.priority, Some(7));
    assert!(router.value.tls.is_some());
    assert_eq!(a.services["app"].origin.to_string(), "dyn.yml:10:5");
    assert_eq!(a.certificates[0].origin.to_string(), "dyn.yml:28:7");
    let b = decode_routing_file("dyn.toml", TOML, Format::Toml).unwrap();
    assert_eq!(told(&b), Vec::<String>::new());
    assert_eq!(b.routers["web"].origin.to_string(), "dyn.toml:1:15");
    let values = |c: &Configuration| {
        (
            c.routers.iter().map(|(n, w)| (n.clone(), w.value.clone())).collect::<Vec<_>>(),
            c.services.iter().map(|(n, w)| (n.clone(), w.value.clone())).collect::<Vec<_>>(),
            c.middlewares.iter().map(|(n, w)| (n.clone(), w.value.clone())).collect::<Vec<_>>(),
            c.servers_transports.values().map(|w| w.value.clone()).collect::<Vec<_>>(),
            c.certificates.iter().map(|w| w.value.clone()).collect::<Vec<_>>(),
            c.tls_options.values().map(|w| w.value.clone()).collect::<Vec<_>>(),
            c.tls_stores.values().map(|w| w.value.clone()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(values(&a), values(&b));
}

#[test]
fn json_shapes_omit_what_is_empty() {
    let c = yaml(YAML);
    let json = |value: serde_json::Result<serde_json::Value>| value.unwrap();
    assert_eq!(
        json(serde_json::to_value(&c.services["app"].value)),
        serde_json::json!({"loadBalancer": {"servers": [
            {"url": "http://10.0.0.1:80"},
            {"url": "http://10.0.0.2:80", "weight": 2},
        ]}})
    );
    assert_eq!(
        json(serde_json::to_value(&c.middlewares["strip"].value)),
        serde_json::json!({"stripPrefix": {"prefixes": ["/a"]}})
    );
    assert_eq!(
        json(serde_json::to_value(&c.servers_transports["t"].value)),
        serde_json::json!({"rootCAs": ["ca.pem"], "forwardingTimeouts": {"dialTimeout": "5s"}})
    );
}

#[test]
fn a_mistake_spoils_its_own_object() {
    let text = r#"http:
  routers:
    good: {rule: Path(`/`), service: s}
    bad: {rule: Path(`/`), middlwares: [auth]}
    templated: {rule: 'Host(`{{ env "X" }}`)'}
  services:
    s:
      loadBalancer:
        server: {url: http://a}
  middlewares:
    m: true
  router:
    good2: {rule: Path(`/`)}
htpp: {}
tcp: {}
entryPoints: {}
"#;
    let c = yaml(text);
    let names: Vec<&String> = c.routers.keys().collect();
    assert_eq!(names, ["good"]);
    assert!(c.services.is_empty());
    let told = told(&c).join("\n");
    for part in [
        "dyn.yml:4:28: unknown key \"middlwares\" in http.routers.bad; the closest known key is \"middlewares\"",
        "dyn.yml:5:17: Go templates are not served",
        "dyn.yml:9:9: unknown key \"server\" in http.services.s.loadBalancer; the closest known key is \"servers\"",
        "dyn.yml:12:3: unknown key \"router\" in http; the closest known key is \"routers\"",
        "dyn.yml:14:1: unknown key \"htpp\"; the closest known key is \"http\"",
        "dyn.yml:15:1: TCP routing is known but not served yet",
        "dyn.yml:16:1: unknown key \"entryPoints\"",
    ] {
        assert!(told.contains(part), "{part:?} not in\n{told}");
    }
    let object = |finding: &&Finding| finding.severity == Severity::Error;
    assert!(c.findings.iter().filter(object).all(|finding| finding.object.is_some()), "{told}");
}

#[test]
fn lists_and_sections_that_are_none() {
    for text in ["http: true\n", "http:\n  routers: x\n", "tls:\n  certificates: x\n"] {
        let c = yaml(text);
        assert!(!c.findings.is_empty(), "{text}");
        assert!(c.findings.iter().all(|finding| finding.severity == Severity::Error), "{text}");
    }
    for text in ["", "# nothing\n", "http: {}\n", "http:\n  routers: {}\n", "tls:\n"] {
        assert_eq!(yaml(text), Configuration::default(), "{text}");
    }
}

#[test]
fn errors_of_the_whole_file() {
    let table: &[(&str, Format, &str)] = &[
        ("http: [\n", Format::Yaml, "not valid YAML"),
        (
            "http:\n  routers:\n{{ range $i, $e := until 3 }}\n    r: {}\n{{ end }}\n",
            Format::Yaml,
            "as in line 3: templates are not served",
        ),
        ("{{ env }}: 1\n", Format::Yaml, "Go template"),
        (
            "# {{ why }}\n[http.routers]\n{{ range $i, $e := until 3 }}\n[http.routers.r]\n{{ end }}\n",
            Format::Toml,
            "as in line 3: templates are not served",
        ),
        (
            "[tls.options.default]\nminVersion = '{{ env \"X\" }}'\n",
            Format::Toml,
            "dyn:2:1: Go templates are not served",
        ),
        ("[http\n", Format::Toml, "dyn:1:6: not valid TOML"),
        (
            "tls:\n  options:\n    default:\n      clientAth: {}\n",
            Format::Yaml,
            "dyn:4:7: unknown key \"clientAth\"",
        ),
        (
            "tls:\n  options:\n    default:\n      minVersion: \"{{ env }}\"\n",
            Format::Yaml,
            "Go templates",
        ),
        ("- a\n", Format::Yaml, "holds no keys"),
        ("tls:\n  optins:\n    default: {sniStrict: true}\n", Format::Yaml, "\"options\""),
    ];
    for (text, format, part) in table {
        let finding = decode_routing_file("dyn", text, *format).expect_err(text);
        assert_eq!(finding.severity, Severity::Error);
        assert!(finding.to_string().contains(part), "{text}: {finding}");
    }
}

#[test]
fn templates_in_toml_spoil_their_own_object() {
    let text = "[http.routers.good]\nrule = 'Path(`/`)'\nservice = 's'\n\n[http.routers.bad]\nrule = 'Host(`{{ env \"X\" }}`)'\nservice = 's'\n";
    let c = decode_routing_file("dyn.toml", text, Format::Toml).unwrap();
    assert_eq!(c.routers.keys().collect::<Vec<_>>(), ["good"]);
    let told = told(&c).join("\n");
    assert!(told.contains("dyn.toml:6:1: Go templates are not served"), "{told}");
}

#[test]
fn comments_may_hold_templates() {
    let c = yaml("# {{ template }}\nhttp:\n  routers:\n    r: {rule: Path(`/`)} # {{ x }}\n");
    assert_eq!(told(&c), Vec::<String>::new());
    assert_eq!(c.routers.len(), 1);
}

#[test]
fn thousands_of_objects_with_lines() {
    let mut text = String::from("http:\n  routers:\n");
    for n in 0..5_000 {
        text.push_str(&format!("    r{n}:\n      rule: Path(`/`)\n"));
    }
    let started = std::time::Instant::now();
    let c = yaml(&text);
    assert_eq!(c.routers["r4999"].origin.to_string(), "dyn.yml:10001:5");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

/// Every option of every kind in the reference is known; unserved ones only by their kind.
#[test]
fn the_whole_model_is_known() {
    let text = r#"
http:
  routers:
    r: {rule: a, ruleSyntax: v3, entryPoints: [a], middlewares: [m], service: s, priority: 1,
        parentRefs: [p], observability: {accessLogs: true, metrics: true, tracing: true, traceVerbosity: minimal},
        tls: {certResolver: le, options: o, domains: [{main: a, sans: [b]}]}}
  services:
    lb:
      loadBalancer:
        servers: [{url: "http://a", weight: 1, preservePath: true}]
        strategy: p2c
        passHostHeader: true
        serversTransport: t
        sticky: {cookie: {name: a, secure: true, httpOnly: true, sameSite: lax, maxAge: 1, path: /, domain: d}}
        healthCheck: {scheme: http, mode: grpc, path: /, method: GET, status: 200, port: 1, interval: 1s,
          unhealthyInterval: 1s, timeout: 1s, hostname: h, followRedirects: true, headers: {A: b}}
        passiveHealthCheck: {failureWindow: 1s, maxFailedAttempts: 1}
        responseForwarding: {flushInterval: 1ms}
    w: {weighted: {services: [{name: a, weight: 1}], sticky: {cookie: {}}, healthCheck: {}}}
    h: {highestRandomWeight: {services: [{name: a, weight: 1}]}}
    m: {mirroring: {service: a, mirrorBody: true, maxBodySize: 1, mirrors: [{name: b, percent: 1}]}}
    f: {failover: {service: a, fallback: b}, middlewares: [x]}
  serversTransports:
    t: {serverName: a, insecureSkipVerify: true, rootCAs: [a], certificates: [{certFile: a, keyFile: b}],
        cipherSuites: [a], minVersion: a, maxVersion: a, maxIdleConnsPerHost: 1, disableHTTP2: true, peerCertURI: a,
        forwardingTimeouts: {dialTimeout: 1, responseHeaderTimeout: 1, idleConnTimeout: 1, readIdleTimeout: 1, pingTimeout: 1},
        spiffe: {ids: [a], trustDomain: b}}
  middlewares:
    addPrefix: {addPrefix: {prefix: /a}}
    stripPrefix: {stripPrefix: {prefixes: [/a], forceSlash: true}}
    stripPrefixRegex: {stripPrefixRegex: {regex: [a]}}
    replacePath: {replacePath: {path: /a}}
    replacePathRegex: {replacePathRegex: {regex: a, replacement: b}}
    redirectRegex: {redirectRegex: {regex: a, replacement: b, permanent: true}}
    redirectScheme: {redirectScheme: {scheme: https, port: 443, permanent: true}}
    basicAuth: {basicAuth: {users: [a], usersFile: a, realm: a, removeHeader: true, headerField: a}}
    digestAuth: {digestAuth: {users: [a], usersFile: a, realm: a, removeHeader: true, headerField: a}}
    forwardAuth: {forwardAuth: {address: a, trustForwardHeader: true, authRequestHeaders: [a], authResponseHeaders: [a],
      authResponseHeadersRegex: a, addAuthCookiesToResponse: [a], headerField: a, forwardBody: true, maxBodySize: 1,
      maxResponseBodySize: 1, preserveLocationHeader: true, preserveRequestMethod: true, authSigninURL: a,
      tls: {ca: a, cert: a, key: a, insecureSkipVerify: true, caOptional: true}}}
    ipAllowList: {ipAllowList: {sourceRange: [a], ipStrategy: {depth: 1, excludedIPs: [a], ipv6Subnet: 64}, rejectStatusCode: 404}}
    ipWhiteList: {ipWhiteList: {sourceRange: [a], ipStrategy: {depth: 1}}}
    rateLimit: {rateLimit: {average: 1, period: 1s, burst: 1, redis: {endpoints: [a], tls: {ca: a, cert: b, key: c, insecureSkipVerify: true},
      username: a, password: b, db: 1, poolSize: 1, minIdleConns: 1, maxActiveConns: 1, readTimeout: 1s, writeTimeout: 1s, dialTimeout: 1s},
      sourceCriterion: {ipStrategy: {depth: 0}, requestHeaderName: a, requestHost: true}}}
    inFlightReq: {inFlightReq: {amount: 1, sourceCriterion: {requestHost: true}}}
    compress: {compress: {encodings: [gzip], defaultEncoding: gzip, minResponseBodyBytes: 1, excludedContentTypes: [a], includedContentTypes: [a]}}
    contentType: {contentType: {autoDetect: false}}
    buffering: {buffering: {maxRequestBodyBytes: 1, memRequestBodyBytes: 1, maxResponseBodyBytes: 1, memResponseBodyBytes: 1, retryExpression: a}}
    retry: {retry: {attempts: 1, initialInterval: 1s, timeout: 1s, status: [a], maxRequestBodyBytes: 1, disableRetryOnNetworkError: true, retryNonIdempotentMethod: true}}
    circuitBreaker: {circuitBreaker: {expression: a, checkPeriod: 1s, fallbackDuration: 1s, recoveryDuration: 1s, responseCode: 503}}
    errors: {errors: {status: [a], service: a, query: a, statusRewrites: {"418": 404}, errorRequestHeaders: [a]}}
    chain: {chain: {middlewares: [a]}}
    passTLSClientCert: {passTLSClientCert: {pem: true, info: {notAfter: true, notBefore: true, sans: true, serialNumber: true,
      subject: {domainComponent: true, country: true, province: true, locality: true, organization: true, organizationalUnit: true, serialNumber: true, commonName: true},
      issuer: {commonName: true}}}}
    grpcWeb: {grpcWeb: {allowOrigins: [a]}}
    encodedCharacters: {encodedCharacters: {allowEncodedSlash: true, allowEncodedBackSlash: true, allowEncodedNullCharacter: true,
      allowEncodedSemicolon: true, allowEncodedPercent: true, allowEncodedQuestionMark: true, allowEncodedHash: true}}
    plugin: {plugin: {mine: {a: [1, 2]}}}
    URLRewrite: {URLRewrite: {a: b}}
    headers: {headers: {customRequestHeaders: {A: b}, customResponseHeaders: {A: b}}}
tls:
  certificates: [{certFile: a, keyFile: b, stores: [default]}]
  options:
    o: {minVersion: a, maxVersion: a, cipherSuites: [a], curvePreferences: [a], sniStrict: true, alpnProtocols: [h2],
        clientAuth: {caFiles: [a], clientAuthType: a}, disableSessionTickets: true, preferServerCipherSuites: true}
  stores:
    default: {defaultCertificate: {certFile: a, keyFile: b}, defaultGeneratedCert: {resolver: le, domain: {main: a, sans: [b]}}}
"#;
    let c = yaml(text);
    let errors: Vec<String> = c
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    for (name, middleware) in &c.middlewares {
        assert_eq!(middleware.value.kind(), Ok(name.as_str()));
    }
    // A number stays a number in what the API shows.
    assert_eq!(
        serde_json::to_value(&c.middlewares["plugin"].value).unwrap(),
        serde_json::json!({"plugin": {"mine": {"a": [1, 2]}}})
    );
    assert!(told(&c).iter().any(|text| text.contains("spiffe is known but not served")));
}
