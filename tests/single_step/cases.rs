//! The small jobs whose every instruction is killed, and what they must lead to.

use std::sync::Arc;

use pagelight::chunk_plan::ChunkPlan;
use pagelight::job::{Job, Target};
use pagelight::layout::{Layout, Part, Step};
use pagelight::op::{Op, Table};
use pagelight::pixel::{ByteOrder, ChannelSet, Sample};

/// What a sample becomes, before it stops at an end of its type.
type Formula = fn(i32) -> i32;

/// A job on a tiny image.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) job: Job,
    pub(crate) chunk_plan: ChunkPlan,
    /// The whole file before and after, also the bytes outside the window.
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
    /// Samples that clip.
    pub(crate) clipped: u64,
}

impl Case {
    /// All of them: the smallest that has two redo blocks, a run of pixels, a rectangle, swapped bytes, redo blocks
    /// that go in part by the fused routine and in part by tiles; and a table on two blocks, and on some of five lanes.
    pub(crate) fn all() -> Vec<Case> {
        let whole = |format: &str, pixels| {
            let layout = Layout::new(13, pixels, 1, format.parse().expect("a format")).expect("a layout");
            let part = Part {
                channels: layout.format().channels.color(),
                ..layout.whole()
            };
            (layout, part)
        };
        let add = |amount| Op::Brighten { amount };
        let (of_2000, of_900, of_minus_700): (Formula, Formula, Formula) = (|v| v + 2000, |v| v + 900, |v| v - 700);
        let (rectangular, rect) = {
            let layout = Layout::new(13, 7, 6, "rgb16".parse().expect("a format")).expect("a layout");
            let rect = layout.rect(2, 1, 3, 4).expect("inside");
            (layout, rect)
        };
        let double: Formula = |v| 2 * v - 100;
        let doubled = |sample| {
            let exact = move |value| f64::from(double(value));
            Op::Table(Arc::new(Table::from_values("double".to_owned(), sample, exact, None)))
        };
        vec![
            Case::new("one chunk", whole("rgba16", 5), (add(2000), of_2000), (48, 24)),
            Case::new("linear", whole("rgba16", 17), (add(2000), of_2000), (48, 24)),
            Case::new("rectangle", (rectangular, rect), (add(900), of_900), (48, 24)),
            Case::new(
                "big-endian",
                whole("rgb:i16be", 20),
                (add(-700), of_minus_700),
                (48, 24),
            ),
            Case::new("fused and tiles", whole("rgba16", 46), (add(2000), of_2000), (240, 120)),
            Case::new("two blocks", two_blocks(), (doubled(Sample::I16), double), (48, 24)),
            Case::new("some lanes", some_lanes(), (doubled(Sample::U16), double), (72, 48)),
        ]
    }

    fn new(
        name: &'static str,
        (layout, part): (Layout, Part),
        (op, formula): (Op, Formula),
        (chunk_bytes, redo_block_bytes): (u64, u64),
    ) -> Case {
        let target = Target::of(&layout, &part, &layout.format().names()).expect("a target");
        // High and low samples, so that some clip at either end; and some bytes behind the pixels that are nobody's
        // business.
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
            chunk_plan: ChunkPlan::from_sizes(&target.window, chunk_bytes, redo_block_bytes).expect("sizes that fit"),
            job: Job { op, target },
            after: before.clone(),
            before,
            clipped: 0,
        };
        for (sample, is_edited) in samples_of(&layout, &part) {
            if is_edited {
                case.edit_slowly(sample, formula);
            }
        }
        case
    }

    /// The slow and obvious edit of the sample at this place in the file.
    fn edit_slowly(&mut self, at: usize, formula: Formula) {
        let Target { sample, order, .. } = &self.job.target;
        let new = formula(sample.value(order.bits([self.before[at], self.before[at + 1]])));
        let range = sample.range();
        let within = new.clamp(*range.start(), *range.end());
        self.clipped += u64::from(new != within);
        let [low, high] = sample.bits(within).expect("within the range").to_le_bytes();
        let bytes = if *order == ByteOrder::Little {
            [low, high]
        } else {
            [high, low]
        };
        self.after[at..at + 2].copy_from_slice(&bytes);
    }

    /// Where in the file the samples of a part of the window are.
    pub(crate) fn samples(&self, part: std::ops::Range<u64>) -> Vec<usize> {
        let bytes = self.job.target.window.ranges(part).flatten();
        bytes.step_by(2).map(|at| usize::try_from(at).expect("small")).collect()
    }
}

/// The first and the last of three channels that lie apart, with a rectangle in each: two blocks of short rows.
fn two_blocks() -> (Layout, Part) {
    let format = "3band:i16be".parse().expect("a format");
    let step = Step {
        channel: 2 * 9 * 5,
        column: 2,
        row: 2 * 9,
        plane: 2 * 9 * 5 * 3,
    };
    let layout = Layout::strided(13, (9, 5, 1), format, step).expect("a layout");
    let part = Part {
        channels: ChannelSet::of(3, |channel| channel != 1),
        ..layout.rect(1, 1, 7, 4).expect("inside")
    };
    (layout, part)
}

/// Two of five channels that lie side by side, so that redo blocks begin with any of them.
fn some_lanes() -> (Layout, Part) {
    let format = "5band:u16le".parse().expect("a format");
    let layout = Layout::new(13, 6, 3, format).expect("a layout");
    let part = Part {
        channels: ChannelSet::of(5, |channel| channel == 1 || channel == 4),
        ..layout.whole()
    };
    (layout, part)
}

/// Where in the file the samples of a part's pixels lie, and whether they are of its channels.
fn samples_of(layout: &Layout, part: &Part) -> Vec<(usize, bool)> {
    let step = layout.step();
    let mut samples = Vec::new();
    for y in part.rows.clone() {
        for x in part.columns.clone() {
            for channel in 0..part.channels.count() {
                let at = layout.data_offset() + y * step.row + x * step.column + channel as u64 * step.channel;
                samples.push((usize::try_from(at).expect("small"), part.channels.contains(channel)));
            }
        }
    }
    samples
}
