//! The composition root: the one place where the rooms meet, in one readable pass.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use swarmgate_acme::Acme;
use swarmgate_config::decode::{Sources, load_install};
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::install::{Address, EntryPoint, Install, Protocol};
use swarmgate_proxy::observe::AccessLog;
use swarmgate_proxy::{Options, Proxy};
use tokio::sync::watch;

use crate::control_socket;
use crate::log;
use crate::reload::Reload;
use crate::signals::{Asked, Signals};
use crate::{complain, limits};

/// Data-plane threads, where a person wants another number than the machine's cores (benchmarks).
const THREADS: &str = "SWARMGATE_THREADS";

/// How long the log may take to be written out at the end.
const CONTROL_PLANE_STOP: Duration = Duration::from_secs(2);

/// Runs the proxy until it is told to stop.
pub fn run(sources: &Sources) -> ExitCode {
    let loaded = match load_install(sources) {
        Ok(loaded) => loaded,
        Err(findings) => {
            for finding in findings {
                complain(&finding.to_string());
            }
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = log::init(&loaded.install.log) {
        complain(&error);
        return ExitCode::FAILURE;
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        configuration = %loaded.source,
        "Swarmgate starts"
    );
    limits::raise_open_files();
    let result = control_plane().and_then(|runtime| {
        let result = runtime.block_on(serve(Arc::new(loaded.install), loaded.findings));
        runtime.shutdown_timeout(CONTROL_PLANE_STOP);
        result
    });
    match result {
        Ok(()) => {
            log::flush();
            ExitCode::SUCCESS
        }
        Err(error) => {
            log::fatal(&error);
            ExitCode::FAILURE
        }
    }
}

/// Discovery, ACME and reloading live apart from the threads that serve requests.
fn control_plane() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("control")
        .on_thread_start(limits::come_second)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the control plane: {error}"))
}

async fn serve(install: Arc<Install>, mut findings: Vec<Finding>) -> Result<(), String> {
    let mut signals =
        Signals::listen().map_err(|error| format!("cannot listen to signals: {error}"))?;
    let entry_points = entry_points(&install, &mut findings)?;

    let (acme, troubles) = Acme::open(&install.certificates_resolvers);
    findings.extend(troubles);
    let (mut providers, troubles) = swarmgate_discovery::providers(&install);
    findings.extend(troubles);
    let rest = swarmgate_discovery::rest(&install).map(|(provider, put)| {
        providers.push(provider);
        put
    });
    for finding in &findings {
        log::finding(finding);
    }

    let access_log = match &install.access_log {
        None => None,
        Some(settings) => {
            Some(AccessLog::open(settings).map_err(|error| format!("accessLog: {error}"))?)
        }
    };
    let (covered_sender, covered) = watch::channel(HashSet::new());
    let acme = acme.covered_elsewhere(covered);
    let challenges = acme.challenges();
    let held = acme.held();
    let proxy = Proxy::start(Options {
        install: Arc::clone(&install),
        entry_points,
        threads: threads(),
        challenges: Arc::new(move |host, token| challenges.lookup(host, token)),
        rest,
        access_log: access_log.clone(),
        host_name: host_name(),
    })
    .map_err(|error| error.to_string())?;
    for (name, address) in proxy.addresses() {
        tracing::info!(entryPointName = %name, %address, "Listening");
    }

    let proxy = Arc::new(proxy);
    let (wanted_sender, wanted) = watch::channel(Vec::new());
    let reload = Arc::new(Reload::new(
        Arc::clone(&install),
        Arc::clone(&proxy),
        wanted_sender,
        covered_sender,
        held,
        findings,
    ));
    reload.apply();

    let answering = control_socket::start(&proxy);

    let throttle = install.providers.providers_throttle_duration.or_zero();
    let discovery = tokio::spawn({
        let reload = Arc::clone(&reload);
        async move {
            swarmgate_discovery::aggregate(providers, throttle, |merged| reload.routing(merged))
                .await;
        }
    });
    let ordering = tokio::spawn({
        let (certificates, troubles) = (Arc::clone(&reload), Arc::clone(&reload));
        acme.run(
            wanted,
            move |held| certificates.certificates(held),
            move |findings| troubles.acme_findings(findings),
        )
    });

    loop {
        match (signals.next().await, &access_log) {
            (Asked::Stop, _) => break,
            (Asked::Reopen, Some(log)) => {
                tracing::info!("Closing and re-opening the access log");
                log.reopen();
            }
            (Asked::Reopen | Asked::Nothing, _) => {}
        }
    }
    tracing::info!("Stopping: open requests are finished, new ones are refused");
    discovery.abort();
    ordering.abort();
    // Their last handles on the proxy go with them.
    let _ = tokio::join!(discovery, ordering);
    if let Some(answering) = answering {
        answering.abort();
    }
    drop(reload);
    let stopping =
        tokio::task::spawn_blocking(move || proxy.stop().map_err(|error| error.to_string()));
    let stopped = tokio::select! {
        stopped = stopping => stopped.map_err(|error| error.to_string()).and_then(|result| result),
        () = second_stop(&mut signals) => Err("stopped at once by a second signal".into()),
    };
    if let Some(log) = access_log {
        log.flush();
    }
    stopped
}

async fn second_stop(signals: &mut Signals) {
    while signals.next().await != Asked::Stop {}
}

/// The TCP entry points with their socket addresses; those of UDP are left out and explained.
fn entry_points(
    install: &Install,
    findings: &mut Vec<Finding>,
) -> Result<Vec<(String, EntryPoint, SocketAddr)>, String> {
    let mut opened = Vec::new();
    for (name, entry_point) in install.entry_points_or_default() {
        let address = Address::parse(&entry_point.address)
            .map_err(|error| format!("entry point {name:?}: {error}"))?;
        if address.protocol == Protocol::Udp {
            findings.push(
                Finding::new(
                    Severity::Warning,
                    Origin::Internal,
                    format!("entry point {name:?} listens for UDP, which is not served yet"),
                )
                .on(ObjectKind::EntryPoint, name),
            );
            continue;
        }
        let ip = match address.host.as_str() {
            "" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host.parse().map_err(|_| {
                format!("entry point {name:?}: {host:?} is not an IP address of this machine")
            })?,
        };
        opened.push((name, entry_point, SocketAddr::new(ip, address.port)));
    }
    Ok(opened)
}

fn threads() -> usize {
    std::env::var(THREADS)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|threads| (1..=1024).contains(threads))
        .or_else(|| std::thread::available_parallelism().ok().map(Into::into))
        .unwrap_or(1)
}

/// This machine's name, for `X-Forwarded-Server`.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}
