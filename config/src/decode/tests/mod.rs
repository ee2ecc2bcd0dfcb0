//! Tables over the public functions of the decoder.

mod install;
mod labels;
mod lookup;
mod property;
mod routing_file;
mod scalars;
mod validation;
