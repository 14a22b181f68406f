//! Where the samples of an image lie in its file: a strided array, divided into tiles.
//!
//! A [`Layout`] is all that the rest of the program knows of a file format. Positions are bytes from the start of the
//! file and may be odd: a text header can have any length. What of the samples is meant is a [`Part`];
//! [`Layout::window`] makes the bytes of it that a job edits, [`Layout::tiles`] the tiles in which it lies for those
//! who look at pixels.
//!
//! ```text
//!                                            bytes to the next channel, column, row    (n channels, w x h pixels)
//! raw, BIP, PNM, farbfeld, chunky TIFF       2         2n       2nw
//! BSQ, planar TIFF                           2wh       2        2w
//! BIL                                        2w        2        2wn
//! NPY in Fortran order (h, w)                          2h       2
//! ```
//!
//! 1. A `Layout` that exists has at least one sample, no two samples share a byte, and it ends at or before
//!    [`MAX_FILE_BYTES`]: whoever holds one may add and multiply its numbers without looking.
//! 2. *Lanes* are the samples that lie side by side within the step from one column (or row, where that is shorter) to
//!    the next: the channels of a pixel, or planes. A job edits all samples of a row of bytes, or those of some lanes.

mod run;
mod tiles;

use std::ops::Range;
use std::sync::Arc;

pub use self::tiles::{Lane, Lanes, Tile};

use crate::error::{Choice, Text, text};
use crate::pixel::{ChannelSet, PixelFormat, SAMPLE_BYTES};
pub use crate::window::MAX_FILE_BYTES;
use crate::window::Window;

/// Bytes from a sample to the next one along each axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// From channel to channel of a pixel.
    pub channel: u64,
    /// From column to column.
    pub column: u64,
    /// From row to row.
    pub row: u64,
    /// From plane to plane.
    pub plane: u64,
}

/// Where the samples begin.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Starts {
    /// All lie in one strided array from here on.
    One(u64),
    /// Each tile begins somewhere: plane by plane, if channels lie apart channel by channel, row by row of tiles.
    Table(Arc<[u64]>),
}

/// Where the samples of an image lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    format: PixelFormat,
    width: u64,
    height: u64,
    planes: u64,
    /// False for a run of pixels whose width nobody knows: then it is one row.
    has_rows: bool,
    /// Width and height of a tile; the whole plane where there are none.
    tile: (u64, u64),
    step: Step,
    starts: Starts,
}

/// Which samples of an image are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The columns.
    pub columns: Range<u64>,
    /// The rows.
    pub rows: Range<u64>,
    /// The planes.
    pub planes: Range<u64>,
    /// The channels.
    pub channels: ChannelSet,
}

impl Part {
    /// Pixels that it has samples of.
    pub fn pixels(&self) -> u64 {
        [&self.columns, &self.rows, &self.planes]
            .iter()
            .map(|range| range.end - range.start)
            .product()
    }
}

impl Layout {
    /// An image of `width` x `height` pixels, one after another, whose first byte is at `data_offset`.
    ///
    /// # Errors
    /// A message for the user, if a side is 0 or the image would end past [`MAX_FILE_BYTES`].
    pub fn new(data_offset: u64, width: u64, height: u64, format: PixelFormat) -> Result<Layout, String> {
        let pixel_bytes = format.pixel_bytes();
        let step = Step {
            channel: SAMPLE_BYTES as u64,
            column: pixel_bytes,
            row: pixel_bytes.saturating_mul(width),
            plane: pixel_bytes.saturating_mul(width).saturating_mul(height),
        };
        Layout::strided(data_offset, (width, height, 1), format, step)
    }

    /// A run of `pixels` pixels whose width nobody knows: enough for edits of the whole or of a run.
    ///
    /// # Errors
    /// As for [`Layout::new`].
    pub fn run(data_offset: u64, pixels: u64, format: PixelFormat) -> Result<Layout, String> {
        if pixels == 0 {
            return Err("0 pixels are no image".to_owned());
        }
        let layout = Layout::new(data_offset, pixels, 1, format).map_err(|_| {
            format!("{pixels} pixels from byte {data_offset} on are more than a file can hold ({MAX_FILE_BYTES} bytes)")
        })?;
        Ok(Layout {
            has_rows: false,
            ..layout
        })
    }

    /// An image of width x height pixels in so many planes, in one strided array from `data_offset` on.
    ///
    /// # Errors
    /// A message for the user, if a side is 0, samples would share bytes, or it would end past [`MAX_FILE_BYTES`].
    pub fn strided(
        data_offset: u64,
        (width, height, planes): (u64, u64, u64),
        format: PixelFormat,
        step: Step,
    ) -> Result<Layout, String> {
        if width == 0 || height == 0 || planes == 0 {
            let more = if planes == 1 {
                String::new()
            } else {
                format!("x{planes}")
            };
            return Err(format!(
                "{width}x{height}{more} is no size; each side must be at least 1 pixel"
            ));
        }
        let layout = Layout {
            format,
            width,
            height,
            planes,
            has_rows: true,
            tile: (width, height),
            step,
            starts: Starts::One(data_offset),
        };
        if !layout.lanes_are_full() {
            return Err("its samples lie with gaps between them, which cannot be edited in place".to_owned());
        }
        match layout.array_bytes().and_then(|bytes| bytes.checked_add(data_offset)) {
            Some(end) if end <= MAX_FILE_BYTES => Ok(layout),
            _ => Err(format!(
                "{width}x{height} pixels of {} bytes from byte {data_offset} on are more than a file can hold \
                 ({MAX_FILE_BYTES} bytes)",
                format.pixel_bytes(),
            )),
        }
    }

    /// An image in tiles of `tile` width and height, each of which begins at its place in `starts`: plane by plane,
    /// channel by channel if these lie apart (a `step` to the next channel that is not that of samples side by side
    /// counts for nothing then), row by row of tiles. `step` is that within a tile. What sticks out of the image is
    /// padding.
    ///
    /// # Errors
    /// A message for the user: as for [`Layout::strided`]; and if `starts` are too few or too many, or tiles share
    /// bytes.
    pub fn tiled(
        (width, height, planes): (u64, u64, u64),
        format: PixelFormat,
        tile: (u64, u64),
        step: Step,
        starts: Arc<[u64]>,
    ) -> Result<Layout, String> {
        let first = starts.first().copied().unwrap_or(0);
        // The sides alone; a whole image need not fit in one array.
        Layout::strided(first, (tile.0, tile.1, 1), format, step)?;
        if width == 0 || height == 0 || planes == 0 {
            return Err(format!(
                "{width}x{height} is no size; each side must be at least 1 pixel"
            ));
        }
        let layout = Layout {
            format,
            width,
            height,
            planes,
            has_rows: true,
            tile,
            step,
            starts: Starts::Table(starts),
        };
        layout.check_tiles()?;
        Ok(layout)
    }

    /// What a pixel looks like.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Pixels in a row, if known.
    pub fn width(&self) -> Option<u64> {
        self.has_rows.then_some(self.width)
    }

    /// Rows, if the width is known.
    pub fn height(&self) -> Option<u64> {
        self.has_rows.then_some(self.height)
    }

    /// Planes: slices of a volume, moments, wavelengths; 1 for an ordinary image.
    pub fn planes(&self) -> u64 {
        self.planes
    }

    /// Bytes from sample to sample, within a tile where there are tiles.
    pub fn step(&self) -> Step {
        self.step
    }

    /// Width and height of a tile, if the image is divided into tiles.
    pub fn tile(&self) -> Option<(u64, u64)> {
        matches!(self.starts, Starts::Table(_)).then_some(self.tile)
    }

    /// Pixels in the whole image.
    pub fn pixels(&self) -> u64 {
        self.width * self.height * self.planes
    }

    /// Bytes from the start of the file to the first sample.
    pub fn data_offset(&self) -> u64 {
        match &self.starts {
            Starts::One(start) => *start,
            Starts::Table(starts) => starts.iter().copied().min().unwrap_or(0),
        }
    }

    /// Bytes of all samples together.
    pub fn data_bytes(&self) -> u64 {
        self.pixels() * self.format.pixel_bytes()
    }

    /// The smallest range of the file that holds all samples.
    pub fn data(&self) -> Range<u64> {
        let start = self.data_offset();
        match &self.starts {
            Starts::One(_) => start..start + self.array_bytes().unwrap_or(0),
            Starts::Table(starts) => start..self.ends_of(starts).max().unwrap_or(start),
        }
    }

    /// True if the samples fill one range of the file, pixel after pixel: then a part can be named by bytes.
    pub fn is_one_run(&self) -> bool {
        let pixel_bytes = self.format.pixel_bytes();
        let is_chunky = self.lanes() == self.format.channels.count() as u64 && self.step.column == pixel_bytes;
        is_chunky
            && !self.is_transposed()
            && self.tile().is_none()
            && self.data().end - self.data().start == self.data_bytes()
    }

    /// The whole image, all channels.
    pub fn whole(&self) -> Part {
        Part {
            columns: 0..self.width,
            rows: 0..self.height,
            planes: 0..self.planes,
            channels: ChannelSet::all(self.format.channels.count()),
        }
    }

    /// The whole image, all channels but alpha.
    pub fn colors(&self) -> Part {
        Part {
            channels: self.format.channels.color(),
            ..self.whole()
        }
    }

    /// The rectangle of `width` x `height` pixels whose left upper pixel is at column `x`, row `y`, in all planes and
    /// channels.
    ///
    /// # Errors
    /// A message for the user, if the image's width is not known, or the rectangle is empty or reaches outside.
    pub fn rect(&self, x: u64, y: u64, width: u64, height: u64) -> Result<Part, Text> {
        if !self.has_rows {
            return Err(text![
                "a rectangle needs the image's width; give ",
                Choice::Size,
                " WIDTHxHEIGHT or write a header"
            ]);
        }
        if width == 0 || height == 0 {
            return Err(
                format!("the rectangle of {width}x{height} pixels is empty; both sides must be at least 1").into(),
            );
        }
        let inside = |at: u64, length: u64, side: u64| at.checked_add(length).is_some_and(|end| end <= side);
        if !inside(x, width, self.width) || !inside(y, height, self.height) {
            let (columns, rows) = (self.width, self.height);
            return Err(format!(
                "the rectangle of {width}x{height} pixels at {x},{y} reaches outside the image of {columns}x{rows} pixels"
            )
            .into());
        }
        Ok(Part {
            columns: x..x + width,
            rows: y..y + height,
            ..self.whole()
        })
    }

    /// A part in a few words, without its channels.
    pub fn describe(&self, part: &Part) -> String {
        let (columns, rows) = (&part.columns, &part.rows);
        let whole = self.whole();
        let (width, height) = (columns.end - columns.start, rows.end - rows.start);
        let area = if (columns, rows) == (&whole.columns, &whole.rows) {
            "the whole image".to_owned()
        } else {
            format!("the {width}x{height} pixels at {},{}", columns.start, rows.start)
        };
        match (part.planes.start + 1, part.planes.end) {
            _ if part.planes == whole.planes => area,
            (first, last) if first == last => format!("{area}, plane {first}"),
            (first, last) => format!("{area}, planes {first}-{last}"),
        }
    }

    /// The bytes of a part, and which lanes of them are of it.
    ///
    /// # Errors
    /// A message for the user, if it lies in too many places.
    pub fn window(&self, part: &Part) -> Result<(Window, ChannelSet), String> {
        let window = Window::of(self.blocks(part))?;
        Ok((window, self.lanes_of(part).as_lanes()))
    }
}

#[cfg(test)]
mod tests;
