//! What the proxy cannot see by itself: one mistake per file.

mod acme;
mod acme_storage;
mod compose_only;
mod constraints;
mod docker_prefix;
mod doubled_dollar;
mod duplicate_label;
mod elsewhere;
mod file_provider;
mod https_without_tls;
mod inline_content;
mod insecure_api;
mod label_place;
mod label_spelling;
mod logic;
mod misspelt_key;
mod network_not_external;
mod never_matches;
mod no_provider;
mod published_backend;
mod published_entry_point;
mod shadowed;
mod socket;
mod socket_placement;
mod socket_read_only;
mod undefined;
mod unknown_provider;
mod unquoted;
mod unused_middleware;
mod wrong_type;

use swarmgate_config::finding::Origin;

use super::note::Note;
use super::source::{Sources, Spot};
use super::world::World;

/// What a lint looks at.
pub struct Context<'a> {
    /// The proxy and all it serves.
    pub world: &'a World,
    /// The files.
    pub sources: &'a Sources,
}

type Lint = fn(&Context<'_>, &mut Vec<Note>);

const ALL: &[Lint] = &[
    label_place::lint,
    label_spelling::lint,
    duplicate_label::lint,
    misspelt_key::lint,
    wrong_type::lint,
    undefined::lint,
    unquoted::lint,
    inline_content::lint,
    compose_only::lint,
    no_provider::lint,
    constraints::lint,
    docker_prefix::lint,
    network_not_external::lint,
    https_without_tls::lint,
    never_matches::lint,
    shadowed::lint,
    unused_middleware::lint,
    elsewhere::lint,
    published_backend::lint,
    published_entry_point::lint,
    socket::lint,
    socket_placement::lint,
    socket_read_only::lint,
    acme::lint,
    acme_storage::lint,
    insecure_api::lint,
    doubled_dollar::lint,
    file_provider::lint,
];

/// Runs all of them over one world.
pub fn all(world: &World, sources: &Sources, notes: &mut Vec<Note>) {
    let context = Context { world, sources };
    for lint in ALL {
        lint(&context, notes);
    }
    unknown_provider::explain(&context, notes);
}

/// What only several worlds together show.
pub fn across(worlds: &[World], notes: &mut Vec<Note>) {
    published_entry_point::across(worlds, notes);
}

impl Context<'_> {
    /// Where an object was written.
    pub fn spot(&self, origin: &Origin) -> Option<Spot> {
        match origin {
            Origin::Label { service, label, .. } => {
                let (stack, service) = self.world.service(service)?;
                let found = service.label(stack.engine, label);
                Some(found.map_or(service.at, |found| found.at))
            }
            Origin::File { file, line: Some(line), column } => {
                self.sources.place(file, Some(*line), *column)
            }
            _ => None,
        }
    }

    /// Where an option of an object was written (`rule`, `entrypoints`), else the object: place
    /// and what to underline.
    pub fn option(&self, origin: &Origin, option: &str) -> (Option<Spot>, Option<String>) {
        if let Origin::Label { service, label, .. } = origin
            && let Some((stack, service)) = self.world.service(service)
        {
            // `traefik.http.routers.web.` and the option behind it.
            let prefix: Vec<&str> = label.split('.').take(4).collect();
            let wanted = format!("{}.{option}", prefix.join("."));
            if let Some(found) = service.label(stack.engine, &wanted) {
                return (Some(found.at), Some(found.value.clone()));
            }
        }
        (self.spot(origin), None)
    }
}
