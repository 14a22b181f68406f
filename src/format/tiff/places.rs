//! Where the strips or tiles of a picture begin, and that nothing else lies there.
//!
//! 1. A place that passes here is inside the file with all its bytes, padding as well, and shares none with another
//!    place, a directory, the value of a tag or another page.

use super::directory::Reader;
use super::page::{Page, Picture};
use super::pages::{Pages, Region, What};
use super::tags;
use crate::error::{Choice, text};
use crate::format::found::Wrong;

/// Strips or tiles of a picture at most.
const MAX_TILES: u64 = 1 << 22;

/// How a picture is divided.
struct Division {
    across: u64,
    down: u64,
    /// Those of a page.
    count: u64,
    /// Bytes of a whole one.
    bytes: u64,
    /// Bytes of the last one in a column.
    last_bytes: u64,
}

impl Division {
    fn of(picture: &Picture) -> Result<Division, Wrong> {
        let Picture {
            width, height, tile, ..
        } = *picture;
        let samples = picture.format.channels.count() as u64;
        let (side_by_side, apart) = if picture.is_planar { (1, samples) } else { (samples, 1) };
        let (across, down) = (width.div_ceil(tile.0), height.div_ceil(tile.1));
        let count = across.checked_mul(down).and_then(|count| count.checked_mul(apart));
        let count = count.filter(|&count| count <= MAX_TILES).ok_or_else(|| {
            Wrong::file(format!(
                "has {across}x{down} {}, and no more than {MAX_TILES} are edited in place",
                name_of(picture)
            ))
        })?;
        let bytes_of = |rows: u64| {
            let row_bytes = tile.0.checked_mul(side_by_side)?.checked_mul(2)?;
            row_bytes.checked_mul(rows)
        };
        let last_rows = if picture.is_tiled {
            tile.1
        } else {
            height - (down - 1) * tile.1
        };
        let (Some(bytes), Some(last_bytes)) = (bytes_of(tile.1), bytes_of(last_rows)) else {
            return Err(Wrong::file(format!(
                "has {} of {}x{} pixels, more than a file can hold",
                name_of(picture),
                tile.0,
                tile.1
            )));
        };
        Ok(Division {
            across,
            down,
            count,
            bytes,
            last_bytes,
        })
    }

    fn bytes_of(&self, index: u64) -> u64 {
        let is_last = index / self.across % self.down == self.down - 1;
        if is_last { self.last_bytes } else { self.bytes }
    }
}

fn name_of(picture: &Picture) -> &'static str {
    if picture.is_tiled { "tiles" } else { "strips" }
}

/// Where the strips or tiles of the pages at these places begin, which are alike, one page after another.
pub(super) fn starts(
    reader: &Reader<'_>,
    pages: &Pages,
    chosen: &[usize],
    picture: &Picture,
) -> Result<Vec<u64>, Wrong> {
    let division = Division::of(picture)?;
    let total = division.count.checked_mul(chosen.len() as u64);
    if total.is_none_or(|total| total > MAX_TILES) {
        let why = format!(
            "has {} {} in each of {} pages, and no more than {MAX_TILES} are edited at once; choose one by ",
            division.count,
            name_of(picture),
            chosen.len()
        );
        return Err(Wrong::file(text![why, Choice::Page]));
    }
    let mut starts = Vec::new();
    for &place in chosen {
        let page = &pages.pages[place];
        read(reader, page, picture, &division, &mut starts).map_err(|wrong| match wrong {
            Wrong::File(why) => Wrong::File(pages.about(place, why)),
            other => other,
        })?;
    }
    let mut regions = pages.regions.clone();
    let others = pages
        .pages
        .iter()
        .enumerate()
        .filter(|(place, _)| chosen.binary_search(place).is_err());
    for (place, page) in others {
        samples_of(reader, page, Some(place + 1), &mut regions)?;
    }
    for (_, page) in &pages.inner {
        samples_of(reader, page, None, &mut regions)?;
    }
    refuse_shared(&starts, &division, name_of(picture), &regions)?;
    Ok(starts)
}

/// Reads the table of a page, and checks each place by itself.
fn read(
    reader: &Reader<'_>,
    page: &Page,
    picture: &Picture,
    division: &Division,
    starts: &mut Vec<u64>,
) -> Result<(), Wrong> {
    let (name, one) = (name_of(picture), name_of(picture).trim_end_matches('s'));
    let (places, lengths) = tables(page, picture.is_tiled);
    let (Some(places), Some(lengths)) = (places, lengths) else {
        return Err(Wrong::file(format!(
            "does not say where its {name} begin and how long they are"
        )));
    };
    for (what, entry) in [("places", places), ("byte counts", lengths)] {
        if entry.count != division.count {
            return Err(Wrong::file(format!(
                "has {} {what} of {name}, and {}x{} pixels need {}",
                entry.count, picture.width, picture.height, division.count
            )));
        }
    }
    let first = starts.len();
    reader.each_number(places, division.count, |start| {
        starts.push(start);
        Ok(())
    })?;
    let mut index = 0;
    reader.each_number(lengths, division.count, |bytes| {
        let start = starts[first + usize::try_from(index).expect("in memory")];
        let wanted = division.bytes_of(index);
        index += 1;
        if start == 0 && bytes == 0 {
            return Err(Wrong::file(format!(
                "{one} {index} is not there (a sparse file); write the file anew with all of them, as gdal_translate does"
            )));
        }
        if bytes != wanted {
            return Err(Wrong::file(format!(
                "{one} {index} has {bytes} bytes by its byte count, and its rows have {wanted}"
            )));
        }
        let end = start.checked_add(bytes);
        if end.is_none_or(|end| end > reader.file_bytes) {
            return Err(Wrong::file(format!(
                "{one} {index} ends at byte {}, the file at {}; it is cut short",
                u128::from(start) + u128::from(bytes),
                reader.file_bytes
            )));
        }
        Ok(())
    })
}

/// The entries that say where strips or tiles begin, and how long they are.
fn tables(page: &Page, is_tiled: bool) -> (Option<&super::directory::Entry>, Option<&super::directory::Entry>) {
    let (places, lengths) = if is_tiled {
        (tags::TILE_OFFSETS, tags::TILE_BYTES)
    } else {
        (tags::STRIP_OFFSETS, tags::STRIP_BYTES)
    };
    // Some programs write the places of tiles under the tags of strips; that is one table more, and refused before.
    (page.directory.entry(places), page.directory.entry(lengths))
}

/// Adds where the samples of a page lie that is not edited.
fn samples_of(reader: &Reader<'_>, page: &Page, number: Option<usize>, regions: &mut Vec<Region>) -> Result<(), Wrong> {
    for is_tiled in [false, true] {
        let (Some(places), Some(lengths)) = tables(page, is_tiled) else {
            continue;
        };
        let starts = reader.numbers(places, MAX_TILES)?;
        let lengths = reader.numbers(lengths, MAX_TILES)?;
        for (start, bytes) in starts.into_iter().zip(lengths) {
            let range = start..start.saturating_add(bytes);
            let what = What::Page(number);
            match regions.last_mut() {
                Some(last) if last.what == what && last.range.end == range.start => last.range.end = range.end,
                _ => regions.push(Region { range, what }),
            }
        }
    }
    Ok(())
}

/// Refuses places that share bytes with each other or with anything else.
fn refuse_shared(starts: &[u64], division: &Division, name: &str, regions: &[Region]) -> Result<(), Wrong> {
    let bytes_of = |index: u32| division.bytes_of(u64::from(index) % division.count);
    let mut sorted: Vec<(u64, u32)> = starts.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    for pair in sorted.windows(2) {
        if let [(start, one), (next, other)] = *pair
            && start + bytes_of(one) > next
        {
            return Err(Wrong::file(format!(
                "{name} {} and {} share bytes from {next} on",
                one + 1,
                other + 1
            )));
        }
    }
    for region in regions.iter().filter(|region| !region.range.is_empty()) {
        // The last one that begins before the region ends is the only one that may reach into it.
        let before = sorted.partition_point(|&(start, _)| start < region.range.end);
        let Some(&(start, index)) = before.checked_sub(1).and_then(|before| sorted.get(before)) else {
            continue;
        };
        if start + bytes_of(index) > region.range.start {
            let what = match region.what {
                What::Header => "the header".to_owned(),
                What::Directory => "a directory".to_owned(),
                What::Value(tag) => format!("the value of tag {tag}"),
                What::Page(Some(number)) => format!("page {number}"),
                What::Page(None) => "a smaller copy".to_owned(),
            };
            return Err(Wrong::file(format!(
                "{} {} shares bytes with {what} at byte {}",
                name.trim_end_matches('s'),
                index + 1,
                region.range.start
            )));
        }
    }
    Ok(())
}
