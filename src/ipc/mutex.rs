//! A mutex that has a name, for threads of any processes.
//!
//! 1. It is owned by a thread, and a thread that owns it may take it again.
//! 2. If its owner dies, by `kill -9` or by ending its thread, the next owner gets the mutex, and its guard tells it
//!    ([`Guard::abandoned`]). One owner is told of one death.
//! 3. In a forked child the parent's handles and guards do nothing; it opens its own.
//!
//! How a process' threads take it is in `mutex_shared.rs`, what lies in the map in `mutex_page.rs`.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::header::{Kind, PAGE_BYTES, Persistence};
use super::mutex_guard::{Guard, Hold};
use super::mutex_page::MutexPage;
use super::mutex_shared::{Patience, Shared};
use super::mutex_status::{Holder, Status};
use super::name::Name;
use super::object::Object;
use super::thread::ThreadId;
use crate::error::{Error, Result};
use crate::os::robust_mutex::Taken;

/// A mutex that other processes find by its name.
///
/// Dropping the last handle takes the name away. If a process stands still (SIGSTOP) just then with the lock of the
/// namespace's folder, the name is left behind instead, as after `kill -9`: whoever wants it, or lists, removes it.
///
/// # What is not guarded
/// The mutex lies in a file of this user's, with addresses in it that the C library believes. Whoever writes that file
/// by other means, such as `std::fs::write` or a debugger, can make the C library write anywhere in the processes that
/// use the mutex. ([`crate::map::MappedFile::open`] refuses such files.) Whoever truncates it ends them by a signal
/// (SIGBUS), unless they have called [`crate::os::fault::install`]: then it is an `Io` error of all that they do with
/// it, but for a truncation in the very moment of a call.
#[derive(Clone, Debug)]
pub struct NamedMutex {
    shared: Arc<Shared>,
    created: bool,
}

impl NamedMutex {
    /// Makes a mutex, free.
    ///
    /// # Errors
    /// `Exists` if the name means something already, of whatever kind; `Io` if there is no memory left.
    pub fn create_new(name: &Name, persistence: Persistence) -> Result<NamedMutex> {
        let (mutex, guard) = NamedMutex::create(name, Kind::Mutex, persistence, false, &[])?;
        debug_assert!(guard.is_none());
        Ok(mutex)
    }

    /// Makes a mutex that this thread has from the first moment on: nobody can come before it.
    ///
    /// # Errors
    /// As for [`NamedMutex::create_new`].
    pub fn create_new_owned(name: &Name, persistence: Persistence) -> Result<(NamedMutex, Guard<'static>)> {
        let (mutex, guard) = NamedMutex::create(name, Kind::Mutex, persistence, true, &[])?;
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
    pub fn create_or_open_owned(name: &Name, persistence: Persistence) -> Result<(NamedMutex, Option<Guard<'static>>)> {
        super::create_or_open(
            name,
            || Ok((NamedMutex::open(name)?, None)),
            || NamedMutex::create(name, Kind::Mutex, persistence, true, &[]),
        )
    }

    /// Opens the mutex of that name.
    ///
    /// # Errors
    /// `NoObject` if there is none, or all its users are gone; `Unfit` if the name means another kind of object or a
    /// foreign file, or the mutex is used in another PID namespace.
    pub fn open(name: &Name) -> Result<NamedMutex> {
        NamedMutex::open_as(name, Kind::Mutex)
    }

    /// The same for an object of another kind that begins with a mutex.
    pub(super) fn open_as(name: &Name, kind: Kind) -> Result<NamedMutex> {
        let label = name.label();
        let object = Object::open(name, kind, |file| MutexPage::map(file, &label)?.initialise(&label))?;
        let page = MutexPage::map(object.file(), &label)?;
        page.expect_our_namespace(&label)?;
        Ok(NamedMutex {
            shared: Shared::join(object, page),
            created: false,
        })
    }

    /// Makes an object that begins with a mutex and goes on with `value`.
    pub(super) fn create(
        name: &Name,
        kind: Kind,
        persistence: Persistence,
        owned: bool,
        value: &[u8],
    ) -> Result<(NamedMutex, Option<Guard<'static>>)> {
        let label = name.label();
        let (object, fresh) = Object::create(name, kind, persistence, value.len() as u64, |file| {
            let written = file.write_all_at(value, PAGE_BYTES);
            written.map_err(|error| Error::io("write", &label, error))?;
            Fresh::new(MutexPage::map(file, &label)?, &label, owned)
        })?;
        let mutex = NamedMutex {
            shared: Shared::join(object, fresh.into_page()),
            created: true,
        };
        if !owned {
            return Ok((mutex, None));
        }
        let told = mutex.shared.have_taken(ThreadId::current(), Taken::Released)?;
        let guard = Guard::new(Hold::Owned(Arc::clone(&mutex.shared)), told);
        Ok((mutex, Some(guard)))
    }

    /// Waits until this thread has the mutex.
    ///
    /// # Errors
    /// `Request` in a forked child that uses its parent's handle; `Io` if the mutex is damaged.
    #[inline]
    pub fn lock(&self) -> Result<Guard<'_>> {
        let told = self.shared.take(Patience::ForEver)?.expect("waits until it has it");
        Ok(Guard::new(Hold::Borrowed(&self.shared), told))
    }

    /// Takes the mutex if no other thread has it; None if one has.
    ///
    /// # Errors
    /// As for [`NamedMutex::lock`].
    pub fn try_lock(&self) -> Result<Option<Guard<'_>>> {
        self.lock_timeout(Duration::ZERO)
    }

    /// Waits until this thread has the mutex, but not longer than `timeout`; None if others had it all the time. An
    /// owner that is stopped, or in a debugger, is alive.
    ///
    /// # Errors
    /// As for [`NamedMutex::lock`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<Option<Guard<'_>>> {
        let told = self.shared.take(Patience::For(timeout))?;
        Ok(told.map(|told| Guard::new(Hold::Borrowed(&self.shared), told)))
    }

    /// As [`NamedMutex::lock`]; the guard keeps the mutex open by itself.
    ///
    /// # Errors
    /// As for [`NamedMutex::lock`].
    pub fn lock_owned(&self) -> Result<Guard<'static>> {
        let told = self.shared.take(Patience::ForEver)?.expect("waits until it has it");
        Ok(Guard::new(Hold::Owned(Arc::clone(&self.shared)), told))
    }

    /// As [`NamedMutex::lock_timeout`]; the guard keeps the mutex open by itself.
    ///
    /// # Errors
    /// As for [`NamedMutex::lock`].
    pub fn lock_timeout_owned(&self, timeout: Duration) -> Result<Option<Guard<'static>>> {
        let told = self.shared.take(Patience::For(timeout))?;
        Ok(told.map(|told| Guard::new(Hold::Owned(Arc::clone(&self.shared)), told)))
    }
    /// Its name.
    pub fn name(&self) -> &Name {
        self.shared.object().name()
    }

    /// The object that the mutex begins.
    pub(super) fn object(&self) -> &Object {
        self.shared.object()
    }

    /// True if this call made it, false if it was there before.
    pub fn was_created(&self) -> bool {
        self.created
    }

    /// How long it lives.
    pub fn persistence(&self) -> Persistence {
        self.shared.object().header().persistence
    }

    /// Who has it at this moment. By the time of reading it may be another: for people, not for decisions.
    ///
    /// # Errors
    /// `Io` if its page cannot be had.
    pub fn status(&self) -> Result<Status> {
        let page = self.shared.page()?;
        let holder = page.holder()?;
        Ok(Status {
            holder: (holder != 0).then(|| Holder::new(holder)),
            abandoned: page.is_orphaned()?,
            abandonments: page.abandonments()?,
        })
    }
}

/// The page of a mutex that has no name yet, and perhaps is locked: then it must not be unmapped before it is unlocked.
struct Fresh(Option<(MutexPage, bool)>);

impl Fresh {
    fn new(page: MutexPage, label: &Path, locked: bool) -> Result<Fresh> {
        page.initialise(label)?;
        if locked {
            let taken = page.mutex()?.lock();
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
            // This thread has locked it, and nobody else knows of it.
            let _ = page.mutex().map(|mutex| mutex.unlock());
        }
    }
}
