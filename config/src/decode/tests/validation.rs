//! What is fatal beyond decoding, and what the start only remarks on.

use super::install::{file, flags, notes};

#[test]
fn fatal() {
    let table: &[(&[&str], &str)] = &[
        (
            &["--entryPoints.web.address=:80/foo"],
            "entryPoints.web.address: invalid protocol \"foo\"",
        ),
        (&["--entryPoints.web.address=22000"], "missing port in address"),
        (
            &["--entryPoints.web.address=:80", "--entryPoints.x.address=:80"],
            "x.address: :80 is taken by the entry point \"web\"",
        ),
        (&["--entryPoints.web.address=:8080", "--api.insecure"], "is taken by the entry point"),
        (
            &["--entryPoints.web.address=:80", "--entryPoints.web.forwardedHeaders.trustedIPs=foo"],
            "invalid CIDR address: foo",
        ),
        (
            &[
                "--entryPoints.web.address=:80",
                "--entryPoints.web.forwardedHeaders.trustedIPs=10.0.0.0/33",
            ],
            "invalid CIDR address",
        ),
        (
            &["--entryPoints.web.address=:80", "--entryPoints.web.proxyProtocol.trustedIPs=x"],
            "proxyProtocol.trustedIPs: invalid CIDR",
        ),
        (
            &["--entryPoints.web.address=:80", "--entryPoints.web.http2.maxConcurrentStreams=-1"],
            "-1 is negative",
        ),
        (
            &["--entryPoints.web.address=:80", "--entryPoints.web.http.aliasHeadersStrategy=x"],
            "unknown strategy \"x\"",
        ),
        (
            &[
                "--entryPoints.web.address=:80",
                "--entryPoints.web.http.aliasHeadersStrategy=keep",
                "--entryPoints.web.http.underscoreHeadersStrategy=delete",
            ],
            "contradicts",
        ),
        (&["--certificatesResolvers.le.acme.storage="], "\"le\" with no storage location"),
        (
            &["--certificatesResolvers.le.acme.storage=x", "--certificatesResolvers.le.tailscale"],
            "both ACME and Tailscale",
        ),
        (&["--core.defaultRuleSyntax=v1"], "unsupported default rule syntax configuration: \"v1\""),
        (&["--providers.precedence=file,nope"], "unknown provider \"nope\""),
        (&["--api.basePath=relative"], "is not a plain absolute path"),
        (&["--ping.terminatingStatusCode=7"], "7 is no HTTP status"),
    ];
    for (arguments, part) in table {
        let lines = flags(arguments).expect_err(part);
        assert!(lines[0].contains(part), "{arguments:?}: {part:?} not in {lines:#?}");
        assert!(lines[0].starts_with("flag --"), "{arguments:?}: {}", lines[0]);
    }
}

#[test]
fn not_fatal() {
    let web = "--entryPoints.web.address=:80";
    let le = "--certificatesResolvers.le.acme";
    let table: &[(&[&str], &str)] = &[
        (&[web, "--ping.entryPoint=nope"], "ping.entryPoint: unknown entry point \"nope\""),
        (
            &[web, "--entryPoints.web.http.redirections.entryPoint.to=nope"],
            "\"nope\": nothing is redirected; expected one of web",
        ),
        (
            &[web, "--entryPoints.web.http.redirections.entryPoint.to=443"],
            "unknown entry point \"443\"",
        ),
        (&[web, "--entryPoints.web.http.redirections.entryPoint.to=:x"], "\":x\" is not a port"),
        (&[web, "--entryPoints.web.http.redirections.entryPoint.scheme=https"], "no target"),
        (
            &[web, &format!("{le}.httpChallenge.entryPoint=nope")],
            "\"nope\": no certificate can be ordered",
        ),
        (&[web, &format!("{le}.httpChallenge")], "no entry point: no certificate"),
        (&[web, &format!("{le}.email=a@b")], "ACME challenge not specified"),
        (
            &[web, &format!("{le}.httpChallenge.entryPoint=web"), &format!("{le}.keyType=DSA")],
            "unknown key type \"DSA\"",
        ),
        (
            &[
                web,
                &format!("{le}.httpChallenge.entryPoint=web"),
                &format!("{le}.certificatesDuration=0"),
            ],
            "the resolver is not used",
        ),
        (
            &[
                web,
                &format!("{le}.httpChallenge.entryPoint=web"),
                &format!("{le}.clientTimeout=1s"),
            ],
            "less than clientResponseHeaderTimeout",
        ),
        (&["--certificatesResolvers.le"], "the resolver says nothing"),
        (&["--log.level=LOUD"], "unknown level \"LOUD\": ERROR is used"),
        (&["--log.format=xml"], "unknown format"),
        (&["--accessLog.format=xml"], "unsupported access log format"),
        (&["--accessLog.filters.statusCodes=200,x"], "\"x\" is no status"),
        (&["--accessLog.fields.headers.defaultMode=hide"], "unknown mode \"hide\""),
        (&["--providers.file.watch=true"], "names neither a file nor a directory"),
        (&["--providers.docker.endpoint=/var/run/docker.sock"], "unable to parse docker host"),
        (&["--providers.swarm.endpoint=ssh://host"], "ssh:// are not served"),
        (&["--providers.swarm.endpoint=tcp://a:1, b:2"], "unable to parse docker host \"b:2\""),
        (&["--providers.http=true"], "non-empty endpoint is required"),
        (
            &["--providers.http.endpoint=http://h/", "--providers.http.pollInterval=0"],
            "the poll interval is not more than zero",
        ),
        (&["--core.defaultRuleSyntax=v2"], "v2 rules syntax is deprecated"),
        (&["--entryPoints.dns.address=:53/udp"], "UDP entry points are known but not served yet"),
    ];
    for (arguments, part) in table {
        let loaded = flags(arguments).unwrap_or_else(|lines| panic!("{arguments:?}: {lines:#?}"));
        let told = notes(&loaded);
        assert!(told.iter().any(|text| text.contains(part)), "{arguments:?}: {told:#?}");
    }
}

#[test]
fn nothing_to_remark_on() {
    let table: &[&[&str]] = &[
        &[
            "--entryPoints.web.address=:80",
            "--entryPoints.web.http.redirections.entryPoint.to=:443",
        ],
        &["--entryPoints.a.address=127.0.0.1:80", "--entryPoints.b.address=127.0.0.2:80"],
        &[
            "--entryPoints.a.address=:80",
            "--entryPoints.a.reusePort",
            "--entryPoints.b.address=:80",
            "--entryPoints.b.reusePort",
        ],
        &["--ping", "--api.insecure"],
        &["--log.level=debug", "--log.format=json"],
        &[
            "--entryPoints.web.address=:80",
            "--entryPoints.web.forwardedHeaders.trustedIPs=10.0.0.0/8,::1,fd00::/8",
        ],
        &["--api.basePath=/base"],
        &["--providers.swarm.endpoint=tcp://10.0.0.1:2375"],
    ];
    for arguments in table {
        let loaded = flags(arguments).unwrap_or_else(|lines| panic!("{arguments:?}: {lines:#?}"));
        assert!(loaded.findings.is_empty(), "{arguments:?}: {:#?}", notes(&loaded));
    }
}

#[test]
fn lines_of_what_is_not_decoding() {
    let text = "entryPoints:\n  web:\n    address: \":80/foo\"\n  other:\n    address: \"80\"\n";
    let lines = file("a.yml", text).unwrap_err();
    assert!(
        lines[0].starts_with("a.yml:5:5: entryPoints.other.address: missing port"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("a.yml:3:5: entryPoints.web.address: invalid"), "{lines:?}");
}

#[test]
fn the_global_switch_reaches_every_entry_point() {
    let loaded =
        flags(&["--entryPoints.web.address=:80", "--global.notAppendXForwardedFor=true"]).unwrap();
    assert!(loaded.install.entry_points["web"].forwarded_headers.not_append_x_forwarded_for);
}
