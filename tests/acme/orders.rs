//! Orders at Pebble: good ones, one that fails, and a restart without any CA.

use std::time::Duration;

use swarmgate_testkit::certificates;
use swarmgate_testkit::client::{Client, Trust};
use swarmgate_testkit::eventually::eventually;

use crate::house::{House, LIMIT};

#[test]
fn ordered_served_stored_and_kept() {
    let Some(mut house) = House::new() else { return };
    let running = house.swarmgate(&["Host(`domini.test`) || Host(`www.domini.test`)"]);
    let certificate = house.served(&running, "domini.test");
    assert_eq!(house.served(&running, "www.domini.test"), certificate, "one for both");
    // Everything else on port 80 is redirected all the while; a challenge is answered before.
    let redirected = house.plain("domini.test", "/x?y=1");
    assert_eq!(redirected.status, 301);
    assert_eq!(redirected.header("location"), Some("https://domini.test/x?y=1"));
    let challenge = house.plain("domini.test", "/.well-known/acme-challenge/unknown");
    assert_eq!((challenge.status, challenge.text().as_str()), (404, ""));

    // A router that comes later is looked after without a restart.
    let rules = ["Host(`domini.test`) || Host(`www.domini.test`)", "Host(`later.test`)"];
    running.replace_file("routing.yml", &house.routing(&rules));
    house.served(&running, "later.test");

    eventually("both in acme.json", LIMIT, || {
        let stored = house.stored();
        let certificates = &stored["letsencrypt"]["Certificates"];
        match certificates.as_array().map(Vec::len) {
            Some(2) => {
                let first = serde_json::json!({"main": "domini.test", "sans": ["www.domini.test"]});
                assert_eq!(certificates[0]["domain"], first);
                Ok(())
            }
            other => Err(format!("{other:?}")),
        }
    });
    let finished = running.terminate(Duration::from_secs(20));
    assert!(finished.status.success(), "{}", finished.output());

    // With the certificate in the file the CA is not needed.
    house.pebble = None;
    let running = house.swarmgate(&rules);
    assert_eq!(house.served(&running, "domini.test"), certificate);
    assert!(!running.output().contains("Unable to obtain"), "{}", running.output());
}

#[test]
fn a_failing_name_holds_up_nobody_says_why_and_recovers() {
    let Some(house) = House::new() else { return };
    // Nobody listens there.
    house.pebble().set_address("bad.test", Some("127.66.66.66"));
    let running = house.swarmgate(&["Host(`bad.test`)", "Host(`good.test`)"]);
    house.served(&running, "good.test");
    let said = eventually("the failure is said", LIMIT, || {
        let output = running.output();
        let line = output.lines().find(|line| line.contains("Unable to obtain ACME certificate"));
        line.map(str::to_owned).ok_or(output.clone())
    });
    assert!(said.contains("bad.test") && said.contains("letsencrypt.acme"), "{said}");
    assert!(said.contains("127.66.66.66"), "the CA's own words: {said}");
    let findings = swarmgate_testkit::client::get(house.api, "localhost", "/api/findings")
        .expect("the API answers")
        .text();
    assert!(findings.contains("bad.test") && findings.contains("next try"), "{findings}");
    assert!(house.ask("bad.test").is_err(), "served with another certificate meanwhile");

    house.pebble().set_address("bad.test", None);
    house.served(&running, "bad.test");
    eventually("the finding goes", LIMIT, || {
        let findings = swarmgate_testkit::client::get(house.api, "localhost", "/api/findings")
            .map_err(|error| error.to_string())?
            .text();
        if findings.contains("bad.test") { Err(findings) } else { Ok(()) }
    });
}

#[test]
fn what_a_file_covers_is_not_ordered() {
    let Some(house) = House::new() else { return };
    let running = house.swarmgate(&[]);
    let own = certificates::self_signed(&["file.test"]);
    for (name, text) in [("own.pem", &own.pem), ("own.key", &own.key)] {
        std::fs::write(running.directory().join(name), text).expect("a file");
    }
    let routing = house.routing(&["Host(`file.test`)", "Host(`other.test`)"]);
    let tls = "tls: {certificates: [{certFile: own.pem, keyFile: own.key}]}";
    running.replace_file("routing.yml", &format!("{routing}{tls}\n"));
    house.served(&running, "other.test");
    let client =
        Client::connect_tls(("127.0.0.1", house.secure), "file.test", Trust::Roots(&own.pem));
    assert!(client.is_ok_and(|client| client.certificate().is_some()), "{}", running.output());
    eventually("other.test in acme.json", LIMIT, || {
        let stored = house.stored();
        let list = stored["letsencrypt"]["Certificates"].as_array().cloned().unwrap_or_default();
        let main = |entry: &serde_json::Value| entry["domain"]["main"].as_str().map(str::to_owned);
        let names: Vec<_> = list.iter().filter_map(main).collect();
        if names == ["other.test"] { Ok(()) } else { Err(format!("{names:?}")) }
    });
}
