//! A flipped bit in a journal never makes a wrong image: every one is refused, with both files as they were, or does no
//! harm.
//!
//! One test in a process of its own: the library's locks are open files, which a child that another test just begins
//! would hold for a moment.

mod common;
mod unfinished;

use std::fs;
use std::ops::ControlFlow;

use pagelight::claim::Place;
use pagelight::engine::Settings;
use pagelight::error::Error;
use pagelight::journal::Journal;
use pagelight::journal::header::{HEADER_BYTES, STATE_AT};
use pagelight::journal::words::Intent;
use pagelight::map::{Access, MappedFile};
use pagelight::run::{self, Ended, Options};
use unfinished::{Holds, Moment, Rig, intents};

/// Resumes by the library, which is quicker. The samples that clipped, if there was a job to resume.
fn resume_here(rig: &Rig) -> Result<Option<u64>, Error> {
    let image = MappedFile::open(&rig.path, Access::ReadWrite)?;
    let options = Options {
        settings: Settings {
            threads: 1,
            memory_bytes: 1 << 23,
        },
        sync: false,
        journal_folder: None,
        crew: None,
    };
    let mut clipped = None;
    for found in Place::of(&image, None)?.jobs()? {
        match run::resume(&image, found, &options, &|_| ControlFlow::Continue(()))? {
            Ended::Done { clipped_samples } => clipped = Some(clipped_samples),
            other => panic!("{other:?}"),
        }
    }
    Ok(clipped)
}

/// Flips the bits, each alone, of the journal of a job that was cut short, and resumes.
fn flip(rig: &Rig, moment: &Moment, bits: impl Iterator<Item = usize>) -> (u32, u32) {
    let (mut refused, mut exact) = (0, 0);
    for bit in bits {
        moment.bring_back(rig, Some(bit));
        let what = format!("byte {}, bit {}", bit / 8, bit % 8);
        match resume_here(rig) {
            Ok(clipped) => {
                assert_eq!(rig.holds(), Holds::After, "{what}: a wrong image and no error");
                assert_eq!(clipped, Some(rig.clipped), "{what}: clipped samples");
                exact += 1;
            }
            Err(error) => {
                assert!(
                    fs::read(&rig.path).expect("read") == moment.image,
                    "{what}: {error}, and the image was changed"
                );
                let mut journal = fs::read(&moment.journal_path).expect("still there");
                journal[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    journal == moment.journal,
                    "{what}: {error}, and the journal was changed"
                );
                refused += 1;
            }
        }
    }
    (refused, exact)
}

fn flip_all_bits(wanted: impl Fn(Intent) -> bool) {
    let rig = Rig::of_rows(128);
    // Chunks of all three kinds: done, in work, free.
    rig.cut_short_with(|journal, intents| {
        let done = journal.tally().done_bytes;
        intents.iter().any(|&intent| wanted(intent)) && done > 0 && done < journal.header().cut.window_bytes()
    });
    let journal = rig.journal();
    let used = intents(&journal);
    let journal = Journal::open(&journal).expect("sound").expect("there");
    let header = journal.header().clone();
    drop(journal);
    let moment = Moment::of(&rig);

    let all_of = |from: usize, bytes: usize| from * 8..(from + bytes) * 8;
    let fixed = flip(
        &rig,
        &moment,
        all_of(0, STATE_AT).step_by(if common::long() { 1 } else { 97 }),
    );
    let state = flip(&rig, &moment, all_of(STATE_AT, 32));
    let chunks = flip(&rig, &moment, all_of(HEADER_BYTES, 8 * header.chunks() as usize));
    let mut slots = (0, 0);
    // Two threads ran; the slots after theirs are all alike.
    let slots_to_flip = if common::long() { header.slots } else { 3 };
    for slot in 0..slots_to_flip {
        let at = header.slot_at(slot);
        let words = flip(&rig, &moment, all_of(at, 16));
        let bytes = flip(
            &rig,
            &moment,
            all_of(at + 16, 8064 + 48).step_by(if common::long() { 11 } else { 8 * 1517 + 3 }),
        );
        slots = (slots.0 + words.0 + bytes.0, slots.1 + words.1 + bytes.1);
    }
    eprintln!(
        "in use: {used:?}\n(refused, exact): header {fixed:?}, state {state:?}, chunks {chunks:?}, slots {slots:?}"
    );
    assert_eq!(fixed.1, 0, "the checksum covers all of it");
    assert!(state.0 > 0 && chunks.0 > 0 && slots.0 > 0 && slots.1 > 0);
}

#[test]
fn a_flipped_bit_never_makes_a_wrong_image() {
    flip_all_bits(|intent| matches!(intent, Intent::Finished { piece: 1.., .. }));
    flip_all_bits(|intent| matches!(intent, Intent::Idle { piece: 1.., .. }));
}
