//! Swarmgate's configuration: what people write, decoded, checked and explained.
//!
//! - [`install`]: the install ("static") configuration as written.
//! - [`routing`]: the routing ("dynamic") configuration as written.
//! - [`decode`]: labels, flags, variables and files -> the types above, with origins.
//! - [`rule`]: a router rule's text -> syntax tree.
//! - [`check`]: as written -> [`checked`], links resolved, findings per object.
//! - [`legacy`]: labels and flags of Traefik v1 -> those of today.
//! - [`secret`]: what is shown of secrets.
//! - [`breath`]: work on thousands of objects lets others in between.
//!
//! This crate knows none of its siblings and does no network I/O.

pub mod breath;
pub mod check;
pub mod checked;
pub mod decode;
pub mod finding;
pub mod install;
pub mod legacy;
pub mod name;
pub mod routing;
pub mod rule;
pub mod scalar;
pub mod secret;
