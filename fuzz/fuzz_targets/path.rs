//! Paths: the canonical form is a fixed point, and whatever middlewares make of it is one, too, or
//! the request is refused. The first byte chooses the middlewares, the rest is the target.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use swarmgate_config::routing;
use swarmgate_proxy::canonical;
use swarmgate_proxy::http1::head::{self, Input};
use swarmgate_proxy::measure::Client;
use swarmgate_proxy::middleware::{Anybody, Context, Flow, Middleware};

const MIDDLEWARES: [&str; 8] = [
    r#"{"stripPrefix":{"prefixes":["/api","/foo"]}}"#,
    r#"{"stripPrefixRegex":{"regex":["/[^/]+"]}}"#,
    r#"{"replacePathRegex":{"regex":"^/api(.*)","replacement":"/$1"}}"#,
    r#"{"replacePathRegex":{"regex":"a(.)","replacement":"$1$1"}}"#,
    r#"{"addPrefix":{"prefix":"/pre"}}"#,
    r#"{"stripPrefix":{"prefixes":["/a","/"],"forceSlash":true}}"#,
    r#"{"replacePathRegex":{"regex":"%2[Ff]","replacement":"/"}}"#,
    r#"{"stripPrefixRegex":{"regex":["/api","^/.+?/"]}}"#,
];

thread_local! {
    static CLIENT: Client = Client::new().expect("the defaults are good");
    static BUILT: Vec<Middleware> = MIDDLEWARES.iter().map(|text| {
        let written: routing::Middleware = serde_json::from_str(text).expect("options");
        Middleware::build("m@file", &written, &mut Anybody).expect("a middleware")
    }).collect();
}

/// Nothing is left that somebody behind us would read otherwise.
fn is_settled(path: &str) {
    assert_eq!(canonical::path(path, true), None, "{path:?} is not canonical");
    assert!(path.starts_with('/') && path.is_ascii(), "{path:?}");
    assert!(!canonical::has_broken_escape(path), "{path:?}");
    let odd = path.bytes().find(|byte| byte.is_ascii_control() || b" ?#\\".contains(byte));
    assert_eq!(odd, None, "{path:?}");
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, target)) = data.split_first() else { return };
    // A query alone can only be asked for in absolute form.
    let absolute = target.first() == Some(&b'?');
    let mut text = if absolute { b"GET http://h.test".to_vec() } else { b"GET /".to_vec() };
    text.extend_from_slice(target);
    text.extend_from_slice(b" HTTP/1.1\r\nHost: h.test\r\n\r\n");
    let Ok(Some((head, _))) = head::request(Input::Borrowed(&text)) else { return };
    let mut head = head.parts;
    if CLIENT.with(|client| client.settle(&mut head)).is_none() {
        return;
    }
    is_settled(head.uri.path());
    assert!(head.uri.path_and_query().is_some_and(|target| target.as_str().starts_with('/')));
    let query = head.uri.query().map(str::to_owned);
    let seen = canonical::routing_path(head.uri.path());
    assert!(!seen.is_empty());
    let peer = SocketAddr::from(([192, 0, 2, 1], 5));
    let context = Context { peer, tls: false, certificates: None, host: "h.test" };
    BUILT.with(|built| {
        for (number, middleware) in built.iter().enumerate() {
            if choice >> number & 1 == 0 {
                continue;
            }
            let Middleware::Edit(edit) = middleware else { panic!("it waits") };
            match edit.on_request(&mut head, &context) {
                Flow::Next => is_settled(head.uri.path()),
                Flow::Answer(answer) => {
                    assert!(answer.status().is_client_error() || answer.status().is_server_error());
                    return;
                }
            }
        }
        assert_eq!(head.uri.query().map(str::to_owned), query, "the query stays");
    });
});
