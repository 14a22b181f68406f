//! What the samples of a window are like: smallest, largest, mean, how many are clipped, and how they are spread.
//!
//! One pass on all threads counts how often every value occurs, for each channel; all else follows from the counts.
//!
//! 1. Every sample is counted once, so all numbers are exact.
//! 2. A thread maps one span at a time, as the engine does, so memory stays bounded whatever the image's size.

use std::ops::RangeInclusive;

use crate::cut::{Cut, split};
use crate::error::Result;
use crate::map::{MappedFile, PageIn, View};
use crate::pixel::{ByteOrder, PIXEL_QUANTUM_BYTES, PixelFormat, SAMPLE_BYTES, Sample};
use crate::threads::{self, Progress};
use crate::window::Window;

/// How many parts the range of values has in a [`Channel::histogram`].
pub const BINS: usize = 256;

/// Values that a sample can have.
const VALUES: usize = 1 << 16;
/// What a thread has in memory of the image at once.
const SPAN_BYTES: u64 = 8 << 20;
/// What is copied out of the map at once; stays in the nearest cache.
const TILE_BYTES: usize = 680 * PIXEL_QUANTUM_BYTES;

/// What the samples of one channel are like.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// The smallest and the largest.
    pub range: RangeInclusive<i32>,
    /// Their mean.
    pub mean: f64,
    /// How many have the smallest value that there is.
    pub clipped_low: u64,
    /// How many have the largest value that there is.
    pub clipped_high: u64,
    /// How many there are in each of [`BINS`] parts of equal width, from the smallest possible value to the largest.
    pub histogram: Vec<u64>,
}

/// Looks at all samples of the window, which holds pixels of `format`, on `threads` threads. Returns what each channel
/// is like, first to last. `progress` hears of every byte.
///
/// # Errors
/// `Io` if the image cannot be read; `Interrupted` if `progress` said so.
pub fn of(
    image: &MappedFile,
    window: &Window,
    format: PixelFormat,
    threads: usize,
    progress: Progress<'_>,
) -> Result<Vec<Channel>> {
    let cut = Cut::new(window, SPAN_BYTES, threads.max(1) as u64);
    let counted = threads::share(threads, cut.spans(), |turns| {
        let mut counts = Counts::new(format);
        while let Some(span) = turns.take() {
            let part = cut.span(span);
            let bounds = window.bounds(part.clone());
            let view = image.view(bounds.clone())?;
            for range in window.ranges(part.clone()) {
                counts.add(&view, range.start - bounds.start, range.end - range.start)?;
            }
            threads::report(progress, part.end - part.start)?;
        }
        counts.settle();
        Ok(counts.settled)
    })?;
    let mut counts = counted.into_iter();
    let mut all = counts.next().unwrap_or_default();
    for counts in counts {
        all.iter_mut().zip(counts).for_each(|(sum, more)| *sum += more);
    }
    Ok(all.chunks_exact(VALUES).map(|counts| channel(counts, format)).collect())
}

/// How often a thread has met each value: channel by channel, by the sample's two bytes as a little-endian number.
struct Counts {
    format: PixelFormat,
    /// Small numbers, so that they stay in the cache.
    fresh: Vec<u32>,
    fresh_pixels: u64,
    settled: Vec<u64>,
    tile: Vec<u8>,
}

impl Counts {
    fn new(format: PixelFormat) -> Counts {
        let counts = format.channels.count() * VALUES;
        Counts {
            format,
            fresh: vec![0; counts],
            fresh_pixels: 0,
            settled: vec![0; counts],
            tile: vec![0; TILE_BYTES],
        }
    }

    /// Counts the samples of `length` bytes from `at` on, whole pixels.
    #[expect(clippy::cast_possible_truncation, reason = "within the view, which is in memory")]
    fn add(&mut self, view: &View, at: u64, length: u64) -> Result<()> {
        view.page_in(at as usize..(at + length) as usize, PageIn::Read)?;
        for part in split(at..at + length, TILE_BYTES as u64) {
            let tile = &mut self.tile[..(part.end - part.start) as usize];
            view.copy_out(part.start as usize, tile)?;
            let tables = &mut self.fresh;
            match self.format.channels.count() {
                1 => count::<1>(tile, tables),
                2 => count::<2>(tile, tables),
                3 => count::<3>(tile, tables),
                _ => count::<4>(tile, tables),
            }
            self.fresh_pixels += tile.len() as u64 / self.format.pixel_bytes();
            if self.fresh_pixels > u64::from(u32::MAX) - TILE_BYTES as u64 {
                self.settle();
            }
        }
        Ok(())
    }

    /// Moves what was counted to the large numbers.
    fn settle(&mut self) {
        for (settled, fresh) in self.settled.iter_mut().zip(&mut self.fresh) {
            *settled += u64::from(std::mem::take(fresh));
        }
        self.fresh_pixels = 0;
    }
}

/// Counts the samples of whole pixels of `N` channels.
fn count<const N: usize>(tile: &[u8], tables: &mut [u32]) {
    for pixel in tile.chunks_exact(N * SAMPLE_BYTES) {
        for (table, v) in tables
            .chunks_exact_mut(VALUES)
            .zip(pixel.chunks_exact(SAMPLE_BYTES))
            .take(N)
        {
            table[usize::from(u16::from_le_bytes([v[0], v[1]]))] += 1;
        }
    }
}

/// What the counts of one channel mean.
fn channel(counts: &[u64], format: PixelFormat) -> Channel {
    let possible = format.sample.range();
    let mut histogram = vec![0; BINS];
    let (mut clipped_low, mut clipped_high) = (0, 0);
    let (mut least, mut most, mut samples, mut sum) = (*possible.end(), *possible.start(), 0u64, 0i128);
    for (bits, &count) in (0..=u16::MAX).zip(counts).filter(|(_, count)| **count > 0) {
        let bits = match format.order {
            ByteOrder::Little => bits,
            ByteOrder::Big => bits.swap_bytes(),
        };
        let value = match format.sample {
            Sample::U16 => i32::from(bits),
            Sample::I16 => i32::from(bits.cast_signed()),
        };
        least = least.min(value);
        most = most.max(value);
        match value {
            low if low == *possible.start() => clipped_low = count,
            high if high == *possible.end() => clipped_high = count,
            _ => {}
        }
        samples += count;
        sum += i128::from(value) * i128::from(count);
        let place = usize::try_from(value - possible.start()).unwrap_or(0);
        histogram[place * BINS / VALUES] += count;
    }
    Channel {
        range: least..=most,
        mean: sum as f64 / samples.max(1) as f64,
        clipped_low,
        clipped_high,
        histogram,
    }
}
