//! TLS and HTTP/2 as curl and our own client see them.

use std::process::Command;

use swarmgate_testkit::client::{Client, Trust};
use swarmgate_testkit::real;

use crate::harness::Harness;

/// curl's answer, `version status body`.
fn curl(harness: &Harness, more: &[&str], url: &str) -> Option<String> {
    let curl = real::curl("HTTP/2 and TLS by curl")?;
    let ca = harness.process.directory().join("tls.pem");
    let output = Command::new(curl)
        .args(["-sS", "--max-time", "15", "--noproxy", "*", "--cacert"])
        .arg(ca)
        .args(["-w", "|%{http_version} %{http_code}"])
        .args(["--connect-to", &format!("tls.test:443:127.0.0.1:{}", harness.secure)])
        .args(["--connect-to", &format!("app.test:80:127.0.0.1:{}", harness.web)])
        .args(more)
        .arg(url)
        .output()
        .expect("curl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(format!("{text}{errors}"))
}

#[test]
fn curl_agrees() {
    let harness = Harness::start();
    let body = "-HX-Do: body hi";
    let table: [(&[&str], &str, &str); 8] = [
        (&["--http2", body], "https://tls.test/", "hi|2 200"),
        (&["--http1.1", body], "https://tls.test/", "hi|1.1 200"),
        (&["--tls-max", "1.2", body], "https://tls.test/", "hi|2 200"),
        (&["--tlsv1.3", body], "https://tls.test/", "hi|2 200"),
        (&["--http2-prior-knowledge", body], "http://app.test/", "hi|2 200"),
        (&["--http2", body], "http://app.test/", "hi|1.1 200"),
        (&["--http1.0", body], "http://app.test/", "hi|1.1 200"),
        (&["--http2", "-HX-Do: close", "-d", "x"], "https://tls.test/", "Bad Gateway|2 502"),
    ];
    for (more, url, expected) in table {
        let Some(got) = curl(&harness, more, url) else { return };
        let expected = match more[0] {
            // curl tells the version of the answer.
            "--http1.0" => "hi|1 200",
            _ => expected,
        };
        assert_eq!(got, expected, "{more:?} {url}: {}", harness.process.output());
    }
}

#[test]
fn many_streams_on_one_connection() {
    let harness = Harness::start();
    let ask =
        ["--http2", "--parallel", "--parallel-max", "40", "-HX-Do: bytes 100000", "-o/dev/null"];
    let Some(got) = curl(&harness, &ask, "https://tls.test/?[1-200]") else { return };
    assert_eq!(got.matches("|2 200").count(), 200, "{got}");
}

#[test]
fn large_bodies_over_http2() {
    let harness = Harness::start();
    let file = harness.process.directory().join("big");
    std::fs::write(&file, vec![b'x'; 20 << 20]).unwrap();
    let data = format!("@{}", file.display());
    let up = ["--http2", "-HX-Do: count", "--data-binary", &data];
    let Some(got) = curl(&harness, &up, "https://tls.test/") else { return };
    assert!(got.contains("\"body\":\"20971520\"") && got.ends_with("|2 200"), "{got}");
    let down = ["--http2", "-HX-Do: bytes 20971520", "-o/dev/null", "-w", "%{size_download}"];
    let Some(got) = curl(&harness, &down, "https://tls.test/") else { return };
    assert_eq!(got, "20971520");
}

#[test]
fn the_certificate_goes_by_the_server_name() {
    let harness = Harness::start();
    let address = ("127.0.0.1", harness.secure);
    for (name, known) in
        [("tls.test", true), ("TLS.TEST", true), ("other.test", false), ("", false)]
    {
        let client = Client::connect_tls(address, name, Trust::Anything).unwrap();
        let ours = client.certificate() == Some(&harness.certificate.der[..]);
        assert_eq!(ours, known, "{name:?}");
    }
    let trust = Trust::Roots(&harness.certificate.pem);
    let mut client = Client::connect_tls(address, "tls.test", trust).unwrap();
    let response = client.exchange("GET / HTTP/1.1\r\nHost: tls.test\r\n\r\n").unwrap();
    let seen = response.json();
    let headers = seen["headers"].to_string().to_ascii_lowercase();
    assert!(headers.contains("[\"x-forwarded-proto\",\"https\"]"), "{headers}");
}

#[test]
fn plain_and_tls_share_a_port() {
    let harness = Harness::start();
    let address = ("127.0.0.1", harness.web);
    let mut client = Client::connect_tls(address, "tls.test", Trust::Anything).unwrap();
    let response = client.exchange("GET / HTTP/1.1\r\nHost: tls.test\r\n\r\n").unwrap();
    assert_eq!(response.status, 200);
    harness.is_well();
}
