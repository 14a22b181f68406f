//! A copy of the protocol that can be broken on purpose, one rule at a time, over the real journal and the real copies.
//!
//! Unbroken it must pass through exactly the states of the real one; so the copy is faithful, and what its mistakes do
//! is what the same mistakes would do there.

use std::sync::Arc;

use pagelight::counts::Counts;
use pagelight::error::Result;
use pagelight::journal::protocol::{self, Memory, Pixels, Word};
use pagelight::journal::words::{ChunkPrefix, ChunkState, Count, SlotState};
use pagelight::map::CopyEdit;

use crate::lab::{Lab, SLOTS};

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// Nothing.
    None,
    /// Rule 1: the slot state says finished before the slot is filled.
    SlotStateBeforeSlot,
    /// Rule 2: the image changes before the slot state says finished.
    ImageBeforeSlotState,
    /// Rule 3: the slot state is cleared before the chunk is done.
    ClearedBeforeDone,
    /// Rule 3: the slot is used for the next chunk before the last one is done.
    ReusedBeforeDone,
    /// Rule 3: recovery takes a slot state past the last redo block for nothing to do.
    PastTheLastIsNothing,
    /// Rule 4: recovery goes on to the next redo block without moving the slot state on.
    RecoveryNotMovedOn,
    /// Rule 4, in the work: the same from redo block to redo block.
    NotMovedOn,
    /// Rule 5: a recovery that cannot be killed: it clears the slot state and then copies.
    RecoveryClearsFirst,
    /// Rule 6: what is known of the redo blocks lies in one place, whatever their number.
    OnePlaceForAll,
    /// Rule 7: the hint comes after the take.
    HintAfterTake,
}

impl Mistake {
    pub(crate) const ALL: [Mistake; 10] = [
        Mistake::SlotStateBeforeSlot,
        Mistake::ImageBeforeSlotState,
        Mistake::ClearedBeforeDone,
        Mistake::ReusedBeforeDone,
        Mistake::PastTheLastIsNothing,
        Mistake::RecoveryNotMovedOn,
        Mistake::NotMovedOn,
        Mistake::RecoveryClearsFirst,
        Mistake::OnePlaceForAll,
        Mistake::HintAfterTake,
    ];
}

/// One thread and its slot; what the engine's thread is, without spans and locks.
pub(crate) struct Thread<'a> {
    lab: &'a Lab<'a>,
    edit: CopyEdit,
    slot: u32,
    mistake: Mistake,
    recovering: bool,
    /// Held back by a mistake.
    late: Option<(u32, ChunkState)>,
}

impl<'a> Thread<'a> {
    pub(crate) fn new(lab: &'a Lab<'a>, slot: u32, mistake: Mistake) -> Thread<'a> {
        Thread {
            lab,
            edit: CopyEdit::new(lab.case.job.kernel(), Arc::new(lab.journal.key())),
            slot,
            mistake,
            recovering: false,
            late: None,
        }
    }

    fn set_slot_state(&self, slot_state: SlotState) -> Result<()> {
        let journal = &self.lab.journal;
        journal.fence();
        journal.store(
            Word::SlotState(self.slot),
            journal.codec().slot_state(self.slot, slot_state),
        )?;
        journal.fence();
        Ok(())
    }

    /// What is known of `redo_blocks` redo blocks.
    fn set_prefix(&self, redo_blocks: u32, prefix: ChunkPrefix) -> Result<()> {
        let journal = &self.lab.journal;
        let places = match self.mistake {
            Mistake::OnePlaceForAll => 0..2,
            _ => redo_blocks & 1..(redo_blocks & 1) + 1,
        };
        for odd in places {
            let [digest, counts] = prefix.to_words();
            journal.store(Word::PrefixDigest(self.slot, odd), digest)?;
            journal.store(Word::PrefixCounts(self.slot, odd), counts)?;
        }
        Ok(())
    }

    fn set_done(&self, chunk: u32, done: ChunkState) -> Result<()> {
        let journal = &self.lab.journal;
        let (word, digest) = journal.codec().chunk(chunk, done);
        journal.store(Word::Digest(chunk), digest)?;
        journal.store(Word::Chunk(chunk), word)?;
        let slot = self.slot;
        let count = journal.codec().read_count(slot, journal.load(Word::Count(slot))?);
        let count = count.expect("a count");
        if count.last == Some(chunk) {
            return Ok(());
        }
        let (chunks, last) = (count.chunks + 1, Some(chunk));
        journal.store(Word::Count(slot), journal.codec().count(slot, Count { chunks, last }))
    }

    fn edit(&mut self, chunk: u32) -> Result<()> {
        let nothing = ChunkPrefix {
            digest: self.lab.journal.codec().begin(chunk),
            counts: Counts::NONE,
        };
        self.set_prefix(0, nothing)?;
        self.finish(chunk, 0, nothing)
    }

    fn finish(&mut self, chunk: u32, redo_block: u32, before: ChunkPrefix) -> Result<()> {
        let mut before = before;
        let redo_blocks = self.redo_blocks(chunk);
        for redo_block in redo_block..redo_blocks {
            if self.mistake == Mistake::SlotStateBeforeSlot {
                let after = before;
                self.set_prefix(redo_block + 1, after)?;
                self.set_slot_state(SlotState::Finished {
                    chunk,
                    redo_block,
                    before,
                    after,
                })?;
            }
            let after = self.fill_slot(chunk, redo_block, before)?;
            self.set_prefix(redo_block + 1, after)?;
            if self.mistake == Mistake::ImageBeforeSlotState {
                self.empty_slot(chunk, redo_block)?;
            }
            self.set_slot_state(SlotState::Finished {
                chunk,
                redo_block,
                before: if self.mistake == Mistake::OnePlaceForAll {
                    after
                } else {
                    before
                },
                after,
            })?;
            if let Some((chunk, done)) = self.late.take() {
                self.set_done(chunk, done)?;
            }
            if self.mistake != Mistake::ImageBeforeSlotState {
                self.empty_slot(chunk, redo_block)?;
            }
            before = after;
            let redo_block = redo_block + 1;
            if self.mistake != Mistake::NotMovedOn || redo_block == redo_blocks {
                self.set_slot_state(SlotState::Idle {
                    chunk,
                    redo_block,
                    before,
                })?;
            }
        }
        let done = ChunkState::Done {
            counts: before.counts,
            digest: before.digest,
        };
        match self.mistake {
            Mistake::ClearedBeforeDone => {
                self.set_slot_state(SlotState::Empty)?;
                self.set_done(chunk, done)?;
            }
            Mistake::ReusedBeforeDone if !self.recovering => self.late = Some((chunk, done)),
            _ => {
                self.set_done(chunk, done)?;
                self.set_slot_state(SlotState::Empty)?;
            }
        }
        Ok(())
    }

    fn recover(&mut self) -> Result<()> {
        self.recovering = true;
        let (journal, slot) = (&self.lab.journal, self.slot);
        match protocol::slot_state(journal, slot)?.unwrap_or(SlotState::Empty) {
            SlotState::Empty => {}
            SlotState::Finished {
                chunk,
                redo_block,
                after,
                ..
            } => {
                if self.mistake == Mistake::RecoveryClearsFirst {
                    self.set_slot_state(SlotState::Empty)?;
                }
                self.empty_slot(chunk, redo_block)?;
                let (redo_block, before) = (redo_block + 1, after);
                if self.mistake != Mistake::RecoveryNotMovedOn {
                    self.set_slot_state(SlotState::Idle {
                        chunk,
                        redo_block,
                        before,
                    })?;
                }
                self.finish(chunk, redo_block, before)?;
            }
            SlotState::Idle { chunk, redo_block, .. }
                if self.mistake == Mistake::PastTheLastIsNothing && redo_block == self.redo_blocks(chunk) =>
            {
                self.set_slot_state(SlotState::Empty)?;
            }
            SlotState::Idle {
                chunk,
                redo_block,
                before,
            } => self.finish(chunk, redo_block, before)?,
        }
        let codec = journal.codec();
        if let Some(chunk) = codec.read_hint(slot, journal.load(Word::Hint(slot))?) {
            let (taken, _) = codec.chunk(chunk, ChunkState::Taken { slot });
            let (free, _) = codec.chunk(chunk, ChunkState::Free);
            journal.replace(Word::Chunk(chunk), taken, free)?;
        }
        Ok(())
    }

    fn take(&self, chunk: u32) -> Result<bool> {
        let (journal, slot) = (&self.lab.journal, self.slot);
        let codec = journal.codec();
        let (free, _) = codec.chunk(chunk, ChunkState::Free);
        if journal.load(Word::Chunk(chunk))? != free {
            return Ok(false);
        }
        let hint = || journal.store(Word::Hint(slot), codec.hint(slot, chunk));
        if self.mistake != Mistake::HintAfterTake {
            hint()?;
        }
        let (taken, _) = codec.chunk(chunk, ChunkState::Taken { slot });
        let is_ours = journal.replace(Word::Chunk(chunk), free, taken)?;
        if self.mistake == Mistake::HintAfterTake {
            hint()?;
        }
        Ok(is_ours)
    }

    /// Takes what is free, chunk by chunk.
    pub(crate) fn work(&mut self) -> Result<()> {
        for chunk in 0..self.lab.journal.header().chunks() {
            if self.take(chunk)? {
                self.edit(chunk)?;
            }
        }
        if let Some((chunk, done)) = self.late.take() {
            self.set_done(chunk, done)?;
        }
        Ok(())
    }
}

/// The real protocol in any slot: recovers it, takes `chunk` if that is free, and edits it.
pub(crate) fn real_in_slot(lab: &Lab<'_>, slot: u32, chunk: u32) -> std::result::Result<(), String> {
    let (journal, mut thread) = (&lab.journal, Thread::new(lab, slot, Mistake::None));
    let recovered = protocol::recover(journal, &mut thread, slot);
    let edited = recovered.and_then(|()| {
        if protocol::take(journal, slot, chunk)? {
            protocol::edit(journal, &mut thread, slot, chunk)
        } else {
            Ok(())
        }
    });
    edited.map_err(|error| error.to_string())
}

/// Recovers every slot; the caller has taken the locks, or makes the mistake not to.
pub(crate) fn recover_dead_slots(lab: &Lab<'_>, mistake: Mistake) -> std::result::Result<(), String> {
    let recovered = (0..SLOTS).try_for_each(|slot| Thread::new(lab, slot, mistake).recover());
    recovered.map_err(|error| error.to_string())
}

/// Recovers, and then works in slot 0.
pub(crate) fn run(lab: &Lab<'_>, mistake: Mistake) -> std::result::Result<(), String> {
    recover_dead_slots(lab, mistake)?;
    let ended = Thread::new(lab, 0, mistake).work();
    ended.map_err(|error| error.to_string())
}

impl Pixels for Thread<'_> {
    fn redo_blocks(&self, chunk: u32) -> u32 {
        u32::try_from(self.lab.case.chunk_plan.redo_blocks(u64::from(chunk))).expect("few redo blocks")
    }

    fn fill_slot(&mut self, chunk: u32, redo_block: u32, before: ChunkPrefix) -> Result<ChunkPrefix> {
        let lab = self.lab;
        let mut at = lab.journal.slot_redo_block_at(self.slot);
        let mut after = before;
        let redo_block_at = lab
            .case
            .chunk_plan
            .redo_block(u64::from(chunk), u64::from(redo_block))
            .start;
        let mut lane = lab.case.job.target.lane_at(redo_block_at);
        for (start, length) in self.parts(chunk, redo_block) {
            let slots = lab.journal.view();
            let view = &lab.image_view;
            after.counts += view.copy_edited(start, slots, at, length, &self.edit, lane, &mut after.digest)?;
            lane = 0;
            at += length;
        }
        Ok(after)
    }

    fn empty_slot(&mut self, chunk: u32, redo_block: u32) -> Result<()> {
        let lab = self.lab;
        let mut at = lab.journal.slot_redo_block_at(self.slot);
        for (start, length) in self.parts(chunk, redo_block) {
            lab.image_view.copy_from(start, lab.journal.view(), at, length)?;
            at += length;
        }
        Ok(())
    }
}

impl Thread<'_> {
    fn parts(&self, chunk: u32, redo_block: u32) -> Vec<(usize, usize)> {
        let part = self
            .lab
            .case
            .chunk_plan
            .redo_block(u64::from(chunk), u64::from(redo_block));
        let small = |bytes: u64| usize::try_from(bytes).expect("a small image");
        let ranges = self.lab.case.job.target.window.ranges(part);
        ranges
            .map(|range| (small(range.start), small(range.end - range.start)))
            .collect()
    }
}
