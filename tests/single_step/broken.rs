//! A copy of the protocol that can be broken on purpose, one rule at a time, over the real journal and the real copies.
//!
//! Unbroken it must pass through exactly the states of the real one; so the copy is faithful, and what its mistakes do
//! is what the same mistakes would do there.

use std::sync::Arc;

use pagelight::counts::Counts;
use pagelight::error::Result;
use pagelight::journal::protocol::{self, Memory, Pixels, Word};
use pagelight::journal::words::{ChunkState, Count, Intent, Sofar};
use pagelight::map::Edit;

use crate::lab::{Lab, SLOTS};

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// Nothing.
    None,
    /// Rule 1: the intent says finished before the slot is filled.
    IntentBeforeSlot,
    /// Rule 2: the image changes before the intent says finished.
    ImageBeforeIntent,
    /// Rule 3: the intent is cleared before the chunk is done.
    ClearedBeforeDone,
    /// Rule 3: the slot is used for the next chunk before the last one is done.
    ReusedBeforeDone,
    /// Rule 3: recovery takes an intent past the last piece for nothing to do.
    PastTheLastIsNothing,
    /// Rule 4: recovery goes on to the next piece without moving the intent on.
    RecoveryNotMovedOn,
    /// Rule 4, in the work: the same from piece to piece.
    NotMovedOn,
    /// Rule 5: a recovery that cannot be killed: it clears the intent and then copies.
    RecoveryClearsFirst,
    /// Rule 6: what is known of the pieces lies in one place, whatever their number.
    OnePlaceForAll,
    /// Rule 7: the hint comes after the take.
    HintAfterTake,
}

impl Mistake {
    pub(crate) const ALL: [Mistake; 10] = [
        Mistake::IntentBeforeSlot,
        Mistake::ImageBeforeIntent,
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
    edit: Edit,
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
            edit: Edit::new(lab.case.job.kernel(), Arc::new(lab.journal.key())),
            slot,
            mistake,
            recovering: false,
            late: None,
        }
    }

    fn set_intent(&self, intent: Intent) -> Result<()> {
        let journal = &self.lab.journal;
        journal.fence();
        journal.store(Word::Intent(self.slot), journal.codec().intent(self.slot, intent))?;
        journal.fence();
        Ok(())
    }

    /// What is known of `pieces` pieces.
    fn set_sofar(&self, pieces: u32, sofar: Sofar) -> Result<()> {
        let journal = &self.lab.journal;
        let places = match self.mistake {
            Mistake::OnePlaceForAll => 0..2,
            _ => pieces & 1..(pieces & 1) + 1,
        };
        for odd in places {
            let [digest, counts] = sofar.to_words();
            journal.store(Word::SofarDigest(self.slot, odd), digest)?;
            journal.store(Word::SofarCounts(self.slot, odd), counts)?;
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
        let nothing = Sofar {
            digest: self.lab.journal.codec().begin(chunk),
            counts: Counts::NONE,
        };
        self.set_sofar(0, nothing)?;
        self.finish(chunk, 0, nothing)
    }

    fn finish(&mut self, chunk: u32, piece: u32, before: Sofar) -> Result<()> {
        let mut before = before;
        let pieces = self.pieces(chunk);
        for piece in piece..pieces {
            if self.mistake == Mistake::IntentBeforeSlot {
                let after = before;
                self.set_sofar(piece + 1, after)?;
                self.set_intent(Intent::Finished {
                    chunk,
                    piece,
                    before,
                    after,
                })?;
            }
            let after = self.fill_slot(chunk, piece, before)?;
            self.set_sofar(piece + 1, after)?;
            if self.mistake == Mistake::ImageBeforeIntent {
                self.empty_slot(chunk, piece)?;
            }
            self.set_intent(Intent::Finished {
                chunk,
                piece,
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
            if self.mistake != Mistake::ImageBeforeIntent {
                self.empty_slot(chunk, piece)?;
            }
            before = after;
            let piece = piece + 1;
            if self.mistake != Mistake::NotMovedOn || piece == pieces {
                self.set_intent(Intent::Idle { chunk, piece, before })?;
            }
        }
        let done = ChunkState::Done {
            counts: before.counts,
            digest: before.digest,
        };
        match self.mistake {
            Mistake::ClearedBeforeDone => {
                self.set_intent(Intent::Empty)?;
                self.set_done(chunk, done)?;
            }
            Mistake::ReusedBeforeDone if !self.recovering => self.late = Some((chunk, done)),
            _ => {
                self.set_done(chunk, done)?;
                self.set_intent(Intent::Empty)?;
            }
        }
        Ok(())
    }

    fn recover(&mut self) -> Result<()> {
        self.recovering = true;
        let (journal, slot) = (&self.lab.journal, self.slot);
        match protocol::intent(journal, slot)?.unwrap_or(Intent::Empty) {
            Intent::Empty => {}
            Intent::Finished {
                chunk, piece, after, ..
            } => {
                if self.mistake == Mistake::RecoveryClearsFirst {
                    self.set_intent(Intent::Empty)?;
                }
                self.empty_slot(chunk, piece)?;
                let (piece, before) = (piece + 1, after);
                if self.mistake != Mistake::RecoveryNotMovedOn {
                    self.set_intent(Intent::Idle { chunk, piece, before })?;
                }
                self.finish(chunk, piece, before)?;
            }
            Intent::Idle { chunk, piece, .. }
                if self.mistake == Mistake::PastTheLastIsNothing && piece == self.pieces(chunk) =>
            {
                self.set_intent(Intent::Empty)?;
            }
            Intent::Idle { chunk, piece, before } => self.finish(chunk, piece, before)?,
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
    let edited = recovered.and_then(|()| match protocol::take(journal, slot, chunk)? {
        true => protocol::edit(journal, &mut thread, slot, chunk),
        false => Ok(()),
    });
    edited.map_err(|error| error.to_string())
}

/// Recovers every slot; the caller has taken the locks, or makes the mistake not to.
pub(crate) fn settle(lab: &Lab<'_>, mistake: Mistake) -> std::result::Result<(), String> {
    let settled = (0..SLOTS).try_for_each(|slot| Thread::new(lab, slot, mistake).recover());
    settled.map_err(|error| error.to_string())
}

/// Recovers, and then works in slot 0.
pub(crate) fn run(lab: &Lab<'_>, mistake: Mistake) -> std::result::Result<(), String> {
    settle(lab, mistake)?;
    let ended = Thread::new(lab, 0, mistake).work();
    ended.map_err(|error| error.to_string())
}

impl Pixels for Thread<'_> {
    fn pieces(&self, chunk: u32) -> u32 {
        u32::try_from(self.lab.case.cut.pieces(u64::from(chunk))).expect("few pieces")
    }

    fn fill_slot(&mut self, chunk: u32, piece: u32, before: Sofar) -> Result<Sofar> {
        let lab = self.lab;
        let mut at = lab.journal.slot_piece_at(self.slot);
        let mut after = before;
        let piece_at = lab.case.cut.piece(u64::from(chunk), u64::from(piece)).start;
        let mut lane = lab.case.job.target.lane_at(piece_at);
        for (start, length) in self.parts(chunk, piece) {
            let slots = lab.journal.view();
            let view = &lab.image_view;
            after.counts += view.copy_edited(start, slots, at, length, &self.edit, lane, &mut after.digest)?;
            lane = 0;
            at += length;
        }
        Ok(after)
    }

    fn empty_slot(&mut self, chunk: u32, piece: u32) -> Result<()> {
        let lab = self.lab;
        let mut at = lab.journal.slot_piece_at(self.slot);
        for (start, length) in self.parts(chunk, piece) {
            lab.image_view.copy_from(start, lab.journal.view(), at, length)?;
            at += length;
        }
        Ok(())
    }
}

impl Thread<'_> {
    fn parts(&self, chunk: u32, piece: u32) -> Vec<(usize, usize)> {
        let part = self.lab.case.cut.piece(u64::from(chunk), u64::from(piece));
        let small = |bytes: u64| usize::try_from(bytes).expect("a small image");
        let ranges = self.lab.case.job.target.window.ranges(part);
        ranges
            .map(|range| (small(range.start), small(range.end - range.start)))
            .collect()
    }
}
