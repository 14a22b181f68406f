//! Samples that are looked up one by one.
//!
//! Of each sample the loop needs its new value and two flags, whether it clips and whether it merges. All three are in
//! one word of 32 bits, so that there is one load. The table is prepared for the file's byte order: the samples are
//! never swapped, the table is, once.

use std::fmt;
use std::sync::Arc;

use super::{BLOCK_SAMPLES, repeated};
use crate::counts::Counts;
use crate::op::{Table, VALUES};
use crate::pixel::{ByteOrder, SAMPLE_BYTES};

const CLIPPED: u32 = 1 << 16;
const MERGED: u32 = CLIPPED << Lookup::MERGED_SHIFT;

/// Blocks whose flags can be added up before the lower count would reach the upper one.
const MAX_BLOCKS: usize = ((1 << Lookup::MERGED_SHIFT) - 1) / BLOCK_SAMPLES;

/// How samples are looked up.
#[derive(Clone)]
pub(crate) struct Lookup {
    /// By a sample's two bytes, read as a little-endian number: the new bytes, read likewise, and the flags.
    words: Arc<[u32; VALUES]>,
    lanes: usize,
    /// True if there are no lanes to be kept.
    is_all: bool,
    /// All bits for a lane that is edited, none for one that is kept; and then the first ones again.
    masks: Arc<[u32]>,
}

impl Lookup {
    /// The upper halves of words, added up, count what clips in their lower bits, and what merges from this bit on.
    pub(crate) const MERGED_SHIFT: u32 = 15;

    /// What upper halves of words, added up, count.
    pub(crate) fn counts(flags: u32) -> Counts {
        Counts {
            clipped: u64::from(flags & ((1 << Lookup::MERGED_SHIFT) - 1)),
            merged: u64::from(flags >> Lookup::MERGED_SHIFT),
        }
    }

    pub(super) fn new(table: &Table, order: ByteOrder, is_edited: &[bool]) -> Lookup {
        // Swapping is its own inverse.
        let in_file = |bits: u16| order.bits(bits.to_le_bytes());
        let word = |in_file_bits: u16| {
            let bits = in_file(in_file_bits);
            let new = u32::from(in_file(table.entries()[usize::from(bits)]));
            let clipped = if table.is_clipping(bits) { CLIPPED } else { 0 };
            let merged = if table.is_merging(bits) { MERGED } else { 0 };
            new | clipped | merged
        };
        let words: Box<[u32]> = (0..=u16::MAX).map(word).collect();
        let words: Box<[u32; VALUES]> = words.try_into().expect("a word for every value");
        let masks: Vec<u32> = is_edited
            .iter()
            .map(|&edited| if edited { u32::MAX } else { 0 })
            .collect();
        Lookup {
            words: words.into(),
            lanes: is_edited.len(),
            is_all: is_edited == [true],
            masks: repeated(&masks),
        }
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes
    }

    /// The words; see the field.
    pub(crate) fn words(&self) -> &Arc<[u32; VALUES]> {
        &self.words
    }

    /// Which samples of every block are edited, if they are the same for all: where a block that begins with lane 0 is
    /// whole pixels.
    pub(crate) fn edited_in_every_block(&self) -> Option<[bool; BLOCK_SAMPLES]> {
        let is_same = BLOCK_SAMPLES.is_multiple_of(self.lanes);
        let masks: &[u32; BLOCK_SAMPLES] = self.masks.first_chunk().filter(|_| is_same)?;
        Some(masks.map(|mask| mask != 0))
    }

    pub(super) fn apply(&self, bytes: &mut [u8], phase: usize) -> Counts {
        debug_assert_eq!(bytes.len() % SAMPLE_BYTES, 0);
        let (samples, _) = bytes.as_chunks_mut::<SAMPLE_BYTES>();
        let mut phase = phase % self.lanes;
        let mut counts = Counts::default();
        for part in samples.chunks_mut(MAX_BLOCKS * BLOCK_SAMPLES) {
            let flags = if self.is_all {
                self.run(part)
            } else {
                self.run_masked(part, phase)
            };
            phase = (phase + part.len()) % self.lanes;
            counts += Lookup::counts(flags);
        }
        counts
    }

    /// Edits all samples; returns the flags of all, added up.
    fn run(&self, samples: &mut [[u8; SAMPLE_BYTES]]) -> u32 {
        let mut flags = 0;
        for sample in samples {
            let word = self.words[usize::from(u16::from_le_bytes(*sample))];
            *sample = low_bytes(word);
            flags += word >> 16;
        }
        flags
    }

    /// The same, without the lanes that are kept.
    fn run_masked(&self, samples: &mut [[u8; SAMPLE_BYTES]], mut phase: usize) -> u32 {
        let (blocks, rest) = samples.as_chunks_mut::<BLOCK_SAMPLES>();
        let advance = BLOCK_SAMPLES % self.lanes;
        let mut flags = 0;
        for block in blocks {
            let masks: &[u32; BLOCK_SAMPLES] = self.masks[phase..].first_chunk().expect("repeated for a block");
            // Looked up one by one first, so that the rest is done in vector registers.
            let found = block.map(|sample| self.words[usize::from(u16::from_le_bytes(sample))]);
            for place in 0..BLOCK_SAMPLES {
                flags += masked(&mut block[place], found[place], masks[place]);
            }
            phase += advance;
            if phase >= self.lanes {
                phase -= self.lanes;
            }
        }
        for (sample, mask) in rest.iter_mut().zip(&self.masks[phase..]) {
            let found = self.words[usize::from(u16::from_le_bytes(*sample))];
            flags += masked(sample, found, *mask);
        }
        flags
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lookup({} lanes)", self.lanes)
    }
}

/// Puts the word that was found for a sample in its place, if its lane's mask lets it; returns the flags.
#[inline(always)]
fn masked(sample: &mut [u8; SAMPLE_BYTES], found: u32, mask: u32) -> u32 {
    let old = u32::from(u16::from_le_bytes(*sample));
    let word = (found & mask) | (old & !mask);
    *sample = low_bytes(word);
    word >> 16
}

#[inline(always)]
fn low_bytes(word: u32) -> [u8; SAMPLE_BYTES] {
    let [low, high, ..] = word.to_le_bytes();
    [low, high]
}
