//! Claims: who may work on which window of an image. The journals in the image's folder say so.
//!
//! [`claim`] answers a [`Request`], a job that somebody wants to do, with a [`ClaimOutcome`]; if it is granted, with a
//! [`Claim`], the right to work on the job. [`ImageJobs`] lists the unfinished jobs of an image, each a [`PendingJob`],
//! and [`ImageJobs::take_over`] makes a claim of one.
//!
//! A run that begins takes the start lock on the image for a moment, compares its window with those of the journals
//! that are there, and publishes its own. Overlap with a job that a living process runs: busy. Overlap with a job that
//! nobody runs: unfinished, and not to be edited over. Jobs on disjoint windows, also interleaved rectangles, work side
//! by side.
//!
//! 1. Looking changes nothing: what a job that came to its end left behind is swept by whoever claims next.
//! 2. The claim is what the journal says; it ends when the journal is removed, not when a process ends.
//! 3. The mark is on the image before the image's first byte changes, and counts the journals, so that a missing
//!    journal is noticed. A journal is made before the mark counts it, and removed after the mark has stopped counting
//!    it.

mod folder;
mod ids;
mod jobs;
mod refusal;

use std::path::{Path, PathBuf};

pub use self::ids::{KnownId, forget};
pub use self::jobs::{ImageJobs, PendingJob};
pub use self::refusal::{Refusal, marked};

use crate::chunk_plan::ChunkPlan;
use crate::error::{Error, Result};
use crate::identity::{Folder, Mark, Record, Standing};
use crate::job::Job;
use crate::journal::header::JournalHeader;
use crate::journal::{self, JobState, Journal};
use crate::map::{Access, MappedFile};
use crate::os::identity::{self, FileStat};
use crate::os::lock::Lock;

/// The byte of the image whose lock is held while a run begins or ends; past the end of every file.
const START_LOCK_AT: u64 = 1 << 62;

/// A claim: the right to work on a job.
#[derive(Debug)]
pub struct Claim {
    /// The job's journal.
    pub journal: Journal,
    /// The job.
    pub job: Job,
    /// The folder of the journal.
    folder: Folder,
    /// Held as long as this process runs the job.
    _lock: Lock,
}

/// What came of asking for a claim.
#[derive(Debug)]
pub enum ClaimOutcome {
    /// The job may begin.
    Granted(Box<Claim>),
    /// A job of this token is there, unfinished, and is to be resumed.
    Resumable(Box<PendingJob>),
    /// The job of this token was done before.
    AlreadyDone,
}

/// A job that somebody wants to do.
#[derive(Clone)]
pub struct Request<'a> {
    /// The job.
    pub job: &'a Job,
    /// How its window is divided.
    pub chunk_plan: ChunkPlan,
    /// On how many threads at most.
    pub slots: u32,
    /// What the user calls it; empty if nothing.
    pub token: &'a str,
    /// Where the journal is to be, if not beside the image.
    pub folder: Option<&'a Path>,
}

/// Asks for the right to do a job on `image`. The journal is not on the disk yet.
///
/// # Errors
/// `Busy` if a run that overlaps is alive; `Unfinished` if one that overlaps waits to be finished, if the image is a
/// copy with half a job, took the place of an image with one or has lost its journals, or if nobody can know whether
/// the job of this token is still in it; `Request` if the token was used for another job, or the journals are in
/// another place; `Unfit`; `Io`.
pub fn claim(image: &MappedFile, request: &Request<'_>) -> Result<ClaimOutcome> {
    let _start_lock = start_lock(image)?;
    let jobs = ImageJobs::of(image, request.folder)?;
    let mut folder = jobs.claimable_folder(image, request)?;
    if let Some(folder) = &mut folder {
        let pending = jobs.swept(image, folder)?;
        if let Some(outcome) = jobs.known_token(folder, request, &pending)? {
            return Ok(outcome);
        }
        // Whatever its window: of an image that was moved nobody knows yet that it is as its jobs left it.
        let is_moved = matches!(jobs.standing(), Standing::Moved(..));
        let window = request.chunk_plan.window();
        let is_in_the_way = |pending: &&PendingJob| {
            is_moved || pending.header.chunk_plan.window().overlaps(window) || pending.job.excludes(request.job)
        };
        if let Some(in_the_way) = pending.iter().find(is_in_the_way) {
            return Err(jobs.in_the_way(in_the_way)?);
        }
        jobs.note_foreign_change(folder, &pending)?;
    }
    grant(image, &jobs, folder, request)
}

/// Makes the folder, if there is none, the journal and the mark.
fn grant(image: &MappedFile, jobs: &ImageJobs, folder: Option<Folder>, request: &Request<'_>) -> Result<ClaimOutcome> {
    jobs.forget_outdated(folder.as_ref())?;
    let is_new = folder.is_none();
    let folder = match folder {
        Some(folder) => folder,
        None => jobs.new_folder(image, request.folder)?,
    };
    let made = make_journal(image, jobs, &folder, request);
    if made.is_err() && is_new {
        // Nothing was changed, and nothing is to stay.
        let _ = folder.remove();
        let _ = jobs.unmark(image);
    }
    let (journal, lock) = made?;
    Ok(ClaimOutcome::Granted(Box::new(Claim {
        journal,
        job: request.job.clone(),
        folder,
        _lock: lock,
    })))
}

fn make_journal(
    image: &MappedFile,
    jobs: &ImageJobs,
    folder: &Folder,
    request: &Request<'_>,
) -> Result<(Journal, Lock)> {
    let uuid = identity::random().map_err(|error| Error::io("name a job on", image.path(), error))?;
    let header = JournalHeader {
        chunk_plan: request.chunk_plan.clone(),
        slots: request.slots,
        image_bytes: image.len(),
        journal: [0; 2],
        begun_nanoseconds: identity::now_nanoseconds(),
        uuid,
        generation: folder.record.generation,
        job: request.job.to_bytes(),
        token: request.token.as_bytes().to_vec(),
    };
    let path = folder.journal_path(uuid);
    let made = Journal::create(&path, header, jobs.mounts(folder)?)?;
    // What could not be believed when it is read back would be a job that can neither be resumed nor abandoned.
    let counted = journal::peek(&path).and_then(|_| jobs.count_jobs(image, folder, None));
    counted.inspect_err(|_| {
        let _ = std::fs::remove_file(&path);
    })?;
    Ok(made)
}

/// The lock under which runs begin and end, and nobody else does at the moment.
///
/// # Errors
/// `Io`.
pub(crate) fn start_lock(image: &MappedFile) -> Result<Lock> {
    Lock::wait(image.file(), START_LOCK_AT).map_err(|error| Error::io("lock", image.path(), error))
}

impl Claim {
    /// Waits until the journal, its name and the image's mark are on the disk, so that a power cut is noticed.
    ///
    /// # Errors
    /// `Io`.
    pub fn make_durable(&self, image: &MappedFile) -> Result<()> {
        self.journal.make_durable()?;
        journal::sync_folder(&self.folder.path)?;
        // Where the folder lies beside the image, the image is known by its inode even without its mark. On ext4 and
        // xfs the mark went to the disk with the folder; to wait for the image would be to wait for all bytes that
        // somebody wrote to it before.
        let resolved = identity::path_of(image.file());
        let is_beside = resolved.is_ok_and(|resolved| resolved.parent() == self.folder.path.parent());
        if is_beside { Ok(()) } else { sync_mark(image) }
    }

    /// Gives back a claim on a job of which nothing was done.
    ///
    /// # Errors
    /// `Io`.
    pub fn give_back(&self, image: &MappedFile) -> Result<()> {
        self.leave(image, false, |claim| claim.journal.remove(false))
    }

    /// Ends a job that is complete, or given up: its journal goes, or becomes the record of its id.
    ///
    /// # Errors
    /// `NotFound` if somebody has removed it meanwhile; `Io`, `Permission`.
    pub fn end(&self, image: &MappedFile, durably: bool) -> Result<()> {
        let keeps_id = !self.journal.header().token.is_empty() && self.journal.state()? == JobState::Complete;
        self.leave(image, durably, |claim| {
            if keeps_id {
                claim
                    .journal
                    .become_id(&claim.folder.id_path(claim.journal.path()), durably)
            } else {
                claim.journal.remove(durably)
            }
        })
    }

    fn leave(&self, image: &MappedFile, durably: bool, go: impl FnOnce(&Claim) -> Result<()>) -> Result<()> {
        let _start_lock = start_lock(image)?;
        let jobs = ImageJobs::of(image, self.folder.path.parent())?;
        // Others may have changed the record since; or somebody has removed it all.
        let Some(mut folder) = Folder::open(&self.folder.path)? else {
            if let Standing::Lost(mark) = jobs.standing()
                && mark.uuid == self.folder.record.uuid
            {
                jobs.unmark(image)?;
            }
            return Err(Error::io(
                "find",
                &self.folder.path,
                std::io::ErrorKind::NotFound.into(),
            ));
        };
        if self.journal.state()? == JobState::Complete {
            jobs.stamp(image, &mut folder, &self.journal)?;
        }
        jobs.count_jobs(image, &folder, Some(self.journal.path()))?;
        if durably {
            sync_mark(image)?;
        }
        go(self)?;
        jobs.remove_if_empty(image, &folder, durably)
    }

    /// The folder of the journal.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Makes the job one of where the image is now: the folder of an image that was moved, and the journal that was.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub(crate) fn relocate(&mut self, jobs: &ImageJobs, image: &MappedFile) -> Result<()> {
        let _start_lock = start_lock(image)?;
        // Else what this image becomes may pass for a copy of another one that was here before.
        jobs.forget_outdated(Some(&self.folder))?;
        if let Standing::Moved(mark, folder) = jobs.standing() {
            self.folder = jobs.adopt(image, mark, folder)?;
        } else if let Standing::Replaced(folder) = jobs.standing() {
            let mark = Mark {
                uuid: folder.record.uuid,
                jobs: u32::try_from(folder.journals()?.len()).ok(),
                folder: folder.path.clone(),
            };
            // First as one that was moved, which it still is if we are killed before the rest is written.
            mark.write(image.file(), image.path())?;
            self.folder = jobs.adopt(image, &mark, folder)?;
        } else if let Standing::Unmarkable(Some(folder)) = jobs.standing() {
            let Record {
                uuid,
                generation,
                left_nanoseconds,
                ..
            } = folder.record;
            self.folder
                .set_record(record_of(jobs, uuid, generation, left_nanoseconds), true)?;
        }
        if !self.journal.is_original()? {
            self.journal.become_original()?;
        }
        Ok(())
    }
}

fn sync_mark(image: &MappedFile) -> Result<()> {
    let synced = image.file().sync_all();
    synced.map_err(|error| Error::io("write", image.path(), error))
}

/// True if the journal `path` is one of the image's: for a worker, whose coordinator has looked at all else.
///
/// # Errors
/// `Unfit` if the journal's folder is not to be trusted; `Io`.
pub fn is_of(image: &MappedFile, journal: &Path) -> Result<bool> {
    let stat = FileStat::of(image.file()).map_err(|error| Error::io("look at", image.path(), error))?;
    let folder = journal.parent().map(Folder::open).transpose()?.flatten();
    Ok(folder.is_some_and(|folder| folder.record.is_of(&stat.identity)))
}

/// Removes what jobs that came to their end left behind when they were killed at the last moment.
///
/// # Errors
/// As for [`ImageJobs::pending`].
pub fn sweep(image: &MappedFile, elsewhere: Option<&Path>) -> Result<()> {
    let _start_lock = start_lock(image)?;
    let jobs = ImageJobs::of(image, elsewhere)?;
    if let Standing::Ours(_, folder) | Standing::Unmarkable(Some(folder)) = jobs.standing() {
        let folder = &mut folder.clone();
        jobs.swept(image, folder)?;
        jobs.count_jobs(image, folder, None)?;
        jobs.remove_if_empty(image, folder, false)?;
    }
    jobs.remove_unmade(image)
}

/// What may be cleared that no job can be made of any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cleared {
    /// The mark of jobs whose journals are gone.
    Mark,
    /// Journals that could not be believed, so many.
    Journals(usize),
    /// The place of an image that was replaced: its jobs are left to it, with the journals in this folder.
    Place(PathBuf),
}

/// Takes from the image what is left of jobs that can neither be resumed nor recovered: the mark of journals that are
/// gone, of the image that this one is a copy of, or one that makes no sense; journals without a mark, or damaged ones.
/// The jobs of an image that was replaced by this one are left to that. `None` if there is nothing of the kind.
///
/// # Errors
/// `Busy` if somebody works on such a job; `Io`, `Permission`.
pub fn clear(image: &MappedFile, elsewhere: Option<&Path>) -> Result<Option<Cleared>> {
    let _start_lock = start_lock(image)?;
    let jobs = ImageJobs::of(image, elsewhere)?;
    let removed = |folder: &Folder, paths: Vec<PathBuf>| -> Result<Option<Cleared>> {
        for path in &paths {
            refuse_alive(image, path)?;
            std::fs::remove_file(path).map_err(|error| Error::io("remove", path, error))?;
        }
        jobs.count_jobs(image, folder, None)?;
        jobs.remove_if_empty(image, folder, true)?;
        Ok((!paths.is_empty()).then_some(Cleared::Journals(paths.len())))
    };
    match jobs.standing() {
        Standing::Lost(_) | Standing::Copy(..) | Standing::Unreadable(_) => {
            Mark::remove(image.file(), image.path())?;
            Ok(Some(Cleared::Mark))
        }
        Standing::Stripped(folder) => removed(folder, [folder.journals()?, folder.ids()?].concat()),
        Standing::Ours(mark, folder) | Standing::Moved(mark, folder) => {
            let damaged: Vec<PathBuf> = folder
                .journals()?
                .into_iter()
                .filter(|path| journal::peek(path).is_err())
                .collect();
            let is_missed = mark.jobs.unwrap_or(0) as usize > folder.journals()?.len();
            let cleared = removed(folder, damaged)?;
            Ok(cleared.or(is_missed.then_some(Cleared::Mark)))
        }
        Standing::Replaced(folder) | Standing::Unmarkable(Some(folder)) => {
            for path in folder.journals()? {
                refuse_alive(image, &path)?;
            }
            Ok(jobs.leave_to_first()?.map(Cleared::Place))
        }
        _ => Ok(None),
    }
}

/// Refuses to touch a living journal, which is somebody's, whatever it looks like.
fn refuse_alive(image: &MappedFile, path: &Path) -> Result<()> {
    match Journal::open(path, Access::ReadWrite) {
        Ok(Some(journal)) if journal.is_alive()? => {
            let owner = journal.owner()?;
            Err(Error::Busy {
                subject: image.path().into(),
                reason: format!("process {owner} is at work there; try again when it has ended").into(),
                process: u32::try_from(owner).ok(),
                window: Some(journal.header().chunk_plan.window().all_bounds()),
            })
        }
        _ => Ok(()),
    }
}

/// A record of `image` for a new folder, or one that was found to be of it.
fn record_of(jobs: &ImageJobs, uuid: u128, generation: u64, left_nanoseconds: u64) -> Record {
    let subject = jobs.subject();
    Record {
        uuid,
        image: subject.stat.identity,
        generation,
        left_nanoseconds,
        path: subject.resolved.clone(),
    }
}
