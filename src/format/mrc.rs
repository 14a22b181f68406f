//! MRC, also CCP4: the maps, images and stacks of electron microscopes.
//!
//! ```text
//! byte 0   columns, rows, sections, then the mode: 4 bytes each, in the file's byte order
//!     64   which axis of space columns, rows and sections run along
//!     76   smallest, largest and mean value, 4-byte floats; at 216 their deviation
//!     92   bytes of the extended header
//!    208   "MAP " and the machine stamp: 44 44 or 44 41 little-endian, 11 11 big-endian
//!   1024   the extended header, then the samples
//! ```
//!
//! 1. Mode 1 is signed and mode 6 unsigned, 16 bits each. What else there is has other samples and is refused.
//! 2. The stamp says the byte order. One that is neither, or by which the numbers make no sense, is refused: to edit
//!    samples with their bytes swapped cannot be taken back.
//! 3. Sections are planes. Rows are counted as they lie in the file; most programs show the first one at the bottom.
//! 4. The four statistics are untrue after an edit. They are then set to what the format has for numbers that nobody
//!    has determined: 0, -1, -2 for smallest, largest and mean, and -1 for the deviation.
//!
//! Source: "MRC2014: Extensions to the MRC format header", <https://www.ccpem.ac.uk/mrc_format/mrc2014.php>.

use super::found::{Container, Found, Mended, Wrong};
use crate::layout::{Layout, Step};
use crate::mend::Mend;
use crate::pixel::{ByteOrder, Channels, PixelFormat, SAMPLE_BYTES, Sample};

/// Bytes of the fixed header.
const HEADER_BYTES: usize = 1024;

/// Where the statistics stand, and what they become: smallest, largest, mean, deviation.
const STATISTICS: [(u64, f32); 4] = [(76, 0.0), (80, -1.0), (84, -2.0), (216, -1.0)];

/// What the head of an MRC file says.
pub(super) fn read(head: &[u8]) -> Result<Found, Wrong> {
    let header = head
        .first_chunk::<HEADER_BYTES>()
        .ok_or_else(|| Wrong::cut_short("its header of 1024 bytes"))?;
    let order = byte_order([header[212], header[213]])?;
    let word = |at: usize| -> [u8; 4] { std::array::from_fn(|i| header[at + i]) };
    let number = |at: usize| match order {
        ByteOrder::Little => i32::from_le_bytes(word(at)),
        ByteOrder::Big => i32::from_be_bytes(word(at)),
    };
    let sample = sample(number(12))?;
    let count = |at: usize, what: &str| {
        u64::try_from(number(at)).map_err(|_| Wrong::file(format!("by its header it has {} {what}", number(at))))
    };
    let sides = (count(0, "columns")?, count(4, "rows")?, count(8, "sections")?);
    let data_offset = HEADER_BYTES as u64 + count(92, "bytes of extended header")?;
    let format = PixelFormat {
        channels: Channels::GRAY,
        sample,
        order,
    };
    let row = sides.0.saturating_mul(SAMPLE_BYTES as u64);
    let step = Step {
        channel: SAMPLE_BYTES as u64,
        column: SAMPLE_BYTES as u64,
        row,
        plane: row.saturating_mul(sides.1),
    };
    let layout = Layout::strided(data_offset, sides, format, step)?;
    let mend = |&(at, value): &(u64, f32)| Mend::Bytes {
        at,
        bytes: match order {
            ByteOrder::Little => value.to_le_bytes().to_vec(),
            ByteOrder::Big => value.to_be_bytes().to_vec(),
        },
    };
    Ok(Found {
        mended: Mended {
            what: "the statistics of its header (dmin, dmax, dmean, rms) are set to 'undetermined'".to_owned(),
            mends: STATISTICS.iter().map(mend).collect(),
        },
        ..Found::new(layout, Container::Mrc)
    })
}

/// What the machine stamp says.
fn byte_order(stamp: [u8; 2]) -> Result<ByteOrder, Wrong> {
    match stamp {
        [0x44, 0x44 | 0x41] => Ok(ByteOrder::Little),
        [0x11, 0x11] => Ok(ByteOrder::Big),
        [first, second] => Err(Wrong::file(format!(
            "its machine stamp is {first:02x} {second:02x}, which says no byte order (44 44 or 44 41 is little-endian, \
             11 11 big-endian)"
        ))),
    }
}

/// The samples of a mode.
fn sample(mode: i32) -> Result<Sample, Wrong> {
    let what = match mode {
        1 => return Ok(Sample::I16),
        6 => return Ok(Sample::U16),
        0 => "samples of 8 bits",
        2 => "floating-point samples of 32 bits",
        3 => "complex numbers of 16-bit parts",
        4 => "complex numbers of 32-bit parts",
        12 => "floating-point samples of 16 bits",
        101 => "samples of 4 bits",
        _ => "samples that are not known",
    };
    Err(Wrong::file(format!(
        "its mode is {mode}, {what}; only modes 1 and 6, whole numbers of 16 bits, can be edited"
    )))
}

#[cfg(test)]
mod tests;
