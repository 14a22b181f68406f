//! How far a job is, who works on it, and whether they are to go on: what the threads and processes of a job, and those
//! who watch them, tell each other through the journal.

use crate::error::{Error, Result};
use crate::journal::header::{CURSOR_AT, SLOT_DONE_AT, SLOT_OWNER_AT, STOP_AT};
use crate::journal::protocol::{Memory, Word};
use crate::journal::words::{ChunkState, Intent};
use crate::journal::{Journal, SLOT_LOCKS_AT, refused};
use crate::os::lock;

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes of the window in chunks that are done.
    pub done_bytes: u64,
    /// Samples of those chunks that clipped.
    pub clipped_samples: u64,
}

/// A thread that works on a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hand {
    /// Its process.
    pub process: u64,
    /// Bytes of the window that it did.
    pub done_bytes: u64,
    /// The chunk that it has in hand.
    pub chunk: Option<u32>,
}

impl Journal {
    /// Counts `bytes` as done by the owner of slot `slot`.
    pub fn count_done(&self, slot: u32, bytes: u64) {
        self.view.add_to_word(self.header.slot_at(slot) + SLOT_DONE_AT, bytes);
    }

    /// Lets work begin: nobody is asked to stop, and the spans are handed out from the first.
    pub fn open_round(&self) {
        self.view.store_word(CURSOR_AT, 0);
        self.view.store_word(STOP_AT, 0);
    }

    /// Asks all who work on the job to stop after their chunks.
    pub fn ask_to_stop(&self) {
        self.view.store_word(STOP_AT, 1);
    }

    /// True once somebody asked.
    pub fn is_asked_to_stop(&self) -> bool {
        self.view.load_word(STOP_AT) != 0
    }

    /// The next span to look for work in: each number from 0 on, once for all threads of all processes. It is only a
    /// hint: whose a chunk is, the chunk's word says.
    pub fn next_span(&self) -> u64 {
        self.view.add_to_word(CURSOR_AT, 1)
    }

    /// The threads that are alive, as the slots say.
    ///
    /// # Errors
    /// `Io`.
    pub fn crew(&self) -> Result<Vec<Hand>> {
        let mut crew = Vec::new();
        for slot in 0..self.header.slots {
            let byte = SLOT_LOCKS_AT + u64::from(slot);
            let held = lock::is_held(self.file.file(), byte..byte + 1);
            if held.map_err(|error| Error::io("look at", self.path(), error))? {
                let slot_at = self.header.slot_at(slot);
                let intent = Intent::from_word(self.load(Word::Intent(slot)));
                crew.push(Hand {
                    process: self.view.load_word(slot_at + SLOT_OWNER_AT),
                    done_bytes: self.view.load_word(slot_at + SLOT_DONE_AT),
                    chunk: match intent {
                        Some(Intent::Idle { chunk, .. } | Intent::Finished { chunk, .. }) => Some(chunk),
                        _ => None,
                    },
                });
            }
        }
        Ok(crew)
    }

    /// How far the job is.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for chunk in 0..self.header.chunks() {
            if let Some(ChunkState::Done { clipped, .. }) = self.chunk(chunk) {
                let part = self.header.cut.chunk(u64::from(chunk)).part;
                tally.done_bytes += part.end - part.start;
                tally.clipped_samples += u64::from(clipped);
            }
        }
        tally
    }

    /// True if there is a chunk that anybody may take.
    pub fn has_free_chunks(&self) -> bool {
        (0..self.header.chunks()).any(|chunk| self.chunk(chunk) == Some(ChunkState::Free))
    }

    /// Refuses a journal that says it is complete and is not.
    ///
    /// # Errors
    /// `Unfit`.
    pub fn refuse_undone(&self) -> Result<()> {
        match self.tally().done_bytes == self.header.cut.window_bytes() {
            true => Ok(()),
            false => Err(refused(
                self.path(),
                "is damaged: it says that all is done, and it is not",
            )),
        }
    }

    /// The state of chunk `chunk`, unless its word means nothing.
    pub fn chunk(&self, chunk: u32) -> Option<ChunkState> {
        ChunkState::from_word(self.load(Word::Chunk(chunk)))
    }
}
