//! Only for Pagelight's own tests: stopping a process at a chosen step, and working without a safeguard to see that the
//! tests notice.
//!
//! A process stops itself (SIGSTOP) when it reaches the step, so a test can look, kill it there, or let it go on.
#![allow(unsafe_code, reason = "a signal to the running thread is a C call")]

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Where a process may be told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Failpoint {
    /// Creating: the file has its room but no contents.
    Allocated = 1,
    /// Creating: the object is complete, nobody knows of it.
    Initialised,
    /// Creating: the object is marked as used.
    Marked,
    /// Creating: the directory is locked, the name not yet given.
    DirectoryLocked,
    /// Creating: the name is given.
    Named,
    /// Opening: somebody else uses it, we are not yet marked as a user.
    Alive,
    /// Opening: marked as used, the name not yet looked at again.
    Joined,
    /// Closing: known to be the last user, the name still there.
    Last,
    /// Setting an event: it is set, nobody was woken.
    EventSet,
    /// Writing into a ring: the bytes are there, not counted.
    RingWritten,
    /// Reading from a ring: the bytes were copied, not counted.
    RingRead,
    /// Counted in a ring, nobody was woken.
    RingCounted,
}

impl Failpoint {
    /// All of them, in order.
    pub const ALL: [Failpoint; 12] = [
        Failpoint::Allocated,
        Failpoint::Initialised,
        Failpoint::Marked,
        Failpoint::DirectoryLocked,
        Failpoint::Named,
        Failpoint::Alive,
        Failpoint::Joined,
        Failpoint::Last,
        Failpoint::EventSet,
        Failpoint::RingWritten,
        Failpoint::RingRead,
        Failpoint::RingCounted,
    ];
}

static STOP_AT: AtomicU8 = AtomicU8::new(0);
static SKIP_NAME_CHECK: AtomicBool = AtomicBool::new(false);
static CARELESS: AtomicBool = AtomicBool::new(false);

/// Makes this process stop itself when it reaches `step` the next time.
pub fn stop_at(step: Failpoint) {
    STOP_AT.store(step as u8, Ordering::Relaxed);
}

/// Leaves out the look whether a name still leads to what was opened.
pub fn skip_name_check(skip: bool) {
    SKIP_NAME_CHECK.store(skip, Ordering::Relaxed);
}

/// Counts what is written into rings before it is there, and takes an event's 1 away in two steps.
pub fn talk_carelessly(careless: bool) {
    CARELESS.store(careless, Ordering::Relaxed);
}

pub(super) fn is_careless() -> bool {
    CARELESS.load(Ordering::Relaxed)
}

pub(super) fn name_check_is_skipped() -> bool {
    SKIP_NAME_CHECK.load(Ordering::Relaxed)
}

pub(super) fn reached(step: Failpoint) {
    let stop = STOP_AT.compare_exchange(step as u8, 0, Ordering::Relaxed, Ordering::Relaxed);
    if stop.is_ok() {
        // To this thread: if it went to the process, another thread might take it and this one run on for a while.
        // SAFETY: takes a number and touches no memory.
        let failed = unsafe { libc::raise(libc::SIGSTOP) };
        assert_eq!(failed, 0, "a thread may stop itself");
    }
}
