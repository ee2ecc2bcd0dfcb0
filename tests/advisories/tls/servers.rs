//! Servers with certificates for somebody else.

use swarmgate_testkit::certificates::{Authority, Odd};
use swarmgate_testkit::client;
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::Launch;
use swarmgate_testkit::secure::Secure;

use crate::house::LIMIT;

/// J12, J18: only the name that is asked for, as a DNS name, in a server's certificate, counts.
#[test]
fn servers_are_who_they_should_be() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    // What the server shows, the transport, the status.
    let table = [
        (ours.issue_odd(Odd::Server("good.test")), "named", 200),
        (ours.issue_odd(Odd::Server("evil.test")), "named", 500),
        (ours.issue_odd(Odd::Server("good.test\0.evil.test")), "named", 500),
        (ours.issue_odd(Odd::Server("good.test.evil.test")), "named", 500),
        (ours.issue_odd(Odd::Server("*")), "named", 500),
        (ours.issue_odd(Odd::MailOf("good.test")), "named", 500),
        (ours.issue_odd(Odd::UriOf("good.test")), "named", 500),
        (ours.issue_odd(Odd::Called("good.test")), "named", 500),
        (ours.issue_odd(Odd::Client("good.test")), "named", 500),
        (theirs.issue_odd(Odd::Server("good.test")), "named", 500),
        // And the switches, both ways.
        (ours.issue_odd(Odd::Server("good.test")), "unknown", 500),
        (ours.issue_odd(Odd::Server("good.test")), "misnamed", 500),
        (theirs.issue_odd(Odd::Server("evil.test")), "careless", 200),
        (theirs.issue_odd(Odd::Server("evil.test")), "careful", 500),
    ];
    let (web, mut routers, mut services, mut servers) =
        (ports::free(), String::new(), String::new(), Vec::new());
    for (number, (certificate, transport, status)) in table.iter().enumerate() {
        let server = Secure::start_with(certificate.clone());
        let port = server.port();
        routers.push_str(&format!(
            "    r{number}: {{rule: 'Host(`s{number}.test`)', service: s{number}}}\n"
        ));
        services.push_str(&format!(
            "    s{number}: {{loadBalancer: {{serversTransport: {transport}, \
             servers: [{{url: 'https://127.0.0.1:{port}'}}]}}}}\n"
        ));
        servers.push((server, *transport, *status));
    }
    let routing = format!(
        "http:
  routers:
{routers}  services:
{services}  serversTransports:
    named: {{rootCAs: [ca.pem], serverName: good.test}}
    misnamed: {{rootCAs: [ca.pem], serverName: evil.test}}
    unknown: {{serverName: good.test}}
    careless: {{insecureSkipVerify: true, serverName: good.test}}
    careful: {{insecureSkipVerify: false, serverName: good.test}}
"
    );
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .file("routing.yml", &routing)
        .file("ca.pem", &ours.pem())
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg("--providers.file.filename=routing.yml")
        .start();
    process.wait_listening(web);
    eventually("the first is served", LIMIT, || match client::get(web, "s0.test", "/") {
        Ok(answer) if answer.status == 200 => Ok(()),
        other => Err(format!("{other:?}; it said:\n{}", process.output())),
    });
    for (number, (_, transport, expected)) in servers.iter().enumerate() {
        let answer = client::get(web, &format!("s{number}.test"), "/").expect("an answer");
        assert_eq!(answer.status, *expected, "{number}, {transport}");
    }
}
