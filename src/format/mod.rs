//! From a file to its [`Layout`]: a header beside it, or the user's words, or both; never a guess.
//!
//! Whatever is wrong here ends in an edit in place of the wrong bytes, which cannot be taken back. So:
//!
//! 1. A header whose numbers fit the file's length to the byte is believed, whatever the pixels look like.
//! 2. Without one, a file of a known [`Kind`] is refused, whatever else the user says: that a TIFF has so and so many
//!    samples does not make it raw. Only [`Overrides::as_raw`] does.
//! 3. Without a header, what a pixel looks like is not guessed: the user says it, or a size that leaves but one choice.
//! 4. What the user says comes before what the header says. Bytes that neither accounts for are an error, unless the
//!    user says that only a part is described ([`Overrides::part`]).

pub mod envi;
pub mod kind;
pub mod new_image;
mod words;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::map::MappedFile;
use crate::pixel::PixelFormat;
use envi::Header;
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
    /// These are raw pixels, even if they begin as a file of a known kind does.
    pub as_raw: bool,
    /// Pixels fill only a part of the file; what follows them is left alone.
    pub part: bool,
}

/// An image's layout, and how it came to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Where the pixels lie.
    pub layout: Layout,
    /// The header that was read, if there is one.
    pub header: Option<PathBuf>,
    /// True if a header left the meaning of two or four bands open, so that all of them are edited.
    pub unnamed_bands: bool,
}

/// The layout of an image.
///
/// # Errors
/// `Unfit` if it is of a known kind, or if the header is damaged, says what is not supported, or contradicts the file's
/// length; `Request` if the user's words contradict it or are missing; `Io` if the file or its header cannot be read.
pub fn describe(image: &MappedFile, overrides: &Overrides) -> Result<Described> {
    refuse_foreign(image, overrides)?;
    let (path, file_bytes) = (image.path(), image.len());
    match envi::find(path)? {
        Some((header_path, header)) => from_header(path, file_bytes, overrides, header_path, &header),
        None => Ok(Described {
            layout: words::layout(path, file_bytes, overrides)?,
            header: None,
            unnamed_bands: false,
        }),
    }
}

/// The known kind of a file, if that forbids to edit it as raw pixels: there is no header that fits it to the byte, and
/// the user does not say that it is raw.
///
/// # Errors
/// `Io` if the file cannot be read.
pub fn foreign(image: &MappedFile, overrides: &Overrides) -> Result<Option<Kind>> {
    if overrides.as_raw || has_exact_header(image) {
        return Ok(None);
    }
    kind::of_file(image)
}

/// Refuses a file whose known kind forbids to edit it.
///
/// # Errors
/// `Unfit` with its kind; `Io` if the file cannot be read.
pub fn refuse_foreign(image: &MappedFile, overrides: &Overrides) -> Result<()> {
    match foreign(image, overrides)? {
        None => Ok(()),
        Some(kind) => Err(Error::unfit(
            image.path(),
            format!(
                "is {kind}; editing it in place is not supported yet, so nothing was changed (if these really are raw \
                 pixels, say --as-raw)"
            ),
        )),
    }
}

/// True if a header says, without any help, how long the file is. One that is damaged says nothing.
fn has_exact_header(image: &MappedFile) -> bool {
    let Ok(Some((_, header))) = envi::find(image.path()) else {
        return false;
    };
    Layout::new(header.data_offset, header.width, header.height, header.format)
        .is_ok_and(|layout| layout.data().end == image.len())
}

/// The layout of a file with a header.
fn from_header(
    path: &Path,
    file_bytes: u64,
    overrides: &Overrides,
    header_path: PathBuf,
    header: &Header,
) -> Result<Described> {
    let format = overrides.format.unwrap_or(header.format);
    let data_offset = overrides.data_offset.unwrap_or(header.data_offset);
    let (width, height) = overrides.size.unwrap_or((header.width, header.height));
    let layout = Layout::new(data_offset, width, height, format).map_err(|why| {
        Error::unfit(
            &header_path,
            format!("{why}; correct the header, or say --size yourself"),
        )
    })?;
    let end = layout.data().end;
    if end > file_bytes || (end < file_bytes && !overrides.part) {
        let or_part = if end < file_bytes {
            ", or --part if the rest is to be left alone"
        } else {
            ""
        };
        let said = [
            overrides.format.is_some(),
            overrides.size.is_some(),
            overrides.data_offset.is_some(),
        ];
        let by = if said.contains(&true) { "your words and " } else { "" };
        return Err(Error::unfit(
            path,
            format!(
                "has {file_bytes} bytes, but by {by}{} it has {end}: {data_offset} and then {width}x{height} pixels of \
                 {} bytes ({format}); correct the header, or say --size, --pixel and --data-offset yourself{or_part}",
                header_path.display(),
                format.pixel_bytes(),
            ),
        ));
    }
    Ok(Described {
        layout,
        unnamed_bands: overrides.format.is_none() && header.unnamed_bands(),
        header: Some(header_path),
    })
}
