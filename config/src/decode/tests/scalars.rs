//! Scalars, by way of labels: one table of spellings for each type.

use crate::decode::decode_labels;
use crate::scalar::Duration;

#[test]
fn booleans() {
    let key = "traefik.http.services.s.loadbalancer.passhostheader";
    let table = [
        ("1", Some(true)),
        ("t", Some(true)),
        ("T", Some(true)),
        ("TRUE", Some(true)),
        ("true", Some(true)),
        ("True", Some(true)),
        ("0", Some(false)),
        ("f", Some(false)),
        ("F", Some(false)),
        ("FALSE", Some(false)),
        ("false", Some(false)),
        ("False", Some(false)),
        ("tRUE", None),
        ("yes", None),
        ("on", None),
        ("", None),
        (" true", None),
    ];
    for (text, expected) in table {
        let labels = decode_labels("swarm", "s", [(key, text)]);
        let got = labels
            .configuration
            .services
            .get("s")
            .and_then(|service| service.value.load_balancer.clone()?.pass_host_header);
        assert_eq!(got, expected, "{text:?}");
        assert_eq!(labels.configuration.findings.is_empty(), expected.is_some(), "{text:?}");
    }
}

#[test]
fn integers() {
    let key = "traefik.http.routers.r.priority";
    let table = [
        ("42", Some(42)),
        ("-1", Some(-1)),
        ("+7", Some(7)),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("170141183460469231731687303715884105728", None),
        ("0x10", None),
        ("1.0", None),
        ("abc", None),
        ("", None),
    ];
    for (text, expected) in table {
        let labels = decode_labels("swarm", "s", [(key, text)]);
        let got = labels.configuration.routers.get("r").and_then(|router| router.value.priority);
        assert_eq!(got, expected, "{text:?}");
    }
}

#[test]
fn durations() {
    let key = "traefik.http.services.s.loadbalancer.responseforwarding.flushinterval";
    let table = [
        ("1", Some(Duration::from_secs(1))),
        ("1s", Some(Duration::from_secs(1))),
        ("250ms", Some(Duration::from_millis(250))),
        ("-1", Some(Duration::from_secs(-1))),
        ("1d", None),
        ("", None),
        ("1.5", None),
    ];
    for (text, expected) in table {
        let labels = decode_labels("swarm", "s", [(key, text)]);
        let got = labels.configuration.services.get("s").and_then(|service| {
            service.value.load_balancer.clone()?.response_forwarding?.flush_interval
        });
        assert_eq!(got, expected, "{text:?}");
        if expected.is_none() {
            let finding = labels.configuration.findings[0].to_string();
            assert!(finding.contains("is not a duration"), "{finding}");
            assert!(finding.contains("flushinterval"), "{finding}");
        }
    }
}
