//! What kind of thing some bytes are, by the signatures of the WHATWG MIME Sniffing Standard, in
//! the selection and order of Go's `http.DetectContentType`.

/// So many bytes are looked at.
pub const SNIFFED: usize = 512;

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Tags that begin HTML, in upper case: any case fits, a blank or `>` has to follow.
const TAGS: &[&[u8]] = &[
    b"<!DOCTYPE HTML",
    b"<HTML",
    b"<HEAD",
    b"<SCRIPT",
    b"<IFRAME",
    b"<H1",
    b"<DIV",
    b"<FONT",
    b"<TABLE",
    b"<A",
    b"<STYLE",
    b"<TITLE",
    b"<B",
    b"<BODY",
    b"<BR",
    b"<P",
    b"<!--",
];

/// First bytes, at least so many bytes in all, and the type. `?` fits any byte; no signature has one.
type Signature = (&'static [u8], usize, &'static str);

const BEFORE_MP4: &[Signature] = &[
    (b"%PDF-", 0, "application/pdf"),
    (b"%!PS-Adobe-", 0, "application/postscript"),
    // Byte order marks count from four bytes on.
    (b"\xfe\xff", 4, "text/plain; charset=utf-16be"),
    (b"\xff\xfe", 4, "text/plain; charset=utf-16le"),
    (b"\xef\xbb\xbf", 4, TEXT),
    (b"\0\0\x01\0", 0, "image/x-icon"),
    (b"\0\0\x02\0", 0, "image/x-icon"),
    (b"BM", 0, "image/bmp"),
    (b"GIF87a", 0, "image/gif"),
    (b"GIF89a", 0, "image/gif"),
    (b"RIFF????WEBPVP", 0, "image/webp"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"FORM????AIFF", 0, "audio/aiff"),
    (b"ID3", 0, "audio/mpeg"),
    (b"OggS\0", 0, "application/ogg"),
    (b"MThd\0\0\0\x06", 0, "audio/midi"),
    (b"RIFF????AVI ", 0, "video/avi"),
    (b"RIFF????WAVE", 0, "audio/wave"),
];

const BEHIND_MP4: &[Signature] = &[
    (b"\x1a\x45\xdf\xa3", 0, "video/webm"),
    (b"??????????????????????????????????LP", 0, "application/vnd.ms-fontobject"),
    (b"\0\x01\0\0", 0, "font/ttf"),
    (b"OTTO", 0, "font/otf"),
    (b"ttcf", 0, "font/collection"),
    (b"wOFF", 0, "font/woff"),
    (b"wOF2", 0, "font/woff2"),
    (b"\x1f\x8b\x08", 0, "application/x-gzip"),
    (b"PK\x03\x04", 0, "application/zip"),
    (b"Rar!\x1a\x07\0", 0, "application/x-rar-compressed"),
    (b"Rar!\x1a\x07\x01\0", 0, "application/x-rar-compressed"),
    (b"\0asm", 0, "application/wasm"),
];

/// The type of what begins so; always one.
pub fn sniff(data: &[u8]) -> &'static str {
    let data = data.get(..SNIFFED).unwrap_or(data);
    let blank = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
    let blanks = data.iter().take_while(|byte| blank(byte)).count();
    let visible = data.get(blanks..).unwrap_or_default();
    if TAGS.iter().any(|tag| is_tag(visible, tag)) {
        return HTML;
    }
    if visible.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    if let Some(known) = signed(data, BEFORE_MP4) {
        return known;
    }
    if is_mp4(data) {
        return "video/mp4";
    }
    if let Some(known) = signed(data, BEHIND_MP4) {
        return known;
    }
    let binary = |byte: &u8| matches!(byte, 0..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if visible.iter().any(binary) { "application/octet-stream" } else { TEXT }
}

fn is_tag(data: &[u8], tag: &[u8]) -> bool {
    let begins = data.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag));
    begins && matches!(data.get(tag.len()), Some(b' ' | b'>'))
}

fn signed(data: &[u8], signatures: &[Signature]) -> Option<&'static str> {
    let fits = |signature: &[u8]| {
        let mut pairs = data.iter().zip(signature);
        data.len() >= signature.len() && pairs.all(|(a, b)| a == b || *b == b'?')
    };
    signatures.iter().find(|(bytes, least, _)| data.len() >= *least && fits(bytes)).map(|it| it.2)
}

/// A box `ftyp` that is here as a whole and names a brand `mp4`; its third word is a version.
fn is_mp4(data: &[u8]) -> bool {
    let (Some(size), Some(b"ftyp")) = (data.first_chunk::<4>(), data.get(4..8)) else {
        return false;
    };
    let size = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
    if data.len() < 12 || size % 4 != 0 {
        return false;
    }
    let Some(brands) = data.get(8..size.max(8)).filter(|_| size <= data.len()) else {
        return false;
    };
    brands.chunks(4).enumerate().any(|(place, brand)| place != 1 && brand.starts_with(b"mp4"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signature() {
        for (bytes, _, expected) in BEFORE_MP4.iter().chain(BEHIND_MP4) {
            let mut data: Vec<u8> =
                bytes.iter().map(|byte| if *byte == b'?' { 0 } else { *byte }).collect();
            data.extend_from_slice(b"\0\0");
            assert_eq!(sniff(&data), *expected, "{data:?}");
            data.insert(0, b'x');
            assert_ne!(sniff(&data), *expected, "{data:?}");
        }
        for tag in TAGS {
            let text = String::from_utf8_lossy(tag);
            for (data, expected) in [
                (format!("{text}>"), HTML),
                (format!(" \t\r\n\x0c{} ", text.to_lowercase()), HTML),
                (text.to_string(), TEXT),
                (format!("{text}x>"), TEXT),
                (format!("\x0b{text}>"), "application/octet-stream"),
            ] {
                // What follows may be another tag.
                let longer = TAGS.iter().any(|other| is_tag(data.as_bytes(), other));
                let expected = if longer { HTML } else { expected };
                assert_eq!(sniff(data.as_bytes()), expected, "{data:?}");
            }
        }
    }

    #[test]
    fn everything_else() {
        const BYTES: &str = "application/octet-stream";
        let table: &[(&[u8], &str)] = &[
            (b"", TEXT),
            (b"   ", TEXT),
            (b"plain", TEXT),
            (b"\x1b[1mbold", TEXT),
            (b"\xff\xff\xff", TEXT),
            (b"a\0", BYTES),
            (b"a\x0b", BYTES),
            (b"{\"a\": 1}", TEXT),
            (b" \n<?xml version=\"1.0\"?>", "text/xml; charset=utf-8"),
            (b"<?XML", TEXT),
            (b" %PDF-", TEXT),
            (b"\xfe\xff", TEXT),
            (b"\xfe\xff\0", BYTES),
            (b"\xef\xbb\xbf\0", TEXT),
            (b"\xef\xbb\xbf", TEXT),
            (b"RIFFxxxxWEBPVQ", TEXT),
            (b"\0\0\0\x10ftypxxxx\0\0\0\0", BYTES),
            (b"\0\0\0\x0cftypmp4x", "video/mp4"),
            (b"\0\0\0\x10ftypxxxxmp4x", BYTES),
            (b"\0\0\0\x14ftypxxxx\0\0\0\0mp4x", "video/mp4"),
            (b"\0\0\0\x18ftypxxxx\0\0\0\0mp4x", BYTES),
            (b"\0\0\0\x15ftypxxxx\0\0\0\0mp4x    ", BYTES),
            (b"\0\0\0\x04ftypmp4x", BYTES),
            (b"\0\0\0\0ftypmp4x", BYTES),
            (b"\0\0\0\x0cftypmp4", BYTES),
            (b"\xff\xff\xff\xfcftypmp4x", TEXT),
        ];
        for (data, expected) in table {
            assert_eq!(sniff(data), *expected, "{:?}", String::from_utf8_lossy(data));
        }
        let mut long = vec![b'a'; SNIFFED];
        long.push(0);
        assert_eq!(sniff(&long), TEXT);
        assert_eq!(sniff(&long[1..]), BYTES);
        assert_eq!(sniff(&[b' '; 600]), TEXT);
    }
}
