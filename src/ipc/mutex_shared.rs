//! What all handles of one mutex in a process share, and how its threads take it and let go of it.
//!
//! 1. Who of this process owns the mutex, and how often, is known here; the C library's mutex below is taken once.
//! 2. A process has an object mapped once, however many handles it opens, because the kernel's list of what a thread
//!    holds is made of addresses.
//! 3. A mutex that a thread of this process still has stays mapped, and its object in use: unmapping it would hide it
//!    from the kernel, and everybody would wait for ever.
//! 4. A waiter looks from time to time whether the owner's thread is still there, and hands on what the kernel did not:
//!    it looks at the first 2,048 mutexes of a dead thread, and at none if a thread other than the first of its process
//!    executes another program.
#![allow(unsafe_code, reason = "what is still held is not dropped")]

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::directory::{Directory, FileIdentity};
use super::mutex_page::MutexPage;
use super::object::Object;
use super::thread::{self, ThreadId};
use crate::error::{Error, Hint, Result};
use crate::os::fork;
use crate::os::robust_mutex::Taken;

/// After how long a waiter looks for the first time whether the owner is alive, and how rarely it ever does. The kernel
/// tells of nearly all deaths, at once.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LAST_LOOK: Duration = Duration::from_millis(500);

/// How long a waiter tries to get the directory's lock before it goes on waiting.
const LOOK_PATIENCE: Duration = Duration::from_millis(20);

/// The owner of a mutex whose page was gone when it was to be unlocked: a list of the C library's still leads through
/// it.
const GONE: u64 = u64::MAX;

/// How long a thread will wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    ForEver,
    For(Duration),
}

#[derive(Debug)]
pub(super) struct Shared {
    page: ManuallyDrop<MutexPage>,
    object: ManuallyDrop<Object>,
    /// The thread that has it, if one of this process has; see [`ThreadId::token`]. Written by that thread only.
    owner: AtomicU64,
    /// How often that thread has it. Touched by that thread only.
    depth: AtomicU32,
}

/// The mutexes that this process has open.
static OPEN: Mutex<Vec<(FileIdentity, Weak<Shared>)>> = Mutex::new(Vec::new());

impl Shared {
    /// What this process knows of the mutex: what it knew before, or all new.
    pub(super) fn join(object: Object, page: MutexPage) -> Arc<Shared> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, shared)| shared.strong_count() > 0);
        let known = open.iter().filter(|(identity, _)| *identity == object.identity());
        let known = known
            .filter_map(|(_, shared)| shared.upgrade())
            .find(|shared| shared.object.generation() == object.generation());
        // The object that was just opened ends here if the process knew it: it is in use all the same.
        known.unwrap_or_else(|| {
            let identity = object.identity();
            let shared = Arc::new(Shared {
                page: ManuallyDrop::new(page),
                object: ManuallyDrop::new(object),
                owner: AtomicU64::new(0),
                depth: AtomicU32::new(0),
            });
            open.push((identity, Arc::downgrade(&shared)));
            shared
        })
    }

    pub(super) fn object(&self) -> &Object {
        &self.object
    }

    /// The page; an error if it was gone when a thread of this process held the mutex.
    #[inline]
    pub(super) fn page(&self) -> Result<&MutexPage> {
        match self.owner.load(Ordering::Relaxed) {
            GONE => Err(self.cut_off()),
            _ => Ok(&self.page),
        }
    }

    /// Takes the mutex for this thread; None if it was not to be had. Says whether the thread is to be told that the
    /// last owner did not let go of it in the ordinary way.
    #[inline]
    pub(super) fn take(&self, patience: Patience) -> Result<Option<bool>> {
        if !fork::is_still(self.object.generation()) {
            return Err(self.made_before_fork());
        }
        let me = ThreadId::current();
        if self.owner.load(Ordering::Relaxed) == me.token {
            let depth = self.depth.load(Ordering::Relaxed);
            self.depth.store(depth + 1, Ordering::Relaxed);
            return Ok(Some(false));
        }
        let taken = match self.page()?.mutex()?.try_lock() {
            Ok(taken) => taken,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => match self.wait(patience)? {
                Some(taken) => taken,
                None => return Ok(None),
            },
            Err(error) => return Err(self.not_locked(error)),
        };
        self.have_taken(me, taken).map(Some)
    }

    /// How often this thread, which has it, has it.
    pub(super) fn depth(&self) -> u32 {
        self.depth.load(Ordering::Relaxed)
    }

    /// Writes down that this thread, which has locked it, has the mutex for the first time.
    #[inline]
    pub(super) fn have_taken(&self, me: ThreadId, taken: Taken) -> Result<bool> {
        self.owner.store(me.token, Ordering::Relaxed);
        self.depth.store(1, Ordering::Relaxed);
        let told = self.page.set_holder(me.holder).and_then(|()| {
            let told = taken == Taken::Abandoned || self.page.is_orphaned()?;
            if told {
                self.page.set_told()?;
            }
            Ok(told)
        });
        // The file was cut off since the page was last looked at.
        told.inspect_err(|_| self.give_page_up())
    }

    /// What this thread holds is gone: its list goes on through nothing, and nobody of this process uses it any more.
    #[cold]
    fn give_page_up(&self) {
        self.owner.store(GONE, Ordering::Relaxed);
        self.page.put_nothing_in_its_place();
    }

    #[cold]
    fn wait(&self, patience: Patience) -> Result<Option<Taken>> {
        let begun = Instant::now();
        let mut look = FIRST_LOOK;
        loop {
            let left = match patience {
                Patience::ForEver => look,
                Patience::For(time) => look.min(time.saturating_sub(begun.elapsed())),
            };
            let mutex = self.page()?.mutex()?;
            let tried = match left {
                Duration::ZERO => mutex.try_lock(),
                left => mutex.lock_within(left),
            };
            match tried.map_err(|error| (error.kind(), error)) {
                Ok(taken) => return Ok(Some(taken)),
                Err((std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut, _)) => {}
                Err((_, error)) => return Err(self.not_locked(error)),
            }
            let handed_on = self.hand_on_for_dead_owner()?;
            if left.is_zero() && !handed_on {
                return Ok(None);
            }
            look = (look * 2).min(LAST_LOOK);
        }
    }

    /// Hands on what a dead thread holds; true if it is worth while to try again at once.
    fn hand_on_for_dead_owner(&self) -> Result<bool> {
        let mutex = self.page()?.mutex()?;
        let owner = mutex.owner();
        if owner == 0 || thread::is_alive(owner) {
            return Ok(false);
        }
        // One looker at a time, see `give_up`: nobody else can have got the mutex between this look and the next line.
        let live = Directory::open_or_make(self.object.name().namespace().live())?;
        match live.lock_within(LOOK_PATIENCE)? {
            Some(_one) if !thread::is_alive(owner) => Ok(self.page.mutex()?.give_up(owner)),
            _ => Ok(false),
        }
    }

    /// Lets go of it once; `half_done` says that the next owner is to be told.
    #[inline]
    pub(super) fn release(&self, half_done: bool) {
        if !fork::is_still(self.object.generation()) {
            return;
        }
        if half_done {
            // If the page is gone, everybody hears of that.
            let _ = self.page.set_orphaned();
        }
        let depth = self.depth.load(Ordering::Relaxed) - 1;
        self.depth.store(depth, Ordering::Relaxed);
        if depth > 0 {
            return;
        }
        match self.page.clear_holder() {
            Ok(mutex) => {
                self.owner.store(0, Ordering::Relaxed);
                // Fails only if this thread has it not, which guards do not let happen.
                let unlocked = mutex.unlock();
                debug_assert!(unlocked.is_ok(), "{unlocked:?}");
            }
            Err(_) => self.give_page_up(),
        }
    }

    #[cold]
    fn not_locked(&self, error: std::io::Error) -> Error {
        Error::io("lock", self.object.name().subject(), error)
    }

    #[cold]
    fn cut_off(&self) -> Error {
        let bytes = self.object.file().metadata().map_or(0, |metadata| metadata.len());
        let hint = format!(
            "it was truncated to {bytes} bytes while in use, and this process held it then; close it and open it anew"
        );
        let source = std::io::ErrorKind::UnexpectedEof.into();
        Error::failed("reach", self.object.name().subject(), Hint::words(hint), source)
    }

    #[cold]
    fn made_before_fork(&self) -> Error {
        let name = self.object.name();
        Error::request(
            name.subject(),
            "was opened before the fork; a forked child opens its own",
        )
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A guard that was forgotten, or a page that is gone: see 3.
        if *self.owner.get_mut() != 0 {
            return;
        }
        // SAFETY: dropped here and nowhere else, and not used any more: `self` is being dropped.
        unsafe { ManuallyDrop::drop(&mut self.page) };
        // SAFETY: as above.
        unsafe { ManuallyDrop::drop(&mut self.object) };
    }
}
