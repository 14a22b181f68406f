//! TIFF and BigTIFF, as far as their samples are plain numbers of 16 bits: in strips or tiles, chunky or planar, with
//! any number of channels, in either byte order.
//!
//! 1. One picture is edited whole. Pages of one size and format are planes of one picture; else the user says which
//!    page is meant. Smaller copies and masks are no pictures of their own.
//! 2. Everything is checked before anything is edited: [`places`] has what must hold of strips and tiles, [`page`] what
//!    must hold of pixels.
//! 3. What an edit makes untrue in the file is named: smaller copies, statistics, extremes.
//! 4. A file that repeats the ends of its tiles behind them (COG) is refused: an edit would make those untrue, and
//!    readers of the network trust them.
//!
//! Source: TIFF 6.0; GDAL's pages on GeoTIFF, COG and nodata; the OME's on pyramids.

mod directory;
mod page;
mod pages;
mod places;
mod tags;

use self::directory::Reader;
use self::page::{Page, Picture};
use self::pages::Pages;
use super::found::{Behind, Container, Found, PageChoice, Source, StalePart, Wrong};
use crate::layout::{Layout, Step};
use crate::pixel::SAMPLE_BYTES;

/// Texts of a page that are looked into have no more.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// What the directories of a TIFF say.
pub(super) fn read(source: &Source<'_>) -> Result<Found, Wrong> {
    let (reader, first) = Reader::open(*source)?;
    refuse_trailers(reader.head())?;
    let pages = Pages::read(&reader, first)?;
    let chosen = pages.choose(source.overrides.page)?;
    let Some(page) = chosen.first().map(|&place| &pages.pages[place]) else {
        return Err(Wrong::file("it has no pages"));
    };
    let picture = page.picture.as_ref();
    let picture = picture.map_err(|why| Wrong::File(pages.about(chosen[0], why.clone())))?;
    refuse_hidden_images(&reader, page, pages.pages.len())?;
    let starts = places::starts(&reader, &pages, &chosen, picture)?;
    let layout = layout(picture, chosen.len() as u64, starts)?;
    let container = if reader.header_bytes() == 8 {
        Container::Tiff
    } else {
        Container::BigTiff
    };
    let ink = "its samples count darkness (white is 0, or they are amounts of ink), so that adding to them darkens";
    Ok(Found {
        behind: Behind::Anything,
        names: picture.names.clone(),
        alpha: picture.alpha.clone(),
        nodata: picture.nodata,
        stale: stale(&reader, &pages, &chosen)?,
        notes: picture.is_ink.then(|| ink.to_owned()).into_iter().collect(),
        pages: Some(PageChoice {
            count: pages.pages.len() as u64,
            chosen: chosen.iter().map(|&place| place as u64 + 1).collect(),
            levels: pages
                .levels(chosen[0])
                .map(|level| (level.width, level.height))
                .collect(),
        }),
        ..Found::new(layout, container)
    })
}

/// Where the samples lie.
fn layout(picture: &Picture, planes: u64, starts: Vec<u64>) -> Result<Layout, String> {
    let Picture {
        width,
        height,
        tile,
        format,
        ..
    } = *picture;
    let sample_bytes = SAMPLE_BYTES as u64;
    let channels = format.channels.count() as u64;
    let column = if picture.is_planar {
        sample_bytes
    } else {
        format.pixel_bytes()
    };
    let step_of = |(width, height): (u64, u64)| {
        let row = column.saturating_mul(width);
        let array = row.saturating_mul(height);
        Step {
            channel: if picture.is_planar { array } else { sample_bytes },
            column,
            row,
            plane: if picture.is_planar {
                array.saturating_mul(channels)
            } else {
                array
            },
        }
    };
    // Strips that follow each other in the order of their table are one array.
    let rows_of = |index: usize| {
        let strips = height.div_ceil(tile.1);
        tile.1.min(height - index as u64 % strips * tile.1)
    };
    let strip_bytes = |index: usize| rows_of(index) * step_of(tile).row;
    let follow = |(index, pair): (usize, &[u64])| pair[0] + strip_bytes(index) == pair[1];
    if !picture.is_tiled && starts.windows(2).enumerate().all(follow) {
        return Layout::strided(starts[0], (width, height, planes), format, step_of((width, height)));
    }
    Layout::tiled((width, height, planes), format, tile, step_of(tile), starts.into())
}

/// Refuses a file whose tiles repeat their last bytes behind them.
fn refuse_trailers(head: &[u8]) -> Result<(), Wrong> {
    let head = &head[..head.len().min(1024)];
    let has = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
    if has(b"GDAL_STRUCTURAL_METADATA_SIZE=")
        && has(b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED")
        && !has(b"KNOWN_INCOMPATIBLE_EDITION=YES")
    {
        return Err(Wrong::file(
            "it is a cloud optimized GeoTIFF (COG), which repeats the last 4 bytes of each tile behind it; edited tiles \
             would not agree with those. 'gdal_translate -co TILED=YES' makes a GeoTIFF of it that can be edited, and \
             'gdal_translate -of COG' a COG of that",
        ));
    }
    Ok(())
}

/// Refuses a stack of ImageJ that has one directory for many images.
fn refuse_hidden_images(reader: &Reader<'_>, page: &Page, pages: usize) -> Result<(), Wrong> {
    let Some(entry) = page.directory.entry(tags::DESCRIPTION) else {
        return Ok(());
    };
    let text = reader.text(entry, MAX_TEXT_BYTES)?;
    let images = text
        .lines()
        .find_map(|line| line.strip_prefix("images=")?.trim().parse::<u64>().ok());
    match images {
        Some(images) if text.starts_with("ImageJ=") && images > pages as u64 => Err(Wrong::file(format!(
            "it is a stack of ImageJ with {images} images, and has directories for {pages} only; save it as pages \
             (BigTIFF or OME-TIFF)"
        ))),
        _ => Ok(()),
    }
}

/// What of the file an edit makes untrue.
fn stale(reader: &Reader<'_>, pages: &Pages, chosen: &[usize]) -> Result<Vec<StalePart>, Wrong> {
    let mut parts = Vec::new();
    let levels: Vec<&Page> = chosen.iter().flat_map(|&place| pages.levels(place)).collect();
    if let Some(largest) = levels.iter().max_by_key(|level| level.width) {
        let is_inner = pages.inner.iter().any(|(place, _)| chosen.binary_search(place).is_ok());
        parts.push(StalePart {
            what: match levels.len() {
                1 => format!("smaller copy of {}x{} pixels", largest.width, largest.height),
                many => format!(
                    "{many} smaller copies, up to {}x{} pixels",
                    largest.width, largest.height
                ),
            },
            renewed_by: (!is_inner).then(|| "gdal raster overview refresh".to_owned()),
        });
    }
    let mut fields: Vec<&str> = Vec::new();
    let mut has_statistics = false;
    for &place in chosen {
        let directory = &pages.pages[place].directory;
        let counted = tags::COUNTED.iter().filter(|(tag, _)| directory.entry(*tag).is_some());
        fields.extend(counted.map(|(_, name)| *name));
        if let Some(entry) = directory.entry(tags::METADATA) {
            has_statistics |= reader.text(entry, MAX_TEXT_BYTES)?.contains("STATISTICS_");
        }
    }
    fields.sort_unstable();
    fields.dedup();
    parts.extend(fields.into_iter().map(|name| StalePart {
        what: format!("field {name}"),
        renewed_by: None,
    }));
    if has_statistics {
        parts.push(StalePart {
            what: "statistics in its GDAL metadata".to_owned(),
            renewed_by: Some("gdalinfo -stats".to_owned()),
        });
    }
    Ok(parts)
}
