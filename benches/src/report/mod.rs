//! (report: see load)
