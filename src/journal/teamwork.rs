//! What the threads and processes of a job, and those who watch them, tell each other through the journal: how far the
//! job is, who works on it, and whether to go on.

use std::sync::atomic::{Ordering, fence};

use crate::counts::Counts;
use crate::error::{Error, Result};
use crate::journal::header::{CURSOR_AT, EPOCH_AT, SLOT_DONE_AT, SLOT_OWNER_AT};
use crate::journal::protocol::{self, Memory, Word};
use crate::journal::words::{ChunkState, SlotState};
use crate::journal::{Journal, SLOT_LOCKS_AT, refused};
use crate::os::{identity, lock};

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Bytes of the window in chunks that are done.
    pub done_bytes: u64,
    /// Clipped and merged samples of the chunks that are done.
    pub counts: Counts,
}

/// A thread that works on a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotOwner {
    /// The thread's process.
    pub process: u64,
    /// Bytes of the window that the thread did.
    pub done_bytes: u64,
    /// The chunk that the thread has begun.
    pub chunk: Option<u32>,
}

impl Journal {
    /// Counts `bytes` as done by the owner of slot `slot`.
    ///
    /// # Errors
    /// `Io` if the journal's page cannot be had; the same for the methods below.
    pub fn count_done(&self, slot: u32, bytes: u64) -> Result<()> {
        let at = self.offsets.slot_at(slot) + SLOT_DONE_AT;
        // The slot is its owner's alone.
        self.view.store_word(at, self.view.load_word(at)?.wrapping_add(bytes))
    }

    /// Begins an epoch, with the spans from the first one on; the caller has the right to run the job. Threads of an
    /// earlier epoch, such as the orphans of a killed coordinator, are asked to stop thereby.
    pub fn open_epoch(&self) -> Result<()> {
        // A number that no other epoch of the job has.
        let number = identity::now_nanoseconds().max(1);
        self.view.store_word(CURSOR_AT, 0)?;
        self.join_epoch(number);
        self.view.store_word(EPOCH_AT, number)
    }

    /// The number of the epoch that we take part in.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Takes part in the epoch of this number.
    pub fn join_epoch(&self, number: u64) {
        self.epoch.store(number, Ordering::Relaxed);
    }

    /// Asks the threads of every epoch to stop after their chunks; the caller has the right to run the job. A thread
    /// that is not seen to hold a slot after this takes no chunk.
    pub fn close_epoch(&self) -> Result<()> {
        self.view.store_word(EPOCH_AT, 0)?;
        fence(Ordering::SeqCst);
        Ok(())
    }

    /// Asks the threads of our epoch to stop after their chunks.
    pub fn ask_to_stop(&self) {
        // A journal that cannot be reached stops everybody by itself.
        let _ = self.view.replace_word(EPOCH_AT, self.epoch(), 0);
    }

    /// True once somebody asked our epoch to stop, or another epoch has begun.
    pub fn is_asked_to_stop(&self) -> Result<bool> {
        Ok(self.view.load_word(EPOCH_AT)? != self.epoch())
    }

    /// The next span to look for work in: each number from 0 on is given to one thread of all processes. The span is
    /// only a hint: the chunk's word says who has the chunk.
    pub fn next_span(&self) -> Result<u64> {
        self.view.add_to_word(CURSOR_AT, 1)
    }

    /// The living threads of the job, by the locks on their slots.
    ///
    /// # Errors
    /// `Io`.
    pub fn slot_owners(&self) -> Result<Vec<SlotOwner>> {
        let mut slot_owners = Vec::new();
        for slot in 0..self.header.slots {
            let byte = SLOT_LOCKS_AT + u64::from(slot);
            let held = lock::is_held(self.file.file(), byte..byte + 1);
            if held.map_err(|error| Error::io("look at", self.path(), error))? {
                let slot_at = self.offsets.slot_at(slot);
                let slot_state = protocol::slot_state(self, slot)?;
                slot_owners.push(SlotOwner {
                    process: self.view.load_word(slot_at + SLOT_OWNER_AT)?,
                    done_bytes: self.view.load_word(slot_at + SLOT_DONE_AT)?,
                    chunk: match slot_state {
                        Some(SlotState::Idle { chunk, .. } | SlotState::Finished { chunk, .. }) => Some(chunk),
                        _ => None,
                    },
                });
            }
        }
        Ok(slot_owners)
    }

    /// How far the job is, by a look at every chunk.
    pub fn totals(&self) -> Result<Totals> {
        let mut totals = Totals::default();
        for chunk in 0..self.header.chunks() {
            if let Some(ChunkState::Done { counts, .. }) = protocol::chunk(self, chunk)? {
                let part = self.header.chunk_plan.chunk(u64::from(chunk)).part;
                totals.done_bytes += part.end - part.start;
                totals.counts += counts;
            }
        }
        Ok(totals)
    }

    /// About how many bytes are done, by a look at every slot. All chunks are taken to be equally long, and each living
    /// thread may have a chunk that is done and not counted yet.
    pub fn counted_bytes(&self) -> Result<u64> {
        let mut chunks = 0;
        for slot in 0..self.header.slots {
            let count = self.codec().read_count(slot, self.load(Word::Count(slot))?);
            chunks += count.map_or(0, |count| u64::from(count.chunks));
        }
        let chunk_plan = &self.header.chunk_plan;
        let bytes = u128::from(chunks) * u128::from(chunk_plan.window_bytes()) / u128::from(chunk_plan.chunks());
        Ok(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// True if a chunk is free.
    pub fn has_free_chunks(&self) -> Result<bool> {
        for chunk in 0..self.header.chunks() {
            if protocol::chunk(self, chunk)? == Some(ChunkState::Free) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Refuses a journal that says COMPLETE although not all chunks are done.
    ///
    /// # Errors
    /// `Unfit`.
    pub fn refuse_undone(&self) -> Result<()> {
        if self.totals()?.done_bytes == self.header.chunk_plan.window_bytes() {
            Ok(())
        } else {
            Err(refused(
                self.path(),
                "is damaged: it says that all is done, and it is not",
            ))
        }
    }

    /// The state of chunk `chunk`, unless its word means nothing.
    pub fn chunk(&self, chunk: u32) -> Result<Option<ChunkState>> {
        protocol::chunk(self, chunk)
    }
}
