//! `pagelight import`: an ordinary picture becomes an image.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use pagelight::convert::{self, PictureSource};
use pagelight::error::Result;
use pagelight::format::envi::{self, EnviHeader};
use pagelight::format::new_image::NewImage;
use pagelight::threads;
use serde_json::json;

use super::Global;
use super::output::{self, gigabytes_per_second, seconds};
use super::progress::Meter;
use super::words;

/// Make an image and its header from an ordinary picture: PNG, TIFF, farbfeld, PNM or OpenEXR
///
/// Gray, color and alpha stay what they are. 16-bit samples are kept bit for bit, 8-bit ones multiplied by 257,
/// floating point ones (OpenEXR, linear light) clamped to 0 to 1 and scaled to 65535. Color profiles are not carried
/// over. Image and header appear complete or not at all, and nothing is overwritten. PNG and TIFF are read piece by
/// piece; the other kinds, and interlaced PNGs, up to 512 MiB of pixels.
#[derive(Args)]
pub(super) struct Import {
    /// The picture; its content says of what kind it is, not its name
    picture: PathBuf,
    /// The raw image to make; the header gets the same name with .hdr
    image: PathBuf,
    /// Repeat it so many times across and down, every other one mirrored so that seams do not show
    #[arg(long, value_name = "CxR", value_parser = words::size, default_value = "1x1", hide_default_value = true)]
    tile: (u64, u64),
    /// Refuse a picture that unfolds to more than this: some bytes of PNG can say that they are terabytes
    #[arg(long, value_name = "SIZE", value_parser = words::some_bytes, default_value = "16GiB")]
    limit: u64,
}

impl Import {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let begun = Instant::now();
        let go_on = |_| global.go_on();
        let import = convert::Import::new(PictureSource::open(&self.picture, self.limit, &go_on)?, self.tile)?;
        let layout = import.layout.clone();
        let (width, height) = (layout.width().unwrap_or(0), layout.height().unwrap_or(0));
        let format = layout.format();
        let bytes = layout.data_bytes();
        let new = NewImage::create(&self.image, &EnviHeader::new(width, height, format))?;
        let meter = Meter::new(global, "import", bytes, 0);
        import.write(new.file(), &self.image, threads::available(), &|bytes| meter.add(bytes))?;
        drop(meter);
        new.publish()?;
        let time = begun.elapsed();
        let speed = gigabytes_per_second(bytes, time);
        let header = envi::path_for(&self.image);
        global.result(
            &format!(
                "{}: {width}x{height} pixels ({format}) from {}, {} in {} ({speed:.2} GB/s, on the disk); header {}",
                output::name(&self.image),
                output::name(&self.picture),
                output::bytes(bytes),
                seconds(time),
                output::name(&header),
            ),
            &json!({
                "picture": self.picture.to_string_lossy(),
                "image": self.image.to_string_lossy(),
                "header": header.to_string_lossy(),
                "width": width,
                "height": height,
                "pixel_format": format.to_string(),
                "bytes": bytes,
                "seconds": time.as_secs_f64(),
                "gigabytes_per_second": speed,
            }),
        );
        Ok(())
    }
}
