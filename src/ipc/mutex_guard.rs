//! The right to be in the section that a mutex protects.

use std::marker::PhantomData;
use std::sync::Arc;

use super::mutex_shared::Shared;

/// The mutex is this thread's until the guard is dropped. Guards of one thread may be dropped in any order.
///
/// If it is dropped by a panic, the next owner is told ([`Guard::abandoned`]), wherever it is. (In .NET a mutex is
/// abandoned then, too, if the exception ends the thread; in std it is poisoned.)
///
/// A guard cannot go to another thread, so that a release by somebody who is not the owner does not even compile:
///
/// ```compile_fail,E0277
/// use pagelight::ipc::{Name, NamedMutex, Persistence};
/// let mutex = NamedMutex::create_or_open(&Name::new("m")?, Persistence::Process)?;
/// let guard = mutex.lock_owned()?;
/// std::thread::spawn(move || drop(guard));
/// # Ok::<(), pagelight::error::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the mutex is released when the guard is dropped"]
pub struct Guard<'a> {
    hold: Hold<'a>,
    abandoned: bool,
    /// Whether the thread was panicking when it took the mutex: then that panic has nothing to do with the section.
    panicked_before: bool,
    /// Neither `Send` nor `Sync`: a mutex belongs to a thread.
    of_this_thread: PhantomData<*const ()>,
}

/// How a guard keeps the mutex open.
#[derive(Debug)]
pub(super) enum Hold<'a> {
    /// By a handle, which costs nothing.
    Borrowed(&'a Shared),
    /// By itself.
    Owned(Arc<Shared>),
}

impl<'a> Guard<'a> {
    #[inline]
    pub(super) fn new(hold: Hold<'a>, abandoned: bool) -> Guard<'a> {
        Guard {
            hold,
            abandoned,
            panicked_before: std::thread::panicking(),
            of_this_thread: PhantomData,
        }
    }

    /// True if the last owner died with the mutex, or let go of it in a panic: what it protects may be half-done. Of
    /// all owners that come after, only the first is told.
    pub fn abandoned(&self) -> bool {
        self.abandoned
    }
}

impl Guard<'_> {
    /// True if the thread had the mutex before.
    pub(super) fn is_nested(&self) -> bool {
        self.shared().depth() > 1
    }

    /// True if a panic that began in the section is what drops the guard.
    #[inline]
    pub(super) fn is_half_done(&self) -> bool {
        !self.panicked_before && std::thread::panicking()
    }

    #[inline]
    fn shared(&self) -> &Shared {
        match &self.hold {
            Hold::Borrowed(shared) => shared,
            Hold::Owned(shared) => shared,
        }
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.shared().release(self.is_half_done());
    }
}
