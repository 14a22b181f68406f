//! `pagelight preview`: a small picture to look at.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use pagelight::convert::preview::{self, MAX_SIDE_PIXELS};
use pagelight::convert::{Area, NewPicture};
use pagelight::error::{Error, Result};
use pagelight::map::{Access, MappedFile};
use pagelight::threads;
use serde_json::json;

use super::Global;
use super::area::{AreaArgs, tell_jobs};
use super::image::ImageArgs;
use super::output::{self, count, seconds};

/// Make a small PNG to look at, in a second or two whatever the image's size
///
/// Every pixel is the average of a few samples from its part of the image, taken to be encoded as sRGB.
#[derive(Args)]
pub(super) struct Preview {
    #[command(flatten)]
    image: ImageArgs,
    /// The PNG to make
    picture: PathBuf,
    /// Pixels on the longer side, at most; an image is never enlarged
    #[arg(long, value_name = "PIXELS", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SIDE_PIXELS)))]
    max: u32,
    #[command(flatten)]
    area: AreaArgs,
}

impl Preview {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let begun = Instant::now();
        if !self
            .picture
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("png"))
        {
            let why = "a preview is a PNG; use .png, or 'pagelight export'";
            return Err(Error::request(&self.picture, why));
        }
        let image = self.image.open(Access::Read)?;
        let area = self.area.area(&self.image.image, &image.described)?;
        tell_jobs(global, &image.file);
        let (width, height) = make(global, &image.file, &area, self.max, &self.picture)?;
        let time = begun.elapsed();
        global.result(
            &format!(
                "{}: {width}x{height} pixels of {}x{} ({} in all) in {}",
                output::name(&self.picture),
                area.width,
                area.height,
                count(area.width * area.height),
                seconds(time),
            ),
            &json!({
                "image": self.image.image.to_string_lossy(),
                "picture": self.picture.to_string_lossy(),
                "width": width,
                "height": height,
                "image_width": area.width,
                "image_height": area.height,
                "seconds": time.as_secs_f64(),
            }),
        );
        Ok(())
    }
}

/// Makes the preview `path` of the image's area; returns its sides.
pub(super) fn make(global: &Global, image: &MappedFile, area: &Area, max_side: u32, path: &Path) -> Result<(u32, u32)> {
    let picture = NewPicture::create(path)?;
    let preview = preview::Preview::of(image, area, max_side, threads::available(), &|_| global.go_on())?;
    preview.write(&picture)?;
    picture.publish()?;
    Ok((preview.width, preview.height))
}
