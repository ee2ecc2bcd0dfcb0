//! Tables over labels: what one item, and what several items become.
