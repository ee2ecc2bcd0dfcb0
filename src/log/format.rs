//! One event -> one line: `common` (time, level, message, fields) or a JSON object.

use std::fmt::{self, Write};
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::Level;
use tracing::field::{Field, Visit};

/// How lines look.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// One JSON object a line.
    pub json: bool,
    /// ANSI colours.
    pub colour: bool,
}

impl Format {
    /// The line of an event, with its end.
    pub fn event(self, event: &tracing::Event<'_>) -> String {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let place = match (metadata.file(), metadata.line()) {
            (Some(file), Some(line)) if *metadata.level() >= Level::DEBUG => {
                Some(format!("{file}:{line}"))
            }
            _ => None,
        };
        self.line(*metadata.level(), SystemTime::now(), place.as_deref(), &fields)
    }

    /// The line of a message alone.
    pub fn message(self, level: Level, message: &str) -> String {
        let fields = Fields { message: message.to_owned(), named: Vec::new() };
        self.line(level, SystemTime::now(), None, &fields)
    }

    fn line(self, level: Level, at: SystemTime, place: Option<&str>, fields: &Fields) -> String {
        let at = OffsetDateTime::from(at).replace_nanosecond(0);
        let at = at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
        let mut line = if self.json {
            json(level, &at, place, fields)
        } else {
            self.common(level, &at, place, fields)
        };
        line.push('\n');
        line
    }

    fn common(self, level: Level, at: &str, place: Option<&str>, fields: &Fields) -> String {
        let (short, colour) = match level {
            Level::ERROR => ("ERR", "31"),
            Level::WARN => ("WRN", "33"),
            Level::INFO => ("INF", "32"),
            Level::DEBUG => ("DBG", "36"),
            Level::TRACE => ("TRC", "35"),
        };
        let paint = |colour: &str, text: &str| match self.colour {
            true => format!("\x1b[{colour}m{text}\x1b[0m"),
            false => text.to_owned(),
        };
        let mut line = format!("{} {}", paint("90", at), paint(colour, short));
        if let Some(place) = place {
            line.push(' ');
            line.push_str(&paint("1", place));
            line.push_str(" >");
        }
        line.push(' ');
        one_line(&mut line, &fields.message);
        for (name, value) in &fields.named {
            line.push(' ');
            line.push_str(&paint("36", &format!("{name}=")));
            value.common(&mut line);
        }
        line
    }
}

fn json(level: Level, at: &str, place: Option<&str>, fields: &Fields) -> String {
    let level = match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let mut line = format!("{{\"level\":\"{level}\"");
    for (name, value) in &fields.named {
        let value = match value {
            Value::Text(value) => text(value),
            Value::Plain(value) => value.clone(),
        };
        // Writing to a string cannot fail.
        let _ = write!(line, ",{}:{value}", text(name));
    }
    if let Some(place) = place {
        let _ = write!(line, ",\"caller\":{}", text(place));
    }
    let _ = write!(line, ",\"time\":\"{at}\",\"message\":{}}}", text(&fields.message));
    line
}

/// Control characters come from labels and clients: they must neither forge a second line nor
/// drive a terminal.
fn one_line(line: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\n' => line.push_str("\\n"),
            '\t' => line.push('\t'),
            character if character.is_control() => {
                let _ = write!(line, "{}", character.escape_default());
            }
            character => line.push(character),
        }
    }
}

/// What an event carries.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    named: Vec<(&'static str, Value)>,
}

#[derive(Debug)]
enum Value {
    Text(String),
    /// Numbers and booleans: the same in both formats.
    Plain(String),
}

impl Value {
    fn common(&self, line: &mut String) {
        match self {
            Value::Plain(value) => line.push_str(value),
            Value::Text(value) => {
                let plain = |character: char| {
                    character.is_ascii_graphic() && !matches!(character, '"' | '\\' | '=')
                };
                if !value.is_empty() && value.chars().all(plain) {
                    line.push_str(value);
                } else {
                    let _ = write!(line, "{value:?}");
                }
            }
        }
    }
}

impl Fields {
    fn push(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text) | Value::Plain(text)) => self.message = text,
            (name, value) => self.named.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Value::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no NaN.
        let value = if value.is_finite() {
            Value::Plain(value.to_string())
        } else {
            Value::Text(value.to_string())
        };
        self.push(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn fields() -> Fields {
        Fields {
            message: "say \"hi\"\nthere\x1b[2J".into(),
            named: vec![
                ("routerName", Value::Text("c@file".into())),
                ("error", Value::Text("two words".into())),
                ("count", Value::Plain("3".into())),
            ],
        }
    }

    #[test]
    fn lines_look_like_traefiks() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_199_706_500);
        let common = Format { json: false, colour: false };
        let json = Format { json: true, colour: false };
        for (format, level, place, expected) in [
            (
                common,
                Level::ERROR,
                None,
                "2026-11-20T18:35:06Z ERR say \"hi\"\\nthere\\u{1b}[2J routerName=c@file error=\"two words\" count=3\n",
            ),
            (
                common,
                Level::DEBUG,
                Some("src/a.rs:7"),
                "2026-11-20T18:35:06Z DBG src/a.rs:7 > say \"hi\"\\nthere\\u{1b}[2J routerName=c@file error=\"two words\" count=3\n",
            ),
            (
                json,
                Level::WARN,
                None,
                "{\"level\":\"warn\",\"routerName\":\"c@file\",\"error\":\"two words\",\"count\":3,\"time\":\"2026-11-20T18:35:06Z\",\"message\":\"say \\\"hi\\\"\\nthere\\u001b[2J\"}\n",
            ),
            (
                json,
                Level::TRACE,
                Some("src/a.rs:7"),
                "{\"level\":\"trace\",\"routerName\":\"c@file\",\"error\":\"two words\",\"count\":3,\"caller\":\"src/a.rs:7\",\"time\":\"2026-11-20T18:35:06Z\",\"message\":\"say \\\"hi\\\"\\nthere\\u001b[2J\"}\n",
            ),
        ] {
            assert_eq!(format.line(level, at, place, &fields()), expected);
        }
    }

    #[test]
    fn colours_where_asked_for() {
        let format = Format { json: false, colour: true };
        let line = format.line(Level::WARN, SystemTime::UNIX_EPOCH, None, &fields());
        assert!(
            line.starts_with("\x1b[90m1970-01-01T00:00:00Z\x1b[0m \x1b[33mWRN\x1b[0m say"),
            "{line}"
        );
        assert!(line.contains("\x1b[36mrouterName=\x1b[0mc@file"), "{line}");
    }
}
