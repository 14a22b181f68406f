//! Noticing that this process is a forked child.
//!
//! A child made by `fork` has a copy of all of its parent's memory and descriptors, so it looks to itself like a user
//! of the parent's named objects. It is not: its destructors must not unlink what the parent uses, and it must not
//! believe that it holds the parent's mutexes. So whatever is made here remembers the generation it was made in.
#![allow(unsafe_code, reason = "the hook into fork is a C function")]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// The number of forks between the process that first asked and this one.
///
/// A child made by a bare `clone` system call, past the C library, is not noticed.
pub(crate) fn generation() -> u64 {
    static WATCHING: OnceLock<()> = OnceLock::new();
    WATCHING.get_or_init(|| {
        // SAFETY: `in_child` lives for ever and does nothing but an atomic addition, which is allowed after a fork.
        let failed = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        assert_eq!(failed, 0, "the C library has no memory left for one more fork handler");
    });
    GENERATION.load(Ordering::Relaxed)
}

/// The same for those who remember a generation already, hence know that the watch is on: one load.
#[inline]
pub(crate) fn is_still(generation: u64) -> bool {
    GENERATION.load(Ordering::Relaxed) == generation
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}
