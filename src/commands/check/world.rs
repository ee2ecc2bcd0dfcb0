//! A world: one proxy, the stacks it serves and the files it reads, led through the real path:
//! discovery's own code, then `config::check`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use swarmgate_config::check::{self, Merged};
use swarmgate_config::checked;
use swarmgate_config::finding::{Finding, Origin};
use swarmgate_config::install::{
    Acme, CertificateResolver, Docker, EntryPoint, HttpChallenge, Install,
};
use swarmgate_config::name::QName;
use swarmgate_config::routing::{
    Chain, Configuration, LoadBalancer, Map, Middleware, Service as HttpService, Written,
};
use swarmgate_discovery::offline::{self, Left, Outcome, Planned};

use super::again;
use super::built;
use super::stack::{Engine, Label, Service, Stack};

/// One proxy and all it serves.
#[derive(Debug)]
pub struct World {
    /// The stacks.
    pub stacks: Vec<Stack>,
    /// Stack and service of the proxy, if it is among them.
    pub proxy: Option<(usize, usize)>,
    /// Its install configuration: known, or what the labels suggest.
    pub install: Install,
    /// Whether it is known.
    pub known: bool,
    /// How the install configuration was found, for people.
    pub from: String,
    /// What the file provider would send.
    pub files: Configuration,
    /// Whether all of its files are known.
    pub files_known: bool,
    /// What the routing comes to.
    pub checked: checked::Configuration,
    /// Services that lead to no route: provider, own name, why.
    pub left: Vec<(String, String, Left)>,
    /// Networks of made-up addresses, by provider.
    pub addresses: BTreeMap<(String, IpAddr), String>,
    /// Objects that are taken to be there.
    pub assumed: BTreeSet<QName>,
    /// Stack and service by what the engine calls them.
    names: HashMap<String, (usize, usize)>,
}

impl World {
    /// A world that has not been built yet.
    pub fn new(stacks: Vec<Stack>, proxy: Option<(usize, usize)>) -> Self {
        Self {
            stacks,
            proxy,
            install: Install::default(),
            known: false,
            from: String::new(),
            files: Configuration::default(),
            files_known: false,
            checked: checked::Configuration::default(),
            left: Vec::new(),
            addresses: BTreeMap::new(),
            assumed: BTreeSet::new(),
            names: HashMap::new(),
        }
    }

    /// The providers of labels: name, settings, whose services they read.
    pub fn providers(&self) -> Vec<(&'static str, Docker, Engine)> {
        let given = &self.install.providers;
        let mut providers = Vec::new();
        if let Some(settings) = &given.swarm {
            providers.push(("swarm", settings.clone(), Engine::Swarm));
        }
        if let Some(settings) = &given.docker {
            let engine = if settings.swarm_mode { Engine::Swarm } else { Engine::Compose };
            providers.push(("docker", settings.clone(), engine));
        }
        providers
    }

    /// Builds it. The findings are those of the real path.
    pub fn build(&mut self) -> Vec<Finding> {
        let mut merged: Merged = BTreeMap::new();
        if self.known {
            self.settle_engines();
        } else {
            self.assume_providers();
        }
        for (number, stack) in self.stacks.iter().enumerate() {
            for (at, service) in stack.services.iter().enumerate() {
                self.names.entry(stack.own_name(service)).or_insert((number, at));
            }
        }
        for (name, outcome) in self.deployed(&BTreeSet::new()) {
            let left = outcome.left.into_iter();
            self.left.extend(left.map(|(service, why)| (name.to_owned(), service, why)));
            let addresses = outcome.addresses.into_iter();
            self.addresses.extend(addresses.map(|(ip, network)| ((name.to_owned(), ip), network)));
            merged.insert(name.into(), Arc::new(outcome.configuration));
        }
        merged.insert("file".into(), Arc::new(self.files.clone()));
        if !self.known {
            self.assume_entry_points(&merged);
        }
        self.assume_objects(&mut merged);
        self.checked = check::check(&self.install, &merged);
        let mut findings = std::mem::take(&mut self.checked.findings);
        findings.extend(built::look(&self.checked));
        findings.extend(again::look(self, &merged, &findings));
        findings
    }

    /// What each provider of labels would send; some labels may be left out. A port is replaced:
    /// without any, the service would have another mistake.
    pub fn deployed(&self, without: &BTreeSet<again::Label>) -> Vec<(&'static str, Outcome)> {
        let own = self.own_networks();
        let plan = |stack: &Stack, service: &Service| {
            let mut planned = stack.planned(service);
            if !without.is_empty() {
                let name: Arc<str> = planned.name.as_str().into();
                planned.labels.retain(|key, value| {
                    let refused = without.contains(&(name.clone(), key.as_str().into()));
                    let port = refused && key.to_ascii_lowercase().ends_with(".server.port");
                    if port {
                        *value = "80".to_owned();
                    }
                    port || !refused
                });
            }
            planned
        };
        let providers = self.providers().into_iter();
        providers
            .map(|(name, _, engine)| {
                let planned: Vec<Planned> = self
                    .stacks
                    .iter()
                    .filter(|stack| stack.engine == engine)
                    .flat_map(|stack| stack.services.iter().map(move |service| (stack, service)))
                    .filter(|(_, service)| self.known || has_labels(service.read_labels(engine)))
                    .map(|(stack, service)| plan(stack, service))
                    .collect();
                let outcome = match engine {
                    Engine::Swarm => offline::swarm(name, &self.install, &planned, own.clone()),
                    Engine::Compose => offline::docker(&self.install, &planned, own.clone()),
                };
                (name, outcome)
            })
            .collect()
    }

    /// A proxy with one provider reads all stacks with it.
    fn settle_engines(&mut self) {
        let engines: Vec<Engine> =
            self.providers().into_iter().map(|(_, _, engine)| engine).collect();
        if let Some(first) = engines.first()
            && engines.iter().all(|engine| engine == first)
        {
            for stack in &mut self.stacks {
                stack.engine = *first;
                stack.sure = true;
            }
        }
    }

    /// Networks of the proxy's container; `None` when they are not known.
    pub fn own_networks(&self) -> Option<BTreeSet<String>> {
        let (stack, service) = self.proxy?;
        let stack = self.stacks.get(stack)?;
        stack.networks_of(stack.services.get(service)?)
    }

    /// Nobody said which providers there are: those of the stacks.
    fn assume_providers(&mut self) {
        // Services without labels are not handed over, so that this exposes those with labels.
        for stack in &self.stacks {
            let providers = &mut self.install.providers;
            match stack.engine {
                Engine::Swarm => providers.swarm.get_or_insert_with(Docker::default),
                Engine::Compose => providers.docker.get_or_insert_with(Docker::default),
            };
        }
    }

    /// Nobody said which entry points and resolvers there are: those that routers name.
    pub fn assume_entry_points(&mut self, merged: &Merged) {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let routers = || merged.values().flat_map(|written| written.routers.values());
        for router in routers() {
            names.extend(router.value.entry_points.iter().map(String::as_str));
            let tls = router.value.tls.as_deref();
            if let Some(resolver) = tls.and_then(|tls| tls.cert_resolver.clone()) {
                let http_challenge = Some(HttpChallenge::default());
                let acme = Acme { http_challenge, ..Acme::default() };
                let resolver_of = CertificateResolver { acme: Some(acme), tailscale: None };
                self.install.certificates_resolvers.insert(resolver, resolver_of);
            }
        }
        for name in names {
            let secure = name.to_ascii_lowercase().contains("sec") || name.contains("https");
            let address = if secure { ":443" } else { ":80" };
            let entry_point = EntryPoint { address: address.into(), ..EntryPoint::default() };
            self.install.entry_points.insert(name.to_owned(), entry_point);
        }
    }

    /// References to providers that are not among the files are taken to lead somewhere.
    pub fn assume_objects(&mut self, merged: &mut Merged) {
        let mut middlewares = BTreeSet::new();
        let mut services = BTreeSet::new();
        for (provider, written) in merged.iter() {
            let named = |reference: &String| QName::resolve(reference, provider);
            for router in written.routers.values() {
                middlewares.extend(router.value.middlewares.iter().map(named));
                services.extend(router.value.service.iter().map(named));
            }
            for middleware in written.middlewares.values() {
                let errors = middleware.value.errors.as_ref();
                services.extend(errors.map(|errors| named(&errors.service)));
                let chain = middleware.value.chain.as_ref();
                middlewares
                    .extend(chain.into_iter().flat_map(|chain| &chain.middlewares).map(named));
            }
        }
        for entry_point in self.install.entry_points.values() {
            // One without a provider is no name of an object here.
            let full = entry_point.http.middlewares.iter().filter(|name| name.contains('@'));
            middlewares.extend(full.map(|name| QName::resolve(name, "")));
        }
        middlewares.retain(|name| !self.is_here(name.provider()));
        services.retain(|name| !self.is_here(name.provider()));
        for name in middlewares {
            let chain = Chain::default();
            let value = Middleware { chain: Some(chain), ..Middleware::default() };
            self.assume(merged, name, |written| &mut written.middlewares, value);
        }
        for name in services {
            let balancer = Some(LoadBalancer::default());
            let value = HttpService { load_balancer: balancer, ..HttpService::default() };
            self.assume(merged, name, |written| &mut written.services, value);
        }
    }

    /// Whether all objects of a provider are among the files.
    fn is_here(&self, provider: &str) -> bool {
        match provider {
            "internal" => true,
            "file" => self.files_known,
            // A stack that is not among the files may define it, unless the proxy is: then all
            // that it will serve should be, but for what comes from elsewhere.
            provider if self.known => {
                let own = self.providers().iter().any(|(name, ..)| *name == provider);
                let any = self.install.providers.plugin.is_some();
                own || !(any || self.unread_providers().contains(&provider))
            }
            _ => false,
        }
    }

    /// Providers that the proxy has and no file tells of.
    fn unread_providers(&self) -> Vec<&'static str> {
        let given = &self.install.providers;
        [
            ("http", given.http.is_some()),
            ("rest", given.rest.is_some()),
            ("consul", given.consul.is_some()),
            ("etcd", given.etcd.is_some()),
            ("zookeeper", given.zoo_keeper.is_some()),
            ("redis", given.redis.is_some()),
            ("consulcatalog", given.consul_catalog.is_some()),
            ("nomad", given.nomad.is_some()),
            ("ecs", given.ecs.is_some()),
            ("knative", given.knative.is_some()),
            ("kubernetes", given.kubernetes_ingress.is_some()),
            ("kubernetesingressnginx", given.kubernetes_ingress_nginx.is_some()),
            ("kubernetescrd", given.kubernetes_crd.is_some()),
            ("kubernetesgateway", given.kubernetes_gateway.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }

    /// The names of the providers that the proxy has; `None` where it is not known, or may have
    /// some of any name.
    pub fn provider_names(&self) -> Option<Vec<&'static str>> {
        if !self.known || self.install.providers.plugin.is_some() {
            return None;
        }
        let mut names: Vec<&'static str> =
            self.providers().into_iter().map(|(name, ..)| name).collect();
        names.extend(self.install.providers.file.as_ref().map(|_| "file"));
        names.extend(self.unread_providers());
        names.push("internal");
        Some(names)
    }

    fn assume<T>(
        &mut self,
        merged: &mut Merged,
        name: QName,
        objects: impl Fn(&mut Configuration) -> &mut Map<T>,
        value: T,
    ) {
        let written = Arc::make_mut(merged.entry(name.provider().into()).or_default());
        let objects = objects(written);
        if !objects.contains_key(name.name()) {
            let written = Written { value: Arc::new(value), origin: Origin::Internal };
            objects.insert(name.name().to_owned(), written);
            self.assumed.insert(name);
        }
    }

    /// The stack and service behind a provider's name of it.
    pub fn service(&self, own_name: &str) -> Option<(&Stack, &Service)> {
        let (stack, service) = self.names.get(own_name)?;
        let stack = self.stacks.get(*stack)?;
        Some((stack, stack.services.get(*service)?))
    }

    /// The proxy's stack and service.
    pub fn proxy(&self) -> Option<(&Stack, &Service)> {
        let (stack, service) = self.proxy?;
        let stack = self.stacks.get(stack)?;
        Some((stack, stack.services.get(service)?))
    }
}

/// Whether any label is for the proxy.
pub fn has_labels(labels: &[Label]) -> bool {
    labels.iter().any(|label| is_traefik(&label.key))
}

/// Whether a label is for the proxy.
pub fn is_traefik(key: &str) -> bool {
    key.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("traefik."))
}
