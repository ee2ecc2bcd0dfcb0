//! sozu: one worker; HTTP and HTTPS listeners and one cluster.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::Start;
use super::site::{Needs, Routes, Site, host, path};

/// What it is measured with.
pub fn can(needs: Needs) -> Result<(), &'static str> {
    if needs.live_file {
        Err("takes no new routers from a watched file")
    } else if needs.log {
        Err("its access log and metrics are not set up here")
    } else {
        Ok(())
    }
}

/// Writes `sozu.toml`.
pub fn prepare(site: &Site, folder: &Path) -> io::Result<Start> {
    let file = folder.join("sozu.toml");
    fs::write(&file, configuration(site, folder))?;
    Ok(Start::new(["start".as_ref(), "--config".as_ref(), file.as_os_str()]))
}

fn configuration(site: &Site, folder: &Path) -> String {
    let mut text = String::new();
    // Writing into a string does not fail, here and below.
    let _ = write!(
        text,
        "log_level = \"error\"
log_target = \"stdout\"
command_socket = \"{}\"
worker_count = 1
worker_automatic_restart = false
handle_process_affinity = false
max_connections = {}
activate_listeners = true

[[listeners]]
protocol = \"http\"
address = \"{}\"
",
        folder.join("sozu.sock").display(),
        (site.connections + 512).max(2000),
        site.plain,
    );
    if let Some((address, _)) = &site.tls {
        let _ = write!(
            text,
            "\n[[listeners]]\nprotocol = \"https\"\naddress = \"{address}\"\n\
             tls_versions = [\"TLS_V12\", \"TLS_V13\"]\n"
        );
    }
    text +=
        "\n[clusters.app]\nprotocol = \"http\"\nload_balancing = \"ROUND_ROBIN\"\nfrontends = [\n";
    let mut frontend = |host: &str, path: Option<String>| {
        let path = path
            .map(|path| format!(", path = \"{path}\", path_type = \"PREFIX\""))
            .unwrap_or_default();
        let _ =
            writeln!(text, "  {{ address = \"{}\", hostname = \"{host}\"{path} }},", site.plain);
        if let Some((address, certificate)) = &site.tls {
            let _ = writeln!(
                text,
                "  {{ address = \"{address}\", hostname = \"{host}\"{path}, certificate = \"{0}\", \
                 certificate_chain = \"{0}\", key = \"{1}\" }},",
                certificate.chain.display(),
                certificate.key.display()
            );
        }
    };
    match site.routes {
        Routes::One => frontend("app.load.test", None),
        Routes::Hosts(n) => (0..n).for_each(|i| frontend(&host(i), None)),
        Routes::Paths(n) => (0..n).for_each(|i| frontend("app.load.test", Some(path(i)))),
    }
    let _ = write!(text, "]\nbackends = [{{ address = \"{}\" }}]\n", site.upstream);
    text
}

#[cfg(test)]
mod tests {
    use super::super::site::tests::{everything, plain};
    use super::*;

    #[test]
    fn everything_is_said() {
        let text = configuration(&everything(Routes::One), Path::new("/d"));
        assert_eq!(text.matches("[[listeners]]").count(), 2);
        assert_eq!(text.matches("hostname = \"app.load.test\"").count(), 2);
        assert!(text.contains("worker_count = 1") && text.contains("key = \"/c/key.pem\""));
        let text = configuration(&plain(Routes::Paths(2)), Path::new("/d"));
        assert!(text.contains("path = \"/p00001\", path_type = \"PREFIX\""), "{text}");
        assert!(can(Needs { log: true, ..Needs::default() }).is_err());
        assert!(can(Needs { tls: true, http2: true, ..Needs::default() }).is_ok());
    }
}
