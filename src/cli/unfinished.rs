//! `pagelight resume` and `abandon`: what becomes of jobs that were cut short.

use std::path::{Path, PathBuf};

use clap::Args;
use pagelight::claim::{Found, Place};
use pagelight::error::{Error, Result};
use pagelight::layout::Layout;
use pagelight::map::{Access, MappedFile};
use pagelight::run::{self, Options};
use pagelight::window::Window;
use serde_json::json;

use super::Global;
use super::image::{ImageArgs, WindowArgs};
use super::output::{self, percent};
use super::work::{Edit, WorkArgs};

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
        if jobs.found.is_empty() {
            global.result(
                &format!("{}: no unfinished job; nothing to resume", self.image.image.display()),
                &json!({ "image": self.image.image.to_string_lossy(), "resumed": 0 }),
            );
        }
        for found in jobs.found {
            let job = found.job;
            let (options, events) = self.work.options(global, job.window.bytes());
            let edit = Edit {
                doing: "resume",
                path: &self.image.image,
                job: &job,
                layout: jobs.layout.as_ref(),
                done_bytes: found.journal.tally().done_bytes,
            };
            edit.carry_out(global, &events, |progress| {
                run::resume(&jobs.image, found, &options, progress)
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
    /// Where the journals are kept, if not beside the image
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
        let jobs = Jobs::find(&self.image, &self.window, Access::ReadWrite, self.journal.as_deref())?;
        if jobs.found.is_empty() {
            global.result(
                &format!("{}: no unfinished job; nothing to abandon", path.display()),
                &json!({ "image": path.to_string_lossy(), "abandoned": [] }),
            );
            return Ok(());
        }
        if !self.yes {
            return Err(Error::Request(format!(
                "{}: this leaves the image half-edited for good, and only a backup brings it back; say --yes to do so, \
                 or 'pagelight resume' to finish",
                path.display()
            )));
        }
        let mut objects = Vec::new();
        let mut lines = Vec::new();
        for found in jobs.found {
            let job = found.job;
            let window = job.window.describe(jobs.layout.as_ref());
            let abandoned = run::abandon(&jobs.image, found, &options)?;
            let done_bytes = abandoned.tally.done_bytes;
            let state = match &abandoned.unsettled {
                None => "every chunk is as before or done".to_owned(),
                Some(why) => format!("some chunks may be edited in part: {}", super::chain(why)),
            };
            lines.push(format!(
                "{}: gave up {} of {window}; {} of {} were edited ({}), the rest was not; {state}",
                path.display(),
                job.op,
                output::bytes(done_bytes),
                output::bytes(job.window.bytes()),
                percent(done_bytes, job.window.bytes()),
            ));
            objects.push(json!({
                "window": window,
                "amount": job.op.amount,
                "done_bytes": done_bytes,
                "window_bytes": job.window.bytes(),
                "settled": abandoned.unsettled.is_none(),
            }));
        }
        global.result(
            &lines.join("\n"),
            &json!({ "image": path.to_string_lossy(), "abandoned": objects }),
        );
        Ok(())
    }
}

/// The unfinished jobs that a user means.
struct Jobs {
    image: MappedFile,
    layout: Option<Layout>,
    found: Vec<Found>,
}

impl Jobs {
    /// All of the image's, or the one whose window the words name.
    fn find(image_args: &ImageArgs, window_args: &WindowArgs, access: Access, journals: Option<&Path>) -> Result<Jobs> {
        let path = &image_args.image;
        let image = image_args.map(access)?;
        let layout = image_args.layout(&image);
        let mut found = Place::of(&image, journals)?.jobs()?;
        if window_args.is_given() {
            // Only now does it matter what the image looks like: the journal knows for itself.
            let layout = layout.as_ref().map_err(|_| unknown_layout(path))?;
            let window: Window = window_args.window(path, layout)?;
            found.retain(|found| found.job.window == window);
        }
        Ok(Jobs {
            image,
            layout: layout.ok(),
            found,
        })
    }
}

fn unknown_layout(path: &Path) -> Error {
    Error::Request(format!(
        "{}: what the image looks like is not known, so no window can be named; leave the window away",
        path.display()
    ))
}
