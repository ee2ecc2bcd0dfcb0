//! Files that labels and other configuration name: whatever is there, reading it ends.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

/// No file that configuration names is longer than this, bytes.
pub const LONGEST: u64 = 16 << 20;

/// A regular file's bytes: a pipe would have us wait, a device would never end.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_ends() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("long");
        fs::File::create(&long).unwrap().set_len(LONGEST + 1).unwrap();
        for (path, expected) in [
            (Path::new("/dev/zero"), "it is no regular file"),
            (folder.path(), "it is no regular file"),
            (&long, "it is longer than 16777216 bytes"),
            (Path::new("/nowhere"), "No such file or directory"),
        ] {
            let error = read(path).unwrap_err().to_string();
            assert!(error.contains(expected), "{path:?}: {error}");
        }
        fs::write(&long, "text").unwrap();
        assert_eq!(read(&long).unwrap(), b"text");
    }
}
