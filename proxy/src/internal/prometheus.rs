//! `prometheus@internal`: the metrics, as Prometheus reads them.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use super::State;
use crate::body::Body;
use crate::observe::Metrics;
use crate::respond;
use crate::tls::CertificateInfo;

/// The page, for any method and path below the router's, as with Traefik.
pub(super) fn answer(state: &State, certificates: &[CertificateInfo]) -> Response<Body> {
    let Some(metrics) = &state.metrics else { return respond::not_found() };
    let mut answer = respond::bare(StatusCode::OK);
    let kind = HeaderValue::from_static(Metrics::CONTENT_TYPE);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    *answer.body_mut() = Body::from(metrics.page(certificates));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::internal::tests::{body, state};

    #[test]
    fn answers() {
        let mut state = state(r#"{"metrics":{"prometheus":{}}}"#);
        let off = answer(&state, &[]);
        assert_eq!(off.status(), 404);
        let written = state.install.metrics.clone().unwrap();
        state.metrics = Metrics::new(&written, [("web", true)]);
        let on = answer(&state, &[]);
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
    }
}
