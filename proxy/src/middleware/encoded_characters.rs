//! `encodedCharacters`: which escapes a path may have; none of these, unless allowed.

use http::{StatusCode, request};
use swarmgate_config::routing;

use super::{Context, Edit, Flow};
use crate::respond;
use crate::serve::settle::has_denied_escape;

/// A built `encodedCharacters` (Traefik: EncodedCharacters).
#[derive(Debug)]
pub struct EncodedCharacters {
    /// The two digits of each.
    denied: Vec<[u8; 2]>,
}

impl EncodedCharacters {
    pub(super) fn build(written: &routing::EncodedCharacters) -> Result<Self, String> {
        let all = [
            (written.allow_encoded_slash, *b"2F"),
            (written.allow_encoded_back_slash, *b"5C"),
            (written.allow_encoded_null_character, *b"00"),
            (written.allow_encoded_semicolon, *b"3B"),
            (written.allow_encoded_percent, *b"25"),
            (written.allow_encoded_question_mark, *b"3F"),
            (written.allow_encoded_hash, *b"23"),
        ];
        let denied = all.into_iter().filter(|(allowed, _)| *allowed != Some(true));
        Ok(Self { denied: denied.map(|(_, digits)| digits).collect() })
    }
}

impl Edit for EncodedCharacters {
    fn on_request(&self, head: &mut request::Parts, _: &Context<'_>) -> Flow {
        match has_denied_escape(head.uri.path(), &self.denied) {
            true => Flow::Answer(Box::new(respond::bare(StatusCode::BAD_REQUEST))),
            false => Flow::Next,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::middleware::tests::{build, send};

    #[test]
    fn denies() {
        let all = r#"{"encodedCharacters":{"allowEncodedHash":false}}"#;
        let slash = r#"{"encodedCharacters":{"allowEncodedSlash":true}}"#;
        let table = [
            (all, "/a/b", true),
            (all, "/a%20b?x=%2F", true),
            (all, "/a%2Fb", false),
            (all, "/a%2fb", false),
            (all, "/a%5Cb", false),
            (all, "/a%00", false),
            (all, "/a%3B", false),
            (all, "/a%2525", false),
            (all, "/a%3F", false),
            (all, "/a%23", false),
            (slash, "/a%2Fb", true),
            (slash, "/a%2Fb%3F", false),
        ];
        for (options, target, passes) in table {
            let sent = send(&[&build(options).unwrap()], "h.test", target);
            assert_eq!(!sent.is_answer(), passes, "{options} {target}");
            if !passes {
                let answer = sent.expect_answer();
                assert_eq!(answer.status(), 400);
                assert!(answer.headers().is_empty());
            }
        }
    }
}
