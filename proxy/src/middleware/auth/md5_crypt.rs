//! MD5-crypt, as `openssl passwd -1` and `-apr1` compute it.

use md5::{Digest, Md5};

const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The order in which the sum's bytes are written.
const ORDER: [usize; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

/// The last part of `$apr1$salt$…`; `magic` is its first, `$apr1$`.
pub(super) fn md5_crypt(password: &[u8], salt: &[u8], magic: &[u8]) -> Vec<u8> {
    let mixin = sum(&[password, salt, password]);
    let mut first = Md5::new();
    for part in [password, magic, salt] {
        first.update(part);
    }
    for chunk in password.chunks(mixin.len()) {
        first.update(mixin.get(..chunk.len()).unwrap_or(&mixin));
    }
    let mut bits = password.len();
    while bits != 0 {
        let byte = if bits & 1 == 0 { password.get(..1).unwrap_or_default() } else { &[0] };
        first.update(byte);
        bits >>= 1;
    }
    let mut last: [u8; 16] = first.finalize().into();
    for round in 0..1000 {
        let odd = round % 2 == 1;
        let salt = if round % 3 == 0 { &[] } else { salt };
        let between = if round % 7 == 0 { &[] } else { password };
        last = match odd {
            true => sum(&[password, salt, between, &last]),
            false => sum(&[&last, salt, between, password]),
        };
    }
    written(&last)
}

fn sum(parts: &[&[u8]]) -> [u8; 16] {
    let mut sum = Md5::new();
    for part in parts {
        sum.update(part);
    }
    sum.finalize().into()
}

/// Six bits a digit, the lowest first.
fn written(sum: &[u8; 16]) -> Vec<u8> {
    let mut text = Vec::with_capacity(22);
    let (mut value, mut bits) = (0_usize, 0_u32);
    let mut put = |value: usize| text.extend(DIGITS.get(value & 63));
    for at in ORDER {
        value |= usize::from(sum.get(at).copied().unwrap_or_default()) << bits;
        bits += 8;
        while bits > 6 {
            put(value);
            value >>= 6;
            bits -= 6;
        }
    }
    put(value);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_openssl() {
        // Made by `openssl passwd -apr1 -salt …` and `-1`.
        let long = "a long password, longer than sixteen bytes, with äöü";
        let table = [
            ("secret", "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/"),
            ("secret", "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"),
            ("", "$apr1$xy$43..WIhbfuznGvwoCyUek/"),
            ("x", "$apr1$xy$ddeWph.9maGyJSgefk780."),
            ("0123456789abcdef", "$apr1$12345678$vc38ZupyU1KkWqFuFfTA/."),
            (long, "$1$abcdefgh$AQAj8xAdEPoazECRrf3ct0"),
            (long, "$apr1$12345678$KeWpFGg0FxfeGpPWcR4uE0"),
        ];
        for (password, hash) in table {
            let parts: Vec<&str> = hash.split('$').collect();
            let magic = format!("${}$", parts[1]);
            let found = md5_crypt(password.as_bytes(), parts[2].as_bytes(), magic.as_bytes());
            assert_eq!(String::from_utf8(found).unwrap(), parts[3], "{hash}");
        }
    }
}
