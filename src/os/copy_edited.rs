//! Copying samples with an edit on the way, out of memory that other processes may change.
//!
//! What a [`Kernel`] does to a private slice, as one pass from the image into a slot: no byte lies in between on the
//! stack, and nothing that others may change is ever under a Rust reference. The price of the slot is then one more
//! load and one more store for every byte, which hide behind the memory.
#![allow(
    unsafe_code,
    reason = "raw reads and writes of shared memory are what the routines are for"
)]

use super::copied::{Copied, MAX_BLOCKS};
use super::copy_add::Avx2Params;
use super::copy_lookup::Avx512Params;
use crate::digest::Key;
use crate::kernel::{BLOCK_BYTES, Kernel, Method};

/// The parameters of a routine: a kernel in the form in which the routine reads it.
#[derive(Clone, Debug)]
pub(crate) enum RoutineParams {
    /// Samples move up or down.
    Add(Avx2Params),
    /// Samples are looked up.
    Lookup(Avx512Params),
}

impl RoutineParams {
    /// The parameters for a kernel, if this machine has a routine for it. They are for samples that begin with lane 0.
    pub(crate) fn new(kernel: &Kernel) -> Option<RoutineParams> {
        match kernel.method() {
            Method::Add(add) => Avx2Params::new(add).map(RoutineParams::Add),
            Method::Lookup(lookup) => Avx512Params::new(lookup).map(RoutineParams::Lookup),
            Method::Function(_) => None,
        }
    }

    /// Copies as many whole blocks of [`BLOCK_BYTES`] as `length` bytes hold, at most a stretch, from `from` to `to`,
    /// edited, and digests them with `key` as the beginning of a stretch. `from` must be at a sample's first byte, one
    /// of lane 0.
    ///
    /// # Safety
    /// As for [`super::copy::copy`], for `length` bytes.
    pub(crate) unsafe fn copy_blocks(&self, to: *mut u8, from: *const u8, length: usize, key: &Key) -> Copied {
        let blocks = (length / BLOCK_BYTES).min(MAX_BLOCKS);
        if blocks == 0 {
            return Copied::default();
        }
        match self {
            // SAFETY: `blocks` blocks are at most `length` bytes, for which the caller vouches; they are 1 to
            // MAX_BLOCKS.
            RoutineParams::Add(params) => unsafe { params.copy_blocks(to, from, blocks, key) },
            // SAFETY: as above.
            RoutineParams::Lookup(params) => unsafe { params.copy_blocks(to, from, blocks, key) },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::digest::STRETCH_BYTES;
    use crate::op::{Op, Table};
    use crate::pixel::{ByteOrder, ChannelSet, Sample};

    /// Compares the routine with the kernel, over `source`, from where that begins to an address beside a word's.
    fn compare(kernel: &Kernel, params: &RoutineParams, source: &[u8], what: &str) {
        let key = Key::new(5);
        let mut target = vec![0xEE; source.len() + 1];
        let to = target.as_mut_ptr().wrapping_add(1);
        // SAFETY: two private vectors, of at least the source's length after the target's first.
        let copied = unsafe { params.copy_blocks(to, source.as_ptr(), source.len(), &key) };
        let bytes = source.len().min(STRETCH_BYTES) / 96 * 96;
        let mut want = source[..bytes].to_vec();
        let want_copied = Copied {
            bytes,
            counts: kernel.apply(&mut want, 0),
            partial: key.partial(0, &want),
            faulted: false,
        };
        assert_eq!(copied, want_copied, "{what}");
        assert!(target[1..=bytes] == want, "{what} over {} bytes", source.len());
        assert!(target[0] == 0xEE && target[bytes + 1..].iter().all(|&byte| byte == 0xEE));
    }

    /// Some amounts, and a table of which a third clips and much merges, and no two neighbours are alike.
    fn ops(sample: Sample) -> impl Iterator<Item = Op> {
        let wild = |value: i32| f64::from((value * 7919).rem_euclid(98_304)) * 1.25 - 30_000.0;
        let table = Table::from_values("wild".to_owned(), sample, wild, None);
        [0, 1, -1, 2000, -32_768, 65_535, -65_535]
            .into_iter()
            .map(|amount| Op::Brighten { amount })
            .chain([Op::Table(Arc::new(table))])
    }

    #[test]
    fn it_does_what_the_kernel_does() {
        // All 65,536 values, stretch by stretch, so that each meets several lanes; from an odd address to an odd
        // address.
        let all: Vec<u8> = (0..=131_072u32).flat_map(|v| v.to_le_bytes()).skip(1).collect();
        for (sample, order) in [
            (Sample::U16, ByteOrder::Little),
            (Sample::U16, ByteOrder::Big),
            (Sample::I16, ByteOrder::Little),
            (Sample::I16, ByteOrder::Big),
            (Sample::U16Flipped, ByteOrder::Big),
        ] {
            for op in ops(sample) {
                for (count, every) in [(4, 1), (4, 3), (3, 2), (2, 2), (48, 5), (16, 7)] {
                    let lanes = ChannelSet::of(count, |lane| lane % every == 0);
                    let kernel = Kernel::new(&op, sample, order, &lanes);
                    let what = format!("{op} {sample:?} {order:?}, one of {every} of {count}");
                    let Some(params) = RoutineParams::new(&kernel) else {
                        eprintln!("skipped: this machine has no routine for {what}");
                        continue;
                    };
                    let lengths = [0, 95, 96, 97, 191, 192].map(|length| &all[..length]);
                    for source in lengths.into_iter().chain(all.chunks(STRETCH_BYTES)) {
                        compare(&kernel, &params, source, &what);
                    }
                }
            }
        }
    }

    #[test]
    fn lanes_that_do_not_fit_a_block_have_no_params() {
        for count in [5, 7, 9, 47, 49, 96, 224] {
            let lanes = ChannelSet::of(count, |lane| lane != 1);
            for op in ops(Sample::U16) {
                let kernel = Kernel::new(&op, Sample::U16, ByteOrder::Little, &lanes);
                assert!(RoutineParams::new(&kernel).is_none(), "{count} lanes");
            }
        }
    }
}
