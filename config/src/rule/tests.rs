//! Tables of the rule language (reference: HTTP routing §2, §3).

use super::{Expr, domains, parse};

/// Prints a tree compactly: `(a&b)`, `(a|b)`, `!Host:x`.
pub(super) fn print(expr: &Expr) -> String {
    use super::Matcher as M;
    match expr {
        Expr::And(left, right) => format!("({}&{})", print(left), print(right)),
        Expr::Or(left, right) => format!("({}|{})", print(left), print(right)),
        Expr::Match { negated, matcher } => {
            let text = match matcher {
                M::Host(v) => format!("Host:{v}"),
                M::HostRegexp(v) => format!("HostRegexp:{v}"),
                M::Method(v) => format!("Method:{v}"),
                M::Path(v) => format!("Path:{v}"),
                M::PathPrefix(v) => format!("PathPrefix:{v}"),
                M::PathRegexp(v) => format!("PathRegexp:{v}"),
                M::Header { name, value } => format!("Header:{name}={value}"),
                M::HeaderRegexp { name, regex } => format!("HeaderRegexp:{name}={regex}"),
                M::Query { key, value } => format!("Query:{key}={value:?}"),
                M::QueryRegexp { key, regex } => format!("QueryRegexp:{key}={regex:?}"),
                M::ClientIp(v) => format!("ClientIP:{v}"),
                M::HostName(v) => format!("HostName:{v}"),
                M::HostHeader(v) => format!("HostHeader:{v}"),
                M::HostTemplate(v) => format!("HostTemplate:{}", v.regex),
                M::PathTemplate(v) => format!("PathTemplate:{}", v.regex),
                M::PathPrefixTemplate(v) => format!("PathPrefixTemplate:{}", v.regex),
                M::QueryTemplate { key, template } => {
                    format!("QueryTemplate:{key}:{}", template.regex)
                }
            };
            format!("{}{text}", if *negated { "!" } else { "" })
        }
    }
}

#[test]
fn valid_rules() {
    let table = [
        ("Host(`a.test`)", "Host:a.test"),
        ("HostRegexp(`^.+$`)", "HostRegexp:^.+$"),
        ("Method(`get`)", "Method:GET"),
        ("Method(`FOO`)", "Method:FOO"),
        ("Path(`/a`)", "Path:/a"),
        ("PathPrefix(`/`)", "PathPrefix:/"),
        ("PathRegexp(`a+`)", "PathRegexp:a+"),
        ("Header(`X-A`,`v`)", "Header:X-A=v"),
        ("HeaderRegexp(`X`, `^v`)", "HeaderRegexp:X=^v"),
        ("Query(`k`)", "Query:k=None"),
        ("Query(`k`, `v`)", "Query:k=Some(\"v\")"),
        ("QueryRegexp(`k`)", "QueryRegexp:k=None"),
        ("QueryRegexp(`k`,`v`)", "QueryRegexp:k=Some(\"v\")"),
        ("ClientIP(`10.0.0.0/8`)", "ClientIP:10.0.0.0/8"),
        // Spellings.
        ("host(`a`)", "Host:a"),
        ("HOST(`a`)", "Host:a"),
        ("Hostregexp(`a`)", "HostRegexp:a"),
        ("hostregexp(`a`)", "HostRegexp:a"),
        ("HOSTREGEXP(`a`)", "HostRegexp:a"),
        ("Clientip(`::1`)", "ClientIP:::1"),
        ("clientip(`::1`)", "ClientIP:::1"),
        // Strings.
        ("Host(\"es\\u0063.test\")", "Host:esc.test"),
        ("Host(\"\\x61\\142\\U00000063\")", "Host:abc"),
        ("Path(\"/\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\")", "Path:/\x07\x08\x0c\n\r\t\x0b\\\""),
        ("Path(\"/\\xc3\\xa9\")", "Path:/é"),
        ("Path(`/a\"b\\n`)", "Path:/a\"b\\n"),
        ("Path(`/a\r\nb`)", "Path:/a\nb"),
        ("Path(\"/`\")", "Path:/`"),
        // Blanks, newlines, comments, the comma at the end.
        ("  Host ( `a` , ) ", "Host:a"),
        ("\n\nHost(\n`a`,\n)\n\n", "Host:a"),
        ("Host(`a`)&&\nHost(`b`)", "(Host:a&Host:b)"),
        ("Host(`a`) ||\r\n\tHost(`b`)\n", "(Host:a|Host:b)"),
        ("(\nHost(`a`))", "Host:a"),
        ("\u{feff}Host(`a`)", "Host:a"),
        ("Host(`a`) // the end", "Host:a"),
        ("Host(`a`) // the end\n", "Host:a"),
        ("/* x */ Host(/* y */`a`)", "Host:a"),
        ("Host(`a`) && // why\n Host(`b`)", "(Host:a&Host:b)"),
        ("Host(`a`) /* x\n */", "Host:a"),
        ("Host(`//a`)", "Host://a"),
        // Operators.
        ("Host(`a`)&&Host(`b`)||Host(`c`)", "((Host:a&Host:b)|Host:c)"),
        ("Host(`a`)||Host(`b`)&&Host(`c`)", "(Host:a|(Host:b&Host:c))"),
        ("(Host(`a`)||Host(`b`))&&Host(`c`)", "((Host:a|Host:b)&Host:c)"),
        ("!Host(`a`)", "!Host:a"),
        ("! ! Host(`a`)", "Host:a"),
        ("!!!Host(`a`)", "!Host:a"),
        ("!(Host(`a`)||Host(`b`))", "(!Host:a&!Host:b)"),
        ("!(Host(`a`)&&!Host(`b`))", "(!Host:a|Host:b)"),
        ("!Host(`a`)&&Host(`b`)", "(!Host:a&Host:b)"),
        ("!(!(Host(`a`)&&Host(`b`))||Host(`c`))", "((Host:a&Host:b)&!Host:c)"),
        ("((Host(`a`)))", "Host:a"),
        ("Host(`a`)||Host(`b`)||Host(`c`)", "((Host:a|Host:b)|Host:c)"),
    ];
    for (rule, tree) in table {
        let expr = parse(rule).unwrap_or_else(|error| panic!("{rule:?}: {error}"));
        assert_eq!(print(&expr), tree, "{rule:?}");
    }
}

#[test]
fn invalid_rules_say_where_and_what() {
    const MATCHER: &str = "expected a matcher such as Host(`example.com`), '!' or '('";
    let matcher = |found: &str| format!("{found}; {MATCHER}");
    let table = [
        ("", "1:1: expected operand, found 'EOF'".to_owned()),
        ("  ", "1:3: expected operand, found 'EOF'".to_owned()),
        ("Host(`a`) &&", "1:13: expected operand, found 'EOF'".to_owned()),
        ("Bogus(`x`)", "1:1: unsupported function: Bogus; expected one of Host, HostRegexp, Method, Path, PathPrefix, PathRegexp, Header, HeaderRegexp, Query, QueryRegexp, ClientIP".to_owned()),
        ("Host(`a`) && Hots(`x`)", "1:14: unsupported function: Hots; expected a matcher, did you mean Host?".to_owned()),
        ("hostRegexp(`x`)", "1:1: unsupported function: hostRegexp; expected a matcher, did you mean HostRegexp?".to_owned()),
        ("PathPrefixx(`/x`)", "1:1: unsupported function: PathPrefixx; expected a matcher, did you mean PathPrefix?".to_owned()),
        ("Headers(`a`,`b`)", "1:1: unsupported function: Headers; expected Header, which is its name in the v3 rule syntax".to_owned()),
        ("HeadersRegexp(`a`,`b`)", "1:1: unsupported function: HeadersRegexp; expected HeaderRegexp, which is its name in the v3 rule syntax".to_owned()),
        ("HostHeader(`a`)", "1:1: unsupported function: HostHeader; expected Host, which is its name in the v3 rule syntax".to_owned()),
        ("Host(`a`) & Host(`b`)", "1:11: found '&'; expected '&&', '||' or the end of the rule; the operators are '&&', '||' and '!'".to_owned()),
        ("Host(`a`) and Host(`b`)", "1:11: found \"and\"; expected '&&' or '||'; the operators are '&&', '||' and '!'".to_owned()),
        ("Host(`a`) == Host(`b`)", "1:11: found '=='; expected '&&', '||' or the end of the rule".to_owned()),
        ("Host(`a`) != Host(`b`)", "1:11: found '!='; expected '&&', '||' or the end of the rule".to_owned()),
        ("Host(`a`) ^ Host(`b`)", "1:11: found '^'; expected '&&', '||' or the end of the rule".to_owned()),
        ("Host(`a`) Host(`b`)", "1:11: found \"Host\"; expected '&&' or '||'".to_owned()),
        ("Host(`a` + `b`)", "1:10: found '+'; expected ',' or ')'".to_owned()),
        ("Host(Host(`a`))", "1:6: found \"Host\"; expected a string in backquotes or double quotes".to_owned()),
        ("Host(a)", "1:6: found \"a\"; expected a string in backquotes or double quotes".to_owned()),
        ("Host(80)", "1:6: found '80'; expected a string in backquotes or double quotes".to_owned()),
        ("Host('a')", "1:6: found a single quote; expected a string in backquotes or double quotes".to_owned()),
        ("Host(,)", "1:6: found ','; expected a string in backquotes or double quotes".to_owned()),
        ("Host", "1:5: found 'EOF'; expected '('".to_owned()),
        ("a.Host(`a`)", "1:2: found '.'; expected '('".to_owned()),
        ("a && b", "1:1: unsupported function: a; expected one of Host, HostRegexp, Method, Path, PathPrefix, PathRegexp, Header, HeaderRegexp, Query, QueryRegexp, ClientIP".to_owned()),
        ("`a`", "1:1: found the string \"a\"; expected a matcher such as Host(`example.com`) around it".to_owned()),
        (")", matcher("1:1: found ')'")),
        ("&& Host(`a`)", matcher("1:1: found '&&'")),
        ("Host(`a`) || || Host(`b`)", matcher("1:14: found '||'")),
        ("(Host(`a`)", "1:11: found 'EOF'; expected ')', '&&' or '||'".to_owned()),
        ("Host(`a`))", "1:10: found ')'; expected '&&', '||' or the end of the rule".to_owned()),
        ("Host(`a`", "1:9: found 'EOF'; expected ',' or ')'".to_owned()),
        ("Host(`a`);", "1:10: found ';'; expected '&&', '||' or the end of the rule".to_owned()),
        // Go's automatic semicolon.
        ("Host(`a`)\n&& Host(`b`)", "2:1: found '&&'; expected '&&', '||' or the end of the rule".to_owned()),
        ("(Host(`a`)\n)", "1:11: found a newline, which ends the rule here; expected ')', '&&' or '||'; break the line after an operator, '(' or ','".to_owned()),
        ("Host(`a`\n)", "1:9: found a newline, which ends the rule here; expected ',' or ')'; break the line after an operator, '(' or ','".to_owned()),
        ("Host(`a`) /*\n*/ && Host(`b`)", "2:4: found '&&'; expected '&&', '||' or the end of the rule".to_owned()),
        // Arity.
        ("Host()", "1:1: Host: unexpected number of parameters: no argument; expected 1".to_owned()),
        ("Host(`a`,`b`)", "1:1: Host: unexpected number of parameters: 2 arguments; expected 1, or Host(`a`) || Host(`b`) for one of several".to_owned()),
        ("Header(`a`)", "1:1: Header: unexpected number of parameters: 1 argument; expected 2".to_owned()),
        ("query(`a`,`b`,`c`,`d`)", "1:1: Query: unexpected number of parameters: 3 or more arguments; expected 1 or 2".to_owned()),
        ("ClientIP(`::1`,`::2`)", "1:1: ClientIP: unexpected number of parameters: 2 arguments; expected 1, or ClientIP(`::1`) || ClientIP(`::2`) for one of several".to_owned()),
        // Arguments.
        ("Host(``)", "1:1: Host: found an empty string; expected a value".to_owned()),
        ("Header(`X`,``)", "1:1: Header: found an empty string; expected a value".to_owned()),
        ("Host(`bücher.test`)", "1:1: Host: invalid value \"bücher.test\"; expected ASCII only; write an international name in its xn-- form".to_owned()),
        ("HostRegexp(`bü`)", "1:1: HostRegexp: invalid value \"bü\"; expected ASCII only; write an international name in its xn-- form".to_owned()),
        ("Path(`a`)", "1:1: Path: path \"a\"; expected it to start with a '/'".to_owned()),
        ("PathPrefix(`a`)", "1:1: PathPrefix: path \"a\"; expected it to start with a '/'".to_owned()),
        ("PathRegexp(`(`)", "1:1: PathRegexp: compiling \"(\": error parsing regexp: missing closing ): `(`".to_owned()),
        ("HostRegexp(`a**`)", "1:1: HostRegexp: compiling \"a**\": error parsing regexp: invalid nested repetition operator: `**`".to_owned()),
        ("HeaderRegexp(`a`,`[`)", "1:1: HeaderRegexp: compiling \"[\": error parsing regexp: missing closing ]: `[`".to_owned()),
        ("QueryRegexp(`a`,`+`)", "1:1: QueryRegexp: compiling \"+\": error parsing regexp: missing argument to repetition operator: `+`".to_owned()),
        ("ClientIP(`10.0.0.0/33`)", "1:1: ClientIP: \"10.0.0.0/33\"; expected an IP address or a CIDR such as 10.0.0.0/8".to_owned()),
        // Strings.
        ("Host(`a)", "1:6: string not terminated; expected a closing backquote".to_owned()),
        ("Host(\"a)", "1:6: string not terminated; expected a closing '\"'".to_owned()),
        ("Host(\"a\nb\")", "1:6: string not terminated; expected a closing '\"'".to_owned()),
        ("Host(\"a\\.b\")", "1:8: unknown escape in a double-quoted string; expected one of Go's, or backquotes around a string with backslashes".to_owned()),
        ("Host(\"\\'\")", "1:7: unknown escape in a double-quoted string; expected one of Go's, or backquotes around a string with backslashes".to_owned()),
        ("Host(\"\\777\")", "1:7: unknown escape in a double-quoted string; expected one of Go's, or backquotes around a string with backslashes".to_owned()),
        ("Host(\"\\ud800\")", "1:7: unknown escape in a double-quoted string; expected one of Go's, or backquotes around a string with backslashes".to_owned()),
        ("Path(\"/\\xff\")", "1:6: the string's escapes do not give valid UTF-8".to_owned()),
        ("Host(`a`) /* x", "1:11: comment not terminated; expected '*/'".to_owned()),
        ("Host(`a`) &&\n  Hots(`x`)", "2:3: unsupported function: Hots; expected a matcher, did you mean Host?".to_owned()),
    ];
    for (rule, message) in table {
        let error = parse(rule).expect_err(rule);
        assert_eq!(error.message, message, "{rule:?}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let million = 1 << 20;
    assert!(parse(&"(".repeat(million)).is_err());
    assert!(parse(&"!".repeat(million)).is_err());
    assert!(parse(&"!(".repeat(million / 2)).is_err());
    assert!(parse(&"`".repeat(million)).is_err());
    assert!(parse(&format!("Host({})", "`a`,".repeat(million / 5))).is_err());
    assert!(parse(&format!("{}Host(`a`)", "!".repeat(1_000_000))).is_ok());
    let error = parse(&"a".repeat(million + 1)).unwrap_err();
    assert!(error.message.len() < 200, "{error}");
    let nested = |depth| format!("{}Host(`a`){}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(100)).is_ok());
    assert!(parse(&nested(101)).unwrap_err().message.starts_with("1:101: found more than 100"));
    // A long chain is no deep tree.
    let chain = vec!["Host(`a.test`)"; 50_000].join(" || ");
    let expr = parse(&chain).unwrap();
    assert_eq!(expr, expr.clone());
    assert_eq!(domains(&expr), ["a.test"]);
}

#[test]
fn domains_of_rules() {
    let table: &[(&str, &[&str])] = &[
        ("Host(`A.test`)", &["a.test"]),
        ("Host(`b`) || Host(`a`) && Host(`B`)", &["b", "a"]),
        ("!Host(`a`) && Host(`b`)", &["b"]),
        ("!(Host(`a`) || !Host(`b`))", &["b"]),
        ("Host(`*.a.test`)", &["*.a.test"]),
        ("HostRegexp(`a`) || PathPrefix(`/`)", &[]),
    ];
    for (rule, names) in table {
        assert_eq!(domains(&parse(rule).unwrap()), *names, "{rule}");
    }
}

proptest::proptest! {
    #[test]
    fn parsing_never_panics(rule in "(Host|Path|Query|!|&&|\\|\\||\\(|\\)|,|`/a`|\"\\\\\"|\\\\|\n| |//|/\\*|\\*/|é|=|'){0,20}") {
        let _ = parse(&rule);
    }
}
