//! The part of an image that a job works on, and how it is cut.
//!
//! A [`Window`] is a run of whole pixels or a rectangle, which is a run in each row. Inside a window bytes are counted
//! without gaps, from 0 to [`Window::bytes`]; only [`Window::ranges`] knows where in the file they lie. So whoever
//! works on a window never sees rows.
//!
//! The window is cut into *spans* (mapped and paged in together), those into *chunks* (what a thread takes), those
//! into *pieces* (what is finished in a slot before the image changes). [`Cut`] holds the sizes.
//!
//! 1. A window lies within the layout that it was made from, is not empty, and starts and ends on a pixel.
//! 2. Every cut is a multiple of [`PIXEL_QUANTUM_BYTES`], so whatever is cut holds whole pixels.

use std::ops::Range;

use crate::layout::Layout;
use crate::pixel::PIXEL_QUANTUM_BYTES;

/// The most that one touched byte may bring into memory; only [`Cut`] cares, to bound what stays mapped.
const HUGE_PAGE_BYTES: u64 = 2 << 20;

/// A run of whole pixels, or a rectangle of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// File position of the first byte.
    start: u64,
    /// Bytes of the window in one row.
    row_bytes: u64,
    /// File bytes from one row's start to the next one's.
    stride_bytes: u64,
    rows: u64,
}

impl Window {
    /// The whole image.
    pub fn whole(layout: &Layout) -> Window {
        Window::one_run(layout.data())
    }

    /// `length_bytes` bytes from `offset_bytes` on, counted from the first pixel's first byte.
    ///
    /// # Errors
    /// A message for the user, if either is not whole pixels, the length is 0, or the end lies past the image.
    pub fn run(layout: &Layout, offset_bytes: u64, length_bytes: u64) -> Result<Window, String> {
        let pixel_bytes = layout.format().pixel_bytes();
        for (word, bytes) in [("--offset", offset_bytes), ("--length", length_bytes)] {
            if bytes % pixel_bytes != 0 {
                return Err(format!(
                    "{word} {bytes} is not whole pixels of {pixel_bytes} bytes ({}); try {}",
                    layout.format(),
                    bytes - bytes % pixel_bytes,
                ));
            }
        }
        if length_bytes == 0 {
            return Err(format!(
                "the window from byte {offset_bytes} of the image's {} on is empty; give a --length of at least one \
                 pixel, or a smaller --offset",
                layout.data_bytes(),
            ));
        }
        let data = layout.data();
        let end = offset_bytes.checked_add(length_bytes);
        if end.is_none_or(|end| end > layout.data_bytes()) {
            return Err(format!(
                "a window of {length_bytes} bytes from {offset_bytes} on ends past the image's {} bytes; \
                 --offset and --length together must not exceed them",
                layout.data_bytes(),
            ));
        }
        let start = data.start + offset_bytes;
        Ok(Window::one_run(start..start + length_bytes))
    }

    /// The rectangle of `width` x `height` pixels whose left upper pixel is at column `x`, row `y`.
    ///
    /// # Errors
    /// A message for the user, if the image's width is not known, or the rectangle is empty or reaches outside.
    pub fn rect(layout: &Layout, x: u64, y: u64, width: u64, height: u64) -> Result<Window, String> {
        let (Some(image_width), Some(image_height)) = (layout.width(), layout.height()) else {
            return Err("a rectangle needs the image's width; give --size WIDTHxHEIGHT or write a header".to_owned());
        };
        if width == 0 || height == 0 {
            return Err(format!(
                "the rectangle of {width}x{height} pixels is empty; both sides must be at least 1"
            ));
        }
        let inside = |at: u64, length: u64, side: u64| at.checked_add(length).is_some_and(|end| end <= side);
        if !inside(x, width, image_width) || !inside(y, height, image_height) {
            return Err(format!(
                "the rectangle of {width}x{height} pixels at {x},{y} reaches outside the image of \
                 {image_width}x{image_height} pixels"
            ));
        }
        let pixel_bytes = layout.format().pixel_bytes();
        let start = layout.data_offset() + (y * image_width + x) * pixel_bytes;
        let row_bytes = width * pixel_bytes;
        if width == image_width || height == 1 {
            return Ok(Window::one_run(start..start + row_bytes * height));
        }
        Ok(Window {
            start,
            row_bytes,
            stride_bytes: image_width * pixel_bytes,
            rows: height,
        })
    }

    fn one_run(range: Range<u64>) -> Window {
        let row_bytes = range.end - range.start;
        Window {
            start: range.start,
            row_bytes,
            stride_bytes: row_bytes,
            rows: 1,
        }
    }

    /// Bytes in the window; its parts are ranges within `0..bytes()`.
    pub fn bytes(&self) -> u64 {
        self.row_bytes * self.rows
    }

    /// The file ranges that hold the bytes `part` of the window, in order, none of them empty.
    ///
    /// # Panics
    /// If `part` reaches outside the window.
    pub fn ranges(&self, part: Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
        assert!(
            part.start <= part.end && part.end <= self.bytes(),
            "{part:?} in {self:?}"
        );
        let window = *self;
        let mut at = part.start;
        std::iter::from_fn(move || {
            (at < part.end).then(|| {
                let (row, column) = (at / window.row_bytes, at % window.row_bytes);
                let length = (window.row_bytes - column).min(part.end - at);
                let start = window.start + row * window.stride_bytes + column;
                at += length;
                start..start + length
            })
        })
    }

    /// The smallest file range that covers the bytes `part` of the window, which must not be empty.
    ///
    /// # Panics
    /// If `part` is empty or reaches outside the window.
    pub fn bounds(&self, part: Range<u64>) -> Range<u64> {
        assert!(
            part.start < part.end && part.end <= self.bytes(),
            "{part:?} in {self:?}"
        );
        let position = |at: u64| self.start + at / self.row_bytes * self.stride_bytes + at % self.row_bytes;
        position(part.start)..position(part.end - 1) + 1
    }

    /// Window bytes that bring at most about `resident_bytes` into memory: fewer than those where rows are short and
    /// far apart, because each may bring a whole huge page.
    fn bytes_within(&self, resident_bytes: u64) -> u64 {
        let row_resident_bytes = self.stride_bytes.min(self.row_bytes + 2 * HUGE_PAGE_BYTES);
        let rows = resident_bytes / row_resident_bytes;
        // A row that is larger than the bound is cut within itself.
        if rows == 0 {
            resident_bytes.min(self.row_bytes)
        } else {
            rows * self.row_bytes
        }
    }
}

/// Chunk `index` of a window: the window's bytes `part`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Counted from the window's start.
    pub index: u64,
    /// Which bytes of the window.
    pub part: Range<u64>,
}

/// Into what sizes a window is cut. All are window bytes, multiples of 24, and each fits into the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    window_bytes: u64,
    chunk_bytes: u64,
    piece_bytes: u64,
    chunks_per_span: u64,
}

impl Cut {
    /// What a slot holds: so small that it and its place in the image stay in the nearest cache between the two copies.
    /// Whole blocks of the fused kernel.
    pub const PIECE_BYTES: usize = 84 * 96;
    /// What a thread takes at once, unless the window or the memory is small: 252 KiB.
    pub const CHUNK_BYTES: u64 = 32 * Cut::PIECE_BYTES as u64;

    /// Cuts `window` so that `span_resident_bytes` bound the pages that one span brings into memory, and so that even
    /// a small window has a few spans for each of `threads`: the threads should end together.
    pub fn new(window: &Window, span_resident_bytes: u64, threads: u64) -> Cut {
        let share_bytes = window.bytes().div_ceil(4 * threads);
        let span_bytes = window.bytes_within(span_resident_bytes).min(share_bytes);
        let chunk_bytes = Cut::CHUNK_BYTES.min(whole_quanta(span_bytes));
        Cut {
            window_bytes: window.bytes(),
            chunk_bytes,
            piece_bytes: chunk_bytes.min(Cut::PIECE_BYTES as u64),
            chunks_per_span: (span_bytes / chunk_bytes).max(1),
        }
    }

    /// How many spans there are.
    pub fn spans(&self) -> u64 {
        self.chunks().div_ceil(self.chunks_per_span)
    }

    /// How many chunks there are.
    pub fn chunks(&self) -> u64 {
        self.window_bytes.div_ceil(self.chunk_bytes)
    }

    /// The chunks of span `span`.
    pub fn chunks_of(&self, span: u64) -> impl Iterator<Item = Chunk> + use<> {
        let cut = *self;
        let first = span * cut.chunks_per_span;
        (first..(first + cut.chunks_per_span).min(cut.chunks())).map(move |index| cut.chunk(index))
    }

    /// The window's bytes in span `span`.
    pub fn span(&self, span: u64) -> Range<u64> {
        let span_bytes = self.chunk_bytes * self.chunks_per_span;
        span * span_bytes..((span + 1) * span_bytes).min(self.window_bytes)
    }

    /// Chunk `index`.
    pub fn chunk(&self, index: u64) -> Chunk {
        let start = index * self.chunk_bytes;
        Chunk {
            index,
            part: start..(start + self.chunk_bytes).min(self.window_bytes),
        }
    }

    /// The pieces of a chunk, in order.
    pub fn pieces(&self, chunk: &Chunk) -> impl Iterator<Item = Range<u64>> + use<> {
        split(chunk.part.clone(), self.piece_bytes)
    }
}

/// `range` in steps of `step`, the last one shorter where it must be.
pub fn split(range: Range<u64>, step: u64) -> impl Iterator<Item = Range<u64>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        (at < range.end).then(|| {
            let part = at..range.end.min(at + step);
            at = part.end;
            part
        })
    })
}

const QUANTUM: u64 = PIXEL_QUANTUM_BYTES as u64;

/// `bytes` rounded down to whole pixels of every format, but at least one quantum.
fn whole_quanta(bytes: u64) -> u64 {
    (bytes / QUANTUM * QUANTUM).max(QUANTUM)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the tests' images are small")]
mod tests {
    use super::*;
    use crate::pixel::PixelFormat;

    fn layout(offset: u64, width: u64, height: u64) -> Layout {
        Layout::new(offset, width, height, PixelFormat::RGBA16).expect("a layout")
    }

    /// Every byte's file position, by the slow and obvious way.
    fn positions(window: &Window, part: Range<u64>) -> Vec<u64> {
        window.ranges(part).flatten().collect()
    }

    #[test]
    fn a_rectangle_is_a_run_per_row() {
        let layout = layout(3, 10, 6);
        let window = Window::rect(&layout, 2, 1, 4, 3).expect("inside");
        let want: Vec<u64> = (1..4)
            .flat_map(|y| (2..6).flat_map(move |x| (0..8).map(move |b| 3 + (y * 10 + x) * 8 + b)))
            .collect();
        assert_eq!(positions(&window, 0..window.bytes()), want);
        for (start, end) in [(0, 0), (0, 1), (31, 33), (32, 64), (5, 96), (95, 96), (96, 96)] {
            assert_eq!(positions(&window, start..end), want[start as usize..end as usize]);
            if start < end {
                let bounds = window.bounds(start..end);
                assert_eq!(
                    (bounds.start, bounds.end - 1),
                    (want[start as usize], want[end as usize - 1])
                );
            }
        }
    }

    #[test]
    fn full_rows_are_one_run() {
        let layout = layout(3, 10, 6);
        assert_eq!(Window::rect(&layout, 0, 0, 10, 6), Ok(Window::whole(&layout)));
        assert_eq!(Window::rect(&layout, 0, 2, 10, 2), Window::run(&layout, 160, 160));
        assert_eq!(Window::rect(&layout, 9, 5, 1, 1), Window::run(&layout, 59 * 8, 8));
    }

    #[test]
    fn windows_outside_are_refused() {
        let layout = layout(0, 10, 6);
        for (offset, length) in [
            (0, 0),
            (4, 8),
            (0, 7),
            (0, 488),
            (480, 8),
            (u64::MAX - 7, 8),
            (8, u64::MAX - 7),
        ] {
            assert!(Window::run(&layout, offset, length).is_err(), "{offset} {length}");
        }
        assert!(Window::run(&layout, 472, 8).is_ok());
        for (x, y, w, h) in [
            (0, 0, 11, 1),
            (0, 0, 1, 7),
            (10, 0, 1, 1),
            (0, 6, 1, 1),
            (0, 0, 0, 1),
            (u64::MAX, 0, 1, 1),
        ] {
            assert!(Window::rect(&layout, x, y, w, h).is_err(), "{x},{y},{w},{h}");
        }
        let unknown = Layout::run(0, 60, PixelFormat::RGBA16).expect("a layout");
        assert!(Window::rect(&unknown, 0, 0, 1, 1).is_err());
    }

    #[test]
    fn a_cut_covers_the_window_once_and_in_order() {
        let big = Cut::CHUNK_BYTES;
        for bytes in [
            8,
            16,
            24,
            32,
            4096,
            big - 8,
            big,
            big + 8,
            8 * big - 8,
            8 * big,
            8 * big + 8,
        ] {
            let layout = Layout::run(1, bytes / 8, PixelFormat::RGBA16).expect("a layout");
            let window = Window::whole(&layout);
            for threads in [1, 2, 3] {
                for resident in [1, 5000, 1 << 20, 1 << 24] {
                    let cut = Cut::new(&window, resident, threads);
                    let mut at = 0;
                    for span in 0..cut.spans() {
                        assert_eq!(cut.span(span).start, at);
                        for chunk in cut.chunks_of(span) {
                            assert_eq!(cut.chunk(chunk.index), chunk);
                            for piece in cut.pieces(&chunk) {
                                assert_eq!(piece.start, at);
                                assert!(piece.end > at && piece.end % 8 == 0);
                                at = piece.end;
                            }
                            assert_eq!(chunk.part.end, at);
                        }
                        assert_eq!(cut.span(span).end, at);
                    }
                    assert_eq!(at, bytes);
                }
            }
        }
    }

    #[test]
    fn a_narrow_rectangle_brings_few_pages() {
        let layout = layout(0, 30_000, 40_000);
        let column = Window::rect(&layout, 5, 0, 1, 40_000).expect("inside");
        let cut = Cut::new(&column, 8 << 20, 2);
        let bounds = column.bounds(cut.span(0));
        assert!(bounds.end - bounds.start <= 8 << 20, "{bounds:?}");
        assert!(cut.span(0).end >= 24 * 8);
    }
}
