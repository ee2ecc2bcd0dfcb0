//! Many routers appear at once in the watched file: what that costs, and what requests notice.

use std::fs;
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::ask::Asker;
use super::instance::Instance;
use super::loads::Load;
use super::measure::{Sample, Span, requests};
use crate::generate::Pace;
use crate::peer::{Routes, host, traefik_routing, traefik_routing_file};
use crate::report::{Metric, Spread};

/// The longest that taking the routers in may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the new router is asked for: over one connection, so that asking costs next to nothing.
const PAUSE: Duration = Duration::from_millis(5);
/// How many parts with requests there are, with and without the apply in turn.
const PAIRS: usize = 5;
/// The longest part with requests.
const LONGEST: Duration = Duration::from_secs(15);

/// Measures the appearance of `n` host routers.
///
/// # Errors
/// In words.
pub fn routers(
    instance: &mut Instance,
    load: &Load,
    n: usize,
    span: Span,
) -> Result<Sample, String> {
    // 1. Without requests: all CPU time is the apply's.
    quiet(instance);
    let before = instance.tree.cpu();
    let began = Instant::now();
    stage(instance, Routes::Hosts(n)).and_then(|()| appear(instance)).map_err(in_words)?;
    seen(instance, n, 200)?;
    let live = began.elapsed();
    quiet(instance);
    let used = instance.tree.cpu().since(&before).total;
    let resident = instance.tree.resident();

    // 2. Away again.
    stage(instance, Routes::One).and_then(|()| appear(instance)).map_err(in_words)?;
    seen(instance, n, 404)?;
    quiet(instance);

    // 3. At half of what it can do: without and with.
    let short = Span { measured: span.measured.min(Duration::from_millis(500)), ..span };
    let knee = requests(instance, load, Pace::Closed, short, || {})?;
    let rate = knee.figures.get(&Metric::PerSecond).copied().unwrap_or(0.0) / 2.0;
    if rate < 1.0 {
        return Err("it answers no requests".to_owned());
    }
    let pace = Pace::Open { rate };
    // As long as the apply takes and a little more: longer, and the p99 would not see it. In so
    // short a time one hiccup of the machine decides the p99, so there are several pairs.
    let measured = (live + live / 4).clamp(Duration::from_millis(200), LONGEST);
    let span = Span { measured, ..span };
    let (mut calm, mut during) = (Vec::new(), Vec::new());
    let mut sample = knee;
    for pair in 0..PAIRS {
        if pair > 0 {
            stage(instance, Routes::One).and_then(|()| appear(instance)).map_err(in_words)?;
            seen(instance, n, 404)?;
            quiet(instance);
        }
        let without = requests(instance, load, pace, span, || {})?;
        stage(instance, Routes::Hosts(n)).map_err(in_words)?;
        let with = requests_while_they_appear(instance, load, pace, span)?;
        seen(instance, n, 200)?;
        let figure = |sample: &Sample| sample.figures.get(&Metric::P99Us).copied();
        calm.extend(figure(&without));
        during.extend(figure(&with));
        for mut other in [without, with] {
            sample.requests += other.requests;
            for (cause, n) in other.failed {
                *sample.failed.entry(cause).or_default() += n;
            }
            sample.figures.append(&mut other.figures);
            other.notes.retain(|note| !sample.notes.contains(note));
            sample.notes.append(&mut other.notes);
        }
    }
    if let Some((calm, during)) = Spread::of(&calm).zip(Spread::of(&during)) {
        let (calm, during) = (calm.median, during.median);
        sample.figures.insert(Metric::P99Us, calm);
        sample.figures.insert(Metric::P99DuringUs, during);
        sample.figures.insert(Metric::P99During, during / calm.max(f64::MIN_POSITIVE));
    }
    // With the apply's own time in it this is nobody's cost per request.
    for metric in [Metric::CpuUs, Metric::UserUs, Metric::SystemUs] {
        sample.figures.remove(&metric);
    }
    sample.figures.insert(Metric::ApplyCpuMs, used.as_secs_f64() * 1e3);
    sample.figures.insert(Metric::LiveMs, live.as_secs_f64() * 1e3);
    sample.figures.insert(Metric::ResidentMib, resident as f64 / f64::from(1 << 20));
    Ok(sample)
}

/// Puts `load` on the peer and has the staged routers appear when the measured part begins.
fn requests_while_they_appear(
    instance: &mut Instance,
    load: &Load,
    pace: Pace,
    span: Span,
) -> Result<Sample, String> {
    let (from, to) = (staged(instance), traefik_routing_file(&instance.folder));
    // By another thread: the file system may take its time, in which the generator has requests
    // to send.
    let (begin, begun) = mpsc::channel();
    let renaming = thread::spawn(move || match begun.recv() {
        Ok(()) => fs::rename(&from, &to),
        Err(_) => Ok(()),
    });
    let sample = requests(instance, load, pace, span, || {
        let _ = begin.send(());
    });
    drop(begin);
    renaming.join().map_err(|_| "the routing file: renaming it panicked")?.map_err(in_words)?;
    sample
}

fn in_words(error: io::Error) -> String {
    format!("the routing file: {error}")
}

fn staged(instance: &Instance) -> std::path::PathBuf {
    // Not beside the watched file: writing it shall not wake anybody.
    let mut name = instance.folder.clone().into_os_string();
    name.push("-staged.yml");
    name.into()
}

fn stage(instance: &Instance, routes: Routes) -> io::Result<()> {
    let mut file = fs::File::create(staged(instance))?;
    file.write_all(traefik_routing(&instance.site, routes).as_bytes())?;
    // So that renaming it has nothing left to write.
    file.sync_all()
}

fn appear(instance: &Instance) -> io::Result<()> {
    fs::rename(staged(instance), traefik_routing_file(&instance.folder))
}

/// Waits until the last of the routers answers so.
fn seen(instance: &mut Instance, n: usize, status: u16) -> Result<(), String> {
    let host = host(n.saturating_sub(1));
    let deadline = Instant::now() + PATIENCE;
    let mut asker = Asker::new(instance.site.plain);
    if asker.wait((&host, "/small"), status, PAUSE, deadline, || instance.alive().is_ok()) {
        return Ok(());
    }
    instance.alive()?;
    Err(format!("{host} was not answered with {status} within {} s", PATIENCE.as_secs()))
}

/// Waits until the process does nothing any more (at most ten seconds): what comes after the change,
/// such as letting the old configuration go, is its cost as well.
fn quiet(instance: &Instance) {
    let step = Duration::from_millis(100);
    let mut last = instance.tree.cpu();
    let mut calm = 0;
    for _ in 0..100 {
        thread::sleep(step);
        let now = instance.tree.cpu();
        calm = if now.since(&last).total < step / 50 { calm + 1 } else { 0 };
        if calm == 3 {
            return;
        }
        last = now;
    }
}
