//! From a job to its end: claim, journal, engine, disk. Beginning and resuming differ in how they come by the journal;
//! from there on they are one path.
//!
//! 1. The journal and its name are on the disk before the first byte of the image changes. So a power cut is always
//!    noticed: the journal is there and names another start of the system.
//! 2. The image is on the disk before the journal goes.
//! 3. What the edit makes untrue elsewhere in the file is mended after the last chunk, before the image goes to the
//!    disk.
//! 4. After one failed flush the system forgets which pages it could not write, so nothing is tried again: the journal
//!    says so, and the job is not resumable.

mod mend;
mod sound;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::claim::{self, Claim, ClaimOutcome, ImageJobs, PendingJob, Request};
use crate::coordinator::{self, Workers};
use crate::counts::Counts;
use crate::engine::{self, Settings};
use crate::error::{Error, Hint, Result, UnfinishedJob};
use crate::job::Job;
use crate::journal::header::MAX_SLOTS;
use crate::journal::{JobState, Journal, Totals};
use crate::map::MappedFile;
use crate::op::Op;
use crate::os::disk;
use crate::threads::Progress;

pub use self::sound::is_same_start;

/// How many epochs of work a run may have: each after the first is for workers that were killed faster than they could
/// be replaced.
const MAX_EPOCHS: u32 = 4;

/// How long a worker that leaves waits for the others, to pause the job.
const LEAVE_TIME: Duration = Duration::from_millis(200);

/// How a job is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads and memory of each process.
    pub settings: Settings,
    /// Wait at the end until the image is on the disk.
    pub sync: bool,
    /// Where the journal is kept, if not beside the image.
    pub journal_folder: Option<PathBuf>,
    /// The processes that do the work, if not this one alone.
    pub workers: Option<Workers>,
}

impl Options {
    /// As many threads as there are cores, the usual memory, all on the disk in the end, the journal beside the image.
    pub fn default_here() -> Options {
        Options {
            settings: Settings::default_here(),
            sync: true,
            journal_folder: None,
            workers: None,
        }
    }

    /// The settings as if all processes were one.
    fn settings_of_all(&self) -> Settings {
        let processes = self.workers.as_ref().map_or(1, |workers| workers.processes as usize);
        Settings {
            threads: self.settings.threads.saturating_mul(processes),
            memory_bytes: self.settings.memory_bytes.saturating_mul(processes as u64),
        }
    }
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The window is edited.
    Done {
        /// What its samples lost, over all runs of the job.
        counts: Counts,
        /// The folder of the journal, if it could not be removed. It does no harm, and goes with the next job.
        left_behind: Option<PathBuf>,
    },
    /// It was done before, under the same token; nothing was changed.
    AlreadyDone,
}

/// Does `job` to `image`, once. With a `token` that is not empty, once for ever: a second run with the same token
/// changes nothing, and finishes the first if that was cut short.
///
/// # Errors
/// `Busy`, `Unfinished`, `Request` if the claim is not granted; then nothing was changed. `Io` if reading or writing
/// fails, `Interrupted` if `progress` said so: then the job can be resumed.
pub fn start(job: &Job, image: &MappedFile, token: &str, options: &Options, progress: Progress<'_>) -> Result<Outcome> {
    refuse_unfit(job, image)?;
    let settings = options.settings_of_all();
    // More slots than the threads now: a resume may have more.
    let slots = u32::try_from(settings.threads)
        .unwrap_or(u32::MAX)
        .saturating_mul(2)
        .clamp(8, MAX_SLOTS);
    let request = Request {
        job,
        chunk_plan: settings.chunk_plan(&job.target.window),
        slots,
        token,
        folder: options.journal_folder.as_deref(),
    };
    let claim = match claim::claim(image, &request)? {
        ClaimOutcome::AlreadyDone => return Ok(Outcome::AlreadyDone),
        ClaimOutcome::Resumable(mut pending) => {
            if let Op::Function(function) = &job.op {
                pending.job.learn(std::slice::from_ref(function));
            }
            return resume(image, *pending, options, progress);
        }
        ClaimOutcome::Granted(claim) => *claim,
    };
    let ready = mend::refuse_wrong_sums(&claim, image, progress).and_then(|()| claim.make_durable(image));
    let ready = ready.and_then(|()| {
        let filled = disk::fill_holes(
            image.file(),
            job.target.window.ranges(0..job.target.window.bytes()),
            || progress(0),
        );
        match filled.map_err(|error| Error::io("fill the holes of", image.path(), error))? {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::interrupted_and("nothing was changed")),
        }
    });
    if let Err(error) = ready {
        // Nothing was changed yet, so there is nothing to be finished.
        claim.give_back(image)?;
        return Err(error);
    }
    carry_out(&claim, image, options, progress)
}

/// Refuses what cannot be done to such samples, or not by this program.
fn refuse_unfit(job: &Job, image: &MappedFile) -> Result<()> {
    let refused = |why: String| Error::request(image.path(), why);
    job.refuse_unfit().map_err(refused)?;
    match job.unknown_function() {
        Some(name) => Err(refused(format!("what the function '{name}' does is not known"))),
        None => Ok(()),
    }
}

/// Finishes a job that was cut short. One of a function must have learnt it before, see [`Job::learn`].
///
/// # Errors
/// As for [`start`]; `Unfit` if the image or the journal is not as the job left it, and then both are untouched.
pub fn resume(image: &MappedFile, pending: PendingJob, options: &Options, progress: Progress<'_>) -> Result<Outcome> {
    let jobs = ImageJobs::of(image, options.journal_folder.as_deref())?;
    let mut claim = jobs.take_over(pending)?;
    if claim.journal.state()? != JobState::Complete {
        wait_for_orphans(&claim.journal, image.path())?;
        sound::refuse_unsound(&jobs, &claim, image, progress).map_err(|error| match error {
            Error::Interrupted { .. } => {
                let what = "the image was still being compared with its journal, and nothing was changed";
                Error::interrupted_and(what)
                    .with_hint(Hint::ResumeAnew)
                    .with_job(where_lies(image, &claim.journal))
            }
            other => other,
        })?;
        claim.journal.make_writable()?;
        // One that comes so late that it held no slot yet takes no chunk after this.
        claim.journal.close_epoch()?;
        wait_for_orphans(&claim.journal, image.path())?;
        claim.relocate(&jobs, image)?;
        claim.journal.count_run()?;
        if !claim.journal.activate(jobs.mounts(claim.folder())?)? {
            return Err(sync_failed(image.path()));
        }
        claim.make_durable(image)?;
    }
    carry_out(&claim, image, options, progress)
}

/// Gives up a job that was cut short, and returns how much of it was done. Chunks in flight are finished first where
/// that is safe, so that each is as before or done; the image is otherwise as it is.
///
/// # Errors
/// `Busy` if somebody works on it; `Unfinished` if it is one of a file that was here before, see [`claim::clear`];
/// `Io`.
pub fn abandon(image: &MappedFile, pending: PendingJob, options: &Options) -> Result<Abandoned> {
    let jobs = ImageJobs::of(image, options.journal_folder.as_deref())?;
    jobs.refuse_job_of_first(&pending)?;
    let claim = jobs.take_over(pending)?;
    wait_for_orphans(&claim.journal, image.path())?;
    let is_sound = sound::refuse_unsound(&jobs, &claim, image, &|_| ControlFlow::Continue(()));
    // One that comes so late that it held no slot yet takes no chunk after this.
    claim.journal.close_epoch()?;
    wait_for_orphans(&claim.journal, image.path())?;
    let recovered = is_sound
        .and_then(|()| claim.journal.make_writable())
        .and_then(|()| claim.journal.sign())
        .and_then(|()| engine::recover_dead_slots(&claim.job, image, &claim.journal))
        .and_then(|_| mend::mend(&claim, image, &|_| ControlFlow::Continue(())))
        .and_then(|()| image.sync());
    let abandoned = Abandoned {
        totals: claim.journal.totals()?,
        unrecovered: recovered.err(),
    };
    match claim.end(image, true) {
        // Gone is gone.
        Ok(()) | Err(Error::NotFound { .. }) => Ok(abandoned),
        Err(error) => Err(error),
    }
}

/// What is left of a job that was given up.
#[derive(Debug)]
pub struct Abandoned {
    /// What was done of it.
    pub totals: Totals,
    /// Why the chunks in flight could not be finished, if they could not: some may be edited in part.
    pub unrecovered: Option<Error>,
}

/// How long the workers of a run that was cut short are waited for. They stop by themselves once their coordinator is
/// gone.
const ORPHANS_TIME: Duration = Duration::from_secs(2);

/// Asks workers of the run that was cut short to stop if they are still at it, and waits for them, but not for ever. A
/// journal that nobody works on stays as it is.
fn wait_for_orphans(journal: &Journal, path: &Path) -> Result<()> {
    let patience = Instant::now() + ORPHANS_TIME;
    loop {
        let slot_owners = journal.slot_owners()?;
        let Some(slot_owner) = slot_owners.first() else {
            return Ok(());
        };
        journal.close_epoch()?;
        if Instant::now() > patience {
            return Err(Error::Busy {
                subject: path.into(),
                reason: format!(
                    "process {} of the run that was cut short is still at work; try again in a moment",
                    slot_owner.process
                )
                .into(),
                process: u32::try_from(slot_owner.process).ok(),
                window: Some(journal.header().chunk_plan.window().all_bounds()),
            });
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn carry_out(claim: &Claim, image: &MappedFile, options: &Options, progress: Progress<'_>) -> Result<Outcome> {
    let journal = &claim.journal;
    let worked = work(claim, image, options, progress).and_then(|()| mend::mend(claim, image, progress));
    match worked {
        Ok(()) => {}
        Err(Error::Interrupted { .. }) => {
            let done = pause(&claim.job, image, journal)?;
            let what = format!("{:.0} % of the job is done and on the disk", done * 100.0);
            return Err(Error::interrupted_and(what)
                .with_hint(Hint::Resume)
                .with_job(where_lies(image, journal)));
        }
        Err(error) => return Err(error.with_job(where_lies(image, journal))),
    }
    if options.sync {
        sync_image(journal, image)?;
    }
    if !journal.set_state(JobState::Complete)? {
        return Err(sync_failed(image.path()));
    }
    let counts = journal.totals()?.counts;
    let ended = if options.sync {
        journal.sync().and_then(|()| claim.end(image, true))
    } else {
        claim.end(image, false)
    };
    // The edit is complete, whatever becomes of its journal. Only an id that is not kept is more than litter.
    match ended {
        Ok(()) => Ok(Outcome::Done {
            counts,
            left_behind: None,
        }),
        Err(_) if journal.header().token.is_empty() => Ok(Outcome::Done {
            counts,
            left_behind: Some(claim.folder().path.clone()).filter(|path| path.exists()),
        }),
        Err(error) => Err(Error::failed(
            "keep the id of the job on",
            image.path(),
            Hint::words("the edit itself is complete; do not do it again"),
            std::io::Error::other(error),
        )),
    }
}

/// Works on the job until all of it is done.
fn work(claim: &Claim, image: &MappedFile, options: &Options, progress: Progress<'_>) -> Result<()> {
    let Claim { job, journal, .. } = claim;
    for _ in 0..MAX_EPOCHS {
        if engine::recover_dead_slots(job, image, journal)? > 0 {
            let why = "somebody works in a slot of the journal; try again";
            return Err(Error::busy(journal.path(), why));
        }
        if journal.totals()?.done_bytes == job.target.window.bytes() {
            return Ok(());
        }
        journal.open_epoch()?;
        match &options.workers {
            Some(workers) => coordinator::work(job, image, journal, workers, progress)?,
            None => engine::work(job, image, journal, &options.settings, progress)?,
        }
    }
    Err(Error::failed(
        "finish the job on",
        image.path(),
        Hint::words("worker after worker was killed; look at the system's log"),
        std::io::ErrorKind::Interrupted.into(),
    ))
}

/// What a worker does that has lost its coordinator, once its threads have stopped: when all have, one of them pauses
/// the job. Should one take long, the job is left as it is, which is as good until the system is started anew.
///
/// # Errors
/// `Io`.
pub fn leave_orphaned(job: &Job, image: &MappedFile, journal: &Journal) -> Result<()> {
    let patience = Instant::now() + LEAVE_TIME;
    while !journal.slot_owners()?.is_empty() {
        if Instant::now() > patience {
            return Ok(());
        }
        // The others have their last chunks in hand, or just look for the last one as we do.
        std::thread::sleep(Duration::from_millis(1));
    }
    // Before the lock: the disk may take seconds, and whoever resumes the job meanwhile need not wait for it.
    sync_image(journal, image)?;
    let Some(_lock) = journal.lock_run()? else {
        return Ok(());
    };
    let is_ours = journal.is_named()? && journal.state()? == JobState::Active && journal.slot_owners()?.is_empty();
    if is_ours {
        pause(job, image, journal)?;
    }
    Ok(())
}

/// Where a job lies, for who is told that it was cut short.
fn where_lies(image: &MappedFile, journal: &Journal) -> UnfinishedJob {
    UnfinishedJob {
        image: image.path().to_owned(),
        journal: journal.path().to_owned(),
    }
}

/// Puts all on the disk and says that the job waits, so that it can be resumed even after a new start of the system.
/// Returns which share of it is done.
fn pause(job: &Job, image: &MappedFile, journal: &Journal) -> Result<f64> {
    // A worker that did not obey was killed, perhaps with a chunk in hand.
    engine::recover_dead_slots(job, image, journal)?;
    sync_image(journal, image)?;
    // Twice: were the state on the disk before a chunk's word, a power cut in between would have that chunk done again.
    journal.sync()?;
    journal.beat(0)?;
    if !journal.set_state(JobState::Paused)? {
        return Err(sync_failed(image.path()));
    }
    journal.sync()?;
    if !journal.is_named()? {
        return Err(Error::failed(
            "go on later with",
            image.path(),
            Hint::words("its journal was removed while the job was at work, and the image is half-edited; restore it"),
            std::io::ErrorKind::NotFound.into(),
        ));
    }
    Ok(journal.totals()?.done_bytes as f64 / job.target.window.bytes() as f64)
}

fn sync_image(journal: &Journal, image: &MappedFile) -> Result<()> {
    image.sync().inspect_err(|_| {
        // As far as it goes; the disk is failing.
        let _ = journal.set_state(JobState::SyncFailed);
        let _ = journal.sync();
    })
}

/// What is said of a job from which the disk refused bytes.
fn sync_failed(image: &Path) -> Error {
    Error::unfinished(
        image,
        "the disk refused some of the job's bytes, and nobody knows which",
    )
    .with_hint(Hint::RestoreThenAbandon)
}
