//! Golden lines, after what Traefik 3.7.15 wrote for the same requests.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use super::{AccessLog, Record, Tls};

fn record<'a>() -> Record<'a> {
    Record {
        peer: "127.0.0.1:44876".parse().unwrap(),
        forwarded_for: None,
        user: None,
        started: UNIX_EPOCH + Duration::new(1_795_197_901, 521_221_535),
        duration: Duration::from_micros(17_918),
        origin_duration: Duration::from_micros(17_000),
        method: &Method::GET,
        target: "/p?q=1&x=%20",
        protocol: Version::HTTP_11,
        host: "a.test:99",
        tls: None,
        status: StatusCode::OK,
        bytes: 333,
        origin_status: Some(StatusCode::OK),
        origin_bytes: 333,
        request_bytes: 0,
        request_count: 1,
        router: Some("r@file"),
        service: Some("s@file"),
        server_url: Some("http://127.0.0.1:21099"),
        entry_point: "web",
        referer: None,
        user_agent: None,
        request_headers: None,
        origin_headers: None,
        response_headers: None,
    }
}

/// What is written with these options, without the newline.
fn line(options: &str, record: &Record<'_>) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let mut written: swarmgate_config::install::AccessLog = serde_json::from_str(options).unwrap();
    written.file_path = Some(path.display().to_string());
    let log = AccessLog::open(&written).unwrap();
    log.write(record);
    drop(log);
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    text.trim_end_matches('\n').to_owned()
}

#[test]
fn common_lines() {
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", HeaderValue::from_static("cu\"rl"));
    headers.insert("referer", HeaderValue::from_bytes(b"r\xc3\xa9f \xff").unwrap());
    const KEEP: &str = r#"{"fields":{"headers":{"names":{"User-Agent":"keep","referer":"keep"}}}}"#;
    let table = [
        (
            "{}",
            record(),
            r#"127.0.0.1 - - [20/Nov/2026:18:05:01 +0000] "GET /p?q=1&x=%20 HTTP/1.1" 200 333 "-" "-" 1 "r@file" "http://127.0.0.1:21099" 17ms"#,
        ),
        (
            r#"{"format":"nonsense"}"#,
            Record { user: Some("bob"), ..record() },
            r#"127.0.0.1 - bob [20/Nov/2026:18:05:01 +0000] "GET /p?q=1&x=%20 HTTP/1.1" 200 333 "-" "-" 1 "r@file" "http://127.0.0.1:21099" 17ms"#,
        ),
        (
            "{}",
            Record {
                router: None,
                service: None,
                server_url: None,
                status: StatusCode::NOT_FOUND,
                protocol: Version::HTTP_10,
                ..record()
            },
            r#"127.0.0.1 - - [20/Nov/2026:18:05:01 +0000] "GET /p?q=1&x=%20 HTTP/1.0" 404 333 "-" "-" 1 "-" "-" 17ms"#,
        ),
        (
            KEEP,
            Record { request_headers: Some(&headers), protocol: Version::HTTP_2, ..record() },
            r#"127.0.0.1 - - [20/Nov/2026:18:05:01 +0000] "GET /p?q=1&x=%20 HTTP/2.0" 200 333 "réf \xff" "cu\"rl" 1 "r@file" "http://127.0.0.1:21099" 17ms"#,
        ),
        (
            r#"{"fields":{"headers":{"defaultMode":"redact"}}}"#,
            Record { user_agent: Some(b"curl"), ..record() },
            r#"127.0.0.1 - - [20/Nov/2026:18:05:01 +0000] "GET /p?q=1&x=%20 HTTP/1.1" 200 333 "-" "REDACTED" 1 "r@file" "http://127.0.0.1:21099" 17ms"#,
        ),
        (
            "{}",
            Record { user_agent: Some(b"curl"), referer: Some(b"x"), ..record() },
            r#"127.0.0.1 - - [20/Nov/2026:18:05:01 +0000] "GET /p?q=1&x=%20 HTTP/1.1" 200 333 "-" "-" 1 "r@file" "http://127.0.0.1:21099" 17ms"#,
        ),
        (
            r#"{"fields":{"defaultMode":"drop"}}"#,
            Record { user: Some("bob"), ..record() },
            r#"- - - [-] "- - -" - - "-" "-" - "-" "-" 0ms"#,
        ),
        (
            r#"{"fields":{"names":{"StartUTC":"drop","clientusername":"drop"}}}"#,
            Record { user: Some("bob"), ..record() },
            r#"127.0.0.1 - - [20/Nov/2026:18:05:01 +0000] "GET /p?q=1&x=%20 HTTP/1.1" 200 333 "-" "-" 1 "r@file" "http://127.0.0.1:21099" 17ms"#,
        ),
        (
            r#"{"format":"genericCLF","fields":{"queryParameters":{"defaultMode":"drop"}}}"#,
            Record { forwarded_for: Some(b"9.9.9.9, junk\"x"), target: "/p\"\\?a\"b", ..record() },
            r#"9.9.9.9, junk"x - - [20/Nov/2026:18:05:01 +0000] "GET /p\"\\ HTTP/1.1" 200 333 "-" "-""#,
        ),
        (
            r#"{"format":"genericCLF"}"#,
            Record {
                peer: "[::ffff:192.0.2.1]:1".parse().unwrap(),
                forwarded_for: Some(b""),
                ..record()
            },
            r#"192.0.2.1 - - [20/Nov/2026:18:05:01 +0000] "GET /p?q=1&x=%20 HTTP/1.1" 200 333 "-" "-""#,
        ),
        (
            r#"{"format":"genericCLF"}"#,
            Record { forwarded_for: Some(b"1.1.1.1\x1b[2J\n127.0.0.1 - -"), ..record() },
            r#"1.1.1.1\x1b[2J\x0a127.0.0.1 - - - - [20/Nov/2026:18:05:01 +0000] "GET /p?q=1&x=%20 HTTP/1.1" 200 333 "-" "-""#,
        ),
    ];
    for (options, record, expected) in table {
        assert_eq!(line(options, &record), expected, "{options}");
    }
}

#[test]
fn json_line() {
    let mut request = HeaderMap::new();
    request.insert("user-agent", HeaderValue::from_static("cu\"rl\\[2J"));
    request.append("x-multi", HeaderValue::from_static("a"));
    request.append("x-multi", HeaderValue::from_static("b"));
    request.insert("cookie", HeaderValue::from_static("a=b"));
    request.insert("referer", HeaderValue::from_bytes(b"r\xc3\xa9f \xff").unwrap());
    request.insert("x-other", HeaderValue::from_static("dropped"));
    let mut answer = HeaderMap::new();
    answer.insert("server", HeaderValue::from_static("up"));
    answer.insert("x-up", HeaderValue::from_static("1"));
    let options = r#"{"format":"json","fields":{
        "names":{"StartUTC":"drop","clientusername":"drop","RequestHost":"drop"},
        "headers":{"defaultMode":"drop","names":{"User-Agent":"keep","referer":"keep",
            "X-Multi":"keep","X-Up":"keep","Server":"keep","Cookie":"redact"}}}}"#;
    let record = Record {
        request_headers: Some(&request),
        response_headers: Some(&answer),
        origin_headers: Some(&answer),
        ..record()
    };
    let expected = r#"{"ClientAddr":"127.0.0.1:44876","ClientHost":"127.0.0.1","ClientPort":"44876","DownstreamContentSize":333,"DownstreamStatus":200,"Duration":17918000,"OriginContentSize":333,"OriginDuration":17000000,"OriginStatus":200,"Overhead":918000,"RequestAddr":"a.test:99","RequestContentSize":0,"RequestCount":1,"RequestMethod":"GET","RequestPath":"/p?q=1\u0026x=%20","RequestPort":"99","RequestProtocol":"HTTP/1.1","RequestScheme":"http","RetryAttempts":0,"RouterName":"r@file","ServiceAddr":"127.0.0.1:21099","ServiceName":"s@file","ServiceURL":"http://127.0.0.1:21099","StartLocal":"2026-11-20T18:05:01.521221535Z","downstream_Server":"up","downstream_X-Up":"1","entryPointName":"web","level":"info","msg":"","origin_Server":"up","origin_X-Up":"1","request_Cookie":"REDACTED","request_Referer":"réf \ufffd","request_User-Agent":"cu\"rl\\[2J","request_X-Multi":"a,b","time":"2026-11-20T18:05:01Z"}"#;
    assert_eq!(line(options, &record), expected);
}

#[test]
fn json_of_an_answer_of_our_own() {
    let record = Record {
        router: Some("rs@file"),
        service: None,
        server_url: None,
        status: StatusCode::FOUND,
        bytes: 5,
        origin_status: None,
        origin_bytes: 0,
        origin_duration: Duration::ZERO,
        host: "[::1]:8",
        forwarded_for: Some(b"9.9.9.9, junk\"x"),
        tls: Some(Tls { version: "1.3", cipher: "TLS_AES_128_GCM_SHA256" }),
        ..record()
    };
    let written: serde_json::Value =
        serde_json::from_str(&line(r#"{"format":"json"}"#, &record)).unwrap();
    let expected = serde_json::json!({
        "ClientAddr":"127.0.0.1:44876","ClientHost":"9.9.9.9, junk\"x","ClientPort":"44876",
        "ClientUsername":"-","DownstreamContentSize":5,"DownstreamStatus":302,
        "Duration":17918000,"GzipRatio":0,"OriginContentSize":0,"OriginDuration":0,
        "OriginStatus":0,"Overhead":17918000,"RequestAddr":"[::1]:8","RequestContentSize":0,
        "RequestCount":1,"RequestHost":"::1","RequestMethod":"GET",
        "RequestPath":"/p?q=1&x=%20","RequestPort":"8","RequestProtocol":"HTTP/1.1",
        "RequestScheme":"https","RetryAttempts":0,"RouterName":"rs@file",
        "StartLocal":"2026-11-20T18:05:01.521221535Z",
        "StartUTC":"2026-11-20T18:05:01.521221535Z","TLSCipher":"TLS_AES_128_GCM_SHA256",
        "TLSVersion":"1.3","entryPointName":"web","level":"info","msg":"",
        "time":"2026-11-20T18:05:01Z"
    });
    assert_eq!(written, expected);
}

#[test]
fn json_keys_are_sorted_and_fields_can_go() {
    let options = r#"{"format":"json","fields":{"defaultMode":"drop"}}"#;
    assert_eq!(
        line(options, &record()),
        r#"{"level":"info","msg":"","time":"2026-11-20T18:05:01Z"}"#
    );
    let mut headers = HeaderMap::new();
    for name in ["z-z", "accept", "x-a"] {
        headers.insert(name, HeaderValue::from_static("1"));
    }
    let record = Record {
        request_headers: Some(&headers),
        response_headers: Some(&headers),
        host: "",
        ..record()
    };
    let text = line(r#"{"format":"json","fields":{"headers":{"defaultMode":"keep"}}}"#, &record);
    let parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut at = 0;
    let mut keys: Vec<&String> = parsed.keys().collect();
    keys.sort();
    for key in keys {
        let found = text.find(&format!("\"{key}\":")).unwrap();
        assert!(found >= at, "{key} in {text}");
        at = found;
    }
    assert!(!parsed.contains_key("RequestHost") && !parsed.contains_key("RequestPort"));
}

#[test]
fn what_is_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log").display().to_string();
    for (options, internal, passes) in [
        ("{}", false, true),
        ("{}", true, false),
        (r#"{"addInternals":true}"#, true, true),
        (r#"{"filters":{"statusCodes":["500-599"]}}"#, false, false),
    ] {
        let mut written: swarmgate_config::install::AccessLog =
            serde_json::from_str(options).unwrap();
        written.file_path = Some(path.clone());
        let log = AccessLog::open(&written).unwrap();
        let wanted = log.wants(StatusCode::OK, Duration::ZERO, internal);
        assert_eq!(wanted, passes, "{options} {internal}");
        assert!(!log.keeps_headers());
        assert_eq!((log.count(), log.count()), (1, 2));
    }
}
