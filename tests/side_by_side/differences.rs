//! Where we differ from Traefik on purpose. Each has an anchor of the same name in
//! `docs/compatibility.md`, and must still be seen by the cases.

/// A known difference.
pub struct Difference {
    /// The anchor in `docs/compatibility.md`.
    pub id: &'static str,
    /// Cases whose names begin with one of these.
    cases: &'static [&'static str],
    /// Lines of the outcome that begin with one of these; empty: the case as a whole.
    lines: &'static [&'static str],
}

const fn differs(
    id: &'static str,
    cases: &'static [&'static str],
    lines: &'static [&'static str],
) -> Difference {
    Difference { id, cases, lines }
}

/// Every case.
const ALL_CASES: &[&str] = &[""];

pub const ALL: &[Difference] = &[
    differs("gzip", ALL_CASES, &["upstream header accept-encoding: gzip"]),
    differs("grpc-length", &["grpc: answer with a length"], &[]),
    differs(
        "grpc-vary",
        &["grpc: answer with Vary", "grpc: after headers"],
        &["header vary: Origin"],
    ),
    differs(
        "tls-alerts",
        &[
            "options: suites of 1.3, with 1.2",
            "mtls: none, 1.2",
            "mtls: RequireAnyClientCert, none, 1.2",
        ],
        &["no answer: received fatal alert"],
    ),
    differs("conflicting-host", &["conflict: its other host"], &[]),
    differs("forgotten-tls", &["tls: plain routers are not for it"], &[]),
    differs(
        "api-headers",
        &["api: "],
        &["header cache-control: no-store", "header x-content-type-options: nosniff"],
    ),
    differs("api-errors", &["api http/"], &[".error = "]),
    differs("api-false", &["api entrypoints redir443"], &[".http.redirections"]),
    differs(
        "api-hashes",
        &["api http/middlewares ba", "api http/middlewares acc-user@", "api http/middlewares da"],
        &[".basicAuth.users", ".digestAuth.users"],
    ),
    differs("api-using", &["api http/routers "], &[".using = "]),
    differs(
        "api-priority",
        &[
            "api http/routers broken-entry-point",
            "api http/routers both-mid-child@",
            "api http/routers both-mid-leaf@",
            "api http/routers island-",
            "api http/routers ring-b",
            "api http/routers selfish@",
        ],
        &[".priority"],
    ),
    differs(
        "both",
        &[
            "api http/routers both@",
            "api http/routers both-nowhere@",
            "api http/routers prepend-both",
            "api http/routers tlsall-both",
        ],
        &[".status"],
    ),
    differs("both", &["api overview"], &[".http.routers.warnings", ".http.routers.errors"]),
    differs(
        "dashboard-redirect",
        &["api http/middlewares dashboard_redirect"],
        &[".redirectRegex.regex"],
    ),
    differs(
        "server-schemes",
        &["failure: unknown scheme"],
        &["status", "body", "header content", "header x-content-type-options"],
    ),
    differs(
        "server-schemes",
        &[
            "api http/routers scheme@",
            "api http/routers prepend-scheme@",
            "api http/routers tlsall-scheme@",
            "api overview",
        ],
        &[".status", ".http.routers.errors"],
    ),
    differs(
        "head-cut-off",
        &["failure: head cut off"],
        &["status", "body", "header content-length"],
    ),
    differs(
        "no-origin",
        &["cors: credentials, no origin", "cors: pattern for everything, no origin"],
        &["header access-control-allow-origin: "],
    ),
    differs(
        "user-aliases",
        &["access: look-alike of the user", "access: other look-alikes"],
        &["upstream header x"],
    ),
    differs(
        "kept-errors",
        &["bytes: unknown transfer encoding", "bytes: transfer encoding list"],
        &["header cache-control: no-store"],
    ),
    differs(
        "replaced-path",
        &["replacePath: told before"],
        &["upstream header x-replaced-path: /evil"],
    ),
    differs("redis-no-limit", &["access: no redis, no limit"], &[]),
    differs("vary", &["vary kept: "], &["header vary"]),
    differs(
        "buffered-retries",
        &["talk: tries of buffering, no body"],
        &["GET ", "HEAD ", "POST "],
    ),
    differs(
        "empty-chunks",
        &["tries: retry, chunked and empty"],
        &[
            "upstream framing",
            "upstream header transfer-encoding",
            "upstream header content-length",
        ],
    ),
    differs(
        "buffered-length",
        &["buffering: large chunked answer"],
        &["header transfer-encoding: chunked", "header content-length"],
    ),
    differs(
        "repeated-trailers",
        &[
            "trailers: told of, and a header of that name",
            "buffered trailers: told of, and a header of that name",
        ],
        &["trailer x-t: head"],
    ),
    differs("buffered-cut-off", &["buffering: answer breaks off"], &[]),
    differs("nonce", &["nonce: in one of two"], &["header content-security-policy"]),
    differs(
        "bracketed-hosts",
        &[
            "host in brackets: name with a port",
            "host in brackets: zone",
            "host without brackets: zone",
        ],
        &[],
    ),
    differs("compressed-ranges", &["br: range of it", "zstd: range of it"], &[]),
    differs(
        "compressed-ranges",
        &["br: takes ranges", "zstd: takes ranges"],
        &["header accept-ranges"],
    ),
    differs(
        "compressed-hints",
        &["gzip: early hints", "br: early hints", "zstd: early hints"],
        &["early vary", "header vary"],
    ),
    differs(
        "compressed-types",
        &["br: and contentType", "zstd: and contentType"],
        &["header content-type: text/plain; charset=utf-8"],
    ),
    differs(
        "late-types",
        &["contentType: chunked", "contentType: until the end", "contentType: trailers"],
        &["header content-type", "header content-length", "header transfer-encoding"],
    ),
    differs(
        "auth-agent",
        &["auth: asked", "auth trusted", "auth kept", "auth tls"],
        &["upstream header user-agent: Go-http-client"],
    ),
    differs("auth-userinfo", &["auth: asked, user info, relative"], &["header location"]),
    differs(
        "auth-aliases",
        &["auth: user, spoofed with underscores", "auth trusted underscores"],
        &["upstream header x_user", "upstream header x_forwarded_uri"],
    ),
    differs(
        "auth-aliases",
        &["pages: look-alike of an odd header", "pages: look-alike of an odd pattern"],
        &["upstream header x-user"],
    ),
    differs("user-aliases", &["pages: look-alike of an odd user"], &["upstream header x-web-user"]),
    differs("api-hashes", &["api http/middlewares pages-odd-user@"], &[".basicAuth.users"]),
    differs(
        "denial-headers",
        &["pages: denied 407", "pages: denied, named in Connection"],
        &["header proxy-authenticate", "header x-gone"],
    ),
    differs("page-url", &["pages: endless URL"], &[]),
    differs("auth-cookies", &["auth: cookie kept as spelled"], &["header set-cookie"]),
    differs(
        "auth-denial",
        &["auth: denied, chunked"],
        &["header content-length", "header transfer-encoding"],
    ),
    differs("auth-upgrade", &["auth: switches"], &[]),
    differs("auth-options", &["auth: no URL", "page: bad query"], &[]),
    differs(
        "auth-options",
        &[
            "api http/routers auth-no-url@",
            "api http/routers prepend-auth-no-url@",
            "api http/routers tlsall-auth-no-url@",
            "api http/routers page-bad-query@",
            "api http/routers prepend-page-bad-query@",
            "api http/routers tlsall-page-bad-query@",
            "api http/middlewares auth-no-url@",
            "api http/middlewares page-bad-query@",
            "api overview",
        ],
        &[".status", ".http.routers.errors", ".http.middlewares.errors"],
    ),
    differs(
        "api-keys",
        &["api http/middlewares auth-client@", "api http/middlewares auth-user@"],
        &[".forwardAuth.tls.key", ".forwardAuth.address"],
    ),
    differs(
        "page-upgrade",
        &["page: of an upgrade that fails"],
        &["upstream header connection", "upstream header upgrade"],
    ),
    differs("page-hints", &["page: early hints"], &["header link"]),
    differs("page-bodiless", &["page: conditional request", "page: rewritten to 204"], &[]),
    differs("trailers", &["answer: trailers that are headers"], &[]),
    differs(
        "request-trailers",
        &["bytes: chunked body with trailers"],
        &["upstream header trailer"],
    ),
    differs("raw-characters", &["query: raw characters that nobody sends"], &["upstream target"]),
    differs("closing", &["bytes: chunked and length"], &["header connection"]),
    differs(
        "parser-texts",
        &["bytes: ", "ep: head too large", "path: bad escape", "path: cut escape", "path: number"],
        &[
            "body: \"\"",
            "body: \"400",
            "body: \"431",
            "header content-length",
            "header content-type: text/plain",
            "header connection: close",
        ],
    ),
    differs(
        "parser-statuses",
        &["bytes: bad version", "bytes: HTTP/2.0", "bytes: unknown transfer"],
        &["status", "body", "header"],
    ),
    differs("asterisk", &["forward: GET *"], &[]),
    differs("upgrade-10", &["talk: upgrade over HTTP/1.0"], &[]),
    differs("folded-headers", &["bytes: folded header"], &[]),
];

impl Difference {
    fn excuses(&self, case: &str, line: &str) -> bool {
        let begins = |text: &str, these: &[&str]| these.iter().any(|this| text.starts_with(this));
        begins(case, self.cases) && (self.lines.is_empty() || begins(line, self.lines))
    }
}

/// The difference that excuses this line of this case.
pub fn excuse(case: &str, line: &str) -> Option<&'static Difference> {
    ALL.iter().find(|known| known.excuses(case, line))
}
