//! Traefik, and the routing file that Swarmgate reads as well.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::Start;
use super::site::{Routes, Site, host, path};

/// Writes the routing file and says how Traefik is started: one thread for its goroutines, no
/// calls home.
pub fn prepare(site: &Site, folder: &Path, fast: bool) -> io::Result<Start> {
    let mut arguments = arguments(site, folder)?;
    arguments.push("--global.checknewversion=false".to_owned());
    arguments.push("--global.sendanonymoususage=false".to_owned());
    if fast {
        arguments.push("--experimental.fastproxy=true".to_owned());
    }
    Ok(Start::new(arguments).with("GOMAXPROCS", "1"))
}

/// Writes the routing file; the install configuration as options, which both proxies read.
pub fn arguments(site: &Site, folder: &Path) -> io::Result<Vec<String>> {
    let file = routing_file(folder);
    fs::write(&file, routing(site, site.routes))?;
    let mut arguments = vec![
        format!("--entrypoints.web.address={}", site.plain),
        format!("--providers.file.filename={}", file.display()),
        "--log.level=ERROR".to_owned(),
    ];
    if let Some((address, _)) = &site.tls {
        arguments.push(format!("--entrypoints.websecure.address={address}"));
    }
    if let Some(log) = &site.access_log {
        arguments.push("--accesslog=true".to_owned());
        arguments.push(format!("--accesslog.filepath={}", log.display()));
    }
    if let Some(address) = site.metrics {
        arguments.push(format!("--entrypoints.metrics.address={address}"));
        arguments.push("--metrics.prometheus=true".to_owned());
        arguments.push("--metrics.prometheus.entrypoint=metrics".to_owned());
    }
    Ok(arguments)
}

/// The routing file of a peer whose folder this is.
pub fn routing_file(folder: &Path) -> std::path::PathBuf {
    folder.join("routing.yml")
}

/// The routing configuration: `routes` in the clear and, on a site with TLS, once more with TLS.
#[must_use]
pub fn routing(site: &Site, routes: Routes) -> String {
    let mut text = String::from("http:\n  routers:\n");
    let mut entry = |name: &str, rule: &str| {
        // Writing into a string does not fail.
        let _ = write!(
            text,
            "    {name}:\n      rule: \"{rule}\"\n      entryPoints: [web]\n      service: app\n"
        );
        if site.tls.is_some() {
            let _ = write!(
                text,
                "    {name}-tls:\n      rule: \"{rule}\"\n      entryPoints: [websecure]\n      \
                 service: app\n      tls: {{}}\n"
            );
        }
    };
    // The one host is always there, so that routes can come and go beside it.
    let one = "Host(`app.load.test`)";
    match routes {
        Routes::One => entry("app", one),
        Routes::Hosts(n) => {
            entry("app", one);
            for i in 0..n {
                entry(&format!("r{i:05}"), &format!("Host(`{}`)", host(i)));
            }
        }
        Routes::Paths(n) => {
            for i in 0..n {
                entry(&format!("r{i:05}"), &format!("{one} && PathPrefix(`{}`)", path(i)));
            }
        }
    }
    let _ = write!(
        text,
        "  services:\n    app:\n      loadBalancer:\n        servers:\n          - url: \
         \"http://{}\"\n",
        site.upstream
    );
    if let Some((_, certificate)) = &site.tls {
        let _ = write!(
            text,
            "tls:\n  stores:\n    default:\n      defaultCertificate:\n        certFile: \
             \"{}\"\n        keyFile: \"{}\"\n",
            certificate.chain.display(),
            certificate.key.display()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::site::tests::{everything, plain};
    use super::*;

    #[test]
    fn one_route_with_tls() {
        let expected = r#"http:
  routers:
    app:
      rule: "Host(`app.load.test`)"
      entryPoints: [web]
      service: app
    app-tls:
      rule: "Host(`app.load.test`)"
      entryPoints: [websecure]
      service: app
      tls: {}
  services:
    app:
      loadBalancer:
        servers:
          - url: "http://127.0.0.1:9000"
tls:
  stores:
    default:
      defaultCertificate:
        certFile: "/c/chain.pem"
        keyFile: "/c/key.pem"
"#;
        assert_eq!(routing(&everything(Routes::One), Routes::One), expected);
    }

    #[test]
    fn many_routes() {
        let hosts = routing(&plain(Routes::Hosts(2)), Routes::Hosts(2));
        assert_eq!(hosts.matches("rule:").count(), 3, "{hosts}");
        assert!(hosts.contains("Host(`h00001.load.test`)"), "{hosts}");
        let paths = routing(&plain(Routes::Paths(2)), Routes::Paths(2));
        assert_eq!(paths.matches("rule:").count(), 2, "{paths}");
        assert!(paths.contains("Host(`app.load.test`) && PathPrefix(`/p00001`)"), "{paths}");
        assert!(!paths.contains("tls"), "{paths}");
    }

    #[test]
    fn options() {
        let folder = tempfile::tempdir().unwrap();
        let start = prepare(&everything(Routes::One), folder.path(), true).unwrap();
        let said: Vec<_> = start.arguments.iter().map(|a| a.to_string_lossy()).collect();
        for expected in [
            "--entrypoints.web.address=127.0.0.1:8000",
            "--entrypoints.websecure.address=127.0.0.1:8443",
            "--accesslog.filepath=/l/access.log",
            "--metrics.prometheus.entrypoint=metrics",
            "--experimental.fastproxy=true",
        ] {
            assert!(said.iter().any(|argument| argument == expected), "{expected}: {said:?}");
        }
        assert_eq!(start.variables, [("GOMAXPROCS", "1".into())]);
        let start = prepare(&plain(Routes::One), folder.path(), false).unwrap();
        let said = format!("{:?}", start.arguments);
        for unexpected in ["fastproxy", "accesslog", "metrics", "websecure"] {
            assert!(!said.contains(unexpected), "{unexpected}: {said}");
        }
    }
}
