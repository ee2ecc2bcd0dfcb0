//! Middlewares that ask somebody else: `forwardAuth` and `errors`.
//!
//! The auth server obeys `X-Auth-Do`, the one of the error pages `X-Page-Do`. Where the auth server
//! is told to deny, the client sees what it was asked.

pub const PLAIN: &[(&str, &str)] = &[
    // What the auth server is asked.
    ("auth: passes", "GET /a?b=c plain.auth.test | X-Key: v"),
    ("auth: asked", "GET /a?b=c plain.auth.test | X-Auth-Do: status 403 | X-Key: v | X-Key: w"),
    ("auth: asked, a user agent", "GET / plain.auth.test | X-Auth-Do: status 403 | User-Agent: me"),
    (
        "auth: asked, of POST",
        "POST /a plain.auth.test | X-Auth-Do: status 403 | Content-Type: a/b | =hello",
    ),
    (
        "auth: asked, of HEAD",
        "HEAD /a plain.auth.test | X-Auth-Do: status 403 | X-Auth-Do: body no",
    ),
    ("auth: passes, of POST", "POST /a plain.auth.test | Content-Type: a/b | =hello"),
    ("auth: passes, of HEAD", "HEAD /a plain.auth.test"),
    (
        "auth: asked, credentials",
        "GET / plain.auth.test | X-Auth-Do: status 403 | Authorization: Basic Ym9iOngx | Proxy-Authorization: Basic eA== | Cookie: a=b; c=d",
    ),
    (
        "auth: asked, hop by hop",
        "GET / plain.auth.test | X-Auth-Do: status 403 | Connection: close, X-Gone | X-Gone: a | Keep-Alive: x | TE: trailers | X-Stays: b",
    ),
    (
        "auth: asked, of a websocket",
        "GET / plain.auth.test | X-Auth-Do: status 403 | Connection: Upgrade | Upgrade: websocket | Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ== | Sec-WebSocket-Version: 13",
    ),
    ("auth: asked, a port in the host", "GET / plain.auth.test:81 | X-Auth-Do: status 403"),
    (
        "auth: asked, forwarded headers of a stranger",
        "GET /admin plain.auth.test | X-Auth-Do: status 403 | X-Forwarded-Uri: /public | X-Forwarded-Method: OPTIONS | X-Forwarded-Host: evil | X-Forwarded-For: 1.1.1.1 | X-Forwarded-Proto: https | X-Forwarded-Port: 1 | X-Forwarded-Prefix: /p | X-Real-Ip: 1.1.1.1",
    ),
    (
        "auth: asked, underscores of a stranger",
        "GET / plain.auth.test | X-Auth-Do: status 403 | X_Forwarded_Uri: /public | X_Forwarded_For: 1.1.1.1 | X_Real_Ip: 1.1.1.1 | x-forwarded_proto: https",
    ),
    (
        "auth: asked, untrusting",
        "GET /a?b=c false.auth.test | X-Auth-Do: status 403 | X-Forwarded-Uri: /x | X-Key: v",
    ),
    ("auth: asked, untrusting, a port", "GET /a false.auth.test:8080 | X-Auth-Do: status 403"),
    (
        "auth: asked, untrusting, a user agent",
        "GET /a false.auth.test | X-Auth-Do: status 403 | User-Agent: me",
    ),
    (
        "auth: asked, trusting",
        "GET /a?b=c true.auth.test | X-Auth-Do: status 403 | X-Forwarded-Uri: /x",
    ),
    (
        "auth: asked, escapes in the path",
        "GET /a%2Fb/%C3%A9?x=%20y;z false.auth.test | X-Auth-Do: status 403",
    ),
    (
        "auth: asked, behind a changed path and host",
        "GET /pre/a?b strip.auth.test | X-Auth-Do: status 403",
    ),
    (
        "auth: asked, behind a path cut to nothing",
        "GET /pre strip.auth.test | X-Auth-Do: status 403",
    ),
    ("auth: passes, behind a changed path and host", "GET /pre/a?b strip.auth.test"),
    ("auth: asked, odd address", "GET / path.auth.test | X-Auth-Do: status 403"),
    ("auth: asked, address without a path", "GET / root.auth.test | X-Auth-Do: status 403"),
    ("auth: asked, user info in the address", "GET / user.auth.test | X-Auth-Do: status 403"),
    (
        "auth: asked, user info and a user",
        "GET / user.auth.test | X-Auth-Do: status 403 | Authorization: Bearer x",
    ),
    (
        "auth: asked, user info, relative location",
        "GET / user.auth.test | X-Auth-Do: status 302 | X-Auth-Do: header Location: /login",
    ),
    (
        "auth: asked, some headers",
        "GET /a request.auth.test | X-Auth-Do: status 403 | X-KEY: v | X-Key: w | X-Other: o | Cookie: a=b | User-Agent: me | X-Forwarded-Uri: /x",
    ),
    (
        "auth: asked, some headers, trusting",
        "GET /a request-true.auth.test | X-Auth-Do: status 403 | X-Key: v | Cookie: a=b | User-Agent: me",
    ),
    (
        "auth: asked, some headers, no user agent",
        "GET /a request-true.auth.test | X-Auth-Do: status 403",
    ),
    ("auth: asked, method kept", "POST /a method.auth.test | X-Auth-Do: status 403 | =hello"),
    ("auth: asked, method kept, PUT", "PUT /a method.auth.test | X-Auth-Do: status 403 | =x"),
    ("auth: asked, method kept, DELETE", "DELETE /a method.auth.test | X-Auth-Do: status 403"),
    (
        "auth: asked, method kept, HEAD",
        "HEAD /a method.auth.test | X-Auth-Do: status 403 | X-Auth-Do: body abc",
    ),
    ("auth: asked, method kept, made up", "FOO /a method.auth.test | X-Auth-Do: status 403"),
    ("auth: asked, X-Forwarded-Method", "PUT /a false.auth.test | X-Auth-Do: status 403 | =x"),
    // What goes on.
    ("auth: passes, 204", "GET / plain.auth.test | X-Auth-Do: status 204"),
    ("auth: passes, 299", "GET / plain.auth.test | X-Auth-Do: status 299"),
    (
        "auth: passes, its headers are not the client's",
        "GET / plain.auth.test | X-Auth-Do: header X-User: bob | X-Auth-Do: header Set-Cookie: a=b",
    ),
    (
        "auth: user",
        "GET / listed.auth.test | X-Auth-Do: header X-User: bob | X-Auth-Do: header Remote-Groups: a | X-Auth-Do: header remote-groups: b | X-Auth-Do: header X-Unlisted: u",
    ),
    (
        "auth: user, spoofed",
        "GET / listed.auth.test | X-User: admin | x-user: admin2 | Remote-Groups: admins | X-Auth-Do: header X-User: bob",
    ),
    (
        "auth: user, spoofed and not said",
        "GET / listed.auth.test | X-User: admin | X-Missing: x | X-Unlisted: stays",
    ),
    ("auth: user, empty", "GET / listed.auth.test | X-User: admin | X-Auth-Do: header X-User:"),
    (
        "auth: user, spoofed with underscores",
        "GET / listed.auth.test | X_User: admin | X-Auth-Do: header X-User: bob",
    ),
    (
        "auth: user, denied",
        "GET / listed.auth.test | X-Auth-Do: status 401 | X-Auth-Do: header X-User: bob",
    ),
    (
        "auth: pattern",
        "GET / regex.auth.test | X-Auth-Do: header X-Auth-User: bob | X-Auth-Do: header x-auth-groups: a | X-Auth-Do: header x-auth-groups: b | X-Auth-Do: header X-Other: o",
    ),
    (
        "auth: pattern, spoofed",
        "GET / regex.auth.test | x-auth-user: admin | X-Auth-Mail: a@b | X-User: admin | X-Auth-1: stays | X-Auth-Do: header X-Auth-User: bob",
    ),
    (
        "auth: pattern, several",
        "GET / all.auth.test | Remote-User: admin | X-Up: gone | x-user: me | X-Auth-Do: header Remote-User: bob",
    ),
    ("auth: twice", "GET / twice.auth.test | X-Auth-Do: header X-User: bob"),
    ("auth: between others", "GET / cors.auth.test"),
    (
        "auth: between others, denied",
        "GET / cors.auth.test | X-Auth-Do: status 403 | X-Auth-Do: body no",
    ),
    // Cookies.
    (
        "auth: cookie",
        "GET / cookies.auth.test | X-Auth-Do: header Set-Cookie: session=2; Path=/; HttpOnly | X-Auth-Do: header Set-Cookie: unlisted=1",
    ),
    (
        "auth: cookie, of both",
        "GET / cookies.auth.test | X-Auth-Do: header Set-Cookie: session=2; Path=/ | X-Do: header Set-Cookie: session=1; Path=/ | X-Do: header Set-Cookie: own=1; Path=/",
    ),
    (
        "auth: cookie, another",
        "GET / cookies.auth.test | X-Auth-Do: header Set-Cookie: unlisted=1 | X-Do: header Set-Cookie: session=1 | X-Do: header Set-Cookie: own=1",
    ),
    (
        "auth: cookie, none",
        "GET / cookies.auth.test | X-Do: header Set-Cookie: session=1 | X-Do: header Set-Cookie: own=1",
    ),
    (
        "auth: cookie, on an error",
        "GET / cookies.auth.test | X-Auth-Do: header Set-Cookie: session=2 | X-Do: status 500",
    ),
    (
        "auth: cookie, denied",
        "GET / cookies.auth.test | X-Auth-Do: status 401 | X-Auth-Do: header Set-Cookie: session=2 | X-Auth-Do: header Set-Cookie: unlisted=1",
    ),
    (
        "auth: cookie kept as spelled",
        "GET / cookies.auth.test | X-Auth-Do: header Set-Cookie: session=2; path=/; foo=bar",
    ),
    // The request's body.
    ("auth: body", "POST / body.auth.test | Content-Type: a/b | =hello"),
    (
        "auth: body, asked",
        "POST / body.auth.test | X-Auth-Do: status 403 | Content-Type: a/b | =hello",
    ),
    ("auth: body, none", "GET / body.auth.test"),
    ("auth: body, none, asked", "GET / body.auth.test | X-Auth-Do: status 403"),
    ("auth: body, just fits", "POST / body-max.auth.test | =hello"),
    ("auth: body, too long", "POST / body-max.auth.test | =hello!"),
    ("auth: body, too long for none", "POST / body-none.auth.test | =h"),
    ("auth: body, none for none", "GET / body-none.auth.test"),
    ("auth: body, method", "PUT / body-method.auth.test | X-Auth-Do: status 403 | =hello"),
    ("auth: body, method, passes", "PUT / body-method.auth.test | =hello"),
    // What the client gets of a denial.
    (
        "auth: denied 401",
        "GET / plain.auth.test | X-Auth-Do: status 401 | X-Auth-Do: header WWW-Authenticate: Basic realm=x | X-Auth-Do: body no",
    ),
    ("auth: denied 304", "GET / plain.auth.test | X-Auth-Do: status 304"),
    ("auth: denied 500", "GET / plain.auth.test | X-Auth-Do: status 500 | X-Auth-Do: body no"),
    (
        "auth: denied, chunked",
        "GET / plain.auth.test | X-Auth-Do: status 403 | X-Auth-Do: body no | X-Auth-Do: chunked",
    ),
    (
        "auth: denied, hop by hop",
        "GET / plain.auth.test | X-Auth-Do: status 403 | X-Auth-Do: body no | X-Auth-Do: header Keep-Alive: x | X-Auth-Do: header X-A: b",
    ),
    (
        "auth: denied, early hints",
        "GET / plain.auth.test | X-Auth-Do: early 103 Link: x | X-Auth-Do: status 403 | X-Auth-Do: body no",
    ),
    (
        "auth: redirected",
        "GET /a plain.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: https://login.test/?rd=https%3A%2F%2Fplain.auth.test%2Fa | X-Auth-Do: header Set-Cookie: csrf=1; Path=/; HttpOnly",
    ),
    (
        "auth: redirected, 303",
        "POST /a plain.auth.test | X-Auth-Do: status 303 | X-Auth-Do: body | X-Auth-Do: header Location: https://login.test/ | =x",
    ),
    (
        "auth: redirected, relative",
        "GET / plain.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: /login?x=y",
    ),
    (
        "auth: redirected, relative without a slash",
        "GET / plain.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: login",
    ),
    (
        "auth: redirected, dots",
        "GET / plain.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: ../x/./y/../z",
    ),
    (
        "auth: redirected, query alone",
        "GET / plain.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: ?a",
    ),
    (
        "auth: redirected, fragment alone",
        "GET / plain.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: #a",
    ),
    (
        "auth: redirected, other host",
        "GET / plain.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: //login.test/x",
    ),
    (
        "auth: redirected, no URL",
        "GET / plain.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: http://a:b:c/",
    ),
    (
        "auth: redirected, empty",
        "GET / plain.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location:",
    ),
    (
        "auth: redirected, 401 with a location",
        "GET / plain.auth.test | X-Auth-Do: status 401 | X-Auth-Do: body | X-Auth-Do: header Location: /login",
    ),
    (
        "auth: redirected, kept",
        "GET / keep.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: login?x=y z",
    ),
    (
        "auth: redirected, kept, absolute",
        "GET / keep.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: HTTPS://login.test/../x",
    ),
    (
        "auth: redirected, kept, no URL",
        "GET / keep.auth.test | X-Auth-Do: status 302 | X-Auth-Do: body | X-Auth-Do: header Location: http://a:b:c/",
    ),
    (
        "auth: signs in",
        "GET /a signin.auth.test | X-Auth-Do: status 401 | X-Auth-Do: body no | X-Auth-Do: header Set-Cookie: a=b",
    ),
    ("auth: signs in, POST", "POST /a signin.auth.test | X-Auth-Do: status 401 | =x"),
    ("auth: signs in, HEAD", "HEAD /a signin.auth.test | X-Auth-Do: status 401"),
    ("auth: signs in, 403", "GET /a signin.auth.test | X-Auth-Do: status 403 | X-Auth-Do: body no"),
    ("auth: signs in, passes", "GET /a signin.auth.test"),
    ("auth: signs in, relative", "GET /a/b signin-relative.auth.test | X-Auth-Do: status 401"),
    // Its body.
    ("auth: answer just fits", "GET / small.auth.test | X-Auth-Do: body hello"),
    ("auth: answer too long", "GET / small.auth.test | X-Auth-Do: body hello!"),
    (
        "auth: answer too long, chunked",
        "GET / small.auth.test | X-Auth-Do: body hello! | X-Auth-Do: chunked",
    ),
    (
        "auth: denied, just fits",
        "GET / small.auth.test | X-Auth-Do: body hello | X-Auth-Do: status 403",
    ),
    (
        "auth: denied, fits, chunked",
        "GET / small.auth.test | X-Auth-Do: body hello | X-Auth-Do: status 403 | X-Auth-Do: drip 5",
    ),
    (
        "auth: denied, too long",
        "GET / small.auth.test | X-Auth-Do: body hello! | X-Auth-Do: status 403",
    ),
    (
        "auth: denied, too long, HEAD",
        "HEAD / small.auth.test | X-Auth-Do: body hello! | X-Auth-Do: status 403",
    ),
    ("auth: answer for none", "GET / none.auth.test | X-Auth-Do: body h"),
    ("auth: no answer for none", "GET / none.auth.test | X-Auth-Do: status 204"),
    // It does not answer.
    ("auth: dead", "GET / dead.auth.test"),
    ("auth: closes", "GET / plain.auth.test | X-Auth-Do: close"),
    ("auth: resets", "GET / plain.auth.test | X-Auth-Do: reset"),
    ("auth: garbage", r"GET / plain.auth.test | X-Auth-Do: raw hello\r\n\r\n"),
    ("auth: answer cut off", "GET / plain.auth.test | X-Auth-Do: short"),
    (
        "auth: switches",
        r"GET / plain.auth.test | X-Auth-Do: raw HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n",
    ),
    (
        "auth: garbage behind the answer",
        r"GET / plain.auth.test | X-Auth-Do: raw HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
    ),
    ("auth: no URL", "GET / no-url.auth.test"),
    ("auth: bad pattern", "GET / bad-regex.auth.test"),
    // TLS.
    ("auth: over TLS", "GET / ca.auth.test"),
    ("auth: over TLS with a certificate", "GET / client.auth.test"),
    ("auth: over TLS, whoever that is", "GET / insecure.auth.test"),
    ("auth: over TLS, a stranger", "GET / distrust.auth.test"),
    ("auth: over TLS, half a certificate", "GET / half.auth.test"),
    // Error pages.
    ("page: none needed", "GET /a plain.page.test"),
    (
        "page: 404",
        "GET /a?b=c plain.page.test | X-Do: status 404 | X-Do: header X-A: b | X-Do: header Set-Cookie: own=1 | X-Key: v",
    ),
    ("page: 403 is none", "GET / plain.page.test | X-Do: status 403 | X-Do: body no"),
    ("page: 599", "GET / plain.page.test | X-Do: status 599"),
    ("page: of POST", "POST /a plain.page.test | X-Do: status 500 | Content-Type: a/b | =hello"),
    ("page: of HEAD", "HEAD /a plain.page.test | X-Do: status 500 | X-Page-Do: body hello"),
    (
        "page: its headers",
        "GET / plain.page.test | X-Do: status 500 | X-Page-Do: header Set-Cookie: page=1 | X-Page-Do: header X-Page: p | X-Page-Do: body hello",
    ),
    (
        "page: its status",
        "GET / plain.page.test | X-Do: status 500 | X-Page-Do: status 404 | X-Page-Do: body hello",
    ),
    (
        "page: its redirection",
        "GET / plain.page.test | X-Do: status 500 | X-Page-Do: status 302 | X-Page-Do: header Location: /x | X-Page-Do: body hello",
    ),
    ("page: 204", "GET / plain.page.test | X-Do: status 500 | X-Page-Do: status 204"),
    (
        "page: chunked",
        "GET / plain.page.test | X-Do: status 500 | X-Page-Do: drip 5 | X-Page-Do: body hello",
    ),
    (
        "page: in place of chunks",
        "GET / plain.page.test | X-Do: status 500 | X-Do: drip 5 | X-Page-Do: body hello",
    ),
    (
        "page: in place of much",
        "GET / plain.page.test | X-Do: status 500 | X-Do: bytes 100000 | X-Page-Do: body hello",
    ),
    (
        "page: trailers",
        "GET / plain.page.test | X-Do: status 500 | X-Do: trailer X-T: v | X-Page-Do: trailer X-P: v | X-Page-Do: body hello",
    ),
    (
        "page: early hints",
        "GET / plain.page.test | X-Do: early 103 Link: x | X-Do: status 500 | X-Page-Do: body hello",
    ),
    (
        "page: early hints of the page",
        "GET / plain.page.test | X-Do: status 500 | X-Page-Do: early 103 Link: x | X-Page-Do: body hello",
    ),
    (
        "page: conditional request",
        "GET / plain.page.test | X-Do: status 500 | If-None-Match: x | X-Page-Do: status 304",
    ),
    (
        "page: a user agent",
        "GET / plain.page.test | X-Do: status 500 | User-Agent: me | Authorization: Basic eA== | Cookie: a=b",
    ),
    (
        "page: hop by hop",
        "GET / plain.page.test | X-Do: status 500 | Connection: X-Gone | X-Gone: a | TE: trailers | Keep-Alive: x",
    ),
    (
        "page: forwarded headers of a stranger",
        "GET / plain.page.test | X-Do: status 500 | X-Forwarded-For: 1.1.1.1 | X-Forwarded-Host: evil",
    ),
    ("page: garbage from the service", r"GET / plain.page.test | X-Do: raw hello\r\n\r\n"),
    ("page: the service closes", "GET / plain.page.test | X-Do: close"),
    ("page: a port in the host", "GET / plain.page.test:81 | X-Do: status 500"),
    ("page: the page closes", "GET / plain.page.test | X-Do: status 500 | X-Page-Do: close"),
    (
        "page: of an upgrade that fails",
        "GET / plain.page.test | Connection: Upgrade | Upgrade: echo | X-Do: deny | X-Do: status 503 | X-Page-Do: deny",
    ),
    ("page: URL", "GET /a%2Fb/c%20d?e=f&g=%20h url.page.test:81 | X-Do: status 418"),
    ("page: URL, odd characters", "GET /~a_b-c.d!*'(),;:@&=+$ url.page.test | X-Do: status 500"),
    ("page: URL, semicolons", "GET /a?b;c url.page.test | X-Do: status 500"),
    ("page: no query", "GET /a root.page.test | X-Do: status 500"),
    ("page: odd query", "GET /a odd.page.test | X-Do: status 500"),
    ("page: bad query", "GET / bad-query.page.test | X-Do: status 500"),
    ("page: rewritten", "GET / rewrite.page.test | X-Do: status 500"),
    ("page: rewritten, the end of the range", "GET / rewrite.page.test | X-Do: status 501"),
    ("page: rewritten, not this one", "GET / rewrite.page.test | X-Do: status 502"),
    ("page: rewritten to 200", "GET / rewrite.page.test | X-Do: status 503"),
    ("page: rewritten to 204", "GET / rewrite.page.test | X-Do: status 504"),
    (
        "page: some headers",
        "GET / only.page.test | X-Do: status 500 | X-Key: v | X-KEY: w | Accept: a/b | X-Other: o | Authorization: Basic eA== | User-Agent: me",
    ),
    ("page: some headers, none there", "GET / only.page.test | X-Do: status 500"),
    ("page: an empty list of headers", "GET / empty-only.page.test | X-Do: status 500 | X-Key: v"),
    ("page: dead", "GET / dead.page.test | X-Do: status 404"),
    ("page: no server", "GET / nobody.page.test | X-Do: status 404"),
    ("page: of a dead service", "GET / of-dead.page.test"),
    ("page: of a service without servers", "GET / of-nobody.page.test"),
    ("page: of an inner middleware", "GET / of-inner.page.test"),
    ("page: of an outer middleware", "GET / of-outer.page.test"),
    (
        "page: of an auth server",
        "GET / auth.page.test | X-Auth-Do: status 403 | X-Auth-Do: body no",
    ),
    (
        "page: of an auth server that redirects",
        "GET / auth.page.test | X-Auth-Do: status 302 | X-Auth-Do: header Location: https://login.test/ | X-Auth-Do: body no",
    ),
    (
        "page: inner middlewares change the request",
        "GET /pre/a strip-in.page.test | X-Do: status 500",
    ),
    (
        "page: outer middlewares change the request",
        "GET /pre/a strip-out.page.test | X-Do: status 500",
    ),
    ("page: a service with a host of its own", "GET / host.page.test | X-Do: status 500"),
    ("page: a service with a middleware", "GET / around.page.test | X-Do: status 500"),
    ("page: a service of our own", "GET / ping.page.test | X-Do: status 500"),
    ("page: a service that does not exist", "GET / missing.page.test"),
    ("page: bad status", "GET / bad-status.page.test"),
    ("page: bad rewriting", "GET / bad-rewrite.page.test"),
    ("page: of a page", "GET / twice.page.test | X-Do: status 500"),
];

/// From a peer that the entry point trusts.
pub const TRUSTED: &[(&str, &str)] = &[
    (
        "auth trusted: unset",
        "GET /admin plain.auth.test | X-Auth-Do: status 403 | X-Forwarded-Uri: /public | X-Forwarded-Method: OPTIONS | X-Forwarded-Host: front.test | X-Forwarded-For: 1.1.1.1 | X-Forwarded-Proto: https | X-Forwarded-Port: 1 | X-Forwarded-Prefix: /p | X-Real-Ip: 1.1.1.1 | X-Forwarded-Server: s",
    ),
    (
        "auth trusted: false",
        "GET /admin false.auth.test | X-Auth-Do: status 403 | X-Forwarded-Uri: /public | X-Forwarded-Method: OPTIONS | X-Forwarded-Host: front.test | X-Forwarded-For: 1.1.1.1 | X-Forwarded-Proto: https | X-Forwarded-Port: 1 | X-Forwarded-Prefix: /p | X-Real-Ip: 1.1.1.1",
    ),
    (
        "auth trusted: true",
        "GET /admin true.auth.test | X-Auth-Do: status 403 | X-Forwarded-Uri: /public | X-Forwarded-Method: OPTIONS | X-Forwarded-Host: front.test | X-Forwarded-For: 1.1.1.1 | X-Forwarded-For: 2.2.2.2 | X-Forwarded-Proto: https | X-Forwarded-Port: 1 | X-Forwarded-Prefix: /p | X-Real-Ip: 1.1.1.1",
    ),
    (
        "auth trusted: true, some of them",
        "GET /admin true.auth.test | X-Auth-Do: status 403 | X-Forwarded-Proto: wss",
    ),
    (
        "auth trusted: some headers, true",
        "GET /admin request-true.auth.test | X-Auth-Do: status 403 | X-Forwarded-Uri: /public | X-Forwarded-Prefix: /p | X-Forwarded-For: 1.1.1.1",
    ),
    (
        "auth trusted: some headers, false",
        "GET /admin request.auth.test | X-Auth-Do: status 403 | X-Forwarded-Uri: /public | X-Forwarded-Prefix: /p",
    ),
    (
        "auth trusted: websocket, unset",
        "GET / plain.auth.test | X-Auth-Do: status 403 | Connection: Upgrade | Upgrade: websocket | Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
    (
        "auth trusted: websocket, true",
        "GET / true.auth.test | X-Auth-Do: status 403 | Connection: Upgrade | Upgrade: websocket | Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
    (
        "auth trusted underscores: unset",
        "GET / plain.auth.test | X-Auth-Do: status 403 | X_Forwarded_Uri: /public",
    ),
    (
        "auth trusted underscores: true",
        "GET / true.auth.test | X-Auth-Do: status 403 | X_Forwarded_Uri: /public",
    ),
    (
        "page trusted: forwarded headers",
        "GET / plain.page.test | X-Do: status 500 | X-Forwarded-For: 1.1.1.1 | X-Forwarded-For: 2.2.2.2 | X-Forwarded-Proto: https",
    ),
];

/// Where the entry point keeps headers that are named in `Connection`.
pub const KEPT: &[(&str, &str)] = &[(
    "auth kept: named in Connection",
    "GET / plain.auth.test | X-Auth-Do: status 403 | Connection: X-Keep | X-Keep: v",
)];

pub const TLS: &[(&str, &str, &str, &str)] = &[
    ("auth tls: asked", "secure", "tls.test", "GET /auth?x tls.test | X-Auth-Do: status 403"),
    (
        "auth tls: asked, untrusting",
        "secure",
        "tls.test",
        "GET /strict?x tls.test | X-Auth-Do: status 403",
    ),
    (
        "auth tls: asked, a port",
        "secure",
        "tls.test",
        "GET /strict?x tls.test:8443 | X-Auth-Do: status 403",
    ),
    ("page tls: URL", "secure", "tls.test", "GET /page?x tls.test | X-Do: status 500"),
];
