//! What is remembered of a chunk, to see later whether the image still holds it: fingerprints of its ends.

use std::ops::Range;

use crate::cut::Cut;
use crate::error::Result;
use crate::job::Job;
use crate::journal::check::{self, END_BYTES, Of};

/// Where in the file the bytes lie that a fingerprint of a chunk is taken of.
pub(super) fn marked(job: &Job, cut: &Cut, chunk: u32, of: Of) -> Vec<Range<u64>> {
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
pub(super) fn fingerprint(
    ranges: &[Range<u64>],
    mut read: impl FnMut(&Range<u64>, &mut [u8]) -> Result<()>,
) -> Result<u32> {
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

/// The beginning of a chunk in work as it is in the image, or will be: its page is let go before the chunk is done, and need
/// not come back.
pub(super) struct Beginning {
    pub(super) chunk: u32,
    pub(super) fingerprint: u32,
    /// In the file.
    range: Range<u64>,
    bytes: [u8; END_BYTES],
}

impl Beginning {
    /// Of chunk `chunk`; `read` reads the bytes of a range.
    pub(super) fn new(
        job: &Job,
        cut: &Cut,
        chunk: u32,
        mut read: impl FnMut(&Range<u64>, &mut [u8]) -> Result<()>,
    ) -> Result<Beginning> {
        let ranges = marked(job, cut, chunk, Of::Beginning);
        let mut bytes = [0; END_BYTES];
        let fingerprint = fingerprint(&ranges, |range, out| {
            read(range, out)?;
            bytes[..out.len()].copy_from_slice(out);
            Ok(())
        })?;
        Ok(Beginning {
            chunk,
            fingerprint,
            range: ranges[0].clone(),
            bytes,
        })
    }

    /// Copies the bytes of `range` into `out`, if it is this beginning.
    pub(super) fn copy_out(&self, chunk: u32, range: &Range<u64>, out: &mut [u8]) -> bool {
        let is_this = self.chunk == chunk && self.range == *range;
        if is_this {
            out.copy_from_slice(&self.bytes[..out.len()]);
        }
        is_this
    }
}
