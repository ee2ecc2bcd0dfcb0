//! `help`: the commands and the options that most installations need.

/// What `swarmgate help` prints.
pub fn text() -> String {
    format!(
        "\
Swarmgate {version}: an edge proxy for Docker Swarm that runs stacks written for Traefik

Usage:
  swarmgate [options]             run the proxy
  swarmgate healthcheck [options] ask its ping entry point; exit code 0 when it is well
  swarmgate explain URL           what the running proxy would do with a request, and why
  swarmgate routes                the routes of the running proxy
  swarmgate check FILE...         what stack and configuration files would do, and their mistakes
  swarmgate version               version, compiler, build time
  swarmgate help                  this text

A first word `traefik` is ignored, so that command lines written for Traefik work.

Configuration is read from the first of these that is there; they are not merged:
  1. a file: --configFile=PATH, or traefik.yml|yaml|toml, then swarmgate.yml|yaml|toml, in
     /etc/traefik, $XDG_CONFIG_HOME/traefik, $HOME/.config/traefik, the working directory
  2. options on the command line, as below
  3. variables: TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80

Options (names in any case; durations such as 10s or 1m30s, a bare number is seconds):
  --entryPoints.NAME.address=:80                  listen here
  --entryPoints.NAME.asDefault=true               routers without entry points use it
  --entryPoints.NAME.http.redirections.entryPoint.to=NAME
                                                  answer everything with a redirection
  --entryPoints.NAME.http.tls=true                TLS for its routers
  --entryPoints.NAME.http.tls.certResolver=NAME   with certificates from this resolver
  --entryPoints.NAME.http.middlewares=NAME@file   before the routers' own middlewares
  --entryPoints.NAME.forwardedHeaders.trustedIPs=10.0.0.0/8
                                                  proxies whose X-Forwarded-* are believed
  --providers.swarm.endpoint=unix:///var/run/docker.sock
  --providers.swarm.exposedByDefault=false        only services with traefik.enable=true
  --providers.swarm.network=NAME                  the network that leads to the services
  --providers.docker.endpoint=…                   the same for single containers
  --providers.file.filename=PATH                  routers, services, middlewares from a file
  --providers.file.directory=PATH                 or from a folder of files
  --certificatesResolvers.NAME.acme.email=MAIL    certificates from Let's Encrypt
  --certificatesResolvers.NAME.acme.storage=/letsencrypt/acme.json
  --certificatesResolvers.NAME.acme.httpChallenge.entryPoint=NAME
  --api.insecure=true                             API and dashboard on :8080
  --ping=true                                     /ping on :8080, for `healthcheck`
  --metrics.prometheus=true                       /metrics on :8080
  --log.level=INFO                                TRACE DEBUG INFO WARN (default) ERROR
  --log.format=json  --log.filePath=PATH
  --accessLog=true   --accessLog.format=json  --accessLog.filePath=PATH

Signals: TERM and INT stop gracefully, USR1 opens the access log file anew.
",
        version = env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn fits_a_terminal() {
        let text = super::text();
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        assert!(text.contains("healthcheck") && text.contains("--configFile"));
    }
}
