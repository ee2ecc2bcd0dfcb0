//! The access log: one line per finished request, in Traefik's formats (Traefik: access logs).
//!
//! A data-plane thread formats a line straight into a buffer of its own; one writer thread
//! collects the buffers and writes them (see [`writer`]). When the output is slower than the
//! requests, lines are dropped and counted rather than requests held up.

mod clf;
mod fields;
mod filter;
mod json;
mod text;
mod timestamp;
mod writer;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, StatusCode, Version};
use swarmgate_config::install;

use self::fields::Fields;
use self::filter::Filter;
use self::writer::{Output, Writer};

/// Everything that a line may tell of a request. What is absent is `None` or empty.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The client, after PROXY protocol.
    pub peer: SocketAddr,
    /// The first `X-Forwarded-For` line that survived the entry point's trust check, as it came:
    /// it is shown in place of the peer's address.
    pub forwarded_for: Option<&'a [u8]>,
    /// Who authenticated.
    pub user: Option<&'a str>,
    /// When the request's head had been read.
    pub started: SystemTime,
    /// From there to the end of the answer.
    pub duration: Duration,
    /// How much of that was the server's.
    pub origin_duration: Duration,
    /// The request's method.
    pub method: &'a Method,
    /// Path and query after the entry point's normalising, before any middleware.
    pub target: &'a str,
    /// The client's protocol.
    pub protocol: Version,
    /// Host as sent; empty when absent.
    pub host: &'a str,
    /// The connection is TLS.
    pub tls: Option<Tls<'a>>,
    /// Status sent to the client.
    pub status: StatusCode,
    /// Body bytes sent to the client.
    pub bytes: u64,
    /// Status that the server answered; `None` when the proxy answered by itself.
    pub origin_status: Option<StatusCode>,
    /// Body bytes that came from the server.
    pub origin_bytes: u64,
    /// Body bytes that came from the client.
    pub request_bytes: u64,
    /// The request's number, see [`AccessLog::count`].
    pub request_count: u64,
    /// Qualified name of the router.
    pub router: Option<&'a str>,
    /// Qualified name of the service.
    pub service: Option<&'a str>,
    /// `scheme://host:port` of the server that was chosen.
    pub server_url: Option<&'a str>,
    /// Name of the entry point.
    pub entry_point: &'a str,
    /// `Referer` and `User-Agent`; shown if their header mode is keep. Where `request_headers` is
    /// given, they may be left out here.
    pub referer: Option<&'a [u8]>,
    /// See `referer`.
    pub user_agent: Option<&'a [u8]>,
    /// The request's headers, if [`AccessLog::keeps_headers`].
    pub request_headers: Option<&'a HeaderMap>,
    /// The server's headers before the middlewares saw them, if [`AccessLog::keeps_headers`].
    pub origin_headers: Option<&'a HeaderMap>,
    /// The answer's headers, if [`AccessLog::keeps_headers`].
    pub response_headers: Option<&'a HeaderMap>,
}

/// What a line tells of TLS.
#[derive(Clone, Copy, Debug)]
pub struct Tls<'a> {
    /// `1.2` or `1.3`.
    pub version: &'a str,
    /// IANA name of the cipher suite.
    pub cipher: &'a str,
}

/// A line's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Common,
    GenericClf,
    Json,
}

/// An open access log. Clones share it; when the last one goes, what is buffered is written.
#[derive(Clone)]
pub struct AccessLog {
    shared: Arc<Shared>,
}

struct Shared {
    format: Format,
    fields: Fields,
    filter: Filter,
    add_internals: bool,
    requests: AtomicU64,
    writer: Writer,
}

impl AccessLog {
    /// Opens the file (appending; missing directories are made) or standard output.
    ///
    /// # Errors
    /// The file cannot be opened: the message names it.
    pub fn open(written: &install::AccessLog) -> io::Result<Self> {
        let output = match written.file_path.as_deref().filter(|path| !path.is_empty()) {
            Some(path) => Output::file(Path::new(path))?,
            None => Output::stdout(),
        };
        let format = match written.format.as_deref().unwrap_or("common") {
            "common" | "" => Format::Common,
            "genericCLF" => Format::GenericClf,
            "json" => Format::Json,
            other => {
                tracing::error!(
                    "accessLog.format {other:?} is unknown; expected common, genericCLF or json; \
                     common is used"
                );
                Format::Common
            }
        };
        let shared = Shared {
            format,
            fields: Fields::new(written.fields.as_ref()),
            filter: Filter::new(written.filters.as_ref()),
            add_internals: written.add_internals,
            requests: AtomicU64::new(0),
            writer: Writer::start(output)?,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Numbers a request: the first one is 1. Traefik counts whether or not a line is written.
    pub fn count(&self) -> u64 {
        self.shared.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether a line may show headers at all. If not, none need be kept for it, but for
    /// `X-Forwarded-For`.
    pub fn keeps_headers(&self) -> bool {
        self.shared.fields.keeps_headers()
    }

    /// Whether a request is to be logged. `internal`: a service of the proxy's own answered.
    pub fn wants(&self, status: StatusCode, duration: Duration, internal: bool) -> bool {
        (!internal || self.shared.add_internals) && self.shared.filter.passes(status, duration)
    }

    /// Writes a line. It reaches the output within some milliseconds, or is dropped and counted
    /// if the output does not keep up.
    pub fn write(&self, record: &Record<'_>) {
        let shared = &*self.shared;
        shared.writer.append(|line| match shared.format {
            Format::Common => clf::write(line, record, &shared.fields, true),
            Format::GenericClf => clf::write(line, record, &shared.fields, false),
            Format::Json => json::write(line, record, &shared.fields),
        });
    }

    /// Closes the file and opens it anew, after a rotation (SIGUSR1). What was buffered still
    /// goes to the old one. Nothing happens on standard output.
    pub fn reopen(&self) {
        self.shared.writer.reopen();
    }

    /// Waits until everything written so far has reached the output, at most two seconds.
    pub fn flush(&self) {
        self.shared.writer.flush();
    }
}

#[cfg(test)]
mod tests;
