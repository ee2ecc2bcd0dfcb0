//! Traefik v1 -> today's model: labels of containers and services, and flags. And rules of v2 that
//! look like today's.
//!
//! v1 knew no middlewares and no TLS per router: options hung on *frontends* and *backends*, TLS on
//! entry points. [`labels`] writes the labels of v3 that say the same, [`flags`] the flags; what
//! they make is decoded like anything that people write today, and every translation leaves a
//! finding that shows the form to move to.
//!
//! - `context`: what the install configuration says that v1 labels depend on.
//! - `segments`: which labels are v1's, and which belong together.
//! - `maker`: collects what is made of one service's labels.
//! - `rule`, `frontend`, `headers`, `auth`, `backend`: one group of labels each.
//! - `rule_v2`: what v3 accepts of v2's rules and takes for something else.
//! - `flags`, `options`, `entry_point`, `constraint`: the command line.

mod auth;
mod backend;
mod constraint;
mod context;
mod entry_point;
mod facts;
mod flags;
mod frontend;
mod headers;
mod maker;
pub(crate) mod options;
mod rule;
mod rule_v2;
mod segments;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use self::context::{Context, Point, PointTls};
pub use self::facts::Facts;
pub(crate) use self::flags::FlagOption;
pub(crate) use self::flags::Translated as TranslatedFlags;
pub(crate) use self::flags::flags;
use self::maker::Maker;
pub(crate) use self::rule_v2::former;
use self::segments::Sorted;
use crate::decode::{Labels, decode_labels};
use crate::finding::{Finding, ObjectKind, Origin};

/// What v1 labels mean today.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Translated {
    /// Labels of v3 with their values, in the order in which a person would write them.
    pub labels: Vec<(String, String)>,
    /// For each of those labels the v1 label that it came from.
    pub from: BTreeMap<String, String>,
    /// Whether the labels of v1 count; false where labels of v3 stand beside them.
    pub used: bool,
    /// One that shows the labels of v3, and one for each label without a counterpart.
    pub findings: Vec<Finding>,
    /// Lower-case names of routers that must not be served: what protects them was not understood.
    pub refused: BTreeSet<String>,
}

/// Translates the v1 labels of one container or Swarm service.
///
/// `provider` is `docker` or `swarm` and names origins; `service` is its own name
/// (`myapp_web`). `swarm` tells whether it is a Swarm service. `None`, without any allocation, when
/// none of the labels is v1's.
pub fn labels(
    provider: &str,
    service: &str,
    swarm: bool,
    labels: &BTreeMap<String, String>,
    context: &Context,
) -> Option<Translated> {
    if !labels.keys().any(|key| segments::is_v1(key)) {
        return None;
    }
    let sorted = Sorted::new(labels);
    let mut maker = Maker::new(provider, service, context);
    if sorted.is_beside_v3(labels) {
        maker.beside_v3(&sorted);
    } else {
        maker.translate(&sorted, labels, swarm);
    }
    Some(maker.finish(&sorted))
}

/// Decodes the labels of one container or Swarm service, those of v1 included. The arguments are
/// those of [`labels`].
pub fn decode(
    provider: &str,
    service: &str,
    swarm: bool,
    all: &BTreeMap<String, String>,
    context: &Context,
) -> Labels {
    let pairs = || all.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let Some(translated) = labels(provider, service, swarm, all, context) else {
        return decode_labels(provider, service, pairs());
    };
    let moved = |key: &str| {
        segments::is_v1(key) || (translated.used && swarm && key == "traefik.docker.network")
    };
    let written = pairs().filter(|(key, _)| !moved(key));
    let made = translated.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let mut decoded = decode_labels(provider, service, written.chain(made));
    let configuration = &mut decoded.configuration;
    configuration.routers.retain(|name, _| !translated.refused.contains(&name.to_lowercase()));
    let refused = translated.refused.into_iter().map(|name| (ObjectKind::Router, name));
    decoded.refused.extend(refused);
    // Nobody wrote the labels of v3: what is said of them is said of those they came from.
    let lead_back = |origin: &mut Origin| {
        if let Origin::Label { label, .. } = origin
            && let Some(from) = translated.from.get(&**label)
        {
            *label = from.as_str().into();
        }
    };
    configuration.routers.values_mut().for_each(|written| lead_back(&mut written.origin));
    configuration.services.values_mut().for_each(|written| lead_back(&mut written.origin));
    configuration.middlewares.values_mut().for_each(|written| lead_back(&mut written.origin));
    configuration.findings.iter_mut().for_each(|finding| lead_back(&mut finding.origin));
    configuration.findings.splice(0..0, translated.findings);
    decoded
}
