//! Files that transports and middlewares name, and that are not there when they are first needed.

use swarmgate_testkit::certificates::self_signed;

use crate::stage::Stage;

/// What could not be made is made at the next change, whatever that is about.
#[test]
fn what_was_missing_is_looked_for_again() {
    let services = "
    secure: {loadBalancer: {serversTransport: own, servers: [{url: 'UPSTREAM'}]}}
  serversTransports:
    own: {rootCAs: [later.pem]}";
    let routers = "secure: {rule: 'Host(`secure.test`)', service: secure}
    asks: {rule: 'Host(`asks.test`)', service: app, middlewares: [asks]}";
    let middlewares = "asks: {forwardAuth: {address: 'http://{OTHER}/', tls: {ca: later.pem}}}";
    let mut stage = Stage::set_over(routers, middlewares, services, &[]);
    let statuses =
        |stage: &Stage| ["secure.test", "asks.test"].map(|host| stage.get(host, &[]).status);
    assert_eq!(statuses(&stage), [404, 404]);
    stage.process.replace_file("later.pem", &self_signed(&["later.test"]).pem);
    let more = "more: {rule: 'Host(`more.test`)', service: app}";
    stage.change(&format!("{routers}\n    {more}"), middlewares);
    assert_eq!(statuses(&stage), [200, 200]);
}
