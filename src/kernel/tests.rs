//! The kernels against the reference.

use std::sync::Arc;

use super::*;
use crate::op::Table;

const AMOUNTS: [i32; 18] = [
    0, 1, -1, 10, -10, 255, -256, 2000, -3277, 32_766, 32_767, 32_768, -32_767, -32_768, -32_769, 65_534, 65_535,
    -65_535,
];

const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

/// Numbers that look random and are always the same.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

fn table(sample: Sample, new: impl Fn(i32) -> f64) -> Op {
    Op::Table(Arc::new(Table::from_values("test".to_owned(), sample, new, None)))
}

/// A table of which a third clips and much merges, and no two neighbours are alike.
fn wild_table(sample: Sample) -> Op {
    table(sample, |value| {
        f64::from((value * 7919).rem_euclid(98_304)) * 1.25 - 30_000.0
    })
}

#[track_caller]
fn compare(op: &Op, sample: Sample, order: ByteOrder, lanes: &ChannelSet, before: &[u8], phase: usize) {
    let kernel = Kernel::new(op, sample, order, lanes);
    let mut want = before.to_vec();
    let want_counts = reference::apply(op, sample, order, lanes, &mut want, phase);
    let mut got = before.to_vec();
    let got_counts = kernel.apply(&mut got, phase);
    let what = || {
        let (edited, count) = (lanes.chosen(), lanes.count());
        format!(
            "{op} {sample:?} {order:?}, {edited} of {count} lanes from {phase}, {} bytes",
            before.len()
        )
    };
    assert!(got == want, "{}", what());
    assert_eq!(got_counts, want_counts, "{}", what());
}

fn all_values() -> Vec<u8> {
    // Five times, so that each value meets each of up to five lanes.
    (0..5 * 65_536u32)
        .flat_map(|value| (value as u16).to_le_bytes())
        .collect()
}

#[test]
fn every_value_under_every_amount() {
    let all_values = all_values();
    for sample in Sample::ALL {
        for order in ORDERS {
            for amount in AMOUNTS {
                let op = Op::Brighten { amount };
                compare(&op, sample, order, &ChannelSet::all(4), &all_values, 0);
                compare(&op, sample, order, &ChannelSet::of(5, |lane| lane != 1), &all_values, 2);
            }
            let op = wild_table(sample);
            compare(&op, sample, order, &ChannelSet::all(4), &all_values, 0);
            compare(&op, sample, order, &ChannelSet::of(5, |lane| lane != 1), &all_values, 2);
        }
    }
}

#[test]
fn brightening_is_its_table() {
    let all = ChannelSet::all(1);
    let values = &all_values()[..131_072];
    for sample in Sample::ALL {
        for amount in AMOUNTS {
            let op = Op::Brighten { amount };
            let as_table = table(sample, |value| f64::from(value) + f64::from(amount));
            for order in ORDERS {
                let run = |op: &Op| {
                    let mut bytes = values.to_vec();
                    let counts = Kernel::new(op, sample, order, &all).apply(&mut bytes, 0);
                    (bytes, counts.clipped)
                };
                assert!(run(&op) == run(&as_table), "{op} {sample:?} {order:?}");
            }
        }
    }
}

#[test]
fn every_length_phase_and_set_of_lanes() {
    let mut numbers = Numbers(1);
    for count in (1..=8).chain([47, 48, 49, 96, 224, 1000]) {
        for sample in Sample::ALL {
            for order in ORDERS {
                let amount = [9999, -20_000][numbers.below(2)];
                let kept = numbers.next();
                let sets = [
                    ChannelSet::all(count),
                    ChannelSet::of(count, |lane| lane + 1 < count),
                    ChannelSet::of(count, |lane| lane == 0),
                    ChannelSet::of(count, |lane| !(lane as u64 + kept).is_multiple_of(3)),
                    ChannelSet::of(count, |_| false),
                ];
                let ops = [Op::Brighten { amount }, wild_table(sample)];
                for (op, lanes) in ops.iter().flat_map(|op| sets.iter().map(move |set| (op, set))) {
                    let some = numbers.below(3000);
                    for samples in [0, 1, 2, 46, 47, 48, 49, 95, 96, 97, 143, 145, some] {
                        for phase in [0, 1, count / 2, count - 1, numbers.below(count)] {
                            let bytes = numbers.bytes(2 * samples);
                            compare(op, sample, order, lanes, &bytes, phase % count);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_slice_in_parts_is_the_slice() {
    let mut numbers = Numbers(2);
    for count in [1, 3, 5, 7, 48, 50, 1001, 65_535] {
        let lanes = ChannelSet::of(count, |lane| lane % 3 != 1);
        for op in [Op::Brighten { amount: 30_000 }, wild_table(Sample::I16)] {
            let kernel = Kernel::new(&op, Sample::I16, ByteOrder::Big, &lanes);
            let mut whole = numbers.bytes(300_000);
            let mut parts = whole.clone();
            let want = kernel.apply(&mut whole, count - 1);
            let mut counts = Counts::default();
            let mut at = 0;
            while at < parts.len() {
                let length = (2 * numbers.below(3000)).min(parts.len() - at);
                let phase = kernel.phase_after(count - 1, at);
                counts += kernel.apply(&mut parts[at..at + length], phase);
                at += length;
            }
            assert!(parts == whole, "{op}, {count} lanes");
            assert_eq!(counts, want, "{op}, {count} lanes");
        }
    }
}

#[test]
fn unaligned_bytes_are_edited_and_their_neighbours_kept() {
    let mut numbers = Numbers(3);
    let lanes = ChannelSet::all(3);
    for op in [Op::Brighten { amount: 9999 }, wild_table(Sample::U16)] {
        let kernel = Kernel::new(&op, Sample::U16, ByteOrder::Little, &lanes);
        for start in 0..17 {
            for samples in [0, 1, 47, 48, 49, 200] {
                let before = numbers.bytes(500);
                let (mut got, mut want) = (before.clone(), before);
                let part = start..start + 2 * samples;
                kernel.apply(&mut got[part.clone()], 1);
                reference::apply(&op, Sample::U16, ByteOrder::Little, &lanes, &mut want[part], 1);
                assert!(got == want, "{op} from {start}, {samples} samples");
            }
        }
    }
}

#[test]
fn counts_pass_the_counters() {
    // More blocks than a counter of 16 bits holds, and all samples clip and merge.
    let white = |samples: usize| vec![0xff; 2 * samples];
    let everything = table(Sample::U16, |_| 1e9);
    for samples in [32_736usize, 32_767, 32_768, 65_536, 48 * 70_000 + 1] {
        for lanes in [ChannelSet::all(2), ChannelSet::of(2, |lane| lane == 0)] {
            let edited = if lanes.is_all() { samples } else { samples.div_ceil(2) } as u64;
            let counts = |op: &Op| {
                let kernel = Kernel::new(op, Sample::U16, ByteOrder::Little, &lanes);
                kernel.apply(&mut white(samples), 0)
            };
            let (clipped, merged) = (edited, 0);
            assert_eq!(counts(&Op::Brighten { amount: 1 }), Counts { clipped, merged });
            let merged = edited;
            assert_eq!(counts(&everything), Counts { clipped, merged });
        }
    }
}

#[test]
fn mycolor_does_what_microsofts_loop_does() {
    // From the sample's description: every channel a short, plus the amount, and no further than 32767.
    let brighten = |channel: i16, amount: i32| (i32::from(channel) + amount).min(32_767) as i16;
    let before: Vec<i16> = Numbers(4)
        .bytes(80_000)
        .chunks(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]))
        .collect();
    for amount in [10, 20, 2000, 32_767] {
        let want: Vec<u8> = before.iter().flat_map(|&c| brighten(c, amount).to_le_bytes()).collect();
        let mut got: Vec<u8> = before.iter().flat_map(|c| c.to_le_bytes()).collect();
        let op = Op::Brighten { amount };
        Kernel::new(&op, Sample::I16, ByteOrder::Little, &ChannelSet::all(4)).apply(&mut got, 0);
        assert!(got == want, "{amount}");
    }
}

#[test]
fn a_kernel_is_small() {
    assert!(size_of::<Kernel>() <= 64, "{} bytes", size_of::<Kernel>());
}

#[test]
#[should_panic(expected = "a table for another type")]
fn a_table_for_another_type_is_refused() {
    Kernel::new(
        &wild_table(Sample::U16),
        Sample::I16,
        ByteOrder::Little,
        &ChannelSet::all(1),
    );
}
