//! MetaImage, `.mha` and `.mhd`: the images of ITK, VTK and their family.
//!
//! ```text
//! ObjectType = Image
//! NDims = 3
//! BinaryData = True
//! BinaryDataByteOrderMSB = False
//! CompressedData = False
//! DimSize = 256 256 64
//! ElementNumberOfChannels = 1
//! ElementType = MET_SHORT
//! ElementDataFile = LOCAL          the samples follow; or the name of the file that has them
//! ```
//!
//! 1. The first size is that of the columns, the second that of the rows, the others are planes. The channels of a
//!    pixel lie side by side.
//! 2. `ElementDataFile` is the last line; what MetaIO ignores behind it is not looked at.
//! 3. Samples that are compressed, written out in digits or spread over several files are refused.
//!
//! Source: MetaIO's documentation, <https://itk.org/Wiki/ITK/MetaIO/Documentation>, and its `metaImage.cxx`.

use super::array::{ArrayHeader, Data};
use super::found::Wrong;
use super::key_value::{KeyValues, Line};
use super::{Axes, shorten};
use crate::pixel::{ByteOrder, Channels, MAX_CHANNELS, Sample};

/// A longer header is none.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// What the head of a MetaImage says.
pub(super) fn read(head: &[u8]) -> Result<ArrayHeader, Wrong> {
    let head = &head[..head.len().min(MAX_HEADER_BYTES)];
    let fields = KeyValues::parse(head, 0, line)?;
    let is = |key: &str, keys: &[&str]| -> Result<Option<bool>, Wrong> {
        match fields.text(keys).map(|text| text.get(..1).unwrap_or_default()) {
            None => Ok(None),
            Some("T" | "t" | "Y" | "y" | "1") => Ok(Some(true)),
            Some("F" | "f" | "N" | "n" | "0") => Ok(Some(false)),
            Some(_) => Err(Wrong::file(format!(
                "its header says {key} = {}",
                shorten(fields.text(keys).unwrap_or_default())
            ))),
        }
    };
    if is("CompressedData", &["compresseddata"])? == Some(true) {
        return Err(Wrong::file(
            "its samples are compressed; write it anew without (SimpleITK.WriteImage(.., useCompression=False))",
        ));
    }
    if is("BinaryData", &["binarydata"])? == Some(false) {
        return Err(Wrong::file(
            "its samples are written out in digits (BinaryData = False)",
        ));
    }
    let sample = match fields.needed("elementtype")? {
        "MET_SHORT" => Sample::I16,
        "MET_USHORT" => Sample::U16,
        other => {
            return Err(Wrong::file(format!(
                "its ElementType is {}, and only MET_SHORT and MET_USHORT can be edited",
                shorten(other)
            )));
        }
    };
    let orders = ["elementbyteordermsb", "binarydatabyteordermsb"];
    let said = [
        is("ElementByteOrderMSB", &orders[..1])?,
        is("BinaryDataByteOrderMSB", &orders[1..])?,
    ];
    let order = match said {
        [Some(one), Some(other)] if one != other => {
            return Err(Wrong::file("its header says one byte order and then the other"));
        }
        [Some(is_big), _] | [None, Some(is_big)] if is_big => ByteOrder::Big,
        [None, None] => return Err(Wrong::file("its header does not say 'ElementByteOrderMSB'")),
        _ => ByteOrder::Little,
    };
    let (shape, axes, channels) = shape(&fields)?;
    Ok(ArrayHeader {
        sample,
        order,
        channels: Some(channels),
        shape,
        axes: Some(axes),
        data: data(&fields)?,
    })
}

/// One line of the header.
fn line(text: &str) -> Result<Line<'_>, Wrong> {
    if text.trim().is_empty() {
        return Ok(Line::Skip);
    }
    let wrong = || {
        Wrong::file(format!(
            "the line '{}' of its header is no 'key = value'",
            shorten(text)
        ))
    };
    let (key, value) = text.split_once('=').ok_or_else(wrong)?;
    Ok(if key.trim().eq_ignore_ascii_case("ElementDataFile") {
        Line::Last(key, value)
    } else {
        Line::Pair(key, value)
    })
}

/// The sides, what they count, and what the channels mean.
fn shape(fields: &KeyValues) -> Result<(Vec<u64>, Axes, Channels), Wrong> {
    let sizes = fields.numbers("dimsize")?;
    if fields.numbers("ndims")? != [sizes.len() as u64] {
        return Err(Wrong::file(format!(
            "its header says NDims = {}, but {} numbers in DimSize",
            shorten(fields.needed("ndims")?),
            sizes.len()
        )));
    }
    let count = match fields.text(&["elementnumberofchannels"]) {
        Some(_) => fields.numbers("elementnumberofchannels")?,
        None => vec![1],
    };
    let channels = match count[..] {
        [3] => Channels::RGB,
        [count] => Channels::bands(count, false).ok_or_else(|| {
            Wrong::file(format!(
                "it has {count} channels, and 1 to {MAX_CHANNELS} can be edited"
            ))
        })?,
        _ => return Err(Wrong::file("its ElementNumberOfChannels is no number")),
    };
    let mut shape: Vec<u64> = sizes.iter().rev().copied().collect();
    // What is too much for an image is refused with the layout.
    let mut letters = "z".repeat(shape.len().saturating_sub(2)) + if shape.len() == 1 { "x" } else { "yx" };
    if channels.count() > 1 {
        shape.push(channels.count() as u64);
        letters.push('c');
        if letters == "xc" {
            letters = "yxc".to_owned();
            shape.insert(0, 1);
        }
    }
    let axes = letters.parse().ok().filter(|_| !sizes.is_empty());
    let axes = axes.ok_or_else(|| {
        Wrong::file(format!(
            "its header says {} sizes, and 1 to 4 can be edited",
            sizes.len()
        ))
    })?;
    Ok((shape, axes, channels))
}

/// Where the samples lie.
fn data(fields: &KeyValues) -> Result<Data, Wrong> {
    let name = fields.needed("elementdatafile")?;
    let skip = fields.skip(&["headersize"])?;
    if ["LOCAL", "Local", "local"].contains(&name) {
        let end = fields.end.ok_or_else(|| Wrong::cut_short("its header"))?;
        return match skip {
            Some(0) => Ok(Data::Behind(end as u64)),
            _ => Err(Wrong::file(
                "its header says HeaderSize, which is for samples in another file",
            )),
        };
    }
    let is_several = name.split_whitespace().next() == Some("LIST") || name.contains('%');
    if is_several {
        return Err(Wrong::file(format!(
            "its samples lie in several files (ElementDataFile = {}), and only one can be edited",
            shorten(name)
        )));
    }
    Ok(Data::File {
        name: name.to_owned(),
        skip,
    })
}

#[cfg(test)]
mod tests;
