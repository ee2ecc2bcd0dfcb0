//! What `forwardAuth` and `errors` do together with other middlewares, and what they take away.

pub const PLAIN: &[(&str, &str)] = &[
    // The type of what gzip compresses, where nobody says one.
    (
        "pages: untyped, buffered",
        "GET / buffered.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: gzip",
    ),
    (
        "pages: untyped, buffered, br",
        "GET / buffered.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: br",
    ),
    (
        "pages: untyped, retried",
        "GET / retried.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: gzip",
    ),
    (
        "pages: untyped, retried, zstd",
        "GET / retried.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: zstd",
    ),
    (
        "pages: untyped, retried for its status",
        "GET / status.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: gzip",
    ),
    (
        "pages: untyped, POST, retried for its status",
        "POST / status.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: gzip | =x",
    ),
    (
        "pages: untyped, retried only for its status",
        "GET / only-status.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: gzip",
    ),
    (
        "pages: untyped, POST, retried only for its status",
        "POST / only-status.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: gzip | =x",
    ),
    (
        "pages: untyped, tried once",
        "GET / once.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: gzip",
    ),
    (
        "pages: untyped, behind errors",
        "GET / errors.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: gzip",
    ),
    (
        "pages: untyped, behind errors, br",
        "GET / errors.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: br",
    ),
    (
        "pages: untyped, counted",
        "GET / counted.pages.test | X-Do: text 3000 | X-Do: untyped | Accept-Encoding: gzip",
    ),
    (
        "pages: untyped page",
        "GET / page.pages.test | X-Do: status 500 | X-Page-Do: text 3000 | X-Page-Do: untyped | Accept-Encoding: gzip",
    ),
    (
        "pages: untyped page, br",
        "GET / page.pages.test | X-Do: status 500 | X-Page-Do: text 3000 | X-Page-Do: untyped | Accept-Encoding: br",
    ),
    // X-Forwarded-For.
    ("pages: address set behind", "GET / address.pages.test | X-Do: status 500"),
    ("pages: address set behind, denied there", "GET / address-denied.pages.test"),
    ("pages: address set before", "GET / address-outside.pages.test | X-Do: status 500"),
    ("pages: address removed behind", "GET / address-removed.pages.test | X-Do: status 500"),
    ("pages: address set behind, asked for", "GET / address-only.pages.test | X-Do: status 500"),
    (
        "pages: address set behind two",
        "GET / address-twice.pages.test | X-Do: status 500 | X-Page-Do: status 503",
    ),
    // Denials.
    (
        "pages: denial held, trailers",
        "GET / held.pages.test | X-Auth-Do: status 403 | X-Auth-Do: body no | X-Auth-Do: trailer X-T: v",
    ),
    (
        "pages: denied 407",
        "GET / denied.pages.test | X-Auth-Do: status 407 | X-Auth-Do: body no | X-Auth-Do: header Proxy-Authenticate: Basic realm=x",
    ),
    (
        "pages: denied, named in Connection",
        "GET / denied.pages.test | X-Auth-Do: status 403 | X-Auth-Do: body no | X-Auth-Do: header Connection: X-Gone | X-Auth-Do: header X-Gone: a",
    ),
    // Look-alikes of a header that is itself spelled oddly.
    (
        "pages: look-alike of an odd header",
        "GET / odd.pages.test | X-User: evil | X-Auth-Do: header X_User: bob",
    ),
    (
        "pages: look-alike of an odd pattern",
        "GET / odd-pattern.pages.test | X-User: evil | X-Auth-Do: header X_User: bob",
    ),
    (
        "pages: look-alike of an odd user",
        "GET / odd-user.pages.test | X-Web-User: evil | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
];

pub const TRUSTED: &[(&str, &str)] = &[(
    "pages trusted: address set behind",
    "GET / address.pages.test | X-Do: status 500 | X-Forwarded-For: 1.1.1.1",
)];

/// A URL that the page's own cannot hold.
pub fn endless() -> String {
    format!("GET /a?{} endless.pages.test | X-Do: status 500", ":".repeat(30_000))
}
