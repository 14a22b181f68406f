//! Mending: what the edit made untrue elsewhere in the file, see [`Mend`].
//!
//! It comes after the last chunk and before the image goes to the disk. What is written is written under the start
//! lock, so that two jobs never write at once. Killed before the end of it, the job is one of which all chunks are done
//! and that is not complete; whoever resumes it does no chunk and mends again.

use std::os::unix::fs::FileExt;

use crate::claim::{self, Claim};
use crate::error::{Error, Hint, Result};
use crate::journal::JobState;
use crate::map::MappedFile;
use crate::mend::{FitsSums, Mend, Sum};
use crate::threads::Progress;

/// So much is read at once.
const READ_BYTES: usize = 1 << 20;

/// Writes what the job mends.
pub(super) fn mend(claim: &Claim, image: &MappedFile, progress: Progress<'_>) -> Result<()> {
    let mends = &claim.job.target.mends;
    // What was complete may have been changed since, by others; and of a job that is given up nothing may be done.
    let (journal, is_nothing) = (&claim.journal, mends.is_empty());
    if is_nothing || journal.state()? == JobState::Complete || journal.totals()?.done_bytes == 0 {
        return Ok(());
    }
    let io = |error| Error::io("write the header of", image.path(), error);
    let mut writes = Vec::new();
    for mend in mends {
        match mend {
            Mend::Bytes { at, bytes } => writes.push((*at, bytes.clone())),
            Mend::FitsSums(sums) => {
                // No other job changes these data meanwhile: claims of sums exclude each other.
                let (mut header, datasum) = read(sums, image, progress)?;
                writes.extend(sums.writes(&mut header, datasum));
            }
        }
    }
    let _start_lock = claim::start_lock(image)?;
    let file_bytes = image.file().metadata().map_err(io)?.len();
    // A write past the end would make the file longer again.
    if writes
        .iter()
        .any(|(at, bytes)| at.saturating_add(bytes.len() as u64) > file_bytes)
    {
        return Err(Error::failed(
            "mend the header of",
            image.path(),
            Hint::words("the file was cut short meanwhile; restore it"),
            std::io::ErrorKind::UnexpectedEof.into(),
        ));
    }
    for (at, bytes) in writes {
        image.file().write_all_at(&bytes, at).map_err(io)?;
    }
    // The image has changed, and it was us.
    journal.beat(0)
}

/// Refuses a job that would make sums right that were wrong before: they may be the only sign of damage.
pub(super) fn refuse_wrong_sums(claim: &Claim, image: &MappedFile, progress: Progress<'_>) -> Result<()> {
    for mend in &claim.job.target.mends {
        let Mend::FitsSums(sums) = mend else {
            continue;
        };
        let (header, datasum) = read(sums, image, progress)?;
        if let Some(fault) = sums.fault(&header, datasum) {
            let why = format!(
                "{fault}: it is damaged, or was changed since they were computed, so nothing was changed; renew them first \
                 (astropy: hdus[{}].add_checksum())",
                sums.hdu - 1
            );
            return Err(Error::unfit(image.path(), why));
        }
    }
    Ok(())
}

/// The header, and the sum of the data.
fn read(sums: &FitsSums, image: &MappedFile, progress: Progress<'_>) -> Result<(Vec<u8>, u32)> {
    let io = |error| Error::io("sum up", image.path(), error);
    let length = |range: &std::ops::Range<u64>, most: usize| {
        usize::try_from(range.end - range.start).map_or(most, |length| length.min(most))
    };
    let mut header = vec![0; length(&sums.header, usize::MAX)];
    image.file().read_exact_at(&mut header, sums.header.start).map_err(io)?;
    let mut sum = Sum::default();
    let mut bytes = vec![0; READ_BYTES];
    let mut rest = sums.data.clone();
    while rest.start < rest.end {
        if progress(0).is_break() {
            return Err(Error::interrupted_and(
                "nothing is half-edited, and its sums are not renewed yet",
            ));
        }
        let some = &mut bytes[..length(&rest, READ_BYTES)];
        image.file().read_exact_at(some, rest.start).map_err(io)?;
        sum.add(some);
        rest.start += some.len() as u64;
    }
    Ok((header, sum.total()))
}
