//! A job in private memory that dies after every single step, of the work and of every recovery, until no new state
//! appears.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::*;

const CHUNKS: u32 = 2;
const PIECES: u32 = 2;
const PIECE_PIXELS: usize = 2;
const SLOTS: u32 = 2;

/// Everything that survives a death.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    chunks: [u64; CHUNKS as usize],
    intents: [u64; SLOTS as usize],
    checksums: [u64; SLOTS as usize],
    slots: [[u8; PIECE_PIXELS]; SLOTS as usize],
    image: [u8; CHUNKS as usize * PIECES as usize * PIECE_PIXELS],
}

/// A step that could be broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    IntentBeforeSlot,
    IntentAfterImage,
    ClearedBeforeDone,
    NotMovedOnAfterCopy,
}

/// The memory and the pixels in one: each store and each byte is a step, after which the process may be killed.
struct Machine {
    state: RefCell<State>,
    steps_left: Cell<u64>,
    mistake: Mistake,
    slot: u32,
    delayed: Cell<Option<(Word, u64)>>,
}

struct Killed;

impl Machine {
    fn step(&self) {
        match self.steps_left.get() {
            0 => resume_unwind(Box::new(Killed)),
            left => self.steps_left.set(left - 1),
        }
    }

    fn put(&self, word: Word, value: u64) {
        self.step();
        let mut state = self.state.borrow_mut();
        match word {
            Word::Chunk(chunk) => state.chunks[chunk as usize] = value,
            Word::Intent(slot) => state.intents[slot as usize] = value,
            Word::Checksum(slot) => state.checksums[slot as usize] = value,
        }
    }

    fn flush(&self) {
        if let Some((word, value)) = self.delayed.take() {
            self.put(word, value);
        }
    }

    fn place(chunk: u32, piece: u32) -> usize {
        (chunk * PIECES + piece) as usize * PIECE_PIXELS
    }
}

impl Memory for &Machine {
    fn load(&self, word: Word) -> u64 {
        let state = self.state.borrow();
        match word {
            Word::Chunk(chunk) => state.chunks[chunk as usize],
            Word::Intent(slot) => state.intents[slot as usize],
            Word::Checksum(slot) => state.checksums[slot as usize],
        }
    }

    fn store(&self, word: Word, value: u64) {
        // A mistaken order is played by holding one store back until the one that should follow it.
        let late = matches!(
            (self.mistake, word, value >> 62),
            (Mistake::IntentAfterImage, Word::Intent(_), 2)
                | (Mistake::NotMovedOnAfterCopy, Word::Intent(_), 1)
                | (Mistake::ClearedBeforeDone, Word::Chunk(_), 2)
        );
        if late {
            self.delayed.set(Some((word, value)));
        } else {
            self.put(word, value);
            self.flush();
        }
    }

    fn replace(&self, word: Word, old: u64, new: u64) -> bool {
        let Word::Chunk(chunk) = word else {
            unreachable!("only chunks are taken")
        };
        let found = self.state.borrow().chunks[chunk as usize];
        if found == old {
            self.put(word, new);
        }
        found == old
    }

    fn fence(&self) {}
}

impl Pixels for &Machine {
    fn pieces(&self, _: u32) -> u32 {
        PIECES
    }

    fn fill_slot(&mut self, chunk: u32, piece: u32) -> Result<Finished> {
        if self.mistake == Mistake::IntentBeforeSlot {
            let intent = Intent::Finished {
                chunk,
                piece,
                clipped: 0,
            };
            self.put(Word::Intent(self.slot), intent.to_word());
        }
        for pixel in 0..PIECE_PIXELS {
            self.step();
            let mut state = self.state.borrow_mut();
            state.slots[self.slot as usize][pixel] = state.image[Machine::place(chunk, piece) + pixel] + 10;
        }
        // What held a store back holds it no longer than until the slot is full again.
        self.flush();
        Ok(Finished {
            clipped: 1,
            checksum: 0,
        })
    }

    fn empty_slot(&mut self, chunk: u32, piece: u32) -> Result<()> {
        for pixel in 0..PIECE_PIXELS {
            self.step();
            let mut state = self.state.borrow_mut();
            state.image[Machine::place(chunk, piece) + pixel] = state.slots[self.slot as usize][pixel];
        }
        if self.mistake == Mistake::IntentAfterImage {
            self.flush();
        }
        Ok(())
    }

    fn fingerprint(&mut self, _: u32) -> Result<u32> {
        Ok(7)
    }
}

/// Two threads, one after the other, each with a chunk; or what a resume does.
fn work(state: State, steps: u64, mistake: Mistake) -> (State, bool) {
    let mut machine = Machine {
        state: RefCell::new(state),
        steps_left: Cell::new(steps),
        mistake,
        slot: 0,
        delayed: Cell::new(None),
    };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        for slot in 0..SLOTS {
            machine.slot = slot;
            recover(&&machine, &mut &machine, slot, CHUNKS).expect("no pixel fails");
        }
        for chunk in 0..CHUNKS {
            machine.slot = chunk % SLOTS;
            if take(&&machine, machine.slot, chunk) {
                edit(&&machine, &mut &machine, machine.slot, chunk).expect("no pixel fails");
            }
        }
        machine.flush();
    }));
    (machine.state.into_inner(), ended.is_ok())
}

/// Kills at every step from every state that can arise; returns the number of states, or the first wrong end.
fn explore(mistake: Mistake) -> std::result::Result<usize, State> {
    let image: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
    let first = State {
        chunks: [0; 2],
        intents: [0; 2],
        checksums: [0; 2],
        slots: [[0; 2]; 2],
        image,
    };
    let mut seen = HashSet::from([first.clone()]);
    let mut queue = VecDeque::from([first]);
    while let Some(state) = queue.pop_front() {
        for steps in 0.. {
            let (after, ended) = work(state.clone(), steps, mistake);
            if ended {
                if after.image != image.map(|pixel| pixel + 10) {
                    return Err(after);
                }
                let clipped = after.chunks.map(ChunkState::from_word);
                let done = Some(ChunkState::Done {
                    clipped: 2,
                    fingerprint: 7,
                });
                assert!(mistake != Mistake::None || clipped == [done; 2], "{after:?}");
                break;
            }
            if seen.insert(after.clone()) {
                queue.push_back(after);
            }
        }
    }
    Ok(seen.len())
}

#[test]
fn killed_after_every_step_of_work_and_recovery_it_ends_exact() {
    let states = explore(Mistake::None).expect("an exact image");
    assert!(states > 25, "{states} states are too few to be all");
}

#[test]
fn every_broken_rule_is_found() {
    for mistake in [
        Mistake::IntentBeforeSlot,
        Mistake::IntentAfterImage,
        Mistake::ClearedBeforeDone,
        Mistake::NotMovedOnAfterCopy,
    ] {
        assert!(explore(mistake).is_err(), "{mistake:?} was not found");
    }
}
