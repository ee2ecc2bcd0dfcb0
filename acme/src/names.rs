//! Names of a certificate: as written, as the CA sees them, and which certificate covers them.

use std::collections::HashSet;
use std::net::IpAddr;

use instant_acme::Identifier;

/// A name as somebody wrote it, and its form at the CA.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name {
    /// As written (`bücher.test`); goes into the storage.
    pub(crate) written: String,
    /// Lower-case, in punycode (`xn--bcher-kva.test`).
    pub(crate) ascii: String,
}

impl Name {
    /// Reads a name. One that has no ASCII form keeps what it has; [`refusal`] will say so.
    pub(crate) fn new(written: &str) -> Self {
        let trimmed = written.trim().trim_end_matches('.');
        let ascii = match idna::domain_to_ascii(trimmed) {
            Ok(ascii) => ascii,
            Err(_) => trimmed.to_lowercase(),
        };
        Self { written: written.to_owned(), ascii }
    }
}

/// The names of one certificate, main first, without repetition and without those that a wildcard
/// of the same set covers (CAs refuse such orders).
pub(crate) fn set<'a>(written: impl IntoIterator<Item = &'a String>) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for name in written.into_iter().map(|name| Name::new(name)) {
        if !name.ascii.is_empty() && !names.iter().any(|other| other.ascii == name.ascii) {
            names.push(name);
        }
    }
    let wildcards: HashSet<String> =
        names.iter().filter(|n| n.ascii.starts_with("*.")).map(|n| n.ascii.clone()).collect();
    names.retain(|name| !covered_by_wildcard(&wildcards, &name.ascii));
    names
}

/// Whether a set of names, wildcards among them, covers a name: exactly, or for one label.
pub(crate) fn covered(names: &HashSet<String>, name: &str) -> bool {
    names.contains(name) || covered_by_wildcard(names, name)
}

fn covered_by_wildcard(names: &HashSet<String>, name: &str) -> bool {
    match name.split_once('.') {
        Some((label, parent)) if label != "*" && !names.is_empty() => {
            names.contains(&format!("*.{parent}"))
        }
        _ => false,
    }
}

/// Why no CA would be asked for these names over HTTP-01; asking anyway would only use up limits.
pub(crate) fn refusal<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    names.into_iter().find_map(|name| {
        if name.contains('*') && !name.starts_with("*.") || name == "*." {
            Some(format!("{name:?} is not a name that a CA can certify"))
        } else if name.starts_with("*.") {
            Some(format!(
                "the wildcard {name:?} can only be had over the DNS challenge, which is not \
                 served yet"
            ))
        } else if !name.is_ascii() || name.contains(|c: char| c.is_ascii_control() || c == ' ') {
            Some(format!("{name:?} is not a domain name"))
        } else {
            None
        }
    })
}

/// The CA's identifier: an address or a DNS name.
pub(crate) fn identifier(name: &str) -> Identifier {
    match name.parse::<IpAddr>() {
        Ok(ip) => Identifier::Ip(ip),
        Err(_) => Identifier::Dns(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Name, covered, refusal, set};

    #[test]
    fn ascii_form() {
        let table = [
            ("a.test", "a.test"),
            ("A.Test", "a.test"),
            ("a.test.", "a.test"),
            ("bücher.test", "xn--bcher-kva.test"),
            ("BÜCHER.test", "xn--bcher-kva.test"),
            ("*.w.test", "*.w.test"),
            ("with_underscore.test", "with_underscore.test"),
            ("10.0.0.1", "10.0.0.1"),
        ];
        for (written, ascii) in table {
            assert_eq!(Name::new(written).ascii, ascii, "{written}");
        }
    }

    #[test]
    fn sets() {
        let table: &[(&[&str], &[&str])] = &[
            (&["a.test", "b.test"], &["a.test", "b.test"]),
            (&["b.test", "a.test", "b.test"], &["b.test", "a.test"]),
            (&["A.test", "a.test"], &["A.test"]),
            (
                &["*.w.test", "x.w.test", "w.test", "x.y.w.test"],
                &["*.w.test", "w.test", "x.y.w.test"],
            ),
            (&["", "a.test"], &["a.test"]),
            (&[], &[]),
        ];
        for (written, expected) in table {
            let written: Vec<String> = written.iter().map(ToString::to_string).collect();
            let names: Vec<String> = set(&written).into_iter().map(|name| name.written).collect();
            assert_eq!(names, *expected, "{written:?}");
        }
    }

    #[test]
    fn coverage() {
        let names: HashSet<String> =
            ["a.test", "*.w.test"].into_iter().map(str::to_owned).collect();
        let table = [
            ("a.test", true),
            ("b.test", false),
            ("x.w.test", true),
            ("w.test", false),
            ("x.y.w.test", false),
            ("*.w.test", true),
            ("*.test", false),
            ("test", false),
        ];
        for (name, expected) in table {
            assert_eq!(covered(&names, name), expected, "{name}");
        }
    }

    #[test]
    fn refusals() {
        let table = [
            ("a.test", None),
            ("10.0.0.1", None),
            ("2001:db8::1", None),
            ("*", Some("not a name")),
            ("*.w.test", Some("DNS challenge")),
            ("a.*.test", Some("not a name")),
            ("a b.test", Some("not a domain name")),
        ];
        for (name, expected) in table {
            let refusal = refusal([name]);
            match expected {
                None => assert_eq!(refusal, None, "{name}"),
                Some(part) => assert!(refusal.unwrap().contains(part), "{name}"),
            }
        }
        assert!(refusal(["a.test", "*"]).is_some(), "one is enough");
    }
}
