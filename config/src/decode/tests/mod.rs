//! Tables over the public functions of the decoder.

// A table's type is read off its rows.
#![allow(clippy::type_complexity)]

mod install;
mod labels;
mod lists;
mod lookup;
mod metrics;
mod property;
mod routing_file;
mod scalars;
mod validation;
