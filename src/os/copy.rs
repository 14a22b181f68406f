//! Copying bytes to and from memory that other processes may change at any moment.
//!
//! Rust's own references and copies promise the compiler that nobody else writes; over a shared map that promise would
//! be a lie. So the one routine here is opaque to the compiler: its loads and stores happen just as written, in order,
//! each byte once.
#![allow(
    unsafe_code,
    reason = "raw copies between shared and private memory are what this file is for"
)]

#[cfg(target_arch = "x86_64")]
use super::exception::ExceptionEntry;

/// Copies `length` bytes from `from` to `to`, first to last, and returns how many were *not* copied: 0, or what was
/// left when a page could not be had (see [`super::fault`]). Either side may be shared with other processes: what they
/// write meanwhile may be copied or not, byte by byte.
///
/// # Safety
/// `from` must be mapped readable and `to` mapped writable for `length` bytes, for as long as the call lasts.
/// Neither may be covered by a Rust reference at that time, unless it is private memory: then `from` may be a `&[u8]`
/// and `to` a `&mut [u8]` of the caller's. (Bytes that overlap are no danger, only of no use: they may be copied
/// twice.)
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[must_use]
pub(crate) unsafe extern "sysv64" fn copy(to: *mut u8, from: *const u8, length: usize) -> usize {
    // rdi = to, rsi = from, rdx = length: the registers that the string instruction wants, but for the count. Today's
    // processors move 32 or 64 bytes a cycle so, and a loop of vector instructions measured slower between caches.
    // It counts rcx down, also when it is cut short by a fault.
    core::arch::naked_asm!(
        "mov rcx, rdx",
        concat!(".hidden ", symbol!("copy_begin")),
        concat!(".globl ", symbol!("copy_begin")),
        concat!(symbol!("copy_begin"), ":"),
        "rep movsb",
        concat!(".hidden ", symbol!("copy_fixup")),
        concat!(".globl ", symbol!("copy_fixup")),
        concat!(symbol!("copy_fixup"), ":"),
        "mov rax, rcx",
        "ret",
    )
}

#[cfg(target_arch = "x86_64")]
unsafe extern "C" {
    #[link_name = symbol!("copy_begin")]
    static copy_begin: u8;
    #[link_name = symbol!("copy_fixup")]
    static copy_fixup: u8;
}

/// Where `copy` may fault, and where it then goes on.
#[cfg(target_arch = "x86_64")]
pub(super) fn exception_entry() -> ExceptionEntry {
    ExceptionEntry::new(&raw const copy_begin, &raw const copy_fixup)
}

/// The same on machines for which nobody has written the routine above: a volatile byte at a time, slow and right.
///
/// # Safety
/// As above.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub(crate) unsafe fn copy(to: *mut u8, from: *const u8, length: usize) -> usize {
    for at in 0..length {
        // SAFETY: `at` is below `length`, for which the caller vouches.
        let source = unsafe { from.add(at) };
        // SAFETY: as for `source`.
        let target = unsafe { to.add(at) };
        // SAFETY: mapped readable, says the caller; a byte has no alignment and no invalid values.
        let byte = unsafe { source.read_volatile() };
        // SAFETY: mapped writable, says the caller.
        unsafe { target.write_volatile(byte) };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_alignment_copies_exactly_its_bytes() {
        let source: Vec<u8> = (0..700u32).map(|i| (i % 251) as u8).collect();
        for from in 0..17 {
            for to in 0..17 {
                for length in (0..200).chain([255, 256, 257, 480, 640]) {
                    let mut target = vec![0xEE; 700];
                    let (into, out_of) = (&mut target[to..to + length], &source[from..from + length]);
                    // SAFETY: two private slices of `length` bytes.
                    let not_copied = unsafe { copy(into.as_mut_ptr(), out_of.as_ptr(), length) };
                    assert_eq!(not_copied, 0);
                    let mut want = vec![0xEE; 700];
                    want[to..to + length].copy_from_slice(&source[from..from + length]);
                    assert!(target == want, "{from} {to} {length}");
                }
            }
        }
    }
}
