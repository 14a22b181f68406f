//! One thread of a run: it takes chunks, and edits them through its slot as the journal's protocol says.

use std::ops::Range;

use crate::chunk_plan::QUANTUM;
use crate::error::Result;
use crate::journal::protocol::{self, Pixels};
use crate::journal::words::{ChunkPrefix, ChunkState};
use crate::os::lock::Lock;
use crate::threads::{self, WorkQueue};

use super::Run;
use super::span::Span;

/// What a thread has for itself.
pub(super) struct EditThread<'a> {
    run: &'a Run<'a>,
    slot: u32,
    /// Every redo block begins with a sample of the first lane, so it need not be worked out.
    begins_with_first_lane: bool,
    /// The lock on the slot's byte; while it is held, others know that this thread lives.
    _alive: Lock,
    span: Option<Span>,
}

impl<'a> EditThread<'a> {
    /// Takes slot `slot`; `None` if a living thread has it.
    pub(super) fn new(run: &'a Run<'a>, slot: u32) -> Result<Option<EditThread<'a>>> {
        Ok(run.journal.lock_slot(slot)?.map(|alive| EditThread {
            run,
            slot,
            begins_with_first_lane: run.job.target.fits_lanes(QUANTUM),
            _alive: alive,
            span: None,
        }))
    }

    /// Takes the first free slot and finishes what its last owner had begun; `None` if no slot is free or the job is
    /// asked to stop.
    pub(super) fn in_any_slot(run: &'a Run<'a>) -> Result<Option<EditThread<'a>>> {
        for slot in 0..run.journal.header().slots {
            if let Some(mut thread) = EditThread::new(run, slot)? {
                // Asked after the lock is taken: whoever ends an epoch changes the epoch word first and looks for locks
                // then, so one of the two sees the other.
                if run.journal.is_asked_to_stop()? {
                    return Ok(None);
                }
                thread.recover()?;
                return Ok(Some(thread));
            }
        }
        Ok(None)
    }

    /// Finishes what the slot's last owner had begun.
    pub(super) fn recover(&mut self) -> Result<()> {
        let (run, slot) = (self.run, self.slot);
        protocol::recover(run.journal, self, slot)
    }

    /// Takes spans until none is left, then goes through all of them again for free chunks: those that dead threads did
    /// not reach, and those that slow threads have not reached yet.
    pub(super) fn work(mut self, queue: &WorkQueue) -> Result<()> {
        let run = self.run;
        let spans = run.chunk_plan.spans();
        loop {
            let span = run.journal.next_span()?;
            if span >= spans {
                break;
            }
            if !self.work_through(span, queue)? {
                return Ok(());
            }
        }
        // Every thread begins elsewhere, so that they do not all fight for the same chunks.
        let first = u64::from(self.slot) * spans / u64::from(run.journal.header().slots);
        for span in (first..spans).chain(0..first) {
            if !self.work_through(span, queue)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Edits the chunks of a span that are free; false if it is time to stop.
    fn work_through(&mut self, span: u64, queue: &WorkQueue) -> Result<bool> {
        let (run, slot) = (self.run, self.slot);
        let mut free: Option<Range<u64>> = None;
        for chunk in run.chunk_plan.chunks_of(span) {
            if run.journal.chunk(chunk.index)? == Some(ChunkState::Free) {
                let start = free.map_or(chunk.part.start, |free| free.start);
                free = Some(start..chunk.part.end);
            }
        }
        let Some(free) = free else {
            return Ok(true);
        };
        self.map(free)?;
        for chunk in run.chunk_plan.chunks_of(span) {
            if queue.stopped() || run.journal.is_asked_to_stop()? {
                return Ok(false);
            }
            if protocol::take(run.journal, slot, chunk.index)? {
                protocol::edit(run.journal, self, slot, chunk.index)?;
                let chunk_bytes = chunk.part.end - chunk.part.start;
                run.journal.beat(slot)?;
                run.journal.count_done(slot, chunk_bytes)?;
                threads::report(run.progress, chunk_bytes)?;
            }
        }
        self.span = None;
        Ok(true)
    }

    /// Maps the bytes `part` of the window.
    fn map(&mut self, part: Range<u64>) -> Result<()> {
        // Before the next one, or both would be mapped.
        self.span = None;
        self.span = Some(Span::map(self.run.image, &self.run.job.target.window, part)?);
        Ok(())
    }

    /// Makes sure that chunk `chunk` is mapped: the work has done so, a recovery has not.
    fn reach(&mut self, chunk: u32) -> Result<()> {
        let part = self.run.chunk_plan.chunk(u64::from(chunk)).part;
        if self.span.as_ref().is_some_and(|span| span.holds(&part)) {
            Ok(())
        } else {
            self.map(part)
        }
    }

    /// Makes sure that redo block `redo_block` of chunk `chunk` is mapped and populated; returns its bytes of the
    /// window.
    fn bring(&mut self, chunk: u32, redo_block: u32) -> Result<Range<u64>> {
        self.reach(chunk)?;
        let run = self.run;
        let part = run.chunk_plan.redo_block(u64::from(chunk), u64::from(redo_block));
        let span = self.span.as_mut().expect("reached above");
        if span.advance_to(&part, &run.job.target.window, run.populate)? {
            // Populating for writing changes the image's times, so a new sign of life is needed.
            run.journal.beat(self.slot)?;
        }
        Ok(part)
    }

    fn span(&self) -> &Span {
        self.span.as_ref().expect("a chunk is reached before it is touched")
    }
}

impl Pixels for EditThread<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the journal's header keeps a chunk to MAX_REDO_BLOCKS"
    )]
    fn redo_blocks(&self, chunk: u32) -> u32 {
        self.run.chunk_plan.redo_blocks(u64::from(chunk)) as u32
    }

    fn fill_slot(&mut self, chunk: u32, redo_block: u32, before: ChunkPrefix) -> Result<ChunkPrefix> {
        let part = self.bring(chunk, redo_block)?;
        let (run, span) = (self.run, self.span());
        let mut at = run.journal.slot_redo_block_at(self.slot);
        let mut after = before;
        let mut lane = if self.begins_with_first_lane {
            0
        } else {
            run.job.target.lane_at(part.start)
        };
        for range in run.job.target.window.ranges(part) {
            let part = span.inside(&range);
            after.counts += span.view().copy_edited(
                part.start,
                run.journal.view(),
                at,
                part.len(),
                &run.edit,
                lane,
                &mut after.digest,
            )?;
            // A row begins with the first lane.
            lane = 0;
            at += part.len();
        }
        Ok(after)
    }

    fn empty_slot(&mut self, chunk: u32, redo_block: u32) -> Result<()> {
        let part = self.bring(chunk, redo_block)?;
        let (run, span) = (self.run, self.span());
        let mut at = run.journal.slot_redo_block_at(self.slot);
        for range in run.job.target.window.ranges(part) {
            let part = span.inside(&range);
            span.view().copy_from(part.start, run.journal.view(), at, part.len())?;
            at += part.len();
        }
        Ok(())
    }
}
