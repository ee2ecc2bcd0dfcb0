//! Requests where the install configuration says more (`elsewhere.yml`).

pub const PLAIN: &[(&str, &[(&str, &str)])] = &[
    (
        "web",
        &[
            ("elsewhere: several hosts", "GET / set.test"),
            ("elsewhere: template", "GET /x/bc t.test"),
            ("elsewhere: template, no match", "GET /x/cb t.test"),
            ("elsewhere: v3 said", "GET /b v3.test"),
            ("elsewhere: v3 meant", "GET /b bad.test"),
            ("elsewhere: v9 is v3", "GET /b nine.test"),
            ("elsewhere: nothing said", "GET / void.test"),
            ("elsewhere: v2 said", "GET / told.test"),
            ("elsewhere: another provider's rule", "GET / out.test"),
            ("elsewhere: equal rules of two providers", "GET / tie.test"),
            ("elsewhere: priority before precedence", "GET / low.test"),
            ("elsewhere: one entry point", "GET / only.test"),
            ("elsewhere: tls router", "GET / secure.test"),
            ("elsewhere: child of v3 below v2", "GET /a parent.test"),
            ("elsewhere: child of v2", "GET /y elder.test"),
            ("elsewhere: child with v2's form", "GET /z parent.test"),
            ("elsewhere: parent elsewhere", "GET / parent-one.test"),
            ("elsewhere: escaped slash", "GET /a%2Fb ready.test"),
            ("elsewhere: blanks around entry points", "GET / blanks.test"),
        ],
    ),
    (
        "adding",
        &[
            ("adding: middlewares", "GET / ready.test"),
            ("adding: middlewares of both", "GET / only.test"),
            ("adding: observability", "GET / observed.test"),
            ("adding: child", "GET /a parent.test"),
            ("adding: child of one entry point", "GET /x parent-one.test"),
            ("adding: no child", "GET /none parent.test"),
            ("adding: denied slash", "GET /a%2fb ready.test"),
            ("adding: denied slash before a child", "GET /a%2fb parent.test"),
            ("adding: denied slash without a router", "GET /a%2fb nobody.test"),
            ("adding: denied backslash", "GET /a%5Cb ready.test"),
            ("adding: raw backslash", "GET /a\\b ready.test"),
            ("adding: denied zero", "GET /a%00b ready.test"),
            ("adding: denied semicolon", "GET /a%3bb ready.test"),
            ("adding: raw semicolon", "GET /a;b ready.test"),
            ("adding: denied percent", "GET /a%25b ready.test"),
            ("adding: denied percent twice", "GET /a%252fb ready.test"),
            ("adding: denied question mark", "GET /a%3Fb ready.test"),
            ("adding: denied hash", "GET /a%23b ready.test"),
            ("adding: allowed blank", "GET /a%20b ready.test"),
            ("adding: allowed letter", "GET /a%41b ready.test"),
            ("adding: query", "GET /a?x=%2F%5C%25 ready.test"),
        ],
    ),
    (
        "some",
        &[
            ("some: denied slash", "GET /a%2Fb ready.test"),
            ("some: allowed backslash", "GET /a%5Cb ready.test"),
            ("some: allowed percent", "GET /a%252Fb ready.test"),
            ("some: no middlewares", "GET / ready.test"),
        ],
    ),
    (
        "raw",
        &[
            ("rawer: slashes", "GET //a//b ready.test"),
            ("rawer: dots", "GET /a/../b ready.test"),
            ("rawer: template over two slashes", "GET //b t.test"),
            ("rawer: semicolons", "GET /?a;b=c ready.test"),
        ],
    ),
    ("tls", &[("tls all: plain request", "GET / ready.test")]),
    (
        "padded",
        &[
            ("padded: who is trusted", "GET / ready.test | X-Forwarded-For: 192.0.2.1"),
            ("padded: connection", "GET / ready.test | Connection: X-Keep | X-Keep: v"),
        ],
    ),
];

pub const TLS: &[(&str, &str, &str, &str)] = &[
    ("tls all: router", "tls", "ready.test", "GET / ready.test"),
    ("tls all: child", "tls", "parent.test", "GET /b parent.test"),
    ("tls all: router with tls", "tls", "secure.test", "GET / secure.test"),
    ("tls all: other provider", "tls", "tie.test", "GET / tie.test"),
    ("adding: tls router", "adding", "secure.test", "GET / secure.test"),
    ("elsewhere: tls router over tls", "web", "secure.test", "GET / secure.test"),
];
