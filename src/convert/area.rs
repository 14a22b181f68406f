//! A rectangle of one plane of an image, pixel by pixel, however its samples lie in the file.

use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::error::{Choice, Error, Result, Text, text};
use crate::layout::{Lane, Layout, Part, Tile};
use crate::map::MappedFile;
use crate::pixel::{ChannelSet, Channels, PixelFormat, SAMPLE_BYTES};

/// Where the samples of a pixel lie among so many others that they take more bytes than this, pixels are read one by
/// one, and only what is wanted of each.
const WIDE_PIXEL_BYTES: u64 = 512;
/// What the system reads of a file at least.
const PAGE_BYTES: u64 = 4096;

/// A rectangle within one plane of an image, never empty, with some of its channels.
#[derive(Clone, Debug)]
pub struct Area {
    /// Pixels in a row.
    pub width: u64,
    /// Rows.
    pub height: u64,
    /// What a pixel looks like, with the channels of this area only.
    pub format: PixelFormat,
    layout: Layout,
    part: Part,
    /// Which channels of the image, in order.
    channels: Vec<usize>,
}

impl Area {
    /// The pixels of a part.
    ///
    /// # Errors
    /// A message for the user, if the image's width is not known, or the part has more than one plane.
    pub fn of(layout: &Layout, part: &Part) -> std::result::Result<Area, Text> {
        if layout.width().is_none() {
            return Err(text![
                "a picture needs the image's width; give ",
                Choice::Size,
                " WIDTHxHEIGHT or write a header"
            ]);
        }
        let planes = part.planes.end - part.planes.start;
        if planes != 1 {
            return Err(text![
                format!("it has {planes} planes, and a picture has one; say which with "),
                Choice::Plane,
            ]);
        }
        let format = layout.format();
        Ok(Area {
            width: part.columns.end - part.columns.start,
            height: part.rows.end - part.rows.start,
            format: PixelFormat {
                channels: chosen(format.channels, &part.channels),
                ..format
            },
            layout: layout.clone(),
            channels: part.channels.iter().collect(),
            part: part.clone(),
        })
    }

    /// The same area with the channels that are shown as colors: all of them, or of bands that nobody named the first
    /// three, or the first one of two.
    pub fn as_colors(&self) -> Area {
        if !self.format.channels.are_bands() {
            return self.clone();
        }
        let (count, channels) = match self.format.channels.color_count() {
            1 | 2 => (1, Channels::GRAY),
            _ => (3, Channels::RGB),
        };
        let channels_of_image: Vec<usize> = self.channels[..count].to_vec();
        let count = self.part.channels.count();
        Area {
            format: PixelFormat {
                channels,
                ..self.format
            },
            part: Part {
                channels: ChannelSet::of(count, |channel| channels_of_image.contains(&channel)),
                ..self.part.clone()
            },
            channels: channels_of_image,
            ..self.clone()
        }
    }

    /// Bytes in a row of the area.
    pub fn row_bytes(&self) -> u64 {
        self.width * self.format.pixel_bytes()
    }

    /// Bytes of all rows together.
    pub fn bytes(&self) -> u64 {
        self.row_bytes() * self.height
    }

    /// True if a column lies in fewer places than a row does.
    pub(super) fn is_transposed(&self) -> bool {
        self.layout.is_transposed()
    }

    /// Bytes from the first to the last sample that lies side by side with a pixel's, wanted or not.
    fn lanes_bytes(&self) -> u64 {
        self.layout.lanes() * SAMPLE_BYTES as u64
    }

    /// About how many bytes of the file are read for each pixel of some that follow each other.
    pub(super) fn bytes_read_for_a_pixel(&self) -> u64 {
        match self.lanes_bytes() {
            wide if wide > WIDE_PIXEL_BYTES => PAGE_BYTES,
            bytes => bytes.max(self.format.pixel_bytes()),
        }
    }

    /// How many rows are best read at once, so that about `max_bytes` are in memory: one, or where each row is in many
    /// places, as many as are in the same ones.
    pub(super) fn rows_at_once(&self, max_bytes: u64) -> u64 {
        let rows = match (self.is_transposed(), self.layout.tile()) {
            (true, _) => self.height,
            (false, Some((_, tile_height))) => tile_height,
            (false, None) => 1,
        };
        let pixel_bytes = self.lanes_bytes().min(WIDE_PIXEL_BYTES).max(self.format.pixel_bytes());
        rows.min(max_bytes / (self.width * pixel_bytes)).max(1)
    }

    /// Reads the pixels of some rows and columns, both counted within the area, into `out`, which then has just these:
    /// row by row, the channels of a pixel side by side.
    ///
    /// # Errors
    /// `Io`, also if the file was truncated meanwhile.
    ///
    /// # Panics
    /// If they are not within the area.
    pub(super) fn read(
        &self,
        image: &MappedFile,
        rows: Range<u64>,
        columns: Range<u64>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        assert!(rows.start <= rows.end && rows.end <= self.height);
        assert!(columns.start <= columns.end && columns.end <= self.width);
        let within = |range: Range<u64>, of: &Range<u64>| of.start + range.start..of.start + range.end;
        let part = Part {
            rows: within(rows, &self.part.rows),
            columns: within(columns, &self.part.columns),
            ..self.part.clone()
        };
        let pixels = (part.rows.end - part.rows.start) * (part.columns.end - part.columns.start);
        out.resize(in_memory(pixels * self.format.pixel_bytes()), 0);
        let mut lines = Vec::new();
        for tile in self.layout.tiles(&part) {
            self.read_tile(image, &part, &tile, &mut lines, out)?;
        }
        Ok(())
    }

    /// Each lane of a tile that is wanted, and which of the area's channels it is.
    fn wanted(&self, part: &Part, tile: &Tile) -> Vec<(usize, usize)> {
        let all = self.channels.iter().copied().zip(0..);
        all.filter(|&(channel, _)| match tile.lane {
            Lane::One { channel: own, .. } | Lane::Planes { channel: own } => channel == own,
            Lane::All => true,
        })
        .map(|(channel, place)| (self.layout.lane(channel, part.planes.start), place))
        .collect()
    }

    /// Reads what a tile has of a part. `lines` is room for its bytes.
    fn read_tile(
        &self,
        image: &MappedFile,
        part: &Part,
        tile: &Tile,
        lines: &mut Vec<u8>,
        out: &mut [u8],
    ) -> Result<()> {
        let lanes = in_memory(self.layout.lanes());
        let is_as_it_lies = tile.lane == Lane::All
            && !self.is_transposed()
            && lanes == self.channels.len()
            && tile.columns == part.columns
            && part.channels.is_all();
        if is_as_it_lies {
            let first = in_memory((tile.rows.start - part.rows.start) * (part.columns.end - part.columns.start));
            let pixel_bytes = lanes * SAMPLE_BYTES;
            let out = &mut out[first * pixel_bytes..];
            return read_block(image, tile, out);
        }
        let wanted = self.wanted(part, tile);
        // Of each pixel these lanes are read.
        let (first, last) = if self.lanes_bytes() > WIDE_PIXEL_BYTES {
            let lanes = wanted.iter().map(|(lane, _)| *lane);
            (lanes.clone().min().unwrap_or(0), lanes.max().unwrap_or(0))
        } else {
            (0, lanes - 1)
        };
        let pixel_bytes = (last + 1 - first) * SAMPLE_BYTES;
        let pixels = tile.block.bytes() / self.lanes_bytes();
        lines.resize(in_memory(pixels) * pixel_bytes, 0);
        if pixel_bytes == lanes * SAMPLE_BYTES {
            read_block(image, tile, lines)?;
        } else {
            let starts = tile.block.ranges().flat_map(|line| line.step_by(lanes * SAMPLE_BYTES));
            for (start, pixel) in starts.zip(lines.chunks_exact_mut(pixel_bytes)) {
                read_at(image, start + (first * SAMPLE_BYTES) as u64, pixel)?;
            }
        }
        let (columns, rows) = (tile.columns.clone(), tile.rows.clone());
        let line_pixels = if self.is_transposed() {
            rows.end - rows.start
        } else {
            columns.end - columns.start
        };
        let row_pixels = part.columns.end - part.columns.start;
        for (line, bytes) in (0..).zip(lines.chunks_exact(in_memory(line_pixels) * pixel_bytes)) {
            for (along, pixel) in (0..).zip(bytes.chunks_exact(pixel_bytes)) {
                let (x, y) = if self.is_transposed() {
                    (line, along)
                } else {
                    (along, line)
                };
                let index = (rows.start + y - part.rows.start) * row_pixels + columns.start + x - part.columns.start;
                let target = &mut out[in_memory(index) * self.channels.len() * SAMPLE_BYTES..];
                for &(lane, place) in &wanted {
                    let sample = &pixel[(lane - first) * SAMPLE_BYTES..][..SAMPLE_BYTES];
                    target[place * SAMPLE_BYTES..][..SAMPLE_BYTES].copy_from_slice(sample);
                }
            }
        }
        Ok(())
    }
}

/// What the chosen ones of an image's channels are together.
fn chosen(channels: Channels, chosen: &ChannelSet) -> Channels {
    let has_alpha = channels.has_alpha() && chosen.contains(channels.count() - 1);
    let has_all_colors = (0..channels.color_count()).all(|channel| chosen.contains(channel));
    if has_all_colors && has_alpha == channels.has_alpha() {
        return channels;
    }
    if has_all_colors && channels == Channels::RGBA {
        return Channels::RGB;
    }
    let has_alpha = has_alpha && chosen.chosen() > 1;
    Channels::bands(chosen.chosen() as u64, has_alpha).expect("no more than the image has")
}

/// Reads a tile's bytes, row by row as they lie.
fn read_block(image: &MappedFile, tile: &Tile, out: &mut [u8]) -> Result<()> {
    let mut at = 0;
    for range in tile.block.ranges() {
        let bytes = &mut out[at..at + in_memory(range.end - range.start)];
        at += bytes.len();
        read_at(image, range.start, bytes)?;
    }
    Ok(())
}

/// Reads the bytes from `start` on.
fn read_at(image: &MappedFile, start: u64, out: &mut [u8]) -> Result<()> {
    let read = image.file().read_exact_at(out, start);
    read.map_err(|error| Error::io("read", image.path(), error))
}

/// A number of bytes or pixels that are in memory.
fn in_memory(number: u64) -> usize {
    usize::try_from(number).expect("callers read a few rows at once")
}
