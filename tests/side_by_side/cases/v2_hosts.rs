//! Hosts in v2 syntax: which of them are domains, and what children of layered routers look at.

/// As `tls::OPTIONS`.
pub const OPTIONS: &[(&str, &str, &str, &str)] = &[
    ("v2 domain: host header is none", "header.v2h.test", "1.3", "GET / header.v2h.test"),
    ("v2 domain: host beside host header, none", "both.v2h.test", "", "GET / both.v2h.test"),
    ("v2 domain: host beside host header, own", "both.v2h.test", "own", "GET / both.v2h.test"),
    ("v2 domain: host header beside host", "both.v2h.test", "own", "GET /header both.v2h.test"),
    ("v2 domain: host header by the open door", "nobody.v2h.test", "", "GET /header both.v2h.test"),
    ("v2 domain: star, none", "a.star.v2h.test", "", "GET / a.star.v2h.test"),
    ("v2 domain: star, own", "a.star.v2h.test", "own", "GET / a.star.v2h.test"),
    ("v2 domain: star as it is", "a.star.v2h.test", "own", "GET / *.star.v2h.test"),
    ("v2 domain: star by the open door", "nobody.v2h.test", "", "GET / *.star.v2h.test"),
    (
        "v2 domain: a name of the star by the open door",
        "nobody.v2h.test",
        "",
        "GET / a.star.v2h.test",
    ),
    ("v2 domain: a broken rule has none", "broken.v2h.test", "1.3", "GET / broken.v2h.test"),
];

/// The first parent makes `Changed.v2h.test:99` of every host.
pub const LAYERS: &[(&str, &str)] = &[
    ("layer: child of v2, host changed by the parent", "GET /regexp a.parent.v2h.test"),
    ("layer: child of v2, host before it was changed", "GET /client a.parent.v2h.test"),
    ("layer: child of v2, changed host as a name", "GET /host a.parent.v2h.test"),
    ("layer: child of v2, the client's host as a name", "GET /host-client a.parent.v2h.test"),
    ("layer: child of v2, the client's host header", "GET /header-client a.parent.v2h.test"),
    ("layer: child of v3, changed host", "GET /v3 a.parent.v2h.test"),
    ("layer: child of v3, the client's host", "GET /v3-client a.parent.v2h.test"),
    ("layer: child of v2, host changed twice", "GET /mid a.parent.v2h.test"),
    ("layer: child of v2, host set to nothing", "GET / empty.v2h.test"),
];
