//! The demo's way: set the stage, show routes and certificates, print the lines to copy, then
//! check them, or scale now and then until Ctrl-C.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checks::{self, Line, ask_api, secure};
use crate::paint::{bad, faint, good, live, strong, title};
use crate::swarm::{Stage, WEB};

/// The domains of the stack.
const DOMAINS: [&str; 2] = ["domini.com", "www.domini.com"];
/// Longer than the first order takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two changes of the number of replicas.
const SCALE_EVERY: Duration = Duration::from_secs(12);

/// Runs the demo; `once` checks and ends.
///
/// # Errors
/// With a sentence for people.
pub fn run(once: bool, stop: &AtomicBool) -> Result<(), String> {
    println!("{}", title("Swarmgate: the published Django stack, its image line swapped"));
    println!(
        "{}",
        faint(
            "examples/django/docker-stack.yml on a simulated Docker Swarm, production configuration in its v2 form"
        )
    );
    println!();
    let stage = Stage::set()?;
    let result = show(&stage, once, stop);
    if result.is_err() && !stop.load(Ordering::SeqCst) {
        println!("{}\n{}", faint("The proxy said:"), stage.proxy.output());
    }
    let Stage { proxy, .. } = stage;
    proxy.terminate(Duration::from_secs(20));
    if !once {
        println!("Stopped.");
    }
    if stop.load(Ordering::SeqCst) { Ok(()) } else { result }
}

fn show(stage: &Stage, once: bool, stop: &AtomicBool) -> Result<(), String> {
    routes(stage, stop)?;
    certificates(stage, stop)?;
    let lines = checks::lines(stage);
    println!("{}", title("Try it"));
    for line in &lines {
        println!("  {}\n    {}", faint(line.shows), strong(&line.curl));
    }
    println!("  {}\n    {}", faint("the dashboard"), strong(&dashboard(stage)));
    println!();
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    if once { check(stage, &lines) } else { scale(stage, stop) }
}

fn dashboard(stage: &Stage) -> String {
    format!("http://127.0.0.1:{}/dashboard/", stage.ports.dashboard)
}

/// Waits until `probe` is `Ok`.
fn wait<T>(stop: &AtomicBool, mut probe: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(reason) if start.elapsed() > PATIENCE => return Err(reason),
            Err(_) if stop.load(Ordering::SeqCst) => return Err("stopped".into()),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn routes(stage: &Stage, stop: &AtomicBool) -> Result<(), String> {
    let start = Instant::now();
    let routers = wait(stop, || {
        let routers = ask_api(stage, "http/routers")?;
        let found =
            routers.as_array().into_iter().flatten().filter(|router| {
                router["provider"] != "internal" && router["status"] != "disabled"
            });
        match found.count() {
            0 => Err(format!("no routes found: {routers}")),
            _ => Ok(routers),
        }
    })?;
    println!("{} {}", title("Routes"), faint(&format!("after {} ms", start.elapsed().as_millis())));
    let found = routers.as_array().into_iter().flatten();
    for router in found.filter(|router| router["provider"] != "internal") {
        let text = |key: &str| router[key].as_str().unwrap_or_default();
        let list = |key: &str| {
            let items = router[key].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        };
        let resolver = router["tls"]["certResolver"].as_str();
        let tls = resolver.map(|name| format!(", TLS by {name}")).unwrap_or_default();
        let middlewares = match list("middlewares") {
            none if none.is_empty() => none,
            some => format!(", {some}"),
        };
        let line = format!(
            "{:<22} {:<28} {}{}{}",
            text("name"),
            text("rule"),
            faint(&list("entryPoints")),
            faint(&tls),
            faint(&middlewares)
        );
        println!("  {line}");
    }
    let replicas = stage.engine.service(WEB).map_or(0, |view| view.tasks.len());
    println!("  {}", faint(&format!("to {WEB}: VIP {}, {replicas} replicas behind it", stage.vip)));
    println!();
    Ok(())
}

fn certificates(stage: &Stage, stop: &AtomicBool) -> Result<(), String> {
    let start = Instant::now();
    for domain in DOMAINS {
        wait(stop, || {
            let response = secure(stage, domain, "/");
            response.map(|_| ()).map_err(|error| format!("no certificate for {domain}: {error}"))
        })?;
    }
    let after = format!("over HTTP-01, after {} ms", start.elapsed().as_millis());
    println!("{} {}", title("Certificates"), faint(&after));
    let listed = ask_api(stage, "certificates").unwrap_or_default();
    for certificate in listed.as_array().into_iter().flatten() {
        let text = |key: &str| certificate[key].as_str().unwrap_or_default();
        let sans = certificate["sans"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let names: Vec<&str> = sans.filter(|name| DOMAINS.contains(name)).collect();
        if !names.is_empty() {
            let (issuer, end) = (text("issuerCN"), text("notAfter"));
            println!("  {:<22} {}", names.join(", "), faint(&format!("by {issuer}, until {end}")));
        }
    }
    println!();
    Ok(())
}

fn check(stage: &Stage, lines: &[Line]) -> Result<(), String> {
    println!("{}", title("Checked"));
    let mut failed = 0;
    let mut tell = |what: &str, result: Result<String, String>| match result {
        Ok(text) => println!("  {} {what}: {}", good("ok"), faint(&text)),
        Err(text) => {
            failed += 1;
            println!("  {} {what}: {text}", bad("FAILED"));
        }
    };
    for line in lines {
        tell(line.shows, line.check(stage));
    }
    tell("a label's change is live in under a second", checks::label_change(stage));
    for replicas in [5, 2, 3] {
        stage.engine.scale(WEB, replicas);
        let what = format!("scaled to {replicas}, all of them answer");
        let wanted = usize::try_from(replicas).unwrap_or(usize::MAX);
        tell(&what, checks::all_answer(stage, wanted, Duration::from_secs(10)));
    }
    println!();
    match failed {
        0 => Ok(()),
        failed => Err(format!("{failed} checks failed")),
    }
}

/// What came of the requests since the last change.
#[derive(Default)]
struct Tally {
    requests: usize,
    failed: usize,
    tasks: BTreeSet<String>,
    slowest: Duration,
}

impl Tally {
    fn ask(&mut self, stage: &Stage) {
        let start = Instant::now();
        let answer = secure(stage, "domini.com", "/");
        self.requests += 1;
        match answer.ok().filter(|response| response.status == 200).as_ref().and_then(checks::task)
        {
            Some(task) => {
                self.tasks.insert(task);
            }
            None => self.failed += 1,
        }
        self.slowest = self.slowest.max(start.elapsed());
    }

    fn line(&self) -> String {
        let failed = match self.failed {
            0 => good("none failed"),
            failed => bad(&format!("{failed} failed")),
        };
        format!(
            "{} requests, {failed}, answered by {} replicas, slowest {} ms",
            self.requests,
            self.tasks.len(),
            self.slowest.as_millis()
        )
    }
}

fn scale(stage: &Stage, stop: &AtomicBool) -> Result<(), String> {
    println!("{} {}", title("Scaling now and then"), faint("(Ctrl-C stops)"));
    for replicas in [3_u32, 5, 2, 4, 1].into_iter().cycle() {
        stage.engine.scale(WEB, replicas);
        let start = Instant::now();
        let mut tally = Tally::default();
        while start.elapsed() < SCALE_EVERY && !stop.load(Ordering::SeqCst) {
            tally.ask(stage);
            if live() {
                print!("\r  {WEB} = {replicas}: {}\x1b[K", tally.line());
                std::io::stdout().flush().map_err(|error| error.to_string())?;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let over = if live() { "\r\x1b[K" } else { "" };
        println!("{over}  {WEB} = {replicas}: {}", tally.line());
        if stop.load(Ordering::SeqCst) {
            break;
        }
    }
    Ok(())
}
