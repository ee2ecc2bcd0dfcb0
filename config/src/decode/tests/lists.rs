//! Blanks around the elements of a list are none of them, wherever the list is written.

use super::install::{Fixture, file};
use crate::decode::{Format, decode_labels, decode_routing_file, load_install};
use crate::routing::Configuration;

/// Each list of scalars of some kind of object; `~` stands for blanks.
const YAML: &str = r#"
http:
  routers:
    r: {rule: Path(`/`), entryPoints: ["~web~", "~"], middlewares: ["~m", "n~"], parentRefs: ["~r2@file~"], tls: {domains: [{main: a, sans: ["~b~"]}]}}
  middlewares:
    users: {basicAuth: {users: ["~u:hash~"]}}
    ranges: {ipAllowList: {sourceRange: ["~10.0.0.0/8~"], ipStrategy: {excludedIPs: ["~10.0.0.1~"]}}}
    statuses: {errors: {status: ["~500-599~"], service: s, query: /}}
    retries: {retry: {attempts: 2, status: ["~500~"]}}
    chain: {chain: {middlewares: ["~m~"]}}
    types: {compress: {includedContentTypes: ["~text/html~"], encodings: ["~gzip~"]}}
    auth: {forwardAuth: {address: "http://a", authResponseHeaders: ["~X-A~"], authRequestHeaders: ["~X-B~"]}}
    cors: {headers: {accessControlAllowOriginList: ["~https://a~"]}}
    limit: {rateLimit: {average: 1, redis: {endpoints: ["~r:6379~"]}}}
    strip: {stripPrefix: {prefixes: ["~/a~"]}}
    strip-regex: {stripPrefixRegex: {regex: ["~/a+~"]}}
  serversTransports:
    t: {rootCAs: ["~ca.pem~"]}
tls:
  options:
    o: {cipherSuites: ["~x~"], alpnProtocols: ["~h2~"], clientAuth: {caFiles: ["~ca.pem~"]}}
  certificates: [{certFile: a, keyFile: b, stores: ["~default~"]}]
"#;

const TOML: &str = r#"
[http.routers.r]
entryPoints = ["~web~"]
middlewares = [
  "~m",
]
[http.middlewares.users.basicAuth]
users = ["~u:hash~"]
[tls.options.o.clientAuth]
caFiles = ["~ca.pem~"]
"#;

const JSON: &str = r#"{"http": {
  "routers": {"r": {"entryPoints": ["~web~"], "middlewares": ["~m"]}},
  "middlewares": {"users": {"basicAuth": {"users": ["~u:hash~"]}}}
}}"#;

/// As all three formats spell them in double quotes.
const BLANKS: [&str; 6] = [" ", "  \\t", "\\n", "\\r\\n", "\\u00a0", "\\u3000"];

fn read(text: &str, format: Format) -> Configuration {
    let read = decode_routing_file("dyn", text, format).unwrap();
    assert!(read.findings.is_empty(), "{text}: {:?}", read.findings);
    read
}

#[test]
fn of_files() {
    for (text, format) in [(YAML, Format::Yaml), (TOML, Format::Toml), (JSON, Format::Yaml)] {
        let expected = read(&text.replace('~', ""), format);
        for blanks in BLANKS {
            let read = read(&text.replace('~', blanks), format);
            let same = [
                (read.routers == expected.routers, "routers"),
                (read.middlewares == expected.middlewares, "middlewares"),
                (read.servers_transports == expected.servers_transports, "servers transports"),
                (read.tls_options == expected.tls_options, "TLS options"),
                (read.certificates == expected.certificates, "certificates"),
            ];
            for (same, what) in same {
                assert!(same, "{what}, {blanks:?} in {text}\n{read:?}");
            }
        }
    }
}

#[test]
fn of_several_lines() {
    let text = "http:\n  middlewares:\n    m:\n      basicAuth:\n        users:\n          - |\n            \
                u:hash\n          - >\n            v:hash\n          -   w:hash   \n";
    let read = read(text, Format::Yaml);
    let users = &read.middlewares["m"].value.basic_auth.as_ref().unwrap().users;
    assert_eq!(*users, ["u:hash", "v:hash", "w:hash"]);
}

/// Only elements: everything else is as it is written, as in Traefik.
#[test]
fn and_nothing_else() {
    let text = r#"
http:
  routers:
    r: {rule: " Path(`/`) ", service: " s "}
  middlewares:
    h: {headers: {customRequestHeaders: {X: " v "}}}
    p: {plugin: {x: {l: [" a ", 1]}}}
tls:
  certificates: [{certFile: " a ", keyFile: b}]
"#;
    let read = decode_routing_file("dyn", text, Format::Yaml).unwrap();
    let router = &read.routers["r"].value;
    assert_eq!(router.rule.as_deref(), Some(" Path(`/`) "));
    assert_eq!(router.service.as_deref(), Some(" s "));
    let headers = serde_json::to_value(&read.middlewares["h"].value).unwrap();
    assert_eq!(headers["headers"]["customRequestHeaders"]["X"], " v ");
    let plugin = serde_json::to_value(&read.middlewares["p"].value).unwrap();
    assert_eq!(plugin["plugin"]["x"]["l"], serde_json::json!([" a ", 1]));
    // A struct is no scalar, wherever it stands.
    assert_eq!(read.certificates[0].value.cert_file, " a ");
}

#[test]
fn of_labels() {
    let labels = [
        ("traefik.http.routers.r.rule", "Path(`/`)"),
        ("traefik.http.routers.r.middlewares", " m ,\tn "),
        ("traefik.http.middlewares.m.basicauth.users[0]", " u:hash "),
    ];
    let read = decode_labels("swarm", "s", labels).configuration;
    assert_eq!(read.routers["r"].value.middlewares, ["m", "n"]);
    assert_eq!(read.middlewares["m"].value.basic_auth.as_ref().unwrap().users, ["u:hash"]);
}

#[test]
fn of_the_install_configuration() {
    let files = [
        (
            "traefik.yml",
            "entryPoints:\n  web:\n    address: ':80'\n    forwardedHeaders:\n      trustedIPs: \
             [' 127.0.0.1 ', \"10.0.0.0/8\\t\"]\n    http:\n      middlewares:\n        - |\n          \
             m@file\nmetrics: {prometheus: {buckets: [' 0.5 ', 1]}}\n",
        ),
        (
            "traefik.toml",
            "[entryPoints.web]\naddress = ':80'\n[entryPoints.web.forwardedHeaders]\ntrustedIPs = \
             [' 127.0.0.1 ', \"10.0.0.0/8\\t\"]\n[entryPoints.web.http]\nmiddlewares = ['''\nm@file\n''']\n\
             [metrics.prometheus]\nbuckets = [' 0.5 ', 1.0]\n",
        ),
    ];
    let arguments = [
        "--entryPoints.web.address=:80",
        "--entryPoints.web.forwardedHeaders.trustedIPs= 127.0.0.1 ,10.0.0.0/8\t",
        "--entryPoints.web.http.middlewares= m@file ",
        "--metrics.prometheus.buckets= 0.5 , 1",
    ];
    let variables = [
        ("TRAEFIK_ENTRYPOINTS_WEB_ADDRESS", ":80"),
        ("TRAEFIK_ENTRYPOINTS_WEB_FORWARDEDHEADERS_TRUSTEDIPS", "\t127.0.0.1 , 10.0.0.0/8 "),
        ("TRAEFIK_ENTRYPOINTS_WEB_HTTP_MIDDLEWARES", " m@file"),
        ("TRAEFIK_METRICS_PROMETHEUS_BUCKETS", "0.5 , 1 "),
    ];
    let given = |arguments: &[&str], variables: &[(&str, &str)]| {
        load_install(&Fixture::new().sources(arguments, variables)).unwrap()
    };
    let mut all: Vec<_> = files.iter().map(|(name, text)| file(name, text).unwrap()).collect();
    all.push(given(&arguments, &[]));
    all.push(given(&[], &variables));
    for loaded in all {
        let web = &loaded.install.entry_points["web"];
        let source = &loaded.source;
        assert_eq!(web.forwarded_headers.trusted_ips, ["127.0.0.1", "10.0.0.0/8"], "{source}");
        assert_eq!(web.http.middlewares, ["m@file"], "{source}");
        let metrics = loaded.install.metrics.as_ref().unwrap();
        assert_eq!(metrics.prometheus.as_ref().unwrap().buckets, [0.5, 1.0], "{source}");
    }
}
