//! Flags, one by one: what each becomes, as the text of today's flags.

use crate::legacy::{TranslatedFlags, flags};

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

fn translated(line: &[&str]) -> TranslatedFlags {
    flags(&words(line)).unwrap_or_else(|| panic!("{line:?} has nothing of v1"))
}

fn lines(made: &TranslatedFlags) -> Vec<String> {
    made.options.iter().map(|option| format!("{}={}", option.key, option.value)).collect()
}

/// What each flag adds to what `--docker` and no entry point make.
const TABLE: &[(&[&str], &[&str])] = &[
    (&[], &[]),
    (&["--docker.endpoint=tcp://a:1"], &["providers.docker.endpoint=tcp://a:1"]),
    (&["--docker.watch"], &["providers.docker.watch=true"]),
    (&["--docker.exposedbydefault=false"], &["providers.docker.exposedByDefault=false"]),
    (&["--docker.network", "net"], &["providers.docker.network=net"]),
    (&["--docker.useBindPortIP"], &["providers.docker.useBindPortIP=true"]),
    (&["--docker.tls.ca=/ca"], &["providers.docker.tls.ca=/ca"]),
    (&["--docker.tls.insecureSkipVerify"], &["providers.docker.tls.insecureSkipVerify=true"]),
    (
        &["--docker.domain=d.test"],
        &["providers.docker.defaultRule=Host(`{{ normalize .Name }}.d.test`)"],
    ),
    (
        &["--docker.domain", "d.test"],
        &["providers.docker.defaultRule=Host(`{{ normalize .Name }}.d.test`)"],
    ),
    (
        &["--constraints=tag==a"],
        &[r"providers.docker.constraints=LabelRegex(`traefik.tags`, `(^|,)\s*a\s*(,|$)`)"],
    ),
    (
        &["--docker.constraints=tag!=a"],
        &[r"providers.docker.constraints=!LabelRegex(`traefik.tags`, `(^|,)\s*a\s*(,|$)`)"],
    ),
    (&["--acme.email=a@b.test"], &["certificatesResolvers.acme.acme.email=a@b.test"]),
    (&["--acme.storage=/a.json"], &["certificatesResolvers.acme.acme.storage=/a.json"]),
    (&["--acme.caServer=https://a"], &["certificatesResolvers.acme.acme.caServer=https://a"]),
    (&["--acme.keyType=EC256"], &["certificatesResolvers.acme.acme.keyType=EC256"]),
    (&["--acme.preferredChain=X"], &["certificatesResolvers.acme.acme.preferredChain=X"]),
    (
        &["--acme.httpChallenge.entryPoint=http"],
        &["certificatesResolvers.acme.acme.httpChallenge.entryPoint=http"],
    ),
    (&["--acme.tlsChallenge"], &["certificatesResolvers.acme.acme.tlsChallenge=true"]),
    (
        &["--acme.dnsChallenge.provider=x"],
        &["certificatesResolvers.acme.acme.dnsChallenge.provider=x"],
    ),
    (
        &["--acme.dnsChallenge.delayBeforeCheck=5"],
        &["certificatesResolvers.acme.acme.dnsChallenge.propagation.delayBeforeChecks=5"],
    ),
    (&["--acme.dnsProvider=x"], &["certificatesResolvers.acme.acme.dnsChallenge.provider=x"]),
    (&["--acme.entryPoint=https"], &[]),
    (&["--acme"], &[]),
    (&["--acme.onHostRule=false"], &[]),
    (&["--debug=false"], &[]),
    (&["--api=false"], &[]),
    (&["--api.entryPoint=traefik"], &[]),
    (&["--docker.swarmMode=false"], &[]),
    (&["--defaultEntryPoints=http"], &[]),
    (&["--acme.onDemand"], &[]),
    (&["--acme.acmeLogging"], &[]),
    (&["--acme.overrideCertificates"], &[]),
    (&["--api"], &["api.insecure=true"]),
    (&["--web"], &["api.insecure=true", "ping=true"]),
    (
        &["--web", "--web.address=:81"],
        &["api.insecure=true", "ping=true", "entryPoints.traefik.address=:81"],
    ),
    (&["--web.readOnly"], &[]),
    (&["--web.metrics.prometheus"], &["metrics.prometheus=true"]),
    (&["--web.metrics.prometheus.buckets=0.1,0.3"], &["metrics.prometheus.buckets=0.1,0.3"]),
    (&["--rest"], &["providers.rest=true"]),
    (&["--logLevel=DEBUG"], &["log.level=DEBUG"]),
    (&["-l", "INFO"], &["log.level=INFO"]),
    (&["--debug"], &["log.level=DEBUG"]),
    (&["-d"], &["log.level=DEBUG"]),
    (&["--traefikLog.filePath=/l"], &["log.filePath=/l"]),
    (&["--traefikLog.format=json"], &["log.format=json"]),
    (&["--traefikLogsFile=/l"], &["log.filePath=/l"]),
    (&["--accessLogsFile=/a"], &["accessLog.filePath=/a"]),
    (
        &["--accessLog.fields.names=A=drop B=keep"],
        &["accessLog.fields.names.A=drop", "accessLog.fields.names.B=keep"],
    ),
    (
        &["--accessLog.fields.headers.names=User-Agent=redact"],
        &["accessLog.fields.headers.names.User-Agent=redact"],
    ),
    (&["--graceTimeOut=5"], &["entryPoints.http.transport.lifeCycle.graceTimeOut=5"]),
    (&["-g", "5"], &["entryPoints.http.transport.lifeCycle.graceTimeOut=5"]),
    (
        &["--lifeCycle.requestAcceptGraceTimeout=5s"],
        &["entryPoints.http.transport.lifeCycle.requestAcceptGraceTimeout=5s"],
    ),
    (
        &["--respondingTimeouts.readTimeout=5s"],
        &["entryPoints.http.transport.respondingTimeouts.readTimeout=5s"],
    ),
    (&["--idleTimeout=5s"], &["entryPoints.http.transport.respondingTimeouts.idleTimeout=5s"]),
    (
        &["--forwardingTimeouts.dialTimeout=5s"],
        &["serversTransport.forwardingTimeouts.dialTimeout=5s"],
    ),
    (&["--maxIdleConnsPerHost=5"], &["serversTransport.maxIdleConnsPerHost=5"]),
    (&["--insecureSkipVerify"], &["serversTransport.insecureSkipVerify=true"]),
    (&["--rootCAs=/a"], &["serversTransport.rootCAs=/a"]),
    (&["--retry"], &[]),
    (&["--retry.attempts=3"], &[]),
    (&["--healthCheck.interval=5s"], &[]),
    (&["--checkNewVersion=false"], &["global.checkNewVersion=false"]),
    (&["--sendAnonymousUsage"], &["global.sendAnonymousUsage=true"]),
    (&["--file.filename=/r.toml"], &["providers.file.filename=/r.toml"]),
    (&["--file.directory=/r"], &["providers.file.directory=/r"]),
    (&["--file.watch"], &["providers.file.watch=true"]),
    (&["--consul.endpoint=a:1"], &["providers.consul.endpoints=a:1"]),
    (&["--consul.prefix=p"], &["providers.consul.rootKey=p"]),
    (&["--etcd.username=u"], &["providers.etcd.username=u"]),
    (&["--zookeeper"], &["providers.zooKeeper=true"]),
    (&["--boltdb"], &[]),
    (&["--marathon.endpoint=x"], &[]),
    (&["--cluster.node=x"], &[]),
    (&["--keepTrailingSlash"], &[]),
    (&["--allowMinWeightZero"], &[]),
    (&["--providersThrottleDuration=5"], &["providers.providersThrottleDuration=5"]),
    (&["--docker.filename=x"], &[]),
    (&["--docker.templateVersion=2"], &[]),
];

#[test]
fn every_flag() {
    for (given, expected) in TABLE {
        let mut line = vec!["--docker"];
        line.extend(*given);
        let made = translated(&line);
        let mut wanted: Vec<String> = ["providers.docker=true", "entryPoints.http.address=:80"]
            .iter()
            .chain(&["entryPoints.http.forwardedHeaders.insecure=true"])
            .chain(*expected)
            .map(|line| (*line).to_owned())
            .collect();
        let mut found = lines(&made);
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted, "{given:?}");
        assert_eq!(made.rest, Vec::<String>::new(), "{given:?}");
        // Each flag is told of, with its form of v3 or with what to do instead.
        let flag = given.first().map_or("--docker", |word| word.split('=').next().unwrap());
        let told = made.findings.iter().find(|finding| {
            finding.to_string().starts_with(&format!("flag {flag}: {flag} is of Traefik v1"))
        });
        match told {
            Some(told) => assert!(told.expected.as_deref().unwrap().starts_with("in v3: ")),
            // There is no entry point of this name.
            None => assert!(
                flag == "--acme.entryPoint"
                    && made.findings.iter().any(|it| it.message.contains("is no entry point")),
                "{flag}: {:#?}",
                made.findings
            ),
        }
    }
}

#[test]
fn no_flag_goes_untold() {
    let line = [
        "--docker=false",
        "--docker.watch",
        "--docker.domain=d",
        "-c",
        "/x.toml",
        "--web.address=:81",
        "--entryPoints=Name:traefik Address::8080",
        "--entryPoints=Name:https Address::443 TLS ProxyProtocol:on WhiteList.IPStrategy.Depth:1",
        "--acme.entryPoint=https",
        "--defaultEntryPoints=nix",
    ];
    let made = translated(&line);
    let texts: Vec<String> = made.findings.iter().map(ToString::to_string).collect();
    for part in [
        "flag --docker: --docker is of Traefik v1",
        "flag --docker.watch: --docker.watch is of Traefik v1",
        "flag --docker.domain: --docker.domain is of Traefik v1",
        "in v3: --configFile=/x.toml",
        "--web.address has no effect",
        "ProxyProtocol.TrustedIPs",
        "ipStrategy.depth",
        "in v3: --entryPoints.https.http.tls.certResolver=acme",
        "here all entry points serve them",
    ] {
        assert!(texts.iter().any(|text| text.contains(part)), "{part}: {texts:#?}");
    }
    let secret = translated(&["--docker", "--docker.endpoint=tcp://u:SECRET@h:1"]);
    let texts: Vec<String> = secret.findings.iter().map(ToString::to_string).collect();
    assert!(texts.iter().any(|text| text.contains("tcp://xxxx@h:1")), "{texts:#?}");
    assert!(!texts.concat().contains("SECRET"), "{texts:#?}");
}

#[test]
fn the_engine_is_docker_or_swarm() {
    let made = translated(&["--docker", "--docker.swarmMode", "--docker.watch", "--api"]);
    assert_eq!(
        lines(&made),
        [
            "providers.swarm=true",
            "entryPoints.http.address=:80",
            "entryPoints.http.forwardedHeaders.insecure=true",
            "providers.swarm.watch=true",
            "api.insecure=true",
        ]
    );
    let made = translated(&["--docker.swarmMode=true", "--docker.swarmModeRefreshSeconds=5"]);
    assert!(lines(&made).contains(&"providers.swarm.refreshSeconds=5".to_owned()));
    let off = translated(&["--docker=false", "--logLevel=INFO"]);
    assert!(!lines(&off).iter().any(|line| line.starts_with("providers")), "{:?}", lines(&off));
}

/// Entry points, and what they make below `entryPoints.<name>.`.
#[test]
fn entry_points() {
    let table: &[(&str, &[&str])] = &[
        ("Name:x Address::80", &["address=:80", "forwardedHeaders.insecure=true"]),
        ("name:x ADDRESS:1.2.3.4:80", &["address=1.2.3.4:80", "forwardedHeaders.insecure=true"]),
        (
            "Name:x Address::443 TLS",
            &["address=:443", "http.tls=true", "forwardedHeaders.insecure=true"],
        ),
        (
            "Name:x Address::443 TLS:/c,/k;/d,/l",
            &["address=:443", "http.tls=true", "forwardedHeaders.insecure=true"],
        ),
        (
            "Name:x Address::443 TLS CA:/ca CA.Optional:true",
            &[
                "address=:443",
                "http.tls=true",
                "http.tls.options=v1-x@internal",
                "forwardedHeaders.insecure=true",
            ],
        ),
        (
            "Name:x Address::443 TLS TLS.MinVersion:VersionTLS12 TLS.CipherSuites:A,B TLS.SniStrict:true",
            &["address=:443", "http.tls=true", "forwardedHeaders.insecure=true"],
        ),
        (
            "Name:x Address::80 Redirect.EntryPoint:y",
            &[
                "address=:80",
                "forwardedHeaders.insecure=true",
                "http.redirections.entryPoint.to=y",
                "http.redirections.entryPoint.scheme=http",
                "http.redirections.entryPoint.permanent=false",
            ],
        ),
        (
            "Name:x Address::80 Redirect.Regex:^a Redirect.Replacement:b",
            &[
                "address=:80",
                "http.middlewares=x-redirectRegex@internal",
                "forwardedHeaders.insecure=true",
            ],
        ),
        (
            "Name:x Address::80 Compress:on WhiteList.SourceRange:10.0.0.0/8 Auth.Basic.Users:u:h",
            &[
                "address=:80",
                "http.middlewares=x-ipAllowList@internal,x-basicAuth@internal,x-compress@internal",
                "forwardedHeaders.insecure=true",
            ],
        ),
        (
            "Name:x Address::80 Auth.Digest.Users:u:r:h Auth.HeaderField:X",
            &[
                "address=:80",
                "http.middlewares=x-digestAuth@internal",
                "forwardedHeaders.insecure=true",
            ],
        ),
        (
            "Name:x Address::80 Auth.Forward.Address:http://a",
            &[
                "address=:80",
                "http.middlewares=x-forwardAuth@internal",
                "forwardedHeaders.insecure=true",
            ],
        ),
        (
            "Name:x Address::80 ProxyProtocol.TrustedIPs:10.0.0.1 ForwardedHeaders.TrustedIPs:10.0.0.2",
            &[
                "address=:80",
                "proxyProtocol.trustedIPs=10.0.0.1",
                "forwardedHeaders.trustedIPs=10.0.0.2",
            ],
        ),
        (
            "Name:x Address::80 ProxyProtocol.Insecure:true ForwardedHeaders.Insecure:false",
            &["address=:80", "proxyProtocol.insecure=true"],
        ),
    ];
    for (text, expected) in table {
        let made = translated(&[&format!("--entryPoints={text}")]);
        let below: Vec<String> = lines(&made)
            .iter()
            .map(|line| line.strip_prefix("entryPoints.x.").unwrap_or(line).to_owned())
            .collect();
        assert_eq!(below, *expected, "{text}");
    }
}

#[test]
fn what_hung_on_entry_points() {
    let made = translated(&[
        "--entryPoints=Name:http Address::80 Compress:true WhiteList.SourceRange:10.0.0.0/8,::1 \
         Auth.Basic.Users:u:secret,v:secret Nonsense:1",
        "--entryPoints",
        "Name:https Address::443 TLS:/c,/k;/d,/l CA:/ca TLS.DefaultCertificate.Cert:/e \
         TLS.DefaultCertificate.Key:/m",
    ]);
    let routing = &made.facts.routing;
    let names: Vec<&String> = routing.middlewares.keys().collect();
    assert_eq!(names, ["http-basicAuth", "http-compress", "http-ipAllowList"]);
    let list = routing.middlewares["http-ipAllowList"].value.ip_allow_list.clone().unwrap();
    assert_eq!(list.source_range, ["10.0.0.0/8", "::1"]);
    let auth = routing.middlewares["http-basicAuth"].value.basic_auth.clone().unwrap();
    assert_eq!(auth.users, ["u:secret", "v:secret"]);
    let files: Vec<&str> =
        routing.certificates.iter().map(|written| written.value.cert_file.as_str()).collect();
    assert_eq!(files, ["/c", "/d"]);
    let client = routing.tls_options["v1-https"].value.client_auth.clone().unwrap();
    assert_eq!(client.client_auth_type.as_deref(), Some("RequireAndVerifyClientCert"));
    assert!(routing.tls_stores.contains_key("default"));
    let texts: Vec<String> = made.findings.iter().map(ToString::to_string).collect();
    assert!(!texts.concat().contains("secret"), "{texts:#?}");
    for part in [
        "flag --entryPoints=Name:http: unknown key \"nonsense\"",
        "entryPoints.http.http.middlewares=http-basicAuth@file",
        "tls.certificates in a file: /c, /k",
        "X-Forwarded headers of all clients are believed",
    ] {
        assert!(texts.iter().any(|text| text.contains(part)), "{part}: {texts:#?}");
    }
}

#[test]
fn default_entry_points() {
    let points =
        ["--entryPoints=Name:http Address::80", "--entryPoints=Name:https Address::443 TLS"];
    let with = |more: &[&str]| {
        let mut line = points.to_vec();
        line.extend(more);
        let made = translated(&line);
        let defaults: Vec<String> = lines(&made)
            .into_iter()
            .filter_map(|line| Some(line.strip_suffix(".asDefault=true")?.to_owned()))
            .collect();
        let told = made.findings.iter().any(|finding| finding.message.contains("is not there"));
        (defaults.join(" ").replace("entryPoints.", ""), told)
    };
    assert_eq!(with(&[]), ("http".into(), false));
    assert_eq!(with(&["--defaultEntryPoints=http,https"]), ("http https".into(), false));
    assert_eq!(with(&["--defaultEntryPoints", "https"]), ("https".into(), false));
    assert_eq!(with(&["--defaultEntryPoints=http,nope"]), ("http".into(), true));
}

#[test]
fn certificates() {
    let made = translated(&[
        "--entryPoints=Name:http Address::80 Redirect.EntryPoint:https",
        "--entryPoints=Name:https Address::443 TLS",
        "--acme.entryPoint=https",
        "--acme.onHostRule",
        "--acme.httpChallenge.entryPoint=http",
        "--acme.domains=a.test,b.test",
        "--acme.domains=c.test",
    ]);
    let found = lines(&made);
    for line in [
        "entryPoints.https.http.tls.certResolver=acme",
        "entryPoints.http.http.redirections.entryPoint.to=https",
        "entryPoints.http.http.redirections.entryPoint.permanent=false",
        "certificatesResolvers.acme.acme.httpChallenge.entryPoint=http",
    ] {
        assert!(found.contains(&line.to_owned()), "{line}: {found:#?}");
    }
    assert!(!found.iter().any(|line| line.contains("scheme")), "{found:#?}");
    let router = &made.facts.routing.routers["acme-domains"].value;
    let domains = &router.tls.as_ref().unwrap().domains;
    assert_eq!(domains[0].main, "a.test");
    assert_eq!(domains[0].sans, ["b.test"]);
    assert_eq!((domains.len(), router.entry_points.as_slice()), (2, &["https".to_owned()][..]));
}

#[test]
fn todays_flags_are_left_alone() {
    for line in [
        &[] as &[&str],
        &["--api", "--ping", "--accessLog"],
        &["--entryPoints.web.address=:80", "--providers.docker"],
        &["--entryPoints=web"],
        &["--log.level=DEBUG", "--tracing.backend=x", "--metrics.prometheus"],
        &["--", "--docker"],
        &["docker"],
        &["--configFile=/x", "--providers.swarm.network", "docker"],
        &["--accessLog.fields.names.A=drop"],
    ] {
        assert!(flags(&words(line)).is_none(), "{line:?}");
    }
    let mixed = translated(&[
        "--docker",
        "--entryPoints.web.address=:81",
        "--log.level",
        "DEBUG",
        "--ping",
        "-c",
        "/x.toml",
        "stray",
    ]);
    assert_eq!(lines(&mixed), ["providers.docker=true"]);
    assert_eq!(
        mixed.rest,
        [
            "--entryPoints.web.address=:81",
            "--log.level",
            "DEBUG",
            "--ping",
            "stray",
            "--configFile=/x.toml",
        ]
    );
}

proptest::proptest! {
    #[test]
    fn nothing_panics(line in proptest::collection::vec(
        "(--?)?(docker|entryPoints|acme\\.domains|constraints|web\\.auth\\.x|accessLog\\.fields\\.names|l|é)?(=|\\.|Name:a|Address::1|TLS:|,|;| |tag==|é){0,6}",
        0..6,
    )) {
        let _ = flags(&line);
    }
}
