//! A graceful stop loses no request.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use swarmgate_testkit::client::{self, Client};

use crate::harness::{Harness, LIMIT, request};

#[test]
fn open_requests_are_finished() {
    let harness = Harness::start();
    let address = ("127.0.0.1", harness.web);
    let slow: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(move || {
                client::exchange(address, request("app.test", &["slow 1500", "body done"]))
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    harness.process.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(Client::connect(address).is_err(), "new connections are refused while it drains");
    for request in slow {
        let response = request.join().unwrap().expect("an open request is answered");
        assert_eq!((response.status, response.text()), (200, "done".into()));
    }
    let mut process = harness.process;
    let status = process.wait(LIMIT).expect("it ends");
    assert!(status.success(), "{status}: {}", process.output());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn idle_connections_do_not_hold_it_up() {
    let harness = Harness::start();
    let mut idle: Vec<Client> = (0..4).map(|_| harness.connect()).collect();
    for client in &mut idle[..2] {
        client.exchange(request("app.test", &[])).unwrap();
    }
    let start = Instant::now();
    let finished = harness.process.terminate(LIMIT);
    assert!(finished.status.success(), "{}", finished.output());
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn a_request_without_end_is_cut_after_the_grace() {
    let transport = "{lifeCycle: {graceTimeOut: 1s}}";
    let harness = Harness::with(transport, &[]);
    let mut client = harness.connect();
    client.send(request("app.test", &["silent"])).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    let finished = harness.process.terminate(LIMIT);
    assert!(finished.status.success(), "{}", finished.output());
    let took = start.elapsed();
    assert!((Duration::from_millis(800)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[test]
fn ping_says_so_while_it_still_accepts() {
    let transport = "{lifeCycle: {requestAcceptGraceTimeout: 2s, graceTimeOut: 2s}}";
    let harness = Harness::with(transport, &[]);
    assert_eq!(client::get(harness.api, "localhost", "/ping").unwrap().status, 200);
    harness.process.signal("TERM");
    std::thread::sleep(Duration::from_millis(500));
    let ping = client::get(harness.api, "localhost", "/ping").unwrap();
    assert_eq!((ping.status, ping.text()), (503, "Service Unavailable".into()));
    harness.is_well();
    let mut process = harness.process;
    assert!(process.wait(LIMIT).expect("it ends").success());
}

/// How long connections are still accepted after the signal.
const ACCEPTING: Duration = Duration::from_millis(500);

/// Clients under steady load, half of them on kept connections, see no failure. Only a connection
/// that is being made while the listeners close may be reset, before it carried anything: a client
/// cannot tell that from a refusal.
#[test]
fn no_request_is_lost_under_load() {
    let transport = "{lifeCycle: {requestAcceptGraceTimeout: 500ms, graceTimeOut: 10s}}";
    let harness = Harness::with(transport, &[]);
    let address = ("127.0.0.1", harness.web);
    let answered = Arc::new(AtomicUsize::new(0));
    let stopped = Arc::new(OnceLock::new());
    let workers: Vec<_> = (0..16)
        .map(|number| {
            let (answered, stopped) = (Arc::clone(&answered), Arc::clone(&stopped));
            std::thread::spawn(move || load(address, number % 2 == 0, &answered, &stopped))
        })
        .collect();
    std::thread::sleep(Duration::from_millis(700));
    stopped.set(Instant::now()).expect("set once");
    harness.process.signal("TERM");
    let mut process = harness.process;
    let status = process.wait(LIMIT).expect("it ends");
    assert!(status.success(), "{status}: {}", process.output());
    let lost: Vec<String> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    let answered = answered.load(Ordering::Relaxed);
    println!("{answered} requests answered, {} lost", lost.len());
    assert!(answered > 200, "only {answered} requests");
    assert!(lost.is_empty(), "{answered} answered, lost: {lost:#?}");
}

/// Asks until connections are refused; tells what was lost.
fn load(
    address: (&str, u16),
    keep: bool,
    answered: &AtomicUsize,
    stopped: &OnceLock<Instant>,
) -> Vec<String> {
    let closing =
        || stopped.get().is_some_and(|at| at.elapsed() + Duration::from_millis(100) > ACCEPTING);
    let mut lost = Vec::new();
    let mut kept: Option<Client> = None;
    loop {
        let fresh = kept.is_none();
        let mut client = match kept.take().map_or_else(|| Client::connect(address), Ok) {
            Ok(client) => client,
            Err(_) if closing() => return lost,
            Err(error) => {
                lost.push(format!("refused too early: {error}"));
                return lost;
            }
        };
        match client.exchange(request("app.test", &["slow 5", "body x"])) {
            Ok(response) if response.status == 200 => {
                answered.fetch_add(1, Ordering::Relaxed);
                let closing = response.header("connection") == Some("close");
                kept = (keep && !closing).then_some(client);
            }
            Ok(response) => lost.push(format!("status {}", response.status)),
            // HTTP/1.1 lets a server close a kept connection that is idle; a client asks again.
            Err(error) if !fresh && is_close(&error) => {}
            Err(error) if closing() && error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => lost.push(format!("on a fresh connection: {error}")),
        }
    }
}

fn is_close(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}
