//! The one trait: a provider sends whole routing configurations and knows nothing else.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::install::{Docker, Install};
use swarmgate_config::legacy::Context;
use swarmgate_config::routing::Configuration;

use crate::build::Rules;
use crate::build::constraint::Constraint;
use crate::build::template::Template;
use crate::docker;
use crate::engine::follow::{QUIET, Settings};
use crate::engine::{DockerVariables, Endpoint, own};
use crate::rest::{Put, Rest};
use crate::swarm::Swarm;
use crate::{file, http};

/// A provider's whole configuration, replacing its previous one.
#[derive(Clone, Debug)]
pub struct Update {
    /// `swarm`, `docker`, `file`, ...: the part after `@`.
    pub provider: Arc<str>,
    /// The configuration.
    pub configuration: Arc<Configuration>,
}

/// Where a provider sends its updates.
pub type Updates = tokio::sync::mpsc::Sender<Update>;

/// A source of routing configuration.
pub trait Provider: Send {
    /// The name after `@`.
    fn name(&self) -> &str;

    /// Runs until the receiver is gone. Waits for a missing source with back-off and never ends
    /// by itself; while the source is missing the last configuration is sent again with a finding
    /// that says so.
    fn run(self: Box<Self>, updates: Updates) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// Traefik's resync interval, also in place of zero and negative ones.
const REFRESH: Duration = Duration::from_secs(15);

/// What a provider takes from around the process instead of the install configuration.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Ids that may be the container we run in, likeliest first.
    pub own_container: Vec<String>,
    /// The variable `DOCKER_HOST` and its friends.
    pub docker: DockerVariables,
}

impl Surroundings {
    /// Those of this process.
    pub fn detect() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self { own_container: own::candidates(), docker: DockerVariables::read(variable) }
    }
}

/// The providers that the install configuration names, and what is wrong with their settings. A
/// provider with bad settings is left out, the others run.
pub fn providers(install: &Install) -> (Vec<Box<dyn Provider>>, Vec<Finding>) {
    providers_in(install, &Surroundings::detect())
}

/// [`providers`] in given surroundings.
pub fn providers_in(
    install: &Install,
    surroundings: &Surroundings,
) -> (Vec<Box<dyn Provider>>, Vec<Finding>) {
    let mut providers: Vec<Box<dyn Provider>> = Vec::new();
    let mut findings = Vec::new();
    let given = &install.providers;
    let legacy = Context::of(install);
    if let Some(settings) = &given.swarm {
        let refresh = settings.refresh_seconds;
        match swarm("swarm", settings, refresh, surroundings, &legacy, &mut findings) {
            Ok(provider) => providers.push(Box::new(provider)),
            Err(message) => findings.push(refused("swarm", message)),
        }
    }
    if let Some(settings) = &given.docker {
        // v2's swarm mode keeps the name `docker`, so that references `x@docker` work.
        let result: Result<Box<dyn Provider>, String> = if settings.swarm_mode {
            let refresh = settings.swarm_mode_refresh_seconds.or(settings.refresh_seconds);
            swarm("docker", settings, refresh, surroundings, &legacy, &mut findings)
                .map(|it| Box::new(it) as _)
        } else {
            docker(settings, surroundings, &legacy, &mut findings).map(|it| Box::new(it) as _)
        };
        match result {
            Ok(provider) => providers.push(provider),
            Err(message) => findings.push(refused("docker", message)),
        }
    }
    if let Some(settings) = &given.file {
        match file::File::new(settings) {
            Ok(provider) => providers.push(Box::new(provider)),
            Err(message) => findings.push(refused("file", message)),
        }
    }
    // Without an endpoint or an interval it does not run; reading the install configuration has
    // told so.
    if let Some(settings) = given
        .http
        .as_ref()
        .filter(|http| !http.endpoint.is_empty() && http.poll_interval.positive().is_some())
    {
        match http::Http::new(settings) {
            Ok(provider) => providers.push(Box::new(provider)),
            Err(message) => findings.push(refused("http", message)),
        }
    }
    (providers, findings)
}

/// The REST provider, if the install configuration names it, and where to put configurations.
pub fn rest(install: &Install) -> Option<(Box<dyn Provider>, Put)> {
    install.providers.rest.as_ref()?;
    let (provider, put) = Rest::new();
    Some((Box::new(provider), put))
}

pub(crate) fn swarm(
    name: &str,
    settings: &Docker,
    refresh: Option<swarmgate_config::scalar::Duration>,
    surroundings: &Surroundings,
    legacy: &Context,
    findings: &mut Vec<Finding>,
) -> Result<Swarm, String> {
    Ok(Swarm {
        settings: follow_settings(name, settings, refresh, surroundings)?,
        rules: rules(name, settings, legacy, findings)?,
        own: surroundings.own_container.clone(),
    })
}

pub(crate) fn docker(
    settings: &Docker,
    surroundings: &Surroundings,
    legacy: &Context,
    findings: &mut Vec<Finding>,
) -> Result<docker::Docker, String> {
    Ok(docker::Docker {
        settings: follow_settings("docker", settings, settings.refresh_seconds, surroundings)?,
        rules: rules("docker", settings, legacy, findings)?,
        use_bind_port_ip: settings.use_bind_port_ip,
        allow_empty_services: settings.allow_empty_services,
        own: surroundings.own_container.clone(),
    })
}

fn follow_settings(
    name: &str,
    settings: &Docker,
    refresh: Option<swarmgate_config::scalar::Duration>,
    surroundings: &Surroundings,
) -> Result<Settings, String> {
    let endpoints = Endpoint::from_settings(settings, &surroundings.docker)?;
    let newest_api = surroundings.docker.newest_api()?;
    Ok(Settings {
        provider: name.into(),
        endpoints: endpoints.into_iter().map(Arc::new).collect(),
        newest_api,
        timeout: settings.http_client_timeout.or_zero(),
        watch: settings.watch,
        refresh: refresh.and_then(|refresh| refresh.positive()).unwrap_or(REFRESH),
        quiet: QUIET,
    })
}

fn rules(
    name: &str,
    settings: &Docker,
    legacy: &Context,
    findings: &mut Vec<Finding>,
) -> Result<Rules, String> {
    let text = settings.constraints.as_deref().unwrap_or_default();
    let (constraint, warnings) =
        Constraint::parse(text).map_err(|error| format!("constraints {text:?}: {error}"))?;
    findings.extend(warnings.into_iter().map(|warning| {
        finding(name, Severity::Warning, format!("constraints {text:?}: {warning}"))
    }));
    let default_rule = match settings.default_rule.as_deref().filter(|rule| !rule.is_empty()) {
        Some(rule) => Template::parse(rule)
            .map_err(|error| format!("error while parsing default rule {rule:?}: {error}"))?,
        None => Template::standard(),
    };
    Ok(Rules {
        exposed_by_default: settings.exposed_by_default,
        constraint,
        default_rule,
        network: settings.network.clone().filter(|network| !network.is_empty()),
        legacy: legacy.clone(),
    })
}

pub(crate) fn refused(name: &str, message: String) -> Finding {
    finding(name, Severity::Error, format!("the provider does not run: {message}"))
}

fn finding(name: &str, severity: Severity, message: String) -> Finding {
    Finding::new(severity, Origin::Provider { provider: name.into() }, message)
        .on(ObjectKind::Provider, name)
}
