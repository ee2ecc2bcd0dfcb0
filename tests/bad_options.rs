//! Bad options of middlewares: whatever is wrong, it is told with its place, its router answers
//! 404 as Traefik's does, and all others serve on.

#[path = "documented/fields.rs"]
mod fields;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_yaml::Value as Yaml;
use swarmgate_config::routing::Middleware;
use swarmgate_testkit::client;
use swarmgate_testkit::engine::{Engine, ServiceSpec};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;

/// Generous: debug builds on busy machines.
const LIMIT: Duration = Duration::from_secs(60);

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    /// Another type than the option's.
    Type,
    /// No such option.
    Unknown,
    /// Out of range, or of another form.
    Value,
    /// It leads to nothing.
    Missing,
}

use Wrong::{Missing, Type, Unknown, Value};

/// What is wrong, the kind, its options as YAML, and a part of what is told. Types and names are
/// looked at before it is known whether the kind is served.
const TABLE: &[(Wrong, &str, &str, &str)] = &[
    (Type, "addPrefix", "/x", "cannot stand alone"),
    (Type, "addPrefix", "{prefix: {a: b}}", "where one value belongs"),
    (Unknown, "addPrefix", "{prefx: /x}", "unknown key \"prefx\""),
    (Value, "addPrefix", "{prefix: ''}", "prefix cannot be empty"),
    (Type, "stripPrefix", "{prefixes: [{a: b}]}", "where one value belongs"),
    (Type, "stripPrefix", "{prefixes: [/x], forceSlash: maybe}", "\"maybe\" is neither true nor"),
    (Unknown, "stripPrefix", "{prefix: /x}", "unknown key \"prefix\""),
    (Value, "stripPrefix", "{prefixes: [\"/a\\r\\nX: y\"]}", "control character"),
    (Type, "stripPrefixRegex", "{regex: [{a: b}]}", "where one value belongs"),
    (Unknown, "stripPrefixRegex", "{regexp: /x}", "unknown key \"regexp\""),
    (Value, "stripPrefixRegex", "{regex: ['(']}", "missing closing )"),
    (Value, "stripPrefixRegex", "{regex: ['^/a', '[z-a]']}", "invalid character class range"),
    (Type, "replacePath", "{path: {a: b}}", "where one value belongs"),
    (Unknown, "replacePath", "{paths: /x}", "unknown key \"paths\""),
    (Type, "replacePathRegex", "{regex: {a: b}, replacement: x}", "where one value belongs"),
    (Unknown, "replacePathRegex", "{regex: x, replace: y}", "unknown key \"replace\""),
    (Value, "replacePathRegex", "{regex: 'a**', replacement: x}", "invalid nested repetition"),
    (Type, "redirectRegex", "{regex: x, replacement: y, permanent: 2}", "neither true nor false"),
    (Unknown, "redirectRegex", "{regex: x, replacement: y, code: 302}", "unknown key \"code\""),
    (Value, "redirectRegex", "{regex: '(?=x)', replacement: y}", "error parsing regexp"),
    (Type, "redirectScheme", "{scheme: {a: b}}", "where one value belongs"),
    (Unknown, "redirectScheme", "{scheme: https, host: x}", "unknown key \"host\""),
    (Value, "redirectScheme", "{port: '443'}", "you must provide a target scheme"),
    (Type, "headers", "{customRequestHeaders: x}", "cannot stand alone"),
    (Type, "headers", "{stsSeconds: long}", "\"long\" is not a number"),
    (Type, "headers", "{accessControlMaxAge: 1.5}", "\"1.5\" is not a number"),
    (Unknown, "headers", "{frameDenny: true}", "unknown key \"frameDenny\""),
    (Value, "headers", "{frameDeny: false}", "no option is set"),
    (Value, "headers", "{stsSeconds: 9223372036854775808}", "out of range"),
    (Value, "headers", "{customRequestHeaders: {'X A': b}}", "which is no header name"),
    (Value, "headers", "{customRequestHeaders: {X-A: \"a\\r\\nY: b\"}}", "X-A has a line break"),
    (Value, "headers", "{accessControlAllowOriginListRegex: ['(']}", "missing closing )"),
    (Type, "chain", "{middlewares: [{a: b}]}", "where one value belongs"),
    (Unknown, "chain", "{middleware: [a]}", "unknown key \"middleware\""),
    (Missing, "chain", "{middlewares: [nowhere]}", "does not exist"),
    (Missing, "chain", "{middlewares: [nowhere@docker]}", "\"nowhere@docker\" does not exist"),
    (Type, "basicAuth", "{users: [{a: b}]}", "where one value belongs"),
    (Type, "basicAuth", "{users: ['a:{SHA}x'], removeHeader: perhaps}", "neither true nor false"),
    (Unknown, "basicAuth", "{user: 'a:{SHA}x'}", "unknown key \"user\""),
    (Value, "basicAuth", "{realm: x}", "it has no users"),
    (Value, "basicAuth", "{users: [bob]}", "has no hash; expected name:hash"),
    (Value, "basicAuth", "{users: ['a:{SHA}x'], headerField: 'a b'}", "is no header name"),
    (
        Value,
        "basicAuth",
        "{users: ['a:$2y$17$abcdefghijklmnopqrstuuyd9ipDgNyTEie103vumVuve9x.2WtxW']}",
        "of cost 17",
    ),
    (Missing, "basicAuth", "{usersFile: nowhere}", "usersFile \"nowhere\""),
    (Type, "digestAuth", "{users: [{a: b}]}", "where one value belongs"),
    (Unknown, "digestAuth", "{users: ['a:b:c'], realms: x}", "unknown key \"realms\""),
    (Value, "digestAuth", "{users: ['a:b']}", "expected name:realm:hash"),
    (Missing, "digestAuth", "{usersFile: nowhere}", "usersFile \"nowhere\""),
    (Type, "forwardAuth", "{address: 'http://a', maxBodySize: much}", "\"much\" is not a number"),
    (Type, "forwardAuth", "{address: 'http://a', tls: yes please}", "cannot stand alone"),
    (Unknown, "forwardAuth", "{adress: 'http://a'}", "unknown key \"adress\""),
    (Unknown, "forwardAuth", "{address: 'http://a', tls: {caFile: x}}", "unknown key \"caFile\""),
    (Value, "forwardAuth", "{address: 'http://a', authResponseHeadersRegex: '('}", "closing )"),
    (Missing, "forwardAuth", "{address: 'http://a', tls: {ca: /nowhere.pem}}", "nowhere.pem"),
    (Type, "ipAllowList", "{sourceRange: [{a: b}]}", "where one value belongs"),
    (Type, "ipAllowList", "{sourceRange: ['::1'], ipStrategy: {depth: low}}", "is not a number"),
    (Unknown, "ipAllowList", "{sourceRanges: ['::1']}", "unknown key \"sourceRanges\""),
    (Unknown, "ipAllowList", "{sourceRange: ['::1'], ipStrategy: {dept: 1}}", "key \"dept\""),
    (Value, "ipAllowList", "{sourceRange: [nonsense]}", "\"nonsense\" is neither an address"),
    (Value, "ipAllowList", "{sourceRange: [10.0.0.0/33]}", "\"10.0.0.0/33\" is neither"),
    (Value, "ipAllowList", "{rejectStatusCode: 403}", "sourceRange is empty"),
    (Value, "ipAllowList", "{sourceRange: ['::1'], rejectStatusCode: 600}", "status code 600"),
    (Value, "ipAllowList", "{sourceRange: ['::1'], ipStrategy: {ipv6Subnet: 129}}", "1 to 128"),
    (Type, "ipWhiteList", "{sourceRange: ['::1'], ipStrategy: {depth: low}}", "is not a number"),
    (Unknown, "ipWhiteList", "{sourceRange: ['::1'], rejectStatusCode: 404}", "unknown key"),
    (Value, "ipWhiteList", "{sourceRange: [nonsense]}", "\"nonsense\" is neither an address"),
    (Type, "rateLimit", "{average: many}", "\"many\" is not a number"),
    (Type, "rateLimit", "{average: 1, period: soon}", "\"soon\" is not a duration"),
    (Type, "rateLimit", "{average: 1, sourceCriterion: {requestHost: host}}", "neither true nor"),
    (Unknown, "rateLimit", "{averages: 1}", "unknown key \"averages\""),
    (Unknown, "rateLimit", "{average: 1, sourceCriterion: {host: true}}", "unknown key \"host\""),
    (Value, "rateLimit", "{average: 1, period: -1s}", "negative value not valid for period"),
    (Value, "rateLimit", "{average: -1}", "average is -1"),
    (
        Value,
        "rateLimit",
        "{average: 1, sourceCriterion: {requestHost: true, requestHeaderName: X-A}}",
        "mutually exclusive",
    ),
    (
        Value,
        "rateLimit",
        "{average: 1, sourceCriterion: {requestHeaderName: 'no name'}}",
        "is no header name",
    ),
    (Type, "inFlightReq", "{amount: few}", "\"few\" is not a number"),
    (Unknown, "inFlightReq", "{amounts: 1}", "unknown key \"amounts\""),
    (
        Value,
        "inFlightReq",
        "{amount: 1, sourceCriterion: {requestHost: true, ipStrategy: {depth: 1}}}",
        "mutually exclusive",
    ),
    (Type, "compress", "{minResponseBodyBytes: many}", "\"many\" is not a number"),
    (Unknown, "compress", "{encoding: [gzip]}", "unknown key \"encoding\""),
    (Value, "compress", "{encodings: [lzw]}", "lzw"),
    (Value, "compress", "{encodings: [gzip], defaultEncoding: br}", "default encoding: br"),
    (Type, "contentType", "{autoDetect: often}", "neither true nor false"),
    (Unknown, "contentType", "{detect: true}", "unknown key \"detect\""),
    (Type, "buffering", "{maxRequestBodyBytes: many}", "\"many\" is not a number"),
    (Unknown, "buffering", "{maxBytes: 1}", "unknown key \"maxBytes\""),
    (Value, "buffering", "{maxRequestBodyBytes: -1}", "maxRequestBodyBytes"),
    (Value, "buffering", "{retryExpression: 'Nothing() > 1'}", "Nothing"),
    (Type, "retry", "{attempts: often}", "\"often\" is not a number"),
    (Type, "retry", "{attempts: 2, initialInterval: soon}", "\"soon\" is not a duration"),
    (Unknown, "retry", "{attempt: 2}", "unknown key \"attempt\""),
    (Value, "retry", "{attempts: 0}", "attempts"),
    (Value, "retry", "{attempts: 2, status: ['4xx']}", "4xx"),
    (Type, "circuitBreaker", "{expression: {a: b}}", "where one value belongs"),
    (Unknown, "circuitBreaker", "{expresion: 'x'}", "unknown key \"expresion\""),
    (Value, "circuitBreaker", "{expression: 'Nothing() > 1'}", "Nothing"),
    (Type, "errors", "{status: [{a: b}], service: s}", "where one value belongs"),
    (Unknown, "errors", "{status: ['404'], services: s}", "unknown key \"services\""),
    (Value, "errors", "{status: [four], service: good, query: /}", "four"),
    (Missing, "errors", "{status: ['404'], service: nowhere, query: /}", "nowhere"),
    (Type, "passTLSClientCert", "{pem: perhaps}", "neither true nor false"),
    (Unknown, "passTLSClientCert", "{info: {subjects: {}}}", "unknown key \"subjects\""),
    (Type, "grpcWeb", "{allowOrigins: [{a: b}]}", "where one value belongs"),
    (Unknown, "grpcWeb", "{origins: ['*']}", "unknown key \"origins\""),
    (Type, "encodedCharacters", "{allowEncodedSlash: 7}", "neither true nor false"),
    (Unknown, "encodedCharacters", "{allowSlash: true}", "unknown key \"allowSlash\""),
    (Missing, "plugin", "{some: {a: b}}", "plugin is not served"),
];

/// Kinds that can be built from any options of the right types, or need a request to fail.
const BUILT_OF_ANYTHING: [&str; 5] =
    ["replacePath", "encodedCharacters", "contentType", "passTLSClientCert", "grpcWeb"];

/// A row with the names of its own.
struct Case {
    number: usize,
    kind: &'static str,
    options: &'static str,
    told: &'static str,
}

impl Case {
    /// The middleware, in flow style.
    fn middleware(&self) -> String {
        format!("m{}: {{{}: {}}}", self.number, self.kind, self.options)
    }

    fn host(&self) -> String {
        format!("r{}.test", self.number)
    }
}

fn cases() -> Vec<Case> {
    let case = |(number, row): (usize, &(Wrong, &'static str, &'static str, &'static str))| {
        let (wrong, kind, options, told) = *row;
        let early = matches!(wrong, Type | Unknown);
        let served = Middleware::is_kind_served(kind);
        let told = if early || served || kind == "plugin" { told } else { "is not served yet" };
        Case { number, kind, options, told }
    };
    TABLE.iter().enumerate().map(case).collect()
}

/// Each kind has a row of each sort that it can have.
#[test]
fn the_table_is_whole() {
    let kinds: BTreeSet<String> = fields::leaves::<Middleware>()
        .iter()
        .filter(|leaf| !leaf.open)
        .filter_map(|leaf| leaf.path.split_once('.').map(|(kind, _)| kind.to_owned()))
        .collect();
    assert!(kinds.len() > 20, "{kinds:?}");
    for kind in &kinds {
        let rows: BTreeSet<Wrong> =
            TABLE.iter().filter(|row| row.1 == kind).map(|row| row.0).collect();
        assert!(rows.contains(&Type) && rows.contains(&Unknown), "{kind}: only {rows:?}");
        let more = rows.contains(&Value) || rows.contains(&Missing);
        let may = BUILT_OF_ANYTHING.contains(&&**kind);
        assert!(more != may, "{kind}: {rows:?}");
    }
}

/// A proxy whose good router serves.
struct House {
    process: Running,
    web: u16,
    api: u16,
    _upstream: Upstream,
}

impl House {
    fn start(launch: Launch, upstream: Upstream) -> Self {
        let (web, api) = (ports::free(), ports::free());
        let mut process = launch
            .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
            .arg(format!("--entryPoints.traefik.address=127.0.0.1:{api}"))
            .arg("--api.insecure=true")
            .start();
        process.wait_listening(web);
        let house = Self { process, web, api, _upstream: upstream };
        eventually("the good router", LIMIT, || house.answers("good.test", 200));
        house
    }

    fn answers(&self, host: &str, status: u16) -> Result<(), String> {
        match client::get(self.web, host, "/") {
            Ok(answer) if answer.status == status => Ok(()),
            other => Err(format!("{other:?}; it said:\n{}", self.process.output())),
        }
    }

    fn api(&self, path: &str) -> serde_json::Value {
        client::get(self.api, "localhost", path).expect("the API answers").json()
    }

    /// All that is told of each middleware: its object's name, the place, the whole text.
    fn findings(&self) -> Vec<[String; 3]> {
        let findings = self.api("/api/findings?per_page=100000");
        let list = findings.as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        list.iter()
            .map(|finding| {
                [text(&finding["object"][1]), text(&finding["from"]), text(&finding["text"])]
            })
            .collect()
    }

    /// Every case is told at `place`, its router answers 404, and the others serve.
    fn is_right(&self, provider: &str, place: impl Fn(&Case) -> String) {
        let cases = cases();
        let findings = self.findings();
        let mut wrong = Vec::new();
        for case in &cases {
            let name = format!("m{}@{provider}", case.number);
            let about = || findings.iter().filter(|[object, ..]| *object == name);
            let place = place(case);
            let told = about().any(|[_, from, text]| {
                from.starts_with(&place) && text.contains(case.told) && text.starts_with(&**from)
            });
            let what = format!("{provider}: {}", case.middleware());
            if !told {
                let found: Vec<_> = about().collect();
                wrong.push(format!("{what}: nothing of {:?} at {place}: {found:?}", case.told));
            }
            let router = format!("/api/http/routers/r{}@{provider}", case.number);
            let status = self.api(&router)["status"].clone();
            if status != "disabled" {
                wrong.push(format!("{what}: its router is {status}"));
            }
            if let Err(error) = self.answers(&case.host(), 404) {
                let answer = error.lines().next().unwrap_or_default();
                wrong.push(format!("{what}: {answer}"));
            }
        }
        assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
        // A sound middleware in the same form: it is not the form that disables.
        for host in ["good.test", "control.test"] {
            if let Err(error) = self.answers(host, 200) {
                panic!("{host}: {error}");
            }
        }
    }
}

#[test]
fn in_files() {
    let upstream = Upstream::start("good");
    let mut launch = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .file(
            "routing/good.yml",
            &format!(
                "http:
  routers:
    good: {{rule: 'Host(`good.test`)', service: good}}
    control: {{rule: 'Host(`control.test`)', service: good, middlewares: [control]}}
  middlewares:
    control: {{addPrefix: {{prefix: /x}}}}
  services:
    good: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}
",
                upstream.url()
            ),
        )
        .arg("--providers.file.directory=routing");
    // A file has room for so many findings only.
    for case in cases() {
        let (number, host) = (case.number, case.host());
        let text = format!(
            "http:
  routers:
    r{number}: {{rule: 'Host(`{host}`)', service: good, middlewares: [m{number}]}}
  middlewares:
    {}
",
            case.middleware()
        );
        launch = launch.file(&format!("routing/{number}.yml"), &text);
    }
    let house = House::start(launch, upstream);
    house.is_right("file", |case| format!("routing/{}.yml:5:", case.number));
}

/// Options as labels: `prefix=/x`, `prefixes[0].a=b`; a list of plain values in one label.
fn flatten(key: &str, value: &Yaml, labels: &mut Vec<(String, String)>) {
    let plain = |value: &Yaml| match value {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Bool(_) | Yaml::Number(_) => {
            Some(serde_yaml::to_string(value).unwrap_or_default().trim().to_owned())
        }
        _ => None,
    };
    match value {
        Yaml::Mapping(map) if !map.is_empty() => {
            for (name, value) in map {
                let name = name.as_str().expect("keys are texts");
                flatten(&format!("{key}.{name}"), value, labels);
            }
        }
        Yaml::Mapping(_) => labels.push((key.to_owned(), "true".to_owned())),
        Yaml::Sequence(list) => match list.iter().map(plain).collect::<Option<Vec<_>>>() {
            Some(texts) => labels.push((key.to_owned(), texts.join(","))),
            None => {
                for (number, value) in list.iter().enumerate() {
                    flatten(&format!("{key}[{number}]"), value, labels);
                }
            }
        },
        value => labels.push((key.to_owned(), plain(value).unwrap_or_default())),
    }
}

#[test]
fn in_labels() {
    let engine = Engine::start_temporary().expect("an engine");
    let upstream = Upstream::start("good");
    let with_router = |name: &str, host: &str, middleware: &str| {
        let router = format!("traefik.http.routers.{name}");
        ServiceSpec::new(name)
            .network("net")
            .label(format!("{router}.rule"), format!("Host(`{host}`)"))
            .label(format!("{router}.middlewares"), middleware)
            .label(format!("traefik.http.services.{name}.loadbalancer.server.url"), upstream.url())
    };
    let prefix = "traefik.http.middlewares";
    let good = with_router("good", "good.test", "");
    engine.create_service(good).expect("a service");
    let control = with_router("control", "control.test", "control")
        .label(format!("{prefix}.control.addprefix.prefix"), "/x");
    engine.create_service(control).expect("a service");
    for case in cases() {
        let (number, host) = (case.number, case.host());
        let options: Yaml = serde_yaml::from_str(case.options).expect("options are YAML");
        let mut labels = Vec::new();
        flatten(&format!("{prefix}.m{number}.{}", case.kind), &options, &mut labels);
        let mut spec = with_router(&format!("r{number}"), &host, &format!("m{number}"));
        for (key, value) in labels {
            spec = spec.label(key, value);
        }
        engine.create_service(spec).expect("a service");
    }
    let launch = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .arg(format!("--providers.swarm.endpoint={}", engine.endpoint()))
        .arg("--providers.providersThrottleDuration=0");
    let house = House::start(launch, upstream);
    house.is_right("swarm", |case| {
        format!("swarm service \"r{0}\", label \"traefik.http.middlewares.m{0}.", case.number)
    });
}
