//! Retry until true, with a deadline: the only way in which tests wait.

use std::time::{Duration, Instant};

/// Asks `probe` every few milliseconds until it answers `Ok`, and returns that.
///
/// # Panics
/// After `limit`, with `what` and the last `Err`.
#[track_caller]
pub fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<T, String>,
) -> T {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(value) => return value,
            Err(reason) if start.elapsed() > limit => {
                panic!("{what}: not within {limit:?}; at last: {reason}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_first_ok() {
        let mut left = 3;
        let got = eventually("countdown", Duration::from_secs(5), || {
            left -= 1;
            if left == 0 { Ok("done") } else { Err(format!("{left} left")) }
        });
        assert_eq!(got, "done");
    }

    #[test]
    #[should_panic(expected = "never: not within 20ms; at last: no")]
    fn names_the_last_reason() {
        eventually("never", Duration::from_millis(20), || Err::<(), _>("no".to_owned()));
    }
}
