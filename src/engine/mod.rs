//! Runs a job in this process: threads take spans of the window, map each, and edit it chunk by chunk.
//!
//! The engine knows no terminal (progress goes to a callback), no other process, and nothing of the file but the job's
//! window.
//!
//! 1. No byte outside the window is written.
//! 2. What is done to the image and to the journal, in which order, is the journal's protocol and nothing else.
//! 3. A thread maps one span at a time, populates it batch by batch, and releases each batch soon after, so what stays
//!    in memory is bounded by [`Settings::memory_bytes`], whatever the image's size.

mod span;
mod thread;

use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::chunk_plan::{ChunkPlan, split};
use crate::digest::Key;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::journal::Journal;
use crate::journal::check::{self, Chunks};
use crate::kernel::Kernel;
use crate::map::{CopyEdit, MappedFile, Populate};
use crate::os::disk::{self, FileSystem};
use crate::threads::{self, Progress};
use crate::window::Window;

use self::thread::EditThread;

/// What a thread maps at once. Both neighbours pay for the huge page under the end of a span, so it is a small part.
const SPAN_BYTES: u64 = 64 << 20;

/// How a job is to be run; what it does to the image does not depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads that edit, at least 1.
    pub threads: usize,
    /// About how many bytes of the image may be in memory at once, over all threads; not less than
    /// [`Settings::MIN_THREAD_MEMORY_BYTES`] each. Where a window's bytes follow each other, much less is, as what is
    /// done is released.
    pub memory_bytes: u64,
}

impl Settings {
    /// The usual bound of what is in memory at once.
    pub const DEFAULT_MEMORY_BYTES: u64 = 32 << 20;

    /// Two huge pages, below which the system's work for a map exceeds the edit's.
    pub const MIN_THREAD_MEMORY_BYTES: u64 = 4 << 20;

    /// The plan of a fresh job on `window`, so that these settings hold.
    pub fn chunk_plan(&self, window: &Window) -> ChunkPlan {
        ChunkPlan::new(
            window,
            self.thread_memory_bytes(),
            self.span_bytes(),
            self.some_threads(),
        )
    }

    /// The spans that these settings make of a plan that is there already.
    fn spans_of(&self, chunk_plan: &ChunkPlan) -> ChunkPlan {
        chunk_plan.with_spans(self.span_bytes(), self.some_threads())
    }

    fn some_threads(&self) -> u64 {
        self.threads.max(1) as u64
    }

    fn thread_memory_bytes(&self) -> u64 {
        (self.memory_bytes / self.some_threads()).max(Settings::MIN_THREAD_MEMORY_BYTES)
    }

    /// What is mapped at once is in memory only from when it is populated until it is released.
    fn span_bytes(&self) -> u64 {
        self.thread_memory_bytes().max(SPAN_BYTES)
    }

    /// As many threads as this process may use at once, and the usual memory.
    pub fn default_here() -> Settings {
        Settings::shared_by(1)
    }

    /// The part of each of so many processes in that.
    pub fn shared_by(processes: usize) -> Settings {
        let processes = processes.max(1);
        Settings {
            threads: threads::available().div_ceil(processes),
            memory_bytes: (Settings::DEFAULT_MEMORY_BYTES / processes as u64).max(1),
        }
    }
}

/// Edits what is left of the job's window, on the threads that `settings` name. Any number of processes may do so at
/// once on one journal. Returns when no chunk is free, or when the journal asks to stop; others may then still have
/// chunks in hand. `progress` hears of every chunk.
///
/// # Errors
/// The first one that any thread met, `Io` as a rule: the journal then knows what is done and what is not.
/// `Interrupted` if `progress` said so.
pub fn work(
    job: &Job,
    image: &MappedFile,
    journal: &Journal,
    settings: &Settings,
    progress: Progress<'_>,
) -> Result<()> {
    let run = Run {
        job,
        image,
        journal,
        chunk_plan: settings.spans_of(&journal.header().chunk_plan),
        populate: populate_for(image),
        edit: edit_of(job, journal),
        progress,
    };
    threads::share(settings.threads, u64::MAX, |queue| {
        match EditThread::in_any_slot(&run)? {
            Some(thread) => thread.work(queue),
            // Too late, or more threads than the journal has slots: the others do the work.
            None => Ok(()),
        }
    })?;
    Ok(())
}

/// Finishes the chunks that dead threads had begun, and nothing else. Returns how many slots were left alone because
/// their threads live.
///
/// # Errors
/// As for [`work`].
pub fn recover_dead_slots(job: &Job, image: &MappedFile, journal: &Journal) -> Result<u32> {
    let run = Run::alone(job, image, journal);
    let mut alive = 0;
    for slot in 0..journal.header().slots {
        match EditThread::new(&run, slot)? {
            Some(mut thread) => thread.recover()?,
            None => alive += 1,
        }
    }
    Ok(alive)
}

/// Checks that what the journal says makes sense, and that the image holds what it says is done; reads of the image the
/// chunks that `chunks` names. `progress` hears of no bytes; it is asked whether to go on. False if the job left
/// nothing yet that could be compared.
///
/// # Errors
/// `Unfit` if it does not; `Io`; `Interrupted` if `progress` said so.
pub fn check(job: &Job, image: &MappedFile, journal: &Journal, chunks: Chunks, progress: Progress<'_>) -> Result<bool> {
    let mut reader = Reader::new(job, image, journal);
    reader.check_journal()?;
    let mut is_compared = false;
    check::image(journal, image.path(), chunks, &mut |digest, redo_blocks| {
        threads::report(progress, 0)?;
        is_compared |= !redo_blocks.is_empty();
        reader.digest(digest, redo_blocks)
    })?;
    let in_flight = check::in_flight(journal)?;
    if !in_flight.is_empty() {
        let kernel = job.kernel();
        for (slot, chunk, redo_block) in in_flight {
            if !reader.is_in_flight(&kernel, slot, chunk, redo_block)? {
                return Err(check::not_as_left(journal, image.path(), chunk));
            }
        }
        is_compared = true;
    }
    Ok(is_compared)
}

/// Reads what a job left, in the image and in the slots of its journal.
struct Reader<'a> {
    job: &'a Job,
    image: &'a MappedFile,
    journal: &'a Journal,
    key: Arc<Key>,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(job: &'a Job, image: &'a MappedFile, journal: &'a Journal) -> Reader<'a> {
        let redo_block_bytes = journal.header().chunk_plan.redo_block_bytes();
        Reader {
            job,
            image,
            journal,
            key: Arc::new(journal.key()),
            buffer: vec![0; usize::try_from(redo_block_bytes).expect("a redo block is small")],
        }
    }

    fn check_journal(&mut self) -> Result<()> {
        let Reader {
            job,
            journal,
            key,
            buffer,
            ..
        } = self;
        check::journal(journal, |digest, redo_block, at| {
            let (mut digest, mut at) = (digest, at);
            for range in job.target.window.ranges(redo_block) {
                let bytes = &mut buffer[..length(&range)];
                journal.view().copy_out(at, bytes)?;
                at += bytes.len();
                digest = key.add(digest, bytes);
            }
            Ok(digest)
        })
    }

    /// Digests some redo blocks of the window as the image has them, on top of `digest`.
    fn digest(&mut self, mut digest: u64, redo_blocks: Range<u64>) -> Result<u64> {
        // Redo block by redo block, as it was edited: the digest knows where a range of one ends.
        for redo_block in split(redo_blocks, self.journal.header().chunk_plan.redo_block_bytes()) {
            for range in self.job.target.window.ranges(redo_block) {
                let bytes = &mut self.buffer[..length(&range)];
                let read = self.image.file().read_exact_at(bytes, range.start);
                read.map_err(|error| Error::io("read", self.image.path(), error))?;
                digest = self.key.add(digest, bytes);
            }
        }
        Ok(digest)
    }

    /// True if each sample of a redo block in the image (or each pixel, if those are edited as a whole) is as before or
    /// as in its finished bytes in a slot, but for one at most: a kill may come between any two bytes of the copy.
    fn is_in_flight(&mut self, kernel: &Kernel, slot: u32, chunk: u32, redo_block: u32) -> Result<bool> {
        let part = self
            .journal
            .header()
            .chunk_plan
            .redo_block(u64::from(chunk), u64::from(redo_block));
        let mut lane = self.job.target.lane_at(part.start);
        let mut at = self.journal.slot_redo_block_at(slot);
        let mut finished = vec![0; self.buffer.len()];
        let mut torn = 0;
        for range in self.job.target.window.ranges(part) {
            let held = &mut self.buffer[..length(&range)];
            let finished = &mut finished[..length(&range)];
            let read = self.image.file().read_exact_at(held, range.start);
            read.map_err(|error| Error::io("read", self.image.path(), error))?;
            self.journal.view().copy_out(at, finished)?;
            at += held.len();
            let mut edited = held.to_vec();
            kernel.apply(&mut edited, lane);
            // A row begins with the first lane.
            lane = 0;
            let units = |bytes| <[u8]>::chunks_exact(bytes, kernel.unit_bytes());
            for ((held, edited), finished) in units(held).zip(units(&edited)).zip(units(finished)) {
                torn += u32::from(edited != finished && held != finished);
            }
        }
        Ok(torn <= 1)
    }
}

/// The bytes of a range of a redo block.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a redo block's ranges are no longer than it is"
)]
fn length(range: &Range<u64>) -> usize {
    (range.end - range.start) as usize
}

/// How pages are best populated: for writing, which is what the edit will do, except on tmpfs, where a page that may
/// be read may be written too, and reading populates its neighbours.
fn populate_for(image: &MappedFile) -> Populate {
    match disk::file_system(image.file()) {
        Ok(FileSystem::Tmpfs) => Populate::Read,
        _ => Populate::Write,
    }
}

/// What the job does to bytes on their way into a slot.
fn edit_of(job: &Job, journal: &Journal) -> CopyEdit {
    CopyEdit::new(job.kernel(), Arc::new(journal.key()))
}

/// What all threads of a run share.
struct Run<'a> {
    job: &'a Job,
    image: &'a MappedFile,
    journal: &'a Journal,
    chunk_plan: ChunkPlan,
    populate: Populate,
    /// Made once: a table takes some time to be made ready.
    edit: CopyEdit,
    progress: Progress<'a>,
}

impl<'a> Run<'a> {
    /// A run that only mends: chunk by chunk, and nobody watches.
    fn alone(job: &'a Job, image: &'a MappedFile, journal: &'a Journal) -> Run<'a> {
        Run {
            job,
            image,
            journal,
            chunk_plan: journal.header().chunk_plan.clone(),
            populate: populate_for(image),
            edit: edit_of(job, journal),
            progress: &|_| ControlFlow::Continue(()),
        }
    }
}
