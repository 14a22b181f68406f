//! The small jobs whose every instruction is killed, and what they must lead to.

use pagelight::cut::Cut;
use pagelight::job::Job;
use pagelight::layout::Layout;
use pagelight::op::Op;
use pagelight::pixel::{ByteOrder, Sample};
use pagelight::window::Window;

/// A job on a tiny image.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) job: Job,
    pub(crate) cut: Cut,
    /// The whole file before and after, also the bytes outside the window.
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
    /// Samples that clip.
    pub(crate) clipped: u64,
}

impl Case {
    /// All of them: the smallest that has two pieces, a run of pixels, a rectangle, swapped bytes, and pieces that go in part by the fused routine and
    /// in part by tiles.
    pub(crate) fn all() -> Vec<Case> {
        let (run, rect) = (None, Some((2, 1, 3, 4)));
        vec![
            Case::new("one chunk", "rgba16", (5, 1), run, 2000, (48, 24)),
            Case::new("linear", "rgba16", (17, 1), run, 2000, (48, 24)),
            Case::new("rectangle", "rgb16", (7, 6), rect, 900, (48, 24)),
            Case::new("big-endian", "rgb:i16be", (20, 1), run, -700, (48, 24)),
            Case::new("fused and tiles", "rgba16", (46, 1), run, 2000, (240, 120)),
        ]
    }

    fn new(
        name: &'static str,
        format: &str,
        (width, height): (u64, u64),
        rect: Option<(u64, u64, u64, u64)>,
        amount: i32,
        (chunk_bytes, piece_bytes): (u64, u64),
    ) -> Case {
        // An odd position, and some bytes behind the pixels that are nobody's business.
        let format = format.parse().expect("a format");
        let layout = Layout::new(13, width, height, format).expect("a layout");
        let window = match rect {
            None => Window::whole(&layout),
            Some((x, y, columns, rows)) => Window::rect(&layout, x, y, columns, rows).expect("inside"),
        };
        let op = Op {
            amount,
            channels: format.channels.color(),
        };
        // High and low samples, so that some clip at either end.
        let before: Vec<u8> = (0..layout.data().end + 5)
            .map(|at| [0x7f, 0xfe, 0x80, 0x01, 0xff, 0x00][usize::try_from(at * at / 7 % 6).expect("small")])
            .zip((0..251u8).cycle())
            .map(|(extreme, counted)| {
                if counted % 3 == 0 {
                    extreme
                } else {
                    counted.wrapping_mul(37)
                }
            })
            .collect();
        let mut case = Case {
            name,
            job: Job { op, format, window },
            cut: Cut::from_sizes(window.bytes(), chunk_bytes, piece_bytes).expect("sizes that fit"),
            after: before.clone(),
            before,
            clipped: 0,
        };
        case.edit_slowly();
        case
    }

    /// The slow and obvious edit, sample by sample.
    fn edit_slowly(&mut self) {
        let Job { op, format, window } = self.job;
        let channels = format.channels.count();
        for (index, sample) in self.samples(0..window.bytes()).into_iter().enumerate() {
            let old = [self.before[sample], self.before[sample + 1]];
            let bits = match format.order {
                ByteOrder::Little => u16::from_le_bytes(old),
                ByteOrder::Big => u16::from_be_bytes(old),
            };
            let value = match format.sample {
                Sample::U16 => i32::from(bits),
                Sample::I16 => i32::from(bits.cast_signed()),
            };
            let step = if op.channels.contains(index % channels) {
                op.amount
            } else {
                0
            };
            let range = format.sample.range();
            let new = (value + step).clamp(*range.start(), *range.end());
            self.clipped += u64::from(new != value + step);
            let [low, high, ..] = new.to_le_bytes();
            let bytes = if format.order == ByteOrder::Little {
                [low, high]
            } else {
                [high, low]
            };
            self.after[sample..sample + 2].copy_from_slice(&bytes);
        }
    }

    /// Where in the file the samples of a part of the window are.
    pub(crate) fn samples(&self, part: std::ops::Range<u64>) -> Vec<usize> {
        let bytes = self.job.window.ranges(part).flatten();
        bytes.step_by(2).map(|at| usize::try_from(at).expect("small")).collect()
    }
}
