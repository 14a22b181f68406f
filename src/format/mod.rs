//! From a file to its [`Layout`]: a header beside it, or the user's words, or both.
//!
//! An image without a header is a run of pixels from the first byte on. A header says more; what the user says comes
//! before what the header says; and whatever contradicts the file's length is an error, because an edit in place of
//! the wrong bytes cannot be taken back.

pub mod envi;
pub mod new_image;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::pixel::PixelFormat;

/// What the user says of an image, before anything the header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// What a pixel looks like.
    pub format: Option<PixelFormat>,
    /// Width and height in pixels.
    pub size: Option<(u64, u64)>,
    /// Bytes before the first pixel.
    pub data_offset: Option<u64>,
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

/// The layout of the image `path`, which has `file_bytes` bytes.
///
/// # Errors
/// `Unfit` if the header is damaged, says what is not supported, or contradicts the file's length; `Request` if the
/// user's words contradict it; `Io` if a header is there and cannot be read.
pub fn describe(path: &Path, file_bytes: u64, overrides: &Overrides) -> Result<Described> {
    let Some((header_path, header)) = envi::find(path)? else {
        return Ok(Described {
            layout: from_words(path, file_bytes, overrides)?,
            header: None,
            unnamed_bands: false,
        });
    };
    let format = overrides.format.unwrap_or(header.format);
    let data_offset = overrides.data_offset.unwrap_or(header.data_offset);
    let (width, height) = overrides.size.unwrap_or((header.width, header.height));
    let layout = Layout::new(data_offset, width, height, format).map_err(|why| {
        Error::unfit(
            &header_path,
            format!("{why}; correct the header, or say --size yourself"),
        )
    })?;
    if layout.data().end > file_bytes || (layout.data().end < file_bytes && overrides.size.is_none()) {
        return Err(Error::unfit(
            path,
            format!(
                "has {file_bytes} bytes, but by {} it has {}: {data_offset} and then {width}x{height} pixels of {} \
                 bytes ({format}); correct the header, or say --size, --pixel and --data-offset yourself",
                header_path.display(),
                layout.data().end,
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

/// The layout of a file without a header.
fn from_words(path: &Path, file_bytes: u64, overrides: &Overrides) -> Result<Layout> {
    let request = |why: String| Error::Request(format!("{}: {why}", path.display()));
    let format = overrides.format.unwrap_or(PixelFormat::RGBA16);
    let data_offset = overrides.data_offset.unwrap_or(0);
    let Some(data_bytes) = file_bytes.checked_sub(data_offset).filter(|&bytes| bytes > 0) else {
        return Err(request(format!(
            "--data-offset {data_offset} leaves no pixels in a file of {file_bytes} bytes"
        )));
    };
    if let Some((width, height)) = overrides.size {
        let layout = Layout::new(data_offset, width, height, format).map_err(request)?;
        if layout.data().end > file_bytes {
            return Err(request(format!(
                "has {file_bytes} bytes; {width}x{height} pixels of {} bytes ({format}) from byte {data_offset} on \
                 would need {}; correct --size, --pixel or --data-offset",
                format.pixel_bytes(),
                layout.data().end,
            )));
        }
        return Ok(layout);
    }
    let pixel_bytes = format.pixel_bytes();
    if data_bytes % pixel_bytes != 0 {
        return Err(Error::unfit(
            path,
            format!(
                "its {data_bytes} bytes of pixels are not whole pixels of {pixel_bytes} bytes ({format}), {} are left \
                 over; say --pixel, --data-offset or --size, or write a header",
                data_bytes % pixel_bytes,
            ),
        ));
    }
    Layout::run(data_offset, data_bytes / pixel_bytes, format).map_err(request)
}
