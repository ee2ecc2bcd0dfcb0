//! Step 2, accepting: connections of one entry point on one thread, until the stop and through it.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::connection::Connection;
use crate::listen::{Listener, turn_away};
use crate::serve;
use crate::worker::Worker;

/// How long accepting rests when the process has no descriptor or memory left.
const EXHAUSTED: Duration = Duration::from_millis(20);

/// How long idle HTTP/1 connections stay open while draining: requests on their way still arrive
/// and are answered with `Connection: close`.
const LINGER: Duration = Duration::from_secs(1);

/// Accepts and serves until `stop` turns true; then accepts for `requestAcceptGraceTimeout` more,
/// takes what the kernel has queued, and waits up to `graceTimeOut` for open requests.
pub async fn serve(
    worker: Rc<Worker>,
    entry_point: usize,
    listener: Listener,
    mut stop: watch::Receiver<bool>,
) {
    let Some(settings) = worker.shared.settings.get(entry_point).cloned() else { return };
    let Some(registry) = worker.registries.get(entry_point).cloned() else { return };
    tokio::select! {
        () = accept(&worker, entry_point, &listener) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    // The stop has begun; its time-outs run in the accept loop's own task.
    if !settings.accept_grace.is_zero() {
        let _ = timeout(settings.accept_grace, accept(&worker, entry_point, &listener)).await;
    }
    if turn_away(&listener).is_ok() {
        let _ = timeout(HANDSHAKES, accept(&worker, entry_point, &listener)).await;
    }
    accept_queued(&worker, entry_point, &listener);
    drop(listener);
    registry.each(Connection::drain);
    let grace = settings.drain_grace;
    let linger = LINGER.min(grace);
    if timeout(linger, registry.empty()).await.is_err() {
        registry.each(Connection::close);
        let _ = timeout(grace.saturating_sub(linger), registry.empty()).await;
    }
    registry.each(Connection::kill);
    let _ = timeout(LINGER, registry.empty()).await;
}

/// How long handshakes that have begun may take to arrive before the listener is closed.
const HANDSHAKES: Duration = Duration::from_millis(200);

async fn accept(worker: &Rc<Worker>, entry_point: usize, listener: &Listener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => start(worker, entry_point, stream, peer),
            Err(error) => recover(&error).await,
        }
    }
}

/// Takes what the kernel has accepted already: closing the listener would reset it.
fn accept_queued(worker: &Rc<Worker>, entry_point: usize, listener: &Listener) {
    while let Ok((stream, peer)) = listener.accept_now() {
        start(worker, entry_point, stream, peer);
    }
}

fn start(worker: &Rc<Worker>, entry_point: usize, stream: TcpStream, peer: SocketAddr) {
    tokio::task::spawn_local(serve::connection(Rc::clone(worker), entry_point, stream, peer));
}

/// The accept loop survives every error. Of those that concern the process it says so, not more
/// often than each second, and rests.
async fn recover(error: &io::Error) {
    thread_local! {
        static SAID: Cell<Option<tokio::time::Instant>> = const { Cell::new(None) };
    }
    let of_the_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    );
    if of_the_connection {
        return;
    }
    let now = tokio::time::Instant::now();
    if SAID.get().is_none_or(|said| now.duration_since(said) > Duration::from_secs(1)) {
        SAID.set(Some(now));
        tracing::error!(%error, "Accepting connections failed; is the limit of open files reached?");
    }
    sleep(EXHAUSTED).await;
}
