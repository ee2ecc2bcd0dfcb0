//! The simulated state in the engine's JSON shapes (Docker Engine API, v1.41 and later).

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::clock::rfc3339;
use super::spec::Mode;
use super::state::{Container, NODE, Network, Service, State, Task};

/// `/version`.
pub fn version(state: &State) -> Value {
    let (major, minor) = state.api_version;
    let (min_major, min_minor) = state.min_api_version;
    json!({
        "Platform": {"Name": "Docker Engine - Community"},
        "Components": [{"Name": "Engine", "Version": "28.2.2", "Details": {
            "ApiVersion": format!("{major}.{minor}"), "Arch": "amd64", "Os": "linux",
        }}],
        "Version": "28.2.2",
        "ApiVersion": format!("{major}.{minor}"),
        "MinAPIVersion": format!("{min_major}.{min_minor}"),
        "GitCommit": "simulated", "GoVersion": "go1.24.3", "Os": "linux", "Arch": "amd64",
        "KernelVersion": "6.1.0", "BuildTime": "2025-05-30T12:07:14.000000000+00:00",
    })
}

/// `/info`, the parts that tell about Swarm.
pub fn info(state: &State) -> Value {
    json!({
        "ID": "simulated", "Containers": state.containers.len(), "ServerVersion": "28.2.2",
        "OperatingSystem": "Simulator", "Name": "simulator",
        "Swarm": {
            "NodeID": NODE, "NodeAddr": "127.0.0.1", "LocalNodeState": "active",
            "ControlAvailable": state.manager, "Error": "", "RemoteManagers": null,
        },
    })
}

/// `/nodes`.
pub fn nodes() -> Value {
    json!([{
        "ID": NODE, "Version": {"Index": 9},
        "CreatedAt": "2025-01-01T00:00:00Z", "UpdatedAt": "2025-01-01T00:00:00Z",
        "Spec": {"Labels": {}, "Role": "manager", "Availability": "active"},
        "Description": {"Hostname": "simulator", "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Resources": {}, "Engine": {"EngineVersion": "28.2.2"}, "TLSInfo": {}},
        "Status": {"State": "ready", "Addr": "127.0.0.1"},
        "ManagerStatus": {"Leader": true, "Reachability": "reachable", "Addr": "127.0.0.1:2377"},
    }])
}

/// One entry of `/networks`.
pub fn network(network: &Network) -> Value {
    json!({
        "Name": network.name, "Id": network.id, "Created": rfc3339(network.created),
        "Scope": network.scope, "Driver": network.driver, "EnableIPv6": false,
        "IPAM": {"Driver": "default", "Options": null, "Config": []},
        "Internal": false, "Attachable": true, "Ingress": network.ingress,
        "ConfigFrom": {"Network": ""}, "ConfigOnly": false, "Containers": null,
        "Options": {}, "Labels": null,
    })
}

fn cidr(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}/16"),
        IpAddr::V6(address) => format!("{address}/64"),
    }
}

fn ports(service: &Service) -> Vec<Value> {
    let port = |port: &super::spec::Published| {
        json!({
            "Protocol": "tcp", "TargetPort": port.target, "PublishedPort": port.published,
            "PublishMode": if port.host_mode { "host" } else { "ingress" },
        })
    };
    service.spec.published.iter().map(port).collect()
}

fn task_template(state: &State, service: &Service) -> Value {
    // The ingress network is attached by the engine, it is not part of the specification.
    let networks: Vec<Value> = service
        .spec
        .networks
        .iter()
        .filter(|name| *name != "ingress")
        .filter_map(|name| state.networks.get(name))
        .map(|network| json!({"Target": network.id, "Aliases": [service.spec.name]}))
        .collect();
    json!({
        "ContainerSpec": {
            "Image": service.spec.image, "Labels": service.spec.container_labels,
            "Init": false, "StopGracePeriod": 10_000_000_000_u64, "DNSConfig": {},
            "Isolation": "default",
        },
        "Resources": {"Limits": {}, "Reservations": {}},
        "RestartPolicy": {"Condition": "any", "Delay": 5_000_000_000_u64, "MaxAttempts": 0},
        "Placement": {"Platforms": [{"Architecture": "amd64", "OS": "linux"}]},
        "Networks": networks, "ForceUpdate": 0, "Runtime": "container",
    })
}

/// One entry of `/services`; `status` adds `ServiceStatus`.
pub fn service(state: &State, service: &Service, status: bool) -> Value {
    let mode = match service.spec.mode {
        Mode::Replicated(replicas) => json!({"Replicated": {"Replicas": replicas}}),
        Mode::Global => json!({"Global": {}}),
        Mode::ReplicatedJob(tasks) => {
            json!({"ReplicatedJob": {"MaxConcurrent": tasks, "TotalCompletions": tasks}})
        }
        Mode::GlobalJob => json!({"GlobalJob": {}}),
    };
    let mut endpoint_spec = json!({"Mode": if service.spec.dnsrr { "dnsrr" } else { "vip" }});
    let mut endpoint = json!({"Spec": endpoint_spec});
    if !service.spec.published.is_empty() {
        endpoint_spec["Ports"] = Value::from(ports(service));
        endpoint["Spec"] = endpoint_spec.clone();
        endpoint["Ports"] = Value::from(ports(service));
    }
    if !service.vips.is_empty() {
        let vips: Vec<Value> = service
            .vips
            .iter()
            .filter_map(|(name, address)| Some((state.networks.get(name)?, address)))
            .map(|(network, vip)| json!({"NetworkID": network.id, "Addr": cidr(*vip)}))
            .collect();
        endpoint["VirtualIPs"] = Value::from(vips);
    }
    let mut value = json!({
        "ID": service.id, "Version": {"Index": service.version},
        "CreatedAt": rfc3339(service.created), "UpdatedAt": rfc3339(service.updated),
        "Spec": {
            "Name": service.spec.name, "Labels": service.spec.labels,
            "TaskTemplate": task_template(state, service), "Mode": mode,
            "EndpointSpec": endpoint_spec,
        },
        "Endpoint": endpoint,
    });
    if let Some(update) = service.update_state {
        value["UpdateStatus"] = json!({
            "State": update, "StartedAt": rfc3339(service.updated),
            "Message": "update in progress",
        });
    }
    if status {
        value["ServiceStatus"] = json!({
            "RunningTasks": service.running(), "DesiredTasks": service.spec.mode.tasks(),
            "CompletedTasks": 0,
        });
    }
    value
}

/// One entry of `/tasks`.
pub fn task(state: &State, service: &Service, task: &Task) -> Value {
    let attachments: Vec<Value> = task
        .addresses
        .iter()
        .filter_map(|(name, address)| Some((state.networks.get(name)?, address)))
        .map(|(network, address)| {
            json!({
                "Network": {
                    "ID": network.id, "Version": {"Index": 3},
                    "CreatedAt": rfc3339(network.created), "UpdatedAt": rfc3339(network.created),
                    "Spec": {"Name": network.name, "Labels": {},
                        "DriverConfiguration": {"Name": network.driver},
                        "Ingress": network.ingress, "Scope": network.scope},
                    "DriverState": {"Name": network.driver},
                    "IPAMOptions": {"Driver": {"Name": "default"}},
                },
                "Addresses": [cidr(*address)],
            })
        })
        .collect();
    let mut value = json!({
        "ID": task.id, "Version": {"Index": 5},
        "CreatedAt": rfc3339(task.created), "UpdatedAt": rfc3339(task.created),
        "Labels": {}, "Spec": task_template(state, service), "ServiceID": service.id,
        "NodeID": NODE,
        "Status": {
            "Timestamp": rfc3339(task.created), "State": task.state, "Message": "simulated",
            "ContainerStatus": {"ContainerID": task.container, "PID": 4242, "ExitCode": 0},
            "PortStatus": {},
        },
        "DesiredState": task.desired, "NetworksAttachments": attachments,
    });
    if matches!(service.spec.mode, Mode::Replicated(_) | Mode::ReplicatedJob(_)) {
        value["Slot"] = json!(task.slot);
    }
    value
}

fn endpoints(state: &State, container: &Container) -> Map<String, Value> {
    container
        .addresses
        .iter()
        .map(|(name, address)| {
            let id = state.networks.get(name).map(|network| network.id.as_str());
            let (v4, v6) = match address {
                // A stopped container keeps its networks but has no address.
                _ if !container.running => (String::new(), String::new()),
                IpAddr::V4(address) => (address.to_string(), String::new()),
                IpAddr::V6(address) => (String::new(), address.to_string()),
            };
            let value = json!({
                "IPAMConfig": null, "Links": null, "Aliases": null, "DriverOpts": null,
                "NetworkID": id.unwrap_or_default(), "EndpointID": "simulated", "Gateway": "",
                "IPAddress": v4, "IPPrefixLen": 16, "IPv6Gateway": "",
                "GlobalIPv6Address": v6, "GlobalIPv6PrefixLen": 0, "DNSNames": null,
            });
            (name.clone(), value)
        })
        .collect()
}

fn network_mode(container: &Container) -> &str {
    if container.spec.network_mode.is_empty() { "default" } else { &container.spec.network_mode }
}

fn split_port(port: &str) -> (u16, &str) {
    let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    (number.parse().unwrap_or_default(), protocol)
}

fn status_text(container: &Container) -> &'static str {
    if container.running { "running" } else { "exited" }
}

/// One entry of `/containers/json`.
pub fn container_summary(state: &State, container: &Container) -> Value {
    let mut ports: Vec<Value> = Vec::new();
    for port in &container.spec.exposed {
        let (number, protocol) = split_port(port);
        ports.push(json!({"PrivatePort": number, "Type": protocol}));
    }
    for (port, (host, at)) in &container.spec.bindings {
        let (number, protocol) = split_port(port);
        ports.push(json!({"IP": host, "PrivatePort": number, "PublicPort": at, "Type": protocol}));
    }
    let status = match (&container.spec.health, container.running) {
        (_, false) => "Exited (0) 1 second ago".to_owned(),
        (Some(health), true) if health == "starting" => "Up 1 second (health: starting)".into(),
        (Some(health), true) => format!("Up 1 second ({health})"),
        (None, true) => "Up 1 second".into(),
    };
    json!({
        "Id": container.id, "Names": [format!("/{}", container.spec.name)],
        "Image": "whoami:latest", "ImageID": "sha256:simulated", "Command": "/whoami",
        "Created": container.created.as_secs(), "Ports": ports, "Labels": container.spec.labels,
        "State": status_text(container), "Status": status,
        "HostConfig": {"NetworkMode": network_mode(container)},
        "NetworkSettings": {"Networks": endpoints(state, container)}, "Mounts": [],
    })
}

/// `/containers/{id}/json`.
pub fn container(state: &State, container: &Container) -> Value {
    let mut inspected = json!({
        "Status": status_text(container), "Running": container.running, "Paused": false,
        "Restarting": false, "OOMKilled": false, "Dead": false, "Pid": 4242, "ExitCode": 0,
        "Error": "", "StartedAt": rfc3339(container.created),
        "FinishedAt": "0001-01-01T00:00:00Z",
    });
    if let Some(health) = &container.spec.health {
        inspected["Health"] = json!({"Status": health, "FailingStreak": 0, "Log": []});
    }
    let exposed: Map<String, Value> =
        container.spec.exposed.iter().map(|port| (port.clone(), json!({}))).collect();
    let mut bound: Map<String, Value> =
        container.spec.exposed.iter().map(|port| (port.clone(), Value::Null)).collect();
    for (port, (host, at)) in &container.spec.bindings {
        bound.insert(port.clone(), json!([{"HostIp": host, "HostPort": at.to_string()}]));
    }
    json!({
        "Id": container.id, "Created": rfc3339(container.created), "Path": "/whoami", "Args": [],
        "State": inspected, "Image": "sha256:simulated",
        "Name": format!("/{}", container.spec.name), "RestartCount": 0, "Driver": "overlay2",
        "Platform": "linux",
        "HostConfig": {"NetworkMode": network_mode(container)}, "Mounts": [],
        "Config": {
            "Hostname": container.id.get(..12).unwrap_or(&container.id),
            "ExposedPorts": exposed, "Image": "whoami:latest", "Labels": container.spec.labels,
        },
        "NetworkSettings": {
            "SandboxID": "simulated", "Ports": bound, "Networks": endpoints(state, container),
        },
    })
}
