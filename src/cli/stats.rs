//! `pagelight stats`: what the samples of an image are like.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use pagelight::convert::NewPicture;
use pagelight::error::{Error, Result};
use pagelight::map::Access;
use pagelight::pixel::PixelFormat;
use pagelight::plot;
use pagelight::stats::{self, Channel};
use pagelight::threads;
use serde_json::json;

use super::Global;
use super::area::tell_jobs;
use super::image::{ImageArgs, WindowArgs};
use super::output::{self, count, gigabytes_per_second, percent, seconds};
use super::progress::Meter;

/// Say what an image's samples are like: smallest, largest, mean, clipped ones, and a histogram
#[derive(Args)]
pub(super) struct Stats {
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    window: WindowArgs,
    /// Draw the histogram there, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

impl Stats {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let path = &self.image.image;
        if let Some(plot) = &self.plot {
            refuse_other_than_svg(plot)?;
        }
        let image = self.image.open(Access::Read)?;
        let layout = &image.described.layout;
        let format = layout.format();
        let window = self.window.window(path, layout)?;
        // Before the work, so that a name that is taken is seen at once.
        let drawing = self.plot.as_deref().map(NewPicture::create).transpose()?;
        tell_jobs(global, &image.file, layout);
        let begun = Instant::now();
        let meter = Meter::new(global, "stats", window.bytes(), 0);
        let channels = stats::of(&image.file, &window, format, threads::available(), &|bytes| {
            meter.add(bytes)
        })?;
        drop(meter);
        let time = begun.elapsed();
        let part = window.describe(Some(layout));
        if let Some(drawing) = drawing {
            draw(drawing, path, &part, &channels, format)?;
        }

        let names = format.channels.names();
        let samples = window.bytes() / format.pixel_bytes();
        let mut text = format!(
            "{}: {part}, {} pixels ({format}), {} in {} ({:.2} GB/s)\n{:<8}{:>8}{:>8}{:>12}  {:<34}{}",
            output::name(path),
            count(samples),
            output::bytes(window.bytes()),
            seconds(time),
            gigabytes_per_second(window.bytes(), time),
            "",
            "min",
            "max",
            "mean",
            "  clipped low",
            "clipped high",
        );
        for (name, channel) in names.iter().zip(&channels) {
            let clipped = |clipped: u64| format!("{} ({})", count(clipped), percent(clipped, samples));
            text += &format!(
                "\n{name:<8}{:>8}{:>8}{:>12.2}    {:<32}{}",
                channel.range.start(),
                channel.range.end(),
                channel.mean,
                clipped(channel.clipped_low),
                clipped(channel.clipped_high),
            );
        }
        if let Some(plot) = &self.plot {
            text += &format!("\nhistogram {}", output::name(plot));
        }
        let objects: Vec<_> = names
            .iter()
            .zip(&channels)
            .map(|(name, channel)| {
                json!({
                    "name": name,
                    "min": channel.range.start(),
                    "max": channel.range.end(),
                    "mean": channel.mean,
                    "clipped_low": channel.clipped_low,
                    "clipped_high": channel.clipped_high,
                    "histogram": channel.histogram,
                })
            })
            .collect();
        let object = json!({
            "image": path.to_string_lossy(),
            "window": part,
            "pixel_format": format.to_string(),
            "pixels": samples,
            "bytes": window.bytes(),
            "seconds": time.as_secs_f64(),
            "gigabytes_per_second": gigabytes_per_second(window.bytes(), time),
            "channels": objects,
            "plot": self.plot.as_ref().map(|plot| plot.to_string_lossy()),
        });
        global.result(&text, &object);
        Ok(())
    }
}

/// Refuses a name for a plot that is no SVG's.
pub(super) fn refuse_other_than_svg(plot: &Path) -> Result<()> {
    let extension = plot.extension();
    match extension.is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
        true => Ok(()),
        false => Err(Error::Request(format!(
            "{}: a plot is an SVG; use .svg",
            plot.display()
        ))),
    }
}

fn draw(drawing: NewPicture, path: &Path, part: &str, channels: &[Channel], format: PixelFormat) -> Result<()> {
    let name = output::name(Path::new(path.file_name().unwrap_or_default()));
    let title = format!("{name}: {part}");
    let svg = plot::histogram(&title, channels, format.channels.names(), format.sample.range());
    let svg = svg.map_err(|why| Error::unfit(path, format!("its histogram cannot be drawn: {why}")))?;
    drawing.fill(svg.as_bytes())?;
    drawing.publish()?;
    Ok(())
}
