//! HAProxy: one thread, connections to the upstream shared by all clients, hosts and paths looked
//! up in maps as its manual advises for many.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::Start;
use super::site::{Routes, Site, host, path};

/// Writes `haproxy.cfg` and, with many routes, the map it reads.
pub fn prepare(site: &Site, folder: &Path) -> io::Result<Start> {
    let file = folder.join("haproxy.cfg");
    let map = folder.join("routes.map");
    fs::write(&file, configuration(site, &map))?;
    let lines: String = match site.routes {
        Routes::One => String::new(),
        Routes::Hosts(n) => (0..n).map(|i| format!("{} app\n", host(i))).collect(),
        Routes::Paths(n) => (0..n).map(|i| format!("{} app\n", path(i))).collect(),
    };
    fs::write(&map, lines)?;
    // -db: stays in the foreground as one process.
    Ok(Start::new(["-db".as_ref(), "-f".as_ref(), file.as_os_str()]))
}

fn configuration(site: &Site, map: &Path) -> String {
    let mut text = String::from("global\n  nbthread 1\n");
    // Writing into a string does not fail, here and below.
    let _ = writeln!(text, "  maxconn {}", (site.connections + 512).max(2000));
    if site.connections > 4096 {
        // It counts two files per client and would not start where that is more than it may open;
        // idle clients need one.
        text += "  no strict-limits\n";
    }
    if site.access_log.is_some() {
        // To its standard output, which is the log file.
        text += "  log stdout format raw local0 info\n";
    }
    text += "  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 75s
  timeout tunnel 1h
  option forwardfor
  http-reuse always
";
    let _ = writeln!(text, "frontend web\n  bind {}", site.plain);
    if site.access_log.is_some() {
        text += "  log global\n  option httplog\n";
    }
    if let Some((address, certificate)) = &site.tls {
        let _ = writeln!(
            text,
            "  bind {address} ssl crt {} alpn h2,http/1.1",
            certificate.both.display()
        );
    }
    text += "  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Proto http if !{ ssl_fc }
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Real-IP %[src]
";
    let map = map.display();
    match site.routes {
        Routes::One => text += "  use_backend app if { hdr(host) -i app.load.test }\n",
        Routes::Hosts(_) => {
            let _ = writeln!(text, "  use_backend %[req.hdr(host),lower,map_str({map})]");
        }
        Routes::Paths(_) => {
            let _ = writeln!(
                text,
                "  use_backend %[path,map_beg({map})] if {{ hdr(host) -i app.load.test }}"
            );
        }
    }
    let _ = write!(text, "backend app\n  server app {}\n", site.upstream);
    if let Some(address) = site.metrics {
        let _ = write!(
            text,
            "frontend metrics\n  bind {address}\n  http-request use-service \
             prometheus-exporter if {{ path /metrics }}\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::site::tests::{everything, plain};
    use super::*;

    #[test]
    fn everything_is_said() {
        let text = configuration(&everything(Routes::One), Path::new("/d/routes.map"));
        for expected in [
            "nbthread 1",
            "log stdout format raw",
            "bind 127.0.0.1:8000\n",
            "bind 127.0.0.1:8443 ssl crt /c/both.pem alpn h2,http/1.1",
            "server app 127.0.0.1:9000",
            "prometheus-exporter",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        let text = configuration(&plain(Routes::Hosts(3)), Path::new("/d/routes.map"));
        assert!(text.contains("map_str(/d/routes.map)"), "{text}");
        assert!(!text.contains("crt") && !text.contains("log"), "{text}");
    }

    #[test]
    fn haproxy_itself_takes_it() {
        let Ok(found) = super::super::find::program("haproxy", &["-v"]) else { return };
        let folder = tempfile::tempdir().unwrap();
        let certificate = super::super::Certificate::make(folder.path()).unwrap();
        for routes in [Routes::One, Routes::Hosts(20), Routes::Paths(20)] {
            let mut site = everything(routes);
            if let Some((_, files)) = &mut site.tls {
                *files = certificate.clone();
            }
            let start = prepare(&site, folder.path()).unwrap();
            let output = std::process::Command::new(&found.program)
                .arg("-c")
                .args(start.arguments)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && !said.contains("WARN"), "{said}");
        }
    }
}
