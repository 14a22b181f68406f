//! The part of an image that a job works on.
//!
//! A [`Window`] is a run of whole pixels or a rectangle, which is a run in each row. Inside a window bytes are counted
//! without gaps, from 0 to [`Window::bytes`]; only [`Window::ranges`] knows where in the file they lie. So whoever
//! works on a window never sees rows.
//!
//! 1. A window lies within the layout that it was made from, is not empty, and starts and ends on a pixel.

use std::ops::Range;

use crate::layout::{Layout, MAX_FILE_BYTES};

/// The most that one touched byte may bring into memory.
const HUGE_PAGE_BYTES: u64 = 2 << 20;

/// A run of whole pixels, or a rectangle of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// File position of the first byte.
    start: u64,
    /// Bytes of the window in one row.
    row_bytes: u64,
    /// File bytes from one row's start to the next one's.
    stride_bytes: u64,
    rows: u64,
}

impl Window {
    /// The whole image.
    pub fn whole(layout: &Layout) -> Window {
        Window::one_run(layout.data())
    }

    /// `length_bytes` bytes from `offset_bytes` on, counted from the first pixel's first byte.
    ///
    /// # Errors
    /// A message for the user, if either is not whole pixels, the length is 0, or the end lies past the image.
    pub fn run(layout: &Layout, offset_bytes: u64, length_bytes: u64) -> Result<Window, String> {
        let pixel_bytes = layout.format().pixel_bytes();
        for (word, bytes) in [("--offset", offset_bytes), ("--length", length_bytes)] {
            if bytes % pixel_bytes != 0 {
                return Err(format!(
                    "{word} {bytes} is not whole pixels of {pixel_bytes} bytes ({}); try {}",
                    layout.format(),
                    bytes - bytes % pixel_bytes,
                ));
            }
        }
        if length_bytes == 0 {
            return Err(format!(
                "the window from byte {offset_bytes} of the image's {} on is empty; give a --length of at least one \
                 pixel, or a smaller --offset",
                layout.data_bytes(),
            ));
        }
        let data = layout.data();
        let end = offset_bytes.checked_add(length_bytes);
        if end.is_none_or(|end| end > layout.data_bytes()) {
            return Err(format!(
                "a window of {length_bytes} bytes from {offset_bytes} on ends past the image's {} bytes; \
                 --offset and --length together must not exceed them",
                layout.data_bytes(),
            ));
        }
        let start = data.start + offset_bytes;
        Ok(Window::one_run(start..start + length_bytes))
    }

    /// The rectangle of `width` x `height` pixels whose left upper pixel is at column `x`, row `y`.
    ///
    /// # Errors
    /// A message for the user, if the image's width is not known, or the rectangle is empty or reaches outside.
    pub fn rect(layout: &Layout, x: u64, y: u64, width: u64, height: u64) -> Result<Window, String> {
        let (Some(image_width), Some(image_height)) = (layout.width(), layout.height()) else {
            return Err("a rectangle needs the image's width; give --size WIDTHxHEIGHT or write a header".to_owned());
        };
        if width == 0 || height == 0 {
            return Err(format!(
                "the rectangle of {width}x{height} pixels is empty; both sides must be at least 1"
            ));
        }
        let inside = |at: u64, length: u64, side: u64| at.checked_add(length).is_some_and(|end| end <= side);
        if !inside(x, width, image_width) || !inside(y, height, image_height) {
            return Err(format!(
                "the rectangle of {width}x{height} pixels at {x},{y} reaches outside the image of \
                 {image_width}x{image_height} pixels"
            ));
        }
        let pixel_bytes = layout.format().pixel_bytes();
        let start = layout.data_offset() + (y * image_width + x) * pixel_bytes;
        let row_bytes = width * pixel_bytes;
        if width == image_width || height == 1 {
            return Ok(Window::one_run(start..start + row_bytes * height));
        }
        Ok(Window {
            start,
            row_bytes,
            stride_bytes: image_width * pixel_bytes,
            rows: height,
        })
    }

    fn one_run(range: Range<u64>) -> Window {
        let row_bytes = range.end - range.start;
        Window {
            start: range.start,
            row_bytes,
            stride_bytes: row_bytes,
            rows: 1,
        }
    }

    /// The window as numbers: file position, bytes in a row, bytes from row to row, rows.
    pub fn to_numbers(&self) -> [u64; 4] {
        [self.start, self.row_bytes, self.stride_bytes, self.rows]
    }

    /// The window that [`Window::to_numbers`] wrote, of pixels of `pixel_bytes`; `None` if it could not have.
    pub fn from_numbers([start, row_bytes, stride_bytes, rows]: [u64; 4], pixel_bytes: u64) -> Option<Window> {
        let whole = row_bytes > 0 && row_bytes % pixel_bytes == 0 && stride_bytes % pixel_bytes == 0;
        let span = stride_bytes.checked_mul(rows.checked_sub(1)?)?.checked_add(row_bytes)?;
        let end = start.checked_add(span)?;
        (whole && row_bytes <= stride_bytes && end <= MAX_FILE_BYTES).then_some(Window {
            start,
            row_bytes,
            stride_bytes,
            rows,
        })
    }

    /// The window in a few words, as its image's layout makes sense of it.
    pub fn describe(&self, layout: Option<&Layout>) -> String {
        let Some(layout) = layout else {
            return match self.rows {
                1 => format!("{} bytes from byte {} of the file on", self.row_bytes, self.start),
                rows => format!(
                    "{rows} rows of {} bytes from byte {} of the file on",
                    self.row_bytes, self.start
                ),
            };
        };
        if *self == Window::whole(layout) {
            return "the whole image".to_owned();
        }
        let offset = self.start.saturating_sub(layout.data_offset());
        match layout.width() {
            Some(width) if self.rows > 1 => {
                let pixel = offset / layout.format().pixel_bytes();
                let columns = self.row_bytes / layout.format().pixel_bytes();
                format!(
                    "the {columns}x{} pixels at {},{}",
                    self.rows,
                    pixel % width,
                    pixel / width
                )
            }
            _ => format!("{} bytes from {offset} on", self.row_bytes),
        }
    }

    /// True if the two have a byte in common.
    pub fn overlaps(&self, other: &Window) -> bool {
        // Row by row of the one with fewer rows; the other's rows near it follow from its stride.
        let (few, many) = if self.rows <= other.rows {
            (self, other)
        } else {
            (other, self)
        };
        let rows = few.ranges(0..few.bytes());
        rows.into_iter().any(|range| many.has_part_in(&range))
    }

    /// True if a row of the window has a byte in `range`.
    fn has_part_in(&self, range: &Range<u64>) -> bool {
        // The last row that begins before the range ends is the only one to look at: earlier rows end earlier.
        let Some(before_end) = range.end.checked_sub(self.start + 1) else {
            return false;
        };
        let row = (before_end / self.stride_bytes).min(self.rows - 1);
        self.start + row * self.stride_bytes + self.row_bytes > range.start
    }

    /// Bytes in the window; its parts are ranges within `0..bytes()`.
    pub fn bytes(&self) -> u64 {
        self.row_bytes * self.rows
    }

    /// The file ranges that hold the bytes `part` of the window, in order, none of them empty.
    ///
    /// # Panics
    /// If `part` reaches outside the window.
    pub fn ranges(&self, part: Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
        assert!(
            part.start <= part.end && part.end <= self.bytes(),
            "{part:?} in {self:?}"
        );
        let window = *self;
        let mut at = part.start;
        std::iter::from_fn(move || {
            (at < part.end).then(|| {
                let (row, column) = (at / window.row_bytes, at % window.row_bytes);
                let length = (window.row_bytes - column).min(part.end - at);
                let start = window.start + row * window.stride_bytes + column;
                at += length;
                start..start + length
            })
        })
    }

    /// The smallest file range that covers the bytes `part` of the window, which must not be empty.
    ///
    /// # Panics
    /// If `part` is empty or reaches outside the window.
    pub fn bounds(&self, part: Range<u64>) -> Range<u64> {
        assert!(
            part.start < part.end && part.end <= self.bytes(),
            "{part:?} in {self:?}"
        );
        let position = |at: u64| self.start + at / self.row_bytes * self.stride_bytes + at % self.row_bytes;
        position(part.start)..position(part.end - 1) + 1
    }

    /// Window bytes that bring at most about `resident_bytes` into memory: fewer than those where rows are short and
    /// far apart, because each may bring a whole huge page.
    pub(crate) fn bytes_within(&self, resident_bytes: u64) -> u64 {
        let row_resident_bytes = self.stride_bytes.min(self.row_bytes + 2 * HUGE_PAGE_BYTES);
        let rows = resident_bytes / row_resident_bytes;
        // A row that is larger than the bound is cut within itself.
        if rows == 0 {
            resident_bytes.min(self.row_bytes)
        } else {
            rows * self.row_bytes
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the tests' images are small")]
mod tests {
    use super::*;
    use crate::pixel::PixelFormat;

    fn layout(offset: u64, width: u64, height: u64) -> Layout {
        Layout::new(offset, width, height, PixelFormat::RGBA16).expect("a layout")
    }

    /// Every byte's file position, by the slow and obvious way.
    fn positions(window: &Window, part: Range<u64>) -> Vec<u64> {
        window.ranges(part).flatten().collect()
    }

    #[test]
    fn a_rectangle_is_a_run_per_row() {
        let layout = layout(3, 10, 6);
        let window = Window::rect(&layout, 2, 1, 4, 3).expect("inside");
        let want: Vec<u64> = (1..4)
            .flat_map(|y| (2..6).flat_map(move |x| (0..8).map(move |b| 3 + (y * 10 + x) * 8 + b)))
            .collect();
        assert_eq!(positions(&window, 0..window.bytes()), want);
        for (start, end) in [(0, 0), (0, 1), (31, 33), (32, 64), (5, 96), (95, 96), (96, 96)] {
            assert_eq!(positions(&window, start..end), want[start as usize..end as usize]);
            if start < end {
                let bounds = window.bounds(start..end);
                assert_eq!(
                    (bounds.start, bounds.end - 1),
                    (want[start as usize], want[end as usize - 1])
                );
            }
        }
    }

    #[test]
    fn full_rows_are_one_run() {
        let layout = layout(3, 10, 6);
        assert_eq!(Window::rect(&layout, 0, 0, 10, 6), Ok(Window::whole(&layout)));
        assert_eq!(Window::rect(&layout, 0, 2, 10, 2), Window::run(&layout, 160, 160));
        assert_eq!(Window::rect(&layout, 9, 5, 1, 1), Window::run(&layout, 59 * 8, 8));
    }

    #[test]
    fn windows_outside_are_refused() {
        let layout = layout(0, 10, 6);
        for (offset, length) in [
            (0, 0),
            (4, 8),
            (0, 7),
            (0, 488),
            (480, 8),
            (u64::MAX - 7, 8),
            (8, u64::MAX - 7),
        ] {
            assert!(Window::run(&layout, offset, length).is_err(), "{offset} {length}");
        }
        assert!(Window::run(&layout, 472, 8).is_ok());
        for (x, y, w, h) in [
            (0, 0, 11, 1),
            (0, 0, 1, 7),
            (10, 0, 1, 1),
            (0, 6, 1, 1),
            (0, 0, 0, 1),
            (u64::MAX, 0, 1, 1),
        ] {
            assert!(Window::rect(&layout, x, y, w, h).is_err(), "{x},{y},{w},{h}");
        }
        let unknown = Layout::run(0, 60, PixelFormat::RGBA16).expect("a layout");
        assert!(Window::rect(&unknown, 0, 0, 1, 1).is_err());
    }

    #[test]
    fn overlaps_are_those_of_the_bytes() {
        let layout = layout(3, 7, 6);
        let mut windows = vec![Window::whole(&layout)];
        for (x, y, w, h) in [
            (0, 0, 1, 1),
            (1, 0, 2, 6),
            (3, 0, 4, 6),
            (2, 2, 3, 2),
            (0, 5, 7, 1),
            (6, 0, 1, 5),
        ] {
            windows.push(Window::rect(&layout, x, y, w, h).expect("inside"));
        }
        for pixel in (0..42).step_by(5) {
            for pixels in [1, 3, 6, 8] {
                windows.extend(Window::run(&layout, pixel * 8, pixels * 8).ok());
            }
        }
        for a in &windows {
            assert_eq!(Window::from_numbers(a.to_numbers(), 8), Some(*a));
            let bytes_of_a = positions(a, 0..a.bytes());
            for b in &windows {
                let shared = positions(b, 0..b.bytes()).iter().any(|at| bytes_of_a.contains(at));
                assert_eq!(a.overlaps(b), shared, "{a:?} {b:?}");
            }
        }
    }
}
