//! Which file is found, and what is said about sources that are not read.

use super::install::{Fixture, notes};
use crate::decode::load_install;

/// The files in order of precedence; each must win over all behind it.
#[test]
fn order() {
    let files = [
        "root/etc/traefik/traefik.toml",
        "root/etc/traefik/traefik.yaml",
        "root/etc/traefik/traefik.yml",
        "xdg/traefik.toml",
        "xdg/traefik.yml",
        "home/.config/traefik.yaml",
        "work/traefik.toml",
        "work/traefik.yml",
        "root/etc/swarmgate/swarmgate.yml",
        "root/etc/traefik/swarmgate.toml",
        "xdg/swarmgate.yml",
        "home/.config/swarmgate.yml",
        "work/swarmgate.toml",
        "work/swarmgate.yaml",
    ];
    for at in 0..files.len() {
        let fixture = Fixture::new();
        for file in &files[at..] {
            let text = if file.ends_with("toml") { "[ping]\n" } else { "ping: {}\n" };
            fixture.write(file, text);
        }
        let (xdg, home) = (fixture.path().join("xdg"), fixture.path().join("home"));
        let variables =
            [("XDG_CONFIG_HOME", xdg.to_str().unwrap()), ("HOME", home.to_str().unwrap())];
        let loaded = load_install(&fixture.sources(&[], &variables)).unwrap();
        assert!(loaded.source.ends_with(files[at]), "{} instead of {}", loaded.source, files[at]);
    }
}

#[test]
fn unset_variables_mean_the_root() {
    for file in ["root/traefik.yml", "root/.config/traefik.yml"] {
        let fixture = Fixture::new();
        fixture.write(file, "ping: {}\n");
        let loaded = load_install(&fixture.sources(&[], &[])).unwrap();
        assert!(loaded.source.ends_with(file), "{}", loaded.source);
    }
}

#[test]
fn named_files() {
    let fixture = Fixture::new();
    fixture.write("work/my.yml", "ping: {}\n");
    fixture.write("root/etc/traefik/traefik.yml", "api: {}\n");
    let variables = [("WHERE", "my")];
    for arguments in [
        &["--configFile=my.yml"][..],
        &["--configfile", "my.yml"],
        &["-configFile=my.yml"],
        &["--CONFIGFILE=my.yml"],
        &["--configFile=$WHERE.yml"],
        &["--configFile=${WHERE}.yml"],
        &["--api", "--configFile=my.yml"],
    ] {
        let loaded = load_install(&fixture.sources(arguments, &variables)).unwrap();
        assert!(loaded.install.ping.is_some(), "{arguments:?}");
        assert_eq!(loaded.source, "file my.yml", "{arguments:?}");
    }
    let missing = load_install(&fixture.sources(&["--configFile=none.yml"], &[])).unwrap_err();
    let text = missing[0].to_string();
    assert!(text.contains("flag --configFile: the file \"none.yml\" does not exist"), "{text}");
}

#[test]
fn a_directory_in_the_place_of_a_file() {
    let fixture = Fixture::new();
    fixture.write("root/etc/traefik/traefik.yml/x", "");
    let findings = load_install(&fixture.sources(&[], &[])).unwrap_err();
    assert!(findings[0].to_string().contains("traefik.yml: is a directory"), "{}", findings[0]);
}

#[test]
fn a_file_that_is_no_text() {
    let fixture = Fixture::new();
    let path = fixture.write("work/traefik.yml", "");
    std::fs::write(path, [0xff, 0xfe]).unwrap();
    let findings = load_install(&fixture.sources(&[], &[])).unwrap_err();
    assert!(findings[0].to_string().contains("is not UTF-8"), "{}", findings[0]);
}

#[test]
fn sources_are_never_merged() {
    let fixture = Fixture::new();
    fixture.write("work/traefik.yml", "ping: {}\n");
    let sources = fixture.sources(&["--foo=1", "--api"], &[("TRAEFIK_LOG_LEVEL", "DEBUG")]);
    let loaded = load_install(&sources).unwrap();
    assert!(loaded.install.api.is_none() && loaded.install.log.is_none());
    let told = notes(&loaded);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("flag --foo=1 --api: flags are not read"), "{told:?}");
    assert!(told[1].contains("variables are not read"), "{told:?}");

    let both = Fixture::new().sources(&["--ping"], &[("TRAEFIK_LOG_LEVEL", "DEBUG")]);
    let loaded = load_install(&both).unwrap();
    assert!(loaded.install.log.is_none());
    assert!(notes(&loaded)[0].contains("because flags are given"), "{:?}", notes(&loaded));

    let only_file = Fixture::new();
    only_file.write("work/a.yml", "ping: {}\n");
    let loaded = load_install(&only_file.sources(&["--configFile=a.yml"], &[])).unwrap();
    assert!(loaded.findings.is_empty(), "{:?}", notes(&loaded));
}
