//! The house that is attacked: a proxy with open and closed doors, and an upstream that tells what
//! reaches it.

use std::time::Duration;

use swarmgate_testkit::client::{self, Client};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;

/// Generous: debug builds on busy machines.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Entry points: name, and what else its block says.
const ENTRY_POINTS: &[(&str, &str)] = &[
    ("web", "{}"),
    ("trusting", "{forwardedHeaders: {trustedIPs: [127.0.0.0/8]}}"),
    ("silent", "{forwardedHeaders: {notAppendXForwardedFor: true}}"),
    ("deleting", "{http: {aliasHeadersStrategy: delete}}"),
    ("rejecting", "{http: {aliasHeadersStrategy: reject}}"),
    ("raw", "{http: {sanitizePath: false}}"),
    (
        "strict",
        "{http: {encodedCharacters: {allowEncodedSlash: false, allowEncodedBackSlash: false, \
         allowEncodedNullCharacter: false, allowEncodedSemicolon: false, \
         allowEncodedPercent: false, allowEncodedQuestionMark: false, allowEncodedHash: false}}}",
    ),
    ("escaping", "{http: {encodeQuerySemicolons: true}}"),
    ("alive", "{}"),
    ("traefik", "{forwardedHeaders: {insecure: true}}"),
];

/// `auth` lets in `bob` with `secret`; what answers 401 was not let through.
const ROUTING: &str = "http:
  routers:
    rest: {rule: 'Host(`p.test`)', service: app, priority: 1}
    public: {rule: 'Host(`p.test`) && PathPrefix(`/public`)', service: app}
    admin: {rule: 'Host(`p.test`) && PathPrefix(`/admin`)', service: app, middlewares: [auth]}
    inner: {rule: 'Host(`p.test`) && PathPrefix(`/internal`)', service: app, middlewares: [auth]}
    slash-open: {rule: 'Host(`f.test`)', service: app}
    slash: {rule: 'Host(`f.test`) && PathPrefix(`/foo/bar`)', service: app, middlewares: [auth]}
    exact-open: {rule: 'Host(`case.test`)', service: app}
    exact: {rule: 'Host(`case.test`) && Path(`/Admin`)', service: app, middlewares: [auth]}
    exact-slash: {rule: 'Host(`case.test`) && Path(`/a%2Fb`)', service: app, middlewares: [auth]}
    signs-open: {rule: 'Host(`signs.test`)', service: app}
    signs: {rule: 'Host(`signs.test`) && PathRegexp(`^/r/[^/]+/b$`)', service: app, middlewares: [auth]}
    pattern: {rule: 'Host(`q.test`)', service: app, middlewares: [auth]}
    pattern-open: {rule: 'Host(`q.test`) && PathRegexp(`/public$`)', service: app}
    slow-open: {rule: 'Host(`slow.test`)', service: app}
    slow: {rule: 'Host(`slow.test`) && PathRegexp(`^/(a+)+$`)', service: app, middlewares: [auth]}
    query-open: {rule: 'Host(`qu.test`)', service: app}
    query: {rule: 'Host(`qu.test`) && Query(`admin`, `true`)', service: app, middlewares: [auth]}
    wild: {rule: 'Host(`*.w.test`)', service: app}
    six: {rule: 'Host(`::1`)', service: app}
    role-open: {rule: 'Host(`role.test`) && !Header(`X-Role`, `admin`)', service: app}
    role: {rule: 'Host(`role.test`) && Header(`X-Role`, `admin`)', service: app, middlewares: [auth]}
    client: {rule: 'Host(`client.test`) && ClientIP(`10.0.0.0/8`)', service: app}
    strip: {rule: 'Host(`strip.test`)', service: app, middlewares: [strip]}
    strip-re: {rule: 'Host(`strip-re.test`)', service: app, middlewares: [strip-re]}
    replace: {rule: 'Host(`replace.test`)', service: app, middlewares: [replace]}
    replace-re: {rule: 'Host(`replace-re.test`)', service: app, middlewares: [replace-re]}
    replace-keep: {rule: 'Host(`keep.test`)', service: app, middlewares: [replace-keep]}
    chain: {rule: 'Host(`chain.test`)', service: app, middlewares: [strip-re, replace-keep, strip, add]}
    redirect: {rule: 'Host(`redirect.test`)', service: app, middlewares: [redirect]}
    to-tls: {rule: 'Host(`tls.test`)', service: app, middlewares: [to-tls]}
    set: {rule: 'Host(`set.test`)', service: app, middlewares: [set]}
    hidden: {rule: 'Host(`hidden.test`)', service: app, middlewares: [hidden]}
    allow: {rule: 'Host(`allow.test`)', service: app, middlewares: [allow]}
    deep: {rule: 'Host(`deep.test`)', service: app, middlewares: [deep]}
    deeper: {rule: 'Host(`deeper.test`)', service: app, middlewares: [deeper]}
    rate: {rule: 'Host(`rate.test`)', service: app, middlewares: [rate]}
    basic: {rule: 'Host(`basic.test`)', service: app, middlewares: [auth-field]}
    merged: {rule: 'Host(`merged.test`)', service: app, middlewares: [auth-merged]}
    odd: {rule: 'Host(`odd.test`)', service: app, middlewares: [auth-odd]}
    digest: {rule: 'Host(`digest.test`)', service: app, middlewares: [digest]}
    cors: {rule: 'Host(`cors.test`)', service: app, middlewares: [cors]}
    unbuilt: {rule: 'Host(`unbuilt.test`)', service: app, middlewares: [unbuilt]}
    unknown: {rule: 'Host(`unknown.test`)', service: app, middlewares: [nowhere]}
    split: {rule: 'Host(`split.test`)', service: app, middlewares: [split]}
    many: {rule: '{MANY}', service: app, middlewares: [auth]}
    alive: {rule: 'PathPrefix(`/ping`)', service: 'ping@internal', entryPoints: [alive]}
  middlewares:
    auth: {basicAuth: {users: ['bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=']}}
    auth-field: {basicAuth: {users: ['bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='], headerField: x-auth-user}}
    auth-merged: {basicAuth: {users: ['alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=']}}
    auth-odd: {basicAuth: {users: ['a:$2y$04$éééééééééééééééééééééééééééé', 'b:$2y$04$abc', 'c:{SHA}', 'd:$apr1$$', 'e:$apr1$', 'f:$1$']}}
    digest: {digestAuth: {users: ['bob:traefik:185b1d3a142373ac8826db9cccec494c']}}
    strip: {stripPrefix: {prefixes: [/api]}}
    strip-re: {stripPrefixRegex: {regex: ['/[^/]+']}}
    replace: {replacePath: {path: /new}}
    replace-re: {replacePathRegex: {regex: '^/api(.*)', replacement: '/$1'}}
    replace-keep: {replacePathRegex: {regex: '^/r(.*)', replacement: '/n$1'}}
    add: {addPrefix: {prefix: /pre}}
    redirect: {redirectRegex: {regex: '^https?://[^/]+/(.*)$', replacement: 'https://a.test/$1'}}
    to-tls: {redirectScheme: {scheme: https}}
    set: {headers: {customRequestHeaders: {X-Custom: ours, X-Gone: ''}}}
    hidden: {headers: {customRequestHeaders: {X-Forwarded-For: ''}}}
    allow: {ipAllowList: {sourceRange: [10.0.0.0/8]}}
    deep: {ipAllowList: {sourceRange: [10.0.0.0/8], ipStrategy: {depth: 1}}}
    deeper: {ipAllowList: {sourceRange: [10.0.0.0/8, 127.0.0.0/8], ipStrategy: {depth: 9}}}
    rate: {rateLimit: {average: 1, period: 1h, burst: 1}}
    cors: {headers: {accessControlAllowOriginList: ['https://a.test'], accessControlAllowCredentials: true}}
    unbuilt: {basicAuth: {usersFile: nowhere}}
    split: {headers: {customRequestHeaders: {X-A: \"a\\r\\nY: b\"}}}
  services:
    app: {loadBalancer: {servers: [{url: '{APP}'}]}}
";

pub struct House {
    pub process: Running,
    pub upstream: Upstream,
    ports: Vec<(&'static str, u16)>,
}

impl House {
    pub fn start() -> Self {
        let upstream = Upstream::start("app");
        let ports: Vec<(&str, u16)> =
            ENTRY_POINTS.iter().map(|(name, _)| (*name, ports::free())).collect();
        let mut install = String::from(
            "providers: {file: {filename: routing.yml}}\napi: {insecure: true}\n\
             ping: {manualRouting: true}\naccessLog: {filePath: access.log}\nentryPoints:\n",
        );
        for ((name, more), (_, port)) in ENTRY_POINTS.iter().zip(&ports) {
            let more = more.strip_prefix('{').unwrap_or(more);
            let comma = if more == "}" { "" } else { ", " };
            install.push_str(&format!("  {name}: {{address: '127.0.0.1:{port}'{comma}{more}\n"));
        }
        let many: Vec<String> =
            (0..120).map(|number| format!("Host(`h{number}.many.test`)")).collect();
        let routing =
            ROUTING.replace("{APP}", &upstream.url()).replace("{MANY}", &many.join(" || "));
        let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
            .file("install.yml", &install)
            .file("routing.yml", &routing)
            // Nobody sends our own requests elsewhere (httpoxy).
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .arg("--configFile=install.yml")
            .start();
        for (_, port) in &ports {
            process.wait_listening(*port);
        }
        let house = Self { process, upstream, ports };
        eventually("its routers serve", LIMIT, || {
            match client::get(house.port("web"), "p.test", "/") {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}; it said:\n{}", house.process.output())),
            }
        });
        house
    }

    /// The port of an entry point.
    pub fn port(&self, entry_point: &str) -> u16 {
        match self.ports.iter().find(|(name, _)| *name == entry_point) {
            Some((_, port)) => *port,
            None => panic!("no entry point {entry_point}"),
        }
    }

    /// A new connection to it.
    pub fn connect(&self, entry_point: &str) -> Client {
        let client = Client::connect(("127.0.0.1", self.port(entry_point))).expect("it listens");
        client.set_timeout(LIMIT).expect("a time-out");
        client
    }
}
