//! Status codes as `errors` names them: `404`, `500-599`.

use http::StatusCode;

/// A set of status codes; both ends of each range are in it.
#[derive(Debug)]
pub(super) struct Ranges(Box<[(u16, u16)]>);

impl Ranges {
    /// Reads `written`, the value of `option`.
    pub(super) fn parse<'w>(
        option: &str,
        written: impl IntoIterator<Item = &'w String>,
    ) -> Result<Self, String> {
        let range = |text: &String| {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            match (from.parse(), to.parse()) {
                (Ok(from), Ok(to)) => Ok((from, to)),
                _ => Err(format!(
                    "{option}: {text:?} is no status code and no range of them; expected one such \
                     as \"404\" or \"500-599\""
                )),
            }
        };
        written.into_iter().map(range).collect::<Result<_, _>>().map(Self)
    }

    /// Whether this one is in it.
    pub(super) fn contain(&self, status: StatusCode) -> bool {
        let code = status.as_u16();
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        for (written, code, expected) in [
            (&["404"][..], 404, true),
            (&["404"], 405, false),
            (&["500-599"], 500, true),
            (&["500-599"], 599, true),
            (&["500-599"], 499, false),
            (&["404", "500-599"], 503, true),
            (&["599-500"], 550, false),
            (&[], 500, false),
        ] {
            let written: Vec<String> = written.iter().map(ToString::to_string).collect();
            let ranges = Ranges::parse("status", &written).unwrap();
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(ranges.contain(status), expected, "{written:?} {code}");
        }
        for bad in ["", "abc", "404,500", "404 ", "-", "-500", "500-", "5xx", "70000", "1-2-3"] {
            let error = Ranges::parse("status", &[bad.to_owned()]).unwrap_err();
            assert!(error.contains("status: ") && error.contains("500-599"), "{bad}: {error}");
        }
    }
}
