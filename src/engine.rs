//! Runs a job in this process: threads take spans of the window, map each, and edit it chunk by chunk.
//!
//! The engine knows no terminal (progress goes to a callback), no other process, and nothing of the file but the job's
//! window.
//!
//! 1. No byte outside the window is written.
//! 2. The finished bytes of a piece lie in the thread's slot, complete, before the first of them is copied into the
//!    image.
//! 3. A thread maps one span at a time and lets it go before the next, so what stays in memory is bounded by
//!    [`Settings::memory_bytes`], whatever the image's size.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::job::Job;
use crate::map::{Edit, MappedFile, PageIn, View};
use crate::os::disk::{self, FileSystem};
use crate::threads::{self, Progress, Turns};
use crate::window::{Chunk, Cut, Window};

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

    /// As many threads as this process may use at once, and the usual memory.
    pub fn default_here() -> Settings {
        Settings {
            threads: threads::available(),
            memory_bytes: Settings::DEFAULT_MEMORY_BYTES,
        }
    }
}

/// Edits the window of `job` in `image` and returns how many samples clipped. `progress` hears of every chunk.
///
/// # Errors
/// The first one that any thread met, `Io` as a rule: then part of the window is edited and the rest is not.
/// `Interrupted` if `progress` said so.
pub fn run(job: &Job, image: &MappedFile, settings: &Settings, progress: Progress<'_>) -> Result<u64> {
    let threads = settings.threads.max(1) as u64;
    let span_memory_bytes = (settings.memory_bytes / threads).max(Settings::LEAST_THREAD_MEMORY_BYTES);
    let run = Run {
        job,
        image,
        cut: Cut::new(&job.window, span_memory_bytes, threads),
        page_in: page_in_for(image),
        progress,
    };
    let clipped = threads::share(settings.threads, run.cut.spans(), |turns| {
        Thread::new(&run)?.work(turns)
    })?;
    Ok(clipped.into_iter().sum())
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
    cut: Cut,
    page_in: PageIn,
    progress: Progress<'a>,
}

/// What a thread has for itself.
struct Thread<'a> {
    run: &'a Run<'a>,
    edit: Edit,
    slot: View,
    clipped: u64,
}

/// A span that is mapped: the bytes `part` of the window and the `view` that covers them, from file position `start` on.
struct Span {
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
    fn new(run: &'a Run<'a>) -> Result<Thread<'a>> {
        Ok(Thread {
            run,
            edit: Edit::new(run.job.op.kernel(run.job.format)),
            slot: View::anonymous(Cut::PIECE_BYTES)?,
            clipped: 0,
        })
    }

    /// Takes spans until there are none, and returns how many samples clipped.
    fn work(mut self, spans: &Turns) -> Result<u64> {
        while let Some(span) = spans.take() {
            let mapped = self.map(self.run.cut.span(span))?;
            for chunk in self.run.cut.chunks_of(span) {
                if spans.stopped() {
                    break;
                }
                self.edit_chunk(&mapped, &chunk)?;
                let chunk_bytes = chunk.part.end - chunk.part.start;
                if (self.run.progress)(chunk_bytes).is_break() {
                    return Err(Error::Interrupted);
                }
            }
        }
        Ok(self.clipped)
    }

    /// Maps the bytes `part` of the window and brings them in.
    fn map(&self, part: Range<u64>) -> Result<Span> {
        let window = &self.run.job.window;
        let bounds = window.bounds(part.clone());
        let span = Span {
            start: bounds.start,
            view: self.run.image.view(bounds)?,
        };
        // Row by row: the bounds of a rectangle hold pages that are none of ours.
        for range in window.ranges(part) {
            span.view.page_in(span.inside(&range), self.run.page_in)?;
        }
        Ok(span)
    }

    fn edit_chunk(&mut self, span: &Span, chunk: &Chunk) -> Result<()> {
        let run = self.run;
        for piece in run.cut.pieces(chunk) {
            self.fill_slot(span, &run.job.window, piece.clone())?;
            self.empty_slot(span, &run.job.window, piece)?;
        }
        Ok(())
    }

    /// Puts the finished bytes of `piece` into the slot.
    fn fill_slot(&mut self, span: &Span, window: &Window, piece: Range<u64>) -> Result<()> {
        let mut at = 0;
        for range in window.ranges(piece) {
            let part = span.inside(&range);
            self.clipped += span
                .view
                .copy_edited(part.start, &self.slot, at, part.len(), &self.edit)?;
            at += part.len();
        }
        Ok(())
    }

    /// Copies the slot's bytes to where `piece` lies in the image.
    fn empty_slot(&self, span: &Span, window: &Window, piece: Range<u64>) -> Result<()> {
        let mut at = 0;
        for range in window.ranges(piece) {
            let part = span.inside(&range);
            span.view.copy_from(part.start, &self.slot, at, part.len())?;
            at += part.len();
        }
        Ok(())
    }
}
