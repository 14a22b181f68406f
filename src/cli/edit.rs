//! What `brighten` and `adjust` have in common: which samples are edited, under which word, and the dry run.

use std::str::FromStr;

use clap::Args;
use pagelight::edit::Change;
use pagelight::error::{Error, Result};
use pagelight::estimate;
use pagelight::format::Described;
use pagelight::job::Job;
use pagelight::journal::header::MAX_TOKEN_BYTES;
use pagelight::map::Access;
use pagelight::op::Op;
use pagelight::os::disk;
use pagelight::pixel::Sample;
use pagelight::run;
use serde_json::json;

use super::Global;
use super::image::{ImageArgs, OpenImage, WindowArgs};
use super::output::{self, count, percent};
use super::work::{WatchedEdit, WorkArgs};

/// Which samples are edited, and how.
#[derive(Args)]
pub(super) struct EditArgs {
    /// What becomes of samples that stand for no data: keep those that the header declares, edit them, or keep those of
    /// this value [default: keep]
    #[arg(long, value_name = "keep|edit|VALUE", allow_hyphen_values = true)]
    nodata: Option<Nodata>,
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

/// What becomes of samples that stand for no data.
#[derive(Clone, Copy, Debug)]
enum Nodata {
    Keep,
    Edit,
    Value(i32),
}

impl FromStr for Nodata {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Nodata, String> {
        match text {
            "keep" => Ok(Nodata::Keep),
            "edit" => Ok(Nodata::Edit),
            _ => match text.parse() {
                Ok(value) => Ok(Nodata::Value(value)),
                Err(_) => Err("give keep, edit, or a whole number that stands for no data".to_owned()),
            },
        }
    }
}

impl EditArgs {
    /// Does to the samples what `change` makes of their type.
    pub(super) fn run(
        &self,
        global: &Global,
        doing: &'static str,
        change: impl FnOnce(Sample) -> std::result::Result<Change, String>,
    ) -> Result<()> {
        let path = &self.image.image;
        let access = if self.dry_run { Access::Read } else { Access::ReadWrite };
        let image = self.image.open(access)?;
        let sample = image.described.layout.format().sample;
        let nodata = self.nodata(&image.described, sample)?;
        let usual = image.described.color();
        let op = change(sample).and_then(|change| change.op(sample, nodata));
        let job = Job {
            op: op.map_err(|why| Error::request(path, why))?,
            target: self.window.target(path, &image.described, &usual)?,
        };
        if self.dry_run {
            return self.foretell(global, &image, &job);
        }
        self.tell_what_is_open(global, &image.described, nodata);
        let (options, events) = self.work.options(global, job.target.window.bytes());
        let token = self.id.as_deref().unwrap_or("");
        let edit = WatchedEdit {
            doing,
            path,
            job: &job,
            done_bytes: 0,
        };
        edit.carry_out(global, &events, |progress| {
            run::start(&job, &image.file, token, &options, progress)
        })?;
        for part in &image.described.stale_parts {
            let then = part
                .renewed_by
                .as_ref()
                .map(|command| format!("; '{command}' renews that"));
            global.note(&format!(
                "{}: not changed, though made from its pixels as they were: its {}{}",
                output::name(path),
                part.what,
                then.unwrap_or_default()
            ));
        }
        for stale in &image.described.stale {
            global.note(&format!(
                "{}: was made from the image's pixels as they were, and is not changed",
                output::name(stale)
            ));
        }
        Ok(())
    }

    /// The value that is kept.
    fn nodata(&self, described: &Described, sample: Sample) -> Result<Option<i32>> {
        match self.nodata {
            None | Some(Nodata::Keep) => Ok(described.nodata),
            Some(Nodata::Edit) => Ok(None),
            Some(Nodata::Value(value)) if sample.bits(value).is_some() => Ok(Some(value)),
            Some(Nodata::Value(value)) => {
                let range = sample.range();
                Err(Error::request(
                    &self.image.image,
                    format!(
                        "--nodata {value}: its samples go from {} to {}",
                        range.start(),
                        range.end()
                    ),
                ))
            }
        }
    }

    /// What a user may not expect.
    fn tell_what_is_open(&self, global: &Global, described: &Described, nodata: Option<i32>) {
        let path = self.image.image.display();
        if described.unnamed_bands && !self.window.area.names_channels() {
            global.note(&format!(
                "{path}: nobody says what the bands mean, so all {} are edited; --channels chooses",
                described.layout.format().channels.count(),
            ));
        }
        for note in &described.notes {
            global.note(&format!("{path}: {note}"));
        }
        if let (None, Some(value)) = (self.nodata, nodata) {
            global.note(&format!(
                "{path}: samples of {value} stand for no data and are kept; --nodata edit changes them, too"
            ));
        }
    }

    /// The dry run.
    fn foretell(&self, global: &Global, image: &OpenImage, job: &Job) -> Result<()> {
        let path = &self.image.image;
        let estimate = estimate::of(job, &image.file)?;
        let file_system = disk::file_system(image.file.file()).map_err(|error| Error::io("look at", path, error))?;
        let bytes = job.target.window.bytes();
        let description = &job.target.description;
        let merged = match job.op {
            Op::Brighten { .. } => String::new(),
            _ => format!(
                ", and {} merge with other values",
                percent(estimate.counts.merged, estimate.samples)
            ),
        };
        global.result(
            &format!(
                "{}: would {}, channels {} of {}\n{} pixels, {}, on {file_system}\n\
                 about {} of their samples would clip{merged} (of {} looked at); nothing was changed",
                output::name(path),
                output::edit(&job.op, &description.part),
                description.channels,
                description.format,
                count(description.pixels),
                output::bytes(bytes),
                percent(estimate.counts.clipped, estimate.samples),
                count(estimate.samples),
            ),
            &json!({
                "image": path.to_string_lossy(),
                "dry_run": true,
                "window": description.part,
                "operation": job.op.to_string(),
                "amount": output::amount(&job.op),
                "channels": description.channels,
                "pixel_format": description.format,
                "pixels": description.pixels,
                "bytes": bytes,
                "file_system": file_system.to_string(),
                "estimated_clipped_share": estimate.clipped_share(),
                "estimated_merged_share": estimate.merged_share(),
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
