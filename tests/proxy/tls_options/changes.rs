//! Open connections whose server name comes to other options: because its router does.

use super::*;
use crate::frames::{GOAWAY, HEADERS, Http2};

/// Changes a router while the options stay as they are.
fn rewrite(stage: &mut Stage, from: &str, to: &str) {
    stage.revision += 1;
    let text = routing(&stage.url, stage.revision, OPTIONS, stage.more);
    assert!(text.contains(from), "{text}");
    stage.process.replace_file("routing.yml", &text.replace(from, to));
    stage.wait_revision();
}

/// Two connections that are served: HTTP/1.1 and HTTP/2.
struct Open(Client, Http2);

impl Open {
    fn begin(stage: &Stage, identity: Option<&Certificate>, name: &str) -> Self {
        let with = |protocols| {
            let greeting = Greeting { identity, protocols, ..Greeting::default() };
            stage.connect(&TlsClient::new(greeting).unwrap(), name).unwrap()
        };
        let mut open = Self(with(&["http/1.1"]), Http2::new(with(&["h2"])).unwrap());
        assert_eq!(ask(&mut open.0, name).unwrap().status, 200, "{name}");
        open.1.request(1, &fields(name), true).unwrap();
        assert!(open.1.is_ok(1), "{name}");
        open
    }

    /// Sees the next request refused; `ends`: it is the connection's last.
    fn refuse(mut self, name: &str, ends: bool) {
        let answer = ask(&mut self.0, name).unwrap();
        let connection = answer.header("connection");
        assert_eq!((answer.status, connection), (421, ends.then_some("close")), "{name}");
        self.1.request(3, &fields(name), true).unwrap();
        let (mut refused, mut gone) = (false, false);
        while !refused || (ends && !gone) {
            let frame = self.1.frame().unwrap();
            gone |= frame.kind == GOAWAY;
            refused |= frame.kind == HEADERS && frame.stream == 3;
        }
        assert_eq!(gone, ends, "{name}");
        if !ends {
            assert_eq!(ask(&mut self.0, name).unwrap().status, 421, "{name}: it is still open");
            self.1.request(5, &fields(name), true).unwrap();
            while self.1.frame().unwrap().stream != 5 {}
        }
    }

    fn is_served(&mut self, name: &str) {
        assert_eq!(ask(&mut self.0, name).unwrap().status, 200, "{name}");
        self.1.request(3, &fields(name), true).unwrap();
        while self.1.frame().unwrap().stream != 3 {}
    }
}

fn fields(name: &str) -> [(&str, &str); 4] {
    [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", name)]
}

#[test]
fn routers_come_to_other_options() {
    let open = "open: {rule: 'Host(`open.test`)', service: app, entryPoints: [secure], tls: {}}";
    let closed = open.replace("tls: {}", "tls: {options: mtls}");
    let mut stage = Stage::set();
    let ours = stage.ours.clone();

    // Options are gained.
    let anybody = Open::begin(&stage, None, "open.test");
    let mut untouched = Open::begin(&stage, None, "given.test");
    let fronting = Open::begin(&stage, None, "modern.test");
    rewrite(&mut stage, open, &closed);
    anybody.refuse("open.test", true);
    assert!(stage.ask(&stage.client(None, ""), "open.test", "open.test").is_none());
    // Who came by another name is refused, too, but nothing has changed for that name.
    untouched.is_served("given.test");
    fronting.refuse("open.test", false);

    // And lost.
    let known = Open::begin(&stage, Some(&ours), "open.test");
    rewrite(&mut stage, "X-Marked", "X-Marked");
    known.refuse("open.test", true);
    assert_eq!(stage.ask(&stage.client(None, ""), "open.test", "open.test").unwrap().status, 200);

    // And exchanged for others.
    let given = Open::begin(&stage, Some(&ours), "given.test");
    rewrite(&mut stage, "tls: {options: given}", "tls: {options: mtls}");
    given.refuse("given.test", true);
    let served = stage.ask(&stage.client(Some(&ours), ""), "given.test", "given.test");
    assert_eq!(served.unwrap().status, 200);
}
