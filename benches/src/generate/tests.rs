//! The generator against servers on the loopback: the real upstream, hyper with TLS, and servers
//! that do as a script says.

mod scripted;
mod secure;

use std::cell::Cell;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use super::*;
use crate::upstream::Upstream;
use scripted::{Act, Scripted};
use secure::Secure;

/// A short load on `target`.
fn work(target: SocketAddr) -> Work {
    Work {
        connections: 4,
        streams: 4,
        warm_up: Duration::from_millis(50),
        duration: Duration::from_millis(200),
        timeout: Duration::from_secs(5),
        expected_body: Some(12),
        ..Work::new(target)
    }
}

/// Runs `work`, within 15 seconds.
fn outcome(work: &Work) -> Outcome {
    let begin = Instant::now();
    let outcome = run(work, || (), || ()).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(15), "{work:?}");
    outcome
}

#[test]
fn each_wire_and_each_reuse() {
    let upstream = Upstream::start().unwrap();
    let secure = Secure::start();
    let table = [
        (Wire::Plain, Reuse::KeepAlive),
        (Wire::Plain, Reuse::ConnectionPerRequest),
        (Wire::Tls, Reuse::KeepAlive),
        (Wire::Tls, Reuse::ConnectionPerRequest),
        (Wire::Tls, Reuse::HandshakePerRequest),
        (Wire::TlsHttp2, Reuse::KeepAlive),
        (Wire::TlsHttp2, Reuse::ConnectionPerRequest),
        (Wire::TlsHttp2, Reuse::HandshakePerRequest),
    ];
    for pace in [Pace::Closed, Pace::Open { rate: 200.0 }] {
        for (wire, reuse) in table {
            let what = format!("{wire:?} {reuse:?} {pace:?}");
            let target = if wire == Wire::Plain { upstream.address() } else { secure.address() };
            let seen = outcome(&Work { wire, reuse, pace, ..work(target) });
            assert!(seen.requests > 20, "{what}: {seen:?}");
            assert_eq!(seen.failed(), 0, "{what}: {:?}", seen.failures);
            assert_eq!(seen.bytes, seen.requests * 12, "{what}");
            let handshakes = seen.full_handshakes + seen.resumed_handshakes;
            let near = |count: u64| seen.requests.abs_diff(count) <= 8;
            match (reuse, wire) {
                (Reuse::KeepAlive, _) => assert_eq!((seen.connects, handshakes), (0, 0), "{what}"),
                (_, Wire::Plain) => assert!(near(seen.connects), "{what}: {seen:?}"),
                _ => assert!(near(seen.connects) && near(handshakes), "{what}: {seen:?}"),
            }
            if reuse == Reuse::HandshakePerRequest {
                assert_eq!(seen.resumed_handshakes, 0, "{what}");
            } else if handshakes > 0 {
                assert!(seen.resumed_handshakes > 0, "{what}: {seen:?}");
            }
            let alpn = match wire {
                Wire::Plain => None,
                Wire::Tls => Some("http/1.1"),
                Wire::TlsHttp2 => Some("h2"),
            };
            let expected = alpn.map(|alpn| Tls {
                version: "TLSv1_3".to_owned(),
                cipher: "TLS13_AES_128_GCM_SHA256".to_owned(),
                group: "X25519".to_owned(),
                alpn: alpn.to_owned(),
            });
            assert_eq!(seen.tls, expected, "{what}");
        }
    }
}

#[test]
fn bodies_of_any_size_are_counted() {
    let upstream = Upstream::start().unwrap();
    let secure = Secure::start();
    for (path, length) in [("/small", 12), ("/1k", 1024), ("/1m", 1 << 20)] {
        for wire in [Wire::Plain, Wire::Tls, Wire::TlsHttp2] {
            let target = if wire == Wire::Plain { upstream.address() } else { secure.address() };
            let paths = vec![path.to_owned()];
            let expected_body = Some(length);
            let seen = outcome(&Work { wire, paths, expected_body, ..work(target) });
            assert!(seen.requests > 0, "{path} {wire:?}");
            assert_eq!(seen.failed(), 0, "{path} {wire:?}: {:?}", seen.failures);
            assert_eq!(seen.bytes, seen.requests * length, "{path} {wire:?}");
        }
    }
}

#[test]
fn frames_are_echoed() {
    let upstream = Upstream::start().unwrap();
    for pace in [Pace::Closed, Pace::Open { rate: 200.0 }] {
        let kind = Kind::WebSocketEcho;
        let seen = outcome(&Work { kind, pace, ..work(upstream.address()) });
        assert!(seen.requests > 20, "{seen:?}");
        assert_eq!((seen.failed(), seen.bytes), (0, seen.requests * 64));
    }
}

#[test]
fn the_open_loop_keeps_its_rate() {
    let upstream = Upstream::start().unwrap();
    for (rate, reuse) in [(2000.0, Reuse::KeepAlive), (500.0, Reuse::ConnectionPerRequest)] {
        let duration = Duration::from_secs(1);
        let pace = Pace::Open { rate };
        let load = Work { pace, reuse, duration, ..work(upstream.address()) };
        let error = |seen: &Outcome| (seen.rate() - rate).abs() / rate;
        // Answers that come just after the end are not in the rate: a machine that stood still for
        // 20 ms then gets another chance.
        let mut seen = outcome(&load);
        for _ in 0..2 {
            if error(&seen) >= 0.02 {
                seen = outcome(&load);
            }
        }
        assert!(error(&seen) < 0.02, "{} instead of {rate}: {seen:?}", seen.rate());
        assert_eq!((seen.failed(), seen.unanswered), (0, 0));
        let due = rate * seen.elapsed.as_secs_f64();
        assert!((seen.latency.len() as f64 - due).abs() <= 2.0, "{} of {due}", seen.latency.len());
    }
}

/// A server that stands still for 300 ms once: the open loop shows all that would have come then,
/// although no more than its connections were waiting.
#[test]
fn a_late_answer_is_everybodys_latency() {
    let stall = Act::Stall { every: 100, time: Duration::from_millis(300) };
    let scripted = Scripted::start(stall);
    let load = Work {
        connections: 1,
        pace: Pace::Open { rate: 200.0 },
        duration: Duration::from_millis(1000),
        ..work(scripted.address())
    };
    let seen = outcome(&load);
    assert_eq!((seen.failed(), seen.unanswered), (0, 0));
    let slow = seen.latency.count_between(100_000_000, u64::MAX);
    assert!(slow >= 30, "{slow} of {} over 100 ms", seen.latency.len());
    assert!(seen.late_for_connection >= 50, "{seen:?}");
    let closed = outcome(&Work { pace: Pace::Closed, ..load });
    let slow = closed.latency.count_between(100_000_000, u64::MAX);
    assert!(slow * 20 < closed.latency.len(), "{slow} of {}", closed.latency.len());
}

#[test]
fn what_cannot_be_answered_in_time_is_told() {
    let stall = Act::Stall { every: 1, time: Duration::from_millis(50) };
    let scripted = Scripted::start(stall);
    let load = Work {
        connections: 1,
        pace: Pace::Open { rate: 1000.0 },
        timeout: Duration::from_millis(300),
        ..work(scripted.address())
    };
    let seen = outcome(&load);
    assert!(seen.unanswered > 100, "{seen:?}");
    let due = 1000.0 * seen.elapsed.as_secs_f64();
    assert!((seen.latency.len() as f64 - due).abs() <= 2.0, "{} of {due}", seen.latency.len());
    assert!(seen.latency.max() > 300_000_000);
}

/// What the server does, over what, and where that is counted.
type Case = (Act, Wire, fn(&Failures) -> u64);

#[test]
fn failures_are_counted_by_cause() {
    let answer = |text: &str| Act::Answer(text.as_bytes().to_vec());
    let table: Vec<Case> = vec![
        (answer("HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n"), Wire::Plain, |f| f.status),
        (answer("HTTP/1.1 200 X\r\nContent-Length: 11\r\n\r\nhello world"), Wire::Plain, |f| {
            f.body
        }),
        (answer("SSH-2.0-OpenSSH\r\n\r\n"), Wire::Plain, |f| f.protocol),
        (answer("not TLS at all, whatever the record says"), Wire::Tls, |f| f.tls),
        (
            Act::AnswerAndClose(b"HTTP/1.1 200 X\r\nContent-Length: 12\r\n\r\nhell".to_vec()),
            Wire::Plain,
            |f| f.reset,
        ),
        (Act::AnswerAndClose(Vec::new()), Wire::Plain, |f| f.reset),
        (Act::AnswerAndClose(Vec::new()), Wire::Tls, |f| f.connect),
        (Act::Silence, Wire::Plain, |f| f.timeout),
        (Act::Silence, Wire::Tls, |f| f.timeout),
    ];
    for pace in [Pace::Closed, Pace::Open { rate: 100.0 }] {
        for (act, wire, cause) in &table {
            let scripted = Scripted::start(act.clone());
            let timeout = Duration::from_millis(100);
            let wire = *wire;
            let seen = outcome(&Work { wire, pace, timeout, ..work(scripted.address()) });
            let what = format!("{act:?} {wire:?} {pace:?}: {seen:?}");
            assert_eq!(seen.requests, 0, "{what}");
            assert!(cause(&seen.failures) > 0, "{what}");
            // In the open loop no connection may be there for a request in the end.
            assert_eq!(cause(&seen.failures), seen.failed(), "{what}");
        }
    }
}

#[test]
fn nobody_there_is_a_failure_to_connect() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    for pace in [Pace::Closed, Pace::Open { rate: 100.0 }] {
        for reuse in [Reuse::KeepAlive, Reuse::ConnectionPerRequest] {
            let timeout = Duration::from_millis(100);
            let seen = outcome(&Work { pace, reuse, timeout, ..work(gone) });
            let what = format!("{pace:?} {reuse:?}: {seen:?}");
            assert!(seen.failures.connect > 0, "{what}");
            assert_eq!((seen.failures.connect, seen.requests), (seen.failed(), 0), "{what}");
            // Four connections, each tried again after 10 ms: no storm.
            assert!(seen.failed() < 200, "{what}");
        }
    }
}

#[test]
fn a_target_may_end_connections_between_requests() {
    let closes = b"HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: 12\r\n\r\nHello there\n";
    let scripted = Scripted::start(Act::AnswerAndClose(closes.to_vec()));
    let seen = outcome(&work(scripted.address()));
    assert!(seen.requests > 4 && seen.connects > 4, "{seen:?}");
    assert_eq!(seen.failed(), 0, "{seen:?}");
}

#[test]
fn the_hooks_enclose_the_measured_part() {
    let upstream = Upstream::start().unwrap();
    let (begin, from, to) = (Instant::now(), Cell::new(None), Cell::new(None));
    let load = work(upstream.address());
    let seen = run(
        &load,
        || assert_eq!(from.replace(Some(begin.elapsed())), None),
        || assert_eq!(to.replace(Some(begin.elapsed())), None),
    )
    .unwrap();
    let (from, to) = (from.get().unwrap(), to.get().unwrap());
    assert!(from >= load.warm_up, "{from:?}");
    assert!(to - from >= load.duration && seen.elapsed <= to - from, "{from:?} to {to:?}");
    assert!(seen.elapsed >= load.duration, "{seen:?}");
    assert!(seen.generator_cpu > Duration::ZERO && seen.generator_cpu <= seen.elapsed);
}

#[test]
fn connections_are_held() {
    let upstream = Upstream::start().unwrap();
    let secure = Secure::start();
    let mut held = hold(&work(upstream.address()), 300).unwrap();
    let mut tls = hold(&Work { wire: Wire::Tls, ..work(secure.address()) }, 70).unwrap();
    let mut http2 = hold(&Work { wire: Wire::TlsHttp2, ..work(secure.address()) }, 10).unwrap();
    for (held, count) in [(&mut held, 300), (&mut tls, 70), (&mut http2, 10)] {
        assert_eq!((held.open(), held.failures()), (count, Failures::default()));
    }
    drop(upstream);
    let begin = Instant::now();
    while held.open() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(5), "{} are open", held.open());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!((tls.open(), http2.open()), (70, 10));
    let scripted = Scripted::start(Act::AnswerAndClose(Vec::new()));
    let mut none = hold(&work(scripted.address()), 5).unwrap();
    assert_eq!((none.open(), none.failures().reset), (0, 5));
}

#[test]
fn work_that_cannot_be_done_is_refused() {
    let target = SocketAddr::from(([127, 0, 0, 1], 1));
    let table = [
        Work { connections: 0, ..work(target) },
        Work { hosts: Vec::new(), ..work(target) },
        Work { pace: Pace::Open { rate: 0.0 }, ..work(target) },
        Work { pace: Pace::Open { rate: f64::NAN }, ..work(target) },
        Work { wire: Wire::TlsHttp2, streams: 0, ..work(target) },
        Work { wire: Wire::TlsHttp2, kind: Kind::WebSocketEcho, ..work(target) },
        Work { reuse: Reuse::HandshakePerRequest, ..work(target) },
        Work { wire: Wire::Tls, hosts: vec!["a_b*".to_owned()], ..work(target) },
    ];
    for work in table {
        let error = run(&work, || (), || ()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{work:?}");
    }
}
