//! What compiling has shown, so that nothing is compiled again that is in use or was refused.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use regex::Regex;

/// So many bytes of refused patterns are remembered.
pub(super) const REFUSED_LIMIT: usize = 4 << 20;

/// What is known of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// It takes no more than so many bytes; the pattern itself if somebody holds it.
    Fits(Option<Arc<Regex>>, usize),
    /// It takes more than so many bytes.
    Exceeds(usize),
    /// What is wrong with it.
    Wrong(String),
}

/// The memory of compiled patterns. They themselves are held by those who use them.
#[derive(Debug, Default)]
pub(super) struct Memo {
    fitting: HashMap<Box<str>, (Weak<Regex>, usize)>,
    /// What is known of patterns that could not be had.
    pub(super) refused: HashMap<Box<str>, Known>,
    /// The texts in `refused`.
    pub(super) refused_bytes: usize,
    /// Forgotten patterns are swept when the map has grown to this.
    sweep_at: usize,
}

/// The memory of the process.
pub(super) fn memo() -> MutexGuard<'static, Memo> {
    static MEMO: LazyLock<Mutex<Memo>> = LazyLock::new(Mutex::default);
    MEMO.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memo {
    pub(super) fn get(&self, pattern: &str) -> Option<Known> {
        if let Some(refused) = self.refused.get(pattern) {
            return Some(refused.clone());
        }
        let (regex, size) = self.fitting.get(pattern)?;
        Some(Known::Fits(regex.upgrade(), *size))
    }

    /// Remembers why a pattern cannot be had: finding that out may cost as much as a good one, and
    /// the configuration is applied again and again.
    pub(super) fn refuse(&mut self, pattern: &str, known: Known) {
        let told = if let Known::Wrong(error) = &known { error.len() } else { 0 };
        let bytes = pattern.len().saturating_add(told);
        self.refused_bytes = self.refused_bytes.saturating_add(bytes);
        if self.refused_bytes > REFUSED_LIMIT {
            self.refused.clear();
            self.refused_bytes = bytes;
        }
        self.refused.insert(pattern.into(), known);
    }

    pub(super) fn put(&mut self, pattern: &str, regex: &Arc<Regex>, size: usize) {
        if self.fitting.len() >= self.sweep_at {
            self.fitting.retain(|_, (regex, _)| regex.strong_count() > 0);
            self.sweep_at = self.fitting.len().saturating_mul(2).max(64);
        }
        self.refused.remove(pattern);
        self.fitting.insert(pattern.into(), (Arc::downgrade(regex), size));
    }
}
