//! Which fields, headers and query parameters a line shows.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use http::header::{HeaderMap, HeaderName};
use swarmgate_config::install::{AccessLogFields, FieldModes};

/// What becomes of a header or query parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Keep,
    Drop,
    Redact,
}

/// Stands for what is redacted.
pub(super) const REDACTED: &str = "REDACTED";

impl Mode {
    fn parse(text: &str, option: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "keep" => Self::Keep,
            "drop" => Self::Drop,
            "redact" => Self::Redact,
            _ => {
                tracing::warn!("{option}: {text:?} is unknown; expected keep, drop or redact");
                // What somebody meant to hide must not show.
                Self::Drop
            }
        }
    }
}

/// Declares the fields and their names from one list.
macro_rules! fields {
    ($($field:ident = $name:literal,)*) => {
        /// A field of a line, by Traefik's names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(clippy::enum_variant_names)]
        pub(super) enum Field { $($field,)* }

        impl Field {
            const ALL: &[(Self, &str)] = &[$((Self::$field, $name),)*];
        }
    };
}

fields! {
    ClientAddr = "ClientAddr",
    ClientHost = "ClientHost",
    ClientPort = "ClientPort",
    ClientUsername = "ClientUsername",
    DownstreamContentSize = "DownstreamContentSize",
    DownstreamStatus = "DownstreamStatus",
    Duration = "Duration",
    GzipRatio = "GzipRatio",
    OriginContentSize = "OriginContentSize",
    OriginDuration = "OriginDuration",
    OriginStatus = "OriginStatus",
    Overhead = "Overhead",
    RequestAddr = "RequestAddr",
    RequestContentSize = "RequestContentSize",
    RequestCount = "RequestCount",
    RequestHost = "RequestHost",
    RequestMethod = "RequestMethod",
    RequestPath = "RequestPath",
    RequestPort = "RequestPort",
    RequestProtocol = "RequestProtocol",
    RequestScheme = "RequestScheme",
    RetryAttempts = "RetryAttempts",
    RouterName = "RouterName",
    ServiceAddr = "ServiceAddr",
    ServiceName = "ServiceName",
    ServiceUrl = "ServiceURL",
    StartLocal = "StartLocal",
    StartUtc = "StartUTC",
    TlsCipher = "TLSCipher",
    TlsVersion = "TLSVersion",
    EntryPointName = "entryPointName",
}

/// The modes of everything.
#[derive(Debug)]
pub(super) struct Fields {
    /// One bit per [`Field`].
    kept: u64,
    header_default: Mode,
    header_names: HashMap<HeaderName, Mode>,
    query_default: Mode,
    query_names: BTreeMap<String, Mode>,
}

impl Fields {
    /// Fields are kept unless dropped, headers dropped unless kept.
    pub fn new(written: Option<&AccessLogFields>) -> Self {
        let default = AccessLogFields::default();
        let written = written.unwrap_or(&default);
        let field_default = mode(written.default_mode.as_deref(), Mode::Keep, "accessLog.fields");
        let mut kept = 0;
        for (field, name) in Field::ALL {
            let own = written.names.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            let mode = match own {
                Some((_, text)) => Mode::parse(text, "accessLog.fields.names"),
                None => field_default,
            };
            if mode != Mode::Drop {
                kept |= 1 << (*field as u8);
            }
        }
        let (header_default, header_texts) =
            modes(written.headers.as_ref(), Mode::Drop, "accessLog.fields.headers");
        let header_names = header_texts
            .into_iter()
            .filter_map(|(name, mode)| Some((HeaderName::try_from(name).ok()?, mode)))
            .collect();
        let (query_default, query_names) = modes(
            written.query_parameters.as_ref(),
            Mode::Keep,
            "accessLog.fields.queryParameters",
        );
        Self { kept, header_default, header_names, query_default, query_names }
    }

    pub fn shows(&self, field: Field) -> bool {
        self.kept & (1 << (field as u8)) != 0
    }

    pub fn keeps_headers(&self) -> bool {
        self.header_default != Mode::Drop
            || self.header_names.values().any(|mode| *mode != Mode::Drop)
    }

    pub fn header(&self, name: &HeaderName) -> Mode {
        self.header_names.get(name).copied().unwrap_or(self.header_default)
    }

    /// One header of a request: its value, or what stands for it.
    pub fn value<'a>(
        &self,
        name: &HeaderName,
        given: Option<&'a [u8]>,
        headers: Option<&'a HeaderMap>,
    ) -> Option<&'a [u8]> {
        let found = given.or_else(|| Some(headers?.get(name)?.as_bytes()))?;
        match self.header(name) {
            Mode::Keep => Some(found),
            Mode::Redact => Some(REDACTED.as_bytes()),
            Mode::Drop => None,
        }
    }

    /// Path and query as they may be shown.
    pub fn target<'a>(&self, target: &'a str) -> Cow<'a, str> {
        if self.query_default == Mode::Keep && self.query_names.is_empty() {
            return Cow::Borrowed(target);
        }
        let Some((path, query)) = target.split_once('?') else { return Cow::Borrowed(target) };
        if self.query_default == Mode::Drop && self.query_names.is_empty() {
            return Cow::Borrowed(path);
        }
        let mut shown = String::with_capacity(target.len());
        shown.push_str(path);
        let mut separator = '?';
        for pair in query.split('&') {
            let key = pair.split_once('=').map_or(pair, |(key, _)| key);
            let mode = self.query_names.get(key).copied().unwrap_or(self.query_default);
            if mode == Mode::Drop {
                continue;
            }
            shown.push(separator);
            separator = '&';
            if mode == Mode::Redact && pair.len() > key.len() {
                shown.extend([key, "=", REDACTED]);
            } else {
                shown.push_str(pair);
            }
        }
        Cow::Owned(shown)
    }
}

fn mode(text: Option<&str>, default: Mode, option: &str) -> Mode {
    match text {
        None | Some("") => default,
        Some(text) => Mode::parse(text, option),
    }
}

fn modes(
    written: Option<&FieldModes>,
    default: Mode,
    option: &str,
) -> (Mode, BTreeMap<String, Mode>) {
    let Some(written) = written else { return (default, BTreeMap::new()) };
    let names = written.names.iter().map(|(name, text)| (name.clone(), Mode::parse(text, option)));
    (mode(written.default_mode.as_deref(), default, option), names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        Fields::new(Some(&serde_json::from_str(text).unwrap()))
    }

    #[test]
    fn field_modes() {
        let all = Fields::new(None);
        assert!(Field::ALL.iter().all(|(field, _)| all.shows(*field)));
        let some = fields(r#"{"defaultMode":"drop","names":{"requestpath":"keep"}}"#);
        assert!(some.shows(Field::RequestPath) && !some.shows(Field::RequestHost));
        let some = fields(r#"{"names":{"StartUTC":"DROP","RouterName":"nonsense"}}"#);
        assert!(!some.shows(Field::StartUtc) && !some.shows(Field::RouterName));
        assert!(some.shows(Field::StartLocal));
        assert!(Field::ALL.len() <= 64);
    }

    #[test]
    fn header_modes() {
        assert!(!Fields::new(None).keeps_headers());
        let some = fields(
            r#"{"headers":{"names":{"user-agent":"keep","Cookie":"redact","bad name":"keep"}}}"#,
        );
        assert!(some.keeps_headers());
        assert_eq!(some.header(&http::header::USER_AGENT), Mode::Keep);
        assert_eq!(some.header(&http::header::COOKIE), Mode::Redact);
        assert_eq!(some.header(&http::header::ACCEPT), Mode::Drop);
        assert!(!fields(r#"{"headers":{"names":{"Cookie":"drop"}}}"#).keeps_headers());
        assert!(fields(r#"{"headers":{"defaultMode":"keep"}}"#).keeps_headers());
    }

    #[test]
    fn query_modes() {
        for (options, target, expected) in [
            (r#"{}"#, "/p?a=1&b=2", "/p?a=1&b=2"),
            (r#"{"queryParameters":{"defaultMode":"drop"}}"#, "/p?a=1&b=2", "/p"),
            (r#"{"queryParameters":{"defaultMode":"drop"}}"#, "/p", "/p"),
            (
                r#"{"queryParameters":{"defaultMode":"redact"}}"#,
                "/p?a=1&b&c=",
                "/p?a=REDACTED&b&c=REDACTED",
            ),
            (
                r#"{"queryParameters":{"defaultMode":"drop","names":{"b":"keep"}}}"#,
                "/p?a=1&b=2&c=3",
                "/p?b=2",
            ),
            (r#"{"queryParameters":{"names":{"a":"redact"}}}"#, "/p?a=1&b=2", "/p?a=REDACTED&b=2"),
            (r#"{"queryParameters":{"names":{"a":"drop"}}}"#, "/p?a=1", "/p"),
        ] {
            assert_eq!(fields(options).target(target), expected, "{options} {target}");
        }
    }
}
