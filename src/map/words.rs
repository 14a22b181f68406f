//! Words of a view, which other processes read and write at the same time.
#![allow(unsafe_code, reason = "words in a shared map are reached by raw pointers")]

#[cfg(feature = "ipc")]
use std::time::Duration;

use crate::error::{Error, Result};
use crate::map::View;
#[cfg(feature = "ipc")]
use crate::os::futex;
use crate::os::word;

impl View {
    /// The word at byte `at`, with all that was written before it was.
    ///
    /// # Errors
    /// `Io` if its page cannot be had.
    ///
    /// # Panics
    /// If there are not 8 bytes at `at`, or not at a multiple of 8.
    #[inline]
    pub fn load_word(&self, at: usize) -> Result<u64> {
        // SAFETY: see `word_at`.
        let loaded = unsafe { word::load(self.word_at(at)) };
        loaded.map_err(|gone| self.word_gone(at, gone))
    }

    /// Sets the word at byte `at`, after all that was written before.
    ///
    /// # Errors
    /// `Io` if its page cannot be had; `Request` if the file was opened for reading only.
    ///
    /// # Panics
    /// As for [`View::load_word`].
    #[inline]
    pub fn store_word(&self, at: usize, value: u64) -> Result<()> {
        self.refuse_read_only()?;
        // SAFETY: see `word_at`; it is writable.
        let stored = unsafe { word::store(self.word_at(at), value) };
        stored.map_err(|gone| self.word_gone(at, gone))
    }

    /// Sets the word at byte `at` if it is `old`; true if it was. Of several who try, one succeeds.
    ///
    /// # Errors
    /// As for [`View::store_word`].
    ///
    /// # Panics
    /// As for [`View::load_word`].
    pub fn replace_word(&self, at: usize, old: u64, new: u64) -> Result<bool> {
        self.refuse_read_only()?;
        // SAFETY: see `word_at`; it is writable.
        let replaced = unsafe { word::replace(self.word_at(at), old, new) };
        replaced.map_err(|gone| self.word_gone(at, gone))
    }

    /// Adds `more` to the word at byte `at` and returns what it was.
    ///
    /// # Errors
    /// As for [`View::store_word`].
    ///
    /// # Panics
    /// As for [`View::load_word`].
    pub fn add_to_word(&self, at: usize, more: u64) -> Result<u64> {
        self.refuse_read_only()?;
        // SAFETY: see `word_at`; it is writable.
        let added = unsafe { word::add(self.word_at(at), more) };
        added.map_err(|gone| self.word_gone(at, gone))
    }

    /// Waits until somebody calls [`View::wake_word`] for the word at byte `at`, but not longer than `timeout`, and not
    /// at all if the lower half of the word is not that of `value`. It may come back for no reason.
    #[cfg(feature = "ipc")]
    pub(crate) fn wait_word(&self, at: usize, value: u64, timeout: Duration) -> Result<()> {
        // SAFETY: see `word_at`.
        let waited = unsafe { futex::wait(self.word_at(at), value, timeout) };
        waited.map_err(|gone| self.word_gone(at, gone))
    }

    /// Wakes all who wait for the word at byte `at`.
    #[cfg(feature = "ipc")]
    pub(crate) fn wake_word(&self, at: usize) -> Result<()> {
        // SAFETY: see `word_at`.
        let woken = unsafe { futex::wake(self.word_at(at)) };
        woken.map_err(|gone| self.word_gone(at, gone))
    }

    /// Where a word is: 8 bytes of a map that lives as long as `self`, aligned. That others change them at any moment
    /// is what atomics are for: everybody, also in other processes, reaches words by them only.
    #[inline]
    fn word_at(&self, at: usize) -> *mut u64 {
        let pointer = self.pointer(at, 8).expect("a word within the view").cast::<u64>();
        assert!(pointer.is_aligned(), "a word at byte {at}");
        pointer
    }

    #[cold]
    fn word_gone(&self, at: usize, _: word::Gone) -> Error {
        match self.faulted(at..at + 8) {
            Err(error) => error,
            Ok(()) => unreachable!("a fault is an error"),
        }
    }
}
