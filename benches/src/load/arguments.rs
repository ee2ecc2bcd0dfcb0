//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::loads::{LOADS, Load};
use crate::peer::Peer;

/// What the person wants.
#[derive(Debug)]
pub enum Wanted {
    /// The help text.
    Help,
    /// The names of loads and peers.
    List,
    /// To be the relay: listen here, forward there.
    Relay(SocketAddr, SocketAddr),
    /// To be the upstream.
    Upstream(SocketAddr),
    /// A run.
    Run(Options),
    /// What each middleware adds.
    Middlewares(Options),
}

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The loads, in the table's order.
    pub loads: Vec<&'static Load>,
    /// The peers, in the report's order.
    pub peers: Vec<Peer>,
    /// Times that each load is put on each peer.
    pub rounds: usize,
    /// The measured part.
    pub measured: Duration,
    /// The part before it.
    pub warm_up: Duration,
    /// Where the report goes.
    pub out: PathBuf,
    /// The Swarmgate to measure, when it was named.
    pub swarmgate: Option<PathBuf>,
    /// Leave configurations and logs.
    pub keep: bool,
    /// Missed goals and failed requests are a failure of the run.
    pub check: bool,
    /// The peers' core.
    pub proxy_core: usize,
    /// The generator's and the upstream's.
    pub load_core: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            loads: LOADS.iter().collect(),
            peers: Peer::ALL.to_vec(),
            rounds: 5,
            measured: Duration::from_secs(2),
            warm_up: Duration::from_millis(500),
            out: PathBuf::from("target/load"),
            swarmgate: None,
            keep: false,
            check: false,
            proxy_core: 0,
            load_core: 1,
        }
    }
}

/// What `--help` prints.
pub const HELP: &str = "\
The load test: Swarmgate and the proxies found on this machine, each with one worker on one core,
under the same loads from the other core. Prints tables; writes load.json, load.md, load.svg.

Usage: cargo bench --bench load -- [options]      or the program `load` itself

  --only NAME,...      only these loads (--list names them)
  --peers NAME,...     only these peers
  --rounds N           times that each load is put on each peer, in turn (5)
  --seconds S          the measured part of each (2)
  --warm-up S          the part before it (0.5)
  --quick              one round of 0.5 s after 0.2 s: to see that it works, not to compare
  --swarmgate PATH     the Swarmgate to measure
  --out FOLDER         where the report goes (target/load)
  --proxy-core N       the core of the measured proxies (0)
  --load-core N        the core of the generator and the upstream (1)
  --check              exit code 1 when a goal is missed, a request failed, or a round did not work
  --keep               leave the proxies' configurations and logs
  --list               the names of loads and peers
  --help               this text

  load relay LISTEN UPSTREAM   be the relay that parses nothing
  load upstream LISTEN         be the upstream, until the standard input ends
  load middlewares [options]   what each middleware adds to a request, beside Traefik's for the same
                               work (cargo bench --bench middlewares); writes middlewares.json and
                               middlewares.md
";

/// Reads the arguments (without the program's name).
///
/// # Errors
/// What is wrong with which argument.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Wanted, String> {
    let mut arguments = arguments.into_iter();
    let mut options = Options::default();
    let (mut loads, mut peers) = (Vec::new(), Vec::new());
    let mut middlewares = false;
    while let Some(argument) = arguments.next() {
        // --option value and --option=value
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (argument.as_str(), None),
        };
        let has_value = inline.is_some();
        let mut value =
            || inline.clone().or_else(|| arguments.next()).ok_or(format!("{name} needs a value"));
        match name {
            "--only" => {
                for name in value()?.split(',') {
                    loads.push(name.trim().to_owned());
                }
                continue;
            }
            "--peers" => {
                for name in value()?.split(',') {
                    peers.push(name.trim().to_owned());
                }
                continue;
            }
            "--rounds" => {
                options.rounds = whole(name, &value()?)?;
                if options.rounds == 0 {
                    return Err("--rounds must be at least 1".to_owned());
                }
                continue;
            }
            "--seconds" => {
                options.measured = seconds(name, &value()?)?;
                if options.measured < Duration::from_millis(50) {
                    return Err("--seconds must be at least 0.05".to_owned());
                }
                continue;
            }
            "--warm-up" => {
                options.warm_up = seconds(name, &value()?)?;
                continue;
            }
            "--swarmgate" => {
                options.swarmgate = Some(value()?.into());
                continue;
            }
            "--out" => {
                options.out = value()?.into();
                continue;
            }
            "--proxy-core" => {
                options.proxy_core = whole(name, &value()?)?;
                continue;
            }
            "--load-core" => {
                options.load_core = whole(name, &value()?)?;
                continue;
            }
            "relay" => {
                return Ok(Wanted::Relay(address(name, &value()?)?, address(name, &value()?)?));
            }
            "upstream" => return Ok(Wanted::Upstream(address(name, &value()?)?)),
            _ => {}
        }
        if has_value {
            return Err(format!("unknown option {argument}, or it takes no value (see --help)"));
        }
        match name {
            // Cargo adds it.
            "--bench" => {}
            "--quick" => {
                options.rounds = 1;
                options.measured = Duration::from_millis(500);
                options.warm_up = Duration::from_millis(200);
            }
            "middlewares" => {
                middlewares = true;
                // There are many, and each is compared with its own process's other requests.
                options.measured = Duration::from_millis(500);
                options.warm_up = Duration::from_millis(100);
            }
            "--check" => options.check = true,
            "--keep" => options.keep = true,
            "--list" => return Ok(Wanted::List),
            "--help" | "-h" | "help" => return Ok(Wanted::Help),
            _ => return Err(format!("unknown argument {argument} (see --help)")),
        }
    }
    if middlewares && !loads.is_empty() {
        return Err("--only names loads, not middlewares".to_owned());
    }
    if !loads.is_empty() {
        known(&loads, "load", |name| Load::named(name).is_some())?;
        options.loads.retain(|load| loads.iter().any(|name| name == load.name));
    }
    if !peers.is_empty() {
        known(&peers, "peer", |name| Peer::named(name).is_some())?;
        options.peers.retain(|peer| peers.iter().any(|name| name == peer.name()));
    }
    Ok(if middlewares { Wanted::Middlewares(options) } else { Wanted::Run(options) })
}

fn known(names: &[String], what: &str, is: impl Fn(&str) -> bool) -> Result<(), String> {
    match names.iter().find(|name| !is(name)) {
        None => Ok(()),
        Some(name) => Err(format!("there is no {what} {name} (see --list)")),
    }
}

fn whole(name: &str, value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| format!("{name}: {value} is no whole number"))
}

fn seconds(name: &str, value: &str) -> Result<Duration, String> {
    let wrong = || format!("{name}: {value} is no number of seconds from 0 to 3600");
    let number: f64 = value.parse().map_err(|_| wrong())?;
    if (0.0..=3600.0).contains(&number) {
        Ok(Duration::from_secs_f64(number))
    } else {
        Err(wrong())
    }
}

fn address(name: &str, value: &str) -> Result<SocketAddr, String> {
    value.parse().map_err(|_| format!("{name}: {value} is no address such as 127.0.0.1:8000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Wanted, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    fn options(line: &str) -> Options {
        match parsed(line) {
            Ok(Wanted::Run(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn runs() {
        let all = options("--bench");
        assert_eq!((all.loads.len(), all.peers.len(), all.rounds), (LOADS.len(), 8, 5));
        let some = options("--only=1m,keep-alive --only tls --peers nginx,swarmgate --rounds 2");
        let names: Vec<_> = some.loads.iter().map(|load| load.name).collect();
        assert_eq!(names, ["keep-alive", "1m", "tls"], "the table's order");
        assert_eq!(some.peers, [Peer::Swarmgate, Peer::Nginx]);
        assert_eq!(some.rounds, 2);
        let quick = options("--quick --seconds 0.3 --out /o --swarmgate=/s --keep --check");
        assert_eq!((quick.rounds, quick.measured), (1, Duration::from_millis(300)));
        assert_eq!((quick.out, quick.swarmgate), ("/o".into(), Some("/s".into())));
        assert!(quick.keep && quick.check);
    }

    #[test]
    fn other_wishes() {
        assert!(matches!(parsed("--help"), Ok(Wanted::Help)));
        assert!(matches!(parsed("--bench --list"), Ok(Wanted::List)));
        let Ok(Wanted::Relay(listen, upstream)) = parsed("--bench relay 127.0.0.1:1 127.0.0.1:2")
        else {
            panic!()
        };
        assert_eq!((listen.port(), upstream.port()), (1, 2));
        assert!(matches!(parsed("upstream 127.0.0.1:0"), Ok(Wanted::Upstream(_))));
        let Ok(Wanted::Middlewares(some)) = parsed("middlewares --bench --rounds 3") else {
            panic!()
        };
        assert_eq!(some.rounds, 3);
        assert!(parsed("middlewares --only tls").is_err());
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("--only keepalive", "no load keepalive"),
            ("--peers apache", "no peer apache"),
            ("--rounds", "--rounds needs a value"),
            ("--rounds x", "x is no whole number"),
            ("--rounds 0", "at least 1"),
            ("--seconds -1", "no number of seconds"),
            ("--seconds nan", "no number of seconds"),
            ("--seconds 0", "at least 0.05"),
            ("--verbose", "unknown argument --verbose"),
            ("--quick=yes", "takes no value"),
            ("relay 127.0.0.1:1", "relay needs a value"),
            ("relay x y", "x is no address"),
        ];
        for (line, expected) in cases {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn help_names_every_option_and_fits() {
        for option in ["only", "peers", "rounds", "seconds", "warm-up", "quick", "swarmgate", "out"]
        {
            assert!(HELP.contains(&format!("--{option} ")), "{option}");
        }
        assert!(HELP.lines().all(|line| line.chars().count() <= 100));
    }
}
