//! A small picture of a large image, in a second or two whatever its size.
//!
//! Every pixel of the preview stands for a box of the image, and is the average of a few samples that are spread over
//! the box, or of all if the image is small. One sample of each box would flicker from preview to preview; reading all
//! of them would take as long as the image is large.
//!
//! 1. Samples are taken to be encoded as sRGB, as those of ordinary pictures are, and averaged as light. Signed samples
//!    show black below 0.
//! 2. A transparent pixel's color counts for nothing. Of bands that nobody named, the first three are shown as red,
//!    green and blue; of two, the first as gray.
//! 3. A row of the image is read once or not at all; of rows so long that a box is larger than some pages, only a page
//!    or so of each box. Where the samples of a column lie together and those of a row do not, columns take the place
//!    of rows. Such a *line* of the area is a line of the preview.

use std::ops::Range;

use png::BitDepth;

use super::Area;
use super::NewPicture;
use super::png_file::{self, PngInfo};
use crate::error::Result;
use crate::map::MappedFile;
use crate::pixel::{Channels, PixelFormat, SAMPLE_BYTES};
use crate::threads::{self, Progress};

/// Pixels on a side of a preview at most, which bounds its memory.
pub const MAX_SIDE_PIXELS: u32 = 8192;

/// Lines, and pixels of a line, that are looked at for one pixel of the preview, at most.
const MAX_TAPS: u64 = 8;
/// About how much is read, where one line of each box does not take more than that already.
const BUDGET_BYTES: u64 = 256 << 20;
/// Boxes longer than this are not read whole, but in images that are small.
const LONG_BOX_BYTES: u64 = 8192;
/// What is read of an image that is small, at a line for each one of the preview.
const SMALL_BYTES: u64 = 16 << 20;

/// A preview, ready to be written.
#[derive(Debug)]
pub struct Preview {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    channels: Channels,
    /// Rows, or columns where these are what lies together in the file.
    lines: Vec<Vec<u8>>,
    are_columns: bool,
}

impl Preview {
    /// Looks at the area of `image`, on `threads` threads. The preview has at most `max_side` pixels on each side, and
    /// never more than the area. `progress` is asked for every line that is read.
    ///
    /// # Errors
    /// `Io` if the image cannot be read; `Interrupted` if `progress` said so.
    ///
    /// # Panics
    /// If `max_side` is 0 or more than [`MAX_SIDE_PIXELS`].
    pub fn of(
        image: &MappedFile,
        area: &Area,
        max_side: u32,
        threads: usize,
        progress: Progress<'_>,
    ) -> Result<Preview> {
        assert!((1..=MAX_SIDE_PIXELS).contains(&max_side));
        let longest = area.width.max(area.height);
        let side = |pixels: u64| {
            let scaled = u128::from(pixels) * u128::from(max_side) / u128::from(longest);
            u32::try_from(scaled.max(1)).map_or(max_side, |scaled| scaled.min(max_side))
        };
        let (width, height) = match u32::try_from(longest) {
            Ok(longest) if longest <= max_side => (area.width.min(longest.into()), area.height.min(longest.into())),
            _ => (u64::from(side(area.width)), u64::from(side(area.height))),
        };
        let area = &area.as_colors();
        let are_columns = area.is_transposed();
        let (length, count) = if are_columns { (height, width) } else { (width, height) };
        let downscaler = Downscaler::new(image, area, length, count, progress);
        let mut lines: Vec<(u64, Vec<u8>)> = threads::share(threads, count, |queue| {
            let mut lines = Vec::new();
            let mut bytes = Vec::new();
            while let Some(line) = queue.take() {
                lines.push((line, downscaler.line(line, &mut bytes)?));
            }
            Ok(lines)
        })?
        .concat();
        lines.sort_unstable_by_key(|(line, _)| *line);
        let sides = (u32::try_from(width), u32::try_from(height));
        let (Ok(width), Ok(height)) = sides else {
            unreachable!("both are at most MAX_SIDE_PIXELS")
        };
        Ok(Preview {
            width,
            height,
            channels: area.format.channels,
            lines: lines.into_iter().map(|(_, line)| line).collect(),
            are_columns,
        })
    }

    /// Writes the preview as a PNG of 8 bits.
    ///
    /// # Errors
    /// `Io` if it cannot be written.
    pub fn write(&self, picture: &NewPicture) -> Result<()> {
        let info = PngInfo {
            width: self.width,
            height: self.height,
            channels: self.channels,
            bits: BitDepth::Eight,
            srgb: true,
        };
        png_file::write(picture, &info, |put| {
            if self.are_columns {
                (0..self.height as usize).try_for_each(|y| put(&self.across(y)))
            } else {
                self.lines.iter().try_for_each(|row| put(row))
            }
        })
    }

    /// The samples of pixel `at` of every line.
    fn across(&self, at: usize) -> Vec<u8> {
        let pixel_bytes = self.channels.count();
        let pixels = self.lines.iter().map(|line| &line[at * pixel_bytes..][..pixel_bytes]);
        pixels.collect::<Vec<_>>().concat()
    }
}

/// How an area becomes smaller: what all threads share.
struct Downscaler<'a> {
    image: &'a MappedFile,
    area: &'a Area,
    /// Pixels of a line of the preview.
    length: u64,
    /// Lines of the preview.
    count: u64,
    /// Pixels of a line of the area, and its lines.
    of: (u64, u64),
    line_taps: u64,
    /// How many pixels in the middle of each box are looked at, if it is too long to be read.
    middle_pixels: Option<u64>,
    /// The light that a sample means, 0 to 1, by its two bytes as a little-endian number.
    light: Vec<f32>,
    /// The same for alpha, which is no light.
    share: Vec<f32>,
    progress: Progress<'a>,
}

impl<'a> Downscaler<'a> {
    fn new(image: &'a MappedFile, area: &'a Area, length: u64, count: u64, progress: Progress<'a>) -> Downscaler<'a> {
        let shares = (0..=u16::MAX).map(|bits| share(bits, area.format));
        let of = if area.is_transposed() {
            (area.height, area.width)
        } else {
            (area.width, area.height)
        };
        let pixel_bytes = area.bytes_read_for_a_pixel();
        let line_bytes = of.0.saturating_mul(pixel_bytes);
        let max_bytes = (length * LONG_BOX_BYTES).max(SMALL_BYTES / count);
        Downscaler {
            image,
            area,
            length,
            count,
            of,
            line_taps: (BUDGET_BYTES / (count * line_bytes.min(max_bytes))).clamp(1, MAX_TAPS),
            middle_pixels: (line_bytes > max_bytes).then(|| (LONG_BOX_BYTES / 2 / pixel_bytes).clamp(1, MAX_TAPS)),
            light: shares.clone().map(to_light).collect(),
            share: shares.collect(),
            progress,
        }
    }

    /// Line `line` of the preview. `bytes` is room for a line of the area.
    fn line(&self, line: u64, bytes: &mut Vec<u8>) -> Result<Vec<u8>> {
        let mut sums = vec![Sum::default(); usize::try_from(self.length).unwrap_or(0)];
        let boxed = |place| part(place, self.length, self.of.0);
        for line in taps(part(line, self.count, self.of.1), self.line_taps) {
            threads::report(self.progress, 0)?;
            if let Some(pixels) = self.middle_pixels {
                for (place, sum) in (0..).zip(&mut sums) {
                    let boxed = boxed(place);
                    let pixels = pixels.min(boxed.end - boxed.start);
                    let middle = boxed.start + (boxed.end - boxed.start - pixels) / 2;
                    self.read(line, middle..middle + pixels, bytes)?;
                    (0..pixels).for_each(|pixel| self.add(sum, bytes, pixel));
                }
            } else {
                self.read(line, 0..self.of.0, bytes)?;
                for (place, sum) in (0..).zip(&mut sums) {
                    taps(boxed(place), MAX_TAPS).for_each(|pixel| self.add(sum, bytes, pixel));
                }
            }
        }
        let channels = self.area.format.channels;
        let pixels = sums
            .iter()
            .flat_map(|sum| sum.pixel(channels).into_iter().take(channels.count()));
        Ok(pixels.collect())
    }

    /// Reads some pixels of a line of the area.
    fn read(&self, line: u64, pixels: Range<u64>, bytes: &mut Vec<u8>) -> Result<()> {
        let line = line..line + 1;
        if self.area.is_transposed() {
            self.area.read(self.image, pixels, line, bytes)
        } else {
            self.area.read(self.image, line, pixels, bytes)
        }
    }

    /// Adds pixel `pixel` of `bytes`.
    fn add(&self, sum: &mut Sum, bytes: &[u8], pixel: u64) {
        let channels = self.area.format.channels;
        #[expect(clippy::cast_possible_truncation, reason = "a pixel that is in memory")]
        let at = pixel as usize * channels.count() * SAMPLE_BYTES;
        let sample = |channel: usize| {
            let at = at + channel * SAMPLE_BYTES;
            usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
        };
        let colors = channels.color_count();
        let alpha = if channels.has_alpha() {
            self.share[sample(colors)]
        } else {
            1.0
        };
        for (channel, light) in sum.light.iter_mut().take(colors).enumerate() {
            *light += self.light[sample(channel)] * alpha;
        }
        sum.alpha += alpha;
        sum.count += 1.0;
    }
}

/// What was seen of a box.
#[derive(Clone, Copy, Default)]
struct Sum {
    light: [f32; 3],
    alpha: f32,
    count: f32,
}

impl Sum {
    /// The preview's pixel, of which only as many samples count as are shown.
    fn pixel(&self, channels: Channels) -> [u8; 4] {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 1, times 255"
        )]
        let eight_bits = |share: f32| (share * 255.0 + 0.5) as u8;
        let mut pixel = [0; 4];
        for (sample, light) in pixel.iter_mut().zip(self.light) {
            let seen = if self.alpha > 0.0 { light / self.alpha } else { 0.0 };
            *sample = eight_bits(from_light(seen.min(1.0)));
        }
        if channels.has_alpha() {
            pixel[channels.count() - 1] = eight_bits(self.alpha / self.count);
        }
        pixel
    }
}

/// Which of `whole` belong to `index`, when they are shared out among `count`; never none, as `count` is not more.
fn part(index: u64, count: u64, whole: u64) -> Range<u64> {
    let start = |index: u64| {
        let start = u128::from(index) * u128::from(whole) / u128::from(count);
        u64::try_from(start).unwrap_or(whole)
    };
    start(index)..start(index + 1)
}

/// At most `most` numbers that are spread evenly over the range.
fn taps(range: Range<u64>, most: u64) -> impl Iterator<Item = u64> {
    let length = range.end - range.start;
    let count = length.min(most);
    // Each in the middle of its share of the range.
    (0..count).map(move |index| part(2 * index + 1, 2 * count, length).start + range.start)
}

/// What share of the largest value a sample is, by its two bytes as a little-endian number.
fn share(bits: u16, format: PixelFormat) -> f32 {
    let value = format.order.bits(bits.to_le_bytes());
    let most = *format.sample.range().end();
    #[expect(clippy::cast_precision_loss, reason = "16 bits")]
    let share = format.sample.value(value).max(0) as f32 / most as f32;
    share
}

/// From sRGB to light: IEC 61966-2-1.
fn to_light(share: f32) -> f32 {
    if share <= 0.04045 {
        share / 12.92
    } else {
        ((share + 0.055) / 1.055).powf(2.4)
    }
}

/// From light to sRGB.
fn from_light(light: f32) -> f32 {
    if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_are_spread_evenly_and_stay_inside() {
        let check = |range: Range<u64>, most, want: &[u64]| assert_eq!(taps(range, most).collect::<Vec<_>>(), want);
        check(5..6, 8, &[5]);
        check(5..8, 8, &[5, 6, 7]);
        check(0..100, 4, &[12, 37, 62, 87]);
        check(u64::MAX - 2..u64::MAX, 1, &[u64::MAX - 1]);
    }

    #[test]
    fn light_and_back_is_the_same_in_8_bits() {
        let top = f32::from(u8::MAX);
        for value in 0..=u8::MAX {
            let back = from_light(to_light(f32::from(value) / top)) * top;
            assert!((back - f32::from(value)).abs() < 0.01, "{value} {back}");
        }
    }
}
