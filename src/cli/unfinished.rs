//! `pagelight resume`, `abandon` and `forget`: what becomes of jobs that were cut short, and of ids.

use std::path::{Path, PathBuf};

use clap::Args;
use pagelight::claim::{self, Cleared, ImageJobs, PendingJob};
use pagelight::error::{Error, Result};
use pagelight::job::Job;
use pagelight::map::{Access, MappedFile};
use pagelight::run::{self, Abandoned, Options};
use serde_json::{Value, json};

use super::Global;
use super::image::{ImageArgs, WindowArgs};
use super::output::{self, percent};
use super::work::{WatchedEdit, WorkArgs};

/// Finish a job that was cut short, exactly: all of the image's, or the one of a window
#[derive(Args)]
pub(super) struct Resume {
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    work: WorkArgs,
}

impl Resume {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let jobs = Jobs::find(&self.image, &self.window, Access::ReadWrite, self.work.journal())?;
        if jobs.pending.is_empty() {
            claim::sweep(&jobs.image, self.work.journal())?;
            self.image.refuse_foreign(&jobs.image)?;
            global.result(
                &format!(
                    "{}: no unfinished job; nothing to resume",
                    output::name(&self.image.image)
                ),
                &json!({ "image": self.image.image.to_string_lossy(), "resumed": 0 }),
            );
        }
        for pending in jobs.pending {
            let job = pending.job.clone();
            let Some(done_bytes) = done_bytes(&pending)? else {
                continue;
            };
            let (options, events) = self.work.options(global, job.target.window.bytes());
            let edit = WatchedEdit {
                doing: "resume",
                path: &self.image.image,
                job: &job,
                done_bytes,
            };
            edit.carry_out(global, &events, |progress| {
                run::resume(&jobs.image, pending, &options, progress)
            })?;
        }
        Ok(())
    }
}

/// Give up a job that was cut short; the image stays as it is
#[derive(Args)]
pub(super) struct Abandon {
    /// Yes, leave the image half-edited
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    image: ImageArgs,
    /// Where the journals are, if they were moved there
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
}

impl Abandon {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let path = &self.image.image;
        let options = Options {
            journal_folder: self.journal.clone(),
            ..Options::default_here()
        };
        let mut cleared = None;
        let find = || Jobs::find(&self.image, &self.window, Access::ReadWrite, self.journal.as_deref());
        let mut jobs = match find() {
            // What can neither be resumed nor recovered can still be cleared away.
            Err(Error::Unfinished { .. } | Error::Unfit { .. }) if self.yes && !self.window.is_given() => {
                let image = self.image.map(Access::ReadWrite)?;
                cleared = claim::clear(&image, self.journal.as_deref())?;
                find()?
            }
            found => found?,
        };
        if jobs.is_replaced && self.yes && cleared.is_none() && !jobs.pending.is_empty() {
            self.refuse_window()?;
            cleared = claim::clear(&jobs.image, self.journal.as_deref())?;
        }
        if jobs.is_replaced && cleared.is_some() {
            // Those of yet another file that was once here are not given up unseen.
            jobs.pending.clear();
        }
        if jobs.pending.is_empty() && cleared.is_none() {
            claim::sweep(&jobs.image, self.journal.as_deref())?;
            global.result(
                &format!("{}: no unfinished job; nothing to abandon", output::name(path)),
                &json!({ "image": path.to_string_lossy(), "abandoned": [] }),
            );
            return Ok(());
        }
        if !self.yes {
            let meaning = if jobs.is_replaced {
                "the file was replaced, and this takes it for a picture of its own, half-edited as it may be"
            } else {
                "this leaves the image half-edited for good, and only a backup brings it back"
            };
            return Err(Error::request(
                path,
                format!("{meaning}; say --yes to do so, or 'pagelight resume' to finish"),
            ));
        }
        let mut objects = Vec::new();
        let mut lines = Vec::new();
        if let Some(cleared) = &cleared {
            lines.push(format!("{}: {}", output::name(path), cleared_words(cleared)));
        }
        for pending in jobs.pending {
            let job = pending.job.clone();
            let abandoned = run::abandon(&jobs.image, pending, &options)?;
            lines.push(abandoned_line(path, &job, &abandoned));
            objects.push(abandoned_object(&job, &abandoned));
        }
        global.result(
            &lines.join("\n"),
            &json!({
                "image": path.to_string_lossy(),
                "abandoned": objects,
                "cleared": cleared.is_some(),
            }),
        );
        Ok(())
    }
}

/// What is left of a job that was given up, for people.
fn abandoned_line(path: &Path, job: &Job, abandoned: &Abandoned) -> String {
    let (done_bytes, bytes) = (abandoned.totals.done_bytes, job.target.window.bytes());
    let state = match &abandoned.unrecovered {
        None => "every chunk is as before or done".to_owned(),
        Some(why) => format!("some chunks may be edited in part: {}", super::chain(why)),
    };
    format!(
        "{}: gave up {} of {}; {} of {} were edited ({}), the rest was not; {state}",
        output::name(path),
        job.op,
        job.target.description.part,
        output::bytes(done_bytes),
        output::bytes(bytes),
        percent(done_bytes, bytes),
    )
}

/// The same for programs.
fn abandoned_object(job: &Job, abandoned: &Abandoned) -> Value {
    json!({
        "window": job.target.description.part,
        "operation": job.op.to_string(),
        "amount": output::amount(&job.op),
        "done_bytes": abandoned.totals.done_bytes,
        "window_bytes": job.target.window.bytes(),
        "recovered": abandoned.unrecovered.is_none(),
    })
}

impl Abandon {
    /// The jobs of an image that was replaced are left to it together.
    fn refuse_window(&self) -> Result<()> {
        if self.window.is_given() {
            Err(Error::request(
                &self.image.image,
                "is not the file that its unfinished jobs were begun on, so they are given up all together; leave \
                 the window away",
            ))
        } else {
            Ok(())
        }
    }
}

/// What was cleared away, for the user.
fn cleared_words(cleared: &Cleared) -> String {
    let what = match cleared {
        Cleared::Mark => "does not carry the mark of jobs any more".to_owned(),
        Cleared::Journals(journals) => format!("{journals} journals that say nothing sound were removed"),
        Cleared::Place(folder) => format!(
            "its unfinished jobs are left to the file that was here before, wherever that is (their journals stay in {})",
            output::name(folder)
        ),
    };
    format!("{what}; it is taken as it is, edited in part as it may be")
}

/// Forget that jobs were done under an --id, so that they can be done once more; the image stays as it is
#[derive(Args)]
pub(super) struct Forget {
    #[command(flatten)]
    image: ImageArgs,
    /// The word of the job to forget
    #[arg(long, value_name = "TOKEN")]
    id: Option<String>,
    /// Forget all of the image's
    #[arg(long, conflicts_with = "id")]
    all: bool,
}

impl Forget {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let path = &self.image.image;
        if self.id.is_none() && !self.all {
            return Err(Error::request(
                path,
                "say which with --id TOKEN, or --all; 'pagelight status' lists those that are known",
            ));
        }
        let image = self.image.map(Access::ReadWrite)?;
        let forgotten = claim::forget(&image, self.id.as_deref())?;
        let words = match (&self.id, forgotten) {
            (Some(id), 0) => format!("--id {id} was not known here; 'pagelight status' lists those that are"),
            (Some(id), _) => format!("--id {id} is forgotten"),
            (None, forgotten) => format!("{forgotten} ids are forgotten"),
        };
        global.result(
            &format!("{}: {words}", output::name(path)),
            &json!({ "image": path.to_string_lossy(), "forgotten": forgotten }),
        );
        Ok(())
    }
}

/// How much of a job is done; `None` if it came to its end meanwhile.
fn done_bytes(pending: &PendingJob) -> Result<Option<u64>> {
    let journal = pending.open(Access::Read)?;
    journal.map(|journal| Ok(journal.totals()?.done_bytes)).transpose()
}

/// The unfinished jobs that a user means.
struct Jobs {
    image: MappedFile,
    pending: Vec<PendingJob>,
    /// True if they were begun on another file, see [`ImageJobs::is_replaced`].
    is_replaced: bool,
}

impl Jobs {
    /// All of the image's, or the one whose window the words name.
    fn find(image_args: &ImageArgs, window_args: &WindowArgs, access: Access, journals: Option<&Path>) -> Result<Jobs> {
        let path = &image_args.image;
        let image = image_args.map(access)?;
        let jobs = ImageJobs::of(&image, journals)?;
        let mut pending = jobs.pending()?;
        if window_args.is_given() {
            // Only now does it matter what the image looks like: the journal knows for itself.
            let described = image_args.look_at(&image).map_err(|_| unknown_layout(path))?;
            let usual = described.color();
            let target = window_args.target(path, &described, &usual)?;
            pending.retain(|pending| pending.job.target.window == target.window);
        }
        Ok(Jobs {
            image,
            pending,
            is_replaced: jobs.is_replaced(),
        })
    }
}

fn unknown_layout(path: &Path) -> Error {
    Error::request(
        path,
        "what the image looks like is not known, so no window can be named; leave the window away",
    )
}
