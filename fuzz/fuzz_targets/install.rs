//! The install configuration and files of routes, in every form: decoding ends, and whoever is
//! refused is told why. The first byte says which form the rest is in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use swarmgate_config::decode::{
    Format, Loaded, Sources, decode_routing_file, load_install_text, load_install_text_and_flags,
    load_install_without_file,
};
use swarmgate_config::finding::Finding;

/// More findings than any file of this size deserves.
const MOST_FINDINGS: usize = 10_000;

fn told(findings: &[Finding]) {
    assert!(findings.len() < MOST_FINDINGS, "{} findings", findings.len());
    for finding in findings {
        assert!(finding.to_string().len() < 64 * 1024);
    }
}

fn loaded(result: Result<Loaded, Vec<Finding>>) {
    match result {
        Ok(loaded) => {
            told(&loaded.findings);
            // It can be shown.
            assert!(serde_json::to_string(&loaded.install).is_ok());
        }
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a word");
            told(&findings);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((form, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let lines = || text.lines().map(str::to_owned);
    match form % 7 {
        0 => loaded(load_install_text("f.yml", text, Format::Yaml)),
        1 => loaded(load_install_text("f.toml", text, Format::Toml)),
        2 => {
            let arguments = lines().collect();
            loaded(load_install_without_file(&Sources { arguments, ..Sources::default() }));
        }
        3 => {
            let pairs = lines().filter_map(|line| {
                let (name, value) = line.split_once('=')?;
                Some((name.to_owned(), value.into()))
            });
            let variables = pairs.collect();
            loaded(load_install_without_file(&Sources { variables, ..Sources::default() }));
        }
        4 => {
            let (text, flags) = text.split_once("\n---\n").unwrap_or((text, ""));
            let flags: Vec<String> = flags.lines().map(str::to_owned).collect();
            loaded(load_install_text_and_flags("f.toml", text, Format::Toml, &flags));
        }
        form => {
            let format = if form == 5 { Format::Yaml } else { Format::Toml };
            match decode_routing_file("f", text, format) {
                Ok(configuration) => told(&configuration.findings),
                Err(finding) => told(&[finding]),
            }
        }
    }
});
