//! Configurations of any size, as people would write them: routing files and service labels.

use std::fmt::Write;

/// The entry point that all of them are on.
pub const ENTRY_POINT: &str = "web";

/// The one host of [`path_routers`].
pub const HOST: &str = "app.example.com";

/// The host of router `number` in [`host_routers`]; they differ in length and in their first
/// letters, as hosts do.
pub fn host(number: usize) -> String {
    const TEAMS: [&str; 7] = ["shop", "api", "mail", "intranet", "www", "git", "monitoring"];
    let team = TEAMS[number % TEAMS.len()];
    format!("{team}{number}.customers.example.com")
}

/// The path prefix of router `number` in [`path_routers`]. None is the beginning of another.
pub fn path(number: usize) -> String {
    format!("/part{number:05}/items")
}

/// The server behind router `number`. Nobody is asked to connect to it.
pub fn server(number: usize) -> String {
    format!("http://10.{}.{}.{}:8080", number / 65_536 % 256, number / 256 % 256, number % 256)
}

/// A routing file, YAML, with so many routers, each with a host and a service of its own.
pub fn host_routers(count: usize) -> String {
    routers((0..count).map(|number| format!("Host(`{}`)", host(number))))
}

/// A routing file, YAML, with so many routers on [`HOST`], each with a path and a service of its own.
pub fn path_routers(count: usize) -> String {
    routers((0..count).map(|number| format!("Host(`{HOST}`) && PathPrefix(`{}`)", path(number))))
}

fn routers(rules: impl Iterator<Item = String>) -> String {
    let (mut routers, mut services) = (String::new(), String::new());
    for (number, rule) in rules.enumerate() {
        // Writing to a text cannot fail.
        let _ = writeln!(
            routers,
            "    r{number}: {{rule: '{rule}', entryPoints: [{ENTRY_POINT}], service: s{number}}}"
        );
        let _ = writeln!(
            services,
            "    s{number}: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}",
            server(number)
        );
    }
    format!("http:\n  routers:\n{routers}  services:\n{services}")
}

/// The labels of one service of a usual stack: two routers, three middlewares, a port.
pub fn labels(number: usize) -> Vec<(String, String)> {
    let name = format!("stack{number}-app");
    let host = host(number);
    let routers = format!("traefik.http.routers.{name}");
    let middlewares = format!("traefik.http.middlewares.{name}");
    let services = format!("traefik.http.services.{name}");
    [
        ("traefik.enable".to_owned(), "true".to_owned()),
        ("traefik.docker.network".to_owned(), "edge".to_owned()),
        (format!("{routers}.rule"), format!("Host(`{host}`)")),
        (format!("{routers}.entrypoints"), ENTRY_POINT.to_owned()),
        (format!("{routers}.middlewares"), format!("{name}-https")),
        (format!("{routers}-api.rule"), format!("Host(`{host}`) && PathPrefix(`/api`)")),
        (format!("{routers}-api.entrypoints"), ENTRY_POINT.to_owned()),
        (format!("{routers}-api.middlewares"), format!("{name}-strip,{name}-headers")),
        (format!("{routers}-api.priority"), "200".to_owned()),
        (format!("{middlewares}-https.redirectscheme.scheme"), "https".to_owned()),
        (format!("{middlewares}-strip.stripprefix.prefixes"), "/api".to_owned()),
        (format!("{middlewares}-headers.headers.customrequestheaders.X-Stack"), name),
        (format!("{services}.loadbalancer.server.port"), "8080".to_owned()),
    ]
    .into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn files_hold_what_was_asked_for() {
        for (text, host_of_last) in [(host_routers(8), host(7)), (path_routers(8), HOST.to_owned())]
        {
            let file: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
            for kind in ["routers", "services"] {
                let objects = file["http"][kind].as_mapping().expect("objects by name");
                assert_eq!(objects.len(), 8, "{kind}");
            }
            let rule = file["http"]["routers"]["r7"]["rule"].as_str().expect("a rule");
            assert!(rule.starts_with(&format!("Host(`{host_of_last}`)")), "{rule}");
        }
    }

    #[test]
    fn names_differ() {
        let hosts: HashSet<String> = (0..10_000).map(host).collect();
        let paths: HashSet<String> = (0..10_000).map(path).collect();
        assert_eq!((hosts.len(), paths.len()), (10_000, 10_000));
    }
}
