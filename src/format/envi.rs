//! ENVI headers: the `.hdr` text file beside a raw image, which QGIS, GDAL and ENVI read.
//!
//! ```text
//! ENVI
//! samples = 40000
//! lines = 30000
//! bands = 4
//! header offset = 0
//! data type = 12
//! interleave = bip
//! byte order = 0
//! band names = {Red, Green, Blue, Alpha}
//! data ignore value = 0
//! ```
//!
//! Read as real programs write it: keys in any case and order, values in braces over several lines, comments, unknown
//! keys, either line end, a byte-order mark. What Pagelight cannot edit (data types other than 2 and 12, compressed
//! files, frames with bytes between them) is refused with the numbers and with what can be edited. Source of the
//! format: NV5's "ENVI Header Files", and the reader in GDAL's `envidataset.cpp`.
//!
//! 1. What a band means is said by its name or not at all: nobody calls a near-infrared band alpha, or a blue one red.
//!    Three bands are red, green and blue only by these names in this order; the last one is alpha only if it is called
//!    so.
//! 2. Several bands without `interleave` are refused. GDAL takes them for bsq, others for bip; the two put a pixel's
//!    samples in different places.

mod fields;

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use self::fields::Fields;
use crate::error::{Choice, Error, Result, text};
use crate::format::shorten;
use crate::layout::{Layout, Step};
use crate::os::regular;
use crate::pixel::{ByteOrder, Channels, PixelFormat, SAMPLE_BYTES, Sample};

/// Headers are text of a few kilobytes; whatever is larger than this is something else.
const MAX_HEADER_BYTES: u64 = 1 << 20;

const SUPPORTED: &str = "supported are 1 to 65535 bands, interleave bip, bil and bsq, data types 12 (unsigned) and 2 (signed \
                         16-bit)";

/// How the samples of several bands lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interleave {
    /// By pixel: the bands of a pixel side by side.
    Bip,
    /// By line: a row of the first band, the same row of the second one.
    Bil,
    /// Band sequential: all of the first band, then all of the second one.
    Bsq,
}

/// What a header says of its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnviHeader {
    /// Pixels in a row.
    pub width: u64,
    /// Rows.
    pub height: u64,
    /// Bytes before the first pixel.
    pub data_offset: u64,
    /// What a pixel looks like.
    pub format: PixelFormat,
    /// How its bands lie.
    pub interleave: Interleave,
    /// The bands' names, if the header has them.
    pub band_names: Vec<String>,
    /// The value of samples that mean nothing, if it is a whole number; it may be outside the samples' range.
    pub nodata: Option<i32>,
}

impl EnviHeader {
    /// The header of an image of `format` that `create` or `import` writes.
    pub fn new(width: u64, height: u64, format: PixelFormat) -> EnviHeader {
        let channels = format.channels;
        // A name would say that the last band is alpha, or that it is not.
        let is_said = channels.has_alpha() || !channels.are_bands();
        EnviHeader {
            width,
            height,
            data_offset: 0,
            format,
            interleave: Interleave::Bip,
            band_names: channels
                .names()
                .iter()
                .filter(|_| is_said)
                .map(|name| capitalised(name))
                .collect(),
            nodata: None,
        }
    }

    /// Where the samples lie in an image of this header, if its size, its offset and its pixels are these.
    ///
    /// # Errors
    /// As for [`Layout::strided`].
    pub fn layout_of(
        &self,
        data_offset: u64,
        (width, height): (u64, u64),
        format: PixelFormat,
    ) -> std::result::Result<Layout, String> {
        let bands = format.channels.count() as u64;
        let sample = SAMPLE_BYTES as u64;
        let band_row = width.saturating_mul(sample);
        let rows = band_row.saturating_mul(bands);
        let (channel, row) = match self.interleave {
            // One band lies alike in all three; so does one column or one pixel of several.
            Interleave::Bil if bands > 1 && width > 1 => (band_row, rows),
            Interleave::Bsq if bands > 1 && width.max(height) > 1 => (band_row.saturating_mul(height), band_row),
            _ => return Layout::new(data_offset, width, height, format),
        };
        let step = Step {
            channel,
            column: sample,
            row,
            plane: rows.saturating_mul(height),
        };
        Layout::strided(data_offset, (width, height, 1), format, step)
    }

    /// Where the samples lie.
    ///
    /// # Errors
    /// As for [`Layout::strided`].
    pub fn layout(&self) -> std::result::Result<Layout, String> {
        self.layout_of(self.data_offset, (self.width, self.height), self.format)
    }

    /// The text of the header.
    pub fn to_text(&self) -> String {
        let data_type = match self.format.sample {
            Sample::U16 => 12,
            // These bits are signed numbers; that 32768 is to be added cannot be said.
            Sample::I16 | Sample::U16Flipped => 2,
        };
        let byte_order = match self.format.order {
            ByteOrder::Little => 0,
            ByteOrder::Big => 1,
        };
        let interleave = match self.interleave {
            Interleave::Bip => "bip",
            Interleave::Bil => "bil",
            Interleave::Bsq => "bsq",
        };
        let mut text = format!(
            "ENVI\nsamples = {}\nlines = {}\nbands = {}\nheader offset = {}\nfile type = ENVI Standard\n\
             data type = {data_type}\ninterleave = {interleave}\nbyte order = {byte_order}\n",
            self.width,
            self.height,
            self.format.channels.count(),
            self.data_offset,
        );
        if !self.band_names.is_empty() {
            text += &format!("band names = {{{}}}\n", self.band_names.join(", "));
        }
        text
    }

    /// Reads the text of a header.
    ///
    /// # Errors
    /// A message for the user: what is missing, wrong or not supported.
    pub fn parse(text: &str) -> std::result::Result<EnviHeader, String> {
        let fields = Fields::parse(text)?;
        if fields.number("file compression")?.unwrap_or(0) != 0 {
            return Err("the image is compressed, and only plain pixels can be edited in place".to_owned());
        }
        for key in ["major frame offsets", "minor frame offsets"] {
            if let Some(offset) = fields.list(key).iter().find(|offset| offset.parse() != Ok(0.0)) {
                return Err(format!(
                    "{key} = {}; frames with bytes between them cannot be edited in place",
                    shorten(offset)
                ));
            }
        }
        let bands = fields.needed("bands")?;
        let sample = match fields.needed("data type")? {
            12 => Sample::U16,
            2 => Sample::I16,
            other => return Err(format!("data type = {other}; {SUPPORTED}")),
        };
        let order = match fields.number("byte order")?.unwrap_or(0) {
            0 => ByteOrder::Little,
            1 => ByteOrder::Big,
            other => return Err(format!("byte order = {other}; 0 means little endian and 1 big endian")),
        };
        // Names are shown on terminals.
        let plain = |name: &String| name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let band_names: Vec<String> = fields.list("band names").iter().map(plain).collect();
        if !band_names.is_empty() && band_names.len() as u64 != bands {
            return Err(format!(
                "bands = {bands}, but there are {} band names",
                band_names.len()
            ));
        }
        let channels = channels(bands, &band_names).ok_or_else(|| format!("bands = {bands}; {SUPPORTED}"))?;
        Ok(EnviHeader {
            width: fields.needed("samples")?,
            height: fields.needed("lines")?,
            data_offset: fields.number("header offset")?.unwrap_or(0),
            format: PixelFormat {
                channels,
                sample,
                order,
            },
            interleave: interleave(&fields, bands)?,
            band_names,
            nodata: nodata(&fields)?,
        })
    }
}

/// What so many bands of these names are, or of no names; `None` if there are none or too many.
fn channels(bands: u64, names: &[String]) -> Option<Channels> {
    let are = |known: Channels| {
        let known = known.names();
        known.len() == names.len() && known.iter().zip(names).all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    if let Some(known) = [Channels::RGB, Channels::RGBA].into_iter().find(|known| are(*known)) {
        return Some(known);
    }
    let last_is_alpha = names.last().is_some_and(|name| name.eq_ignore_ascii_case("alpha"));
    Channels::bands(bands, last_is_alpha && bands > 1)
}

/// How the bands lie.
fn interleave(fields: &Fields, bands: u64) -> std::result::Result<Interleave, String> {
    let said = fields.text("interleave").map(str::to_ascii_lowercase);
    match said.as_deref() {
        Some("bip") => Ok(Interleave::Bip),
        Some("bil") => Ok(Interleave::Bil),
        Some("bsq") => Ok(Interleave::Bsq),
        // A single band lies the same in all three.
        _ if bands == 1 => Ok(Interleave::Bip),
        Some(other) => Err(format!(
            "interleave = {} with {bands} bands; {SUPPORTED}",
            shorten(other)
        )),
        None => Err(format!(
            "does not say 'interleave', and {bands} bands lie one way in bip, another in bil and in bsq"
        )),
    }
}

/// The declared value of samples that mean nothing. What is not whole or too large for any sample declares nothing.
fn nodata(fields: &Fields) -> std::result::Result<Option<i32>, String> {
    let Some(text) = fields.text("data ignore value").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let value: f64 = text
        .parse()
        .map_err(|_| format!("data ignore value = {} is no number", shorten(text)))?;
    let is_whole = value.fract() == 0.0 && value.abs() <= f64::from(u16::MAX);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
    Ok(is_whole.then_some(value as i32))
}

/// `Red` for `red`.
fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Where the header of a new image `path` is written.
pub fn path_for(path: &Path) -> PathBuf {
    path.with_extension("hdr")
}

/// The header of the image `path`, read: the one beside the file itself, where `path` is a link to it; or else the one
/// beside the link.
///
/// # Errors
/// `Unfit` if it is damaged or says what is not supported; `Io` if it cannot be read.
pub fn find(path: &Path) -> Result<Option<(PathBuf, EnviHeader)>> {
    // Only for links, so that users read the names that they wrote.
    let target = path.is_symlink().then(|| path.canonicalize().ok()).flatten();
    let beside_target = target.as_deref().and_then(header_of);
    // A link may be named as if the file were its header.
    let is_image = |header: &PathBuf| target.is_some() && header.canonicalize().ok() == target;
    let beside_link = || header_of(path).filter(|header| !is_image(header));
    let Some(header_path) = beside_target.or_else(beside_link) else {
        return Ok(None);
    };
    let header = read(&header_path)?;
    Ok(Some((header_path, header)))
}

/// Which file beside the image `path` is its header: `huge.raw.hdr` before `huge.hdr`, in lower or upper case.
pub fn header_of(path: &Path) -> Option<PathBuf> {
    for extension in [".hdr", ".HDR"] {
        let mut appended = OsString::from(path);
        appended.push(extension);
        for candidate in [PathBuf::from(appended), path.with_extension(&extension[1..])] {
            // A file that is named as if it were a header is no header of itself.
            if candidate != path && candidate.is_file() {
                return Some(candidate);
            }
        }
    }
    None
}

fn read(path: &Path) -> Result<EnviHeader> {
    let io = |error| Error::io("read", path, error);
    let refuse = |why: String| {
        let why = text![
            format!("{why}; correct the header, or move it away and say "),
            Choice::Size,
            ", ",
            Choice::Pixel,
            " and ",
            Choice::DataOffset,
        ];
        Error::unfit(path, why)
    };
    // A pipe may have been put in its place since it was found, and would be waited for.
    let Some(file) = regular::open(path).map_err(io)? else {
        return Err(refuse("is no regular file, so no ENVI header".to_owned()));
    };
    let mut bytes = Vec::new();
    file.take(MAX_HEADER_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_HEADER_BYTES {
        return Err(refuse(format!(
            "is larger than {MAX_HEADER_BYTES} bytes, so no ENVI header"
        )));
    }
    // Names of places are in whatever encoding their writer had; the keys that count are ASCII.
    EnviHeader::parse(&String::from_utf8_lossy(&bytes)).map_err(refuse)
}

#[cfg(test)]
mod tests;
