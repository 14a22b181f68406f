//! Pixels that a function of the host program changes.

use crate::counts::Counts;
use crate::op::PixelFunction;
use crate::pixel::{ByteOrder, SAMPLE_BYTES, Sample};

/// Samples that are decoded at once: whole pixels of 1, 2, 3, 4, 6 and 12 channels, few enough for the nearest cache.
const MAX_SAMPLES: usize = 480;

/// How a function is called on the samples of a file.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    function: PixelFunction,
    sample: Sample,
    order: ByteOrder,
    /// For each channel of a pixel.
    is_edited: Vec<bool>,
}

impl Called {
    pub(super) fn new(function: &PixelFunction, sample: Sample, order: ByteOrder, is_edited: Vec<bool>) -> Called {
        Called {
            function: function.clone(),
            sample,
            order,
            is_edited,
        }
    }

    pub(super) fn lanes(&self) -> usize {
        self.is_edited.len()
    }

    /// # Panics
    /// If `bytes` are not whole pixels.
    pub(super) fn apply(&self, bytes: &mut [u8], phase: usize) -> Counts {
        let lanes = self.lanes();
        let pixel_bytes = lanes * SAMPLE_BYTES;
        assert!(phase == 0 && bytes.len().is_multiple_of(pixel_bytes), "whole pixels");
        let mut counts = Counts::default();
        let mut buffer = [0; MAX_SAMPLES];
        for part in bytes.chunks_mut(MAX_SAMPLES / lanes * pixel_bytes) {
            let (samples, _) = part.as_chunks_mut::<SAMPLE_BYTES>();
            let values = &mut buffer[..samples.len()];
            for (value, bytes) in values.iter_mut().zip(samples.iter()) {
                *value = self.sample.value(self.order.bits(*bytes));
            }
            self.function.call(values, lanes);
            for (at, (bytes, &mut new)) in samples.iter_mut().zip(values).enumerate() {
                counts.clipped += u64::from(self.write(bytes, at % lanes, new));
            }
        }
        counts
    }

    /// Writes the new value of a sample, if it is one that is edited; true if it was stopped at an end of its type.
    fn write(&self, bytes: &mut [u8; SAMPLE_BYTES], lane: usize, new: i32) -> bool {
        let old = self.sample.value(self.order.bits(*bytes));
        if !self.is_edited[lane] || self.function.nodata() == Some(old) {
            return false;
        }
        let (low, high) = self.sample.range().into_inner();
        let within = new.clamp(low, high);
        let bits = self.sample.bits(within).expect("a value of the type");
        // Swapping is its own inverse.
        *bytes = self.order.bits(bits.to_le_bytes()).to_le_bytes();
        within != new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::op::Op;
    use crate::pixel::ChannelSet;

    /// Turns the channels of a pixel around, and moves them far up or down by turns.
    fn wild(pixel: &mut [i32]) {
        pixel.reverse();
        for (at, value) in pixel.iter_mut().enumerate() {
            *value += if at % 2 == 0 { 30_000 } else { -30_000 };
        }
    }

    /// The same to one pixel in a file, with nothing clever.
    fn oracle(pixel: &mut [u8], sample: Sample, order: ByteOrder, lanes: &ChannelSet, nodata: Option<i32>) -> u64 {
        let read = |bytes: &[u8]| match (order, sample) {
            (ByteOrder::Little, Sample::I16) => i32::from(i16::from_le_bytes([bytes[0], bytes[1]])),
            (ByteOrder::Big, Sample::I16) => i32::from(i16::from_be_bytes([bytes[0], bytes[1]])),
            (ByteOrder::Little, Sample::U16) => i32::from(u16::from_le_bytes([bytes[0], bytes[1]])),
            (ByteOrder::Big, Sample::U16) => i32::from(u16::from_be_bytes([bytes[0], bytes[1]])),
            (_, Sample::U16Flipped) => i32::from(i16::from_be_bytes([bytes[0], bytes[1]])) + 32_768,
        };
        let old: Vec<i32> = pixel.chunks(2).map(read).collect();
        let mut clipped = 0;
        for lane in (0..old.len()).filter(|&lane| lanes.contains(lane) && nodata != Some(old[lane])) {
            let moved = old[old.len() - 1 - lane] + if lane % 2 == 0 { 30_000 } else { -30_000 };
            let (low, high) = if sample == Sample::I16 {
                (-32_768, 32_767)
            } else {
                (0, 65_535)
            };
            let new = if moved < low {
                low
            } else if moved > high {
                high
            } else {
                moved
            };
            clipped += u64::from(new != moved);
            let low_bits = if sample == Sample::U16Flipped {
                new - 32_768
            } else {
                new
            };
            let bytes = low_bits.to_be_bytes();
            let (first, second) = if order == ByteOrder::Big { (2, 3) } else { (3, 2) };
            pixel[2 * lane] = bytes[first];
            pixel[2 * lane + 1] = bytes[second];
        }
        clipped
    }

    #[test]
    fn it_does_what_the_function_says_to_whole_pixels() {
        let bytes: Vec<u8> = (0..24 * 251u32).map(|at| (at * 7 % 251) as u8).collect();
        for (sample, order) in [
            (Sample::U16, ByteOrder::Little),
            (Sample::U16, ByteOrder::Big),
            (Sample::I16, ByteOrder::Little),
            (Sample::I16, ByteOrder::Big),
            (Sample::U16Flipped, ByteOrder::Big),
        ] {
            for (channels, every) in [(1, 1), (2, 1), (3, 2), (4, 3), (6, 1), (12, 5)] {
                let lanes = ChannelSet::of(channels, |lane| lane % every == 0);
                let some_value = sample.value(order.bits([bytes[0], bytes[1]]));
                for nodata in [None, Some(some_value)] {
                    let function = PixelFunction::new("wild", wild).keeping(nodata);
                    let kernel = Kernel::new(&Op::Function(function), sample, order, &lanes);
                    for pixels in [0, 1, 39, 40, 41, 79, 80, 81, 250] {
                        let mut edited = bytes[..pixels * channels * 2].to_vec();
                        let mut want = edited.clone();
                        let counts = kernel.apply(&mut edited, 0);
                        let clipped = want
                            .chunks_mut(channels * 2)
                            .map(|pixel| oracle(pixel, sample, order, &lanes, nodata))
                            .sum();
                        assert!(edited == want, "{sample:?} {order:?} {channels} {pixels}");
                        assert_eq!(counts, Counts { clipped, merged: 0 });
                    }
                }
            }
        }
    }
}
