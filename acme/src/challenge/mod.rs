//! Proofs that a name is ours. HTTP-01 so far.

pub(crate) mod http01;
