//! Whatever a file says, there is an answer: no panic, no hang.

use proptest::prelude::*;

use super::options::Options;
use super::{examine, json, sarif, text};

const STACK: &str = "\
version: '3.8'
x-app: &app
  image: ${IMAGE:-app}
services:
  traefik:
    image: traefik:v3.6
    command:
      - --entrypoints.web.address=:80
      - --entrypoints.websecure.address=:443
      - --providers.swarm.exposedbydefault=false
      - --providers.swarm.constraints=Label(`a`,`b`)
      - --certificatesresolvers.le.acme.storage=/acme.json
    ports: ['80:80', {target: 443, published: 443, mode: host}]
    volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']
    networks: [public]
    deploy: {placement: {constraints: [node.role == manager]}}
  web:
    <<: *app
    networks: [public, back]
    deploy:
      replicas: 3
      labels:
        - traefik.enable=true
        - traefik.http.routers.web.rule=Host(`a.example`) && PathPrefix(`/x`)
        - traefik.http.routers.web.entrypoints=websecure
        - traefik.http.routers.web.middlewares=auth
        - traefik.http.middlewares.auth.basicauth.users=a:$$apr1$$x
        - traefik.http.services.web.loadbalancer.server.port=8080
networks:
  public: {external: true}
  back:
";

const ROUTING: &str = "\
http:
  routers:
    a: {rule: 'Host(`a`)', service: a, middlewares: [b], tls: {certResolver: x}}
  services:
    a: {loadBalancer: {servers: [{url: 'http://10.0.0.1'}]}}
  middlewares:
    b: {stripPrefix: {prefixes: [/x]}}
";

/// Examines texts and prints the report in every form.
fn all(texts: &[(&str, String)], merge: bool) {
    let files = texts.iter().map(|(name, _)| ((*name).to_owned(), None)).collect();
    let options = Options { files, merge, notes: true, ..Options::default() };
    let texts = texts.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
    let report = examine(&options, texts, &[("IMAGE".to_owned(), "x".to_owned())]);
    let terminal = text::Terminal { colour: true, width: Some(40) };
    let printed = text::render(&report, &options, &terminal);
    assert!(!printed.is_empty());
    for printed in [json::render(&report), sarif::render(&report)] {
        serde_json::from_str::<serde_json::Value>(&printed).unwrap();
    }
}

/// Pieces that change the meaning of a file.
const PIECES: &[&str] = &[
    "$",
    "${",
    "${A:-",
    "`",
    "\"",
    "'",
    ":",
    "- ",
    "&a ",
    "*a",
    "<<: *app",
    "[",
    "{",
    "}",
    "\n",
    "\t",
    "|\n",
    "!x ",
    "é",
    "\u{0}",
    "~",
    "=",
    "@file",
    "0",
    "-1",
    "99999999999999999999",
    "true",
    "#",
    "---\n",
    "traefik.",
    "deploy:",
    "labels:",
    "(",
    "||",
    "!",
];

/// A file in which some places were overwritten, cut out or repeated.
fn mangled(text: &'static str) -> impl Strategy<Value = String> {
    let change = (0..text.len(), 0_usize..40, 0..PIECES.len(), 0_u8..4);
    proptest::collection::vec(change, 1..8).prop_map(move |changes| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, length, piece, kind) in changes {
            let start = at.min(text.len());
            let end = start.saturating_add(length).min(text.len());
            let piece: Vec<char> = PIECES[piece].chars().collect();
            match kind {
                0 => drop(text.drain(start..end)),
                1 => drop(text.splice(start..end, piece)),
                2 => drop(text.splice(start..start, piece)),
                _ => {
                    let again: Vec<char> = text[start..end].to_vec();
                    drop(text.splice(start..start, again));
                }
            }
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mangled_stacks(text in mangled(STACK)) {
        all(&[("stack.yml", text)], false);
    }

    #[test]
    fn mangled_pairs(one in mangled(STACK), two in mangled(STACK), merge: bool) {
        all(&[("a.yml", one), ("b.yml", two)], merge);
    }

    #[test]
    fn mangled_routing(text in mangled(ROUTING)) {
        all(&[("stack.yml", STACK.to_owned()), ("routing.yml", text)], false);
    }

    #[test]
    fn any_text(text in ".{0,200}") {
        all(&[("x.yml", text.clone())], false);
        all(&[("x.toml", text)], false);
    }
}

#[test]
fn hostile_sizes_are_bounded() {
    let start = std::time::Instant::now();
    let labels: String = (0..5_000)
        .map(|n| format!("        - traefik.http.routers.r{n}.rule=Host(`h{n}.example`)\n"))
        .collect();
    let text = format!("services:\n  web:\n    image: x\n    deploy:\n      labels:\n{labels}");
    all(&[("stack.yml", text)], false);
    let long = "x".repeat(2 << 20);
    let text = format!(
        "services: {{web: {{deploy: {{labels: ['traefik.http.routers.a.rule=Host(`{long}`)']}}}}}}"
    );
    all(&[("stack.yml", text)], false);
    let deep = format!("services: {}", "{a: ".repeat(500));
    all(&[("stack.yml", deep)], false);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
