//! Requests that lead back to the proxy, and references that lead nowhere.

use std::time::{Duration, Instant};

use crate::attack::headers;
use crate::stand::{PLAIN, Stand};

const ROUTING: &str = "http:
  routers:
    ready: {rule: 'Host(`ready.test`)', service: app}
    self: {rule: 'Host(`self.test`)', service: self}
    here: {rule: 'Host(`here.test`)', service: self, middlewares: [to-there]}
    there: {rule: 'Host(`there.test`)', service: self, middlewares: [to-here]}
    again: {rule: 'Host(`again.test`)', service: self, middlewares: [again]}
    asks: {rule: 'Host(`asks.test`)', service: app, middlewares: [asks]}
    named: {rule: 'Host(`127.0.0.1`) && Path(`/named`)', service: app, middlewares: [asks-named]}
    strict: {rule: 'Host(`127.0.0.1`) && Path(`/strict`)', service: app, middlewares: [asks-strict]}
    both: {rule: 'Host(`127.0.0.1`) && Path(`/both`)', service: app, middlewares: [asks-both]}
    often: {rule: 'Host(`often.test`)', service: self, middlewares: [often]}
    held: {rule: 'Host(`held.test`)', service: self, middlewares: [held]}
    page: {rule: 'Host(`page.test`)', service: app, middlewares: [page]}
    once: {rule: 'Host(`once.test`)', service: self, middlewares: [to-ready]}
  middlewares:
    to-here: {headers: {customRequestHeaders: {Host: here.test}}}
    to-there: {headers: {customRequestHeaders: {Host: there.test}}}
    to-ready: {headers: {customRequestHeaders: {Host: ready.test}}}
    again: {retry: {attempts: 2, status: ['500-599'], initialInterval: 1ms}}
    asks: {forwardAuth: {address: 'http://{WEB}/', trustForwardHeader: true}}
    asks-named: {forwardAuth: {address: 'http://{WEB}/named', authRequestHeaders: [Cookie]}}
    asks-strict: {forwardAuth: {address: 'http://{WEB}/strict', trustForwardHeader: false}}
    asks-both: {forwardAuth: {address: 'http://{WEB}/both', trustForwardHeader: true, authRequestHeaders: [Cookie]}}
    often: {retry: {attempts: 9, status: ['500-599'], initialInterval: 1ms}}
    held: {buffering: {retryExpression: 'ResponseCode() >= 500 && Attempts() <= 9'}}
    page: {errors: {status: ['500-599'], service: self}}
  services:
    app: {loadBalancer: {servers: [{url: 'http://{APP}'}]}}
    self: {loadBalancer: {servers: [{url: 'http://{WEB}'}]}}
";

/// K13: who goes in circles is stopped; who comes by twice is not.
#[test]
fn circles_end() {
    let mut stand = Stand::start(PLAIN, &[("routing.yml", ROUTING)]);
    let before = stand.app.requests();
    for entry_point in ["web", "trusting"] {
        for host in ["self.test", "here.test", "again.test"] {
            for spoofed in ["X-A: b", "X-Swarmgate-Rounds: -9", "X-Forwarded-Server: evil"] {
                let begun = Instant::now();
                let answer = stand.ask(entry_point, &format!("GET / {host} | {spoofed}"));
                assert_eq!(answer.status, 508, "K13: {host} {spoofed}");
                let took = begun.elapsed();
                assert!(took < Duration::from_secs(10), "K13: {host} {spoofed} took {took:?}");
            }
        }
    }
    assert_eq!(stand.app.requests(), before, "K13");
    // Questions that lead back to who asks, whatever of the request goes along.
    for path in ["/named", "/strict", "/both"] {
        for host in ["127.0.0.1".to_owned(), format!("127.0.0.1:{}", stand.port("web"))] {
            let begun = Instant::now();
            let answer = stand.ask("web", &format!("GET {path} {host}"));
            assert_eq!(answer.status, 508, "K13: {path} {host}");
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(5), "K13: {path} {host} took {took:?}");
        }
    }
    // Only who is asked first tries again, not each in the circle: nine times, and not nine to the
    // sixth.
    for host in ["often.test", "held.test"] {
        let begun = Instant::now();
        assert_eq!(stand.ask("web", &format!("GET / {host}")).status, 508, "K13: {host}");
        assert!(begun.elapsed() < Duration::from_secs(10), "K13: {host}: {:?}", begun.elapsed());
    }
    // Nobody is there to ask, and that is an answer.
    assert_eq!(stand.ask("web", "GET / asks.test").status, 404, "K13");
    assert_eq!(stand.ask("web", "GET / page.test | X-Do: status 500").status, 500, "K13");
    let seen = stand.ask("web", "GET /a once.test").json();
    assert_eq!((&seen["target"], &seen["name"]), (&"/a".into(), &"app".into()), "K13");
    assert_eq!(headers(&seen, "Host"), ["ready.test"]);
    stand.is_well();
}

const NOWHERE: &str = "http:
  routers:
    ready: {rule: 'Host(`ready.test`)', service: app}
    middleware: {rule: 'Host(`r0.test`)', service: app, middlewares: [x@docker]}
    chain: {rule: 'Host(`r1.test`)', service: app, middlewares: [chain]}
    deep: {rule: 'Host(`r2.test`)', service: app, middlewares: [deep]}
    service: {rule: 'Host(`r3.test`)', service: x@docker}
    page: {rule: 'Host(`r4.test`)', service: app, middlewares: [page]}
    transport: {rule: 'Host(`r5.test`)', service: transport}
    tls: {rule: 'Host(`r6.test`)', service: app, tls: {options: x@docker}}
    plugin: {rule: 'Host(`r7.test`)', service: app, middlewares: [plugin]}
    rest: {rule: 'Host(`r8.test`)', service: rest@internal}
    ping: {rule: 'Host(`r9.test`)', service: ping@internal}
    prometheus: {rule: 'Host(`r10.test`)', service: prometheus@internal}
    api: {rule: 'Host(`r11.test`)', service: api@internal}
    dashboard: {rule: 'Host(`r12.test`)', service: dashboard@internal}
    internal: {rule: 'Host(`r13.test`)', service: config@internal}
    auth: {rule: 'Host(`r14.test`)', service: app, middlewares: [auth]}
    stranger: {rule: 'Host(`r15.test`)', service: app, middlewares: [stranger]}
  middlewares:
    chain: {chain: {middlewares: [x@docker]}}
    deep: {chain: {middlewares: [chain]}}
    page: {errors: {status: ['500'], service: x@docker}}
    plugin: {plugin: {some: {a: b}}}
    auth: {basicAuth: {usersFile: secret.txt}}
    stranger: {digestAuth: {usersFile: ../../../../../../etc/passwd}}
  services:
    app: {loadBalancer: {servers: [{url: 'http://{APP}'}]}}
    transport: {loadBalancer: {serversTransport: x@docker, servers: [{url: 'http://{APP}'}]}}
";

/// M03, M04, M06, M14: what does not exist, is not switched on or cannot be read leads nowhere, and
/// what a file holds that is no list of users is told nowhere.
#[test]
fn what_is_not_there_leads_nowhere() {
    let secret = "hunter2\npostgres://me:hunter2@db/\nkey: hunter2\n";
    let install = format!("{PLAIN}api: {{insecure: true, dashboard: false}}\n");
    let files = [("routing.yml", NOWHERE), ("secret.txt", secret)];
    let mut stand = Stand::start(&install, &files);
    let before = stand.app.requests();
    for (id, number, wanted) in [
        ("M04", 0, 404),
        ("M04", 1, 404),
        ("M04", 2, 404),
        ("M04", 3, 404),
        ("M04", 4, 404),
        ("M04", 5, 404),
        ("M04", 6, 404),
        ("M06", 7, 404),
        ("M03", 8, 404),
        ("M03", 9, 404),
        ("M03", 10, 404),
        ("M03", 12, 404),
        ("M03", 13, 404),
        ("M14", 14, 404),
        ("M14", 15, 404),
    ] {
        for method in ["GET", "PUT"] {
            let line = format!("{method} / r{number}.test | Authorization: Basic a2V5Omh1bnRlcjI=");
            assert_eq!(stand.ask("web", &line).status, wanted, "{id}: {line}");
        }
    }
    assert_eq!(stand.app.requests(), before);
    // The API is switched on, and may be shown by a router.
    assert_eq!(stand.ask("web", "GET /api/version r11.test").status, 200, "M03");
    for path in ["/api/rawdata", "/api/http/middlewares", "/api/http/routers", "/api/findings"] {
        let text = stand.ask("traefik", &format!("GET {path} any.test")).text();
        assert!(!text.contains("hunter2") && !text.contains("root:"), "M14: {path}: {text}");
    }
    let output = stand.process.output();
    assert!(!output.contains("hunter2") && !output.contains("root:"), "M14: {output}");
    assert!(output.contains("secret.txt"), "M14: {output}");
    stand.is_well();
}
