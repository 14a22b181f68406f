//! `pagelight demo`: makes a picture, brightens it in place, checks every sample, says how fast.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use pagelight::error::{Error, Result};
use pagelight::format::envi::Header;
use pagelight::format::new_image::NewImage;
use pagelight::job::Job;
use pagelight::layout::Layout;
use pagelight::map::{Access, MappedFile};
use pagelight::op::Op;
use pagelight::pixel::PixelFormat;
use pagelight::run::{self, Ended, Options};
use pagelight::synth::{self, Pattern, Picture};
use pagelight::threads;
use pagelight::window::Window;
use serde_json::json;

use super::Global;
use super::output::{self, count, gigabytes_per_second, seconds};
use super::progress::Meter;
use super::words;

const AMOUNT: u16 = 2000;
const WIDTH: u64 = 16_384;

/// Make a picture in a folder of its own, brighten it in place, check every sample, and clean up
#[derive(Args)]
pub(super) struct Demo {
    /// About how large a picture
    #[arg(long, value_name = "SIZE", value_parser = words::some_bytes, default_value = "1GiB")]
    bytes: u64,
    /// Where to make the folder [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let parent = self.dir.clone().unwrap_or_else(std::env::temp_dir);
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("pagelight-demo-").tempdir_in(&parent);
        let folder = folder.map_err(|error| Error::create(&parent.join("pagelight-demo-*"), error))?;
        let path = folder.path().join("demo.raw");
        let pixels = (self.bytes / PixelFormat::RGBA16.pixel_bytes()).max(1);
        let picture = Picture {
            width: WIDTH.min(pixels),
            height: (pixels / WIDTH).max(1),
            format: PixelFormat::RGBA16,
            pattern: Pattern::Gradient,
        };
        let layout = Layout::new(0, picture.width, picture.height, picture.format).map_err(Error::Request)?;
        let bytes = layout.data_bytes();

        let begun = Instant::now();
        let header = Header::new(picture.width, picture.height, picture.format);
        let new = NewImage::create(&path, bytes, &header)?;
        let meter = Meter::new(global, "create", bytes, 0);
        picture.write(new.file(), &path, threads::available(), &|bytes| meter.add(bytes))?;
        drop(meter);
        new.publish()?;
        global.note(&format!(
            "made {} of {}x{} pixels, {}, in {}",
            path.display(),
            picture.width,
            picture.height,
            output::bytes(bytes),
            seconds(begun.elapsed()),
        ));

        let image = MappedFile::open(&path, Access::ReadWrite)?;
        let job = Job {
            op: Op {
                amount: i32::from(AMOUNT),
                channels: picture.format.channels.color(),
            },
            format: picture.format,
            window: Window::whole(&layout),
        };
        let options = Options::default_here();
        let meter = Meter::new(global, "brighten", bytes, 0);
        let ended = run::start(&job, &image, "", &options, &|bytes| meter.add(bytes))?;
        let edit_time = meter.work_time();
        drop(meter);
        let clipped = match ended {
            Ended::Done { clipped_samples } => clipped_samples,
            Ended::AlreadyDone => 0,
        };
        let speed = gigabytes_per_second(bytes, edit_time);
        global.note(&format!(
            "brightened it in place by {AMOUNT} in {} on {} threads, {} samples clipped",
            seconds(edit_time),
            options.settings.threads,
            count(clipped),
        ));

        check(global, &picture, &image, &path, clipped)?;
        let samples = layout.pixels() * 4;
        global.result(
            &format!(
                "{} in place at {speed:.2} GB/s; all {} samples are what the plain loop makes of them",
                output::bytes(bytes),
                count(samples),
            ),
            &json!({
                "bytes": bytes,
                "seconds": edit_time.as_secs_f64(),
                "gigabytes_per_second": speed,
                "threads": options.settings.threads,
                "clipped_samples": clipped,
                "exact": true,
            }),
        );
        Ok(())
    }
}

/// Compares the image with what the plain loop makes of the picture.
fn check(global: &Global, picture: &Picture, image: &MappedFile, path: &Path, clipped: u64) -> Result<()> {
    let meter = Meter::new(global, "check", image.len(), 0);
    let mut want_clipped = 0;
    synth::compare(picture, image.file(), path, |pixels, made, read| {
        want_clipped += brighten_plainly(made);
        if meter.add(made.len() as u64).is_break() {
            return Err(Error::Interrupted(String::new()));
        }
        if made == read {
            return Ok(());
        }
        let place = made.iter().zip(read).position(|(want, got)| want != got).unwrap_or(0) as u64;
        Err(Error::unfit(
            path,
            format!(
                "pixel {} is not what the plain loop makes of it; please report this with the output of 'pagelight \
                 --version'",
                pixels.start + place / picture.format.pixel_bytes(),
            ),
        ))
    })?;
    if want_clipped != clipped {
        return Err(Error::unfit(
            path,
            format!("{clipped} samples clipped by the engine's count, {want_clipped} did"),
        ));
    }
    Ok(())
}

/// What the job does, one sample at a time, with nothing clever: red, green and blue, not alpha.
fn brighten_plainly(pixels: &mut [u8]) -> u64 {
    let mut clipped = 0;
    for pixel in pixels.chunks_exact_mut(8) {
        for channel in [0, 2, 4] {
            let old = u16::from_le_bytes([pixel[channel], pixel[channel + 1]]);
            let new = old.checked_add(AMOUNT).unwrap_or_else(|| {
                clipped += 1;
                u16::MAX
            });
            pixel[channel..channel + 2].copy_from_slice(&new.to_le_bytes());
        }
    }
    clipped
}
