//! Several proxies with one ACME account each answer the CA's questions for the others.

use super::Context;
use crate::commands::check::note::Note;
use swarmgate_discovery::offline::Mode;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    let Some((_, proxy)) = world.proxy().filter(|_| world.known) else { return };
    let acme = world.install.certificates_resolvers.values().any(|r| r.acme.is_some());
    let (count, key) = match proxy.mode {
        Mode::Replicated(count) if count > 1 => (format!("{count} replicas"), "replicas"),
        Mode::Global => ("a task on each node".to_owned(), "mode"),
        _ => return,
    };
    if !acme {
        return;
    }
    let at = proxy.node.get("deploy").and_then(|deploy| deploy.pair(key)).map(|pair| pair.at);
    let message = format!(
        "service {:?} has {count}, and each orders certificates for itself: challenges reach the \
         wrong one, and acme.json is not shared",
        proxy.key
    );
    notes.push(
        Note::warning("acme-replicas", at.or(Some(proxy.at)), message)
            .expected("replicas: 1 for the proxy that has certificatesResolvers"),
    );
}
