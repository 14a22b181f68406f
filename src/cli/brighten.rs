//! `pagelight brighten`: the main job.

use clap::Args;
use pagelight::error::{Error, Result};
use pagelight::estimate;
use pagelight::job::Job;
use pagelight::journal::header::MAX_TOKEN_BYTES;
use pagelight::map::Access;
use pagelight::op::{Amount, Op};
use pagelight::os::disk;
use pagelight::pixel::ChannelSet;
use pagelight::run;
use serde_json::json;

use super::Global;
use super::image::{ImageArgs, OpenImage, WindowArgs};
use super::output::{self, count, percent};
use super::work::{Edit, WorkArgs};

/// Add an amount to every sample of an image or of a part of it, in place
///
/// Samples stop at the ends of their type. Alpha is kept, unless --channels names it or the pixels are mycolor.
#[derive(Args)]
pub(super) struct Brighten {
    /// How much: -65535 to 65535, or a percentage of the sample type's largest value, such as -5%
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    by: Amount,
    /// The channels to edit: names, first letters or numbers from 1, with commas; or all [default: all but alpha]
    #[arg(long, value_name = "LIST")]
    channels: Option<String>,
    /// A word for this job: run again with the same word, it does nothing, or finishes what was cut short
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    id: Option<String>,
    /// Say what would be done, and about how many samples would clip, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    work: WorkArgs,
}

impl Brighten {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let access = if self.dry_run { Access::Read } else { Access::ReadWrite };
        let image = self.image.open(access)?;
        let job = self.job(&image)?;
        if self.dry_run {
            return self.foretell(global, &image, &job);
        }
        if image.described.unnamed_bands {
            global.note(&format!(
                "{}: the header does not name the bands, so all {} are edited; --channels chooses",
                self.image.image.display(),
                job.format.channels.count(),
            ));
        }
        let (options, events) = self.work.options(global, job.window.bytes());
        let token = self.id.as_deref().unwrap_or("");
        let edit = Edit {
            doing: "brighten",
            path: &self.image.image,
            job: &job,
            layout: Some(&image.described.layout),
            done_bytes: 0,
        };
        edit.carry_out(global, &events, |progress| {
            run::start(&job, &image.file, token, &options, progress)
        })
    }

    fn job(&self, image: &OpenImage) -> Result<Job> {
        let path = &self.image.image;
        let layout = &image.described.layout;
        let format = layout.format();
        let channels = match &self.channels {
            None => format.channels.color(),
            Some(list) => ChannelSet::parse(list, format.channels)
                .map_err(|why| Error::Request(format!("{}: --channels: {why}", path.display())))?,
        };
        Ok(Job {
            op: Op {
                amount: self.by.steps(format.sample),
                channels,
            },
            format,
            window: self.window.window(path, layout)?,
        })
    }

    /// The dry run.
    fn foretell(&self, global: &Global, image: &OpenImage, job: &Job) -> Result<()> {
        let path = &self.image.image;
        let estimate = estimate::clipping(job, &image.file)?;
        let file_system = disk::file_system(image.file.file()).map_err(|error| Error::io("look at", path, error))?;
        let bytes = job.window.bytes();
        let pixels = bytes / job.format.pixel_bytes();
        let channels = job.op.channels.describe(job.format.channels);
        let window = job.window.describe(Some(&image.described.layout));
        global.result(
            &format!(
                "{}: would {} {}, channels {channels} of {}\n{} pixels, {}, on {file_system}\n\
                 about {} of their samples would clip (of {} looked at); nothing was changed",
                output::name(path),
                job.op,
                window,
                job.format,
                count(pixels),
                output::bytes(bytes),
                percent(estimate.clipped, estimate.samples),
                count(estimate.samples),
            ),
            &json!({
                "image": path.to_string_lossy(),
                "dry_run": true,
                "window": window,
                "amount": job.op.amount,
                "channels": channels,
                "pixel_format": job.format.to_string(),
                "pixels": pixels,
                "bytes": bytes,
                "file_system": file_system.to_string(),
                "estimated_clipped_share": estimate.share(),
            }),
        );
        Ok(())
    }
}

/// A token as the journal can keep it.
fn token(text: &str) -> std::result::Result<String, String> {
    match text.len() {
        1..=MAX_TOKEN_BYTES => Ok(text.to_owned()),
        bytes => Err(format!("has {bytes} bytes; give 1 to {MAX_TOKEN_BYTES}")),
    }
}
