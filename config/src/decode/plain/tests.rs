//! What the plain reader reads it reads as the library does: values, shapes and places.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::place::FileSource;
use super::super::tree::{Id, ROOT, Tree};
use super::super::yaml::by_library;
use super::read;

/// Every node with all that decoding can see of it.
fn nodes(tree: &Tree<'_>) -> Vec<String> {
    fn walk(tree: &Tree<'_>, id: Id, nodes: &mut Vec<String>) {
        let node = tree.node(id);
        let scalars: Vec<_> = node.scalars.iter().collect();
        let (path, origin) = (tree.names(id), tree.origin(id));
        nodes.push(format!("{path:?} {:?} {scalars:?} {origin}", node.shape));
        for child in tree.children(id) {
            walk(tree, child, nodes);
        }
    }
    let mut nodes = Vec::new();
    walk(tree, ROOT, &mut nodes);
    nodes
}

fn source(text: &str) -> FileSource<'_> {
    FileSource::new(Arc::from("f"), text.into())
}

/// Whether it is read; if so, equally.
fn compare(text: &str) -> bool {
    let Ok(tree) = read(source(text), text) else { return false };
    match by_library(source(text), text) {
        Ok(expected) => {
            assert_eq!(nodes(&tree), nodes(&expected), "{text:?}");
            assert!(tree.notes.is_empty() && expected.notes.is_empty(), "{text:?}");
        }
        Err(error) => panic!("{text:?} was read though the library says {error}"),
    }
    true
}

#[test]
fn what_is_read_here() {
    for text in [
        "http:\n  routers:\n    r:\n      rule: Host(`a.test`) && PathPrefix(`/`)\n      service: s\n",
        "a: 1\nb: true\nc: -2\nd: 1.50\ne: 0x10\nf: 10s\ng: 127.0.0.1:80\nh: +1\ni: 012\nj: .5",
        "a: null\nb: ~\nc:\nd: x\n",
        "a:\n- x\n- y\nb:\n  - x\n  -   y\n",
        "a:\n- k: 1\n  l: 2\n-   k: 1\n    l: 2\nb: c\n",
        "a: [x, \"y\", 'z', 1, true]\nb: []\nc: {}\nd: [ x ,y ]\ne: [x] # c\n",
        "a: \"x # y\"   # comment\nb: 'x: y'\n\"c d\": e\n'f': g # h\n",
        "# comment\n\n  # another\na: x#y\nb: x y  \n",
        "a: é\né: \"ü\"\nb: # é\n",
        "80: x\ntrue: y\nurl: http://a.test:80/x?y=z\n",
        "a:\n  b:\n    - c: d\n      e:\n      - f\n      - g\n    - h\ni: j",
    ] {
        assert!(compare(text), "{text:?}");
    }
}

#[test]
fn what_is_left_to_the_library() {
    for text in [
        "",
        "# nothing",
        "- a",
        "a",
        " a: b",
        "a: b: c",
        "a: b:",
        "a: b\n  c",
        "a: b\n  c: d",
        "a:\n  b",
        "a:\n    b: c\n  d: e",
        "a: |\n  b",
        "a: >-\n  b",
        "a: \"b\\n\"",
        "a: 'b''c'",
        "a: \"b\n  c\"",
        "a: \"b\" c",
        "a: \"b\"#c",
        "a: [b]c",
        "a: [b]#c",
        "a: [b,]",
        "a: [b, [c]]",
        "a: [b\n  , c]",
        "a: [b c]",
        "a: [a: b]",
        "a: {b: c}",
        "a: &x b",
        "a: *x",
        "a: !t b",
        "a: @b",
        "a: `b`",
        "a: %b",
        "a: - b",
        "a:\n- \n- b",
        "a:\n- - b",
        "a:\n- ~",
        "a:\n- b\n  c",
        "a:\n- b\n c: d",
        "<<: x",
        "? a\n: b",
        "0x10: a",
        "null: a",
        "a : b",
        "a: 1\na: 2",
        "a:\n\"a\": 2",
        "a:\tb",
        "a: b\r\n",
        "a: \u{7f}",
        "a: b\u{2028}c: d",
        "a: \u{85}",
        "a: \u{feff}",
        "---\na: b",
        "a: b\n---\nc: d",
        "a: b\n...\n",
        "%YAML 1.2\n---\na: b",
        "a: ...\n",
        "{\"a\": 1}",
        "a: b\n  # comment\n  c",
    ] {
        assert!(!compare(text), "{text:?}");
    }
    let deep: String = (0..100).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert!(!compare(&deep));
    assert!(!compare(&format!("{}: b", "a".repeat(1_100))));
}

#[test]
fn many_keys() {
    let mut text: String = (0..10_000).map(|n| format!("k{n}:\n  rule: x\n")).collect();
    assert!(compare(&text));
    text.push_str("k77: x\n");
    assert!(!compare(&text));
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec![
            "a", "b c", "x", "1", "-1", "0", "007", "1e3", "0x1f", "0b1", "0o7", "1_0", "+5", "1.0",
            ".5", "5.", "-.5", "+.inf", ".nan", ".inf", "-", "--", "-a", "true", "False", "TRUE",
            "tRUE", "null", "Null", "~", "~a", "yes", "no", "n", "y", "on", "a:b", "a: b", "a:",
            ":a", "a#b", "a #b", "#a", "\"a\"", "'a'", "\"a: b\"", "'#'", "\"a\" ", "\"\"", "''",
            "\"a\"b", "'a''b'", "\"\\t\"", "[]", "[ ]", "{}", "{ }", "[a]", "[a,b]", "[a, 'b' ]",
            "[\"a\", 1,2]", "[a,]", "[,]", "[a b]", "[a", "a]", "a,b", "{a: b}", "&a", "&a b", "*a",
            "!a", "!a b", "|", ">", "|-", "%a", "@a", "`a`", "a`", "?", "? a", "=", "<<", "<", "()",
            "Host(`a.test`) && Path(`/x`)", "http://a.test:80", "127.0.0.1:80", "10s", "1 2", "é",
            "\"é\"", "[é]", "---", "...", "--- a", "2001-01-01", "0.0.0.0", "1:2", "^a$", "a  b", "\u{a0}",
        ]).prop_map(str::to_owned),
        1 => "[-a#:\"'\\[\\]{}, 01.~!]{0,6}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-f]{1,2}",
        1 => scalar(),
    ]
}

/// Lines of any kind at any depth.
fn soup() -> impl Strategy<Value = String> {
    let dashes = prop::sample::select(vec!["", "", "", "- ", "-   ", "- - ", "-"]);
    let separator = prop::sample::select(vec![": ", ": ", ":", ":   ", " : ", ""]);
    let tail = prop::sample::select(vec!["", "", "", " ", " # c", "#c", "\t", " \n", "\n\n", "\r"]);
    let indent = prop_oneof![3 => (0usize..4).prop_map(|n| n * 2), 1 => 0usize..6];
    let value = prop_oneof![2 => Just(String::new()), 3 => scalar()];
    let line = (indent, dashes, name(), separator, value, tail)
        .prop_map(|(n, d, k, s, v, t)| format!("{}{d}{k}{s}{v}{t}\n", " ".repeat(n)));
    prop::collection::vec(line, 1..8).prop_map(|lines| lines.concat())
}

/// A value: what stands behind its key, and the lines below it, not indented yet.
fn value() -> impl Strategy<Value = (String, Vec<String>)> {
    let leaf = scalar().prop_map(|text| (text, Vec::new()));
    leaf.prop_recursive(4, 24, 4, |inner| {
        let map = prop::collection::vec((name(), inner.clone()), 1..4);
        let list = prop::collection::vec(inner, 1..4);
        prop_oneof![
            (map, 1usize..4).prop_map(|(pairs, indent)| (String::new(), block(pairs, indent))),
            (list, 0usize..4, 1usize..3).prop_map(|(elements, indent, gap)| {
                let mut lines = Vec::new();
                for (text, below) in elements {
                    let (dash, blank) = ("-".to_owned() + &" ".repeat(gap), " ".repeat(gap + 1));
                    if below.is_empty() {
                        lines.push(dash + &text);
                        continue;
                    }
                    // Without the indentation that its key would give it.
                    let least = below.iter().map(|l| l.len() - l.trim_start().len()).min();
                    for (place, line) in below.iter().enumerate() {
                        let line = line.get(least.unwrap_or(0)..).unwrap_or_default();
                        let lead = if place == 0 { &dash } else { &blank };
                        lines.push(format!("{lead}{line}"));
                    }
                }
                let lines = lines.into_iter().map(|line| " ".repeat(indent) + &line).collect();
                (String::new(), lines)
            }),
        ]
    })
}

fn block(pairs: Vec<(String, (String, Vec<String>))>, indent: usize) -> Vec<String> {
    let lines = pairs.into_iter().flat_map(|(name, (text, below))| {
        let gap = if text.is_empty() { "" } else { " " };
        std::iter::once(format!("{name}:{gap}{text}")).chain(below)
    });
    lines.map(|line| " ".repeat(indent) + &line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn lines_of_any_kind(text in soup()) {
        compare(&text);
    }

    #[test]
    fn documents_of_any_shape(pairs in prop::collection::vec((name(), value()), 1..5)) {
        let text = block(pairs, 0).join("\n");
        compare(&text);
    }
}
