//! A job was killed when nothing of it was in the image but some bytes of a redo block, or not even those. What is in
//! the image then, or in another file in its place, is compared with the finished bytes in the journal.

use std::fs;
use std::ops::Range;

use pagelight::counts::Counts;
use pagelight::journal::protocol::{Memory, Word};
use pagelight::journal::words::{ChunkPrefix, ChunkState, Count, SlotState};

use super::{check, next_tick, on};
use crate::unfinished::{Holds, Moment, Rig, open};

/// A job with one redo block in flight and nothing done, and where that redo block is in the file. No kill could be
/// aimed so well.
fn with_a_redo_block_in_flight() -> (Rig, Range<usize>) {
    let rig = Rig::small();
    rig.cut_short();
    let (job, journal) = (rig.job(), open(&rig.journal()));
    let codec = journal.codec();
    let store = |word, value| journal.store(word, value).expect("stored");
    for chunk in 0..journal.header().chunks() {
        let (word, digest) = codec.chunk(chunk, ChunkState::Free);
        store(Word::Digest(chunk), digest);
        store(Word::Chunk(chunk), word);
    }
    let (slot, chunk, redo_block) = (0, 1, 0);
    let part = journal.header().chunk_plan.redo_block(u64::from(chunk), redo_block);
    let range = usize::try_from(part.start).expect("small")..usize::try_from(part.end).expect("small");
    let mut finished = rig.before[range.clone()].to_vec();
    let counts = job.kernel().apply(&mut finished, 0);
    assert_eq!(finished, rig.after[range.clone()]);
    let at = journal.slot_redo_block_at(slot);
    journal.view().copy_in(at, &finished).expect("stored");
    let before = ChunkPrefix {
        digest: codec.begin(chunk),
        counts: Counts::NONE,
    };
    let after = ChunkPrefix {
        digest: journal.key().add(before.digest, &finished),
        counts,
    };
    let slot_state = SlotState::Finished {
        chunk,
        redo_block: 0,
        before,
        after,
    };
    for (odd, prefix) in [(0, before), (1, after)] {
        let [digest, counts] = prefix.to_words();
        store(Word::PrefixDigest(slot, odd), digest);
        store(Word::PrefixCounts(slot, odd), counts);
    }
    store(Word::Chunk(chunk), codec.chunk(chunk, ChunkState::Taken { slot }).0);
    store(Word::Hint(slot), codec.hint(slot, chunk));
    store(Word::Count(slot), codec.count(slot, Count { chunks: 0, last: None }));
    store(Word::SlotState(slot), codec.slot_state(slot, slot_state));
    fs::write(&rig.path, &rig.before).expect("written");
    journal.beat(slot).expect("stored");
    (rig, range)
}

/// The image as a kill leaves it after `copied` bytes of the redo block.
fn copied(rig: &Rig, redo_block: &Range<usize>, copied: usize) -> Vec<u8> {
    let mut image = rig.before.clone();
    image[redo_block.clone()][..copied].copy_from_slice(&rig.after[redo_block.clone()][..copied]);
    image
}

/// How many bytes are copied: none, to the middle of a sample and of a pixel, to its end, all but one, all.
fn lengths(redo_block: &Range<usize>) -> [usize; 8] {
    [
        0,
        1,
        2,
        3,
        8,
        redo_block.len() / 2,
        redo_block.len() - 1,
        redo_block.len(),
    ]
}

#[test]
fn a_copy_with_half_a_redo_block_is_the_image() {
    let (rig, redo_block) = with_a_redo_block_in_flight();
    let moment = Moment::of(&rig);
    for length in lengths(&redo_block) {
        moment.bring_back(&rig, |_| {});
        next_tick();
        let new = rig.folder.path().join("new");
        fs::write(&new, copied(&rig, &redo_block, length)).expect("written");
        fs::rename(&new, &rig.path).expect("moved");
        check(&rig.edit_words(), 3, &["it was replaced"]);
        check(&rig.words("resume"), 0, &["samples clipped"]);
        assert_eq!(rig.holds(), Holds::After, "{length} bytes were copied");
    }
}

#[test]
fn a_kill_between_any_two_bytes_is_gone_on_with() {
    let (rig, redo_block) = with_a_redo_block_in_flight();
    let mut moment = Moment::of(&rig);
    for length in lengths(&redo_block) {
        moment.image = copied(&rig, &redo_block, length);
        moment.bring_back(&rig, |_| {});
        rig.assert_resumes(&format!("{length} bytes were copied"));
    }
}

#[test]
fn another_picture_copied_over_it_is_found() {
    let (rig, redo_block) = with_a_redo_block_in_flight();
    let mut moment = Moment::of(&rig);
    // Two samples are enough, wherever they are.
    for at in [0, redo_block.len() / 2, redo_block.len() - 4] {
        moment.image = copied(&rig, &redo_block, redo_block.len() / 2);
        for byte in &mut moment.image[redo_block.clone()][at..at + 4] {
            *byte ^= 0x55;
        }
        moment.bring_back(&rig, |_| {});
        check(
            &on("resume", &rig.path, &[]),
            65,
            &["not as its unfinished job left it"],
        );
        assert!(
            fs::read(&rig.path).expect("read") == moment.image,
            "something was changed"
        );
    }
}
