//! Tables of the translations: every label, rule and flag of v1 (Traefik: v1.7 reference).

mod flags;
mod install;
mod labels;
mod rules;
mod syntax;
