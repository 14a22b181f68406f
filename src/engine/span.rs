//! The part of a window that a thread has mapped.
//!
//! It is paged in step by step as the work comes to it, and each step is let go when the work has left it. So little is in
//! memory at once, and what the file system looks at both times, which is much where it keeps a record of each block, is
//! still in a near cache the second time. Letting go is no promise: a page that is touched again comes back.

use std::ops::Range;

use crate::error::Result;
use crate::map::{MappedFile, PageIn, View};
use crate::window::Window;

/// A step. It begins at a multiple of this in the file.
const STEP_BYTES: u64 = 1 << 20;

/// Bytes of a window, mapped.
pub(super) struct Span {
    /// Which bytes of the window.
    part: Range<u64>,
    view: View,
    /// The file position of the view's first byte.
    start: u64,
    /// The window's bytes before this one were paged in, or need not be.
    paged_in: u64,
    /// The pages before this file position were let go.
    let_go: u64,
    /// From this byte of the window on, a step may be done that was not let go yet.
    look_back_at: u64,
}

impl Span {
    /// Maps the bytes `part` of `window`. Nothing of them is paged in yet.
    pub(super) fn map(image: &MappedFile, window: &Window, part: Range<u64>) -> Result<Span> {
        let bounds = window.bounds(part.clone());
        let view = image.view(bounds.clone())?;
        // Between the rows of a rectangle is much that is not used at all.
        if bounds.end - bounds.start == part.end - part.start {
            view.expect_one_pass();
        }
        Ok(Span {
            paged_in: part.start,
            let_go: bounds.start,
            look_back_at: u64::MAX,
            start: bounds.start,
            view,
            part,
        })
    }

    /// True if the bytes `part` of the window are mapped.
    pub(super) fn holds(&self, part: &Range<u64>) -> bool {
        self.part.start <= part.start && part.end <= self.part.end
    }

    /// Makes sure that the bytes `part` of `window` are paged in, and that what lies steps before them was let go. True if
    /// pages came in.
    pub(super) fn come_to(&mut self, part: &Range<u64>, window: &Window, how: PageIn) -> Result<bool> {
        if part.start >= self.look_back_at {
            self.let_go_before(window.bounds(part.clone()).start)?;
        }
        let is_new = part.end > self.paged_in;
        if is_new {
            self.page_in(part, window, how)?;
        }
        Ok(is_new)
    }

    /// Pages in what is not yet of the window's bytes `part`, and what follows in the same step of the file.
    fn page_in(&mut self, part: &Range<u64>, window: &Window, how: PageIn) -> Result<()> {
        self.paged_in = self.paged_in.max(part.start);
        // By the next piece: this one may have begun in the step before.
        self.look_back_at = part.start + 1;
        while self.paged_in < part.end {
            // Row by row: between the rows of a rectangle are pages that are none of ours.
            let mut ranges = window.ranges(self.paged_in..self.part.end);
            let range = ranges.next().expect("before the end of the span");
            let step_end = (range.start + 1).next_multiple_of(STEP_BYTES);
            let now = range.start..range.end.min(step_end);
            self.view.page_in(self.inside(&now), how)?;
            self.paged_in += now.end - now.start;
        }
        Ok(())
    }

    /// Lets the steps go that end before file position `position`.
    fn let_go_before(&mut self, position: u64) -> Result<()> {
        self.look_back_at = u64::MAX;
        let step_start = position / STEP_BYTES * STEP_BYTES;
        if step_start > self.let_go {
            self.view.let_go(self.inside(&(self.let_go..step_start)))?;
            self.let_go = step_start;
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
