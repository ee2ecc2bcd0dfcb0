//! The parameters of `Authorization: Digest …`.

use std::fmt;

/// Those that are looked at, unquoted; of several of a name the last one.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Parameters {
    pub username: String,
    pub nonce: String,
    pub uri: String,
    pub response: String,
    pub qop: String,
    pub nc: String,
    pub cnonce: String,
    pub opaque: String,
    /// `None`: MD5.
    pub algorithm: Option<String>,
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parameters")
    }
}

impl Parameters {
    /// `None`: another scheme. What makes no sense is passed over.
    pub(super) fn read(header: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(header.strip_prefix(b"Digest ")?);
        let mut read = Self::default();
        for part in split(text.trim()) {
            let Some((name, value)) = part.split_once('=') else { continue };
            let value =
                value.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(value);
            let into = match name {
                "username" => &mut read.username,
                "nonce" => &mut read.nonce,
                "uri" => &mut read.uri,
                "response" => &mut read.response,
                "qop" => &mut read.qop,
                "nc" => &mut read.nc,
                "cnonce" => &mut read.cnonce,
                "opaque" => &mut read.opaque,
                "algorithm" => read.algorithm.get_or_insert_default(),
                _ => continue,
            };
            value.clone_into(into);
        }
        Some(read)
    }
}

/// The list's members: commas within quotes are none, a backslash there goes and what follows it
/// stays.
fn split(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for letter in text.chars() {
        match letter {
            _ if escaped => {
                part.push(letter);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            ',' if !quoted => {
                parts.push(part.trim().to_owned());
                part.clear();
            }
            _ => {
                quoted ^= letter == '"';
                part.push(letter);
            }
        }
    }
    parts.push(part.trim().to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Parameters {
        Parameters::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn reads() {
        let read = read(
            r#"Digest username="a \"b\", c", realm="r",nonce="n" , uri="/a,b?c=d", nc=0001, qop=auth,, x, y=, cnonce="", response="e="#,
        );
        assert_eq!(read.username, "a \"b\", c");
        assert_eq!(read.nonce, "n");
        assert_eq!(read.uri, "/a,b?c=d");
        assert_eq!((&*read.nc, &*read.qop, &*read.cnonce), ("0001", "auth", ""));
        // A quote that does not end.
        assert_eq!(read.response, "\"e=");
        assert_eq!(read.algorithm, None);
    }

    #[test]
    fn odd_ones() {
        assert_eq!(read("Digest algorithm=").algorithm.as_deref(), Some(""));
        assert_eq!(read("Digest nc=1, nc=2").nc, "2");
        assert_eq!(read("Digest nc=\"").nc, "\"");
        assert!(read("Digest ") == Parameters::default());
        for other in ["digest nc=1", "Digest", "Basic nc=1", "", "Digest\tnc=1"] {
            assert!(Parameters::read(other.as_bytes()).is_none(), "{other}");
        }
    }
}
