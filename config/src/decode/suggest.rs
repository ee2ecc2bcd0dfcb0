//! Did you mean: the known word that is closest to an unknown one.

/// Longer words are nobody's typing error, and the comparison is quadratic.
const LONGEST: usize = 64;

/// The closest of `known`, if it is close enough to be meant. Case does not count; of equally
/// close words the first wins.
pub(crate) fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let limit = (word.len() / 3).clamp(1, 4);
    known
        .iter()
        .map(|candidate| (distance(&word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits to get from one to the other: insert, delete, replace, or swap two neighbours.
fn distance(word: &[char], candidate: &str) -> usize {
    let other: Vec<char> = candidate.to_lowercase().chars().collect();
    let width = other.len().saturating_add(1);
    let mut before: Vec<usize> = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    let mut left: Option<char> = None;
    for (row, letter) in word.iter().enumerate() {
        let mut next = vec![row.saturating_add(1); width];
        let mut above: Option<char> = None;
        for (column, target) in other.iter().enumerate() {
            let get = |cells: &[usize], at: usize| cells.get(at).copied().unwrap_or(usize::MAX);
            let right = column.saturating_add(1);
            let replace = get(&last, column).saturating_add(usize::from(letter != target));
            let edit = get(&last, right).min(get(&next, column)).saturating_add(1).min(replace);
            let swap = if left == Some(*target) && above == Some(*letter) {
                get(&before, column.saturating_sub(1)).saturating_add(1)
            } else {
                usize::MAX
            };
            if let Some(cell) = next.get_mut(right) {
                *cell = edit.min(swap);
            }
            above = Some(*target);
        }
        left = Some(*letter);
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or(word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let table = [
            ("", "", 0),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("kitten", "sitting", 3),
            ("rul", "rule", 1),
            ("middelwares", "middlewares", 1),
            ("ab", "ba", 1),
        ];
        for (a, b, expected) in table {
            let word: Vec<char> = a.chars().collect();
            assert_eq!(distance(&word, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn closest_word() {
        let known = ["address", "asDefault", "http", "http2", "transport"];
        let table = [
            ("addres", Some("address")),
            ("ADRESS", Some("address")),
            ("asdefalt", Some("asDefault")),
            ("htp", Some("http")),
            ("transprot", Some("transport")),
            ("zzz", None),
            ("", None),
        ];
        for (word, expected) in table {
            assert_eq!(closest(word, &known), expected, "{word}");
        }
        assert_eq!(closest(&"a".repeat(1 << 20), &known), None);
    }
}
