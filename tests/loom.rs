//! The order in which a worker's stores become visible to those who look on without any lock, on every machine that
//! the memory model allows: the real protocol over loom's atomics.
//!
//! A worker edits a chunk of two redo blocks; an onlooker reads one thing, and then another that must not be older. All
//! interleavings are tried, with every stale value that a load may return. Then each of the worker's ten fences is
//! taken away in turn. What the tables in [`one_fence_less`] say, in words:
//!
//! * The fence *after* FINISHED and the one after IDLE(1) hold back what follows (the image's bytes, the slot's next
//!   bytes). No release store does that, so without either an onlooker sees a wrong order.
//! * The fences *before* a word, and those around DONE, are there for a [`Memory`] whose stores promise nothing. Where
//!   they are release stores, as in `View::store_word`, these fences say the same twice. (They cost nothing.)
//! * The one after IDLE(2) holds back DONE, by which all of the chunk is in the image and its slot at an end. The last
//!   one, after EMPTY, holds back what is known of no redo block of the next chunk, which takes the place of what the
//!   slot state said. Both are stored with release, so these two fences are missed only where stores promise nothing.
//!
//! Whether the onlooker gets to see each of these at all is asked first ([`SIGHTS`]): a look that cannot fail proves
//! nothing.
//!
//! Not modelled: loads that are delayed past later stores (loom has none), and the recovery of a dead thread's slot,
//! which follows the kernel's release of its lock and so sees everything; `tests/single_step` is for that.

use std::cell::Cell;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;
use pagelight::counts::Counts;
use pagelight::error::{Error, Result};
use pagelight::journal::protocol::{self, Memory, Pixels, Word};
use pagelight::journal::words::{ChunkPrefix, ChunkState, Codec, Count, SlotState};

const REDO_BLOCKS: u32 = 2;
/// Fences in the edit of one chunk: one before and one after FINISHED, IDLE, FINISHED, IDLE, EMPTY.
const FENCES: u32 = 10;
const OLD: u64 = 0;
const NEW: u64 = 1;
const SEED: u64 = 3;

/// What the worker and the onlooker share. A cell stands for some bytes.
struct Shared {
    chunks: [AtomicU64; 2],
    digest: AtomicU64,
    slot_state: AtomicU64,
    /// Digests of an even and of an odd number of redo blocks: of one and of two, that number. They stand for the
    /// clipped samples as well, which are stored just behind them.
    beside: [AtomicU64; 2],
    hint: AtomicU64,
    count: AtomicU64,
    /// 0, or the number of the redo block that it holds plus 1.
    slot: [AtomicU64; 2],
    image: [AtomicU64; REDO_BLOCKS as usize],
}

impl Shared {
    fn fresh(codec: &Codec) -> Shared {
        Shared {
            chunks: [0, 1].map(|chunk| AtomicU64::new(codec.chunk(chunk, ChunkState::Free).0)),
            digest: AtomicU64::default(),
            slot_state: AtomicU64::new(codec.slot_state(0, SlotState::Empty)),
            beside: Default::default(),
            hint: AtomicU64::new(codec.hint(0, 0)),
            count: AtomicU64::new(Shared::fresh_count(codec)),
            slot: Default::default(),
            image: Default::default(),
        }
    }

    fn fresh_count(codec: &Codec) -> u64 {
        let (chunks, last) = (0, None);
        codec.count(0, Count { chunks, last })
    }
}

/// The worker's or the onlooker's way to it.
struct Machine {
    shared: Arc<Shared>,
    codec: Codec,
    stores: Ordering,
    /// Which of the fences is left out.
    without: Option<u32>,
    fences: Cell<u32>,
}

impl Machine {
    fn new(shared: &Arc<Shared>, stores: Ordering, without: Option<u32>) -> Machine {
        Machine {
            shared: Arc::clone(shared),
            codec: Codec::new(SEED),
            stores,
            without,
            fences: Cell::new(0),
        }
    }

    /// The cell of a word, if it has one.
    fn word(&self, word: Word) -> Option<&AtomicU64> {
        Some(match word {
            Word::Chunk(chunk) => &self.shared.chunks[chunk as usize],
            Word::Digest(_) => &self.shared.digest,
            Word::SlotState(_) => &self.shared.slot_state,
            Word::PrefixDigest(_, odd) => &self.shared.beside[odd as usize],
            Word::PrefixCounts(..) => return None,
            Word::Hint(_) => &self.shared.hint,
            Word::Count(_) => &self.shared.count,
        })
    }

    fn is_done(&self) -> bool {
        self.get(Word::Chunk(0)) & 3 == 3
    }

    fn get(&self, word: Word) -> u64 {
        self.load(word).expect("memory")
    }

    /// The slot state's tag and redo block. What lies beside may be newer already, so an onlooker cannot ask for all of
    /// it.
    fn slot_state(&self) -> SeenState {
        let word = self.get(Word::SlotState(0));
        let redo_block = u32::try_from(word >> 26 & 0x3ff).expect("10 bits");
        match word & 3 {
            1 => SeenState::Empty,
            2 => SeenState::Idle { redo_block },
            3 => SeenState::Finished { redo_block },
            _ => unreachable!("no such slot state"),
        }
    }
}

/// What an onlooker can see of a slot state.
#[derive(Clone, Copy)]
enum SeenState {
    Empty,
    Idle { redo_block: u32 },
    Finished { redo_block: u32 },
}

impl Memory for Machine {
    fn codec(&self) -> &Codec {
        &self.codec
    }

    fn load(&self, word: Word) -> Result<u64> {
        Ok(self.word(word).map_or(0, |word| word.load(Ordering::Acquire)))
    }

    fn store(&self, word: Word, value: u64) -> Result<()> {
        if let Some(word) = self.word(word) {
            word.store(value, self.stores);
        }
        Ok(())
    }

    fn replace(&self, word: Word, old: u64, new: u64) -> Result<bool> {
        let word = self.word(word).expect("only chunks are taken");
        let replaced = word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire);
        Ok(replaced.is_ok())
    }

    fn fence(&self) {
        let place = self.fences.replace(self.fences.get() + 1);
        if self.without != Some(place) {
            fence(Ordering::AcqRel);
        }
    }
}

impl Pixels for &Machine {
    fn redo_blocks(&self, _: u32) -> u32 {
        REDO_BLOCKS
    }

    fn fill_slot(&mut self, chunk: u32, redo_block: u32, _: ChunkPrefix) -> Result<ChunkPrefix> {
        if chunk > 0 {
            return Err(Error::interrupted_and(
                "of the second chunk only the beginning is tried",
            ));
        }
        let number = u64::from(redo_block) + 1;
        for bytes in &self.shared.slot {
            bytes.store(number, Ordering::Relaxed);
        }
        Ok(ChunkPrefix {
            digest: number,
            counts: Counts::NONE,
        })
    }

    fn empty_slot(&mut self, _: u32, redo_block: u32) -> Result<()> {
        self.shared.image[redo_block as usize].store(NEW, Ordering::Relaxed);
        Ok(())
    }
}

/// How far the worker is, by what an onlooker sees of the slot state, which has been looked at after something new was
/// seen. FINISHED(0) is 1, IDLE(1) is 2, FINISHED(1) is 3, IDLE(2) is 4.
fn progress(machine: &Machine) -> u32 {
    match machine.slot_state() {
        SeenState::Finished { redo_block } => 2 * redo_block + 1,
        SeenState::Idle { redo_block } => 2 * redo_block,
        // Not begun, or at the end.
        SeenState::Empty if machine.is_done() => 5,
        SeenState::Empty => 0,
    }
}

/// Rule 2: new bytes in the image mean that the slot state is FINISHED, or later.
fn image_then_slot_state(machine: &Machine) {
    for (redo_block, bytes) in (0..).zip(&machine.shared.image) {
        if bytes.load(Ordering::Relaxed) == NEW {
            fence(Ordering::Acquire);
            let progress = progress(machine);
            assert!(
                progress > 2 * redo_block,
                "redo block {redo_block} is in the image, the slot state at {progress}"
            );
        }
    }
}

/// Rules 1 and 3: FINISHED means that the slot is complete, IDLE that the redo blocks before are in the image.
fn slot_state_then_bytes(machine: &Machine) {
    match machine.slot_state() {
        SeenState::Empty => {}
        SeenState::Finished { redo_block } => {
            for bytes in &machine.shared.slot {
                assert!(
                    bytes.load(Ordering::Relaxed) > u64::from(redo_block),
                    "the slot is not complete"
                );
            }
        }
        SeenState::Idle { redo_block } => {
            for bytes in machine.shared.image.iter().take(redo_block as usize) {
                assert!(
                    bytes.load(Ordering::Relaxed) != OLD,
                    "redo block {redo_block} is not in the image"
                );
            }
        }
    }
}

/// Rule 1: what a slot state says of redo blocks lies beside it, or what a later one says.
fn slot_state_then_beside(machine: &Machine) {
    let beside = |redo_blocks: u32| machine.shared.beside[(redo_blocks & 1) as usize].load(Ordering::Relaxed);
    match machine.slot_state() {
        SeenState::Empty => {}
        // All values of one place are other ones, and it begins with 0.
        SeenState::Finished { redo_block: 0 } => {
            assert!(beside(0) != 0 && beside(1) == 1, "nothing beside FINISHED(0)")
        }
        SeenState::Finished { .. } => assert!(beside(1) == 1 && is_of_two(machine, beside(2)), "FINISHED(1)"),
        SeenState::Idle { redo_block: 1 } => assert!(beside(1) == 1, "nothing beside IDLE(1)"),
        SeenState::Idle { .. } => assert!(is_of_two(machine, beside(2)), "nothing beside IDLE(2)"),
    }
}

/// True for what lies beside from FINISHED(1) on: of two redo blocks, and in the end of none of the second chunk.
fn is_of_two(machine: &Machine, beside: u64) -> bool {
    beside == 2 || beside == machine.codec.begin(1)
}

/// Rule 6: what the slot state says of the redo blocks before stays until the slot state says it no more: what is known
/// of two redo blocks lies where it was of none, and in the end what is known of none of the second chunk.
fn beside_then_slot_state(machine: &Machine) {
    let beside = machine.shared.beside[0].load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    if beside == 2 {
        assert!(
            progress(machine) >= 2,
            "of two redo blocks while the slot state tells of none"
        );
    } else if beside == machine.codec.begin(1) {
        assert!(
            progress(machine) == 5,
            "of the next chunk while the slot state tells of this one"
        );
    }
}

/// Rule 4: bytes of the next redo block in the slot mean that the slot state is no longer FINISHED for the one before.
fn slot_then_slot_state(machine: &Machine) {
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
            assert!(
                bytes.load(Ordering::Relaxed) == NEW,
                "a redo block of a done chunk is old"
            );
        }
        assert!(progress(machine) >= 4, "the slot of a done chunk is in use");
    }
}

/// Rule 7: whose thread has taken a chunk has said so before.
fn taken_then_hint(machine: &Machine) {
    if machine.get(Word::Chunk(1)) & 3 == 2 {
        let hint = machine.shared.hint.load(Ordering::Relaxed);
        assert!(hint == machine.codec.hint(0, 1), "taken, and no hint");
    }
}

/// A chunk that is DONE has its digest: those who watch a job read both.
fn done_then_digest(machine: &Machine) {
    let state = protocol::chunk(machine, 0).expect("memory");
    assert!(state.is_some(), "a chunk is DONE without its digest");
}

/// Rule 8: what is counted is done. (Nothing depends on it while the worker lives.)
fn count_then_done(machine: &Machine) {
    let count = machine.codec.read_count(0, machine.get(Word::Count(0)));
    if count.expect("a count").chunks > 0 {
        assert!(machine.is_done(), "counted before it is done");
    }
}

const LOOKS: [fn(&Machine); 7] = [
    image_then_slot_state,
    slot_state_then_bytes,
    slot_state_then_beside,
    beside_then_slot_state,
    slot_then_slot_state,
    done_then_all,
    taken_then_hint,
];

/// What no fence stands for: these words follow each other, and are release stores.
const LOOKS_AT_ENDS: [fn(&Machine); 2] = [done_then_digest, count_then_done];

type Sight = fn(&Machine) -> bool;

/// What an onlooker must be able to see, or the looks above cannot fail: true if it does.
const SIGHTS: [(&str, Sight); 10] = [
    ("FINISHED(0)", |machine| progress(machine) == 1),
    ("IDLE(1)", |machine| progress(machine) == 2),
    ("FINISHED(1)", |machine| progress(machine) == 3),
    ("IDLE(2)", |machine| progress(machine) == 4),
    ("EMPTY again", |machine| progress(machine) == 5),
    ("DONE", Machine::is_done),
    ("taken", |machine| machine.get(Word::Chunk(0)) & 3 == 2),
    ("the second chunk taken", |machine| machine.get(Word::Chunk(1)) & 3 == 2),
    ("counted", |machine| {
        machine.get(Word::Count(0)) != Shared::fresh_count(&machine.codec)
    }),
    ("beside, of the second chunk", |machine| {
        machine.get(Word::PrefixDigest(0, 0)) == machine.codec.begin(1)
    }),
];

/// True if all that an onlooker may see fits.
fn is_sound(look: impl Fn(&Machine) + Copy + Send + Sync + 'static, stores: Ordering, without: Option<u32>) -> bool {
    // In a thread of its own, so that a model that fails leaves nothing behind for the next.
    let model = std::thread::spawn(move || {
        loom::model(move || {
            let shared = Arc::new(Shared::fresh(&Codec::new(SEED)));
            let machine = |without| Machine::new(&shared, stores, without);
            let (worker, onlooker) = (machine(without), machine(None));
            // The onlooker, not the worker, is the thread that loom starts late. Of each cell loom knows the last
            // access only: a worker that loads a word and then stores it, as in `take`, hides an onlooker's load ahead
            // of both, and what that load would see after the store is never tried.
            let looking = thread::spawn(move || look(&onlooker));
            let take = |chunk| protocol::take(&worker, 0, chunk).expect("memory");
            assert!(take(0), "nobody else wants it");
            protocol::edit(&worker, &mut &worker, 0, 0).expect("no pixel fails");
            // Below, every one of them is taken away once.
            assert!(
                worker.fences.get() == FENCES,
                "there are other fences than the tables know"
            );
            assert!(take(1), "nobody else wants it");
            protocol::edit(&worker, &mut &worker, 0, 1).expect_err("not this one");
            looking.join().expect("the onlooker ends");
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
    for look in LOOKS_AT_ENDS {
        for stores in [Ordering::Release, Ordering::Relaxed] {
            assert_eq!(is_sound(look, stores, None), stores == Ordering::Release);
        }
    }
}

#[test]
fn everything_is_seen_by_some_onlooker() {
    for (name, sees) in SIGHTS {
        let is_never_seen = is_sound(
            move |machine| assert!(!sees(machine), "{name} is seen"),
            Ordering::Release,
            None,
        );
        assert!(!is_never_seen, "no onlooker sees {name}");
    }
}

#[test]
fn one_fence_less() {
    // Even: before the word; odd: after it. 0, 1 FINISHED(0); 2, 3 IDLE(1); 4, 5 FINISHED(1); 6, 7 IDLE(2), followed by
    // DONE; 8, 9 EMPTY.
    assert_eq!(needed(Ordering::Release), [1, 3, 5]);
    assert_eq!(needed(Ordering::Relaxed), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn of_two_who_take_a_chunk_one_gets_it() {
    loom::model(|| {
        let shared = Arc::new(Shared::fresh(&Codec::new(SEED)));
        let take = |slot| {
            let machine = Machine::new(&shared, Ordering::Release, None);
            thread::spawn(move || protocol::take(&machine, slot, 0).expect("memory"))
        };
        let taken = [take(0), take(1)].map(|thread| thread.join().expect("ended"));
        assert!(taken[0] != taken[1], "{taken:?}");
        let slot = u32::from(taken[1]);
        let state = protocol::chunk(&Machine::new(&shared, Ordering::Release, None), 0);
        assert_eq!(state.expect("memory"), Some(ChunkState::Taken { slot }));
    });
}
