//! A log file that is put aside when it has grown too big (`log.maxSize`, `maxBackups`, `maxAge`).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use swarmgate_config::install::Log;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Traefik's limit where `maxSize` is 0: 100 MB.
const DEFAULT_MEGABYTES: u64 = 100;
const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]-[minute]-[second].[subsecond digits:3]");

/// An open log file.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    file: fs::File,
    size: u64,
    /// Bytes.
    max_size: u64,
    /// All when `None`.
    max_backups: Option<usize>,
    /// For ever when `None`.
    max_age: Option<Duration>,
}

impl File {
    /// Opens for appending, and creates where missing.
    ///
    /// # Errors
    /// The file's.
    pub fn open(path: impl Into<PathBuf>, settings: &Log) -> io::Result<Self> {
        let path = path.into();
        let file = append(&path)?;
        let size = file.metadata()?.len();
        let positive = |number: Option<i64>| {
            number.and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0)
        };
        let megabytes = positive(settings.max_size).unwrap_or(DEFAULT_MEGABYTES);
        Ok(Self {
            path,
            file,
            size,
            max_size: megabytes.saturating_mul(1 << 20),
            max_backups: positive(settings.max_backups).and_then(|n| usize::try_from(n).ok()),
            max_age: positive(settings.max_age)
                .map(|days| Duration::from_secs(days.saturating_mul(24 * 60 * 60))),
        })
    }

    /// Puts the full file aside under the time of day and starts a new one.
    fn rotate(&mut self) -> io::Result<()> {
        let now = OffsetDateTime::now_utc();
        let stamp = now.format(STAMP).map_err(io::Error::other)?;
        let (stem, extension) = self.name_parts();
        let mut name = stem;
        name.push("-");
        name.push(stamp);
        name.push(extension);
        fs::rename(&self.path, self.path.with_file_name(name))?;
        self.file = append(&self.path)?;
        self.size = 0;
        self.prune(SystemTime::now())
    }

    /// `traefik` and `.log` of `/logs/traefik.log`.
    fn name_parts(&self) -> (OsString, OsString) {
        let stem = self.path.file_stem().unwrap_or_default().to_owned();
        let mut extension = OsString::new();
        if let Some(known) = self.path.extension() {
            extension.push(".");
            extension.push(known);
        }
        (stem, extension)
    }

    /// Removes what is too old or too much.
    fn prune(&self, now: SystemTime) -> io::Result<()> {
        if self.max_backups.is_none() && self.max_age.is_none() {
            return Ok(());
        }
        let folder = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let (stem, extension) = self.name_parts();
        let mut backups = Vec::new();
        for entry in fs::read_dir(folder)?.flatten() {
            if is_backup(&entry.file_name(), &stem, &extension) {
                backups.push(entry.path());
            }
        }
        // The time is in the name, youngest first.
        backups.sort_unstable_by(|a, b| b.cmp(a));
        for (index, backup) in backups.iter().enumerate() {
            let old = self.max_age.is_some_and(|limit| {
                let written = fs::metadata(backup).and_then(|data| data.modified());
                written.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > limit))
            });
            if old || self.max_backups.is_some_and(|limit| index >= limit) {
                fs::remove_file(backup)?;
            }
        }
        Ok(())
    }
}

/// Whether the name is exactly one that [`File::rotate`] gives.
fn is_backup(name: &OsStr, stem: &OsStr, extension: &OsStr) -> bool {
    let (Some(name), Some(stem), Some(extension)) =
        (name.to_str(), stem.to_str(), extension.to_str())
    else {
        return false;
    };
    name.strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_suffix(extension))
        .is_some_and(|stamp| time::PrimitiveDateTime::parse(stamp, STAMP).is_ok())
}

fn append(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().create(true).append(true).open(path)
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len() as u64;
        // A file that cannot be put aside is written on: a log that is too big beats none.
        if self.size > 0 && self.size.saturating_add(length) > self.max_size {
            let _ = self.rotate();
        }
        let written = self.file.write(bytes)?;
        self.size = self.size.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_are_put_aside_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        fs::write(folder.path().join("a-mine.log"), "not a backup").unwrap();
        let settings = Log { max_backups: Some(2), ..Log::default() };
        let mut file = File::open(&path, &settings).unwrap();
        file.max_size = 10;
        for line in ["one....\n", "two....\n", "three..\n", "four...\n"] {
            file.write_all(line.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "four...\n");
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["four...\n", "not a backup", "three..\n", "two....\n"]);
    }

    #[test]
    fn only_our_own_names_are_backups() {
        for (name, expected) in [
            ("a-2026-11-20T18-35-06.123.log", true),
            ("a-2026-11-20T18-35-06.123.log.gz", false),
            ("a-.log", false),
            ("a.log", false),
            ("b-2026-11-20T18-35-06.123.log", false),
        ] {
            let got = is_backup(OsStr::new(name), OsStr::new("a"), OsStr::new(".log"));
            assert_eq!(got, expected, "{name}");
        }
    }
}
