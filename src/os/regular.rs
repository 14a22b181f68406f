//! Opens regular files only: to open a pipe waits for its other end, and to open a device may do things to it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file for reading, without a wait; `None` if it is a folder, a pipe, a device or the like.
///
/// # Errors
/// Whatever the system says.
pub fn open(path: &Path) -> io::Result<Option<File>> {
    if !path.metadata()?.is_file() {
        return Ok(None);
    }
    // Somebody may have put a pipe in its place meanwhile. Regular files do not care for the flag.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("made");
        let file = folder.path().join("file");
        std::fs::write(&file, b"x").expect("written");
        assert!(open(&file).expect("opened").is_some());
        for other in [&pipe, folder.path(), Path::new("/dev/null")] {
            assert!(open(other).expect("looked at").is_none(), "{}", other.display());
        }
        let missing = open(&folder.path().join("none"));
        assert_eq!(
            missing.map_err(|error| error.kind()).map(drop),
            Err(io::ErrorKind::NotFound)
        );
    }
}
