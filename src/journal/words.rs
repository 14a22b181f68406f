//! The 64-bit words by which a journal knows how far a job is.
//!
//! ```text
//! any word      0..n   payload                     n..64  check: of the payload, the word's place, and the job's seed
//! chunk         n=40   0..2   1 free  2 taken  3 done    2..40  taken: the slot     done: samples that clipped 2..21,
//!                                                              and samples that merged 21..40
//! slot state    n=36   0..2   1 empty 2 idle   3 finished
//!                      2..26  the chunk                  26..36 the redo block
//! hint          n=24   the chunk that the slot's thread was last about to take
//! count         n=48   0..24  chunks that were done in the slot   24..48 the last of them plus 1; 0 for none
//! alive         n=40   the last sign of life, in units of 0.1 ms since the job was begun
//! state         n=24   where the job as a whole stands
//! ```
//!
//! Beside a chunk's word is its digest, of all bytes that the edit left in it; beside a slot state are the digests and
//! the counts of the chunk's redo blocks before the slot's and up to it. These words have all 64 bits for themselves,
//! and the check of the word beside them covers them.
//!
//! 1. Every value has one word at each place, and it means something at that place, in that job, only. So zeros, a word
//!    that was moved, and a word of another job mean nothing but for one chance in 2^28 (slot state), 2^24 (chunk,
//!    alive), 2^16 (count, which must also agree with all chunks) or 2^40; and are refused, not guessed at.
//! 2. No word of any job is zero by intention: what reads as zero was never written.

use crate::counts::Counts;
use crate::digest::mix;

/// Samples in a chunk at most, because those that clipped, and those that merged, are counted in so many bits.
pub const MAX_CHUNK_SAMPLES: u64 = (1 << COUNTED_BITS) - 1;
/// Redo blocks in a chunk at most.
pub const MAX_REDO_BLOCKS: u64 = (1 << 10) - 1;
/// Chunks in a job at most.
pub const MAX_CHUNKS: u64 = crate::chunk_plan::ChunkPlan::MAX_CHUNKS;

const _: () = assert!(MAX_CHUNKS < 1 << 24, "a chunk's number plus 1 has 24 bits");

/// How far a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkState {
    /// Untouched.
    Free,
    /// The thread that holds this slot works on it, or did when it died.
    Taken {
        /// Which slot.
        slot: u32,
    },
    /// Edited.
    Done {
        /// What its samples lost.
        counts: Counts,
        /// Of the bytes that the edit left.
        digest: u64,
    },
}

/// What a slot is being used for: its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Nothing.
    Empty,
    /// The redo blocks of `chunk` before `redo_block` are in the image, the others are untouched, and the slot holds
    /// nothing.
    Idle {
        /// Which chunk.
        chunk: u32,
        /// The next redo block.
        redo_block: u32,
        /// The redo blocks before.
        before: ChunkPrefix,
    },
    /// The slot holds the finished bytes of `redo_block` of `chunk`, and some of them may be in the image.
    Finished {
        /// Which chunk.
        chunk: u32,
        /// Which redo block.
        redo_block: u32,
        /// The redo blocks before.
        before: ChunkPrefix,
        /// The same and this redo block.
        after: ChunkPrefix,
    },
}

/// What the first redo blocks of a chunk that is being edited come to: the prefix that is finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChunkPrefix {
    /// Of the bytes that the edit left in them.
    pub digest: u64,
    /// What samples lost in them.
    pub counts: Counts,
}

impl ChunkPrefix {
    /// As it lies beside a slot state: the digest and the counts.
    pub fn to_words(self) -> [u64; 2] {
        [self.digest, self.counts.pack(PREFIX_BITS)]
    }

    /// What [`ChunkPrefix::to_words`] made of it.
    pub fn from_words([digest, counts]: [u64; 2]) -> ChunkPrefix {
        ChunkPrefix {
            digest,
            counts: Counts::unpack(counts, PREFIX_BITS),
        }
    }
}

/// How many chunks were done in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// So many.
    pub chunks: u32,
    /// The last one of them.
    pub last: Option<u32>,
}

/// What kind a word is of; with a chunk's or a slot's number, that is its place.
#[derive(Clone, Copy)]
enum WordKind {
    Chunk = 1,
    SlotState = 2,
    Hint = 3,
    Count = 4,
    Alive = 5,
    State = 6,
}

/// Makes words and reads them, for one job.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    seed: u64,
}

/// Odd numbers, one for each word that lies beside another.
const FACTORS: [u64; 4] = [
    0x9e37_79b9_7f4a_7c15,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x27d4_eb2f_1656_67c5,
];

const CHUNK_BITS: u32 = 40;
const NUMBER_BITS: u32 = 24;
/// Bits of each of a chunk's counts.
const COUNTED_BITS: u32 = 19;
/// Bits of each of the counts beside a slot state.
const PREFIX_BITS: u32 = 32;
const SLOT_STATE_BITS: u32 = 36;
const COUNT_BITS: u32 = 48;
const ALIVE_BITS: u32 = 40;

impl Codec {
    /// For the job of this seed.
    pub fn new(seed: u64) -> Codec {
        Codec { seed }
    }

    /// The digest of no bytes of a chunk yet: `Key::begin` of the key of the same seed.
    pub fn begin(&self, chunk: u32) -> u64 {
        crate::digest::begin(self.seed, u64::from(chunk))
    }

    fn word(&self, kind: WordKind, index: u32, bits: u32, payload: u64, beside: &[u64]) -> u64 {
        assert!(payload < 1 << bits, "{payload:#x} has more than {bits} bits");
        let place = (kind as u64) << 32 | u64::from(index);
        // Two steps deep, because this stands between an edit's two copies.
        let covered = beside.iter().zip(FACTORS);
        let sum = covered.fold(payload, |sum, (word, factor)| {
            sum.wrapping_add(word.wrapping_mul(factor))
        });
        payload | mix(mix(self.seed ^ place).wrapping_add(sum)) << bits
    }

    /// The payload, if the word is what [`Codec::word`] makes of it.
    fn payload(&self, kind: WordKind, index: u32, bits: u32, word: u64, beside: &[u64]) -> Option<u64> {
        let payload = low(word, bits);
        (self.word(kind, index, bits, payload, beside) == word).then_some(payload)
    }

    /// The word of a chunk, and its digest.
    pub fn chunk(&self, chunk: u32, state: ChunkState) -> (u64, u64) {
        let (payload, digest) = match state {
            ChunkState::Free => (1, None),
            ChunkState::Taken { slot } => (2 | u64::from(slot) << 2, None),
            ChunkState::Done { counts, digest } => (3 | counts.pack(COUNTED_BITS) << 2, Some(digest)),
        };
        let beside = digest.as_slice();
        let word = self.word(WordKind::Chunk, chunk, CHUNK_BITS, payload, beside);
        (word, digest.unwrap_or(0))
    }

    /// The state of a chunk by its word and its digest; `None` if they mean nothing.
    pub fn read_chunk(&self, chunk: u32, word: u64, digest: u64) -> Option<ChunkState> {
        let is_done = word & 3 == 3;
        let beside = if is_done { &[digest][..] } else { &[] };
        let payload = self.payload(WordKind::Chunk, chunk, CHUNK_BITS, word, beside)?;
        let number = payload >> 2;
        match payload & 3 {
            1 if number == 0 => Some(ChunkState::Free),
            2 => u32::try_from(number).ok().map(|slot| ChunkState::Taken { slot }),
            3 => Some(ChunkState::Done {
                counts: Counts::unpack(number, COUNTED_BITS),
                digest,
            }),
            _ => None,
        }
    }

    /// The word of a slot state of `slot`. What it says of redo blocks lies beside it.
    pub fn slot_state(&self, slot: u32, slot_state: SlotState) -> u64 {
        let payload = |tag: u64, chunk: u32, redo_block: u32| {
            assert!(
                u64::from(chunk) < MAX_CHUNKS && u64::from(redo_block) <= MAX_REDO_BLOCKS,
                "{slot_state:?}"
            );
            tag | u64::from(chunk) << 2 | u64::from(redo_block) << 26
        };
        let word = |payload, beside: &[u64]| self.word(WordKind::SlotState, slot, SLOT_STATE_BITS, payload, beside);
        match slot_state {
            SlotState::Empty => word(1, &[]),
            SlotState::Idle {
                chunk,
                redo_block,
                before,
            } => word(payload(2, chunk, redo_block), &before.to_words()),
            SlotState::Finished {
                chunk,
                redo_block,
                before,
                after,
            } => word(
                payload(3, chunk, redo_block),
                &[before.to_words(), after.to_words()].concat(),
            ),
        }
    }

    /// The slot state of `slot` by its word and what lies beside it, for even and for odd numbers of redo blocks;
    /// `None` if they mean nothing.
    pub fn read_slot_state(&self, slot: u32, word: u64, beside: [ChunkPrefix; 2]) -> Option<SlotState> {
        let (chunk, redo_block) = (low32(low(word >> 2, 24)), low32(low(word >> 26, 10)));
        let [before, after] = [redo_block, redo_block + 1].map(|redo_blocks| beside[(redo_blocks & 1) as usize]);
        let slot_state = match word & 3 {
            1 => SlotState::Empty,
            2 => SlotState::Idle {
                chunk,
                redo_block,
                before,
            },
            3 => SlotState::Finished {
                chunk,
                redo_block,
                before,
                after,
            },
            _ => return None,
        };
        let fits = u64::from(chunk) < MAX_CHUNKS && u64::from(redo_block) <= MAX_REDO_BLOCKS;
        (fits && self.slot_state(slot, slot_state) == word).then_some(slot_state)
    }

    /// The word of the chunk that the thread of `slot` is about to take.
    pub fn hint(&self, slot: u32, chunk: u32) -> u64 {
        self.word(WordKind::Hint, slot, NUMBER_BITS, u64::from(chunk), &[])
    }

    /// That chunk; `None` if the word means nothing.
    pub fn read_hint(&self, slot: u32, word: u64) -> Option<u32> {
        self.payload(WordKind::Hint, slot, NUMBER_BITS, word, &[]).map(low32)
    }

    /// The word that counts the chunks that were done in `slot`.
    pub fn count(&self, slot: u32, count: Count) -> u64 {
        let last = count.last.map_or(0, |last| u64::from(last) + 1);
        let payload = u64::from(count.chunks) | last << 24;
        self.word(WordKind::Count, slot, COUNT_BITS, payload, &[])
    }

    /// That count; `None` if the word means nothing.
    pub fn read_count(&self, slot: u32, word: u64) -> Option<Count> {
        let payload = self.payload(WordKind::Count, slot, COUNT_BITS, word, &[])?;
        Some(Count {
            chunks: low32(low(payload, 24)),
            last: low32(payload >> 24).checked_sub(1),
        })
    }

    /// The word that says when somebody was last seen alive in `slot`, so many units after the job's beginning.
    pub fn alive(&self, slot: u32, units: u64) -> u64 {
        self.word(WordKind::Alive, slot, ALIVE_BITS, units.min((1 << ALIVE_BITS) - 1), &[])
    }

    /// That moment; `None` if the word means nothing.
    pub fn read_alive(&self, slot: u32, word: u64) -> Option<u64> {
        self.payload(WordKind::Alive, slot, ALIVE_BITS, word, &[])
    }

    /// The word of a state of the job, of 24 bits.
    pub fn state(&self, state: u64) -> u64 {
        self.word(WordKind::State, 0, NUMBER_BITS, state, &[])
    }

    /// That state; `None` if the word means nothing.
    pub fn read_state(&self, word: u64) -> Option<u64> {
        self.payload(WordKind::State, 0, NUMBER_BITS, word, &[])
    }
}

fn low(word: u64, bits: u32) -> u64 {
    word & ((1 << bits) - 1)
}

#[expect(clippy::cast_possible_truncation, reason = "of payloads of at most 24 bits")]
fn low32(word: u64) -> u32 {
    word as u32
}

#[cfg(test)]
mod tests;
