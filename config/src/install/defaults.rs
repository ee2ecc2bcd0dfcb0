//! What follows from the install configuration without being written in it.

use std::collections::BTreeMap;

use super::{Address, EntryPoint, Install, Prometheus, Protocol};

impl Install {
    /// The entry points to open (Traefik: none configured means `http` on `:80`; `traefik` on
    /// `:8080` is added when the API in insecure mode, ping, metrics or the REST provider need it).
    pub fn entry_points_or_default(&self) -> BTreeMap<String, EntryPoint> {
        let mut entry_points = self.entry_points.clone();
        let plain = |address: &str| EntryPoint { address: address.into(), ..Default::default() };
        if entry_points.is_empty() {
            entry_points.insert("http".into(), plain(":80"));
        }
        if !entry_points.contains_key("traefik") && self.needs_internal_entry_point() {
            entry_points.insert("traefik".into(), plain(":8080"));
        }
        entry_points
    }

    /// `metrics.prometheus`, if it is on.
    pub fn prometheus(&self) -> Option<&Prometheus> {
        self.metrics.as_ref()?.prometheus.as_ref()
    }

    fn needs_internal_entry_point(&self) -> bool {
        self.providers.rest.as_ref().is_some_and(|rest| rest.insecure)
            || (self.api.as_ref().is_some_and(|api| api.insecure)
                && self.v1.api_entry_point.is_none())
            || self
                .ping
                .as_ref()
                .is_some_and(|ping| ping.entry_point == "traefik" && !ping.manual_routing)
            || self.prometheus().is_some_and(|prometheus| {
                prometheus.entry_point == "traefik" && !prometheus.manual_routing
            })
    }

    /// The syntax of rules that say nothing of theirs, if one is set. Any `core` sets v3, as in
    /// Traefik: entry points copy their routers then.
    pub fn default_rule_syntax(&self) -> Option<&str> {
        let core = self.core.as_ref()?;
        let syntax = core.default_rule_syntax.as_deref().unwrap_or("v3");
        (!syntax.is_empty()).then_some(syntax)
    }

    /// Entry points of a router that names none, sorted: those with `asDefault`, else all TCP
    /// ones; never `traefik`.
    pub fn default_entry_points(&self) -> Vec<String> {
        let entry_points = self.entry_points_or_default();
        let candidates: Vec<(&String, &EntryPoint)> = entry_points
            .iter()
            .filter(|(name, entry_point)| {
                *name != "traefik"
                    && Address::parse(&entry_point.address)
                        .is_ok_and(|address| address.protocol == Protocol::Tcp)
            })
            .collect();
        let flagged = candidates.iter().any(|(_, entry_point)| entry_point.as_default);
        candidates
            .into_iter()
            .filter(|(_, entry_point)| entry_point.as_default || !flagged)
            .map(|(name, _)| name.clone())
            .collect()
    }
}

impl EntryPoint {
    /// A copy in which every default that Traefik's API shows is filled in.
    #[must_use]
    pub fn filled(&self) -> Self {
        let mut filled = self.clone();
        filled.http.sanitize_path.get_or_insert(true);
        filled.http.max_header_bytes.get_or_insert(1 << 20);
        filled.http2.max_concurrent_streams.get_or_insert(250);
        filled.http2.max_decoder_header_table_size.get_or_insert(4096);
        filled.http2.max_encoder_header_table_size.get_or_insert(4096);
        if let Some(observability) = &mut filled.observability {
            observability.access_logs.get_or_insert(true);
            observability.metrics.get_or_insert(true);
            observability.tracing.get_or_insert(true);
            observability.trace_verbosity.get_or_insert_with(|| "minimal".into());
        }
        filled.udp.get_or_insert_with(|| serde_json::json!({"timeout": "3s"}));
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::{Api, Metrics, Ping, Rest};

    fn with(points: &[(&str, &str, bool)]) -> Install {
        Install {
            entry_points: points
                .iter()
                .map(|(name, address, as_default)| {
                    let point = EntryPoint {
                        address: (*address).into(),
                        as_default: *as_default,
                        ..Default::default()
                    };
                    ((*name).to_owned(), point)
                })
                .collect(),
            ..Default::default()
        }
    }

    #[test]
    fn default_entry_points() {
        type Row = (&'static [(&'static str, &'static str, bool)], &'static [&'static str]);
        let table: &[Row] = &[
            (&[], &["http"]),
            (&[("web", ":80", false), ("websecure", ":443", false)], &["web", "websecure"]),
            (&[("b", ":1", false), ("a", ":2", false), ("traefik", ":8080", false)], &["a", "b"]),
            (&[("web", ":80", false), ("dns", ":53/udp", false)], &["web"]),
            (&[("web", ":80", false), ("other", ":81", true)], &["other"]),
            (&[("web", ":80", false), ("dns", ":53/udp", true)], &["web"]),
            (&[("web", ":80", false), ("traefik", ":81", true)], &["web"]),
        ];
        for (points, expected) in table {
            assert_eq!(with(points).default_entry_points(), *expected, "{points:?}");
        }
    }

    #[test]
    fn internal_entry_point() {
        let names = |install: &Install| -> Vec<(String, String)> {
            install
                .entry_points_or_default()
                .into_iter()
                .map(|(name, point)| (name, point.address))
                .collect()
        };
        let pair = |name: &str, address: &str| (name.to_owned(), address.to_owned());
        let mut install = Install::default();
        assert_eq!(names(&install), [pair("http", ":80")]);

        install.api = Some(Api { insecure: true, ..Default::default() });
        assert_eq!(names(&install), [pair("http", ":80"), pair("traefik", ":8080")]);

        install.api = Some(Api::default());
        assert_eq!(names(&install), [pair("http", ":80")]);

        install.ping = Some(Ping::default());
        assert_eq!(names(&install), [pair("http", ":80"), pair("traefik", ":8080")]);

        install.ping = Some(Ping { manual_routing: true, ..Default::default() });
        assert_eq!(names(&install), [pair("http", ":80")]);

        install.ping = Some(Ping { entry_point: "http".into(), ..Default::default() });
        assert_eq!(names(&install), [pair("http", ":80")]);

        let metrics = Some(Metrics::default());
        let mut measured = Install { metrics, ..Default::default() };
        assert_eq!(names(&measured), [pair("http", ":80")]);
        measured.metrics =
            Some(Metrics { prometheus: Some(Prometheus::default()), ..Default::default() });
        assert_eq!(names(&measured), [pair("http", ":80"), pair("traefik", ":8080")]);
        for elsewhere in [
            Prometheus { manual_routing: true, ..Default::default() },
            Prometheus { entry_point: "http".into(), ..Default::default() },
        ] {
            measured.metrics = Some(Metrics { prometheus: Some(elsewhere), ..Default::default() });
            assert_eq!(names(&measured), [pair("http", ":80")]);
        }

        let mut put = Install::default();
        put.providers.rest = Some(Rest::default());
        assert_eq!(names(&put), [pair("http", ":80")]);
        put.providers.rest = Some(Rest { insecure: true });
        assert_eq!(names(&put), [pair("http", ":80"), pair("traefik", ":8080")]);

        let mut own = with(&[("traefik", ":9000", false)]);
        own.api = Some(Api { insecure: true, ..Default::default() });
        assert_eq!(names(&own), [pair("traefik", ":9000")]);
    }

    /// As `/api/entrypoints` of Traefik 3.7.15 showed it.
    #[test]
    fn filled_entry_point() {
        let web = with(&[("web", ":80", false)]).entry_points["web"].filled();
        assert_eq!(
            serde_json::to_value(&web).unwrap(),
            serde_json::json!({
                "address": ":80",
                "transport": {
                    "lifeCycle": {"graceTimeOut": "10s"},
                    "respondingTimeouts": {"readTimeout": "1m0s", "idleTimeout": "3m0s"},
                },
                "forwardedHeaders": {},
                "http": {"sanitizePath": true, "maxHeaderBytes": 1_048_576},
                "http2": {
                    "maxConcurrentStreams": 250,
                    "maxDecoderHeaderTableSize": 4096,
                    "maxEncoderHeaderTableSize": 4096,
                },
                "udp": {"timeout": "3s"},
            })
        );
    }
}
