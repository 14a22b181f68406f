//! A namespace's folder: private, checked, lockable. Every object is a file in it.
//!
//! 1. The folder is ours alone (our user, mode 0700, no link), or it is refused: in `/dev/shm` anybody could have made
//!    one of our name before us. Everything in it is reached through the descriptor that was checked.
//! 2. Nothing in it is followed if it is a link, and opening does not wait if it is a pipe.
//! 3. A name is given and taken away only under the directory lock, and taken away only while it leads to the file
//!    that is meant. The lock is held for microseconds; if somebody is stopped while holding it, others give up:
//!    whoever makes or opens something after [`PATIENCE`], and whoever leaves after [`PATIENCE_WHEN_LEAVING`].

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::name::Name;
use crate::error::{Error, Result};
use crate::os::flock;

/// How long others may hold a lock that should be held for microseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The same for a user who leaves. What is left behind then has no users, and goes like what `kill -9` leaves.
pub(super) const PATIENCE_WHEN_LEAVING: Duration = Duration::from_millis(100);

/// What tells two files apart, whatever their names: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileIdentity(u64, u64);

impl FileIdentity {
    pub(super) fn of(file: &File) -> std::io::Result<FileIdentity> {
        let metadata = file.metadata()?;
        Ok(FileIdentity(metadata.dev(), metadata.ino()))
    }

    pub(super) fn device(self) -> u64 {
        self.0
    }

    pub(super) fn inode(self) -> u64 {
        self.1
    }
}

/// An open, checked folder.
#[derive(Debug)]
pub(super) struct Directory {
    file: File,
    path: PathBuf,
}

impl Directory {
    /// Opens the folder; None if there is none.
    pub(super) fn open(path: &Path) -> Result<Option<Directory>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(Error::unfit(path, "is a link or no folder; remove it, it is not ours"));
            }
            Err(error) => return Err(Error::io("open", path, error.into())),
        };
        let metadata = file.metadata().map_err(|error| Error::io("look at", path, error))?;
        let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner != user {
            let why = format!("belongs to user {owner}, not to {user}; somebody else made it, have it removed");
            return Err(Error::unfit(path, why));
        }
        if metadata.mode() & 0o077 != 0 {
            let mode = metadata.mode() & 0o777;
            let why = format!("is open to other users (mode {mode:03o}); remove it, or make it 700 if you trust it");
            return Err(Error::unfit(path, why));
        }
        Ok(Some(Directory {
            file,
            path: path.to_owned(),
        }))
    }

    /// Opens the folder, which is made if there is none.
    pub(super) fn open_or_make(path: &Path) -> Result<Directory> {
        loop {
            if let Some(directory) = Directory::open(path)? {
                return Ok(directory);
            }
            match rustix::fs::mkdir(path, Mode::RWXU) {
                // A strange umask may have taken our own rights away.
                Ok(()) => rustix::fs::chmod(path, Mode::RWXU),
                Err(Errno::EXIST) => Ok(()),
                Err(error) => Err(error),
            }
            .map_err(|error| Error::io("create", path, error.into()))?;
        }
    }

    /// The folder itself, open for reading.
    pub(super) fn file_itself(&self) -> &File {
        &self.file
    }

    /// True if `other` is this very folder.
    pub(super) fn is(&self, other: &Directory) -> Result<bool> {
        let identity = |directory: &Directory| {
            let identity = FileIdentity::of(&directory.file);
            identity.map_err(|error| Error::io("look at", &directory.path, error))
        };
        Ok(identity(self)? == identity(other)?)
    }

    /// The path of an entry, for people.
    pub(super) fn path_of(&self, name: &Name) -> PathBuf {
        self.path.join(name.as_str())
    }

    /// Opens the file under `name` for reading and writing; None if there is none.
    pub(super) fn file(&self, name: &Name) -> Result<Option<File>> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.file, name.as_str(), flags, Mode::empty()) {
            Ok(fd) => Ok(Some(File::from(fd))),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO | Errno::NODEV) => {
                let path = self.path_of(name);
                Err(Error::unfit(
                    &path,
                    "is no regular file; remove it or choose another name",
                ))
            }
            Err(error) => Err(Error::io("open", self.path_of(name), error.into())),
        }
    }

    /// What `name` leads to at this moment.
    pub(super) fn identity(&self, name: &Name) -> Result<Option<FileIdentity>> {
        match rustix::fs::statat(&self.file, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileIdentity(stat.st_dev, stat.st_ino))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("look at", self.path_of(name), error.into())),
        }
    }

    /// The names of all entries, except hidden ones and those that no object can have.
    pub(super) fn names(&self, of: &super::Namespace) -> Result<Vec<Name>> {
        let failed = |error: Errno| Error::io("list", &self.path, error.into());
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.file).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            names.extend(entry.file_name().to_str().ok().and_then(|name| of.name(name).ok()));
        }
        Ok(names)
    }

    /// Keeps everybody else from giving and taking names until dropped.
    pub(super) fn lock(&self) -> Result<DirectoryLock<'_>> {
        match self.lock_within(PATIENCE)? {
            Some(lock) => Ok(lock),
            None => Err(Error::busy(
                &self.path,
                format!(
                    "another process has held the lock of this folder for {} s; it may be stopped, look with fuser(1)",
                    PATIENCE.as_secs(),
                ),
            )),
        }
    }

    /// The same; None if others have it for all of `patience`.
    pub(super) fn lock_within(&self, patience: Duration) -> Result<Option<DirectoryLock<'_>>> {
        let lock = flock::exclusive_within(&self.file, patience);
        let lock = lock.map_err(|error| Error::io("lock", &self.path, error))?;
        Ok(lock.map(DirectoryLock))
    }

    /// Waits until the names given are on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.file
            .sync_all()
            .map_err(|error| Error::io("write", &self.path, error))
    }
}

/// The right to give and take names in a namespace.
#[derive(Debug)]
pub(super) struct DirectoryLock<'a>(#[expect(dead_code, reason = "only held")] flock::Exclusive<'a>);

impl DirectoryLock<'_> {
    /// Takes `name` away if it still leads to `identity`; false if it does not. `directory` is any of the namespace
    /// whose live folder is locked.
    pub(super) fn unlink(&self, directory: &Directory, name: &Name, identity: FileIdentity) -> Result<bool> {
        if directory.identity(name)? != Some(identity) {
            return Ok(false);
        }
        let unlinked = rustix::fs::unlinkat(&directory.file, name.as_str(), AtFlags::empty());
        unlinked.map_err(|error| Error::io("remove", directory.path_of(name), error.into()))?;
        Ok(true)
    }
}

/// Makes a file private, whatever the umask was.
pub(super) fn make_private(file: &File) -> std::io::Result<()> {
    Ok(rustix::fs::fchmod(file, Mode::RUSR | Mode::WUSR)?)
}
