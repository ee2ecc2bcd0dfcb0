//! A load balancer's servers: port, scheme and address of an item -> URLs.

use std::net::IpAddr;

use swarmgate_config::routing::{LabelServer, LoadBalancer, Server, SwarmBackend};

use super::item::{Balance, Targets};

/// Whether a load balancer only makes sense over single tasks: Swarm's VIP would hide them.
pub fn needs_members(balancer: &LoadBalancer) -> bool {
    balancer.sticky.as_ref().is_some_and(|sticky| sticky.cookie.is_some())
        || balancer.health_check.is_some()
        || balancer.passive_health_check.is_some()
        || balancer
            .strategy
            .as_ref()
            .is_some_and(|strategy| !strategy.is_empty() && !strategy.eq_ignore_ascii_case("wrr"))
}

/// Replaces the label form by servers. The error is what Traefik prints after
/// `service "x" error: `.
pub fn fill(balancer: &mut LoadBalancer, targets: &Targets) -> Result<(), String> {
    let label = balancer.server.take().unwrap_or_default();
    balancer.servers.clear();
    balancer.swarm = None;
    if let Some(url) = label.url.as_deref().filter(|url| !url.is_empty()) {
        if label.port.is_some() || label.scheme.is_some() {
            return Err("defining scheme or port is not allowed when URL is defined".into());
        }
        balancer.servers.push(server(url.to_owned(), &label));
        return Ok(());
    }
    if targets.is_empty() && label.port.is_none() && targets.default_port.is_none() {
        // Allowed to be empty, and nothing to be sent anywhere: no port is needed for a 503.
        return Ok(());
    }
    let port = port(&label, targets)?;
    if let Some(reason) = &targets.unreachable {
        return Err(reason.clone());
    }
    let use_vip = match targets.balance {
        Balance::Members => None,
        Balance::Vip => targets.vip,
        Balance::Auto => targets.vip.filter(|_| !needs_members(balancer)),
    };
    let scheme = label.scheme.as_deref().filter(|scheme| !scheme.is_empty()).unwrap_or("http");
    if !matches!(scheme, "http" | "https" | "h2c") {
        let scheme = short(scheme);
        return Err(format!("scheme {scheme:?} is not known; expected http, https or h2c"));
    }
    let port = match &targets.published {
        // Without a running task nothing is sent anywhere, and a task is what tells whether it needs
        // a published port.
        Some(published) if !targets.members.is_empty() => {
            *published.get(&port).ok_or_else(|| {
                format!(
                    "it is attached to no overlay network, and port {port} is not published on its \
                 nodes; expected a network that the proxy is attached to as well, or the port \
                 published with mode: host"
                )
            })?
        }
        _ => port,
    };
    let at = |address: IpAddr| {
        let (address, port) = targets.bindings.get(&port).copied().unwrap_or((address, port));
        server(format!("{scheme}://{}", std::net::SocketAddr::new(address, port)), &label)
    };
    match use_vip {
        Some(vip) => balancer.servers.push(at(vip)),
        None => balancer.servers.extend(targets.members.iter().copied().map(at)),
    }
    balancer.swarm =
        targets.running.map(|running_tasks| SwarmBackend { vip: use_vip.is_some(), running_tasks });
    Ok(())
}

fn port(label: &LabelServer, targets: &Targets) -> Result<u16, String> {
    match label.port.as_deref().map(str::trim).filter(|port| !port.is_empty()) {
        Some(text) => text
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| format!("port {:?} is not a number from 1 to 65535", short(text))),
        None => targets.default_port.ok_or_else(|| "port is missing".to_owned()),
    }
}

/// As much of a label's value as a person reads.
fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn server(url: String, label: &LabelServer) -> Server {
    Server { url, weight: label.weight, preserve_path: label.preserve_path.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swarmgate_config::routing::{Cookie, Sticky};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn swarm() -> Targets {
        Targets {
            vip: Some(ip("10.0.1.2")),
            members: vec![ip("10.0.1.5"), ip("10.0.1.6")],
            running: Some(2),
            ..Targets::default()
        }
    }

    fn urls(balancer: &LoadBalancer) -> Vec<&str> {
        balancer.servers.iter().map(|server| server.url.as_str()).collect()
    }

    fn with_port(port: &str) -> LoadBalancer {
        let server = LabelServer { port: Some(port.into()), ..LabelServer::default() };
        LoadBalancer { server: Some(Box::new(server)), ..LoadBalancer::default() }
    }

    #[test]
    fn vip_or_tasks() {
        let sticky = Sticky { cookie: Some(Cookie::default()) };
        let vip = ["http://10.0.1.2:80"];
        let tasks = ["http://10.0.1.5:80", "http://10.0.1.6:80"];
        let plain = with_port("80");
        let cookie = LoadBalancer { sticky: Some(Box::new(sticky)), ..plain.clone() };
        let check = LoadBalancer { health_check: Some(Box::default()), ..plain.clone() };
        let wrr = LoadBalancer { strategy: Some("wrr".into()), ..plain.clone() };
        let p2c = LoadBalancer { strategy: Some("p2c".into()), ..plain.clone() };
        let table: [(&str, &LoadBalancer, Balance, &[&str]); 8] = [
            ("default", &plain, Balance::Auto, &vip),
            ("members", &plain, Balance::Members, &tasks),
            ("sticky", &cookie, Balance::Auto, &tasks),
            ("sticky, but lbswarm=true", &cookie, Balance::Vip, &vip),
            ("health check", &check, Balance::Auto, &tasks),
            ("wrr", &wrr, Balance::Auto, &vip),
            ("p2c", &p2c, Balance::Auto, &tasks),
            ("members by label", &p2c, Balance::Members, &tasks),
        ];
        for (case, balancer, balance, expected) in table {
            let mut balancer = balancer.clone();
            fill(&mut balancer, &Targets { balance, ..swarm() }).unwrap();
            assert_eq!(urls(&balancer), expected, "{case}");
            assert_eq!(
                balancer.swarm,
                Some(SwarmBackend { vip: expected.len() == 1, running_tasks: 2 }),
                "{case}"
            );
            assert_eq!(balancer.server, None, "{case}");
        }
    }

    #[test]
    fn ports_schemes_and_urls() {
        let label = |port: &str, scheme: &str, url: &str| {
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            LabelServer {
                port: text(port),
                scheme: text(scheme),
                url: text(url),
                ..LabelServer::default()
            }
        };
        let container = Targets {
            members: vec![ip("fd00::7")],
            default_port: Some(8080),
            bindings: [(9000, (ip("192.0.2.1"), 32_000))].into(),
            ..Targets::default()
        };
        let table = [
            (label("", "", ""), Ok("http://[fd00::7]:8080")),
            (label("81", "https", ""), Ok("https://[fd00::7]:81")),
            (label("9000", "", ""), Ok("http://192.0.2.1:32000")),
            (label("", "", "http://10.9.9.9:99/x"), Ok("http://10.9.9.9:99/x")),
            (
                label("1", "", "http://x"),
                Err("defining scheme or port is not allowed when URL is defined"),
            ),
            (label("0", "", ""), Err("port \"0\" is not a number from 1 to 65535")),
            (label("65536", "", ""), Err("port \"65536\" is not a number from 1 to 65535")),
            (label("web", "", ""), Err("port \"web\" is not a number from 1 to 65535")),
            (
                label("80", "wss", ""),
                Err("scheme \"wss\" is not known; expected http, https or h2c"),
            ),
        ];
        for (server, expected) in table {
            let mut balancer =
                LoadBalancer { server: Some(Box::new(server.clone())), ..LoadBalancer::default() };
            let result = fill(&mut balancer, &container);
            match expected {
                Ok(url) => {
                    assert_eq!((result, urls(&balancer)), (Ok(()), vec![url]), "{server:?}");
                }
                Err(message) => assert_eq!(result, Err(message.to_owned()), "{server:?}"),
            }
        }
        let mut balancer = LoadBalancer::default();
        assert_eq!(fill(&mut balancer, &swarm()), Err("port is missing".into()));
        let on_nodes = |ports: &[(u16, u16)]| Targets {
            members: vec![ip("192.0.2.1"), ip("192.0.2.2")],
            published: Some(ports.iter().copied().collect()),
            running: Some(2),
            ..Targets::default()
        };
        let mut balancer = with_port("80");
        fill(&mut balancer, &on_nodes(&[(80, 8000)])).unwrap();
        assert_eq!(urls(&balancer), ["http://192.0.2.1:8000", "http://192.0.2.2:8000"]);
        let error = fill(&mut with_port("80"), &on_nodes(&[(81, 8000)])).unwrap_err();
        assert!(error.contains("port 80 is not published on its nodes"), "{error}");
        let idle = Targets { members: Vec::new(), running: Some(0), ..on_nodes(&[]) };
        let mut balancer = with_port("80");
        fill(&mut balancer, &idle).unwrap();
        assert_eq!(urls(&balancer), Vec::<&str>::new());
        let cut_off = Targets { unreachable: Some("no network".into()), ..swarm() };
        assert_eq!(fill(&mut with_port("80"), &cut_off), Err("no network".into()));
    }

    #[test]
    fn no_running_task() {
        let mut balancer = with_port("80");
        fill(&mut balancer, &Targets { running: Some(0), vip: None, ..Targets::default() })
            .unwrap();
        assert_eq!(urls(&balancer), Vec::<&str>::new());
        assert_eq!(balancer.swarm, Some(SwarmBackend { vip: false, running_tasks: 0 }));
    }
}
