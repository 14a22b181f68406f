//! Headers in files of their own, which name the file of the samples: NRRD (`.nhdr`) and MetaImage (`.mhd`).
//!
//! Who names such a header means the file that it names; journals lie beside that, and whoever resumes a job may name
//! either.
//!
//! 1. A header says which file is written to. So it may name one in its own folder, or below, and no other: none
//!    by an absolute path, none above, and no link that leads there.
//! 2. A file of a known kind is edited only if the header accounts for all of its bytes from the first one on.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::array::{ArrayHeader, Data};
use super::found::{Container, Found, Wrong};
use super::{Described, Overrides, kind, meta_image, nrrd, shorten};
use crate::error::{Choice, Error, Result, text};
use crate::map::MappedFile;
use crate::os::regular;

/// A header in a file of its own.
#[derive(Clone, Debug)]
pub struct Detached {
    header: PathBuf,
    data: PathBuf,
    array: ArrayHeader,
    container: Container,
}

impl Detached {
    /// The header `path`, if it is one.
    ///
    /// # Errors
    /// `Unfit` if it names a file that it may not; `Io` if it cannot be read.
    pub fn find(path: &Path) -> Result<Option<Detached>> {
        // Whatever is wrong with the file itself is for those to say who open it.
        let Ok(Some(file)) = regular::open(path) else {
            return Ok(None);
        };
        // Such a header is short; what is longer has samples of its own.
        if file.metadata().is_ok_and(|file| file.len() > kind::HEAD_BYTES as u64) {
            return Ok(None);
        }
        let mut head = Vec::new();
        let read = file.take(kind::HEAD_BYTES as u64).read_to_end(&mut head);
        read.map_err(|error| Error::io("read", path, error))?;
        let (read, container) = match kind::of(path, &head).map(kind::Kind::name) {
            Some("NRRD") => (nrrd::read as fn(&[u8]) -> _, Container::Nrrd),
            Some("MetaImage") => (meta_image::read as fn(&[u8]) -> _, Container::MetaImage),
            _ => return Ok(None),
        };
        let array: ArrayHeader = match read(&head) {
            Ok(array) => array,
            // It is refused by those that describe it.
            Err(_) => return Ok(None),
        };
        let Data::File { name, .. } = &array.data else {
            return Ok(None);
        };
        let data = data_file(path, name).map_err(|why| Error::unfit(path, why))?;
        Ok(Some(Detached {
            header: path.to_owned(),
            data,
            array,
            container,
        }))
    }

    /// The file of the samples.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The layout of the image, which is the open file of the samples.
    ///
    /// # Errors
    /// As for [`super::describe`].
    pub fn describe(&self, image: &MappedFile, overrides: &Overrides) -> Result<Described> {
        let said = overrides
            .said_of_pixels()
            .or(overrides.axes.map(|_| Choice::Axes))
            .or(overrides.page.map(|_| Choice::Page));
        let header = &self.header;
        if let Some(word) = said {
            let why = text![
                format!("its header {} says what its pixels are; leave out ", header.display()),
                word
            ];
            return Err(Error::request(image.path(), why));
        }
        let layout = self.array.layout_in(image.len()).map_err(|wrong| match wrong {
            Wrong::File(why) | Wrong::Words(why) => Error::unfit(header, why),
            Wrong::Read(error) => Error::io("read", header, error),
        })?;
        let data = layout.data();
        if data.end > image.len() || data.end < image.len() && !overrides.part {
            let mut why = text![format!(
                "has {} bytes, but by {} its samples lie from byte {} to {}; correct the header",
                image.len(),
                header.display(),
                data.start,
                data.end
            )];
            if data.end < image.len() {
                why = why.and(text![", or say ", Choice::Part, " if the rest is to be left alone"]);
            }
            return Err(Error::unfit(image.path(), why));
        }
        if let Some(kind) = kind::of_file(image)?.filter(|_| data != (0..image.len())) {
            let why = format!(
                "is {kind}, and {} names it for raw samples; nothing was changed",
                header.display()
            );
            return Err(Error::unfit(image.path(), why));
        }
        Ok(Found::new(layout, self.container).describe(image.path(), Some(header.clone())))
    }
}

/// The file of this name beside the header `path`.
fn data_file(path: &Path, name: &str) -> std::result::Result<PathBuf, String> {
    let is_inside = !name.is_empty()
        && Path::new(name)
            .components()
            .all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    let outside = || {
        format!(
            "names '{}' for its samples, which is not in the header's folder, so nothing was changed; move it there, and \
             name it in the header",
            shorten(name)
        )
    };
    if !is_inside {
        return Err(outside());
    }
    // Beside the header itself, if `path` is a link to it.
    let missing = |what: &Path| {
        format!(
            "names '{}' for its samples, and {} is not there",
            shorten(name),
            what.display()
        )
    };
    let header = path.canonicalize().map_err(|_| missing(path))?;
    let folder = header.parent().unwrap_or(Path::new("/"));
    let data = folder.join(name);
    let resolved = data.canonicalize().map_err(|_| missing(&data))?;
    if !resolved.starts_with(folder) {
        return Err(outside());
    }
    if resolved == header {
        return Err("names itself for its samples; nothing was changed".to_owned());
    }
    // As the user wrote it, where that is the same.
    let beside = path.parent().unwrap_or(Path::new("")).join(name);
    let is_same = beside.canonicalize().is_ok_and(|beside| beside == resolved);
    Ok(if is_same { beside } else { resolved })
}

#[cfg(test)]
mod tests;
