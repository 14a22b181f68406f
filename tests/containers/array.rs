//! The array.

use std::ops::Range;

/// What the 16 bits of a sample mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unsigned,
    Signed,
    /// Unsigned, with the top bit flipped.
    Flipped,
}

impl Kind {
    /// The smallest and the largest value.
    pub(crate) fn ends(self) -> (i64, i64) {
        match self {
            Kind::Unsigned | Kind::Flipped => (0, 65_535),
            Kind::Signed => (-32_768, 32_767),
        }
    }

    /// The two bytes of a value, the high one first.
    pub(crate) fn bytes(self, value: i64) -> [u8; 2] {
        let number = match self {
            Kind::Unsigned => value,
            Kind::Signed => value.rem_euclid(65_536),
            Kind::Flipped => (value + 32_768) % 65_536,
        };
        [
            u8::try_from(number / 256).expect("a byte"),
            u8::try_from(number % 256).expect("a byte"),
        ]
    }
}

/// Values of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Array {
    pub(crate) planes: usize,
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    values: Vec<i64>,
}

/// Planes, channels, rows, columns.
pub(crate) type Sides = [usize; 4];
/// Plane, channel, row, column.
pub(crate) type Place = [usize; 4];

/// The value that means nothing in arrays that have one.
pub(crate) const NODATA: i64 = 77;

impl Array {
    /// Values that have no period that fits a row, with both ends of the type and [`NODATA`] among them.
    pub(crate) fn new([planes, channels, height, width]: Sides, kind: Kind) -> Array {
        let (low, high) = kind.ends();
        let count = i64::try_from(planes * channels * height * width).expect("small");
        let value = |at: i64| match at {
            _ if at % 13 == 5 => high,
            _ if at % 17 == 3 => low,
            _ if at % 11 == 2 => NODATA,
            _ => low + (at * 40_503 + 7) % 65_536,
        };
        Array {
            planes,
            channels,
            height,
            width,
            values: (0..count).map(value).collect(),
        }
    }

    pub(crate) fn sides(&self) -> Sides {
        [self.planes, self.channels, self.height, self.width]
    }

    fn index(&self, [plane, channel, y, x]: Place) -> usize {
        assert!(plane < self.planes && channel < self.channels && y < self.height && x < self.width);
        ((plane * self.channels + channel) * self.height + y) * self.width + x
    }

    pub(crate) fn value(&self, place: Place) -> i64 {
        self.values[self.index(place)]
    }

    pub(crate) fn set(&mut self, place: Place, value: i64) {
        let index = self.index(place);
        self.values[index] = value;
    }

    /// Every place, in no order that a container need have.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for plane in 0..self.planes {
            for channel in 0..self.channels {
                for y in 0..self.height {
                    for x in 0..self.width {
                        places.push([plane, channel, y, x]);
                    }
                }
            }
        }
        places
    }
}

/// Which samples are meant.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) planes: Range<usize>,
    pub(crate) channels: Vec<usize>,
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
    /// Of pixels that lie one after another, plane by plane and row by row: only these.
    pub(crate) run: Option<Range<usize>>,
}

impl Part {
    /// All of it, or of its channels but the last one if that is alpha.
    pub(crate) fn whole([planes, channels, height, width]: Sides, has_alpha: bool) -> Part {
        Part {
            planes: 0..planes,
            channels: (0..channels - usize::from(has_alpha)).collect(),
            rows: 0..height,
            columns: 0..width,
            run: None,
        }
    }

    pub(crate) fn has(&self, [plane, channel, y, x]: Place, array: &Array) -> bool {
        let pixel = (plane * array.height + y) * array.width + x;
        self.planes.contains(&plane)
            && self.channels.contains(&channel)
            && self.rows.contains(&y)
            && self.columns.contains(&x)
            && self.run.as_ref().is_none_or(|run| run.contains(&pixel))
    }

    /// Parts of all shapes that the sides allow; `is_run` if pixels lie one after another.
    pub(crate) fn all_of(sides @ [planes, channels, height, width]: Sides, has_alpha: bool, is_run: bool) -> Vec<Part> {
        let whole = Part::whole(sides, has_alpha);
        let (rows, columns) = (
            height / 3..height.div_ceil(2).max(height / 3 + 1),
            width / 4..width.div_ceil(2).max(1),
        );
        let mut parts = vec![
            whole.clone(),
            Part {
                rows: rows.clone(),
                columns: columns.clone(),
                ..whole.clone()
            },
            Part {
                columns: width - 1..width,
                ..whole.clone()
            },
        ];
        if planes > 1 {
            parts.push(Part {
                planes: 1..2,
                ..whole.clone()
            });
            parts.push(Part {
                planes: 1..planes,
                rows: rows.clone(),
                columns: columns.clone(),
                ..whole.clone()
            });
        }
        if channels > 1 {
            // The last one, also if it is alpha; and every other one.
            parts.push(Part {
                channels: vec![channels - 1],
                ..whole.clone()
            });
            parts.push(Part {
                channels: (0..channels).step_by(2).collect(),
                planes: 0..planes.div_ceil(2),
                rows: rows.start..height,
                columns: 0..columns.end,
                run: None,
            });
        }
        let pixels = planes * height * width;
        if is_run && pixels > 2 {
            parts.push(Part {
                run: Some(1..pixels - 1),
                ..whole.clone()
            });
            parts.push(Part {
                run: Some(pixels / 3..pixels / 3 + 1),
                ..whole
            });
        }
        parts
    }

    /// The program's words for it.
    pub(crate) fn words(&self, sides @ [planes, channels, height, width]: Sides, has_alpha: bool) -> Vec<String> {
        let mut words = Vec::new();
        let (rows, columns) = (&self.rows, &self.columns);
        if (rows.len(), columns.len()) != (height, width) {
            words.push(format!(
                "--rect={},{},{},{}",
                columns.start,
                rows.start,
                columns.len(),
                rows.len()
            ));
        }
        match (self.planes.start + 1, self.planes.end) {
            _ if self.planes.len() == planes => {}
            (first, last) if first == last => words.push(format!("--plane={first}")),
            (first, last) => words.push(format!("--plane={first}-{last}")),
        }
        if self.channels != Part::whole(sides, has_alpha).channels {
            let numbers: Vec<String> = self.channels.iter().map(|channel| (channel + 1).to_string()).collect();
            words.push(format!("--channels={}", numbers.join(",")));
        }
        if let Some(run) = &self.run {
            let pixel_bytes = 2 * channels;
            words.push(format!("--offset={}", run.start * pixel_bytes));
            words.push(format!("--length={}", run.len() * pixel_bytes));
        }
        words
    }
}
