//! Where we differ from Traefik on purpose. Each has an anchor of the same name in
//! `docs/compatibility.md`, and must still be seen by the cases.

/// A known difference.
pub struct Difference {
    /// The anchor in `docs/compatibility.md`.
    pub id: &'static str,
    /// Cases whose names begin so.
    cases: &'static str,
    /// Lines of the outcome that begin so; empty: all lines.
    lines: &'static str,
}

pub const ALL: &[Difference] = &[];

/// The difference that excuses this line of this case.
pub fn excuse(case: &str, line: &str) -> Option<&'static Difference> {
    ALL.iter().find(|known| case.starts_with(known.cases) && line.starts_with(known.lines))
}
