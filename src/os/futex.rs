//! Waiting for a word in memory that other processes share, until somebody wakes those who wait.
#![allow(unsafe_code, reason = "words in shared memory are reached by raw pointers")]

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex::{self, Timespec};

use super::word::Gone;

/// Waits until somebody calls [`wake`] for this word, but not longer than `timeout`, and not at all if its lower half
/// is not that of `value`. It may come back for no reason: whoever waits looks again.
///
/// # Safety
/// As for [`load`](super::word::load).
pub(crate) unsafe fn wait(at: *const u64, value: u64, timeout: Duration) -> Result<(), Gone> {
    // SAFETY: as the caller vouches.
    let half = unsafe { lower_half(at) };
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    match futex::wait(half, futex::Flags::empty(), value as u32, Some(&timeout)) {
        Err(Errno::FAULT) => Err(Gone),
        _ => Ok(()),
    }
}

/// Wakes all who wait for this word.
///
/// # Safety
/// As for [`load`](super::word::load).
pub(crate) unsafe fn wake(at: *const u64) -> Result<(), Gone> {
    // SAFETY: as the caller vouches.
    let half = unsafe { lower_half(at) };
    match futex::wake(half, futex::Flags::empty(), i32::MAX.unsigned_abs()) {
        Err(Errno::FAULT) => Err(Gone),
        _ => Ok(()),
    }
}

/// The half of a word that the kernel compares. It is given to the kernel only, never read or written by its address.
///
/// # Safety
/// As for [`load`](super::word::load), as long as the reference lives.
unsafe fn lower_half<'a>(at: *const u64) -> &'a AtomicU32 {
    let half = at.cast::<u32>().wrapping_add(usize::from(cfg!(target_endian = "big")));
    // SAFETY: half of an aligned word that is mapped, says the caller; an atomic may be changed by others.
    unsafe { AtomicU32::from_ptr(half.cast_mut()) }
}
