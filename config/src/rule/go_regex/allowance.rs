//! How much the regular expressions of one configuration may take, and each source's share of that.
//!
//! A service's labels hold as many expressions as it likes, of any size. Each is charged what it
//! takes when compiled, or what it cost to see that it is too large, so both memory and the time to
//! compile have an end. A source gets at most a quarter of what the others have left: several
//! hostile ones never take the room of a good one's. The answers depend on the configuration and on
//! nothing else, not on what was compiled before.

use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;

use super::{Outcome, SIZE_LIMIT, SIZES, attempt, too_large, translate};
use crate::finding::{Origin, Source};

/// The most that all expressions of a configuration may take together, in bytes.
const TOTAL_LIMIT: usize = 256 << 20;

/// A source's part of what the others have left.
const SHARE: usize = 4;

/// The expressions of one configuration.
#[derive(Debug)]
pub struct Allowance {
    total: usize,
    spent: usize,
    of: HashMap<Source, usize>,
    known: HashMap<Box<str>, Known>,
    kept: Vec<Arc<Regex>>,
}

/// What is known of an expression that was charged.
#[derive(Clone, Copy, Debug)]
enum Known {
    Fits,
    /// It takes more than so many bytes.
    Exceeds(usize),
}

/// Compiled expressions that are held as long as their configuration is in force, so that none of
/// them is compiled twice.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<[Arc<Regex>]>);

impl Kept {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

// They follow from the configuration, and are no difference of their own.
impl PartialEq for Kept {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self::of(TOTAL_LIMIT)
    }
}

impl Allowance {
    /// So many bytes together.
    fn of(total: usize) -> Self {
        Self { total, spent: 0, of: HashMap::new(), known: HashMap::new(), kept: Vec::new() }
    }

    /// Whether an expression of this origin is valid, and there is room for it.
    pub fn admit(&mut self, origin: &Origin, pattern: &str) -> Result<(), String> {
        let exceeded = match self.known.get(pattern) {
            Some(Known::Fits) => return Ok(()),
            Some(Known::Exceeds(size)) => *size,
            None => 0,
        };
        let source = Source::of(origin);
        let own = self.of.get(&source).copied().unwrap_or_default();
        let others = self.spent.saturating_sub(own);
        let room = (self.total.saturating_sub(others) / SHARE).saturating_sub(own);
        let largest = SIZES.into_iter().filter(|size| *size <= room).max().unwrap_or_default();
        if exceeded == SIZE_LIMIT || largest <= exceeded {
            // What is no expression at all is told as such.
            translate(pattern)?;
            return Err(if exceeded == SIZE_LIMIT { too_large() } else { full() });
        }
        let (known, charge, answer) = match attempt(pattern, largest) {
            Outcome::Fits(regex, size) => {
                self.kept.push(regex);
                (Known::Fits, size, Ok(()))
            }
            Outcome::Exceeds if largest == SIZE_LIMIT => {
                (Known::Exceeds(largest), largest, Err(too_large()))
            }
            Outcome::Exceeds => (Known::Exceeds(largest), largest, Err(full())),
            Outcome::Wrong(error) => return Err(error),
        };
        self.known.insert(pattern.into(), known);
        self.spent = self.spent.saturating_add(charge);
        self.of.insert(source, own.saturating_add(charge));
        answer
    }

    /// Those that were admitted.
    pub fn finish(self) -> Kept {
        Kept(self.kept.into())
    }
}

fn full() -> String {
    format!(
        "error parsing regexp: the expressions in use take more than the share of one service or \
         file, at most a quarter of {TOTAL_LIMIT} bytes"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(service: &str) -> Origin {
        let (provider, label) = ("swarm".into(), "".into());
        Origin::Label { provider, service: service.into(), label }
    }

    /// Some hundred KiB compiled.
    fn large(number: usize) -> String {
        format!("{number}\\pL{{10}}")
    }

    #[test]
    fn each_source_has_a_share_and_nobody_takes_all() {
        let mut regexes = Allowance::of(TOTAL_LIMIT / 8);
        let mut admitted = Vec::new();
        for hostile in ["a", "b", "c"] {
            let from = admitted.len() * 1_000;
            let fit = |n: &usize| regexes.admit(&origin(hostile), &large(*n)).is_ok();
            let count = (from..from + 40).take_while(fit).count();
            assert!((1..40).contains(&count), "{hostile}: {count}");
            let error = regexes.admit(&origin(hostile), &large(from + 500)).unwrap_err();
            assert!(error.contains("the expressions in use take more than"), "{error}");
            admitted.push(count);
        }
        assert!(admitted.is_sorted_by(|a, b| a >= b), "{admitted:?}");
        assert_eq!(regexes.admit(&origin("good"), "^[a-z]+$"), Ok(()));
        assert_eq!(regexes.admit(&origin("good"), &large(0)), Ok(()), "it is there already");
        let error = regexes.admit(&origin("a"), "a(b").unwrap_err();
        assert!(error.contains("missing closing )"), "{error}");
        assert!(regexes.spent <= regexes.total / 4 * 3, "{}", regexes.spent);
        assert_eq!(regexes.finish().count(), admitted.iter().sum::<usize>() + 1);
    }

    /// However many there are, only as many are compiled as their source could have; and the
    /// answers are the same when all of that is known.
    #[test]
    fn what_is_too_large_costs_its_source() {
        let verdicts = || {
            let mut regexes = Allowance::of(SIZE_LIMIT * SHARE);
            let told: Vec<String> = (0..2_000)
                .map(|n| format!("{n}(\\pL{{100}}){{10}}\\pL{{1000}}"))
                .map(|pattern| regexes.admit(&origin("a"), &pattern).unwrap_err())
                .collect();
            (told, regexes.spent)
        };
        let (told, spent) = verdicts();
        assert!(told[0].contains("too large") && told[1..].iter().all(|it| it.contains("in use")));
        assert_eq!(spent, SIZE_LIMIT);
        assert_eq!(verdicts(), (told, spent));
    }
}
