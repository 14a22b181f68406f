//! One page of a TIFF: what its fields say of its pixels, or why they cannot be edited where they lie.
//!
//! 1. What is not known is refused, not skipped: an edit of samples that mean something else cannot be taken back.
//! 2. A channel is alpha if ExtraSamples says so, and never by its place.

use super::directory::{Directory, Reader};
use super::tags;
use crate::error::{Choice, Text, text};
use crate::format::found::Wrong;
use crate::pixel::{Channels, PixelFormat, Sample};

/// What a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Picture,
    /// A smaller copy of the picture before it.
    Reduced,
    /// Which pixels of another page count.
    Mask,
}

/// How pixels lie that can be edited. Pages of which all of this is alike are planes of one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) format: PixelFormat,
    /// Channels lie apart.
    pub(super) is_planar: bool,
    /// Width and height of a tile; a strip is as wide as the picture, and the last one may be lower.
    pub(super) tile: (u64, u64),
    pub(super) is_tiled: bool,
    pub(super) names: Option<Vec<String>>,
    /// The channels that are alpha.
    pub(super) alpha: Vec<usize>,
    pub(super) nodata: Option<i32>,
    /// Larger samples are darker.
    pub(super) is_ink: bool,
}

/// A page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) role: Role,
    pub(super) width: u64,
    pub(super) height: u64,
    /// Or why it cannot be edited.
    pub(super) picture: Result<Picture, Text>,
    pub(super) directory: Directory,
}

impl Page {
    pub(super) fn read(reader: &Reader<'_>, directory: Directory) -> Result<Page, Wrong> {
        let fields = Fields {
            reader,
            directory: &directory,
        };
        let of_page = |(role, width, height)| (role, width, height, Ok(()));
        let (role, width, height, sides) = match fields.sides() {
            Err(Wrong::File(why)) => (Role::Picture, 0, 0, Err(why)),
            other => of_page(other?),
        };
        let picture = match sides.map(|()| fields.picture(width, height)) {
            Err(why) | Ok(Err(Wrong::File(why))) => Err(why),
            Ok(other) => Ok(other?),
        };
        Ok(Page {
            role,
            width,
            height,
            picture,
            directory,
        })
    }
}

/// The fields of a directory.
struct Fields<'a> {
    reader: &'a Reader<'a>,
    directory: &'a Directory,
}

impl Fields<'_> {
    /// What the page is for, its width and height.
    fn sides(&self) -> Result<(Role, u64, u64), Wrong> {
        let kind = self.number(tags::NEW_SUBFILE_TYPE, 0)?;
        let old_kind = self.number(tags::SUBFILE_TYPE, 1)?;
        let role = if kind & 4 != 0 {
            Role::Mask
        } else if kind & 1 != 0 || old_kind == 2 {
            Role::Reduced
        } else {
            Role::Picture
        };
        let (width, height) = (
            self.needed(tags::WIDTH, "ImageWidth")?,
            self.needed(tags::HEIGHT, "ImageLength")?,
        );
        if width == 0 || height == 0 {
            return Err(Wrong::file(format!(
                "is {width}x{height} pixels large, and each side must be at least 1"
            )));
        }
        Ok((role, width, height))
    }

    fn picture(&self, width: u64, height: u64) -> Result<Picture, Wrong> {
        self.refuse_encoded()?;
        let samples = self.number(tags::SAMPLES, 1)?;
        self.refuse_other_widths(samples)?;
        let sample = self.sample(samples)?;
        let (colors, is_ink) = self.colors(samples)?;
        let alpha = self.alpha(samples, colors.len() as u64)?;
        let (channels, names) = channels(samples, colors, &alpha)?;
        let is_planar = match self.number(tags::PLANAR, 1)? {
            1 => false,
            2 => samples > 1,
            other => {
                return Err(Wrong::file(format!(
                    "its PlanarConfiguration is {other}; known are 1 and 2"
                )));
            }
        };
        let (tile, is_tiled) = self.tile(width, height)?;
        let format = PixelFormat {
            channels,
            sample,
            order: self.reader.order,
        };
        Ok(Picture {
            width,
            height,
            format,
            is_planar,
            tile,
            is_tiled,
            names,
            alpha: alpha
                .into_iter()
                .filter(|&channel| channel as u64 + 1 < samples)
                .collect(),
            nodata: self.nodata()?,
            is_ink,
        })
    }

    /// Refuses what does not lie in the file as plain numbers.
    fn refuse_encoded(&self) -> Result<(), Wrong> {
        let has = |tag| self.directory.entry(tag).is_some();
        if has(tags::DNG_VERSION) {
            return Err(Wrong::file("is a DNG, which has digests of its raw pixels"));
        }
        match self.number(tags::COMPRESSION, 1)? {
            1 => {}
            number => {
                let name = tags::compression(number);
                return Err(to_import(&format!("is compressed ({name})")));
            }
        }
        match self.number(tags::PREDICTOR, 1)? {
            1 => {}
            number => {
                return Err(to_import(&format!(
                    "has samples that are differences (predictor {number})"
                )));
            }
        }
        match self.number(tags::FILL_ORDER, 1)? {
            1 => {}
            number => {
                return Err(Wrong::file(format!(
                    "has the bits of its bytes turned round (FillOrder {number})"
                )));
            }
        }
        match self.number(tags::DEPTH, 1)? {
            1 => Ok(()),
            number => Err(Wrong::file(format!(
                "is a volume of {number} slices in one page (ImageDepth)"
            ))),
        }
    }

    /// Refuses samples that have not 16 bits.
    fn refuse_other_widths(&self, samples: u64) -> Result<(), Wrong> {
        if samples == 0 || samples > u64::from(u16::MAX) {
            return Err(Wrong::file(format!(
                "has {samples} samples a pixel; 1 to 65535 are possible"
            )));
        }
        let bits = match self.directory.entry(tags::BITS) {
            Some(entry) => self.reader.numbers(entry, samples)?,
            None => vec![1],
        };
        if bits.len() as u64 != samples && bits.len() != 1 {
            return Err(Wrong::file(format!(
                "has {samples} samples a pixel, but BitsPerSample for {}",
                bits.len()
            )));
        }
        match bits.iter().find(|&&bits| bits != 16) {
            None => Ok(()),
            Some(other) if bits.iter().all(|bits| bits == other) => Err(to_import(&format!(
                "has samples of {other} bits, and those of 16 are edited"
            ))),
            Some(other) => Err(Wrong::file(format!("has samples of 16 and of {other} bits"))),
        }
    }

    /// The type of the samples.
    fn sample(&self, samples: u64) -> Result<Sample, Wrong> {
        let formats = match self.directory.entry(tags::SAMPLE_FORMAT) {
            Some(entry) => self.reader.numbers(entry, samples)?,
            None => vec![1],
        };
        if formats.len() as u64 != samples && formats.len() != 1 {
            return Err(Wrong::file(format!(
                "has {samples} samples a pixel, but SampleFormat for {}",
                formats.len()
            )));
        }
        if formats.iter().any(|format| *format != formats[0]) {
            return Err(Wrong::file("has samples of several types (SampleFormat)"));
        }
        match formats[0] {
            1 => Ok(Sample::U16),
            2 => Ok(Sample::I16),
            3 => Err(to_import("has floating-point samples of 16 bits")),
            other => Err(Wrong::file(format!(
                "has samples of a type that is not edited (SampleFormat {other})"
            ))),
        }
    }

    /// What the first channels are called, and whether they are amounts of ink.
    fn colors(&self, samples: u64) -> Result<(&'static [&'static str], bool), Wrong> {
        if [tags::CFA_REPEAT, tags::CFA_PATTERN]
            .iter()
            .any(|&tag| self.directory.entry(tag).is_some())
        {
            return Err(Wrong::file("has a color filter in front of its pixels (CFA)"));
        }
        let photometric = match self.directory.entry(tags::PHOTOMETRIC) {
            Some(_) => self.number(tags::PHOTOMETRIC, 1)?,
            None => return Ok((&[], false)),
        };
        let (colors, is_ink): (&[&str], bool) = match photometric {
            0 => (&["gray"], true),
            1 => (&["gray"], false),
            2 => (&["red", "green", "blue"], false),
            5 => {
                // Other inks than these have names of their own.
                let is_cmyk = self.number(tags::INK_SET, 1)? == 1;
                (
                    if is_cmyk {
                        &["cyan", "magenta", "yellow", "black"]
                    } else {
                        &[]
                    },
                    true,
                )
            }
            3 => return Err(to_import("has colors of a palette, whose numbers are no brightness")),
            4 => return Err(Wrong::file("is a mask")),
            other => {
                let name = tags::photometric(other);
                return Err(Wrong::file(format!("has {name} pixels; gray, RGB and CMYK are edited")));
            }
        };
        if samples < colors.len() as u64 {
            return Err(Wrong::file(format!(
                "has {samples} samples a pixel, and its colors need {}",
                colors.len()
            )));
        }
        Ok((colors, is_ink))
    }

    /// The channels that are alpha.
    fn alpha(&self, samples: u64, colors: u64) -> Result<Vec<usize>, Wrong> {
        let Some(entry) = self.directory.entry(tags::EXTRA_SAMPLES) else {
            return Ok(Vec::new());
        };
        if entry.count == 0 {
            return Ok(Vec::new());
        }
        let extra = self.reader.numbers(entry, u64::from(u16::MAX))?;
        let count = extra.len() as u64;
        if count + colors.max(1) > samples {
            return Err(Wrong::file(format!(
                "has {samples} samples a pixel, {} of them colors, but {count} more by ExtraSamples",
                colors.max(1)
            )));
        }
        let first = usize::try_from(samples - count).unwrap_or(0);
        let is_alpha = |(_, kind): &(usize, &u64)| matches!(kind, 1 | 2);
        let alpha = extra.iter().enumerate().filter(is_alpha);
        Ok(alpha.map(|(place, _)| first + place).collect())
    }

    /// The size of a strip or tile, and whether it is a tile.
    fn tile(&self, width: u64, height: u64) -> Result<((u64, u64), bool), Wrong> {
        let has = |tag| self.directory.entry(tag).is_some();
        let is_tiled = [tags::TILE_WIDTH, tags::TILE_HEIGHT, tags::TILE_OFFSETS]
            .map(has)
            .contains(&true);
        if is_tiled && has(tags::STRIP_OFFSETS) {
            return Err(Wrong::file("has strips and tiles"));
        }
        let tile = if is_tiled {
            let tile_width = self.needed(tags::TILE_WIDTH, "TileWidth")?;
            (tile_width, self.needed(tags::TILE_HEIGHT, "TileLength")?)
        } else {
            (width, self.number(tags::ROWS_PER_STRIP, u64::MAX)?.min(height))
        };
        if tile.0 == 0 || tile.1 == 0 {
            return Err(Wrong::file(format!(
                "has strips or tiles of {}x{} pixels",
                tile.0, tile.1
            )));
        }
        Ok((tile, is_tiled))
    }

    /// The declared value of samples that mean nothing. What is no whole number declares nothing.
    fn nodata(&self) -> Result<Option<i32>, Wrong> {
        let Some(entry) = self.directory.entry(tags::NODATA) else {
            return Ok(None);
        };
        let value: Option<f64> = self.reader.text(entry, 64)?.parse().ok();
        let whole = value.filter(|value| value.fract() == 0.0 && value.abs() <= f64::from(u16::MAX));
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
        Ok(whole.map(|value| value as i32))
    }

    fn number(&self, tag: u16, usual: u64) -> Result<u64, Wrong> {
        Ok(self.reader.number(self.directory, tag)?.unwrap_or(usual))
    }

    fn needed(&self, tag: u16, name: &str) -> Result<u64, Wrong> {
        let number = self.reader.number(self.directory, tag)?;
        number.ok_or_else(|| Wrong::file(format!("does not say {name} (tag {tag})")))
    }
}

/// What the channels are, and what they are called.
fn channels(samples: u64, colors: &[&str], alpha: &[usize]) -> Result<(Channels, Option<Vec<String>>), Wrong> {
    let last_is_alpha = alpha.last().is_some_and(|&channel| channel as u64 + 1 == samples);
    let is_rgb = colors.len() == 3;
    let known = match (is_rgb, samples, last_is_alpha) {
        (true, 3, false) => Some(Channels::RGB),
        (true, 4, true) => Some(Channels::RGBA),
        _ => None,
    };
    let bands = || Channels::bands(samples, last_is_alpha);
    let channels = known.or_else(bands);
    let channels = channels.ok_or_else(|| Wrong::file(format!("has {samples} samples a pixel, all of them alpha")))?;
    if !channels.are_bands() || colors.len() < 3 && alpha.len() < 2 {
        return Ok((channels, None));
    }
    let mut names: Vec<String> = (1..=samples).map(|band| format!("band{band}")).collect();
    for (name, color) in names.iter_mut().zip(colors) {
        (*color).clone_into(name);
    }
    for (place, &channel) in alpha.iter().rev().enumerate() {
        names[channel] = if place == 0 {
            "alpha".to_owned()
        } else {
            format!("alpha{}", place + 1)
        };
    }
    Ok((channels, Some(names)))
}

/// A picture that can be had as an image by copying it.
fn to_import(why: &str) -> Wrong {
    Wrong::file(text![format!("{why}; "), Choice::Import, " makes an image of it"])
}
