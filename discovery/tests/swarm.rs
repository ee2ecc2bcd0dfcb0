//! The Swarm provider against the simulated engine: labels, networks, VIPs and tasks, changes,
//! restarts, hostile answers, size.

mod support;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use support::{Watched, docker, routers, services, told, watch, watch_swarm};
use swarmgate_config::install::{Docker, Install};
use swarmgate_config::routing::{Configuration, SwarmBackend};
use swarmgate_testkit::engine::{ContainerSpec, Engine, Fault, Mode, ServiceSpec};

const PORT: (&str, &str) = ("traefik.http.services.web.loadbalancer.server.port", "8080");
const RULE: (&str, &str) = ("traefik.http.routers.web.rule", "Host(`domini.com`)");

fn web(name: &str) -> ServiceSpec {
    ServiceSpec::new(name).labels([PORT, RULE]).network("app_public")
}

fn engine() -> Engine {
    Engine::start_temporary().unwrap()
}

fn swarm(engine: &Engine) -> Watched {
    watch_swarm(docker(&engine.endpoint()))
}

fn backend(configuration: &Configuration, service: &str) -> Option<SwarmBackend> {
    configuration.services.get(service)?.value.load_balancer.as_ref()?.swarm
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_service_stands_behind_its_vip() {
    let engine = engine();
    engine.create_service(web("app_web").replicas(3).vip("app_public", ip("127.9.0.1"))).unwrap();
    let mut watched = swarm(&engine);
    watched.until("the router", |c| routers(c) == ["web"]).await;
    assert_eq!(services(&watched.latest), ["web=http://127.9.0.1:8080"]);
    assert_eq!(backend(&watched.latest, "web"), Some(SwarmBackend { vip: true, running_tasks: 3 }));
    assert!(watched.latest.findings.is_empty(), "{:?}", watched.latest.findings);
    // One listing, no fan-out.
    assert_eq!(engine.calls("GET /tasks"), 0);
    assert_eq!(engine.calls("GET /nodes"), 0);
}

#[tokio::test]
async fn what_needs_tasks_gets_task_addresses() {
    type Extra = fn(ServiceSpec) -> ServiceSpec;
    let sticky = ("traefik.http.services.web.loadbalancer.sticky.cookie", "true");
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Extra, bool);
    let table: [Case<'_>; 7] = [
        ("default", &[], |spec| spec, true),
        ("lbswarm=false", &[("traefik.swarm.lbswarm", "false")], |spec| spec, false),
        ("docker form", &[("traefik.docker.lbswarm", "false")], |spec| spec, false),
        ("lbswarm=true beats sticky", &[("traefik.swarm.lbswarm", "true"), sticky], |s| s, true),
        ("sticky", &[sticky], |spec| spec, false),
        ("dnsrr", &[], ServiceSpec::dnsrr, false),
        ("dnsrr and lbswarm", &[("traefik.swarm.lbswarm", "true")], ServiceSpec::dnsrr, false),
    ];
    for (case, labels, extra, vip) in table {
        let engine = engine();
        let spec = web("app_web")
            .replicas(2)
            .labels(labels.iter().copied())
            .vip("app_public", ip("127.9.0.1"))
            .tasks_at("app_public", vec![ip("127.9.0.5"), ip("127.9.0.4")]);
        engine.create_service(extra(spec)).unwrap();
        // A bystander whose tasks nobody asks for.
        engine.create_service(web("other_web").replicas(2)).unwrap();
        let mut watched = swarm(&engine);
        watched.until(case, |c| c.services.contains_key("web")).await;
        let expected = if vip {
            "web=http://127.9.0.1:8080"
        } else {
            "web=http://127.9.0.4:8080,http://127.9.0.5:8080"
        };
        assert!(services(&watched.latest)[0].starts_with(expected), "{case}: {:?}", watched.latest);
        assert_eq!(engine.calls("GET /tasks"), usize::from(!vip), "{case}");
    }
}

#[tokio::test]
async fn changes_are_seen_by_their_events() {
    let engine = engine();
    engine.create_service(web("app_web").replicas(2)).unwrap();
    let mut watched = swarm(&engine);
    watched.until("the router", |c| routers(c) == ["web"]).await;

    let rule = ("traefik.http.routers.web.rule", "Host(`new.test`)");
    engine.update_labels("app_web", [rule]);
    let took = watched
        .until("the new rule", |c| c.routers["web"].value.rule.as_deref() == Some(rule.1))
        .await;
    println!("label change seen after {took:?}");

    engine.scale("app_web", 5);
    let took = watched
        .until("five tasks", |c| backend(c, "web").is_some_and(|b| b.running_tasks == 5))
        .await;
    println!("scaling seen after {took:?}");

    engine
        .create_service(
            ServiceSpec::new("api")
                .network("app_public")
                .labels([("traefik.http.services.api.loadbalancer.server.port", "80")]),
        )
        .unwrap();
    watched.until("a second service", |c| routers(c) == ["api", "web"]).await;
    engine.remove_service("app_web");
    watched.until("it is gone", |c| routers(c) == ["api"]).await;
}

#[tokio::test]
async fn scaled_to_nothing_keeps_the_router() {
    let engine = engine();
    engine.create_service(web("app_web")).unwrap();
    let mut watched = swarm(&engine);
    watched.until("one task", |c| backend(c, "web").is_some_and(|b| b.running_tasks == 1)).await;
    engine.scale("app_web", 0);
    watched.until("no task", |c| backend(c, "web").is_some_and(|b| b.running_tasks == 0)).await;
    assert_eq!(routers(&watched.latest), ["web"]);
    engine.scale("app_web", 2);
    watched.until("two tasks", |c| backend(c, "web").is_some_and(|b| b.running_tasks == 2)).await;
}

#[tokio::test]
async fn tasks_of_other_nodes_cause_no_event_and_are_seen_all_the_same() {
    let engine = engine();
    engine.local_containers(false);
    engine.hold_tasks(true);
    engine.create_service(web("app_web").replicas(2)).unwrap();
    let mut watched = swarm(&engine);
    watched.until("waiting", |c| backend(c, "web").is_some_and(|b| b.running_tasks == 0)).await;
    engine.release_tasks();
    let took =
        watched.until("running", |c| backend(c, "web").is_some_and(|b| b.running_tasks == 2)).await;
    println!("silent start seen after {took:?}");
    assert!(took < Duration::from_secs(10), "only by the slow resync: {took:?}");
}

#[tokio::test]
async fn an_engine_that_restarts_is_picked_up_and_the_routes_stay() {
    let engine = engine();
    engine.create_service(web("app_web")).unwrap();
    let mut watched = swarm(&engine);
    watched.until("the router", |c| routers(c) == ["web"]).await;
    engine.stop();
    watched.until("the finding", |c| told(c, "cannot be reached")).await;
    assert_eq!(routers(&watched.latest), ["web"]);
    assert!(told(&watched.latest, "what was found last keeps serving"));
    engine.update_labels("app_web", [("traefik.http.routers.web.rule", "Host(`back.test`)")]);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    engine.restart().unwrap();
    let took = watched
        .until("it is back", |c| {
            c.findings.is_empty()
                && c.routers["web"].value.rule.as_deref() == Some("Host(`back.test`)")
        })
        .await;
    println!("restarted engine picked up after {took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    // A cut connection alone.
    let before = engine.calls("GET /events");
    engine.restart().unwrap();
    engine.update_labels("app_web", [("traefik.http.routers.web.rule", "Host(`again.test`)")]);
    watched
        .until("the cut is healed", |c| {
            c.routers["web"].value.rule.as_deref() == Some("Host(`again.test`)")
        })
        .await;
    assert!(engine.calls("GET /events") > before);
}

#[tokio::test]
async fn a_missing_engine_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("late.sock");
    let mut watched = watch_swarm(docker(&format!("unix://{}", path.display())));
    watched.until("the finding", |c| told(c, "No such file")).await;
    assert!(told(&watched.latest, "it is tried again"));
    let engine = Engine::start(&path).unwrap();
    engine.create_service(web("app_web")).unwrap();
    watched.until("the router", |c| routers(c) == ["web"]).await;
    assert!(watched.latest.findings.is_empty());
}

#[tokio::test]
async fn hostile_answers_keep_the_routes_and_are_told() {
    let table: [(&str, Fault, &str); 9] = [
        ("/services", Fault::Status(401, "token expired".into()), "answers 401: token expired"),
        ("/services", Fault::Status(500, "boom".into()), "the engine answers 500: boom"),
        ("/services", Fault::Body("<html>".into()), "cannot be read"),
        ("/services", Fault::Body("{}".into()), "cannot be read"),
        ("/services", Fault::Close, "the connection to the engine failed"),
        ("/networks", Fault::Status(403, "forbidden".into()), "the engine answers 403: forbidden"),
        ("/version", Fault::Body("{\"ApiVersion\": \"x\"}".into()), "no API version"),
        ("/version", Fault::Body("{\"ApiVersion\": \"1.40\"}".into()), "too old"),
        ("/events", Fault::Status(403, "forbidden".into()), "the engine answers 403: forbidden"),
    ];
    for (path, fault, expected) in table {
        let engine = engine();
        engine.create_service(web("app_web")).unwrap();
        let mut watched = watch_swarm(Docker {
            refresh_seconds: Some(swarmgate_config::scalar::Duration::from_secs(1)),
            ..docker(&engine.endpoint())
        });
        watched.until("the router", |c| routers(c) == ["web"]).await;
        engine.fault(path, fault.clone());
        // Cuts the event stream, so that everything is asked anew.
        engine.restart().unwrap();
        let case = format!("{path} {fault:?}");
        let closed = fault == Fault::Close;
        watched
            .until(&case, |c| {
                told(c, expected) || (closed && told(c, "the engine cannot be reached"))
            })
            .await;
        assert_eq!(routers(&watched.latest), ["web"], "{case}");
        engine.clear_faults();
        watched.until("well again", |c| c.findings.is_empty()).await;
        assert_eq!(routers(&watched.latest), ["web"], "{case}");
    }
}

#[tokio::test]
async fn an_engine_that_hangs_is_given_up() {
    let engine = engine();
    engine.create_service(web("app_web")).unwrap();
    engine.fault("/services", Fault::Hang);
    let settings = Docker {
        http_client_timeout: swarmgate_config::scalar::Duration::from_secs(1),
        ..docker(&engine.endpoint())
    };
    let mut watched = watch_swarm(settings);
    watched.until("the finding", |c| told(c, "does not answer in time")).await;
    engine.clear_faults();
    watched.until("the router", |c| routers(c) == ["web"]).await;
    // The limit is for calls, not for the stream of events.
    let streams = engine.calls("GET /events");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(engine.calls("GET /events"), streams);
}

#[tokio::test]
async fn endless_and_broken_events_do_no_harm() {
    let engine = engine();
    engine.create_service(web("app_web")).unwrap();
    engine.fault("/events", Fault::Body("x".repeat(3 * 1024 * 1024)));
    let mut watched = swarm(&engine);
    watched.until("the finding", |c| told(c, "endless event")).await;
    engine.clear_faults();
    watched.until("well again", |c| routers(c) == ["web"] && c.findings.is_empty()).await;

    engine.fault("/events", Fault::Body("garbage\n{}\n[1]\n".into()));
    engine.restart().unwrap();
    watched.until("the end is noticed", |c| told(c, "ended the stream")).await;
    assert_eq!(routers(&watched.latest), ["web"]);
}

#[tokio::test]
async fn one_service_that_cannot_be_read_leaves_the_others() {
    let engine = engine();
    let body = r#"[
      {"ID":"a","Spec":{"Name":"odd","Labels":{"traefik.http.services.odd.loadbalancer.server.port":"80"},
        "TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"hologram"}]},"Networks":[{"Target":"n"}]}},
        "Endpoint":{"VirtualIPs":[{"NetworkID":"n","Addr":"10.0.0.2/24"}]},
        "ServiceStatus":{"RunningTasks":1,"DesiredTasks":1}},
      {"ID":"b","Spec":{"Name":"broken","Labels":7}},
      {"ID":"c"}
    ]"#;
    engine.fault("/services", Fault::Body(body.into()));
    engine.fault(
        "/networks",
        Fault::Body(r#"[{"Id":"n","Name":"public","Scope":"swarm"},{"Name":"no id"}]"#.into()),
    );
    let mut watched = swarm(&engine);
    watched.until("the odd one", |c| routers(c) == ["odd"]).await;
    assert_eq!(services(&watched.latest), ["odd=http://10.0.0.2:80"]);
    assert!(told(&watched.latest, "\"broken\": the engine's description cannot be read"));
}

#[tokio::test]
async fn a_worker_says_so() {
    let engine = engine();
    engine.set_manager(false);
    let mut watched = swarm(&engine);
    watched.until("the finding", |c| told(c, "is not a Swarm manager")).await;
    engine.set_manager(true);
    engine.create_service(web("app_web")).unwrap();
    watched.until("promoted", |c| routers(c) == ["web"]).await;
}

#[tokio::test]
async fn api_versions() {
    // newest, oldest of the engine; what is spoken
    let table = [
        ((1, 41), (1, 12), "/v1.41/"),
        ((1, 51), (1, 24), "/v1.51/"),
        ((1, 99), (1, 44), "/v1.53/"),
    ];
    for (newest, oldest, expected) in table {
        let engine = engine();
        engine.set_api_versions(newest, oldest);
        engine.create_service(web("app_web")).unwrap();
        let mut watched = swarm(&engine);
        watched.until("the router", |c| routers(c) == ["web"]).await;
        let requests = engine.requests();
        let listing = requests.iter().find(|request| request.contains("/services")).unwrap();
        assert!(listing.contains(expected), "{listing}");
    }
    // An engine that has left our newest version behind is asked in its oldest.
    let engine = engine();
    engine.set_api_versions((1, 99), (1, 60));
    engine.create_service(web("app_web")).unwrap();
    let mut watched = swarm(&engine);
    watched.until("the router", |c| routers(c) == ["web"]).await;
}

#[tokio::test]
async fn networks() {
    let labelled = |label: &str, network: &str| {
        web("app_web")
            .network("app_back")
            .label(label, network)
            .label("com.docker.stack.namespace", "app")
            .vip("app_public", ip("127.9.0.1"))
            .vip("app_back", ip("127.9.0.2"))
    };
    let plain = || labelled("x", "y");
    let public = "web=http://127.9.0.1:8080";
    let back = "web=http://127.9.0.2:8080";
    // case, service, provider's network, own networks, expected server, part of a finding
    type Case = (
        &'static str,
        ServiceSpec,
        Option<&'static str>,
        &'static [&'static str],
        &'static str,
        &'static str,
    );
    let table: Vec<Case> = vec![
        ("by name, for want of better", plain(), None, &[], back, "several networks"),
        ("one we share", plain(), None, &["app_public"], public, ""),
        ("the provider's", plain(), Some("app_public"), &[], public, ""),
        (
            "the label's",
            labelled("traefik.swarm.network", "app_public"),
            Some("app_back"),
            &[],
            public,
            "",
        ),
        (
            "the docker label's",
            labelled("traefik.docker.network", "app_public"),
            None,
            &[],
            public,
            "traefik.docker",
        ),
        (
            "without the stack's prefix",
            labelled("traefik.swarm.network", "public"),
            None,
            &[],
            public,
            "taken as",
        ),
        (
            "a wrong name",
            labelled("traefik.swarm.network", "nope"),
            None,
            &["app_public"],
            public,
            "Could not find network named \"nope\"",
        ),
        ("not ours", plain(), Some("app_back"), &["app_public"], back, "not attached to network"),
    ];
    for (case, spec, network, own, expected, finding) in table {
        let engine = engine();
        engine.create_service(spec).unwrap();
        let mut settings = docker(&engine.endpoint());
        settings.network = network.map(str::to_owned);
        let mut watched = if own.is_empty() {
            watch_swarm(settings)
        } else {
            own_container(&engine, own, settings)
        };
        watched.until(case, |c| c.services.contains_key("web")).await;
        assert_eq!(services(&watched.latest), [expected], "{case}");
        // What label prefixes mean is the decoder's to tell.
        let findings: Vec<_> = watched
            .latest
            .findings
            .iter()
            .map(ToString::to_string)
            .filter(|text| !text.contains("traefik.docker"))
            .collect();
        if finding.is_empty() || finding == "traefik.docker" {
            assert!(findings.is_empty(), "{case}: {findings:?}");
        } else {
            assert!(told(&watched.latest, finding), "{case}: {findings:?}");
        }
    }
}

/// Runs the provider as if it were in a container with these networks.
fn own_container(engine: &Engine, networks: &[&str], settings: Docker) -> Watched {
    let mut spec = ContainerSpec::new("proxy");
    for network in networks {
        spec = spec.network(*network);
    }
    let id = engine.run_container(spec);
    let mut install = Install::default();
    install.providers.swarm = Some(settings);
    support::watch_as(&install, &id)
}

#[tokio::test]
async fn ingress_is_the_last_resort() {
    let engine = engine();
    let spec = ServiceSpec::new("web").labels([PORT]).publish(80, 8080, false);
    engine.create_service(spec.clone().vip("ingress", ip("127.9.0.7"))).unwrap();
    let mut watched = swarm(&engine);
    watched.until("the service", |c| c.services.contains_key("web")).await;
    assert_eq!(services(&watched.latest), ["web=http://127.9.0.7:8080"]);
    assert!(told(&watched.latest, "no network but \"ingress\""));

    engine.remove_service("web");
    engine.create_service(spec.network("front").vip("front", ip("127.9.0.8"))).unwrap();
    watched.until("the overlay", |c| services(c) == ["web=http://127.9.0.8:8080"]).await;
    assert!(watched.latest.findings.is_empty());
}

#[tokio::test]
async fn which_services_are_kept() {
    let engine = engine();
    let on = ("traefik.enable", "true");
    let off = ("traefik.enable", "false");
    let spec = |name: &str, labels: &[(&str, &str)]| {
        let port = format!("traefik.http.services.{name}.loadbalancer.server.port");
        ServiceSpec::new(name).network("n").label(port, "80").labels(labels.iter().copied())
    };
    for service in [
        spec("plain", &[]),
        spec("on", &[on]),
        spec("off", &[off]),
        spec("other-team", &[on, ("team", "red")]),
        spec("typo", &[("traefik.enabled", "true")]),
        spec("job", &[on]).mode(Mode::ReplicatedJob(1)),
        spec("global", &[on]).mode(Mode::Global),
        ServiceSpec::new("redis").network("n"),
        ServiceSpec::new("homeless")
            .labels([on, ("traefik.http.services.homeless.loadbalancer.server.port", "80")]),
    ] {
        engine.create_service(service).unwrap();
    }
    let settings = |exposed, constraints: &str| Docker {
        exposed_by_default: exposed,
        constraints: Some(constraints.to_owned()),
        ..docker(&engine.endpoint())
    };

    let mut watched = watch_swarm(settings(false, "!Label(`team`,`red`)"));
    watched.until("those enabled", |c| routers(c) == ["global", "on"]).await;
    let latest = watched.latest.clone();
    assert!(told(&latest, "\"plain\": it has traefik.http labels but is not exposed"));
    assert!(told(&latest, "traefik.enabled"), "{:?}", latest.findings);
    assert!(told(&latest, "\"job\": a job serves no requests"));
    assert!(told(&latest, "\"homeless\""));
    assert!(!told(&latest, "redis") && !told(&latest, "\"off\""), "{:?}", latest.findings);

    let mut watched = watch_swarm(settings(true, ""));
    watched.until("those not disabled", |c| c.routers.contains_key("plain")).await;
    let names = routers(&watched.latest).join(" ");
    assert_eq!(names, "global on other-team plain typo");
    assert!(told(&watched.latest, "\"redis\": service \"redis\" error: port is missing"));
}

#[tokio::test]
async fn a_whole_stack_in_v2_form() {
    let engine = engine();
    let stack = r#"
services:
  web:
    networks: [public, backend]
    deploy:
      replicas: 3
      labels:
        - traefik.enable=true
        - traefik.http.routers.web.rule=Host(`domini.com`)
        - traefik.http.routers.web.tls.certresolver=letsencrypt
        - traefik.http.routers.www.rule=Host(`www.domini.com`)
        - traefik.http.routers.www.middlewares=www-redirect
        - traefik.http.middlewares.www-redirect.redirectregex.regex=^https://www\.domini\.com/(.*)
        - traefik.http.middlewares.www-redirect.redirectregex.replacement=https://domini.com/$${1}
        - traefik.http.services.web.loadbalancer.server.port=8080
  redis: {networks: [backend]}
networks: {public: , backend: }
"#;
    engine.deploy_stack("myapp", stack).unwrap();
    let mut install = Install::default();
    install.providers.docker = Some(Docker {
        swarm_mode: true,
        exposed_by_default: false,
        network: Some("myapp_public".into()),
        ..docker(&engine.endpoint())
    });
    let mut watched = watch(&install);
    assert_eq!(watched.provider, "docker");
    watched.until("the stack", |c| routers(c) == ["web", "www"]).await;
    let vip = engine.service("myapp_web").unwrap().vips["myapp_public"];
    assert_eq!(services(&watched.latest), [format!("web=http://{vip}:8080")]);
    let redirect = &watched.latest.middlewares["www-redirect"].value;
    let replacement = redirect.redirect_regex.as_ref().map(|it| it.replacement.as_str());
    assert_eq!(replacement, Some("https://domini.com/${1}"));
    assert!(watched.latest.findings.is_empty(), "{:?}", watched.latest.findings);
}

#[tokio::test]
async fn without_watch_there_is_one_listing() {
    let engine = engine();
    engine.create_service(web("app_web")).unwrap();
    let mut watched = watch_swarm(Docker { watch: false, ..docker(&engine.endpoint()) });
    watched.until("the router", |c| routers(c) == ["web"]).await;
    engine.remove_service("app_web");
    assert!(watched.next_within(Duration::from_millis(500)).await.is_none());
    assert_eq!(engine.calls("GET /services"), 1);
    assert_eq!(engine.calls("GET /events"), 0);
}

#[tokio::test]
async fn the_slow_resync_is_behind_the_events() {
    let engine = engine();
    engine.local_containers(false);
    engine.create_service(web("app_web").replicas(2)).unwrap();
    let settings = Docker {
        refresh_seconds: Some(swarmgate_config::scalar::Duration::from_secs(3)),
        ..docker(&engine.endpoint())
    };
    let mut watched = watch_swarm(settings);
    watched.until("the router", |c| routers(c) == ["web"]).await;
    // Let the looks that follow a connection pass.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    engine.set_task_states("app_web", "failed");
    watched.until("no task", |c| backend(c, "web").is_some_and(|b| b.running_tasks == 0)).await;
}

#[tokio::test]
async fn dnsrr_with_lbswarm_is_told() {
    let engine = engine();
    let spec = web("app_web").dnsrr().label("traefik.swarm.lbswarm", "true");
    engine.create_service(spec).unwrap();
    let mut watched = swarm(&engine);
    watched.until("the service", |c| c.services.contains_key("web")).await;
    assert!(told(&watched.latest, "lbswarm=true has no effect"), "{:?}", watched.latest.findings);
}

#[tokio::test]
async fn tasks_on_their_way_out_leave_before_they_die() {
    for local in [true, false] {
        let engine = engine();
        engine.local_containers(local);
        let tasks = vec![ip("127.9.0.4"), ip("127.9.0.5")];
        let spec = web("app_web").replicas(2).dnsrr().tasks_at("app_public", tasks);
        engine.create_service(spec).unwrap();
        let mut watched = swarm(&engine);
        watched
            .until("both", |c| {
                services(c)[..] == ["web=http://127.9.0.4:8080,http://127.9.0.5:8080"]
            })
            .await;
        assert!(engine.shut_down_task("app_web", 0));
        if !local {
            // Draining a node changes the node.
            engine.send_event("node", "update", "node1simulatedxxxxxxxxxxx");
        }
        let took = watched.until("one", |c| services(c) == ["web=http://127.9.0.5:8080"]).await;
        assert!(took < Duration::from_secs(3), "only by the slow resync: {took:?}");
        // It runs still.
        assert_eq!(engine.service("app_web").unwrap().tasks[0].state, "running");
    }
}

#[tokio::test]
async fn without_an_overlay_the_nodes_are_asked_for() {
    let plain = |name: &str| ServiceSpec::new(name).labels([PORT, RULE]).replicas(2);
    let unpublished = "port 8080 is not published on its nodes";
    // case, service, servers, part of a finding, whether nodes are asked for
    let table = [
        ("the host's network", plain("a").network("host"), "web=http://127.0.0.1:8080", "", 1),
        ("published", plain("a").publish(80, 8080, true), "web=http://127.0.0.1:80", "", 1),
        ("published otherwise", plain("a").publish(80, 81, true), "", unpublished, 1),
        ("nowhere", plain("a"), "", "attached to no overlay network", 0),
        ("no task in the host's network", plain("a").network("host").replicas(0), "web=", "", 1),
        (
            "no task that is published",
            plain("a").publish(80, 8080, true).replicas(0),
            "web=",
            "",
            1,
        ),
        (
            "an overlay comes first",
            plain("a").network("n").vip("n", ip("127.9.0.9")).publish(80, 8080, true),
            "web=http://127.9.0.9:8080",
            "",
            0,
        ),
    ];
    for (case, spec, expected, finding, asked) in table {
        let engine = engine();
        engine.create_service(spec).unwrap();
        // The provider's network is not for those that have none.
        let settings = Docker { network: Some("n".into()), ..docker(&engine.endpoint()) };
        let mut watched = watch_swarm(settings);
        watched.next_within(support::PATIENCE).await.unwrap();
        assert_eq!(services(&watched.latest).join(" "), expected, "{case}");
        assert_eq!(engine.calls("GET /nodes"), asked, "{case}");
        if finding.is_empty() {
            assert!(watched.latest.findings.is_empty(), "{case}: {:?}", watched.latest.findings);
        } else {
            assert!(told(&watched.latest, finding), "{case}: {:?}", watched.latest.findings);
        }
    }
}

#[tokio::test]
async fn nodes_that_may_not_be_listed() {
    let engine = engine();
    engine.fault("/nodes", Fault::Status(403, "forbidden".into()));
    engine.create_service(web("app_web")).unwrap();
    let host = ("traefik.http.services.host.loadbalancer.server.port", "80");
    engine.create_service(ServiceSpec::new("host").labels([host]).network("host")).unwrap();
    let mut watched = swarm(&engine);
    watched.until("the other", |c| c.services.contains_key("web")).await;
    let finding = "it is only reachable on its nodes, and they cannot be listed: the engine \
                   answers 403: forbidden";
    assert!(told(&watched.latest, finding), "{:?}", watched.latest.findings);
    assert_eq!(routers(&watched.latest), ["web"]);
}

/// All calls of one change, two listings at the most: one each, and one more for tasks.
#[tokio::test]
async fn calls_of_a_change() {
    let sticky = ("traefik.http.services.web.loadbalancer.sticky.cookie", "true");
    for (case, labels, most) in [("VIPs", &[][..], 2), ("tasks", &[sticky][..], 4)] {
        let engine = engine();
        for number in 0..50 {
            let spec = ServiceSpec::new(format!("s{number}")).network("app_public");
            engine.create_service(spec).unwrap();
        }
        let spec = web("app_web").replicas(3).labels(labels.iter().copied());
        engine.create_service(spec).unwrap();
        let mut watched = swarm(&engine);
        watched.until("the router", |c| routers(c).contains(&"web")).await;
        // The early second look is over.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let count = || engine.all_calls().values().sum::<usize>();
        let before = count();
        engine.update_labels("app_web", [("traefik.http.routers.web.rule", "Host(`new.test`)")]);
        watched
            .until(case, |c| c.routers["web"].value.rule.as_deref() == Some("Host(`new.test`)"))
            .await;
        let calls = count() - before;
        println!("{case}: {calls} calls for a change among 51 services");
        assert!(calls <= most, "{case}: {:?}", engine.all_calls());
    }
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    let engine = engine();
    let mut body =
        br#"[{"ID":"a","CreatedAt":"2025-01-01T00:00:00Z","Spec":{"Name":"web","Labels":{
        "traefik.http.routers.web.rule":"Host(`a.test`)","note":"@@",
        "traefik.http.services.web.loadbalancer.server.port":"80"},
        "TaskTemplate":{"Networks":[{"Target":"n"}]}},
        "Endpoint":{"VirtualIPs":[{"NetworkID":"n","Addr":"10.0.0.2/24"}]},
        "ServiceStatus":{"RunningTasks":1,"DesiredTasks":1}}]"#
            .to_vec();
    body.iter_mut().filter(|byte| **byte == b'@').for_each(|byte| *byte = 0xff);
    assert!(std::str::from_utf8(&body).is_err());
    engine.fault("/services", Fault::Bytes(body));
    engine.fault("/networks", Fault::Body(r#"[{"Id":"n","Name":"public"}]"#.into()));
    let mut watched = swarm(&engine);
    watched.until("the service", |c| services(c) == ["web=http://10.0.0.2:80"]).await;
    assert_eq!(watched.latest.findings.len(), 1, "{:?}", watched.latest.findings);
    assert!(told(&watched.latest, "bytes that are no UTF-8"));
}

/// Who came first keeps a name, also for a proxy that was not there; then the other takes over.
#[tokio::test]
async fn the_stack_that_was_first_keeps_its_names() {
    let engine = engine();
    let stack = |name: &str, vip: &str| {
        web(&format!("{name}_web"))
            .label("com.docker.stack.namespace", name)
            .label("traefik.http.routers.web.rule", format!("Host(`{name}.test`)"))
            .vip("app_public", ip(vip))
    };
    engine.create_service(stack("zoo", "127.9.0.1")).unwrap();
    let mut watched = swarm(&engine);
    watched.until("the first", |c| routers(c) == ["web"]).await;
    // Second in time, first by name.
    engine.create_service(stack("app", "127.9.0.2")).unwrap();
    let rule = |c: &Configuration| c.routers.get("web").and_then(|it| it.value.rule.clone());
    for round in 0..2 {
        watched.until("the finding", |c| told(c, "the older \"zoo_web\"")).await;
        assert!(told(&watched.latest, "service \"app_web\""), "{:?}", watched.latest.findings);
        assert_eq!(rule(&watched.latest).as_deref(), Some("Host(`zoo.test`)"), "{round}");
        assert_eq!(services(&watched.latest), ["web=http://127.9.0.1:8080"], "{round}");
        // Again, as after a restart of ours.
        watched = swarm(&engine);
    }
    watched.until("the first again", |c| routers(c) == ["web"]).await;
    engine.remove_service("zoo_web");
    watched.until("the other", |c| rule(c).as_deref() == Some("Host(`app.test`)")).await;
    assert_eq!(services(&watched.latest), ["web=http://127.9.0.2:8080"]);
    assert!(watched.latest.findings.is_empty(), "{:?}", watched.latest.findings);
}

#[tokio::test]
async fn a_thousand_services() {
    let engine = engine();
    for number in 0..1_000 {
        let name = format!("s{number:04}");
        let labels = BTreeMap::from([
            (format!("traefik.http.services.{name}.loadbalancer.server.port"), "80".to_owned()),
            (format!("traefik.http.routers.{name}.rule"), format!("Host(`{name}.test`)")),
        ]);
        let mut spec = ServiceSpec::new(&name).network("big").replicas(2);
        spec.labels = labels;
        engine.create_service(spec).unwrap();
    }
    let began = Instant::now();
    let mut watched = swarm(&engine);
    watched.until("all routers", |c| c.routers.len() == 1_000).await;
    println!("a thousand services listed after {:?}", began.elapsed());
    let calls = engine.all_calls();
    // Two listings if the early second look has come already.
    assert!(calls.values().sum::<usize>() <= 10, "{calls:?}");

    engine.update_labels("s0500", [("traefik.http.routers.s0500.rule", "Host(`new.test`)")]);
    let took = watched
        .until("one new rule", |c| {
            c.routers["s0500"].value.rule.as_deref() == Some("Host(`new.test`)")
        })
        .await;
    println!("one change among a thousand services seen after {took:?}");
}

#[tokio::test]
async fn the_provider_ends_when_nobody_listens() {
    let engine = engine();
    let mut install = Install::default();
    install.providers.swarm = Some(docker(&engine.endpoint()));
    let (mut providers, _) = swarmgate_discovery::providers(&install);
    let (sender, mut updates) = tokio::sync::mpsc::channel(16);
    let task = tokio::spawn(providers.pop().unwrap().run(sender));
    updates.recv().await.unwrap();
    drop(updates);
    tokio::time::timeout(support::PATIENCE, task).await.expect("it ends").unwrap();
    // And its stream of events with it.
    let ended = async {
        while engine.event_readers() > 0 {
            engine.send_event("node", "update", "x");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(support::PATIENCE, ended).await.expect("the stream is closed");
}

#[test]
fn settings_that_do_not_run() {
    let table = [
        (docker("ssh://host"), "ssh is not served"),
        (
            Docker { constraints: Some("tag==x".into()), ..Docker::default() },
            "constraints \"tag==x\"",
        ),
        (
            Docker { default_rule: Some("{{ if .Name }}".into()), ..Docker::default() },
            "error while parsing default rule",
        ),
    ];
    for (settings, expected) in table {
        let mut install = Install::default();
        install.providers.swarm = Some(settings);
        install.providers.docker = Some(Docker::default());
        let (providers, findings) = swarmgate_discovery::providers(&install);
        let names: Vec<&str> = providers.iter().map(|provider| provider.name()).collect();
        assert_eq!(names, ["docker"]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().contains(expected), "{}", findings[0]);
    }
}

/// What cannot be read any more is served as it was described last; what is odd about networks,
/// tasks and nodes is told and stops nothing.
#[tokio::test]
async fn odd_descriptions_are_told_and_stop_nothing() {
    let engine = engine();
    let service = |id: &str, name: &str, mode: &str, version: u32| {
        format!(
            r#"{{"ID": "{id}", "Version": {{"Index": {version}}}, "Spec": {{"Name": "{name}",
                "Labels": {{"traefik.http.services.{name}.loadbalancer.server.port": "80",
                  "traefik.swarm.lbswarm": "false"}},
                "TaskTemplate": {{"Networks": [{{"Target": "n"}}]}}}},
                "Endpoint": {{"Spec": {{"Mode": "{mode}"}},
                  "VirtualIPs": [{{"NetworkID": "n", "Addr": "10.0.0.2/24"}}]}},
                "ServiceStatus": {{"RunningTasks": 1, "DesiredTasks": 1}}}}"#
        )
    };
    let list = |entries: &[String]| {
        engine.clear_faults();
        engine.fault("/services", Fault::Body(format!("[{}]", entries.join(","))));
        let networks = r#"[{"Id": "n", "Name": "public", "Scope": "swarm", "Created": "once",
            "IPAM": {"Config": 3}, "Peers": "none"}, {"Id": "m", "Name": 7}]"#;
        engine.fault("/networks", Fault::Body(networks.into()));
        let attached =
            r#""NetworksAttachments": [{"Network": {"ID": "n"}, "Addresses": ["10.0.0.5/24"]}]"#;
        let task = |id: &str, service: &str| {
            format!(
                r#"{{"ID": "{id}", "ServiceID": "{service}", "Status": {{"State": "running"}}, {attached}}}"#
            )
        };
        let tasks =
            format!(r#"[{}, {}, {{"ID": "odd", "Status": 7}}]"#, task("t", "a"), task("u", "b"));
        engine.fault("/tasks", Fault::Body(tasks));
        engine.send_event("service", "update", "x");
    };
    let good = service("a", "good", "vip", 1);
    list(&[good.clone(), service("b", "shop", "vip", 1)]);
    let mut watched = swarm(&engine);
    watched.until("both", |c| routers(c) == ["good", "shop"]).await;
    let expected = ["good=http://10.0.0.5:80", "shop=http://10.0.0.5:80"];
    assert_eq!(services(&watched.latest), expected);
    assert!(told(&watched.latest, "description of network \"m\" cannot be read"));
    assert!(told(&watched.latest, "description of task \"odd\" cannot be read"));
    // A mode that nobody knows yet.
    list(&[
        good.clone(),
        service("b", "shop", "telepathy", 2),
        service("c", "new", "telepathy", 1),
    ]);
    watched.until("told", |c| told(c, "it is served as it was described last")).await;
    assert_eq!(services(&watched.latest), expected);
    list(&[good]);
    watched.until("gone", |c| routers(c) == ["good"]).await;
    list(&["{}".into(), r#"{"ID": "nameless", "Spec": {}}"#.into()]);
    watched.until("told", |c| told(c, "\"nameless\": the engine's description has no name")).await;
    assert!(watched.latest.routers.is_empty());
}

/// One node of two has no address: the other one's task serves, and the first is told.
#[tokio::test]
async fn a_node_without_an_address() {
    let engine = engine();
    let service = r#"[{"ID": "a", "Spec": {"Name": "web", "Labels": {
        "traefik.http.services.web.loadbalancer.server.port": "80"},
        "TaskTemplate": {"Networks": [{"Target": "host"}]}},
        "ServiceStatus": {"RunningTasks": 2, "DesiredTasks": 2}}]"#;
    let task = |id: &str, node: &str| {
        format!(
            r#"{{"ID": "{id}", "ServiceID": "a", "NodeID": "{node}", "Status": {{"State": "running"}},
                "NetworksAttachments": [{{"Network": {{"ID": "h", "Spec": {{"Name": "host"}}}}}}]}}"#
        )
    };
    engine.fault("/services", Fault::Body(service.into()));
    engine.fault("/tasks", Fault::Body(format!("[{}, {}]", task("t", "n1"), task("u", "n2"))));
    let nodes = r#"[{"ID": "n1", "Status": {"Addr": "192.0.2.1"}}, {"ID": "n2", "Status": {}}]"#;
    engine.fault("/nodes", Fault::Body(nodes.into()));
    let mut watched = swarm(&engine);
    watched.until("the one", |c| services(c) == ["web=http://192.0.2.1:80"]).await;
    assert!(told(&watched.latest, "the address of its node n2 is not known: its task there"));
}

/// Without its own networks the proxy would choose blindly: whatever the engine says about its
/// container for the moment, what was found counts, and at the start it is waited for.
#[tokio::test]
async fn own_networks_outlive_an_engine_that_does_not_tell() {
    let engine = engine();
    let spec = web("app_web")
        .network("app_back")
        .vip("app_public", ip("127.9.0.1"))
        .vip("app_back", ip("127.9.0.2"));
    engine.create_service(spec).unwrap();
    engine.slip("/containers/", Fault::Status(500, "boom".into()));
    let mut watched = own_container(&engine, &["app_public"], docker(&engine.endpoint()));
    watched.until("a first listing", |c| c.services.contains_key("web")).await;
    assert_eq!(services(&watched.latest), ["web=http://127.9.0.1:8080"]);
    for fault in [
        Fault::Status(500, "boom".into()),
        Fault::Status(404, "No such container".into()),
        Fault::Status(403, "forbidden".into()),
        Fault::Body("{}".into()),
    ] {
        let case = format!("{fault:?}");
        engine.clear_faults();
        engine.fault("/containers/", fault);
        let before = engine.calls("GET /containers/{id}/json");
        engine.create_network(&format!("n{before}"));
        engine.update_labels(
            "app_web",
            [("traefik.http.routers.web.rule", &*format!("Host(`{before}`)"))],
        );
        let rule = format!("Host(`{before}`)");
        watched.until(&case, |c| c.routers["web"].value.rule.as_deref() == Some(&*rule)).await;
        assert!(engine.calls("GET /containers/{id}/json") > before, "{case}");
        assert_eq!(services(&watched.latest), ["web=http://127.9.0.1:8080"], "{case}");
    }
}

#[tokio::test]
async fn one_bad_list_of_nodes_takes_nobody_down() {
    let engine = engine();
    let host = "traefik.http.services.host.loadbalancer.server.port";
    engine.fault("/nodes", Fault::Status(503, "the swarm does not have a leader".into()));
    engine.create_service(ServiceSpec::new("host").label(host, "80").network("host")).unwrap();
    let mut watched = swarm(&engine);
    // Nothing is known yet, so nothing is said about it: the same as for /services.
    watched.until("the trouble", |c| told(c, "does not have a leader")).await;
    assert!(!told(&watched.latest, "only reachable on its nodes"), "{:?}", watched.latest);
    engine.clear_faults();
    watched.until("the router", |c| routers(c) == ["host"]).await;
    assert_eq!(services(&watched.latest), ["host=http://127.0.0.1:80"]);
    for fault in [
        Fault::Status(503, "the swarm does not have a leader".into()),
        Fault::Status(403, "forbidden".into()),
        Fault::Body("<html>".into()),
    ] {
        let case = format!("{fault:?}");
        engine.fault("/nodes", fault);
        engine.send_event("node", "update", "node1simulatedxxxxxxxxxxx");
        watched.until(&case, |c| told(c, "their last addresses count")).await;
        assert_eq!(routers(&watched.latest), ["host"], "{case}");
        assert_eq!(services(&watched.latest), ["host=http://127.0.0.1:80"], "{case}");
        engine.clear_faults();
        engine.send_event("node", "update", "node1simulatedxxxxxxxxxxx");
        watched.until("well again", |c| c.findings.is_empty()).await;
    }
}

/// An engine that never tells its nodes, or whose container we are, does not keep the others away.
#[tokio::test]
async fn what_is_never_told_is_done_without() {
    for path in ["/nodes", "/containers/"] {
        let engine = engine();
        engine.fault(path, Fault::Status(500, "boom".into()));
        let host = "traefik.http.services.host.loadbalancer.server.port";
        engine.create_service(ServiceSpec::new("host").label(host, "80").network("host")).unwrap();
        engine.create_service(web("app_web")).unwrap();
        let mut watched = own_container(&engine, &["app_public"], docker(&engine.endpoint()));
        watched.until("the trouble", |c| told(c, "the engine answers 500: boom")).await;
        let took = watched.until(path, |c| routers(c).contains(&"web")).await;
        println!("{path} is done without after {took:?}");
    }
}

/// Behind a socket proxy made for Traefik, which asks for no events, and for nothing without version.
#[tokio::test]
async fn a_proxy_made_for_traefik() {
    for oldest in [(1, 24), (1, 44)] {
        let engine = engine();
        engine.versions_only(true);
        engine.set_api_versions((1, 51), oldest);
        engine.fault("/events", Fault::Status(403, "forbidden".into()));
        engine.create_service(web("app_web")).unwrap();
        let settings = Docker {
            refresh_seconds: Some(swarmgate_config::scalar::Duration::from_secs(1)),
            ..docker(&engine.endpoint())
        };
        let mut watched = watch_swarm(settings);
        watched.until("the router", |c| routers(c) == ["web"]).await;
        assert!(told(&watched.latest, "events may not be read"), "{:?}", watched.latest.findings);
        assert!(told(&watched.latest, "every 1s"), "{:?}", watched.latest.findings);
        engine
            .create_service(
                ServiceSpec::new("late")
                    .network("new")
                    .labels([("traefik.http.services.late.loadbalancer.server.port", "80")]),
            )
            .unwrap();
        watched.until("the change", |c| routers(c) == ["late", "web"]).await;
        engine.clear_faults();
        watched.until("events at last", |c| c.findings.len() == 1).await;
    }
}

/// A service moves to another network: its specification changes at once, its tasks one by one.
#[tokio::test]
async fn a_service_that_moves_is_reached_on_the_way() {
    let at = |task: &swarmgate_testkit::engine::TaskView| {
        let (network, address) = task.addresses.iter().next().unwrap();
        assert!(["old", "new"].contains(&network.as_str()));
        *address
    };
    // Whether the new VIP is there at once, whether the proxy's own networks are known.
    for (allocate, own) in [(true, true), (true, false), (false, true), (false, false)] {
        let case = format!("{allocate} {own}");
        let engine = engine();
        let spec = ServiceSpec::new("app_web").labels([PORT, RULE]).network("old").replicas(2);
        engine.create_service(spec).unwrap();
        engine.create_network("new");
        let settings = docker(&engine.endpoint());
        let mut watched = if own {
            own_container(&engine, &["old", "new"], settings)
        } else {
            watch_swarm(settings)
        };
        watched.until("the service", |c| c.services.contains_key("web")).await;
        let tasks = |engine: &Engine| {
            let view = engine.service("app_web").unwrap();
            let mut urls: Vec<String> =
                view.tasks.iter().map(|task| format!("http://{}:8080", at(task))).collect();
            urls.sort();
            vec![format!("web={}", urls.join(","))]
        };
        assert_eq!(engine.calls("GET /tasks"), 0);

        engine.set_networks("app_web", &["new"], allocate);
        for moved in 0..2 {
            let expected = tasks(&engine);
            watched.until(&case, |c| services(c) == expected).await;
            assert!(told(&watched.latest, "not on network \"new\" yet"), "{case}");
            assert_eq!(backend(&watched.latest, "web").unwrap().running_tasks, 2, "{case}");
            engine.replace_task("app_web", moved);
        }
        if !allocate {
            let expected = tasks(&engine);
            watched.until(&case, |c| services(c) == expected && c.findings.is_empty()).await;
            engine.set_networks("app_web", &["new"], true);
        }
        let vip = engine.service("app_web").unwrap().vips["new"];
        let expected = [format!("web=http://{vip}:8080")];
        watched.until(&case, |c| services(c) == expected && c.findings.is_empty()).await;
        // And nobody asks for tasks any more.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let before = engine.calls("GET /tasks");
        engine.update_labels("app_web", [("traefik.http.routers.web.rule", "Host(`x.test`)")]);
        watched
            .until(&case, |c| c.routers["web"].value.rule.as_deref() == Some("Host(`x.test`)"))
            .await;
        assert_eq!(engine.calls("GET /tasks"), before, "{case}");
    }
}

/// Networks are listed when they may have changed, and when somebody names one that is not known.
#[tokio::test]
async fn networks_are_remembered() {
    let engine = engine();
    engine.create_service(web("app_web")).unwrap();
    // The host's network is none of the Swarm's, and asking again would not change that.
    let host = "traefik.http.services.host.loadbalancer.server.port";
    engine.create_service(ServiceSpec::new("host").label(host, "80").network("host")).unwrap();
    let mut watched = swarm(&engine);
    watched.until("both", |c| routers(c) == ["host", "web"]).await;
    let listed = engine.calls("GET /networks");
    for number in 0..5 {
        let rule = format!("Host(`{number}.test`)");
        engine.update_labels("app_web", [("traefik.http.routers.web.rule", &*rule)]);
        watched.until("a change", |c| c.routers["web"].value.rule.as_deref() == Some(&*rule)).await;
    }
    assert_eq!(engine.calls("GET /networks"), listed);
    // A network without an event: one made on demand, say.
    let port = "traefik.http.services.late.loadbalancer.server.port";
    engine.create_service(ServiceSpec::new("late").label(port, "80").network("late")).unwrap();
    watched
        .until("its address", |c| services(c).iter().any(|it| it.starts_with("late=http")))
        .await;
    assert!(engine.calls("GET /networks") > listed);
}

#[tokio::test]
async fn a_call_that_is_lost_is_made_again() {
    let engine = engine();
    engine.create_service(web("app_web")).unwrap();
    engine.slip("/services", Fault::Hang);
    let mut watched = swarm(&engine);
    let took = watched.until("the router", |c| routers(c) == ["web"]).await;
    println!("a lost call cost {took:?}");
    assert!(took < Duration::from_secs(12), "{took:?}");
    assert!(watched.latest.findings.is_empty(), "{:?}", watched.latest.findings);
}
