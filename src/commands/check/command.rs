//! The words of a service's command, and what a shell makes of them where one is asked.

use super::source::Spot;
use super::yaml::{Node, Value};

/// A command: a list of words, or one line with quotes.
pub fn words(node: Option<&Node>) -> Vec<(String, Spot)> {
    let Some(node) = node else { return Vec::new() };
    match &node.value {
        Value::List(elements) => {
            elements.iter().filter_map(|element| Some((element.text()?, element.at))).collect()
        }
        Value::Text(text) => split(text).into_iter().map(|word| (word, node.at)).collect(),
        _ => Vec::new(),
    }
}

/// `sh -c "exec traefik --a --b"` as the words `traefik --a --b`; true when the shell's line is
/// more than one plain command, so that only the shell knows.
pub fn unwrapped(words: Vec<(String, Spot)>) -> (Vec<(String, Spot)>, bool) {
    let Some((shell, _)) = words.first() else { return (words, false) };
    let base = shell.rsplit('/').next().unwrap_or_default();
    if !matches!(base, "sh" | "ash" | "bash" | "dash" | "busybox") {
        return (words, false);
    }
    // `-c`, `-ec`, `-euxc`.
    let is_c = |word: &str| {
        let flags = word.strip_prefix('-').unwrap_or_default();
        flags.ends_with('c') && flags.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    let line = words.iter().skip_while(|(word, _)| !is_c(word)).nth(1);
    let Some((line, at)) = line else { return (words, true) };
    let line = line.trim().replace("\\\n", " ");
    if line.contains([';', '|', '&', '<', '>', '`', '$', '\n']) {
        return (words, true);
    }
    let plain = split(&line).into_iter();
    let plain =
        plain.skip_while(|word| word == "exec" || word.contains('=') && !word.starts_with('-'));
    (plain.map(|word| (word, *at)).collect(), false)
}

/// Words of a shell line; quotes and backslashes as a shell reads them.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some('\''), letter) => word.get_or_insert_default().push(letter),
            (_, '\\') => word.get_or_insert_default().extend(letters.next()),
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(letter);
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_words() {
        let table: [(&str, &[&str]); 5] = [
            ("a b", &["a", "b"]),
            ("  --x='a b'  \"c \\\" d\" ", &["--x=a b", "c \" d"]),
            ("a\\ b ''", &["a b", ""]),
            ("", &[]),
            ("'open", &["open"]),
        ];
        for (text, expected) in table {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn shells() {
        let table: [(&[&str], &[&str], bool); 8] = [
            (&["traefik", "--a"], &["traefik", "--a"], false),
            (&["/bin/sh", "-c", "exec traefik --a --b"], &["traefik", "--a", "--b"], false),
            (&["sh", "-ec", "A=b traefik \\\n  --a\n"], &["traefik", "--a"], false),
            (
                &["sh", "-c", "sleep 1 && traefik --a"],
                &["sh", "-c", "sleep 1 && traefik --a"],
                true,
            ),
            (&["sh", "-c", "traefik --a=$X"], &["sh", "-c", "traefik --a=$X"], true),
            (&["sh", "/start.sh", "--a"], &["sh", "/start.sh", "--a"], true),
            (&["sh", "-c"], &["sh", "-c"], true),
            (&[], &[], false),
        ];
        let at = Spot::whole(0);
        for (words, expected, by_shell) in table {
            let words = words.iter().map(|word| ((*word).to_owned(), at)).collect();
            let (found, asked) = unwrapped(words);
            let found: Vec<&str> = found.iter().map(|(word, _)| word.as_str()).collect();
            assert_eq!((found.as_slice(), asked), (expected, by_shell), "{expected:?}");
        }
    }
}
