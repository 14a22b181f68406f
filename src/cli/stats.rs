//! `pagelight stats`: what the samples of an image are like.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use pagelight::convert::NewPicture;
use pagelight::error::{Error, Result};
use pagelight::layout::Lanes;
use pagelight::map::Access;
use pagelight::pixel::{ChannelSet, PixelFormat};
use pagelight::plot;
use pagelight::stats::{self, Channel, Wanted};
use pagelight::threads;
use serde_json::{Value, json};

use super::Global;
use super::area::tell_jobs;
use super::image::{ImageArgs, OpenImage, WindowArgs};
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
        let described = &image.described;
        let format = described.layout.format();
        let (places, part) = self.places(&image)?;
        let wanted = Wanted {
            places: &places,
            format,
            channels: part.channels.chosen(),
            nodata: described.nodata,
        };
        let bytes = wanted.bytes();
        // Before the work, so that a name that is taken is seen at once.
        let drawing = self.plot.as_deref().map(NewPicture::create).transpose()?;
        tell_jobs(global, &image.file);
        let begun = Instant::now();
        let meter = Meter::new(global, "stats", wanted.bytes_read(), 0);
        let channels = stats::of(&image.file, &wanted, threads::available(), &|bytes| meter.add(bytes))?;
        drop(meter);
        let time = begun.elapsed();
        let names: Vec<&str> = part
            .channels
            .iter()
            .map(|channel| described.names[channel].as_str())
            .collect();
        if let Some(drawing) = drawing {
            draw(drawing, path, &part.description, &channels, &names, format)?;
        }

        let mut text = format!(
            "{}: {}, {} pixels ({format}), {} in {} ({:.2} GB/s)\n{}",
            output::name(path),
            part.description,
            count(part.pixels),
            output::bytes(bytes),
            seconds(time),
            gigabytes_per_second(bytes, time),
            table(&names, &channels),
        );
        if let Some(plot) = &self.plot {
            text += &format!("\nhistogram {}", output::name(plot));
        }
        let object = json!({
            "image": path.to_string_lossy(),
            "window": part.description,
            "pixel_format": format.to_string(),
            "pixels": part.pixels,
            "bytes": bytes,
            "seconds": time.as_secs_f64(),
            "gigabytes_per_second": gigabytes_per_second(bytes, time),
            "channels": objects(&names, &channels),
            "plot": self.plot.as_ref().map(|plot| plot.to_string_lossy()),
        });
        global.result(&text, &object);
        Ok(())
    }
}

/// A line for each channel, below their heads.
fn table(names: &[&str], channels: &[Channel]) -> String {
    let wide = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        .clamp(7, 32)
        + 1;
    let mut text = format!(
        "{:<wide$}{:>8}{:>8}{:>12}  {:<34}{}",
        "", "min", "max", "mean", "  clipped low", "clipped high",
    );
    for (name, channel) in names.iter().zip(channels) {
        let of = |samples: u64| format!("{} ({})", count(samples), percent(samples, channel.samples));
        text += &match channel.samples {
            0 => format!("\n{name:<wide$}{:>8}", "no data"),
            _ => format!(
                "\n{name:<wide$}{:>8}{:>8}{:>12.2}    {:<32}{}",
                channel.range.start(),
                channel.range.end(),
                channel.mean,
                of(channel.clipped_low),
                of(channel.clipped_high),
            ),
        };
        if channel.nodata > 0 {
            text += &format!("; {} samples stand for no data", count(channel.nodata));
        }
    }
    text
}

/// The same as objects.
fn objects(names: &[&str], channels: &[Channel]) -> Vec<Value> {
    names
        .iter()
        .zip(channels)
        .map(|(name, channel)| {
            json!({
                "name": name,
                "min": (channel.samples > 0).then_some(channel.range.start()),
                "max": (channel.samples > 0).then_some(channel.range.end()),
                "mean": (channel.samples > 0).then_some(channel.mean),
                "nodata": channel.nodata,
                "clipped_low": channel.clipped_low,
                "clipped_high": channel.clipped_high,
                "histogram": channel.histogram,
            })
        })
        .collect()
}

/// The samples that are counted.
struct Selection {
    description: String,
    channels: ChannelSet,
    pixels: u64,
}

impl Stats {
    /// Where the samples that the user means lie.
    fn places(&self, image: &OpenImage) -> Result<(Vec<Lanes>, Selection)> {
        let path = &self.image.image;
        let (described, layout) = (&image.described, &image.described.layout);
        let all = ChannelSet::all(described.names.len());
        let part = self.window.area.part(path, described, &all)?;
        if self.window.is_in_bytes() {
            // Of all channels, because bytes count them all.
            let target = self.window.target(path, described, &all)?;
            let selection = Selection {
                description: target.description.part.clone(),
                pixels: target.description.pixels,
                channels: part.channels.clone(),
            };
            return Ok((vec![Lanes::of_run(target.window, &part.channels)], selection));
        }
        let places = layout
            .lanes_by_channel(&part)
            .map_err(|why| Error::request(path, why))?;
        let selection = Selection {
            description: layout.describe(&part),
            pixels: part.pixels(),
            channels: part.channels,
        };
        Ok((places, selection))
    }
}

/// Refuses a name for a plot that is no SVG's.
pub(super) fn refuse_other_than_svg(plot: &Path) -> Result<()> {
    let extension = plot.extension();
    if extension.is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
        Ok(())
    } else {
        Err(Error::request(plot, "a plot is an SVG; use .svg"))
    }
}

fn draw(
    drawing: NewPicture,
    path: &Path,
    part: &str,
    channels: &[Channel],
    names: &[&str],
    format: PixelFormat,
) -> Result<()> {
    let name = output::name(Path::new(path.file_name().unwrap_or_default()));
    let title = format!("{name}: {part}");
    let svg = plot::histogram(&title, channels, names, format.sample.range());
    let svg = svg.map_err(|why| Error::unfit(path, format!("its histogram cannot be drawn: {why}")))?;
    drawing.fill(svg.as_bytes())?;
    drawing.publish()?;
    Ok(())
}
