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
//! * The one after IDLE(2) holds back DONE, by which all of the chunk is in the image and its slot at an end. The last
//!   one, after EMPTY, holds back what is known of no piece of the next chunk, which takes the place of what the intent
//!   said. Both are stored with release, so these two fences are missed only where stores promise nothing.
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
use pagelight::journal::words::{ChunkState, Codec, Count, Intent, Sofar};

const PIECES: u32 = 2;
/// Fences in the edit of one chunk: one before and one after FINISHED, IDLE, FINISHED, IDLE, EMPTY.
const FENCES: u32 = 10;
const OLD: u64 = 0;
const NEW: u64 = 1;
const SEED: u64 = 3;

/// What the worker and the onlooker share. A cell stands for some bytes.
struct Shared {
    chunks: [AtomicU64; 2],
    digest: AtomicU64,
    intent: AtomicU64,
    /// Digests of an even and of an odd number of pieces: of one and of two, that number. They stand for the clipped
    /// samples as well, which are stored just behind them.
    beside: [AtomicU64; 2],
    hint: AtomicU64,
    count: AtomicU64,
    /// 0, or the number of the piece that it holds plus 1.
    slot: [AtomicU64; 2],
    image: [AtomicU64; PIECES as usize],
}

impl Shared {
    fn fresh(codec: &Codec) -> Shared {
        Shared {
            chunks: [0, 1].map(|chunk| AtomicU64::new(codec.chunk(chunk, ChunkState::Free).0)),
            digest: AtomicU64::default(),
            intent: AtomicU64::new(codec.intent(0, Intent::Empty)),
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
            Word::Intent(_) => &self.shared.intent,
            Word::SofarDigest(_, odd) => &self.shared.beside[odd as usize],
            Word::SofarCounts(..) => return None,
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

    /// The intent's tag and piece. What lies beside may be newer already, so an onlooker cannot ask for all of it.
    fn intent(&self) -> Look {
        let word = self.get(Word::Intent(0));
        let piece = u32::try_from(word >> 26 & 0x3ff).expect("10 bits");
        match word & 3 {
            1 => Look::Empty,
            2 => Look::Idle { piece },
            3 => Look::Finished { piece },
            _ => unreachable!("no such intent"),
        }
    }
}

/// What an onlooker can see of an intent.
#[derive(Clone, Copy)]
enum Look {
    Empty,
    Idle { piece: u32 },
    Finished { piece: u32 },
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
    fn pieces(&self, _: u32) -> u32 {
        PIECES
    }

    fn fill_slot(&mut self, chunk: u32, piece: u32, _: Sofar) -> Result<Sofar> {
        if chunk > 0 {
            return Err(Error::Interrupted(
                "of the second chunk only the beginning is tried".to_owned(),
            ));
        }
        let number = u64::from(piece) + 1;
        for bytes in &self.shared.slot {
            bytes.store(number, Ordering::Relaxed);
        }
        Ok(Sofar {
            digest: number,
            counts: Counts::NONE,
        })
    }

    fn empty_slot(&mut self, _: u32, piece: u32) -> Result<()> {
        self.shared.image[piece as usize].store(NEW, Ordering::Relaxed);
        Ok(())
    }
}

/// How far the worker is, by what an onlooker sees of the intent, which has been looked at after something new was seen.
/// FINISHED(0) is 1, IDLE(1) is 2, FINISHED(1) is 3, IDLE(2) is 4.
fn progress(machine: &Machine) -> u32 {
    match machine.intent() {
        Look::Finished { piece } => 2 * piece + 1,
        Look::Idle { piece } => 2 * piece,
        // Not begun, or at the end.
        Look::Empty if machine.is_done() => 5,
        Look::Empty => 0,
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
        Look::Empty => {}
        Look::Finished { piece } => {
            for bytes in &machine.shared.slot {
                assert!(
                    bytes.load(Ordering::Relaxed) > u64::from(piece),
                    "the slot is not complete"
                );
            }
        }
        Look::Idle { piece } => {
            for bytes in machine.shared.image.iter().take(piece as usize) {
                assert!(
                    bytes.load(Ordering::Relaxed) != OLD,
                    "piece {piece} is not in the image"
                );
            }
        }
    }
}

/// Rule 1: what an intent says of pieces lies beside it, or what a later one says.
fn intent_then_beside(machine: &Machine) {
    let beside = |pieces: u32| machine.shared.beside[(pieces & 1) as usize].load(Ordering::Relaxed);
    match machine.intent() {
        Look::Empty => {}
        // All values of one place are other ones, and it begins with 0.
        Look::Finished { piece: 0 } => assert!(beside(0) != 0 && beside(1) == 1, "nothing beside FINISHED(0)"),
        Look::Finished { .. } => assert!(beside(1) == 1 && is_of_two(machine, beside(2)), "FINISHED(1)"),
        Look::Idle { piece: 1 } => assert!(beside(1) == 1, "nothing beside IDLE(1)"),
        Look::Idle { .. } => assert!(is_of_two(machine, beside(2)), "nothing beside IDLE(2)"),
    }
}

/// True for what lies beside from FINISHED(1) on: of two pieces, and in the end of none of the second chunk.
fn is_of_two(machine: &Machine, beside: u64) -> bool {
    beside == 2 || beside == machine.codec.begin(1)
}

/// Rule 6: what the intent says of the pieces before stays until the intent says it no more: what is known of two pieces
/// lies where it was of none, and in the end what is known of none of the second chunk.
fn beside_then_intent(machine: &Machine) {
    let beside = machine.shared.beside[0].load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    if beside == 2 {
        assert!(progress(machine) >= 2, "of two pieces while the intent tells of none");
    } else if beside == machine.codec.begin(1) {
        assert!(
            progress(machine) == 5,
            "of the next chunk while the intent tells of this one"
        );
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
    image_then_intent,
    intent_then_bytes,
    intent_then_beside,
    beside_then_intent,
    slot_then_intent,
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
        machine.get(Word::SofarDigest(0, 0)) == machine.codec.begin(1)
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
            // The onlooker, not the worker, is the thread that loom starts late. Of each cell loom knows the last access
            // only: a worker that loads a word and then stores it, as in `take`, hides an onlooker's load ahead of both,
            // and what that load would see after the store is never tried.
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
