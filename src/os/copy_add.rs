//! Copying samples with a saturating step on the way: the vector loop of `kernel`, with AVX2.
#![allow(
    unsafe_code,
    reason = "raw reads and writes of shared memory are what this file is for"
)]

use super::copied::{Copied, MAX_BLOCKS, total};
#[cfg(target_arch = "x86_64")]
use super::copied::{PREFETCH_BYTES, digest_and_go_on};
#[cfg(target_arch = "x86_64")]
use super::exception::ExceptionEntry;
use crate::counts::Counts;
use crate::digest::{Key, Partial};
use crate::kernel::{Add, BLOCK_BYTES, BLOCK_SAMPLES};
use crate::pixel::ByteOrder;

/// An addition in the form in which the routines below read it. The order of the fields is the routines'.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Avx2Params {
    steps: [u16; BLOCK_SAMPLES],
    flip: [u16; 16],
    /// Where each byte of half a register comes from: swaps the two bytes of each sample, or does not.
    shuffle: [u8; 32],
    routine: Routine,
}

/// What the routines have in common.
type Routine = unsafe extern "sysv64" fn(*mut u8, *const u8, usize, *const Avx2Params, *mut Sums, *const u64) -> usize;

/// What the routine adds up on the way. The order of the fields is the routine's.
#[derive(Default)]
#[repr(C)]
struct Sums {
    /// Samples that did not clip, by their place in a block.
    unclipped: [[u16; 16]; 3],
    /// The digest's two sums, in parts.
    sum: [u64; 4],
    product: [u64; 4],
}

// A counter sees one sample of each block.
const _: () = assert!(MAX_BLOCKS <= u16::MAX as usize);

impl Avx2Params {
    /// The parameters of an addition, if this machine has AVX2 and every block has the same lanes.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn new(add: &Add) -> Option<Avx2Params> {
        let steps = add.steps_of_every_block()?;
        let swap = add.order() == ByteOrder::Big;
        is_x86_feature_detected!("avx2").then(|| Avx2Params {
            steps,
            flip: [add.flip(); 16],
            shuffle: std::array::from_fn(|byte| {
                let from = if swap { byte ^ 1 } else { byte } % 16;
                from.to_le_bytes()[0]
            }),
            routine: match (swap, add.flip()) {
                (false, 0) => copy_add,
                (false, _) => copy_add_flipped,
                (true, _) => copy_add_swapped,
            },
        })
    }

    /// Nobody has written the routine for this kind of machine.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn new(_: &Add) -> Option<Avx2Params> {
        None
    }

    /// As [`super::copy_edited::RoutineParams::copy_blocks`], for `blocks` blocks.
    ///
    /// # Safety
    /// As there, for as many bytes as `blocks` blocks have; `blocks` must be from 1 to [`MAX_BLOCKS`].
    pub(super) unsafe fn copy_blocks(&self, to: *mut u8, from: *const u8, blocks: usize, key: &Key) -> Copied {
        debug_assert!((1..=MAX_BLOCKS).contains(&blocks));
        let mut sums = Sums::default();
        let key = key.words().as_ptr();
        // SAFETY: the caller vouches for the bytes; the key has words for a stretch of them; parameters exist only
        // where the machine has AVX2.
        let blocks_left = unsafe { (self.routine)(to, from, blocks, self, &raw mut sums, key) };
        let unclipped: u64 = sums
            .unclipped
            .as_flattened()
            .iter()
            .map(|&count| u64::from(count))
            .sum();
        Copied {
            bytes: blocks * BLOCK_BYTES,
            counts: Counts {
                clipped: ((blocks * BLOCK_SAMPLES) as u64).saturating_sub(unclipped),
                merged: 0,
            },
            partial: Partial {
                sum: total(sums.sum),
                product: total(sums.product),
            },
            faulted: blocks_left != 0,
        }
    }
}

/// A routine: `blocks` times 96 bytes: load three registers, put the bytes in this machine's order, flip, step, note
/// which samples came out as without saturation, flip, put the bytes back, store, digest. Returns the blocks that are
/// left: 0, unless a page could not be had. Where nothing is to be swapped or to be flipped, these steps are left out.
///
/// rdi = to, rsi = from, rdx = blocks, rcx = params, r8 = sums, r9 = key.
#[cfg(target_arch = "x86_64")]
macro_rules! routine {
    ($name:ident, $begin:literal, $fixup:literal, swap: [$($swap:literal),*], flip: [$($flip:literal),*]) => {
        /// # Safety
        /// As for [`Avx2Params::copy_blocks`], with `blocks` at least 1, on a machine that has AVX2.
        #[unsafe(naked)]
        unsafe extern "sysv64" fn $name(
            to: *mut u8,
            from: *const u8,
            blocks: usize,
            params: *const Avx2Params,
            sums: *mut Sums,
            key: *const u64,
        ) -> usize {
            core::arch::naked_asm!(
                "vmovdqu ymm0, [rcx]",
                "vmovdqu ymm1, [rcx + 32]",
                "vmovdqu ymm2, [rcx + 64]",
                "vmovdqu ymm3, [rcx + 96]",
                "vmovdqu ymm4, [rcx + 128]",
                "vpxor ymm5, ymm5, ymm5",
                "vpxor ymm6, ymm6, ymm6",
                "vpxor ymm7, ymm7, ymm7",
                "vpxor ymm14, ymm14, ymm14",
                "vpxor ymm15, ymm15, ymm15",
                concat!(".hidden ", symbol!($begin)),
                concat!(".globl ", symbol!($begin)),
                concat!(symbol!($begin), ":"),
                "prefetcht0 [rsi + {ahead}]",
                "prefetcht0 [rsi + {ahead} + 48]",
                "vmovdqu ymm8, [rsi]",
                "vmovdqu ymm9, [rsi + 32]",
                "vmovdqu ymm10, [rsi + 64]",
                $($swap,)*
                $($flip,)*
                "vpaddw ymm11, ymm8, ymm0",
                "vpaddw ymm12, ymm9, ymm1",
                "vpaddw ymm13, ymm10, ymm2",
                "vpaddusw ymm8, ymm8, ymm0",
                "vpaddusw ymm9, ymm9, ymm1",
                "vpaddusw ymm10, ymm10, ymm2",
                "vpcmpeqw ymm11, ymm11, ymm8",
                "vpcmpeqw ymm12, ymm12, ymm9",
                "vpcmpeqw ymm13, ymm13, ymm10",
                "vpsubw ymm5, ymm5, ymm11",
                "vpsubw ymm6, ymm6, ymm12",
                "vpsubw ymm7, ymm7, ymm13",
                $($flip,)*
                $($swap,)*
                "vmovdqu [rdi], ymm8",
                "vmovdqu [rdi + 32], ymm9",
                "vmovdqu [rdi + 64], ymm10",
                "vpaddd ymm11, ymm8, [r9]",
                "vpaddd ymm12, ymm9, [r9 + 32]",
                "vpaddd ymm13, ymm10, [r9 + 64]",
                "vpaddq ymm14, ymm14, ymm8",
                "vpaddq ymm14, ymm14, ymm9",
                "vpaddq ymm14, ymm14, ymm10",
                digest_and_go_on!($begin),
                concat!(".hidden ", symbol!($fixup)),
                concat!(".globl ", symbol!($fixup)),
                concat!(symbol!($fixup), ":"),
                "vmovdqu [r8], ymm5",
                "vmovdqu [r8 + 32], ymm6",
                "vmovdqu [r8 + 64], ymm7",
                "vmovdqu [r8 + 96], ymm14",
                "vmovdqu [r8 + 128], ymm15",
                "vzeroupper",
                "mov rax, rdx",
                "ret",
                ahead = const PREFETCH_BYTES,
            )
        }
    };
}

#[cfg(target_arch = "x86_64")]
routine!(
    copy_add,
    "copy_add_begin",
    "copy_add_fixup",
    swap: [],
    flip: []
);
#[cfg(target_arch = "x86_64")]
routine!(
    copy_add_flipped,
    "copy_add_flipped_begin",
    "copy_add_flipped_fixup",
    swap: [],
    flip: ["vpxor ymm8, ymm8, ymm3", "vpxor ymm9, ymm9, ymm3", "vpxor ymm10, ymm10, ymm3"]
);
#[cfg(target_arch = "x86_64")]
routine!(
    copy_add_swapped,
    "copy_add_swapped_begin",
    "copy_add_swapped_fixup",
    swap: ["vpshufb ymm8, ymm8, ymm4", "vpshufb ymm9, ymm9, ymm4", "vpshufb ymm10, ymm10, ymm4"],
    flip: ["vpxor ymm8, ymm8, ymm3", "vpxor ymm9, ymm9, ymm3", "vpxor ymm10, ymm10, ymm3"]
);

#[cfg(target_arch = "x86_64")]
unsafe extern "C" {
    #[link_name = symbol!("copy_add_begin")]
    static copy_add_begin: u8;
    #[link_name = symbol!("copy_add_fixup")]
    static copy_add_fixup: u8;
    #[link_name = symbol!("copy_add_flipped_begin")]
    static copy_add_flipped_begin: u8;
    #[link_name = symbol!("copy_add_flipped_fixup")]
    static copy_add_flipped_fixup: u8;
    #[link_name = symbol!("copy_add_swapped_begin")]
    static copy_add_swapped_begin: u8;
    #[link_name = symbol!("copy_add_swapped_fixup")]
    static copy_add_swapped_fixup: u8;
}

/// Where the routines may fault, and where each then goes on.
#[cfg(target_arch = "x86_64")]
pub(super) fn exception_entries() -> [ExceptionEntry; 3] {
    [
        ExceptionEntry::new(&raw const copy_add_begin, &raw const copy_add_fixup),
        ExceptionEntry::new(&raw const copy_add_flipped_begin, &raw const copy_add_flipped_fixup),
        ExceptionEntry::new(&raw const copy_add_swapped_begin, &raw const copy_add_swapped_fixup),
    ]
}
