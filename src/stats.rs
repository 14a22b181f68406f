//! What the samples of a part of an image are like: smallest, largest, mean, how many are clipped, and how they are
//! spread.
//!
//! One pass on all threads counts how often every value occurs, for each channel; all else follows from the counts. An
//! image of many channels that lie side by side takes a pass for every 16 of them.
//!
//! 1. Every sample is counted once, so all numbers are exact.
//! 2. A thread maps one span at a time, as the engine does, so memory stays bounded whatever the image's size.

use std::ops::RangeInclusive;

use crate::chunk_plan::{ChunkPlan, split};
use crate::error::Result;
use crate::layout::Lanes;
use crate::map::{MappedFile, Populate, View};
use crate::pixel::{PixelFormat, SAMPLE_BYTES, Sample};
use crate::threads::{self, Progress};

/// How many parts the range of values has in a [`Channel::histogram`].
pub const BINS: usize = 256;

/// Channels that are counted in one pass: each takes 768 KiB a thread.
const CHANNELS_AT_ONCE: usize = 16;
/// Values that a sample can have.
const VALUES: usize = 1 << 16;
/// What a thread has in memory of the image at once.
const SPAN_BYTES: u64 = 8 << 20;
/// What is copied out of the map at once; stays in the nearest cache. Whole pixels of one to four channels.
const SCRATCH_BYTES: usize = 680 * 24;

/// What the samples of one channel are like.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// The smallest and the largest.
    pub range: RangeInclusive<i32>,
    /// Their mean.
    pub mean: f64,
    /// How many samples there are.
    pub samples: u64,
    /// How many have the smallest value that there is.
    pub clipped_low: u64,
    /// How many have the largest value that there is.
    pub clipped_high: u64,
    /// How many have the value that stands for no data; they count for nothing else.
    pub nodata: u64,
    /// How many there are in each of [`BINS`] parts of equal width, from the smallest possible value to the largest.
    pub histogram: Vec<u64>,
}

/// What is to be counted of an image.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Where its samples lie, and whose they are.
    pub places: &'a [Lanes],
    /// What a pixel looks like.
    pub format: PixelFormat,
    /// How many channels are counted; the places name no others.
    pub channels: usize,
    /// The value that stands for no data.
    pub nodata: Option<i32>,
}

impl Wanted<'_> {
    /// Bytes of the image that hold the samples.
    pub fn bytes(&self) -> u64 {
        self.places.iter().map(|lanes| lanes.window.bytes()).sum()
    }

    /// Bytes that are read for it, which may be more: those of a place once for each pass.
    pub fn bytes_read(&self) -> u64 {
        let firsts = (0..self.channels).step_by(CHANNELS_AT_ONCE);
        let of_pass = |first| self.places_of(first).map(|lanes| lanes.window.bytes()).sum::<u64>();
        firsts.map(of_pass).sum()
    }

    /// The places that have samples of the channels that are counted at once from `first` on.
    fn places_of(&self, first: usize) -> impl Iterator<Item = &Lanes> {
        let is_own = move |channel: &Option<usize>| own(*channel, first).is_some();
        self.places
            .iter()
            .filter(move |lanes| lanes.channels.iter().any(is_own))
    }
}

/// A channel, counted from the `first` one of a pass, if it is of that.
fn own(channel: Option<usize>, first: usize) -> Option<usize> {
    channel?.checked_sub(first).filter(|&own| own < CHANNELS_AT_ONCE)
}

/// Looks at all samples that are wanted, on `threads` threads. Returns what each channel is like, first to last.
/// `progress` hears of every byte that is read.
///
/// # Errors
/// `Io` if the image cannot be read; `Interrupted` if `progress` said so.
pub fn of(image: &MappedFile, wanted: &Wanted<'_>, threads: usize, progress: Progress<'_>) -> Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for first in (0..wanted.channels).step_by(CHANNELS_AT_ONCE) {
        let count = (wanted.channels - first).min(CHANNELS_AT_ONCE);
        let mut all = vec![0u64; count * VALUES];
        for counts in count_pass(image, wanted, first, all.len(), threads, progress)? {
            all.iter_mut().zip(counts).for_each(|(sum, more)| *sum += more);
        }
        channels.extend(all.chunks_exact(VALUES).map(|counts| channel(counts, wanted)));
    }
    Ok(channels)
}

/// Counts the samples of some channels; what each thread has found.
fn count_pass(
    image: &MappedFile,
    wanted: &Wanted<'_>,
    first: usize,
    counts: usize,
    threads: usize,
    progress: Progress<'_>,
) -> Result<Vec<Vec<u64>>> {
    let places: Vec<(&Lanes, ChunkPlan, Vec<Option<usize>>)> = wanted
        .places_of(first)
        .map(|lanes| {
            let chunk_plan = ChunkPlan::new(&lanes.window, SPAN_BYTES, SPAN_BYTES, threads.max(1) as u64);
            let channels = lanes.channels.iter().map(|channel| own(*channel, first)).collect();
            (lanes, chunk_plan, channels)
        })
        .collect();
    // The spans of all places in one row, so that threads share them however short they are.
    let mut ends = Vec::new();
    let mut end = 0;
    for (_, chunk_plan, _) in &places {
        end += chunk_plan.spans();
        ends.push(end);
    }
    threads::share(threads, end, |queue| {
        let mut counter = Counter::new(counts);
        while let Some(item) = queue.take() {
            let place = ends.partition_point(|&end| end <= item);
            let (lanes, chunk_plan, channels) = &places[place];
            let window = &lanes.window;
            let part = chunk_plan.span(item + chunk_plan.spans() - ends[place]);
            let bounds = window.bounds(part.clone());
            let view = image.view(bounds.clone())?;
            let mut at = part.start;
            for range in window.ranges(part.clone()) {
                let lane = window.samples_before(at) % channels.len() as u64;
                let length = range.end - range.start;
                let lane = usize::try_from(lane).unwrap_or(0);
                counter.add(&view, range.start - bounds.start, length, channels, lane)?;
                at += length;
            }
            threads::report(progress, part.end - part.start)?;
        }
        counter.flush();
        Ok(counter.sums)
    })
}

/// How often a thread has met each value: channel by channel, by the sample's two bytes as a little-endian number.
struct Counter {
    /// Small numbers, so that they stay in the cache.
    fresh: Vec<u32>,
    fresh_samples: u64,
    sums: Vec<u64>,
    scratch: Vec<u8>,
}

impl Counter {
    fn new(counts: usize) -> Counter {
        Counter {
            fresh: vec![0; counts],
            fresh_samples: 0,
            sums: vec![0; counts],
            scratch: vec![0; SCRATCH_BYTES],
        }
    }

    /// Counts the samples of `length` bytes from `at` on, of which the first is of lane `lane`; `lanes` says which
    /// channel each lane is of.
    #[expect(clippy::cast_possible_truncation, reason = "within the view, which is in memory")]
    fn add(&mut self, view: &View, at: u64, length: u64, lanes: &[Option<usize>], mut lane: usize) -> Result<()> {
        // All channels in order, four at most.
        let are_in_order = lanes.len() <= 4 && lanes.iter().enumerate().all(|(lane, channel)| *channel == Some(lane));
        view.populate(at as usize..(at + length) as usize, Populate::Read)?;
        for part in split(at..at + length, SCRATCH_BYTES as u64) {
            let scratch = &mut self.scratch[..(part.end - part.start) as usize];
            view.copy_out(part.start as usize, scratch)?;
            let tables = &mut self.fresh;
            match lanes.len() {
                1 => count::<1>(scratch, &mut tables[lanes[0].unwrap_or(0) * VALUES..]),
                2 if are_in_order && lane == 0 => count::<2>(scratch, tables),
                3 if are_in_order && lane == 0 => count::<3>(scratch, tables),
                4 if are_in_order && lane == 0 => count::<4>(scratch, tables),
                _ => count_some(scratch, tables, lanes, lane),
            }
            let samples = scratch.len() / SAMPLE_BYTES;
            lane = (lane + samples) % lanes.len();
            self.fresh_samples += samples as u64;
            if self.fresh_samples > u64::from(u32::MAX) - SCRATCH_BYTES as u64 {
                self.flush();
            }
        }
        Ok(())
    }

    /// Moves what was counted to the large numbers.
    fn flush(&mut self) {
        for (sums, fresh) in self.sums.iter_mut().zip(&mut self.fresh) {
            *sums += u64::from(std::mem::take(fresh));
        }
        self.fresh_samples = 0;
    }
}

/// Counts the samples of `N` channels in order; what is left of the last pixel begins the next part, if lanes allow
/// that.
fn count<const N: usize>(scratch: &[u8], tables: &mut [u32]) {
    let pixels = scratch.chunks_exact(N * SAMPLE_BYTES);
    let rest = pixels.remainder();
    for pixel in pixels.chain(std::iter::once(rest)) {
        for (table, v) in tables
            .chunks_exact_mut(VALUES)
            .zip(pixel.chunks_exact(SAMPLE_BYTES))
            .take(N)
        {
            table[usize::from(u16::from_le_bytes([v[0], v[1]]))] += 1;
        }
    }
}

/// Counts those samples whose lane is of a channel.
fn count_some(scratch: &[u8], tables: &mut [u32], lanes: &[Option<usize>], mut lane: usize) {
    for v in scratch.chunks_exact(SAMPLE_BYTES) {
        if let Some(channel) = lanes[lane] {
            tables[channel * VALUES + usize::from(u16::from_le_bytes([v[0], v[1]]))] += 1;
        }
        lane += 1;
        if lane == lanes.len() {
            lane = 0;
        }
    }
}

/// What the counts of one channel mean.
fn channel(counts: &[u64], wanted: &Wanted<'_>) -> Channel {
    let sample: Sample = wanted.format.sample;
    let possible = sample.range();
    let mut histogram = vec![0; BINS];
    let (mut clipped_low, mut clipped_high, mut nodata) = (0, 0, 0);
    let (mut least, mut most, mut samples, mut sum) = (*possible.end(), *possible.start(), 0u64, 0i128);
    for (bits, &count) in (0..=u16::MAX).zip(counts).filter(|(_, count)| **count > 0) {
        let value = sample.value(wanted.format.order.bits(bits.to_le_bytes()));
        if wanted.nodata == Some(value) {
            nodata = count;
            continue;
        }
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
        samples,
        clipped_low,
        clipped_high,
        nodata,
        histogram,
    }
}
