//! How a window is cut: into *spans* (mapped together), those into *chunks* (what a thread takes), those
//! into *pieces* (what is finished in a slot before the image changes).
//!
//! 1. Every size is a multiple of [`PIXEL_QUANTUM_BYTES`], so whatever is cut holds whole pixels.
//! 2. The pieces of all chunks, in order, are the window: no byte is in none or in two.

use std::ops::Range;

use crate::layout::MAX_FILE_BYTES;
use crate::pixel::PIXEL_QUANTUM_BYTES;
use crate::window::Window;

/// Chunk `index` of a window: the window's bytes `part`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Counted from the window's start.
    pub index: u32,
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
    /// Chunks of a window at most, because somebody keeps a word for each; beyond 4 TB chunks grow.
    pub const MAX_CHUNKS: u64 = (1 << 24) - 1;

    /// Cuts `window` so that the pages under one span are no more than `span_resident_bytes`, and so that even a small
    /// window has a few spans for each of `threads`: the threads should end together.
    pub fn new(window: &Window, span_resident_bytes: u64, threads: u64) -> Cut {
        let share_bytes = window.bytes().div_ceil(4 * threads);
        let span_bytes = window.bytes_within(span_resident_bytes).min(share_bytes);
        let least_chunk_bytes = window.bytes().div_ceil(Cut::MAX_CHUNKS).next_multiple_of(QUANTUM);
        let chunk_bytes = Cut::CHUNK_BYTES.min(whole_quanta(span_bytes)).max(least_chunk_bytes);
        Cut {
            window_bytes: window.bytes(),
            chunk_bytes,
            piece_bytes: chunk_bytes.min(Cut::PIECE_BYTES as u64),
            chunks_per_span: (span_bytes / chunk_bytes).max(1),
        }
    }

    /// A cut whose sizes are known, all in bytes of the window; one chunk a span. `None` if they do not fit each other.
    pub fn from_sizes(window_bytes: u64, chunk_bytes: u64, piece_bytes: u64) -> Option<Cut> {
        let whole = |bytes: u64| bytes > 0 && bytes.is_multiple_of(QUANTUM);
        let fits = whole(chunk_bytes) && whole(piece_bytes) && piece_bytes <= chunk_bytes;
        (fits && (1..=MAX_FILE_BYTES).contains(&window_bytes) && chunk_bytes <= MAX_FILE_BYTES).then_some(Cut {
            window_bytes,
            chunk_bytes,
            piece_bytes,
            chunks_per_span: 1,
        })
    }

    /// The same chunks, in spans of as many as `like` would hold.
    pub fn with_spans_like(self, like: &Cut) -> Cut {
        let span_bytes = like.chunk_bytes * like.chunks_per_span;
        Cut {
            chunks_per_span: (span_bytes / self.chunk_bytes).max(1),
            ..self
        }
    }

    /// Bytes in the window.
    pub fn window_bytes(&self) -> u64 {
        self.window_bytes
    }

    /// Bytes in every chunk but the last.
    pub fn chunk_bytes(&self) -> u64 {
        self.chunk_bytes
    }

    /// Bytes in every piece but a chunk's last.
    pub fn piece_bytes(&self) -> u64 {
        self.piece_bytes
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
    pub fn chunks_of(&self, span: u64) -> impl Iterator<Item = Chunk> + Clone + use<> {
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
            index: u32::try_from(index).expect("at most MAX_CHUNKS"),
            part: start..(start + self.chunk_bytes).min(self.window_bytes),
        }
    }

    /// How many pieces chunk `index` has.
    pub fn pieces(&self, index: u64) -> u64 {
        let part = self.chunk(index).part;
        (part.end - part.start).div_ceil(self.piece_bytes)
    }

    /// The bytes of piece `piece` of chunk `index`.
    pub fn piece(&self, index: u64, piece: u64) -> Range<u64> {
        let part = self.chunk(index).part;
        let start = part.start + piece * self.piece_bytes;
        assert!(start < part.end, "piece {piece} of chunk {index}");
        start..part.end.min(start + self.piece_bytes)
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
mod tests {
    use super::*;
    use crate::layout::Layout;
    use crate::pixel::PixelFormat;

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
                            assert_eq!(cut.chunk(u64::from(chunk.index)), chunk);
                            for piece in 0..cut.pieces(u64::from(chunk.index)) {
                                let piece = cut.piece(u64::from(chunk.index), piece);
                                assert_eq!(piece.start, at);
                                assert!(piece.end > at && piece.end.is_multiple_of(8));
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
        let layout = Layout::new(0, 30_000, 40_000, PixelFormat::RGBA16).expect("a layout");
        let column = Window::rect(&layout, 5, 0, 1, 40_000).expect("inside");
        let cut = Cut::new(&column, 8 << 20, 2);
        let bounds = column.bounds(cut.span(0));
        assert!(bounds.end - bounds.start <= 8 << 20, "{bounds:?}");
        assert!(cut.span(0).end >= 24 * 8);
    }
}
