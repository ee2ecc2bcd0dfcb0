//! Headers on their way from a client to a server: nothing that strangers write passes for ours,
//! nothing of one hop goes further, and what is written is read the same.
#![no_main]

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use swarmgate_proxy::http1::encode::{self, Delimiter};
use swarmgate_proxy::http1::head::{self, Input};
use swarmgate_proxy::measure::Client;

/// The peer of [`Client`].
const PEER: &str = "192.0.2.17";

/// What only we may say, spelled in any way.
const OURS: [&str; 8] = [
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-prefix",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-real-ip",
];

fn only<'h>(headers: &'h HeaderMap, name: &str) -> &'h HeaderValue {
    let mut values = headers.get_all(name).iter();
    let first = values.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(values.next().is_none(), "{name} twice: {headers:?}");
    first
}

thread_local! {
    static CLIENT: Client = Client::new().expect("the defaults are good");
}

fuzz_target!(|data: &[u8]| {
    let mut text = b"GET / HTTP/1.1\r\n".to_vec();
    text.extend_from_slice(data);
    text.extend_from_slice(b"\r\n\r\n");
    let Ok(Some((head, _))) = head::request(Input::Borrowed(&text)) else { return };
    let mut head = head.parts;
    CLIENT.with(|client| {
        let Some((_, upgrade)) = client.settle(&mut head) else { return };
        assert_eq!(only(&head.headers, "x-real-ip"), PEER);
        client.depart(&mut head.headers);
        let headers = &head.headers;
        assert_eq!(only(headers, "x-forwarded-for"), PEER);
        assert_eq!(only(headers, "x-real-ip"), PEER);
        let proto = only(headers, "x-forwarded-proto");
        assert!(proto == "http" || (upgrade && proto == "ws"), "{proto:?}");
        for name in headers.keys() {
            let plain = name.as_str().replace('_', "-");
            if let Some(known) = OURS.iter().find(|known| **known == plain) {
                assert_eq!(name.as_str(), *known, "a look-alike");
                let written = ["x-forwarded-for", "x-forwarded-proto", "x-real-ip"];
                assert!(written.contains(known), "{known} of a stranger");
            }
        }
        for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE] {
            assert!(!headers.contains_key(&name), "{name} goes further");
        }
        for name in ["keep-alive", "proxy-connection", "proxy-authorization", "trailer"] {
            assert!(!headers.contains_key(name), "{name} goes further");
        }
        assert!(headers.get_all(TE).iter().all(|te| te == "trailers"));
        assert!(headers.get_all(HOST).iter().count() <= 1);
        // Read again, it says the same.
        let mut out = Vec::new();
        encode::request(&mut out, &head.method, &["/"], headers, None, Delimiter::AsIs);
        let read = head::request(Input::Borrowed(&out)).expect("ours is well-formed");
        let (again, rest) = read.expect("and complete");
        assert!(rest.is_empty(), "{rest:?} follows");
        let names = |headers: &HeaderMap| {
            let mut names: Vec<(String, Vec<u8>)> = headers
                .iter()
                .filter(|(name, _)| **name != CONTENT_LENGTH)
                .map(|(name, value)| (name.to_string(), value.as_bytes().trim_ascii().to_vec()))
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(&again.parts.headers), names(headers));
    });
});
