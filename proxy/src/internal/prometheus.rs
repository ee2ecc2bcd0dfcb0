//! `prometheus@internal`: the metrics, as Prometheus reads them.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use swarmgate_config::checked::{Configuration, Status};

use super::{State, api};
use crate::body::Body;
use crate::observe::Metrics;
use crate::observe::metrics::ServerUp;
use crate::respond;
use crate::tls::CertificateInfo;

/// The page, for any method and path below the router's, as with Traefik.
pub(super) fn answer(
    state: &State,
    configuration: &Configuration,
    certificates: &[CertificateInfo],
) -> Response<Body> {
    let Some(metrics) = &state.metrics else { return respond::not_found() };
    let mut answer = respond::bare(StatusCode::OK);
    let kind = HeaderValue::from_static(Metrics::CONTENT_TYPE);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    let servers = checked_servers(configuration);
    let page = metrics.page(certificates, &servers, &configuration.providers);
    *answer.body_mut() = Body::from(page);
    answer
}

/// The servers of services in use that have a health check; others are not asked how they are.
fn checked_servers(configuration: &Configuration) -> Vec<ServerUp> {
    let mut servers = Vec::new();
    for (name, service) in &configuration.services {
        let balancer = service.value.load_balancer.as_ref();
        let Some(balancer) = balancer.filter(|balancer| balancer.health_check.is_some()) else {
            continue;
        };
        if service.status == Status::Disabled || service.used_by.is_empty() {
            continue;
        }
        servers.extend(api::servers_up(balancer).map(|(url, up)| ServerUp {
            service: name.to_string(),
            url,
            up,
        }));
    }
    servers
}

#[cfg(test)]
mod tests {
    use swarmgate_config::check::{Merged, check};
    use swarmgate_config::decode::{Format, decode_routing_file};

    use super::*;
    use crate::internal::tests::{body, state};

    #[test]
    fn answers() {
        let mut state = state(r#"{"metrics":{"prometheus":{}}}"#);
        let routing = "http:
  routers:
    a: {rule: 'Host(`a`)', service: a}
    b: {rule: 'Host(`b`)', service: b}
  services:
    a: {loadBalancer: {healthCheck: {path: /h}, servers: [{url: 'http://u:p@s:1'}]}}
    b: {loadBalancer: {servers: [{url: 'http://s:2'}]}}
    unused: {loadBalancer: {healthCheck: {path: /h}, servers: [{url: 'http://s:3'}]}}
";
        let routing = decode_routing_file("a.yml", routing, Format::Yaml).unwrap();
        let merged: Merged = [("file".into(), routing.into())].into();
        let configuration = check(&state.install, &merged);
        let off = answer(&state, &configuration, &[]);
        assert_eq!(off.status(), 404);
        let written = state.install.metrics.clone().unwrap();
        state.metrics = Metrics::new(&written, [("web", true)]);
        let on = answer(&state, &configuration, &[]);
        assert_eq!(on.status(), 200);
        assert_eq!(
            on.headers()[CONTENT_TYPE],
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
        );
        let page = body(on);
        assert!(
            page.contains("\ntraefik_open_connections{entrypoint=\"web\",protocol=\"TCP\"} 0\n")
        );
        assert!(page.contains("\ntraefik_config_reloads_total 0\n"), "{page}");
        assert!(page.contains("\nswarmgate_provider_up{provider=\"file\"} 1\n"), "{page}");
        let up: Vec<&str> =
            page.lines().filter(|line| line.starts_with("traefik_service_server_up")).collect();
        let expected = r#"traefik_service_server_up{service="a@file",url="http://xxxx@s:1"} 1"#;
        assert_eq!(up, [expected]);
    }
}
