//! `Date` of our own answers, printed once per second and thread (RFC 9110 section 6.6.1).

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Length of an IMF-fixdate, bytes.
const LENGTH: usize = 29;

thread_local! {
    static PRINTED: RefCell<(u64, [u8; LENGTH])> = const { RefCell::new((u64::MAX, [b' '; LENGTH])) };
}

/// Appends the present date.
pub fn put(out: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    PRINTED.with_borrow_mut(|(second, text)| {
        if *second != now {
            *second = now;
            let printed = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now));
            if let Ok(printed) = printed.as_bytes().try_into() {
                *text = printed;
            }
        }
        out.extend_from_slice(text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_now() {
        let mut out = Vec::new();
        put(&mut out);
        put(&mut out);
        let (first, second) = out.split_at(LENGTH);
        for text in [first, second] {
            let text = std::str::from_utf8(text).expect("ASCII");
            let date = httpdate::parse_http_date(text).expect("a date");
            assert!(date.elapsed().expect("past") < Duration::from_secs(5));
        }
    }
}
