//! What the generator saw.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Failed requests by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// Answered with another status than expected (WebSocket: than 101).
    pub status: u64,
    /// The connection was refused or could not be made.
    pub connect: u64,
    /// The TLS handshake, or a record later, was wrong.
    pub tls: u64,
    /// The connection (HTTP/2: the stream) was closed or reset before the answer's end.
    pub reset: u64,
    /// No answer, or no end of it, in time.
    pub timeout: u64,
    /// The body's length was not the expected one.
    pub body: u64,
    /// What came was not the protocol (HTTP, HTTP/2 or WebSocket), or not what was sent to the echo.
    pub protocol: u64,
}

/// Why a request failed: the fields of [`Failures`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Status,
    Connect,
    Tls,
    Reset,
    Timeout,
    Body,
    Protocol,
}

impl Failures {
    /// Counts one.
    pub(super) fn add(&mut self, cause: Cause) {
        *match cause {
            Cause::Status => &mut self.status,
            Cause::Connect => &mut self.connect,
            Cause::Tls => &mut self.tls,
            Cause::Reset => &mut self.reset,
            Cause::Timeout => &mut self.timeout,
            Cause::Body => &mut self.body,
            Cause::Protocol => &mut self.protocol,
        } += 1;
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { status, connect, tls, reset, timeout, body, protocol } = *self;
        status + connect + tls + reset + timeout + body + protocol
    }
}

/// What was negotiated, by the first connection that finished its handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// `TLSv1_3`
    pub version: String,
    /// `TLS13_AES_128_GCM_SHA256`
    pub cipher: String,
    /// `X25519`
    pub group: String,
    /// `h2`, `http/1.1`, or empty.
    pub alpn: String,
}

/// What was seen in the measured part.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Requests well answered between the two hooks.
    pub requests: u64,
    /// Requests that failed between the two hooks, by cause.
    pub failures: Failures,
    /// Bytes of bodies received with them (WebSocket: of payloads).
    pub bytes: u64,
    /// Between the two hooks.
    pub elapsed: Duration,
    /// Nanoseconds from the request's (open loop: intended; connection per request: the
    /// connection's) begin to the last byte of a good answer. Closed loop: of `requests`. Open
    /// loop: of the requests whose intended time is in the measured part, also if their answer
    /// came after it, and for those that had none when the generator gave up (`unanswered`), the
    /// time until then.
    pub latency: Histogram<u64>,
    /// CPU time of the generator's thread between the hooks.
    pub generator_cpu: Duration,
    /// Connections opened between the hooks.
    pub connects: u64,
    /// Full TLS handshakes finished between the hooks.
    pub full_handshakes: u64,
    /// Resumed TLS handshakes finished between the hooks.
    pub resumed_handshakes: u64,
    /// Open loop: requests that left more than 1 ms behind schedule, for whatever reason.
    pub late: u64,
    /// Open loop: those of `late` that were late because no connection was free (the target's
    /// doing). The others are late by the generator's own fault.
    pub late_for_connection: u64,
    /// Open loop: requests due in the measured part that were neither answered nor failed when the
    /// generator gave up.
    pub unanswered: u64,
    /// What TLS negotiated, if it was spoken.
    pub tls: Option<Tls>,
}

impl Outcome {
    /// Requests per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.requests as f64 / seconds } else { 0.0 }
    }

    /// Failed requests between the two hooks.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.total()
    }
}
