//! Tables of the v2 rule syntax (reference: HTTP routing §7).

use super::tests::print;
use super::{Syntax, domains, hosts, parse, parse_as};

#[test]
fn valid_rules() {
    let table = [
        ("Host(`a`)", "Host:a"),
        ("Host(`a`, `b`, `c`)", "((Host:a|Host:b)|Host:c)"),
        ("!Host(`a`, `b`)", "(!Host:a&!Host:b)"),
        ("!(Host(`a`, `b`) && Path(`/x`))", "((!Host:a&!Host:b)|!Path:/x)"),
        ("HostHeader(`a`)", "HostHeader:a"),
        ("HostHeader(`*.a`, `b`)", "(HostHeader:*.a|HostHeader:b)"),
        ("hostheader(`A`)", "HostHeader:A"),
        ("Host(`*.a`)", "HostName:*.a"),
        ("HostRegexp(`{sub}.a`)", r"HostTemplate:(?i)^([^.]+)\.a$"),
        ("HostRegexp(`^x.+$`)", r"HostTemplate:(?i)^\^x\.\+\$$"),
        ("HOSTREGEXP(`a`, `b`)", "(HostTemplate:(?i)^a$|HostTemplate:(?i)^b$)"),
        ("Path(`/a`, `/b/{id}`)", "(Path:/a|PathTemplate:^/b/([^/]+)$)"),
        ("PathPrefix(`/a`, `/b/{id:[0-9]+}`)", "(PathPrefix:/a|PathPrefixTemplate:^/b/([0-9]+))"),
        ("Method(`get`, `post`)", "(Method:GET|Method:POST)"),
        ("Headers(`a`, `1`, `b`, `2`)", "(Header:a=1&Header:b=2)"),
        ("!Headers(`a`, `1`, `b`, `2`)", "(!Header:a=1|!Header:b=2)"),
        ("Headers(`a`, `1`, `a`, `2`)", "Header:a=2"),
        ("Headers(`a`, `1`, `A`, `2`)", "(Header:a=1&Header:A=2)"),
        ("HeadersRegexp(`a`, `^1`)", "HeaderRegexp:a=^1"),
        ("Query(`a=b`)", "QueryTemplate:a:^a=b$"),
        ("Query(`a=b`, `c=`)", "(QueryTemplate:a:^a=b$&QueryTemplate:c:^c=.*$)"),
        ("Query(`a=b=c`)", "QueryTemplate:a:^a=b=c$"),
        ("Query(`a={v:[0-9]+}`)", "QueryTemplate:a:^a=([0-9]+)$"),
        ("Query(`a={x}{x}`)", "QueryTemplate:a:^a=(.*)(.*)$"),
        ("Path(`/{x}`, `/{x}/{x}`)", "(PathTemplate:^/([^/]+)$|PathTemplate:^/([^/]+)/([^/]+)$)"),
        // A name without a value takes the next one for it.
        ("Query(`a`, `b`)", "QueryTemplate:a:^a=b$"),
        ("ClientIP(`10.0.0.0/8`, `::1`)", "(ClientIP:10.0.0.0/8|ClientIP:::1)"),
        ("Host(`a`,) && Path(`/x`)", "(Host:a&Path:/x)"),
    ];
    for (rule, tree) in table {
        let expr = parse_as(rule, Syntax::V2).unwrap_or_else(|error| panic!("{rule:?}: {error}"));
        assert_eq!(print(&expr), tree, "{rule:?}");
    }
}

#[test]
fn invalid_rules_say_what() {
    let table = [
        ("", "1:1: expected operand, found 'EOF'"),
        ("Host()", "1:1: Host: unexpected number of parameters: no argument; expected 1 or more"),
        ("Host(`a`, ``)", "1:1: Host: found an empty string; expected a value"),
        (
            "Host(`ü`)",
            "1:1: Host: invalid value \"ü\"; expected ASCII only; write an international name in its xn-- form",
        ),
        (
            "HostRegexp(`ü`)",
            "1:1: HostRegexp: invalid value \"ü\"; expected ASCII only; write an international name in its xn-- form",
        ),
        ("HostRegexp(`{a`)", "1:1: HostRegexp: unbalanced braces in \"{a\""),
        ("Path(`a`)", "1:1: Path: path \"a\"; expected it to start with a '/'"),
        ("PathPrefix(`{a}`)", "1:1: PathPrefix: path \"{a}\"; expected it to start with a '/'"),
        ("Path(`/a}`)", "1:1: Path: unbalanced braces in \"/a}\""),
        (
            "Path(`/{a:[}`)",
            "1:1: Path: compiling \"[\": error parsing regexp: missing closing ]: `[`",
        ),
        (
            "Headers(`a`)",
            "1:1: Headers: number of parameters must be multiple of 2, got 1; expected names and values in turn",
        ),
        (
            "HeadersRegexp(`a`, `(`)",
            "1:1: HeadersRegexp: compiling \"(\": error parsing regexp: missing closing ): `(`",
        ),
        (
            "Query(`a`)",
            "1:1: Query: number of parameters must be multiple of 2: \"a\" has no value; expected name=value",
        ),
        (
            "Query(`a=b`, `c`)",
            "1:1: Query: number of parameters must be multiple of 2: \"c\" has no value; expected name=value",
        ),
        (
            "Query(`a={x}`, `b={x}`)",
            "1:1: Query: duplicated route variable \"x\"; expected another name in \"b={x}\"",
        ),
        (
            "ClientIP(`::1`, `x`)",
            "1:1: ClientIP: \"x\"; expected an IP address or a CIDR such as 10.0.0.0/8",
        ),
        (
            "PathRegexp(`/a`)",
            "1:1: unsupported function: PathRegexp; expected Path or PathPrefix with a template such as `/{name:[a-z]+}`, in the v2 rule syntax of this router",
        ),
        (
            "Header(`a`, `b`)",
            "1:1: unsupported function: Header; expected Headers, in the v2 rule syntax of this router",
        ),
        ("Hots(`a`)", "1:1: unsupported function: Hots; expected a matcher, did you mean Host?"),
        (
            "Host(`a`) and Host(`b`)",
            "1:11: found \"and\"; expected '&&' or '||'; the operators are '&&', '||' and '!'",
        ),
    ];
    for (rule, message) in table {
        let error = parse_as(rule, Syntax::V2).expect_err(rule);
        assert_eq!(error.message, message, "{rule:?}");
    }
}

#[test]
fn domains_of_rules() {
    let table: &[(&str, &[&str])] = &[
        ("Host(`A`, `b`)", &["a", "b"]),
        ("!Host(`a`, `b`)", &[]),
        ("HostRegexp(`a`) || Path(`/`)", &[]),
        ("Host(`*.A`, `b`)", &["*.a", "b"]),
        ("HostHeader(`a`) || Host(`b`) || HostHeader(`*.c`)", &["b"]),
    ];
    for (rule, names) in table {
        assert_eq!(domains(&parse_as(rule, Syntax::V2).unwrap()), *names, "{rule}");
    }
    let both = parse_as("HostHeader(`A`) || Host(`b`, `a`) || !HostHeader(`c`)", Syntax::V2);
    assert_eq!(hosts(&both.unwrap()), ["a", "b"]);
}

/// What both syntaxes have means the same in both.
#[test]
fn common_rules_are_the_same() {
    for rule in [
        "Host(`a.test`) && PathPrefix(`/x`)",
        "!(Host(`a`) || Path(`/`)) && Method(`get`)",
        "ClientIP(`::1`)",
    ] {
        assert_eq!(parse(rule), parse_as(rule, Syntax::V2), "{rule}");
    }
}

#[test]
fn size_is_bounded() {
    let many = vec!["`a.test`"; 100_000].join(",");
    assert!(parse_as(&format!("Host({many})"), Syntax::V2).is_ok());
    let many: Vec<String> = (0..40_000).map(|number| format!("`h{number}`,`v`")).collect();
    assert!(parse_as(&format!("Headers({})", many.join(",")), Syntax::V2).is_ok());
}

proptest::proptest! {
    #[test]
    fn parsing_never_panics(rule in "(HostRegexp|Path|Query|Headers|!|&&|\\|\\||\\(|\\)|,|`/a`|`/\\{a\\}`|`\\{`|`a=\\{b:\\(\\}`|\"\\\\\"|\n| |=|'){0,20}") {
        let _ = parse_as(&rule, Syntax::V2);
    }
}
