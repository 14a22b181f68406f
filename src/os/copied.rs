//! What the routines of `copy_add` and `copy_lookup` have in common.

use crate::counts::Counts;
use crate::digest::{Partial, STRETCH_BYTES};
use crate::kernel::BLOCK_BYTES;

/// What came of a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Bytes that were copied: whole blocks.
    pub(crate) bytes: usize,
    /// What the samples lost.
    pub(crate) counts: Counts,
    /// What the copied bytes come to in the digest of their stretch.
    pub(crate) partial: Partial,
    /// True if a page could not be had (see [`super::fault`]); the other numbers then mean nothing.
    pub(crate) faulted: bool,
}

/// Blocks per call of a routine: those of a stretch, for which there are keys.
pub(super) const MAX_BLOCKS: usize = STRETCH_BYTES / BLOCK_BYTES;

/// How far ahead of the work bytes are asked for. The processor does so by itself, but stops at each page's end,
/// because it cannot know which page follows; on an address that is not mapped nothing happens.
#[cfg(target_arch = "x86_64")]
pub(super) const PREFETCH_BYTES: usize = 2048;

/// A sum that a routine made in parts.
pub(super) fn total(parts: [u64; 4]) -> u64 {
    parts.into_iter().fold(0, u64::wrapping_add)
}

/// The end of the loop of every routine: the digest's products, of the block's words with their keys added in ymm11 to
/// ymm13, into ymm15; then the next block, from the label `$begin` on. What each stored it has added to ymm14 by
/// itself.
#[cfg(target_arch = "x86_64")]
macro_rules! digest_and_go_on {
    ($begin:literal) => {
        concat!(
            "vpsrlq ymm8, ymm11, 32\n",
            "vpsrlq ymm9, ymm12, 32\n",
            "vpsrlq ymm10, ymm13, 32\n",
            "vpmuludq ymm11, ymm11, ymm8\n",
            "vpmuludq ymm12, ymm12, ymm9\n",
            "vpmuludq ymm13, ymm13, ymm10\n",
            "vpaddq ymm15, ymm15, ymm11\n",
            "vpaddq ymm15, ymm15, ymm12\n",
            "vpaddq ymm15, ymm15, ymm13\n",
            "add rsi, 96\n",
            "add rdi, 96\n",
            "add r9, 96\n",
            "dec rdx\n",
            "jnz ",
            symbol!($begin),
        )
    };
}
#[cfg(target_arch = "x86_64")]
pub(super) use digest_and_go_on;
