//! `DATASUM` and `CHECKSUM` of a FITS header.
//!
//! A sum is that of 32-bit big-endian words, with the carries added again (ones' complement). `DATASUM` is that of the
//! data in decimal; `CHECKSUM` is 16 letters by which the sum of header and data becomes -0.
//!
//! 1. Both are computed from the file as it is when all samples are edited: one pass over the data. That needs nothing
//!    of the edit, so it can be done again; the price is a second pass, and one before the edit, since sums that were
//!    wrong before may be the only sign of damage and must not be made right.
//! 2. Both fields keep their places and their cards' comments: 12 and 18 bytes from the first quote on.
//!
//! Source: "Checksum Keyword Convention", appendix J of the FITS standard 4.0.

use std::ops::Range;

use fitsio_pure::checksum::encode_checksum;

/// Bytes of the fields, from quote to quote.
const DATASUM_BYTES: u64 = 12;
const CHECKSUM_BYTES: u64 = 18;

/// The longest header that is read for it.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// The sums of a header, and what they are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FitsSums {
    /// The number of the HDU, from 1, for messages.
    pub hdu: u64,
    /// The bytes of the header, whole blocks.
    pub header: Range<u64>,
    /// The bytes of the data, which begin where the header ends, without zeros that fill up the last block.
    pub data: Range<u64>,
    /// Where the value of `DATASUM` begins, with its quote.
    pub datasum_at: Option<u64>,
    /// Where that of `CHECKSUM` does.
    pub checksum_at: Option<u64>,
}

impl FitsSums {
    /// It as numbers. No value begins at byte 0.
    pub(super) fn to_numbers(&self) -> [u64; 6] {
        [
            self.hdu,
            self.header.start,
            self.header.end,
            self.data.end,
            self.datasum_at.unwrap_or(0),
            self.checksum_at.unwrap_or(0),
        ]
    }

    /// The sums of these numbers, if they make sense.
    pub(super) fn from_numbers([hdu, start, middle, end, datasum, checksum]: [u64; 6]) -> Option<FitsSums> {
        let header_bytes = middle.checked_sub(start)?;
        let is_sound =
            (1..=MAX_HEADER_BYTES).contains(&header_bytes) && header_bytes.is_multiple_of(4) && end >= middle;
        let field =
            |at: u64, bytes: u64| at == 0 || at >= start && at.checked_add(bytes).is_some_and(|end| end <= middle);
        let are_inside = field(datasum, DATASUM_BYTES) && field(checksum, CHECKSUM_BYTES);
        let are_apart = datasum == 0 || checksum == 0 || datasum.abs_diff(checksum) >= CHECKSUM_BYTES;
        (is_sound && are_inside && are_apart).then(|| FitsSums {
            hdu,
            header: start..middle,
            data: middle..end,
            datasum_at: Some(datasum).filter(|&at| at > 0),
            checksum_at: Some(checksum).filter(|&at| at > 0),
        })
    }

    /// The bytes of a field in the header.
    fn field(&self, at: u64, bytes: u64) -> Range<usize> {
        let index = |at: u64| usize::try_from(at - self.header.start).expect("within a header");
        index(at)..index(at + bytes)
    }

    /// What is wrong with the sums in `header`, if the data sum up to `datasum`.
    pub fn fault(&self, header: &[u8], datasum: u32) -> Option<String> {
        if let Some(at) = self.datasum_at {
            let text = String::from_utf8_lossy(&header[self.field(at, DATASUM_BYTES)]).into_owned();
            let said = text.trim_matches([' ', '\'']).parse();
            if said != Ok(datasum) {
                return Some(format!(
                    "the DATASUM of HDU {} is {}, and its data sum up to {datasum}",
                    self.hdu,
                    text.trim()
                ));
            }
        }
        let mut all = Sum::default();
        all.add(header);
        all.add(&datasum.to_be_bytes());
        (self.checksum_at.is_some() && ![0, u32::MAX].contains(&all.total()))
            .then(|| format!("the CHECKSUM of HDU {} is not that of its header and data", self.hdu))
    }

    /// Puts the right sums into `header`, and returns what is to be written where, `DATASUM` first.
    pub fn writes(&self, header: &mut [u8], datasum: u32) -> Vec<(u64, Vec<u8>)> {
        let mut writes = Vec::new();
        if let Some(at) = self.datasum_at {
            // A text has 8 letters at least.
            let text = format!("{:<12}", format!("'{datasum:<8}'"));
            header[self.field(at, DATASUM_BYTES)].copy_from_slice(text.as_bytes());
            writes.push((at, text.into_bytes()));
        }
        if let Some(at) = self.checksum_at {
            let field = self.field(at, CHECKSUM_BYTES);
            header[field.clone()].copy_from_slice(b"'0000000000000000'");
            let mut all = Sum::default();
            all.add(header);
            all.add(&datasum.to_be_bytes());
            let text = [b"'", &encode_checksum(all.total(), true)[..], b"'"].concat();
            header[field].copy_from_slice(&text);
            writes.push((at, text));
        }
        writes
    }
}

/// A sum of words, fed in pieces of any length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    words: u64,
    /// The bytes of the last word, as far as they have come.
    rest: [u8; 4],
    rest_bytes: usize,
}

impl Sum {
    /// Goes on with these bytes.
    pub fn add(&mut self, mut bytes: &[u8]) {
        while self.rest_bytes > 0 && !bytes.is_empty() {
            self.push(bytes[0]);
            bytes = &bytes[1..];
        }
        let (words, rest) = bytes.as_chunks::<4>();
        // Less than 2^32 words fit in a sum of 64 bits.
        for some in words.chunks(1 << 20) {
            let sum: u64 = some.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum();
            self.words = fold(self.words + fold(sum));
        }
        rest.iter().for_each(|&byte| self.push(byte));
    }

    fn push(&mut self, byte: u8) {
        self.rest[self.rest_bytes] = byte;
        self.rest_bytes += 1;
        if self.rest_bytes == 4 {
            self.words = fold(self.words + u64::from(u32::from_be_bytes(self.rest)));
            (self.rest, self.rest_bytes) = ([0; 4], 0);
        }
    }

    /// The sum of all, zeros behind it.
    pub fn total(&self) -> u32 {
        let mut rest = self.rest;
        rest[self.rest_bytes..].fill(0);
        let total = fold(self.words + u64::from(u32::from_be_bytes(rest)));
        u32::try_from(total).expect("32 bits")
    }
}

/// A sum whose carries are added again until there are none.
fn fold(mut sum: u64) -> u64 {
    while sum >> 32 != 0 {
        sum = (sum & u64::from(u32::MAX)) + (sum >> 32);
    }
    sum
}
