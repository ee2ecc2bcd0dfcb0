//! `/api/overview`: counts, features, providers.

use serde_json::{Value, json};
use swarmgate_config::checked::{Checked, Status};

use super::Scene;

pub(super) fn overview(scene: &Scene<'_>) -> Value {
    let configuration = scene.configuration;
    let install = &scene.state.install;
    let none = || counts([]);
    let certificates =
        scene.certificates.iter().map(|certificate| match certificate.status_now() {
            "warning" => Status::Warning,
            "expired" => Status::Disabled,
            _ => Status::Enabled,
        });
    let mut overview = json!({
        "http": {
            "routers": counts(statuses(configuration.routers.values())),
            "services": counts(statuses(configuration.services.values())),
            "middlewares": counts(statuses(configuration.middlewares.values())),
        },
        "tcp": { "routers": none(), "services": none(), "middlewares": none() },
        "udp": { "routers": none(), "services": none() },
        "certificates": counts(certificates),
        "features": {
            "tracing": "",
            "metrics": if install.prometheus().is_some() { "Prometheus" } else { "" },
            "accessLog": install.access_log.is_some(),
        },
    });
    let providers: Vec<&str> = [
        (install.providers.docker.is_some(), "Docker"),
        (install.providers.swarm.is_some(), "Swarm"),
        (install.providers.file.is_some(), "File"),
        (install.providers.http.is_some(), "HTTP"),
        (install.providers.rest.is_some(), "Rest"),
    ]
    .into_iter()
    .filter_map(|(on, name)| on.then_some(name))
    .collect();
    if let Value::Object(overview) = &mut overview
        && !providers.is_empty()
    {
        overview.insert("providers".into(), providers.into());
    }
    overview
}

fn statuses<'a, T: 'a>(
    objects: impl Iterator<Item = &'a Checked<T>>,
) -> impl Iterator<Item = Status> {
    objects.map(|it| it.status)
}

fn counts(statuses: impl IntoIterator<Item = Status>) -> Value {
    let (mut total, mut warnings, mut errors) = (0_usize, 0_usize, 0_usize);
    for status in statuses {
        total += 1;
        match status {
            Status::Enabled => {}
            Status::Warning => warnings += 1,
            Status::Disabled => errors += 1,
        }
    }
    json!({ "total": total, "warnings": warnings, "errors": errors })
}
