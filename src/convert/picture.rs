//! What a picture holds, and where its decoded pixels go.

use std::path::Path;

use super::{MAX_AT_ONCE_BYTES, samples};
use crate::error::{Choice, Error, Result, text};
use crate::pixel::{ByteOrder, Channels, PixelFormat, Sample};

/// What a picture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureInfo {
    /// Pixels in a row, at least 1.
    pub width: u64,
    /// Rows, at least 1.
    pub height: u64,
    /// What a pixel of the image will look like.
    pub format: PixelFormat,
}

/// Some decoded pixels: whole rows of the rectangle that begins at `x`, `y` and is `width` wide.
pub(super) struct Block<'a> {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    /// In the format of [`PictureInfo`].
    pub(super) bytes: &'a [u8],
}

/// Where decoded pixels go.
pub(super) type Put<'a> = &'a mut dyn FnMut(Block<'_>) -> Result<()>;

impl PictureInfo {
    /// What a picture holds that has samples of 16 bits, once decoded.
    pub(super) fn new(width: u32, height: u32, channels: Channels, sample: Sample) -> PictureInfo {
        PictureInfo {
            width: width.into(),
            height: height.into(),
            format: PixelFormat {
                channels,
                sample,
                order: ByteOrder::Little,
            },
        }
    }

    /// Bytes of all decoded pixels.
    fn bytes(&self) -> u128 {
        u128::from(self.width) * u128::from(self.height) * u128::from(self.format.pixel_bytes())
    }

    /// Refuses what no picture should be.
    pub(super) fn check(&self, path: &Path, limit_bytes: u64) -> Result<()> {
        let (width, height, bytes) = (self.width, self.height, self.bytes());
        if bytes == 0 {
            return Err(samples::unsound(
                path,
                "a picture",
                format_args!("it has {width}x{height} pixels"),
            ));
        }
        if bytes > u128::from(limit_bytes) {
            let why = text![
                format!("says that it unfolds to {width}x{height} pixels, {bytes} bytes, more than "),
                Choice::Limit,
                format!(" {limit_bytes}; if you trust it, give a larger "),
                Choice::Limit,
            ];
            return Err(Error::unfit(path, why));
        }
        if self.row_bytes() > MAX_AT_ONCE_BYTES {
            return Err(samples::too_large(path, "a row", self.row_bytes()));
        }
        Ok(())
    }

    pub(super) fn row_bytes(&self) -> u64 {
        self.width * self.format.pixel_bytes()
    }
}
