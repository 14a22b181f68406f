//! Copying samples out of memory that other processes may change, with a saturating step on the way.
//!
//! What [`Kernel`] does to a private slice, as one pass from the image into a slot: no byte lies in between on the
//! stack, and nothing that others may change is ever under a Rust reference. The price of the slot is then one more
//! load and one more store for every byte, which hide behind the memory.
#![allow(
    unsafe_code,
    reason = "raw reads and writes of shared memory are what this file is for"
)]

#[cfg(target_arch = "x86_64")]
use super::fault::Stretch;
use crate::digest::{Key, Partial, STRETCH_BYTES};
use crate::op::{BLOCK_BYTES, Kernel, LANES};
use crate::pixel::ByteOrder;

/// A kernel in the form in which the routine below reads it. The order of the fields is the routine's.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Recipe {
    steps: [u16; LANES],
    flip: [u16; 16],
    /// Where each byte of half a register comes from: swaps the two bytes of each sample, or does not.
    shuffle: [u8; 32],
    routine: Routine,
}

/// What the routines have in common.
type Routine = unsafe extern "sysv64" fn(*mut u8, *const u8, usize, *const Recipe, *mut Counts, *const u64) -> usize;

/// What the routine counts on the way. The order of the fields is the routine's.
#[derive(Default)]
#[repr(C)]
struct Counts {
    /// Samples that did not clip, lane by lane.
    unclipped: [[u16; 16]; 3],
    /// The digest's two sums, in parts.
    sum: [u64; 4],
    product: [u64; 4],
}

/// What came of a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Bytes that were copied: whole blocks.
    pub(crate) bytes: usize,
    /// Samples that clipped.
    pub(crate) clipped: u64,
    /// What the copied bytes come to in the digest of their stretch.
    pub(crate) partial: Partial,
    /// True if a page could not be had (see [`super::fault`]); the other numbers then mean nothing.
    pub(crate) faulted: bool,
}

/// Blocks per call of the routine: those of a stretch, for which there are keys. Its lane counters have 16 bits.
const MAX_BLOCKS: usize = STRETCH_BYTES / BLOCK_BYTES;
const _: () = assert!(MAX_BLOCKS <= u16::MAX as usize);

/// How far ahead of the work bytes are asked for. The processor does so by itself, but stops at each page's end, because it
/// cannot know which page follows; on an address that is not mapped nothing happens.
#[cfg(target_arch = "x86_64")]
const PREFETCH_BYTES: usize = 2048;

impl Recipe {
    /// The recipe of a kernel, if this machine can cook it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn new(kernel: &Kernel) -> Option<Recipe> {
        let swap = kernel.order == ByteOrder::Big;
        is_x86_feature_detected!("avx2").then(|| Recipe {
            steps: kernel.steps,
            flip: [kernel.flip; 16],
            shuffle: std::array::from_fn(|byte| {
                let from = if swap { byte ^ 1 } else { byte } % 16;
                from.to_le_bytes()[0]
            }),
            routine: match (swap, kernel.flip) {
                (false, 0) => copy_add,
                (false, _) => copy_add_flipped,
                (true, _) => copy_add_swapped,
            },
        })
    }

    /// Nobody has written the routine for this kind of machine.
    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn new(_: &Kernel) -> Option<Recipe> {
        None
    }

    /// Copies as many whole blocks of [`BLOCK_BYTES`] as `length` bytes hold, at most a stretch, from `from` to `to`,
    /// edited, and digests them with `key` as the beginning of a stretch. `from` must be at a pixel's first byte.
    ///
    /// # Safety
    /// As for [`super::copy::copy`], for `length` bytes.
    pub(crate) unsafe fn copy_blocks(&self, to: *mut u8, from: *const u8, length: usize, key: &Key) -> Copied {
        let blocks = (length / BLOCK_BYTES).min(MAX_BLOCKS);
        if blocks == 0 {
            return Copied::default();
        }
        let mut counts = Counts::default();
        let key = key.words().as_ptr();
        // SAFETY: `blocks` blocks are at most `length` bytes, for which the caller vouches, and at most a stretch, for
        // which the key has words; a recipe exists only where the machine has AVX2.
        let blocks_left = unsafe { (self.routine)(to, from, blocks, self, &raw mut counts, key) };
        let total = |parts: [u64; 4]| parts.into_iter().fold(0, u64::wrapping_add);
        let unclipped: u64 = counts
            .unclipped
            .as_flattened()
            .iter()
            .map(|&lane| u64::from(lane))
            .sum();
        Copied {
            bytes: blocks * BLOCK_BYTES,
            clipped: ((blocks * LANES) as u64).saturating_sub(unclipped),
            partial: Partial {
                sum: total(counts.sum),
                product: total(counts.product),
            },
            faulted: blocks_left != 0,
        }
    }
}

/// A routine: `blocks` times 96 bytes: load three registers, put the bytes in this machine's order, flip, step, note
/// which lanes came out as without saturation, flip, put the bytes back, store, digest. Returns the blocks that are left:
/// 0, unless a page could not be had. Where nothing is to be swapped or to be flipped, these steps are left out.
///
/// rdi = to, rsi = from, rdx = blocks, rcx = recipe, r8 = counts, r9 = key.
#[cfg(target_arch = "x86_64")]
macro_rules! routine {
    ($name:ident, $begin:literal, $landing:literal, swap: [$($swap:literal),*], flip: [$($flip:literal),*]) => {
        /// # Safety
        /// As for [`Recipe::copy_blocks`], with `blocks` at least 1, on a machine that has AVX2.
        #[unsafe(naked)]
        unsafe extern "sysv64" fn $name(
            to: *mut u8,
            from: *const u8,
            blocks: usize,
            recipe: *const Recipe,
            counts: *mut Counts,
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
                concat!(".hidden ", $begin),
                concat!(".globl ", $begin),
                concat!($begin, ":"),
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
                "vpsrlq ymm8, ymm11, 32",
                "vpsrlq ymm9, ymm12, 32",
                "vpsrlq ymm10, ymm13, 32",
                "vpmuludq ymm11, ymm11, ymm8",
                "vpmuludq ymm12, ymm12, ymm9",
                "vpmuludq ymm13, ymm13, ymm10",
                "vpaddq ymm15, ymm15, ymm11",
                "vpaddq ymm15, ymm15, ymm12",
                "vpaddq ymm15, ymm15, ymm13",
                "add rsi, 96",
                "add rdi, 96",
                "add r9, 96",
                "dec rdx",
                concat!("jnz ", $begin),
                concat!(".hidden ", $landing),
                concat!(".globl ", $landing),
                concat!($landing, ":"),
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
    "pagelight_copy_add_begin",
    "pagelight_copy_add_landing",
    swap: [],
    flip: []
);
#[cfg(target_arch = "x86_64")]
routine!(
    copy_add_flipped,
    "pagelight_copy_add_flipped_begin",
    "pagelight_copy_add_flipped_landing",
    swap: [],
    flip: ["vpxor ymm8, ymm8, ymm3", "vpxor ymm9, ymm9, ymm3", "vpxor ymm10, ymm10, ymm3"]
);
#[cfg(target_arch = "x86_64")]
routine!(
    copy_add_swapped,
    "pagelight_copy_add_swapped_begin",
    "pagelight_copy_add_swapped_landing",
    swap: ["vpshufb ymm8, ymm8, ymm4", "vpshufb ymm9, ymm9, ymm4", "vpshufb ymm10, ymm10, ymm4"],
    flip: ["vpxor ymm8, ymm8, ymm3", "vpxor ymm9, ymm9, ymm3", "vpxor ymm10, ymm10, ymm3"]
);

#[cfg(target_arch = "x86_64")]
unsafe extern "C" {
    static pagelight_copy_add_begin: u8;
    static pagelight_copy_add_landing: u8;
    static pagelight_copy_add_flipped_begin: u8;
    static pagelight_copy_add_flipped_landing: u8;
    static pagelight_copy_add_swapped_begin: u8;
    static pagelight_copy_add_swapped_landing: u8;
}

/// Where the routines may fault, and where each then goes on.
#[cfg(target_arch = "x86_64")]
pub(super) fn stretches() -> [Stretch; 3] {
    [
        Stretch::new(
            &raw const pagelight_copy_add_begin,
            &raw const pagelight_copy_add_landing,
        ),
        Stretch::new(
            &raw const pagelight_copy_add_flipped_begin,
            &raw const pagelight_copy_add_flipped_landing,
        ),
        Stretch::new(
            &raw const pagelight_copy_add_swapped_begin,
            &raw const pagelight_copy_add_swapped_landing,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Op;
    use crate::pixel::{ChannelSet, PixelFormat};

    #[test]
    fn it_does_what_the_kernel_does() {
        // All 65,536 values, stretch by stretch, so that each meets several lanes; from an odd address to an odd address.
        let all: Vec<u8> = (0..=131_072u32).flat_map(|v| v.to_le_bytes()).skip(1).collect();
        let key = Key::new(5);
        for name in [
            "rgba16",
            "rgb16be",
            "gray16",
            "graya16be",
            "rgb:i16le",
            "mycolor",
            "rgba:i16be",
        ] {
            let format: PixelFormat = name.parse().expect("a format");
            for amount in [0, 1, -1, 2000, -32_768, 65_535, -65_535] {
                for list in ["all", "1"] {
                    let channels = ChannelSet::parse(list, format.channels).expect("channels");
                    let kernel = Op { amount, channels }.kernel(format);
                    let Some(recipe) = Recipe::new(&kernel) else {
                        eprintln!("skipped: this machine has no AVX2");
                        return;
                    };
                    let lengths = [0, 95, 96, 97, 191, 192].map(|length| &all[..length]);
                    for source in lengths.into_iter().chain(all.chunks(STRETCH_BYTES)) {
                        let length = source.len();
                        let mut target = vec![0xEE; source.len() + 1];
                        // SAFETY: two private vectors, of at least `length` bytes after the first.
                        let copied = unsafe {
                            recipe.copy_blocks(target.as_mut_ptr().wrapping_add(1), source.as_ptr(), length, &key)
                        };
                        let bytes = length.min(STRETCH_BYTES) / 96 * 96;
                        let mut want = source[..bytes].to_vec();
                        let want_copied = Copied {
                            bytes,
                            clipped: kernel.apply(&mut want),
                            partial: key.partial(0, &want),
                            faulted: false,
                        };
                        assert_eq!(copied, want_copied);
                        assert!(target[1..=bytes] == want, "{name} {amount} {list} {length}");
                        assert!(target[0] == 0xEE && target[bytes + 1..].iter().all(|&byte| byte == 0xEE));
                    }
                }
            }
        }
    }
}
