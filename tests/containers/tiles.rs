//! Images in tiles that lie anywhere: behind each other in any order, with other bytes between them and padding in
//! those that stick out.

use std::fs;
use std::sync::Arc;

use pagelight::job::{Job, Target};
use pagelight::layout::{Layout, Step};
use pagelight::pixel::PixelFormat;

use crate::array::{Array, Kind, Part, Sides};
use crate::common::{folder, memory_folder, pattern};
use crate::edit::Edit;
use crate::grid::{library_part, run_job};

/// An image in tiles, as the oracle sees it.
struct Tiled {
    sides: Sides,
    kind: Kind,
    is_big: bool,
    /// Width and height of a tile.
    tile: (usize, usize),
    /// Channels lie in tiles of their own.
    are_apart: bool,
    /// Columns of a tile lie together instead of rows.
    is_transposed: bool,
    /// Where each tile begins.
    starts: Vec<usize>,
}

impl Tiled {
    fn new(sides: Sides, tile: (usize, usize), [is_big, are_apart, is_transposed]: [bool; 3], seed: usize) -> Tiled {
        let mut tiled = Tiled {
            sides,
            kind: if seed.is_multiple_of(2) {
                Kind::Signed
            } else {
                Kind::Flipped
            },
            is_big,
            tile,
            are_apart,
            is_transposed,
            starts: Vec::new(),
        };
        let (across, down) = tiled.tiles();
        let count = across * down * sides[0] * if are_apart { sides[1] } else { 1 };
        // Places side by side, with a few odd ones between them, dealt out in an order that is far from theirs; or in
        // order without gaps, so that they become few blocks.
        let (gap, stride) = match seed % 3 {
            0 => (0, 1),
            1 => (3, 7919),
            _ => (0, 7919),
        };
        assert!(!count.is_multiple_of(7919));
        let place = |tile: usize| 11 + tile * stride % count * (tiled.tile_bytes() + gap);
        tiled.starts = (0..count).map(place).collect();
        tiled
    }

    /// Tiles in a row of them, and rows of tiles.
    fn tiles(&self) -> (usize, usize) {
        (self.sides[3].div_ceil(self.tile.0), self.sides[2].div_ceil(self.tile.1))
    }

    /// Samples of a pixel that lie together.
    fn together(&self) -> usize {
        if self.are_apart { 1 } else { self.sides[1] }
    }

    fn tile_bytes(&self) -> usize {
        self.tile.0 * self.tile.1 * self.together() * 2
    }

    fn bytes(&self, array: &Array) -> Vec<u8> {
        let end = self.starts.iter().max().expect("tiles") + self.tile_bytes();
        let mut bytes = pattern(0..end as u64 + 5);
        let (across, down) = self.tiles();
        let (width, height) = self.tile;
        for place @ [plane, channel, y, x] in array.places() {
            let owner = if self.are_apart {
                plane * self.sides[1] + channel
            } else {
                plane
            };
            let start = self.starts[(owner * down + y / height) * across + x / width];
            let (inner_x, inner_y) = (x % width, y % height);
            let pixel = if self.is_transposed {
                inner_x * height + inner_y
            } else {
                inner_y * width + inner_x
            };
            let sample = pixel * self.together() + if self.are_apart { 0 } else { channel };
            let [high, low] = self.kind.bytes(array.value(place));
            let at = start + 2 * sample;
            (bytes[at], bytes[at + 1]) = if self.is_big { (high, low) } else { (low, high) };
        }
        bytes
    }

    /// The same as the library knows it.
    fn layout(&self) -> Layout {
        let [planes, channels, height, width] = self.sides.map(|side| side as u64);
        let kind = if self.kind == Kind::Signed { "i16" } else { "u16flipped" };
        let channels = if channels == 1 {
            "gray".to_owned()
        } else {
            format!("{channels}band")
        };
        let format = format!("{channels}:{kind}{}", if self.is_big { "be" } else { "le" });
        let format: PixelFormat = format.parse().expect("a format");
        let pixel = 2 * self.together() as u64;
        let (tile_width, tile_height) = (self.tile.0 as u64, self.tile.1 as u64);
        let (column, row) = if self.is_transposed {
            (pixel * tile_height, pixel)
        } else {
            (pixel, pixel * tile_width)
        };
        let tile_bytes = pixel * tile_width * tile_height;
        let step = Step {
            channel: if self.are_apart { tile_bytes } else { 2 },
            column,
            row,
            plane: tile_bytes * self.sides[1] as u64,
        };
        let starts: Arc<[u64]> = self.starts.iter().map(|&start| start as u64).collect();
        Layout::tiled((width, height, planes), format, (tile_width, tile_height), step, starts).expect("a layout")
    }
}

#[test]
fn tiles_in_any_order() {
    let folder = memory_folder().unwrap_or_else(folder);
    let path = folder.path().join("image.raw");
    let mut turn = 0;
    let sizes = [
        ([1, 1, 23, 31], (8, 8)),
        ([1, 3, 17, 40], (16, 5)),
        ([2, 4, 9, 13], (16, 16)),
        ([3, 5, 12, 12], (4, 4)),
        ([1, 224, 7, 9], (4, 3)),
        ([1, 3, 64, 301], (301, 7)),
        ([1, 3, 130, 170], (64, 64)),
    ];
    for (sides, tile) in sizes {
        for flags in 0..8 {
            let flags = [1, 2, 4].map(|bit| flags & bit != 0);
            for seed in 0..3 {
                let tiled = Tiled::new(sides, tile, flags, seed);
                let edits = Edit::all(tiled.kind);
                for part in Part::all_of(sides, false, false) {
                    let mut array = Array::new(sides, tiled.kind);
                    fs::write(&path, tiled.bytes(&array)).expect("written");
                    let edit = edits[turn % edits.len()];
                    let context = format!("{sides:?} {tile:?} {flags:?} {seed} {part:?} {edit:?}");
                    let layout = tiled.layout();
                    let target = Target::of(&layout, &library_part(&part, &layout), &layout.format().names());
                    let counts = edit.apply(&mut array, &part);
                    let job = Job {
                        op: edit.op(),
                        target: target.expect("a target"),
                    };
                    run_job(&path, &job, [1, 3][turn % 2], (&tiled.bytes(&array), counts), &context);
                    turn += 5;
                }
            }
        }
    }
    println!("{} runs", turn / 5);
}
