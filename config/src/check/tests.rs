//! Tables of the check.
