//! The tables of `docs/http.md` and `docs/advisories.md` are whole and true: each matcher, option
//! and middleware has a row, and each test that a row names exists.

mod fields;
mod names;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use swarmgate_config::install::EntryPoint;
use swarmgate_config::routing::{Middleware, Router};
use swarmgate_config::rule;

use fields::Leaf;
use table::Row;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the second to last column may begin with.
const VERDICTS: [&str; 4] = ["same", "superset: ", "not served yet", "not served: "];

fn is_served(row: &Row) -> bool {
    !row.cell("Swarmgate").starts_with("not served")
}

/// Rows of one section of docs/http.md.
fn section(name: &str) -> Vec<Row> {
    let rows = table::rows("docs/http.md", &read("docs/http.md"));
    let rows: Vec<Row> = rows.into_iter().filter(|row| row.section == name).collect();
    assert!(!rows.is_empty(), "docs/http.md has no section {name:?} with a table");
    rows
}

/// Each option has one row, and each row an option. What lies below an option without a shape of
/// its own may have rows too.
#[track_caller]
fn complete<T: DeserializeOwned>(name: &str, wanted: impl Fn(&str) -> bool) {
    let mut options: Vec<Leaf> = fields::leaves::<T>();
    options.retain(|option| wanted(&option.path));
    let rows = section(name);
    let mut wrong = Vec::new();
    for option in &options {
        let mut count = rows.iter().filter(|row| row.name == option.path).count();
        if option.open && count == 0 {
            let below = format!("{}.", option.path);
            count = rows.iter().any(|row| row.name.starts_with(&below)).into();
        }
        if count != 1 {
            wrong.push(format!("{} has {count} rows", option.path));
        }
    }
    for row in &rows {
        let known = options.iter().any(|option| {
            let below = row.name.strip_prefix(&option.path);
            below.is_some_and(|rest| rest.is_empty() || (option.open && rest.starts_with('.')))
        });
        if !known {
            wrong.push(format!("{row}: there is no option {}", row.name));
        }
    }
    assert!(wrong.is_empty(), "docs/http.md, {name}:\n{}", wrong.join("\n"));
}

#[test]
fn every_router_option_has_a_row() {
    complete::<Router>("Routers", |_| true);
}

#[test]
fn every_entry_point_option_has_a_row() {
    let sections = ["http.", "forwardedHeaders.", "observability."];
    complete::<EntryPoint>("Entry points", |path| {
        sections.iter().any(|section| path.starts_with(section))
    });
}

#[test]
fn every_middleware_option_has_a_row() {
    complete::<Middleware>("Middlewares", |_| true);
}

/// The parser names all matchers when it meets a name that is none.
fn matchers() -> BTreeSet<String> {
    let message = rule::parse("Zzzzzzzzzz(`x`)").expect_err("no such matcher").message;
    let (_, names) = message.split_once("expected one of ").expect("a list of names");
    names.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_matcher_has_a_row() {
    let rows = section("Matchers");
    let told: BTreeSet<String> = rows.iter().map(|row| row.name.clone()).collect();
    assert_eq!(told.len(), rows.len(), "a matcher has two rows");
    assert_eq!(told, matchers());
}

/// A kind that is served has no row that denies it, and one that is not has no row that claims it.
#[test]
fn what_is_served_is_said() {
    let mut wrong = Vec::new();
    for row in section("Middlewares") {
        let kind = row.name.split('.').next().unwrap_or_default();
        let verdict = row.cell("Swarmgate");
        if Middleware::is_kind_served(kind) {
            if verdict.starts_with("not served yet") && !row.name.contains(".redis") {
                wrong.push(format!("{row}: {kind} is served"));
            }
        } else if is_served(&row) {
            wrong.push(format!("{row}: {kind} is not served"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_row_has_a_verdict_and_tests_that_exist() {
    let names = names::Names::collect(root());
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in table::rows("docs/http.md", &read("docs/http.md")) {
        count += 1;
        let verdict = row.cell("Swarmgate");
        if !VERDICTS.iter().any(|known| verdict.starts_with(known)) {
            wrong.push(format!("{row}: {verdict:?} begins with none of {VERDICTS:?}"));
        }
        let tests = row.code("Test");
        // What is not there has no test that it works.
        if tests.is_empty() && !verdict.starts_with("not served") {
            wrong.push(format!("{row} names no test"));
        }
        if !verdict.starts_with("not served yet") {
            wrong.extend(names.missing(&tests).map(|name| format!("{row}: no test {name:?}")));
        }
    }
    println!("{count} rows");
    assert!(count > 200, "only {count} rows");
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_advisory_has_tests_that_exist() {
    let names = names::Names::collect(root());
    let rows = table::rows("docs/advisories.md", &read("docs/advisories.md"));
    assert!(rows.len() > 40, "only {} rows", rows.len());
    let mut wrong = Vec::new();
    let mut told = BTreeSet::new();
    for row in &rows {
        if !told.insert(row.name.clone()) {
            wrong.push(format!("{row}: twice"));
        }
        if !row.cell("Advisories").contains('-') {
            wrong.push(format!("{row} names no advisory"));
        }
        let tests = row.code("Test");
        if tests.is_empty() {
            wrong.push(format!("{row} names no test"));
        }
        wrong.extend(names.missing(&tests).map(|name| format!("{row}: no test {name:?}")));
    }
    // And the other way round: each attack of the table is told.
    for attack in names.attacks() {
        if !told.contains(attack) {
            wrong.push(format!("docs/advisories.md has no row {attack}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The checks themselves can fail.
#[test]
fn what_is_missing_is_found() {
    let names = names::Names::collect(root());
    let missing = |name: &str| names.missing(&[name.to_owned()]).next().is_some();
    for good in [
        "side_by_side: cors: preflight",
        "side_by_side: cors: *",
        "side_by_side: talk: websocket",
        "proxy::route::tests::hosts",
        "proxy::middleware::headers::tests::request",
        "config::rule::tests::valid_rules",
        "middlewares::rate_limit::refuses_and_says_when_to_come_back",
        "check::cases",
    ] {
        assert!(!missing(good), "{good} exists");
    }
    for bad in [
        "side_by_side: cors: preflights",
        "side_by_side: nothing: *",
        "side_by_side: *",
        "proxy::route::tests::nothing",
        "proxy::nowhere::tests::hosts",
        "proxy::route::tests::router",
        "middlewares::rate_limit::nothing",
        "nowhere::nothing",
        "nothing",
        "advisories: Z99",
    ] {
        assert!(missing(bad), "{bad} does not exist");
    }
    let leaves = fields::leaves::<Router>();
    let paths: Vec<&str> = leaves.iter().map(|leaf| &*leaf.path).collect();
    for path in ["rule", "tls.domains.sans", "observability.metrics"] {
        assert!(paths.contains(&path), "{path}: {paths:?}");
    }
    let of_middlewares = fields::leaves::<Middleware>();
    let open: Vec<&Leaf> = of_middlewares.iter().filter(|leaf| leaf.open).collect();
    assert!(open.iter().any(|leaf| leaf.path == "plugin"), "{open:?}");
    let rows = table::rows("x.md", "# a\n\n| A | B |\n|---|---|\n| `x` (y) | `p`, `q \\| r` |\n");
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&*row.name, row.code("B")), ("x", vec!["p".to_owned(), "q | r".to_owned()]));
}
