//! A damaged journal never makes a wrong image: it is refused, with both files as they were, or the damage does no
//! harm.
//!
//! One test in a process of its own: the library's locks are open files, which a child that another test just begins
//! would hold for a moment.

mod common;
mod unfinished;

use std::collections::BTreeMap;
use std::fs;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;

use pagelight::claim::ImageJobs;
use pagelight::error::Error;
use pagelight::journal::header::{HEADER_BYTES, SLOT_REDO_BLOCK_AT, STATE_AT};
use pagelight::journal::words::SlotState;
use pagelight::map::{Access, MappedFile};
use pagelight::run::{self, Outcome};
use unfinished::{Holds, Moment, Random, Rig, done_bytes, slot_states};

const SECTOR_BYTES: usize = 512;

/// Resumes by the library, which is quicker. The samples that clipped, if there was a job to resume.
fn resume_here(rig: &Rig) -> Result<Option<u64>, Error> {
    let image = MappedFile::open(&rig.path, Access::ReadWrite)?;
    let options = unfinished::alone();
    let mut clipped = None;
    for pending in ImageJobs::of(&image, None)?.pending()? {
        match run::resume(&image, pending, &options, &|_| ControlFlow::Continue(()))? {
            Outcome::Done { counts, .. } => clipped = Some(counts.clipped),
            other => panic!("{other:?}"),
        }
    }
    Ok(clipped)
}

/// How many were refused, and how many did no harm.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    refused: u32,
    exact: u32,
}

impl Count {
    fn add(&mut self, is_exact: bool) {
        *(if is_exact { &mut self.exact } else { &mut self.refused }) += 1;
    }
}

/// Damages the journal of a job that was cut short, and resumes; true if the image then is exact.
#[track_caller]
fn is_exact_after(rig: &Rig, moment: &Moment, what: &str, damage: impl FnOnce(&mut Vec<u8>)) -> bool {
    let journal = moment.bring_back(rig, damage);
    judge(rig, &moment.image, &journal, what)
}

/// Resumes, and says whether the image then is exact; if not, that must have been refused, with `image` and `journal`
/// as they were.
#[track_caller]
fn judge(rig: &Rig, image: &[u8], journal: &[u8], what: &str) -> bool {
    let path = rig.journal();
    match resume_here(rig) {
        Ok(clipped) => {
            assert_eq!(rig.holds(), Holds::After, "{what}: a wrong image and no error");
            assert_eq!(clipped, Some(rig.clipped), "{what}: clipped samples");
            true
        }
        Err(error) => {
            assert!(
                fs::read(&rig.path).expect("read") == image,
                "{what}: {error}, and the image was changed"
            );
            assert!(
                fs::read(&path).expect("still there") == journal,
                "{what}: {error}, and the journal was changed"
            );
            false
        }
    }
}

/// An image with a job that was killed while a thread had `wanted` in hand, with chunks of all three kinds: done, in
/// work, and more that are free.
fn cut_short(wanted: impl Fn(SlotState) -> bool) -> (Rig, Moment) {
    let rig = Rig::of_rows(192);
    rig.cut_short_with(|journal, slot_states| {
        let done = done_bytes(journal);
        let in_first_half = done > 0 && done < journal.header().chunk_plan.window_bytes() / 2;
        slot_states.iter().any(|&slot_state| wanted(slot_state)) && in_first_half
    });
    eprintln!("in use: {:?}", slot_states(&rig.journal()));
    let moment = Moment::of(&rig);
    (rig, moment)
}

/// Where the words are in a journal: those of chunks and their digests, and those of the first slots that are used.
fn places(rig: &Rig) -> (Range<usize>, Vec<usize>) {
    let journal = unfinished::open(&rig.journal());
    let header = journal.header();
    let chunks = header.chunk_at(0)..header.chunk_at(header.chunks() - 1) + 16;
    let slots = if common::long() { header.slots } else { 3 };
    (chunks, (0..slots).map(|slot| header.slot_at(slot)).collect())
}

/// Flips the bits, each alone, of the journal of a job that was cut short, and resumes.
fn flip(rig: &Rig, moment: &Moment, bits: impl Iterator<Item = usize>) -> Count {
    let mut count = Count::default();
    for bit in bits {
        let what = format!("byte {}, bit {}", bit / 8, bit % 8);
        let flip = |journal: &mut Vec<u8>| journal[bit / 8] ^= 1 << (bit % 8);
        count.add(is_exact_after(rig, moment, &what, flip));
    }
    count
}

#[test]
fn a_flipped_bit_never_makes_a_wrong_image() {
    let cases: [fn(SlotState) -> bool; 2] = [
        |slot_state| matches!(slot_state, SlotState::Finished { redo_block: 1.., .. }),
        |slot_state| matches!(slot_state, SlotState::Idle { redo_block: 1.., .. }),
    ];
    for wanted in cases {
        let (rig, moment) = cut_short(wanted);
        let (chunks, slots) = places(&rig);
        let bits_of = |from: usize, bytes: usize| from * 8..(from + bytes) * 8;
        let step = |short: usize, long: usize| if common::long() { long } else { short };
        let fixed = flip(&rig, &moment, bits_of(0, STATE_AT).step_by(step(97, 1)));
        let job = flip(&rig, &moment, bits_of(HEADER_BYTES, 64).step_by(step(13, 1)));
        let state = flip(&rig, &moment, bits_of(STATE_AT, 72).step_by(step(3, 1)));
        let of_chunks = flip(&rig, &moment, bits_of(chunks.start, chunks.len()).step_by(step(7, 1)));
        let mut of_slots = Count::default();
        for slot in slots {
            let words = flip(&rig, &moment, bits_of(slot, 80).step_by(step(3, 1)));
            let bytes = bits_of(slot + SLOT_REDO_BLOCK_AT, 8064).step_by(step(8 * 1517 + 3, 11));
            let bytes = flip(&rig, &moment, bytes);
            of_slots.refused += words.refused + bytes.refused;
            of_slots.exact += words.exact + bytes.exact;
        }
        eprintln!("header {fixed:?}, job {job:?}, state {state:?}, chunks {of_chunks:?}, slots {of_slots:?}");
        assert_eq!(fixed.exact + job.exact, 0, "their checksums cover all of them");
        // Their checks cover all bits of the words, and digests of chunks that are not done are not looked at.
        assert!(of_chunks.refused > 0 && state.refused > 0 && of_slots.refused > 0 && of_slots.exact > 0);
    }
}

/// What can happen to the bytes of a journal.
const KINDS: [&str; 9] = [
    "a sector is zeroed",
    "two words are swapped",
    "two sectors are swapped",
    "a sector is of an earlier moment",
    "a sector is torn between two moments",
    "a sector is of another job",
    "some bytes are random",
    "the chunks are of an earlier moment",
    "words are of their neighbours",
];

#[test]
fn damage_of_any_kind_never_makes_a_wrong_image() {
    let mut random = Random::new();
    let rounds = if common::long() { 20_000 } else { 400 };
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    let per_job = rounds / 10;
    for _ in 0..10 {
        // Two moments of one job, and another job on an image of the same size.
        let (rig, early) = cut_short(|slot_state| !matches!(slot_state, SlotState::Empty));
        let late = later(&rig, &early);
        let (_other_rig, other) = cut_short(|slot_state| !matches!(slot_state, SlotState::Empty));
        let (chunks, _) = places(&rig);
        let length = late.journal.len();
        let sectors = (length / SECTOR_BYTES) as u64;
        // Where something is, rather than in the slots that nobody uses.
        let words_end = 16 * 8192u64.min(length as u64);
        for _ in 0..per_job {
            let kind = KINDS[usize::try_from(random.up_to(KINDS.len() as u64)).expect("small")];
            let mut number = |end: u64| usize::try_from(random.up_to(end)).expect("small");
            let sector = |number: usize| number * SECTOR_BYTES..(number + 1) * SECTOR_BYTES;
            // Half of them where the chunks are, which are few.
            let mut some_sector = || match number(2) {
                0 => sector(chunks.start / SECTOR_BYTES + number(chunks.len() as u64 / SECTOR_BYTES as u64 + 1)),
                _ => sector(number(sectors)),
            };
            let (one, two) = (some_sector(), some_sector());
            let mut some_word = || match number(2) {
                0 => chunks.start + 8 * number(chunks.len() as u64 / 8),
                _ => 8 * number(words_end.min(length as u64) / 8),
            };
            let (word, other_word) = (some_word(), some_word());
            let run = number(40) + 1;
            let bytes: Vec<u8> = (0..run).map(|_| number(256).to_le_bytes()[0]).collect();
            let what = format!("{kind}: sectors {one:?} and {two:?}, words {word} and {other_word}, {run} bytes");
            let damage = |journal: &mut Vec<u8>| match kind {
                "a sector is zeroed" => journal[one].fill(0),
                "two words are swapped" => {
                    for byte in 0..8 {
                        journal.swap(word + byte, other_word + byte);
                    }
                }
                "two sectors are swapped" => {
                    for (a, b) in one.zip(two) {
                        journal.swap(a, b);
                    }
                }
                "a sector is of an earlier moment" => journal[one.clone()].copy_from_slice(&early.journal[one]),
                "a sector is torn between two moments" => {
                    let half = one.start..one.start + 8 * (one.len() / 16);
                    journal[half.clone()].copy_from_slice(&early.journal[half]);
                }
                "a sector is of another job" => {
                    let end = one.end.min(other.journal.len());
                    let start = one.start.min(end);
                    journal[start..end].copy_from_slice(&other.journal[start..end]);
                }
                "some bytes are random" => {
                    let start = word.min(length - run);
                    journal[start..start + run].copy_from_slice(&bytes);
                }
                "the chunks are of an earlier moment" => {
                    journal[chunks.clone()].copy_from_slice(&early.journal[chunks.clone()]);
                }
                "words are of their neighbours" => {
                    let last = length - 24;
                    journal.copy_within(word.min(last)..word.min(last) + 16, word.min(last) + 8);
                }
                other => unreachable!("{other}"),
            };
            let is_exact = is_exact_after(&rig, &late, &what, damage);
            counts.entry(kind).or_default().add(is_exact);
        }
    }
    for (kind, count) in &counts {
        eprintln!("{kind}: {count:?}");
        assert!(count.refused > 0, "{kind}: nothing was ever refused");
    }
}

/// A later moment of the job: it was resumed, and killed once more.
fn later(rig: &Rig, early: &Moment) -> Moment {
    let before = done_bytes(&unfinished::open(&rig.journal()));
    let mut words = rig.words("resume");
    words.push("--threads=2".into());
    let running = unfinished::stopped_where(
        rig,
        &words,
        || drop(early.bring_back(rig, |_| {})),
        |journal| done_bytes(journal) > before && done_bytes(journal) < journal.header().chunk_plan.window_bytes(),
    );
    drop(running);
    Moment::of(rig)
}

/// A journal of before a resume, put back over the one of after it: what it calls untouched is edited.
#[test]
fn an_earlier_copy_of_the_journal_is_refused() {
    for _ in 0..5 {
        let (rig, early) = cut_short(|slot_state| !matches!(slot_state, SlotState::Empty));
        later(&rig, &early);
        let image = fs::read(&rig.path).expect("read");
        // Over the same file, as cp does.
        let journal = fs::File::options().write(true).open(rig.journal()).expect("opened");
        let mut copy = fs::read(rig.journal()).expect("read");
        let page = copy[..STATE_AT].to_vec();
        copy.copy_from_slice(&early.journal);
        // The file is the same one, and so is what its header says of that.
        copy[..STATE_AT].copy_from_slice(&page);
        journal.write_all_at(&copy, 0).expect("written");
        drop(journal);
        assert!(!judge(&rig, &image, &copy, "an earlier copy"), "it was believed");
        // As a new file, as cp does where there was none.
        fs::remove_file(rig.journal()).expect("removed");
    }
}
