//! The part of a window that a thread has mapped.
//!
//! It is populated batch by batch as the work comes to it, and each batch is released when the work has left it. So
//! little is in memory at once, and what the file system reads both times, which is much where it keeps a record of
//! each block, is still in a near cache the second time. A release is no promise: a page that is touched again comes
//! back.

use std::ops::Range;

use crate::error::Result;
use crate::map::{MappedFile, Populate, View};
use crate::window::Window;

/// Bytes of a populate batch. It begins at a multiple of this in the file.
const BATCH_BYTES: u64 = 1 << 20;

/// Bytes of a window, mapped.
pub(super) struct Span {
    /// Which bytes of the window.
    part: Range<u64>,
    view: View,
    /// The file position of the view's first byte.
    start: u64,
    /// The window's bytes before this one were populated, or need not be.
    populated_end: u64,
    /// The pages before this file position were released.
    released_end: u64,
    /// From this byte of the window on, a batch may be done that was not released yet.
    release_check_at: u64,
}

impl Span {
    /// Maps the bytes `part` of `window`. Nothing of them is populated yet.
    pub(super) fn map(image: &MappedFile, window: &Window, part: Range<u64>) -> Result<Span> {
        let bounds = window.bounds(part.clone());
        let view = image.view(bounds.clone())?;
        // Between the rows of a rectangle is much that is not used at all.
        if bounds.end - bounds.start == part.end - part.start {
            view.expect_one_pass();
        }
        Ok(Span {
            populated_end: part.start,
            released_end: bounds.start,
            release_check_at: u64::MAX,
            start: bounds.start,
            view,
            part,
        })
    }

    /// True if the bytes `part` of the window are mapped.
    pub(super) fn holds(&self, part: &Range<u64>) -> bool {
        self.part.start <= part.start && part.end <= self.part.end
    }

    /// Makes sure that the bytes `part` of `window` are populated, and that the batches before them were released. True
    /// if pages came in.
    pub(super) fn advance_to(&mut self, part: &Range<u64>, window: &Window, how: Populate) -> Result<bool> {
        if part.start >= self.release_check_at {
            self.release_before(window.bounds(part.clone()).start)?;
        }
        let is_new = part.end > self.populated_end;
        if is_new {
            self.populate(part, window, how)?;
        }
        Ok(is_new)
    }

    /// Populates what is not yet of the window's bytes `part`, and what follows in the same batch of the file.
    fn populate(&mut self, part: &Range<u64>, window: &Window, how: Populate) -> Result<()> {
        self.populated_end = self.populated_end.max(part.start);
        // By the next redo block: this one may have begun in the batch before.
        self.release_check_at = part.start + 1;
        while self.populated_end < part.end {
            // Row by row: between the rows of a rectangle are pages that are none of ours.
            let mut ranges = window.ranges(self.populated_end..self.part.end);
            let range = ranges.next().expect("before the end of the span");
            let batch_end = (range.start + 1).next_multiple_of(BATCH_BYTES);
            let now = range.start..range.end.min(batch_end);
            self.view.populate(self.inside(&now), how)?;
            self.populated_end += now.end - now.start;
        }
        Ok(())
    }

    /// Releases the batches that end before file position `position`.
    fn release_before(&mut self, position: u64) -> Result<()> {
        self.release_check_at = u64::MAX;
        let batch_start = position / BATCH_BYTES * BATCH_BYTES;
        if batch_start > self.released_end {
            self.view.release(self.inside(&(self.released_end..batch_start)))?;
            self.released_end = batch_start;
        }
        Ok(())
    }

    /// The mapped bytes.
    pub(super) fn view(&self) -> &View {
        &self.view
    }

    /// Where in the view the file range lies.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the view was made from such positions, and they fitted"
    )]
    pub(super) fn inside(&self, range: &Range<u64>) -> Range<usize> {
        (range.start - self.start) as usize..(range.end - self.start) as usize
    }
}
