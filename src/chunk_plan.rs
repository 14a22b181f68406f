//! How a window is divided: into *spans* (mapped together), those into *chunks* (what a thread takes), those into *redo
//! blocks* (what is finished in a slot before the image changes).
//!
//! 1. A chunk lies in one block of the window; a span may have chunks of several, if they are near each other.
//! 2. Every size is a multiple of [`QUANTUM`], so redo blocks begin on a pixel of up to four channels.
//! 3. The redo blocks of all chunks, in order, are the window: no byte is in none or in two.

use std::ops::Range;
use std::sync::Arc;

use crate::window::{MAX_FILE_BYTES, Window};

/// Every whole number of pixels of one to four channels fits a multiple of this: the least common multiple of 2, 4, 6,
/// 8.
pub const QUANTUM: u64 = 24;

/// Chunk `index` of a window: the window's bytes `part`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Counted from the window's start.
    pub index: u32,
    /// Which bytes of the window.
    pub part: Range<u64>,
}

/// The sizes into which a window is divided. All are window bytes, multiples of 24, and each fits into the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkPlan {
    window: Window,
    chunk_bytes: u64,
    redo_block_bytes: u64,
    chunks: u64,
    /// The first chunk of each block, where there is more than one.
    firsts: Arc<[u32]>,
    spans: Spans,
}

/// Which chunks are mapped together.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Spans {
    /// So many at a time.
    Alike(u64),
    /// From each of these chunks to the next.
    From(Arc<[u32]>),
}

impl ChunkPlan {
    /// What a slot holds: so small that it and its place in the image stay in the nearest cache between the two copies.
    /// Whole blocks of the fused kernel.
    pub const REDO_BLOCK_BYTES: usize = 84 * 96;
    /// What a thread takes at once, unless the window or the memory is small: 252 KiB.
    pub const CHUNK_BYTES: u64 = 32 * ChunkPlan::REDO_BLOCK_BYTES as u64;
    /// Chunks of a window at most, because somebody keeps a word for each; beyond 4 TB chunks grow.
    pub const MAX_CHUNKS: u64 = (1 << 24) - 1;

    /// Divides `window` so that the pages under one chunk are no more than `chunk_resident_bytes`, and those that are
    /// mapped with one span no more than `span_resident_bytes`; and so that even a small window has a few spans for
    /// each of `threads`: the threads should end together.
    pub fn new(window: &Window, chunk_resident_bytes: u64, span_resident_bytes: u64, threads: u64) -> ChunkPlan {
        // Each block's last chunk may be a short one.
        let max_chunks = ChunkPlan::MAX_CHUNKS - (window.blocks().len() as u64 - 1);
        let min_chunk_bytes = window.bytes().div_ceil(max_chunks).next_multiple_of(QUANTUM);
        let chunk_bytes = ChunkPlan::CHUNK_BYTES
            .min(whole_quanta(span_bytes(window, chunk_resident_bytes, threads)))
            .max(min_chunk_bytes);
        let redo_block_bytes = chunk_bytes.min(ChunkPlan::REDO_BLOCK_BYTES as u64);
        let chunk_plan = ChunkPlan::from_sizes(window, chunk_bytes, redo_block_bytes).expect("sizes that fit");
        chunk_plan.with_spans(span_resident_bytes, threads)
    }

    /// A plan whose sizes are known, all in bytes of the window; one chunk a span. `None` if they do not fit each
    /// other.
    pub fn from_sizes(window: &Window, chunk_bytes: u64, redo_block_bytes: u64) -> Option<ChunkPlan> {
        let whole = |bytes: u64| bytes > 0 && bytes.is_multiple_of(QUANTUM);
        let fits = whole(chunk_bytes) && whole(redo_block_bytes) && redo_block_bytes <= chunk_bytes;
        if !fits || chunk_bytes > MAX_FILE_BYTES {
            return None;
        }
        let blocks = window.blocks();
        let (mut chunks, mut firsts) = (0, Vec::with_capacity(if blocks.len() > 1 { blocks.len() } else { 0 }));
        for block in blocks {
            if blocks.len() > 1 {
                firsts.push(u32::try_from(chunks).ok()?);
            }
            chunks += block.bytes().div_ceil(chunk_bytes);
        }
        (chunks <= ChunkPlan::MAX_CHUNKS).then(|| ChunkPlan {
            window: window.clone(),
            chunk_bytes,
            redo_block_bytes,
            chunks,
            firsts: firsts.into(),
            spans: Spans::Alike(1),
        })
    }

    /// The same chunks, in spans as [`ChunkPlan::new`] makes them.
    pub fn with_spans(&self, span_resident_bytes: u64, threads: u64) -> ChunkPlan {
        let span_bytes = span_bytes(&self.window, span_resident_bytes, threads);
        let spans = match self.firsts.len() {
            0 => Spans::Alike((span_bytes / self.chunk_bytes).max(1)),
            _ => Spans::From(self.near_chunks(span_bytes).into()),
        };
        ChunkPlan { spans, ..self.clone() }
    }

    /// The first chunk of each span, of several blocks.
    fn near_chunks(&self, span_bytes: u64) -> Vec<u32> {
        let mut firsts = Vec::new();
        let (mut bytes, mut bounds) = (0, 0..0);
        for index in 0..self.chunks {
            let chunk = self.chunk(index);
            let own = self.window.bounds(chunk.part.clone());
            let length = chunk.part.end - chunk.part.start;
            let both = own.start.min(bounds.start)..own.end.max(bounds.end);
            // Between blocks, or rows, may lie what is none of ours.
            let is_near = both.end - both.start <= (2 * span_bytes).max(own.end - own.start);
            if firsts.is_empty() || bytes + length > span_bytes || !is_near {
                firsts.push(chunk.index);
                (bytes, bounds) = (length, own);
            } else {
                (bytes, bounds) = (bytes + length, both);
            }
        }
        firsts
    }

    /// The window that is divided.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Bytes in the window.
    pub fn window_bytes(&self) -> u64 {
        self.window.bytes()
    }

    /// Bytes in every chunk but the last of each block.
    pub fn chunk_bytes(&self) -> u64 {
        self.chunk_bytes
    }

    /// Bytes in every redo block but a chunk's last.
    pub fn redo_block_bytes(&self) -> u64 {
        self.redo_block_bytes
    }

    /// How many spans there are.
    pub fn spans(&self) -> u64 {
        match &self.spans {
            Spans::Alike(chunks) => self.chunks.div_ceil(*chunks),
            Spans::From(firsts) => firsts.len() as u64,
        }
    }

    /// How many chunks there are.
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The chunks of span `span`.
    pub fn chunks_of(&self, span: u64) -> impl Iterator<Item = Chunk> + Clone {
        self.chunk_numbers(span).map(|index| self.chunk(index))
    }

    fn chunk_numbers(&self, span: u64) -> Range<u64> {
        match &self.spans {
            Spans::Alike(chunks) => span * chunks..((span + 1) * chunks).min(self.chunks),
            Spans::From(firsts) => {
                let first = |span: u64| usize::try_from(span).ok().and_then(|span| firsts.get(span));
                let start = first(span).map_or(self.chunks, |&first| u64::from(first));
                start..first(span + 1).map_or(self.chunks, |&first| u64::from(first))
            }
        }
    }

    /// The window's bytes in span `span`.
    pub fn span(&self, span: u64) -> Range<u64> {
        let chunks = self.chunk_numbers(span);
        self.chunk(chunks.start).part.start..self.chunk(chunks.end - 1).part.end
    }

    /// Chunk `index`.
    pub fn chunk(&self, index: u64) -> Chunk {
        let number = u32::try_from(index).expect("at most MAX_CHUNKS");
        let (block, first) = match self.firsts.len() {
            0 => (0, 0),
            _ => {
                let block = self.firsts.partition_point(|&first| first <= number) - 1;
                (block, self.firsts[block])
            }
        };
        let part = self.window.block_part(block);
        let start = part.start + u64::from(number - first) * self.chunk_bytes;
        Chunk {
            index: number,
            part: start..(start + self.chunk_bytes).min(part.end),
        }
    }

    /// How many redo blocks chunk `index` has.
    pub fn redo_blocks(&self, index: u64) -> u64 {
        let part = self.chunk(index).part;
        (part.end - part.start).div_ceil(self.redo_block_bytes)
    }

    /// The bytes of redo block `redo_block` of chunk `index`.
    pub fn redo_block(&self, index: u64, redo_block: u64) -> Range<u64> {
        let part = self.chunk(index).part;
        let start = part.start + redo_block * self.redo_block_bytes;
        assert!(start < part.end, "redo block {redo_block} of chunk {index}");
        start..part.end.min(start + self.redo_block_bytes)
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

/// Bytes of the window that are worked on together, so that they bring about `resident_bytes` into memory, and each of
/// `threads` has a few of them.
fn span_bytes(window: &Window, resident_bytes: u64, threads: u64) -> u64 {
    let share_bytes = window.bytes().div_ceil(4 * threads);
    window.bytes_within(resident_bytes).min(share_bytes)
}

/// `bytes` rounded down to whole pixels of every format, but at least one quantum.
fn whole_quanta(bytes: u64) -> u64 {
    (bytes / QUANTUM * QUANTUM).max(QUANTUM)
}

#[cfg(test)]
mod tests;
