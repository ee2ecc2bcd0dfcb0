//! Which encoding an answer gets: the client's `Accept-Encoding`, read as Traefik reads it.

use std::borrow::Cow;
use std::cmp::Ordering;

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, HeaderValue};

/// A content coding (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Encoding {
    Gzip,
    Brotli,
    Zstd,
}

impl Encoding {
    /// As options and headers name it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "gzip" => Some(Self::Gzip),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The same, back.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// As the value of a header.
    pub fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }
}

/// The encodings that may be chosen.
#[derive(Debug)]
pub struct Offer {
    /// In order of preference; never empty.
    pub encodings: Vec<Encoding>,
    /// For clients that leave the choice to us.
    pub default: Option<Encoding>,
}

/// What a client asks for, in the order in which equal weights are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    Anything,
    /// By its place in [`Offer::encodings`].
    Offered(usize),
    Identity,
}

impl Offer {
    /// The encoding for a request with these headers; `None`: the answer is not to be touched.
    pub fn choose(&self, headers: &HeaderMap) -> Option<Encoding> {
        let mut lines = headers.get_all(ACCEPT_ENCODING).iter().peekable();
        if lines.peek().is_none() {
            return self.default;
        }
        let items = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        let mut best: Option<(Wish, f64)> = None;
        for (wish, weight) in items.filter_map(|item| self.wish(item)) {
            let better = best.is_none_or(|(other, heaviest)| match compare(weight, heaviest) {
                Ordering::Equal => wish < other,
                order => order == Ordering::Greater,
            });
            if better {
                best = Some((wish, weight));
            }
        }
        match best?.0 {
            Wish::Anything => self.default.or_else(|| self.encodings.first().copied()),
            Wish::Offered(place) => self.encodings.get(place).copied(),
            Wish::Identity => None,
        }
    }

    /// One item of the list, and its weight if it is acceptable. Only blanks are left out, and a
    /// parameter before `q` hides it.
    fn wish(&self, item: &[u8]) -> Option<(Wish, f64)> {
        let outer = item.iter().take_while(|byte| **byte == b' ').count();
        let item = std::str::from_utf8(item.get(outer..)?).ok()?;
        let item = match item.contains(' ') {
            true => Cow::Owned(item.replace(' ', "")),
            false => Cow::Borrowed(item),
        };
        let (name, parameter) = item.split_once(';').unwrap_or((&*item, ""));
        let wish = match name {
            "*" => Wish::Anything,
            "identity" => Wish::Identity,
            name => {
                let named = Encoding::named(name)?;
                // The last of equals, as in a map.
                Wish::Offered(self.encodings.iter().rposition(|offered| *offered == named)?)
            }
        };
        let weight = match parameter.strip_prefix("q=") {
            Some(weight) => weight.parse().unwrap_or(0.0),
            None => 1.0,
        };
        (weight != 0.0).then_some((wish, weight))
    }
}

/// As Go compares: what is no number is less than any.
fn compare(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Whether the first `Accept-Encoding` line accepts gzip by its name: the gzip of Traefik looks
/// again, more kindly, but neither at other lines nor at `*`.
pub fn names_gzip(headers: &HeaderMap) -> bool {
    let Some(line) = headers.get(ACCEPT_ENCODING) else { return false };
    for item in line.as_bytes().split(|byte| *byte == b',') {
        let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case(b"gzip")) {
            continue;
        }
        let mut weights = parts.filter_map(|part| part.strip_prefix(b"q="));
        let weight = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<f64>().ok();
        return weights.next_back().is_none_or(|text| weight(text).unwrap_or(0.0) > 0.0);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::Encoding::{Brotli, Gzip, Zstd};
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn what_is_chosen() {
        let all = &[Gzip, Brotli, Zstd][..];
        let turned = &[Zstd, Brotli, Gzip][..];
        type Row<'a> = (&'a [Encoding], Option<Encoding>, &'a [&'a str], Option<Encoding>);
        let table: &[Row<'_>] = &[
            (all, None, &[], None),
            (all, Some(Zstd), &[], Some(Zstd)),
            (all, Some(Zstd), &[""], None),
            (all, Some(Zstd), &["", ""], None),
            (all, None, &["gzip, deflate, br, zstd"], Some(Gzip)),
            (turned, None, &["gzip, deflate, br, zstd"], Some(Zstd)),
            (&[Brotli], None, &["gzip, deflate"], None),
            (all, None, &["deflate"], None),
            (all, None, &["GZIP"], None),
            (all, None, &["br;q=0.9, gzip;q=0.8"], Some(Brotli)),
            (all, None, &["br; q = 0.9, gzip;q=0.8"], Some(Brotli)),
            (all, None, &["br;\tq=0.9, gzip;q=0.8"], Some(Brotli)),
            (all, None, &["gzip\t"], None),
            (all, None, &["gzip;q=0"], None),
            (all, None, &["gzip;q=0.0, br;q=0.001"], Some(Brotli)),
            (all, None, &["gzip;q=x, br;q=0.001"], Some(Brotli)),
            (all, None, &["gzip;q=, br;q=0.001"], Some(Brotli)),
            (all, None, &["gzip;q=1;x=y, br;q=0.001"], Some(Brotli)),
            (all, None, &["gzip;x=y;q=0, br;q=0.5"], Some(Gzip)),
            (all, None, &["gzip;Q=0, br;q=0.5"], Some(Gzip)),
            (all, None, &["gzip;q=2, br;q=3"], Some(Brotli)),
            (all, None, &["gzip;q=-1, br;q=-2"], Some(Gzip)),
            (all, None, &["gzip;q=NaN, br;q=-2"], Some(Brotli)),
            (all, None, &["gzip;q=inf, br;q=5"], Some(Gzip)),
            (all, None, &["gzip", "br;q=0.5"], Some(Gzip)),
            (all, None, &["gzip;q=0.4", "br;q=0.5"], Some(Brotli)),
            (all, None, &["*"], Some(Gzip)),
            (turned, None, &["*"], Some(Zstd)),
            (all, Some(Brotli), &["*"], Some(Brotli)),
            (all, Some(Brotli), &["gzip, *"], Some(Brotli)),
            (all, None, &["*;q=0"], None),
            (all, None, &["*;q=0, br;q=0.1"], Some(Brotli)),
            (all, None, &["*;q=0.1, br;q=0.1"], Some(Gzip)),
            (all, None, &["identity"], None),
            (all, None, &["identity, br"], Some(Brotli)),
            (all, None, &["identity, br;q=0.9"], None),
            (all, None, &["identity;q=0, br"], Some(Brotli)),
            (all, None, &["identity;q=0"], None),
            (all, None, &["é, br"], Some(Brotli)),
            (&[Gzip, Brotli, Gzip], None, &["gzip, br"], Some(Brotli)),
        ];
        for (encodings, default, lines, expected) in table {
            let offer = Offer { encodings: encodings.to_vec(), default: *default };
            assert_eq!(
                offer.choose(&headers(lines)),
                *expected,
                "{encodings:?} {default:?} {lines:?}"
            );
        }
    }

    #[test]
    fn gzip_by_its_name() {
        let table: &[(&[&str], bool)] = &[
            (&[], false),
            (&[""], false),
            (&["gzip"], true),
            (&["br, GZIP ; x=y ; q=0.5"], true),
            (&["gzip;q=0"], false),
            (&["gzip;q=x"], false),
            (&["gzip;q=-1"], false),
            (&["gzip;q=0, gzip"], false),
            (&["gzip;q=0;q=1"], true),
            (&["*"], false),
            (&["x-gzip"], false),
            (&["br", "gzip"], false),
        ];
        for (lines, expected) in table {
            assert_eq!(names_gzip(&headers(lines)), *expected, "{lines:?}");
        }
    }
}
