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
            "templates are not served",
        ),
        ("{{ env }}: 1\n", Format::Yaml, "Go template"),
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
    ];
    for (text, format, part) in table {
        let finding = decode_routing_file("dyn", text, *format).expect_err(text);
        assert_eq!(finding.severity, Severity::Error);
        assert!(finding.to_string().contains(part), "{text}: {finding}");
    }
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
