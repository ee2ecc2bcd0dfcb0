//! The options of v1, and what each is called today. Keys are in lower case; `.*` stands for all
//! options below one.

use self::Kind::{Truth, Value};
use self::To::{Acme, Engine, Group, Key, Nothing, Points, Special};

/// Whether an option needs a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its mention alone means true.
    Truth,
    Value,
}

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// This option.
    Key(&'static str),
    /// This group: what stands below it keeps its name.
    Group(&'static str),
    /// This option of the provider, which is `docker` or `swarm`.
    Engine(&'static str),
    /// This option of every entry point.
    Points(&'static str),
    /// This option of the one certificate resolver.
    Acme(&'static str),
    /// It has no counterpart; what to do instead.
    Nothing(&'static str),
    /// `flags` knows.
    Special,
}

/// The options that v3 does not know.
pub(crate) const OPTIONS: &[(&str, Kind, To)] = &[
    ("docker", Truth, Special),
    ("docker.swarmmode", Truth, Special),
    ("docker.swarmmoderefreshseconds", Value, Engine("refreshSeconds")),
    ("docker.endpoint", Value, Engine("endpoint")),
    ("docker.watch", Truth, Engine("watch")),
    ("docker.exposedbydefault", Truth, Engine("exposedByDefault")),
    ("docker.network", Value, Engine("network")),
    ("docker.usebindportip", Truth, Engine("useBindPortIP")),
    ("docker.tls", Truth, Nothing("nothing: the options below it switch it on")),
    ("docker.tls.ca", Value, Engine("tls.ca")),
    ("docker.tls.cert", Value, Engine("tls.cert")),
    ("docker.tls.key", Value, Engine("tls.key")),
    ("docker.tls.insecureskipverify", Truth, Engine("tls.insecureSkipVerify")),
    ("docker.tls.caoptional", Truth, Nothing("remove it")),
    ("docker.domain", Value, Special),
    ("docker.constraints", Value, Special),
    ("docker.filename", Value, Nothing("labels, or a file that providers.file.filename names")),
    ("docker.templateversion", Value, Nothing("remove it")),
    ("docker.debugloggeneratedtemplate", Truth, Nothing("log.level=DEBUG")),
    ("constraints", Value, Special),
    ("entrypoints", Value, Special),
    ("defaultentrypoints", Value, Special),
    ("acme", Truth, Special),
    ("acme.email", Value, Acme("email")),
    ("acme.storage", Value, Acme("storage")),
    ("acme.storagefile", Value, Acme("storage")),
    ("acme.caserver", Value, Acme("caServer")),
    ("acme.keytype", Value, Acme("keyType")),
    ("acme.preferredchain", Value, Acme("preferredChain")),
    ("acme.httpchallenge", Truth, Acme("httpChallenge")),
    ("acme.httpchallenge.entrypoint", Value, Acme("httpChallenge.entryPoint")),
    ("acme.tlschallenge", Truth, Acme("tlsChallenge")),
    ("acme.dnschallenge", Truth, Acme("dnsChallenge")),
    ("acme.dnschallenge.provider", Value, Acme("dnsChallenge.provider")),
    (
        "acme.dnschallenge.delaybeforecheck",
        Value,
        Acme("dnsChallenge.propagation.delayBeforeChecks"),
    ),
    ("acme.dnschallenge.resolvers", Value, Acme("dnsChallenge.resolvers")),
    (
        "acme.dnschallenge.disablepropagationcheck",
        Truth,
        Acme("dnsChallenge.propagation.disableChecks"),
    ),
    ("acme.dnsprovider", Value, Acme("dnsChallenge.provider")),
    ("acme.delaydontcheckdns", Value, Acme("dnsChallenge.propagation.delayBeforeChecks")),
    ("acme.entrypoint", Value, Special),
    ("acme.onhostrule", Truth, Special),
    ("acme.domains", Value, Special),
    ("acme.ondemand", Truth, Nothing("tls.certResolver of routers: certificates are got before")),
    ("acme.acmelogging", Truth, Nothing("log.level=DEBUG")),
    ("acme.overridecertificates", Truth, Nothing("remove it")),
    ("acme.kvstorage", Value, Nothing("a file that acme.storage names")),
    ("api.entrypoint", Value, Special),
    ("api.statistics", Truth, Nothing("metrics.prometheus")),
    ("api.statistics.*", Value, Nothing("metrics.prometheus")),
    ("web", Truth, Special),
    ("web.address", Value, Special),
    ("web.path", Value, Key("api.basePath")),
    ("web.readonly", Truth, Nothing("nothing: today's API only reads")),
    ("web.certfile", Value, Special),
    ("web.keyfile", Value, Special),
    ("web.statistics", Truth, Nothing("metrics.prometheus")),
    ("web.statistics.*", Value, Nothing("metrics.prometheus")),
    ("web.metrics", Truth, Nothing("metrics.prometheus")),
    ("web.metrics.prometheus", Truth, Key("metrics.prometheus")),
    ("web.metrics.prometheus.*", Value, Group("metrics.prometheus")),
    ("web.metrics.*", Value, Group("metrics")),
    ("web.auth.*", Value, Special),
    ("rest", Truth, Key("providers.rest")),
    ("rest.entrypoint", Value, Nothing("a router to rest@internal")),
    ("loglevel", Value, Key("log.level")),
    ("l", Value, Key("log.level")),
    ("debug", Truth, Special),
    ("d", Truth, Special),
    ("traefiklog", Truth, Nothing("remove it")),
    ("traefiklog.filepath", Value, Key("log.filePath")),
    ("traefiklog.format", Value, Key("log.format")),
    ("traefiklogsfile", Value, Key("log.filePath")),
    ("accesslogsfile", Value, Key("accessLog.filePath")),
    ("gracetimeout", Value, Points("transport.lifeCycle.graceTimeOut")),
    ("g", Value, Points("transport.lifeCycle.graceTimeOut")),
    ("lifecycle", Truth, Nothing("remove it")),
    ("lifecycle.gracetimeout", Value, Points("transport.lifeCycle.graceTimeOut")),
    (
        "lifecycle.requestacceptgracetimeout",
        Value,
        Points("transport.lifeCycle.requestAcceptGraceTimeout"),
    ),
    ("respondingtimeouts", Truth, Nothing("remove it")),
    ("respondingtimeouts.readtimeout", Value, Points("transport.respondingTimeouts.readTimeout")),
    ("respondingtimeouts.writetimeout", Value, Points("transport.respondingTimeouts.writeTimeout")),
    ("respondingtimeouts.idletimeout", Value, Points("transport.respondingTimeouts.idleTimeout")),
    ("idletimeout", Value, Points("transport.respondingTimeouts.idleTimeout")),
    ("forwardingtimeouts", Truth, Nothing("remove it")),
    (
        "forwardingtimeouts.dialtimeout",
        Value,
        Key("serversTransport.forwardingTimeouts.dialTimeout"),
    ),
    (
        "forwardingtimeouts.responseheadertimeout",
        Value,
        Key("serversTransport.forwardingTimeouts.responseHeaderTimeout"),
    ),
    ("maxidleconnsperhost", Value, Key("serversTransport.maxIdleConnsPerHost")),
    ("insecureskipverify", Truth, Key("serversTransport.insecureSkipVerify")),
    ("rootcas", Value, Key("serversTransport.rootCAs")),
    ("retry", Truth, Nothing("a retry middleware on the routers that need it")),
    ("retry.attempts", Value, Nothing("a retry middleware on the routers that need it")),
    ("healthcheck", Truth, Nothing("loadbalancer.healthcheck of each service")),
    ("healthcheck.interval", Value, Nothing("loadbalancer.healthcheck.interval of each service")),
    ("checknewversion", Truth, Key("global.checkNewVersion")),
    ("sendanonymoususage", Truth, Key("global.sendAnonymousUsage")),
    ("file", Truth, Nothing("a file of routes of v3 that providers.file.filename names")),
    ("file.filename", Value, Key("providers.file.filename")),
    ("file.directory", Value, Key("providers.file.directory")),
    ("file.watch", Truth, Key("providers.file.watch")),
    ("consul", Truth, Key("providers.consul")),
    ("consul.endpoint", Value, Key("providers.consul.endpoints")),
    ("consul.prefix", Value, Key("providers.consul.rootKey")),
    ("consul.*", Value, Group("providers.consul")),
    ("consulcatalog", Truth, Key("providers.consulCatalog")),
    ("consulcatalog.*", Value, Group("providers.consulCatalog")),
    ("etcd", Truth, Key("providers.etcd")),
    ("etcd.endpoint", Value, Key("providers.etcd.endpoints")),
    ("etcd.prefix", Value, Key("providers.etcd.rootKey")),
    ("etcd.*", Value, Group("providers.etcd")),
    ("zookeeper", Truth, Key("providers.zooKeeper")),
    ("zookeeper.endpoint", Value, Key("providers.zooKeeper.endpoints")),
    ("zookeeper.prefix", Value, Key("providers.zooKeeper.rootKey")),
    ("zookeeper.*", Value, Group("providers.zooKeeper")),
    ("ecs", Truth, Key("providers.ecs")),
    ("ecs.*", Value, Group("providers.ecs")),
    ("kubernetes", Truth, Key("providers.kubernetesIngress")),
    ("kubernetes.*", Value, Group("providers.kubernetesIngress")),
    ("boltdb", Truth, GONE),
    ("boltdb.*", Value, GONE),
    ("dynamodb", Truth, GONE),
    ("dynamodb.*", Value, GONE),
    ("eureka", Truth, GONE),
    ("eureka.*", Value, GONE),
    ("mesos", Truth, GONE),
    ("mesos.*", Value, GONE),
    ("marathon", Truth, GONE),
    ("marathon.*", Value, GONE),
    ("rancher", Truth, GONE),
    ("rancher.*", Value, GONE),
    ("servicefabric", Truth, GONE),
    ("servicefabric.*", Value, GONE),
    ("cluster", Truth, Nothing("nothing: instances share no state")),
    ("cluster.*", Value, Nothing("nothing: instances share no state")),
    ("keeptrailingslash", Truth, Nothing("nothing: /p and /p/ are two paths")),
    ("allowminweightzero", Truth, Nothing("nothing: a weight of 0 takes a server out")),
    ("providersthrottleduration", Value, Key("providers.providersThrottleDuration")),
    ("c", Value, Special),
];

const GONE: To = Nothing("remove it: the provider is gone");

/// Options that v3 knows under the same name but takes otherwise. They count once another option
/// has shown that this is v1.
pub(crate) const SHARED: &[(&str, Kind, To)] = &[
    ("api", Truth, Special),
    ("accesslog.fields.names", Value, Special),
    ("accesslog.fields.headers.names", Value, Special),
];

/// The row of a key in lower case, and what the star stands for.
pub(crate) fn find<'k>(
    table: &[(&'static str, Kind, To)],
    key: &'k str,
) -> Option<(Kind, To, &'k str)> {
    let exact = table.iter().find(|(known, ..)| *known == key);
    if let Some((_, kind, to)) = exact {
        return Some((*kind, *to, ""));
    }
    table.iter().find_map(|(known, kind, to)| {
        let below = key.strip_prefix(known.strip_suffix(".*")?)?.strip_prefix('.')?;
        Some((*kind, *to, below))
    })
}
