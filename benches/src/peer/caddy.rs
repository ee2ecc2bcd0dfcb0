//! Caddy: its JSON configuration, a route with its own `reverse_proxy` for each host or path, as
//! its Caddyfile would make them.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::Start;
use super::site::{Routes, Site, host, path};

/// Writes `caddy.json`. Caddy keeps its state in the folder too.
pub fn prepare(site: &Site, folder: &Path) -> io::Result<Start> {
    let file = folder.join("caddy.json");
    fs::write(&file, configuration(site).to_string())?;
    Ok(Start::new(["run".as_ref(), "--config".as_ref(), file.as_os_str()])
        .with("GOMAXPROCS", "1")
        .with("HOME", folder)
        .with("XDG_DATA_HOME", folder)
        .with("XDG_CONFIG_HOME", folder))
}

fn configuration(site: &Site) -> Value {
    let route = |matches: Value| {
        json!({
            "match": [matches],
            "handle": [{
                "handler": "reverse_proxy",
                "upstreams": [{ "dial": site.upstream.to_string() }],
                // By default 32 connections are kept; the loads have more clients than that.
                "transport": {
                    "protocol": "http",
                    "keep_alive": { "max_idle_conns_per_host": 512 }
                },
                "headers": {
                    "request": { "set": { "X-Real-Ip": ["{http.request.remote.host}"] } }
                }
            }],
            "terminal": true
        })
    };
    let one = "app.load.test";
    let routes: Vec<Value> = match site.routes {
        Routes::One => vec![route(json!({ "host": [one] }))],
        Routes::Hosts(n) => (0..n).map(|i| route(json!({ "host": [host(i)] }))).collect(),
        Routes::Paths(n) => (0..n)
            .map(|i| route(json!({ "host": [one], "path": [format!("{}/*", path(i))] })))
            .collect(),
    };
    let server = |address: String| {
        let mut server = json!({
            "listen": [address],
            "automatic_https": { "disable": true },
            "routes": routes,
        });
        if site.access_log.is_some() {
            server["logs"] = json!({});
        }
        if site.metrics.is_some() {
            server["metrics"] = json!({});
        }
        server
    };
    let mut servers = json!({ "plain": server(site.plain.to_string()) });
    let mut apps = json!({});
    if let Some((address, certificate)) = &site.tls {
        servers["tls"] = server(address.to_string());
        servers["tls"]["tls_connection_policies"] = json!([{}]);
        apps["tls"] = json!({ "certificates": { "load_files": [{
            "certificate": certificate.chain,
            "key": certificate.key,
        }] } });
    }
    if let Some(address) = site.metrics {
        servers["metrics"] = json!({
            "listen": [address.to_string()],
            "automatic_https": { "disable": true },
            "routes": [{ "handle": [{ "handler": "metrics" }] }],
        });
    }
    apps["http"] = json!({ "servers": servers });
    let mut logs = json!({ "default": { "level": "ERROR", "exclude": ["http.log.access"] } });
    if let Some(file) = &site.access_log {
        logs["access"] = json!({
            "writer": { "output": "file", "filename": file, "roll": false },
            "include": ["http.log.access"],
        });
    }
    json!({
        "admin": { "disabled": true, "config": { "persist": false } },
        "logging": { "logs": logs },
        "apps": apps,
    })
}

#[cfg(test)]
mod tests {
    use super::super::site::tests::{everything, plain};
    use super::*;

    #[test]
    fn everything_is_said() {
        let text = configuration(&everything(Routes::One));
        let servers = &text["apps"]["http"]["servers"];
        assert_eq!(servers["tls"]["listen"], json!(["127.0.0.1:8443"]));
        assert_eq!(servers["metrics"]["listen"], json!(["127.0.0.1:8080"]));
        assert_eq!(text["logging"]["logs"]["access"]["writer"]["filename"], "/l/access.log");
        let text = configuration(&plain(Routes::Paths(3)));
        let servers = text["apps"]["http"]["servers"].as_object().unwrap();
        assert_eq!(servers.len(), 1);
        assert_eq!(servers["plain"]["routes"].as_array().unwrap().len(), 3);
        assert!(text["logging"]["logs"]["access"].is_null());
    }

    #[test]
    fn caddy_itself_takes_it() {
        let Ok(found) = super::super::find::program("caddy", &["version"]) else { return };
        let folder = tempfile::tempdir().unwrap();
        let certificate = super::super::Certificate::make(folder.path()).unwrap();
        for routes in [Routes::One, Routes::Hosts(20), Routes::Paths(20)] {
            let mut site = everything(routes);
            site.access_log = Some(folder.path().join("access.log"));
            if let Some((_, files)) = &mut site.tls {
                *files = certificate.clone();
            }
            let start = prepare(&site, folder.path()).unwrap();
            let output = std::process::Command::new(&found.program)
                .arg("validate")
                .args(&start.arguments[1..])
                .envs(start.variables)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
