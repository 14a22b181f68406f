//! An area of an image becomes a picture of 16 bits, row by row.

use std::path::Path;

use png::BitDepth;

use super::area::read;
use super::png_file::{self, PngLooks};
use super::tiff_file::{self, TiffLooks};
use super::{Area, MOST_AT_ONCE_BYTES, NewPicture};
use crate::error::{Error, Result};
use crate::map::MappedFile;
use crate::pixel::{ByteOrder, Channels, Sample};
use crate::threads::{self, Progress};

/// What kind of picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// PNG of 16 bits: unsigned, and every channel is a color or alpha.
    Png,
    /// TIFF, or BigTIFF past 4 GiB: every format that an image has.
    Tiff,
}

impl PictureFormat {
    /// The kind that the name's extension means.
    ///
    /// # Errors
    /// `Request` if it means none.
    pub fn of(path: &Path) -> Result<PictureFormat> {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        match extension.to_str() {
            Some("png") => Ok(PictureFormat::Png),
            Some("tif" | "tiff") => Ok(PictureFormat::Tiff),
            _ => Err(Error::Request(format!(
                "{}: its extension names no kind of picture that is written; use .png, .tif or .tiff",
                path.display()
            ))),
        }
    }

    /// Refuses an area that this kind cannot hold; `path` is the picture's.
    ///
    /// # Errors
    /// `Request`.
    pub fn check(self, area: &Area, path: &Path) -> Result<()> {
        let refuse = |why: String| Err(Error::Request(format!("{}: {why}", path.display())));
        // The sides of a PNG have 31 bits; a TIFF's have 32, but hardly any reader takes them.
        let most = u64::from(u32::MAX >> 1);
        if area.width > most || area.height > most {
            return refuse(format!(
                "{}x{} pixels, but a picture has at most {most} on a side; give a smaller --rect",
                area.width, area.height
            ));
        }
        if area.row_bytes() > MOST_AT_ONCE_BYTES {
            return refuse(format!(
                "a row of {} bytes would be in memory at once, more than {MOST_AT_ONCE_BYTES}; give a smaller --rect",
                area.row_bytes()
            ));
        }
        if self == PictureFormat::Tiff {
            return Ok(());
        }
        let format = area.format;
        if format.sample == Sample::I16 {
            return refuse(format!(
                "a PNG cannot hold signed samples ({format}); use .tif, or say --pixel if they are not signed"
            ));
        }
        match format.channels {
            Channels::TwoBands | Channels::FourBands => refuse(format!(
                "a PNG cannot hold bands that are neither colors nor alpha ({format}); use .tif, or say --pixel rgba16 \
                 or graya16 if the last one is alpha"
            )),
            _ => Ok(()),
        }
    }
}

/// Writes the area of `image` as a picture of the kind `format`, which [`PictureFormat::check`] has approved.
/// `progress` hears of every byte of the image that was read.
///
/// # Errors
/// `Io` if the image cannot be read or the picture cannot be written; `Interrupted` if `progress` said so.
pub fn export(
    image: &MappedFile,
    area: &Area,
    format: PictureFormat,
    picture: &NewPicture,
    progress: Progress<'_>,
) -> Result<()> {
    let (width, height) = (side(area.width), side(area.height));
    let is_big = area.format.order == ByteOrder::Big;
    let mut bytes = Vec::new();
    let read_row = |row: u64, bytes: &mut Vec<u8>| {
        read(image, area.range(row, 0..area.width), bytes)?;
        threads::report(progress, area.row_bytes())
    };
    match format {
        PictureFormat::Png => {
            let looks = PngLooks {
                width,
                height,
                channels: area.format.channels,
                bits: BitDepth::Sixteen,
                srgb: false,
            };
            png_file::write(picture, &looks, |put| {
                for row in 0..area.height {
                    read_row(row, &mut bytes)?;
                    if !is_big {
                        bytes.chunks_exact_mut(2).for_each(|sample| sample.swap(0, 1));
                    }
                    put(&bytes)?;
                }
                Ok(())
            })
        }
        PictureFormat::Tiff => {
            let looks = TiffLooks {
                width,
                height,
                format: area.format,
            };
            let mut row = 0;
            tiff_file::write(picture, &looks, |rows, samples| {
                for _ in 0..rows {
                    read_row(row, &mut bytes)?;
                    samples.extend(bytes.chunks_exact(2).map(|v| match area.format.order {
                        ByteOrder::Little => u16::from_le_bytes([v[0], v[1]]),
                        ByteOrder::Big => u16::from_be_bytes([v[0], v[1]]),
                    }));
                    row += 1;
                }
                Ok(())
            })
        }
    }?;
    picture.write_back(progress)
}

/// A side that was checked.
fn side(pixels: u64) -> u32 {
    u32::try_from(pixels).expect("the area was checked")
}
