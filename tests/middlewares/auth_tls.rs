//! Who is asked over TLS, by `forwardAuth` or as a service: whose certificates are believed, and
//! what becomes of files that change.

use std::process::Command;

use swarmgate_testkit::certificates::{self, Certificate};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::secure::Secure;

use crate::stage::{LIMIT, Stage};

const ROUTERS: &str = "auth: {rule: 'Host(`auth.test`)', service: app, middlewares: [auth]}
    secure: {rule: 'Host(`secure.test`)', service: secure}";
const HOSTS: [&str; 2] = ["auth.test", "secure.test"];

/// A proxy whose `forwardAuth` and whose service lead to this server, by `trusted.pem`; each with
/// what else is to be said.
struct House {
    server: Secure,
    stage: Stage,
    auth: String,
    changes: u32,
}

impl House {
    fn new(certificate: Certificate, of_auth: &str, of_service: &str) -> Self {
        let server = Secure::start_with(certificate);
        let url = format!("https://127.0.0.1:{}", server.port());
        let auth = format!(
            "auth: {{forwardAuth: {{address: '{url}/', trustForwardHeader: false, tls: {{ca: trusted.pem{of_auth}}}}}}}"
        );
        let services = format!(
            "\n    secure: {{loadBalancer: {{serversTransport: st, servers: [{{url: '{url}'}}]}}}}\n  serversTransports:\n    st: {{rootCAs: [trusted.pem]{of_service}}}"
        );
        let stage = Stage::set_over(ROUTERS, &auth, &services, &[]);
        Self { server, stage, auth, changes: 0 }
    }

    /// Writes `trusted.pem`, and changes something else.
    fn trust(&mut self, pem: &str) {
        self.stage.process.replace_file("trusted.pem", pem);
        self.changes += 1;
        let more = format!("more: {{addPrefix: {{prefix: /{}}}}}", self.changes);
        self.stage.change(ROUTERS, &format!("{}\n    {more}", self.auth));
    }

    #[track_caller]
    fn answers(&self, [auth, service]: [u16; 2]) {
        let seen = HOSTS.map(|host| self.stage.get(host, &[]).status);
        assert_eq!(seen, [auth, service], "{}", self.stage.process.output());
    }
}

/// Such as `openssl req -x509` makes, which every how-to shows.
#[test]
fn an_authority_shows_its_own_certificate() {
    let own = |names: &[&str]| certificates::self_signed_authority(names);
    let known = own(&["127.0.0.1"]);
    let pem = known.pem.clone();
    let mut house = House::new(known, "", "");
    house.trust(&pem);
    house.answers([200, 200]);
    // Another one, however alike; and the right one of somebody else.
    house.trust(&own(&["127.0.0.1"]).pem);
    house.answers([500, 500]);
    let elsewhere = own(&["elsewhere.test"]);
    let pem = elsewhere.pem.clone();
    let mut house = House::new(elsewhere, "", "");
    house.trust(&pem);
    house.answers([500, 500]);
}

#[test]
fn files_are_read_again() {
    let [first, second] = [(); 2].map(|()| certificates::self_signed_authority(&["127.0.0.1"]));
    let mut house = House::new(first.clone(), "", "");
    // It is not there yet.
    house.answers([404, 404]);
    house.trust(&first.pem);
    house.answers([200, 200]);
    // Exchanged under its name.
    house.server.show(&second);
    house.trust(&second.pem);
    house.answers([200, 200]);
    // Connections of the old days are not used for the new trust.
    house.trust(&first.pem);
    house.answers([500, 500]);
    house.trust(&second.pem);
    house.answers([200, 200]);
    // Half written: what was read before counts.
    house.trust("-----BEGIN CERTIFICATE-----\nMIIB");
    house.answers([200, 200]);
    eventually("it says so", LIMIT, || {
        let output = house.stage.process.output();
        if output.contains("it stays as it was") { Ok(()) } else { Err(output) }
    });
}

/// The key and certificate that are shown, too.
#[test]
fn what_is_shown_is_read_again() {
    let server = certificates::self_signed_authority(&["127.0.0.1"]);
    let pem = server.pem.clone();
    let mut house = House::new(
        server,
        ", cert: own.pem, key: own.key",
        ", certificates: [{certFile: own.pem, keyFile: own.key}]",
    );
    let shown = certificates::self_signed(&["proxy.test"]);
    house.stage.process.replace_file("own.pem", &shown.pem);
    house.stage.process.replace_file("own.key", &certificates::self_signed(&["other.test"]).key);
    house.trust(&pem);
    house.answers([404, 404]);
    house.stage.process.replace_file("own.key", &shown.key);
    house.trust(&pem);
    house.answers([200, 200]);
    let said = house.stage.get("secure.test", &[]);
    assert_eq!(said.header("x-user"), Some("with a certificate"));
}

/// A file that never ends, or never begins, costs its router alone.
#[test]
fn what_is_no_file_is_not_read() {
    let mut house = House::new(certificates::self_signed_authority(&["127.0.0.1"]), "", "");
    let fifo = house.stage.process.directory().join("trusted.pem");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("it starts");
    assert!(made.success(), "{made}");
    let auth = |ca: &str| {
        let address = "address: 'https://127.0.0.1:1/'";
        format!("auth: {{forwardAuth: {{{address}, tls: {{ca: {ca}}}}}}}")
    };
    for ca in ["trusted.pem", "/dev/zero"] {
        house.stage.change(ROUTERS, &auth(ca));
        assert_eq!(house.stage.get("auth.test", &[]).status, 404, "{ca}");
        house.stage.process.wait_output("it is no regular file");
    }
    house.stage.change(ROUTERS, "auth: {addPrefix: {prefix: /served}}");
    assert_eq!(house.stage.get("auth.test", &[]).status, 200);
}
