//! Statuses as options name them: `404`, or `500-599` with both ends.

/// Which statuses are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StatusRanges(Vec<(i64, i64)>);

impl StatusRanges {
    /// Reads them; the error names the one that is none. `option`: what they are written in.
    pub(super) fn build<'w>(
        option: &str,
        written: impl IntoIterator<Item = &'w String>,
    ) -> Result<Self, String> {
        let read = |text: &String| {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            match (from.parse(), to.parse()) {
                (Ok(from), Ok(to)) => Ok((from, to)),
                _ => Err(format!(
                    "{option}: {text:?} is no status; expected one such as 404, or a range such \
                     as 500-599, each an item of its own"
                )),
            }
        };
        written.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contain(&self, status: http::StatusCode) -> bool {
        let status = i64::from(status.as_u16());
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(written: &[&str]) -> Result<StatusRanges, String> {
        let written: Vec<String> = written.iter().map(|text| (*text).to_owned()).collect();
        StatusRanges::build("status", &written)
    }

    #[test]
    fn ranges() {
        let table: &[(&[&str], u16, bool)] = &[
            (&[], 200, false),
            (&["404"], 404, true),
            (&["404"], 405, false),
            (&["500-599"], 500, true),
            (&["500-599"], 599, true),
            (&["500-599"], 600, false),
            (&["500-599"], 499, false),
            (&["404", "500-502"], 501, true),
            (&["502-500"], 501, false),
            // As in Traefik: there is no such status, and it does no harm.
            (&["70000", "500-70000"], 500, true),
        ];
        for (written, status, expected) in table {
            let status = http::StatusCode::from_u16(*status).unwrap();
            assert_eq!(build(written).unwrap().contain(status), *expected, "{written:?}");
        }
    }

    #[test]
    fn refused() {
        for text in
            ["", "x", "404,500", "500-", "-500", "4xx", "500-5xx", " 404", "404 ", "-", "1-2-3"]
        {
            let error = build(&[text]).unwrap_err();
            assert!(error.starts_with(&format!("status: {text:?} is no status")), "{error}");
        }
    }
}
