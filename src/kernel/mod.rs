//! The code that does an [`Op`] to the samples in a slice of bytes: [`Kernel`].
//!
//! A kernel knows no file, no thread and no error, and it cannot fail. It works on private memory only, so it is safe
//! code.
//!
//! 1. Samples belong to *lanes* in turn: with three lanes the 1st, 4th, 7th to one, the 2nd, 5th, 8th to another. Lanes
//!    are channels wherever pixels lie one after another. Those that are not edited keep their bytes.
//! 2. A slice may begin with any lane, which is its *phase*, and end after any.
//! 3. Lanes that are all edited are one lane: nobody needs to know where a pixel begins.
//!
//! `add` moves samples up or down in vector registers, `table` looks each one up, `function` calls the host program;
//! `os/copy_edited.rs` has routines that do the same on the way from a map to a slot. `reference` (in the tests) does
//! it one sample at a time, with nothing clever; every kernel is compared with it.

mod add;
mod function;
#[cfg(test)]
pub(crate) mod reference;
mod table;

pub(crate) use self::add::{Add, BLOCK_BYTES, BLOCK_SAMPLES};
use self::function::Called;
pub(crate) use self::table::Lookup;

use std::sync::Arc;

use crate::counts::Counts;
use crate::op::Op;
use crate::pixel::{ByteOrder, ChannelSet, SAMPLE_BYTES, Sample};

/// An [`Op`] made ready for samples of one type and byte order. It is small; what is big in it is shared by its clones.
#[derive(Clone, Debug)]
pub struct Kernel {
    method: Method,
}

/// How the samples are edited.
#[derive(Clone, Debug)]
pub(crate) enum Method {
    Add(Add),
    Lookup(Lookup),
    Function(Arc<Called>),
}

impl Kernel {
    /// Makes `op` ready. Of the `lanes.count()` lanes of the samples those in the set are edited.
    ///
    /// # Panics
    /// If there are no lanes, or the op is a table for another type.
    pub fn new(op: &Op, sample: Sample, order: ByteOrder, lanes: &ChannelSet) -> Kernel {
        assert!(lanes.count() > 0, "samples without lanes");
        let list = |lanes: &ChannelSet| -> Vec<bool> { (0..lanes.count()).map(|lane| lanes.contains(lane)).collect() };
        let is_edited = list(&lanes.as_lanes());
        let method = match op {
            Op::Brighten { amount } => Method::Add(Add::new(*amount, sample, order, &is_edited)),
            Op::Table(table) => {
                assert_eq!(table.sample(), sample, "a table for another type");
                Method::Lookup(Lookup::new(table, order, &is_edited))
            }
            // It wants to see whole pixels.
            Op::Function(function) => Method::Function(Arc::new(Called::new(function, sample, order, list(lanes)))),
        };
        Kernel { method }
    }

    /// Edits the samples in `bytes`, whole ones, of which the first belongs to lane `phase`; after the last lane the
    /// first one is counted again. They need no alignment.
    pub fn apply(&self, bytes: &mut [u8], phase: usize) -> Counts {
        match &self.method {
            Method::Add(add) => add.apply(bytes, phase),
            Method::Lookup(lookup) => lookup.apply(bytes, phase),
            Method::Function(called) => called.apply(bytes, phase),
        }
    }

    /// Bytes that are edited together, by nothing but themselves: a sample's, or a pixel's.
    pub(crate) fn unit_bytes(&self) -> usize {
        match &self.method {
            Method::Add(_) | Method::Lookup(_) => SAMPLE_BYTES,
            Method::Function(called) => called.lanes() * SAMPLE_BYTES,
        }
    }

    /// How the samples are edited, for routines that do the same.
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// The lane of the sample that comes `bytes` bytes after one of lane `phase`.
    #[inline]
    pub(crate) fn phase_after(&self, phase: usize, bytes: usize) -> usize {
        if bytes == 0 {
            return phase;
        }
        let lanes = match &self.method {
            Method::Add(add) => add.lanes(),
            Method::Lookup(lookup) => lookup.lanes(),
            Method::Function(called) => called.lanes(),
        };
        (phase + bytes / SAMPLE_BYTES) % lanes
    }
}

/// Something for every lane, and then for the first ones again, so that a block of samples finds what it needs side
/// by side, wherever it begins.
fn repeated<T: Clone>(of_lanes: &[T]) -> Arc<[T]> {
    of_lanes
        .iter()
        .cycle()
        .take(of_lanes.len() + BLOCK_SAMPLES)
        .cloned()
        .collect()
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "samples are made of numbers known to fit"
)]
mod tests;
