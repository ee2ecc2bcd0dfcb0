//! Serves the API and the dashboard with sample objects on loopback, for a look at the page.
//!
//! `cargo run -p swarmgate-proxy --example dashboard [port] [routers]`, then open
//! `http://127.0.0.1:8080/dashboard/`.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use swarmgate_config::checked::{Checked, Configuration, Status};
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::name::QName;
use swarmgate_config::routing::SwarmBackend;
use swarmgate_proxy::body::Body;
use swarmgate_proxy::internal::{Internal, State};
use swarmgate_proxy::tls::CertificateInfo;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(8080), |text| text.parse())?;
    let extra: usize = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let state = State {
        install: Arc::new(serde_json::from_value(json!({
            "api": {}, "accessLog": {}, "providers": { "swarm": {}, "file": {} },
            "entryPoints": {
                "http": { "address": ":80", "http": { "redirections": { "entryPoint": {
                    "to": "https", "scheme": "https" } } } },
                "https": { "address": ":443", "http": { "tls": { "certResolver": "letsencrypt" },
                    "middlewares": ["secure-headers@file"] } },
                "traefik": { "address": ":8080" },
            },
        }))?),
        challenges: Arc::new(|_, _| None),
        rest: None,
        started: SystemTime::now(),
        terminating: AtomicBool::new(false),
        in_force: std::sync::OnceLock::new(),
        metrics: None,
    };
    let (configuration, certificates) = (configuration(extra)?, certificates());
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("http://{}/dashboard/", listener.local_addr()?);
    for stream in listener.incoming() {
        let mut stream = stream?;
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        let target = line.split(' ').nth(1).unwrap_or("/");
        let head = http::Request::builder().uri(target).body(())?.into_parts().0;
        let answer = Internal::Api.answer(&head, "", &state, &configuration, &certificates);
        let (head, body) = answer.into_parts();
        let body = match body {
            Body::Full(bytes) => bytes,
            _ => Default::default(),
        };
        write!(stream, "HTTP/1.1 {}\r\nContent-Length: {}\r\n", head.status, body.len())?;
        for (name, value) in &head.headers {
            write!(stream, "{name}: {}\r\n", value.to_str()?)?;
        }
        stream.write_all(b"Connection: close\r\n\r\n")?;
        stream.write_all(&body)?;
    }
    Ok(())
}

fn checked<T: DeserializeOwned>(value: Value, status: Status, errors: &[&str]) -> Checked<T> {
    Checked {
        value: serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}")),
        origin: Origin::Internal,
        status,
        errors: errors.iter().map(|text| (*text).to_owned()).collect(),
        used_by: Vec::new(),
        using: Vec::new(),
        priority: 0,
    }
}

fn configuration(extra: usize) -> Result<Configuration, Box<dyn Error>> {
    let mut all = Configuration::default();
    let www = "Host(`www.domini.com`)";
    let mut routers = vec![
        ("web", "swarm", "Host(`domini.com`)", "web", json!([]), Status::Enabled, ""),
        ("www", "swarm", www, "web", json!(["www-redirect@swarm"]), Status::Enabled, ""),
        (
            "kittenapi",
            "swarm",
            "Host(`kittenapi.example.com`) && (PathPrefix(`/v1`) || PathPrefix(`/v2`))",
            "kittenapi",
            json!([]),
            Status::Warning,
            "entryPoint \"websecure\" doesn't exist",
        ),
        (
            "grafana",
            "file",
            "Host(`grafana.example.com`) && HeaderRegexp(`X-Env`, `^(prod|stage)-[0-9]+$`)",
            "grafana",
            json!(["auth@file", "secure-headers@file"]),
            Status::Disabled,
            "middleware \"auth@file\" does not exist",
        ),
        (
            "<img src=x onerror=alert(1)>",
            "swarm",
            "Host(`<script>alert(1)</script>`)",
            "kittenapi",
            json!([]),
            Status::Enabled,
            "",
        ),
        ("api", "internal", "PathPrefix(`/api`)", "api@internal", json!([]), Status::Enabled, ""),
    ];
    let names: Vec<String> = (0..extra).map(|number| format!("shop-{number:05}")).collect();
    let rules: Vec<String> =
        names.iter().map(|name| format!("Host(`{name}.example.com`)")).collect();
    for (name, rule) in names.iter().zip(&rules) {
        routers.push((name, "swarm", rule, "web", json!([]), Status::Enabled, ""));
    }
    for (name, provider, rule, service, middlewares, status, error) in routers {
        let internal = provider == "internal";
        let points = if internal { json!(["traefik"]) } else { json!(["https"]) };
        let mut written = json!({ "entryPoints": points, "rule": rule, "service": service,
            "middlewares": middlewares });
        if !internal {
            written["tls"] = json!({ "certResolver": "letsencrypt" });
        }
        let errors: &[&str] = if error.is_empty() { &[] } else { &[error] };
        let mut router = checked(written, status, errors);
        router.using = serde_json::from_value(points)?;
        router.priority = if internal { i64::MAX - 1 } else { i64::try_from(rule.len())? };
        all.routers.insert(QName::new(name, provider), router);
    }
    for (name, provider, url, tasks) in [
        ("web", "swarm", "http://10.0.1.5:8080", 3),
        ("kittenapi", "swarm", "http://10.0.1.9:8080", 0),
        ("grafana", "file", "http://grafana.internal.example.com:3000", 0),
    ] {
        let written = json!({ "loadBalancer": { "servers": [{ "url": url }] } });
        let mut service: Checked<swarmgate_config::routing::Service> =
            checked(written, Status::Enabled, &[]);
        service.used_by = all
            .routers
            .iter()
            .filter(|(_, router)| router.value.service.as_deref() == Some(name))
            .map(|(name, _)| name.clone())
            .take(8)
            .collect();
        if provider == "swarm"
            && let Some(balancer) = &mut Arc::make_mut(&mut service.value).load_balancer
        {
            balancer.swarm = Some(SwarmBackend { vip: true, running_tasks: tasks });
        }
        all.services.insert(QName::new(name, provider), service);
    }
    all.services.insert(QName::new("api", "internal"), checked(json!({}), Status::Enabled, &[]));
    for (name, provider, written) in [
        (
            "www-redirect",
            "swarm",
            json!({ "redirectRegex": { "regex": r"^https://www\.domini\.com/(.*)",
                "replacement": "https://domini.com/${1}", "permanent": true } }),
        ),
        (
            "secure-headers",
            "file",
            json!({ "headers": { "customResponseHeaders": { "X-Frame-Options": "DENY",
                "Server": "" } } }),
        ),
        ("strip", "swarm", json!({ "stripPrefix": { "prefixes": ["/api", "/v1"] } })),
    ] {
        let mut middleware = checked(written, Status::Enabled, &[]);
        if name == "www-redirect" {
            middleware.used_by = vec![QName::new("www", "swarm")];
        }
        all.middlewares.insert(QName::new(name, provider), middleware);
    }
    let label = |service: &str, label: &str| Origin::Label {
        provider: "swarm".into(),
        service: service.into(),
        label: label.into(),
    };
    all.findings = vec![
        Finding::new(
            Severity::Error,
            Origin::File {
                file: "/etc/traefik/dynamic.yml".into(),
                line: Some(12),
                column: Some(9),
            },
            "middleware \"auth@file\" does not exist",
        )
        .on(ObjectKind::Router, "grafana@file")
        .expected("one of secure-headers@file, strip@swarm, www-redirect@swarm"),
        Finding::new(
            Severity::Warning,
            label("myapp_kittenapi", "traefik.http.routers.kittenapi.entrypoints"),
            "entryPoint \"websecure\" doesn't exist",
        )
        .on(ObjectKind::Router, "kittenapi@swarm")
        .expected("http, https or traefik"),
        Finding::new(
            Severity::Info,
            label("myapp_web", "traefik.http.routers.web.rule"),
            "router \"web\" has no tls of its own on an entry point that plain HTTP is redirected \
             to: it is served with TLS as well",
        )
        .on(ObjectKind::Router, "web@swarm")
        .expected("the label traefik.http.routers.web.tls.certresolver=letsencrypt"),
    ];
    Ok(all)
}

fn certificates() -> Vec<CertificateInfo> {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let certificate = |name: &str, sans: &[&str], days: i64| {
        let expires = i64::try_from(now).unwrap_or_default() + days * 86_400;
        let until = time::OffsetDateTime::from_unix_timestamp(expires)
            .ok()
            .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok());
        CertificateInfo {
            name: name.into(),
            common_name: name.into(),
            sans: sans.iter().map(|san| (*san).to_owned()).collect(),
            issuer_cn: "R11".into(),
            issuer_org: "Let's Encrypt".into(),
            key_type: "ECDSA".into(),
            key_size: 256,
            not_after: until.unwrap_or_default(),
            expires,
            ..Default::default()
        }
    };
    vec![
        certificate("domini.com", &["domini.com", "www.domini.com"], 74),
        certificate("kittenapi.example.com", &["kittenapi.example.com"], 12),
        certificate("old.example.com", &["old.example.com"], -3),
    ]
}
