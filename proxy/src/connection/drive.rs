//! Running a connection until it ends, drains or is killed.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Connection;

/// Drives a connection of hyper's (HTTP/2) until it ends, drains or is killed.
pub async fn drive<C: Drivable>(connection: &Connection, hyper: C) {
    let mut hyper = std::pin::pin!(hyper);
    let mut told = false;
    std::future::poll_fn(move |cx| {
        if connection.killed.get() {
            return Poll::Ready(());
        }
        connection.remember(cx);
        // HTTP/2 can say which requests will still be answered (GOAWAY).
        let close = connection.closing.get() || connection.draining.get();
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
pub async fn unless_ended<F: Future>(
    connection: &Connection,
    mut step: Pin<&mut F>,
) -> Option<F::Output> {
    std::future::poll_fn(move |cx| {
        if connection.killed.get() || connection.closing.get() {
            return Poll::Ready(None);
        }
        *connection.waker.borrow_mut() = Some(cx.waker().clone());
        step.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Runs a step of an HTTP/1 connection to its end, unless the connection is killed.
pub async fn unless_killed<F: Future>(
    connection: &Connection,
    mut step: Pin<&mut F>,
) -> Option<F::Output> {
    std::future::poll_fn(move |cx| {
        if connection.killed.get() {
            return Poll::Ready(None);
        }
        connection.remember(cx);
        step.as_mut().poll(cx).map(Some)
    })
    .await
}

impl Connection {
    /// Keeps the waker of the connection's task.
    fn remember(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
}

/// hyper's connections: futures that can be told to finish.
pub trait Drivable: Future {
    /// Finishes what is in flight, takes nothing new.
    fn graceful_shutdown(self: Pin<&mut Self>);
}
