//! The attacks, by the handles of docs/advisories.md.

use crate::attack::Outcome::{
    CleanOr400, Location, NoTrailers, Refused, Seen, Target, Untouched, Without,
};
use crate::attack::{Attack, Outcome, Sent};

/// Handle, entry point, request, outcome.
type Row = (&'static str, &'static str, &'static str, Outcome);

fn target(text: &str) -> Outcome {
    Target(text.to_owned())
}

/// All of them.
pub fn all() -> Vec<Attack> {
    let mut all = Vec::new();
    for rows in [paths(), rewrites(), hosts(), forwarded(), addresses(), auth(), answers()] {
        all.extend(rows.into_iter().map(|(id, entry_point, line, outcome)| Attack {
            id,
            entry_point,
            request: Sent::Line(line.to_owned()),
            outcome,
        }));
    }
    all.extend(bytes());
    all.extend(many());
    all
}

/// Which path is matched, and which one is forwarded.
fn paths() -> Vec<Row> {
    let mut rows = vec![
        ("F01", "web", "GET /public/../admin p.test", Refused(401)),
        ("F01", "web", "GET /public/./../admin p.test", Refused(401)),
        ("F01", "web", "GET //admin p.test", Refused(401)),
        ("F01", "web", "GET /public/..//admin p.test", Refused(401)),
        ("F01", "web", "GET /../../admin p.test", Refused(401)),
        ("F01", "raw", "GET /public/../admin p.test", target("/public/../admin")),
        ("F02", "web", "GET /public/%2e%2e/admin p.test", Refused(401)),
        ("F02", "web", "GET /public/%2E./admin p.test", Refused(401)),
        ("F02", "web", "GET /%61dmin p.test", Refused(401)),
        ("F02", "web", "GET /%61%64%6D%69%6e/x p.test", Refused(401)),
        ("F02", "web", "GET /public/a%2fb p.test", target("/public/a%2Fb")),
        ("F03", "web", "GET /foo/bar f.test", Refused(401)),
        ("F03", "web", "GET /foo%2Fbar f.test", target("/foo%2Fbar")),
        ("F03", "web", "GET /foo%2fbar f.test", target("/foo%2Fbar")),
        ("F03", "web", "GET /public/..;/admin p.test", target("/public/..;/admin")),
        (
            "F03",
            "strict",
            "GET /?a=%2F%5C%00%3B%25%3F%23 p.test",
            target("/?a=%2F%5C%00%3B%25%3F%23"),
        ),
        ("F04", "web", "GET /public%5c..%5cadmin p.test", target("/public%5C..%5Cadmin")),
        ("F04", "web", "GET /public\\..\\admin p.test", target("/public%5C..%5Cadmin")),
        ("F04", "traefik", "GET /dashboard/..%5c..%5cetc%5cpasswd p.test", Refused(404)),
        ("F04", "traefik", "GET /dashboard/..\\..\\etc\\passwd p.test", Refused(404)),
        ("F04", "traefik", "GET /dashboard/%2e%2e%2f%2e%2e%2fetc%2fpasswd p.test", Refused(404)),
        ("F10", "web", "GET /#/../admin p.test", Untouched),
        ("F10", "web", "GET /public#x p.test", Untouched),
        ("F10", "web", "GET /public?x#y p.test", Untouched),
        ("F11", "web", "GET //internal/x p.test", Refused(401)),
        ("F11", "web", "GET /.//internal/x p.test", Refused(401)),
        ("F11", "web", "GET ///internal p.test", Refused(401)),
        ("F12", "web", "GET /Admin case.test", Refused(401)),
        ("F12", "web", "GET /%41dmin case.test", Refused(401)),
        ("F12", "web", "GET /admin case.test", target("/admin")),
        ("F12", "web", "GET /a%2Fb case.test", Refused(401)),
        ("F12", "web", "GET /a%2fb case.test", Refused(401)),
        ("F12", "web", "GET /a/b case.test", target("/a/b")),
        ("F13", "web", "GET /%2561dmin p.test", target("/%2561dmin")),
        ("F13", "web", "GET /public/%252e%252e/admin p.test", target("/public/%252e%252e/admin")),
        ("F17", "web", "GET /public q.test", target("/public")),
        ("F17", "web", "GET /secret?x=/public q.test", Refused(401)),
        ("F17", "web", "GET /secret?/public q.test", Refused(401)),
        ("F17", "web", "GET /secret%3F/public q.test", target("/secret%3F/public")),
        ("F18", "web", "GET http://169.254.169.254/latest p.test", Untouched),
        ("F18", "web", "GET /public p.test | X-Original-URL: /admin", target("/public")),
        ("F18", "web", "GET /public p.test | X-Rewrite-URL: /admin", target("/public")),
        (
            "F18",
            "web",
            "GET /public p.test | X-Skipper-Proxy: http://169.254.169.254",
            target("/public"),
        ),
        ("F19", "web", "GET /?admin=true qu.test", Refused(401)),
        ("F19", "web", "GET /?a=1;admin=true qu.test", Refused(401)),
        ("F19", "escaping", "GET /?a=1;admin=true qu.test", target("/?a=1%3Badmin=true")),
        ("F19", "web", "GET /?%zz&admin=true qu.test", Refused(401)),
        ("F19", "web", "GET /?admin=false&admin=true qu.test", Refused(401)),
        ("F19", "web", "GET /?%61dmin=tru%65 qu.test", Refused(401)),
        ("M13", "web", "GET /{env.HOME}/$1 p.test", target("/%7Benv.HOME%7D/$1")),
        (
            "M13",
            "web",
            "GET / set.test | X-Client: {{env \"HOME\"}}${1}",
            Seen("X-Client", &["{{env \"HOME\"}}${1}"]),
        ),
        ("N06", "alive", "GET /ping/../api/version nobody.test", Refused(404)),
        ("N06", "alive", "GET /ping/%2e%2e/api/version nobody.test", Refused(404)),
    ];
    // Each of the seven, in both cases.
    for line in [
        "GET /a%2Fb p.test",
        "GET /a%2fb p.test",
        "GET /a%5Cb p.test",
        "GET /a%5cb p.test",
        "GET /a%00b p.test",
        "GET /a%3Bb p.test",
        "GET /a%3bb p.test",
        "GET /a%2541 p.test",
        "GET /a%3Fb p.test",
        "GET /a%3fb p.test",
        "GET /a%23b p.test",
    ] {
        rows.push(("F03", "strict", line, Refused(400)));
    }
    // Each character that a path may have.
    for line in [
        "GET /r/*/b signs.test",
        "GET /r/!/b signs.test",
        "GET /r/$/b signs.test",
        "GET /r/&/b signs.test",
        "GET /r/'/b signs.test",
        "GET /r/(/b signs.test",
        "GET /r/)/b signs.test",
        "GET /r/+/b signs.test",
        "GET /r/,/b signs.test",
        "GET /r/;/b signs.test",
        "GET /r/=/b signs.test",
        "GET /r/:/b signs.test",
        "GET /r/@/b signs.test",
        "GET /r/~/b signs.test",
        "GET /r/%FF/b signs.test",
        "GET /r/%0A/b signs.test",
    ] {
        rows.push(("F15", "web", line, Refused(401)));
    }
    rows
}

/// What middlewares make of paths.
fn rewrites() -> Vec<Row> {
    let mut rows = vec![
        ("F05", "web", "GET /api/foo strip.test", target("/foo")),
        ("F05", "web", "GET /api./foo strip.test", Refused(400)),
        ("F05", "web", "GET /api../foo strip.test", Refused(400)),
        ("F05", "web", "GET /api%2e%2e/foo strip.test", Refused(400)),
        ("F05", "web", "GET /api.%2e/foo strip.test", Refused(400)),
        ("F05", "web", "GET /api strip.test", target("/")),
        ("F06", "web", "GET /a%2Eb/admin strip-re.test", target("/admin")),
        ("F06", "web", "GET /%C3%A9/x strip-re.test", target("/x")),
        ("F06", "web", "GET /a%2Fb/c strip-re.test", CleanOr400),
        ("F06", "web", "GET /%C3%A9%2F..%2Fx strip-re.test", CleanOr400),
        ("F06", "web", "GET /../admin strip-re.test", CleanOr400),
        ("F06", "web", "GET /a//../b/../c strip-re.test", CleanOr400),
        ("F07", "web", "GET /api../admin replace-re.test", Refused(400)),
        ("F07", "web", "GET /api%2e%2e/admin replace-re.test", Refused(400)),
        ("F07", "web", "GET /api./x replace-re.test", Refused(400)),
        ("F07", "web", "GET /api/../x replace-re.test", target("/x")),
        ("F07", "web", "GET /api/x replace-re.test", CleanOr400),
        ("F16", "web", "GET /x%20HTTP/1.1%0d%0aX:%20y p.test", target("/x%20HTTP/1.1%0D%0AX:%20y")),
        ("F16", "web", "GET /x%3Fadmin=true qu.test", target("/x%3Fadmin=true")),
        ("F16", "web", "GET /r%0d%0aX:y%3Fz keep.test", target("/n%0D%0AX:y%3Fz")),
        ("F16", "web", "GET /r%20HTTP/1.1?a keep.test", target("/n%20HTTP/1.1?a")),
        (
            "F16",
            "web",
            "GET /x%0d%0aSet-Cookie:y redirect.test",
            Location("https://a.test/x%0D%0ASet-Cookie:y"),
        ),
        ("F20", "web", "GET //evil.test/%2e%2e tls.test", Location("https://tls.test/")),
        ("F20", "web", "GET //evil.test/x tls.test", Location("https://tls.test/evil.test/x")),
        ("F20", "web", "GET /\\\\evil.test tls.test", Location("https://tls.test/%5C%5Cevil.test")),
        (
            "F20",
            "web",
            "GET /%5C%5Cevil.test/%252e%252e%252f tls.test",
            Location("https://tls.test/%5C%5Cevil.test/%252e%252e%252f"),
        ),
        ("F20", "raw", "GET //evil.test tls.test", Location("https://tls.test//evil.test")),
        ("N09", "web", "GET /a%0ab redirect.test", Location("https://a.test/a%0Ab")),
        ("N09", "web", "GET /a%0d%0ab redirect.test", Location("https://a.test/a%0D%0Ab")),
        ("N09", "web", "GET /a%09b redirect.test", Location("https://a.test/a%09b")),
        ("N09", "web", "GET /a%00b redirect.test", Location("https://a.test/a%00b")),
        ("M13", "web", "GET /$1${1}$0 redirect.test", Location("https://a.test/$1$%7B1%7D$0")),
        ("M13", "web", "GET /r$1$$ keep.test", target("/n$1$$")),
    ];
    for line in [
        "GET /x/api../r/../y chain.test",
        "GET /x/r/../../api/../y chain.test",
        "GET /%2e/r..%2F..%2Fy chain.test",
        "GET /x%2F../rapi../y chain.test",
        "GET /x/r/%2e%2e/api%2e%2e/y chain.test",
        "GET /x//r//api//y chain.test",
        "GET /x/r\\..\\y chain.test",
        "GET /x/r/;/../y chain.test",
    ] {
        rows.push(("F08", "web", line, CleanOr400));
    }
    rows
}

/// Which host is matched.
fn hosts() -> Vec<Row> {
    vec![
        ("G02", "web", "GET / H119.MANY.test", Refused(401)),
        ("G02", "web", "GET / h0.many.TEST.:80", Refused(401)),
        ("G03", "web", "GET / x.w.test", target("/")),
        ("G03", "web", "GET / x.y.w.test", Untouched),
        ("G03", "web", "GET / w.test", Untouched),
        ("G03", "web", "GET / xw.test", Untouched),
        ("G05", "web", "GET / [::1]:80", target("/")),
        ("G05", "web", "GET / [p.test]", Untouched),
        ("G05", "web", "GET / [::1", Untouched),
        ("G05", "web", "GET / ::1]", Untouched),
        ("G05", "web", "GET / [::1]x", Untouched),
        ("G05", "web", "GET / [127.0.0.1]", Untouched),
        ("G06", "web", "GET / [::1%25.p.test]", Untouched),
        ("G06", "web", "GET / [::1%25.w.test]", Untouched),
        ("G06", "web", "GET / [fe80::1%eth0]", Untouched),
        ("G07", "web", "GET / p.test/x", Untouched),
        ("G07", "web", "GET / user@p.test", Untouched),
        ("G07", "web", "GET / p.test,q.test", Untouched),
        ("G08", "web", "GET / xn--p-.test", Untouched),
        ("G08", "web", "GET / p.test.xn--", Untouched),
        ("C10", "web", "POST pkg.Svc/Method p.test | Content-Type: application/grpc", Untouched),
        ("C04", "web", "GET http://q.test/secret p.test", Refused(401)),
        ("C04", "web", "GET http://p.test/ q.test", Seen("Host", &["p.test"])),
    ]
}

/// Every managed header, as strangers would like to write them.
fn forwarded() -> Vec<Row> {
    const ALL: &str = "GET / p.test | X-Forwarded-For: 6.6.6.6 | X-Forwarded-Proto: https | X-Forwarded-Host: evil | X-Forwarded-Port: 1 | X-Forwarded-Server: evil | X-Forwarded-Uri: /public | X-Forwarded-Method: OPTIONS | X-Forwarded-Prefix: /evil | X-Forwarded-Tls-Client-Cert: evil | X-Forwarded-Tls-Client-Cert-Info: evil | X-Real-Ip: 6.6.6.6";
    const LIKE: &str = "GET / p.test | X_Forwarded_For: 6.6.6.6 | x-forwarded_for: 6.6.6.6 | X_Forwarded_Proto: https | X_Forwarded-Host: evil | X_Forwarded_Port: 1 | X_Forwarded_Server: evil | X_Forwarded_Uri: /x | X_Forwarded_Method: PUT | X_Forwarded_Prefix: /evil | X_Forwarded_Tls_Client_Cert: evil | X_Forwarded_Tls_Client_Cert_Info: evil | X_Real_Ip: 6.6.6.6";
    const DROPPED: &str = "GET / set.test | Connection: close, x-real-ip, X-FORWARDED-FOR, X-Forwarded-Host, x-custom, x-mine | X-Custom: theirs | X-Mine: 1";
    const TRAILERS: &str = "POST / p.test | =x | +X-Forwarded-For: 6.6.6.6 | +X-Forwarded-Prefix: /evil | +X_Auth_User: admin | +X-Auth-User: admin | +Authorization: Basic eA== | +X-Plain: 1";
    const NAMES: &[&str] =
        &["X-Forwarded-Prefix", "X_Auth_User", "X-Auth-User", "Authorization", "X-Plain"];
    let mut rows = vec![
        ("H01", "web", DROPPED, Seen("X-Real-Ip", &["127.0.0.1"])),
        ("H01", "web", DROPPED, Seen("X-Forwarded-For", &["127.0.0.1"])),
        ("H01", "web", DROPPED, Seen("X-Forwarded-Host", &["set.test"])),
        ("H01", "web", DROPPED, Seen("X-Custom", &["ours"])),
        ("H01", "web", DROPPED, Seen("X-Mine", &[])),
        (
            "H02",
            "web",
            "GET /api/x strip.test | X-Forwarded-Prefix: /evil",
            Seen("X-Forwarded-Prefix", &["/api"]),
        ),
        (
            "H02",
            "trusting",
            "GET /api/x strip.test | X-Forwarded-Prefix: /front",
            Seen("X-Forwarded-Prefix", &["/front", "/api"]),
        ),
        (
            "H02",
            "web",
            "GET /old replace.test | X-Replaced-Path: /evil | X_Replaced_Path: /evil",
            Seen("X-Replaced-Path", &["/old"]),
        ),
        (
            "H02",
            "web",
            "GET /r/x keep.test | Connection: X-Replaced-Path | X-Replaced-Path: /evil",
            Seen("X-Replaced-Path", &["/r/x"]),
        ),
        ("H02", "web", "GET / p.test | X-Replaced-Path: /evil", Seen("X-Replaced-Path", &[])),
        ("H02", "web", "GET / replace.test | X_Replaced_Path: /e", Seen("X_Replaced_Path", &[])),
        (
            "H02",
            "trusting",
            "GET /old replace.test | X-Replaced-Path: /front",
            Seen("X-Replaced-Path", &["/front", "/old"]),
        ),
        ("H10", "web", ALL, Seen("X-Forwarded-For", &["127.0.0.1"])),
        ("H10", "web", ALL, Seen("X-Forwarded-Proto", &["http"])),
        ("H10", "web", ALL, Seen("X-Forwarded-Host", &["p.test"])),
        ("H10", "web", ALL, Seen("X-Forwarded-Port", &["80"])),
        ("H10", "web", ALL, Seen("X-Forwarded-Uri", &[])),
        ("H10", "web", ALL, Seen("X-Forwarded-Method", &[])),
        ("H10", "web", ALL, Seen("X-Forwarded-Prefix", &[])),
        ("H10", "web", ALL, Seen("X-Forwarded-Tls-Client-Cert", &[])),
        ("H10", "web", ALL, Seen("X-Forwarded-Tls-Client-Cert-Info", &[])),
        ("H10", "web", ALL, Seen("X-Real-Ip", &["127.0.0.1"])),
        (
            "H10",
            "trusting",
            "GET / p.test | X-Forwarded-For: 6.6.6.6 | X-Forwarded-Proto: https",
            Seen("X-Forwarded-For", &["6.6.6.6, 127.0.0.1"]),
        ),
        ("H12", "silent", "GET / p.test", Seen("X-Forwarded-For", &[])),
        ("H12", "silent", "GET / p.test | X-Forwarded-For: 6.6.6.6", Seen("X-Forwarded-For", &[])),
        ("H12", "web", "GET / hidden.test", Seen("X-Forwarded-For", &[])),
        ("H13", "web", "GET /a p.test | Proxy: http://127.0.0.1:1", target("/a")),
        ("H14", "web", "GET / role.test | X-Role: user", target("/")),
        ("H14", "web", "GET / role.test | X-Role: user | X-Role: admin", Refused(401)),
        ("H14", "web", "GET / role.test | X-Role: admin | X-Role: user", Refused(401)),
        ("H14", "web", "GET / set.test | X-Gone: 1 | x-gone: 2", Seen("X-Gone", &[])),
        ("H06", "web", TRAILERS, NoTrailers(NAMES)),
        ("H06", "deleting", TRAILERS, NoTrailers(NAMES)),
    ];
    for name in [
        "X_Forwarded_For",
        "X-Forwarded_For",
        "X_Forwarded_Proto",
        "X_Forwarded-Host",
        "X_Forwarded_Port",
        "X_Forwarded_Server",
        "X_Forwarded_Uri",
        "X_Forwarded_Method",
        "X_Forwarded_Prefix",
        "X_Forwarded_Tls_Client_Cert",
        "X_Forwarded_Tls_Client_Cert_Info",
        "X_Real_Ip",
    ] {
        rows.push(("H03", "web", LIKE, Seen(name, &[])));
        rows.push(("H03", "deleting", LIKE, Seen(name, &[])));
    }
    rows
}

/// Whose address counts.
fn addresses() -> Vec<Row> {
    vec![
        ("H11", "web", "GET / client.test | X-Real-Ip: 10.0.0.1", Untouched),
        ("H11", "web", "GET / client.test | X-Forwarded-For: 10.0.0.1", Untouched),
        ("H11", "trusting", "GET / client.test | X-Forwarded-For: 10.0.0.1", Untouched),
        ("H11", "web", "GET / allow.test | X-Real-Ip: 10.0.0.1", Refused(403)),
        ("H11", "web", "GET / allow.test | X-Forwarded-For: 10.0.0.1", Refused(403)),
        ("H11", "trusting", "GET / allow.test | X-Forwarded-For: 10.0.0.1", Refused(403)),
        ("H11", "web", "GET / deep.test | X-Forwarded-For: 10.0.0.1", Refused(403)),
        ("H11", "trusting", "GET / deep.test | X-Forwarded-For: 6.6.6.6, 10.0.0.1", target("/")),
        ("H11", "trusting", "GET / deep.test | X-Forwarded-For: 10.0.0.1, 6.6.6.6", Refused(403)),
        (
            "H11",
            "trusting",
            "GET / deep.test | X-Forwarded-For: 10.0.0.1 | X-Forwarded-For: 6.6.6.6",
            Refused(403),
        ),
        ("H11", "trusting", "GET / deep.test | X-Forwarded-For: 10.0.0.1,", Refused(403)),
        ("H11", "trusting", "GET / deep.test | X-Forwarded-For: unknown", Refused(403)),
        ("H11", "trusting", "GET / deep.test | X-Forwarded-For: 10.0.0.1.evil.test", Refused(403)),
        ("H11", "trusting", "GET / deep.test | X-Forwarded-For: [::1]", Refused(403)),
        ("H11", "trusting", "GET / deep.test | X-Forwarded-For:", Refused(403)),
        ("H11", "trusting", "GET / deeper.test | X-Forwarded-For: 10.0.0.1", Refused(403)),
        ("H11", "web", "GET / rate.test | X-Forwarded-For: 1.1.1.1", target("/")),
        ("H11", "web", "GET / rate.test | X-Forwarded-For: 2.2.2.2", Refused(429)),
        ("H11", "web", "GET / rate.test | X-Real-Ip: 3.3.3.3", Refused(429)),
        ("K12", "trusting", "GET / deep.test | X-Forwarded-For: ::ffff:10.0.0.1", target("/")),
        ("K12", "trusting", "GET / deep.test | X-Forwarded-For: ::ffff:11.0.0.1", Refused(403)),
    ]
}

/// `Ym9iOnNlY3JldA==` is `bob:secret`.
fn auth() -> Vec<Row> {
    const FOLDED: &str = "GET / basic.test | Authorization: Basic Ym9iOnNlY3JldA== | X_Auth_User: admin | X-Auth_User: admin | X.Auth.User: admin | X!Auth!User: admin | X~Auth~User: admin | X+Auth+User: admin | X$Auth$User: admin";
    let mut rows = vec![
        (
            "I04",
            "web",
            "GET / basic.test | Authorization: Basic Ym9iOnNlY3JldA== | X-Auth-User: admin | x-AUTH-user: root",
            Seen("X-Auth-User", &["bob"]),
        ),
        (
            "I04",
            "web",
            "GET / basic.test | Authorization: Basic Ym9iOnNlY3JldA== | Connection: X-Auth-User",
            Seen("X-Auth-User", &["bob"]),
        ),
        ("I11", "web", "GET / unbuilt.test", Refused(404)),
        ("I11", "web", "GET / unknown.test", Refused(404)),
        ("I13", "web", "GET /admin p.test | User-Agent: GoogleHC/1.0", Refused(401)),
        ("I13", "web", "GET /admin p.test | User-Agent: ELB-HealthChecker/2.0", Refused(401)),
        ("I13", "web", "GET /admin p.test | User-Agent: Traefik", Refused(401)),
        ("I13", "web", "GET /admin p.test | X-Forwarded-For: 127.0.0.1", Refused(401)),
        ("I13", "web", "OPTIONS /admin p.test", Refused(401)),
        ("I14", "web", "GET /admin p.test | Authorization: Basic", Refused(401)),
        ("I14", "web", "GET /admin p.test | Authorization: Basic !!!", Refused(401)),
        ("I14", "web", "GET /admin p.test | Authorization: Basic Ym9i", Refused(401)),
        ("I14", "web", "GET /admin p.test | Authorization: Basic Ym9iOg==", Refused(401)),
        ("I14", "web", "GET /admin p.test | Authorization: Bearer Ym9iOnNlY3JldA==", Refused(401)),
        (
            "I14",
            "web",
            "GET /admin p.test | Authorization: Basic Ym9iOg== | Authorization: Basic Ym9iOnNlY3JldA==",
            Refused(401),
        ),
        (
            "I14",
            "web",
            "GET /admin p.test | Authorization: basic Ym9iOnNlY3JldA==",
            target("/admin"),
        ),
        // `alice:secret`; `bob:` and alice's password and hash together, which is nobody.
        ("I03", "web", "GET /a merged.test | Authorization: Basic YWxpY2U6c2VjcmV0", target("/a")),
        (
            "I03",
            "web",
            "GET /a merged.test | Authorization: Basic Ym9iOnNlY3JldHtTSEF9NWVuNkc2TWV6UnJvVDNYS3FrZFBPbVkvQmZRPQ==",
            Refused(401),
        ),
        ("I05", "web", "GET /a digest.test", Refused(401)),
        ("A27", "web", "GET / split.test", Refused(404)),
    ];
    for name in [
        "X_Auth_User",
        "X-Auth_User",
        "X.Auth.User",
        "X!Auth!User",
        "X~Auth~User",
        "X+Auth+User",
        "X$Auth$User",
    ] {
        let id = if name.contains('_') { "H04" } else { "H05" };
        rows.push((id, "web", FOLDED, Seen(name, &[])));
        rows.push((id, "deleting", FOLDED, Seen(name, &[])));
    }
    const SHADOWS: &str = "GET / set.test | X_Custom: theirs | X.Custom: theirs | X~Custom: theirs";
    for (id, name) in [("H04", "X_Custom"), ("H05", "X.Custom"), ("H05", "X~Custom")] {
        rows.push((id, "web", SHADOWS, Seen(name, &[])));
    }
    rows.push(("H04", "web", SHADOWS, Seen("X-Custom", &["ours"])));
    rows.push(("H04", "web", FOLDED, Seen("X-Auth-User", &["bob"])));
    rows.push(("H04", "rejecting", FOLDED, Refused(400)));
    rows.push(("H05", "rejecting", "GET / p.test | X.Auth.User: admin", Refused(400)));
    // Hashes that are none, with passwords that might be theirs.
    for line in [
        "GET / odd.test | Authorization: Basic YTp4",
        "GET / odd.test | Authorization: Basic YTo=",
        "GET / odd.test | Authorization: Basic Yjp4",
        "GET / odd.test | Authorization: Basic Yzo=",
        "GET / odd.test | Authorization: Basic ZDo=",
        "GET / odd.test | Authorization: Basic ZTo=",
        "GET / odd.test | Authorization: Basic Zjo=",
    ] {
        rows.push(("I15", "web", line, Refused(401)));
    }
    rows
}

/// What our own answers give away.
fn answers() -> Vec<Row> {
    let mut rows = Vec::new();
    for line in [
        "GET / cors.test | Origin: https://xa.test",
        "GET / cors.test | Origin: https://a.test.evil",
        "GET / cors.test | Origin: null",
        "GET / cors.test | Origin: https://a.test:1",
        "GET / cors.test | Origin: http://a.test",
        "GET / cors.test | Origin: *",
        "OPTIONS / cors.test | Origin: https://xa.test | Access-Control-Request-Method: PUT",
    ] {
        rows.push(("N10", "web", line, Without("access-control-allow-origin")));
    }
    for line in [
        "GET / h:1 | X-Forwarded-Prefix: https://foo.test",
        "GET / h:1 | X-Forwarded-Prefix: //a.test",
        "GET / h:1 | X-Forwarded-Prefix: /\\a.test",
        "GET / h:1 | X-Forwarded-Prefix: %0d//a.test",
        "GET / h:1 | X-Forwarded-Prefix: %2f%2fa.test",
        "GET / h:1 | X-Forwarded-Prefix: javascript:x",
    ] {
        rows.push(("N01", "traefik", line, Location("http://h:1/dashboard/")));
    }
    rows
}

/// What cannot be said in a line.
fn bytes() -> Vec<Attack> {
    let rows: [(&'static str, &[u8], Outcome); 14] = [
        ("F09", b"GET http:http://internal/admin HTTP/1.1\r\nHost: p.test\r\n\r\n", Untouched),
        ("F09", b"GET http:p.test/admin HTTP/1.1\r\nHost: p.test\r\n\r\n", Untouched),
        ("F09", b"GET foo HTTP/1.1\r\nHost: p.test\r\n\r\n", Untouched),
        ("F09", b"GET ?x HTTP/1.1\r\nHost: p.test\r\n\r\n", Untouched),
        ("F09", b"GET * HTTP/1.1\r\nHost: p.test\r\n\r\n", Untouched),
        ("G07", b"GET / HTTP/1.1\r\nHost: p.test x\r\n\r\n", Untouched),
        ("G07", b"GET / HTTP/1.1\r\nHost: p.test\tx\r\n\r\n", Untouched),
        ("G07", b"GET / HTTP/1.1\r\nHost: p.test\x00\r\n\r\n", Untouched),
        ("G07", b"GET / HTTP/1.1\r\nHost: p.test\x7f\r\n\r\n", Untouched),
        ("G07", b"GET / HTTP/1.1\r\nHost: p.test\xff\r\n\r\n", Untouched),
        ("A16", b"GET /admin HTTP/1.1\r\nHost : p.test\r\n\r\n", Untouched),
        ("A18", b"GET /admin HTTP/1.1\r\nHost: p.test\r\n: x\r\nX-Role: admin\r\n\r\n", Untouched),
        ("A17", b"GET /admin HTTP/1.1\r\n Content-Length: 44\r\nHost: p.test\r\n\r\n", Untouched),
        ("A20", b"GET /public /admin HTTP/1.1\r\nHost: p.test\r\n\r\n", Untouched),
    ];
    let rows = rows.into_iter().map(|(id, bytes, outcome)| Attack {
        id,
        entry_point: "web",
        request: Sent::Bytes(bytes.to_vec()),
        outcome,
    });
    rows.collect()
}

/// What is long.
fn many() -> Vec<Attack> {
    let get = |id, path: String, host, outcome| Attack {
        id,
        entry_point: "web",
        request: Sent::Line(format!("GET {path} {host}")),
        outcome,
    };
    let parameters = "a=1&".repeat(12_000);
    vec![
        get("F14", "/..".repeat(20_000), "p.test", target("/")),
        get("F14", format!("{}/admin", "/a/..".repeat(12_000)), "p.test", Refused(401)),
        get("F14", format!("/public/{}admin", "%2e%2e/".repeat(9_000)), "p.test", Refused(401)),
        get("F19", format!("/?{parameters}admin=true"), "qu.test", Refused(401)),
        get("L03", format!("/?{parameters}"), "qu.test", target(&format!("/?{parameters}"))),
        get(
            "L07",
            format!("/{}!", "a".repeat(8_192)),
            "slow.test",
            target(&format!("/{}!", "a".repeat(8_192))),
        ),
        get("L07", format!("/{}", "a".repeat(8_192)), "slow.test", Refused(401)),
    ]
}
