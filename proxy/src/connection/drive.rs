//! Running a connection: hyper's future, until it ends, drains or is killed.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::Poll;

use super::Connection;

/// Drives one of hyper's connections until it ends, drains or is killed.
pub async fn drive<C: Drivable>(connection: &Connection, hyper: C) {
    let mut hyper = std::pin::pin!(hyper);
    let mut told = false;
    std::future::poll_fn(move |cx| {
        if connection.killed.get() {
            return Poll::Ready(());
        }
        {
            let mut waker = connection.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
        }
        // HTTP/2 can say which requests will still be answered (GOAWAY), HTTP/1 cannot.
        let close =
            connection.closing.get() || (connection.draining.get() && connection.multiplexed.get());
        if close && !mem::replace(&mut told, true) {
            hyper.as_mut().graceful_shutdown();
        }
        // hyper's error is about this one connection, which is over either way.
        hyper.as_mut().poll(cx).map(|_| ())
    })
    .await;
}

/// Waits for `step`, a part of the connection's beginning, unless the connection is ended first: it
/// has no request yet that could be lost.
pub async fn unless_ended<F: Future>(connection: &Connection, step: F) -> Option<F::Output> {
    let mut step = std::pin::pin!(step);
    std::future::poll_fn(move |cx| {
        if connection.killed.get() || connection.closing.get() {
            return Poll::Ready(None);
        }
        *connection.waker.borrow_mut() = Some(cx.waker().clone());
        step.as_mut().poll(cx).map(Some)
    })
    .await
}

/// hyper's connections: futures that can be told to finish.
pub trait Drivable: Future {
    /// Finishes what is in flight, takes nothing new.
    fn graceful_shutdown(self: Pin<&mut Self>);
}
