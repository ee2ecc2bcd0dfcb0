//! A password's hash, as `htpasswd` writes it.

use std::fmt;

use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::md5_crypt::md5_crypt;
use super::users::Secret;

/// The highest cost of bcrypt that is computed: each more doubles the time, and this one takes
/// seconds already.
const MOST_COST: u32 = 16;

/// Longer salts than anybody makes would make MD5-crypt slow.
const LONGEST_SALT: usize = 64;

/// Salts of other makers set bits that mean nothing; they are read as Go reads them.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));

/// A hash. Its kind goes by how it begins.
#[derive(PartialEq, Eq)]
pub(super) enum Hash {
    /// `{SHA}` and the sum in Base64.
    Sha1(Box<[u8]>),
    /// `$2y$` and its like: cost, salt and the last 31 characters.
    Bcrypt { cost: u32, salt: [u8; 16], sum: [u8; 31] },
    /// `$apr1$` and `$1$`: the magic with its signs, the salt, and the rest.
    Md5Crypt { magic: Box<[u8]>, salt: Box<[u8]>, sum: Box<[u8]> },
    /// No password has this hash: plain text, `$6$`, a damaged one.
    Never,
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

impl Hash {
    /// Whether checking takes so long that no request may wait for another's on the same thread.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self, Self::Bcrypt { .. } | Self::Md5Crypt { .. })
    }

    /// Whether it is this password's. The comparison's time tells nothing.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        match self {
            Self::Sha1(sum) => {
                let found = STANDARD.encode(Sha1::digest(password));
                sum.ct_eq(found.as_bytes()).into()
            }
            Self::Bcrypt { cost, salt, sum } => {
                let Ok(found) = bcrypt::hash_with_salt_bytes(password, *cost, *salt) else {
                    return false;
                };
                found.last_chunk::<31>().is_some_and(|found| found.ct_eq(sum).into())
            }
            Self::Md5Crypt { magic, salt, sum } => {
                sum.ct_eq(&md5_crypt(password, salt, magic)).into()
            }
            Self::Never => false,
        }
    }

    /// What tells it from every other hash.
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        match self {
            Self::Sha1(sum) => [b"sha1", sum, b""],
            Self::Bcrypt { salt, sum, .. } => [b"bcrypt", salt, sum],
            Self::Md5Crypt { magic, salt, sum } => [magic, salt, sum],
            Self::Never => [b"", b"", b""],
        }
    }

    fn bcrypt(text: &[u8]) -> Result<Self, String> {
        // $2y$10$, 22 characters of salt, 31 of sum.
        let read = || {
            let (head, rest) = text.split_at_checked(7)?;
            let cost = std::str::from_utf8(head.get(4..6)?).ok()?.parse().ok()?;
            let (encoded, rest) = rest.split_at_checked(22)?;
            let mut salt = [0; 16];
            let length = LENIENT.decode_slice(encoded, &mut salt).ok()?;
            let whole = head.ends_with(b"$") && length == salt.len() && (4..=31).contains(&cost);
            whole.then_some((cost, salt, *rest.first_chunk::<31>()?))
        };
        match read() {
            None => Ok(Self::Never),
            Some((cost, _, _)) if cost > MOST_COST => Err(format!(
                "has a bcrypt hash of cost {cost}, which takes too long to check; expected 4 to \
                 {MOST_COST}"
            )),
            Some((cost, salt, sum)) => Ok(Self::Bcrypt { cost, salt, sum }),
        }
    }

    fn md5_crypt(text: &[u8]) -> Self {
        let mut parts = text.splitn(4, |byte| *byte == b'$');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(b""), Some(magic @ (b"1" | b"apr1")), Some(salt), Some(sum))
                if salt.len() <= LONGEST_SALT && !sum.is_empty() =>
            {
                Self::Md5Crypt {
                    magic: [b"$", magic, b"$"].concat().into(),
                    salt: salt.into(),
                    sum: sum.into(),
                }
            }
            _ => Self::Never,
        }
    }
}

impl Secret for Hash {
    const EXPECTED: &'static str = "name:hash";

    fn read(rest: &[u8], _realm: &str) -> Result<Option<Self>, String> {
        if rest.contains(&b':') {
            return Err("has more behind its hash; expected name:hash".into());
        }
        let hash = match rest {
            [b'{', b'S', b'H', b'A', b'}', sum @ ..] => Self::Sha1(sum.into()),
            [b'$', b'2', b'a' | b'b' | b'x' | b'y', b'$', ..] => Self::bcrypt(rest)?,
            _ => Self::md5_crypt(rest),
        };
        Ok(Some(hash))
    }

    fn cost(&self) -> u32 {
        match self {
            Self::Never => 0,
            Self::Sha1(_) => 1,
            Self::Md5Crypt { .. } => 2,
            Self::Bcrypt { cost, .. } => *cost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Hash {
        Hash::read(text.as_bytes(), "").unwrap().unwrap()
    }

    #[test]
    fn families() {
        // Made by openssl and by libcrypt's crypt(3).
        for hash in [
            "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
            "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/",
            "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
            "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "$2x$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            // Bits of the salt's last character that mean nothing.
            "$2y$04$abcdefghijklmnopqrstuv2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        ] {
            let hash = read(hash);
            assert!(hash.is_of(b"secret"));
            for other in ["", "Secret", "secret ", "secret\0"] {
                assert!(!hash.is_of(other.as_bytes()), "{other:?}");
            }
        }
        let eight_bits = "$2y$04$abcdefghijklmnopqrstuuF7KK/SfP9IRGj0pPJMr8GdtCS8xpmpC";
        assert!(read(eight_bits).is_of("p\u{e4}ss".as_bytes()));
    }

    #[test]
    fn no_password_fits() {
        for hash in [
            "",
            "secret",
            "$5$abc$qsg6EHbUzHQzF1POlD7zUwBINSELQxypPaeDcZe6vH0",
            "$6$abc$IdWKNKTJEb8LxY7CGg8YBXlvtfZzFw7Mp",
            "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
            "{sha}5en6G6MezRroT3XKqkdPOmY/BfQ=",
            "abJnggxhB/yWI",
            "$2y$04$short",
            "$2y$03$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "$2y$32$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "$2y$xx$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "$2c$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "$2y$04$abcdefghijklmn pqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "$apr1$abcdefgh",
            "$apr1$abcdefgh$",
            "$$apr1$$abcdefgh$$h9FWgUz3n9YxylKLlR5SQ/",
        ] {
            let read = read(hash);
            assert_eq!(read, Hash::Never, "{hash}");
            assert!(!read.is_of(b"secret") && !read.is_of(b""), "{hash}");
        }
        assert!(!read("{SHA}").is_of(b""));
    }

    #[test]
    fn refused() {
        let slow = "$2y$17$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
        let error = Hash::read(slow.as_bytes(), "").unwrap_err();
        assert!(error.contains("cost 17") && !error.contains("abcdef"), "{error}");
        assert!(Hash::read(b"hash:more", "").is_err());
    }

    #[test]
    fn says_nothing_of_itself() {
        assert_eq!(format!("{:?}", read("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")), "Hash");
    }
}
