//! A file that is being made beside the image: a picture or a drawing. It appears complete or not at all.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::os::unnamed::UnnamedFile;

/// A picture that is being made. Dropped before [`NewPicture::publish`], it leaves nothing.
#[derive(Debug)]
pub struct NewPicture {
    file: UnnamedFile,
    path: PathBuf,
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
        })
    }

    /// The file, to be filled.
    pub fn file(&self) -> &File {
        self.file.file()
    }

    /// The name that it will have.
    pub fn path(&self) -> &Path {
        &self.path
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
