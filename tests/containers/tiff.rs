//! TIFFs made by hand, byte by byte, so that every field can lie.

use crate::array::{Array, Kind, Sides};
use crate::common::pattern;

/// Types of values.
pub(crate) const ASCII: u16 = 2;
pub(crate) const SHORT: u16 = 3;
pub(crate) const LONG: u16 = 4;
pub(crate) const LONG8: u16 = 16;

/// A field of a directory.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) tag: u16,
    pub(crate) kind: u16,
    pub(crate) values: Vec<u64>,
}

pub(crate) fn field(tag: u16, kind: u16, values: &[u64]) -> Field {
    Field {
        tag,
        kind,
        values: values.to_vec(),
    }
}

/// A text as a field.
pub(crate) fn text(tag: u16, text: &str) -> Field {
    let values: Vec<u64> = text.bytes().chain([0]).map(u64::from).collect();
    field(tag, ASCII, &values)
}

/// How an array becomes a TIFF; its planes are pages.
#[derive(Clone, Debug)]
pub(crate) struct Tiff {
    pub(crate) sides: Sides,
    pub(crate) kind: Kind,
    /// Numbers and samples are big-endian.
    pub(crate) is_big: bool,
    pub(crate) is_bigtiff: bool,
    pub(crate) is_planar: bool,
    /// Width and height of a tile, or the rows of a strip.
    pub(crate) tile: Result<(usize, usize), usize>,
    /// 0: chunks one after another; else with gaps, in an order far from theirs.
    pub(crate) order: usize,
    pub(crate) photometric: u64,
    pub(crate) extra: Vec<u64>,
    /// Fields instead of those that there are, or besides them; of page `.0`, from 0.
    pub(crate) lies: Vec<(usize, Field)>,
    /// Fields that are left out.
    pub(crate) without: Vec<u16>,
}

impl Tiff {
    /// A gray picture in strips of two rows, or whatever is made of it.
    pub(crate) fn new(sides: Sides, kind: Kind) -> Tiff {
        let channels = sides[1];
        let is_rgb = channels == 3 || channels == 4;
        let colors = if is_rgb { 3 } else { 1 };
        let mut extra = vec![0; channels - colors];
        if let (true, Some(last)) = (channels == 2 || channels == 4, extra.last_mut()) {
            *last = 2;
        }
        Tiff {
            sides,
            kind,
            is_big: false,
            is_bigtiff: false,
            is_planar: false,
            tile: Err(2),
            order: 0,
            photometric: if is_rgb { 2 } else { 1 },
            extra,
            lies: Vec::new(),
            without: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, page: usize, lie: Field) -> Tiff {
        self.lies.push((page, lie));
        self
    }

    pub(crate) fn without(mut self, tag: u16) -> Tiff {
        self.without.push(tag);
        self
    }

    pub(crate) fn has_alpha(&self) -> bool {
        matches!(self.extra.last(), Some(1 | 2))
    }

    pub(crate) fn name(&self) -> String {
        format!(
            "{:?} {:?} {}{} {} {:?} order {}",
            self.sides,
            self.kind,
            if self.is_big { "MM" } else { "II" },
            if self.is_bigtiff { " BigTIFF" } else { "" },
            if self.is_planar { "planar" } else { "chunky" },
            self.tile,
            self.order
        )
    }

    fn tile_sides(&self) -> (usize, usize) {
        let [_, _, height, width] = self.sides;
        self.tile.unwrap_or_else(|rows| (width, rows.min(height)))
    }

    /// Chunks in a row of them, and rows of chunks.
    fn across_and_down(&self) -> (usize, usize) {
        let (width, height) = self.tile_sides();
        (self.sides[3].div_ceil(width), self.sides[2].div_ceil(height))
    }

    fn together(&self) -> usize {
        if self.is_planar { 1 } else { self.sides[1] }
    }

    pub(crate) fn chunks_of_page(&self) -> usize {
        let (across, down) = self.across_and_down();
        across * down * self.sides[1] / self.together()
    }

    /// Bytes of a chunk of a page; a last strip is shorter, a last tile is not.
    pub(crate) fn chunk_bytes(&self, chunk: usize) -> usize {
        let ((width, height), (across, down)) = (self.tile_sides(), self.across_and_down());
        let row = chunk / across % down;
        let rows = if self.tile.is_ok() {
            height
        } else {
            height.min(self.sides[2] - row * height)
        };
        width * rows * self.together() * 2
    }

    /// Where a chunk of a page begins.
    pub(crate) fn start(&self, page: usize, chunk: usize) -> usize {
        let each = self.chunks_of_page();
        let (count, index) = (each * self.sides[0], page * each + chunk);
        let before = 19;
        if self.order == 0 {
            let of_page: usize = (0..each).map(|chunk| self.chunk_bytes(chunk)).sum();
            let in_page: usize = (0..chunk).map(|chunk| self.chunk_bytes(chunk)).sum();
            return before + page * of_page + in_page;
        }
        assert!(!count.is_multiple_of(7919), "each place once");
        before + index * 7919 % count * (self.chunk_bytes(0) + self.order)
    }

    /// Where the last chunk ends.
    pub(crate) fn end(&self) -> usize {
        let chunks = (0..self.sides[0]).flat_map(|page| (0..self.chunks_of_page()).map(move |chunk| (page, chunk)));
        let ends = chunks.map(|(page, chunk)| self.start(page, chunk) + self.chunk_bytes(chunk));
        ends.max().expect("chunks")
    }

    fn fields(&self, page: usize) -> Vec<Field> {
        let [_, channels, height, width] = self.sides.map(|side| side as u64);
        let chunks = 0..self.chunks_of_page();
        let starts: Vec<u64> = chunks.clone().map(|chunk| self.start(page, chunk) as u64).collect();
        let lengths: Vec<u64> = chunks.map(|chunk| self.chunk_bytes(chunk) as u64).collect();
        let long = if self.is_bigtiff { LONG8 } else { LONG };
        let every = |value| vec![value; self.sides[1]];
        let mut fields = vec![
            field(256, LONG, &[width]),
            field(257, LONG, &[height]),
            field(258, SHORT, &every(16)),
            field(259, SHORT, &[1]),
            field(262, SHORT, &[self.photometric]),
            field(277, SHORT, &[channels]),
            field(284, SHORT, &[if self.is_planar { 2 } else { 1 }]),
            field(339, SHORT, &every(if self.kind == Kind::Signed { 2 } else { 1 })),
        ];
        match self.tile {
            Ok((width, height)) => fields.extend([
                field(322, SHORT, &[width as u64]),
                field(323, SHORT, &[height as u64]),
                field(324, long, &starts),
                field(325, LONG, &lengths),
            ]),
            Err(rows) => fields.extend([
                field(273, long, &starts),
                field(278, LONG, &[rows as u64]),
                field(279, LONG, &lengths),
            ]),
        }
        if !self.extra.is_empty() {
            fields.push(field(338, SHORT, &self.extra));
        }
        for (_, lie) in self.lies.iter().filter(|(of, _)| *of == page) {
            fields.retain(|field| field.tag != lie.tag);
            fields.push(lie.clone());
        }
        fields.retain(|field| !self.without.contains(&field.tag));
        fields.sort_by_key(|field| field.tag);
        fields
    }

    /// A number of so many bytes.
    pub(crate) fn number(&self, value: u64, bytes: usize) -> Vec<u8> {
        let all = value.to_be_bytes();
        let mut number = all[8 - bytes..].to_vec();
        if !self.is_big {
            number.reverse();
        }
        number
    }

    /// The file of an array.
    pub(crate) fn bytes(&self, array: &Array) -> Vec<u8> {
        assert_eq!(array.sides(), self.sides);
        let mut bytes = pattern(0..self.end() as u64 + 5);
        let ((width, height), (across, down)) = (self.tile_sides(), self.across_and_down());
        for place @ [page, channel, y, x] in array.places() {
            let apart = if self.is_planar { channel } else { 0 };
            let chunk = (apart * down + y / height) * across + x / width;
            let inner = (y % height * width + x % width) * self.together() + if self.is_planar { 0 } else { channel };
            let at = self.start(page, chunk) + 2 * inner;
            let [high, low] = self.kind.bytes(array.value(place));
            (bytes[at], bytes[at + 1]) = if self.is_big { (high, low) } else { (low, high) };
        }
        self.add_directories(&mut bytes);
        bytes
    }

    /// The header and the directories behind the samples.
    fn add_directories(&self, bytes: &mut Vec<u8>) {
        let place_bytes = if self.is_bigtiff { 8 } else { 4 };
        let mut header = if self.is_big { b"MM".to_vec() } else { b"II".to_vec() };
        header.extend(self.number(if self.is_bigtiff { 43 } else { 42 }, 2));
        if self.is_bigtiff {
            header.extend([self.number(8, 2), self.number(0, 2)].concat());
        }
        let mut link = header.len();
        bytes[..link].copy_from_slice(&header);
        for page in 0..self.sides[0] {
            let fields = self.fields(page);
            let mut directory = self.number(fields.len() as u64, if self.is_bigtiff { 8 } else { 2 });
            for Field { tag, kind, values } in &fields {
                let value_bytes = match *kind {
                    ASCII | 1 => 1,
                    SHORT => 2,
                    LONG8 | 12 => 8,
                    _ => 4,
                };
                let mut value: Vec<u8> = values
                    .iter()
                    .flat_map(|value| self.number(*value, value_bytes))
                    .collect();
                if value.len() > place_bytes {
                    let at = bytes.len();
                    bytes.extend(value);
                    value = self.number(at as u64, place_bytes);
                }
                value.resize(place_bytes, 0);
                directory.extend(self.number((*tag).into(), 2));
                directory.extend(self.number((*kind).into(), 2));
                directory.extend(self.number(values.len() as u64, place_bytes));
                directory.extend(value);
            }
            let at = bytes.len() as u64;
            bytes[link..link + place_bytes].copy_from_slice(&self.number(at, place_bytes));
            bytes.extend(directory);
            link = bytes.len();
            bytes.extend(vec![0; place_bytes]);
        }
    }
}

/// TIFFs of every arrangement: 1 to 5 channels, each with tiles and strips around the edges.
pub(crate) fn every() -> Vec<Tiff> {
    let mut all = Vec::new();
    let mut turn = 0;
    for channels in 1..=5 {
        for (height, width) in [(1, 1), (31, 47), (32, 16), (33, 17), (7, 31)] {
            let tiles = [
                Ok((16, 16)),
                Ok((32, 16)),
                Err(1),
                Err(height - 1),
                Err(height),
                Err(height + 1),
                Err(5),
            ];
            for tile in tiles.into_iter().filter(|tile| *tile != Err(0)) {
                for is_planar in [false, true] {
                    turn += 1;
                    let planes = if turn % 3 == 0 { 3 } else { 1 };
                    let kind = if turn % 2 == 0 { Kind::Signed } else { Kind::Unsigned };
                    all.push(Tiff {
                        tile,
                        is_planar,
                        is_big: turn % 4 < 2,
                        is_bigtiff: turn % 5 < 2,
                        order: [0, 3, 0, 8][turn % 4],
                        ..Tiff::new([planes, channels, height, width], kind)
                    });
                }
            }
        }
    }
    all
}
