//! Wall-clock times as the engine writes them (RFC 3339 with nanoseconds), without a library.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since the epoch.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// `2026-01-31T12:00:00.123456789Z`, trailing zeros of the fraction cut as Go does.
pub fn rfc3339(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil date from a day count, with years that begin in March.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let fraction = format!(".{:09}", since_epoch.subsec_nanos());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}{fraction}Z",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::rfc3339;
    use std::time::Duration;

    #[test]
    fn known_instants() {
        let table = [
            (Duration::ZERO, "1970-01-01T00:00:00Z"),
            (Duration::new(951_782_400, 0), "2000-02-29T00:00:00Z"),
            (Duration::new(1_767_225_599, 120_000_000), "2025-12-31T23:59:59.12Z"),
        ];
        for (instant, expected) in table {
            assert_eq!(rfc3339(instant), expected);
        }
    }
}
