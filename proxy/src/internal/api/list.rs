//! Lists: filters, order and pages by query parameters.

use serde_json::Value;
use swarmgate_config::checked::Status;

/// The query parameters of a list.
#[derive(Debug, Default)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

/// One page of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub items: Vec<Value>,
    /// 1 on the last page.
    pub next: usize,
}

/// What a list is sorted by; the name decides between equals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Number(i64),
    Text(String),
}

impl Query {
    /// Reads the raw query.
    pub fn parse(raw: Option<&str>) -> Self {
        let pairs = raw
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (percent_decode(key, true), percent_decode(value, true)))
            .collect();
        Self { pairs }
    }

    /// A parameter's first value; empty when absent.
    pub fn get(&self, key: &str) -> &str {
        let pair = self.pairs.iter().find(|(other, _)| other == key);
        pair.map_or("", |(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub fn all(&self, key: &str) -> Vec<String> {
        let pairs = self.pairs.iter().filter(|(other, _)| other == key);
        pairs.map(|(_, value)| value.clone()).collect()
    }

    /// Whether one of the texts contains what is searched for, whatever the case.
    pub fn finds(&self, texts: &[&str]) -> bool {
        let wanted = self.get("search").to_lowercase();
        wanted.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&wanted))
    }

    /// Whether objects of this status are wanted.
    pub fn wants(&self, status: Status) -> bool {
        let wanted = self.get("status");
        wanted.is_empty() || wanted.eq_ignore_ascii_case(status_text(status))
    }

    /// Sorts by `key`, then by name; everything the other way round if `direction` is `desc`.
    pub fn sort<T>(&self, items: &mut [T], key: impl Fn(&T) -> (Key, String)) {
        items.sort_by_cached_key(key);
        if self.get("direction") == "desc" {
            items.reverse();
        }
    }

    /// Cuts the page out and shows it. The error is Traefik's message for the client.
    pub fn page<T>(&self, items: Vec<T>, show: impl Fn(T) -> Value) -> Result<Page, String> {
        let page = self.positive("page", 1)?;
        let per_page = self.positive("per_page", 100)?;
        let start = (page - 1).saturating_mul(per_page);
        if start > 0 && start >= items.len() {
            return Err(format!("invalid request: page: {page}, per_page: {per_page}"));
        }
        let next = if start.saturating_add(per_page) < items.len() { page + 1 } else { 1 };
        let items = items.into_iter().skip(start).take(per_page).map(show).collect();
        Ok(Page { items, next })
    }

    fn positive(&self, key: &str, default: usize) -> Result<usize, String> {
        let text = self.get(key);
        if text.is_empty() {
            return Ok(default);
        }
        let number = text.parse::<i64>().unwrap_or_default();
        usize::try_from(number)
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| format!("invalid request: {key}: {number}"))
    }
}

/// A status as the API writes it.
pub(super) fn status_text(status: Status) -> &'static str {
    match status {
        Status::Enabled => "enabled",
        Status::Warning => "warning",
        Status::Disabled => "disabled",
    }
}

/// Decodes `%XX`, and `+` in queries; what is no escape stands for itself.
pub(super) fn percent_decode(text: &str, query: bool) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        rest = match (byte, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high * 16 + low));
                after.get(2..).unwrap_or_default()
            }
            (b'+', ..) if query => {
                decoded.push(b' ');
                after
            }
            _ => {
                decoded.push(byte);
                after
            }
        };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str, length: i64) -> Result<(Vec<i64>, usize), String> {
        let items = (1..=length).collect();
        let page = Query::parse(Some(query)).page(items, Value::from)?;
        Ok((page.items.iter().filter_map(Value::as_i64).collect(), page.next))
    }

    #[test]
    fn pages() {
        type Expected = Result<(&'static [i64], usize), &'static str>;
        let table: &[(&str, i64, Expected)] = &[
            ("", 3, Ok((&[1, 2, 3], 1))),
            ("", 0, Ok((&[], 1))),
            ("per_page=2", 3, Ok((&[1, 2], 2))),
            ("per_page=2&page=2", 3, Ok((&[3], 1))),
            ("per_page=2&page=2", 4, Ok((&[3, 4], 1))),
            ("page=", 1, Ok((&[1], 1))),
            ("per_page=0", 3, Err("invalid request: per_page: 0")),
            ("per_page=x", 3, Err("invalid request: per_page: 0")),
            ("per_page=-1", 3, Err("invalid request: per_page: -1")),
            ("page=0", 3, Err("invalid request: page: 0")),
            ("page=99&per_page=2", 3, Err("invalid request: page: 99, per_page: 2")),
            ("page=2", 0, Err("invalid request: page: 2, per_page: 100")),
            (
                "page=9223372036854775807&per_page=9223372036854775807",
                3,
                Err("invalid request: page: 9223372036854775807, per_page: 9223372036854775807"),
            ),
        ];
        for (query, length, expected) in table {
            let expected = expected.map(|(items, next)| (items.to_vec(), next));
            assert_eq!(page(query, *length), expected.map_err(str::to_owned), "{query}");
        }
    }

    #[test]
    fn decoding() {
        for (text, query, expected) in [
            ("a%2Fb@file", false, "a/b@file"),
            ("a+b", false, "a+b"),
            ("a+b%20c", true, "a b c"),
            ("%zz%4", true, "%zz%4"),
            ("%C3%A9", true, "é"),
            ("%FF", true, "\u{fffd}"),
        ] {
            assert_eq!(percent_decode(text, query), expected, "{text}");
        }
    }

    #[test]
    fn filters_and_order() {
        let query = Query::parse(Some("search=AB&status=WARNING&direction=desc&search=zz"));
        assert!(query.finds(&["x", "cabd"]) && !query.finds(&["a b"]));
        assert!(query.wants(Status::Warning) && !query.wants(Status::Enabled));
        let mut items = vec![("b", 1), ("a", 1), ("c", 0)];
        query.sort(&mut items, |(name, number)| (Key::Number(*number), (*name).to_owned()));
        assert_eq!(items, [("b", 1), ("a", 1), ("c", 0)]);
    }
}
