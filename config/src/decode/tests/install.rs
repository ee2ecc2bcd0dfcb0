//! The install configuration from each of its sources, and what each says when it is wrong.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::decode::{Loaded, Sources, load_install};
use crate::finding::Severity;
use crate::scalar::Duration;

/// A directory with one file, and sources that name it.
pub(super) struct Fixture {
    directory: tempfile::TempDir,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    pub(super) fn sources(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Sources {
        Sources {
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
                .collect(),
            working_directory: self.path().join("work"),
            root: self.path().join("root"),
        }
    }
}

pub(super) fn flags(arguments: &[&str]) -> Result<Loaded, Vec<String>> {
    told(load_install(&Fixture::new().sources(arguments, &[])))
}

fn variables(variables: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
    told(load_install(&Fixture::new().sources(&[], variables)))
}

/// The findings of a refusal as text, file names without their directory.
pub(super) fn file(name: &str, text: &str) -> Result<Loaded, Vec<String>> {
    let fixture = Fixture::new();
    let path = fixture.write(name, text);
    let argument = format!("--configFile={}", path.display());
    let directory = format!("{}/", fixture.path().display());
    let loaded = load_install(&fixture.sources(&[&argument], &[]));
    told(loaded).map_err(|texts| texts.iter().map(|text| text.replace(&directory, "")).collect())
}

fn told(loaded: Result<Loaded, Vec<crate::finding::Finding>>) -> Result<Loaded, Vec<String>> {
    loaded.map_err(|findings| {
        assert!(findings.iter().any(|finding| finding.severity == Severity::Error));
        findings.iter().map(ToString::to_string).collect()
    })
}

pub(super) fn notes(loaded: &Loaded) -> Vec<String> {
    loaded.findings.iter().map(ToString::to_string).collect()
}

const YAML: &str = r#"
entryPoints:
  http:
    address: ":80"
    http:
      redirections:
        entryPoint:
          to: https
  https:
    address: ":443"
    asDefault: true
    transport:
      lifeCycle:
        graceTimeOut: 30
      respondingTimeouts:
        readTimeout: 1m30s
    forwardedHeaders:
      trustedIPs: ["10.0.0.0/8", "192.168.1.1"]
providers:
  docker:
    swarmMode: true
    exposedByDefault: false
    network: myapp_public
  file:
    directory: /etc/dynamic
certificatesResolvers:
  letsencrypt:
    acme:
      email: a@b.test
      storage: /letsencrypt/acme.json
      httpChallenge:
        entryPoint: http
api: {}
ping: {}
log:
  level: INFO
accessLog:
  format: json
  filters:
    statusCodes: 200,300-302
"#;

const TOML: &str = r#"
[entryPoints.http]
address = ":80"
[entryPoints.http.http.redirections.entryPoint]
to = "https"
[entryPoints.https]
address = ":443"
asDefault = true
[entryPoints.https.transport.lifeCycle]
graceTimeOut = 30
[entryPoints.https.transport.respondingTimeouts]
readTimeout = "1m30s"
[entryPoints.https.forwardedHeaders]
trustedIPs = ["10.0.0.0/8", "192.168.1.1"]
[providers.docker]
swarmMode = true
exposedByDefault = false
network = "myapp_public"
[providers.file]
directory = "/etc/dynamic"
[certificatesResolvers.letsencrypt.acme]
email = "a@b.test"
storage = "/letsencrypt/acme.json"
[certificatesResolvers.letsencrypt.acme.httpChallenge]
entryPoint = "http"
[api]
[ping]
[log]
level = "INFO"
[accessLog]
format = "json"
[accessLog.filters]
statusCodes = ["200", "300-302"]
"#;

const FLAGS: &[&str] = &[
    "--entryPoints.http.address=:80",
    "--entrypoints.http.http.redirections.entrypoint.to",
    "https",
    "-entryPoints.https.address",
    ":443",
    "--ENTRYPOINTS.https.asDefault",
    "--entryPoints.https.transport.lifeCycle.graceTimeOut=30",
    "--entryPoints.https.transport.respondingTimeouts.readTimeout=1m30s",
    "--entryPoints.https.forwardedHeaders.trustedIPs=10.0.0.0/8",
    "--entryPoints.https.forwardedHeaders.trustedips=192.168.1.1",
    "--providers.docker.swarmMode",
    "--providers.docker.exposedByDefault=false",
    "--providers.docker.network=first",
    "--providers.docker.network=myapp_public",
    "--providers.file.directory=/etc/dynamic",
    "--certificatesResolvers.letsencrypt.acme.email=a@b.test",
    "--certificatesResolvers.letsencrypt.acme.storage=/letsencrypt/acme.json",
    "--certificatesResolvers.letsencrypt.acme.httpChallenge.entryPoint=http",
    "--api",
    "--ping=true",
    "--log.level=INFO",
    "--accessLog.format=json",
    "--accessLog.filters.statusCodes=200, 300-302",
];

const VARIABLES: &[(&str, &str)] = &[
    ("TRAEFIK_ENTRYPOINTS_HTTP_ADDRESS", ":80"),
    ("TRAEFIK_ENTRYPOINTS_HTTP_HTTP_REDIRECTIONS_ENTRYPOINT_TO", "https"),
    ("TRAEFIK_ENTRYPOINTS_HTTPS_ADDRESS", ":443"),
    ("TRAEFIK_ENTRYPOINTS_HTTPS_ASDEFAULT", "true"),
    ("TRAEFIK_ENTRYPOINTS_HTTPS_TRANSPORT_LIFECYCLE_GRACETIMEOUT", "30"),
    ("TRAEFIK_ENTRYPOINTS_HTTPS_TRANSPORT_RESPONDINGTIMEOUTS_READTIMEOUT", "1m30s"),
    ("TRAEFIK_ENTRYPOINTS_HTTPS_FORWARDEDHEADERS_TRUSTEDIPS", "10.0.0.0/8,192.168.1.1"),
    ("TRAEFIK_PROVIDERS_DOCKER_SWARMMODE", "true"),
    ("TRAEFIK_PROVIDERS_DOCKER_EXPOSEDBYDEFAULT", "false"),
    ("TRAEFIK_PROVIDERS_DOCKER_NETWORK", "myapp_public"),
    ("TRAEFIK_PROVIDERS_FILE_DIRECTORY", "/etc/dynamic"),
    ("TRAEFIK_CERTIFICATESRESOLVERS_letsencrypt_ACME_EMAIL", "a@b.test"),
    ("TRAEFIK_CERTIFICATESRESOLVERS_LETSENCRYPT_ACME_STORAGE", "/letsencrypt/acme.json"),
    ("TRAEFIK_CERTIFICATESRESOLVERS_LETSENCRYPT_ACME_HTTPCHALLENGE_ENTRYPOINT", "http"),
    ("TRAEFIK_API", ""),
    ("TRAEFIK_PING", "true"),
    ("TRAEFIK_LOG_LEVEL", "INFO"),
    ("TRAEFIK_ACCESSLOG_FORMAT", "json"),
    ("TRAEFIK_ACCESSLOG_FILTERS_STATUSCODES", "200,300-302"),
    // Put there by a container engine.
    ("TRAEFIK_PORT_80_TCP_ADDR", "10.0.0.1"),
    ("TRAEFIK_SERVICE_HOST", "10.0.0.1"),
];

#[test]
fn four_sources_one_model() {
    let yaml = file("traefik.yml", YAML).unwrap();
    let install = &yaml.install;
    assert_eq!(install.entry_points["https"].address, ":443");
    assert!(install.entry_points["https"].as_default);
    let transport = &install.entry_points["https"].transport;
    assert_eq!(transport.life_cycle.grace_time_out, Duration::from_secs(30));
    assert_eq!(transport.responding_timeouts.read_timeout, Duration::from_secs(90));
    assert_eq!(transport.responding_timeouts.idle_timeout, Duration::from_secs(180));
    assert_eq!(
        install.entry_points["https"].forwarded_headers.trusted_ips,
        ["10.0.0.0/8", "192.168.1.1"]
    );
    let redirections = install.entry_points["http"].http.redirections.as_ref().unwrap();
    let target = redirections.entry_point.as_ref().unwrap();
    assert_eq!(
        (target.to.as_str(), target.scheme.as_str(), target.permanent),
        ("https", "https", true)
    );
    let docker = install.providers.docker.as_ref().unwrap();
    assert!(docker.swarm_mode && !docker.exposed_by_default && docker.watch);
    assert_eq!(docker.network.as_deref(), Some("myapp_public"));
    assert_eq!(docker.endpoint, "unix:///var/run/docker.sock");
    assert!(install.api.as_ref().unwrap().dashboard);
    assert_eq!(install.ping.as_ref().unwrap().entry_point, "traefik");
    let filters = install.access_log.as_ref().unwrap().filters.as_ref().unwrap();
    assert_eq!(filters.status_codes, ["200", "300-302"]);
    assert!(yaml.source.starts_with("file "), "{}", yaml.source);
    assert!(yaml.source.ends_with("traefik.yml"), "{}", yaml.source);
    let told = notes(&yaml);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].contains("traefik.yml:21:5: providers.docker.swarmMode is of Traefik v2"),
        "{told:?}"
    );
    assert!(told[0].contains("providers.swarm"), "{told:?}");

    for (name, loaded, source) in [
        ("toml", file("traefik.toml", TOML), "file "),
        ("flags", flags(FLAGS), "flags"),
        ("variables", variables(VARIABLES), "environment"),
    ] {
        let loaded = loaded.unwrap_or_else(|errors| panic!("{name}: {errors:#?}"));
        assert_eq!(&loaded.install, install, "{name}");
        assert!(loaded.source.starts_with(source), "{name}: {}", loaded.source);
        assert_eq!(loaded.findings.len(), 1, "{name}: {:#?}", notes(&loaded));
    }
}

#[test]
fn json_is_read_when_named() {
    let loaded = file("x.json", r#"{"entryPoints": {"web": {"address": ":80"}}, "ping": {}}"#);
    let install = loaded.unwrap().install;
    assert_eq!(install.entry_points["web"].address, ":80");
    assert!(install.ping.is_some());
}

#[test]
fn nothing_at_all_means_defaults() {
    let loaded = load_install(&Fixture::new().sources(&[], &[("PATH", "/bin")])).unwrap();
    assert_eq!(loaded.source, "defaults");
    assert_eq!(loaded.install, crate::install::Install::default());
    assert!(loaded.findings.is_empty());
}

/// A file's name and text; what the refusal's lines hold, in order.
#[test]
fn wrong_files() {
    let table: &[(&str, &str, &[&[&str]])] = &[
        (
            "a.yml",
            "entryPoints:\n  web:\n    addres: \":80\"\n",
            &[&["a.yml:3:5: ", "unknown key \"addres\" in entryPoints.web", "\"address\""]],
        ),
        (
            "a.toml",
            "[entryPoints.web]\n  addres = \":80\"\n",
            &[&["a.toml:2:3: ", "unknown key \"addres\" in entryPoints.web", "\"address\""]],
        ),
        (
            "a.json",
            "{\n \"entryPoint\": {}}",
            &[&["a.json:2:2: ", "unknown key \"entryPoint\"", "\"entryPoints\""]],
        ),
        (
            "a.yml",
            "providers: {}\nzzz: 1\n",
            &[&["a.yml:2:1: ", "unknown key \"zzz\"", "expected one of entryPoints"]],
        ),
        (
            "a.yml",
            "log:\n  noColor: yes\napi:\n  insecure: maybe\nfoo: {}\n",
            &[
                &[
                    "a.yml:2:3: ",
                    "log.noColor: \"yes\" is neither true nor false",
                    "expected true or false",
                ],
                &["a.yml:4:3: ", "api.insecure: \"maybe\" is neither"],
                &["a.yml:5:1: ", "unknown key \"foo\""],
            ],
        ),
        (
            "a.yml",
            "entryPoints:\n  web: {address: \":80\", transport: {lifeCycle: {graceTimeOut: 1d}}}\n",
            &[&["a.yml:2:49: ", "graceTimeOut: \"1d\" is not a duration"]],
        ),
        (
            "a.yml",
            "log:\n  level: [DEBUG]\n",
            &[&["a.yml:2:3: ", "log.level: a list where one value belongs"]],
        ),
        ("a.yml", "log:\n  level: {a: b}\n", &[&["log.level: a map where one value belongs"]]),
        ("a.yml", "log: [a]\n", &[&["a.yml:1:1: ", "log: a list where keys belong"]]),
        ("a.yml", "providers:\n  file: true\n", &[&["\"file\" cannot stand alone"]]),
        (
            "a.yml",
            "ping:\n  terminatingStatusCode: 99999\n",
            &[&["\"99999\" is out of range", "from 0 to 65535"]],
        ),
        (
            "a.yml",
            "entryPoints:\n  web:\n    address: \":80\"\n   bad\n",
            &[&["a.yml:", "not valid YAML"]],
        ),
        (
            "a.yml",
            "log: {}\nlog: {}\n",
            &[&["a.yml:2:1: ", "not valid YAML", "\"log\" is given twice"]],
        ),
        ("a.yml", "log:\n  level: a\n  Level: b\n", &[&["a.yml:3:3", "given twice"]]),
        ("a.yml", "- a\n- b\n", &[&["the file holds no keys"]]),
        ("a.yml", "", &[&["no configuration found"]]),
        ("a.yml", "# nothing\n", &[&["no configuration found"]]),
        ("a.toml", "", &[&["no configuration found"]]),
        ("a.toml", "[log\nlevel = 1\n", &[&["a.toml:1:5: ", "not valid TOML"]]),
        ("a.toml", "[log]\n\nlevel = [1]\n", &[&["a.toml:3:1: ", "log.level: a list"]]),
        ("a.ini", "x", &[&["unsupported file extension", ".yml, .yaml, .toml or .json"]]),
    ];
    for (name, text, expected) in table {
        let lines = file(name, text).expect_err(text);
        assert_eq!(lines.len(), expected.len(), "{text}\n{lines:#?}");
        for (line, parts) in lines.iter().zip(*expected) {
            for part in *parts {
                assert!(line.contains(part), "{text}\n{part:?} not in {line:?}");
            }
        }
    }
}

#[test]
fn files_take_what_traefik_takes() {
    // Nothing behind a key, keys in another case, numbers for texts, texts for numbers, one text
    // for a list, merge keys, aliases, a byte order mark, a second document, keys for anchors.
    let text = "\u{feff}\
x-point: &point\n  asDefault: \"true\"\n\
ENTRYPOINTS:\n  web:\n    <<: *point\n    Address: \":80\"\n    forwardedheaders:\n      trustedIPs: 10.0.0.1, 10.0.0.2\n\
ping:\napi: true\naccessLog: false\n\
log:\n  filePath: 7\n  maxSize: \"5\"\n---\nnonsense: 1\n";
    let loaded = file("a.yaml", text).unwrap();
    let web = &loaded.install.entry_points["web"];
    assert!(notes(&loaded)[0].contains("only the first YAML document"), "{:?}", notes(&loaded));
    assert!(web.as_default);
    assert_eq!(web.forwarded_headers.trusted_ips, ["10.0.0.1", "10.0.0.2"]);
    assert!(loaded.install.ping.is_none());
    assert!(loaded.install.api.is_some());
    assert!(loaded.install.access_log.is_none());
    let log = loaded.install.log.as_ref().unwrap();
    assert_eq!(log.file_path.as_deref(), Some("7"));
    assert_eq!(log.max_size, Some(5));
}

#[test]
fn lists_of_files_are_not_split() {
    let text = "entryPoints:\n  web:\n    address: \":80\"\n    http:\n      middlewares: [\"a,b\", c@file]\n";
    let loaded = file("a.yml", text).unwrap();
    assert_eq!(loaded.install.entry_points["web"].http.middlewares, ["a,b", "c@file"]);
}

#[test]
fn toml_numbers_and_tables() {
    let text = "[entryPoints.web]\naddress = \":80\"\nhttp.maxHeaderBytes = 0x1_000\n\
                [[entryPoints.web.http.tls.domains]]\nmain = \"a\"\nsans = [\"b\"]\n\
                [[entryPoints.web.http.tls.domains]]\nmain = \"c\"\n";
    let web = file("a.toml", text).unwrap().install.entry_points["web"].clone();
    assert_eq!(web.http.max_header_bytes, Some(4096));
    let domains = web.http.tls.unwrap().domains;
    let mains: Vec<&str> = domains.iter().map(|domain| domain.main.as_str()).collect();
    assert_eq!(mains, ["a", "c"]);
}

#[test]
fn flag_forms() {
    // The byte-wise smallest spelling names the entry point.
    let loaded = flags(&[
        "--entrypoints.Web.address=:80",
        "--entryPoints.web.asDefault",
        "--ENTRYPOINTS.wEb.http.middlewares=a@file",
    ])
    .unwrap();
    let names: Vec<&String> = loaded.install.entry_points.keys().collect();
    assert_eq!(names, ["wEb"]);
    assert!(loaded.install.entry_points["wEb"].as_default);

    let off = flags(&["--api=false", "--api.insecure=true", "--ping"]).unwrap().install;
    assert!(off.api.is_none() && off.ping.is_some());
    let empty = flags(&["--api="]).unwrap().install;
    assert!(empty.api.is_some());
    let next_word = flags(&["--log.level", "-1", "--log.noColor"]).unwrap();
    assert_eq!(next_word.install.log.as_ref().unwrap().level.as_deref(), Some("-1"));
    let ended = flags(&["--ping", "--"]).unwrap();
    assert!(ended.install.ping.is_some());
    let bare = flags(&["--entryPoints.web"]).unwrap();
    assert!(notes(&bare)[0].contains("a free port is chosen"), "{:?}", notes(&bare));
    let unserved =
        flags(&["--metrics.prometheus", "--tracing.serviceName", "x", "--ping"]).unwrap();
    assert!(unserved.install.ping.is_some());
    assert_eq!(unserved.findings.len(), 1, "{:?}", notes(&unserved));
    let defaults =
        flags(&["--providers.docker.defaultRule=Host(`{{ normalize .Name }}.a,b`)"]).unwrap();
    let docker = defaults.install.providers.docker.unwrap();
    assert_eq!(docker.default_rule.as_deref(), Some("Host(`{{ normalize .Name }}.a,b`)"));
}

/// Arguments; what the refusal's lines hold.
#[test]
fn wrong_flags() {
    let table: &[(&[&str], &[&[&str]])] = &[
        (
            &["--entryPoints.web.addres=:80"],
            &[&["flag --entryPoints.web.addres: ", "\"addres\"", "\"address\""]],
        ),
        (
            &["--entryPoint.web.address=:80"],
            &[&["flag --entryPoint.web.address: ", "\"entryPoint\"", "\"entryPoints\""]],
        ),
        (
            &["--api.insecure", "true", "--log.level=DEBUG"],
            &[&["the word \"true\" belongs to no flag", "--api.insecure=true"]],
        ),
        (&["run"], &[&["the word \"run\" belongs to no flag"]]),
        (&["--api.insecure=yes"], &[&["flag --api.insecure: api.insecure: \"yes\" is neither"]]),
        (&["--log.level"], &[&["flag --log.level: the flag needs a value", "--log.level=value"]]),
        (
            &["--providers.docker.endpoint", "--log.noColor"],
            &[&["--providers.docker.endpoint: the flag needs a value"]],
        ),
        (&["--providers.file"], &[&["\"file\" cannot stand alone"]]),
        (&["--certificatesresolvers.le.acme"], &[&["\"acme\" cannot stand alone"]]),
        (&["--entrypoints.a.b.address=:80"], &[&["unknown key \"b\" in entrypoints.a"]]),
        (&["--entrypoints..address=:80"], &[&["empty level"]]),
        (&["--=1"], &[&["bad flag syntax"]]),
        (&["---x"], &[&["bad flag syntax"]]),
        (&["-"], &[&["bad flag syntax"]]),
        (&["--podman"], &[&["unknown key \"podman\""]]),
        (&["-x", "DEBUG"], &[&["unknown key \"x\""]]),
        (&["--entryPoints=http"], &[&["\"entryPoints\" cannot stand alone"]]),
        (&["--nosuch=1", "--log.levl=x"], &[&["\"levl\"", "\"level\""], &["\"nosuch\""]]),
        (&["--nosuch"], &[&["flag --nosuch: unknown key"]]),
    ];
    for (arguments, expected) in table {
        let lines = flags(arguments).expect_err(&arguments.join(" "));
        assert_eq!(lines.len(), expected.len(), "{arguments:?}\n{lines:#?}");
        for (line, parts) in lines.iter().zip(*expected) {
            for part in *parts {
                assert!(line.contains(part), "{arguments:?}\n{part:?} not in {line:?}");
            }
        }
    }
}

#[test]
fn variable_forms() {
    let loaded = variables(&[
        ("TRAEFIK_ENTRYPOINTS_WEB_ADDRESS", ":80"),
        ("TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_0_MAIN", "a"),
        ("TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS[1]_MAIN", "b"),
        ("traefik_log_level", "DEBUG"),
        ("TRAEFIK_PROVIDER_DOCKER", "true"),
    ])
    .unwrap();
    let web = &loaded.install.entry_points["web"];
    assert_eq!(web.http.tls.as_ref().unwrap().domains.len(), 2);
    assert!(loaded.install.log.is_none());
    let told = notes(&loaded);
    assert!(told.iter().any(|text| text.contains("TRAEFIK_PROVIDER_DOCKER")), "{told:?}");

    let table: &[((&str, &str), &[&str])] = &[
        (
            ("TRAEFIK_LOG_LEVL", "x"),
            &["environment variable TRAEFIK_LOG_LEVL", "\"levl\"", "\"level\""],
        ),
        (("TRAEFIK_LOGX", "1"), &["unknown key \"logx\"", "\"log\""]),
        (
            ("TRAEFIK_API_INSECURE", ""),
            &["environment variable TRAEFIK_API_INSECURE", "\"\" is neither"],
        ),
        (("TRAEFIK_API__INSECURE", "1"), &["empty level"]),
    ];
    for (variable, parts) in table {
        let lines = variables(&[*variable]).unwrap_err();
        assert_eq!(lines.len(), 1, "{lines:?}");
        for part in *parts {
            assert!(lines[0].contains(part), "{part:?} not in {:?}", lines[0]);
        }
    }
}

#[cfg(unix)]
#[test]
fn variables_that_are_no_text() {
    use std::os::unix::ffi::OsStringExt;
    let mut sources = Fixture::new().sources(&[], &[]);
    sources.variables.push(("TRAEFIK_LOG_LEVEL".into(), OsString::from_vec(vec![0xff])));
    let findings = load_install(&sources).unwrap_err();
    assert!(findings[0].to_string().contains("TRAEFIK_LOG_LEVEL: the value is not UTF-8"));
    // One that does not concern us may hold anything.
    let mut sources = Fixture::new().sources(&["--ping"], &[]);
    sources.variables.push(("OTHER".into(), OsString::from_vec(vec![0xff])));
    assert!(load_install(&sources).is_ok());
}

#[test]
fn files_of_v2_start() {
    let text = r#"pilot:
  token: x
hub: {}
entryPoints:
  web:
    address: ":80"
    enableHTTP3: true
providers:
  docker:
    swarmMode: true
    swarmModeRefreshSeconds: 10
    tls:
      caOptional: true
  marathon:
    watch: true
  rancher: {}
  consul:
    namespace: x
experimental:
  http3: true
tracing:
  jaeger: {}
metrics:
  influxDB: {}
"#;
    let loaded = file("a.yml", text).unwrap();
    let told = notes(&loaded).join("\n");
    for part in [
        ":1:1: pilot is of Traefik v2: it has no effect",
        ":3:1: hub is of",
        ":7:5: entryPoints.web.enableHTTP3 is of",
        ":10:5: providers.docker.swarmMode is of Traefik v2: it works here",
        "in v3: providers.swarm.refreshSeconds",
        "providers.docker.tls.caOptional",
        "providers.marathon",
        "providers.rancher",
        "providers.consul.namespace",
        "experimental.http3",
        "tracing.jaeger",
        "metrics.influxDB",
    ] {
        assert!(told.contains(part), "{part:?} not in\n{told}");
    }
    let docker = loaded.install.providers.docker.unwrap();
    assert!(docker.swarm_mode);
    assert_eq!(docker.swarm_mode_refresh_seconds, Some(Duration::from_secs(10)));
    let quiet = file("a.yml", "providers:\n  docker:\n    swarmMode: false\n").unwrap();
    assert!(quiet.findings.is_empty(), "{:?}", notes(&quiet));
}

#[test]
fn unserved_options_are_accepted_and_told() {
    let text = r#"entryPoints:
  web:
    address: ":80"
    http3: {}
    udp:
      timeout: 3s
    proxyProtocol:
      insecure: true
    http:
      encodedCharacters:
        allowEncodedSlash: false
      aliasHeadersStrategy: keep
providers:
  redis: {}
  kubernetesIngress: {}
metrics:
  prometheus: {}
  statsD: {}
tracing: {}
hostResolver: {}
certificatesResolvers:
  le:
    acme:
      storage: x
      tlsChallenge: {}
ocsp: {}
http:
  routers: {}
"#;
    let loaded = file("a.yml", text).unwrap();
    let told = notes(&loaded);
    for part in [
        ":4:5: entryPoints.web.http3 is known but not served yet",
        "entryPoints.web.udp",
        "entryPoints.web.proxyProtocol",
        "providers.redis",
        "providers.kubernetesIngress",
        ":18:3: metrics.statsD",
        "tracing",
        "hostResolver",
        "certificatesResolvers.le.acme.tlsChallenge",
        "ocsp",
        "http is routing configuration",
    ] {
        assert!(told.iter().any(|text| text.contains(part)), "{part:?} not in {told:#?}");
    }
    for served in ["encodedCharacters", "aliasHeadersStrategy"] {
        assert!(!told.iter().any(|text| text.contains(served)), "{served:?} in {told:#?}");
    }
}
