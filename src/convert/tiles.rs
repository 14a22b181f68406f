//! Repeats a picture over an image, every other one mirrored, so that what meets at a seam is the same on both sides.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::picture::PictureInfo;
use crate::error::{Error, Result};
use crate::threads::{self, Progress};

/// About how much is written at once, where rows are short.
const STEP_BYTES: u64 = 1 << 20;

/// Fills the image with `columns` x `rows` of the picture that is in its left upper corner already.
///
/// # Errors
/// `Io` if the image cannot be read or written; `Interrupted` if `progress` said so.
pub(super) fn repeat(
    image: &File,
    path: &Path,
    info: &PictureInfo,
    (columns, rows): (u64, u64),
    threads: usize,
    progress: Progress<'_>,
) -> Result<()> {
    let row_bytes = info.row_bytes();
    let pairs = (STEP_BYTES / (2 * row_bytes)).clamp(1, columns.div_ceil(2));
    threads::share(threads, info.height * rows, |queue| {
        let (mut row, mut line) = (Vec::new(), Vec::new());
        while let Some(y) = queue.take() {
            // The picture itself is there; only what is beside it is not.
            let first_column = u64::from(y < info.height);
            if first_column == columns {
                continue;
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a row at most, which was in memory before"
            )]
            row.resize(row_bytes as usize, 0);
            let read = image.read_exact_at(&mut row, mirrored(y, info.height) * row_bytes * columns);
            read.map_err(|error| Error::io("read", path, error))?;
            unfold(&row, info, pairs, &mut line);
            let mut column = first_column;
            while column < columns {
                let start = column % 2 * row_bytes;
                let length = (line.len() as u64 - start).min((columns - column) * row_bytes);
                #[expect(clippy::cast_possible_truncation, reason = "within the line, which is in memory")]
                let part = &line[start as usize..(start + length) as usize];
                let written = image.write_all_at(part, (y * columns + column) * row_bytes);
                written.map_err(|error| Error::io("write", path, error))?;
                column += length / row_bytes;
                threads::report(progress, length)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Which of `length` rows shows up at `y`, when every other repetition is upside down.
fn mirrored(y: u64, length: u64) -> u64 {
    let within = y % length;
    if (y / length).is_multiple_of(2) {
        within
    } else {
        length - 1 - within
    }
}

/// The row as it is and then mirrored, `pairs` times.
fn unfold(row: &[u8], info: &PictureInfo, pairs: u64, line: &mut Vec<u8>) {
    line.clear();
    let pixel_bytes = info.format.channels.count() * crate::pixel::SAMPLE_BYTES;
    for _ in 0..pairs {
        line.extend_from_slice(row);
        for pixel in row.chunks_exact(pixel_bytes).rev() {
            line.extend_from_slice(pixel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_meets_at_a_seam_is_the_same_on_both_sides() {
        let rows: Vec<u64> = (0..9).map(|y| mirrored(y, 3)).collect();
        assert_eq!(rows, [0, 1, 2, 2, 1, 0, 0, 1, 2]);
    }
}
