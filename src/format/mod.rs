//! From a file to its [`Layout`]: a header beside it or in it, or the user's words, or both; never a guess.
//!
//! Whatever is wrong here ends in an edit in place of the wrong bytes, which cannot be taken back. So:
//!
//! 1. An ENVI header whose numbers fit the file's length to the byte is believed, whatever the pixels look like.
//! 2. Without one, a file of a known [`Kind`] is what its first bytes say: opened by its own header, if that says where
//!    plain samples lie ([`Container`]), else refused, whatever the user says: that a TIFF has so and so many samples
//!    does not make it raw. Only [`Overrides::as_raw`] does.
//! 3. Without a header, what a pixel looks like is not guessed: the user says it, or a size that leaves but one choice.
//! 4. What the user says comes before what an ENVI header says; it may not contradict a header in the file. Bytes that
//!    neither accounts for are an error, unless the user says that only a part is described ([`Overrides::part`]).
//! 5. Of a file no more is read than [`kind::HEAD_BYTES`], and what its header leads to; nothing is written.

mod array;
mod axes;
pub mod detached;
pub mod envi;
mod farbfeld;
mod fits;
mod found;
mod key_value;
pub mod kind;
mod meta_image;
mod mrc;
pub mod new_image;
mod npy;
mod nrrd;
mod opened;
mod pnm;
#[cfg(test)]
mod tests;
mod tiff;
mod words;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use self::axes::Axes;
use self::detached::Detached;
use self::found::Found;
pub use self::found::{Container, Mended, PageChoice, StalePart};
use crate::error::{Choice, Error, Result, Text, text};
use crate::layout::Layout;
use crate::map::MappedFile;
use crate::pixel::{ChannelSet, PixelFormat};
use envi::EnviHeader;
use kind::Kind;

/// What the user says of an image, before anything the header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// What a pixel looks like.
    pub format: Option<PixelFormat>,
    /// Width and height in pixels.
    pub size: Option<(u64, u64)>,
    /// Bytes before the first pixel.
    pub data_offset: Option<u64>,
    /// What the axes of an array count.
    pub axes: Option<Axes>,
    /// Which picture of a file that has several, counted from 1.
    pub page: Option<u64>,
    /// These are raw pixels, even if they begin as a file of a known kind does.
    pub as_raw: bool,
    /// Pixels fill only a part of the file; what follows them is left alone.
    pub part: bool,
}

impl Overrides {
    /// What they say of pixels that a header says as well, if they do: the first of it.
    fn said_of_pixels(&self) -> Option<Choice> {
        let said = [
            (Choice::Pixel, self.format.is_some()),
            (Choice::Size, self.size.is_some()),
            (Choice::DataOffset, self.data_offset.is_some()),
        ];
        said.into_iter().find(|(_, is_said)| *is_said).map(|(choice, _)| choice)
    }
}

/// An image's layout, and how it came to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Where the pixels lie.
    pub layout: Layout,
    /// What said so.
    pub container: Container,
    /// The header beside the image that was read, if there is one.
    pub header: Option<PathBuf>,
    /// What the channels are called, as many as there are: by the header, or by what they are.
    pub names: Vec<String>,
    /// True if there are several channels of which nobody said what they mean, so that all of them are edited.
    pub unnamed_bands: bool,
    /// The value of samples that mean nothing, as the header declares it.
    pub nodata: Option<i32>,
    /// Files beside the image that were made from its pixels and that an edit makes untrue.
    pub stale: Vec<PathBuf>,
    /// Parts of the file itself of which the same holds.
    pub stale_parts: Vec<StalePart>,
    /// Channels that are alpha, beside a last one.
    pub alpha: Vec<usize>,
    /// What users may not expect of its samples.
    pub notes: Vec<String>,
    /// Which pictures of the file are meant, if it may have several.
    pub pages: Option<PageChoice>,
    /// Parts of the file that an edit mends.
    pub mended: Mended,
}

impl Described {
    /// The channels that an edit touches unless told otherwise: all but alpha.
    pub fn color(&self) -> ChannelSet {
        let color = self.layout.format().channels.color();
        ChannelSet::of(color.count(), |channel| {
            color.contains(channel) && !self.alpha.contains(&channel)
        })
    }
}

/// The layout of an image.
///
/// # Errors
/// `Unfit` if it is of a known kind that cannot be edited, or if a header is damaged, says what is not supported, or
/// contradicts the file's length; `Request` if the user's words contradict it or are missing; `Io` if the file or its
/// header cannot be read.
pub fn describe(image: &MappedFile, overrides: &Overrides) -> Result<Described> {
    let (path, file_bytes) = (image.path(), image.len());
    let header = envi::find(path);
    if !overrides.as_raw && !is_exact(&header, image) {
        let head = kind::head_of(image)?;
        match kind::of(path, &head) {
            Some(kind) if opened::is_opened(kind) => return opened::describe(image, overrides, kind, &head),
            Some(kind) => return Err(refused(image, kind)),
            None => {}
        }
    }
    if overrides.axes.is_some() {
        return Err(Error::request(
            path,
            text![
                Choice::Axes,
                " says what the axes of an NPY array are, and this is none; leave it out"
            ],
        ));
    }
    if overrides.page.is_some() {
        return Err(Error::request(
            path,
            text![
                Choice::Page,
                " chooses a picture of a file that may have several, such as TIFF, and this is none; leave it out"
            ],
        ));
    }
    match header? {
        Some((header_path, header)) => from_header(path, file_bytes, overrides, header_path, &header),
        None => Ok(from_words(path, words::layout(path, file_bytes, overrides)?)),
    }
}

/// The layout of the image that a path named by itself, or by its header, if that was found to be one.
///
/// # Errors
/// As for [`describe`].
pub fn describe_by(header: Option<&Detached>, image: &MappedFile, overrides: &Overrides) -> Result<Described> {
    match header {
        Some(header) => header.describe(image, overrides),
        None => describe(image, overrides),
    }
}

/// The known kind of a file, if that forbids to edit it: its own header does not say where its samples lie, there is no
/// header that fits it to the byte, and the user does not say that it is raw.
///
/// # Errors
/// `Io` if the file cannot be read.
pub fn foreign(image: &MappedFile, overrides: &Overrides) -> Result<Option<Kind>> {
    if overrides.as_raw || is_exact(&envi::find(image.path()), image) {
        return Ok(None);
    }
    Ok(kind::of_file(image)?.filter(|kind| !opened::is_opened(*kind)))
}

/// Refuses a file whose known kind forbids to edit it.
///
/// # Errors
/// `Unfit` with its kind; `Io` if the file cannot be read.
pub fn refuse_foreign(image: &MappedFile, overrides: &Overrides) -> Result<()> {
    foreign(image, overrides)?.map_or(Ok(()), |kind| Err(refused(image, kind)))
}

/// That a file is of a kind that cannot be edited.
fn refused(image: &MappedFile, kind: Kind) -> Error {
    let why = text![format!(
        "is {kind}; editing it in place is not supported yet, so nothing was changed"
    )];
    Error::unfit(image.path(), why.and(unless_raw()))
}

/// What to say of a file that only looks like one of a known kind.
fn unless_raw() -> Text {
    text![" (if these really are raw pixels, say ", Choice::AsRaw, ")"]
}

/// True if a header says, without any help, how long the file is. One that is damaged says nothing.
fn is_exact(header: &Result<Option<(PathBuf, EnviHeader)>>, image: &MappedFile) -> bool {
    let Ok(Some((_, header))) = header else {
        return false;
    };
    header.layout().is_ok_and(|layout| layout.data().end == image.len())
}

/// An image of which only the user says anything.
fn from_words(path: &Path, layout: Layout) -> Described {
    let names = Some(layout.format().names());
    let found = Found::new(layout, Container::Raw);
    Found { names, ..found }.describe(path, None)
}

/// The layout of a file with a header.
fn from_header(
    path: &Path,
    file_bytes: u64,
    overrides: &Overrides,
    header_path: PathBuf,
    header: &EnviHeader,
) -> Result<Described> {
    let format = overrides.format.unwrap_or(header.format);
    let data_offset = overrides.data_offset.unwrap_or(header.data_offset);
    let (width, height) = overrides.size.unwrap_or((header.width, header.height));
    let layout = header.layout_of(data_offset, (width, height), format).map_err(|why| {
        let why = text![format!("{why}; correct the header, or say "), Choice::Size, " yourself"];
        Error::unfit(&header_path, why)
    })?;
    let end = layout.data().end;
    if end > file_bytes || (end < file_bytes && !overrides.part) {
        let or_part = if end < file_bytes {
            text![", or ", Choice::Part, " if the rest is to be left alone"]
        } else {
            text![""]
        };
        let by = match overrides.said_of_pixels() {
            Some(_) => "your words and ",
            None => "",
        };
        let why = text![
            format!(
                "has {file_bytes} bytes, but by {by}{} it has {end}: {data_offset} and then {width}x{height} pixels of \
                 {} bytes ({format}); correct the header, or say ",
                header_path.display(),
                format.pixel_bytes(),
            ),
            Choice::Size,
            ", ",
            Choice::Pixel,
            " and ",
            Choice::DataOffset,
            " yourself",
        ];
        return Err(Error::unfit(path, why.and(or_part)));
    }
    // Colors have one name each, however headers spell it.
    let is_named =
        format.channels == header.format.channels && format.channels.are_bands() && !header.band_names.is_empty();
    let names = match (is_named, overrides.format) {
        (true, _) => Some(header.band_names.clone()),
        (false, said) => said.map(PixelFormat::names),
    };
    let found = Found {
        names,
        nodata: header.nodata,
        ..Found::new(layout, Container::Envi)
    };
    Ok(found.describe(path, Some(header_path)))
}

/// Statistics and smaller copies that other programs keep in files beside an image, or beside what a link leads to:
/// GDAL and QGIS `.aux.xml` and `.ovr`, ENVI `.sta` and `.enp`.
fn beside(path: &Path, container: Container) -> Vec<PathBuf> {
    let target = path.is_symlink().then(|| path.canonicalize().ok()).flatten();
    let endings: &[&str] = match container {
        Container::Envi => &[".aux.xml", ".ovr", ".sta", ".enp"],
        _ => &[".aux.xml", ".ovr"],
    };
    let mut files = Vec::new();
    for image in std::iter::once(path).chain(target.as_deref()) {
        for ending in endings {
            let mut appended = OsString::from(image);
            appended.push(ending);
            let replaced = (*ending == ".sta").then(|| image.with_extension(&ending[1..]));
            let names = std::iter::once(PathBuf::from(appended)).chain(replaced);
            files.extend(names.filter(|file| file != image && file.is_file()));
        }
    }
    files
}

/// The start of a text that came from a file, fit for a message of one line.
fn shorten(text: &str) -> String {
    text.chars()
        .take(40)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
