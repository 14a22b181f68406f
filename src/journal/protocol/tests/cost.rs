//! What a recovery costs: how many words are looked at, and how many are compared and swapped.

use std::cell::{Cell, RefCell};

use super::machine::SEED;
use crate::journal::protocol::*;

/// A journal of any number of chunks and slots, all with a chunk in hand that it had taken last, and what it is asked.
struct Counter {
    codec: Codec,
    chunks: u32,
    /// What was stored.
    words: RefCell<Vec<(Word, u64)>>,
    loads: Cell<u64>,
    stores: Cell<u64>,
    replaces: Cell<u64>,
}

impl Memory for Counter {
    fn codec(&self) -> &Codec {
        &self.codec
    }

    fn load(&self, word: Word) -> Result<u64> {
        self.loads.set(self.loads.get() + 1);
        if let Some((_, value)) = self.words.borrow().iter().rfind(|(stored, _)| *stored == word) {
            return Ok(*value);
        }
        let (codec, last) = (&self.codec, |slot| self.chunks - 1 - slot);
        Ok(match word {
            Word::Chunk(chunk) => {
                let slot = self.chunks - 1 - chunk;
                codec.chunk(chunk, ChunkState::Taken { slot }).0
            }
            Word::SlotState(slot) if slot.is_multiple_of(2) => codec.slot_state(
                slot,
                SlotState::Finished {
                    chunk: last(slot),
                    redo_block: 0,
                    before: ChunkPrefix::default(),
                    after: ChunkPrefix::default(),
                },
            ),
            Word::SlotState(slot) => codec.slot_state(slot, SlotState::Empty),
            Word::Hint(slot) => codec.hint(slot, last(slot)),
            Word::Count(slot) => codec.count(slot, Count { chunks: 0, last: None }),
            Word::Digest(_) | Word::PrefixDigest(..) | Word::PrefixCounts(..) => 0,
        })
    }

    fn store(&self, word: Word, value: u64) -> Result<()> {
        self.stores.set(self.stores.get() + 1);
        self.words.borrow_mut().push((word, value));
        Ok(())
    }

    fn replace(&self, word: Word, old: u64, new: u64) -> Result<bool> {
        let loads = self.loads.get();
        let found = self.load(word)? == old;
        self.loads.set(loads);
        self.replaces.set(self.replaces.get() + 1);
        if found {
            self.words.borrow_mut().push((word, new));
        }
        Ok(found)
    }

    fn fence(&self) {}
}

struct NoPixels;

impl Pixels for NoPixels {
    fn redo_blocks(&self, _: u32) -> u32 {
        2
    }

    fn fill_slot(&mut self, _: u32, _: u32, before: ChunkPrefix) -> Result<ChunkPrefix> {
        Ok(before)
    }

    fn empty_slot(&mut self, _: u32, _: u32) -> Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_recovery_costs_does_not_depend_on_the_number_of_chunks() {
    for slots in [1, 8, 64] {
        let cost = |chunks| {
            let counter = Counter {
                codec: Codec::new(SEED),
                chunks,
                words: RefCell::default(),
                loads: Cell::new(0),
                stores: Cell::new(0),
                replaces: Cell::new(0),
            };
            for slot in 0..slots {
                recover(&counter, &mut NoPixels, slot).expect("nothing fails here");
            }
            let [loads, stores, replaces] = [&counter.loads, &counter.stores, &counter.replaces].map(Cell::get);
            println!("{slots} slots, {chunks} chunks: {loads} loads, {stores} stores, {replaces} compare-and-swaps");
            // What was taken and not begun is free again, what was begun is done.
            for slot in 0..slots {
                let state = chunk(&counter, chunks - 1 - slot).expect("memory");
                let is_done = matches!(state, Some(ChunkState::Done { .. }));
                assert!(if slot.is_multiple_of(2) {
                    is_done
                } else {
                    state == Some(ChunkState::Free)
                });
            }
            [loads, stores, replaces]
        };
        let least = cost(slots);
        for chunks in [1000, 100_000, (1 << 24) - 1] {
            assert_eq!(cost(chunks), least);
        }
        // A slot state with what lies beside it, the hint, and for a chunk that was begun the count.
        assert_eq!(least[0], u64::from(slots) * 6 + u64::from(slots.div_ceil(2)));
        assert_eq!(least[2], u64::from(slots), "one compare-and-swap for each slot");
    }
}
