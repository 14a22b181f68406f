//! A copy of the protocol that can be broken on purpose, one rule at a time, over the real journal and the real copies.
//!
//! Unbroken it must pass through exactly the states of the real one; so the copy is faithful, and what its mistakes do
//! is what the same mistakes would do there.

use pagelight::error::Result;
use pagelight::journal::check::{self, END_BYTES};
use pagelight::journal::protocol::{self, Finished, Memory, Pixels, Word};
use pagelight::journal::words::{ChunkState, Intent};
use pagelight::map::{Edit, Edited};

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
}

impl Mistake {
    pub(crate) const ALL: [Mistake; 8] = [
        Mistake::IntentBeforeSlot,
        Mistake::ImageBeforeIntent,
        Mistake::ClearedBeforeDone,
        Mistake::ReusedBeforeDone,
        Mistake::PastTheLastIsNothing,
        Mistake::RecoveryNotMovedOn,
        Mistake::NotMovedOn,
        Mistake::RecoveryClearsFirst,
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
            edit: Edit::new(lab.case.job.op.kernel(lab.case.job.format)),
            slot,
            mistake,
            recovering: false,
            late: None,
        }
    }

    fn set_intent(&self, intent: Intent) {
        let journal = &self.lab.journal;
        journal.fence();
        journal.store(Word::Intent(self.slot), intent.to_word());
        journal.fence();
    }

    fn finish(&mut self, chunk: u32, piece: u32, clipped: u32) -> Result<()> {
        let journal = &self.lab.journal;
        let mut clipped = clipped;
        let pieces = self.pieces(chunk);
        for piece in piece..pieces {
            if self.mistake == Mistake::IntentBeforeSlot {
                self.set_intent(Intent::Finished { chunk, piece, clipped });
            }
            let finished = self.fill_slot(chunk, piece)?;
            clipped += finished.clipped;
            journal.store(Word::Checksum(self.slot), finished.checksum);
            if self.mistake == Mistake::ImageBeforeIntent {
                self.empty_slot(chunk, piece)?;
            }
            self.set_intent(Intent::Finished { chunk, piece, clipped });
            if let Some((chunk, done)) = self.late.take() {
                journal.store(Word::Chunk(chunk), done.to_word());
            }
            if self.mistake != Mistake::ImageBeforeIntent {
                self.empty_slot(chunk, piece)?;
            }
            let piece = piece + 1;
            if self.mistake != Mistake::NotMovedOn || piece == pieces {
                self.set_intent(Intent::Idle { chunk, piece, clipped });
            }
        }
        let fingerprint = self.fingerprint(chunk)?;
        let done = ChunkState::Done { clipped, fingerprint };
        match self.mistake {
            Mistake::ClearedBeforeDone => {
                self.set_intent(Intent::Empty);
                journal.store(Word::Chunk(chunk), done.to_word());
            }
            Mistake::ReusedBeforeDone if !self.recovering => self.late = Some((chunk, done)),
            _ => {
                journal.store(Word::Chunk(chunk), done.to_word());
                self.set_intent(Intent::Empty);
            }
        }
        Ok(())
    }

    fn recover(&mut self) -> Result<()> {
        self.recovering = true;
        let (journal, slot) = (&self.lab.journal, self.slot);
        let intent = Intent::from_word(journal.load(Word::Intent(slot))).unwrap_or(Intent::Empty);
        match intent {
            Intent::Empty => {}
            Intent::Finished { chunk, piece, clipped } => {
                if self.mistake == Mistake::RecoveryClearsFirst {
                    self.set_intent(Intent::Empty);
                }
                self.empty_slot(chunk, piece)?;
                let piece = piece + 1;
                if self.mistake != Mistake::RecoveryNotMovedOn {
                    self.set_intent(Intent::Idle { chunk, piece, clipped });
                }
                self.finish(chunk, piece, clipped)?;
            }
            Intent::Idle { chunk, piece, .. }
                if self.mistake == Mistake::PastTheLastIsNothing && piece == self.pieces(chunk) =>
            {
                self.set_intent(Intent::Empty);
            }
            Intent::Idle { chunk, piece, clipped } => self.finish(chunk, piece, clipped)?,
        }
        let (taken, free) = (ChunkState::Taken { slot }, ChunkState::Free);
        for chunk in 0..journal.header().chunks() {
            journal.replace(Word::Chunk(chunk), taken.to_word(), free.to_word());
        }
        Ok(())
    }

    /// Takes what is free, chunk by chunk.
    pub(crate) fn work(&mut self) -> Result<()> {
        let journal = &self.lab.journal;
        for chunk in 0..journal.header().chunks() {
            let (free, taken) = (ChunkState::Free, ChunkState::Taken { slot: self.slot });
            if journal.replace(Word::Chunk(chunk), free.to_word(), taken.to_word()) {
                self.finish(chunk, 0, 0)?;
            }
        }
        if let Some((chunk, done)) = self.late.take() {
            journal.store(Word::Chunk(chunk), done.to_word());
        }
        Ok(())
    }
}

/// The real protocol in any slot: recovers it, takes `chunk` if that is free, and edits it.
pub(crate) fn real_in_slot(lab: &Lab<'_>, slot: u32, chunk: u32) -> std::result::Result<(), String> {
    let (journal, mut thread) = (&lab.journal, Thread::new(lab, slot, Mistake::None));
    let recovered = protocol::recover(journal, &mut thread, slot, journal.header().chunks());
    let edited = recovered.and_then(|()| match protocol::take(journal, slot, chunk) {
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

    fn fill_slot(&mut self, chunk: u32, piece: u32) -> Result<Finished> {
        let lab = self.lab;
        let mut at = lab.journal.slot_piece_at(self.slot);
        let mut edited = Edited { clipped: 0, sum: 0 };
        for (start, length) in self.parts(chunk, piece) {
            let of_part = lab
                .image_view
                .copy_edited(start, lab.journal.view(), at, length, &self.edit)?;
            edited.add(of_part.clipped, of_part.sum);
            at += length;
        }
        Ok(Finished {
            clipped: u32::try_from(edited.clipped).expect("few samples"),
            checksum: check::checksum(edited.sum, self.beginning(chunk, piece)?),
        })
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

    fn fingerprint(&mut self, chunk: u32) -> Result<u32> {
        let part = self.lab.case.cut.chunk(u64::from(chunk)).part;
        let end = part.start.max(part.end.saturating_sub(END_BYTES as u64))..part.end;
        let (first, last) = (self.parts_of(part)[0], *self.parts_of(end).last().expect("an end"));
        let mut bytes = self.read(first.0, self.beginning_length(first.1))?;
        bytes.extend(self.read(last.0, last.1)?);
        Ok(check::fingerprint(&bytes))
    }
}

impl Thread<'_> {
    /// The fingerprint of a chunk's beginning, which lies in the slot while that holds the first piece.
    fn beginning(&self, chunk: u32, piece: u32) -> Result<u32> {
        let (start, length) = self.parts_of(self.lab.case.cut.chunk(u64::from(chunk)).part)[0];
        let length = self.beginning_length(length);
        let bytes = if piece > 0 {
            self.read(start, length)?
        } else {
            let mut bytes = vec![0; length];
            let journal = &self.lab.journal;
            journal.view().copy_out(journal.slot_piece_at(self.slot), &mut bytes)?;
            bytes
        };
        Ok(check::fingerprint(&bytes))
    }

    fn beginning_length(&self, row_length: usize) -> usize {
        let piece = usize::try_from(self.lab.case.cut.piece_bytes()).expect("small pieces");
        row_length.min(piece).min(END_BYTES)
    }

    fn read(&self, start: usize, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.lab.image_view.copy_out(start, &mut bytes)?;
        Ok(bytes)
    }

    fn parts(&self, chunk: u32, piece: u32) -> Vec<(usize, usize)> {
        self.parts_of(self.lab.case.cut.piece(u64::from(chunk), u64::from(piece)))
    }

    fn parts_of(&self, part: std::ops::Range<u64>) -> Vec<(usize, usize)> {
        let small = |bytes: u64| usize::try_from(bytes).expect("a small image");
        let ranges = self.lab.case.job.window.ranges(part);
        ranges
            .map(|range| (small(range.start), small(range.end - range.start)))
            .collect()
    }
}
