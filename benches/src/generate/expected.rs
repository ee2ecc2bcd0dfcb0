//! What makes an answer a good one.

use super::outcome::Cause;
use super::work::Work;

/// What each answer must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// The only good status; `None`: 2xx.
    pub status: Option<u16>,
    /// The only good length of the body; `None`: any.
    pub body: Option<u64>,
}

impl Expected {
    /// As the work says.
    pub fn of(work: &Work) -> Self {
        Self { status: work.expected_status, body: work.expected_body }
    }

    /// What is wrong with an answer, if anything.
    pub fn judge(self, status: Option<u16>, body: u64) -> Option<Cause> {
        let good = status.is_some_and(|status| match self.status {
            Some(expected) => status == expected,
            None => (200..300).contains(&status),
        });
        if !good {
            Some(Cause::Status)
        } else if self.body.is_some_and(|expected| expected != body) {
            Some(Cause::Body)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        let any = Expected::default();
        let exact = Expected { status: Some(302), body: Some(5) };
        let table = [
            (any, Some(200), 7, None),
            (any, Some(299), 0, None),
            (any, Some(302), 0, Some(Cause::Status)),
            (any, None, 0, Some(Cause::Status)),
            (exact, Some(302), 5, None),
            (exact, Some(302), 6, Some(Cause::Body)),
            (exact, Some(200), 5, Some(Cause::Status)),
        ];
        for (expected, status, body, cause) in table {
            assert_eq!(expected.judge(status, body), cause, "{expected:?} {status:?} {body}");
        }
    }
}
