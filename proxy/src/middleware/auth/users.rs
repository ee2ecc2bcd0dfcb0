//! Who may pass: `users` and `usersFile`. The file is read again after it has changed.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;

use crate::file;
use crate::helpers::{self, Work};

/// The file is looked at once in so many milliseconds at most, and only when somebody comes.
const LOOK_EVERY: u64 = 2000;

/// What is known of a user beside the name.
pub(super) trait Secret: Sized + Send + Sync + 'static {
    /// An item's shape.
    const EXPECTED: &'static str;

    /// Reads what stands behind the name and its colon. `None`: a user of another realm. The
    /// error continues the user's name, and says nothing of the secret.
    fn read(rest: &[u8], realm: &str) -> Result<Option<Self>, String>;

    /// How long a check takes, compared with others.
    fn cost(&self) -> u32;
}

/// All users at one time.
pub(super) struct Table<S> {
    users: HashMap<Box<[u8]>, Arc<S>>,
    /// The costliest, to be checked in the place of a user who does not exist.
    stand_in: Option<Arc<S>>,
}

impl<S> Table<S> {
    pub(super) fn get(&self, name: &[u8]) -> Option<&Arc<S>> {
        self.users.get(name)
    }

    pub(super) fn stand_in(&self) -> Option<&Arc<S>> {
        self.stand_in.as_ref()
    }

    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = (&[u8], &S)> {
        self.users.iter().map(|(name, secret)| (&**name, &**secret))
    }
}

/// The users of one middleware.
pub(super) struct Users<S> {
    listed: Vec<String>,
    realm: String,
    now: ArcSwap<Table<S>>,
    file: Option<Watched>,
}

struct Watched {
    path: PathBuf,
    begun: Instant,
    /// When it was looked at last, in milliseconds from `begun`.
    looked: AtomicU64,
    /// Somebody looks just now.
    looking: AtomicBool,
    seen: Mutex<Seen>,
}

/// What was found at the last look.
struct Seen {
    /// `None`: it could not be looked at.
    stamp: Option<Stamp>,
}

/// What changes when the file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl<S> fmt::Debug for Users<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} users", self.now.load().len())
    }
}

impl<S: Secret> Users<S> {
    /// Reads them, or says which one is wrong. `realm`: whose users count, where they have one.
    pub(super) fn read(listed: &[String], file: &str, realm: &str) -> Result<Self, String> {
        let path = Some(PathBuf::from(file)).filter(|_| !file.is_empty());
        let stamp = path.as_deref().and_then(|path| stamp(path).ok());
        let now = ArcSwap::from_pointee(table(listed, path.as_deref(), realm)?);
        let file = path.map(|path| Watched {
            path,
            begun: Instant::now(),
            looked: AtomicU64::new(0),
            looking: AtomicBool::new(false),
            seen: Mutex::new(Seen { stamp }),
        });
        Ok(Self { listed: listed.to_vec(), realm: realm.to_owned(), now, file })
    }

    /// The users as they are now.
    pub(super) fn now(&self) -> Arc<Table<S>> {
        self.now.load_full()
    }

    /// Has somebody look after the file, if that is due: on another thread, which may have to wait
    /// for a disk. This request goes by what is known.
    pub(super) fn look(self: &Arc<Self>) {
        let Some(file) = &self.file else { return };
        let now = u64::try_from(file.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = file.looked.load(Ordering::Relaxed);
        if now.saturating_sub(last) < LOOK_EVERY || file.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        file.looked.store(now, Ordering::Relaxed);
        let users = Arc::clone(self);
        let begun = helpers::start(Work::Users, move || {
            users.read_again();
            if let Some(file) = &users.file {
                file.looking.store(false, Ordering::Release);
            }
        });
        if !begun {
            // Other files take their time: the next request may find a turn.
            file.looked.store(last, Ordering::Relaxed);
            file.looking.store(false, Ordering::Release);
        }
    }

    /// Reads the file if it has changed. What cannot be read changes nothing.
    fn read_again(&self) {
        let Some(file) = &self.file else { return };
        // Nothing panics while it holds this.
        let mut seen = file.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = stamp(&file.path);
        let before = seen.stamp;
        seen.stamp = found.as_ref().ok().copied();
        let read = match found {
            Ok(stamp) if before == Some(stamp) => return,
            Ok(_) => table(&self.listed, Some(&file.path), &self.realm),
            Err(_) if before.is_none() => return,
            Err(error) => Err(format!("usersFile {:?}: {error}", file.path)),
        };
        match read {
            Ok(table) => self.now.store(Arc::new(table)),
            Err(error) => tracing::warn!("The users stay as they were: {error}"),
        }
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let data = fs::metadata(path)?;
    Ok(Stamp {
        inode: data.ino(),
        length: data.len(),
        modified: (data.mtime(), data.mtime_nsec()),
        changed: (data.ctime(), data.ctime_nsec()),
    })
}

/// The file's users, and over them the listed ones.
fn table<S: Secret>(
    listed: &[String],
    path: Option<&Path>,
    realm: &str,
) -> Result<Table<S>, String> {
    let mut users = HashMap::new();
    if let Some(path) = path {
        let bytes = file::read(path).map_err(|error| format!("usersFile {path:?}: {error}"))?;
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let place = || format!("usersFile {path:?}, line {}", number.saturating_add(1));
            // Whatever else the file may be, it is not shown.
            add(&mut users, line, realm, false).map_err(|error| format!("{}: {error}", place()))?;
        }
    }
    for (number, item) in listed.iter().enumerate() {
        add(&mut users, item.as_bytes(), realm, true)
            .map_err(|error| format!("users[{number}]: {error}"))?;
    }
    let stand_in = users.values().max_by_key(|secret: &&Arc<S>| secret.cost()).cloned();
    Ok(Table { users, stand_in })
}

fn add<S: Secret>(
    users: &mut HashMap<Box<[u8]>, Arc<S>>,
    item: &[u8],
    realm: &str,
    may_show: bool,
) -> Result<(), String> {
    let mut parts = item.splitn(2, |byte| *byte == b':');
    let (Some(name), Some(rest)) = (parts.next(), parts.next()) else {
        // It may be the hash that stands alone.
        let show = may_show && !item.iter().any(|byte| b"${}".contains(byte));
        let name =
            if show { format!("{:?} has", String::from_utf8_lossy(item)) } else { "it has".into() };
        return Err(format!("{name} no hash; expected {}", S::EXPECTED));
    };
    let shown = String::from_utf8_lossy(name);
    if name.iter().any(u8::is_ascii_control) {
        return Err(format!(
            "{shown:?} has characters that no name can have; expected visible ones"
        ));
    }
    match S::read(rest, realm) {
        Ok(Some(secret)) => drop(users.insert(name.into(), Arc::new(secret))),
        Ok(None) => {}
        Err(error) => return Err(format!("{shown:?} {error}")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::hash::Hash;
    use super::*;

    const BOB: &str = "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
    const BOB_2: &str = "bob:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=";

    fn listed(items: &[&str]) -> Vec<String> {
        items.iter().map(ToString::to_string).collect()
    }

    fn is(users: &Users<Hash>, name: &str, password: &str) -> bool {
        users.now().get(name.as_bytes()).is_some_and(|hash| hash.is_of(password.as_bytes()))
    }

    #[test]
    fn a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        let text = format!("# comment\n\n \t{BOB}\r\n  ann:plain  \n#x:y");
        fs::write(&path, text).unwrap();
        let file = path.to_str().unwrap();
        let users = Users::<Hash>::read(&[], file, "").unwrap();
        assert_eq!(users.now().len(), 2);
        assert!(is(&users, "bob", "secret"));
        // Those that are listed count.
        let users = Users::<Hash>::read(&listed(&[BOB_2]), file, "").unwrap();
        assert!(is(&users, "bob", "") && !is(&users, "bob", "secret"));
        assert_eq!(format!("{users:?}"), "2 users");
    }

    #[test]
    fn read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        fs::write(&path, BOB).unwrap();
        let users = Users::<Hash>::read(&[], path.to_str().unwrap(), "").unwrap();
        let write = |text: &str| {
            let other = directory.path().join("other");
            fs::write(&other, text).unwrap();
            fs::rename(&other, &path).unwrap();
            users.read_again();
        };
        write(BOB_2);
        assert!(is(&users, "bob", "") && !is(&users, "bob", "secret"));
        // What is wrong changes nothing.
        write("bob\n");
        assert!(is(&users, "bob", ""));
        fs::remove_file(&path).unwrap();
        users.read_again();
        assert!(is(&users, "bob", ""));
        write(BOB);
        assert!(is(&users, "bob", "secret"));
        // An empty file is clear enough.
        write("");
        assert_eq!(users.now().len(), 0);
    }

    #[test]
    fn refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        fs::write(&path, "# x\na-token-alone\n").unwrap();
        let file = path.to_str().unwrap();
        let folder = directory.path().to_str().unwrap();
        let table: &[(&[&str], &str, &str)] = &[
            (&[BOB, "ann"], "", "users[1]: \"ann\" has no hash; expected name:hash"),
            (&["$apr1$x$y"], "", "users[0]: it has no hash; expected name:hash"),
            (&["ann:$apr1$x:y"], "", "users[0]: \"ann\" has more behind its hash"),
            (&["a\tb:x"], "", "users[0]: \"a\\tb\" has characters"),
            (&[], file, "line 2: it has no hash; expected name:hash"),
            (&[], folder, "it is no regular file"),
            (&[], "/nowhere/users", "usersFile \"/nowhere/users\": No such file"),
            (&[], "/dev/zero", "it is no regular file"),
        ];
        for (items, file, expected) in table {
            let error = Users::<Hash>::read(&listed(items), file, "").unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("$apr1") && !error.contains("token"), "{error}");
        }
    }

    #[test]
    fn the_costliest_stands_in() {
        let bcrypt = "b:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
        let users = Users::<Hash>::read(&listed(&[BOB, bcrypt, "c:x"]), "", "").unwrap();
        assert_eq!(users.now().stand_in().unwrap().cost(), 4);
    }
}
