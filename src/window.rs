//! The part of an image that a job works on: [`Block`]s, rectangles of bytes in the file.
//!
//! Inside a [`Window`] bytes are counted without gaps, block after block, from 0 to [`Window::bytes`]; only
//! [`Window::ranges`] knows where in the file they lie. So whoever works on a window never sees rows, planes or tiles.
//!
//! 1. A window is not empty, its blocks are in the order of their first bytes, and no byte is in two of them.
//! 2. All lengths are whole samples; positions in the file may be odd.

mod block;

use std::ops::Range;
use std::sync::Arc;

pub use self::block::Block;

use crate::pixel::SAMPLE_BYTES;

/// The largest position in a file that the operating system can name (`off_t` is signed).
pub const MAX_FILE_BYTES: u64 = i64::MAX as u64;

/// Blocks of a window at most.
pub const MAX_BLOCKS: usize = 1 << 20;

/// The most that one touched byte may bring into memory.
const HUGE_PAGE_BYTES: u64 = 2 << 20;

/// What a job edits of an image.
#[derive(Clone, Debug)]
pub struct Window {
    blocks: Arc<[Block]>,
    /// The window's bytes before each block, and those of all.
    starts: Arc<[u64]>,
}

impl PartialEq for Window {
    fn eq(&self, other: &Window) -> bool {
        self.blocks == other.blocks
    }
}

impl Eq for Window {}

impl Window {
    /// The bytes of `blocks`, as few blocks as can be.
    ///
    /// # Errors
    /// A message for the user, if there are none, too many, or two of them share bytes.
    pub fn of(mut blocks: Vec<Block>) -> Result<Window, String> {
        join(&mut blocks);
        refuse_shared_bytes(&blocks)?;
        blocks.shrink_to_fit();
        Window::checked(blocks)
    }

    /// The bytes of `blocks` as they are.
    ///
    /// # Errors
    /// As for [`Window::of`], and if they are not in the order of their first bytes.
    pub fn from_blocks(blocks: Vec<Block>) -> Result<Window, String> {
        if !blocks.is_sorted_by_key(|block| block.start) {
            return Err("its blocks are out of order".to_owned());
        }
        refuse_shared_bytes(&blocks)?;
        Window::checked(blocks)
    }

    fn checked(blocks: Vec<Block>) -> Result<Window, String> {
        if blocks.is_empty() || blocks.len() > MAX_BLOCKS {
            return Err(format!(
                "the window has {} blocks in the file; 1 to {MAX_BLOCKS} can be edited at once",
                blocks.len()
            ));
        }
        let mut at = 0u64;
        let mut starts = Vec::with_capacity(blocks.len() + 1);
        starts.push(at);
        for block in &blocks {
            // No byte is in two, so all together are no more than a file can have.
            at += block.bytes();
            starts.push(at);
        }
        Ok(Window {
            blocks: blocks.into(),
            starts: starts.into(),
        })
    }

    /// Its blocks.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Bytes in the window; its parts are ranges within `0..bytes()`.
    pub fn bytes(&self) -> u64 {
        self.starts[self.blocks.len()]
    }

    /// The window's bytes in block `index`.
    pub fn block_part(&self, index: usize) -> Range<u64> {
        self.starts[index]..self.starts[index + 1]
    }

    /// Which block has byte `at` of the window; the last one has its end, too.
    pub fn block_at(&self, at: u64) -> usize {
        match self.blocks.len() {
            1 => 0,
            blocks => self.starts[1..blocks].partition_point(|&start| start <= at),
        }
    }

    /// The samples of the block before byte `at` of the window.
    pub fn samples_before(&self, at: u64) -> u64 {
        (at - self.starts[self.block_at(at)]) / SAMPLE_BYTES as u64
    }

    /// True if the two have a byte in common.
    pub fn overlaps(&self, other: &Window) -> bool {
        if are_apart_in_step(self.blocks.iter().chain(&*other.blocks)) {
            return false;
        }
        // Whatever begins next is compared with those of the other window that have not ended by then.
        let (mut open_a, mut open_b): (Vec<&Block>, Vec<&Block>) = (Vec::new(), Vec::new());
        let (mut left_a, mut left_b) = (self.blocks.iter().peekable(), other.blocks.iter().peekable());
        loop {
            let is_a_next = match (left_a.peek(), left_b.peek()) {
                (Some(a), Some(b)) => a.start <= b.start,
                (Some(_), None) => !open_b.is_empty(),
                (None, Some(_)) => open_a.is_empty(),
                (None, None) => return false,
            };
            let (left, open, others) = if is_a_next {
                (&mut left_a, &mut open_a, &mut open_b)
            } else {
                (&mut left_b, &mut open_b, &mut open_a)
            };
            let Some(block) = left.next() else {
                return false;
            };
            others.retain(|other| other.bounds().end > block.start);
            if others.iter().any(|other| other.overlaps(block)) {
                return true;
            }
            open.push(block);
        }
    }

    /// The file ranges that hold the bytes `part` of the window, in order, none of them empty.
    ///
    /// # Panics
    /// If `part` reaches outside the window.
    pub fn ranges(&self, part: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        assert!(
            part.start <= part.end && part.end <= self.bytes(),
            "{part:?} of {} bytes",
            self.bytes()
        );
        let mut at = part.start;
        let mut index = self.block_at(at);
        std::iter::from_fn(move || {
            (at < part.end).then(|| {
                let mut block = self.block_part(index);
                if at == block.end {
                    index += 1;
                    block = self.block_part(index);
                }
                let end = block.end.min(part.end) - block.start;
                let range = self.blocks[index].range(at - block.start, end);
                at += range.end - range.start;
                range
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
            "{part:?} of {} bytes",
            self.bytes()
        );
        let blocks = self.block_at(part.start)..=self.block_at(part.end - 1);
        // A later block begins later, but its part need not.
        let bounds = blocks.map(|index| {
            let (block, own) = (&self.blocks[index], self.block_part(index));
            let (start, end) = (part.start.max(own.start), part.end.min(own.end));
            block.position(start - own.start)..block.position(end - 1 - own.start) + 1
        });
        let both = bounds.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        both.expect("at least one block")
    }

    /// The smallest file range that covers all of it.
    pub fn all_bounds(&self) -> Range<u64> {
        self.bounds(0..self.bytes())
    }

    /// Window bytes that bring at most about `resident_bytes` into memory: fewer than those where rows are short and
    /// far apart, because each may bring a whole huge page.
    pub(crate) fn bytes_within(&self, resident_bytes: u64) -> u64 {
        let of_block = |block: &Block| {
            let row_resident_bytes = block.stride_bytes.min(block.row_bytes + 2 * HUGE_PAGE_BYTES);
            let rows = resident_bytes / row_resident_bytes;
            // A row that is larger than the bound is cut within itself.
            if rows == 0 {
                resident_bytes.min(block.row_bytes)
            } else {
                rows * block.row_bytes
            }
        };
        match &*self.blocks {
            [one] => of_block(one),
            many => {
                let apart = many.iter().filter(|block| block.rows > 1).map(of_block);
                apart.min().unwrap_or(resident_bytes).min(resident_bytes)
            }
        }
    }
}

/// Puts blocks in the order of their first bytes, and makes as few of them as can be.
pub(crate) fn join(blocks: &mut Vec<Block>) {
    blocks.sort_unstable_by_key(|block| block.start);
    // In place, because there may be a million.
    let mut kept = 0;
    for index in 0..blocks.len() {
        let mut block = blocks[index];
        while kept > 0
            && let Some(both) = blocks[kept - 1].joined(&block)
        {
            kept -= 1;
            block = both;
        }
        blocks[kept] = block;
        kept += 1;
    }
    blocks.truncate(kept);
}

/// True if all blocks have rows at one and the same distance, and within that distance no byte is in two of them: bands
/// of lines, of which there may be thousands. (If it is false, they may still be apart.)
fn are_apart_in_step<'a>(blocks: impl Iterator<Item = &'a Block> + Clone) -> bool {
    let mut strides = blocks.clone().map(|block| block.stride_bytes);
    let Some(stride_bytes) = strides.next() else {
        return true;
    };
    if strides.any(|other| other != stride_bytes) {
        return false;
    }
    let mut places: Vec<(u64, u64)> = blocks
        .map(|block| (block.start % stride_bytes, block.row_bytes))
        .collect();
    places.sort_unstable();
    let follow = places.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0);
    // The last one may reach into the next row.
    let (first, last) = (places[0], places[places.len() - 1]);
    follow && last.0 + last.1 <= first.0 + stride_bytes
}

/// Blocks must be in the order of their first bytes.
fn refuse_shared_bytes(blocks: &[Block]) -> Result<(), String> {
    if are_apart_in_step(blocks.iter()) {
        return Ok(());
    }
    // Those that have not ended where the next one begins.
    let mut open: Vec<&Block> = Vec::new();
    for block in blocks {
        open.retain(|other| other.bounds().end > block.start);
        if let Some(other) = open.iter().find(|other| other.overlaps(block)) {
            return Err(format!(
                "the bytes from {} on and those from {} on overlap; each sample may be edited once only",
                other.start, block.start
            ));
        }
        open.push(block);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
