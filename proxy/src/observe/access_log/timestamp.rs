//! Times in lines: `20/Nov/2026:18:05:01 +0000` and RFC 3339, always UTC.

use std::io::Write as _;
use std::time::SystemTime;

use time::OffsetDateTime;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Writes the common log format's time.
pub(super) fn clf(line: &mut Vec<u8>, at: SystemTime) {
    let at = utc(at);
    let month = MONTHS.get(usize::from(u8::from(at.month())).wrapping_sub(1)).unwrap_or(&"Jan");
    let _ = write!(
        line,
        "{:02}/{month}/{:04}:{:02}:{:02}:{:02} +0000",
        at.day(),
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    );
}

/// Writes RFC 3339; with `fraction` down to the nanosecond, trailing zeros cut as Go does.
pub(super) fn rfc3339(line: &mut Vec<u8>, at: SystemTime, fraction: bool) {
    let at = utc(at);
    let _ = write!(
        line,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    if fraction && at.nanosecond() > 0 {
        let _ = write!(line, ".{:09}", at.nanosecond());
        while line.last() == Some(&b'0') {
            line.pop();
        }
    }
    line.push(b'Z');
}

/// A clock set beyond the year 9999 shows as the epoch instead of stopping the log.
fn utc(at: SystemTime) -> OffsetDateTime {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let nanoseconds = i128::try_from(since.as_nanos()).unwrap_or_default();
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times() {
        let table: &[(u64, u32, &str, &str)] = &[
            (0, 0, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00Z"),
            (1_795_197_901, 120_000_000, "20/Nov/2026:18:05:01 +0000", "2026-11-20T18:05:01.12Z"),
            (951_782_399, 1, "28/Feb/2000:23:59:59 +0000", "2000-02-28T23:59:59.000000001Z"),
            (951_782_400, 0, "29/Feb/2000:00:00:00 +0000", "2000-02-29T00:00:00Z"),
            (u64::MAX / 4, 0, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00Z"),
        ];
        for (seconds, nanoseconds, common, rfc) in table {
            let Some(at) =
                SystemTime::UNIX_EPOCH.checked_add(Duration::new(*seconds, *nanoseconds))
            else {
                continue;
            };
            let mut line = Vec::new();
            clf(&mut line, at);
            assert_eq!(String::from_utf8_lossy(&line), *common);
            line.clear();
            rfc3339(&mut line, at, true);
            assert_eq!(String::from_utf8_lossy(&line), *rfc);
        }
    }

    #[test]
    fn whole_seconds() {
        let mut line = Vec::new();
        rfc3339(&mut line, SystemTime::UNIX_EPOCH + Duration::from_millis(1_999), false);
        assert_eq!(line, b"1970-01-01T00:00:01Z");
    }
}
