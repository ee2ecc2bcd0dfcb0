//! Work on thousands of objects lets others in between.
//!
//! A large configuration is tens of milliseconds of work. Where one core serves everything, the
//! kernel lets a thread run for milliseconds before one that has just been woken gets its turn,
//! however nice the first is, and requests wait for so long. Whoever goes through many objects
//! therefore calls [`breathe`] for each: every fifty microseconds it gives the core away. Without
//! anybody waiting for it that costs nothing worth mentioning.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The longest stretch.
const STRETCH: Duration = Duration::from_micros(50);

/// So many calls share one look at the clock.
const CALLS: u32 = 8;

/// Texts are gone through in pieces of at least so many bytes.
const PIECE: usize = 32 * 1024;

thread_local! {
    static CALLED: Cell<u32> = const { Cell::new(0) };
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// One object is done: lets other threads run if this one has run for long enough.
pub fn breathe() {
    // While a thread's own values are dropped there is nothing to count in, and no hurry.
    let called = CALLED.try_with(|called| called.replace(called.get().wrapping_add(1)));
    if called.is_ok_and(|called| called % CALLS == 0) {
        look();
    }
}

/// The same for a large object: looks at the clock in any case.
pub fn look() {
    let _ = SINCE.try_with(|since| {
        let now = Instant::now();
        if since.get().is_none_or(|since| now.duration_since(since) >= STRETCH) {
            std::thread::yield_now();
            since.set(Some(Instant::now()));
        }
    });
}

/// A text's lines, many together, with a breath after each piece.
pub fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        look();
        let rest = text.as_bytes().get(PIECE..).unwrap_or_default();
        let line = rest.iter().position(|byte| *byte == b'\n');
        let end = line.map_or(text.len(), |line| PIECE.saturating_add(line).saturating_add(1));
        let (piece, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        text = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole_text_and_end_with_lines() {
        let line = "héllo {{ x }}\n";
        let long = line.repeat(PIECE / 4);
        let endless = "é".repeat(PIECE);
        let late = format!("{endless}\n{endless}");
        for (text, count) in
            [("", 0), ("a", 1), ("\n\n", 1), (&*long, 4), (&*endless, 1), (&*late, 2)]
        {
            let all: Vec<&str> = pieces(text).collect();
            assert_eq!(all.concat(), text);
            assert_eq!(all.len(), count, "{} bytes", text.len());
            let (_, before) = all.split_last().unwrap_or((&"", &[]));
            assert!(before.iter().all(|piece| piece.ends_with('\n') && piece.len() > PIECE));
        }
    }

    #[test]
    fn a_breath_is_taken_after_a_stretch() {
        look();
        let since = || SINCE.with(Cell::get);
        let first = since();
        std::thread::sleep(STRETCH * 4);
        for _ in 0..CALLS {
            breathe();
        }
        assert_ne!(since(), first);
    }
}
