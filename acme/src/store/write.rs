//! Writing a file so that a crash leaves the old one or the new one, never half of one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

/// Replaces the file's content: a temporary file beside it, synced, then renamed over it; mode
/// 0600, the owner kept.
///
/// Where the directory does not allow that (a file that is a bind mount cannot be renamed over;
/// the directory of a read-only image takes no new file), the file itself is written and synced.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // A link stays a link: its target is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match rename_over(&path, content) {
        Err(error) if must_write_in_place(&error) => in_place(&path, content),
        result => result,
    }
}

fn must_write_in_place(error: &io::Error) -> bool {
    // Not when the disk is full: then the old content is better than half of the new.
    matches!(
        error.kind(),
        ErrorKind::ResourceBusy
            | ErrorKind::CrossesDevices
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
    )
}

fn rename_over(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new()
        .prefix(".acme-")
        .suffix(".tmp")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(directory)?;
    if let Ok(old) = fs::metadata(path) {
        // Without the right to, the owner is ourselves already.
        let _ = fchown(temporary.as_file(), Some(old.uid()), Some(old.gid()));
    }
    temporary.write_all(content)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    // The new name itself must survive a crash, too.
    File::open(directory)?.sync_all()
}

fn in_place(path: &Path, content: &[u8]) -> io::Result<()> {
    // Shortened only afterwards: a crash in between leaves more than nothing.
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{in_place, replace};

    #[test]
    fn both_ways_replace_the_whole_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("acme.json");
        type Way = fn(&std::path::Path, &[u8]) -> std::io::Result<()>;
        for (name, write) in [("rename", replace as Way), ("in place", in_place as Way)] {
            write(&path, b"a long first content").unwrap();
            write(&path, b"short").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"short", "{name}");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing left behind");
    }

    #[test]
    fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (directory.path().join("target"), directory.path().join("link"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(replace(&directory.path().join("none/acme.json"), b"x").is_err());
        assert!(replace(directory.path(), b"x").is_err(), "a directory");
    }
}
