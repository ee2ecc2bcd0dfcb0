//! As much of HPACK (RFC 7541) as a load needs: a constant request, and an answer's status.

use std::io;

/// The frame type of HEADERS (RFC 9113 section 6.2).
pub(super) const HEADERS: u8 = 1;
/// The flag: the stream ends here.
pub(super) const END_STREAM: u8 = 0x1;
/// The flag: no CONTINUATION follows.
pub(super) const END_HEADERS: u8 = 0x4;

/// Names of the static table that are used (RFC 7541 appendix A).
const STATIC: [(&str, u8); 4] =
    [(":authority", 1), ("accept", 19), ("accept-encoding", 16), ("user-agent", 58)];

/// Appends a HEADERS frame, its stream still 0, that GETs `path` of `host`.
///
/// # Errors
/// The block is longer than a frame that every server must take.
pub(super) fn request(
    out: &mut Vec<u8>,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<()> {
    // `:method: GET`, `:scheme: https`, then `:path` as a literal with the static table's name.
    let mut block = vec![0x82, 0x87, 0x04];
    string(&mut block, path);
    literal(&mut block, ":authority", host);
    for (name, value) in headers {
        literal(&mut block, &name.to_ascii_lowercase(), value);
    }
    let length =
        u16::try_from(block.len()).ok().filter(|length| *length <= 16_384).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the headers are longer than a frame")
        })?;
    let [high, low] = length.to_be_bytes();
    out.extend_from_slice(&[0, high, low, HEADERS, END_STREAM | END_HEADERS, 0, 0, 0, 0]);
    out.extend_from_slice(&block);
    Ok(())
}

/// A header field without indexing (section 6.2.2).
fn literal(out: &mut Vec<u8>, name: &str, value: &str) {
    if let Some((_, index)) = STATIC.iter().find(|(known, _)| *known == name) {
        integer(out, 4, 0, usize::from(*index));
    } else {
        out.push(0);
        string(out, name);
    }
    string(out, value);
}

fn string(out: &mut Vec<u8>, text: &str) {
    integer(out, 7, 0, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// An integer behind `first`'s high bits, with a prefix of `bits` (section 5.1).
fn integer(out: &mut Vec<u8>, bits: u8, first: u8, value: usize) {
    let limit = (1usize << bits) - 1;
    if value < limit {
        out.push(first | value as u8);
        return;
    }
    out.push(first | limit as u8);
    let mut rest = value - limit;
    while rest >= 128 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// The status that a block begins with; `None` if it does not begin with one that can be known
/// without the dynamic table (servers say 200 by the static table's one byte).
pub(super) fn status(mut block: &[u8]) -> Option<u16> {
    // Updates of the table's size may come first (section 6.3).
    while let [first, rest @ ..] = block
        && first & 0xe0 == 0x20
    {
        let more = if first & 0x1f == 0x1f {
            rest.iter().position(|byte| byte & 0x80 == 0)? + 1
        } else {
            0
        };
        block = rest.get(more..)?;
    }
    let (first, rest) = block.split_first()?;
    match first {
        0x88 => return Some(200),
        0x89 => return Some(204),
        0x8a => return Some(206),
        0x8b => return Some(304),
        0x8c => return Some(400),
        0x8d => return Some(404),
        0x8e => return Some(500),
        // A literal with one of the table's seven `:status` names, by any kind of literal.
        0x48..=0x4e | 0x08..=0x0e | 0x18..=0x1e => {}
        _ => return None,
    }
    let (length, rest) = rest.split_first()?;
    let value = rest.get(..usize::from(length & 0x7f))?;
    if length & 0x80 == 0 { std::str::from_utf8(value).ok()?.parse().ok() } else { digits(value) }
}

/// A number in Huffman code (appendix B): `0`, `1`, `2` are 5 bits of that value, `3` to `9` are 6
/// bits from 0x19 on.
fn digits(value: &[u8]) -> Option<u16> {
    let (mut bits, mut have) = (0u32, 0u32);
    let mut bytes = value.iter();
    let mut number = 0u16;
    for _ in 0..3 {
        while have < 6
            && let Some(byte) = bytes.next()
        {
            bits = (bits << 8 | u32::from(*byte)) & 0xffff;
            have += 8;
        }
        let five = (have >= 5).then(|| bits >> (have - 5) & 0x1f)?;
        let digit = if five <= 2 {
            have -= 5;
            five
        } else {
            let six = (have >= 6).then(|| bits >> (have - 6) & 0x3f)?;
            have -= 6;
            (0x19..=0x1f).contains(&six).then(|| six - 0x19 + 3)?
        };
        number = number * 10 + digit as u16;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_in_every_form() {
        let table: &[(&[u8], Option<u16>)] = &[
            (&[0x88], Some(200)),
            (&[0x88, 0x61, 0x03], Some(200)),
            (&[0x8d], Some(404)),
            (&[0x20, 0x88], Some(200)),
            (&[0x3f, 0xe1, 0x1f, 0x88], Some(200)),
            // Literal 302 in Huffman code, the example of RFC 7541 C.6.1.
            (&[0x48, 0x82, 0x64, 0x02], Some(302)),
            // 307, C.6.2.
            (&[0x48, 0x83, 0x64, 0x0e, 0xff], Some(307)),
            (&[0x08, 0x03, b'5', b'0', b'2'], Some(502)),
            (&[0x48, 0x82, 0x10, 0x01], Some(200)),
            (&[0xbe], None),
            (&[0x48, 0x03, b'5'], None),
            (&[0x48, 0x81, 0x10], None),
            (&[0x3f, 0xff], None),
            (&[], None),
        ];
        for (block, expected) in table {
            assert_eq!(status(block), *expected, "{block:02x?}");
        }
    }

    #[test]
    fn a_request_is_one_frame() {
        let mut frame = Vec::new();
        request(&mut frame, "a.test", "/x", &[("User-Agent", "me"), ("X-A", "b")]).unwrap();
        let expected: &[&[u8]] = &[
            &[0, 0, 30, 1, 5, 0, 0, 0, 0, 0x82, 0x87, 4, 2],
            b"/x",
            &[1, 6],
            b"a.test",
            &[0x0f, 43, 2],
            b"me",
            &[0, 3],
            b"x-a",
            &[1],
            b"b",
        ];
        let expected = expected.concat();
        assert_eq!(frame[9..], expected[9..]);
        assert_eq!(usize::from(frame[2]), frame.len() - 9);
        assert_eq!(frame[3..9], expected[3..9]);
        let long = "x".repeat(20_000);
        assert!(request(&mut Vec::new(), "a", "/", &[("a", &long)]).is_err());
    }
}
