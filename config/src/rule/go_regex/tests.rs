//! Tables of the regular expression dialect (reference: HTTP routing §6).

use super::memo::{Known, Memo, REFUSED_LIMIT};
use super::{compile, text, translate};

/// Pattern, texts that match, texts that do not.
type Row<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

#[test]
fn patterns_mean_what_they_mean_in_go() {
    let table: &[Row] = &[
        ("", &["", "x"], &[]),
        ("^$", &[""], &["x", "\n"]),
        ("^a.c$", &["abc", "aéc"], &["a\nc", "ac"]),
        (r"^\Qa.b*\E$", &["a.b*"], &["axb*", "a.bb"]),
        (r"^\Qa.b", &["a.b"], &["axb"]),
        (r"^\Q\E*x", &["*x"], &[]),
        (r"^\Qab\E+$", &["ab", "abb"], &["abab"]),
        (r"^\123$", &["S"], &["123"]),
        (r"^\0$", &["\0"], &["0"]),
        (r"^\08$", &["\08"], &[]),
        (r"^\x41\x{42}\x{00043}$", &["ABC"], &[]),
        ("^a{,5}$", &["a{,5}"], &["a", "aaa"]),
        ("^a{$", &["a{"], &["a"]),
        ("^a{x}$", &["a{x}"], &[]),
        ("^a{01}$", &["a{01}"], &["a"]),
        ("^a{2}$", &["aa"], &["a", "aaa"]),
        ("^a{2,}$", &["aa", "aaaa"], &["a"]),
        ("^a{2,3}?b", &["aab", "aaab"], &["ab"]),
        ("^[[]$", &["["], &["]"]),
        ("^[]a]$", &["]", "a"], &["[", "b"]),
        ("^[^]a]$", &["[", "\n"], &["]", "a"]),
        ("^[a-z&&[^aeiou]]$", &["&]", "a]", "[]", "^]"], &["b", "&"]),
        ("^[a-b-c]$", &["a", "b", "-", "c"], &["d"]),
        ("^[-a]$", &["-", "a"], &["b"]),
        ("^[a-]$", &["-", "a"], &["b"]),
        ("^[+--]$", &["+", ",", "-"], &["."]),
        ("^[~~]$", &["~"], &["a"]),
        (r"^[\d\-x]$", &["0", "-", "x"], &["٠"]),
        (r"^[^\d]$", &["a", "٠"], &["0"]),
        (r"^[\D]$", &["a", "٠"], &["0"]),
        (r"^\d$", &["7"], &["٠"]),
        (r"^\w$", &["_", "a", "Z", "0"], &["é"]),
        (r"^\W$", &["é", "-"], &["a"]),
        (r"^\s$", &["\t", " ", "\r", "\n", "\x0c"], &["\x0b", "\u{a0}"]),
        (r"^\S$", &["\x0b", "\u{a0}"], &[" "]),
        ("^[[:alpha:]]$", &["a"], &["é", ":"]),
        ("^[[:^alpha:]]$", &["é", "1"], &["a"]),
        ("^[[:word:]-]$", &["_", "-"], &[":"]),
        ("^[:a]$", &[":", "a"], &["["]),
        ("^[[:a]$", &["[", ":", "a"], &["]"]),
        (r"é\b", &[], &["é"]),
        (r"a\b", &["a", "aé"], &["ab"]),
        (r"\Bé", &["é"], &[]),
        (r"\<a\>", &["<a>"], &["a"]),
        (r"^a\b{start}$", &[], &["a"]),
        (r"\_\ \-", &["_ -"], &[]),
        ("^(?P<1a>x)(?P<a>y)(?P<a>z)$", &["xyz"], &[]),
        ("^(?<n>x)$", &["x"], &[]),
        ("^(?i)straße$", &["STRAßE"], &["strasse"]),
        ("^(?i:A)b$", &["ab", "Ab"], &["aB"]),
        ("^a(?i)b|c$", &["aB", "xC"], &["Ab"]),
        ("(?s)^a.b$", &["a\nb"], &[]),
        ("(?m)^b$", &["a\nb\nc"], &["ab"]),
        ("(?i-i)a", &["a"], &["A"]),
        ("(?)a", &["a"], &[]),
        ("(?ii)a", &["A"], &[]),
        ("^a(?i)*$", &["", "aaa"], &["A"]),
        ("^*a", &["a", "ba"], &[]),
        ("$*a", &["a"], &[]),
        ("a||b", &["", "x"], &[]),
        ("^(|a)*$", &["", "aa"], &["b"]),
        ("^()$", &[""], &["a"]),
        (r"^\pL\p{Greek}\P{Greek}\p{^Greek}$", &["aαbc"], &["aabc"]),
        (r"^[\pL\d]$", &["é", "1"], &["-"]),
        (r"^\p{Other_Letter}\p{gr-eek}\p{Any}\p{letter}$", &["漢α-a"], &["aαaa"]),
        (r"\Aab\z", &["ab"], &["ab\n"]),
        ("^a b#c$", &["a b#c"], &["abc"]),
        ("^\u{b}$", &["\u{b}"], &[]),
        (r"^\a\f\n\r\t\v$", &["\x07\x0c\n\r\t\x0b"], &[]),
        ("(a{100}){10}", &[], &["a"]),
        ("(a{0,1000}){1}", &["a"], &[]),
        (".{1000}", &[], &["a"]),
    ];
    for (pattern, matching, other) in table {
        let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern:?}: {error}"));
        for subject in *matching {
            assert!(regex.is_match(subject), "{pattern:?} ({regex}) on {subject:?}");
        }
        for subject in *other {
            assert!(!regex.is_match(subject), "{pattern:?} ({regex}) not on {subject:?}");
        }
    }
}

#[test]
fn greed_is_resolved() {
    let table = [
        ("a+", "aaa"),
        ("a+?", "a"),
        ("(?U)a+", "a"),
        ("(?U)a+?", "aaa"),
        ("(?U:a+)", "a"),
        ("(?U)(?-U)a+", "aaa"),
        ("(?U:x?)a+", "aaa"),
        ("a(?U)+", "a"),
        ("a{1,2}?", "a"),
    ];
    for (pattern, found) in table {
        let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern:?}: {error}"));
        assert_eq!(regex.find("aaa").map(|m| m.as_str()), Some(found), "{pattern:?} ({regex})");
    }
}

#[test]
fn what_go_refuses_is_refused_in_its_words() {
    let table = [
        ("(", "missing closing ): `(`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("[]", "missing closing ]: `[]`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a|*", "missing argument to repetition operator: `*`"),
        ("(+)", "missing argument to repetition operator: `+`"),
        ("{2}", "missing argument to repetition operator: `{2}`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*+", "invalid nested repetition operator: `*+`"),
        ("a++", "invalid nested repetition operator: `++`"),
        ("a??+", "invalid nested repetition operator: `??+`"),
        ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{3,2}", "invalid repeat count: `{3,2}`"),
        ("a{99999999999}", "invalid repeat count: `{99999999999}`"),
        ("(a{100}){11}", "invalid repeat count: `{11}`"),
        ("((a{10}b){10}){11,}", "invalid repeat count: `{11,}`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?u)a", "invalid or unsupported Perl syntax: `(?u`"),
        ("(?R)a", "invalid or unsupported Perl syntax: `(?R`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?<=a)", "invalid named capture: `(?<=a)`"),
        ("(?<!a)", "invalid named capture: `(?<!a)`"),
        ("(?>a)", "invalid or unsupported Perl syntax: `(?>`"),
        ("(?#a)", "invalid or unsupported Perl syntax: `(?#`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        ("(?P<>a)", "invalid named capture: `(?P<>`"),
        ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
        ("(?-)", "invalid or unsupported Perl syntax: `(?-)`"),
        ("(?i", "missing closing ): `(?i`"),
        (r"\", "trailing backslash at end of expression: ``"),
        (r"[\", "trailing backslash at end of expression: ``"),
        (r"\u0041", r"invalid escape sequence: `\u`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        (r"\Z", r"invalid escape sequence: `\Z`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"\R", r"invalid escape sequence: `\R`"),
        (r"\h", r"invalid escape sequence: `\h`"),
        (r"\E", r"invalid escape sequence: `\E`"),
        (r"\é", r"invalid escape sequence: `\é`"),
        (r"\xg", r"invalid escape sequence: `\xg`"),
        (r"\x{}", r"invalid escape sequence: `\x{}`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        (r"[\b]", r"invalid escape sequence: `\b`"),
        ("[a--b]", "invalid character class range: `a--`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        (r"[a-\d]", r"invalid escape sequence: `\d`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"\p{Nonsense}", r"invalid character class range: `\p{Nonsense}`"),
        (r"\p{sc=Greek}", r"invalid character class range: `\p{sc=Greek}`"),
        (r"\p{Alphabetic}", r"invalid character class range: `\p{Alphabetic}`"),
        (r"\p{Greek", r"invalid character class range: `\p{Greek`"),
    ];
    for (pattern, expected) in table {
        let error = translate(pattern).expect_err(pattern);
        assert_eq!(error, format!("error parsing regexp: {expected}"), "{pattern:?}");
    }
}

#[test]
fn size_is_bounded() {
    assert!(translate(&"a".repeat(70_000)).is_err());
    let error = compile(r"(?:\pL\pN\pS{20}){50}\pL{1000}\w{1000}\pL{1000}").unwrap_err();
    assert!(error.contains("too large"), "{error}");
    // No recursion anywhere: deep nests are refused, not fatal.
    for deep in ["(".repeat(60_000), format!("{}{}", "(".repeat(20_000), ")".repeat(20_000))] {
        assert!(compile(&deep).is_err());
    }
}

#[test]
fn equal_patterns_are_shared_while_in_use() {
    let first = compile("shared[0-9]+").unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &compile("shared[0-9]+").unwrap()));
}

#[test]
fn invalid_bytes_count_one_each() {
    assert_eq!(text(b"a\xc3\xa9"), "aé");
    assert_eq!(text(b"a\xe2\x82/\xff"), "a\u{fffd}\u{fffd}/\u{fffd}");
    assert!(compile("^a..$").unwrap().is_match(&text(b"a\xe2\x82")));
}

proptest::proptest! {
    #[test]
    fn never_panics_and_gives_a_pattern_that_compiles(
        pattern in r"[a-b\[\](){}?*+|\\^$.:<>PQEpdwxisU0-9,&~é-]{0,24}",
    ) {
        if let Ok(translated) = translate(&pattern)
            && let Err(error) = regex::Regex::new(&translated)
        {
            let size = matches!(error, regex::Error::CompiledTooBig(_));
            proptest::prop_assert!(size, "{pattern:?} -> {translated:?}: {error}");
        }
    }
}

/// What is remembered is bounded, and nothing is kept that nobody holds.
#[test]
fn the_memory_has_an_end() {
    let mut memo = Memo::default();
    let regex = std::sync::Arc::new(regex::Regex::new("a").unwrap());
    for number in 0..1_000 {
        memo.put(&format!("p{number}"), &regex, 8 << 10);
    }
    assert!(matches!(memo.get("p7"), Some(Known::Fits(Some(_), 8192))));
    drop(regex);
    assert!(matches!(memo.get("p7"), Some(Known::Fits(None, 8192))));
    let other = std::sync::Arc::new(regex::Regex::new("b").unwrap());
    for number in 0..1_100 {
        memo.put(&format!("q{number}"), &other, 8 << 10);
    }
    assert!(memo.get("p7").is_none(), "swept");
    memo.refuse("late", Known::Exceeds(64 << 10));
    assert!(matches!(memo.get("late"), Some(Known::Exceeds(65_536))));
    memo.put("late", &other, 512 << 10);
    assert!(matches!(memo.get("late"), Some(Known::Fits(Some(_), 524_288))));
    for number in 0..5_000 {
        let pattern = format!("{number}{}", "(".repeat(1_000));
        memo.refuse(&pattern, Known::Wrong("wrong".into()));
    }
    assert!(memo.refused_bytes <= REFUSED_LIMIT && memo.refused.len() < 5_000);
}
