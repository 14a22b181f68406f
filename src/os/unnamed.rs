//! Files that get their name last: complete under it, or not there.
//!
//! The file is made without a name (`O_TMPFILE`), so if its maker dies nothing is left. Where the file system cannot
//! do that, it has a temporary name beside the final one, which only `kill -9` leaves behind. The final name is given
//! by `link`, which never replaces anything.
//!
//! Linux lets a process give a name by descriptor alone since 6.10, and before only if it may read everything. Where it
//! does not, the name is given by way of `/proc`, which must be mounted then.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

/// A file that does not have its name yet.
#[derive(Debug)]
pub struct UnnamedFile {
    file: Arc<File>,
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
        let file = match unnamed {
            Ok(fd) => Arc::new(File::from(fd)),
            // EISDIR is what kernels say that do not know the flag.
            Err(Errno::OPNOTSUPP | Errno::ISDIR) => return UnnamedFile::with_stand_in(folder, target.to_owned(), mode),
            Err(error) => return Err(error.into()),
        };
        Ok(UnnamedFile {
            file,
            target: target.to_owned(),
            stand_in: None,
        })
    }

    /// The file, open for reading and writing.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The same, for those who go on using it when it has its name.
    #[cfg(feature = "ipc")]
    pub(crate) fn shared(&self) -> &Arc<File> {
        &self.file
    }

    /// An empty file without a name, private to this user, that is to be an entry of `folder`; see
    /// [`UnnamedFile::publish_in`].
    ///
    /// # Errors
    /// Whatever the operating system says.
    #[cfg(feature = "ipc")]
    pub(crate) fn create_in(folder: &File) -> io::Result<UnnamedFile> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::openat(folder, ".", flags, Mode::from_raw_mode(0o600)) {
            Ok(fd) => Ok(UnnamedFile {
                file: Arc::new(File::from(fd)),
                target: PathBuf::new(),
                stand_in: None,
            }),
            Err(Errno::OPNOTSUPP | Errno::ISDIR) => {
                UnnamedFile::with_stand_in(&by_descriptor(folder), PathBuf::new(), 0o600)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Where there is no `O_TMPFILE`.
    fn with_stand_in(folder: &Path, target: PathBuf, mode: u32) -> io::Result<UnnamedFile> {
        let (file, path) = tempfile::Builder::new()
            .prefix(".pagelight-")
            .permissions(permissions(mode))
            .tempfile_in(folder)?
            .into_parts();
        Ok(UnnamedFile {
            file: Arc::new(file),
            target,
            stand_in: Some(path),
        })
    }

    /// Gives the file its name in `folder`, the one that it was made for. The file may be in use through other values
    /// by then; they stay good.
    ///
    /// # Errors
    /// As for [`UnnamedFile::publish`].
    #[cfg(feature = "ipc")]
    pub(crate) fn publish_in(self, folder: &File, name: &str) -> io::Result<()> {
        match self.stand_in {
            None => link(&self.file, folder, Path::new(name)),
            Some(path) => path
                .persist_noclobber(by_descriptor(folder).join(name))
                .map_err(Into::into),
        }
    }

    /// Gives the file its name, and the file back.
    ///
    /// # Errors
    /// `AlreadyExists` if somebody took the name meanwhile; else whatever the operating system says. Nothing is left
    /// then.
    pub fn publish(self) -> io::Result<File> {
        match self.stand_in {
            None => link(&self.file, CWD, &self.target)?,
            Some(path) => path.persist_noclobber(&self.target)?,
        }
        Arc::try_unwrap(self.file).or_else(|file| file.try_clone())
    }
}

/// Gives a file without a name its first one.
fn link(file: &File, folder: impl AsFd, name: &Path) -> io::Result<()> {
    match rustix::fs::linkat(file, "", &folder, name, AtFlags::EMPTY_PATH) {
        // What Linux says to those whom it does not let do so, or to all.
        Err(Errno::NOENT | Errno::PERM | Errno::INVAL) => {
            let path = by_descriptor(file);
            rustix::fs::linkat(CWD, &path, &folder, name, AtFlags::SYMLINK_FOLLOW).map_err(|error| match error {
                Errno::NOENT if path.symlink_metadata().is_err() => {
                    io::Error::other("/proc is not mounted, by way of which a complete file gets its name; mount it")
                }
                other => other.into(),
            })
        }
        linked => Ok(linked?),
    }
}

/// The path of an open file or folder, for system calls that take nothing else.
fn by_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
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
