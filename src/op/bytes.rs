//! An [`Op`] as bytes, as a journal keeps it. Whoever keeps them has a checksum over them.
//!
//! ```text
//! brighten    1 byte     1
//!             4 bytes    the amount, little-endian, -65535 to 65535
//!
//! table       1 byte     2
//!             1 byte     the sample type: 0 u16, 1 i16, 2 u16flipped
//!        131072 bytes    the new bits of every old one, in the order of the old bits, little-endian
//!          8192 bytes    a bit for every old one, lowest first: set where the result was clipped
//!     the rest, 1 to 8192 bytes: the words that describe it, UTF-8 without control characters
//!
//! function    1 byte     3
//!             1 byte     1 if samples of one value are kept, else 0
//!             4 bytes    that value, little-endian, or 0
//!     the rest, 1 to 64 bytes: its name, UTF-8 without control characters
//! ```
//!
//! Formulas may differ between builds of the program; a table, once stored, does not. So resuming never computes it
//! again.

use std::sync::Arc;

use crate::op::{MAX_AMOUNT, Op, PixelFunction, Table, VALUES};
use crate::pixel::Sample;

const BRIGHTEN: u8 = 1;
const TABLE: u8 = 2;
const FUNCTION: u8 = 3;

const ENTRIES_BYTES: usize = VALUES * 2;
const CLIPS_BYTES: usize = VALUES / 8;

impl Op {
    /// The op as bytes; see the source for their order.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Op::Brighten { amount } => {
                let mut bytes = vec![BRIGHTEN];
                bytes.extend(amount.to_le_bytes());
                bytes
            }
            Op::Table(table) => {
                let mut bytes = vec![TABLE, sample_byte(table.sample())];
                bytes.extend(table.entries().iter().flat_map(|entry| entry.to_le_bytes()));
                bytes.extend(table.clips().iter().flat_map(|word| word.to_le_bytes()));
                bytes.extend(table.words().as_bytes());
                bytes
            }
            Op::Function(function) => {
                let mut bytes = vec![FUNCTION, u8::from(function.nodata().is_some())];
                bytes.extend(function.nodata().unwrap_or(0).to_le_bytes());
                bytes.extend(function.name().as_bytes());
                bytes
            }
        }
    }

    /// The op that became these bytes; `None` if none does.
    pub fn from_bytes(bytes: &[u8]) -> Option<Op> {
        match bytes.split_first()? {
            (&BRIGHTEN, rest) => {
                let amount = i32::from_le_bytes(rest.try_into().ok()?);
                (-MAX_AMOUNT..=MAX_AMOUNT)
                    .contains(&amount)
                    .then_some(Op::Brighten { amount })
            }
            (&TABLE, rest) => table(rest).map(|table| Op::Table(Arc::new(table))),
            (&FUNCTION, rest) => function(rest).map(Op::Function),
            _ => None,
        }
    }
}

fn table(bytes: &[u8]) -> Option<Table> {
    let (&[sample], rest) = bytes.split_first_chunk()?;
    let sample = Sample::ALL.into_iter().find(|known| sample_byte(*known) == sample)?;
    let (entries, rest) = rest.split_first_chunk::<ENTRIES_BYTES>()?;
    let (clips, words) = rest.split_first_chunk::<CLIPS_BYTES>()?;
    let (entries, _) = entries.as_chunks();
    let (clips, _) = clips.as_chunks();
    Table::from_parts(
        str::from_utf8(words).ok()?.to_owned(),
        sample,
        entries.iter().map(|&entry| u16::from_le_bytes(entry)).collect(),
        clips.iter().map(|&word| u64::from_le_bytes(word)).collect(),
    )
}

fn function(bytes: &[u8]) -> Option<PixelFunction> {
    let (&[has_nodata], rest) = bytes.split_first_chunk()?;
    let (nodata, name) = rest.split_first_chunk()?;
    let nodata = match (has_nodata, i32::from_le_bytes(*nodata)) {
        (0, 0) => None,
        (1, nodata) => Some(nodata),
        _ => return None,
    };
    PixelFunction::unknown(str::from_utf8(name).ok()?, nodata)
}

fn sample_byte(sample: Sample) -> u8 {
    match sample {
        Sample::U16 => 0,
        Sample::I16 => 1,
        Sample::U16Flipped => 2,
    }
}
