//! A file that is being made beside the image: a picture or a drawing. It appears complete or not at all.

use std::cell::Cell;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::os::disk;
use crate::os::unnamed::UnnamedFile;
use crate::threads::{self, Progress};

/// A picture that is being made. Dropped before [`NewPicture::publish`], it leaves nothing.
#[derive(Debug)]
pub struct NewPicture {
    file: UnnamedFile,
    path: PathBuf,
    /// The operating system's number of what went wrong in a write. Encoders make words of it, and a full disk is then
    /// no longer known as one.
    failure: Cell<Option<i32>>,
}

impl NewPicture {
    /// Begins a file that is to become `path`.
    ///
    /// # Errors
    /// `Exists` if it is there already; `NoFolder`, `Permission` or `Io` if it cannot be made.
    pub fn create(path: &Path) -> Result<NewPicture> {
        let file = UnnamedFile::create(path, 0o666).map_err(|error| Error::create(path, error))?;
        Ok(NewPicture {
            file,
            path: path.to_owned(),
            failure: Cell::new(None),
        })
    }

    /// The error for the user, when an encoder says that it could not write.
    pub(super) fn failed(&self, said: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let error = match self.failure.get() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::other(said),
        };
        Error::io("write", &self.path, error)
    }

    fn remember<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.failure.set(error.raw_os_error());
        }
        result
    }

    /// Writes all of it at once.
    ///
    /// # Errors
    /// `Io`.
    pub fn fill(&self, bytes: &[u8]) -> Result<()> {
        let mut writer = self;
        writer.write_all(bytes).map_err(|error| self.failed(error))
    }

    /// Has what was written so far put on the disk. `progress` is asked whether to go on.
    ///
    /// # Errors
    /// `Io`; `Interrupted` if `progress` said so.
    pub(super) fn write_back(&self, progress: Progress<'_>) -> Result<()> {
        let written = disk::write_back_while(self.file.file(), || progress(0));
        threads::heed(written.map_err(|error| Error::io("write", &self.path, error))?)
    }

    /// Puts it on the disk and gives it its name. Returns how many bytes it has.
    ///
    /// # Errors
    /// `Exists` if the name was taken meanwhile, `Io` if the disk fails; nothing is left then.
    pub fn publish(self) -> Result<u64> {
        let synced = self.file.file().sync_all();
        let bytes = synced.and_then(|()| Ok(self.file.file().metadata()?.len()));
        let bytes = bytes.map_err(|error| Error::io("write", &self.path, error))?;
        let published = self.file.publish();
        published.map_err(|error| Error::io("create", &self.path, error))?;
        Ok(bytes)
    }
}

impl Write for &NewPicture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.remember(self.file.file().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &NewPicture {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.remember(self.file.file().seek(to))
    }
}
