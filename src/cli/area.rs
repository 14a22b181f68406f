//! What the commands have in common that look at an image: which part, and whether somebody edits it just now.

use std::ops::RangeInclusive;
use std::path::Path;

use clap::Args;
use pagelight::claim::ImageJobs;
use pagelight::convert::Area;
use pagelight::error::{Error, Result};
use pagelight::format::Described;
use pagelight::layout::Part;
use pagelight::map::{Access, MappedFile};
use pagelight::pixel::ChannelSet;

use super::Global;
use super::output::percent;
use super::words::{self, Rect};

/// Which pixels of the image, and which of their channels; all of them unless told otherwise.
#[derive(Args)]
#[command(next_help_heading = "The part")]
pub(super) struct AreaArgs {
    /// A rectangle in pixels [default: the whole image]
    #[arg(long, value_name = "X,Y,W,H", value_parser = words::rect)]
    rect: Option<Rect>,
    /// A plane of a volume or a series, counted from 1, or some that follow each other, such as 10-20 [default: all]
    #[arg(long, value_name = "N|A-B", value_parser = words::planes)]
    plane: Option<RangeInclusive<u64>>,
    /// The channels: names, first letters or numbers from 1, with commas; or all [default: all but alpha where pixels
    /// are edited, else all]
    #[arg(long, value_name = "LIST")]
    channels: Option<String>,
}

impl AreaArgs {
    /// The part that the words mean in an image, with the channels that were named, or `usual` ones.
    pub(super) fn part(&self, path: &Path, described: &Described, usual: &ChannelSet) -> Result<Part> {
        let layout = &described.layout;
        let request = |why: String| Error::request(path, why);
        let part = match self.rect {
            Some(rect) => {
                let inside = layout.rect(rect.x, rect.y, rect.width, rect.height);
                inside.map_err(|why| Error::request(path, why))?
            }
            None => layout.whole(),
        };
        let planes = match &self.plane {
            None => part.planes.clone(),
            Some(planes) if *planes.end() <= layout.planes() => planes.start() - 1..*planes.end(),
            Some(_) if layout.planes() == 1 => return Err(request("--plane: it has one plane only".to_owned())),
            Some(planes) => {
                return Err(request(format!(
                    "--plane: there is no plane {}; it has planes 1 to {}",
                    planes.end(),
                    layout.planes()
                )));
            }
        };
        let channels = match &self.channels {
            None => usual.clone(),
            Some(list) => {
                ChannelSet::parse(list, &described.names).map_err(|why| request(format!("--channels: {why}")))?
            }
        };
        Ok(Part {
            planes,
            channels,
            ..part
        })
    }

    /// The area of one plane that the words mean, with all channels unless some are named.
    pub(super) fn area(&self, path: &Path, described: &Described) -> Result<Area> {
        let layout = &described.layout;
        let part = self.part(path, described, &layout.whole().channels)?;
        Area::of(layout, &part).map_err(|why| Error::request(path, why))
    }

    /// True if the words name channels.
    pub(super) fn names_channels(&self) -> bool {
        self.channels.is_some()
    }

    /// True if the words name a part of the plane or some planes.
    pub(super) fn names_an_area(&self) -> bool {
        self.rect.is_some() || self.plane.is_some()
    }
}

/// Says on stderr which jobs of the image are at work or unfinished: what is read is then a mixture.
pub(super) fn tell_jobs(global: &Global, image: &MappedFile) {
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
        let done = journal.totals().map_or(0, |totals| totals.done_bytes);
        global.note(&format!(
            "{path}: {} of {} {words}, {} done: what is read now is partly old and partly new",
            pending.job.op,
            pending.job.target.description.part,
            percent(done, pending.job.target.window.bytes()),
        ));
    }
}
