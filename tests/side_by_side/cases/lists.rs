//! Blanks around the elements of lists.

pub const PLAIN: &[(&str, &str)] = &[
    (
        "list: user in a text of several lines",
        "GET / block.ls.test | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    ("list: blanks around users", "GET / user.ls.test | Authorization: Basic Ym9iOnNlY3JldA=="),
    ("list: blanks around users, nobody", "GET / user.ls.test"),
    ("list: blanks around entry points", "GET / ep.ls.test"),
    ("list: blanks around middlewares", "GET /a/x mw.ls.test"),
    ("list: blanks around parents", "GET / parent.ls.test"),
    ("list: blanks around ranges", "GET / range.ls.test"),
    ("list: blanks around status", "GET / page.ls.test | X-Do: status 404"),
    ("list: blanks around a range of status", "GET / page.ls.test | X-Do: status 599"),
    ("list: blanks around status of retry", "GET / retry.ls.test"),
    (
        "list: blanks around headers of an answer",
        "GET / auth.ls.test | X-Auth-Do: header X-User: me",
    ),
    (
        "list: blanks around headers of a request",
        "GET / auth.ls.test | X-Auth-Do: status 403 | User-Agent: me | X-Key: v | Cookie: a=b",
    ),
    ("list: blanks around cookies", "GET / auth.ls.test | X-Auth-Do: header Set-Cookie: session=1"),
    ("list: blanks around origins", "GET / cors.ls.test | Origin: https://a.test"),
    ("list: blanks around patterns", "GET / cors-regex.ls.test | Origin: https://b.test"),
    (
        "list: blanks around types",
        "GET / compress.ls.test | Accept-Encoding: gzip | X-Do: header Content-Type: text/plain",
    ),
    ("list: TOML", "GET /a/x toml.ls.test | Authorization: Basic Ym9iOnNlY3JldA=="),
    ("list: no list, a service", "GET / service.ls.test"),
    ("list: an empty entry point", "GET / no-ep.ls.test"),
    ("list: a blank entry point", "GET / blank-ep.ls.test"),
    ("list: a blank middleware", "GET / no-mw.ls.test"),
];

/// From somebody who is trusted.
pub const TRUSTED: &[(&str, &str)] = &[
    (
        "list: blanks around excluded addresses",
        "GET / excluded.ls.test | X-Forwarded-For: 192.0.2.1, 198.51.100.7",
    ),
    (
        "list: blanks around excluded addresses, another",
        "GET / excluded.ls.test | X-Forwarded-For: 192.0.2.1, 203.0.113.7",
    ),
];

/// As `tls::OPTIONS`.
pub const OPTIONS: &[(&str, &str, &str, &str)] = &[
    ("list: blanks around authorities, own", "domains.ls.test", "own", "GET / domains.ls.test"),
    ("list: blanks around authorities, none", "domains.ls.test", "", "GET / domains.ls.test"),
];
