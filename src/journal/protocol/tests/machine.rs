//! The memory and the pixels of a small job, as a machine that can be killed at every step.

use std::cell::RefCell;

use crate::counts::Counts;
use crate::digest::mix;
use crate::journal::protocol::*;

/// Redo blocks of each chunk.
pub(super) const REDO_BLOCKS: [u32; CHUNKS as usize] = [3, 1];
pub(super) const CHUNKS: u32 = 2;
pub(super) const SLOTS: u32 = 2;
pub(super) const REDO_BLOCK_PIXELS: usize = 2;
pub(super) const CHUNK_WORDS: usize = 2;
pub(super) const SLOT_WORDS: usize = 7;
pub(super) const IMAGE_PIXELS: usize = 4 * REDO_BLOCK_PIXELS;
/// Each redo block has another number of pixels that clip.
pub(super) const IMAGE: [u8; IMAGE_PIXELS] = [1, 250, 3, 4, 251, 252, 7, 253];
pub(super) const AMOUNT: u8 = 10;
pub(super) const SEED: u64 = 5;

/// Everything that survives a death.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) words: [u64; CHUNKS as usize * CHUNK_WORDS + SLOTS as usize * SLOT_WORDS],
    pub(super) slots: [[u8; REDO_BLOCK_PIXELS]; SLOTS as usize],
    pub(super) image: [u8; IMAGE_PIXELS],
}

/// A step that could be broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    None,
    /// Rule 1.
    SlotStateBeforeSlot,
    /// Rule 1: what lies beside the slot state comes after it.
    BesideAfterSlotState,
    /// Rule 2.
    SlotStateAfterImage,
    /// Rule 3.
    ClearedBeforeDone,
    /// Rule 3: the chunk is DONE before its digest is there.
    DigestAfterDone,
    /// Rule 4.
    NotMovedOnAfterCopy,
    /// Rule 6.
    PrefixesInOnePlace,
    /// Rule 7.
    HintAfterTake,
    /// Rule 8: the count does not say which chunk it counted last.
    CountWithoutLast,
    /// Rule 8: it says so, and nobody looks.
    CountedAgain,
    /// Rule 8: the count comes too late to be made up for.
    CountAfterEmpty,
    /// Rule 8: the count comes before that which it counts.
    CountBeforeDone,
}

pub(super) const MISTAKES: [Mistake; 12] = [
    Mistake::SlotStateBeforeSlot,
    Mistake::BesideAfterSlotState,
    Mistake::SlotStateAfterImage,
    Mistake::ClearedBeforeDone,
    Mistake::DigestAfterDone,
    Mistake::NotMovedOnAfterCopy,
    Mistake::PrefixesInOnePlace,
    Mistake::HintAfterTake,
    Mistake::CountWithoutLast,
    Mistake::CountedAgain,
    Mistake::CountAfterEmpty,
    Mistake::CountBeforeDone,
];

/// The memory: each store and each byte is a step, and the state after it is one that a kill can leave.
pub(super) struct Machine {
    pub(super) codec: Codec,
    pub(super) state: RefCell<State>,
    pub(super) left: RefCell<Vec<State>>,
    pub(super) mistake: Mistake,
    /// Stores that a mistake holds back.
    pub(super) late: RefCell<Vec<(Word, u64)>>,
}

impl Machine {
    pub(super) fn new(state: &State, mistake: Mistake) -> Machine {
        Machine {
            codec: Codec::new(SEED),
            state: RefCell::new(state.clone()),
            left: RefCell::new(Vec::new()),
            mistake,
            late: RefCell::new(Vec::new()),
        }
    }

    pub(super) fn step(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.borrow_mut());
        self.left.borrow_mut().push(self.state.borrow().clone());
    }

    pub(super) fn put(&self, word: Word, value: u64) {
        self.step(|state| state.words[self.at(word)] = value);
        if self.lets_go(word) {
            self.release();
        }
    }

    pub(super) fn release(&self) {
        for (word, value) in self.late.take() {
            self.step(|state| state.words[self.at(word)] = value);
        }
    }

    pub(super) fn at(&self, word: Word) -> usize {
        let chunk_at = |chunk: u32| chunk as usize * CHUNK_WORDS;
        let slot_at = |slot: u32| chunk_at(CHUNKS) + slot as usize * SLOT_WORDS;
        let odd = |odd: u32| match self.mistake {
            Mistake::PrefixesInOnePlace => 0,
            _ => odd as usize,
        };
        match word {
            Word::Chunk(chunk) => chunk_at(chunk),
            Word::Digest(chunk) => chunk_at(chunk) + 1,
            Word::SlotState(slot) => slot_at(slot),
            Word::PrefixDigest(slot, redo_blocks) => slot_at(slot) + 1 + odd(redo_blocks),
            Word::PrefixCounts(slot, redo_blocks) => slot_at(slot) + 3 + odd(redo_blocks),
            Word::Hint(slot) => slot_at(slot) + 5,
            Word::Count(slot) => slot_at(slot) + 6,
        }
    }

    /// A mistaken order is played by holding one store back until after the one that should follow it.
    pub(super) fn is_late(&self, word: Word, value: u64) -> bool {
        matches!(
            (self.mistake, word, value & 3),
            (Mistake::SlotStateAfterImage, Word::SlotState(_), 3)
                | (Mistake::NotMovedOnAfterCopy, Word::SlotState(_), 2)
                | (Mistake::ClearedBeforeDone | Mistake::CountBeforeDone, Word::Chunk(_), 3)
                | (Mistake::BesideAfterSlotState, Word::PrefixDigest(..), _)
                | (Mistake::DigestAfterDone, Word::Digest(_), _)
                | (Mistake::HintAfterTake, Word::Hint(_), _)
                | (Mistake::CountAfterEmpty, Word::Count(_), _)
        )
    }

    pub(super) fn lets_go(&self, word: Word) -> bool {
        match self.mistake {
            Mistake::ClearedBeforeDone | Mistake::BesideAfterSlotState | Mistake::CountAfterEmpty => {
                matches!(word, Word::SlotState(_))
            }
            Mistake::CountBeforeDone => matches!(word, Word::Count(_)),
            Mistake::HintAfterTake | Mistake::DigestAfterDone => matches!(word, Word::Chunk(_)),
            _ => true,
        }
    }

    /// A count that has forgotten which chunk was the last.
    pub(super) fn forgetful(&self, word: Word, value: u64) -> u64 {
        let Word::Count(slot) = word else { return value };
        let count = self.codec.read_count(slot, value).expect("a count");
        self.codec.count(slot, Count { last: None, ..count })
    }
}

impl Memory for Machine {
    fn codec(&self) -> &Codec {
        &self.codec
    }

    fn load(&self, word: Word) -> Result<u64> {
        let value = self.state.borrow().words[self.at(word)];
        Ok(match self.mistake {
            Mistake::CountedAgain => self.forgetful(word, value),
            _ => value,
        })
    }

    fn store(&self, word: Word, value: u64) -> Result<()> {
        let value = match self.mistake {
            Mistake::CountWithoutLast => self.forgetful(word, value),
            _ => value,
        };
        // Where nothing is to be counted any more, nothing is waited for.
        if self.mistake == Mistake::CountBeforeDone && matches!(word, Word::SlotState(_)) {
            self.release();
        }
        if self.is_late(word, value) {
            self.late.borrow_mut().push((word, value));
        } else {
            self.put(word, value);
        }
        Ok(())
    }

    fn replace(&self, word: Word, old: u64, new: u64) -> Result<bool> {
        let found = self.load(word)? == old;
        if found {
            self.put(word, new);
        }
        Ok(found)
    }

    fn fence(&self) {}
}

/// A thread and its slot.
pub(super) struct Thread<'a> {
    pub(super) machine: &'a Machine,
    pub(super) slot: u32,
}

impl Thread<'_> {
    pub(super) fn recover(&mut self) {
        recover(self.machine, self, self.slot).expect("nothing fails here");
    }

    pub(super) fn take_and_edit(&mut self, chunk: u32) {
        if take(self.machine, self.slot, chunk).expect("nothing fails here") {
            edit(self.machine, self, self.slot, chunk).expect("nothing fails here");
        }
    }
}

pub(super) fn place(chunk: u32, redo_block: u32) -> usize {
    let before: u32 = REDO_BLOCKS[..chunk as usize].iter().sum();
    (before + redo_block) as usize * REDO_BLOCK_PIXELS
}

/// What is known after these pixels, as they were before the edit.
pub(super) fn after(before: ChunkPrefix, pixels: &[u8]) -> ChunkPrefix {
    pixels.iter().fold(before, |prefix, &pixel| ChunkPrefix {
        digest: digest(prefix.digest, &[pixel.saturating_add(AMOUNT)]),
        counts: Counts {
            clipped: prefix.counts.clipped + u64::from(pixel.checked_add(AMOUNT).is_none()),
            // Something that is counted, too.
            merged: prefix.counts.merged + u64::from(pixel % 3 == 0),
        },
    })
}

pub(super) fn digest(before: u64, pixels: &[u8]) -> u64 {
    pixels
        .iter()
        .fold(before, |digest, &pixel| mix(digest ^ u64::from(pixel)))
}

impl Pixels for Thread<'_> {
    fn redo_blocks(&self, chunk: u32) -> u32 {
        REDO_BLOCKS[chunk as usize]
    }

    fn fill_slot(&mut self, chunk: u32, redo_block: u32, before: ChunkPrefix) -> Result<ChunkPrefix> {
        let (machine, slot, at) = (self.machine, self.slot, place(chunk, redo_block));
        let pixels = machine.state.borrow().image[at..at + REDO_BLOCK_PIXELS].to_vec();
        let after = after(before, &pixels);
        if machine.mistake == Mistake::SlotStateBeforeSlot {
            let slot_state = SlotState::Finished {
                chunk,
                redo_block,
                before,
                after,
            };
            set_prefix(machine, slot, redo_block + 1, after)?;
            set_slot_state(machine, slot, slot_state)?;
        }
        for (place, pixel) in pixels.iter().enumerate() {
            machine.step(|state| state.slots[slot as usize][place] = pixel.saturating_add(AMOUNT));
        }
        // What holds a store back holds it no longer than until the slot is full again.
        if machine.mistake == Mistake::NotMovedOnAfterCopy {
            machine.release();
        }
        Ok(after)
    }

    fn empty_slot(&mut self, chunk: u32, redo_block: u32) -> Result<()> {
        let at = place(chunk, redo_block);
        for pixel in 0..REDO_BLOCK_PIXELS {
            self.machine
                .step(|state| state.image[at + pixel] = state.slots[self.slot as usize][pixel]);
        }
        if self.machine.mistake == Mistake::SlotStateAfterImage {
            self.machine.release();
        }
        Ok(())
    }
}

/// Who works, until all die.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// A resume: every slot is recovered, and then all that is left is done; which chunk in which slot depends on
    /// `shift`.
    All { shift: u32 },
    /// One thread, while another lies dead.
    Alone { slot: u32 },
}

pub(super) fn work(machine: &Machine, work: Work) {
    let mut threads = [0, 1].map(|slot| Thread { machine, slot });
    match work {
        Work::All { shift } => {
            threads.iter_mut().for_each(Thread::recover);
            for chunk in 0..CHUNKS {
                threads[((chunk + shift) % SLOTS) as usize].take_and_edit(chunk);
            }
        }
        Work::Alone { slot } => {
            threads[slot as usize].recover();
            (0..CHUNKS).for_each(|chunk| threads[slot as usize].take_and_edit(chunk));
        }
    }
    machine.release();
}

/// What the first `redo_blocks` redo blocks of a chunk come to.
pub(super) fn oracle(chunk: u32, redo_blocks: u32) -> ChunkPrefix {
    let begin = ChunkPrefix {
        digest: Codec::new(SEED).begin(chunk),
        counts: Counts::NONE,
    };
    after(begin, &IMAGE[place(chunk, 0)..place(chunk, redo_blocks)])
}

pub(super) fn fresh() -> State {
    let machine = Machine::new(
        &State {
            words: [0; _],
            slots: [[0; 2]; 2],
            image: IMAGE,
        },
        Mistake::None,
    );
    let codec = machine.codec;
    for chunk in 0..CHUNKS {
        machine.put(Word::Chunk(chunk), codec.chunk(chunk, ChunkState::Free).0);
    }
    for slot in 0..SLOTS {
        let (chunks, last) = (0, None);
        machine.put(Word::SlotState(slot), codec.slot_state(slot, SlotState::Empty));
        machine.put(Word::Hint(slot), codec.hint(slot, 0));
        machine.put(Word::Count(slot), codec.count(slot, Count { chunks, last }));
    }
    machine.state.into_inner()
}
