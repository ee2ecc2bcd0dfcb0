//! The Django stack, one image line changed: redirections, certificates, replicas, changes under load.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::swarm::{Curl, Load, Pebble, Stack, Tally};

use crate::house::{House, all_answer, example, report, until};
use crate::labels;

const STACK: &str = "docker-stack.yml";
const CONFIG: &str = "docker/traefik/traefik.production.yml";
const CONFIG_V3: &str = "docker/traefik/traefik.production.v3.yml";

/// The deployed stack and what is needed to judge it.
struct Django {
    stack: Stack,
    pebble: Pebble,
    /// `acme.json` as the host sees it.
    acme_json: PathBuf,
    /// Trusts Pebble's root and nothing else.
    curl: Curl,
}

/// Deploys the example with the configuration file `config`; `edit` may change the copy before.
/// Returns once the site is served with a certificate of Pebble's.
fn deploy(house: &House, config: &str, edit: impl FnOnce(Stack) -> Stack) -> Django {
    let pebble = Pebble::start(&house.engine);
    let mut stack = Stack::prepare(&house.engine, &example("django"), "myapp");
    // The test's CA is not Let's Encrypt: its address and its root join the configuration. The
    // root lies in the volume that the stack mounts anyway, so the stack file needs no change.
    let letsencrypt = stack.volume("letsencrypt");
    std::fs::write(letsencrypt.join("pebble.pem"), pebble.server_root()).expect("the CA's root");
    let storage = "      storage: /letsencrypt/acme.json\n";
    let ca = format!(
        "{storage}      caServer: {}\n      caCertificates:\n        - /letsencrypt/pebble.pem\n",
        pebble.directory_url()
    );
    let stack = edit(stack.replace(config, storage, &ca));
    let stack = stack.replace(STACK, "image: traefik:v3.6", &house.image_line());
    let start = Instant::now();
    stack.deploy(STACK);
    report(&format!("django with {config}: deployed after {:.1?}", start.elapsed()));

    let curl = Curl::new().trusting(pebble.root());
    for host in ["domini.com", "www.domini.com"] {
        until(&curl, &format!("https://{host}/"), Duration::from_secs(60), |_| true);
    }
    report(&format!("django with {config}: certificates served after {:.1?}", start.elapsed()));
    // The proxy may have counted the tasks before the last of them ran.
    until(&curl, "https://domini.com/", Duration::from_secs(10), |answer| answer.status == 200);
    report(&format!("django with {config}: the site answers after {:.1?}", start.elapsed()));
    Django { stack, pebble, acme_json: letsencrypt.join("acme.json"), curl }
}

/// "Done when" 2 of the issue: what a visitor sees.
fn judge(house: &House, django: &Django) {
    let curl = &django.curl;
    let answer = curl.get("http://domini.com/x?y=1").expect("an answer");
    assert_eq!(answer.status, 301, "{answer:?}");
    assert_eq!(answer.header("location"), "https://domini.com/x?y=1");

    let answer = curl.get("https://www.domini.com/x?y=1").expect("an answer");
    assert_eq!(answer.status, 301, "{answer:?}");
    assert_eq!(answer.header("location"), "https://domini.com/x?y=1");

    let answer = curl.get("https://domini.com/x?y=1").expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.said("Request"), "GET /x?y=1 HTTP/1.1");
    assert_eq!(answer.said("x-forwarded-proto"), "https");
    assert_eq!(answer.said("x-forwarded-host"), "domini.com");

    let answer = curl.get("https://other.domini.com/");
    assert!(answer.is_err(), "no certificate for a name that nobody routes: {answer:?}");
    let answer = curl.clone().arg("--insecure").get("https://other.domini.com/");
    assert_eq!(answer.expect("an answer").status, 404);

    let replicas = house.replicas("myapp_web");
    assert_eq!(replicas.len(), 3, "{replicas:?}");
    all_answer(curl, "https://domini.com/", &replicas, Duration::from_secs(20));

    stored(django);
}

/// The served certificate is the one in `acme.json`, which only its owner can read.
fn stored(django: &Django) {
    use std::os::unix::fs::PermissionsExt;
    let mode = django.acme_json.metadata().expect("acme.json is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "acme.json's mode is {mode:o}");
    let text = std::fs::read_to_string(&django.acme_json).expect("acme.json can be read");
    let json: serde_json::Value = serde_json::from_str(&text).expect("acme.json is JSON");
    let certificates = json.pointer("/letsencrypt/Certificates").and_then(|list| list.as_array());
    for host in ["domini.com", "www.domini.com"] {
        let chain = certificates
            .into_iter()
            .flatten()
            .find(|one| one.pointer("/domain/main").is_some_and(|main| main == host))
            .and_then(|one| one.pointer("/certificate")?.as_str())
            .unwrap_or_else(|| panic!("no certificate of {host} in acme.json: {text}"));
        let chain = shell("base64 -d", chain);
        let client = format!(
            "openssl s_client -connect 127.0.0.1:443 -servername {host} </dev/null 2>/dev/null | openssl x509"
        );
        let served = shell(&client, "");
        assert!(served.contains("BEGIN CERTIFICATE"), "{served}");
        assert!(chain.contains(served.trim()), "{host}: stored\n{chain}\nserved\n{served}");
    }
}

fn shell(script: &str, input: &str) -> String {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]);
    swarmgate_testkit::swarm::engine::run(command, Some(input), Duration::from_secs(20))
        .unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// A `Host` rule added to a running service; how long until it is live.
fn label_added(house: &House, django: &Django) {
    let insecure = django.curl.clone().arg("--insecure");
    let url = "https://extra.domini.com/";
    assert_eq!(insecure.get(url).expect("an answer").status, 404);
    let start = Instant::now();
    house.engine.docker(&[
        "service",
        "update",
        "--detach",
        "--label-add=traefik.http.routers.extra.rule=Host(`extra.domini.com`)",
        "--label-add=traefik.http.routers.extra.entrypoints=https",
        "--label-add=traefik.http.routers.extra.tls=true",
        "myapp_web",
    ]);
    let accepted = start.elapsed();
    until(&insecure, url, Duration::from_secs(30), |answer| answer.status == 200);
    let live = start.elapsed();
    report(&format!(
        "label added: live {} ms after the command began, {} ms after it returned",
        live.as_millis(),
        (live - accepted).as_millis()
    ));
    assert!(live < Duration::from_secs(1), "a label change took {live:?}");
}

/// Waits until every running replica of the web service, and no other, answers the load.
fn load_reaches_all(house: &House, load: &Load, count: usize) {
    let before = load.tally().replicas;
    eventually(&format!("all {count} replicas get load"), Duration::from_secs(70), || {
        let replicas = house.replicas("myapp_web");
        let now = load.tally().replicas;
        let fresh = |id: &&String| now.get(*id) > before.get(*id);
        let reached = replicas.iter().filter(fresh).count();
        std::thread::sleep(Duration::from_millis(200));
        if replicas.len() == count && reached == count {
            Ok(())
        } else {
            Err(format!("{reached} of {replicas:?} reached: {now:?}"))
        }
    });
}

/// Scaling up and down and a rolling update, while clients keep asking: nothing is lost.
fn changes_under_load(house: &House, django: &Django) {
    let load = Load::start("domini.com", &django.pebble.root(), 6, 4);
    load_reaches_all(house, &load, 3);

    house.engine.docker(&["service", "scale", "--detach", "myapp_web=5"]);
    django.stack.wait_running();
    load_reaches_all(house, &load, 5);
    lossless("scaled 3 -> 5", &load.tally());

    house.engine.docker(&["service", "scale", "--detach", "myapp_web=2"]);
    django.stack.wait_running();
    load_reaches_all(house, &load, 2);
    lossless("scaled 5 -> 2", &load.tally());

    let old = house.replicas("myapp_web");
    house.engine.docker(&[
        "service",
        "update",
        "--detach",
        "--update-order=start-first",
        "--update-parallelism=1",
        "--update-delay=1s",
        "--env-add=VERSION=2",
        "myapp_web",
    ]);
    eventually("the old tasks are gone", Duration::from_secs(90), || {
        std::thread::sleep(Duration::from_millis(200));
        let now = house.replicas("myapp_web");
        let left: Vec<_> = now.iter().filter(|id| old.contains(id)).collect();
        if left.is_empty() && now.len() == 2 { Ok(()) } else { Err(format!("{now:?}")) }
    });
    django.stack.wait_running();
    load_reaches_all(house, &load, 2);
    let tally = load.stop();
    lossless("rolling update, start-first", &tally);
    assert!(tally.versions.contains_key("2"), "{:?}", tally.versions);
}

#[track_caller]
fn lossless(what: &str, tally: &Tally) {
    report(&format!("{what} under load: {} requests, {} failed", tally.total, tally.failed));
    assert_eq!(tally.failed, 0, "{what}: of {} requests: {:#?}", tally.total, tally.reasons);
    assert!(tally.total > 100, "{what}: only {} requests", tally.total);
}

#[test]
fn the_published_stack_runs_changes_and_loses_nothing() {
    let Some(house) = House::enter() else { return };
    let django = deploy(&house, CONFIG, |stack| stack);
    judge(&house, &django);
    label_added(&house, &django);
    changes_under_load(&house, &django);
}

#[test]
fn the_v3_form_with_labels_as_a_map() {
    let Some(house) = House::enter() else { return };
    let django = deploy(&house, CONFIG_V3, |stack| {
        let stack = stack.replace(STACK, CONFIG, CONFIG_V3);
        let path = stack.path(STACK);
        let text = std::fs::read_to_string(&path).expect("the stack file");
        std::fs::write(path, labels::as_map(&text, "web")).expect("the stack file");
        stack
    });
    judge(&house, &django);
    label_added(&house, &django);
}

#[test]
fn the_stack_that_forgets_the_tls_labels() {
    let Some(house) = House::enter() else { return };
    let forget = |router: &str| {
        format!("        - traefik.http.routers.{router}.tls.certresolver=letsencrypt\n")
    };
    let django = deploy(&house, CONFIG, |stack| {
        stack.replace(STACK, &forget("web"), "").replace(STACK, &forget("www"), "")
    });
    judge(&house, &django);
    let log = django.stack.logs("traefik");
    assert!(log.contains("web") && log.to_lowercase().contains("tls"), "it says so: {log}");
}
