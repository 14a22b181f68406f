//! `pagelight create`: a test picture of any size.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use pagelight::error::{Error, Result};
use pagelight::format::envi::{self, EnviHeader};
use pagelight::format::new_image::NewImage;
use pagelight::layout::Layout;
use pagelight::pixel::PixelFormat;
use pagelight::synth::{Pattern, Picture};
use pagelight::threads;
use serde_json::json;

use super::Global;
use super::output::{self, gigabytes_per_second, seconds};
use super::progress::Meter;
use super::words;

/// Make a test picture and its header
///
/// Both appear complete or not at all, and nothing is overwritten.
#[derive(Args)]
pub(super) struct Create {
    /// The raw image to make; the header gets the same name with .hdr
    image: PathBuf,
    /// Width and height in pixels
    #[arg(long, value_name = "WxH", value_parser = words::size)]
    size: (u64, u64),
    /// What a pixel looks like: rgba16, rgb16be, gray:i16le, mycolor, ...
    #[arg(long, value_name = "FORMAT", default_value_t = PixelFormat::RGBA16)]
    pixel: PixelFormat,
    /// What the picture shows
    #[arg(long, value_enum, default_value_t = PatternName::Gradient)]
    pattern: PatternName,
    /// Chooses one of many noises
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum PatternName {
    Gradient,
    Noise,
    Black,
}

impl Create {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let (width, height) = self.size;
        let picture = Picture {
            width,
            height,
            format: self.pixel,
            pattern: match self.pattern {
                PatternName::Gradient => Pattern::Gradient,
                PatternName::Noise => Pattern::Noise { seed: self.seed },
                PatternName::Black => Pattern::Black,
            },
        };
        let layout = Layout::new(0, width, height, self.pixel).map_err(|why| Error::request(&self.image, why))?;
        let bytes = layout.data_bytes();
        let begun = Instant::now();
        let new = NewImage::create(&self.image, &EnviHeader::new(width, height, self.pixel))?;
        let meter = Meter::new(global, "create", bytes, 0);
        picture.write(new.file(), &self.image, threads::available(), &|bytes| meter.add(bytes))?;
        drop(meter);
        new.publish()?;
        let time = begun.elapsed();
        let speed = gigabytes_per_second(bytes, time);
        let header = envi::path_for(&self.image);
        global.result(
            &format!(
                "{}: {width}x{height} pixels ({}), {} in {} ({speed:.2} GB/s, on the disk); header {}",
                output::name(&self.image),
                self.pixel,
                output::bytes(bytes),
                seconds(time),
                output::name(&header),
            ),
            &json!({
                "image": self.image.to_string_lossy(),
                "header": header.to_string_lossy(),
                "width": width,
                "height": height,
                "pixel_format": self.pixel.to_string(),
                "bytes": bytes,
                "seconds": time.as_secs_f64(),
                "gigabytes_per_second": speed,
            }),
        );
        Ok(())
    }
}
