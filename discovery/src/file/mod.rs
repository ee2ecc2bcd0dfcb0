//! The file provider: one file, or all files below a directory, followed as they change.

mod read;
mod watch;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use swarmgate_config::install;
use swarmgate_config::routing::Configuration;
use tokio::time::sleep;

pub use self::read::{Place, joined};
use self::read::{Reader, Texts};
use self::watch::Watch;
use crate::provider::{Provider, Update, Updates};

/// Editors and copies write in several steps.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// A file that is suddenly empty is looked at again: its writer may be half-way.
const SECOND_LOOK: Duration = Duration::from_millis(300);
/// Behind the file system's events, which some mounts do not give.
const POLL: Duration = Duration::from_secs(5);

/// The provider.
#[derive(Debug)]
pub struct File {
    place: Place,
    watch: bool,
}

impl File {
    /// Reads the settings. The error says what is missing.
    pub fn new(settings: &install::File) -> Result<Self, String> {
        let given = |path: &Option<String>| path.clone().filter(|path| !path.is_empty());
        // Traefik: the directory wins if both are given.
        let place = match (given(&settings.directory), given(&settings.filename)) {
            (Some(directory), _) => Place::Directory(PathBuf::from(directory)),
            (None, Some(filename)) => Place::File(PathBuf::from(filename)),
            (None, None) => return Err("expected a filename or a directory".into()),
        };
        Ok(Self { place, watch: settings.watch })
    }
}

impl Provider for File {
    fn name(&self) -> &'static str {
        "file"
    }

    fn run(self: Box<Self>, updates: Updates) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(run(*self, updates))
    }
}

async fn run(file: File, updates: Updates) {
    let provider: Arc<str> = "file".into();
    let mut reader = Reader::default();
    let mut last: Option<Texts> = None;
    // Watching begins before reading, so that no change falls in between.
    let mut watch = file.watch.then(|| Watch::new(&file.place));
    loop {
        let mut texts = load(&file.place).await;
        if last.as_ref().is_some_and(|last| texts.emptied_since(last)) {
            sleep(SECOND_LOOK).await;
            texts = load(&file.place).await;
        }
        if last.as_ref() != Some(&texts) {
            let configuration = read(&mut reader, &texts).await;
            last = Some(texts);
            let update = Update { provider: provider.clone(), configuration };
            if updates.send(update).await.is_err() {
                return;
            }
        }
        let Some(watch) = &mut watch else { return updates.closed().await };
        tokio::select! {
            () = watch.changed() => sleep(DEBOUNCE).await,
            () = sleep(POLL) => {}
            () = updates.closed() => return,
        }
        watch.renew(&file.place);
    }
}

/// Decodes on a thread that may take long: others wait on this one.
async fn read(reader: &mut Reader, texts: &Texts) -> Arc<Configuration> {
    let reading = tokio::task::spawn_blocking({
        let (mut reader, texts) = (reader.clone(), texts.clone());
        move || (Arc::new(reader.read(&texts)), reader)
    });
    match reading.await {
        Ok((configuration, read)) => {
            *reader = read;
            configuration
        }
        // Our own mistake; what was good before is good still.
        Err(error) => {
            let trouble = Some(format!("decoding broke down: {error}"));
            Arc::new(reader.read(&Texts { trouble, ..Texts::default() }))
        }
    }
}

/// Reads on a thread that may block.
async fn load(place: &Place) -> Texts {
    let place = place.clone();
    tokio::task::spawn_blocking(move || read::texts(&place)).await.unwrap_or_else(|error| Texts {
        trouble: Some(format!("reading broke down: {error}")),
        ..Texts::default()
    })
}
