//! Jobs with an id: whether they were done, and whether that still counts.
//!
//! An id is kept with the image's *generation*, which is counted up when a claim finds that somebody else has changed
//! the image since our last job ended. So an id of this generation is still in the image, and of any other nobody can
//! know: a backup from before may have been copied over it.
//!
//! That somebody else changed the image is seen by its time of modification, which each of our jobs sets when it ends.
//! The time of the last change of anything (ctime) would see more and mean less: a rename, a link, another owner change
//! it.

use super::{ClaimOutcome, ImageJobs, PendingJob, Refusal, Request, start_lock};
use crate::error::{Error, Result};
use crate::identity::{Folder, Mark, Record, Standing};
use crate::job::Job;
use crate::journal::header::JournalHeader;
use crate::journal::{self, JobState, Journal};
use crate::map::{Access, MappedFile};
use crate::os::identity::{self, FileStat};

/// An id that the image's folder knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownId {
    /// What the user called the job.
    pub token: Vec<u8>,
    /// False if somebody else changed the image since, so that nobody can know whether the job is still in it.
    pub is_certain: bool,
}

impl ImageJobs {
    /// The ids of jobs that were done.
    ///
    /// # Errors
    /// `Unfit` if something under the name of such a record is none; `Io`.
    pub fn ids(&self) -> Result<Vec<KnownId>> {
        let Some(folder) = self.folder() else {
            return Ok(Vec::new());
        };
        let pending = self.pending()?;
        let is_foreign = self.is_changed_by_others(folder, &pending)?;
        let mut ids = Vec::new();
        for header in headers(folder)? {
            ids.push(KnownId {
                is_certain: !is_foreign && header.generation == folder.record.generation,
                token: header.token,
            });
        }
        ids.sort_by(|a, b| a.token.cmp(&b.token));
        Ok(ids)
    }

    /// What is to become of a request whose token is known; `None` if it is to be done.
    pub(super) fn known_token(
        &self,
        folder: &Folder,
        request: &Request<'_>,
        pending: &[PendingJob],
    ) -> Result<Option<ClaimOutcome>> {
        let token = request.token.as_bytes();
        if token.is_empty() {
            return Ok(None);
        }
        if let Some(done) = headers(folder)?.into_iter().find(|header| header.token == token) {
            self.refuse_other_job(&done, request)?;
            if done.generation != folder.record.generation || self.is_changed_by_others(folder, pending)? {
                let token = request.token.to_owned();
                return Err(Error::unfinished(&self.subject().path, Refusal::IdUncertain { token }));
            }
            return Ok(Some(ClaimOutcome::AlreadyDone));
        }
        match pending.iter().find(|pending| pending.header.token == token) {
            None => Ok(None),
            Some(pending) => {
                self.refuse_other_job(&pending.header, request)?;
                Ok(Some(ClaimOutcome::Resumable(Box::new(pending.clone()))))
            }
        }
    }

    fn refuse_other_job(&self, header: &JournalHeader, request: &Request<'_>) -> Result<()> {
        let job = Job::from_bytes(&header.job, header.chunk_plan.window());
        if job.is_some_and(|job| job.is_same_as(request.job)) {
            return Ok(());
        }
        let token = request.token.to_owned();
        Err(Error::request(&self.subject().path, Refusal::IdTaken { token }))
    }

    /// Refuses a token that is known for the image that this one is a copy of.
    pub(super) fn refuse_copied_token(&self, folder: &Folder, token: &str) -> Result<()> {
        let is_known = headers(folder)?.iter().any(|header| header.token == token.as_bytes());
        if token.is_empty() || !is_known {
            return Ok(());
        }
        let why = Refusal::IdCopied {
            token: token.to_owned(),
            first: folder.record.path.clone(),
        };
        Err(Error::unfinished(&self.subject().path, why))
    }

    /// True if somebody else changed the image's bytes since our last job ended.
    pub(super) fn is_changed_by_others(&self, folder: &Folder, pending: &[PendingJob]) -> Result<bool> {
        let (left, modified) = (folder.record.left_nanoseconds, self.subject().stat.modified_nanoseconds);
        if left == 0 || left == modified {
            return Ok(false);
        }
        // By one of our own jobs, which has not ended?
        for pending in pending {
            if let Some(journal) = pending.open(Access::Read)?
                && (journal.is_alive()? || journal.last_alive_nanoseconds()? >= modified)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Remembers that somebody else changed the image, before a job of ours changes its time of modification.
    pub(super) fn note_foreign_change(&self, folder: &mut Folder, pending: &[PendingJob]) -> Result<()> {
        if !self.is_changed_by_others(folder, pending)? {
            return Ok(());
        }
        let record = Record {
            generation: folder.record.generation + 1,
            left_nanoseconds: 0,
            ..folder.record.clone()
        };
        folder.set_record(record, true)
    }

    /// Sets the image's time of modification, and remembers it.
    pub(super) fn stamp(&self, image: &MappedFile, folder: &mut Folder, journal: &Journal) -> Result<()> {
        let failed = |error| Error::io("touch", image.path(), error);
        identity::touch(image.file()).map_err(failed)?;
        // So that this change is known for the job's own, should the process be killed before the record is written.
        journal.beat(0)?;
        let stat = FileStat::of(image.file()).map_err(failed)?;
        let keeps_ids = !folder.ids()?.is_empty() || self.pending_has_token(folder)?;
        let record = Record {
            left_nanoseconds: stat.modified_nanoseconds,
            ..folder.record.clone()
        };
        if keeps_ids {
            folder.set_record(record, true)
        } else {
            Ok(())
        }
    }

    /// Does for a job of a token what its process was killed before, see [`ImageJobs::stamp`]: remembers the image's
    /// time of modification if it is the job's own, or else that somebody else changed the image since.
    pub(super) fn note_unstamped_end(&self, folder: &mut Folder, journal: &Journal) -> Result<()> {
        let modified = self.subject().stat.modified_nanoseconds;
        if folder.record.left_nanoseconds == modified {
            return Ok(());
        }
        let is_own = modified <= journal.last_alive_nanoseconds()?;
        let record = Record {
            left_nanoseconds: if is_own { modified } else { 0 },
            generation: folder.record.generation + u64::from(!is_own),
            ..folder.record.clone()
        };
        folder.set_record(record, true)
    }

    fn pending_has_token(&self, folder: &Folder) -> Result<bool> {
        for path in folder.journals()? {
            if journal::peek(&path)?.is_some_and(|(header, _)| !header.token.is_empty()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What is kept of the jobs that were done under an id, in the folder; also of one whose journal only waits to become
/// that.
fn headers(folder: &Folder) -> Result<Vec<JournalHeader>> {
    let mut headers = Vec::new();
    for path in folder.ids()? {
        headers.extend(journal::read_id(&path)?);
    }
    for path in folder.journals()? {
        if let Some((header, JobState::Complete)) = journal::peek(&path)?
            && !header.token.is_empty()
        {
            headers.push(header);
        }
    }
    Ok(headers)
}

/// Forgets that the job of `token` was done, or all such jobs; returns how many were forgotten.
///
/// # Errors
/// As for [`ImageJobs::pending`].
pub fn forget(image: &MappedFile, token: Option<&str>) -> Result<usize> {
    let _start_lock = start_lock(image)?;
    let jobs = ImageJobs::of(image, None)?;
    if let Standing::Copy(mark, folder) = jobs.standing() {
        // Its ids are those of another file; a mark of its own comes with its first job.
        let known = headers(folder)?;
        let is_meant = |header: &&JournalHeader| token.is_none_or(|token| header.token == token.as_bytes());
        let forgotten = known.iter().filter(is_meant).count();
        if mark.jobs.unwrap_or(0) == 0 && forgotten > 0 {
            Mark::remove(image.file(), image.path())?;
            return Ok(forgotten);
        }
    }
    jobs.refuse_unknown()?;
    let Some(folder) = jobs.folder() else {
        return Ok(0);
    };
    let folder = &mut folder.clone();
    jobs.swept(image, folder)?;
    let mut forgotten = 0;
    for path in folder.ids()? {
        let header = journal::read_id(&path)?;
        if header.is_some_and(|header| token.is_none_or(|token| header.token == token.as_bytes())) {
            std::fs::remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
            forgotten += 1;
        }
    }
    jobs.count_jobs(image, folder, None)?;
    jobs.remove_if_empty(image, folder, true)?;
    Ok(forgotten)
}
