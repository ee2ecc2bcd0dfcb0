//! Prometheus' text format, version 0.0.4, written as Go's client writes it.

use std::fmt::Write as _;

/// What a page of it says of itself.
pub(super) const CONTENT_TYPE: &str =
    "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// A page being written.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// The head of a family of samples.
    pub fn family(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One sample. `labels` come as [`labels`] writes them.
    pub fn sample(&mut self, name: &str, suffix: &str, labels: &str, value: f64) {
        self.0.push_str(name);
        self.0.push_str(suffix);
        if !labels.is_empty() {
            let _ = write!(self.0, "{{{labels}}}");
        }
        self.value(value);
    }

    /// One bucket of a histogram.
    pub fn bucket(&mut self, name: &str, labels: &str, bound: &str, value: u64) {
        let comma = if labels.is_empty() { "" } else { "," };
        let _ = write!(self.0, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}}");
        self.value(value as f64);
    }

    fn value(&mut self, value: f64) {
        self.0.push(' ');
        number(&mut self.0, value);
        self.0.push('\n');
    }

    pub fn finish(self) -> String {
        self.0
    }
}

/// `name="value",...`, values escaped.
pub(super) fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    text
}

/// A number as Go prints it (`strconv`, format `g`, shortest): with an exponent of at least two
/// digits below 0.0001 and from 1,000,000 on.
pub(super) fn number(text: &mut String, value: f64) {
    if value.is_nan() {
        return text.push_str("NaN");
    }
    if value.is_infinite() {
        return text.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e').map(|(digits, power)| (digits, power.parse::<i32>())) {
        Some((digits, Ok(power))) if value != 0.0 && !(-4..6).contains(&power) => {
            exponent(text, digits, power);
        }
        _ => {
            let _ = write!(text, "{value}");
        }
    }
}

fn exponent(text: &mut String, digits: &str, power: i32) {
    let sign = if power < 0 { '-' } else { '+' };
    let _ = write!(text, "{digits}e{sign}{:02}", power.unsigned_abs());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let table = [
            (0.0, "0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1.2, "1.2"),
            (1e-3, "0.001"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (4.3956e-05, "4.3956e-05"),
            (20_000.0, "20000"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (9.643_622_4e7, "9.6436224e+07"),
            (1_795_221_819.0, "1.795221819e+09"),
            (u64::MAX as f64, "1.8446744073709552e+19"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (-2.5, "-2.5"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, shown) in table {
            let mut text = String::new();
            number(&mut text, value);
            assert_eq!(text, shown);
        }
    }

    #[test]
    fn label_values() {
        let table: &[(&[(&str, &str)], &str)] = &[
            (&[], ""),
            (&[("a", "b")], "a=\"b\""),
            (&[("a", ""), ("c", "d e")], "a=\"\",c=\"d e\""),
            (&[("a", "x\"y\\z\n\u{e9}")], "a=\"x\\\"y\\\\z\\n\u{e9}\""),
        ];
        for (pairs, text) in table {
            assert_eq!(labels(pairs.iter().copied()), *text);
        }
    }

    #[test]
    fn a_page() {
        let mut page = Page::default();
        page.family("a_seconds", "How long.", "histogram");
        page.bucket("a_seconds", "x=\"1\"", "0.1", 2);
        page.bucket("a_seconds", "", "+Inf", 3);
        page.sample("a_seconds", "_sum", "x=\"1\"", 0.25);
        page.sample("b", "", "", 1e7);
        assert_eq!(
            page.finish(),
            "# HELP a_seconds How long.\n# TYPE a_seconds histogram\n\
             a_seconds_bucket{x=\"1\",le=\"0.1\"} 2\na_seconds_bucket{le=\"+Inf\"} 3\n\
             a_seconds_sum{x=\"1\"} 0.25\nb 1e+07\n"
        );
    }
}
