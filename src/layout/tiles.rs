//! The tiles in which a part of an image lies.

use std::ops::Range;

use super::{Layout, Part, Starts};
use crate::error::Text;
use crate::pixel::{ChannelSet, SAMPLE_BYTES};
use crate::window::{self, Block, MAX_BLOCKS, Window};

/// Which samples a row of a tile's block has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Those of this channel and plane only.
    One {
        /// Which channel.
        channel: usize,
        /// Which plane.
        plane: u64,
    },
    /// Those of this channel only, of all planes in turn.
    Planes {
        /// Which channel.
        channel: usize,
    },
    /// Of all lanes in turn; [`Layout::lane`] says which one is whose.
    All,
}

/// What of a tile is in a part of an image; its samples lie in one [`Block`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Its columns in the image.
    pub columns: Range<u64>,
    /// Its rows.
    pub rows: Range<u64>,
    /// Whose samples it has.
    pub lane: Lane,
    /// Where they lie, without padding: a row of bytes for each row of pixels, or for each column where the layout is
    /// transposed.
    pub block: Block,
}

/// At most so many blocks line by line; with more, channel by channel.
const MAX_PART_BLOCKS: usize = MAX_BLOCKS / 2;

/// A window of the samples of some channels, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// Where they lie.
    pub window: Window,
    /// For each lane, the place of its channel among the chosen ones; `None` if not chosen.
    pub channels: Vec<Option<usize>>,
}

impl Lanes {
    /// Those of pixels that lie one after another.
    pub fn of_run(window: Window, channels: &ChannelSet) -> Lanes {
        let mut lanes = vec![None; channels.count()];
        for (place, channel) in channels.iter().enumerate() {
            lanes[channel] = Some(place);
        }
        Lanes {
            window,
            channels: lanes,
        }
    }
}

/// `bytes` bytes from `start` on; the layout that has them was checked.
pub(super) fn run(start: u64, bytes: u64) -> Block {
    Block::new(start, bytes, bytes, 1).expect("within a layout that was checked")
}

impl Layout {
    /// True if neighbours in a column lie nearer to each other than those in a row: a row of bytes is then a column.
    pub fn is_transposed(&self) -> bool {
        self.step.row < self.step.column
    }

    /// The number of lanes: samples from one pixel of a stored row to the next.
    pub fn lanes(&self) -> u64 {
        self.step.column.min(self.step.row) / SAMPLE_BYTES as u64
    }

    fn channels_are_lanes(&self) -> bool {
        self.step.channel < self.step.column.min(self.step.row)
    }

    fn planes_are_lanes(&self) -> bool {
        self.step.plane < self.step.column.min(self.step.row)
    }

    /// How many channels have tiles of their own.
    fn channels_apart(&self) -> u64 {
        if self.channels_are_lanes() {
            1
        } else {
            self.format.channels.count() as u64
        }
    }

    /// The planes of a part to visit one by one; only plane 0 where planes are lanes.
    fn planes_apart(&self, part: &Part) -> Range<u64> {
        if self.planes_are_lanes() {
            0..1
        } else {
            part.planes.clone()
        }
    }

    /// True if every lane is that of a channel and plane.
    pub(super) fn lanes_are_full(&self) -> bool {
        let channels = if self.channels_are_lanes() {
            self.format.channels.count() as u64
        } else {
            1
        };
        let planes = if self.planes_are_lanes() { self.planes } else { 1 };
        channels.checked_mul(planes) == Some(self.lanes())
    }

    /// The lane of a channel and plane.
    pub fn lane(&self, channel: usize, plane: u64) -> usize {
        let channel = if self.channels_are_lanes() {
            channel as u64 * self.step.channel
        } else {
            0
        };
        let plane = if self.planes_are_lanes() {
            plane * self.step.plane
        } else {
            0
        };
        usize::try_from((channel + plane) / SAMPLE_BYTES as u64).expect("lanes were counted")
    }

    /// The lanes that a part has.
    pub(super) fn lanes_of(&self, part: &Part) -> ChannelSet {
        let lanes = self.channels_of_lanes(part);
        ChannelSet::of(lanes.len(), |lane| lanes[lane].is_some())
    }

    /// The window for a function of whole pixels, and the part's lanes; of several channels each is a lane.
    ///
    /// # Errors
    /// A message for the user, if the channels of a pixel do not lie side by side, and nothing between them.
    pub fn window_of_pixels(&self, part: &Part) -> Result<(Window, ChannelSet), Text> {
        let channels = self.format.channels.count();
        let is_whole = self.lanes() == channels as u64 && self.step.channel == SAMPLE_BYTES as u64;
        if channels > 1 && !is_whole {
            return Err("a function is for pixels whose channels lie side by side, and here they lie apart".into());
        }
        Ok((Window::of(self.blocks(part))?, self.lanes_of(part)))
    }

    /// The tiles in which a part lies, each with all its samples. Where channels or planes lie side by side, a tile has
    /// all of them, whichever the part has.
    pub fn tiles(&self, part: &Part) -> impl Iterator<Item = Tile> {
        let planes = self.planes_apart(part);
        let channels: Vec<usize> = if self.channels_are_lanes() {
            vec![0]
        } else {
            part.channels.iter().collect()
        };
        let whose = move |channel, plane| match self.lanes() {
            1 => Lane::One { channel, plane },
            _ if !self.channels_are_lanes() => Lane::Planes { channel },
            _ => Lane::All,
        };
        let (tile_width, tile_height) = self.tile;
        let tile_columns = part.columns.start / tile_width..part.columns.end.div_ceil(tile_width);
        let tile_rows = part.rows.start / tile_height..part.rows.end.div_ceil(tile_height);
        let within =
            |range: &Range<u64>, tile: u64, side: u64| range.start.max(tile * side)..range.end.min((tile + 1) * side);
        let (columns, rows) = (part.columns.clone(), part.rows.clone());
        planes.flat_map(move |plane| {
            let (columns, rows) = (columns.clone(), rows.clone());
            let (tile_columns, tile_rows) = (tile_columns.clone(), tile_rows.clone());
            channels.clone().into_iter().flat_map(move |channel| {
                let (columns, rows) = (columns.clone(), rows.clone());
                let tile_columns = tile_columns.clone();
                tile_rows.clone().flat_map(move |tile_row| {
                    let (columns, rows) = (columns.clone(), within(&rows, tile_row, tile_height));
                    tile_columns.clone().map(move |tile_column| {
                        let columns = within(&columns, tile_column, tile_width);
                        let start = self.tile_start(plane, channel, tile_row, tile_column);
                        let (x, y) = (columns.start % tile_width, rows.start % tile_height);
                        Tile {
                            block: self.block(start, x..x + columns.end - columns.start, y..y + rows.end - rows.start),
                            lane: whose(channel, plane),
                            rows: rows.clone(),
                            columns,
                        }
                    })
                })
            })
        })
    }

    /// The samples of a part, in one window for each channel where these lie apart.
    ///
    /// # Errors
    /// A message for the user, if it lies in too many places.
    pub fn lanes_by_channel(&self, part: &Part) -> Result<Vec<Lanes>, String> {
        let window = |part: &Part| Window::of(self.tiles(part).map(|tile| tile.block).collect());
        if self.channels_are_lanes() || part.channels.count() == 1 {
            return Ok(vec![Lanes {
                window: window(part)?,
                channels: self.channels_of_lanes(part),
            }]);
        }
        let one = |(place, channel): (usize, usize)| {
            let part = Part {
                channels: ChannelSet::of(part.channels.count(), |other| other == channel),
                ..part.clone()
            };
            // Of the channel itself, or of planes side by side.
            let own = |lane: Option<usize>| lane.map(|_| place);
            Ok(Lanes {
                window: window(&part)?,
                channels: self.channels_of_lanes(&part).into_iter().map(own).collect(),
            })
        };
        (0..).zip(part.channels.iter()).map(one).collect()
    }

    /// Which of a part's channels each lane is.
    pub(super) fn channels_of_lanes(&self, part: &Part) -> Vec<Option<usize>> {
        let mut lanes = vec![None; usize::try_from(self.lanes()).expect("lanes were counted")];
        let planes = if self.planes_are_lanes() {
            part.planes.clone()
        } else {
            0..1
        };
        for plane in planes {
            for (place, channel) in part.channels.iter().enumerate() {
                lanes[self.lane(channel, plane)] = Some(place);
            }
        }
        lanes
    }

    /// The bytes of a part, as near as they lie to each other in the file.
    pub(super) fn blocks(&self, part: &Part) -> Vec<Block> {
        self.blocks_by_line(part)
            .unwrap_or_else(|| self.tiles(part).map(|tile| tile.block).collect())
    }

    /// The same where channels lie between one line and the next: line by line, and not channel by channel through all
    /// of the file. `None` if they do not, or too many blocks would come of it.
    fn blocks_by_line(&self, part: &Part) -> Option<Vec<Block>> {
        let is_one = matches!(self.starts, Starts::One(_));
        if !is_one || self.channels_are_lanes() || self.step.channel >= self.step.column.max(self.step.row) {
            return None;
        }
        let lines = if self.is_transposed() {
            &part.columns
        } else {
            &part.rows
        };
        let mut blocks: Vec<Block> = Vec::new();
        for line in lines.clone() {
            let (columns, rows) = if self.is_transposed() {
                (line..line + 1, part.rows.clone())
            } else {
                (part.columns.clone(), line..line + 1)
            };
            let line = Part {
                columns,
                rows,
                ..part.clone()
            };
            let mut of_line: Vec<Block> = self.tiles(&line).map(|tile| tile.block).collect();
            window::join(&mut of_line);
            blocks.extend(of_line);
            if blocks.len() > MAX_PART_BLOCKS {
                return None;
            }
        }
        Some(blocks)
    }

    /// Where a tile begins.
    fn tile_start(&self, plane: u64, channel: usize, tile_row: u64, tile_column: u64) -> u64 {
        match &self.starts {
            Starts::One(start) => start + plane * self.step.plane + channel as u64 * self.step.channel,
            Starts::Table(starts) => {
                let channels = self.channels_apart();
                let (across, down) = self.tiles_across();
                let index = ((plane * channels + channel as u64) * down + tile_row) * across + tile_column;
                starts[usize::try_from(index).expect("a table is in memory")]
            }
        }
    }

    /// The bytes of columns and rows of a tile that begins at `start`.
    fn block(&self, start: u64, columns: Range<u64>, rows: Range<u64>) -> Block {
        let start = start + columns.start * self.step.column + rows.start * self.step.row;
        let (columns, rows) = (columns.end - columns.start, rows.end - rows.start);
        let block = if self.is_transposed() {
            Block::new(start, rows * self.step.row, self.step.column, columns)
        } else {
            Block::new(start, columns * self.step.column, self.step.row, rows)
        };
        block.expect("within a layout that was checked")
    }

    /// Tiles in a row of tiles, and rows of tiles.
    fn tiles_across(&self) -> (u64, u64) {
        (self.width.div_ceil(self.tile.0), self.height.div_ceil(self.tile.1))
    }

    /// Bytes from the first sample of the tile at `index` in the table to the end of its last row in the image: a last
    /// strip has no more rows.
    fn tile_bytes(&self, index: usize) -> u64 {
        let (across, down) = self.tiles_across();
        let tile_row = index as u64 / across % down;
        let rows = self.tile.1.min(self.height - tile_row * self.tile.1);
        let last = (self.tile.0 - 1) * self.step.column + (rows - 1) * self.step.row;
        last + self.step.column.min(self.step.row)
    }

    /// Where the tiles of a table end.
    pub(super) fn ends_of(&self, starts: &[u64]) -> impl Iterator<Item = u64> {
        starts
            .iter()
            .enumerate()
            .map(|(index, start)| start + self.tile_bytes(index))
    }

    /// Bytes from the first sample to the last one's end, all in one array; `None` if samples would share bytes, or
    /// there are more than can be counted.
    pub(super) fn array_bytes(&self) -> Option<u64> {
        let mut axes = [
            (self.step.channel, self.format.channels.count() as u64),
            (self.step.column, self.width),
            (self.step.row, self.height),
            (self.step.plane, self.planes),
        ];
        // An axis of length 1 adds no bytes, whatever its step.
        axes.sort_unstable_by_key(|&(step, length)| (step, length));
        let mut bytes = SAMPLE_BYTES as u64;
        for (step, length) in axes {
            if length > 1 && step < bytes {
                return None;
            }
            bytes = step.checked_mul(length - 1)?.checked_add(bytes)?;
        }
        Some(bytes)
    }

    /// Refuses a table of starts that is not of this image, and tiles that share bytes or end past all files.
    pub(super) fn check_tiles(&self) -> Result<(), String> {
        let Starts::Table(starts) = &self.starts else {
            return Ok(());
        };
        let apart = self.channels_apart();
        let (across, down) = self.tiles_across();
        let wanted = across
            .checked_mul(down)
            .and_then(|n| n.checked_mul(apart))
            .and_then(|n| n.checked_mul(self.planes));
        if wanted != Some(starts.len() as u64) {
            return Err(format!(
                "has {} tiles, and {}x{} pixels in tiles of {}x{} need {}",
                starts.len(),
                self.width,
                self.height,
                self.tile.0,
                self.tile.1,
                wanted.map_or("more than can be counted".to_owned(), |wanted| wanted.to_string()),
            ));
        }
        let mut sorted: Vec<(u64, usize)> = starts.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        for pair in sorted.windows(2) {
            if let [(start, one), (next, other)] = *pair
                && next - start < self.tile_bytes(one)
            {
                return Err(format!("tiles {one} and {other} share bytes from {next} on"));
            }
        }
        let end = sorted
            .last()
            .and_then(|(last, index)| last.checked_add(self.tile_bytes(*index)));
        match end {
            Some(end) if end <= super::MAX_FILE_BYTES => Ok(()),
            _ => Err(format!("a tile ends past {} bytes", super::MAX_FILE_BYTES)),
        }
    }
}
