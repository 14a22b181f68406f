//! What must hold before a byte is copied from a journal that somebody else left.

use crate::claim::{Claim, ImageJobs, Refusal};
use crate::engine;
use crate::error::{Error, Hint, Result};
use crate::journal::check::Chunks;
use crate::journal::{JobState, Journal};
use crate::map::MappedFile;
use crate::os::disk::{self, FileSystem};
use crate::threads::Progress;

use super::sync_failed;

/// File times come from a clock that advances in ticks; they may be two ticks (of 10 ms at most) behind.
const TICK_NANOSECONDS: u64 = 20_000_000;

/// Tolerance of the last sign of life: more than its unit (0.1 ms), and more than a job takes from a change to noting
/// it.
const BEAT_NANOSECONDS: u64 = 1_000_000;

/// Everything that must hold before a byte is copied from a journal that somebody else left.
pub(super) fn refuse_unsound(
    jobs: &ImageJobs,
    claim: &Claim,
    image: &MappedFile,
    progress: Progress<'_>,
) -> Result<()> {
    let journal = &claim.journal;
    let path = image.path();
    // Only the folder given by the user knows this job. Whoever edited without naming that folder was not warned.
    if jobs.is_replaced_by_word() {
        return Err(Error::unfit(path, Refusal::EditedUnseen));
    }
    if let Some(name) = claim.job.unknown_function() {
        return Err(Error::unfinished(
            path,
            format!(
                "its unfinished job is one of another program, whose function '{name}' is not known here; nothing was \
                 changed; finish it with that program"
            ),
        ));
    }
    let image_bytes = journal.header().image_bytes;
    if image_bytes != image.len() {
        let why = format!(
            "has {} bytes, and had {image_bytes} when the unfinished job was begun: was it replaced, or given another \
             length? nothing was changed",
            image.len(),
        );
        return Err(Error::unfit(path, why).with_hint(Hint::Abandon));
    }
    let state = journal.state()?;
    if state == JobState::SyncFailed {
        return Err(sync_failed(path));
    }
    refuse_another_journal(jobs, claim)?;
    let is_same_start = is_same_start(jobs, journal)?;
    if state != JobState::Paused && !is_same_start {
        return Err(Error::unfinished(
            path,
            "the system was started anew, or the disk mounted anew, since the job was cut short, and bytes may be lost",
        )
        .with_hint(Hint::RestoreThenAbandon));
    }
    let window = &claim.job.target.window;
    if window.bounds(0..window.bytes()).end > image.len() {
        return Err(Error::unfit(
            journal.path(),
            "holds a window that does not fit; nothing was changed",
        ));
    }
    let chunks = chunks_to_compare(jobs, claim, image, is_same_start)?;
    let is_compared = engine::check(&claim.job, image, journal, chunks, progress)?;
    if jobs.is_replaced() && !is_compared {
        return Err(Error::unfit(
            path,
            "is not the file that the unfinished job was begun on, and nothing was done there yet by which a copy could be \
             known; nothing was changed",
        )
        .with_hint(Hint::ClearThenBegin));
    }
    Ok(())
}

/// Refuses a journal that is not of the image's moment: an old copy, or of a job that has ended.
fn refuse_another_journal(jobs: &ImageJobs, claim: &Claim) -> Result<()> {
    let journal = &claim.journal;
    // A journal that becomes the record of its id is renamed, so there are never both.
    if claim.folder().id_path(journal.path()).exists() {
        return Err(Error::unfit(
            journal.path(),
            "is a copy of the journal of a job that came to its end under its id; nothing was changed",
        )
        .with_hint(Hint::Abandon));
    }
    let is_original = journal.is_original()?;
    if is_original {
        journal.refuse_earlier_copy()?;
    } else if jobs.is_same_file() {
        return Err(Error::unfit(
            journal.path(),
            "is a copy of the job's journal, which may be of an earlier moment, so that what it calls untouched may be \
             edited; nothing was changed",
        )
        .with_hint(Hint::BringFirstBack));
    }
    // Image and journal from another disk are both copies, and must be of one moment.
    if !is_original && jobs.modified_nanoseconds() > journal.last_alive_nanoseconds()? + BEAT_NANOSECONDS {
        return Err(Error::unfit(
            journal.path(),
            "is a copy of the job's journal, and the image was changed after its last sign of life, so what it calls \
             untouched may be edited; nothing was changed",
        )
        .with_hint(Hint::BringLastBack));
    }
    Ok(())
}

/// Which chunks are to be compared with the image.
fn chunks_to_compare(jobs: &ImageJobs, claim: &Claim, image: &MappedFile, is_same_start: bool) -> Result<Chunks> {
    let journal = &claim.journal;
    // If the image's last change lies between the job's beginning and our last sign of life, only we changed it. A
    // server's clock is not ours, so there all is compared.
    let changed = jobs.changed_nanoseconds();
    let is_quiet = changed <= journal.last_alive_nanoseconds()?
        && changed + TICK_NANOSECONDS >= journal.header().begun_nanoseconds;
    let is_local = !matches!(
        disk::file_system(image.file()),
        Ok(FileSystem::Nfs | FileSystem::Other(_)) | Err(_)
    );
    Ok(
        if is_same_start && journal.is_original()? && jobs.is_same_file() && is_quiet && is_local {
            Chunks::Some
        } else {
            Chunks::All
        },
    )
}

/// True if neither the system was started anew nor a disk mounted anew since the job was begun or last resumed: then
/// what was in memory of the image and of the journal is what it was.
///
/// # Errors
/// `Io`.
pub fn is_same_start(jobs: &ImageJobs, journal: &Journal) -> Result<bool> {
    let mounts = journal.mounts()?;
    let are_mounted = jobs
        .folder()
        .is_some_and(|folder| jobs.are_still_mounted(mounts, folder));
    Ok(journal.is_of_this_boot()? && are_mounted)
}
