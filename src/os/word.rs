//! Atomic words in memory that other processes share, and whose pages may be gone: a truncated file, a disk that is
//! full when a copy-on-write file system needs a new block for a page that was there before.
//!
//! Each routine does one access and says whether it took place; a fault in it is no signal but an answer (see
//! [`super::fault`]). They are opaque to the compiler, so nothing moves across them; on this kind of machine a plain
//! load is an acquire and a plain store a release.
#![allow(unsafe_code, reason = "words in shared memory are reached by raw pointers")]

#[cfg(target_arch = "x86_64")]
use super::exception::ExceptionEntry;

/// A page that could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// The word at `from`, with all that was written before it was.
///
/// # Safety
/// `from` must be aligned and mapped readable for as long as the call lasts; everybody reaches the word by atomics
/// only.
pub(crate) unsafe fn load(from: *const u64) -> Result<u64, Gone> {
    let mut value = 0;
    // SAFETY: as the caller vouches; `value` is ours.
    match unsafe { raw_load(from, &raw mut value) } {
        0 => Ok(value),
        _ => Err(Gone),
    }
}

/// Sets the word at `to`, after all that was written before.
///
/// # Safety
/// As for [`load`], mapped writable.
pub(crate) unsafe fn store(to: *mut u64, value: u64) -> Result<(), Gone> {
    // SAFETY: as the caller vouches.
    match unsafe { raw_store(to, value) } {
        0 => Ok(()),
        _ => Err(Gone),
    }
}

/// Sets the word at `at` if it is `old`; true if it was.
///
/// # Safety
/// As for [`store`].
pub(crate) unsafe fn replace(at: *mut u64, old: u64, new: u64) -> Result<bool, Gone> {
    // SAFETY: as the caller vouches.
    match unsafe { raw_replace(at, old, new) } {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Gone),
    }
}

/// Adds `more` to the word at `at`, and returns what it was.
///
/// # Safety
/// As for [`store`].
pub(crate) unsafe fn add(at: *mut u64, more: u64) -> Result<u64, Gone> {
    // SAFETY: as the caller vouches.
    let mut old = unsafe { load(at) }?;
    loop {
        let new = old.wrapping_add(more);
        // SAFETY: as the caller vouches.
        if unsafe { replace(at, old, new) }? {
            return Ok(old);
        }
        // SAFETY: as the caller vouches.
        old = unsafe { load(at) }?;
    }
}

#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "sysv64" fn raw_load(from: *const u64, value: *mut u64) -> u64 {
    // rdi = from, rsi = value.
    core::arch::naked_asm!(
        "mov eax, 1",
        concat!(".hidden ", symbol!("load_begin")),
        concat!(".globl ", symbol!("load_begin")),
        concat!(symbol!("load_begin"), ":"),
        "mov rdx, [rdi]",
        "mov [rsi], rdx",
        "xor eax, eax",
        concat!(".hidden ", symbol!("load_fixup")),
        concat!(".globl ", symbol!("load_fixup")),
        concat!(symbol!("load_fixup"), ":"),
        "ret",
    )
}

#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "sysv64" fn raw_store(to: *mut u64, value: u64) -> u64 {
    // rdi = to, rsi = value.
    core::arch::naked_asm!(
        "mov eax, 1",
        concat!(".hidden ", symbol!("store_begin")),
        concat!(".globl ", symbol!("store_begin")),
        concat!(symbol!("store_begin"), ":"),
        "mov [rdi], rsi",
        "xor eax, eax",
        concat!(".hidden ", symbol!("store_fixup")),
        concat!(".globl ", symbol!("store_fixup")),
        concat!(symbol!("store_fixup"), ":"),
        "ret",
    )
}

#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "sysv64" fn raw_replace(at: *mut u64, old: u64, new: u64) -> u64 {
    // rdi = at, rsi = old, rdx = new; the instruction wants the old value in rax.
    core::arch::naked_asm!(
        "mov ecx, 2",
        "mov rax, rsi",
        concat!(".hidden ", symbol!("replace_begin")),
        concat!(".globl ", symbol!("replace_begin")),
        concat!(symbol!("replace_begin"), ":"),
        "lock cmpxchg [rdi], rdx",
        "mov ecx, 0",
        "sete cl",
        concat!(".hidden ", symbol!("replace_fixup")),
        concat!(".globl ", symbol!("replace_fixup")),
        concat!(symbol!("replace_fixup"), ":"),
        "mov eax, ecx",
        "ret",
    )
}

#[cfg(target_arch = "x86_64")]
unsafe extern "C" {
    #[link_name = symbol!("load_begin")]
    static load_begin: u8;
    #[link_name = symbol!("load_fixup")]
    static load_fixup: u8;
    #[link_name = symbol!("store_begin")]
    static store_begin: u8;
    #[link_name = symbol!("store_fixup")]
    static store_fixup: u8;
    #[link_name = symbol!("replace_begin")]
    static replace_begin: u8;
    #[link_name = symbol!("replace_fixup")]
    static replace_fixup: u8;
}

/// Where the routines may fault, and where each then goes on.
#[cfg(target_arch = "x86_64")]
pub(super) fn exception_entries() -> [ExceptionEntry; 3] {
    [
        ExceptionEntry::new(&raw const load_begin, &raw const load_fixup),
        ExceptionEntry::new(&raw const store_begin, &raw const store_fixup),
        ExceptionEntry::new(&raw const replace_begin, &raw const replace_fixup),
    ]
}

/// On machines for which nobody has written the routines, a fault is a signal.
#[cfg(not(target_arch = "x86_64"))]
use self::unguarded::{raw_load, raw_replace, raw_store};

#[cfg(not(target_arch = "x86_64"))]
mod unguarded {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// # Safety
    /// As for [`super::load`].
    pub(super) unsafe fn raw_load(from: *const u64, value: *mut u64) -> u64 {
        // SAFETY: aligned and mapped, says the caller.
        let word = unsafe { AtomicU64::from_ptr(from.cast_mut()) };
        // SAFETY: the caller's own.
        unsafe { value.write(word.load(Ordering::Acquire)) };
        0
    }

    /// # Safety
    /// As for [`super::store`].
    pub(super) unsafe fn raw_store(to: *mut u64, value: u64) -> u64 {
        // SAFETY: aligned and mapped writable, says the caller.
        let word = unsafe { AtomicU64::from_ptr(to) };
        word.store(value, Ordering::Release);
        0
    }

    /// # Safety
    /// As for [`super::replace`].
    pub(super) unsafe fn raw_replace(at: *mut u64, old: u64, new: u64) -> u64 {
        // SAFETY: aligned and mapped writable, says the caller.
        let word = unsafe { AtomicU64::from_ptr(at) };
        let replaced = word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire);
        u64::from(replaced.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_change_as_they_should() {
        let mut word = 5u64;
        let at = &raw mut word;
        // SAFETY: a private word, here and below.
        assert_eq!(unsafe { load(at) }, Ok(5));
        // SAFETY: as above.
        assert_eq!(unsafe { store(at, u64::MAX) }, Ok(()));
        // SAFETY: as above.
        assert_eq!(unsafe { replace(at, 5, 6) }, Ok(false));
        // SAFETY: as above.
        assert_eq!(unsafe { replace(at, u64::MAX, 6) }, Ok(true));
        // SAFETY: as above.
        assert_eq!(unsafe { add(at, 4) }, Ok(6));
        assert_eq!(word, 10);
    }

    #[test]
    fn threads_count_together() {
        let mut word = 0u64;
        let at = (&raw mut word).expose_provenance();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        // SAFETY: the word outlives the scope and is reached by atomics only.
                        unsafe { add(std::ptr::with_exposed_provenance_mut(at), 1) }.expect("there");
                    }
                });
            }
        });
        assert_eq!(word, 40_000);
    }
}
