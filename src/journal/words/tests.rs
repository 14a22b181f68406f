//! What words read back as, and where they mean nothing.

use super::*;

const SEED: u64 = 77;

#[test]
fn chunks_read_back_here_and_nowhere_else() {
    let (codec, other) = (Codec::new(SEED), Codec::new(SEED + 1));
    let states = [
        ChunkState::Free,
        ChunkState::Taken { slot: 0 },
        ChunkState::Taken { slot: (1 << 22) - 1 },
        ChunkState::Done {
            counts: Counts::NONE,
            digest: 0,
        },
        ChunkState::Done {
            counts: Counts {
                clipped: MAX_CHUNK_SAMPLES,
                merged: MAX_CHUNK_SAMPLES,
            },
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
fn slot_states_read_back_here_and_nowhere_else() {
    let codec = Codec::new(SEED);
    let beside = [[1, 2], [3, 4]].map(ChunkPrefix::from_words);
    let [even, odd] = beside;
    let last = ((1 << 24) - 2, (1 << 10) - 1);
    let slot_states = [
        SlotState::Empty,
        SlotState::Idle {
            chunk: 0,
            redo_block: 0,
            before: even,
        },
        SlotState::Idle {
            chunk: last.0,
            redo_block: last.1,
            before: odd,
        },
        SlotState::Finished {
            chunk: 0,
            redo_block: 0,
            before: even,
            after: odd,
        },
        SlotState::Finished {
            chunk: last.0,
            redo_block: last.1,
            before: odd,
            after: even,
        },
    ];
    for slot_state in slot_states {
        let word = codec.slot_state(9, slot_state);
        assert_eq!(codec.read_slot_state(9, word, beside), Some(slot_state));
        assert_eq!(codec.read_slot_state(8, word, beside), None, "{slot_state:?} elsewhere");
        for bit in 0..64 {
            assert_eq!(
                codec.read_slot_state(9, word ^ 1 << bit, beside),
                None,
                "{slot_state:?} {bit}"
            );
        }
        let other = [even, ChunkPrefix::from_words([3, 5])];
        let covers_odd = !matches!(slot_state, SlotState::Empty | SlotState::Idle { redo_block: 0, .. });
        assert_eq!(
            codec.read_slot_state(9, word, other).is_none(),
            covers_odd,
            "{slot_state:?}"
        );
    }
    assert_eq!(codec.read_slot_state(0, 0, [ChunkPrefix::default(); 2]), None);
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
