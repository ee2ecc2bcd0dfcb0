//! Tables in Markdown: rows with their cells by the head's words.

use std::fmt;

/// A row of a table.
#[derive(Debug)]
pub struct Row {
    /// The first cell's code: what the row is about.
    pub name: String,
    /// The heading of the second level that it stands under.
    pub section: String,
    cells: Vec<(String, String)>,
    place: String,
}

/// Where it stands.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.place, self.name)
    }
}

impl Row {
    /// A cell by the head's word.
    pub fn cell(&self, head: &str) -> &str {
        match self.cells.iter().find(|(name, _)| name == head) {
            Some((_, text)) => text,
            None => panic!("{self} has no column {head:?}"),
        }
    }

    /// All that is written as code in a cell.
    pub fn code(&self, head: &str) -> Vec<String> {
        self.cell(head).split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }
}

/// The cells of a line, with `\|` for a bar.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|').replace("\\|", "\u{0}");
    let line = line.strip_suffix('|').unwrap_or(&line);
    line.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

/// All rows of all tables.
pub fn rows(file: &str, text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut section = String::new();
    let mut head: Vec<String> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.trim().to_owned();
        }
        if !line.starts_with('|') {
            head.clear();
            continue;
        }
        if line.starts_with("|---") {
            continue;
        }
        let cells = cells(line);
        if head.is_empty() {
            head = cells;
            continue;
        }
        let place = format!("{file}:{}", number + 1);
        assert_eq!(cells.len(), head.len(), "{place}: as many cells as the head has");
        let first = cells.first().map_or("", String::as_str);
        let name = first.split('`').nth(1).unwrap_or(first).to_owned();
        let cells = head.iter().cloned().zip(cells).collect();
        rows.push(Row { name, section: section.clone(), cells, place });
    }
    rows
}
