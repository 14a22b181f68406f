//! What the commands have in common that look at an image: which part, and whether somebody edits it just now.

use std::path::Path;

use clap::Args;
use pagelight::claim::ImageJobs;
use pagelight::convert::Area;
use pagelight::error::{Error, Result};
use pagelight::layout::Layout;
use pagelight::map::{Access, MappedFile};

use super::Global;
use super::output::percent;
use super::words::{self, Rect};

/// Which part of the image; all of it unless told otherwise.
#[derive(Args)]
#[command(next_help_heading = "The part")]
pub(super) struct AreaArgs {
    /// A rectangle in pixels [default: the whole image]
    #[arg(long, value_name = "X,Y,W,H", value_parser = words::rect)]
    rect: Option<Rect>,
}

impl AreaArgs {
    /// The area that the words mean in the image `path`.
    pub(super) fn area(&self, path: &Path, layout: &Layout) -> Result<Area> {
        let area = match self.rect {
            Some(rect) => Area::rect(layout, rect.x, rect.y, rect.width, rect.height),
            None => Area::whole(layout),
        };
        area.map_err(|why| Error::Request(format!("{}: {why}", path.display())))
    }
}

/// Says on stderr which jobs of the image are at work or unfinished: what is read is then a mixture.
pub(super) fn tell_jobs(global: &Global, image: &MappedFile, layout: &Layout) {
    let path = image.path().display();
    let jobs = ImageJobs::of(image, None).and_then(|jobs| jobs.pending());
    let jobs = match jobs {
        Ok(jobs) => jobs,
        Err(error) => {
            global.note(&format!(
                "{path}: it is not known whether a job is at work on it: {}",
                super::chain(&error)
            ));
            return;
        }
    };
    for pending in jobs {
        let Ok(Some(journal)) = pending.open(Access::Read) else {
            continue;
        };
        let words = match journal.is_alive() {
            Ok(true) => "is at work on it",
            _ => "is unfinished ('pagelight resume' or 'abandon')",
        };
        let done = journal.tally().map_or(0, |tally| tally.done_bytes);
        global.note(&format!(
            "{path}: {} of {} {words}, {} done: what is read now is partly old and partly new",
            pending.job.op,
            pending.job.window.describe(Some(layout)),
            percent(done, pending.job.window.bytes()),
        ));
    }
}
