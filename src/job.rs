//! What is to be done to an image: [`Job`] = [`Op`] + [`Window`] + which samples of it, and how they look.
//!
//! A job can be written down and read back, so that it can be finished by somebody who knows nothing else: no header is
//! read for that. The window stands beside it in the journal.
//!
//! ```text
//! byte  length
//!    0       1  sample, by its place in `Sample::ALL`
//!    1       1  byte order: 0 little, 1 big
//!    2       2  bytes of what is mended
//!    4       4  lanes
//!    8       8  pixels that the user meant
//!   16       4  bytes of the op
//!   20       4  bytes of the description of the part
//!   24       4  bytes of that of the channels
//!   28       4  bytes of that of the pixel's format
//!   32   8 x n  lanes that are edited, 64 a number, the first one lowest
//!    ?       ?  the op, then the descriptions, then what is mended, see `Mend`
//! ```

use crate::chunk_plan::QUANTUM;
use crate::error::Text;
use crate::kernel::Kernel;
use crate::layout::{Layout, Part};
use crate::mend::Mend;
use crate::op::{Op, PixelFunction};
use crate::pixel::{ByteOrder, ChannelSet, MAX_CHANNELS, SAMPLE_BYTES, Sample};
use crate::window::{Block, Window};

/// One edit of one window.
#[derive(Clone, Debug)]
pub struct Job {
    /// What happens to the samples.
    pub op: Op,
    /// Which samples.
    pub target: Target,
}

/// The samples that a job edits.
#[derive(Clone, Debug)]
pub struct Target {
    /// Their type.
    pub sample: Sample,
    /// Their byte order.
    pub order: ByteOrder,
    /// Where they lie.
    pub window: Window,
    /// Which of them: every `lanes.count()`-th sample of a block's row belongs to the same lane, and those of the
    /// chosen lanes are edited.
    pub lanes: ChannelSet,
    /// What the user meant, for messages.
    pub description: Description,
    /// What of the file is mended once the samples are edited.
    pub mends: Vec<Mend>,
}

/// A target as users speak of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The part of the image: `the whole image`.
    pub part: String,
    /// The channels: `red,green`.
    pub channels: String,
    /// The pixel's format: `rgba:u16le`.
    pub format: String,
    /// How many pixels have samples that are edited.
    pub pixels: u64,
}

/// Bytes of a job before its lanes.
const FIXED_BYTES: usize = 32;

impl Target {
    /// A part of an image whose channels have these names, for any op but a function.
    ///
    /// # Errors
    /// A message for the user, if it lies in too many places.
    pub fn of(layout: &Layout, part: &Part, names: &[String]) -> Result<Target, Text> {
        let (window, lanes) = layout.window(part)?;
        Ok(Target::of_part(layout, part, names, window, lanes))
    }

    /// The same for a function of whole pixels.
    ///
    /// # Errors
    /// As for [`Layout::window_of_pixels`].
    pub fn of_pixels(layout: &Layout, part: &Part, names: &[String]) -> Result<Target, Text> {
        let (window, lanes) = layout.window_of_pixels(part)?;
        Ok(Target::of_part(layout, part, names, window, lanes))
    }

    fn of_part(layout: &Layout, part: &Part, names: &[String], window: Window, lanes: ChannelSet) -> Target {
        let description = Description {
            part: layout.describe(part),
            channels: part.channels.describe(names),
            format: layout.format().to_string(),
            pixels: part.pixels(),
        };
        Target::new(layout, window, lanes, description)
    }

    /// All channels but alpha of the whole image, under the names that they have without a header.
    ///
    /// # Errors
    /// As for [`Target::of`].
    pub fn whole(layout: &Layout) -> Result<Target, Text> {
        Target::of(layout, &layout.colors(), &layout.format().names())
    }

    /// `length_bytes` bytes from `offset_bytes` on, counted from the first pixel's first byte; of each pixel,
    /// `channels`.
    ///
    /// # Errors
    /// As for [`Layout::run_window`].
    pub fn of_run(
        layout: &Layout,
        offset_bytes: u64,
        length_bytes: u64,
        channels: &ChannelSet,
        names: &[String],
    ) -> Result<Target, Text> {
        let (window, lanes) = layout.run_window(offset_bytes, length_bytes, channels)?;
        let is_whole = length_bytes == layout.data_bytes();
        let description = Description {
            part: if is_whole {
                layout.describe(&layout.whole())
            } else {
                format!("{length_bytes} bytes from {offset_bytes} on")
            },
            channels: channels.describe(names),
            format: layout.format().to_string(),
            pixels: length_bytes / layout.format().pixel_bytes(),
        };
        Ok(Target::new(layout, window, lanes, description))
    }

    fn new(layout: &Layout, window: Window, lanes: ChannelSet, description: Description) -> Target {
        let format = layout.format();
        Target {
            sample: format.sample,
            order: format.order,
            window,
            lanes,
            description,
            mends: Vec::new(),
        }
    }

    /// How many samples are edited.
    pub fn samples(&self) -> u64 {
        let rounds = self.window.bytes() / (self.lanes.count() * SAMPLE_BYTES) as u64;
        rounds * self.lanes.chosen() as u64
    }

    /// True if each multiple of `bytes` behind a sample of the first lane there is one, too.
    pub fn fits_lanes(&self, bytes: u64) -> bool {
        bytes.is_multiple_of((self.lanes.count() * SAMPLE_BYTES) as u64)
    }

    /// The lane of the sample at byte `at` of the window.
    #[expect(clippy::cast_possible_truncation, reason = "less than the number of lanes")]
    pub fn lane_at(&self, at: u64) -> usize {
        match self.lanes.count() {
            1 => 0,
            lanes => (self.window.samples_before(at) % lanes as u64) as usize,
        }
    }
}

impl Job {
    /// The code that does this to samples.
    pub fn kernel(&self) -> Kernel {
        Kernel::new(&self.op, self.target.sample, self.target.order, &self.target.lanes)
    }

    /// True if the two would do the same to the same samples, whatever they are called.
    pub fn is_same_as(&self, other: &Job) -> bool {
        let (a, b) = (&self.target, &other.target);
        self.op.is_same_as(&other.op)
            && a.window == b.window
            && (a.sample, a.order) == (b.sample, b.order)
            && a.lanes == b.lanes
    }

    /// True if they may not be at work at once, although their windows do not overlap.
    pub fn excludes(&self, other: &Job) -> bool {
        let others = &other.target.mends;
        let excludes = |mend: &Mend| others.iter().any(|other| mend.excludes(other));
        self.target.mends.iter().any(excludes)
    }

    /// The job as bytes, but for its window.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Target {
            sample,
            order,
            lanes,
            description,
            mends,
            ..
        } = &self.target;
        let small = |length: usize| u32::try_from(length).expect("lines for people").to_le_bytes();
        let op = self.op.to_bytes();
        let place = Sample::ALL.iter().position(|known| known == sample);
        let place = place
            .and_then(|place| u8::try_from(place).ok())
            .expect("all are listed");
        let mends: Vec<u8> = mends.iter().flat_map(Mend::to_bytes).collect();
        let mut bytes = vec![place, u8::from(*order == ByteOrder::Big)];
        bytes.extend(
            u16::try_from(mends.len())
                .expect("a few fields of a header")
                .to_le_bytes(),
        );
        bytes.extend(small(lanes.count()));
        bytes.extend(description.pixels.to_le_bytes());
        let texts = [&description.part, &description.channels, &description.format].map(|text| text.as_bytes());
        for length in [op.len(), texts[0].len(), texts[1].len(), texts[2].len()] {
            bytes.extend(small(length));
        }
        bytes.extend(lanes.to_words().iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(op);
        bytes.extend(texts.concat());
        bytes.extend(mends);
        bytes
    }

    /// The job of this window that [`Job::to_bytes`] wrote; `None` if it could not have.
    pub fn from_bytes(bytes: &[u8], window: &Window) -> Option<Job> {
        let (fixed, mut rest) = bytes.split_at_checked(FIXED_BYTES)?;
        let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| fixed[at + i])) as usize;
        let mut take = |length: usize| -> Option<&[u8]> {
            let (taken, left) = rest.split_at_checked(length)?;
            rest = left;
            Some(taken)
        };
        let lanes = number(4);
        if !(1..=MAX_CHANNELS).contains(&lanes) {
            return None;
        }
        let lane_words: Vec<u64> = take(lanes.div_ceil(64) * 8)?
            .chunks_exact(8)
            .map(|word| u64::from_le_bytes(std::array::from_fn(|i| word[i])))
            .collect();
        let lanes = ChannelSet::from_words(lanes, lane_words)?;
        let op = Op::from_bytes(take(number(16))?)?;
        let mut text = |length: usize| String::from_utf8(take(length)?.to_vec()).ok();
        let description = Description {
            part: text(number(20))?,
            channels: text(number(24))?,
            format: text(number(28))?,
            pixels: u64::from_le_bytes(std::array::from_fn(|i| fixed[8 + i])),
        };
        let mends = Mend::from_bytes(take(usize::from(u16::from_le_bytes([fixed[2], fixed[3]])))?)?;
        let row_bytes = (lanes.count() * SAMPLE_BYTES) as u64;
        let fits = |block: &Block| block.to_numbers()[1].is_multiple_of(row_bytes);
        let target = Target {
            sample: *Sample::ALL.get(usize::from(fixed[0]))?,
            order: [ByteOrder::Little, ByteOrder::Big]
                .get(usize::from(fixed[1]))
                .copied()?,
            window: window.clone(),
            lanes,
            description,
            mends,
        };
        let is_sound = rest.is_empty() && window.blocks().iter().all(fits);
        let job = Job { op, target };
        (is_sound && job.refuse_unfit().is_ok()).then_some(job)
    }

    /// Refuses an op that is not for such samples.
    ///
    /// # Errors
    /// A message for the user.
    pub fn refuse_unfit(&self) -> Result<(), String> {
        match &self.op {
            Op::Table(table) if table.sample() != self.target.sample => {
                Err("its samples are not of the type that the table is for".to_owned())
            }
            Op::Function(_) if !self.target.fits_lanes(QUANTUM) => Err(format!(
                "a function is for pixels of 1, 2, 3, 4, 6 or 12 channels, and these have {}",
                self.target.lanes.count()
            )),
            _ => Ok(()),
        }
    }

    /// The name of the function that must be known to work on it, if it is not.
    pub fn unknown_function(&self) -> Option<&str> {
        match &self.op {
            Op::Function(function) if !function.is_known() => Some(function.name()),
            _ => None,
        }
    }

    /// Learns its function, if it has one, from those that are known.
    pub fn learn(&mut self, known: &[PixelFunction]) {
        if let Op::Function(function) = &mut self.op {
            let _ = known.iter().any(|known| function.learn(known));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixel::PixelFormat;

    #[test]
    fn a_job_reads_back_and_damage_is_noticed_or_means_another_job() {
        for name in ["rgba16", "rgb:i16be", "mycolor", "graya16", "70band:u16flippedbe"] {
            let format: PixelFormat = name.parse().expect("a format");
            let layout = Layout::new(13, 500, 400, format).expect("a layout");
            for part in [layout.colors(), layout.rect(3, 5, 70, 11).expect("inside")] {
                let target = Target::of(&layout, &part, &format.names()).expect("a target");
                let op = Op::Brighten { amount: -65_535 };
                let job = Job { op, target };
                let bytes = job.to_bytes();
                let read = |bytes: &[u8]| Job::from_bytes(bytes, &job.target.window);
                let is_same =
                    |other: &Job| other.is_same_as(&job) && other.target.description == job.target.description;
                assert!(read(&bytes).is_some_and(|read| is_same(&read)));
                for length in 0..bytes.len() {
                    assert!(read(&bytes[..length]).is_none());
                }
                assert!(read(&[&bytes[..], &[0]].concat()).is_none());
                for bit in 0..bytes.len() * 8 {
                    let mut flipped = bytes.clone();
                    flipped[bit / 8] ^= 1 << (bit % 8);
                    assert!(read(&flipped).is_none_or(|read| !is_same(&read)), "{name} {bit}");
                }
            }
        }
    }

    #[test]
    fn samples_and_lanes_of_a_target() {
        let format: PixelFormat = "5band:u16le".parse().expect("a format");
        let layout = Layout::new(1, 10, 10, format).expect("a layout");
        let part = Part {
            channels: ChannelSet::of(5, |channel| channel == 1 || channel == 4),
            ..layout.rect(2, 3, 4, 5).expect("inside")
        };
        let target = Target::of(&layout, &part, &format.names()).expect("a target");
        assert_eq!((target.samples(), target.description.pixels), (40, 20));
        assert_eq!(target.description.channels, "band2,band5");
        let lanes: Vec<usize> = (0..40).step_by(2).map(|at| target.lane_at(at)).collect();
        assert_eq!(lanes, (0..20).map(|sample| sample % 5).collect::<Vec<_>>());
    }
}
