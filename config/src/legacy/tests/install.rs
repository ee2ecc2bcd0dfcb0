//! Whole command lines and files of v1, loaded.

use crate::decode::{
    Format, Loaded, Sources, load_install, load_install_text, load_install_text_and_flags,
};
use crate::finding::{Finding, Severity};
use crate::install::Install;

fn load(arguments: &[&str], file: Option<(&str, &str)>) -> Result<Loaded, Vec<Finding>> {
    let directory = tempfile::tempdir().unwrap();
    let mut words: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    if let Some((name, text)) = file {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        words.push(format!("--configFile={}", path.display()));
    }
    let root = directory.path().join("none");
    load_install(&Sources {
        arguments: words,
        variables: vec![],
        working_directory: root.clone(),
        root,
    })
}

fn loaded(arguments: &[&str], file: Option<(&str, &str)>) -> Loaded {
    load(arguments, file).unwrap_or_else(|findings| panic!("{arguments:?}: {findings:#?}"))
}

fn texts(loaded: &Loaded) -> Vec<String> {
    loaded.findings.iter().map(ToString::to_string).collect()
}

const FLAGS: &[&str] = &[
    "--docker",
    "--docker.swarmMode",
    "--docker.watch",
    "--docker.domain=docker.localhost",
    "--docker.exposedbydefault=false",
    "--entryPoints=Name:http Address::80 Redirect.EntryPoint:https",
    "--entryPoints=Name:https Address::443 TLS",
    "--defaultEntryPoints=http,https",
    "--acme",
    "--acme.email=a@b.test",
    "--acme.storage=/acme.json",
    "--acme.entryPoint=https",
    "--acme.onHostRule=true",
    "--acme.httpChallenge.entryPoint=http",
    "--api",
    "--logLevel=INFO",
    "--accessLog.filePath=/log",
    "--accessLog.fields.names=ClientUsername=drop",
    "-g",
    "5",
];

const TOML: &str = r#"
defaultEntryPoints = ["http", "https"]
logLevel = "INFO"
graceTimeOut = "5"

[entryPoints]
  [entryPoints.http]
  address = ":80"
    [entryPoints.http.redirect]
    entryPoint = "https"
  [entryPoints.https]
  address = ":443"
    [entryPoints.https.tls]

[docker]
swarmMode = true
watch = true
domain = "docker.localhost"
exposedByDefault = false

[acme]
email = "a@b.test"
storage = "/acme.json"
entryPoint = "https"
onHostRule = true
  [acme.httpChallenge]
  entryPoint = "http"

[api]

[accessLog]
filePath = "/log"
  [accessLog.fields.names]
  "ClientUsername" = "drop"
"#;

#[track_caller]
fn expected(install: &Install) {
    let swarm = install.providers.swarm.as_ref().unwrap();
    assert!(install.providers.docker.is_none());
    assert!(!swarm.exposed_by_default && swarm.watch);
    assert_eq!(
        swarm.default_rule.as_deref(),
        Some("Host(`{{ normalize .Name }}.docker.localhost`)")
    );
    let names: Vec<&String> = install.entry_points.keys().collect();
    assert_eq!(names, ["http", "https"]);
    let (http, https) = (&install.entry_points["http"], &install.entry_points["https"]);
    let to = http.http.redirections.as_ref().unwrap().entry_point.as_ref().unwrap();
    assert_eq!((to.to.as_str(), to.scheme.as_str(), to.permanent), ("https", "https", false));
    assert!(http.as_default && https.as_default);
    assert!(http.forwarded_headers.insecure);
    assert_eq!(http.transport.life_cycle.grace_time_out.to_string(), "5s");
    let tls = https.http.tls.as_ref().unwrap();
    assert_eq!(tls.cert_resolver.as_deref(), Some("acme"));
    let acme = install.certificates_resolvers["acme"].acme.as_ref().unwrap();
    assert_eq!(acme.email.as_deref(), Some("a@b.test"));
    assert_eq!(acme.http_challenge.as_ref().unwrap().entry_point.as_deref(), Some("http"));
    assert!(install.api.as_ref().is_some_and(|api| api.insecure && api.dashboard));
    assert!(install.entry_points_or_default().contains_key("traefik"));
    assert_eq!(install.log.as_ref().unwrap().level.as_deref(), Some("INFO"));
    let log = install.access_log.as_ref().unwrap();
    assert_eq!(log.fields.as_ref().unwrap().names["ClientUsername"], "drop");
    assert_eq!(install.v1.domain.as_deref(), Some("docker.localhost"));
}

#[test]
fn a_whole_command_line() {
    let loaded = loaded(FLAGS, None);
    expected(&loaded.install);
    let texts = texts(&loaded);
    for part in [
        "flag --docker.swarmMode: --docker.swarmMode is of Traefik v1",
        "in v3: --providers.swarm=true",
        "flag --entryPoints=Name:https: --entryPoints=Name:https is of Traefik v1",
        "--entryPoints.https.http.tls=true",
        "flag --acme.onHostRule",
        "the API and the dashboard are open to everybody",
    ] {
        assert!(texts.iter().any(|text| text.contains(part)), "{part}: {texts:#?}");
    }
    assert!(loaded.findings.iter().all(|finding| finding.severity < Severity::Error));
}

#[test]
fn a_whole_file() {
    let loaded = loaded(&[], Some(("traefik.toml", TOML)));
    expected(&loaded.install);
    let texts = texts(&loaded);
    let domain = texts.iter().find(|text| text.contains("docker.domain is of")).unwrap();
    assert!(domain.contains("traefik.toml:18"), "{domain}");
    assert!(!texts.iter().any(|text| text.starts_with("flag --")), "{texts:#?}");
    // v1 reads the command line after the file.
    let both = self::loaded(&["--docker.domain=other.test"], Some(("traefik.toml", TOML)));
    assert_eq!(both.install.v1.domain.as_deref(), Some("other.test"));
}

#[test]
fn a_file_that_is_not_there_yet() {
    let text = load_install_text("traefik.toml", TOML, Format::Toml).unwrap();
    expected(&text.install);
    assert_eq!(text.source, "file traefik.toml (Traefik v1)");
    let flags = ["--docker.domain=other.test".to_owned()];
    let both = load_install_text_and_flags("t.toml", TOML, Format::Toml, &flags).unwrap();
    assert_eq!(both.install.v1.domain.as_deref(), Some("other.test"));
    let today = "[entryPoints.web]\naddress = ':80'\n";
    let today = load_install_text_and_flags("t.toml", today, Format::Toml, &flags).unwrap();
    assert_eq!((today.source.as_str(), today.install.v1.domain), ("file t.toml", None));
}

/// Each table alone, beside a line of v1: it has an effect, or somebody is told.
#[test]
fn empty_tables_of_a_file() {
    type Effect = fn(&Install) -> bool;
    let acme = |install: &Install| install.certificates_resolvers["acme"].acme.clone().unwrap();
    let table: [(&str, Effect, &str); 14] = [
        ("[acme]\n[acme.tlsChallenge]", |_| true, ""),
        ("[metrics]\n[metrics.prometheus]", |it| it.metrics.is_some(), ""),
        ("[web.metrics.prometheus]", |it| it.metrics.is_some(), "web.metrics.prometheus"),
        ("[ping]", |it| it.ping.is_some(), ""),
        ("[accessLog]", |it| it.access_log.is_some(), ""),
        ("[api]", |it| it.api.is_some(), ""),
        ("[docker]", |it| it.providers.docker.is_some(), ""),
        ("[docker.tls]", |_| true, "docker.tls is of Traefik v1"),
        ("[traefikLog]", |_| true, "traefikLog is of Traefik v1"),
        ("[api.statistics]", |_| true, "api.statistics is of Traefik v1"),
        ("[file]", |_| true, "file is of Traefik v1"),
        ("[retry]", |_| true, "retry is of Traefik v1"),
        ("[consul]", |_| true, "consul"),
        ("[tracing]\n[tracing.jaeger]", |_| true, "jaeger"),
    ];
    for (text, effect, told) in table {
        let text = format!("logLevel = 'INFO'\n{text}\n");
        match load(&[], Some(("t.toml", &text))) {
            Ok(loaded) => {
                assert!(effect(&loaded.install), "{text}");
                let texts = texts(&loaded);
                assert!(texts.iter().any(|it| it.contains(told)), "{told}: {texts:#?}");
            }
            // A challenge without a resolver's other options may end the start; it is told then.
            Err(findings) => panic!("{text}: {findings:#?}"),
        }
    }
    let text = "[acme]\nemail = 'a@b.test'\nstorage = '/a.json'\n[acme.tlsChallenge]\n";
    let loaded = loaded(&[], Some(("t.toml", text)));
    assert!(acme(&loaded.install).tls_challenge.is_some());
    // What hangs on an entry point is led back to its table.
    let text = "logLevel = 'INFO'\n[entryPoints.a]\naddress = ':80'\ncompress = true\n";
    let loaded = self::loaded(&[], Some(("t.toml", text)));
    let origin = loaded.install.v1.routing.middlewares["a-compress"].origin.to_string();
    assert!(origin.contains("t.toml:2"), "{origin}");
}

#[test]
fn files_of_today_are_left_alone() {
    let today = "[entryPoints.web]\naddress = ':80'\n[providers.docker]\n[api]\n";
    let loaded = loaded(&[], Some(("traefik.toml", today)));
    assert!(loaded.source.ends_with("traefik.toml"), "{}", loaded.source);
    assert_eq!(texts(&loaded), Vec::<String>::new());
    // Neither YAML nor what is only misspelt is v1's.
    assert!(load(&[], Some(("traefik.yml", "docker: {domain: x}\n"))).is_err());
    assert!(load(&[], Some(("traefik.toml", "[entryPoint.web]\naddress = ':80'\n"))).is_err());
}

#[test]
fn routes_in_a_file_are_told() {
    let text = "[file]\n[backends.b.servers.s]\nurl = 'http://x'\n[frontends.f]\nbackend = 'b'\n\
                [[tls]]\nentryPoints = ['https']\n";
    let texts = texts(&loaded(&[], Some(("t.toml", text))));
    for table in ["backends", "frontends", "tls"] {
        let part = format!("{table} is of Traefik v1 and has no effect");
        assert!(texts.iter().any(|text| text.contains(&part)), "{part}: {texts:#?}");
    }
}

#[test]
fn the_published_stack() {
    let loaded = loaded(&["--docker", "--docker.swarmMode", "--docker.watch", "--api"], None);
    let points = loaded.install.entry_points_or_default();
    let points: Vec<(&str, &str)> =
        points.iter().map(|(name, point)| (name.as_str(), point.address.as_str())).collect();
    assert_eq!(points, [("http", ":80"), ("traefik", ":8080")]);
    assert_eq!(loaded.install.default_entry_points(), ["http"]);
}

#[test]
fn an_api_elsewhere() {
    let loaded = loaded(
        &[
            "--docker",
            "--api",
            "--api.entryPoint=admin",
            "--entryPoints=Name:http Address::80",
            "--entryPoints=Name:admin Address::9000",
        ],
        None,
    );
    assert!(!loaded.install.entry_points_or_default().contains_key("traefik"));
    let checked = crate::check::check(&loaded.install, &Default::default());
    let routes: Vec<String> =
        checked.routes["admin"].iter().map(|route| route.router.to_string()).collect();
    assert_eq!(routes, ["api@internal", "dashboard@internal"]);
}

#[test]
fn protection_of_entry_points_holds() {
    let line = [
        "--docker",
        "--entryPoints=Name:http Address::80 Auth.Basic.Users:u:h",
        "--entryPoints=Name:https Address::443 TLS CA:/ca",
        "--defaultEntryPoints=http,https",
    ];
    let loaded = loaded(&line, None);
    let yaml = "http: {routers: {r: {rule: 'Host(`a`)', service: s}, p: {rule: 'PathPrefix(`/x`)', service: s}}, services: {s: {loadBalancer: {servers: [{url: 'http://h'}]}}}}";
    let file = crate::decode::decode_routing_file("f.yml", yaml, crate::decode::Format::Yaml);
    let merged = [("file".into(), file.unwrap().into())].into();
    let checked = crate::check::check(&loaded.install, &merged);
    let served = crate::routing::Middleware::is_kind_served("basicAuth");
    let routes = checked.routes.get("http").map_or(0, Vec::len);
    assert!(served || routes == 0, "{:#?}", checked.routes);
    // Nobody gets there without a certificate of that authority; what no handshake knows of is not
    // served there at all.
    assert_eq!(checked.routes["https"].len(), 1, "{:#?}", checked.routes["https"]);
    let options = crate::name::QName::new("v1-https", "internal");
    for route in &checked.routes["https"] {
        let tls = route.tls.as_ref().expect("TLS only");
        assert_eq!(tls.options.as_ref(), Some(&options));
    }
    assert_eq!(checked.handshakes.names["https"]["a"].as_ref(), Some(&options));
    let (read, _) = &checked.tls_options[&options];
    assert_eq!(read.client_auth, crate::checked::handshake::ClientAuth::RequireAndVerify);
    assert_eq!(read.ca_files, ["/ca"]);
}

#[test]
fn what_ends_the_start() {
    for (line, part) in [
        (&["--docker", "--constraints=x"] as &[&str], "no constraint"),
        (&["--entryPoints=Name:http"], "no Address"),
        (&["--docker", "--docker.nonsense=1"], "docker"),
        (&["--docker", "--docker.watch=maybe"], "maybe"),
    ] {
        let findings = load(line, None).expect_err("refused");
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(texts.iter().any(|text| text.contains(part)), "{line:?}: {texts:#?}");
    }
}
