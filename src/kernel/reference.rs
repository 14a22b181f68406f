//! What every kernel must do: one sample at a time, in wide numbers, with nothing clever.

use crate::counts::Counts;
use crate::op::Op;
use crate::pixel::{ByteOrder, ChannelSet, Sample};

/// As [`super::Kernel::apply`].
pub(crate) fn apply(
    op: &Op,
    sample: Sample,
    order: ByteOrder,
    lanes: &ChannelSet,
    bytes: &mut [u8],
    phase: usize,
) -> Counts {
    let mut counts = Counts::default();
    for (index, pair) in bytes.chunks_exact_mut(2).enumerate() {
        if !lanes.contains((phase + index) % lanes.count()) {
            continue;
        }
        let old_bits = match order {
            ByteOrder::Little => u16::from(pair[0]) + 256 * u16::from(pair[1]),
            ByteOrder::Big => u16::from(pair[1]) + 256 * u16::from(pair[0]),
        };
        let (new_bits, is_clipped, is_merged) = match op {
            Op::Brighten { amount } => {
                let (low, high) = match sample {
                    Sample::I16 => (-32_768, 32_767),
                    Sample::U16 | Sample::U16Flipped => (0, 65_535),
                };
                let new = sample.value(old_bits) + amount;
                let stopped = new.clamp(low, high);
                let new_bits = sample.bits(stopped).expect("a value of the type");
                (new_bits, new < low || new > high, false)
            }
            Op::Table(table) => (
                table.entries()[usize::from(old_bits)],
                table.is_clipping(old_bits),
                table.is_merging(old_bits),
            ),
            Op::Function(_) => unreachable!("it is for pixels"),
        };
        pair.copy_from_slice(&match order {
            ByteOrder::Little => new_bits.to_le_bytes(),
            ByteOrder::Big => new_bits.to_be_bytes(),
        });
        counts.clipped += u64::from(is_clipped);
        counts.merged += u64::from(is_merged);
    }
    counts
}
