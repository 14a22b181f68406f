//! Where the pixels of an image lie in its file.
//!
//! A [`Layout`] is all that the engine knows of a file format. Every other format (TIFF, NPY, ...) is to be added as
//! "header to `Layout`". Positions are bytes from the start of the file and may be odd: a text header can have any
//! length.
//!
//! 1. A `Layout` that exists has at least one pixel and ends at or before [`MAX_FILE_BYTES`]: whoever holds one may
//!    add and multiply its numbers without looking.

use std::ops::Range;

use crate::pixel::PixelFormat;

/// The largest position in a file that the operating system can name (`off_t` is signed).
pub const MAX_FILE_BYTES: u64 = i64::MAX as u64;

/// Where the pixels of an image lie: one after another, from `data_offset` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    data_offset: u64,
    pixels: u64,
    width: Option<u64>,
    format: PixelFormat,
}

impl Layout {
    /// An image of `width` x `height` pixels whose first byte is at `data_offset`.
    ///
    /// # Errors
    /// A message for the user, if a side is 0 or the image would end past [`MAX_FILE_BYTES`].
    pub fn new(data_offset: u64, width: u64, height: u64, format: PixelFormat) -> Result<Layout, String> {
        if width == 0 || height == 0 {
            return Err(format!(
                "{width}x{height} is no size; both sides must be at least 1 pixel"
            ));
        }
        let layout = width
            .checked_mul(height)
            .and_then(|pixels| Layout::checked(data_offset, pixels, Some(width), format));
        layout.ok_or_else(|| {
            format!(
                "{width}x{height} pixels of {} bytes from byte {data_offset} on are more than a file can hold \
                 ({MAX_FILE_BYTES} bytes)",
                format.pixel_bytes(),
            )
        })
    }

    /// A run of `pixels` pixels whose width nobody knows: enough for edits of the whole or of a run.
    ///
    /// # Errors
    /// As for [`Layout::new`].
    pub fn run(data_offset: u64, pixels: u64, format: PixelFormat) -> Result<Layout, String> {
        if pixels == 0 {
            return Err("0 pixels are no image".to_owned());
        }
        Layout::checked(data_offset, pixels, None, format).ok_or_else(|| {
            format!("{pixels} pixels from byte {data_offset} on are more than a file can hold ({MAX_FILE_BYTES} bytes)")
        })
    }

    fn checked(data_offset: u64, pixels: u64, width: Option<u64>, format: PixelFormat) -> Option<Layout> {
        let end = pixels.checked_mul(format.pixel_bytes())?.checked_add(data_offset)?;
        (end <= MAX_FILE_BYTES).then_some(Layout {
            data_offset,
            pixels,
            width,
            format,
        })
    }

    /// What a pixel looks like.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Pixels in a row, if known.
    pub fn width(&self) -> Option<u64> {
        self.width
    }

    /// Rows, if the width is known.
    pub fn height(&self) -> Option<u64> {
        self.width.map(|width| self.pixels / width)
    }

    /// Pixels in the whole image.
    pub fn pixels(&self) -> u64 {
        self.pixels
    }

    /// Bytes from the start of the file to the first pixel.
    pub fn data_offset(&self) -> u64 {
        self.data_offset
    }

    /// Bytes of all pixels together.
    pub fn data_bytes(&self) -> u64 {
        self.pixels * self.format.pixel_bytes()
    }

    /// The bytes of the file that hold the pixels.
    pub fn data(&self) -> Range<u64> {
        self.data_offset..self.data_offset + self.data_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_sizes_are_errors_not_wrapped_numbers() {
        let format = PixelFormat::RGBA16;
        let fits = |offset, width, height| Layout::new(offset, width, height, format).is_ok();
        assert!(fits(0, 1, 1));
        assert!(fits(7, 1 << 30, 1 << 29));
        assert!(!fits(0, 0, 1));
        assert!(!fits(0, 1, 0));
        assert!(!fits(0, 1 << 63, 1));
        assert!(!fits(0, 1 << 32, 1 << 32));
        assert!(!fits(u64::MAX, 1, 1));
        assert!(fits(MAX_FILE_BYTES - 8, 1, 1));
        assert!(!fits(MAX_FILE_BYTES - 7, 1, 1));
        assert!(Layout::run(0, 0, format).is_err());
        assert!(Layout::run(0, u64::MAX, format).is_err());
    }

    #[test]
    fn sides_and_bytes() {
        let layout = Layout::new(5, 3, 4, "rgb16".parse().expect("a format")).expect("a layout");
        assert_eq!((layout.pixels(), layout.height()), (12, Some(4)));
        assert_eq!(layout.data(), 5..5 + 72);
    }
}
