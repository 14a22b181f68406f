//! Files that get their name last: complete under it, or not there.
//!
//! The file is made without a name (`O_TMPFILE`), so if its maker dies nothing is left. Where the file system cannot
//! do that, it has a temporary name beside the final one, which only `kill -9` leaves behind. The final name is given
//! by `link`, which never replaces anything.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

/// A file that does not have its name yet.
#[derive(Debug)]
pub struct UnnamedFile {
    file: File,
    target: PathBuf,
    /// Where there is no `O_TMPFILE`: the name it has meanwhile, removed when dropped.
    stand_in: Option<tempfile::TempPath>,
}

impl UnnamedFile {
    /// An empty file that is to become `target`, with the rights `mode` less what the process's umask takes away.
    ///
    /// # Errors
    /// `AlreadyExists` if there is a file of that name now; else whatever the operating system says.
    pub fn create(target: &Path, mode: u32) -> io::Result<UnnamedFile> {
        if target.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let folder = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let unnamed = rustix::fs::open(folder, flags, Mode::from_raw_mode(mode));
        let (file, stand_in) = match unnamed {
            Ok(fd) => (File::from(fd), None),
            // EISDIR is what kernels say that do not know the flag.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => {
                let (file, path) = tempfile::Builder::new()
                    .prefix(".pagelight-")
                    .permissions(permissions(mode))
                    .tempfile_in(folder)?
                    .into_parts();
                (file, Some(path))
            }
            Err(error) => return Err(error.into()),
        };
        Ok(UnnamedFile {
            file,
            target: target.to_owned(),
            stand_in,
        })
    }

    /// The file, open for reading and writing.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, and the file back.
    ///
    /// # Errors
    /// `AlreadyExists` if somebody took the name meanwhile; else whatever the operating system says. Nothing is left
    /// then.
    pub fn publish(self) -> io::Result<File> {
        match self.stand_in {
            None => {
                let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                rustix::fs::linkat(CWD, path, CWD, &self.target, AtFlags::SYMLINK_FOLLOW)?;
            }
            Some(path) => path.persist_noclobber(&self.target)?,
        }
        Ok(self.file)
    }
}

/// A file beside `path`, private to its user, that is to take the place of `path`, and is gone if it does not.
///
/// # Errors
/// Whatever the operating system says.
pub fn replacement(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".pagelight-")
        .permissions(permissions(0o600))
        .tempfile_in(path.parent().unwrap_or(Path::new(".")))
}

fn permissions(mode: u32) -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        let entries = folder.read_dir().expect("the folder");
        entries.map(|entry| entry.expect("an entry").file_name()).collect()
    }

    #[test]
    fn nothing_is_there_until_it_is_published() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("image.raw");
        let unnamed = UnnamedFile::create(&target, 0o666).expect("created");
        unnamed.file().write_all(b"half").expect("written");
        assert!(!target.exists());
        // Where it has another name meanwhile, that goes with it.
        assert_eq!(names(folder.path()).len(), usize::from(unnamed.stand_in.is_some()));
        drop(unnamed);
        assert!(names(folder.path()).is_empty());

        UnnamedFile::create(&target, 0o666)
            .expect("created")
            .publish()
            .expect("published");
        assert_eq!(names(folder.path()), ["image.raw"]);
    }

    #[test]
    fn a_taken_name_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("image.raw");
        let late = UnnamedFile::create(&target, 0o666).expect("created");
        std::fs::write(&target, b"first").expect("written");
        let kind = late.publish().map_err(|error| error.kind()).map(drop);
        assert_eq!(kind, Err(io::ErrorKind::AlreadyExists));
        assert!(UnnamedFile::create(&target, 0o666).is_err());
        assert_eq!(std::fs::read(&target).expect("read"), b"first");
        assert_eq!(names(folder.path()), ["image.raw"]);
    }
}
