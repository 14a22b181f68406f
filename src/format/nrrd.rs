//! NRRD: nearly raw raster data, the arrays of Slicer, teem and ITK.
//!
//! ```text
//! NRRD0004
//! # a comment
//! type: unsigned short
//! dimension: 3
//! sizes: 3 640 480
//! kinds: RGB-color domain domain
//! endian: little
//! encoding: raw
//! key:=value
//!
//! the samples, behind an empty line; or in the file that `data file` names
//! ```
//!
//! 1. The first size is that of the axis whose samples lie side by side.
//! 2. Of axes whose kind is a place (`domain`, `space`, `time`) the first is columns, the second rows, the others
//!    planes. One of another kind is channels; several of them are refused. Where no kinds are said, a first axis of 1
//!    to 4 is channels, as in NPY.
//! 3. Fields come in any order. Only the encoding `raw` is edited.
//!
//! Source: "Definition of NRRD File Format", <https://teem.sourceforge.net/nrrd/format.html>.

use super::array::{ArrayHeader, Data};
use super::axes::MAX_AXES;
use super::found::Wrong;
use super::key_value::{KeyValues, Line};
use super::{Axes, shorten};
use crate::pixel::{ByteOrder, Channels, Sample};

/// A longer header is none.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// What the head of an NRRD file says.
pub(super) fn read(head: &[u8]) -> Result<ArrayHeader, Wrong> {
    let magic = head.get(..8).ok_or_else(|| Wrong::cut_short("its header"))?;
    if !matches!(magic[7], b'1'..=b'5') {
        return Err(Wrong::file(format!(
            "its version is {}, and NRRD0001 to NRRD0005 are known",
            shorten(&String::from_utf8_lossy(magic))
        )));
    }
    let head = &head[..head.len().min(MAX_HEADER_BYTES)];
    let fields = KeyValues::parse(head, 0, line)?;
    // What follows a list of files is no header any more.
    let data = data(&fields)?;
    let sample = sample(fields.needed("type")?)?;
    match fields.needed("encoding")?.to_ascii_lowercase().as_str() {
        "raw" => {}
        "gz" | "gzip" | "bz2" | "bzip2" | "zrl" => {
            return Err(Wrong::file(
                "its samples are compressed; write it anew with the encoding raw (pynrrd.write(.., header={'encoding': \
                 'raw'}), unu save -e raw)",
            ));
        }
        other => {
            return Err(Wrong::file(format!(
                "its encoding is {}, and only raw can be edited",
                shorten(other)
            )));
        }
    }
    let order = match fields.text(&["endian"]).map(str::to_ascii_lowercase).as_deref() {
        Some("little") => ByteOrder::Little,
        Some("big") => ByteOrder::Big,
        Some(other) => return Err(Wrong::file(format!("its header says endian {}", shorten(other)))),
        None => return Err(Wrong::file("its header does not say 'endian'")),
    };
    let sizes = fields.numbers("sizes")?;
    let dimension = fields.numbers("dimension")?;
    if dimension != [sizes.len() as u64] {
        return Err(Wrong::file(format!(
            "its header says dimension {}, but {} sizes",
            shorten(fields.needed("dimension")?),
            sizes.len()
        )));
    }
    let (axes, channels) = kinds(&sizes, fields.text(&["kinds"]))?;
    Ok(ArrayHeader {
        sample,
        order,
        channels,
        shape: sizes.into_iter().rev().collect(),
        axes,
        data,
    })
}

/// One line of the header.
fn line(text: &str) -> Result<Line<'_>, Wrong> {
    if text.is_empty() {
        return Ok(Line::End);
    }
    if text.starts_with('#') || text.starts_with("NRRD000") {
        return Ok(Line::Skip);
    }
    let wrong = || {
        Wrong::file(format!(
            "the line '{}' of its header is no 'field: value'",
            shorten(text)
        ))
    };
    let (key, value) = text.split_once(':').ok_or_else(wrong)?;
    // A key of the user's own.
    if value.starts_with('=') {
        return Ok(Line::Skip);
    }
    match value.split_whitespace().next() {
        // What follows are names of files.
        Some("LIST") if is_data_file(key) => Ok(Line::Last(key, value)),
        _ => Ok(Line::Pair(key, value)),
    }
}

fn is_data_file(key: &str) -> bool {
    ["data file", "datafile"]
        .iter()
        .any(|name| key.eq_ignore_ascii_case(name))
}

/// The samples of a type.
fn sample(name: &str) -> Result<Sample, Wrong> {
    let words: Vec<&str> = name.split_whitespace().collect();
    match words.join(" ").to_ascii_lowercase().as_str() {
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Ok(Sample::I16),
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Ok(Sample::U16),
        _ => Err(Wrong::file(format!(
            "its samples are of type '{}', and only short and unsigned short can be edited",
            shorten(name)
        ))),
    }
}

/// Where the samples lie.
fn data(fields: &KeyValues) -> Result<Data, Wrong> {
    let lines = fields.skip(&["line skip", "lineskip"])?;
    if lines != Some(0) {
        return Err(Wrong::file(
            "lines are to be skipped before its samples (line skip), which is not known here; say byte skip",
        ));
    }
    let skip = fields.skip(&["byte skip", "byteskip"])?;
    match fields.text(&["data file", "datafile"]) {
        Some(name) if name.split_whitespace().next() == Some("LIST") || name.contains('%') => {
            Err(Wrong::file(format!(
                "its samples lie in several files (data file: {}), and only one can be edited",
                shorten(name)
            )))
        }
        Some(name) => Ok(Data::File {
            name: name.to_owned(),
            skip,
        }),
        None => {
            let end = fields.end.ok_or_else(|| {
                Wrong::file(format!(
                    "its header does not end within {MAX_HEADER_BYTES} bytes, or names no data file; it is cut short"
                ))
            })?;
            let skip = skip.ok_or_else(|| Wrong::file("its header says byte skip -1, which is for data files"))?;
            let offset = (end as u64).checked_add(skip);
            offset
                .map(Data::Behind)
                .ok_or_else(|| Wrong::file(format!("its header says byte skip {skip}, more than a file can hold")))
        }
    }
}

/// What the axes count, and what the channels mean, as far as that is said.
fn kinds(sizes: &[u64], kinds: Option<&str>) -> Result<(Option<Axes>, Option<Channels>), Wrong> {
    let Some(kinds) = kinds else {
        return Ok((None, None));
    };
    let words: Vec<String> = kinds.split_whitespace().map(str::to_ascii_lowercase).collect();
    if words.len() != sizes.len() {
        return Err(Wrong::file(format!(
            "its header says {} kinds, but {} sizes",
            words.len(),
            sizes.len()
        )));
    }
    let is_open = |word: &String| ["none", "???"].contains(&word.as_str());
    // Of one axis nobody asks what it counts, and of too many neither.
    if words.iter().all(is_open) || !(2..=MAX_AXES).contains(&sizes.len()) {
        return Ok((None, None));
    }
    let is_place = |word: &String| is_open(word) || ["domain", "space", "time"].contains(&word.as_str());
    let values: Vec<usize> = (0..words.len()).filter(|&axis| !is_place(&words[axis])).collect();
    if values.len() > 1 {
        return Err(Wrong::file(format!(
            "its header says kinds {}, several axes of which are no places; one at most can be channels",
            shorten(kinds)
        )));
    }
    let mut places = "xyzzz".chars();
    let mut letters: Vec<char> = (0..words.len())
        .map(|axis| {
            if values.contains(&axis) {
                'c'
            } else {
                places.next().unwrap_or('z')
            }
        })
        .collect();
    letters.reverse();
    let letters: String = letters.into_iter().collect();
    if letters.contains("zcz") {
        return Err(Wrong::file(format!(
            "its header says kinds {}; planes that channels lie between cannot be edited",
            shorten(kinds)
        )));
    }
    let axes = letters.parse().map_err(|_| {
        Wrong::file(format!(
            "its header says kinds {}, and an image has columns and rows",
            shorten(kinds)
        ))
    })?;
    let channels = values
        .first()
        .and_then(|&axis| match (words[axis].as_str(), sizes[axis]) {
            ("rgb-color", 3) => Some(Channels::RGB),
            ("rgba-color", 4) => Some(Channels::RGBA),
            (_, count) => Channels::bands(count, false),
        });
    Ok((Some(axes), channels))
}

#[cfg(test)]
mod tests;
