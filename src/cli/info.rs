//! `pagelight info`: what an image looks like, and how that is known.

use std::path::{Path, PathBuf};

use clap::Args;
use pagelight::claim::ImageJobs;
use pagelight::error::{Error, Result};
use pagelight::format::kind::Kind;
use pagelight::format::{Container, Described, PageChoice};
use pagelight::layout::Layout;
use pagelight::map::{Access, MappedFile};
use pagelight::os::disk;
use serde_json::json;

use super::Global;
use super::image::{ImageArgs, OpenImage};
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
        let file_system = file_system.to_string();
        let jobs = ImageJobs::of(&image.file, None)
            .and_then(|jobs| jobs.pending())
            .map(|jobs| jobs.len());
        let text = text(path, &image, &file_system, &jobs);
        global.result(&text, &object(path, &image, &file_system, jobs.ok()));
        Ok(())
    }
}

/// What there is to say, in lines.
fn text(path: &Path, image: &OpenImage, file_system: &str, jobs: &Result<usize>) -> String {
    let described = &image.described;
    let (layout, format) = (&described.layout, described.layout.format());
    let edited = described.color().describe(&described.names);
    let mut text = format!("{}\n  size         {}", output::name(path), size(layout));
    if let Some(pages) = &described.pages {
        text += &pages_text(pages);
    }
    if let Some((width, height)) = layout.tile() {
        text += &format!("\n  tiles        {width}x{height} pixels");
    }
    text += &format!(
        "\n  pixel        {format}, {} bytes\n  channels     {}; brighten edits {edited}",
        format.pixel_bytes(),
        channels(&described.names)
    );
    if let Some(value) = described.nodata {
        text += &format!("\n  nodata       {value}; brighten and adjust keep it");
    }
    text += &format!(
        "\n  data         {} from byte {} on\n  header       {}\n  file         {} bytes on {file_system}",
        output::bytes(layout.data_bytes()),
        layout.data_offset(),
        header_text(described.header.as_ref(), described.container),
        count(image.file.len()),
    );
    for note in &described.notes {
        text += &format!("\n  note         {note}");
    }
    text += &changes_text(described);
    match jobs {
        Ok(0) => {}
        Ok(jobs) => text += &format!("\n  jobs         {jobs} unfinished; 'pagelight status' says more"),
        Err(error) => text += &format!("\n  jobs         unknown: {}", super::chain(error)),
    }
    text
}

/// The same as an object.
fn object(path: &Path, image: &OpenImage, file_system: &str, jobs: Option<usize>) -> serde_json::Value {
    let described = &image.described;
    let (layout, names) = (&described.layout, &described.names);
    let format = layout.format();
    let pages = described.pages.as_ref();
    json!({
        "image": path.to_string_lossy(),
        "kind": described.container.to_string(),
        "mended": Some(&described.mended.what).filter(|what| !what.is_empty()),
        "stale_parts": described.stale_parts.iter().map(|part| &part.what).collect::<Vec<_>>(),
        "stale": described.stale.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
        "header": described.header.as_ref().map(|header| header.to_string_lossy()),
        "pixel_format": format.to_string(),
        "pixel_bytes": format.pixel_bytes(),
        "channels": names,
        "edited_channels": described.color().iter().map(|channel| &names[channel]).collect::<Vec<_>>(),
        "planes": layout.planes(),
        "tile": layout.tile().map(|(width, height)| [width, height]),
        "pages": pages.map(|pages| json!({
            "count": pages.count,
            "chosen": pages.chosen,
            "levels": pages.levels.iter().map(|(width, height)| [width, height]).collect::<Vec<_>>(),
        })),
        "notes": described.notes,
        "nodata": described.nodata,
        "width": layout.width(),
        "height": layout.height(),
        "pixels": layout.pixels(),
        "data_offset": layout.data_offset(),
        "data_bytes": layout.data_bytes(),
        "file_bytes": image.file.len(),
        "file_system": file_system,
        "unfinished_jobs": jobs,
    })
}

/// What an edit mends, and what it makes untrue.
fn changes_text(described: &Described) -> String {
    let mended = match described.mended.what.as_str() {
        "" => String::new(),
        what => format!("\n  is mended    {what}"),
    };
    let parts = described.stale_parts.iter().map(|part| format!("its {}", part.what));
    let files = described.stale.iter().map(|file| output::name(file));
    let stale: Vec<String> = parts.chain(files).collect();
    match stale.as_slice() {
        [] => mended,
        those => format!(
            "{mended}\n  goes stale   {}; an edit does not change it",
            those.join(", ")
        ),
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

/// Which of a file's pages are meant, and the smaller copies of the first one.
fn pages_text(pages: &PageChoice) -> String {
    let mut text = match pages.chosen.as_slice() {
        [one] => format!("\n  page         {one} of {}", pages.count),
        many => format!("\n  pages        {} of {}, each a plane", many.len(), pages.count),
    };
    if !pages.levels.is_empty() {
        let levels: Vec<String> = pages
            .levels
            .iter()
            .map(|(width, height)| format!("{width}x{height}"))
            .collect();
        text += &format!("\n  levels       {}", levels.join(", "));
    }
    text
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
