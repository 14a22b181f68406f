//! The first page of a mutex object as memory: the robust mutex itself and the words beside it.
//!
//! | bytes | what | who writes it |
//! |---|---|---|
//! | 64..112 | the C library's mutex | the C library |
//! | 112..120 | the holder, process id * 2^32 + thread id, or 0; for people, and for putting right a kept mutex | its holder |
//! | 120..128 | 1 if its holder let go of it in a panic, or it is kept and was held when the machine or its last user went down; until somebody was told | its holder; whoever is alone |
//! | 128..136 | how often somebody was told that it was abandoned | its holder |
//! | 136..144 | the PID namespace of its users | its creator; whoever is alone |
//!
//! 1. What is in the first cache line is all that locking and unlocking touch.
//! 2. The page is gone if somebody truncates the file. So the words are reached by the routines of `os::word`, which
//!    answer instead of dying where the program has installed the signal guard, and the C library is called only just
//!    after one of them answered that the page is there.
//! 3. All users are in one PID namespace. The kernel finds a dead owner by its thread id, and ids repeat across
//!    namespaces: killing a *waiter* that happens to have the holder's id makes the kernel declare the mutex abandoned
//!    while it is held (seen on Linux 6.18; in containers, where ids are small, it is likely). So others are refused.
#![allow(unsafe_code, reason = "the mutex is used in place, in the map")]

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::header::{PAGE_BYTES, PAGE_LENGTH};
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
    pub(super) fn map(file: &Arc<File>, label: &Path) -> Result<MutexPage> {
        let view = super::object::map_file(file, label, PAGE_BYTES).view(0..PAGE_BYTES)?;
        Ok(MutexPage { view })
    }

    /// Makes the mutex of an object that nobody else uses. If it was held when its last user ended, the next owner will
    /// be told.
    pub(super) fn initialise(&self, label: &Path) -> Result<()> {
        let namespace = pid_namespace()?;
        if self.holder()? != 0 {
            self.view.store_word(ORPHANED_AT, 1)?;
            self.view.store_word(HOLDER_AT, 0)?;
        }
        self.view.store_word(PID_NAMESPACE_AT, namespace)?;
        // SAFETY: in the map, which is writable, page-aligned, and lives as long as `self`, from which alone mutexes
        // are made; nobody else uses the object, says the caller.
        let made = unsafe { RobustMutex::initialise(self.mutex_address()) };
        made.map(drop).map_err(|error| Error::io("initialise", label, error))
    }

    /// Refuses a mutex whose users are in another PID namespace.
    pub(super) fn expect_our_namespace(&self, label: &Path) -> Result<()> {
        if self.view.load_word(PID_NAMESPACE_AT)? == pid_namespace()? {
            return Ok(());
        }
        Err(Error::unfit(
            label,
            "is used in another PID namespace (a container?), where thread ids mean others and the death of an owner \
             cannot be told; run both in one namespace",
        ))
    }

    /// The mutex, after making sure that its page is there. It may be used as long as the page is mapped, and whatever
    /// is locked must be unlocked before.
    #[inline]
    pub(super) fn mutex(&self) -> Result<RobustMutex> {
        self.is_orphaned()?;
        Ok(self.mutex_unchecked())
    }

    #[inline]
    fn mutex_unchecked(&self) -> RobustMutex {
        // SAFETY: the object's creator initialised it before the object had its name, and its header told that it is of
        // this program's ABI. Whoever locks it keeps the page: see `mutex.rs`.
        unsafe { RobustMutex::at(self.mutex_address()) }
    }

    /// Who has it, for others to read; 0 for nobody.
    pub(super) fn holder(&self) -> Result<u64> {
        self.view.load_word(HOLDER_AT)
    }

    /// Writes down who has it.
    #[inline]
    pub(super) fn set_holder(&self, holder: u64) -> Result<()> {
        self.view.store_word(HOLDER_AT, holder)
    }

    /// Writes down that nobody has it, and gives it to be unlocked.
    #[inline]
    pub(super) fn clear_holder(&self) -> Result<RobustMutex> {
        self.set_holder(0)?;
        Ok(self.mutex_unchecked())
    }

    /// True if the next owner is to be told that the last one did not let go of it in the ordinary way.
    #[inline]
    pub(super) fn is_orphaned(&self) -> Result<bool> {
        Ok(self.view.load_word(ORPHANED_AT)? != 0)
    }

    /// Sees to it that the next owner is told.
    #[cold]
    pub(super) fn set_orphaned(&self) -> Result<()> {
        self.view.store_word(ORPHANED_AT, 1)
    }

    /// How often an owner was told that it was abandoned.
    pub(super) fn abandonments(&self) -> Result<u64> {
        self.view.load_word(ABANDONMENTS_AT)
    }

    /// Writes down that the mutex' owner, who calls this, has been told.
    #[cold]
    pub(super) fn set_told(&self) -> Result<()> {
        self.view.store_word(ORPHANED_AT, 0)?;
        self.view.store_word(ABANDONMENTS_AT, self.abandonments()? + 1)
    }

    /// Puts private zeros in the place of the page, whose file was cut off while a thread held the mutex: the C library
    /// keeps what a thread holds in a list, and goes on reading and writing this link of it.
    #[cold]
    pub(super) fn put_nothing_in_its_place(&self) {
        let Ok(at) = self.view.pointer(0, PAGE_LENGTH) else {
            return;
        };
        let (rights, how) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
        );
        // SAFETY: exactly the pages of this view, a map that nothing has a reference into; they stay mapped, readable
        // and writable, so all that is promised of the view's addresses stays true. The map is never given back: see
        // `Shared`. If the call fails the page is as it was.
        let _ = unsafe { libc::mmap(at.cast(), PAGE_LENGTH, rights, how, -1, 0) };
    }

    #[inline]
    fn mutex_address(&self) -> *mut u8 {
        let address = self.view.pointer(MUTEX_AT, robust_mutex::BYTES);
        address.expect("the view is a page")
    }
}

/// What tells this process' PID namespace from others.
fn pid_namespace() -> Result<u64> {
    let namespace = Path::new("/proc/self/ns/pid").metadata();
    namespace.map(|metadata| metadata.ino()).map_err(|_| Error::Lacking {
        what: "/proc is not mounted, and without it nobody can tell whether the users of a mutex number their threads \
               alike; mount it",
    })
}
