//! Rules of v1: matchers, what they do to paths, and mistakes.

use crate::legacy::rule::{Rule, translate};
use crate::rule;

#[test]
fn matchers() {
    let table = [
        ("Host:a.test", "Host(`a.test`)"),
        ("Host:a.test,b.test", "Host(`a.test`) || Host(`b.test`)"),
        ("Host: a.test , b.test ", "Host(`a.test`) || Host(`b.test`)"),
        ("Host:a.test,,b.test,", "Host(`a.test`) || Host(`b.test`)"),
        ("HostRegexp:{sub:[a-z]+}.a.test", r"HostRegexp(`^[a-z]+\.a\.test$`)"),
        ("HostRegexp:{sub}.a.test", r"HostRegexp(`^[^.]+\.a\.test$`)"),
        ("HostRegexp:{s:a|b}.test", r"HostRegexp(`^(?:a|b)\.test$`)"),
        ("HostRegexp:a.test", r"HostRegexp(`^a\.test$`)"),
        ("HostRegexp:{s:[a-z]{2}}.t,b", r"HostRegexp(`^[a-z]{2}\.t$`) || HostRegexp(`^b$`)"),
        ("Path:/a,/b", "Path(`/a`) || Path(`/b`)"),
        ("Path:/d/{id:[0-9]+}", "PathRegexp(`^/d/[0-9]+$`)"),
        ("PathPrefix:/a", "PathPrefix(`/a`)"),
        ("PathPrefix:/e/{id}", "PathRegexp(`^/e/[^/]+`)"),
        ("Method:GET,POST", "Method(`GET`) || Method(`POST`)"),
        ("Headers:K,V", "Header(`K`, `V`)"),
        ("Headers:K,V,L,W", "Header(`K`, `V`) && Header(`L`, `W`)"),
        ("HeadersRegexp:K,a.*", "HeaderRegexp(`K`, `a.*`)"),
        ("Query:a=b", "Query(`a`, `b`)"),
        ("Query:a=b,c=d", "Query(`a`, `b`) && Query(`c`, `d`)"),
        ("Query:a=", "QueryRegexp(`a`, `.*`)"),
        ("Query:a={x:[0-9]+}", "QueryRegexp(`a`, `^[0-9]+$`)"),
        ("Host:a;PathPrefix:/x", "Host(`a`) && PathPrefix(`/x`)"),
        ("Host:a,b;Path:/x,/y", "(Host(`a`) || Host(`b`)) && (Path(`/x`) || Path(`/y`))"),
        // Both at once: never, in v1 too.
        ("Host:a;Host:b", "Host(`a`) && Host(`b`)"),
        ("AddPrefix:/x", "PathPrefix(`/`)"),
        ("Host:a`b", "Host(\"a`b\")"),
        ("Host:whoami.docker.localhost", "Host(`whoami.docker.localhost`)"),
    ];
    for (v1, v3) in table {
        let made = translate(v1).unwrap_or_else(|error| panic!("{v1}: {error}"));
        assert_eq!(made.text, v3, "{v1}");
        assert!(rule::parse(v3).is_ok(), "{v3}: {:?}", rule::parse(v3));
    }
}

#[test]
fn modifiers() {
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let rule = |text: &str| Rule { text: text.into(), ..Rule::default() };
    let table = [
        ("PathStrip:/a", Rule { strip: texts(&["/a"]), ..rule("Path(`/a`)") }),
        (
            "PathPrefixStrip:/a,/abc",
            Rule {
                strip: texts(&["/abc", "/a"]),
                ..rule("PathPrefix(`/a`) || PathPrefix(`/abc`)")
            },
        ),
        (
            "PathStripRegex:/a/{id:[0-9]+}",
            Rule { strip_regex: texts(&["^/a/[0-9]+"]), ..rule("PathRegexp(`^/a/[0-9]+$`)") },
        ),
        (
            "PathPrefixStripRegex:/a.b/{id},/c",
            Rule {
                strip_regex: texts(&[r"^/a\.b/[^/]+", "^/c"]),
                ..rule(r"PathRegexp(`^/a\.b/[^/]+`) || PathPrefix(`/c`)")
            },
        ),
        ("Host:a;AddPrefix:/x", Rule { add_prefix: Some("/x".into()), ..rule("Host(`a`)") }),
        ("Host:a;ReplacePath:/x", Rule { replace_path: Some("/x".into()), ..rule("Host(`a`)") }),
        (
            "Host:a;ReplacePathRegex: ^/a/(.*) /b/$1",
            Rule {
                replace_path_regex: Some(("^/a/(.*)".into(), "/b/$1".into())),
                ..rule("Host(`a`)")
            },
        ),
    ];
    for (v1, expected) in table {
        assert_eq!(translate(v1), Ok(expected), "{v1}");
    }
    let odd = translate("Host:a;ReplacePathRegex:/x").unwrap();
    assert_eq!((odd.replace_path_regex, odd.remarks.len()), (None, 1));
    // The star was a letter.
    for (v1, remarks) in [("Host:a,*.b", 1), ("Host:*", 1), ("Host:a.*", 0), ("Host:a", 0)] {
        assert_eq!(translate(v1).unwrap().remarks.len(), remarks, "{v1}");
    }
}

#[test]
fn mistakes() {
    let table = [
        ("", "empty rule"),
        (";;", "empty rule"),
        ("Host", "no arguments in \"Host\""),
        ("Host:", "no arguments in"),
        (":x", "no function in"),
        ("host:a.test", "unknown function \"host\"; expected Host, spelled so"),
        ("Hots:a.test", "unknown function \"Hots\"; expected one of Host, HostRegexp"),
        ("Host(`a.test`)", "no arguments in"),
        ("Headers:K", "Headers has 1 arguments"),
        ("Query:a", "Query \"a\" has no value"),
        ("Path:/{a", "unbalanced braces in \"/{a\""),
        ("HostRegexp:a}", "unbalanced braces"),
    ];
    for (v1, part) in table {
        let error = translate(v1).expect_err(v1);
        assert!(error.contains(part), "{v1:?}: {error}");
    }
    let long = "x".repeat(1 << 20);
    assert!(translate(&long).unwrap_err().len() < 400);
}

proptest::proptest! {
    #[test]
    fn nothing_panics(rule in "(Host|Path|PathStripRegex|Query|Headers|ReplacePathRegex|:|,|;|/a|\\{|\\}|`| |é|=){0,20}") {
        let _ = translate(&rule);
    }
}
