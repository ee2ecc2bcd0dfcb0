//! Where certificates live: Traefik's `acme.json`.

pub(crate) mod acme_json;
pub(crate) mod write;
