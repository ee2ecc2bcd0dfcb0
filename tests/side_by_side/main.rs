//! Side by side with real Traefik 3.7: the same files, the same requests, the same answers.
//!
//! Both proxies run from the same install and routing configuration, on ports of their own. Each
//! case compares status, headers and body of the answer, and what the upstream saw. Where we mean
//! to differ, `differences.rs` says so, and `docs/compatibility.md` explains it.

mod api;
mod bodiless;
mod cases;
mod conversations;
mod differences;
mod digest;
mod elsewhere;
mod outcome;
mod setup;
mod tries;

use std::collections::BTreeSet;

use swarmgate_testkit::real;

use setup::{Side, World};

#[test]
fn side_by_side() {
    let Some(traefik) = real::traefik("side by side") else { return };
    let world = World::start();
    let theirs = Side::start("Traefik", &traefik, &world);
    let ours = Side::start("Swarmgate", env!("CARGO_BIN_EXE_swarmgate").as_ref(), &world);

    let mut report = Report::default();
    let cases = cases::all();
    assert!(cases.len() > 200, "only {} requests", cases.len());
    for case in cases {
        let [theirs, ours] = [&theirs, &ours].map(|side| case.run(side, &world));
        report.compare(case.name, &theirs, &ours);
    }
    for (name, talk) in conversations::ALL {
        let [theirs, ours] = [&theirs, &ours].map(|side| talk(side, &world));
        report.compare(name, &theirs, &ours);
    }
    for (name, theirs, ours) in api::compare(&theirs, &ours) {
        report.compare(&name, &theirs, &ours);
    }
    report.finish();
}

/// The same where the install configuration says more.
#[test]
fn side_by_side_elsewhere() {
    let Some(traefik) = real::traefik("side by side") else { return };
    let world = World::start();
    let theirs = elsewhere::start("Traefik", &traefik, &world);
    let ours = elsewhere::start("Swarmgate", env!("CARGO_BIN_EXE_swarmgate").as_ref(), &world);

    let mut report = Report::default();
    for case in cases::elsewhere() {
        let [theirs, ours] = [&theirs, &ours].map(|side| case.run(side, &world));
        report.compare(case.name, &theirs, &ours);
    }
    for (name, theirs, ours) in api::compare(&theirs, &ours) {
        report.compare(&name, &theirs, &ours);
    }
    report.print();
    report.judge();
}

/// Collects what differs.
#[derive(Default)]
struct Report {
    compared: usize,
    excused: BTreeSet<&'static str>,
    failures: Vec<String>,
    names: BTreeSet<String>,
}

impl Report {
    fn compare(&mut self, name: &str, theirs: &[String], ours: &[String]) {
        assert!(self.names.insert(name.to_owned()), "two cases are called {name:?}");
        self.compared += 1;
        let (theirs, ours) = (strip(name, theirs), strip(name, ours));
        self.excused.extend(theirs.1);
        self.excused.extend(ours.1);
        if theirs.0 == ours.0 {
            return;
        }
        let lines = |sign: &str, these: &[String], those: &[String]| -> String {
            let only = these.iter().filter(|line| !those.contains(line));
            only.map(|line| format!("  {sign} {line}\n")).collect()
        };
        self.failures.push(format!(
            "{name}\n{}{}",
            lines("Traefik  ", &theirs.0, &ours.0),
            lines("Swarmgate", &ours.0, &theirs.0),
        ));
    }

    fn print(&self) {
        println!("{} cases compared, {} differ:", self.compared, self.failures.len());
        for failure in &self.failures {
            println!("{failure}");
        }
    }

    /// Fails if anything differs.
    fn judge(&self) {
        assert!(self.failures.is_empty(), "{} cases differ, see above", self.failures.len());
    }

    /// The same, and every known difference was seen.
    fn finish(self) {
        self.print();
        let documented = include_str!("../../docs/compatibility.md");
        for difference in differences::ALL {
            let anchor = format!("<a id=\"{}\"></a>", difference.id);
            assert!(documented.contains(&anchor), "docs/compatibility.md lacks {anchor}");
            assert!(
                self.excused.contains(difference.id),
                "the difference {} was not seen; take it off the list",
                difference.id
            );
        }
        self.judge();
    }
}

/// The lines without those that a known difference excuses, and which differences those were.
fn strip(name: &str, lines: &[String]) -> (Vec<String>, Vec<&'static str>) {
    let mut kept = Vec::new();
    let mut excused = Vec::new();
    for line in lines {
        match differences::excuse(name, line) {
            Some(difference) => excused.push(difference.id),
            None => kept.push(line.clone()),
        }
    }
    (kept, excused)
}
