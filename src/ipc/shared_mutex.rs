//! A value that has a name and a mutex of its own: whoever locks it gets the value, and nobody gets it without.
//!
//! 1. The value is copied out when the mutex is taken, and copied back when the guard goes, if it may have been
//!    changed. So no reference leads into memory that other processes write.
//! 2. A panic in the section throws the changes away: the value is as it was before. Only an owner that is killed while
//!    it copies back leaves a value that is half old, half new. In both cases the next owner is told.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use bytemuck::Pod;

use super::header::{Kind, PAGE_BYTES, Persistence};
use super::mutex::NamedMutex;
use super::mutex_guard::Guard;
use super::name::Name;
use super::object;
use crate::error::{Error, Result};
use crate::map::View;

/// A value with a mutex of its own, that other processes find by its name.
///
/// In .NET one writes a mutex and a view beside each other, and nothing keeps a program from using the one without the
/// other. What is promised of a [`NamedMutex`], and what is not guarded, holds for this, too.
///
/// ```
/// # use pagelight::ipc::{Namespace, Persistence};
/// use pagelight::ipc::SharedMutex;
/// # let folder = tempfile::tempdir()?;
/// # let names = Namespace::at(&folder.path().join("live"), &folder.path().join("kept"));
/// # let name = names.name("counts")?;
/// let counts = SharedMutex::create_or_open(&name, [0u64; 4], Persistence::Process)?;
/// let mut guard = counts.lock()?;
/// guard[2] += 1;
/// drop(guard);
///
/// // Another process:
/// let counts = SharedMutex::<[u64; 4]>::open(&name)?;
/// assert_eq!(counts.lock()?[2], 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SharedMutex<T> {
    mutex: NamedMutex,
    view: View,
    of: PhantomData<fn() -> T>,
}

impl<T: Pod> SharedMutex<T> {
    /// Makes a value, and gives it a name.
    ///
    /// # Errors
    /// As for [`NamedMutex::create_new`]; `Request` if a `T` has no bytes.
    pub fn create_new(name: &Name, value: T, persistence: Persistence) -> Result<SharedMutex<T>> {
        if size_of::<T>() == 0 {
            return Err(Error::request(name.subject(), "a value needs at least one byte"));
        }
        let bytes = bytemuck::bytes_of(&value);
        let (mutex, _) = NamedMutex::create(name, Kind::Value, persistence, false, bytes)?;
        SharedMutex::new(mutex)
    }

    /// Opens the value of that name, or makes it; where it exists, `value` does not count.
    ///
    /// # Errors
    /// As for [`SharedMutex::open`] and [`SharedMutex::create_new`], but neither `NoObject` nor `Exists`.
    pub fn create_or_open(name: &Name, value: T, persistence: Persistence) -> Result<SharedMutex<T>> {
        super::create_or_open(
            name,
            || SharedMutex::open(name),
            || SharedMutex::create_new(name, value, persistence),
        )
    }

    /// Opens the value of that name. Whoever made it must have meant the same type: its length is compared, and no more
    /// is known of it.
    ///
    /// # Errors
    /// As for [`NamedMutex::open`]; `Unfit` if the value has another length than a `T`.
    pub fn open(name: &Name) -> Result<SharedMutex<T>> {
        SharedMutex::new(NamedMutex::open_as(name, Kind::Value)?)
    }

    fn new(mutex: NamedMutex) -> Result<SharedMutex<T>> {
        let object = mutex.object();
        let (label, length) = (object.name().label(), object.header().length);
        if length != size_of::<T>() as u64 {
            let what = format!(
                "is a value of {length} bytes, and a {} has {}; use the type it was made with",
                std::any::type_name::<T>(),
                size_of::<T>()
            );
            return Err(Error::unfit(&label, what));
        }
        let view = object::map_file(object.file(), &label, PAGE_BYTES + length).view(PAGE_BYTES..)?;
        Ok(SharedMutex {
            mutex,
            view,
            of: PhantomData,
        })
    }

    /// Waits until this thread has the mutex, and reads the value.
    ///
    /// # Errors
    /// As for [`NamedMutex::lock`]; `Request` if this thread has it already: there would be two copies of the value.
    pub fn lock(&self) -> Result<ValueGuard<'_, T>> {
        self.guard(self.mutex.lock()?)
    }

    /// The same, but not longer than `timeout`; None if others had it all the time.
    ///
    /// # Errors
    /// As for [`SharedMutex::lock`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<Option<ValueGuard<'_, T>>> {
        let guard = self.mutex.lock_timeout(timeout)?;
        guard.map(|guard| self.guard(guard)).transpose()
    }

    /// The mutex by itself: its name, who has it, whether this call made it.
    pub fn mutex(&self) -> &NamedMutex {
        &self.mutex
    }

    fn guard<'a>(&'a self, guard: Guard<'a>) -> Result<ValueGuard<'a, T>> {
        if guard.is_nested() {
            return Err(Error::request(
                self.mutex.name().subject(),
                "this thread has locked the value already; drop that guard first",
            ));
        }
        Ok(ValueGuard {
            value: self.view.read(0)?,
            view: &self.view,
            changed: false,
            guard,
        })
    }
}

/// The value is this thread's until the guard is dropped.
#[derive(Debug)]
#[must_use = "the mutex is released when the guard is dropped"]
pub struct ValueGuard<'a, T: Pod> {
    value: T,
    view: &'a View,
    changed: bool,
    /// Dropped after the value was written back.
    guard: Guard<'a>,
}

impl<T: Pod> ValueGuard<'_, T> {
    /// True if the last owner died with the mutex, or let go of it in a panic; see [`Guard::abandoned`].
    pub fn abandoned(&self) -> bool {
        self.guard.abandoned()
    }

    /// Writes the value back and lets go of the mutex, as dropping the guard does, and tells if it could not be
    /// written.
    ///
    /// # Errors
    /// `Io` if its page cannot be had.
    pub fn finish(mut self) -> Result<()> {
        self.write_back()
    }

    fn write_back(&mut self) -> Result<()> {
        match std::mem::take(&mut self.changed) {
            true => self.view.write(0, &self.value),
            false => Ok(()),
        }
    }
}

impl<T: Pod> Deref for ValueGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Pod> DerefMut for ValueGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        &mut self.value
    }
}

impl<T: Pod> Drop for ValueGuard<'_, T> {
    fn drop(&mut self) {
        if !self.guard.is_half_done() {
            // Whoever wants to hear of it calls `finish`.
            let _ = self.write_back();
        }
    }
}
