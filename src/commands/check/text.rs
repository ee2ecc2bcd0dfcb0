//! The report for people: tables, then findings with the line they are about.

use swarmgate_config::checked::Status;
use swarmgate_config::finding::Severity;

use super::Report;
use super::note::{Note, word_of};
use super::options::Options;
use super::source::Sources;
use super::table::{self, Table};
use super::width;

/// More tables' rows and notes than anybody reads.
const MOST_ROWS: usize = 1000;
const MOST_NOTES: usize = 500;
/// Longer lines of files are cut around the place.
const MOST_LINE: usize = 160;

/// Behind a row that does not serve.
const DISABLED: &str = "  (disabled)";

/// What the output goes to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    /// Whether it shows colours.
    pub colour: bool,
    /// Its columns; `None`: lines may be as long as they are.
    pub width: Option<usize>,
}

#[derive(Clone, Copy)]
enum Paint {
    Bold,
    Dim,
    Red,
    Yellow,
    Blue,
    Green,
}

impl Terminal {
    fn paint(self, paint: Paint, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Red => "1;31",
            Paint::Yellow => "1;33",
            Paint::Blue => "1;34",
            Paint::Green => "1;32",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The whole report.
pub fn render(report: &Report, options: &Options, terminal: &Terminal) -> String {
    let mut out = String::new();
    if !options.quiet {
        for world in &report.worlds {
            for stack in &world.stacks {
                let file = &clean(report.sources.shown(stack.file));
                let about = clean(&table::about(stack));
                let line = format!("{}: {about}\n", terminal.paint(Paint::Bold, file));
                out.push_str(&line);
            }
            if world.known {
                out.push_str(&format!("install configuration: {}\n", clean(&world.from)));
            } else if !world.stacks.is_empty() {
                out.push_str(
                    "install configuration: not among the files; entry points and resolvers are \
                     taken as named\n",
                );
            }
            for table in table::tables(world) {
                out.push('\n');
                out.push_str(&render_table(&table, *terminal));
            }
            if !out.is_empty() {
                out.push('\n');
            }
        }
    }
    let hidden = |note: &&Note| options.notes || note.severity != Severity::Info;
    for note in report.notes.iter().filter(hidden).take(MOST_NOTES) {
        out.push_str(&render_note(note, &report.sources, *terminal));
        out.push('\n');
    }
    let shown = report.notes.iter().filter(hidden).count();
    if shown > MOST_NOTES {
        out.push_str(&format!("... and {} more\n", shown.saturating_sub(MOST_NOTES)));
    }
    if !options.quiet {
        out.push_str(&summary(report, options, *terminal));
    }
    out
}

fn summary(report: &Report, options: &Options, terminal: Terminal) -> String {
    let count = |severity: Severity, one: &str, many: &str| {
        let count = report.count(severity);
        (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { many }))
    };
    let errors = count(Severity::Error, "error", "errors");
    let warnings = count(Severity::Warning, "warning", "warnings");
    let notes = count(Severity::Info, "note", "notes");
    let mut line = match (&errors, &warnings) {
        (None, None) => terminal.paint(Paint::Green, "no errors, no warnings"),
        (Some(errors), None) => terminal.paint(Paint::Red, errors),
        (None, Some(warnings)) => terminal.paint(Paint::Yellow, warnings),
        (Some(errors), Some(warnings)) => format!(
            "{}, {}",
            terminal.paint(Paint::Red, errors),
            terminal.paint(Paint::Yellow, warnings)
        ),
    };
    if let Some(notes) = notes {
        line.push_str(&format!(", {notes}"));
        if !options.notes {
            line.push_str(" (--notes)");
        }
    }
    line.push('\n');
    line
}

fn render_note(note: &Note, sources: &Sources, terminal: Terminal) -> String {
    let paint = match note.severity {
        Severity::Error => Paint::Red,
        Severity::Warning => Paint::Yellow,
        Severity::Info => Paint::Blue,
    };
    let head = format!("{}[{}]", word_of(note.severity), note.id);
    let message = clean(&note.message);
    let mut out =
        format!("{}: {}\n", terminal.paint(paint, &head), terminal.paint(Paint::Bold, &message));
    let arrow = |terminal: Terminal, mark: &str| terminal.paint(Paint::Blue, mark);
    match (note.at, note.columns(sources)) {
        (Some(at), Some((first, last))) => {
            let number = at.line.to_string();
            let gutter = " ".repeat(number.len());
            let file = clean(sources.shown(at.file));
            out.push_str(&format!("{gutter}{} {file}:{number}:{first}\n", arrow(terminal, "-->")));
            let line = sources.line(at).unwrap_or_default();
            let (line, first, last) = window(line, first, last);
            let columns = |skip: usize, take: usize| -> usize {
                line.chars().skip(skip).take(take).map(width::of).sum()
            };
            let start = first.saturating_sub(1);
            let space = " ".repeat(columns(0, start));
            let length = last.saturating_sub(first).saturating_add(1);
            let carets = "^".repeat(columns(start, length).max(1));
            out.push_str(&format!(
                "{} {} {line}\n",
                arrow(terminal, &number),
                arrow(terminal, "|")
            ));
            out.push_str(&format!(
                "{gutter} {} {space}{}\n",
                arrow(terminal, "|"),
                terminal.paint(paint, &carets)
            ));
            if let Some(expected) = &note.expected {
                out.push_str(&format!(
                    "{gutter} {} expected: {}\n",
                    arrow(terminal, "="),
                    clean(expected)
                ));
            }
        }
        (at, _) => {
            let place = match (at, &note.place) {
                (Some(at), _) if at.is_line() => {
                    format!("{}:{}:{}", clean(sources.shown(at.file)), at.line, at.column)
                }
                (Some(at), _) => clean(sources.shown(at.file)),
                (None, Some(place)) => clean(place),
                (None, None) => String::new(),
            };
            if !place.is_empty() {
                out.push_str(&format!(" {} {place}\n", arrow(terminal, "-->")));
            }
            if let Some(expected) = &note.expected {
                out.push_str(&format!(
                    "  {} expected: {}\n",
                    arrow(terminal, "="),
                    clean(expected)
                ));
            }
        }
    }
    out
}

/// The part of a line around the place, and the place in it; tabs are spaces.
fn window(line: &str, first: u32, last: u32) -> (String, usize, usize) {
    let letters: Vec<char> = line.chars().map(printable).collect();
    let index = |column: u32| usize::try_from(column).unwrap_or(usize::MAX).max(1);
    let (first, last) = (index(first), index(last));
    if letters.len() <= MOST_LINE {
        return (letters.into_iter().collect(), first, last.max(first));
    }
    let start = first.saturating_sub(40).min(letters.len());
    let end = start.saturating_add(MOST_LINE).min(letters.len());
    let mut text: String = letters.get(start..end).unwrap_or_default().iter().collect();
    let (mut first, mut last) = (first.saturating_sub(start), last.saturating_sub(start));
    if start > 0 {
        text.insert_str(0, "...");
        first = first.saturating_add(3);
        last = last.saturating_add(3);
    }
    let most = text.chars().count();
    if end < letters.len() {
        text.push_str("...");
    }
    (text, first, last.min(most).max(first))
}

fn printable(letter: char) -> char {
    match letter {
        '\t' => ' ',
        letter if letter.is_control() || turns(letter) => '\u{fffd}',
        letter => letter,
    }
}

/// Characters that nobody sees, and that show others in another order.
fn turns(letter: char) -> bool {
    matches!(
        letter,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// Text of outsiders: nothing in it commands the terminal, and it ends somewhere.
pub fn clean(text: &str) -> String {
    let cut: String =
        text.chars().take(600).map(|c| if c == '\n' { ' ' } else { printable(c) }).collect();
    if text.chars().nth(600).is_some() { format!("{cut}...") } else { cut }
}

fn render_table(table: &Table, terminal: Terminal) -> String {
    let rows: Vec<(Status, Vec<String>)> = table
        .rows
        .iter()
        .take(MOST_ROWS)
        .map(|row| (row.status, row.cells.iter().map(|cell| clean(cell)).collect()))
        .collect();
    // Columns without any text say nothing.
    let used: Vec<usize> = (0..table.columns.len())
        .filter(|column| {
            rows.iter().any(|(_, cells)| cells.get(*column).is_some_and(|cell| !cell.is_empty()))
        })
        .collect();
    let title = |column: usize| table.columns.get(column).copied().unwrap_or_default();
    let mut widths: Vec<usize> = used
        .iter()
        .map(|column| {
            let cells = rows.iter().filter_map(|(_, cells)| cells.get(*column));
            cells.map(|cell| width::of_text(cell)).max().unwrap_or(0).max(title(*column).len())
        })
        .collect();
    if let Some(width) = terminal.width {
        let disabled = rows.iter().any(|(status, _)| *status == Status::Disabled);
        let mark = if disabled { DISABLED.len() } else { 0 };
        // Rules are what one wants to see.
        let least: Vec<usize> =
            used.iter().map(|column| if title(*column) == "RULE" { 24 } else { 8 }).collect();
        fit(&mut widths, &least, width.saturating_sub(2).saturating_sub(mark));
    }
    let mut out = format!("{}\n", terminal.paint(Paint::Bold, table.title));
    let line = |cells: &dyn Fn(usize) -> String| {
        let mut line = String::from("  ");
        for (index, column) in used.iter().enumerate() {
            let width = widths.get(index).copied().unwrap_or(0);
            let cell = width::shorten(&cells(*column), width);
            let padding = width.saturating_sub(width::of_text(&cell));
            line.push_str(&cell);
            line.push_str(&" ".repeat(padding.saturating_add(2)));
        }
        line.trim_end().to_owned()
    };
    let head = line(&|column| title(column).to_owned());
    out.push_str(&format!("{}\n", terminal.paint(Paint::Dim, &head)));
    for (status, cells) in &rows {
        let text = line(&|column| cells.get(column).cloned().unwrap_or_default());
        match status {
            Status::Enabled => out.push_str(&text),
            Status::Warning => out.push_str(&terminal.paint(Paint::Yellow, &text)),
            Status::Disabled => {
                out.push_str(&terminal.paint(Paint::Red, &format!("{text}{DISABLED}")));
            }
        }
        out.push('\n');
    }
    if table.rows.len() > MOST_ROWS {
        out.push_str(&format!("  ... and {} more\n", table.rows.len().saturating_sub(MOST_ROWS)));
    }
    out
}

/// Takes from the column with the most to spare until the row fits, or none has any.
fn fit(widths: &mut [usize], least: &[usize], width: usize) {
    loop {
        let gaps = widths.len().saturating_sub(1).saturating_mul(2);
        let sum: usize = widths.iter().sum::<usize>().saturating_add(gaps);
        let over = sum.saturating_sub(width);
        let spare = widths.iter_mut().zip(least).map(|(width, least)| {
            let spare = (*width).saturating_sub(*least);
            (spare, width)
        });
        let Some((spare, widest)) = spare.max_by_key(|(spare, _)| *spare) else { return };
        if over == 0 || spare == 0 {
            return;
        }
        // At least one at a time, so that it ends.
        let step = over.min(spare / 2).max(1);
        *widest = widest.saturating_sub(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit() {
        let table = Table {
            title: "ROUTERS",
            columns: vec!["NAME", "RULE", "EMPTY"],
            rows: vec![table::Row {
                status: Status::Disabled,
                cells: vec!["web@swarm".into(), "Host(`a.example.com`)".repeat(5), String::new()],
            }],
        };
        for width in [0, 10, 40, 80] {
            let text = render_table(&table, Terminal { colour: false, width: Some(width) });
            let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
            let least = 2 + 8 + 2 + 24 + DISABLED.len();
            assert!(longest <= width.max(least), "{width}: {text}");
            assert!(!text.contains("EMPTY"), "{text}");
        }
        let whole = render_table(&table, Terminal::default());
        assert!(whole.contains(&"Host(`a.example.com`)".repeat(5)) && !whole.contains('\u{1b}'));
        let coloured = render_table(&table, Terminal { colour: true, width: None });
        assert!(coloured.contains("\u{1b}[1;31m"));
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("{}NEEDLE{}", "a".repeat(500), "b".repeat(500));
        let (text, first, last) = window(&line, 501, 506);
        let shown: String = text.chars().skip(first - 1).take(last - first + 1).collect();
        assert_eq!(shown, "NEEDLE");
        assert!(text.len() < 200 && text.starts_with("...") && text.ends_with("..."));
    }

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(clean("a\u{1b}[31m\nb\tc"), "a\u{fffd}[31m b c");
        assert_eq!(clean("a\u{202e}b\u{200b}"), "a\u{fffd}b\u{fffd}");
    }
}
