//! An area of an image becomes a picture of 16 bits, row by row.

use std::path::Path;

use png::BitDepth;

use super::png_file::{self, PngInfo};
use super::tiff_file::{self, TiffInfo};
use super::{Area, MAX_AT_ONCE_BYTES, NewPicture};
use crate::chunk_plan::split;
use crate::error::{Choice, Error, Result, Text, text};
use crate::map::MappedFile;
use crate::pixel::Sample;
use crate::threads::{self, Progress};

/// Of an image whose rows lie in many places, about how much is read at once.
const ROWS_AT_ONCE_BYTES: u64 = 64 << 20;

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
            _ => Err(Error::request(
                path,
                "its extension names no kind of picture that is written; use .png, .tif or .tiff",
            )),
        }
    }

    /// Refuses an area that this kind cannot hold; `path` is the picture's.
    ///
    /// # Errors
    /// `Request`.
    pub fn check(self, area: &Area, path: &Path) -> Result<()> {
        let refuse = |why: Text| Err(Error::request(path, why));
        // The sides of a PNG have 31 bits; a TIFF's have 32, but hardly any reader takes them.
        let most = u64::from(u32::MAX >> 1);
        let smaller = || text!["; give a smaller ", Choice::Rect];
        if area.width > most || area.height > most {
            let (width, height) = (area.width, area.height);
            let why = format!("{width}x{height} pixels, but a picture has at most {most} on a side");
            return refuse(text![why].and(smaller()));
        }
        if area.row_bytes() > MAX_AT_ONCE_BYTES {
            let bytes = area.row_bytes();
            let why = format!("a row of {bytes} bytes would be in memory at once, more than {MAX_AT_ONCE_BYTES}");
            return refuse(text![why].and(smaller()));
        }
        if self == PictureFormat::Tiff {
            return Ok(());
        }
        let format = area.format;
        if format.sample == Sample::I16 {
            return refuse(text![
                format!("a PNG cannot hold signed samples ({format}); use .tif, or say "),
                Choice::Pixel,
                " if they are not signed",
            ]);
        }
        if format.channels.are_bands() {
            refuse(text![
                format!(
                    "a PNG cannot hold bands that are neither colors nor alpha ({format}); use .tif, choose one with "
                ),
                Choice::Channels,
                ", or say ",
                Choice::Pixel,
                " rgba16 or graya16 if the last one is alpha",
            ])
        } else {
            Ok(())
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
    // Pictures have no samples with a flipped top bit.
    let flip = if area.format.sample == Sample::U16Flipped {
        0x8000
    } else {
        0
    };
    let unsigned = |sample| area.format.order.bits(sample) ^ flip;
    let mut bytes = Vec::new();
    let rows_at_once = area.rows_at_once(ROWS_AT_ONCE_BYTES);
    // Calls `put` with the bytes of so many rows, one after another.
    let mut each_row = |rows: std::ops::Range<u64>, put: &mut dyn FnMut(&mut [u8]) -> Result<()>| {
        for rows in split(rows, rows_at_once) {
            let count = rows.end - rows.start;
            area.read(image, rows, 0..area.width, &mut bytes)?;
            let row_bytes = bytes.len() / usize::try_from(count).unwrap_or(1);
            bytes.chunks_exact_mut(row_bytes).try_for_each(&mut *put)?;
            threads::report(progress, area.row_bytes() * count)?;
        }
        Ok(())
    };
    match format {
        PictureFormat::Png => {
            let info = PngInfo {
                width,
                height,
                channels: area.format.channels,
                bits: BitDepth::Sixteen,
                srgb: false,
            };
            png_file::write(picture, &info, |put| {
                each_row(0..area.height, &mut |row| {
                    for sample in row.as_chunks_mut().0 {
                        *sample = unsigned(*sample).to_be_bytes();
                    }
                    put(row)
                })
            })
        }
        PictureFormat::Tiff => {
            let info = TiffInfo {
                width,
                height,
                format: area.format,
            };
            let mut row = 0;
            tiff_file::write(picture, &info, |rows, samples| {
                let these = row..row + rows;
                row = these.end;
                each_row(these, &mut |row| {
                    samples.extend(row.as_chunks().0.iter().map(|&sample| unsigned(sample)));
                    Ok(())
                })
            })
        }
    }?;
    picture.write_back(progress)
}

/// A side that was checked.
fn side(pixels: u64) -> u32 {
    u32::try_from(pixels).expect("the area was checked")
}
