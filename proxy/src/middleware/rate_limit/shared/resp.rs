//! What is said to Redis and what it answers (RESP2), as far as a rate limit needs it.

use bytes::BytesMut;

/// No answer that we ask for is longer, bytes.
const LONGEST: usize = 64 * 1024;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A number.
    Integer(i64),
    /// It did not do what was asked, and why.
    Refused(String),
    /// Anything else that it said in one piece.
    Other,
}

/// What came is no answer to anything that we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Writes a command behind what stands in `into`.
pub(super) fn write(into: &mut Vec<u8>, words: &[&[u8]]) {
    let number = |into: &mut Vec<u8>, sign: u8, number: usize| {
        into.push(sign);
        into.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        into.extend_from_slice(b"\r\n");
    };
    number(into, b'*', words.len());
    for word in words {
        number(into, b'$', word.len());
        into.extend_from_slice(word);
        into.extend_from_slice(b"\r\n");
    }
}

/// Takes the first answer out of what has arrived; `None`: it is not whole yet.
pub(super) fn read(arrived: &mut BytesMut) -> Result<Option<Reply>, Malformed> {
    let Some(end) = arrived.windows(2).position(|pair| pair == b"\r\n") else {
        return if arrived.len() > LONGEST { Err(Malformed) } else { Ok(None) };
    };
    let line = arrived.get(..end).unwrap_or_default();
    let (Some(kind), Some(rest)) = (line.first(), line.get(1..)) else { return Err(Malformed) };
    let number = || str::from_utf8(rest).ok().and_then(|text| text.parse::<i64>().ok());
    let mut length = end + 2;
    let reply = match kind {
        b':' => Reply::Integer(number().ok_or(Malformed)?),
        b'-' => Reply::Refused(String::from_utf8_lossy(rest).into_owned()),
        b'+' => Reply::Other,
        b'$' => match number().ok_or(Malformed)? {
            // Nothing.
            -1 => Reply::Other,
            bytes => {
                let bytes = usize::try_from(bytes).map_err(|_| Malformed)?;
                if bytes > LONGEST {
                    return Err(Malformed);
                }
                length += bytes + 2;
                if arrived.len() < length {
                    return Ok(None);
                }
                Reply::Other
            }
        },
        _ => return Err(Malformed),
    };
    drop(arrived.split_to(length));
    Ok(Some(reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes() {
        let mut text = Vec::new();
        write(&mut text, &[b"GET", b"a\r\nb", b""]);
        write(&mut text, &[b"PING"]);
        assert_eq!(text, b"*3\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n");
    }

    #[test]
    fn reads() {
        type Read = Result<Option<Reply>, Malformed>;
        // What has arrived, what is read of it, what is left.
        let table: &[(&str, Read, &str)] = &[
            ("", Ok(None), ""),
            (":1", Ok(None), ":1"),
            (":1\r", Ok(None), ":1\r"),
            (":-12\r\n+OK", Ok(Some(Reply::Integer(-12))), "+OK"),
            ("+OK\r\n", Ok(Some(Reply::Other)), ""),
            ("-ERR no\r\n:1\r\n", Ok(Some(Reply::Refused("ERR no".into()))), ":1\r\n"),
            ("$3\r\nabc", Ok(None), "$3\r\nabc"),
            ("$3\r\na\r\n\r\n:1\r\n", Ok(Some(Reply::Other)), ":1\r\n"),
            ("$0\r\n\r\n", Ok(Some(Reply::Other)), ""),
            ("$-1\r\n", Ok(Some(Reply::Other)), ""),
            ("$-2\r\n", Err(Malformed), ""),
            ("$99999999999999999999\r\n", Err(Malformed), ""),
            ("$9223372036854775807\r\n", Err(Malformed), ""),
            ("$65537\r\n", Err(Malformed), ""),
            (":x\r\n", Err(Malformed), ""),
            ("\r\n", Err(Malformed), ""),
            ("*1\r\n:1\r\n", Err(Malformed), ""),
            ("HTTP/1.1 400 Bad Request\r\n", Err(Malformed), ""),
        ];
        for (text, expected, rest) in table {
            let mut arrived = BytesMut::from(*text);
            let reply = read(&mut arrived);
            assert_eq!(reply, *expected, "{text:?}");
            if reply.is_ok() {
                assert_eq!(arrived, rest.as_bytes(), "{text:?}");
            }
        }
        let mut endless = BytesMut::from(&[b'+'; LONGEST + 1][..]);
        assert_eq!(read(&mut endless), Err(Malformed));
    }
}
