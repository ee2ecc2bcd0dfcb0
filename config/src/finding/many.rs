//! Many findings, of which a bounded number is kept: each source has its say before any has more.
//!
//! One service may carry ten thousand routers that are all wrong, and ten thousand services one
//! each. Nobody reads that many; kept, logged and listed again at each change they cost memory and
//! time. What is left out is counted. The objects themselves keep their own errors.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Finding, Origin, Severity};
use crate::breath::breathe;

/// The most that are kept of all sources together.
const MOST: usize = 1_000;

/// The most that are kept of one source.
const MOST_OF_A_SOURCE: usize = 200;

/// A collection of findings with an end.
#[derive(Debug, Default)]
pub struct Findings {
    sources: Vec<Said>,
    places: HashMap<Source, usize>,
    pushed: usize,
}

/// Who has a budget of its own: a file, a service or container, or whatever else is an origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub(crate) enum Source {
    File(Arc<str>),
    Labels(Arc<str>, Arc<str>),
    Other(Origin),
}

#[derive(Debug)]
struct Said {
    /// The source as a whole.
    origin: Origin,
    /// With their places among all.
    kept: Vec<(usize, Finding)>,
    /// How many there are beside those, and the gravest of them.
    more: usize,
    worst: Severity,
}

impl Findings {
    /// Adds one. Of a source that has said enough, a grave one takes the place of a light one.
    pub fn push(&mut self, finding: Finding) {
        let place = self.pushed;
        self.pushed = self.pushed.saturating_add(1);
        let name = Source::of(&finding.origin);
        let number = *self.places.entry(name).or_insert(self.sources.len());
        if number == self.sources.len() {
            let (kept, origin) = (Vec::new(), whole_of(&finding.origin));
            self.sources.push(Said { origin, kept, more: 0, worst: Severity::Info });
        }
        if let Some(source) = self.sources.get_mut(number) {
            source.push(place, finding);
        }
    }

    /// Adds several.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            breathe();
            self.push(finding);
        }
    }

    /// Those that are kept, in their order; the rest is counted in one more each of the sources
    /// that said too much, or in one of all.
    pub fn finish(self) -> Vec<Finding> {
        let total: usize = self.sources.iter().map(|source| source.kept.len()).sum();
        let mut all = if total <= MOST { whole(self.sources) } else { fair(self.sources) };
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, finding)| finding).collect()
    }
}

/// A list that may be too long.
pub fn bounded(findings: Vec<Finding>) -> Vec<Finding> {
    if findings.len() <= MOST_OF_A_SOURCE {
        return findings;
    }
    let mut many = Findings::default();
    many.extend(findings);
    many.finish()
}

impl Said {
    fn push(&mut self, place: usize, finding: Finding) {
        if self.kept.len() < MOST_OF_A_SOURCE {
            return self.kept.push((place, finding));
        }
        self.more = self.more.saturating_add(1);
        let lightest = self.kept.iter().enumerate().rev().min_by_key(|(_, (_, it))| it.severity);
        let left_out = match lightest {
            Some((at, (_, light))) if light.severity < finding.severity => {
                let left_out = self.kept.remove(at).1.severity;
                self.kept.push((place, finding));
                left_out
            }
            _ => finding.severity,
        };
        self.worst = self.worst.max(left_out);
    }
}

/// All that the sources have kept, and what they have not.
fn whole(sources: Vec<Said>) -> Vec<(usize, Finding)> {
    let mut all = Vec::new();
    for mut source in sources {
        let last = source.kept.last().map_or(0, |(place, _)| *place);
        all.append(&mut source.kept);
        if source.more > 0 {
            let message = format!("{} more findings like these", source.more);
            all.push((last, Finding::new(source.worst, source.origin, message)));
        }
    }
    all
}

/// As many as there is room for: the gravest of each source, then the second ones, and so on.
fn fair(sources: Vec<Said>) -> Vec<(usize, Finding)> {
    let mut more: usize = sources.iter().map(|source| source.more).sum();
    let mut worst = sources.iter().map(|source| source.worst).max().unwrap_or(Severity::Info);
    let mut ranked: Vec<(usize, usize, Finding)> = Vec::new();
    for mut source in sources {
        source.kept.sort_by_key(|(place, it)| (Reverse(it.severity), *place));
        let kept = source.kept.into_iter().enumerate();
        ranked.extend(kept.map(|(rank, (place, finding))| (rank, place, finding)));
    }
    ranked.sort_by_key(|(rank, place, it)| (*rank, Reverse(it.severity), *place));
    let left_out = ranked.split_off(MOST.min(ranked.len()));
    more = more.saturating_add(left_out.len());
    worst = left_out.iter().map(|(_, _, it)| it.severity).chain([worst]).max().unwrap_or(worst);
    let mut all: Vec<(usize, Finding)> =
        ranked.into_iter().map(|(_, place, finding)| (place, finding)).collect();
    let message = format!(
        "{more} more findings: there are more than {MOST}, of which these are the gravest of each \
         service and file"
    );
    all.push((usize::MAX, Finding::new(worst, Origin::Internal, message)));
    all
}

impl Source {
    /// Whose budget something of this origin is on.
    pub(crate) fn of(origin: &Origin) -> Self {
        match origin {
            Origin::File { file, .. } => Self::File(Arc::clone(file)),
            Origin::Label { provider, service, .. } => {
                Self::Labels(Arc::clone(provider), Arc::clone(service))
            }
            other => Self::Other(other.clone()),
        }
    }
}

/// The file, or the service, without the place in it.
fn whole_of(origin: &Origin) -> Origin {
    match origin {
        Origin::File { file, .. } => {
            Origin::File { file: Arc::clone(file), line: None, column: None }
        }
        Origin::Label { provider, service, .. } => Origin::Label {
            provider: Arc::clone(provider),
            service: Arc::clone(service),
            label: "".into(),
        },
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(service: &str, severity: Severity, message: impl Into<String>) -> Finding {
        let (provider, label) = ("swarm".into(), message.into());
        let origin =
            Origin::Label { provider, service: service.into(), label: label.as_str().into() };
        Finding::new(severity, origin, label)
    }

    fn texts(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|it| it.message.as_str()).collect()
    }

    #[test]
    fn few_are_kept_as_they_are() {
        let few = vec![
            of("b", Severity::Info, "1"),
            of("a", Severity::Error, "2"),
            of("b", Severity::Warning, "3"),
        ];
        let mut many = Findings::default();
        many.extend(few.clone());
        assert_eq!(many.finish(), few);
        assert_eq!(bounded(few.clone()), few);
    }

    #[test]
    fn one_source_has_an_end_and_takes_nothing_from_others() {
        let mut many = Findings::default();
        many.push(of("good", Severity::Info, "before"));
        many.extend((0..10_000).map(|n| of("bad", Severity::Warning, n.to_string())));
        many.push(of("good", Severity::Info, "after"));
        many.push(of("bad", Severity::Error, "grave"));
        let kept = many.finish();
        let texts = texts(&kept);
        assert_eq!(kept.len(), MOST_OF_A_SOURCE + 3);
        assert_eq!(texts[..3], ["before", "0", "1"]);
        assert_eq!(texts[200..], ["after", "grave", "9801 more findings like these"]);
        let last = kept.last().unwrap();
        assert_eq!(
            (last.severity, last.origin.to_string().as_str()),
            (Severity::Warning, "swarm service \"bad\"")
        );
        assert_eq!(texts.iter().filter(|text| **text == "199").count(), 0, "it made room");
    }

    #[test]
    fn many_sources_have_one_each_before_any_has_two() {
        let mut many = Findings::default();
        // Some that say as much as they may, before all others.
        for hostile in 0..50 {
            let name = format!("hostile{hostile}");
            many.extend((0..300).map(|n| of(&name, Severity::Error, format!("{name} {n}"))));
        }
        for good in 0..900 {
            many.push(of(&format!("good{good}"), Severity::Warning, format!("good {good}")));
        }
        let kept = many.finish();
        assert_eq!(kept.len(), MOST + 1);
        let good = kept.iter().filter(|it| it.message.starts_with("good")).count();
        assert_eq!(good, 900);
        let last = kept.last().unwrap();
        assert!(last.message.starts_with("14900 more findings"), "{}", last.message);
        assert_eq!(last.severity, Severity::Error);
    }

    #[test]
    fn more_sources_than_there_is_room() {
        let all = (0..5_000).map(|n| of(&format!("s{n}"), Severity::Info, n.to_string()));
        let mut all: Vec<Finding> = all.collect();
        all.push(of("last", Severity::Error, "grave"));
        let kept = bounded(all);
        assert_eq!(kept.len(), MOST + 1);
        assert_eq!(texts(&kept)[..2], ["0", "1"]);
        assert_eq!(texts(&kept)[MOST - 1], "grave");
    }
}
