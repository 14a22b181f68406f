//! A mutex that has a name, for threads of any processes.
//!
//! 1. It is owned by a thread, and a thread that owns it may take it again. Who owns it, and how often, is this
//!    process' own knowledge, shared by all its handles of the mutex; the C library's mutex below is taken once.
//! 2. If its owner dies, by `kill -9` or by ending its thread, the next owner gets the mutex, and its guard tells it
//!    ([`Guard::abandoned`]). One owner is told of one death.
//! 3. A process has an object mapped once, however many handles it opens, because the kernel's list of what a thread
//!    holds is made of addresses.
//! 4. A guard keeps the map: unmapping a held mutex would hide it from the kernel, and everybody would wait for ever.
//! 5. In a forked child the parent's handles and guards do nothing; it opens its own.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::directory::Identity;
use super::header::{Kind, Persistence};
use super::mutex_page::MutexPage;
use super::mutex_status::{Holder, Status};
use super::name::Name;
use super::object::Object;
use super::thread::Thread;
use crate::error::{Error, Result};
use crate::os::fork;
use crate::os::robust_mutex::{RobustMutex, Taken};

/// A mutex that other processes find by its name.
#[derive(Clone, Debug)]
pub struct NamedMutex {
    shared: Arc<Shared>,
    created: bool,
}

/// What all handles of one mutex in this process share.
#[derive(Debug)]
struct Shared {
    page: MutexPage,
    object: Object,
    /// The thread that has it, if one of this process has; see [`Thread::token`]. Written by that thread only.
    owner: AtomicU64,
    /// How often that thread has it. Touched by that thread only.
    depth: AtomicU32,
}

/// The mutexes that this process has open.
static OPEN: Mutex<Vec<(Identity, Weak<Shared>)>> = Mutex::new(Vec::new());

impl NamedMutex {
    /// Makes a mutex, free.
    ///
    /// # Errors
    /// `Exists` if the name means something already, of whatever kind; `Io` if there is no memory left.
    pub fn create_new(name: &Name, persistence: Persistence) -> Result<NamedMutex> {
        let (mutex, guard) = NamedMutex::create(name, persistence, false)?;
        debug_assert!(guard.is_none());
        Ok(mutex)
    }

    /// Makes a mutex that this thread has from the first moment on: nobody can come before it.
    ///
    /// # Errors
    /// As for [`NamedMutex::create_new`].
    pub fn create_new_owned(name: &Name, persistence: Persistence) -> Result<(NamedMutex, Guard)> {
        let (mutex, guard) = NamedMutex::create(name, persistence, true)?;
        Ok((mutex, guard.expect("locked when made")))
    }

    /// Opens the mutex of that name, or makes it, free. See [`NamedMutex::was_created`].
    ///
    /// # Errors
    /// As for [`NamedMutex::open`] and [`NamedMutex::create_new`], but neither `NoObject` nor `Exists`.
    pub fn create_or_open(name: &Name, persistence: Persistence) -> Result<NamedMutex> {
        super::create_or_open(
            name,
            || NamedMutex::open(name),
            || NamedMutex::create_new(name, persistence),
        )
    }

    /// The same, but if this call makes the mutex, this thread has it from the first moment on. If it was there before
    /// there is no guard, and the mutex is to be locked like any other.
    ///
    /// # Errors
    /// As for [`NamedMutex::create_or_open`].
    pub fn create_or_open_owned(name: &Name, persistence: Persistence) -> Result<(NamedMutex, Option<Guard>)> {
        super::create_or_open(
            name,
            || Ok((NamedMutex::open(name)?, None)),
            || NamedMutex::create(name, persistence, true),
        )
    }

    /// Opens the mutex of that name.
    ///
    /// # Errors
    /// `NoObject` if there is none, or all its users are gone; `Unfit` if the name means another kind of object or a
    /// foreign file, or the mutex is used in another PID namespace.
    pub fn open(name: &Name) -> Result<NamedMutex> {
        let label = name.label();
        let object = Object::open(name, Kind::Mutex, |file| {
            MutexPage::map(file, &label)?.initialise(&label)
        })?;
        let page = MutexPage::map(object.file(), &label)?;
        page.expect_our_namespace(&label)?;
        Ok(NamedMutex {
            shared: Shared::join(object, page),
            created: false,
        })
    }

    fn create(name: &Name, persistence: Persistence, owned: bool) -> Result<(NamedMutex, Option<Guard>)> {
        let label = name.label();
        let (object, fresh) = Object::create(name, Kind::Mutex, persistence, 0, |file| {
            Fresh::new(MutexPage::map(file, &label)?, &label, owned)
        })?;
        let mutex = NamedMutex {
            shared: Shared::join(object, fresh.into_page()),
            created: true,
        };
        let guard = owned.then(|| mutex.guard(Thread::current(), Taken::Released));
        Ok((mutex, guard))
    }

    /// Waits until this thread has the mutex.
    ///
    /// # Errors
    /// `Request` in a forked child that uses its parent's handle; `Io` if the mutex is damaged.
    pub fn lock(&self) -> Result<Guard> {
        let guard = self.take(RobustMutex::lock)?;
        Ok(guard.expect("waits until it has it"))
    }

    /// Takes the mutex if no other thread has it; None if one has.
    ///
    /// # Errors
    /// As for [`NamedMutex::lock`].
    pub fn try_lock(&self) -> Result<Option<Guard>> {
        self.take(RobustMutex::try_lock)
    }

    /// Waits until this thread has the mutex, but not longer than `timeout`; None if others had it all the time. An
    /// owner that is stopped, or in a debugger, is alive.
    ///
    /// # Errors
    /// As for [`NamedMutex::lock`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<Option<Guard>> {
        self.take(|mutex| mutex.lock_within(timeout))
    }

    #[inline]
    fn take(&self, take: impl FnOnce(RobustMutex) -> std::io::Result<Taken>) -> Result<Option<Guard>> {
        let shared = &*self.shared;
        if !fork::is_still(shared.object.generation()) {
            return Err(self.made_before_fork());
        }
        let me = Thread::current();
        if shared.owner.load(Ordering::Relaxed) == me.token {
            let depth = shared.depth.load(Ordering::Relaxed);
            shared.depth.store(depth + 1, Ordering::Relaxed);
            return Ok(Some(Guard::new(self, false)));
        }
        match take(shared.page.mutex()) {
            Ok(taken) => Ok(Some(self.guard(me, taken))),
            Err(error) => match error.kind() {
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => Ok(None),
                _ => Err(Error::io("lock", shared.object.name().subject(), error)),
            },
        }
    }

    /// Writes down that this thread has the mutex for the first time.
    #[inline]
    fn guard(&self, me: Thread, taken: Taken) -> Guard {
        let (shared, page) = (&*self.shared, &self.shared.page);
        shared.owner.store(me.token, Ordering::Relaxed);
        shared.depth.store(1, Ordering::Relaxed);
        page.set_holder(me.holder);
        let abandoned = taken == Taken::Abandoned || page.is_orphaned();
        if abandoned {
            page.set_told();
        }
        Guard::new(self, abandoned)
    }

    #[cold]
    fn made_before_fork(&self) -> Error {
        let name = self.shared.object.name();
        Error::request(
            name.subject(),
            "was opened before the fork; a forked child opens its own",
        )
    }

    /// True if this call made it, false if it was there before.
    pub fn was_created(&self) -> bool {
        self.created
    }

    /// How long it lives.
    pub fn persistence(&self) -> Persistence {
        self.shared.object.header().persistence
    }

    /// Who has it at this moment. By the time of reading it may be another: for people, not for decisions.
    pub fn status(&self) -> Status {
        let page = &self.shared.page;
        let holder = page.holder();
        Status {
            holder: (holder != 0).then(|| Holder::new(holder)),
            abandoned: page.is_orphaned(),
            abandonments: page.abandonments(),
        }
    }
}

impl Shared {
    /// What this process knows of the mutex: what it knew before, or all new.
    fn join(object: Object, page: MutexPage) -> Arc<Shared> {
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
                page,
                object,
                owner: AtomicU64::new(0),
                depth: AtomicU32::new(0),
            });
            open.push((identity, Arc::downgrade(&shared)));
            shared
        })
    }
}

/// The page of a mutex that has no name yet, and perhaps is locked: then it must not be unmapped before it is unlocked.
struct Fresh(Option<(MutexPage, bool)>);

impl Fresh {
    fn new(page: MutexPage, label: &Path, locked: bool) -> Result<Fresh> {
        page.initialise(label)?;
        if locked {
            let taken = page.mutex().lock();
            taken.map_err(|error| Error::io("lock", label, error))?;
        }
        Ok(Fresh(Some((page, locked))))
    }

    fn into_page(mut self) -> MutexPage {
        self.0.take().expect("only taken here").0
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some((page, true)) = &self.0 {
            // Cannot fail: this thread has locked it, and nobody else knows of it.
            let _ = page.mutex().unlock();
        }
    }
}

/// The mutex is this thread's until the guard is dropped. Guards of one thread may be dropped in any order.
///
/// A guard cannot go to another thread, so that a release by somebody who is not the owner does not even compile:
///
/// ```compile_fail,E0277
/// use pagelight::ipc::{Name, NamedMutex, Persistence};
/// let mutex = NamedMutex::create_or_open(&Name::new("m")?, Persistence::Process)?;
/// let guard = mutex.lock()?;
/// std::thread::spawn(move || drop(guard));
/// # Ok::<(), pagelight::error::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the mutex is released when the guard is dropped"]
pub struct Guard {
    shared: Arc<Shared>,
    abandoned: bool,
    /// Neither `Send` nor `Sync`: a mutex belongs to a thread.
    of_this_thread: PhantomData<*const ()>,
}

impl Guard {
    #[inline]
    fn new(mutex: &NamedMutex, abandoned: bool) -> Guard {
        Guard {
            shared: Arc::clone(&mutex.shared),
            abandoned,
            of_this_thread: PhantomData,
        }
    }

    /// True if the last owner died with the mutex: what it protects may be half-done. Of all owners that come after,
    /// only the first is told.
    pub fn abandoned(&self) -> bool {
        self.abandoned
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        let shared = &*self.shared;
        if !fork::is_still(shared.object.generation()) {
            return;
        }
        let depth = shared.depth.load(Ordering::Relaxed) - 1;
        shared.depth.store(depth, Ordering::Relaxed);
        if depth == 0 {
            shared.owner.store(0, Ordering::Relaxed);
            shared.page.set_holder(0);
            // Fails only if this thread has it not, which guards do not let happen.
            let unlocked = shared.page.mutex().unlock();
            debug_assert!(unlocked.is_ok(), "{unlocked:?}");
        }
    }
}
