//! What an edit of samples makes untrue elsewhere in their file, and what is written there once they are edited.
//!
//! Headers say what the samples are: their smallest value, their mean, their sum. A [`Mend`] is what becomes of such a
//! field. It stands in the journal as a part of the job, so that whoever finishes the job mends the same, and reads no
//! header to find out what.
//!
//! 1. A mend depends on nothing but itself and the edited file. So it can be done twice, and a run that was killed in
//!    the middle of it does it again.
//! 2. It lies outside the window of the job.
//!
//! ```text
//! byte  length
//!    0       1  kind: 1, these bytes
//!    1       8  where they belong
//!    9       2  how many: n
//!   11       n  the bytes
//!
//!    0       1  kind: 2, the sums of a FITS file, see `FitsSums`
//!    1      48  6 numbers of 8 bytes
//! ```

mod fits_sums;

pub use self::fits_sums::{FitsSums, Sum};

/// A field of a file that is written once the job is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// These bytes, from byte `at` of the file on.
    Bytes {
        /// Where.
        at: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// The sums of a FITS header.
    FitsSums(FitsSums),
}

const BYTES: u8 = 1;
const FITS_SUMS: u8 = 2;

impl Mend {
    /// Where in the file what it writes or reads ends.
    pub fn end(&self) -> u64 {
        match self {
            Mend::Bytes { at, bytes } => at.saturating_add(bytes.len() as u64),
            Mend::FitsSums(sums) => sums.data.end,
        }
    }

    /// True if the two cannot both be right: each of two jobs would sum up what the other one has half edited.
    pub fn excludes(&self, other: &Mend) -> bool {
        match (self, other) {
            (Mend::FitsSums(one), Mend::FitsSums(other)) => one.header.start == other.header.start,
            _ => false,
        }
    }

    /// It as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Mend::Bytes { at, bytes } => {
                let length = u16::try_from(bytes.len()).expect("a field of a header");
                [&[BYTES][..], &at.to_le_bytes(), &length.to_le_bytes(), bytes].concat()
            }
            Mend::FitsSums(sums) => {
                let numbers = sums.to_numbers().into_iter().flat_map(u64::to_le_bytes);
                [FITS_SUMS].into_iter().chain(numbers).collect()
            }
        }
    }

    /// All that [`Mend::to_bytes`] wrote one after another; `None` if it could not have.
    pub fn from_bytes(mut all: &[u8]) -> Option<Vec<Mend>> {
        let mut mends = Vec::new();
        while let Some((&kind, rest)) = all.split_first() {
            let (mend, rest) = match kind {
                BYTES => {
                    let (at, rest) = rest.split_first_chunk()?;
                    let (length, rest) = rest.split_first_chunk()?;
                    let (bytes, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
                    let (at, bytes) = (u64::from_le_bytes(*at), bytes.to_vec());
                    (Mend::Bytes { at, bytes }, rest)
                }
                FITS_SUMS => {
                    let (numbers, rest) = rest.split_first_chunk::<48>()?;
                    let number = |index: usize| u64::from_le_bytes(std::array::from_fn(|i| numbers[index * 8 + i]));
                    let sums = FitsSums::from_numbers([0, 1, 2, 3, 4, 5].map(number))?;
                    (Mend::FitsSums(sums), rest)
                }
                _ => return None,
            };
            mends.push(mend);
            all = rest;
        }
        Some(mends)
    }
}

#[cfg(test)]
mod tests;
