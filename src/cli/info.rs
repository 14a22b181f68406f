//! `pagelight info`: what an image looks like, and how that is known.

use std::path::{Path, PathBuf};

use clap::Args;
use pagelight::claim::ImageJobs;
use pagelight::error::{Error, Result};
use pagelight::format::Container;
use pagelight::format::kind::Kind;
use pagelight::layout::Layout;
use pagelight::map::{Access, MappedFile};
use pagelight::os::disk;
use serde_json::json;

use super::Global;
use super::image::ImageArgs;
use super::output::{self, count};

/// The names of so many channels are listed.
const MAX_NAMES: usize = 8;

/// Say what an image looks like: pixels, size, header, file system
#[derive(Args)]
pub(super) struct Info {
    #[command(flatten)]
    image: ImageArgs,
}

impl Info {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let path = &self.image.image;
        let file = self.image.map(Access::Read)?;
        if let Some(kind) = self.image.foreign(&file)? {
            tell_kind(global, path, &file, kind);
            return Ok(());
        }
        let image = self.image.describe(file)?;
        let file_system = disk::file_system(image.file.file()).map_err(|error| Error::io("look at", path, error))?;
        let layout = &image.described.layout;
        let format = layout.format();
        let names = &image.described.names;
        let usual = image.described.color();
        let edited = usual.describe(names);
        let channels = channels(names);
        let nodata = image.described.nodata;
        let nodata_text = nodata.map_or(String::new(), |value| {
            format!("\n  nodata       {value}; brighten and adjust keep it")
        });
        let size = size(layout);
        let jobs = ImageJobs::of(&image.file, None)
            .and_then(|jobs| jobs.pending())
            .map(|jobs| jobs.len());
        let jobs_text = match &jobs {
            Ok(0) => String::new(),
            Ok(jobs) => format!("\n  jobs         {jobs} unfinished; 'pagelight status' says more"),
            Err(error) => format!("\n  jobs         unknown: {}", super::chain(error)),
        };
        let header = image.described.header.as_ref();
        let container = image.described.container;
        let header_text = header_text(header, container);
        let stale: Vec<String> = image.described.stale.iter().map(|file| output::name(file)).collect();
        let parts = image
            .described
            .stale_parts
            .iter()
            .map(|part| format!("its {}", part.what));
        let stale: Vec<String> = parts.chain(stale).collect();
        let stale_text = match stale.as_slice() {
            [] => String::new(),
            those => format!("\n  goes stale   {}; an edit does not change it", those.join(", ")),
        };
        global.result(
            &format!(
                "{}\n  size         {size}\n  pixel        {format}, {} bytes\n  channels     {channels}; brighten \
                 edits {edited}{nodata_text}\n  data         {} from byte {} on\n  header       {header_text}\n  file         {} \
                 bytes on {file_system}{stale_text}{jobs_text}",
                output::name(path),
                format.pixel_bytes(),
                output::bytes(layout.data_bytes()),
                layout.data_offset(),
                count(image.file.len()),
            ),
            &json!({
                "image": path.to_string_lossy(),
                "kind": container.to_string(),
                "stale_parts": image.described.stale_parts.iter().map(|part| &part.what).collect::<Vec<_>>(),
                "stale": image.described.stale.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
                "header": header.map(|header| header.to_string_lossy()),
                "pixel_format": format.to_string(),
                "pixel_bytes": format.pixel_bytes(),
                "channels": names,
                "edited_channels": usual.iter().map(|channel| &names[channel]).collect::<Vec<_>>(),
                "planes": layout.planes(),
                "nodata": nodata,
                "width": layout.width(),
                "height": layout.height(),
                "pixels": layout.pixels(),
                "data_offset": layout.data_offset(),
                "data_bytes": layout.data_bytes(),
                "file_bytes": image.file.len(),
                "file_system": file_system.to_string(),
                "unfinished_jobs": jobs.ok(),
            }),
        );
        Ok(())
    }
}

/// Where the header is.
fn header_text(header: Option<&PathBuf>, container: Container) -> String {
    match (header, container) {
        (Some(header), _) => output::name(header),
        (None, Container::Raw) => "none".to_owned(),
        (None, container) => format!("its own, {container}"),
    }
}

/// How many pixels there are, and how they are arranged.
fn size(layout: &Layout) -> String {
    match (layout.width(), layout.height()) {
        (Some(width), Some(height)) => match layout.planes() {
            1 => format!("{width}x{height}, {} pixels", count(layout.pixels())),
            planes => format!("{width}x{height} in {planes} planes, {} pixels", count(layout.pixels())),
        },
        _ => format!(
            "{} pixels in a run; --size says how wide a row is",
            count(layout.pixels())
        ),
    }
}

/// What the channels are called.
fn channels(names: &[String]) -> String {
    match names {
        [first, .., last] if names.len() > MAX_NAMES => format!("{}: {first} to {last}", names.len()),
        few => few.join(","),
    }
}

/// Says what there is to say of a file that is no raw image.
fn tell_kind(global: &Global, path: &Path, file: &MappedFile, kind: Kind) {
    global.result(
        &format!(
            "{}\n  kind         {kind}, by its first bytes; editing it in place is not supported yet\n  file         {} \
             bytes",
            output::name(path),
            count(file.len()),
        ),
        &json!({
            "image": path.to_string_lossy(),
            "kind": kind.name(),
            "editable": false,
            "file_bytes": file.len(),
        }),
    );
}
