//! A rule's matchers as people write them, so that an explanation can point at one.

use swarmgate_config::rule::{self, Expr, Matcher, Syntax};

use super::answer::Failed;
use super::brief;
use crate::route::Failure;

/// The parts that fail, in the words of the rule.
pub(super) fn failed(rule: &str, syntax: Syntax, failure: &Failure) -> Vec<Failed> {
    let mut written = Vec::new();
    if let Ok(read) = rule::parse_as(rule, syntax) {
        collect(&read, &mut written);
    }
    // Another reading than the one in force would point at the wrong part.
    let known = written.len() == failure.matchers;
    let parts = failure.parts.iter();
    let told = parts.map(|part| {
        let text = written.get(part.matcher).filter(|_| known).cloned();
        let number = part.matcher.saturating_add(1);
        let text = text.unwrap_or_else(|| format!("part {number} of the rule"));
        Failed { part: brief(&text), because: part.fact.clone() }
    });
    told.collect()
}

fn collect(rule: &Expr, into: &mut Vec<String>) {
    match rule {
        Expr::And(left, right) | Expr::Or(left, right) => {
            collect(left, into);
            collect(right, into);
        }
        Expr::Match { negated, matcher } => {
            let sign = if *negated { "!" } else { "" };
            into.push(format!("{sign}{}", text(matcher)));
        }
    }
}

/// A matcher's call.
fn text(matcher: &Matcher) -> String {
    let call = |name: &str, arguments: &[&str]| {
        let quoted: Vec<String> = arguments.iter().map(|text| quoted(text)).collect();
        format!("{name}({})", quoted.join(", "))
    };
    match matcher {
        Matcher::Host(host) | Matcher::HostName(host) => call("Host", &[host]),
        Matcher::HostHeader(host) => call("HostHeader", &[host]),
        Matcher::HostRegexp(regex) => call("HostRegexp", &[regex]),
        Matcher::Method(method) => call("Method", &[method]),
        Matcher::Path(path) => call("Path", &[path]),
        Matcher::PathPrefix(prefix) => call("PathPrefix", &[prefix]),
        Matcher::PathRegexp(regex) => call("PathRegexp", &[regex]),
        Matcher::Header { name, value } => call("Header", &[name, value]),
        Matcher::HeaderRegexp { name, regex } => call("HeaderRegexp", &[name, regex]),
        Matcher::Query { key, value: None } | Matcher::QueryRegexp { key, regex: None } => {
            call("Query", &[key])
        }
        Matcher::Query { key, value: Some(value) } => call("Query", &[key, value]),
        Matcher::QueryRegexp { key, regex: Some(regex) } => call("QueryRegexp", &[key, regex]),
        Matcher::ClientIp(range) => call("ClientIP", &[range]),
        Matcher::HostTemplate(template) => call("HostRegexp", &[&template.text]),
        Matcher::PathTemplate(template) => call("Path", &[&template.text]),
        Matcher::PathPrefixTemplate(template) => call("PathPrefix", &[&template.text]),
        Matcher::QueryTemplate { template, .. } => call("Query", &[&template.text]),
    }
}

fn quoted(text: &str) -> String {
    if text.contains(|c: char| c == '`' || c.is_control()) {
        format!("{text:?}")
    } else {
        format!("`{text}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_in_their_order() {
        let rule = "(Host(`A`) || Host(\"b`c\")) && !(Path(`/x`) && Query(`k`)) && Header(`N`,`v`)";
        let mut written = Vec::new();
        collect(&rule::parse(rule).unwrap(), &mut written);
        let expected =
            ["Host(`A`)", "Host(\"b`c\")", "!Path(`/x`)", "!Query(`k`)", "Header(`N`, `v`)"];
        assert_eq!(written, expected);
    }
}
