//! The two kinds of 64-bit words by which a journal knows how far a job is.
//!
//! ```text
//! chunk word    bits 62..64  0 free (all bits 0)   1 taken   2 done
//!                    56..62  check
//!                    32..54  done: samples that clipped
//!                     0..32  taken: the slot           done: the fingerprint
//! intent word   bits 62..64  0 empty (all bits 0)  1 idle    2 finished
//!                    56..62  check
//!                    34..56  samples that clipped in the chunk so far
//!                    24..34  the piece
//!                     0..24  the chunk
//! ```
//!
//! 1. Every value has one word. A word that means nothing is refused, not guessed at.
//! 2. Idle at chunk 0, piece 0 is not the empty word: the tag tells them apart.
//! 3. A flipped bit makes a word that means nothing: the check has one bit for each place modulo 6. A piece number that
//!    was off by one bit would have a piece edited twice.

/// Samples in a chunk at most, because its clipped ones are counted in 22 bits.
pub const MAX_CHUNK_SAMPLES: u64 = (1 << 22) - 1;
/// Pieces in a chunk at most.
pub const MAX_PIECES: u64 = (1 << 10) - 1;
/// Chunks in a job at most.
pub const MAX_CHUNKS: u64 = crate::cut::Cut::MAX_CHUNKS;

const TAG: u32 = 62;
const CHECK: u32 = 56;

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
        /// Of the first bytes that the edit left.
        fingerprint: u32,
    },
}

impl ChunkState {
    /// As a word.
    pub fn to_word(self) -> u64 {
        checked(match self {
            ChunkState::Free => 0,
            ChunkState::Taken { slot } => 1 << TAG | u64::from(slot),
            ChunkState::Done { clipped, fingerprint } => {
                assert!(u64::from(clipped) <= MAX_CHUNK_SAMPLES, "{clipped} in a chunk");
                2 << TAG | u64::from(clipped) << 32 | u64::from(fingerprint)
            }
        })
    }

    /// From a word, unless it means nothing.
    pub fn from_word(word: u64) -> Option<ChunkState> {
        let low = low_bits(word, 32);
        let state = match word >> TAG {
            0 => ChunkState::Free,
            1 => ChunkState::Taken { slot: low },
            2 => ChunkState::Done {
                clipped: low_bits(word >> 32, 22),
                fingerprint: low,
            },
            _ => return None,
        };
        (state.to_word() == word).then_some(state)
    }
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
        /// Samples that clipped in the pieces before.
        clipped: u32,
    },
    /// The slot holds the finished bytes of `piece` of `chunk`, and some of them may be in the image.
    Finished {
        /// Which chunk.
        chunk: u32,
        /// Which piece.
        piece: u32,
        /// Samples that clipped in this piece and those before.
        clipped: u32,
    },
}

impl Intent {
    /// As a word.
    pub fn to_word(self) -> u64 {
        let (tag, chunk, piece, clipped) = match self {
            Intent::Empty => return 0,
            Intent::Idle { chunk, piece, clipped } => (1, chunk, piece, clipped),
            Intent::Finished { chunk, piece, clipped } => (2, chunk, piece, clipped),
        };
        let (chunk, piece, clipped) = (u64::from(chunk), u64::from(piece), u64::from(clipped));
        assert!(
            chunk < MAX_CHUNKS && piece <= MAX_PIECES && clipped <= MAX_CHUNK_SAMPLES,
            "{self:?}"
        );
        checked(tag << TAG | clipped << 34 | piece << 24 | chunk)
    }

    /// From a word, unless it means nothing.
    pub fn from_word(word: u64) -> Option<Intent> {
        let (chunk, piece, clipped) = (low_bits(word, 24), low_bits(word >> 24, 10), low_bits(word >> 34, 22));
        let intent = match word >> TAG {
            0 => Intent::Empty,
            1 => Intent::Idle { chunk, piece, clipped },
            2 => Intent::Finished { chunk, piece, clipped },
            _ => return None,
        };
        (intent.to_word() == word).then_some(intent)
    }
}

const _: () = assert!(MAX_CHUNKS <= 1 << 24, "a chunk's number has 24 bits");

/// The word with its check.
fn checked(word: u64) -> u64 {
    let check = (0..=TAG / 6).fold(0, |check, group| check ^ word >> (6 * group));
    word | (check & 0x3f) << CHECK
}

#[expect(clippy::cast_possible_truncation, reason = "masked to 32 bits or fewer")]
fn low_bits(word: u64, bits: u32) -> u32 {
    (word & ((1 << bits) - 1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_and_every_word_has_one_meaning() {
        let chunks = [
            ChunkState::Free,
            ChunkState::Taken { slot: 0 },
            ChunkState::Taken { slot: u32::MAX },
            ChunkState::Done {
                clipped: 0,
                fingerprint: 0,
            },
            ChunkState::Done {
                clipped: (1 << 22) - 1,
                fingerprint: u32::MAX,
            },
        ];
        for state in chunks {
            assert_eq!(ChunkState::from_word(state.to_word()), Some(state));
            for bit in 0..64 {
                assert_eq!(
                    ChunkState::from_word(state.to_word() ^ 1 << bit),
                    None,
                    "{state:?} {bit}"
                );
            }
        }
        let (chunk, piece, clipped) = ((1 << 24) - 1, (1 << 10) - 1, (1 << 22) - 1);
        let intents = [
            Intent::Empty,
            Intent::Idle {
                chunk: 0,
                piece: 0,
                clipped: 0,
            },
            Intent::Idle { chunk, piece, clipped },
            Intent::Finished {
                chunk: 0,
                piece: 0,
                clipped: 0,
            },
            Intent::Finished { chunk, piece, clipped },
        ];
        for intent in intents {
            assert_eq!(Intent::from_word(intent.to_word()), Some(intent));
            for bit in 0..64 {
                assert_eq!(Intent::from_word(intent.to_word() ^ 1 << bit), None, "{intent:?} {bit}");
            }
        }
        // No two of them share a word, and words with stray bits mean nothing.
        let mut words: Vec<u64> = intents.iter().map(|intent| intent.to_word()).collect();
        words.dedup();
        assert_eq!(words.len(), intents.len());
        for word in [1, 1 << 61, 3 << 62, 1 << 62 | 1 << 40, 2 << 62 | 1 << 60] {
            assert_eq!(ChunkState::from_word(word), None, "{word:#x}");
        }
        for word in [1, 1 << 40, 3 << 62, 1 << 62 | 1 << 24] {
            assert_eq!(Intent::from_word(word), None, "{word:#x}");
        }
    }
}
