//! A new raw image and its header: both appear complete, or neither does.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::format::envi::{self, EnviHeader};
use crate::os::unnamed::UnnamedFile;
use crate::pixel::Sample;

/// An image that is being made. Dropped before [`NewImage::publish`], it leaves nothing.
#[derive(Debug)]
pub struct NewImage {
    path: PathBuf,
    image: UnnamedFile,
    header_path: PathBuf,
    header: UnnamedFile,
}

impl NewImage {
    /// Begins an image, empty as yet.
    ///
    /// # Errors
    /// `Exists` if the image or its header is there already; `Request` if there is no header for it; `Io`.
    pub fn create(path: &Path, header: &EnviHeader) -> Result<NewImage> {
        let header_path = envi::path_for(path);
        if header_path == path {
            return Err(Error::request(
                path,
                "is the name of a header, not of an image; use another extension, such as .raw",
            ));
        }
        if header.format.sample == Sample::U16Flipped {
            return Err(Error::request(
                path,
                format!("an ENVI header cannot say {}; choose u16 or i16", header.format),
            ));
        }
        // One of another name would be read in its place.
        if let Some(header_path) = envi::header_of(path) {
            return Err(Error::Exists {
                subject: header_path.into(),
            });
        }
        let create = |path: &Path| UnnamedFile::create(path, 0o666).map_err(|error| Error::create(path, error));
        let image = create(path)?;
        let new_header = create(&header_path)?;
        new_header
            .file()
            .write_all(header.to_text().as_bytes())
            .map_err(|error| Error::io("write", &header_path, error))?;
        Ok(NewImage {
            path: path.to_owned(),
            image,
            header_path,
            header: new_header,
        })
    }

    /// The image's file, to be filled.
    pub fn file(&self) -> &File {
        self.image.file()
    }

    /// Puts both on the disk and gives them their names, the header first: an image under its name always has one.
    ///
    /// # Errors
    /// `Exists` if one of the names was taken meanwhile, `Io` if the disk fails; nothing is left then.
    pub fn publish(self) -> Result<()> {
        for (file, path) in [(&self.image, &self.path), (&self.header, &self.header_path)] {
            let synced = file.file().sync_all();
            synced.map_err(|error| Error::io("write", path, error))?;
        }
        let header = self.header.publish();
        header.map_err(|error| Error::io("create", &self.header_path, error))?;
        if let Err(error) = self.image.publish() {
            // Ours since the line above; should it be gone, so much the better.
            let _ = std::fs::remove_file(&self.header_path);
            return Err(Error::io("create", &self.path, error));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixel::PixelFormat;

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        let entries = folder.read_dir().expect("the folder");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn both_or_neither() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.raw");
        let header = EnviHeader::new(2, 3, PixelFormat::RGBA16);
        let begin = || NewImage::create(&path, &header);
        drop(begin().expect("begun"));
        assert!(names(folder.path()).is_empty());

        let (first, second) = (begin().expect("begun"), begin().expect("begun"));
        first.publish().expect("published");
        assert!(matches!(second.publish(), Err(Error::Exists { .. })));
        assert!(matches!(begin(), Err(Error::Exists { .. })));
        assert_eq!(names(folder.path()), ["a.hdr", "a.raw"]);
    }

    #[test]
    fn a_header_does_not_stay_behind_without_its_image() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.raw");
        let new = NewImage::create(&path, &EnviHeader::new(2, 3, PixelFormat::RGBA16)).expect("begun");
        std::fs::write(&path, b"somebody was faster").expect("written");
        assert!(matches!(new.publish(), Err(Error::Exists { .. })));
        assert_eq!(names(folder.path()), ["a.raw"]);
        assert_eq!(std::fs::read(&path).expect("read"), b"somebody was faster");
    }
}
