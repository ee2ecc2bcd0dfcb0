//! The answers, made beforehand; only their `Date` changes, once a second, in place.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// `Sat, 21 Nov 2026 00:45:36 GMT` (RFC 9110 section 5.6.7).
const DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// Bytes of a date in this form.
const DATE_LENGTH: usize = 29;

/// One of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// 12 bytes.
    Small,
    /// 1,024 bytes.
    Kilobyte,
    /// 1,048,576 bytes.
    Megabyte,
}

impl Which {
    /// The answer for `path` (its query does not matter).
    pub fn of(path: &[u8]) -> Self {
        match path.split(|&byte| byte == b'?').next().unwrap_or_default() {
            b"/1k" => Self::Kilobyte,
            b"/1m" => Self::Megabyte,
            _ => Self::Small,
        }
    }
}

/// A whole answer, head and body in one piece, so that one call sends it.
#[derive(Debug)]
struct Answer {
    bytes: Vec<u8>,
    head: usize,
    date: usize,
}

impl Answer {
    fn new(body: &[u8]) -> Self {
        let before = "HTTP/1.1 200 OK\r\nDate: ";
        let after = format!(
            "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut bytes = before.as_bytes().to_vec();
        let date = bytes.len();
        bytes.extend_from_slice(&[b' '; DATE_LENGTH]);
        bytes.extend_from_slice(after.as_bytes());
        let head = bytes.len();
        bytes.extend_from_slice(body);
        Self { bytes, head, date }
    }
}

/// All answers.
#[derive(Debug)]
pub(super) struct Answers {
    small: Answer,
    kilobyte: Answer,
    megabyte: Answer,
    /// The second that the dates tell.
    second: i64,
}

impl Answers {
    /// With the date of now.
    pub fn new() -> Self {
        // Not one byte only: a peer that compresses by itself would show in the body's length.
        let text: Vec<u8> = b"0123456789abcdef".iter().copied().cycle().take(1 << 20).collect();
        let mut answers = Self {
            small: Answer::new(b"Hello there\n"),
            kilobyte: Answer::new(text.get(..1024).unwrap_or_default()),
            megabyte: Answer::new(&text),
            second: i64::MIN,
        };
        answers.tell_time();
        answers
    }

    /// Sets the dates to now, if the second is another than theirs.
    pub fn tell_time(&mut self) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let second = since.as_secs() as i64;
        if second == self.second {
            return;
        }
        self.second = second;
        // Fails only for years that have not four digits.
        let date = OffsetDateTime::from_unix_timestamp(second)
            .ok()
            .and_then(|now| now.format(DATE).ok())
            .unwrap_or_default();
        for answer in [&mut self.small, &mut self.kilobyte, &mut self.megabyte] {
            let place = answer.bytes.get_mut(answer.date..answer.date + DATE_LENGTH);
            if let Some(place) = place
                && place.len() == date.len()
            {
                place.copy_from_slice(date.as_bytes());
            }
        }
    }

    /// The bytes of `which`, or of its head only.
    pub fn bytes(&self, which: Which, head_only: bool) -> &[u8] {
        let answer = match which {
            Which::Small => &self.small,
            Which::Kilobyte => &self.kilobyte,
            Which::Megabyte => &self.megabyte,
        };
        if head_only { answer.bytes.get(..answer.head).unwrap_or_default() } else { &answer.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_its_length() {
        let answers = Answers::new();
        let table: &[(&str, usize)] = &[
            ("/small", 12),
            ("/anything", 12),
            ("/1k", 1024),
            ("/1k?a=b", 1024),
            ("/1kb", 12),
            ("/1m", 1_048_576),
        ];
        for (path, length) in table {
            let which = Which::of(path.as_bytes());
            let (whole, head) = (answers.bytes(which, false), answers.bytes(which, true));
            assert_eq!(whole.len() - head.len(), *length, "{path}");
            let head = std::str::from_utf8(head).unwrap();
            assert!(head.contains(&format!("\r\nContent-Length: {length}\r\n")), "{head}");
            assert!(head.ends_with("\r\n\r\n"));
            let date = head.split("Date: ").nth(1).unwrap();
            assert_eq!(date.find(" GMT\r\n"), Some(DATE_LENGTH - 4), "{head}");
        }
    }
}
