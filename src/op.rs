//! What happens to pixels: [`Op`], and the [`Kernel`] that does it to the samples in a slice of bytes.
//!
//! The kernel knows no file, no thread and no error. It works on private memory only, so it is safe code, and plain
//! loops over arrays, which the compiler turns into vector instructions.
//!
//! One kernel serves all formats:
//! 1. A signed sample with its top bit flipped is an unsigned one in the same order; with all bits flipped, any sample
//!    is one in the opposite order. So one unsigned saturating step upwards does for both types, both directions and
//!    every amount from -65535 to 65535.
//! 2. A channel that is kept gets the amount 0.
//! 3. Amounts repeat every [`PIXEL_QUANTUM_BYTES`] whatever the format, so a block of a few quanta needs no thought
//!    about channels. A slice must begin on a pixel; it may have any length of whole pixels.
//!
//! `reference` (in the tests) does the same one sample at a time, with nothing clever; every figure of the kernel is
//! compared with it.

use std::fmt;
use std::str::FromStr;

use crate::pixel::{ByteOrder, ChannelSet, PIXEL_QUANTUM_BYTES, PixelFormat, SAMPLE_BYTES, Sample};

/// The largest amount in either direction: from one end of the samples to the other.
pub const MAX_AMOUNT: i32 = 65_535;

/// By how much to brighten, as a user says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// In units of the samples, -65535 to 65535.
    Steps(i32),
    /// Of the sample type's largest value, -100 to 100.
    Percent(f64),
}

impl Amount {
    /// The amount in units of `sample`, a percentage rounded to the nearest step.
    #[expect(clippy::cast_possible_truncation, reason = "at most 100 % of 65535")]
    pub fn steps(self, sample: Sample) -> i32 {
        match self {
            Amount::Steps(steps) => steps,
            Amount::Percent(percent) => (percent / 100.0 * f64::from(*sample.range().end())).round() as i32,
        }
    }
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Amount, String> {
        let amount = match text.strip_suffix('%') {
            Some(number) => number
                .parse()
                .ok()
                .filter(|p: &f64| p.abs() <= 100.0)
                .map(Amount::Percent),
            None => text
                .parse()
                .ok()
                .filter(|&n: &i64| n.abs() <= i64::from(MAX_AMOUNT))
                .and_then(|n| i32::try_from(n).ok())
                .map(Amount::Steps),
        };
        amount
            .ok_or_else(|| format!("'{text}' is no amount; give a whole number from -65535 to 65535, or -100% to 100%"))
    }
}

/// What a job does to every pixel of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// Added to the samples, which stop at the ends of their type; -65535 to 65535.
    pub amount: i32,
    /// The channels that are edited; all others keep their bytes.
    pub channels: ChannelSet,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "brighten {:+}", self.amount)
    }
}

impl Op {
    /// The code that does this to pixels of `format`.
    pub fn kernel(&self, format: PixelFormat) -> Kernel {
        let step = u16::try_from(self.amount.unsigned_abs()).unwrap_or(u16::MAX);
        let channel_count = format.channels.count();
        let unsigned_flip = match format.sample {
            Sample::U16 => 0,
            Sample::I16 => 0x8000,
        };
        Kernel {
            steps: std::array::from_fn(|lane| {
                let edited = self.channels.contains(lane % channel_count);
                if edited { step } else { 0 }
            }),
            flip: if self.amount < 0 { !unsigned_flip } else { unsigned_flip },
            order: format.order,
        }
    }
}

/// Samples that are worked on together: a few vector registers full, and whole quanta.
pub(crate) const LANES: usize = 4 * PIXEL_QUANTUM_BYTES / SAMPLE_BYTES;
/// Bytes of as many samples.
pub(crate) const BLOCK_BYTES: usize = LANES * SAMPLE_BYTES;

/// An [`Op`] made ready for one pixel format.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// How far each sample of a block moves.
    pub(crate) steps: [u16; LANES],
    /// Turns a sample into an unsigned one that is to move up, and back.
    pub(crate) flip: u16,
    /// The samples' byte order.
    pub(crate) order: ByteOrder,
}

impl Kernel {
    /// Edits the pixels in `bytes` and returns how many samples clipped, that is, would have passed the end of their
    /// type. `bytes` begins on a pixel and holds whole ones; it needs no alignment.
    pub fn apply(&self, bytes: &mut [u8]) -> u64 {
        // Decided once per call, so that the loops below are free of branches.
        match self.order {
            ByteOrder::Little => self.run::<false>(bytes),
            ByteOrder::Big => self.run::<true>(bytes),
        }
    }

    fn run<const BIG: bool>(&self, bytes: &mut [u8]) -> u64 {
        debug_assert_eq!(bytes.len() % SAMPLE_BYTES, 0);
        let (blocks, rest) = bytes.as_chunks_mut::<BLOCK_BYTES>();
        let mut clipped = 0;
        // A lane's count must not pass 65535.
        for blocks in blocks.chunks_mut(usize::from(u16::MAX)) {
            let mut lane_clipped = [0u16; LANES];
            for block in blocks {
                let samples: &mut [[u8; SAMPLE_BYTES]; LANES] = bytemuck::cast_mut(block);
                for lane in 0..LANES {
                    let (new, past_end) = self.sample::<BIG>(samples[lane], self.steps[lane]);
                    samples[lane] = new;
                    lane_clipped[lane] += u16::from(past_end);
                }
            }
            clipped += lane_clipped.iter().map(|&n| u64::from(n)).sum::<u64>();
        }
        let (samples, _) = rest.as_chunks_mut::<SAMPLE_BYTES>();
        for (sample, &step) in samples.iter_mut().zip(&self.steps) {
            let (new, past_end) = self.sample::<BIG>(*sample, step);
            *sample = new;
            clipped += u64::from(past_end);
        }
        clipped
    }

    #[inline(always)]
    fn sample<const BIG: bool>(&self, sample: [u8; 2], step: u16) -> ([u8; 2], bool) {
        let bits = if BIG {
            u16::from_be_bytes(sample)
        } else {
            u16::from_le_bytes(sample)
        };
        let old = bits ^ self.flip;
        let new = old.saturating_add(step);
        let bits = new ^ self.flip;
        let past_end = new != old.wrapping_add(step);
        (if BIG { bits.to_be_bytes() } else { bits.to_le_bytes() }, past_end)
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "samples are made of numbers known to fit"
)]
mod tests;
