//! `pagelight brighten`: the main job.

use std::time::{Duration, Instant};

use clap::Args;
use pagelight::engine::{self, Settings};
use pagelight::error::{Error, Result};
use pagelight::estimate;
use pagelight::job::Job;
use pagelight::map::Access;
use pagelight::op::{Amount, Op};
use pagelight::os::disk;
use pagelight::pixel::ChannelSet;
use pagelight::threads;
use serde_json::json;

use super::Global;
use super::image::{ImageArgs, OpenImage, WindowArgs};
use super::output::{self, count, gigabytes_per_second, percent, seconds};
use super::progress::Meter;
use super::words;

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

/// How to work.
#[derive(Args)]
#[command(next_help_heading = "The work")]
pub(super) struct WorkArgs {
    /// Threads that work at once [default: as many as the machine has cores for us]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
    /// About how much of the image may be in memory at once; a thread needs 4 MiB
    #[arg(long, value_name = "SIZE", value_parser = words::some_bytes, default_value = "32MiB")]
    memory: u64,
    /// Do not wait until the result is on the disk; a power cut may then lose some of it
    #[arg(long)]
    no_sync: bool,
}

impl WorkArgs {
    /// The engine's settings.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            threads: self.threads.map_or_else(threads::available, usize::from),
            memory_bytes: self.memory,
        }
    }
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
        let settings = self.work.settings();
        if global.verbose {
            global.note(&format!(
                "{} threads, about {} of the image in memory at once",
                settings.threads,
                output::bytes(settings.memory_bytes),
            ));
        }
        let begun = Instant::now();
        let meter = Meter::new(global, "brighten", job.window.bytes());
        let clipped = engine::run(&job, &image.file, &settings, &|bytes| meter.add(bytes))?;
        drop(meter);
        let edit_time = begun.elapsed();
        let begun = Instant::now();
        if !self.work.no_sync {
            image.file.sync()?;
        }
        self.report(global, &job, clipped, edit_time, begun.elapsed());
        Ok(())
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
        global.result(
            &format!(
                "{}: would {} {}, channels {channels} of {}\n{} pixels, {}, on {file_system}\n\
                 about {} of their samples would clip (of {} looked at); nothing was changed",
                path.display(),
                job.op,
                self.window.describe(),
                job.format,
                count(pixels),
                output::bytes(bytes),
                percent(estimate.clipped, estimate.samples),
                count(estimate.samples),
            ),
            &json!({
                "image": path.to_string_lossy(),
                "dry_run": true,
                "window": self.window.describe(),
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

    fn report(&self, global: &Global, job: &Job, clipped: u64, edit_time: Duration, sync_time: Duration) {
        let path = &self.image.image;
        let bytes = job.window.bytes();
        let pixels = bytes / job.format.pixel_bytes();
        let channels = job.op.channels.describe(job.format.channels);
        let samples = pixels * channels.split(',').count() as u64;
        let speed = gigabytes_per_second(bytes, edit_time);
        let on_disk = match self.work.no_sync {
            true => String::new(),
            false => format!(", on the disk after {} more", seconds(sync_time)),
        };
        global.result(
            &format!(
                "{}: {} {}, channels {channels}\n{} pixels, {} in {} ({speed:.2} GB/s){on_disk}\n\
                 {} samples clipped ({})",
                path.display(),
                job.op,
                self.window.describe(),
                count(pixels),
                output::bytes(bytes),
                seconds(edit_time),
                count(clipped),
                percent(clipped, samples),
            ),
            &json!({
                "image": path.to_string_lossy(),
                "window": self.window.describe(),
                "amount": job.op.amount,
                "channels": channels,
                "pixel_format": job.format.to_string(),
                "pixels": pixels,
                "bytes": bytes,
                "seconds": edit_time.as_secs_f64(),
                "sync_seconds": (!self.work.no_sync).then_some(sync_time.as_secs_f64()),
                "gigabytes_per_second": speed,
                "clipped_samples": clipped,
            }),
        );
    }
}
