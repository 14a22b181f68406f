//! The jobs of an image: which there are, and what the image and its folder say of them.

use std::path::{Path, PathBuf};

use super::{Claim, Refusal};
use crate::error::{Error, Hint, Reason, Result, UnfinishedJob};
use crate::identity::{Folder, Record, Standing, Subject};
use crate::job::Job;
use crate::journal::header::JournalHeader;
use crate::journal::{self, JobState, Journal};
use crate::map::{Access, MappedFile};
use crate::op::PixelFunction;
use crate::os::identity::FileStat;

/// An open image, with what is known of its jobs.
#[derive(Debug)]
pub struct ImageJobs {
    subject: Subject,
    /// The journals in the image's folder, listed right after the mark was read.
    journals: Vec<PathBuf>,
}

/// A job that is not ended, without its journal open: there may be thousands of jobs.
#[derive(Clone, Debug)]
pub struct PendingJob {
    /// The path of the job's journal.
    pub path: PathBuf,
    /// The part of the journal that never changes.
    pub header: JournalHeader,
    /// The job.
    pub job: Job,
}

impl PendingJob {
    /// Gives a job of a [`PixelFunction`] its function, if that is among `functions`.
    #[must_use]
    pub fn with(mut self, functions: &[PixelFunction]) -> PendingJob {
        self.job.learn(functions);
        self
    }

    /// Opens the job's journal; `None` if the job has ended meanwhile.
    ///
    /// # Errors
    /// As for [`Journal::open`].
    pub fn open(&self, access: Access) -> Result<Option<Journal>> {
        Journal::open(&self.path, access)
    }
}

impl ImageJobs {
    /// Looks for the jobs of an open image; changes nothing. The image's folder may also be in `elsewhere`, the user's
    /// folder for journals.
    ///
    /// # Errors
    /// `Unfit` if a folder is there that is not to be trusted; `Io`.
    pub fn of(image: &MappedFile, elsewhere: Option<&Path>) -> Result<ImageJobs> {
        let read = || {
            let subject = Subject::of(image, elsewhere)?;
            let journals = match &subject.standing {
                Standing::Ours(_, folder)
                | Standing::Moved(_, folder)
                | Standing::Replaced(folder)
                | Standing::Unmarkable(Some(folder)) => folder.journals()?,
                _ => Vec::new(),
            };
            Ok(ImageJobs { subject, journals })
        };
        let mut jobs: ImageJobs = read()?;
        // Mark and journals that do not fit together may be of a job that ended after the mark was read and before the
        // journals were listed. A second reading then finds a mark without that job.
        while jobs.refuse_unknown().is_err() {
            let again = read()?;
            let is_the_same = again.standing() == jobs.standing();
            jobs = again;
            if is_the_same {
                break;
            }
        }
        Ok(jobs)
    }

    /// True if the file seems to be another one, in the place of the image on which the jobs were begun. Where the file
    /// system keeps no marks, the file may still be that image with a new inode.
    pub fn is_replaced(&self) -> bool {
        match self.standing() {
            Standing::Replaced(_) => true,
            Standing::Unmarkable(Some(folder)) => !folder.record.is_of(&self.subject.stat.identity),
            _ => false,
        }
    }

    /// True if only a folder that the user named knows that the image was replaced, and no folder beside the file does.
    pub(crate) fn is_replaced_by_word(&self) -> bool {
        let is_beside = |folder: &Folder| folder.path.parent() == Some(self.subject.parent());
        matches!(self.standing(), Standing::Replaced(folder) if !is_beside(folder))
    }

    /// Refuses a file in the place of an image with unfinished jobs: the file may be a half-edited copy of that image,
    /// and nobody can know what was changed in the file since.
    pub(super) fn refuse_replaced(&self) -> Result<()> {
        if !self.is_replaced() {
            return Ok(());
        }
        match self.pending()?.first() {
            Some(in_the_way) => Err(self.in_the_way(in_the_way)?),
            None => Ok(()),
        }
    }

    /// Refuses to give up a job that an image elsewhere may still need.
    pub(crate) fn refuse_job_of_first(&self, pending: &PendingJob) -> Result<()> {
        match self.standing() {
            Standing::Replaced(_) => Err(self.in_the_way(pending)?),
            _ => Ok(()),
        }
    }

    /// Leaves the jobs of a replaced image to that image, which may be elsewhere, because the user says that this file
    /// is another picture. Returns the folder of the journals; `None` if the jobs are to be given up as those of this
    /// file.
    pub(super) fn leave_to_first(&self) -> Result<Option<PathBuf>> {
        let Some(folder) = self.folder().filter(|_| self.is_replaced()) else {
            return Ok(None);
        };
        // Without marks, an image is only ever found beside its journals.
        if matches!(self.standing(), Standing::Unmarkable(_)) && !self.subject.is_beside(&folder.record)? {
            return Ok(None);
        }
        forget_place(folder.clone())?;
        Ok(Some(folder.path.clone()))
    }

    /// Notes in the records of images that were here before that they are gone from here, because this file, another
    /// picture, is to be edited; `own` is its folder, if it has one. Without the note a resume could take the edited
    /// file for a copy of such an image: the file may then hold all that a job had done there.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub(super) fn forget_outdated(&self, own: Option<&Folder>) -> Result<()> {
        let (here, is_unmarkable) = (
            &self.subject.resolved,
            matches!(self.standing(), Standing::Unmarkable(_)),
        );
        for folder in self.subject.folders_in_reach()? {
            let is_own =
                own.is_some_and(|own| own.path == folder.path) || folder.record.is_of(&self.subject.stat.identity);
            let was_here = if is_unmarkable {
                folder.record.path.file_name() == here.file_name()
            } else {
                folder.record.path == *here
            };
            if was_here && !is_own {
                forget_place(folder)?;
            }
        }
        Ok(())
    }

    /// What is known of the image.
    pub fn standing(&self) -> &Standing {
        &self.subject.standing
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The folder with the image's jobs, if there is one.
    pub fn folder(&self) -> Option<&Folder> {
        match self.standing() {
            Standing::Ours(_, folder)
            | Standing::Moved(_, folder)
            | Standing::Replaced(folder)
            | Standing::Unmarkable(Some(folder)) => Some(folder),
            _ => None,
        }
    }

    /// True if the image is known by its inode, and not by its name or by where it was moved from.
    pub(crate) fn is_same_file(&self) -> bool {
        let known = |folder: &Folder| folder.record.is_of(&self.subject.stat.identity);
        !matches!(self.standing(), Standing::Moved(..)) && self.folder().is_some_and(known)
    }

    /// The image's time of status change (ctime), in nanoseconds since 1970.
    pub(crate) fn changed_nanoseconds(&self) -> u64 {
        self.subject.stat.changed_nanoseconds
    }

    /// The image's time of modification (mtime), in nanoseconds since 1970. Unlike the time of status change it goes
    /// with a file that is moved to another disk.
    pub(crate) fn modified_nanoseconds(&self) -> u64 {
        self.subject.stat.modified_nanoseconds
    }

    /// The mounts through which the image and the journals in `folder` are reached.
    pub(crate) fn mounts(&self, folder: &Folder) -> Result<[u64; 2]> {
        let stat = FileStat::of_path(&folder.path).map_err(|error| Error::io("look at", &folder.path, error))?;
        Ok([self.subject.stat.mount, stat.mount])
    }

    /// True if both mounts, through which a job was once worked on, are still there.
    pub(crate) fn are_still_mounted(&self, mounts: [u64; 2], folder: &Folder) -> bool {
        self.subject.are_still_mounted(mounts, folder)
    }

    /// Refuses an image of which nobody can know the jobs, because mark, folder and journals do not fit together.
    ///
    /// # Errors
    /// `Unfinished`, `Unfit`.
    pub fn refuse_unknown(&self) -> Result<()> {
        let path = &self.subject.path;
        let unfinished = |why: Reason, hint| Err(Error::unfinished(path, why).with_hint(hint));
        match self.standing() {
            Standing::Lost(mark) => {
                let why = Refusal::FolderLost {
                    jobs: mark.jobs,
                    folder: mark.folder.clone(),
                };
                unfinished(why.into(), Hint::BringFolderBack)
            }
            Standing::Copy(mark, folder) if mark.jobs.unwrap_or(0) > 0 => {
                let first = folder.record.path.display();
                let why =
                    format!("is a copy of {first}, made while a job was unfinished there, so it may be half-edited");
                unfinished(why.into(), Hint::CopyAgain)
            }
            Standing::Stripped(folder) => {
                let why = format!(
                    "{} has a journal of it, but the image does not carry its mark: was it stripped of its \
                     attributes, or an old journal put back? nobody can know which part is edited",
                    folder.path.display(),
                );
                unfinished(why.into(), Hint::Restore)
            }
            Standing::Unreadable(why) => {
                let why = format!("carries a mark of jobs (attribute user.pagelight), but {why}; nothing was changed");
                Err(Error::unfit(path, why).with_hint(Hint::ClearMark))
            }
            Standing::Ours(mark, folder) | Standing::Moved(mark, folder) => {
                let (counted, found) = (mark.jobs.unwrap_or(0) as usize, self.journals.len());
                if counted <= found {
                    return Ok(());
                }
                let why = Refusal::JournalsLost {
                    jobs: mark.jobs,
                    folder: folder.path.clone(),
                    found,
                };
                unfinished(why.into(), Hint::BringJournalsBack)
            }
            _ => Ok(()),
        }
    }

    /// The jobs of the image that are not ended, in the order of their journals' names.
    ///
    /// # Errors
    /// `Unfinished` if nobody can know which jobs there are; `Unfit` if something under a journal's name is no sound
    /// journal; `Io`.
    pub fn pending(&self) -> Result<Vec<PendingJob>> {
        self.refuse_unknown()?;
        let mut pending = Vec::new();
        for path in &self.journals {
            if let Some((header, state)) = journal::peek(path)?
                && state != JobState::Complete
            {
                pending.push(PendingJob::new(path.clone(), header)?);
            }
        }
        Ok(pending)
    }

    /// Claims a pending job, unless a living process runs it.
    ///
    /// # Errors
    /// `Busy` if a process runs the job, or has just ended it; `Io`.
    pub fn take_over(&self, pending: PendingJob) -> Result<Claim> {
        let gone = || {
            let why = "the job was ended by another process just now; look again";
            Error::busy(&self.subject.path, why)
        };
        let journal = pending.open(Access::ReadWrite)?.ok_or_else(gone)?;
        let folder = self.folder().ok_or_else(gone)?.clone();
        match journal.lock_run()? {
            // Another may have finished it just before we got the lock.
            Some(_) if !journal.is_named()? => Err(gone()),
            Some(lock) => Ok(Claim {
                journal,
                job: pending.job,
                folder,
                _lock: lock,
            }),
            None => Err(self.busy(&pending, journal.owner()?)),
        }
    }

    /// The error for a pending job that is in the way.
    pub(super) fn in_the_way(&self, pending: &PendingJob) -> Result<Error> {
        if let Some(journal) = pending.open(Access::Read)?
            && journal.is_alive()?
        {
            return Ok(self.busy(pending, journal.owner()?));
        }
        let path = &self.subject.path;
        let (op, part) = (&pending.job.op, &pending.job.target.description.part);
        if self.is_replaced() {
            let why = format!("is not the file that an unfinished job was begun on ({op}, {part}): it was replaced");
            return Ok(if self.is_replaced_by_word() {
                Error::unfinished(path, why).with_hint(Hint::FinishFirst)
            } else {
                Error::unfinished(path, why)
                    .with_hint(Hint::CopyOrBackup)
                    .with_job(self.where_lies(pending))
            });
        }
        let why = format!("an unfinished job is in the way ({op}, {part})");
        Ok(Error::unfinished(path, why)
            .with_hint(Hint::ResumeOrAbandon)
            .with_job(self.where_lies(pending)))
    }

    /// The paths of image and journal, for the error that tells of the job.
    fn where_lies(&self, pending: &PendingJob) -> UnfinishedJob {
        UnfinishedJob {
            image: self.subject.path.clone(),
            journal: pending.path.clone(),
        }
    }

    /// The error for a pending job on which process `owner` works.
    fn busy(&self, pending: &PendingJob, owner: u64) -> Error {
        let (op, part) = (&pending.job.op, &pending.job.target.description.part);
        let why =
            format!("process {owner} is at work there ({op}, {part}); wait for its end, or choose another window");
        Error::Busy {
            subject: (&self.subject.path).into(),
            reason: why.into(),
            process: u32::try_from(owner).ok(),
            window: Some(pending.job.target.window.all_bounds()),
        }
    }
}

impl PendingJob {
    fn new(path: PathBuf, header: JournalHeader) -> Result<PendingJob> {
        match Job::from_bytes(&header.job, header.chunk_plan.window()) {
            Some(job) => Ok(PendingJob { path, header, job }),
            None => Err(Error::unfit(
                &path,
                "holds no job that makes sense; nothing was changed",
            )),
        }
    }
}

/// Clears the path in a folder's record: the image is no longer where it was last met. The journals stay, and the
/// image's mark still leads to them.
fn forget_place(mut folder: Folder) -> Result<()> {
    let record = Record {
        path: PathBuf::new(),
        ..folder.record.clone()
    };
    folder.set_record(record, true)
}
