//! `pagelight demo`: makes a picture, brightens it in place with sibling processes, kills one of them half-way, checks
//! every sample, says how fast.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use clap::Args;
use pagelight::convert::{Area, NewPicture};
use pagelight::coordinator::{self, Event, Workers};
use pagelight::engine::Settings;
use pagelight::error::{Error, Result, Subject};
use pagelight::format::envi::EnviHeader;
use pagelight::format::new_image::NewImage;
use pagelight::job::{Job, Target};
use pagelight::layout::Layout;
use pagelight::map::{Access, MappedFile};
use pagelight::op::Op;
use pagelight::os::process::Handle;
use pagelight::pixel::PixelFormat;
use pagelight::run::{self, Options, Outcome};
use pagelight::synth::{self, Pattern, Picture};
use pagelight::threads;
use pagelight::worker;
use serde_json::json;
use tempfile::TempDir;

use super::Global;
use super::output::{self, count, gigabytes_per_second, seconds};
use super::progress::Meter;
use super::work::Events;
use super::{preview, words};

const AMOUNT: u16 = 2000;
const WIDTH: u64 = 16_384;
const PREVIEW_PIXELS: u32 = 1024;

/// Make a picture in a folder of its own, brighten it in place with sibling processes, kill one of them half-way, check
/// every sample, and clean up
///
/// Two small pictures stay: before.png and after.png.
#[derive(Args)]
pub(super) struct Demo {
    /// About how large a picture
    #[arg(long, value_name = "SIZE", value_parser = words::some_bytes, default_value = "1GiB")]
    bytes: u64,
    /// Where to make the folder [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where to put before.png and after.png [default: a new folder beside the demo's own]
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let parent = self.dir.clone().unwrap_or_else(std::env::temp_dir);
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("pagelight-demo-").tempdir_in(&parent);
        let folder = folder.map_err(|error| Error::create(&parent.join("pagelight-demo-*"), error))?;
        let path = folder.path().join("demo.raw");
        let pictures = Pictures::create(self.pictures.as_deref(), &parent)?;
        let pixels = (self.bytes / PixelFormat::RGBA16.pixel_bytes()).max(1);
        let picture = Picture {
            width: WIDTH.min(pixels),
            height: (pixels / WIDTH).max(1),
            format: PixelFormat::RGBA16,
            pattern: Pattern::Gradient,
        };
        let layout = Layout::new(0, picture.width, picture.height, picture.format)
            .map_err(|why| Error::request(Subject::Nothing, why))?;
        let bytes = layout.data_bytes();

        let begun = Instant::now();
        let header = EnviHeader::new(picture.width, picture.height, picture.format);
        let new = NewImage::create(&path, &header)?;
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
        let area = Area::of(&layout, &layout.whole()).map_err(|why| Error::request(Subject::Nothing, why))?;
        preview::make(global, &image, &area, PREVIEW_PIXELS, &pictures.before)?;
        let job = Job {
            op: Op::brighten(AMOUNT.into()),
            target: Target::whole(&layout).map_err(|why| Error::request(Subject::Nothing, why))?,
        };
        let (edit_time, clipped) = brighten(global, &job, &image)?;
        let speed = gigabytes_per_second(bytes, edit_time);

        check(global, &picture, &image, &path, clipped)?;
        preview::make(global, &image, &area, PREVIEW_PIXELS, &pictures.after)?;
        let Pictures { before, after, .. } = pictures.keep();
        let samples = layout.pixels() * 4;
        global.result(
            &format!(
                "{} in place at {speed:.2} GB/s; the picture is exact all the same: all {} samples are what the plain \
                 loop makes of them\nbefore {}\nafter  {}",
                output::bytes(bytes),
                count(samples),
                output::name(&before),
                output::name(&after),
            ),
            &json!({
                "bytes": bytes,
                "seconds": edit_time.as_secs_f64(),
                "gigabytes_per_second": speed,
                "clipped_samples": clipped,
                "exact": true,
                "before": before.to_string_lossy(),
                "after": after.to_string_lossy(),
            }),
        );
        Ok(())
    }
}

/// Where the demo's two pictures go.
struct Pictures {
    before: PathBuf,
    after: PathBuf,
    /// A folder of their own, which goes with them unless the demo comes to its end.
    folder: Option<TempDir>,
}

impl Pictures {
    /// In `wanted`, or in a new folder in `parent`.
    fn create(wanted: Option<&Path>, parent: &Path) -> Result<Pictures> {
        let mut builder = tempfile::Builder::new();
        let folder = match wanted {
            Some(_) => None,
            None => Some(builder.prefix("pagelight-pictures-").tempdir_in(parent))
                .transpose()
                .map_err(|error| Error::create(&parent.join("pagelight-pictures-*"), error))?,
        };
        let place = folder.as_ref().map_or(wanted.unwrap_or(parent), TempDir::path);
        let (before, after) = (place.join("before.png"), place.join("after.png"));
        // Seen now, not when the work is done.
        for picture in [&before, &after] {
            drop(NewPicture::create(picture)?);
        }
        Ok(Pictures { before, after, folder })
    }

    /// Lets them stay.
    fn keep(mut self) -> Pictures {
        self.folder.take().map(TempDir::keep);
        self
    }
}

/// The worker that is to be killed.
enum Victim {
    Unknown,
    Known(Handle),
    Gone,
}

/// Does the job with sibling processes of one thread each, and kills the first of them half-way. Returns how long that
/// took, and how many samples clipped.
fn brighten(global: &Global, job: &Job, image: &MappedFile) -> Result<(Duration, u64)> {
    let settings = Settings {
        threads: 1,
        ..Settings::default_here()
    };
    // At least two, so that one is left when the other is killed.
    let processes = coordinator::processes_that_pay(job.target.window.bytes(), threads::available()).max(2);
    let processes = u32::try_from(processes).unwrap_or(2);
    let (sender, events) = channel();
    let options = Options {
        settings,
        workers: Some(Workers {
            suspend: global.suspend.clone(),
            events: sender,
            ..Workers::new(processes, worker::command(&settings))
        }),
        ..Options::default_here()
    };
    let meter = Meter::new(global, "brighten", job.target.window.bytes(), 0);
    let victim = Mutex::new((events, Victim::Unknown, 0));
    let ended = run::start(job, image, "", &options, &|bytes| {
        if let Ok(mut guard) = victim.lock() {
            let (events, victim, done_bytes) = &mut *guard;
            *done_bytes += bytes;
            if let Victim::Unknown = victim
                && let Ok(Event::Started { process, .. }) = events.try_recv()
            {
                *victim = Handle::of(process).map_or(Victim::Gone, Victim::Known);
            }
            if *done_bytes >= job.target.window.bytes() / 2
                && let Victim::Known(handle) = std::mem::replace(victim, Victim::Gone)
            {
                // Should it have ended by itself, there is nothing to be shown, and nothing is wrong.
                let _ = handle.kill();
            }
        }
        meter.add(bytes)
    })?;
    let edit_time = meter.work_time();
    drop(meter);
    let clipped = match ended {
        Outcome::Done { counts, .. } => counts.clipped,
        Outcome::AlreadyDone => 0,
    };
    let (events, ..) = victim.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Events::new(events).tell(global);
    global.note(&format!(
        "brightened it in place by {AMOUNT} in {} with {processes} processes, {} samples clipped",
        seconds(edit_time),
        count(clipped),
    ));
    Ok((edit_time, clipped))
}

/// Compares the image with what the plain loop makes of the picture.
fn check(global: &Global, picture: &Picture, image: &MappedFile, path: &Path, clipped: u64) -> Result<()> {
    let meter = Meter::new(global, "check", image.len(), 0);
    let mut want_clipped = 0;
    synth::compare(picture, image.file(), path, |pixels, made, read| {
        want_clipped += brighten_plainly(made);
        if meter.add(made.len() as u64).is_break() {
            return Err(Error::interrupted());
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
