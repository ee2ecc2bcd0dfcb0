//! `headerLabels`: labels whose values come from the clients, held within bounds.
//!
//! Each set of values that was seen gets a number, by which requests are counted. The numbers end
//! at [`MOST_SETS`]: whatever else clients send is counted as `other`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderName};
use swarmgate_config::install::Prometheus;

/// How many sets of values are told apart in the life of the process.
const MOST_SETS: usize = 1_000;

/// What is shown of a value, bytes.
const LONGEST_VALUE: usize = 256;

/// Stands for the values that came too late to be told apart.
const OTHER: &str = "other";

/// The number of [`OTHER`].
const OTHER_SET: u32 = 0;

/// The configured labels, and the sets of values seen.
#[derive(Debug)]
pub(super) struct HeaderLabels {
    labels: Vec<(String, HeaderName)>,
    sets: Mutex<Sets>,
}

/// Values by number; their encoded form is the key.
#[derive(Debug, Default)]
struct Sets {
    numbers: HashMap<Box<[u8]>, u32>,
    values: Vec<Arc<[String]>>,
}

/// What one thread knows of the sets.
#[derive(Debug, Default)]
pub(super) struct KnownSets {
    numbers: RefCell<HashMap<Box<[u8]>, u32>>,
    /// No more will come.
    complete: Cell<bool>,
    scratch: RefCell<Vec<u8>>,
}

impl HeaderLabels {
    /// `None`: there are none. What cannot be a label was explained when it was read.
    pub fn new(written: &BTreeMap<String, String>) -> Option<Self> {
        let labels: Vec<(String, HeaderName)> = written
            .iter()
            .filter(|(label, _)| Prometheus::bad_label(label).is_none())
            .filter_map(|(label, header)| Some((label.clone(), header.parse().ok()?)))
            .collect();
        if labels.is_empty() {
            return None;
        }
        let other: Arc<[String]> = labels.iter().map(|_| OTHER.to_owned()).collect();
        let sets = Sets { numbers: HashMap::new(), values: vec![other] };
        Some(Self { labels, sets: Mutex::new(sets) })
    }

    /// The labels' names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(|(label, _)| label.as_str())
    }

    /// The number of a request's values. Allocates and locks only for what its thread has not seen.
    pub fn number(&self, headers: &HeaderMap, known: &KnownSets) -> u32 {
        let mut scratch = known.scratch.borrow_mut();
        scratch.clear();
        for (_, header) in &self.labels {
            let value = headers.get(header).map_or(&b""[..], |value| value.as_bytes());
            let value = value.get(..LONGEST_VALUE).unwrap_or(value);
            // The length keeps ("a", "") and ("", "a") apart; it fits into two bytes.
            scratch.extend(u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
            scratch.extend_from_slice(value);
        }
        let mut numbers = known.numbers.borrow_mut();
        if let Some(number) = numbers.get(scratch.as_slice()) {
            return *number;
        }
        if known.complete.get() {
            return OTHER_SET;
        }
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let number = sets.number(&scratch);
        if sets.is_full() {
            numbers.clone_from(&sets.numbers);
            known.complete.set(true);
        } else {
            numbers.insert(scratch.as_slice().into(), number);
        }
        number
    }

    /// The values of each number.
    pub fn values(&self) -> Vec<Arc<[String]>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner).values.clone()
    }
}

impl Sets {
    fn is_full(&self) -> bool {
        self.numbers.len() >= MOST_SETS
    }

    fn number(&mut self, encoded: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(encoded) {
            return *number;
        }
        let Ok(number) = u32::try_from(self.values.len()) else { return OTHER_SET };
        if self.is_full() {
            return OTHER_SET;
        }
        self.numbers.insert(encoded.into(), number);
        self.values.push(decode(encoded));
        number
    }
}

fn decode(mut encoded: &[u8]) -> Arc<[String]> {
    let mut values = Vec::new();
    while let Some((length, rest)) = encoded.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (value, rest) = rest.split_at(length);
        values.push(String::from_utf8_lossy(value).into_owned());
        encoded = rest;
    }
    values.into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Option<HeaderLabels> {
        let pairs = pairs.iter().map(|(label, header)| ((*label).into(), (*header).into()));
        HeaderLabels::new(&pairs.collect())
    }

    fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_bytes(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    #[test]
    fn names() {
        assert!(labels(&[]).is_none());
        assert!(
            labels(&[("code", "X-Code"), ("user-agent", "User-Agent"), ("a", "b c")]).is_none()
        );
        let some = labels(&[("zone", "X-Zone"), ("agent", "User-Agent"), ("a b", "X")]).unwrap();
        assert_eq!(some.names().collect::<Vec<_>>(), ["agent", "zone"]);
    }

    #[test]
    fn values() {
        let all = labels(&[("agent", "User-Agent"), ("zone", "X-Zone")]).unwrap();
        let known = KnownSets::default();
        type Lines = &'static [(&'static str, &'static [u8])];
        let table: &[(Lines, [&str; 2])] = &[
            (&[], ["", ""]),
            (&[("user-agent", b"a")], ["a", ""]),
            (&[("x-zone", b"a")], ["", "a"]),
            (&[("x-zone", b"a"), ("x-zone", b"b")], ["", "a"]),
            (&[("user-agent", b"a\xff"), ("x-zone", b"\"")], ["a\u{fffd}", "\""]),
        ];
        for (lines, shown) in table {
            let number = all.number(&headers(lines), &known);
            assert_eq!(all.number(&headers(lines), &KnownSets::default()), number);
            assert_eq!(all.number(&headers(lines), &known), number);
            assert_eq!(*all.values()[number as usize], *shown);
        }
        let long = "x".repeat(5_000);
        let number = all.number(&headers(&[("x-zone", long.as_bytes())]), &known);
        assert_eq!(all.values()[number as usize][1].len(), LONGEST_VALUE);
    }

    #[test]
    fn clients_cannot_make_more_than_the_limit() {
        let all = labels(&[("agent", "User-Agent")]).unwrap();
        let (one, two) = (KnownSets::default(), KnownSets::default());
        for number in 0..3 * MOST_SETS {
            let value = number.to_string();
            let thread = if number % 3 == 0 { &one } else { &two };
            let number = all.number(&headers(&[("user-agent", value.as_bytes())]), thread);
            assert!((number as usize) <= MOST_SETS);
        }
        assert_eq!(all.values().len(), MOST_SETS + 1);
        for thread in [&one, &two] {
            assert!(thread.numbers.borrow().len() <= MOST_SETS);
            let late = all.number(&headers(&[("user-agent", b"late")]), thread);
            assert_eq!(*all.values()[late as usize], [OTHER]);
            let early = all.number(&headers(&[("user-agent", b"7")]), thread);
            assert_eq!(*all.values()[early as usize], ["7"]);
        }
    }
}
