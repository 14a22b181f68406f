//! Runs a job in this process: threads take spans of the window, map each, and edit it chunk by chunk.
//!
//! The engine knows no terminal (progress goes to a callback), no other process, and nothing of the file but the job's
//! window.
//!
//! 1. No byte outside the window is written.
//! 2. What is done to the image and to the journal, in which order, is the journal's protocol and nothing else.
//! 3. A thread maps one span at a time and lets it go before the next, so what stays in memory is bounded by
//!    [`Settings::memory_bytes`], whatever the image's size.

use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;

use crate::cut::{Chunk, Cut};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::journal::Journal;
use crate::journal::check::{self, END_BYTES, Of};
use crate::journal::protocol::{self, Finished, Pixels};
use crate::journal::words::ChunkState;
use crate::map::{Edit, Edited, MappedFile, PageIn, View};
use crate::os::disk::{self, FileSystem};
use crate::os::lock::Lock;
use crate::threads::{self, Progress, Turns};
use crate::window::Window;

/// How a job is to be run; what it does to the image does not depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads that edit, at least 1.
    pub threads: usize,
    /// About how many bytes of the image may be in memory at once, over all threads; not less than
    /// [`Settings::LEAST_THREAD_MEMORY_BYTES`] each.
    pub memory_bytes: u64,
}

impl Settings {
    /// The usual bound of what is mapped at once.
    pub const DEFAULT_MEMORY_BYTES: u64 = 32 << 20;

    /// Two huge pages, below which the system's work for a map exceeds the edit's.
    pub const LEAST_THREAD_MEMORY_BYTES: u64 = 4 << 20;

    /// How a fresh job on `window` is cut, so that these settings hold.
    pub fn cut(&self, window: &Window) -> Cut {
        let threads = self.threads.max(1) as u64;
        let span_memory_bytes = (self.memory_bytes / threads).max(Settings::LEAST_THREAD_MEMORY_BYTES);
        Cut::new(window, span_memory_bytes, threads)
    }

    /// As many threads as this process may use at once, and the usual memory.
    pub fn default_here() -> Settings {
        Settings {
            threads: threads::available(),
            memory_bytes: Settings::DEFAULT_MEMORY_BYTES,
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
        cut: journal.header().cut.with_spans_like(&settings.cut(&job.window)),
        page_in: page_in_for(image),
        progress,
    };
    threads::share(settings.threads, u64::MAX, |turns| match Thread::in_any_slot(&run)? {
        Some(thread) => thread.work(turns),
        // Too late, or more threads than the journal has slots: the others do the work.
        None => Ok(()),
    })?;
    Ok(())
}

/// Finishes the chunks that dead threads had begun, and nothing else. Returns how many slots were left alone because
/// their threads live.
///
/// # Errors
/// As for [`work`].
pub fn settle(job: &Job, image: &MappedFile, journal: &Journal) -> Result<u32> {
    let run = Run::alone(job, image, journal);
    let mut alive = 0;
    for slot in 0..journal.header().slots {
        match Thread::new(&run, slot)? {
            Some(mut thread) => thread.recover()?,
            None => alive += 1,
        }
    }
    Ok(alive)
}

/// Checks that the image holds what the journal says is done. Reads only the ends of each chunk.
///
/// # Errors
/// `Unfit` if it does not; `Io`.
pub fn check_image(job: &Job, image: &MappedFile, journal: &Journal) -> Result<()> {
    check::image(journal, image.path(), |chunk, of| {
        let marked = marked(job, &journal.header().cut, chunk, of);
        fingerprint(&marked, |range, bytes| {
            let read = image.file().read_exact_at(bytes, range.start);
            read.map_err(|error| Error::io("read", image.path(), error))
        })
    })
}

/// Where in the file the bytes lie that a fingerprint of a chunk is taken of.
fn marked(job: &Job, cut: &Cut, chunk: u32, of: Of) -> Vec<Range<u64>> {
    let part = cut.chunk(u64::from(chunk)).part;
    let end = part.start.max(part.end.saturating_sub(END_BYTES as u64))..part.end;
    let first = job.window.ranges(part).next().expect("a chunk is not empty");
    // Within the first piece: as soon as that is in the image, the beginning is as it stays.
    let beginning = first.start..first.end.min(first.start + cut.piece_bytes().min(END_BYTES as u64));
    match of {
        Of::Beginning => vec![beginning],
        Of::BothEnds => [beginning].into_iter().chain(job.window.ranges(end).last()).collect(),
    }
}

/// The fingerprint of the bytes at `ranges`, each of which `read` reads.
fn fingerprint(ranges: &[Range<u64>], mut read: impl FnMut(&Range<u64>, &mut [u8]) -> Result<()>) -> Result<u32> {
    let mut bytes = [0; 2 * END_BYTES];
    let mut length = 0;
    for range in ranges {
        #[expect(clippy::cast_possible_truncation, reason = "at most END_BYTES")]
        let end = length + (range.end - range.start) as usize;
        read(range, &mut bytes[length..end])?;
        length = end;
    }
    Ok(check::fingerprint(&bytes[..length]))
}

/// How pages are best brought in: by writing, which is what the edit will do, except on tmpfs, where a page that may
/// be read may be written too, and reading brings in its neighbours.
fn page_in_for(image: &MappedFile) -> PageIn {
    match disk::file_system(image.file()) {
        Ok(FileSystem::Tmpfs) => PageIn::Read,
        _ => PageIn::Write,
    }
}

/// What all threads of a run share.
struct Run<'a> {
    job: &'a Job,
    image: &'a MappedFile,
    journal: &'a Journal,
    cut: Cut,
    page_in: PageIn,
    progress: Progress<'a>,
}

impl<'a> Run<'a> {
    /// A run that only mends: chunk by chunk, and nobody watches.
    fn alone(job: &'a Job, image: &'a MappedFile, journal: &'a Journal) -> Run<'a> {
        Run {
            job,
            image,
            journal,
            cut: journal.header().cut,
            page_in: page_in_for(image),
            progress: &|_| ControlFlow::Continue(()),
        }
    }
}

/// What a thread has for itself.
struct Thread<'a> {
    run: &'a Run<'a>,
    edit: Edit,
    slot: u32,
    /// As long as it lives, so does this thread.
    _alive: Lock,
    span: Option<Span>,
    /// Of the chunk in work, the fingerprint of its beginning.
    beginning: Option<(u32, u32)>,
}

/// Bytes of the window that are mapped: the `view` begins at file position `start`.
struct Span {
    part: Range<u64>,
    view: View,
    start: u64,
}

impl Span {
    /// Where in the view the file range lies.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the view was made from such positions, and they fitted"
    )]
    fn inside(&self, range: &Range<u64>) -> Range<usize> {
        (range.start - self.start) as usize..(range.end - self.start) as usize
    }
}

impl<'a> Thread<'a> {
    /// The thread of slot `slot`; `None` if that slot's thread lives.
    fn new(run: &'a Run<'a>, slot: u32) -> Result<Option<Thread<'a>>> {
        Ok(run.journal.lock_slot(slot)?.map(|alive| Thread {
            run,
            edit: Edit::new(run.job.op.kernel(run.job.format)),
            slot,
            _alive: alive,
            span: None,
            beginning: None,
        }))
    }

    /// A thread in whichever slot is free, after what its last owner had begun is finished; `None` if none is, or if
    /// it is time to stop.
    fn in_any_slot(run: &'a Run<'a>) -> Result<Option<Thread<'a>>> {
        for slot in 0..run.journal.header().slots {
            if let Some(mut thread) = Thread::new(run, slot)? {
                // Only now: whoever ends a round asks first, and looks for locks then.
                if run.journal.is_asked_to_stop() {
                    return Ok(None);
                }
                thread.recover()?;
                return Ok(Some(thread));
            }
        }
        Ok(None)
    }

    /// Finishes what the slot's last owner had begun.
    fn recover(&mut self) -> Result<()> {
        let (run, slot) = (self.run, self.slot);
        protocol::recover(run.journal, self, slot, run.journal.header().chunks())
    }

    /// Takes span after span, and in the end whatever chunks are free: those that dead threads had not come to, and
    /// those that slow ones have still before them.
    fn work(mut self, turns: &Turns) -> Result<()> {
        let run = self.run;
        let spans = run.cut.spans();
        while let span = run.journal.next_span()
            && span < spans
        {
            if !self.work_through(span, turns)? {
                return Ok(());
            }
        }
        // Every thread begins elsewhere, so that they do not all fight for the same chunks.
        let first = u64::from(self.slot) * spans / u64::from(run.journal.header().slots);
        for span in (first..spans).chain(0..first) {
            if !self.work_through(span, turns)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Edits the chunks of a span that are free; false if it is time to stop.
    fn work_through(&mut self, span: u64, turns: &Turns) -> Result<bool> {
        let (run, slot) = (self.run, self.slot);
        let is_free = |chunk: &Chunk| run.journal.chunk(chunk.index) == Some(ChunkState::Free);
        let mut free = run.cut.chunks_of(span).filter(is_free);
        let (Some(first), last) = (free.next(), free.last()) else {
            return Ok(true);
        };
        self.map(first.part.start..last.unwrap_or(first).part.end)?;
        for chunk in run.cut.chunks_of(span) {
            if turns.stopped() || run.journal.is_asked_to_stop() {
                return Ok(false);
            }
            if protocol::take(run.journal, slot, chunk.index) {
                protocol::edit(run.journal, self, slot, chunk.index)?;
                let chunk_bytes = chunk.part.end - chunk.part.start;
                run.journal.count_done(slot, chunk_bytes);
                if (run.progress)(chunk_bytes).is_break() {
                    return Err(Error::Interrupted(String::new()));
                }
            }
        }
        self.span = None;
        Ok(true)
    }

    /// Maps the bytes `part` of the window and brings them in.
    fn map(&mut self, part: Range<u64>) -> Result<()> {
        // Before the next one, or both would be in memory.
        self.span = None;
        let window = &self.run.job.window;
        let bounds = window.bounds(part.clone());
        let span = Span {
            start: bounds.start,
            view: self.run.image.view(bounds)?,
            part: part.clone(),
        };
        // Row by row: the bounds of a rectangle hold pages that are none of ours.
        for range in window.ranges(part) {
            span.view.page_in(span.inside(&range), self.run.page_in)?;
        }
        self.span = Some(span);
        Ok(())
    }

    /// Makes sure that chunk `chunk` is mapped: the work has done so, a recovery has not.
    fn reach(&mut self, chunk: u32) -> Result<()> {
        let part = self.run.cut.chunk(u64::from(chunk)).part;
        let holds = |span: &Span| span.part.start <= part.start && part.end <= span.part.end;
        if self.span.as_ref().is_some_and(holds) {
            Ok(())
        } else {
            self.map(part)
        }
    }

    /// The fingerprint of what the image holds.
    fn look(&mut self, chunk: u32, of: Of) -> Result<u32> {
        self.reach(chunk)?;
        let span = self.span();
        fingerprint(&marked(self.run.job, &self.run.cut, chunk, of), |range, bytes| {
            span.view.copy_out(span.inside(range).start, bytes)
        })
    }

    /// The same of the beginning of a chunk of which the slot holds piece `piece`.
    fn beginning(&mut self, chunk: u32, piece: u32) -> Result<u32> {
        let beginning = match self.beginning {
            Some((of, beginning)) if of == chunk && piece > 0 => beginning,
            _ if piece > 0 => self.look(chunk, Of::Beginning)?,
            // Not in the image yet, but in the slot.
            _ => {
                let (journal, slot) = (self.run.journal, self.slot);
                fingerprint(
                    &marked(self.run.job, &self.run.cut, chunk, Of::Beginning),
                    |_, bytes| journal.view().copy_out(journal.slot_piece_at(slot), bytes),
                )?
            }
        };
        self.beginning = Some((chunk, beginning));
        Ok(beginning)
    }

    fn span(&self) -> &Span {
        self.span.as_ref().expect("a chunk is reached before it is touched")
    }
}

impl Pixels for Thread<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the journal's header keeps a chunk to MAX_PIECES"
    )]
    fn pieces(&self, chunk: u32) -> u32 {
        self.run.cut.pieces(u64::from(chunk)) as u32
    }

    fn fill_slot(&mut self, chunk: u32, piece: u32) -> Result<Finished> {
        self.reach(chunk)?;
        let (run, span) = (self.run, self.span());
        let mut at = run.journal.slot_piece_at(self.slot);
        let mut edited = Edited { clipped: 0, sum: 0 };
        for range in run.job.window.ranges(run.cut.piece(u64::from(chunk), u64::from(piece))) {
            let part = span.inside(&range);
            let of_part = span
                .view
                .copy_edited(part.start, run.journal.view(), at, part.len(), &self.edit)?;
            edited.add(of_part.clipped, of_part.sum);
            at += part.len();
        }
        Ok(Finished {
            clipped: u32::try_from(edited.clipped).expect("a piece has a few thousand samples"),
            checksum: check::checksum(edited.sum, self.beginning(chunk, piece)?),
        })
    }

    fn empty_slot(&mut self, chunk: u32, piece: u32) -> Result<()> {
        self.reach(chunk)?;
        let (run, span) = (self.run, self.span());
        let mut at = run.journal.slot_piece_at(self.slot);
        for range in run.job.window.ranges(run.cut.piece(u64::from(chunk), u64::from(piece))) {
            let part = span.inside(&range);
            span.view.copy_from(part.start, run.journal.view(), at, part.len())?;
            at += part.len();
        }
        Ok(())
    }

    fn fingerprint(&mut self, chunk: u32) -> Result<u32> {
        self.look(chunk, Of::BothEnds)
    }
}
