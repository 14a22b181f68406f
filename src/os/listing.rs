//! What is in a folder.
//!
//! The standard library ends the program if the folder cannot be closed, which is no reason to: what was read was read.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};

/// The paths of what is in a folder, in the order of their names.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn paths_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = openat(CWD, folder, flags, Mode::empty())?;
    let mut paths = Vec::new();
    for entry in Dir::new(opened)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            paths.push(folder.join(OsStr::from_bytes(name)));
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_once_and_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut names: Vec<_> = (0..2000)
            .map(|number| folder.path().join(format!("{number}")))
            .collect();
        assert!(paths_in(folder.path()).expect("read").is_empty());
        for name in &names {
            std::fs::write(name, []).expect("written");
        }
        names.sort();
        assert_eq!(paths_in(folder.path()).expect("read"), names);
        let missing = paths_in(&folder.path().join("0/x")).map_err(|error| error.kind());
        assert_eq!(missing, Err(io::ErrorKind::NotADirectory));
    }
}
