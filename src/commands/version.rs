//! `version`: five lines, their values in one column, as Traefik prints them.

/// What `swarmgate version` prints.
pub fn text() -> String {
    let os = std::env::consts::OS;
    // Docker's names, which is what people compare with.
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    [
        ("Version", env!("CARGO_PKG_VERSION")),
        ("Codename", "swarmgate"),
        ("Rust version", env!("SWARMGATE_RUSTC")),
        ("Built", env!("SWARMGATE_BUILT")),
        ("OS/Arch", &format!("{os}/{architecture}")),
    ]
    .iter()
    .map(|(name, value)| format!("{:<14}{value}\n", format!("{name}:")))
    .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn five_aligned_lines() {
        let text = super::text();
        let names: Vec<&str> = text.lines().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(names, ["Version", "Codename", "Rust version", "Built", "OS/Arch"]);
        for line in text.lines() {
            assert_eq!(line.as_bytes().get(13), Some(&b' '), "{line:?}");
            assert_ne!(line.as_bytes().get(14), Some(&b' '), "{line:?}");
            assert!(line.len() > 14, "{line:?}");
        }
    }
}
