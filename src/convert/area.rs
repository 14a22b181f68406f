//! A rectangle of an image whose rows matter: pictures have sides, runs of pixels have not.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::map::MappedFile;
use crate::pixel::PixelFormat;
use crate::window::Window;

/// A rectangle within an image, never empty.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Pixels in a row.
    pub width: u64,
    /// Rows.
    pub height: u64,
    /// What a pixel looks like.
    pub format: PixelFormat,
    start: u64,
    stride_bytes: u64,
}

impl Area {
    /// The rectangle of `width` x `height` pixels whose left upper pixel is at column `x`, row `y`.
    ///
    /// # Errors
    /// A message for the user, as of [`Window::rect`].
    pub fn rect(layout: &Layout, x: u64, y: u64, width: u64, height: u64) -> std::result::Result<Area, String> {
        let window = Window::rect(layout, x, y, width, height)?;
        let pixel_bytes = layout.format().pixel_bytes();
        Ok(Area {
            width,
            height,
            format: layout.format(),
            start: window.to_numbers()[0],
            stride_bytes: layout.width().unwrap_or(width) * pixel_bytes,
        })
    }

    /// The whole image.
    ///
    /// # Errors
    /// A message for the user, if the image's width is not known.
    pub fn whole(layout: &Layout) -> std::result::Result<Area, String> {
        match (layout.width(), layout.height()) {
            (Some(width), Some(height)) => Area::rect(layout, 0, 0, width, height),
            _ => Err("a picture needs the image's width; give --size WIDTHxHEIGHT or write a header".to_owned()),
        }
    }

    /// Bytes in a row of the area.
    pub fn row_bytes(&self) -> u64 {
        self.width * self.format.pixel_bytes()
    }

    /// Bytes of all rows together.
    pub fn bytes(&self) -> u64 {
        self.row_bytes() * self.height
    }

    /// The file range of the pixels `columns` in row `row`, both counted within the area.
    ///
    /// # Panics
    /// If they are not within it.
    pub(super) fn range(&self, row: u64, columns: Range<u64>) -> Range<u64> {
        assert!(row < self.height && columns.start <= columns.end && columns.end <= self.width);
        let row_start = self.start + row * self.stride_bytes;
        let pixel_bytes = self.format.pixel_bytes();
        row_start + columns.start * pixel_bytes..row_start + columns.end * pixel_bytes
    }
}

/// Reads the bytes `range` of the image into `out`, which then has just these.
///
/// # Errors
/// `Io`, also if the file was truncated meanwhile.
#[expect(clippy::cast_possible_truncation, reason = "callers read a row or less")]
pub(super) fn read(image: &MappedFile, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
    use std::os::unix::fs::FileExt;
    out.resize((range.end - range.start) as usize, 0);
    let read = image.file().read_exact_at(out, range.start);
    read.map_err(|error| Error::io("read", image.path(), error))
}
