//! nginx: one worker, upstream keep-alive, HTTP/1.1 to the upstream, the forwarding headers that
//! people configure; no limit on requests per connection, because reconnecting is a load of its own.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Start;
use super::find::Found;
use super::site::{Routes, Site, host, path};

/// Modules whose folder for temporary files has its own directive.
const TEMPORARY: [&str; 3] = ["fastcgi", "uwsgi", "scgi"];

/// Writes `nginx.conf`.
pub fn prepare(site: &Site, found: &Found, folder: &Path) -> io::Result<Start> {
    let file = folder.join("nginx.conf");
    let temporary = TEMPORARY.into_iter().filter(|module| has_module(found, module));
    let root = rustix::process::getuid().is_root();
    fs::write(&file, configuration(site, folder, root, temporary))?;
    Ok(Start::new([
        "-e".as_ref(),
        folder.join("error.log").as_os_str(),
        "-c".as_ref(),
        file.as_os_str(),
    ]))
}

/// nginx knows a module's directives unless it was built without it.
fn has_module(found: &Found, module: &str) -> bool {
    let output = Command::new(&found.program).arg("-V").stdin(Stdio::null()).output();
    output.is_ok_and(|output| {
        let said = String::from_utf8_lossy(&output.stderr);
        !said.contains(&format!("--without-http_{module}_module"))
    })
}

fn configuration(
    site: &Site,
    folder: &Path,
    root: bool,
    temporary: impl Iterator<Item = &'static str>,
) -> String {
    let folder = folder.display();
    // Two connections per request's way, and some.
    let connections = (2 * site.connections + 512).max(1024);
    let mut text = String::new();
    if root {
        // Else the worker is nobody and cannot use the temporary folder.
        text += "user root;\n";
    }
    let log = match &site.access_log {
        None => "off".to_owned(),
        Some(file) => file.display().to_string(),
    };
    // Writing into a string does not fail, here and below.
    let _ = write!(
        text,
        "worker_processes 1;
worker_rlimit_nofile {files};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections {connections}; }}
http {{
  access_log {log};
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
",
        files = connections + 64,
    );
    for module in temporary {
        let _ = writeln!(text, "  {module}_temp_path {folder}/{module};");
    }
    let _ = write!(
        text,
        "  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
  keepalive_requests 1000000000;
  map $http_upgrade $connection_upgrade {{
    default upgrade;
    '' '';
  }}
  upstream app {{
    server {upstream};
    keepalive 512;
    keepalive_requests 1000000000;
  }}
  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header Host $host;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Host $host;
  proxy_set_header X-Forwarded-Proto $scheme;
",
        upstream = site.upstream
    );
    if let Some((_, certificate)) = &site.tls {
        let _ = writeln!(
            text,
            "  ssl_certificate {};\n  ssl_certificate_key {};\n  ssl_protocols TLSv1.2 TLSv1.3;",
            certificate.chain.display(),
            certificate.key.display()
        );
    }
    let mut server = |name: &str, locations: &str| {
        let _ = write!(text, "  server {{\n    listen {};\n", site.plain);
        if let Some((address, _)) = &site.tls {
            let _ = writeln!(text, "    listen {address} ssl http2;");
        }
        let _ = write!(text, "    server_name {name};\n{locations}  }}\n");
    };
    let forward = "    location / { proxy_pass http://app; }\n";
    match site.routes {
        Routes::One => server("app.load.test", forward),
        Routes::Hosts(n) => (0..n).for_each(|i| server(&host(i), forward)),
        Routes::Paths(n) => {
            let mut locations = String::new();
            for i in 0..n {
                let _ =
                    writeln!(locations, "    location {} {{ proxy_pass http://app; }}", path(i));
            }
            server("app.load.test", &locations);
        }
    }
    text += "}\n";
    text
}

#[cfg(test)]
mod tests {
    use super::super::site::tests::{everything, plain};
    use super::*;

    #[test]
    fn everything_is_said() {
        let text =
            configuration(&everything(Routes::One), Path::new("/d"), true, ["uwsgi"].into_iter());
        for expected in [
            "user root;",
            "worker_processes 1;",
            "access_log /l/access.log;",
            "uwsgi_temp_path /d/uwsgi;",
            "server 127.0.0.1:9000;",
            "listen 127.0.0.1:8000;",
            "listen 127.0.0.1:8443 ssl http2;",
            "ssl_certificate /c/chain.pem;",
            "server_name app.load.test;\n    location / { proxy_pass http://app; }",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }

    #[test]
    fn many_routes() {
        let none = std::iter::empty;
        let hosts = configuration(&plain(Routes::Hosts(3)), Path::new("/d"), false, none());
        assert_eq!(hosts.matches("server_name h").count(), 3);
        let paths = configuration(&plain(Routes::Paths(3)), Path::new("/d"), false, none());
        assert_eq!(paths.matches("location /p").count(), 3);
        assert!(
            paths.contains("access_log off;") && !paths.contains("ssl") && !paths.contains("user")
        );
    }

    #[test]
    fn nginx_itself_takes_it() {
        let Ok(found) = super::super::find::program("nginx", &["-v"]) else { return };
        let folder = tempfile::tempdir().unwrap();
        let certificate = super::super::Certificate::make(folder.path()).unwrap();
        for routes in [Routes::One, Routes::Hosts(20), Routes::Paths(20)] {
            let mut site = everything(routes);
            site.access_log = Some(folder.path().join("access.log"));
            if let Some((_, files)) = &mut site.tls {
                *files = certificate.clone();
            }
            let start = prepare(&site, &found, folder.path()).unwrap();
            let output =
                Command::new(&found.program).arg("-t").args(start.arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
