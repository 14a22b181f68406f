//! The order in which a worker's stores become visible to those who look on without any lock, on every machine that
//! the memory model allows: the real protocol over loom's atomics.
//!
//! A worker edits a chunk of two pieces; an onlooker reads one thing, and then another that must not be older. All
//! interleavings are tried, with every stale value that a load may return. Then each of the worker's ten fences is taken
//! away in turn. What the tables in [`one_fence_less`] say, in words:
//!
//! * The fence *after* FINISHED and the one after IDLE(1) hold back what follows (the image's bytes, the slot's next
//!   bytes). No release store does that, so without either an onlooker sees a wrong order.
//! * The fences *before* a word, and those around DONE, are there for a [`Memory`] whose stores promise nothing. Where
//!   they are release stores, as in `View::store_word`, these fences say the same twice. (They cost nothing.)
//! * The last one, after EMPTY, holds back nothing that matters: what comes next is the take of another chunk.
//!
//! Not modelled: loads that are delayed past later stores (loom has none), and the recovery of a dead thread's slot,
//! which follows the kernel's release of its lock and so sees everything; `tests/single_step` is for that.

use std::cell::Cell;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;
use pagelight::error::Result;
use pagelight::journal::protocol::{self, Finished, Memory, Pixels, Word};
use pagelight::journal::words::{ChunkState, Intent};

const PIECES: u32 = 2;
/// Fences in the edit of one chunk: one before and one after FINISHED, IDLE, FINISHED, IDLE, EMPTY.
const FENCES: u32 = 10;
const OLD: u64 = 0;
const NEW: u64 = 1;

/// What the worker and the onlooker share. A cell stands for some bytes.
#[derive(Default)]
struct Shared {
    chunk: AtomicU64,
    intent: AtomicU64,
    checksum: AtomicU64,
    /// 0, or the number of the piece that it holds plus 1.
    slot: [AtomicU64; 2],
    image: [AtomicU64; PIECES as usize],
}

/// The worker's or the onlooker's way to it.
struct Machine {
    shared: Arc<Shared>,
    stores: Ordering,
    /// Which of the fences is left out.
    without: Option<u32>,
    fences: Cell<u32>,
}

impl Machine {
    fn word(&self, word: Word) -> &AtomicU64 {
        match word {
            Word::Chunk(_) => &self.shared.chunk,
            Word::Intent(_) => &self.shared.intent,
            Word::Checksum(_) => &self.shared.checksum,
        }
    }

    fn intent(&self) -> Intent {
        Intent::from_word(self.load(Word::Intent(0))).expect("an intent")
    }

    fn is_done(&self) -> bool {
        let state = ChunkState::from_word(self.load(Word::Chunk(0)));
        matches!(state, Some(ChunkState::Done { .. }))
    }
}

impl Memory for &Machine {
    fn load(&self, word: Word) -> u64 {
        self.word(word).load(Ordering::Acquire)
    }

    fn store(&self, word: Word, value: u64) {
        self.word(word).store(value, self.stores);
    }

    fn replace(&self, word: Word, old: u64, new: u64) -> bool {
        let word = self.word(word);
        word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn fence(&self) {
        let place = self.fences.replace(self.fences.get() + 1);
        if self.without != Some(place) {
            fence(Ordering::AcqRel);
        }
    }
}

impl Machine {
    fn load(&self, word: Word) -> u64 {
        Memory::load(&self, word)
    }
}

impl Pixels for &Machine {
    fn pieces(&self, _: u32) -> u32 {
        PIECES
    }

    fn fill_slot(&mut self, _: u32, piece: u32) -> Result<Finished> {
        let number = u64::from(piece) + 1;
        for bytes in &self.shared.slot {
            bytes.store(number, Ordering::Relaxed);
        }
        Ok(Finished {
            clipped: 0,
            checksum: number,
        })
    }

    fn empty_slot(&mut self, _: u32, piece: u32) -> Result<()> {
        self.shared.image[piece as usize].store(NEW, Ordering::Relaxed);
        Ok(())
    }

    fn fingerprint(&mut self, _: u32) -> Result<u32> {
        Ok(7)
    }
}

/// How far the worker is, by what an onlooker sees of the intent, which has been looked at after something new was seen.
/// FINISHED(0) is 1, IDLE(1) is 2, FINISHED(1) is 3, IDLE(2) is 4.
fn progress(machine: &Machine) -> u32 {
    match machine.intent() {
        Intent::Finished { piece, .. } => 2 * piece + 1,
        Intent::Idle { piece, .. } => 2 * piece,
        // Not begun, or at the end.
        Intent::Empty if machine.is_done() => 5,
        Intent::Empty => 0,
    }
}

/// Rule 2: new bytes in the image mean that the intent is FINISHED, or later.
fn image_then_intent(machine: &Machine) {
    for (piece, bytes) in (0..).zip(&machine.shared.image) {
        if bytes.load(Ordering::Relaxed) == NEW {
            fence(Ordering::Acquire);
            let progress = progress(machine);
            assert!(
                progress > 2 * piece,
                "piece {piece} is in the image, the intent at {progress}"
            );
        }
    }
}

/// Rules 1 and 3: FINISHED means that the slot is complete, IDLE that the pieces before are in the image.
fn intent_then_bytes(machine: &Machine) {
    match machine.intent() {
        Intent::Empty => {}
        Intent::Finished { piece, .. } => {
            let shared = &machine.shared;
            for bytes in shared.slot.iter().chain([&shared.checksum]) {
                assert!(
                    bytes.load(Ordering::Relaxed) > u64::from(piece),
                    "the slot is not complete"
                );
            }
        }
        Intent::Idle { piece, .. } => {
            for bytes in machine.shared.image.iter().take(piece as usize) {
                assert!(
                    bytes.load(Ordering::Relaxed) != OLD,
                    "piece {piece} is not in the image"
                );
            }
        }
    }
}

/// Rule 4: bytes of the next piece in the slot mean that the intent is no longer FINISHED for the one before.
fn slot_then_intent(machine: &Machine) {
    for bytes in &machine.shared.slot {
        if bytes.load(Ordering::Relaxed) == 2 {
            fence(Ordering::Acquire);
            assert!(progress(machine) >= 2, "the slot is used again too early");
        }
    }
}

/// Rule 3: DONE means that all of the chunk is in the image, and that the slot holds nothing of it any more (which
/// `check::words` relies on).
fn done_then_all(machine: &Machine) {
    if machine.is_done() {
        for bytes in &machine.shared.image {
            assert!(bytes.load(Ordering::Relaxed) == NEW, "a piece of a done chunk is old");
        }
        assert!(progress(machine) >= 4, "the slot of a done chunk is in use");
    }
}

const LOOKS: [fn(&Machine); 4] = [image_then_intent, intent_then_bytes, slot_then_intent, done_then_all];

/// True if all that an onlooker may see fits.
fn is_sound(look: fn(&Machine), stores: Ordering, without: Option<u32>) -> bool {
    // In a thread of its own, so that a model that fails leaves nothing behind for the next.
    let model = std::thread::spawn(move || {
        loom::model(move || {
            let shared = Arc::new(Shared::default());
            let machine = |without| Machine {
                shared: Arc::clone(&shared),
                stores,
                without,
                fences: Cell::new(0),
            };
            let (worker, onlooker) = (machine(without), machine(None));
            let working = thread::spawn(move || {
                assert!(protocol::take(&&worker, 0, 0), "nobody else wants it");
                protocol::edit(&&worker, &mut &worker, 0, 0).expect("no pixel fails");
                // Below, every one of them is taken away once.
                assert!(
                    worker.fences.get() <= FENCES,
                    "there are more fences than the tables know"
                );
            });
            look(&onlooker);
            working.join().expect("the worker ends");
        });
    });
    model.join().is_ok()
}

/// Which single fence cannot be left out.
fn needed(stores: Ordering) -> Vec<u32> {
    let is_needed = |fence: &u32| !LOOKS.into_iter().all(|look| is_sound(look, stores, Some(*fence)));
    (0..FENCES).filter(is_needed).collect()
}

#[test]
fn nobody_sees_a_wrong_order() {
    for stores in [Ordering::Release, Ordering::Relaxed] {
        for look in LOOKS {
            assert!(is_sound(look, stores, None), "{stores:?}");
        }
    }
}

#[test]
fn one_fence_less() {
    // Even: before the word; odd: after it. 0, 1 FINISHED(0); 2, 3 IDLE(1); 4, 5 FINISHED(1); 6, 7 IDLE(2), followed by
    // DONE; 8, 9 EMPTY.
    assert_eq!(needed(Ordering::Release), [1, 3, 5]);
    assert_eq!(needed(Ordering::Relaxed), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn of_two_who_take_a_chunk_one_gets_it() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let take = |slot| {
            let machine = Machine {
                shared: Arc::clone(&shared),
                stores: Ordering::Release,
                without: None,
                fences: Cell::new(0),
            };
            thread::spawn(move || protocol::take(&&machine, slot, 0))
        };
        let taken = [take(0), take(1)].map(|thread| thread.join().expect("ended"));
        assert!(taken[0] != taken[1], "{taken:?}");
        let slot = u32::from(taken[1]);
        let state = ChunkState::from_word(shared.chunk.load(Ordering::Acquire));
        assert_eq!(state, Some(ChunkState::Taken { slot }));
    });
}
