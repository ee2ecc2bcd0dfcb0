//! `addAuthCookiesToResponse`: cookies that the server sets for the client of a request that it
//! lets pass.

use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

/// The names of such cookies.
#[derive(Debug)]
pub(super) struct Cookies(Box<[Box<[u8]>]>);

impl Cookies {
    pub(super) fn build(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.as_bytes().into()).collect())
    }

    /// What the server sets; nothing where nothing of it is handed on.
    pub(super) fn of(&self, said: &HeaderMap) -> Vec<HeaderValue> {
        if self.0.is_empty() {
            return Vec::new();
        }
        said.get_all(SET_COOKIE).iter().cloned().collect()
    }

    /// Puts those of the names into an answer, in place of its own. The server has set some.
    pub(super) fn put(&self, answer: &mut HeaderMap, set: &[HeaderValue]) {
        let own: Vec<HeaderValue> = answer.get_all(SET_COOKIE).iter().cloned().collect();
        answer.remove(SET_COOKIE);
        let own = own.into_iter().filter(|line| !self.names(line));
        for line in own.chain(set.iter().filter(|line| self.names(line)).cloned()) {
            answer.append(SET_COOKIE, line);
        }
    }

    fn names(&self, line: &HeaderValue) -> bool {
        let pair = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default().trim_ascii();
        halves.next().is_some() && self.0.iter().any(|known| **known == *name)
    }

    /// The same in words.
    pub(super) fn told(&self) -> Option<String> {
        let names: Vec<_> = self.0.iter().map(|name| String::from_utf8_lossy(name)).collect();
        (!names.is_empty())
            .then(|| format!("hands on cookies that are set there: {}", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(SET_COOKIE, line.parse().unwrap());
        }
        map
    }

    #[test]
    fn cookies() {
        // The server's, the answer's, what the client gets; `s` and `t` are handed on.
        let table: &[(&[&str], &[&str], &[&str])] = &[
            (&[], &["s=1"], &["s=1"]),
            (&["s=2; Path=/", "u=2"], &["s=1", "v=1"], &["v=1", "s=2; Path=/"]),
            (&["u=2"], &["s=1", " t =1", "v=1"], &["v=1"]),
            (&["s=2", "s=3"], &[], &["s=2", "s=3"]),
            (&["s"], &["v=1; s=2"], &["v=1; s=2"]),
        ];
        let cookies = Cookies::build(&["s".into(), "t".into()]);
        for (server, own, expected) in table {
            let mut answer = lines(own);
            let set = cookies.of(&lines(server));
            if !set.is_empty() {
                cookies.put(&mut answer, &set);
            }
            let got: Vec<_> =
                answer.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
            assert_eq!(got, *expected, "{server:?} {own:?}");
        }
        assert!(Cookies::build(&[]).of(&lines(&["s=1"])).is_empty());
    }
}
