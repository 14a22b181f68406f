//! Copying samples that are looked up on the way: the table loop of `kernel`, with AVX-512, which looks up sixteen at a
//! time. (AVX2 looks up eight, which measured no faster than one by one.)
#![allow(
    unsafe_code,
    reason = "raw reads and writes of shared memory are what this file is for"
)]

use std::fmt;
use std::sync::Arc;

use super::copied::{Copied, MAX_BLOCKS, total};
#[cfg(target_arch = "x86_64")]
use super::copied::{PREFETCH_BYTES, digest_and_go_on};
#[cfg(target_arch = "x86_64")]
use super::exception::ExceptionEntry;
use crate::counts::Counts;
use crate::digest::{Key, Partial};
use crate::kernel::{BLOCK_BYTES, BLOCK_SAMPLES, Lookup};
use crate::op::VALUES;

/// Samples that are looked up at once.
const TOGETHER: usize = 16;

/// A table and the lanes that it is for.
#[derive(Clone)]
pub(crate) struct Avx512Params {
    words: Arc<[u32; VALUES]>,
    /// A bit for every sample of a block, sixteen in a number, lowest first: set where it is edited.
    edited: [u64; 3],
    routine: Routine,
}

type Routine = unsafe extern "sysv64" fn(*mut u8, *const u8, usize, *const u32, *mut Sums, *const u64) -> usize;

/// What the routine reads beside the table, and adds up on the way. The order of the fields is the routine's.
#[repr(C)]
struct Sums {
    edited: [u64; 3],
    /// The upper halves of the words that were found, sample by sample of the sixteen.
    flags: [u32; TOGETHER],
    /// The digest's two sums, in parts.
    sum: [u64; 4],
    product: [u64; 4],
}

// Each of the sixteen sees three samples of a block, and the lower of its two counts must stay below the upper one.
const _: () = assert!(3 * MAX_BLOCKS < 1 << Lookup::MERGED_SHIFT);

impl Avx512Params {
    /// The parameters of a lookup, if this machine has AVX-512 and every block has the same lanes.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn new(lookup: &Lookup) -> Option<Avx512Params> {
        let is_edited = lookup.edited_in_every_block()?;
        let bits = |third: usize| {
            let samples = 0..TOGETHER;
            samples.fold(0, |bits, place| {
                bits | u64::from(is_edited[third * TOGETHER + place]) << place
            })
        };
        is_x86_feature_detected!("avx512f").then(|| Avx512Params {
            words: Arc::clone(lookup.words()),
            edited: [bits(0), bits(1), bits(2)],
            routine: copy_lookup,
        })
    }

    /// Nobody has written the routine for this kind of machine.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn new(_: &Lookup) -> Option<Avx512Params> {
        None
    }

    /// As [`super::copy_edited::RoutineParams::copy_blocks`], for `blocks` blocks.
    ///
    /// # Safety
    /// As there, for as many bytes as `blocks` blocks have; `blocks` must be from 1 to [`MAX_BLOCKS`].
    pub(super) unsafe fn copy_blocks(&self, to: *mut u8, from: *const u8, blocks: usize, key: &Key) -> Copied {
        debug_assert!((1..=MAX_BLOCKS).contains(&blocks));
        let mut sums = Sums {
            edited: self.edited,
            flags: [0; TOGETHER],
            sum: [0; 4],
            product: [0; 4],
        };
        let key = key.words().as_ptr();
        // SAFETY: the caller vouches for the bytes; the key has words for a stretch of them, the table one for every
        // value; parameters exist only where the machine has AVX-512.
        let blocks_left = unsafe { (self.routine)(to, from, blocks, self.words.as_ptr(), &raw mut sums, key) };
        let mut counts = Counts::default();
        for flags in sums.flags {
            counts += Lookup::counts(flags);
        }
        Copied {
            bytes: blocks * BLOCK_BYTES,
            counts,
            partial: Partial {
                sum: total(sums.sum),
                product: total(sums.product),
            },
            faulted: blocks_left != 0,
        }
    }
}

impl fmt::Debug for Avx512Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Avx512Params({:x?})", self.edited)
    }
}

const _: () = assert!(BLOCK_SAMPLES == 3 * TOGETHER);

/// The routine: `blocks` times 96 bytes: widen three times sixteen samples to words of 32 bits, put in their places
/// what the table has for those that are edited, add up the upper halves, store the lower ones, digest. Returns the
/// blocks that are left: 0, unless a page could not be had. The table is private, so looking up faults nowhere.
///
/// rdi = to, rsi = from, rdx = blocks, rcx = table, r8 = sums, r9 = key.
///
/// # Safety
/// As for [`Avx512Params::copy_blocks`], on a machine that has AVX-512.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "sysv64" fn copy_lookup(
    to: *mut u8,
    from: *const u8,
    blocks: usize,
    table: *const u32,
    sums: *mut Sums,
    key: *const u64,
) -> usize {
    core::arch::naked_asm!(
        "kmovw k1, [r8]",
        "kmovw k2, [r8 + 8]",
        "kmovw k3, [r8 + 16]",
        "vpxor xmm5, xmm5, xmm5",
        "vpxor xmm14, xmm14, xmm14",
        "vpxor xmm15, xmm15, xmm15",
        concat!(".hidden ", symbol!("copy_lookup_begin")),
        concat!(".globl ", symbol!("copy_lookup_begin")),
        concat!(symbol!("copy_lookup_begin"), ":"),
        "prefetcht0 [rsi + {ahead}]",
        "prefetcht0 [rsi + {ahead} + 48]",
        "vpmovzxwd zmm0, [rsi]",
        "vpmovzxwd zmm1, [rsi + 32]",
        "vpmovzxwd zmm2, [rsi + 64]",
        // What is not looked up stays: the old sample, and no flags.
        "vmovdqa32 zmm8, zmm0",
        "vmovdqa32 zmm9, zmm1",
        "vmovdqa32 zmm10, zmm2",
        // Each lookup uses its mask up.
        "kmovw k4, k1",
        "kmovw k5, k2",
        "kmovw k6, k3",
        "vpgatherdd zmm8 {{k4}}, [rcx + zmm0*4]",
        "vpgatherdd zmm9 {{k5}}, [rcx + zmm1*4]",
        "vpgatherdd zmm10 {{k6}}, [rcx + zmm2*4]",
        "vpmovdw ymm11, zmm8",
        "vpmovdw ymm12, zmm9",
        "vpmovdw ymm13, zmm10",
        "vpsrld zmm8, zmm8, 16",
        "vpsrld zmm9, zmm9, 16",
        "vpsrld zmm10, zmm10, 16",
        "vpaddd zmm5, zmm5, zmm8",
        "vpaddd zmm5, zmm5, zmm9",
        "vpaddd zmm5, zmm5, zmm10",
        "vmovdqu [rdi], ymm11",
        "vmovdqu [rdi + 32], ymm12",
        "vmovdqu [rdi + 64], ymm13",
        "vpaddq ymm14, ymm14, ymm11",
        "vpaddq ymm14, ymm14, ymm12",
        "vpaddq ymm14, ymm14, ymm13",
        "vpaddd ymm11, ymm11, [r9]",
        "vpaddd ymm12, ymm12, [r9 + 32]",
        "vpaddd ymm13, ymm13, [r9 + 64]",
        digest_and_go_on!("copy_lookup_begin"),
        concat!(".hidden ", symbol!("copy_lookup_fixup")),
        concat!(".globl ", symbol!("copy_lookup_fixup")),
        concat!(symbol!("copy_lookup_fixup"), ":"),
        "vmovdqu32 [r8 + 24], zmm5",
        "vmovdqu [r8 + 88], ymm14",
        "vmovdqu [r8 + 120], ymm15",
        "vzeroupper",
        "mov rax, rdx",
        "ret",
        ahead = const PREFETCH_BYTES,
    )
}

#[cfg(target_arch = "x86_64")]
unsafe extern "C" {
    #[link_name = symbol!("copy_lookup_begin")]
    static copy_lookup_begin: u8;
    #[link_name = symbol!("copy_lookup_fixup")]
    static copy_lookup_fixup: u8;
}

/// Where the routine may fault, and where it then goes on.
#[cfg(target_arch = "x86_64")]
pub(super) fn exception_entry() -> ExceptionEntry {
    ExceptionEntry::new(&raw const copy_lookup_begin, &raw const copy_lookup_fixup)
}
