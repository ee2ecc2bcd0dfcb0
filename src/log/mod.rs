//! The proxy's own log, in Traefik's two formats, written by a thread of its own.
//!
//! Lines read `2026-11-20T18:35:06Z WRN message key=value`, or one JSON object each with
//! `log.format=json`. A blocked terminal or pipe never holds up a request: when the writer cannot
//! keep up, lines are dropped and counted.
//!
//! Where we differ from Traefik: without `log.level` it shows errors only; we show warnings too,
//! for a finding that nobody sees helps nobody. Colours are used on terminals only.

mod format;
mod rotate;
mod writer;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use swarmgate_config::finding::{Finding, ObjectKind, Severity};
use swarmgate_config::install::Log;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use self::format::Format;
use self::writer::Writer;

/// Starts the log as `log` of the install configuration asks for.
///
/// # Errors
/// When `log.filePath` cannot be opened, or a log was started before.
pub fn init(settings: &Option<Log>) -> Result<(), String> {
    let settings = settings.clone().unwrap_or_default();
    let json = settings.format.as_deref().is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let sink: Box<dyn io::Write + Send> = match settings.file_path.as_deref() {
        None | Some("") => Box::new(io::stdout()),
        Some(path) => Box::new(open(path, &settings)?),
    };
    let to_file = settings.file_path.as_deref().is_some_and(|path| !path.is_empty());
    let colour = !json && !to_file && !settings.no_color && io::stdout().is_terminal();
    let writer = Writer::start(sink).map_err(|error| format!("cannot start the log: {error}"))?;
    let format = Format { json, colour };
    writer::install(writer.clone(), format);
    let lines = Lines { writer, format, level: level(settings.level.as_deref()) };
    let subscriber = tracing_subscriber::registry().with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())
}

/// Writes a finding at the level of its severity.
pub fn finding(finding: &Finding) {
    let name = |kind| match &finding.object {
        Some((known, name)) if *known == kind => Some(name.as_str()),
        _ => None,
    };
    // A macro because the level is part of an event's static description.
    macro_rules! write {
        ($level:ident) => {
            tracing::$level!(
                entryPointName = name(ObjectKind::EntryPoint),
                routerName = name(ObjectKind::Router),
                serviceName = name(ObjectKind::Service),
                middlewareName = name(ObjectKind::Middleware),
                providerName = name(ObjectKind::Provider),
                resolverName = name(ObjectKind::Resolver),
                serversTransportName = name(ObjectKind::ServersTransport),
                "{finding}"
            )
        };
    }
    match finding.severity {
        Severity::Error => write!(error),
        Severity::Warning => write!(warn),
        Severity::Info => write!(info),
    }
}

/// Writes an error whatever the level, as the last word before the process ends. Before
/// [`init`] it goes to standard error.
pub fn fatal(message: &str) {
    writer::last_word(message);
}

/// Waits until what was logged is written, a second at most. To be called before the process
/// ends.
pub fn flush() {
    writer::flush();
}

fn open(path: &str, settings: &Log) -> Result<rotate::File, String> {
    if let Some(parent) = Path::new(path).parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(|error| {
            format!("log.filePath: cannot create the folder {}: {error}", parent.display())
        })?;
    }
    rotate::File::open(path, settings)
        .map_err(|error| format!("log.filePath: cannot open {path}: {error}"))
}

/// The level's name in any case; unset or unknown means `WARN`.
fn level(name: Option<&str>) -> LevelFilter {
    match name.map(str::to_ascii_uppercase).as_deref() {
        Some("TRACE") => LevelFilter::TRACE,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some("INFO") => LevelFilter::INFO,
        Some("ERROR") => LevelFilter::ERROR,
        Some("FATAL" | "PANIC") => LevelFilter::OFF,
        _ => LevelFilter::WARN,
    }
}

/// Turns events into lines.
struct Lines {
    writer: Writer,
    format: Format,
    level: LevelFilter,
}

impl Lines {
    /// The libraries' chatter begins a level later than our own.
    fn wants(&self, metadata: &tracing::Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with("swarmgate");
        let level = match self.level {
            LevelFilter::DEBUG if !ours => LevelFilter::INFO,
            level => level,
        };
        *metadata.level() <= level
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn register_callsite(
        &self,
        metadata: &'static tracing::Metadata<'static>,
    ) -> tracing::subscriber::Interest {
        // Decided once per place in the code: an unwanted line costs nothing on the data plane.
        if self.wants(metadata) && metadata.is_event() {
            tracing::subscriber::Interest::always()
        } else {
            tracing::subscriber::Interest::never()
        }
    }

    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        self.writer.line(self.format.event(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_name() {
        for (name, expected) in [
            (None, LevelFilter::WARN),
            (Some("info"), LevelFilter::INFO),
            (Some("Debug"), LevelFilter::DEBUG),
            (Some("TRACE"), LevelFilter::TRACE),
            (Some("ERROR"), LevelFilter::ERROR),
            (Some("fatal"), LevelFilter::OFF),
            (Some("loud"), LevelFilter::WARN),
        ] {
            assert_eq!(level(name), expected, "{name:?}");
        }
    }
}
