//! `explain` and `routes` against a running proxy: what a person reads, and how the command ends.

use std::time::Duration;

use serde_json::Value;
use swarmgate_testkit::certificates::self_signed;
use swarmgate_testkit::client;
use swarmgate_testkit::engine::{Engine, Mode, ServiceSpec};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Finished, Launch, Running};

const LIMIT: Duration = Duration::from_secs(20);

const ROUTING: &str = "\
tls:
  certificates:
    - {certFile: cert.pem, keyFile: key.pem}
http:
  services:
    shop: {loadBalancer: {servers: [{url: 'http://10.9.9.1:8080'}]}}
    two: {loadBalancer: {servers: [{url: 'http://10.9.9.1'}, {url: 'http://10.9.9.2', weight: 3}]}}
    empty: {loadBalancer: {servers: []}}
    sticky: {loadBalancer: {sticky: {cookie: {}}, servers: [{url: 'http://10.9.9.1'}]}}
    user: {loadBalancer: {servers: [{url: 'http://user:PASSW0RD@10.9.9.1:8080/base'}]}}
    ftp: {loadBalancer: {servers: [{url: 'ftp://user:PASSW0RD@10.9.9.1'}]}}
  middlewares:
    keys: {headers: {customRequestHeaders: {Authorization: Bearer SECRET1, X-Api-Pass: SECRET2, X-Plain: Basic SECRET3}, customResponseHeaders: {Set-Cookie: SECRET4}}}
    login: {redirectRegex: {regex: '^http://login\\.test/.*$', replacement: 'http://user:PASSW0RD@new.test/'}}
    strip: {stripPrefix: {prefixes: [/api]}}
    add: {addPrefix: {prefix: /base}}
    tag: {headers: {customRequestHeaders: {X-Tag: a, X-Gone: ''}, customResponseHeaders: {X-Out: b, Server: ''}}}
    host: {headers: {customRequestHeaders: {Host: inner.test}}}
    both: {chain: {middlewares: [tag, add]}}
    www: {redirectRegex: {regex: '^http://old\\.test/(.*)$', replacement: 'http://new.test/$1', permanent: true}}
    secure: {redirectScheme: {scheme: https}}
  routers:
    shop: {rule: 'Host(`shop.test`)', service: shop, entryPoints: [web]}
    api: {rule: 'Host(`shop.test`) && PathPrefix(`/api`)', service: shop, middlewares: [strip], entryPoints: [web]}
    form: {rule: 'Host(`shop.test`) && Method(`POST`) && Path(`/form`)', service: shop, entryPoints: [web]}
    debug: {rule: 'Host(`shop.test`) && Header(`X-Debug`, `1`)', service: shop, priority: 500, entryPoints: [web]}
    version: {rule: 'Host(`shop.test`) && Query(`v`, `2`)', service: two, entryPoints: [web]}
    inside: {rule: 'Host(`shop.test`) && PathPrefix(`/admin`) && ClientIP(`10.0.0.0/8`)', service: shop, entryPoints: [web]}
    many: {rule: '(Host(`m1.test`) || Host(`m2.test`)) && (Path(`/a`) || Path(`/b`))', service: shop, entryPoints: [web]}
    wild: {rule: 'HostRegexp(`^[a-z]+\\.wild\\.test$`)', service: shop, entryPoints: [web]}
    not: {rule: 'Host(`not.test`) && !PathPrefix(`/private`)', service: shop, entryPoints: [web]}
    chain: {rule: 'Host(`chain.test`)', service: shop, middlewares: [both, host], entryPoints: [web]}
    old: {rule: 'Host(`old.test`)', service: shop, middlewares: [www, tag], entryPoints: [web]}
    plain: {rule: 'Host(`plain.test`)', service: shop, middlewares: [secure], entryPoints: [web]}
    empty: {rule: 'Host(`empty.test`)', service: empty, entryPoints: [web]}
    sticky: {rule: 'Host(`sticky.test`)', service: sticky, entryPoints: [web]}
    safe: {rule: 'Host(`safe.test`)', service: shop, entryPoints: [websecure], tls: {}}
    other: {rule: 'Host(`other.test`)', service: shop, entryPoints: [websecure], tls: {}}
    mixed: {rule: 'Host(`mixed.test`)', service: shop, entryPoints: [web], tls: {}}
    broken: {rule: 'Host(`broken.test`)', service: shop, middlewares: [nowhere], entryPoints: [web]}
    keys: {rule: 'Host(`keys.test`)', service: user, middlewares: [keys], entryPoints: [web]}
    login: {rule: 'Host(`login.test`)', service: user, middlewares: [login], entryPoints: [web]}
    ftp: {rule: 'Host(`ftp.test`)', service: ftp, entryPoints: [web]}
    syntax: {rule: 'Host(`syntax.test`', service: shop, entryPoints: [web]}
";

struct House {
    process: Running,
    web: u16,
    websecure: u16,
    redirected: u16,
    api: u16,
    _engine: Engine,
}

fn swarmgate() -> Launch {
    Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
}

/// A Swarm with services of every kind.
fn engine() -> Engine {
    let engine = Engine::start_temporary().unwrap();
    engine.create_network("net");
    let app = |name: &str, host: &str| {
        let short = name.rsplit('_').next().unwrap_or(name);
        ServiceSpec::new(name)
            .network("net")
            .label("traefik.enable", "true")
            .label(format!("traefik.http.routers.{short}.rule"), format!("Host(`{host}`)"))
            .label(format!("traefik.http.routers.{short}.entrypoints"), "web")
    };
    let port = |spec: ServiceSpec, name: &str| {
        spec.label(format!("traefik.http.services.{name}.loadbalancer.server.port"), "8000")
    };
    let mut off = port(app("app_off", "off.test"), "off");
    off.labels.remove("traefik.enable");
    let services = [
        port(app("app_vip", "vip.test"), "vip").replicas(3),
        port(app("app_zero", "zero.test"), "zero").replicas(0),
        off,
        port(app("app_not", "no.test"), "not").label("traefik.enable", "false"),
        port(app("app_job", "job.test"), "job").mode(Mode::ReplicatedJob(1)),
        port(app("app_test", "canary.test"), "test").label("stage", "test"),
        app("app_portless", "portless.test"),
        port(app("app_typo", "typo.test"), "typo")
            .label("traefik.http.routers.typo.rulle", "Host(`typo.test`)"),
        ServiceSpec::new("stack_whoami").network("net"),
    ];
    for service in services {
        engine.create_service(service).unwrap();
    }
    // The older one keeps the name.
    std::thread::sleep(Duration::from_millis(20));
    let late = port(app("late_vip", "late.test"), "late");
    engine.create_service(late).unwrap();
    engine
}

impl House {
    fn start() -> Self {
        let engine = engine();
        let [web, websecure, redirected, api] = [(); 4].map(|()| ports::free());
        let certificate = self_signed(&["safe.test", "*.wild.test"]);
        let install = format!(
            "\
entryPoints:
  web: {{address: '127.0.0.1:{web}'}}
  websecure: {{address: '127.0.0.1:{websecure}'}}
  redirected:
    address: '127.0.0.1:{redirected}'
    http: {{redirections: {{entryPoint: {{to: websecure, scheme: https}}}}}}
  traefik: {{address: '127.0.0.1:{api}'}}
api: {{insecure: true}}
providers:
  file: {{filename: routing.yml}}
  swarm:
    endpoint: '{}'
    network: net
    exposedByDefault: false
    constraints: '!Label(`stage`,`test`)'
",
            engine.endpoint()
        );
        let mut process = swarmgate()
            .file("install.yml", &install)
            .file("routing.yml", ROUTING)
            .file("cert.pem", &certificate.pem)
            .file("key.pem", &certificate.key)
            .arg("--configFile=install.yml")
            .start();
        process.wait_listening(web);
        let house = Self { process, web, websecure, redirected, api, _engine: engine };
        eventually("both providers have spoken", LIMIT, || {
            let routes = house.run(&["routes"]);
            let known = ["shop@file", "vip@swarm", "app_job"];
            match known.iter().all(|name| routes.stdout.contains(name)) {
                true => Ok(()),
                false => Err(format!("{}; {}", routes.output(), house.process.output())),
            }
        });
        house
    }

    /// Words with the ports in place of their names.
    fn filled(&self, text: &str) -> String {
        [
            ("{web}", self.web),
            ("{websecure}", self.websecure),
            ("{redirected}", self.redirected),
            ("{api}", self.api),
        ]
        .iter()
        .fold(text.to_owned(), |text, (name, port)| text.replace(name, &port.to_string()))
    }

    /// Runs a command that asks this proxy.
    fn run(&self, words: &[&str]) -> Finished {
        let words = words.iter().map(|word| self.filled(word));
        let pid = self.process.pid().to_string();
        swarmgate().args(words).args(["--pid".to_owned(), pid]).run(LIMIT)
    }
}

/// What is asked, the exit code, and lines of the answer: each has all of its words in this order.
type Case<'a> = (&'a [&'a str], i32, &'a [&'a str]);

const CASES: &[Case<'_>] = &[
    // Routers by priority, each with the first part that failed.
    (
        &["http://shop.test:{web}/x"],
        0,
        &[
            "Request      GET http://shop.test:{web}/x from 192.0.2.1",
            "seen as host shop.test, path /x",
            "Entry point  web (127.0.0.1:{web}): it listens on port {web}",
            "Routers      ✗ debug@file (priority 500): Header(`X-Debug`, `1`): the request has no header x-debug",
            "✗ inside@file * PathPrefix(`/admin`): the path is /x",
            "✗ form@file * Method(`POST`): the method is GET",
            "✗ api@file * PathPrefix(`/api`): the path is /x",
            "✗ version@file * Query(`v`, `2`): the query has no v",
            "✓ shop@file (priority 17): Host(`shop.test`)",
            "for other hosts",
            "Router       shop@file, written in routing.yml:",
            "Service      shop@file",
            "http://10.9.9.1:8080",
            "Answer       GET /x goes to http://10.9.9.1:8080",
        ],
    ),
    (
        &["http://shop.test:{web}/api/items?x=1"],
        0,
        &[
            "✓ api@file",
            "· shop@file (priority 17): would take it too, but comes later",
            "and 1 of lower priority for this host",
            "Middlewares  1. strip@file (stripPrefix): the path /api/items becomes /items; sets the request's X-Forwarded-Prefix: /api",
            "GET /items?x=1 goes to",
        ],
    ),
    (&["http://shop.test:{web}/form", "-X", "POST"], 0, &["✓ form@file", "POST /form goes to"]),
    (&["http://shop.test:{web}/", "-H", "X-Debug: 1"], 0, &["✓ debug@file (priority 500)"]),
    (
        &["http://shop.test:{web}/", "-H", "X-Debug: 2"],
        0,
        &["✗ debug@file * the header x-debug is \"2\"", "✓ shop@file"],
    ),
    (
        &["http://shop.test:{web}/?v=2"],
        0,
        &["✓ version@file", "http://10.9.9.2, weight 3", "goes to one of 2 servers, in turn"],
    ),
    (
        &["http://shop.test:{web}/?v=3"],
        0,
        &["Query(`v`, `2`): the query's v is \"3\"", "✓ shop@file"],
    ),
    (&["http://shop.test:{web}/admin", "--from", "10.1.2.3"], 0, &["✓ inside@file"]),
    (
        &["http://shop.test:{web}/admin"],
        0,
        &["✗ inside@file * ClientIP(`10.0.0.0/8`): the client is 192.0.2.1", "✓ shop@file"],
    ),
    // One view of host and path.
    (&["SHOP.TEST.:{web}//x/../api/%7Eme"], 0, &["path /api/~me", "✓ api@file", "GET /~me goes"]),
    (
        &["http://127.0.0.1:{web}/api/x", "-H", "Host: shop.test"],
        0,
        &["seen as host shop.test", "✓ api@file"],
    ),
    // Alternatives, negations, patterns.
    (
        &["http://m2.test:{web}/c"],
        1,
        &[
            "✗ many@file * Path(`/a`) and Path(`/b`): the path is /c",
            "Answer       404: no router takes it",
        ],
    ),
    (&["http://m2.test:{web}/b"], 0, &["✓ many@file"]),
    (&["http://a.wild.test:{web}/"], 0, &["✓ wild@file"]),
    (&["http://not.test:{web}/private/x"], 1, &["!PathPrefix(`/private`): the path is /private/x"]),
    // Middlewares.
    (
        &["http://chain.test:{web}/x", "-H", "X-Gone: 1"],
        0,
        &[
            "1. tag@file (headers): sets the request's X-Tag: a; removes the request's X-Gone; removes the answer's Server; sets the answer's X-Out: b",
            "2. add@file (addPrefix): the path /x becomes /base/x",
            "3. host@file (headers): sets the request's Host: inner.test",
            "GET /base/x goes to",
        ],
    ),
    (
        &["http://127.0.0.1:{web}/page", "-H", "Host: old.test"],
        0,
        &[
            "1. www@file (redirectRegex): answers 301 Moved Permanently, Location: http://new.test/page",
            "2. tag@file (headers): not reached",
        ],
    ),
    (
        &["http://plain.test:{web}/x"],
        0,
        &[
            "answers 302 Found, Location: https://plain.test/x",
            "Answer       a middleware answers 302",
        ],
    ),
    // Services.
    (
        &["http://empty.test:{web}/"],
        0,
        &["✓ empty@file", "Answer       503: the service has no server"],
    ),
    (&["http://sticky.test:{web}/"], 0, &["sticky is known but not served yet"]),
    (
        &["http://vip.test:{web}/"],
        0,
        &[
            "✓ vip@swarm",
            "Router       vip@swarm, written in swarm service \"app_vip\"",
            "Service      vip@swarm: Swarm's VIP, 3 tasks running",
            "behind which Swarm balances over 3 running tasks",
        ],
    ),
    (
        &["http://zero.test:{web}/"],
        0,
        &["Service      zero@swarm", "Answer       503: no task of the service runs"],
    ),
    (
        &["http://127.0.0.1:{api}/api/version"],
        0,
        &["✓ api@internal", "Answer       the proxy itself answers (api@internal)"],
    ),
    // TLS.
    (
        &["https://safe.test:{websecure}/"],
        0,
        &[
            "Certificate  *.wild.test, safe.test (by name)",
            "from file cert.pem, issued by",
            "valid from 1975-01-01T00:00:00Z to 4096",
            "TLS options default",
            "✓ safe@file",
        ],
    ),
    (
        &["https://other.test:{websecure}/"],
        0,
        &[
            "traefik.default (the default, no other fits)",
            "self-signed, made by the proxy itself",
            "✓ other@file",
        ],
    ),
    (
        &["https://a.wild.test:{websecure}/"],
        1,
        &["(by wildcard)", "entry point \"web\" takes it over http: router wild@file"],
    ),
    (
        &["http://safe.test:{redirected}/x"],
        0,
        &[
            "it redirects to websecure with https",
            "✓ redirected-to-websecure@internal",
            "answers 301 Moved Permanently, Location: https://safe.test:{websecure}/x",
            "next: swarmgate explain 'https://safe.test:{websecure}/x'",
        ],
    ),
    // Nothing matches, and why.
    (
        &["http://safe.test:{web}/"],
        1,
        &["Answer       404", "entry point \"websecure\" takes it over https: router safe@file"],
    ),
    (&["http://mixed.test:{web}/"], 1, &["only with TLS: router mixed@file takes it over https"]),
    (
        &["https://shop.test:{websecure}/"],
        1,
        &["entry point \"web\" takes it over http: router shop@file"],
    ),
    (
        &["http://shpo.test:{web}/"],
        1,
        &["no router serves the host \"shpo.test\"", "hosts that are spelled alike: shop.test"],
    ),
    (&["http://www.shop.test:{web}/"], 1, &["spelled alike: shop.test"]),
    (&["http://broken.test:{web}/"], 1, &["Disabled     broken@file (routing.yml:*nowhere"]),
    (
        &["http://syntax.test:{web}/"],
        1,
        &["Disabled     syntax@file (routing.yml:*error while parsing rule"],
    ),
    // What the Swarm provider left out.
    (
        &["http://off.test:{web}/"],
        1,
        &["Left out     swarm service \"app_off\": exposedByDefault is false"],
    ),
    (
        &["http://no.test:{web}/"],
        1,
        &["Left out     swarm service \"app_not\": its label traefik.enable is false"],
    ),
    (&["http://job.test:{web}/"], 1, &["Left out     swarm service \"app_job\": it is a job"]),
    (
        &["http://canary.test:{web}/"],
        1,
        &["Left out     swarm service \"app_test\": the provider's constraints reject its labels"],
    ),
    (
        &["http://portless.test:{web}/"],
        1,
        &["Left out     swarm service \"app_portless\"*port is missing"],
    ),
    (&["http://typo.test:{web}/"], 1, &["Left out     swarm service \"app_typo\"*rulle"]),
    (&["http://late.test:{web}/"], 1, &["Left out     swarm service \"late_vip\"*app_vip"]),
    (
        &["http://whoami.example:{web}/"],
        1,
        &["Left out     swarm service \"stack_whoami\": exposedByDefault"],
    ),
    // The entry point.
    (
        &["https://safe.test/", "--entrypoint", "websecure"],
        0,
        &["Entry point  websecure (127.0.0.1:{websecure}): it was asked for", "✓ safe@file"],
    ),
    (
        &["https://safe.test:1/"],
        0,
        &["Entry point  websecure * a guess for https: no entry point listens on port 1"],
    ),
    (
        &["http://shop.test:{web}/", "-H", "X-Forwarded-For: 1.2.3.4"],
        0,
        &["the entry point drops its headers x-forwarded-for: 192.0.2.1 is not among"],
    ),
    (
        &[
            "http://shop.test:{web}/",
            "-H",
            "X-Forwarded-Proto: https",
            "-H",
            "X-Forwarded-Host: evil",
            "-H",
            "Connection: close, x-k",
            "-H",
            "X-K: 1",
        ],
        0,
        &[
            "the entry point replaces x-forwarded-proto: https by http",
            "the entry point replaces x-forwarded-host: evil by shop.test",
            "its headers x-k are for the connection only",
        ],
    ),
    // One host for a request.
    (
        &["http://a.test:{web}/", "-H", "Host: shop.test", "-H", "Host: b.test"],
        1,
        &["the request is refused with 400"],
    ),
    (
        &["http://keys.test:{web}/x"],
        0,
        &[
            "http://xxxx@10.9.9.1:8080/base, its path /base is not used",
            "GET /x goes to http://xxxx@10.9.9.1:8080",
        ],
    ),
    (&["http://shop.test:{web}/%zz"], 1, &["the request is refused with 400"]),
    (&["http://shop.test:{web}/", "-X", "CONNECT"], 1, &["the request is refused with 501"]),
];

/// Whether a line has all parts between the stars, in this order.
fn fits(line: &str, pattern: &str) -> bool {
    let mut rest = line;
    pattern.split('*').map(str::trim).all(|part| match rest.find(part) {
        Some(place) => {
            rest = &rest[place + part.len()..];
            true
        }
        None => false,
    })
}

#[test]
fn explanations() {
    let house = House::start();
    let mut wrong = String::new();
    for (words, code, expected) in CASES {
        let mut line = vec!["explain"];
        line.extend_from_slice(words);
        let told = house.run(&line);
        let has = |pattern: &str| {
            let pattern = house.filled(pattern);
            // Certificates' names have stars of their own.
            told.stdout.lines().any(|line| line.contains(&pattern) || fits(line, &pattern))
        };
        let missing: Vec<_> = expected.iter().filter(|pattern| !has(pattern)).collect();
        if told.status.code() != Some(*code) || !missing.is_empty() {
            wrong.push_str(&format!(
                "{words:?}: {}, lacks {missing:#?} in\n{}\n",
                told.status,
                told.output()
            ));
        }
        let odd = told.stdout.chars().any(|c| c.is_control() && c != '\n');
        assert!(!odd && told.stderr.is_empty(), "{words:?}: {:?}", told.output());
    }
    assert!(CASES.len() >= 30 && wrong.is_empty(), "{wrong}");
}

#[test]
fn secrets_are_told_nowhere() {
    let house = House::start();
    let hidden = |what: &str, told: &str| {
        assert!(!told.contains("SECRET") && !told.contains("PASSW0RD"), "{what}: {told}");
    };
    for host in ["keys.test", "login.test", "ftp.test", "user:PASSW0RD@keys.test"] {
        let url = format!("http://{host}:{}/", house.web);
        for format in ["text", "json"] {
            let told = house.run(&["explain", &url, "--format", format]);
            assert!(told.stdout.len() > 300, "{}", told.output());
            hidden(&url, &told.output());
        }
        let path = format!("/api/explain?url={}", url.replace("://", "%3A%2F%2F"));
        let answer = client::get(house.api, "localhost", &path).unwrap();
        assert_eq!(answer.status, 200, "{path}");
        hidden(&path, &answer.text());
    }
    for format in ["text", "json"] {
        let told = house.run(&["routes", "--format", format]);
        assert!(told.stdout.contains("keys@file"), "{}", told.output());
        hidden("routes", &told.output());
    }
    for path in ["routes", "rawdata", "http/middlewares", "http/services", "findings"] {
        let path = format!("/api/{path}");
        let answer = client::get(house.api, "localhost", &path).unwrap();
        assert_eq!(answer.status, 200, "{path}");
        hidden(&path, &answer.text());
    }
    let keys = house.run(&["explain", "http://keys.test:{web}/"]);
    for part in ["sets the request's Authorization: xxxx", "sets the answer's Set-Cookie: xxxx"] {
        assert!(keys.stdout.contains(part), "{part}: {}", keys.output());
    }
}

#[test]
fn what_is_told_is_what_happens() {
    let house = House::start();
    for (url, port) in [
        ("http://plain.test:{web}/a//b?c", house.web),
        ("http://x:{redirected}/", house.redirected),
    ] {
        let url = house.filled(url);
        let told = house.run(&["explain", &url, "--format", "json"]);
        let told: Value = serde_json::from_str(&told.stdout).unwrap();
        let (host, target) = url["http://".len()..].split_once('/').unwrap();
        let answer = client::get(port, host, &format!("/{target}")).unwrap();
        assert_eq!(told["outcome"]["status"], answer.status, "{told}");
        assert_eq!(told["outcome"]["location"].as_str(), answer.header("location"), "{told}");
    }
}

#[test]
fn json_of_an_explanation() {
    let house = House::start();
    let line = ["explain", "http://shop.test:{web}/api/x", "--format", "json"];
    let told = house.run(&line);
    assert_eq!(told.status.code(), Some(0), "{}", told.output());
    let shape: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(shape["request"]["host"], "shop.test");
    assert_eq!(shape["entryPoint"]["name"], "web");
    assert_eq!(shape["router"]["name"], "api@file");
    assert_eq!(shape["middlewares"][0]["kind"], "stripPrefix");
    assert_eq!(shape["service"]["servers"][0]["url"], "http://10.9.9.1:8080");
    assert_eq!(shape["outcome"]["kind"], "forwarded");
    assert_eq!(shape["considered"][0]["failed"][0]["part"], "Header(`X-Debug`, `1`)");
    // The API tells the same.
    let over_api = house.filled("http://127.0.0.1:{api}");
    let url = house.filled("http://shop.test:{web}/api/x");
    let asked = swarmgate().args(["explain", &url, "--format=json", "--api", &over_api]).run(LIMIT);
    assert_eq!(asked.status.code(), Some(0), "{}", asked.output());
    assert_eq!(serde_json::from_str::<Value>(&asked.stdout).unwrap(), shape);
    let nowhere = house.run(&["explain", "http://nobody.test:{web}/", "--format", "json"]);
    assert_eq!(nowhere.status.code(), Some(1));
    let shape: Value = serde_json::from_str(&nowhere.stdout).unwrap();
    assert!(shape["router"].is_null() && shape["hints"].is_array(), "{shape}");
}

#[test]
fn routes_in_a_table() {
    let house = House::start();
    let all = house.run(&["routes"]);
    assert_eq!(all.status.code(), Some(0), "{}", all.output());
    let expected = [
        "ENTRY POINT * PRIORITY * ROUTER * TLS * MIDDLEWARES * SERVICE * SERVERS * RULE",
        "web * 500 * debug@file * - * - * shop@file * http://10.9.9.1:8080 * Host(`shop.test`) && Header",
        "web * vip@swarm * vip@swarm * (3 tasks) * Host(`vip.test`)",
        "web * zero@swarm * no running task",
        "web * chain@file * tag@file add@file host@file",
        "websecure * safe@file * yes",
        "traefik * dashboard@internal",
        "Served, but not as written",
        "sticky@file: * sticky",
        "Disabled",
        "broken@file (routing.yml: * nowhere",
        "Left out",
        "swarm service \"app_job\": it is a job",
    ];
    for pattern in expected {
        assert!(all.stdout.lines().any(|line| fits(line, pattern)), "{pattern}:\n{}", all.stdout);
    }
    let shop = house.run(&["routes", "--host", "shop.test", "--entrypoint=web", "--format=json"]);
    let shop: Value = serde_json::from_str(&shop.stdout).unwrap();
    let names: Vec<&str> = shop["routes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["router"].as_str())
        .collect();
    let expected =
        ["debug@file", "inside@file", "form@file", "api@file", "version@file", "shop@file"];
    assert_eq!(names, expected);
    let none = house.run(&["routes", "--host", "nobody.test", "--entrypoint", "web"]);
    assert_eq!(none.status.code(), Some(1), "{}", none.output());
    // The proxy's own are listed and do not count.
    let own = house.run(&["routes", "--host", "nobody.test"]);
    assert_eq!(own.status.code(), Some(1), "{}", own.output());
    assert!(own.stdout.contains("dashboard@internal"), "{}", own.output());
    let wrong = house.run(&["routes", "--entrypoint", "wbe"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stderr.contains("web, websecure"), "{}", wrong.output());
}

#[test]
fn wrong_usage() {
    let house = House::start();
    let long = format!("http://a.test/{}", "x".repeat(20_000));
    let table: [(&[&str], &str); 24] = [
        (&["explain", "http:/a.test"], "one slash"),
        (&["explain", "::1"], "brackets"),
        (&["explain", "a.test", "--from", "1.2.3.4:5"], "without a port"),
        (&["routes", "--pid", ""], "expected a process id"),
        (&["routes", "--api", "http://u:p@localhost"], "a user is not sent"),
        (&["explain"], "the URL is missing"),
        (&["explain", "a", "b"], "another"),
        (&["explain", "ftp://a.test"], "scheme \"ftp\""),
        (&["explain", "http://"], "no host"),
        (&["explain", ""], "no host"),
        (&["explain", "http://a.test:99999"], "port"),
        (&["explain", "http://a.test/\u{1b}[31m"], "control character"),
        (&["explain", "http://gr\u{f6}\u{df}e.test"], "xn--"),
        (&["explain", &long], "bytes"),
        (&["explain", "a.test", "-X", "G T"], "no method"),
        (&["explain", "a.test", "-H", "X"], "no header"),
        (&["explain", "a.test", "-H", "X: a\r\nY: b"], "no header"),
        (&["explain", "a.test", "--from", "home"], "no IP address"),
        (&["explain", "a.test", "--entrypoint", "wbe"], "no entry point \"wbe\""),
        (&["explain", "a.test", "--format", "xml"], "text or json"),
        (&["explain", "a.test", "--frobnicate"], "unknown option"),
        (&["routes", "x"], "not understood"),
        (&["routes", "--api", "https://localhost"], "http://"),
        (&["routes", "--api", "http://127.0.0.1:1"], "cannot be asked"),
    ];
    for (words, expected) in table {
        let told = house.run(words);
        assert_eq!(told.status.code(), Some(2), "{words:?}: {}", told.output());
        assert!(told.stderr.contains(expected), "{words:?}: {}", told.output());
        assert!(told.stdout.is_empty() && told.stderr.lines().count() == 1, "{words:?}");
    }
    for words in [["explain", "--help"], ["routes", "-h"]] {
        let told = house.run(&words);
        assert!(told.status.success() && told.stdout.contains("Usage:"), "{}", told.output());
    }
}

#[test]
fn whom_it_asks() {
    let nobody = swarmgate().args(["explain", "http://a.test", "--pid", "4194999"]).run(LIMIT);
    assert_eq!(nobody.status.code(), Some(2), "{}", nobody.output());
    assert!(nobody.stderr.contains("process id 4194999"), "{}", nobody.output());

    let flag = |port: u16| format!("--entryPoints.web.address=127.0.0.1:{port}");
    let (one, other) = (ports::free(), ports::free());
    let (mut first, mut second) =
        (swarmgate().arg(flag(one)).start(), swarmgate().arg(flag(other)).start());
    first.wait_listening(one);
    second.wait_listening(other);
    eventually("both can be asked", LIMIT, || {
        for pid in [first.pid(), second.pid()] {
            let told = swarmgate()
                .args(["explain".into(), "http://a.test".into(), format!("--pid={pid}")])
                .run(LIMIT);
            if told.status.code() != Some(1) {
                return Err(told.output());
            }
        }
        Ok(())
    });
    let several = swarmgate().args(["routes"]).run(LIMIT);
    assert_eq!(several.status.code(), Some(2), "{}", several.output());
    for pid in [first.pid(), second.pid()] {
        assert!(several.stderr.contains(&pid.to_string()), "{}", several.output());
    }
    // One that stops takes its socket with it.
    let pid = first.pid();
    first.terminate(LIMIT);
    let gone = swarmgate().args(["routes".into(), format!("--pid={pid}")]).run(LIMIT);
    assert_eq!(gone.status.code(), Some(2), "{}", gone.output());
}

#[test]
fn a_full_queue_holds_nobody_up() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

    // No process has this number: Linux ends at 2^22.
    let pid = 4_300_000_000 + u64::from(std::process::id());
    let name = SocketAddr::from_abstract_name(format!("swarmgate/{pid}")).unwrap();
    let _listener = UnixListener::bind_addr(&name).unwrap();
    // Until the queue is full, each in a thread of its own: the last ones hang.
    let filled = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for _ in 0..8192 {
        let (name, filled) = (name.clone(), filled.clone());
        let (sent, done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let stream = UnixStream::connect_addr(&name);
            filled.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let _ = sent.send(());
            std::mem::forget(stream);
        });
        if done.recv_timeout(Duration::from_secs(2)).is_err() {
            break;
        }
    }
    let told = swarmgate().args(["routes".into(), format!("--pid={pid}")]).run(LIMIT);
    assert_eq!(told.status.code(), Some(2), "{}", told.output());
    assert!(told.stderr.contains("its queue is full"), "{}", told.output());
}

#[test]
fn output_that_cannot_be_written() {
    let house = House::start();
    let pid = format!("--pid={}", house.process.pid());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_swarmgate"))
        .args(["routes", &pid])
        .stdout(full)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let status = child.wait().unwrap();
    let mut told = String::new();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut told).unwrap();
    assert_eq!(status.code(), Some(2), "{told}");
    assert!(told.contains("cannot be written"), "{told}");
}

/// Where the handshake of a name is held by other TLS options than its router asks for: what is told
/// is what happens.
#[test]
fn tls_options_that_no_request_meets() {
    let (web, secure) = (ports::free(), ports::free());
    let mut process = swarmgate()
        .file(
            "routing.yml",
            "\
http:
  services: {s: {loadBalancer: {servers: []}}}
  routers:
    ready: {rule: 'Host(`ready.test`)', service: s, entryPoints: [web]}
    strict: {rule: 'Host(`a.test`)', service: s, entryPoints: [secure], tls: {options: modern}}
    wide: {rule: 'PathPrefix(`/wide`)', service: s, entryPoints: [secure], tls: {}, priority: 1000}
    address: {rule: 'Host(`127.0.0.1`)', service: s, entryPoints: [secure], tls: {options: modern}}
    broken: {rule: 'Host(`broken.test`)', service: s, entryPoints: [secure], tls: {options: nope}}
tls: {options: {modern: {minVersion: VersionTLS13}}}
",
        )
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg(format!("--entryPoints.secure.address=127.0.0.1:{secure}"))
        .arg("--providers.file.filename=routing.yml")
        .start();
    process.wait_listening(secure);
    eventually("the configuration serves", LIMIT, || {
        match client::get(web, "ready.test", "/").map(|answer| answer.status) {
            Ok(503) => Ok(()),
            other => Err(format!("{other:?}; {}", process.output())),
        }
    });
    let refused = |what: &str| format!("Answer       the request is refused with 421: {what}");
    let wide = refused(
        "the TLS handshake for a.test is held by the options modern@file, router wide@file serves \
         a.test by default only; expected the same tls.options for all routers of a.test, each with \
         Host(`a.test`) in its rule",
    );
    let address = refused(
        "the TLS handshake without a name is held by the options default, router address@file \
         serves 127.0.0.1 by modern@file only; expected a name in place of the address",
    );
    let fronted = refused(
        "the TLS handshake for b.test is held by the options default, router strict@file serves \
         a.test by modern@file only; expected a connection of its own for a.test",
    );
    // SNI, Host, path, the status of a real request (0: no connection), and what is told.
    let table = [
        ("a.test", "a.test", "/", 503, "Answer       503: the service has no server"),
        ("b.test", "b.test", "/wide", 503, "Answer       503: the service has no server"),
        ("a.test", "a.test", "/wide", 421, wide.as_str()),
        ("127.0.0.1", "127.0.0.1", "/", 421, address.as_str()),
        ("b.test", "a.test", "/", 421, fronted.as_str()),
        ("broken.test", "broken.test", "/wide", 0, "Answer       the connection is closed in its"),
        ("broken.test", "broken.test", "/", 0, "Answer       the connection is closed in its"),
    ];
    for (name, host, path, status, expected) in table {
        let server_name = if name == "127.0.0.1" { "" } else { name };
        let address = ("127.0.0.1", secure);
        let connected = client::Client::connect_tls(address, server_name, client::Trust::Anything);
        let got = connected.map_or(0, |mut client| {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            client.exchange(request).unwrap().status
        });
        assert_eq!(got, status, "{name} {host} {path}");
        let told = swarmgate()
            .args(["explain", &format!("https://{name}:{secure}{path}"), "-H"])
            .args([format!("Host: {host}"), format!("--pid={}", process.pid())])
            .run(LIMIT);
        assert!(told.stdout.contains(expected), "{name} {host} {path}: {}", told.output());
    }
}
