//! Rows of bytes in a file: [`Block`].

use std::ops::Range;

use super::MAX_FILE_BYTES;
use crate::pixel::SAMPLE_BYTES;

/// Rows of bytes in a file, one like the other, at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// File position of the first byte.
    pub(super) start: u64,
    /// Bytes in one row.
    pub(super) row_bytes: u64,
    /// File bytes from one row's start to the next one's.
    pub(super) stride_bytes: u64,
    pub(super) rows: u64,
}

impl Block {
    /// `rows` rows of `row_bytes` bytes, `stride_bytes` apart, from file position `start` on. `None` if it is empty, if
    /// a length is not whole samples, if rows overlap, or if it ends past [`MAX_FILE_BYTES`].
    pub fn new(start: u64, row_bytes: u64, stride_bytes: u64, rows: u64) -> Option<Block> {
        let is_whole = |bytes: u64| bytes > 0 && bytes.is_multiple_of(SAMPLE_BYTES as u64);
        let last_row = stride_bytes.checked_mul(rows.checked_sub(1)?)?;
        let end = start.checked_add(last_row)?.checked_add(row_bytes)?;
        let fits = is_whole(row_bytes) && (rows == 1 || row_bytes <= stride_bytes) && end <= MAX_FILE_BYTES;
        // One way to say each block, so that equal ones are equal.
        let is_run = rows == 1 || row_bytes == stride_bytes;
        fits.then(|| {
            if is_run {
                Block::run(start, row_bytes * rows)
            } else {
                Block {
                    start,
                    row_bytes,
                    stride_bytes,
                    rows,
                }
            }
        })
    }

    pub(super) fn run(start: u64, bytes: u64) -> Block {
        Block {
            start,
            row_bytes: bytes,
            stride_bytes: bytes,
            rows: 1,
        }
    }

    /// The block as numbers: file position, bytes in a row, bytes from row to row, rows.
    pub fn to_numbers(&self) -> [u64; 4] {
        [self.start, self.row_bytes, self.stride_bytes, self.rows]
    }

    /// The block that [`Block::to_numbers`] wrote; `None` if it could not have.
    pub fn from_numbers(numbers: [u64; 4]) -> Option<Block> {
        let [start, row_bytes, stride_bytes, rows] = numbers;
        Block::new(start, row_bytes, stride_bytes, rows).filter(|block| block.to_numbers() == numbers)
    }

    /// Bytes in all rows.
    pub fn bytes(&self) -> u64 {
        self.row_bytes * self.rows
    }

    /// The smallest file range that covers it.
    pub fn bounds(&self) -> Range<u64> {
        self.start..self.start + (self.rows - 1) * self.stride_bytes + self.row_bytes
    }

    /// File position of byte `at` of the block.
    #[inline]
    pub(super) fn position(&self, at: u64) -> u64 {
        if self.rows == 1 {
            // Asked for every few kilobytes, and a division takes its time.
            return self.start + at;
        }
        self.start + at / self.row_bytes * self.stride_bytes + at % self.row_bytes
    }

    /// The file range that begins at byte `at` of the block and goes on to the end of its row, but not past `end`.
    #[inline]
    pub(super) fn range(&self, at: u64, end: u64) -> Range<u64> {
        if self.rows == 1 {
            return self.start + at..self.start + end;
        }
        let length = (self.row_bytes - at % self.row_bytes).min(end - at);
        let start = self.position(at);
        start..start + length
    }

    /// The file ranges of its rows, in order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> + use<> {
        let block = *self;
        (0..block.rows).map(move |row| {
            let start = block.start + row * block.stride_bytes;
            start..start + block.row_bytes
        })
    }

    /// This block and `next`, which begins later, as one block, if together they are one.
    pub(super) fn joined(&self, next: &Block) -> Option<Block> {
        let ends_at = self.start + self.row_bytes;
        if self.rows == next.rows && ends_at == next.start && (self.rows == 1 || self.stride_bytes == next.stride_bytes)
        {
            // Side by side.
            return Block::new(
                self.start,
                self.row_bytes + next.row_bytes,
                self.stride_bytes,
                self.rows,
            )
            .filter(|joined| joined.rows == 1 || self.stride_bytes >= self.row_bytes + next.row_bytes);
        }
        if self.row_bytes != next.row_bytes {
            return None;
        }
        // One below the other.
        let stride_bytes = match (self.rows, next.rows) {
            (1, 1) => next.start - self.start,
            (1, _) => next.stride_bytes,
            _ => self.stride_bytes,
        };
        let fits = next.start - self.start == self.rows * stride_bytes
            && (next.rows == 1 || next.stride_bytes == stride_bytes)
            && stride_bytes >= self.row_bytes;
        fits.then(|| Block::new(self.start, self.row_bytes, stride_bytes, self.rows + next.rows))?
    }

    /// True if the two have a byte in common.
    pub fn overlaps(&self, other: &Block) -> bool {
        let (a, b) = (self, other);
        let (bounds_a, bounds_b) = (a.bounds(), b.bounds());
        if bounds_a.end <= bounds_b.start || bounds_b.end <= bounds_a.start {
            return false;
        }
        if a.rows == 1 || b.rows == 1 {
            let (run, rows) = if a.rows == 1 { (bounds_a, b) } else { (bounds_b, a) };
            return rows.has_part_in(&run);
        }
        if a.stride_bytes == b.stride_bytes {
            return a.overlaps_in_step(b);
        }
        // Row by row of the one with fewer rows; the other's rows near it follow from its stride.
        let (few, many) = if a.rows <= b.rows { (a, b) } else { (b, a) };
        (0..few.rows).any(|row| {
            let start = few.start + row * few.stride_bytes;
            many.has_part_in(&(start..start + few.row_bytes))
        })
    }

    /// The same for two of equal strides. Row `i` of one and row `j` of the other overlap just if
    /// `d - length_a < (i - j) * stride < d + length_b`, where `d` is the difference of their starts.
    fn overlaps_in_step(&self, other: &Block) -> bool {
        let signed = i128::from;
        let stride = signed(self.stride_bytes);
        let difference = signed(other.start) - signed(self.start);
        let least = (difference - signed(self.row_bytes)).div_euclid(stride) + 1;
        let most = (difference + signed(other.row_bytes) - 1).div_euclid(stride);
        least.max(1 - signed(other.rows)) <= most.min(signed(self.rows) - 1)
    }

    /// True if a row has a byte in `range`.
    fn has_part_in(&self, range: &Range<u64>) -> bool {
        // The last row that begins before the range ends is the only one to look at: earlier rows end earlier.
        let Some(before_end) = range.end.checked_sub(self.start + 1) else {
            return false;
        };
        let row = (before_end / self.stride_bytes).min(self.rows - 1);
        self.start + row * self.stride_bytes + self.row_bytes > range.start
    }
}
