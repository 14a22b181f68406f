//! FITS: the images, cubes and tables of astronomy.
//!
//! ```text
//! HDU 1    header: cards of 80 bytes in blocks of 2880, the last one END    SIMPLE  =                    T
//!          data: the samples, big-endian, filled up to whole blocks
//! HDU 2    the same, XTENSION= 'IMAGE   ', or a table; and so on
//! ```
//!
//! 1. What is edited is an image of 16 bits (`BITPIX`), signed as it is (`BZERO` 0) or unsigned (32768), whose samples
//!    are their values (`BSCALE` 1). The first axis is columns, the second rows, the others are planes. Rows are
//!    counted as they lie in the file; most programs show the first one at the bottom.
//! 2. Where an HDU ends is told by its header alone, so that each header up to the last one must be sound. A card that
//!    counts and stands there twice, or in small letters, is refused: readers differ in which one they believe.
//! 3. `BLANK` is the number in the file; as a value of samples it is that and `BZERO`.
//! 4. `DATASUM` and `CHECKSUM` are renewed once the samples are edited, if they were right before; see
//!    [`FitsSums`](crate::mend::FitsSums).
//! 5. The crate `fitsio-pure` reads cards, one at a time. Its reader of whole files asks for as much memory as `NAXIS`
//!    says, and leaves out HDUs that are damaged; so the way from header to header is here.
//!
//! Source: "Definition of the Flexible Image Transport System", version 4.0.

mod cards;
mod hdu;

use std::io;

use self::hdu::Hdu;
use super::found::{Behind, Container, Found, Mended, Source, StalePart, Wrong};
use crate::error::{Choice, text};
use crate::layout::{Layout, Step};
use crate::mend::Mend;
use crate::pixel::{ByteOrder, Channels, PixelFormat, SAMPLE_BYTES, Sample};

/// Fills bytes from a place in the file on.
type ReadAt<'a> = &'a dyn Fn(&mut [u8], u64) -> io::Result<()>;

/// Bytes of a block, of which headers and data have whole ones.
const BLOCK_BYTES: u64 = BLOCK_LENGTH as u64;
const BLOCK_LENGTH: usize = 2880;

/// All headers together; more are none that anybody looks at.
const MAX_HEADER_BYTES: u64 = 64 << 20;

/// What the headers of a FITS file say.
pub(super) fn read(source: &Source<'_>) -> Result<Found, Wrong> {
    let file_bytes = source.image.len();
    let hdus = hdus(file_bytes, &|bytes, at| source.read_exact_at(bytes, at))?;
    let found = picture(&hdus, source.overrides.page)?;
    let end = hdus
        .last()
        .map_or(0, |last| last.data.end)
        .next_multiple_of(BLOCK_BYTES);
    if end < file_bytes && !source.overrides.part {
        let why = format!(
            "its last HDU, {}, ends at byte {end}, and {} bytes that are no header follow; say ",
            hdus.len(),
            file_bytes - end
        );
        return Err(Wrong::file(text![why, Choice::Part, " if they are to be left alone"]));
    }
    Ok(found)
}

/// The image that is meant.
fn picture(hdus: &[Hdu], page: Option<u64>) -> Result<Found, Wrong> {
    let hdu = chosen(hdus, page)?;
    hdu.refuse_unfit()?;
    let zero = hdu.zero()?;
    let format = PixelFormat {
        channels: Channels::GRAY,
        sample: if zero == 0 { Sample::I16 } else { Sample::U16Flipped },
        order: ByteOrder::Big,
    };
    let side = |axis: usize| hdu.sides.get(axis).copied().unwrap_or(1);
    let row = side(0).saturating_mul(SAMPLE_BYTES as u64);
    let step = Step {
        channel: SAMPLE_BYTES as u64,
        column: SAMPLE_BYTES as u64,
        row,
        plane: row.saturating_mul(side(1)),
    };
    // Their number was looked at with that of the samples.
    let planes = hdu.sides.iter().skip(2).product();
    let layout = Layout::strided(hdu.data.start, (side(0), side(1), planes), format, step)?;
    let blank = hdu.cards.whole("BLANK")?;
    let is_sample = |blank: &i64| (i64::from(i16::MIN)..=i64::from(i16::MAX)).contains(blank);
    let stale = ["DATAMIN", "DATAMAX"].into_iter().filter(|key| hdu.cards.has(key));
    Ok(Found {
        behind: Behind::Anything,
        nodata: blank
            .filter(is_sample)
            .and_then(|blank| i32::try_from(blank + zero).ok()),
        stale: stale
            .map(|key| StalePart {
                what: format!("{key} in the header of HDU {}", hdu.number),
                renewed_by: None,
            })
            .collect(),
        mended: mended(hdu)?,
        ..Found::new(layout, Container::Fits)
    })
}

/// The sums that are renewed.
fn mended(hdu: &Hdu) -> Result<Mended, Wrong> {
    let Some(sums) = hdu.sums()? else {
        return Ok(Mended::default());
    };
    let names = ["DATASUM", "CHECKSUM"].into_iter().filter(|key| hdu.cards.has(key));
    let names: Vec<&str> = names.collect();
    Ok(Mended {
        what: format!("{} in the header of HDU {}: renewed", names.join(" and "), hdu.number),
        mends: vec![Mend::FitsSums(sums)],
    })
}

/// All HDUs of a file.
fn hdus(file_bytes: u64, read_at: ReadAt<'_>) -> Result<Vec<Hdu>, Wrong> {
    let mut hdus: Vec<Hdu> = Vec::new();
    let (mut at, mut header_bytes) = (0, 0);
    loop {
        let number = hdus.len() as u64 + 1;
        let Some((cards, header)) = cards::read(file_bytes, read_at, at, number)? else {
            return Ok(hdus);
        };
        header_bytes += header;
        if header_bytes > MAX_HEADER_BYTES {
            return Err(Wrong::file(format!(
                "its first {number} headers have more than {MAX_HEADER_BYTES} bytes"
            )));
        }
        let hdu = Hdu::new(number, cards, at, at + header)?;
        if hdu.data.end > file_bytes {
            return Err(Wrong::file(format!(
                "the data of HDU {number} end at byte {}, the file at {file_bytes}; it is cut short",
                hdu.data.end
            )));
        }
        at = hdu.data.end.next_multiple_of(BLOCK_BYTES);
        hdus.push(hdu);
        if at >= file_bytes {
            return Ok(hdus);
        }
    }
}

/// The HDU that is meant.
fn chosen(hdus: &[Hdu], page: Option<u64>) -> Result<&Hdu, Wrong> {
    if let Some(page) = page {
        let hdu = hdus.iter().find(|hdu| hdu.number == page);
        let count = hdus.len();
        return hdu.ok_or_else(|| Wrong::Words(text![Choice::Page, format!(" {page}: it has HDUs 1 to {count}")]));
    }
    let with_pixels: Vec<&Hdu> = hdus.iter().filter(|hdu| hdu.has_pixels()).collect();
    match with_pixels[..] {
        [hdu] => Ok(hdu),
        // What is compressed says so.
        [] => Ok(hdus.iter().find(|hdu| hdu.is_compressed()).unwrap_or(&hdus[0])),
        _ => {
            let list: Vec<String> = with_pixels.iter().take(20).map(|hdu| hdu.to_string()).collect();
            let more = if with_pixels.len() > list.len() { ", ..." } else { "" };
            Err(Wrong::Words(text![
                "several of its HDUs have pixels; say which one with ",
                Choice::Page,
                format!(": {}{more}", list.join(", ")),
            ]))
        }
    }
}

#[cfg(test)]
mod tests;
