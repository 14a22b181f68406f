//! The 64-bit words by which a journal knows how far a job is.
//!
//! ```text
//! any word      0..n   payload                     n..64  check: of the payload, the word's place, and the job's seed
//! chunk         n=24   0..2   1 free  2 taken  3 done    2..24  taken: the slot     done: samples that clipped
//! intent        n=36   0..2   1 empty 2 idle   3 finished
//!                      2..26  the chunk                  26..36 the piece
//! hint          n=24   the chunk that the slot's thread was last about to take
//! count         n=48   0..24  chunks that were done in the slot   24..48 the last of them plus 1; 0 for none
//! alive         n=40   the last sign of life, in units of 0.1 ms since the job was begun
//! state         n=24   where the job as a whole stands
//! ```
//!
//! Beside a chunk's word is its digest, of all bytes that the edit left in it; beside an intent are the digests and the
//! clipped samples of the chunk's pieces before the slot's and up to it. These words have all 64 bits for themselves, and
//! the check of the word beside them covers them.
//!
//! 1. Every value has one word at each place, and it means something at that place, in that job, only. So zeros, a word
//!    that was moved, and a word of another job mean nothing but for one chance in 2^28 (intent), 2^24 (alive), 2^16
//!    (count, which must also agree with all chunks) or 2^40; and are refused, not guessed at.
//! 2. No word of any job is zero by intention: what reads as zero was never written.

use crate::digest::mix;

/// Samples in a chunk at most, because its clipped ones are counted in 22 bits.
pub const MAX_CHUNK_SAMPLES: u64 = (1 << 22) - 1;
/// Pieces in a chunk at most.
pub const MAX_PIECES: u64 = (1 << 10) - 1;
/// Chunks in a job at most.
pub const MAX_CHUNKS: u64 = crate::cut::Cut::MAX_CHUNKS;

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
        /// How many of its samples clipped.
        clipped: u32,
        /// Of the bytes that the edit left.
        digest: u64,
    },
}

/// What a slot is being used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Nothing.
    Empty,
    /// The pieces of `chunk` before `piece` are in the image, the others are untouched, and the slot holds nothing.
    Idle {
        /// Which chunk.
        chunk: u32,
        /// The next piece.
        piece: u32,
        /// The pieces before.
        before: Sofar,
    },
    /// The slot holds the finished bytes of `piece` of `chunk`, and some of them may be in the image.
    Finished {
        /// Which chunk.
        chunk: u32,
        /// Which piece.
        piece: u32,
        /// The pieces before.
        before: Sofar,
        /// The same and this piece.
        after: Sofar,
    },
}

/// What is known of the first pieces of a chunk that is being edited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sofar {
    /// Of the bytes that the edit left in them.
    pub digest: u64,
    /// Samples that clipped in them.
    pub clipped: u64,
}

/// How many chunks were done in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// So many.
    pub chunks: u32,
    /// The last one of them.
    pub last: Option<u32>,
}

/// Where a word is: what kind it is of, and whose of that kind.
#[derive(Clone, Copy)]
enum Place {
    Chunk = 1,
    Intent = 2,
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

const CHUNK_BITS: u32 = 24;
const INTENT_BITS: u32 = 36;
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

    fn word(&self, place: Place, index: u32, bits: u32, payload: u64, beside: &[u64]) -> u64 {
        assert!(payload < 1 << bits, "{payload:#x} has more than {bits} bits");
        let place = (place as u64) << 32 | u64::from(index);
        // Two steps deep, because this stands between an edit's two copies.
        let covered = beside.iter().zip(FACTORS);
        let sum = covered.fold(payload, |sum, (word, factor)| {
            sum.wrapping_add(word.wrapping_mul(factor))
        });
        payload | mix(mix(self.seed ^ place).wrapping_add(sum)) << bits
    }

    /// The payload, if the word is what [`Codec::word`] makes of it.
    fn payload(&self, place: Place, index: u32, bits: u32, word: u64, beside: &[u64]) -> Option<u64> {
        let payload = low(word, bits);
        (self.word(place, index, bits, payload, beside) == word).then_some(payload)
    }

    /// The word of a chunk, and its digest.
    pub fn chunk(&self, chunk: u32, state: ChunkState) -> (u64, u64) {
        let (payload, digest) = match state {
            ChunkState::Free => (1, None),
            ChunkState::Taken { slot } => (2 | u64::from(slot) << 2, None),
            ChunkState::Done { clipped, digest } => (3 | u64::from(clipped) << 2, Some(digest)),
        };
        let beside = digest.as_slice();
        let word = self.word(Place::Chunk, chunk, CHUNK_BITS, payload, beside);
        (word, digest.unwrap_or(0))
    }

    /// The state of a chunk by its word and its digest; `None` if they mean nothing.
    pub fn read_chunk(&self, chunk: u32, word: u64, digest: u64) -> Option<ChunkState> {
        let is_done = word & 3 == 3;
        let beside = if is_done { &[digest][..] } else { &[] };
        let payload = self.payload(Place::Chunk, chunk, CHUNK_BITS, word, beside)?;
        let number = low32(payload >> 2);
        match payload & 3 {
            1 if number == 0 => Some(ChunkState::Free),
            2 => Some(ChunkState::Taken { slot: number }),
            3 => Some(ChunkState::Done {
                clipped: number,
                digest,
            }),
            _ => None,
        }
    }

    /// The word of an intent of `slot`. What it says of pieces lies beside it.
    pub fn intent(&self, slot: u32, intent: Intent) -> u64 {
        let payload = |tag: u64, chunk: u32, piece: u32| {
            assert!(
                u64::from(chunk) < MAX_CHUNKS && u64::from(piece) <= MAX_PIECES,
                "{intent:?}"
            );
            tag | u64::from(chunk) << 2 | u64::from(piece) << 26
        };
        let word = |payload, beside: &[u64]| self.word(Place::Intent, slot, INTENT_BITS, payload, beside);
        match intent {
            Intent::Empty => word(1, &[]),
            Intent::Idle { chunk, piece, before } => word(payload(2, chunk, piece), &[before.digest, before.clipped]),
            Intent::Finished {
                chunk,
                piece,
                before,
                after,
            } => word(
                payload(3, chunk, piece),
                &[before.digest, before.clipped, after.digest, after.clipped],
            ),
        }
    }

    /// The intent of `slot` by its word and what lies beside it, for even and for odd numbers of pieces; `None` if they
    /// mean nothing.
    pub fn read_intent(&self, slot: u32, word: u64, beside: [Sofar; 2]) -> Option<Intent> {
        let (chunk, piece) = (low32(low(word >> 2, 24)), low32(low(word >> 26, 10)));
        let [before, after] = [piece, piece + 1].map(|pieces| beside[(pieces & 1) as usize]);
        let intent = match word & 3 {
            1 => Intent::Empty,
            2 => Intent::Idle { chunk, piece, before },
            3 => Intent::Finished {
                chunk,
                piece,
                before,
                after,
            },
            _ => return None,
        };
        let fits = u64::from(chunk) < MAX_CHUNKS && u64::from(piece) <= MAX_PIECES;
        (fits && self.intent(slot, intent) == word).then_some(intent)
    }

    /// The word of the chunk that the thread of `slot` is about to take.
    pub fn hint(&self, slot: u32, chunk: u32) -> u64 {
        self.word(Place::Hint, slot, CHUNK_BITS, u64::from(chunk), &[])
    }

    /// That chunk; `None` if the word means nothing.
    pub fn read_hint(&self, slot: u32, word: u64) -> Option<u32> {
        self.payload(Place::Hint, slot, CHUNK_BITS, word, &[]).map(low32)
    }

    /// The word that counts the chunks that were done in `slot`.
    pub fn count(&self, slot: u32, count: Count) -> u64 {
        let last = count.last.map_or(0, |last| u64::from(last) + 1);
        let payload = u64::from(count.chunks) | last << 24;
        self.word(Place::Count, slot, COUNT_BITS, payload, &[])
    }

    /// That count; `None` if the word means nothing.
    pub fn read_count(&self, slot: u32, word: u64) -> Option<Count> {
        let payload = self.payload(Place::Count, slot, COUNT_BITS, word, &[])?;
        Some(Count {
            chunks: low32(low(payload, 24)),
            last: low32(payload >> 24).checked_sub(1),
        })
    }

    /// The word that says when somebody was last seen alive in `slot`, so many units after the job's beginning.
    pub fn alive(&self, slot: u32, units: u64) -> u64 {
        self.word(Place::Alive, slot, ALIVE_BITS, units.min((1 << ALIVE_BITS) - 1), &[])
    }

    /// That moment; `None` if the word means nothing.
    pub fn read_alive(&self, slot: u32, word: u64) -> Option<u64> {
        self.payload(Place::Alive, slot, ALIVE_BITS, word, &[])
    }

    /// The word of a state of the job, of 24 bits.
    pub fn state(&self, state: u64) -> u64 {
        self.word(Place::State, 0, CHUNK_BITS, state, &[])
    }

    /// That state; `None` if the word means nothing.
    pub fn read_state(&self, word: u64) -> Option<u64> {
        self.payload(Place::State, 0, CHUNK_BITS, word, &[])
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
mod tests {
    use super::*;

    const SEED: u64 = 77;

    #[test]
    fn chunks_read_back_here_and_nowhere_else() {
        let (codec, other) = (Codec::new(SEED), Codec::new(SEED + 1));
        let states = [
            ChunkState::Free,
            ChunkState::Taken { slot: 0 },
            ChunkState::Taken { slot: (1 << 22) - 1 },
            ChunkState::Done { clipped: 0, digest: 0 },
            ChunkState::Done {
                clipped: (1 << 22) - 1,
                digest: u64::MAX,
            },
        ];
        for state in states {
            let (word, digest) = codec.chunk(5, state);
            assert_eq!(codec.read_chunk(5, word, digest), Some(state));
            assert_eq!(codec.read_chunk(6, word, digest), None, "{state:?} elsewhere");
            assert_eq!(other.read_chunk(5, word, digest), None, "{state:?} in another job");
            for bit in 0..64 {
                assert_eq!(codec.read_chunk(5, word ^ 1 << bit, digest), None, "{state:?} {bit}");
                let of_digest = codec.read_chunk(5, word, digest ^ 1 << bit);
                let is_done = matches!(state, ChunkState::Done { .. });
                assert_eq!(of_digest, (!is_done).then_some(state), "{state:?} {bit}");
            }
        }
        assert_eq!(codec.read_chunk(0, 0, 0), None);
    }

    #[test]
    fn intents_read_back_here_and_nowhere_else() {
        let codec = Codec::new(SEED);
        let beside = [Sofar { digest: 1, clipped: 2 }, Sofar { digest: 3, clipped: 4 }];
        let [even, odd] = beside;
        let last = ((1 << 24) - 2, (1 << 10) - 1);
        let intents = [
            Intent::Empty,
            Intent::Idle {
                chunk: 0,
                piece: 0,
                before: even,
            },
            Intent::Idle {
                chunk: last.0,
                piece: last.1,
                before: odd,
            },
            Intent::Finished {
                chunk: 0,
                piece: 0,
                before: even,
                after: odd,
            },
            Intent::Finished {
                chunk: last.0,
                piece: last.1,
                before: odd,
                after: even,
            },
        ];
        for intent in intents {
            let word = codec.intent(9, intent);
            assert_eq!(codec.read_intent(9, word, beside), Some(intent));
            assert_eq!(codec.read_intent(8, word, beside), None, "{intent:?} elsewhere");
            for bit in 0..64 {
                assert_eq!(codec.read_intent(9, word ^ 1 << bit, beside), None, "{intent:?} {bit}");
            }
            let other = [even, Sofar { digest: 3, clipped: 5 }];
            let covers_odd = !matches!(intent, Intent::Empty | Intent::Idle { piece: 0, .. });
            assert_eq!(codec.read_intent(9, word, other).is_none(), covers_odd, "{intent:?}");
        }
        assert_eq!(codec.read_intent(0, 0, [Sofar::default(); 2]), None);
    }

    #[test]
    fn the_small_words_read_back_here_and_nowhere_else() {
        let codec = Codec::new(SEED);
        for chunks in [0, 1, (1 << 24) - 1] {
            let count = Count {
                chunks,
                last: chunks.checked_sub(1),
            };
            assert_eq!(codec.read_count(3, codec.count(3, count)), Some(count));
            assert_eq!(codec.read_count(4, codec.count(3, count)), None);
        }
        for number in [0, 1, (1 << 24) - 1] {
            assert_eq!(codec.read_hint(3, codec.hint(3, number)), Some(number));
            assert_eq!(codec.read_hint(4, codec.hint(3, number)), None);
            let alive = codec.alive(3, u64::from(number) << 16);
            assert_eq!(codec.read_alive(3, alive), Some(u64::from(number) << 16));
            assert_eq!(codec.read_alive(4, alive), None);
            assert_eq!(codec.read_state(codec.state(number.into())), Some(number.into()));
            assert_eq!(codec.read_hint(3, codec.state(number.into())), None);
        }
        assert_eq!(codec.read_alive(3, codec.alive(3, u64::MAX)), Some((1 << 40) - 1));
        for bit in 0..64 {
            let word = codec.state(7) ^ 1 << bit;
            assert_eq!(codec.read_state(word), None, "{bit}");
        }
    }
}
