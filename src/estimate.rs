//! A second look before an edit that cannot be taken back: how many samples would clip or merge, from a few thousand
//! places.

use std::os::unix::fs::FileExt;

use crate::counts::Counts;
use crate::error::{Error, Result};
use crate::job::{Job, Target};
use crate::map::MappedFile;
use crate::pixel::SAMPLE_BYTES;

/// Places looked at; a few thousand reads take well under a second, even from a disk.
const PLACES: u64 = 4096;
/// Bytes looked at in each place; some tens of pixels.
const PLACE_BYTES: u64 = 480;

/// What a look at some of a window's samples showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Samples that would be edited, of those that were looked at.
    pub samples: u64,
    /// What these would lose.
    pub counts: Counts,
}

impl Estimate {
    /// The share of samples that would clip, 0 to 1.
    pub fn clipped_share(&self) -> f64 {
        self.counts.clipped as f64 / self.samples.max(1) as f64
    }

    /// The share of samples that would merge with others, 0 to 1.
    pub fn merged_share(&self) -> f64 {
        self.counts.merged as f64 / self.samples.max(1) as f64
    }
}

/// Looks at samples of the window of `job`: all of them in a small window, else some in places spread evenly. Changes
/// nothing.
///
/// # Errors
/// `Io` if the image cannot be read.
pub fn of(job: &Job, image: &MappedFile) -> Result<Estimate> {
    let kernel = job.kernel();
    let Target { window, lanes, .. } = &job.target;
    let places = window.bytes().div_ceil(PLACE_BYTES).min(PLACES);
    let mut estimate = Estimate::default();
    let mut bytes = Vec::new();
    for place in 0..places {
        let at = if places < PLACES {
            place * PLACE_BYTES
        } else {
            let samples = (window.bytes() - PLACE_BYTES) / SAMPLE_BYTES as u64;
            spread(place, samples) * SAMPLE_BYTES as u64
        };
        let mut at = at..window.bytes().min(at + PLACE_BYTES);
        for range in window.ranges(at.clone()) {
            #[expect(clippy::cast_possible_truncation, reason = "a place at most")]
            bytes.resize((range.end - range.start) as usize, 0);
            let read = image.file().read_exact_at(&mut bytes, range.start);
            read.map_err(|error| Error::io("read", image.path(), error))?;
            let lane = job.target.lane_at(at.start);
            let edited = (lane..lane + bytes.len() / SAMPLE_BYTES).filter(|lane| lanes.contains(lane % lanes.count()));
            estimate.samples += edited.count() as u64;
            estimate.counts += kernel.apply(&mut bytes, lane);
            at.start += bytes.len() as u64;
        }
    }
    debug_assert!(estimate.counts.clipped <= estimate.samples);
    Ok(estimate)
}

/// Place `index` among the numbers from 0 to `end`: the multiples of the golden ratio, which fill every stretch alike
/// and fall in step with no row length.
fn spread(index: u64, end: u64) -> u64 {
    let fraction = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let scaled = (u128::from(fraction) * (u128::from(end) + 1)) >> 64;
    u64::try_from(scaled).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;
    use crate::map::Access;
    use crate::op::Op;
    use crate::synth::{Pattern, Picture};

    /// The estimate of `+amount` on a gradient beside the exact share.
    fn check(width: u64, height: u64, amount: i32, tolerance: f64) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.raw");
        let picture = Picture {
            width,
            height,
            format: "rgba16".parse().expect("a format"),
            pattern: Pattern::Gradient,
        };
        let layout = Layout::new(0, width, height, picture.format).expect("a layout");
        let image = MappedFile::create(&path, layout.data_bytes()).expect("created");
        picture
            .write(image.file(), &path, 1, &|_| std::ops::ControlFlow::Continue(()))
            .expect("written");
        let image = MappedFile::open(&path, Access::Read).expect("opened");
        let target = Target::whole(&layout).expect("a target");
        let op = Op::Brighten { amount };
        let job = Job { op, target };
        let mut bytes = std::fs::read(&path).expect("read");
        let exact = job.kernel().apply(&mut bytes, 0).clipped as f64 / (layout.pixels() * 3) as f64;
        let estimate = of(&job, &image).expect("read");
        assert!(
            (estimate.clipped_share() - exact).abs() <= tolerance,
            "{estimate:?} {exact}"
        );
    }

    #[test]
    fn a_small_window_is_counted_exactly() {
        check(1, 1, 20_000, 0.0);
        check(61, 47, 20_000, 0.0);
        check(61, 47, -20_000, 0.0);
    }

    #[test]
    fn a_large_one_is_estimated_closely() {
        check(2048, 1024, 20_000, 0.01);
        check(2048, 1024, -6000, 0.01);
    }

    #[test]
    fn places_are_spread_over_all_and_stay_inside() {
        let mut tenths = [0u32; 10];
        for index in 0..PLACES {
            let place = spread(index, 999);
            assert!(place <= 999);
            tenths[usize::try_from(place / 100).expect("a tenth")] += 1;
        }
        assert!(tenths.iter().all(|&n| (405..415).contains(&n)), "{tenths:?}");
    }
}
