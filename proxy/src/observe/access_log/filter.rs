//! Which requests are logged.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::StatusCode;
use swarmgate_config::install::AccessLogFilters;

/// A request passes if any part wants it; without any part all pass.
#[derive(Debug, Default)]
pub(super) struct Filter {
    statuses: Vec<RangeInclusive<u16>>,
    min_duration: Option<Duration>,
    /// `retryAttempts` is set. As with Traefik 3.7 it lets nothing pass, but it is a part.
    retries: bool,
}

impl Filter {
    pub fn new(written: Option<&AccessLogFilters>) -> Self {
        let Some(written) = written else { return Self::default() };
        let mut statuses = Vec::new();
        for text in &written.status_codes {
            match range(text) {
                Some(range) => statuses.push(range),
                None => tracing::error!(
                    "accessLog.filters.statusCodes: {text:?} is ignored; expected a status like \
                     404 or a range like 500-599"
                ),
            }
        }
        Self {
            statuses,
            min_duration: written.min_duration.positive(),
            retries: written.retry_attempts,
        }
    }

    pub fn passes(&self, status: StatusCode, duration: Duration) -> bool {
        (self.statuses.is_empty() && self.min_duration.is_none() && !self.retries)
            || self.statuses.iter().any(|range| range.contains(&status.as_u16()))
            || self.min_duration.is_some_and(|least| duration >= least)
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then_some(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes() {
        // Filters, then status, milliseconds and whether it passes.
        type Row = (&'static str, &'static [(u16, u64, bool)]);
        let table: &[Row] = &[
            ("{}", &[(200, 0, true), (500, 9, true)]),
            (
                r#"{"statusCodes":["200","300-302"]}"#,
                &[(200, 0, true), (302, 0, true), (303, 0, false), (404, 99, false)],
            ),
            (r#"{"minDuration":"10ms"}"#, &[(200, 9, false), (200, 10, true)]),
            (
                r#"{"minDuration":"10ms","statusCodes":["500-599"]}"#,
                &[(200, 9, false), (200, 11, true), (502, 0, true)],
            ),
            (r#"{"retryAttempts":true}"#, &[(200, 0, false)]),
            (r#"{"statusCodes":["nope","5-4"]}"#, &[(200, 0, true)]),
        ];
        for (filters, cases) in table {
            let filter = Filter::new(Some(&serde_json::from_str(filters).unwrap()));
            for (status, milliseconds, passes) in *cases {
                let status = StatusCode::from_u16(*status).unwrap();
                let duration = Duration::from_millis(*milliseconds);
                assert_eq!(filter.passes(status, duration), *passes, "{filters} {status}");
            }
        }
    }
}
