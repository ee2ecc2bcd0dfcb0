//! Which of a container's or service's networks leads to it: always the same answer for the same facts.

use std::collections::{BTreeMap, BTreeSet};

use swarmgate_config::finding::{Finding, Origin, Severity};

/// What is known when a network is chosen.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The service's name.
    pub service: &'a str,
    /// The label that would settle it (`traefik.swarm.network`).
    pub label: &'a str,
    /// The stack or compose project it belongs to, which prefixes its networks' names.
    pub stack: Option<&'a str>,
    /// The network that its label or the provider names.
    pub wanted: Option<&'a str>,
    /// Names of networks it is attached to; true for the ingress network.
    pub attached: &'a BTreeMap<String, bool>,
    /// Networks we are attached to ourselves; `None` when that is not known.
    pub own: Option<&'a BTreeSet<String>>,
}

/// What is worth telling about a choice: how bad, what, and what was expected.
pub type Remark = (Severity, String, Option<String>);

/// Remarks as findings.
pub fn findings(remarks: Vec<Remark>, origin: &Origin) -> Vec<Finding> {
    let finding = |(severity, message, expected): Remark| {
        let finding = Finding::new(severity, origin.clone(), message);
        match expected {
            Some(expected) => finding.expected(expected),
            None => finding,
        }
    };
    remarks.into_iter().map(finding).collect()
}

/// Chooses. `None` when the service has no network at all.
pub fn choose<'a>(facts: Facts<'a>) -> (Option<&'a str>, Vec<Remark>) {
    let mut remarks = Vec::new();
    let attached = |name: &str| facts.attached.get_key_value(name).map(|(key, _)| key.as_str());
    let shared = |name: &str| facts.own.is_none_or(|own| own.contains(name));
    if let Some(wanted) = facts.wanted.filter(|wanted| !wanted.is_empty()) {
        let prefixed = facts.stack.map(|stack| format!("{stack}_{wanted}"));
        let found = attached(wanted).or_else(|| {
            let found = attached(prefixed.as_deref()?)?;
            let message =
                format!("network {wanted:?} is taken as {found:?}, its name in the stack");
            remarks.push((Severity::Warning, message, Some(found.to_owned())));
            Some(found)
        });
        if let Some(found) = found {
            if !shared(found) {
                remarks.push(not_shared(found));
            }
            return (Some(found), remarks);
        }
        let message = format!(
            "Could not find network named {wanted:?} for container {:?}. Maybe you're missing the \
             project's prefix in the label?",
            facts.service
        );
        let names: Vec<&str> = facts.attached.keys().map(String::as_str).collect();
        let expected =
            (!names.is_empty()).then(|| format!("one of its networks: {}", names.join(", ")));
        remarks.push((Severity::Warning, message, expected));
    }
    let usable: Vec<&str> = facts
        .attached
        .iter()
        .filter(|(_, ingress)| !**ingress)
        .map(|(name, _)| name.as_str())
        .collect();
    let common =
        usable.iter().copied().find(|name| facts.own.is_some_and(|own| own.contains(*name)));
    if let Some(common) = common {
        return (Some(common), remarks);
    }
    match usable[..] {
        [] => {
            let ingress = facts.attached.keys().next().map(String::as_str);
            if let Some(name) = ingress {
                let message = format!("it has no network but {name:?}, which is not made for this");
                let expected =
                    "an overlay network that the proxy is attached to as well".to_owned();
                remarks.push((Severity::Warning, message, Some(expected)));
            }
            (ingress, remarks)
        }
        [only] => {
            if facts.own.is_some() {
                remarks.push(not_shared(only));
            }
            (Some(only), remarks)
        }
        [first, ..] => {
            let why =
                if facts.own.is_some() { ", the proxy is attached to none of them" } else { "" };
            let message = format!(
                "it has several networks ({}){why}: {first:?} is used, the first by name",
                usable.join(", ")
            );
            let expected = format!("the label {} or the provider's option network", facts.label);
            remarks.push((Severity::Warning, message, Some(expected)));
            (Some(first), remarks)
        }
    }
}

fn not_shared(network: &str) -> Remark {
    let message = format!(
        "the proxy's own container is not attached to network {network:?}, so it cannot reach the \
         service there"
    );
    (Severity::Warning, message, Some(format!("the proxy's service to join {network:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices() {
        let set = |names: &str| -> BTreeSet<String> {
            names.split_whitespace().map(str::to_owned).collect()
        };
        // wanted, attached, own ("-" is unknown), chosen, parts of the remarks
        let table: [(&str, &str, &str, &str, &[&str]); 14] = [
            ("", "app_public", "-", "app_public", &[]),
            ("", "app_public ingress", "-", "app_public", &[]),
            ("", "ingress app_public", "app_public ingress", "app_public", &[]),
            ("", "a b c", "c b", "b", &[]),
            ("", "a b", "-", "a", &["several networks (a, b): \"a\" is used"]),
            ("", "a b", "x", "a", &["attached to none of them"]),
            ("", "a", "x", "a", &["not attached to network \"a\""]),
            ("", "ingress", "-", "ingress", &["no network but \"ingress\""]),
            ("", "", "a", "", &[]),
            ("b", "a b", "-", "b", &[]),
            ("b", "a b", "a", "b", &["not attached to network \"b\""]),
            ("public", "app_public app_back", "-", "app_public", &["taken as \"app_public\""]),
            ("nope", "a b", "b", "b", &["Could not find network named \"nope\""]),
            ("nope", "a b", "-", "a", &["Could not find network", "several networks"]),
        ];
        for (wanted, attached, own, expected, remarks) in table {
            let attached =
                set(attached).into_iter().map(|name| (name.clone(), name == "ingress")).collect();
            let own = (own != "-").then(|| set(own));
            let facts = Facts {
                service: "app_web",
                label: "traefik.swarm.network",
                stack: Some("app"),
                wanted: Some(wanted),
                attached: &attached,
                own: own.as_ref(),
            };
            let (chosen, told) = choose(facts);
            assert_eq!(chosen.unwrap_or_default(), expected, "{wanted} {attached:?} {own:?}");
            assert_eq!(told.len(), remarks.len(), "{wanted} {attached:?} {own:?}: {told:?}");
            for ((_, message, _), part) in told.iter().zip(remarks) {
                assert!(message.contains(part), "{message}");
            }
        }
    }
}
