//! Go's regular expressions in Rust: a pattern that means the same, or why Go refuses it.
//!
//! Users' patterns were written for Go's `regexp` (RE2). Most read the same in the `regex` crate,
//! some are refused there and a few mean something else (class intersection, Unicode classes), so
//! a pattern is read here by Go's rules and printed anew in a form on which both agree
//! (reference: HTTP routing §6, Go's regexp/syntax).

mod class;
mod escape;
#[cfg(test)]
mod tests;
mod translator;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use regex::Regex;

use self::translator::Translator;

/// The most that one compiled pattern may take, in bytes. Go allows far larger programs than the
/// `regex` crate does by default; a label must still not be able to take the memory.
const SIZE_LIMIT: usize = 16 << 20;

/// The most that all compiled patterns in use may take together, in bytes, as far as it is known:
/// ten thousand large ones are within a service's labels.
const TOTAL_LIMIT: usize = 256 << 20;

/// So many bytes of refused patterns are remembered.
const REFUSED_LIMIT: usize = 4 << 20;

/// Compiling is tried within these limits, one after the other: the first that does is what a
/// pattern is taken to cost.
const SIZES: [usize; 5] = [8 << 10, 64 << 10, 512 << 10, 4 << 20, SIZE_LIMIT];

/// The longest pattern, in bytes.
const LENGTH_LIMIT: usize = 64 << 10;

/// Translates a Go pattern to one for the `regex` crate's default (Unicode) mode.
///
/// The result is for valid UTF-8; see [`text`] for subjects that may not be. Groups keep their
/// numbers; names that Rust refuses (a leading digit, a repetition) are dropped.
///
/// The error says what is wrong in Go's own words, with the offending part.
pub fn translate(pattern: &str) -> Result<String, String> {
    if pattern.len() > LENGTH_LIMIT {
        return Err(format!(
            "error parsing regexp: expression is {} bytes long, at most {LENGTH_LIMIT} are served",
            pattern.len()
        ));
    }
    Translator::new(pattern)
        .translate()
        .map_err(|(what, part)| format!("error parsing regexp: {what}: `{part}`"))
}

/// Compiles a Go pattern; unanchored, leftmost-first, as Go's.
///
/// Equal patterns that are still in use somewhere are shared, so an unchanged router costs no
/// compilation when the configuration is applied anew.
pub fn compile(pattern: &str) -> Result<Arc<Regex>, String> {
    static MEMO: Mutex<Option<Memo>> = Mutex::new(None);
    let lock = || MEMO.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lock().get_or_insert_default().get(pattern) {
        return known;
    }
    // Not under the lock: compiling can take milliseconds.
    let built = translate(pattern)
        .and_then(|translated| build(&translated).map_err(|error| explain(&error)));
    let mut memo = lock();
    let memo = memo.get_or_insert_default();
    match built {
        Ok((regex, size)) => {
            let regex = Arc::new(regex);
            if memo.put(pattern, &regex, size) {
                return Ok(regex);
            }
            memo.refuse(pattern, full(), Some(size));
            Err(full())
        }
        Err(error) => {
            memo.refuse(pattern, error.clone(), None);
            Err(error)
        }
    }
}

fn full() -> String {
    format!("error parsing regexp: the expressions in use take more than {TOTAL_LIMIT} bytes")
}

/// Compiles, and tells about how many bytes it takes.
fn build(translated: &str) -> Result<(Regex, usize), regex::Error> {
    let mut last = regex::Error::CompiledTooBig(SIZE_LIMIT);
    for size in SIZES {
        match regex::RegexBuilder::new(translated).size_limit(size).build() {
            Ok(regex) => return Ok((regex, size)),
            Err(error @ regex::Error::CompiledTooBig(_)) => last = error,
            Err(other) => return Err(other),
        }
    }
    Err(last)
}

fn explain(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("error parsing regexp: expression too large: over {limit} bytes compiled")
        }
        // The crate draws the pattern over several lines; the last one says what is wrong.
        other => {
            let whole = other.to_string();
            let last = whole.lines().last().unwrap_or_default();
            format!("error parsing regexp: {}", last.trim_start_matches("error: "))
        }
    }
}

/// A subject as Go's matcher sees it: every byte that is not part of valid UTF-8 counts as one
/// U+FFFD. Borrows when the bytes are valid.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut text = String::with_capacity(bytes.len());
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                for _ in chunk.invalid() {
                    text.push(char::REPLACEMENT_CHARACTER);
                }
            }
            Cow::Owned(text)
        }
    }
}

/// Compiled patterns and what they are taken to cost, in bytes.
type Known = HashMap<Box<str>, (Weak<Regex>, usize)>;

/// Forgets those that nobody holds any more.
fn sweep(known: &mut Known, total: &mut usize) {
    known.retain(|_, (regex, _)| regex.strong_count() > 0);
    *total = known.values().map(|(_, size)| *size).sum();
}

/// Compiled patterns that somebody still holds.
#[derive(Default)]
struct Memo {
    known: Known,
    /// What those in `known` take, in bytes; some may have been forgotten since.
    total: usize,
    /// What is wrong with patterns that cannot be had; with a size: there was no room for it.
    refused: HashMap<Box<str>, (String, Option<usize>)>,
    /// The texts in `refused`.
    refused_bytes: usize,
    /// How often refused patterns were asked for.
    asked: u32,
    /// Forgotten patterns are swept when the map has grown to this.
    sweep_at: usize,
}

impl Memo {
    fn get(&mut self, pattern: &str) -> Option<Result<Arc<Regex>, String>> {
        if let Some((error, size)) = self.refused.get(pattern) {
            // Others may have made room; looking costs time in proportion to them.
            self.asked = self.asked.wrapping_add(1);
            if size.is_some() && self.asked.is_multiple_of(64) {
                sweep(&mut self.known, &mut self.total);
            }
            let still = size.is_none_or(|size| self.total.saturating_add(size) > TOTAL_LIMIT);
            return still.then(|| Err(error.clone()));
        }
        Some(Ok(self.known.get(pattern)?.0.upgrade()?))
    }

    /// Remembers what is wrong with a pattern: finding that out may cost as much as a good one,
    /// and the configuration is applied again and again.
    fn refuse(&mut self, pattern: &str, error: String, size: Option<usize>) {
        self.refused_bytes = self.refused_bytes.saturating_add(pattern.len() + error.len());
        if self.refused_bytes > REFUSED_LIMIT {
            self.refused.clear();
            self.refused_bytes = pattern.len() + error.len();
        }
        self.refused.insert(pattern.into(), (error, size));
    }

    /// False: there is no room for it.
    fn put(&mut self, pattern: &str, regex: &Arc<Regex>, size: usize) -> bool {
        let full = self.total.saturating_add(size) > TOTAL_LIMIT;
        if full || self.known.len() >= self.sweep_at {
            sweep(&mut self.known, &mut self.total);
            self.sweep_at = (self.known.len() * 2).max(64);
        }
        if self.total.saturating_add(size) > TOTAL_LIMIT {
            return false;
        }
        self.total = self.total.saturating_add(size);
        if let Some((_, replaced)) =
            self.known.insert(pattern.into(), (Arc::downgrade(regex), size))
        {
            self.total = self.total.saturating_sub(replaced);
        }
        true
    }
}
