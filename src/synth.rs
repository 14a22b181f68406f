//! Test pictures of any size. Every pixel is a function of its place alone, so any part can be made, or checked, by
//! itself and in any order.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::chunk_plan::split;
use crate::error::{Error, Result};
use crate::os::disk;
use crate::pixel::{ByteOrder, PixelFormat, SAMPLE_BYTES};
use crate::threads::{self, Progress};

/// Pixels written at once; a MiB or less of every format.
const STEP_PIXELS: u64 = 1 << 17;

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// From 0 to the sample type's largest value: to the right, downwards, along the diagonal, to the left.
    Gradient,
    /// Every value of the sample type with the same chance; the seed chooses one picture of many.
    Noise {
        /// Any number.
        seed: u64,
    },
    /// Zeros.
    Black,
}

/// A picture that could be made. Alpha is opaque in each but black, where it is 0 like the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row, at least 1.
    pub width: u64,
    /// Rows, at least 1.
    pub height: u64,
    /// What a pixel looks like.
    pub format: PixelFormat,
    /// What it shows.
    pub pattern: Pattern,
}

impl Picture {
    /// Puts the pixels `pixels`, counted row by row from 0, into `out`, which has just their bytes.
    ///
    /// # Panics
    /// If `out` has another length.
    pub fn fill(&self, pixels: Range<u64>, out: &mut [u8]) {
        let channels = self.format.channels.count();
        let pixel_bytes = channels * SAMPLE_BYTES;
        assert_eq!(out.len() as u64, (pixels.end - pixels.start) * pixel_bytes as u64);
        let alpha = self.format.channels.has_alpha().then(|| channels - 1);
        let (mut x, mut y) = (pixels.start % self.width, pixels.start / self.width);
        for (index, pixel) in pixels.zip(out.chunks_exact_mut(pixel_bytes)) {
            let place = (x, y);
            (x, y) = if x + 1 < self.width { (x + 1, y) } else { (0, y + 1) };
            let mut samples = [self.zero(); 4];
            for (channel, bytes) in pixel.chunks_exact_mut(SAMPLE_BYTES).enumerate() {
                // More channels than four: the gradients once more, other noise.
                if channel % 4 == 0 {
                    samples = match self.pattern {
                        Pattern::Gradient => self.gradient(place.0, place.1),
                        Pattern::Noise { seed } => noise(seed.wrapping_add(channel as u64 / 4), index),
                        Pattern::Black => samples,
                    };
                }
                let sample = match self.pattern {
                    Pattern::Gradient | Pattern::Noise { .. } if alpha == Some(channel) => self.top(),
                    _ => samples[channel % 4],
                };
                bytes.copy_from_slice(&match self.format.order {
                    ByteOrder::Little => sample.to_le_bytes(),
                    ByteOrder::Big => sample.to_be_bytes(),
                });
            }
        }
    }

    /// Writes the whole picture to the start of `file`, on `threads` threads, once there is room for all of it, and
    /// has it written to the disk; `path` is for messages.
    ///
    /// # Errors
    /// `Io` if the disk is full or fails; `Interrupted` if `progress` said so.
    pub fn write(&self, file: &File, path: &Path, threads: usize, progress: Progress<'_>) -> Result<()> {
        let pixels = self.width * self.height;
        let room = disk::allocate_while(file, pixels * self.format.pixel_bytes(), || progress(0));
        threads::heed(room.map_err(|error| Error::io("create", path, error))?)?;
        let steps = pixels.div_ceil(STEP_PIXELS);
        threads::share(threads, steps, |queue| {
            let mut buffer = Vec::new();
            while let Some(step) = queue.take() {
                let part = step * STEP_PIXELS..pixels.min((step + 1) * STEP_PIXELS);
                let at = part.start * self.format.pixel_bytes();
                let bytes = (part.end - part.start) * self.format.pixel_bytes();
                #[expect(clippy::cast_possible_truncation, reason = "a MiB at most")]
                buffer.resize(bytes as usize, 0);
                self.fill(part, &mut buffer);
                let written = file.write_all_at(&buffer, at);
                written.map_err(|error| Error::io("write", path, error))?;
                threads::report(progress, bytes)?;
            }
            Ok(())
        })?;
        let written = disk::write_back_while(file, || progress(0));
        threads::heed(written.map_err(|error| Error::io("write", path, error))?)
    }

    /// The largest value of a sample, as bits.
    fn top(&self) -> u16 {
        let sample = self.format.sample;
        sample.bits(*sample.range().end()).unwrap_or(u16::MAX)
    }

    /// A sample of 0, as bits.
    fn zero(&self) -> u16 {
        self.format.sample.bits(0).unwrap_or(0)
    }

    fn gradient(&self, x: u64, y: u64) -> [u16; 4] {
        let sample_type = self.format.sample;
        let top = f64::from(*sample_type.range().end());
        let along = |at: u64, length: u64| {
            if length > 1 {
                at as f64 / (length - 1) as f64
            } else {
                0.0
            }
        };
        let (right, down) = (along(x, self.width), along(y, self.height));
        #[expect(clippy::cast_possible_truncation, reason = "from 0 to 1, times a u16")]
        let sample = |share: f64| sample_type.bits((share * top + 0.5) as i32).unwrap_or(0);
        [right, down, (right + down) / 2.0, 1.0 - right].map(sample)
    }
}

/// Four samples that depend on the seed and the place only: the output function of SplitMix64 (Steele, Lea and Flood,
/// 2014) over a counter.
#[expect(clippy::cast_possible_truncation, reason = "each sample takes 16 of 64 bits")]
fn noise(seed: u64, index: u64) -> [u16; 4] {
    let mut z = seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    [z as u16, (z >> 16) as u16, (z >> 32) as u16, (z >> 48) as u16]
}

/// Calls `check` with the bytes that the picture has and the bytes that `file` has from `data_offset` on, a few at a
/// time and in order.
///
/// # Errors
/// `Io` if the file cannot be read; whatever `check` returns.
pub fn compare(
    picture: &Picture,
    file: &File,
    path: &Path,
    mut check: impl FnMut(Range<u64>, &mut [u8], &[u8]) -> Result<()>,
) -> Result<()> {
    let pixel_bytes = picture.format.pixel_bytes();
    let (mut made, mut read) = (Vec::new(), Vec::new());
    for part in split(0..picture.width * picture.height, STEP_PIXELS) {
        #[expect(clippy::cast_possible_truncation, reason = "a MiB at most")]
        let bytes = ((part.end - part.start) * pixel_bytes) as usize;
        made.resize(bytes, 0);
        read.resize(bytes, 0);
        picture.fill(part.clone(), &mut made);
        file.read_exact_at(&mut read, part.start * pixel_bytes)
            .map_err(|error| Error::io("read", path, error))?;
        check(part, &mut made, &read)?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the tests' pictures are small")]
mod tests {
    use super::*;

    fn picture(format: &str, pattern: Pattern) -> Picture {
        Picture {
            width: 300,
            height: 200,
            format: format.parse().expect("a format"),
            pattern,
        }
    }

    fn samples(picture: &Picture, pixels: Range<u64>) -> Vec<u16> {
        let mut bytes = vec![0; ((pixels.end - pixels.start) * picture.format.pixel_bytes()) as usize];
        picture.fill(pixels, &mut bytes);
        bytes
            .chunks_exact(2)
            .map(|b| u16::from_le_bytes([b[0], b[1]]))
            .collect()
    }

    #[test]
    fn a_gradient_reaches_both_ends() {
        let gradient = picture("rgba16", Pattern::Gradient);
        assert_eq!(samples(&gradient, 0..1), [0, 0, 0, 65_535]);
        assert_eq!(samples(&gradient, 299..300), [65_535, 0, 32_768, 65_535]);
        assert_eq!(samples(&gradient, 59_999..60_000), [65_535; 4]);
        let signed = picture("mycolor", Pattern::Gradient);
        assert_eq!(samples(&signed, 59_999..60_000), [32_767, 32_767, 32_767, 0]);
    }

    #[test]
    fn any_part_is_the_same_as_in_the_whole() {
        for pattern in [Pattern::Gradient, Pattern::Noise { seed: 7 }, Pattern::Black] {
            let picture = picture("rgb16", pattern);
            let whole = samples(&picture, 0..60_000);
            assert_eq!(samples(&picture, 12_345..23_456), whole[12_345 * 3..23_456 * 3]);
        }
    }

    #[test]
    fn noise_covers_all_values_and_follows_its_seed() {
        let noisy = samples(&picture("gray16", Pattern::Noise { seed: 1 }), 0..60_000);
        let mean = noisy.iter().map(|&v| f64::from(v)).sum::<f64>() / 60_000.0;
        assert!((mean - 32_767.5).abs() < 500.0, "{mean}");
        assert!(noisy.iter().any(|&v| v > 65_500) && noisy.iter().any(|&v| v < 35));
        assert_ne!(
            noisy,
            samples(&picture("gray16", Pattern::Noise { seed: 2 }), 0..60_000)
        );
    }
}
