//! Whole-file locks (`flock`): how a process shows that it uses a named object, and sees whether others do.
//!
//! 1. The lock belongs to the open file, not to the process: it goes when the last descriptor of that opening is
//!    closed, which the kernel sees to after `kill -9` too.
//! 2. A failed step from shared to exclusive loses the shared lock (flock(2)). Only a user who is leaving may try it.
//! 3. Locks taken for a moment are given back by unlocking, not by closing: a child that is being started by another
//!    thread may have the descriptor for a moment longer than we do.
//! 4. Nobody here waits without an end: whoever is stopped (SIGSTOP) with a lock must not stop the others for ever.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// The lock, had alone until dropped.
#[derive(Debug)]
pub(crate) struct Exclusive<'a>(&'a File);

impl Drop for Exclusive<'_> {
    fn drop(&mut self) {
        // Nothing that can go wrong here is in anybody's power; closing unlocks, too.
        let _ = unlock(self.0);
    }
}

/// Takes the lock alone, if nobody has it through another opening of the file.
pub(crate) fn try_exclusive(file: &File) -> io::Result<Option<Exclusive<'_>>> {
    let locked = attempt(file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(locked.then_some(Exclusive(file)))
}

/// Takes the lock alone; None if others kept it for `timeout`.
pub(crate) fn exclusive_within(file: &File, timeout: Duration) -> io::Result<Option<Exclusive<'_>>> {
    let locked = within(file, FlockOperation::NonBlockingLockExclusive, timeout)?;
    Ok(locked.then_some(Exclusive(file)))
}

/// Takes the lock together with others; false if somebody kept it alone for `timeout`.
pub(crate) fn shared_within(file: &File, timeout: Duration) -> io::Result<bool> {
    within(file, FlockOperation::NonBlockingLockShared, timeout)
}

/// Gives the lock back, for every descriptor of this opening.
pub(crate) fn unlock(file: &File) -> io::Result<()> {
    Ok(rustix::fs::flock(file, FlockOperation::Unlock)?)
}

fn attempt(file: &File, operation: FlockOperation) -> io::Result<bool> {
    loop {
        match rustix::fs::flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
    }
}

fn within(file: &File, operation: FlockOperation, timeout: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    let mut pause = Duration::from_micros(20);
    while !attempt(file, operation)? {
        if begun.elapsed() >= timeout {
            return Ok(false);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn one_alone_or_many_together() {
        let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let open = || File::open(&path).expect("opened");
        let (a, b, c) = (open(), open(), open());
        assert!(shared_within(&a, SOON).expect("a"));
        assert!(shared_within(&b, SOON).expect("b"));
        assert!(try_exclusive(&c).expect("c").is_none());
        unlock(&b).expect("b");
        let alone = try_exclusive(&a).expect("a").expect("alone");
        assert!(!shared_within(&c, SOON).expect("c"));
        drop(alone);
        assert!(exclusive_within(&c, SOON).expect("c").is_some());
    }

    #[test]
    fn a_failed_step_up_loses_the_shared_lock() {
        let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let (a, b) = (File::open(&path).expect("a"), File::open(&path).expect("b"));
        assert!(shared_within(&a, SOON).expect("a") && shared_within(&b, SOON).expect("b"));
        assert!(try_exclusive(&a).expect("asked").is_none());
        assert!(try_exclusive(&b).expect("asked").is_some(), "a has lost its own");
    }

    /// As a child has them that another thread is just starting.
    #[test]
    fn duplicates_do_not_keep_what_was_given_back() {
        let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let (a, b) = (File::open(&path).expect("a"), File::open(&path).expect("b"));
        let duplicate = a.try_clone().expect("duplicated");
        drop(try_exclusive(&a).expect("asked").expect("alone"));
        assert!(try_exclusive(&b).expect("asked").is_some());
        drop(duplicate);
    }
}
