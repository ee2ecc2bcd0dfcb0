//! `docker stack deploy`, as far as the simulator needs it: a stack file -> services.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::Value;

use super::spec::{Mode, Published, ServiceSpec};

/// What a stack file asks for.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// Whole names of the networks.
    pub networks: BTreeSet<String>,
    /// The services, in the file's order.
    pub services: Vec<ServiceSpec>,
}

/// Reads a stack file; names get the prefix `<stack>_` as the docker command gives it.
pub fn parse(stack: &str, text: &str) -> Result<Stack, String> {
    let file: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    let mut names = BTreeMap::new();
    if let Some(networks) = file.get("networks").and_then(Value::as_mapping) {
        for (key, network) in networks {
            let key = scalar(key);
            let given = network.get("name").map(scalar);
            // `external: true` or the old `external: {name: x}`.
            let external = network.get("external");
            let old_name = external.and_then(|external| external.get("name")).map(scalar);
            let is_external =
                old_name.is_some() || external.and_then(Value::as_bool).unwrap_or_default();
            let whole = match given.or(old_name) {
                Some(name) => name,
                None if is_external => key.clone(),
                None => format!("{stack}_{key}"),
            };
            names.insert(key, whole);
        }
    }
    let mut parsed = Stack::default();
    let services = file
        .get("services")
        .and_then(Value::as_mapping)
        .ok_or_else(|| "the stack file has no services".to_owned())?;
    for (name, service) in services {
        let name = scalar(name);
        let deploy = service.get("deploy");
        let deployed = |key: &str| deploy.and_then(|deploy| deploy.get(key));
        let mut spec = ServiceSpec::new(format!("{stack}_{name}"));
        spec.labels.insert("com.docker.stack.namespace".into(), stack.to_owned());
        spec.container_labels.insert("com.docker.stack.namespace".into(), stack.to_owned());
        if let Some(image) = service.get("image") {
            spec.image = scalar(image);
            spec.labels.insert("com.docker.stack.image".into(), spec.image.clone());
        }
        spec.labels.extend(pairs(deployed("labels")));
        spec.container_labels.extend(pairs(service.get("labels")));
        let replicas = deployed("replicas").and_then(Value::as_u64).unwrap_or(1);
        let replicas = u32::try_from(replicas).map_err(|error| error.to_string())?;
        spec.mode = match deployed("mode").and_then(Value::as_str) {
            Some("global") => Mode::Global,
            Some("replicated-job") => Mode::ReplicatedJob(replicas),
            Some("global-job") => Mode::GlobalJob,
            _ => Mode::Replicated(replicas),
        };
        spec.dnsrr = deployed("endpoint_mode").and_then(Value::as_str) == Some("dnsrr");
        spec.published = service
            .get("ports")
            .and_then(Value::as_sequence)
            .map(|ports| ports.iter().filter_map(published).collect())
            .unwrap_or_default();
        let keys: Vec<String> = match service.get("networks") {
            Some(Value::Sequence(list)) => list.iter().map(scalar).collect(),
            Some(Value::Mapping(map)) => map.keys().map(scalar).collect(),
            _ => vec!["default".into()],
        };
        for key in keys {
            let whole = names.get(&key).cloned().unwrap_or_else(|| format!("{stack}_{key}"));
            parsed.networks.insert(whole.clone());
            spec.networks.push(whole);
        }
        parsed.services.push(spec);
    }
    Ok(parsed)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => unescape(text),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// `$$` is a dollar sign; the simulator substitutes no variables.
fn unescape(text: &str) -> String {
    text.replace("$$", "$")
}

/// A label list (`- key=value`) or map (`key: value`).
fn pairs(value: Option<&Value>) -> BTreeMap<String, String> {
    match value {
        Some(Value::Sequence(list)) => list
            .iter()
            .map(|entry| {
                let text = scalar(entry);
                match text.split_once('=') {
                    Some((key, value)) => (key.to_owned(), value.to_owned()),
                    None => (text, String::new()),
                }
            })
            .collect(),
        Some(Value::Mapping(map)) => {
            map.iter().map(|(key, value)| (scalar(key), scalar(value))).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// `"80:8080"`, `80` or the long form.
fn published(value: &Value) -> Option<Published> {
    if let Some(target) = value.get("target").and_then(Value::as_u64) {
        let host = value.get("published");
        let host = host.and_then(|host| host.as_u64().or_else(|| host.as_str()?.parse().ok()));
        return Some(Published {
            target: u16::try_from(target).ok()?,
            published: u16::try_from(host.unwrap_or(target)).ok()?,
            host_mode: value.get("mode").and_then(Value::as_str) == Some("host"),
        });
    }
    let text = scalar(value);
    let text = text.split('/').next().unwrap_or_default();
    let mut parts = text.rsplit(':');
    let target: u16 = parts.next()?.parse().ok()?;
    let outside = parts.next().and_then(|part| part.parse().ok()).unwrap_or(target);
    Some(Published { target, published: outside, host_mode: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
services:
  web:
    image: site:1
    networks: [public, backend, shared]
    ports:
      - "80:8080"
      - {target: 443, published: 8443, mode: host}
    labels: [container=1]
    deploy:
      replicas: 3
      labels:
        - traefik.enable=true
        - traefik.http.middlewares.r.redirectregex.replacement=https://x/$${1}
  agent:
    networks: {backend: {aliases: [a]}}
    deploy:
      mode: global
      endpoint_mode: dnsrr
      labels:
        traefik.enable: false
        port: 80
networks:
  public:
  backend: {driver: overlay}
  shared: {external: true}
"#;

    #[test]
    fn forms_of_a_stack_file() {
        let stack = parse("app", FILE).unwrap();
        let names: Vec<&str> = stack.networks.iter().map(String::as_str).collect();
        assert_eq!(names, ["app_backend", "app_public", "shared"]);
        let [web, agent] = &stack.services[..] else { panic!("two services") };
        assert_eq!(web.name, "app_web");
        assert_eq!(web.mode, Mode::Replicated(3));
        assert_eq!(web.networks, ["app_public", "app_backend", "shared"]);
        assert_eq!(
            web.labels["traefik.http.middlewares.r.redirectregex.replacement"],
            "https://x/${1}"
        );
        assert_eq!(web.labels["com.docker.stack.namespace"], "app");
        assert_eq!(web.container_labels["container"], "1");
        assert_eq!(
            web.published,
            [
                Published { target: 8080, published: 80, host_mode: false },
                Published { target: 443, published: 8443, host_mode: true },
            ]
        );
        assert_eq!(agent.mode, Mode::Global);
        assert!(agent.dnsrr);
        assert_eq!(agent.labels["traefik.enable"], "false");
        assert_eq!(agent.labels["port"], "80");
    }

    #[test]
    fn what_is_no_stack_file() {
        assert!(parse("app", "a: [").is_err());
        assert!(parse("app", "version: '3'").unwrap_err().contains("no services"));
    }
}
