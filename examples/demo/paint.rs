//! Colours on terminals, plain text elsewhere.

use std::io::IsTerminal;
use std::sync::LazyLock;

static COLOURED: LazyLock<bool> =
    LazyLock::new(|| std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none());

fn paint(code: &str, text: &str) -> String {
    if *COLOURED { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// A headline.
pub fn title(text: &str) -> String {
    paint("1;36", text)
}

/// Something that a person may want to copy.
pub fn strong(text: &str) -> String {
    paint("1", text)
}

/// Less important.
pub fn faint(text: &str) -> String {
    paint("2", text)
}

/// It went well.
pub fn good(text: &str) -> String {
    paint("32", text)
}

/// It did not.
pub fn bad(text: &str) -> String {
    paint("31", text)
}

/// Whether a line may be written over.
pub fn live() -> bool {
    *COLOURED
}
