//! What every scenario needs: its turn on the one engine, the images, VIPs that answer.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::real;
use swarmgate_testkit::swarm::{Answer, Curl, Engine, Pebble, VipKeeper, engine};

/// The example stacks publish ports 80 and 443, so one scenario runs at a time.
static TURN: Mutex<()> = Mutex::new(());

/// The image under test, built once per run of the tests.
static IMAGE: OnceLock<String> = OnceLock::new();

/// The images that stand in for those of the examples, built once per run of the tests.
static STAND_INS: OnceLock<()> = OnceLock::new();

/// One scenario's turn on the engine, with the stand-in images and VIPs that answer.
pub struct Turn {
    /// The engine.
    pub engine: Engine,
    vips: Option<VipKeeper>,
    _turn: MutexGuard<'static, ()>,
}

impl Turn {
    /// Waits for this scenario's turn; `None` (after saying so) where there is no engine.
    pub fn take() -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let engine = match Engine::find() {
            Ok(engine) => engine,
            Err(why) => {
                real::skip("swarm", &why);
                return None;
            }
        };
        STAND_INS.get_or_init(|| {
            engine::script(&engine, root(), "build-stand-ins", &[]);
        });
        let vips = VipKeeper::start(&engine);
        Some(Self { engine, vips, _turn: turn })
    }

    /// From now on the VIPs stay as they are: whoever changes no tasks spares the engine the asking.
    pub fn leave_vips(&mut self) {
        self.vips = None;
    }
}

/// A scenario's turn with our image in Traefik's place.
pub struct House {
    /// The engine.
    pub engine: Engine,
    /// The image that takes Traefik's place.
    pub image: String,
    _turn: Turn,
}

/// The folder of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An example's folder.
pub fn example(name: &str) -> PathBuf {
    root().join("examples").join(name)
}

/// Says something that is seen although the test passes.
pub fn report(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "swarm: {text}");
}

impl House {
    /// Waits for this scenario's turn; `None` (after saying so) where the real parts are missing.
    pub fn enter() -> Option<Self> {
        if !Pebble::installed() {
            real::skip("swarm", "pebble or curl not found (run scripts/install-real-parts)");
            return None;
        }
        let turn = Turn::take()?;
        let engine = turn.engine.clone();
        let image = IMAGE.get_or_init(|| {
            std::env::var("SWARMGATE_IMAGE").unwrap_or_else(|_| {
                let tag = "swarmgate:latest";
                engine::script(&engine, root(), "build-image", &[tag]);
                tag.to_owned()
            })
        });
        let image = image.clone();
        Some(Self { engine, image, _turn: turn })
    }

    /// The line that the user changes: `image: traefik:v3.6` becomes this.
    pub fn image_line(&self) -> String {
        format!("image: {}", self.image)
    }

    /// The ids of the running containers of a service, as their hostnames show them, sorted.
    pub fn replicas(&self, service: &str) -> Vec<String> {
        let filter = format!("label=com.docker.swarm.service.name={service}");
        let ids = self.engine.docker(&["ps", "--quiet", "--filter", &filter]);
        let mut ids: Vec<_> = ids.lines().map(str::to_owned).collect();
        ids.sort();
        ids
    }
}

/// Asks until the answer is as wanted.
///
/// # Panics
/// After `limit`, with the last answer.
#[track_caller]
pub fn until(curl: &Curl, url: &str, limit: Duration, wanted: impl Fn(&Answer) -> bool) -> Answer {
    eventually(url, limit, || {
        let answer = curl.get(url)?;
        if wanted(&answer) { Ok(answer) } else { Err(format!("{answer:?}")) }
    })
}

/// Asks until all of these replicas have answered.
///
/// # Panics
/// When one of them has not after `limit`, or another one answers.
#[track_caller]
pub fn all_answer(curl: &Curl, url: &str, replicas: &[String], limit: Duration) {
    let mut seen = std::collections::BTreeSet::new();
    eventually(&format!("{url} is answered by {replicas:?}"), limit, || {
        let answer = curl.get(url)?;
        let name = answer.said("Hostname").to_owned();
        assert!(answer.status == 200 && replicas.contains(&name), "{url}: {answer:?}");
        seen.insert(name);
        if seen.len() == replicas.len() { Ok(()) } else { Err(format!("only {seen:?}")) }
    });
}
