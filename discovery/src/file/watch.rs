//! Watching files: the directories around them, since files are mostly replaced, not rewritten.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::read::Place;

/// Tells when something near the files has changed. Without the file system's help it tells
/// nothing, and polling has to do.
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    changes: mpsc::Receiver<()>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("watched", &self.watched).finish_non_exhaustive()
    }
}

impl Watch {
    /// Begins to watch.
    pub fn new(place: &Place) -> Self {
        // One waiting signal says as much as many.
        let (sender, changes) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own reading causes access events.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                let _ = sender.try_send(());
            }
        });
        let watcher = watcher
            .inspect_err(|error| tracing::warn!(%error, "Files are polled, not watched"))
            .ok();
        let mut watch = Self { watcher, watched: BTreeSet::new(), changes };
        watch.renew(place);
        watch
    }

    /// Waits for a change.
    pub async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Follows directories that have come, gone or been replaced since.
    pub fn renew(&mut self, place: &Place) {
        let Some(watcher) = &mut self.watcher else { return };
        let (wanted, mode) = match place {
            // The link's directory and its target's: either may be swapped.
            Place::File(path) => {
                let real = path.canonicalize().ok();
                let parents =
                    [Some(path.clone()), real].into_iter().flatten().map(|path| parent(&path));
                (parents.collect::<BTreeSet<_>>(), RecursiveMode::NonRecursive)
            }
            Place::Directory(path) => (BTreeSet::from([path.clone()]), RecursiveMode::Recursive),
        };
        for gone in self.watched.difference(&wanted) {
            // It may be gone altogether.
            let _ = watcher.unwatch(gone);
        }
        self.watched.retain(|path| wanted.contains(path) && path.exists());
        for path in wanted {
            if self.watched.contains(&path) {
                continue;
            }
            match watcher.watch(&path, mode) {
                Ok(()) => {
                    self.watched.insert(path);
                }
                Err(error) => {
                    tracing::debug!(path = %path.display(), %error, "Cannot be watched");
                }
            }
        }
    }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
