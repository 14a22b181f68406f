//! The first page of a mutex object as memory: the robust mutex itself and the words beside it.
//!
//! | bytes | what | who writes it |
//! |---|---|---|
//! | 64..112 | the C library's mutex | the C library |
//! | 112..120 | the holder, process id * 2^32 + thread id, or 0; for people, and for putting right a kept mutex | its holder |
//! | 120..128 | 1 if a kept mutex was held when the machine or its last user went down, until somebody was told | whoever is alone; its holder |
//! | 128..136 | how often somebody was told that it was abandoned | its holder |
//! | 136..144 | the PID namespace of its users | its creator; whoever is alone |
//!
//! 1. What is in the first cache line is all that locking and unlocking touch.
//! 2. All users are in one PID namespace. The kernel finds a dead owner by its thread id, and ids repeat across
//!    namespaces: killing a *waiter* that happens to have the holder's id makes the kernel declare the mutex abandoned
//!    while it is held (seen on Linux 6.18; in containers, where ids are small, it is likely). So others are refused.
#![allow(unsafe_code, reason = "the mutex is used in place, in the map")]

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::header::PAGE_BYTES;
use crate::error::{Error, Result};
use crate::map::View;
use crate::os::robust_mutex::{self, RobustMutex};

const MUTEX_AT: usize = 64;
const HOLDER_AT: usize = 112;
const ORPHANED_AT: usize = 120;
const ABANDONMENTS_AT: usize = 128;
const PID_NAMESPACE_AT: usize = 136;

const _: () = assert!(MUTEX_AT + robust_mutex::BYTES <= HOLDER_AT);

/// The page, mapped.
#[derive(Debug)]
pub(super) struct MutexPage {
    view: View,
}

impl MutexPage {
    /// Maps the page of an object's file.
    pub(super) fn map(file: &File, label: &Path) -> Result<MutexPage> {
        let view = super::object::map_file(file, label, PAGE_BYTES)?.view(0..PAGE_BYTES)?;
        Ok(MutexPage { view })
    }

    /// Makes the mutex of an object that nobody else uses. If it was held when its last user ended, the next owner will
    /// be told.
    pub(super) fn initialise(&self, label: &Path) -> Result<()> {
        if self.holder() != 0 {
            self.word(ORPHANED_AT).store(1, Ordering::Release);
            self.word(HOLDER_AT).store(0, Ordering::Release);
        }
        self.word(PID_NAMESPACE_AT).store(pid_namespace(), Ordering::Release);
        // SAFETY: in the map, which is writable, page-aligned, and lives as long as `self`, from which alone mutexes
        // are made; nobody else uses the object, says the caller.
        let made = unsafe { RobustMutex::initialise(self.mutex_address()) };
        made.map(drop).map_err(|error| Error::io("initialise", label, error))
    }

    /// Refuses a mutex whose users are in another PID namespace.
    pub(super) fn expect_our_namespace(&self, label: &Path) -> Result<()> {
        match self.word(PID_NAMESPACE_AT).load(Ordering::Acquire) == pid_namespace() {
            true => Ok(()),
            false => Err(Error::unfit(
                label,
                "is used in another PID namespace (a container?), where thread ids mean others and the death of an \
                 owner cannot be told; run both in one namespace",
            )),
        }
    }

    /// The mutex. It may be used as long as the page is mapped, and whatever is locked must be unlocked before.
    #[inline]
    pub(super) fn mutex(&self) -> RobustMutex {
        // SAFETY: the object's creator initialised it before the object had its name, and its header told that it is of
        // this program's ABI. Whoever locks it keeps the page: see `mutex.rs`.
        unsafe { RobustMutex::at(self.mutex_address()) }
    }

    /// Who has it, for others to read; 0 for nobody.
    pub(super) fn holder(&self) -> u64 {
        self.word(HOLDER_AT).load(Ordering::Acquire)
    }

    /// Writes down who has it.
    #[inline]
    pub(super) fn set_holder(&self, holder: u64) {
        self.word(HOLDER_AT).store(holder, Ordering::Release);
    }

    /// True if it was held when it was last initialised, and nobody has been told.
    #[inline]
    pub(super) fn is_orphaned(&self) -> bool {
        self.word(ORPHANED_AT).load(Ordering::Acquire) != 0
    }

    /// How often an owner was told that it was abandoned.
    pub(super) fn abandonments(&self) -> u64 {
        self.word(ABANDONMENTS_AT).load(Ordering::Acquire)
    }

    /// Writes down that the mutex' owner, who calls this, has been told.
    #[cold]
    pub(super) fn set_told(&self) {
        self.word(ORPHANED_AT).store(0, Ordering::Release);
        self.word(ABANDONMENTS_AT)
            .store(self.abandonments() + 1, Ordering::Release);
    }

    /// One of the words above. (Should somebody cut off the file of a kept mutex, its page is gone: a signal.)
    #[inline]
    fn word(&self, at: usize) -> &AtomicU64 {
        let pointer = self.view.pointer(at, 8).expect("a word within the page").cast::<u64>();
        debug_assert!(pointer.is_aligned());
        // SAFETY: 8 bytes of a map that is writable and lives as long as `self`, aligned. That others change them at
        // any moment is what an atomic is for: all users reach the words by atomics only.
        unsafe { AtomicU64::from_ptr(pointer) }
    }

    #[inline]
    fn mutex_address(&self) -> *mut u8 {
        let address = self.view.pointer(MUTEX_AT, robust_mutex::BYTES);
        address.expect("the view is a page")
    }
}

/// What tells this process' PID namespace from others; 0 where the system does not say.
fn pid_namespace() -> u64 {
    Path::new("/proc/self/ns/pid")
        .metadata()
        .map_or(0, |metadata| metadata.ino())
}
