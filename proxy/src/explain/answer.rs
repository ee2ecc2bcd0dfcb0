//! The shape of an explanation: what `--format json` prints, the control socket and the API carry.
//!
//! Names are camelCase; what does not apply is absent. Fields may be added, none changes its
//! meaning.

use serde::{Deserialize, Serialize};

/// Declares the types of the shape: all of them are printed, read back and compared.
macro_rules! shape {
    ($($(#[$meta:meta])* struct $name:ident { $($(#[$about:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
            #[serde(rename_all = "camelCase", default)]
            pub struct $name {
                $(
                    $(#[$about])*
                    #[serde(skip_serializing_if = "is_default")]
                    pub $field: $type,
                )*
            }
        )*
    };
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

shape! {
    /// What would become of a request.
    struct Explanation {
        /// The request as the proxy sees it.
        request: Requested,
        /// Where it arrives; absent where no entry point takes it.
        entry_point: Option<EntryPoint>,
        /// What a TLS client is shown first.
        certificate: Option<Certificate>,
        /// Routers of the entry point whose rules may hold for this host, best priority first.
        considered: Vec<Candidate>,
        /// How many more there are of them.
        considered_more: usize,
        /// How many routers the entry point has for other hosts only.
        for_other_hosts: usize,
        /// The router that takes it.
        router: Option<Router>,
        /// The routers below it that the request goes on to, from the top down; mostly none.
        layers: Vec<Layer>,
        /// The middlewares of all these routers in order, with what each does to this request.
        middlewares: Vec<Middleware>,
        /// The last router's service.
        service: Option<Service>,
        /// What comes of it all.
        outcome: Outcome,
        /// Where nothing matches: what might be meant.
        hints: Vec<String>,
        /// Routers that name the host and do not serve.
        disabled: Vec<Disabled>,
        /// Containers and services that were left out and speak of the host.
        skipped: Vec<Lost>,
        /// Findings on what takes part, or that mention the host.
        findings: Vec<Remark>,
    }

    /// The request as the proxy sees it.
    struct Requested {
        /// The URL as asked for.
        url: String,
        /// The method.
        method: String,
        /// The host in its canonical form, without a port.
        host: String,
        /// The path that rules see.
        path: String,
        /// The query, if there is one.
        query: Option<String>,
        /// The client's address.
        client: String,
        /// Whether it comes over TLS.
        tls: bool,
        /// Forwarding headers that were asked for and do not get past the entry point.
        dropped_headers: Vec<String>,
        /// `x-forwarded-proto: https by http`: those that get another value there.
        replaced_headers: Vec<String>,
        /// Headers that are for the connection only.
        hop_headers: Vec<String>,
    }

    /// An entry point.
    struct EntryPoint {
        /// Its name.
        name: String,
        /// What it listens on.
        address: String,
        /// Why it is this one.
        because: String,
        /// Where its own redirection leads, as configured.
        redirects_to: Option<String>,
    }

    /// A certificate.
    struct Certificate {
        /// The server name that the client sends; absent for addresses.
        server_name: Option<String>,
        /// The names it is for.
        names: Vec<String>,
        /// Who issued it.
        issuer: String,
        /// Begin of its validity (RFC 3339).
        not_before: String,
        /// End of its validity (RFC 3339).
        not_after: String,
        /// `enabled`, `warning` (less than 30 days left) or `expired`.
        status: String,
        /// `file …`, `resolver …` or `generated`.
        source: String,
        /// `name`, `wildcard` or `default`: by what it was chosen.
        chosen_by: String,
        /// The TLS options.
        options: String,
        /// The resolver that the chosen router wants a certificate from.
        wanted_from: Option<String>,
    }

    /// The routers below another one (`parentRefs`).
    struct Layer {
        /// The router that they are below.
        below: String,
        /// The path that their rules see, as the middlewares above left it.
        path: String,
        /// Those whose rules may hold for this host, best priority first.
        considered: Vec<Candidate>,
        /// How many more there are of them.
        considered_more: usize,
        /// How many are for other hosts only.
        for_other_hosts: usize,
        /// The one that takes the request on, if any does.
        router: Option<Router>,
    }

    /// A router that was considered.
    struct Candidate {
        /// Its qualified name.
        router: String,
        /// Its priority.
        priority: i64,
        /// Its rule.
        rule: String,
        /// Whether it takes the request.
        chosen: bool,
        /// Whether it would, were there none before it.
        matches: bool,
        /// The first part of its rule that fails; several where one of several was to hold.
        failed: Vec<Failed>,
        /// How many alternatives that fail as well are not listed.
        failed_more: usize,
    }

    /// A part of a rule that fails.
    struct Failed {
        /// As written, with `!` where it is negated.
        part: String,
        /// What the request has instead.
        because: String,
    }

    /// The router that takes the request.
    struct Router {
        /// Its qualified name.
        name: String,
        /// Its priority.
        priority: i64,
        /// Its rule.
        rule: String,
        /// Where it was written.
        origin: String,
        /// `enabled` or `warning`.
        status: String,
        /// What is wrong with it, though it serves.
        errors: Vec<String>,
    }

    /// A middleware and what it does.
    struct Middleware {
        /// Its qualified name.
        name: String,
        /// Its kind (`stripPrefix`).
        kind: String,
        /// What it does to this request and its answer; empty: nothing.
        effects: Vec<String>,
        /// Whether it answers the request itself.
        answers: bool,
        /// Whether the request does not come so far.
        unreached: bool,
    }

    /// The router's service.
    struct Service {
        /// Its qualified name.
        name: String,
        /// Whether it is one of the proxy itself.
        internal: bool,
        /// Its servers.
        servers: Vec<Server>,
        /// How many servers are not listed.
        servers_more: usize,
        /// What Swarm tells of it.
        swarm: Option<Swarm>,
        /// Whether the server is told the client's `Host`.
        pass_host_header: bool,
        /// `none`, or what is configured.
        health_check: String,
        /// What is wrong with it, though it serves.
        errors: Vec<String>,
    }

    /// A server.
    struct Server {
        /// Its URL.
        url: String,
        /// The URL's path, where requests do not get it (`preservePath` is not set).
        unused_path: String,
        /// Its weight.
        weight: i64,
    }

    /// What Swarm tells of a service.
    struct Swarm {
        /// Whether the one server is its VIP.
        vip: bool,
        /// How many of its tasks run.
        running_tasks: u32,
    }

    /// What comes of it all.
    struct Outcome {
        /// `forwarded`, `internal`, `answered`, `unavailable`, `refused` or `notFound`.
        kind: String,
        /// The status where the proxy answers itself.
        status: Option<u16>,
        /// `Location` of a redirection.
        location: Option<String>,
        /// Method and target as the server gets them.
        sent: Option<String>,
        /// The same in words.
        text: String,
    }

    /// A router that does not serve.
    struct Disabled {
        /// Its qualified name.
        router: String,
        /// Its rule.
        rule: String,
        /// Where it was written.
        origin: String,
        /// Why it does not serve.
        errors: Vec<String>,
    }

    /// A container or service that was left out.
    struct Lost {
        /// The provider's name.
        provider: String,
        /// Its name.
        service: String,
        /// Why.
        reason: String,
    }

    /// A finding.
    struct Remark {
        /// `info`, `warning` or `error`.
        severity: String,
        /// Where it was written, what is wrong, what was expected.
        text: String,
    }
}
