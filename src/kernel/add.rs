//! Samples that move up or down and stop at the ends of their type: plain loops over arrays, which the compiler turns
//! into vector instructions.
//!
//! 1. A signed sample with its top bit flipped is an unsigned one in the same order; with all bits flipped, any sample
//!    is one in the opposite order. So one unsigned saturating step upwards does for all types, both directions and
//!    every amount from -65535 to 65535.
//! 2. A lane that is kept gets the step 0.

use std::sync::Arc;

use super::repeated;
use crate::counts::Counts;
use crate::pixel::{ByteOrder, SAMPLE_BYTES, Sample};

/// Samples that are worked on together: three of the largest vector registers full, and whole pixels of all formats
/// with up to four channels.
pub(crate) const BLOCK_SAMPLES: usize = 48;
/// Bytes of as many samples.
pub(crate) const BLOCK_BYTES: usize = BLOCK_SAMPLES * SAMPLE_BYTES;

/// How samples move.
#[derive(Clone, Debug)]
pub(crate) struct Add {
    lanes: usize,
    /// How far each lane moves, and then the first ones again.
    steps: Arc<[u16]>,
    /// Turns a sample into an unsigned one that is to move up, and back.
    flip: u16,
    order: ByteOrder,
}

impl Add {
    pub(super) fn new(amount: i32, sample: Sample, order: ByteOrder, is_edited: &[bool]) -> Add {
        let step = u16::try_from(amount.unsigned_abs()).unwrap_or(u16::MAX);
        let unsigned_flip = match sample {
            Sample::U16 => 0,
            // The bits of a flipped sample are those of a signed one, with the same ends.
            Sample::I16 | Sample::U16Flipped => 0x8000,
        };
        let of_lanes: Vec<u16> = is_edited.iter().map(|&edited| if edited { step } else { 0 }).collect();
        Add {
            lanes: of_lanes.len(),
            steps: repeated(&of_lanes),
            flip: if amount < 0 { !unsigned_flip } else { unsigned_flip },
            order,
        }
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes
    }

    /// The steps of every block, if they are the same for all: where a block that begins with lane 0 is whole pixels.
    pub(crate) fn steps_of_every_block(&self) -> Option<[u16; BLOCK_SAMPLES]> {
        let is_same = BLOCK_SAMPLES.is_multiple_of(self.lanes);
        self.steps.first_chunk().copied().filter(|_| is_same)
    }

    pub(crate) fn flip(&self) -> u16 {
        self.flip
    }

    pub(crate) fn order(&self) -> ByteOrder {
        self.order
    }

    pub(super) fn apply(&self, bytes: &mut [u8], phase: usize) -> Counts {
        // Decided once per call, so that the loops below are free of branches.
        let clipped = match self.order {
            ByteOrder::Little => self.run::<false>(bytes, phase % self.lanes),
            ByteOrder::Big => self.run::<true>(bytes, phase % self.lanes),
        };
        Counts { clipped, merged: 0 }
    }

    fn run<const BIG: bool>(&self, bytes: &mut [u8], mut phase: usize) -> u64 {
        debug_assert_eq!(bytes.len() % SAMPLE_BYTES, 0);
        let (blocks, rest) = bytes.as_chunks_mut::<BLOCK_BYTES>();
        let advance = BLOCK_SAMPLES % self.lanes;
        let mut clipped = 0;
        // A place's count must not pass 65535.
        for blocks in blocks.chunks_mut(usize::from(u16::MAX)) {
            let mut place_clipped = [0u16; BLOCK_SAMPLES];
            for block in blocks {
                let steps: &[u16; BLOCK_SAMPLES] = self.steps[phase..].first_chunk().expect("repeated for a block");
                let samples: &mut [[u8; SAMPLE_BYTES]; BLOCK_SAMPLES] = bytemuck::cast_mut(block);
                for place in 0..BLOCK_SAMPLES {
                    let (new, past_end) = self.sample::<BIG>(samples[place], steps[place]);
                    samples[place] = new;
                    place_clipped[place] += u16::from(past_end);
                }
                phase += advance;
                if phase >= self.lanes {
                    phase -= self.lanes;
                }
            }
            clipped += place_clipped.iter().map(|&n| u64::from(n)).sum::<u64>();
        }
        let (samples, _) = rest.as_chunks_mut::<SAMPLE_BYTES>();
        for (sample, &step) in samples.iter_mut().zip(&self.steps[phase..]) {
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
