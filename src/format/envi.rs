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
//! ```
//!
//! Read as real programs write it: keys in any case and order, values in braces over several lines, comments, unknown
//! keys, either line end, a byte-order mark. What Pagelight cannot edit (`bil` and `bsq`, more than four bands, data
//! types other than 2 and 12, compressed files) is refused with the numbers and with what can be edited. Source of the
//! format: NV5's "ENVI Header Files", and the reader in GDAL's `envidataset.cpp`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::pixel::{ByteOrder, Channels, PixelFormat, Sample};

/// Headers are text of a few kilobytes; whatever is larger than this is something else.
const MAX_HEADER_BYTES: u64 = 1 << 20;

const SUPPORTED: &str = "supported are 1 to 4 bands, interleave bip, data types 12 (unsigned) and 2 (signed 16-bit)";

/// What a header says of its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Pixels in a row.
    pub width: u64,
    /// Rows.
    pub height: u64,
    /// Bytes before the first pixel.
    pub data_offset: u64,
    /// What a pixel looks like.
    pub format: PixelFormat,
    /// The bands' names, if the header has them.
    pub band_names: Vec<String>,
}

impl Header {
    /// True if there are two or four bands of which nobody said what they mean.
    pub fn unnamed_bands(&self) -> bool {
        self.band_names.is_empty() && matches!(self.format.channels, Channels::TwoBands | Channels::FourBands)
    }

    /// The header of an image of `format` that `create` or `import` writes.
    pub fn new(width: u64, height: u64, format: PixelFormat) -> Header {
        let names: &[&str] = match format.channels {
            Channels::Gray => &["Gray"],
            Channels::GrayAlpha => &["Gray", "Alpha"],
            Channels::Rgb => &["Red", "Green", "Blue"],
            Channels::Rgba => &["Red", "Green", "Blue", "Alpha"],
            // A name would say that the last one is alpha, or that it is not.
            Channels::TwoBands | Channels::FourBands => &[],
        };
        Header {
            width,
            height,
            data_offset: 0,
            format,
            band_names: names.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    /// The text of the header.
    pub fn to_text(&self) -> String {
        let data_type = match self.format.sample {
            Sample::U16 => 12,
            Sample::I16 => 2,
        };
        let byte_order = match self.format.order {
            ByteOrder::Little => 0,
            ByteOrder::Big => 1,
        };
        let mut text = format!(
            "ENVI\nsamples = {}\nlines = {}\nbands = {}\nheader offset = {}\nfile type = ENVI Standard\n\
             data type = {data_type}\ninterleave = bip\nbyte order = {byte_order}\n",
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
    pub fn parse(text: &str) -> std::result::Result<Header, String> {
        let fields = Fields::parse(text)?;
        if fields.number("file compression")?.unwrap_or(0) != 0 {
            return Err("the image is compressed, and only plain pixels can be edited in place".to_owned());
        }
        let bands = fields.needed("bands")?;
        let interleave = fields.text("interleave").unwrap_or("bip").to_ascii_lowercase();
        // A single band lies the same in all three.
        if interleave != "bip" && bands != 1 {
            return Err(format!("interleave = {interleave} with {bands} bands; {SUPPORTED}"));
        }
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
        let band_names = fields.list("band names");
        if !band_names.is_empty() && band_names.len() as u64 != bands {
            return Err(format!(
                "bands = {bands}, but there are {} band names",
                band_names.len()
            ));
        }
        let last_is_alpha = band_names.last().is_some_and(|name| name.eq_ignore_ascii_case("alpha"));
        let channels = match (bands, last_is_alpha) {
            (1, _) => Channels::Gray,
            (2, true) => Channels::GrayAlpha,
            (2, false) => Channels::TwoBands,
            (3, _) => Channels::Rgb,
            (4, true) => Channels::Rgba,
            (4, false) => Channels::FourBands,
            _ => return Err(format!("bands = {bands}; {SUPPORTED}")),
        };
        Ok(Header {
            width: fields.needed("samples")?,
            height: fields.needed("lines")?,
            data_offset: fields.number("header offset")?.unwrap_or(0),
            format: PixelFormat {
                channels,
                sample,
                order,
            },
            band_names,
        })
    }
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
pub fn find(path: &Path) -> Result<Option<(PathBuf, Header)>> {
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

fn read(path: &Path) -> Result<Header> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_HEADER_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| Error::io("read", path, error))?;
    let refuse = |why: String| {
        Error::unfit(
            path,
            format!("{why}; correct the header, or move it away and say --size, --pixel and --data-offset"),
        )
    };
    if bytes.len() as u64 > MAX_HEADER_BYTES {
        return Err(refuse(format!(
            "is larger than {MAX_HEADER_BYTES} bytes, so no ENVI header"
        )));
    }
    // Names of places are in whatever encoding their writer had; the keys that count are ASCII.
    Header::parse(&String::from_utf8_lossy(&bytes)).map_err(refuse)
}

/// The `key = value` pairs of a header; keys in lower case.
struct Fields(HashMap<String, String>);

impl Fields {
    fn parse(text: &str) -> std::result::Result<Fields, String> {
        let mut lines = text.trim_start_matches('\u{feff}').lines();
        if lines.next().map(str::trim) != Some("ENVI") {
            return Err("does not begin with the word ENVI, so is no ENVI header".to_owned());
        }
        let mut fields = HashMap::new();
        while let Some(line) = lines.next() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(';') {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                return Err(format!("the line '{}' is no 'key = value'", shorten(line)));
            };
            let key = key
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_ascii_lowercase();
            let mut value = value.trim().to_owned();
            while value.starts_with('{') && !value.contains('}') {
                let Some(more) = lines.next() else {
                    return Err(format!("ends within the braces of '{key}'; it is truncated"));
                };
                if !more.trim_start().starts_with(';') {
                    value.push(' ');
                    value.push_str(more.trim());
                }
            }
            if let Some(first) = fields.insert(key.clone(), value.clone())
                && first != value
            {
                return Err(format!(
                    "says '{key}' twice, {} and {}",
                    shorten(&first),
                    shorten(&value)
                ));
            }
        }
        Ok(Fields(fields))
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn number(&self, key: &str) -> std::result::Result<Option<u64>, String> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        let number = text
            .parse()
            .map_err(|_| format!("{key} = {} is no whole number", shorten(text)))?;
        Ok(Some(number))
    }

    fn needed(&self, key: &str) -> std::result::Result<u64, String> {
        self.number(key)?
            .ok_or_else(|| format!("does not say '{key}'; it is truncated or no image's header"))
    }

    /// The values between braces, without empty ones.
    fn list(&self, key: &str) -> Vec<String> {
        let inside = self.text(key).unwrap_or_default().trim_start_matches('{');
        let inside = inside.split('}').next().unwrap_or_default();
        let values = inside.split(',').map(|value| value.trim().to_owned());
        values.filter(|value| !value.is_empty()).collect()
    }
}

/// The start of a text that came from a file, fit for a message of one line.
fn shorten(text: &str) -> String {
    text.chars()
        .take(40)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
