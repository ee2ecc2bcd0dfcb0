//! The API as a client sees it.

use std::sync::Arc;

use serde_json::{Value, json};
use swarmgate_config::checked::{Checked, Configuration, Status};
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::name::QName;
use swarmgate_config::routing::{Middleware, Router, Service, SwarmBackend};

use crate::internal::tests::{body, head, state};
use crate::internal::{Internal, State};
use crate::tls::CertificateInfo;

fn checked<T: serde::de::DeserializeOwned>(value: Value) -> Checked<T> {
    Checked {
        value: serde_json::from_value(value).unwrap(),
        origin: Origin::Internal,
        status: Status::Enabled,
        errors: Vec::new(),
        used_by: Vec::new(),
        using: Vec::new(),
        priority: 0,
    }
}

fn router(name: &str, provider: &str, priority: i64, value: Value) -> (QName, Checked<Router>) {
    let mut router: Checked<Router> = checked(value);
    router.priority = priority;
    router.using.clone_from(&router.value.entry_points);
    (QName::new(name, provider), router)
}

fn configuration() -> Configuration {
    let mut configuration = Configuration::default();
    let mut broken = router(
        "multi",
        "file",
        34,
        json!({"entryPoints":["web","nope"],"service":"s","rule":"Host(`m`) && Path(`/<&>`)"}),
    );
    broken.1.status = Status::Warning;
    broken.1.errors.push("entryPoint \"nope\" doesn't exist".into());
    broken.1.using = vec!["web".into()];
    let mut dead = router(
        "a/b",
        "swarm",
        5,
        json!({"entryPoints":["sec"],"service":"web@swarm","rule":"Host(`dead`)",
            "middlewares":["strip@file"],"tls":{}}),
    );
    dead.1.status = Status::Disabled;
    configuration.routers.extend([
        broken,
        dead,
        router(
            "secure",
            "file",
            20,
            json!({"entryPoints":["web","sec"],"service":"s","rule":"Host(`x`)",
                "tls":{"certResolver":"le"},"observability":{"accessLogs":false}}),
        ),
        router(
            "api",
            "internal",
            i64::MAX - 1,
            json!({"entryPoints":["traefik"],"service":"api@internal","rule":"PathPrefix(`/api`)"}),
        ),
    ]);
    let mut plain: Checked<Service> =
        checked(json!({"loadBalancer":{"servers":[{"url":"http://u:p@127.0.0.1:21099"}]}}));
    plain.used_by = vec![QName::new("secure", "file"), QName::new("multi", "file")];
    configuration.services.insert(QName::new("s", "file"), plain);
    let mut swarm: Checked<Service> = checked(json!({"loadBalancer":{
        "servers":[{"url":"http://10.0.0.2:80","weight":0},{"url":"http://10.0.0.3:80"}],
        "sticky":{"cookie":{}},"healthCheck":{"path":"/h"},"passHostHeader":false}}));
    Arc::make_mut(&mut swarm.value).load_balancer.as_mut().unwrap().swarm =
        Some(SwarmBackend { vip: true, running_tasks: 0 });
    configuration.services.insert(QName::new("web", "swarm"), swarm);
    configuration.services.insert(QName::new("api", "internal"), checked(json!({})));
    for (name, value) in [
        ("strip", json!({"stripPrefix":{"prefixes":["/a"]}})),
        ("empty", json!({"addPrefix":{"prefix":""}})),
        ("head", json!({"headers":{"customRequestHeaders":{"X-Del":"","Authorization":"s"}}})),
        ("auth", json!({"basicAuth":{"users":["bob:$apr1$hash"]}})),
    ] {
        let middleware: Checked<Middleware> = checked(value);
        configuration.middlewares.insert(QName::new(name, "file"), middleware);
    }
    let at = |service: &str| Origin::Label {
        provider: "swarm".into(),
        service: service.into(),
        label: "traefik.x".into(),
    };
    configuration.findings = vec![
        Finding::new(Severity::Info, at("b"), "fyi"),
        Finding::new(Severity::Error, at("a"), "<b>bad</b>")
            .on(ObjectKind::Router, "web@swarm")
            .expected("good"),
    ];
    configuration
}

fn certificates() -> Vec<CertificateInfo> {
    let certificate = |name: &str, expires: i64| CertificateInfo {
        name: name.into(),
        sans: vec![format!("{name}.test")],
        not_after: "2027-01-01T00:00:00Z".into(),
        not_before: "2026-01-01T00:00:00Z".into(),
        serial_number: "7".into(),
        common_name: format!("{name}.test"),
        issuer_cn: "ca".into(),
        status: "enabled".into(),
        expires,
        ..Default::default()
    };
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let soon = i64::try_from(now).unwrap() + 7 * 24 * 3600;
    vec![certificate("bb", 1), certificate("aa", soon)]
}

fn ask(state: &State, method: &str, target: &str) -> http::Response<crate::body::Body> {
    Internal::Api.answer(&head(method, target), "h.test", state, &configuration(), &certificates())
}

const INSTALL: &str = r#"{"entryPoints":{"web":{"address":":80"},
    "raw":{"address":":81","http":{"sanitizePath":false}}},
    "api":{},"accessLog":{},"providers":{"file":{},"swarm":{}}}"#;

fn get(target: &str) -> Value {
    let answer = ask(&state(INSTALL), "GET", target);
    assert_eq!(answer.status(), 200, "{target}");
    assert_eq!(answer.headers()["content-type"], "application/json", "{target}");
    let text = body(answer);
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{target}");
    serde_json::from_str(&text).unwrap()
}

fn names(target: &str) -> Vec<String> {
    let items = get(target);
    let name = |item: &Value| item["name"].as_str().unwrap().to_owned();
    items.as_array().unwrap().iter().map(name).collect()
}

#[test]
fn statuses_of_paths() {
    let table = [
        ("/api", 404),
        ("/api/", 404),
        ("/api/http", 404),
        ("/api/http/", 404),
        ("/api/overview/", 404),
        ("/api/http/routers/", 404),
        ("/api/http/routers/a/b@swarm", 404),
        ("/api//overview", 404),
        ("/apix", 404),
        ("/API/overview", 404),
        ("/api/udp/middlewares", 404),
        ("/dashboard", 404),
        ("/x", 404),
        ("/api/overview", 200),
        ("/api/rawdata", 200),
        ("/api/version", 200),
        ("/api/findings", 200),
        ("/api/entrypoints", 200),
        ("/api/entrypoints/web", 200),
        ("/api/certificates", 200),
        ("/api/certificates/aa", 200),
        ("/api/http/routers/a%2Fb@swarm", 200),
        ("/api/http/routers/a%2Fb%40swarm", 200),
        ("/api/tcp/middlewares", 200),
        ("/dashboard/", 200),
    ];
    let state = state(INSTALL);
    for (target, status) in table {
        assert_eq!(ask(&state, "GET", target).status(), status, "{target}");
        let other = if status == 200 { 405 } else { 404 };
        for method in ["POST", "HEAD", "PUT", "DELETE"] {
            let answer = ask(&state, method, target);
            assert_eq!(answer.status(), other, "{method} {target}");
            if other == 405 {
                assert_eq!(body(answer), "", "{method} {target}");
            }
        }
    }
}

#[test]
fn the_root_leads_to_the_dashboard() {
    let on = state(INSTALL);
    let answer = ask(&on, "GET", "/");
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "/dashboard/");
    assert_eq!(ask(&on, "POST", "/").status(), 405);
    let off = state(r#"{"api":{"dashboard":false}}"#);
    assert_eq!(ask(&off, "GET", "/").status(), 404);
    assert_eq!(ask(&off, "GET", "/dashboard/").status(), 404);
    assert_eq!(ask(&off, "GET", "/api/version").status(), 200);
}

#[test]
fn base_path() {
    for base in ["/base", "/base/"] {
        let state = state(&format!(r#"{{"api":{{"basePath":"{base}"}}}}"#));
        for target in ["/base", "/base/"] {
            let answer = ask(&state, "GET", target);
            assert_eq!(answer.headers()["location"], "/base/dashboard/", "{target}");
        }
        for (target, status) in [
            ("/base/dashboard/", 200),
            ("/base/api/version", 200),
            ("/api/version", 200),
            ("/basex/api/version", 404),
        ] {
            assert_eq!(ask(&state, "GET", target).status(), status, "{target}");
        }
    }
}

#[test]
fn messages() {
    let state = state(INSTALL);
    let table = [
        ("/api/http/routers/a", 404, "router not found: a"),
        ("/api/http/routers/x@file", 404, "router not found: x@file"),
        ("/api/http/services/x%2Fy@file", 404, "service not found: x/y@file"),
        ("/api/http/middlewares/x@file", 404, "middleware not found: x@file"),
        ("/api/tcp/routers/x@y", 404, "router not found: x@y"),
        ("/api/tcp/services/x@y", 404, "service not found: x@y"),
        ("/api/tcp/middlewares/x@y", 404, "middleware not found: x@y"),
        ("/api/udp/services/x", 404, "service not found: x"),
        ("/api/certificates/xx", 404, "certificate not found: xx"),
        ("/api/entrypoints/nope", 404, "entry point not found: nope"),
        ("/api/http/routers?per_page=0", 400, "invalid request: per_page: 0"),
        ("/api/entrypoints?page=9", 400, "invalid request: page: 9, per_page: 100"),
    ];
    for (target, status, message) in table {
        let answer = ask(&state, "GET", target);
        assert_eq!(answer.status(), status, "{target}");
        assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(body(answer), format!("{{\"message\":\"{message}\"}}\n"), "{target}");
    }
}

#[test]
fn version_and_names() {
    let answer = ask(&state(INSTALL), "GET", "/api/version");
    assert_eq!(answer.headers()["content-type"], "application/json; charset=UTF-8");
    assert_eq!(
        body(answer),
        format!(
            r#"{{"Version":"{}","Codename":"swarmgate","startDate":"1970-01-01T00:00:01.5Z"}}"#,
            env!("CARGO_PKG_VERSION")
        )
    );
    let state = state(r#"{"api":{"dashboardName":"prod","disableDashboardAd":true}}"#);
    let version: Value = serde_json::from_str(&body(ask(&state, "GET", "/api/version"))).unwrap();
    assert_eq!(version["dashboardName"], "prod");
    assert_eq!(version["disableDashboardAd"], true);
}

#[test]
fn overview() {
    let zero = json!({"total":0,"warnings":0,"errors":0});
    let expected = json!({
        "http": {
            "routers": {"total":4,"warnings":1,"errors":1},
            "services": {"total":3,"warnings":0,"errors":0},
            "middlewares": {"total":4,"warnings":0,"errors":0},
        },
        "tcp": {"routers":zero,"services":zero,"middlewares":zero},
        "udp": {"routers":zero,"services":zero},
        "certificates": {"total":2,"warnings":1,"errors":1},
        "features": {"tracing":"","metrics":"","accessLog":true},
        "providers": ["Swarm","File"],
    });
    assert_eq!(get("/api/overview"), expected);
}

#[test]
fn routers_as_shown() {
    let observability = |logs: bool| json!({"accessLogs":logs,"metrics":true,"tracing":true,"traceVerbosity":"minimal"});
    let table = [
        (
            "api@internal",
            json!({"entryPoints":["traefik"],"service":"api@internal",
                "rule":"PathPrefix(`/api`)","ruleSyntax":"default",
                "priority":9223372036854775806_i64,"observability":observability(true),
                "status":"enabled","using":["traefik"],"name":"api@internal",
                "provider":"internal","priorityStr":"9223372036854775806"}),
        ),
        (
            "secure@file",
            json!({"entryPoints":["web","sec"],"service":"s","rule":"Host(`x`)","priority":20,
                "tls":{"options":"default","certResolver":"le"},
                "observability":observability(false),"status":"enabled","using":["sec","web"],
                "name":"secure@file","provider":"file","priorityStr":"20"}),
        ),
        (
            "multi@file",
            json!({"entryPoints":["web","nope"],"service":"s","rule":"Host(`m`) && Path(`/<&>`)",
                "priority":34,"observability":observability(true),
                "error":["entryPoint \"nope\" doesn't exist"],"status":"warning",
                "using":["web"],"name":"multi@file","provider":"file","priorityStr":"34"}),
        ),
    ];
    for (name, expected) in table {
        assert_eq!(get(&format!("/api/http/routers/{name}")), expected, "{name}");
    }
    let text = body(ask(&state(INSTALL), "GET", "/api/http/routers/multi@file"));
    assert!(text.contains(r"\u0026\u0026 Path(`/\u003c\u0026\u003e`)"), "{text}");
}

#[test]
fn services_as_shown() {
    let expected = json!([
        {"status":"enabled","name":"api@internal","provider":"internal"},
        {"loadBalancer":{"servers":[{"url":"http://xxxx@127.0.0.1:21099"}],"strategy":"wrr",
            "passHostHeader":true,"responseForwarding":{"flushInterval":"100ms"}},
            "status":"enabled","usedBy":["multi@file","secure@file"],
            "serverStatus":{"http://xxxx@127.0.0.1:21099":"UP"},
            "name":"s@file","provider":"file","type":"loadbalancer"},
        {"loadBalancer":{"sticky":{"cookie":{"path":"/"}},
            "servers":[{"url":"http://10.0.0.2:80","weight":0},{"url":"http://10.0.0.3:80"}],
            "strategy":"wrr","healthCheck":{"mode":"http","path":"/h","interval":"30s",
                "timeout":"5s","followRedirects":true},
            "passHostHeader":false,"responseForwarding":{"flushInterval":"100ms"}},
            "status":"enabled","swarm":{"vip":true,"runningTasks":0},
            "serverStatus":{"http://10.0.0.2:80":"DOWN","http://10.0.0.3:80":"DOWN"},
            "name":"web@swarm","provider":"swarm","type":"loadbalancer"},
    ]);
    assert_eq!(get("/api/http/services"), expected);
}

#[test]
fn middlewares_as_shown() {
    let expected = json!([
        {"basicAuth":{"users":["bob:xxxx"]},"status":"enabled",
            "name":"auth@file","provider":"file","type":"basicauth"},
        {"addPrefix":{},"status":"enabled",
            "name":"empty@file","provider":"file","type":"addprefix"},
        {"headers":{"customRequestHeaders":{"X-Del":"","Authorization":"xxxx"}},
            "status":"enabled","name":"head@file","provider":"file","type":"headers"},
        {"stripPrefix":{"prefixes":["/a"]},"status":"enabled",
            "name":"strip@file","provider":"file","type":"stripprefix"},
    ]);
    assert_eq!(get("/api/http/middlewares"), expected);
}

#[test]
fn raw_data() {
    let data = get("/api/rawdata");
    let kinds: Vec<&String> = data.as_object().unwrap().keys().collect();
    assert_eq!(kinds, ["middlewares", "routers", "services"]);
    for (kind, name) in
        [("routers", "secure@file"), ("services", "s@file"), ("middlewares", "strip@file")]
    {
        let object = data[kind][name].as_object().unwrap();
        assert_eq!(object["status"], "enabled");
        for absent in ["name", "provider", "priorityStr", "type"] {
            assert!(!object.contains_key(absent), "{kind} {absent}");
        }
    }
    assert!(!data.to_string().contains("apr1"));
    let nothing = Internal::Api.answer(
        &head("GET", "/api/rawdata"),
        "",
        &state("{}"),
        &Configuration::default(),
        &[],
    );
    assert_eq!(body(nothing), "{}\n");
}

#[test]
fn lists_are_filtered_sorted_and_paged() {
    let table: &[(&str, &[&str])] = &[
        ("", &["a/b@swarm", "api@internal", "multi@file", "secure@file"]),
        ("?direction=desc", &["secure@file", "multi@file", "api@internal", "a/b@swarm"]),
        ("?sortBy=priority", &["a/b@swarm", "secure@file", "multi@file", "api@internal"]),
        ("?sortBy=status", &["a/b@swarm", "api@internal", "secure@file", "multi@file"]),
        ("?sortBy=provider", &["multi@file", "secure@file", "api@internal", "a/b@swarm"]),
        ("?sortBy=entryPoints", &["a/b@swarm", "api@internal", "multi@file", "secure@file"]),
        ("?sortBy=service", &["api@internal", "multi@file", "secure@file", "a/b@swarm"]),
        ("?sortBy=rule", &["a/b@swarm", "multi@file", "secure@file", "api@internal"]),
        ("?sortBy=nonsense&per_page=1", &["a/b@swarm"]),
        ("?search=SECURE", &["secure@file"]),
        ("?search=pathprefix", &["api@internal"]),
        ("?search=zzz", &[]),
        ("?status=Disabled", &["a/b@swarm"]),
        ("?serviceName=s@file", &["multi@file", "secure@file"]),
        ("?serviceName=s@other", &["multi@file", "secure@file"]),
        ("?serviceName=web@swarm", &["a/b@swarm"]),
        ("?serviceName=web", &[]),
        ("?middlewareName=strip@file", &["a/b@swarm"]),
        ("?middlewareName=strip", &[]),
    ];
    for (query, expected) in table {
        assert_eq!(names(&format!("/api/http/routers{query}")), *expected, "{query}");
    }
    assert_eq!(
        names("/api/http/services?sortBy=servers&direction=desc"),
        ["web@swarm", "s@file", "api@internal"]
    );
    assert_eq!(
        names("/api/http/middlewares?sortBy=type"),
        ["empty@file", "auth@file", "head@file", "strip@file"]
    );
    assert_eq!(names("/api/certificates"), ["aa", "bb"]);
    assert_eq!(names("/api/certificates?sortBy=status"), ["bb", "aa"]);
    assert_eq!(names("/api/certificates?status=warning"), ["aa"]);
    assert_eq!(get("/api/certificates/bb")["status"], "expired");
    assert_eq!(names("/api/certificates?search=BB.test"), ["bb"]);
    let answer = ask(&state(INSTALL), "GET", "/api/http/routers?per_page=3");
    assert_eq!(answer.headers()["x-next-page"], "2");
    let answer = ask(&state(INSTALL), "GET", "/api/tcp/routers");
    assert_eq!(answer.headers()["x-next-page"], "1");
    assert_eq!(body(answer), "[]\n");
}

#[test]
fn entry_points() {
    let expected = |name: &str, address: &str, sanitize: bool| {
        json!({"address":address,
            "transport":{"lifeCycle":{"graceTimeOut":"10s"},
                "respondingTimeouts":{"readTimeout":"1m0s","idleTimeout":"3m0s"}},
            "forwardedHeaders":{},"http":{"sanitizePath":sanitize,"maxHeaderBytes":1048576},
            "http2":{"maxConcurrentStreams":250,"maxDecoderHeaderTableSize":4096,
                "maxEncoderHeaderTableSize":4096},
            "udp":{"timeout":"3s"},"name":name})
    };
    assert_eq!(
        get("/api/entrypoints"),
        json!([expected("raw", ":81", false), expected("web", ":80", true)])
    );
    assert_eq!(get("/api/entrypoints/web"), expected("web", ":80", true));
}

#[test]
fn findings() {
    let found = get("/api/findings");
    let expected = json!([
        {"severity":"error","message":"<b>bad</b>","expected":"good",
            "object":["router","web@swarm"],
            "origin":{"kind":"label","provider":"swarm","service":"a","label":"traefik.x"},
            "from":"swarm service \"a\", label \"traefik.x\"",
            "text":"swarm service \"a\", label \"traefik.x\": <b>bad</b>; expected good"},
        {"severity":"info","message":"fyi",
            "origin":{"kind":"label","provider":"swarm","service":"b","label":"traefik.x"},
            "from":"swarm service \"b\", label \"traefik.x\"",
            "text":"swarm service \"b\", label \"traefik.x\": fyi"},
    ]);
    assert_eq!(found, expected);
    assert_eq!(get("/api/findings?status=info").as_array().unwrap().len(), 1);
    assert_eq!(get("/api/findings?search=web@swarm").as_array().unwrap().len(), 1);
}
