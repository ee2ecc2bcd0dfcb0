//! Tables of hosts, paths and queries (reference: HTTP routing §4, §5, §13).

use std::borrow::Cow;

use super::{has_broken_escape, host, path, query, routing_path, split_port};

#[test]
fn hosts() {
    let table = [
        ("EXAMPLE.test:99", "example.test"),
        ("example.test", "example.test"),
        ("example.test.:443", "example.test."),
        ("[::1]", "::1"),
        ("[::1]:80", "::1"),
        ("::1", "::1"),
        ("[FE80::A]:80", "fe80::a"),
        ("[::1]x", "[::1]x"),
        ("[::1", "[::1"),
        ("[a.test]", "[a.test]"),
        ("[a.test]:80", "[a.test]:80"),
        ("[127.0.0.1]", "[127.0.0.1]"),
        ("[::1%25.a.test]:80", "[::1%25.a.test]:80"),
        ("[]:80", "[]:80"),
        ("host:", "host"),
        (":80", ""),
        ("", ""),
        (" a.test ", "a.test"),
        ("\u{212a}.test", "\u{212a}.test"),
    ];
    for (sent, canonical) in table {
        assert_eq!(host(sent), canonical, "{sent:?}");
    }
    assert!(matches!(host("a.test:80"), Cow::Borrowed(_)));
}

#[test]
fn paths() {
    // Sent, sanitised, not sanitised.
    let table = [
        ("/%66oo", "/foo", "/foo"),
        ("/a%2fb", "/a%2Fb", "/a%2Fb"),
        ("/a%2Fb", "/a%2Fb", "/a%2Fb"),
        ("/%41%5a%7e%2D%5f", "/AZ~-_", "/AZ~-_"),
        ("/a//b", "/a/b", "/a//b"),
        ("/a/./b", "/a/b", "/a/./b"),
        ("/a/../b", "/b", "/a/../b"),
        ("/a/%2e%2e/b", "/b", "/a/../b"),
        ("/a/%2E./b", "/b", "/a/../b"),
        ("/../../x", "/x", "/../../x"),
        ("/%2e%2e/a", "/a", "/../a"),
        ("/a/.", "/a", "/a/."),
        ("/a/./", "/a/", "/a/./"),
        ("/a/..", "/", "/a/.."),
        ("/a/../", "/", "/a/../"),
        ("/a/b/..", "/a", "/a/b/.."),
        ("/a/b/../", "/a/", "/a/b/../"),
        ("//a//b//", "/a/b/", "//a//b//"),
        ("//", "/", "//"),
        ("/", "/", "/"),
        ("/.", "/", "/."),
        ("/..", "/", "/.."),
        ("/a/%2F/../b", "/a/b", "/a/%2F/../b"),
        ("/a/...", "/a/...", "/a/..."),
        ("/a/.b", "/a/.b", "/a/.b"),
        ("/a/b/", "/a/b/", "/a/b/"),
        ("", "/", ""),
        ("*", "*", "*"),
        ("a/b", "/a/b", "a/b"),
        // What is decoded once is not decoded again.
        ("/%2561", "/%2561", "/%2561"),
        ("/%252e%252e/a", "/%252e%252e/a", "/%252e%252e/a"),
        // Illegal in a path, hence escaped; the reserved ones stay.
        (
            "/a|b\"c<d>e{f}g^h\\i`j k",
            "/a%7Cb%22c%3Cd%3Ee%7Bf%7Dg%5Eh%5Ci%60j%20k",
            "/a%7Cb%22c%3Cd%3Ee%7Bf%7Dg%5Eh%5Ci%60j%20k",
        ),
        ("/é", "/%C3%A9", "/%C3%A9"),
        ("/!'()*[]$&+,;=:@", "/!'()*[]$&+,;=:@", "/!'()*[]$&+,;=:@"),
        ("/a?b#c", "/a%3Fb%23c", "/a%3Fb%23c"),
        // Broken escapes are kept for the caller to refuse.
        ("/a%", "/a%", "/a%"),
        ("/a%4", "/a%4", "/a%4"),
        ("/a%zz/../b", "/b", "/a%zz/../b"),
        ("/%%41", "/%A", "/%A"),
    ];
    for (sent, sanitised, kept) in table {
        for (sanitize, expected) in [(true, sanitised), (false, kept)] {
            let changed = path(sent, sanitize);
            assert_eq!(changed.as_deref().unwrap_or(sent), expected, "{sent:?} {sanitize}");
            // Nothing is allocated for nothing.
            assert_eq!(changed.is_some(), sent != expected, "{sent:?} {sanitize}");
        }
    }
}

#[test]
fn hosts_without_their_ports() {
    for (sent, expected) in [
        ("a.test", "a.test"),
        ("A.test:80", "A.test"),
        ("a.test:", "a.test"),
        ("[::1]", "[::1]"),
        ("[::1]:80", "::1"),
        ("::1", "::1"),
        ("[::1", "[::1"),
        ("[::1]x:80", "[::1]x:80"),
        ("[", "["),
        (":80", ""),
        ("", ""),
    ] {
        assert_eq!(split_port(sent), expected, "{sent:?}");
    }
}

#[test]
fn broken_escapes() {
    for (text, broken) in [
        ("/a%20b", false),
        ("/%fF", false),
        ("/", false),
        ("/%", true),
        ("/%2", true),
        ("/%2g", true),
        ("/%20%", true),
        ("/%+1", true),
    ] {
        assert_eq!(has_broken_escape(text), broken, "{text:?}");
    }
}

#[test]
fn routing_paths() {
    let table: &[(&str, &[u8])] = &[
        ("/foo%20bar", b"/foo bar"),
        ("/foo+bar", b"/foo+bar"),
        ("/foo%2Fbar", b"/foo%2Fbar"),
        ("/%C3%A9", "/é".as_bytes()),
        ("/a;b", b"/a;b"),
        ("/a%3Bb", b"/a%3Bb"),
        ("/a%24b", b"/a%24b"),
        ("/100%25", b"/100%25"),
        ("/%FF%00", b"/\xff\x00"),
        ("/%3A%2F%3F%23%5B%5D%40", b"/%3A%2F%3F%23%5B%5D%40"),
        ("/%21%24%26%27%28%29%2A%2B%2C%3B%3D", b"/%21%24%26%27%28%29%2A%2B%2C%3B%3D"),
        ("/%7C%22%5C", b"/|\"\\"),
        ("/%", b"/%"),
    ];
    for (canonical, seen) in table {
        assert_eq!(&*routing_path(canonical), *seen, "{canonical}");
    }
    assert!(matches!(routing_path("/plain"), Cow::Borrowed(_)));
}

#[test]
fn queries() {
    assert_eq!(query("a=1&b=2", false), None);
    assert_eq!(query("a=1;b=2;", false).as_deref(), Some("a=1&b=2&"));
    assert_eq!(query("a=1;b=2", true).as_deref(), Some("a=1%3Bb=2"));
}

proptest::proptest! {
    /// Whoever canonicalises again changes nothing: no second reading differs from the first.
    #[test]
    fn paths_are_fixed_points(sent in r"/([a./%|é;]|%2[ef]|%25|%[0-9a-f]{2}|\.\.){0,20}", sanitize: bool) {
        if !has_broken_escape(&sent) {
            let once = path(&sent, sanitize).unwrap_or(sent);
            proptest::prop_assert_eq!(path(&once, sanitize), None);
            proptest::prop_assert!(!has_broken_escape(&once));
            if sanitize {
                proptest::prop_assert!(!once.contains("//") && !once.split('/').any(|s| s == "." || s == ".."));
            }
        }
    }
}
