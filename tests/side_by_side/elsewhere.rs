//! The same comparison where the install configuration says more: another default rule syntax,
//! another precedence of providers, entry points that add to their routers.

use std::path::Path;
use std::time::Duration;

use swarmgate_testkit::client;
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::Launch;

use crate::setup::{Side, World};

const ENTRY_POINTS: &[(&str, &str)] = &[
    ("web", ""),
    (
        "adding",
        "http: {middlewares: [of-entry-point@file], encodedCharacters: {allowEncodedSlash: false, allowEncodedBackSlash: false, allowEncodedNullCharacter: false, allowEncodedSemicolon: false, allowEncodedPercent: false, allowEncodedQuestionMark: false, allowEncodedHash: false}}\n    observability: {accessLogs: false, tracing: false}",
    ),
    ("some", "http: {encodedCharacters: {allowEncodedSlash: false}}"),
    ("tls", "http: {tls: {}}"),
    ("raw", "http: {sanitizePath: false, encodeQuerySemicolons: true}"),
    ("padded", "forwardedHeaders: {trustedIPs: [' 127.0.0.0/8 '], connection: [' X-Keep ']}"),
    ("traefik", ""),
];

/// What the HTTP provider hands out: equal rules of equal priority.
const HANDED_OUT: &str = r#"{"http":{"routers":{"tie":{"rule":"Host(`tie.test`)","service":"two@file"},"low":{"rule":"Host(`low.test`)","service":"two@file","priority":1},"blanks":{"rule":"Host(`blanks.test`)","entryPoints":[" web "],"service":"two@file"},"several":{"rule":"Host(`handed.test`, `out.test`)","service":"two@file"}}}}"#;

/// Starts one of the two; the routing configuration is a file of its own.
pub fn start(name: &str, program: &Path, world: &World) -> Side {
    let ports: Vec<(&'static str, u16)> =
        ENTRY_POINTS.iter().map(|(name, _)| (*name, ports::free())).collect();
    let mut install = format!(
        "providers:
  precedence: [http, file]
  file: {{filename: routing.yml}}
  http: {{endpoint: '{}', headers: {{X-Do: 'body {HANDED_OUT}'}}}}
core: {{defaultRuleSyntax: v2}}
api: {{insecure: true}}
log: {{level: INFO, noColor: true}}
entryPoints:
",
        world.two.url()
    );
    for ((name, more), (_, port)) in ENTRY_POINTS.iter().zip(&ports) {
        install.push_str(&format!("  {name}:\n    address: '127.0.0.1:{port}'\n"));
        if !more.is_empty() {
            install.push_str(&format!("    {more}\n"));
        }
    }
    let mut process = Launch::new(program)
        .file("install.yml", &install)
        .file("routing.yml", &world.routing(include_str!("elsewhere.yml")))
        .arg("--configFile=install.yml")
        .start();
    for (_, port) in &ports {
        process.wait_listening(*port);
    }
    let side = Side { ports, process };
    for host in ["ready.test", "handed.test"] {
        eventually(
            &format!("{name} serves {host}"),
            Duration::from_secs(20),
            || match client::get(side.port("web"), host, "/") {
                Ok(response) if response.status == 200 => Ok(()),
                other => Err(format!("{other:?}; it said:\n{}", side.process.output())),
            },
        );
    }
    side
}
