//! `pagelight export`: an image, or a rectangle of it, becomes an ordinary picture of 16 bits.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use pagelight::convert::{self, NewPicture, PictureFormat};
use pagelight::error::Result;
use pagelight::map::Access;
use serde_json::json;

use super::Global;
use super::area::{AreaArgs, tell_jobs};
use super::image::ImageArgs;
use super::output::{self, gigabytes_per_second, seconds};
use super::progress::Meter;

/// Write an image, or a rectangle of it, as a picture of 16 bits: .png, .tif or .tiff
///
/// Samples are kept bit for bit. A PNG holds gray and color, with or without alpha; a TIFF also signed samples and
/// bands that nobody named, and becomes a BigTIFF past 4 GiB. What the format cannot hold is refused. The picture
/// appears complete or not at all, and nothing is overwritten.
#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    image: ImageArgs,
    /// The picture to make; its extension says of what kind: .png, .tif, .tiff
    picture: PathBuf,
    #[command(flatten)]
    area: AreaArgs,
}

impl Export {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let format = PictureFormat::of(&self.picture)?;
        let image = self.image.open(Access::Read)?;
        let area = self.area.area(&self.image.image, &image.described)?;
        format.check(&area, &self.picture)?;
        let picture = NewPicture::create(&self.picture)?;
        tell_jobs(global, &image.file);
        let begun = Instant::now();
        let meter = Meter::new(global, "export", area.bytes(), 0);
        convert::export(&image.file, &area, format, &picture, &|bytes| meter.add(bytes))?;
        drop(meter);
        let picture_bytes = picture.publish()?;
        let time = begun.elapsed();
        let speed = gigabytes_per_second(area.bytes(), time);
        global.result(
            &format!(
                "{}: {}x{} pixels ({}), {} as {} in {} ({speed:.2} GB/s, on the disk)",
                output::name(&self.picture),
                area.width,
                area.height,
                area.format,
                output::bytes(area.bytes()),
                output::bytes(picture_bytes),
                seconds(time),
            ),
            &json!({
                "image": self.image.image.to_string_lossy(),
                "picture": self.picture.to_string_lossy(),
                "width": area.width,
                "height": area.height,
                "pixel_format": area.format.to_string(),
                "bytes": area.bytes(),
                "picture_bytes": picture_bytes,
                "seconds": time.as_secs_f64(),
                "gigabytes_per_second": speed,
            }),
        );
        Ok(())
    }
}
