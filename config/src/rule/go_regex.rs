//! Go's regular expressions in Rust: a pattern that means the same, or why Go refuses it.
//!
//! Users' patterns were written for Go's `regexp` (RE2). Most read the same in the `regex` crate,
//! some are refused there and a few mean something else (class intersection, Unicode classes), so
//! a pattern is read here by Go's rules and printed anew in a form on which both agree
//! (reference: HTTP routing §6, Go's regexp/syntax).

mod allowance;
mod class;
mod escape;
mod memo;
#[cfg(test)]
mod tests;
mod translator;

use std::borrow::Cow;
use std::sync::Arc;

use regex::Regex;

pub use self::allowance::{Allowance, Kept};
use self::memo::{Known, memo};
use self::translator::Translator;
use crate::breath::look;

/// The most that one compiled pattern may take, in bytes. Go allows far larger programs than the
/// `regex` crate does by default; a label must still not be able to take the memory.
const SIZE_LIMIT: usize = 16 << 20;

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

/// A text as a pattern that matches just it (Go: `regexp.QuoteMeta`).
pub fn quote(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// Compiles a Go pattern; unanchored, leftmost-first, as Go's.
///
/// Equal patterns that are still in use somewhere are shared, so an unchanged router costs no
/// compilation when the configuration is applied anew. How many there may be is not asked here:
/// [`Allowance`] has admitted those of the routing configuration before.
pub fn compile(pattern: &str) -> Result<Arc<Regex>, String> {
    match attempt(pattern, SIZE_LIMIT) {
        Outcome::Fits(regex, _) => Ok(regex),
        Outcome::Exceeds => Err(too_large()),
        Outcome::Wrong(error) => Err(error),
    }
}

/// What came of compiling.
enum Outcome {
    /// The pattern, and which of [`SIZES`] holds it.
    Fits(Arc<Regex>, usize),
    /// It takes more than it was to take.
    Exceeds,
    /// What is wrong with it.
    Wrong(String),
}

/// Compiles a pattern if it takes no more than `largest`, one of [`SIZES`].
fn attempt(pattern: &str, largest: usize) -> Outcome {
    let known = memo().get(pattern);
    let (above, at_least) = match known {
        Some(Known::Fits(_, size)) if size > largest => return Outcome::Exceeds,
        Some(Known::Fits(Some(regex), size)) => return Outcome::Fits(regex, size),
        Some(Known::Fits(None, size)) => (0, size),
        Some(Known::Exceeds(size)) if size >= largest => return Outcome::Exceeds,
        Some(Known::Exceeds(size)) => (size, 0),
        Some(Known::Wrong(error)) => return Outcome::Wrong(error),
        None => (0, 0),
    };
    let translated = match translate(pattern) {
        Ok(translated) => translated,
        // Found at once: not worth remembering.
        Err(error) => return Outcome::Wrong(error),
    };
    // Not under the memo's lock: compiling can take milliseconds.
    let sizes = SIZES.into_iter().filter(|size| *size > above && *size >= at_least);
    for size in sizes.take_while(|size| *size <= largest) {
        look();
        match regex::RegexBuilder::new(&translated).size_limit(size).build() {
            Ok(regex) => {
                let regex = Arc::new(regex);
                memo().put(pattern, &regex, size);
                return Outcome::Fits(regex, size);
            }
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(other) => {
                let error = explain(&other);
                memo().refuse(pattern, Known::Wrong(error.clone()));
                return Outcome::Wrong(error);
            }
        }
    }
    memo().refuse(pattern, Known::Exceeds(largest));
    Outcome::Exceeds
}

fn too_large() -> String {
    format!("error parsing regexp: expression too large: over {SIZE_LIMIT} bytes compiled")
}

fn explain(error: &regex::Error) -> String {
    // The crate draws the pattern over several lines; the last one says what is wrong.
    let whole = error.to_string();
    let last = whole.lines().last().unwrap_or_default();
    format!("error parsing regexp: {}", last.trim_start_matches("error: "))
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
