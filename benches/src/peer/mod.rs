//! (peer: see load)
