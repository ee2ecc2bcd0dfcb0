//! Labels of v1, one by one, and what comes of whole services.

use std::collections::BTreeMap;

use crate::check::{Merged, check};
use crate::checked::{Configuration, Status};
use crate::decode::Labels;
use crate::finding::Severity;
use crate::install::Install;
use crate::legacy::{Context, Translated, decode, labels};
use crate::name::QName;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn install(yaml: &str) -> Install {
    serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

fn translated(pairs: &[(&str, &str)]) -> Translated {
    let install =
        install("entryPoints: {http: {address: ':80'}, https: {address: ':443', http: {tls: {}}}}");
    labels("swarm", "s", true, &map(pairs), &Context::of(&install)).unwrap()
}

fn decoded(pairs: &[(&str, &str)]) -> Labels {
    decode("swarm", "s", true, &map(pairs), &Context::of(&Install::default()))
}

/// The labels of v3 as lines.
fn lines(translated: &Translated) -> Vec<String> {
    translated.labels.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

const ROUTERS: &str = "traefik.http.routers.";
const BALANCER: &str = "traefik.http.services.s.loadbalancer.";
const MIDDLEWARES: &str = "traefik.http.middlewares.s-";

type Row = (&'static [(&'static str, &'static str)], &'static [&'static str]);

/// Each row: v1 labels beside a rule and a port, then what they become: `b:` is behind
/// [`BALANCER`], `m:` behind [`MIDDLEWARES`], `r:` behind the router; no prefix: as it stands.
const TABLE: &[Row] = &[
    (&[], &[]),
    // General and backend.
    (&[("traefik.protocol", "https")], &["b:server.scheme=https"]),
    (&[("traefik.weight", "3")], &["b:server.weight=3"]),
    (&[("traefik.docker.network", "net")], &["traefik.swarm.network=net"]),
    (&[("traefik.backend.loadbalancer.swarm", "true")], &["traefik.swarm.lbswarm=true"]),
    (&[("traefik.backend.loadbalancer.swarm", "false")], &["traefik.swarm.lbswarm=false"]),
    (&[("traefik.backend.loadbalancer.method", "wrr")], &[]),
    (&[("traefik.backend.loadbalancer.sticky", "true")], &["b:sticky.cookie=true"]),
    (
        &[
            ("traefik.backend.loadbalancer.stickiness", "true"),
            ("traefik.backend.loadbalancer.stickiness.cookieName", "c"),
            ("traefik.backend.loadbalancer.stickiness.secure", "true"),
            ("traefik.backend.loadbalancer.stickiness.httpOnly", "true"),
            ("traefik.backend.loadbalancer.stickiness.sameSite", "lax"),
        ],
        &[
            "b:sticky.cookie=true",
            "b:sticky.cookie.name=c",
            "b:sticky.cookie.secure=true",
            "b:sticky.cookie.httponly=true",
            "b:sticky.cookie.samesite=lax",
        ],
    ),
    (
        &[("traefik.backend.maxconn.amount", "10")],
        &[
            "m:inflightreq.inflightreq.amount=10",
            "m:inflightreq.inflightreq.sourcecriterion.requesthost=true",
            "r:middlewares=s-inflightreq",
        ],
    ),
    (
        &[
            ("traefik.backend.maxconn.amount", "10"),
            ("traefik.backend.maxconn.extractorfunc", "client.ip"),
        ],
        &[
            "m:inflightreq.inflightreq.amount=10",
            "m:inflightreq.inflightreq.sourcecriterion.ipstrategy.depth=0",
            "r:middlewares=s-inflightreq",
        ],
    ),
    (
        &[
            ("traefik.backend.maxconn.amount", "10"),
            ("traefik.backend.maxconn.extractorfunc", "request.header.X-A"),
        ],
        &[
            "m:inflightreq.inflightreq.amount=10",
            "m:inflightreq.inflightreq.sourcecriterion.requestheadername=X-A",
            "r:middlewares=s-inflightreq",
        ],
    ),
    (
        &[("traefik.backend.circuitbreaker.expression", "NetworkErrorRatio() > 0.5")],
        &[
            "m:circuitbreaker.circuitbreaker.expression=NetworkErrorRatio() > 0.5",
            "r:middlewares=s-circuitbreaker",
        ],
    ),
    (
        &[
            ("traefik.backend.buffering.maxRequestBodyBytes", "1"),
            ("traefik.backend.buffering.memRequestBodyBytes", "2"),
            ("traefik.backend.buffering.maxResponseBodyBytes", "3"),
            ("traefik.backend.buffering.memResponseBodyBytes", "4"),
            ("traefik.backend.buffering.retryExpression", "Attempts() <= 2"),
        ],
        &[
            "m:buffering.buffering.maxrequestbodybytes=1",
            "m:buffering.buffering.memrequestbodybytes=2",
            "m:buffering.buffering.maxresponsebodybytes=3",
            "m:buffering.buffering.memresponsebodybytes=4",
            "m:buffering.buffering.retryexpression=Attempts() <= 2",
            "r:middlewares=s-buffering",
        ],
    ),
    (
        &[
            ("traefik.backend.healthcheck.path", "/h"),
            ("traefik.backend.healthcheck.port", "81"),
            ("traefik.backend.healthcheck.scheme", "http"),
            ("traefik.backend.healthcheck.interval", "5s"),
            ("traefik.backend.healthcheck.hostname", "h.test"),
            ("traefik.backend.healthcheck.headers", "A:1||B: 2"),
        ],
        &[
            "b:healthcheck.path=/h",
            "b:healthcheck.port=81",
            "b:healthcheck.scheme=http",
            "b:healthcheck.interval=5s",
            "b:healthcheck.hostname=h.test",
            "b:healthcheck.headers.A=1",
            "b:healthcheck.headers.B=2",
        ],
    ),
    (
        &[("traefik.backend.responseForwarding.flushInterval", "10ms")],
        &["b:responseforwarding.flushinterval=10ms"],
    ),
    // Frontend.
    (&[("traefik.frontend.entryPoints", "http, https")], &["r:entrypoints=http,https"]),
    (&[("traefik.frontend.passHostHeader", "false")], &["b:passhostheader=false"]),
    (
        &[
            ("traefik.frontend.auth.basic.users", "u:h,u2:h2"),
            ("traefik.frontend.auth.basic.removeHeader", "true"),
            ("traefik.frontend.auth.basic.usersFile", "/f"),
            ("traefik.frontend.auth.headerField", "X-User"),
        ],
        &[
            "m:basicauth.basicauth.users=u:h,u2:h2",
            "m:basicauth.basicauth.usersfile=/f",
            "m:basicauth.basicauth.removeheader=true",
            "m:basicauth.basicauth.headerfield=X-User",
            "r:middlewares=s-basicauth",
        ],
    ),
    (
        &[("traefik.frontend.auth.basic", "u:h")],
        &["m:basicauth.basicauth.users=u:h", "r:middlewares=s-basicauth"],
    ),
    // The older label comes first, unless it is empty.
    (
        &[("traefik.frontend.auth.basic", "u:h"), ("traefik.frontend.auth.basic.users", "v:i")],
        &["m:basicauth.basicauth.users=u:h", "r:middlewares=s-basicauth"],
    ),
    (
        &[("traefik.frontend.auth.basic", ""), ("traefik.frontend.auth.basic.users", "v:i")],
        &["m:basicauth.basicauth.users=v:i", "r:middlewares=s-basicauth"],
    ),
    (
        &[
            ("traefik.frontend.auth.digest.users", "u:r:h"),
            ("traefik.frontend.auth.digest.usersFile", "/f"),
            ("traefik.frontend.auth.digest.removeHeader", "false"),
        ],
        &[
            "m:digestauth.digestauth.users=u:r:h",
            "m:digestauth.digestauth.usersfile=/f",
            "m:digestauth.digestauth.removeheader=false",
            "r:middlewares=s-digestauth",
        ],
    ),
    (
        &[
            ("traefik.frontend.auth.forward.address", "http://a"),
            ("traefik.frontend.auth.forward.trustForwardHeader", "true"),
            ("traefik.frontend.auth.forward.authResponseHeaders", "A, B"),
            ("traefik.frontend.auth.forward.tls.ca", "/ca"),
            ("traefik.frontend.auth.forward.tls.cert", "/c"),
            ("traefik.frontend.auth.forward.tls.key", "/k"),
            ("traefik.frontend.auth.forward.tls.insecureSkipVerify", "true"),
        ],
        &[
            "m:forwardauth.forwardauth.address=http://a",
            "m:forwardauth.forwardauth.trustforwardheader=true",
            "m:forwardauth.forwardauth.authresponseheaders=A,B",
            "m:forwardauth.forwardauth.tls.ca=/ca",
            "m:forwardauth.forwardauth.tls.cert=/c",
            "m:forwardauth.forwardauth.tls.key=/k",
            "m:forwardauth.forwardauth.tls.insecureskipverify=true",
            "r:middlewares=s-forwardauth",
        ],
    ),
    (
        &[("traefik.frontend.redirect.entryPoint", "https")],
        &["m:redirect.redirectscheme.scheme=https", "r:middlewares=s-redirect"],
    ),
    (
        &[
            ("traefik.frontend.redirect.regex", "^http://a/(.*)"),
            ("traefik.frontend.redirect.replacement", "http://b/$1"),
            ("traefik.frontend.redirect.permanent", "true"),
        ],
        &[
            "m:redirect.redirectregex.regex=^http://a/(.*)",
            "m:redirect.redirectregex.replacement=http://b/$1",
            "m:redirect.redirectregex.permanent=true",
            "r:middlewares=s-redirect",
        ],
    ),
    (
        &[
            ("traefik.frontend.errors.net.status", "500-599, 404"),
            ("traefik.frontend.errors.net.backend", "err.or"),
            ("traefik.frontend.errors.net.query", "/{status}.html"),
        ],
        &[
            "m:errors-net.errors.service=err-or",
            "m:errors-net.errors.query=/{status}.html",
            "m:errors-net.errors.status=500-599,404",
            "r:middlewares=s-errors-net",
        ],
    ),
    (
        &[
            ("traefik.frontend.rateLimit.extractorFunc", "client.ip"),
            ("traefik.frontend.rateLimit.rateSet.a.period", "10s"),
            ("traefik.frontend.rateLimit.rateSet.a.average", "100"),
            ("traefik.frontend.rateLimit.rateSet.a.burst", "200"),
            ("traefik.frontend.rateLimit.rateSet.b.average", "5"),
        ],
        &[
            "m:ratelimit-a.ratelimit.average=100",
            "m:ratelimit-a.ratelimit.burst=200",
            "m:ratelimit-a.ratelimit.period=10s",
            "m:ratelimit-a.ratelimit.sourcecriterion.ipstrategy.depth=0",
            "m:ratelimit-b.ratelimit.average=5",
            "m:ratelimit-b.ratelimit.sourcecriterion.ipstrategy.depth=0",
            "r:middlewares=s-ratelimit-a,s-ratelimit-b",
        ],
    ),
    (
        &[
            ("traefik.frontend.whiteList.sourceRange", "10.0.0.0/8, ::1"),
            ("traefik.frontend.whiteList.useXForwardedFor", "true"),
        ],
        &[
            "m:ipallowlist.ipallowlist.sourcerange=10.0.0.0/8,::1",
            "m:ipallowlist.ipallowlist.ipstrategy.depth=1",
            "r:middlewares=s-ipallowlist",
        ],
    ),
    (
        &[
            ("traefik.frontend.whitelistSourceRange", "10.0.0.0/8"),
            ("traefik.frontend.whiteList.useXForwardedFor", "true"),
        ],
        &["m:ipallowlist.ipallowlist.sourcerange=10.0.0.0/8", "r:middlewares=s-ipallowlist"],
    ),
    (
        &[("traefik.frontend.whitelistSourceRange", "10.0.0.0/8")],
        &["m:ipallowlist.ipallowlist.sourcerange=10.0.0.0/8", "r:middlewares=s-ipallowlist"],
    ),
    (
        &[
            ("traefik.frontend.headers.customRequestHeaders", "A:1||B:"),
            ("traefik.frontend.headers.customResponseHeaders", "C: http://x"),
            ("traefik.frontend.headers.SSLProxyHeaders", "X-Forwarded-Proto:https"),
            ("traefik.frontend.headers.allowedHosts", "a,b"),
            ("traefik.frontend.headers.hostsProxyHeaders", "h"),
            ("traefik.frontend.headers.STSSeconds", "5"),
            ("traefik.frontend.headers.STSIncludeSubdomains", "true"),
            ("traefik.frontend.headers.STSPreload", "true"),
            ("traefik.frontend.headers.forceSTSHeader", "true"),
            ("traefik.frontend.headers.frameDeny", "true"),
            ("traefik.frontend.headers.customFrameOptionsValue", "x"),
            ("traefik.frontend.headers.contentTypeNosniff", "true"),
            ("traefik.frontend.headers.browserXSSFilter", "true"),
            ("traefik.frontend.headers.customBrowserXSSValue", "y"),
            ("traefik.frontend.headers.contentSecurityPolicy", "z"),
            ("traefik.frontend.headers.publicKey", "p"),
            ("traefik.frontend.headers.referrerPolicy", "r"),
            ("traefik.frontend.headers.isDevelopment", "false"),
        ],
        &[
            "m:headers.headers.customrequestheaders.A=1",
            "m:headers.headers.customrequestheaders.B=",
            "m:headers.headers.customresponseheaders.C=http://x",
            "m:headers.headers.sslproxyheaders.X-Forwarded-Proto=https",
            "m:headers.headers.allowedhosts=a,b",
            "m:headers.headers.hostsproxyheaders=h",
            "m:headers.headers.stsseconds=5",
            "m:headers.headers.stsincludesubdomains=true",
            "m:headers.headers.stspreload=true",
            "m:headers.headers.forcestsheader=true",
            "m:headers.headers.framedeny=true",
            "m:headers.headers.customframeoptionsvalue=x",
            "m:headers.headers.contenttypenosniff=true",
            "m:headers.headers.browserxssfilter=true",
            "m:headers.headers.custombrowserxssvalue=y",
            "m:headers.headers.contentsecuritypolicy=z",
            "m:headers.headers.publickey=p",
            "m:headers.headers.referrerpolicy=r",
            "m:headers.headers.isdevelopment=false",
            "r:middlewares=s-headers",
        ],
    ),
    (
        &[("traefik.frontend.headers.SSLRedirect", "true")],
        &[
            "m:sslredirect.redirectscheme.scheme=https",
            "m:sslredirect.redirectscheme.permanent=true",
            "r:middlewares=s-sslredirect",
        ],
    ),
    (
        &[
            ("traefik.frontend.headers.SSLRedirect", "true"),
            ("traefik.frontend.headers.SSLTemporaryRedirect", "true"),
            ("traefik.frontend.headers.SSLHost", "s.test"),
        ],
        &[
            "m:sslredirect.redirectregex.regex=^http://[^/]+(.*)$",
            "m:sslredirect.redirectregex.replacement=https://s.test${1}",
            "m:sslredirect.redirectregex.permanent=false",
            "r:middlewares=s-sslredirect",
        ],
    ),
    (
        &[
            ("traefik.frontend.passTLSClientCert.pem", "true"),
            ("traefik.frontend.passTLSClientCert.infos.notAfter", "true"),
            ("traefik.frontend.passTLSClientCert.infos.sans", "true"),
            ("traefik.frontend.passTLSClientCert.infos.subject.commonName", "true"),
            ("traefik.frontend.passTLSClientCert.infos.issuer.country", "true"),
        ],
        &[
            "m:passtlsclientcert.passtlsclientcert.pem=true",
            "m:passtlsclientcert.passtlsclientcert.info.notafter=true",
            "m:passtlsclientcert.passtlsclientcert.info.sans=true",
            "m:passtlsclientcert.passtlsclientcert.info.subject.commonname=true",
            "m:passtlsclientcert.passtlsclientcert.info.issuer.country=true",
            "r:middlewares=s-passtlsclientcert",
        ],
    ),
];

#[test]
fn every_label() {
    for (given, expected) in TABLE {
        let mut pairs = vec![("traefik.frontend.rule", "Host:a.test"), ("traefik.port", "80")];
        pairs.extend(*given);
        let made = translated(&pairs);
        let router = format!("{ROUTERS}s.");
        let mut wanted: Vec<String> = expected
            .iter()
            .map(|line| match line.split_once(':') {
                Some(("b", rest)) => format!("{BALANCER}{rest}"),
                Some(("m", rest)) => format!("{MIDDLEWARES}{rest}"),
                Some(("r", rest)) => format!("{router}{rest}"),
                _ => (*line).to_owned(),
            })
            .collect();
        wanted.push(format!("{router}rule=Host(`a.test`)"));
        wanted.push(format!("{router}priority=11"));
        wanted.push(format!("{router}service=s"));
        wanted.push(format!("{BALANCER}server.port=80"));
        wanted.sort();
        let mut found = lines(&made);
        found.sort();
        assert_eq!(found, wanted, "{given:?}");
        assert!(made.refused.is_empty(), "{given:?}");
        // Today's decoder takes all of it.
        let decoded = decoded(&pairs);
        let errors = decoded.configuration.findings.iter();
        let errors: Vec<_> = errors.filter(|f| f.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{given:?}: {errors:#?}");
        assert_eq!(decoded.configuration.routers.len(), 1, "{given:?}");
    }
}

#[test]
fn one_finding_shows_the_labels_of_v3() {
    let made = translated(&[
        ("traefik.frontend.rule", "Host:whoami.docker.localhost"),
        ("traefik.port", "80"),
        ("traefik.frontend.auth.basic.users", "u:$apr1$secret"),
        (
            "traefik.frontend.headers.customRequestHeaders",
            "X-Api-Key:secret||A:1||secret||X-Auth:secret||X-Pass:secret||B:Basic secret",
        ),
        ("traefik.enable", "true"),
    ]);
    let texts: Vec<String> = made.findings.iter().map(ToString::to_string).collect();
    assert!(!texts.concat().contains("secret"), "{texts:#?}");
    let [finding, colon] = made.findings.as_slice() else { panic!("{:#?}", made.findings) };
    assert!(colon.message.contains("no colon"));
    let text = finding.to_string();
    assert_eq!(finding.severity, Severity::Warning);
    for part in [
        "swarm service \"s\": 4 labels of Traefik v1 are translated",
        "traefik.http.routers.s.rule=Host(`whoami.docker.localhost`)",
        "traefik.http.services.s.loadbalancer.server.port=80",
        "traefik.http.middlewares.s-basicauth.basicauth.users=xxxx",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What says where requests go comes first.
    let places = ["routers.s.rule", "services.s.", "middlewares.s-basicauth"]
        .map(|part| text.find(part).unwrap_or_else(|| panic!("{part}: {text}")));
    assert!(places.is_sorted(), "{text}");
    let one = translated(&[("traefik.frontend.rule", "Host:a")]);
    assert!(one.findings[0].message.starts_with("1 label of Traefik v1 is translated"));
    let refused = translated(&[("traefik.frontend.rule", "Hots:a")]);
    assert!(refused.findings[0].message.ends_with("but not all of it is served"));
}

#[test]
fn labels_without_counterpart() {
    let table = [
        ("traefik.backend.loadbalancer.method", "drr", "strategy=p2c"),
        ("traefik.backend.loadbalancer.method", "x", "wrr or drr"),
        ("traefik.portName", "x", "never for containers"),
        ("traefik.portIndex", "1", "never for containers"),
        ("traefik.backend.id", "x", "never for containers"),
        ("traefik.tags", "a,b", "constraints"),
        ("traefik.frontend.passTLSCert", "true", "passTLSClientCert"),
        ("traefik.frontend.headers.SSLForceHost", "true", "redirectRegex"),
        ("traefik.frontend.headers.SSLHost", "x", "SSLRedirect"),
        ("traefik.frontend.redirect.regex", "x", "needs both"),
        ("traefik.frontend.redirect.entryPoint", "nope", "is not known"),
        ("traefik.frontend.priority", "x", "not a number"),
        ("traefik.backend.healthcheck.interval", "5s", "no health check without a path"),
        ("traefik.backend.loadbalancer.stickiness.cookieName", "c", "not switched on"),
        ("traefik.backend.maxconn.extractorfunc", "client.ip", "maxconn.amount"),
        ("traefik.frontend.rateLimit.rateSet.a.average", "5", "extractorFunc"),
        ("traefik.frontend.whiteList.useXForwardedFor", "true", "no whiteList.sourceRange"),
        ("traefik.frontend.headers.customRequestHeaders", "A", "no colon"),
        ("traefik.frontend.headers.customRequestHeaders", "A.B:1", "a file with http.middlewares"),
        ("traefik.frontend.headers.customRequestHeaders", "A B:1", "no header's name"),
        ("traefik.frontend.headers.customRequestHeaders", ":1", "no header's name"),
        ("traefik.frontend.passHostHeader", "yes", "neither true nor false"),
        ("traefik.frontend.Rule", "Host:x", "unknown label \"traefik.frontend.Rule\""),
        ("traefik.backend.nonsense", "x", "unknown label"),
    ];
    for (label, value, part) in table {
        let made = translated(&[
            ("traefik.frontend.rule", "Host:a.test"),
            ("traefik.port", "80"),
            (label, value),
        ]);
        let texts: Vec<String> = made.findings.iter().skip(1).map(ToString::to_string).collect();
        assert_eq!(texts.len(), 1, "{label}: {texts:#?}");
        assert!(texts[0].contains(part), "{label}: {texts:?}");
        assert!(texts[0].contains(label) || value == "nope", "{label}: {texts:?}");
        assert!(made.refused.is_empty(), "{label}");
    }
    let template = translated(&[
        ("traefik.frontend.redirect.regex", "a"),
        ("traefik.frontend.redirect.replacement", "{{.Request.Host}}"),
    ]);
    assert!(template.findings[1].to_string().contains("without a template"));
}

#[test]
fn what_protects_and_is_not_understood_takes_the_router_out() {
    let table: &[&[(&str, &str)]] = &[
        &[("traefik.frontend.auth.basic.Users", "u:h")],
        &[("traefik.frontend.auth.oauth.users", "u:h")],
        &[("traefik.frontend.auth.headerField", "X")],
        &[("traefik.frontend.auth.forward.trustForwardHeader", "true")],
        &[("traefik.frontend.whitelist.sourceRange", "10.0.0.0/8")],
        &[("traefik.frontend.rule", "Hots:a.test")],
        &[("traefik.frontend.rule", "Host(`a.test`)")],
    ];
    for given in table {
        let mut pairs = vec![("traefik.port", "80")];
        pairs.extend(*given);
        if given[0].0 != "traefik.frontend.rule" {
            pairs.push(("traefik.frontend.rule", "Host:a.test"));
        }
        let decoded = decoded(&pairs);
        let findings = &decoded.configuration.findings;
        assert!(decoded.configuration.routers.is_empty(), "{given:?}: {findings:#?}");
        assert!(decoded.refused.iter().any(|(_, name)| name == "s"), "{given:?}");
        assert!(
            findings.iter().any(|finding| finding.severity == Severity::Error
                && finding.message.contains("the router is not served")),
            "{given:?}: {findings:#?}"
        );
    }
}

#[test]
fn the_order_of_middlewares() {
    let made = translated(&[
        ("traefik.frontend.rule", "Host:a.test;PathPrefixStrip:/x;AddPrefix:/y"),
        ("traefik.frontend.redirect.entryPoint", "https"),
        ("traefik.frontend.auth.basic.users", "u:h"),
        ("traefik.frontend.auth.digest.users", "u:r:h"),
        ("traefik.frontend.whiteList.sourceRange", "10.0.0.0/8"),
        ("traefik.frontend.headers.frameDeny", "true"),
        ("traefik.frontend.passTLSClientCert.pem", "true"),
        ("traefik.frontend.errors.e.backend", "e"),
        ("traefik.backend.maxconn.amount", "1"),
        ("traefik.backend.circuitbreaker.expression", "x"),
        ("traefik.backend.buffering.maxRequestBodyBytes", "1"),
        ("traefik.frontend.rateLimit.extractorFunc", "client.ip"),
        ("traefik.frontend.rateLimit.rateSet.r.average", "1"),
    ]);
    let chain = made.labels.iter().find(|(key, _)| key.ends_with(".s.middlewares")).unwrap();
    assert_eq!(
        chain.1,
        "s-errors-e,s-ipallowlist,s-redirect,s-stripprefix,s-addprefix,s-headers,\
         s-passtlsclientcert,s-basicauth,s-circuitbreaker,s-buffering,s-inflightreq,s-ratelimit-r"
    );
    let only = made.findings.iter().any(|f| f.message.contains("auth.basic comes first"));
    assert!(only && !lines(&made).iter().any(|line| line.contains("digest")));
}

#[test]
fn segments() {
    let made = translated(&[
        ("traefik.frontend.auth.basic.users", "u:h"),
        ("traefik.web.port", "80"),
        ("traefik.web.frontend.rule", "Host:a.test"),
        ("traefik.admin.port", "9000"),
        ("traefik.admin.protocol", "https"),
        ("traefik.admin.backend", "back"),
        ("traefik.admin.frontend.rule", "Host:b.test"),
        ("traefik.admin.frontend.priority", "7"),
        ("traefik.admin.frontend.auth.basic.users", "x:y"),
    ]);
    assert_eq!(
        lines(&made),
        [
            "traefik.http.middlewares.s-admin-basicauth.basicauth.users=x:y",
            "traefik.http.routers.s-admin.rule=Host(`b.test`)",
            "traefik.http.routers.s-admin.priority=7",
            "traefik.http.routers.s-admin.middlewares=s-admin-basicauth",
            "traefik.http.routers.s-admin.service=s-back",
            "traefik.http.services.s-back.loadbalancer.server.port=9000",
            "traefik.http.services.s-back.loadbalancer.server.scheme=https",
            "traefik.http.middlewares.s-web-basicauth.basicauth.users=u:h",
            "traefik.http.routers.s-web.rule=Host(`a.test`)",
            "traefik.http.routers.s-web.priority=11",
            "traefik.http.routers.s-web.middlewares=s-web-basicauth",
            "traefik.http.routers.s-web.service=s-web",
            "traefik.http.services.s-web.loadbalancer.server.port=80",
        ]
    );
}

#[test]
fn segments_that_share_a_backend() {
    // Labels of the second segment; the services of both, and whether somebody is told.
    type Row<'a> = (&'a [(&'a str, &'a str)], [&'a str; 2], bool);
    let table: [Row<'_>; 4] = [
        (&[("traefik.two.port", "80")], ["s-x", "s-x"], false),
        (&[("traefik.two.port", "81")], ["s-x", "s-two-s-x"], true),
        (
            &[("traefik.two.port", "80"), ("traefik.two.protocol", "https")],
            ["s-x", "s-two-s-x"],
            true,
        ),
        (
            &[("traefik.two.port", "80"), ("traefik.two.backend.healthcheck.path", "/")],
            ["s-x", "s-two-s-x"],
            true,
        ),
    ];
    for (second, services, is_told) in table {
        let mut pairs = vec![
            ("traefik.one.port", "80"),
            ("traefik.one.backend", "x"),
            ("traefik.one.frontend.rule", "Host:one.test"),
            ("traefik.two.backend", "x"),
            ("traefik.two.frontend.rule", "Host:two.test"),
        ];
        pairs.extend(second);
        let decoded = decoded(&pairs);
        let configuration = &decoded.configuration;
        let led = ["s-one", "s-two"].map(|name| configuration.routers[name].value.service.clone());
        assert_eq!(led, services.map(|name| Some(name.to_owned())), "{second:?}");
        let port = |name: &str| {
            let balancer = configuration.services[name].value.load_balancer.as_ref().unwrap();
            balancer.server.as_ref().unwrap().port.clone()
        };
        assert_eq!(port(services[0]).map(|port| port.to_string()), Some("80".into()), "{second:?}");
        let wanted = second[0].1;
        assert_eq!(port(services[1]).map(|port| port.to_string()), Some(wanted.into()));
        let told = configuration.findings.iter().any(|it| it.message.contains("share a backend"));
        assert_eq!(told, is_told, "{second:?}: {:#?}", configuration.findings);
    }
}

#[test]
fn redirections_behind_a_proxy() {
    let made = |proxy: &'static str, more: &[(&'static str, &'static str)]| {
        let mut pairs = vec![
            ("traefik.frontend.rule", "Host:a.test,b.test"),
            ("traefik.port", "80"),
            ("traefik.frontend.headers.SSLRedirect", "true"),
            ("traefik.frontend.headers.SSLProxyHeaders", proxy),
            ("traefik.frontend.auth.basic.users", "u:h"),
        ];
        pairs.extend(more);
        translated(&pairs)
    };
    let routers = |made: &Translated| -> Vec<String> {
        let own = |line: &String| {
            line.starts_with(ROUTERS)
                && [".rule=", ".middlewares="].iter().any(|it| line.contains(it))
        };
        let lines = lines(made).into_iter().filter(own);
        lines.map(|line| line.strip_prefix(ROUTERS).unwrap().to_owned()).collect()
    };
    assert_eq!(
        routers(&made("X-Forwarded-Proto:https", &[])),
        [
            "s.rule=Host(`a.test`) || Host(`b.test`)",
            "s.middlewares=s-sslredirect,s-headers,s-basicauth"
        ]
    );
    // Both have all that protects, and exclude each other.
    assert_eq!(
        routers(&made("Front-End-Https:on", &[])),
        [
            "s.rule=(Host(`a.test`) || Host(`b.test`)) && Header(`Front-End-Https`, `on`)",
            "s.middlewares=s-headers,s-basicauth",
            "s-sslredirect.rule=(Host(`a.test`) || Host(`b.test`)) && !Header(`Front-End-Https`, `on`)",
            "s-sslredirect.middlewares=s-sslredirect,s-headers,s-basicauth",
        ]
    );
    let two = routers(&made("X-Forwarded-Proto:https||A:b", &[]));
    assert!(two[0].ends_with("&& (Header(`X-Forwarded-Proto`, `https`) || Header(`A`, `b`))"));
    assert!(two[2].ends_with("&& !Header(`X-Forwarded-Proto`, `https`) && !Header(`A`, `b`)"));
    // The second one is not served where the first one is not.
    let refused = made("A:b", &[("traefik.frontend.auth.oauth.x", "y")]);
    assert!(refused.refused.contains("s") && refused.refused.contains("s-sslredirect"));
    // Without a rule there is nothing to add to.
    let bare = translated(&[
        ("traefik.port", "80"),
        ("traefik.frontend.headers.SSLRedirect", "true"),
        ("traefik.frontend.headers.SSLProxyHeaders", "A:b"),
    ]);
    assert!(bare.findings.iter().any(|it| it.message.contains("there is no redirection")));
    assert!(bare.findings.iter().any(|it| it.message.contains("Traefik v1 left this out")));
    assert!(!routers(&bare).iter().any(|line| line.contains("sslredirect")));
}

#[test]
fn all_routers_of_a_frontend_are_refused_together() {
    let yaml = "entryPoints: {http: {address: ':80'}, https: {address: ':443'}}";
    for protection in ["traefik.frontend.auth.basic.Users", "traefik.frontend.auth.oauth.x"] {
        let all = map(&[
            ("traefik.frontend.rule", "Host:a.test"),
            ("traefik.port", "80"),
            (protection, "u:h"),
        ]);
        let decoded = decode("swarm", "s", true, &all, &Context::of(&install(yaml)));
        let names: Vec<&String> = decoded.configuration.routers.keys().collect();
        assert!(names.is_empty(), "{protection}: {names:?}");
        assert!(decoded.refused.iter().any(|(_, name)| name == "s-tls"), "{:?}", decoded.refused);
    }
}

#[test]
fn default_rules_and_names() {
    let context = |domain: Option<&str>| Context {
        domain: domain.map(str::to_owned),
        ..Context::of(&Install::default())
    };
    let compose =
        [("com.docker.compose.project", "shop"), ("com.docker.compose.service", "web_app")];
    let rule = |pairs: &[(&str, &str)], domain: Option<&str>| {
        let mut all = vec![("traefik.port", "80")];
        all.extend(pairs);
        let made = labels("docker", "my_app", false, &map(&all), &context(domain)).unwrap();
        let found = made.labels.iter().find(|(key, _)| key.ends_with(".rule"));
        found.map(|(_, value)| value.clone())
    };
    assert_eq!(rule(&[], Some("d.test")).as_deref(), Some("Host(`my-app.d.test`)"));
    assert_eq!(
        rule(&[("traefik.domain", "e.test")], Some("d.test")).as_deref(),
        Some("Host(`my-app.e.test`)")
    );
    assert_eq!(rule(&[], None), None);
    assert_eq!(rule(&compose, Some("d")).as_deref(), Some("Host(`web-app.shop.d`)"));
    assert_eq!(rule(&compose, None).as_deref(), Some("Host(`web-app.shop`)"));
    let named = translated(&[("traefik.backend", "my.back"), ("traefik.port", "80")]);
    assert!(lines(&named).contains(&"traefik.http.routers.s.service=my-back".to_owned()));
    assert!(
        lines(&named)
            .contains(&"traefik.http.services.my-back.loadbalancer.server.port=80".to_owned())
    );
}

#[test]
fn which_labels_are_v1s() {
    let context = Context::default();
    for label in [
        "traefik.enable",
        "traefik.domain",
        "traefik.tags",
        "traefik.docker.network",
        "traefik.constraint-label",
        "traefik.http.services.port.loadbalancer.server.port",
        "traefik.http.services.x.port",
        "traefik.TCP.services.x.port",
        "com.example.traefik.port",
        "Traefik.port",
        "traefik.Port",
        "traefik.web.portal",
    ] {
        let given = map(&[(label, "x")]);
        assert_eq!(labels("swarm", "s", true, &given, &context), None, "{label}");
    }
    for label in [
        "traefik.port",
        "traefik.backend",
        "traefik.frontend.rule",
        "traefik.frontend.anything",
        "traefik.backend.loadbalancer.swarm",
        "traefik.web.port",
        "traefik.a.b.port",
        "traefik.web.frontend.rule",
        "traefik.web.backend.maxconn.amount",
    ] {
        let given = map(&[(label, "x")]);
        assert!(labels("swarm", "s", true, &given, &context).is_some(), "{label}");
    }
}

#[test]
fn beside_labels_of_v3() {
    let decoded = decoded(&[
        ("traefik.frontend.rule", "Host:old.test"),
        ("traefik.port", "80"),
        ("traefik.http.routers.new.rule", "Host(`new.test`)"),
        ("traefik.http.services.new.loadbalancer.server.port", "81"),
    ]);
    let names: Vec<&String> = decoded.configuration.routers.keys().collect();
    assert_eq!(names, ["new"]);
    let texts: Vec<String> =
        decoded.configuration.findings.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].contains("2 labels of Traefik v1 stand beside"), "{texts:?}");
    // A middleware of v3 for others says nothing about where requests go.
    let both = self::decoded(&[
        ("traefik.frontend.rule", "Host:old.test"),
        ("traefik.http.middlewares.m.addprefix.prefix", "/x"),
    ]);
    assert_eq!((both.configuration.routers.len(), both.configuration.middlewares.len()), (1, 1));
}

/// The check of one service's v1 labels.
fn checked(install: &Install, pairs: &[(&str, &str)]) -> Configuration {
    let decoded = decode("swarm", "s", true, &map(pairs), &Context::of(install));
    let mut configuration = decoded.configuration;
    for service in configuration.services.values_mut() {
        let value = std::sync::Arc::make_mut(&mut service.value);
        if let Some(balancer) = &mut value.load_balancer {
            balancer.server = None;
        }
    }
    let merged: Merged = [("swarm".into(), configuration.into())].into();
    check(install, &merged)
}

/// `name` or `name+tls` of each route, sorted.
fn mounted(checked: &Configuration, entry_point: &str) -> Vec<String> {
    let routes = checked.routes.get(entry_point).map(Vec::as_slice).unwrap_or_default();
    let tls = |on: bool| if on { "+tls" } else { "" };
    let mut all: Vec<String> = routes
        .iter()
        .map(|route| format!("{}{}", route.router, tls(route.tls.is_some())))
        .collect();
    all.sort();
    all
}

#[test]
fn tls_is_the_entry_points() {
    let given = [
        ("traefik.frontend.rule", "Host:a.test"),
        ("traefik.frontend.entryPoints", "http,https"),
        ("traefik.port", "80"),
    ];
    let of_point = "http: {address: ':80'}, https: {address: ':443', http: {tls: {}}}";
    let of_router = "http: {address: ':80'}, https: {address: ':443'}";
    let redirected = "http: {address: ':80', http: {redirections: {entryPoint: {to: https, priority: 1}}}}, https: {address: ':443'}";
    // The redirection is a router of the proxy's own.
    let own = "http-to-https@internal";
    let table: [(&str, &[&str], &[&str]); 3] = [
        (of_point, &["s@swarm"], &["https-s@swarm+tls"]),
        (of_router, &["s@swarm"], &["s-tls@swarm+tls"]),
        (redirected, &[own, "s@swarm"], &["s@swarm", "s@swarm+tls"]),
    ];
    for (points, http, https) in table {
        let yaml = format!("entryPoints: {{{points}}}");
        let checked = checked(&install(&yaml), &given);
        assert_eq!(mounted(&checked, "http"), http, "{points}");
        assert_eq!(mounted(&checked, "https"), https, "{points}");
    }
    // Defaults are the same; and a resolver goes where the routers have TLS.
    let yaml = format!(
        "
entryPoints: {{{of_router}}}
certificatesResolvers: {{le: {{acme: {{httpChallenge: {{entryPoint: http}}}}}}}}
"
    );
    let checked = checked(&install(&yaml), &given[..1]);
    let name = QName::new("s-tls", "swarm");
    let tls = checked.routers[&name].value.tls.clone().unwrap();
    assert_eq!(tls.cert_resolver.as_deref(), Some("le"));
    assert_eq!(checked.wanted.len(), 1);
}

#[test]
fn unserved_protection_disables() {
    let checked = checked(
        &Install::default(),
        &[
            ("traefik.frontend.rule", "Host:a.test"),
            ("traefik.frontend.auth.basic.users", "u:h"),
            ("traefik.port", "80"),
        ],
    );
    let router = &checked.routers[&QName::new("s", "swarm")];
    assert!(
        router.status == Status::Disabled
            || crate::routing::Middleware::is_kind_served("basicAuth"),
        "{:?}",
        router.errors
    );
}

#[test]
fn hostile_labels_are_bounded() {
    let mut given = BTreeMap::new();
    let headers = "A:1||".repeat(20_000);
    given.insert("traefik.frontend.headers.customRequestHeaders".to_owned(), headers);
    for at in 0..10_000 {
        given.insert(format!("traefik.s{at}.port"), "80".to_owned());
        given.insert(format!("traefik.frontend.nonsense{at}"), "x".to_owned());
        given.insert(format!("traefik.frontend.errors.e{at}.query"), "x".to_owned());
    }
    let start = std::time::Instant::now();
    let made = labels("swarm", "s", true, &given, &Context::default()).unwrap();
    let decoded = decode("swarm", "s", true, &given, &Context::default());
    println!("hostile labels took {:?}", start.elapsed());
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    assert!(made.labels.len() <= 20_000 && made.findings.len() < 200);
    assert!(made.findings.iter().all(|finding| finding.to_string().len() < 64 << 10));
    assert!(made.findings.iter().any(|finding| finding.message.contains("left out")));
    assert!(decoded.configuration.findings.len() < 400);

    let long = "x".repeat(4 << 20);
    let made = translated(&[("traefik.frontend.rule", &long), ("traefik.port", &long)]);
    assert!(made.findings.iter().all(|finding| finding.to_string().len() < 16 << 10));
}

proptest::proptest! {
    #[test]
    fn nothing_panics(pairs in proptest::collection::vec((
        "traefik\\.(x\\.)?(port|backend|frontend\\.(rule|auth\\.basic\\.users|auth\\.x|errors\\.[a.]{0,3}|headers\\.customRequestHeaders|rateLimit\\.rateSet\\.[a.]{0,3}|rateLimit\\.extractorFunc))",
        "(Host|:|\\|\\||,|;|a|/|\\{|é|`|\n){0,12}",
    ), 0..6)) {
        let given: BTreeMap<String, String> = pairs.into_iter().collect();
        let decoded = decode("swarm", "s", true, &given, &Context::default());
        proptest::prop_assert!(decoded.configuration.findings.len() < 200);
    }
}
