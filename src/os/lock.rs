//! Locks on single bytes of a file that tell whether their owner lives.
//!
//! They are Linux's open-file-description locks: they belong to one `open` of the file, not to a process (two opens in
//! one process conflict), and the kernel gives them up only after the last thread that could write has stopped. So
//! whoever gets such a lock knows that its former owner will write no more. A byte may lie past the end of the file.
//!
//! To unlock through any duplicate of the descriptor drops the lock for all, so a lock is unlocked by its owner only.
//! It is not left to the closing: a child that another thread is just starting has a duplicate until it becomes another
//! program, and the lock would outlive its owner by a moment. The locks are advisory: programs that do not ask are not
//! held back. `std`'s own file locks are of another kind (`flock`, whole files).

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

use nix::fcntl::{FcntlArg, fcntl};

use crate::os::fork;

/// A lock that is held until dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    byte: u64,
    /// See [`fork`].
    generation: u64,
}

impl Lock {
    /// Locks byte `byte` through an `open` of its own of the file that `file` is open to. `None` if somebody else has
    /// it.
    ///
    /// # Errors
    /// Whatever the operating system says, as where the file system knows no locks.
    pub fn try_new(file: &File, byte: u64) -> io::Result<Option<Lock>> {
        let own = reopen(file, true)?;
        match fcntl(&own, FcntlArg::F_OFD_SETLK(&exclusive(byte..byte + 1)?)) {
            Ok(_) => Ok(Some(Lock::held(own, byte))),
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The same, but waits for it.
    ///
    /// # Errors
    /// As for [`Lock::try_new`].
    pub fn wait(file: &File, byte: u64) -> io::Result<Lock> {
        let own = reopen(file, true)?;
        loop {
            match fcntl(&own, FcntlArg::F_OFD_SETLKW(&exclusive(byte..byte + 1)?)) {
                Ok(_) => return Ok(Lock::held(own, byte)),
                Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn held(file: File, byte: u64) -> Lock {
        let generation = fork::generation();
        Lock { file, byte, generation }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // In a forked child it is the parent's.
        if !fork::is_still(self.generation) {
            return;
        }
        if let Ok(mut lock) = exclusive(self.byte..self.byte + 1) {
            #[expect(clippy::cast_possible_truncation, reason = "libc's own small constant")]
            let unlocked = libc::F_UNLCK as libc::c_short;
            lock.l_type = unlocked;
            // If it fails, the closing does it.
            let _ = fcntl(&self.file, FcntlArg::F_OFD_SETLK(&lock));
        }
    }
}

/// True if anybody holds a lock on any of the bytes, also somebody in this process.
///
/// # Errors
/// As for [`Lock::try_new`].
pub fn is_held(file: &File, bytes: Range<u64>) -> io::Result<bool> {
    // Asking needs no right to write: the file may be on a disk that nobody may write to.
    let own = reopen(file, false)?;
    let mut lock = exclusive(bytes)?;
    fcntl(&own, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

/// Opens the file again by its descriptor, so that it is the same file whatever became of its name.
fn reopen(file: &File, writable: bool) -> io::Result<File> {
    File::options()
        .read(true)
        .write(writable)
        .open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn exclusive(bytes: Range<u64>) -> io::Result<libc::flock> {
    let position = |at: u64| i64::try_from(at).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    #[expect(clippy::cast_possible_truncation, reason = "libc's own small constants")]
    Ok(libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: position(bytes.start)?,
        l_len: position(bytes.end - bytes.start)?,
        l_pid: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_does_not_keep_a_lock() {
        let file = tempfile::tempfile().expect("a file");
        let lock = Lock::try_new(&file, 7).expect("asked").expect("free");
        // As a child has between its beginning and its becoming another program.
        let duplicate = lock.file.try_clone().expect("duplicated");
        assert!(Lock::try_new(&file, 7).expect("asked").is_none());
        drop(lock);
        assert!(Lock::try_new(&file, 7).expect("asked").is_some());
        drop(duplicate);
    }

    #[test]
    fn a_byte_has_one_owner_until_it_is_closed() {
        let file = tempfile::tempfile().expect("a file");
        let far = 1 << 62;
        let lock = Lock::try_new(&file, far).expect("asked");
        assert!(lock.is_some());
        assert!(Lock::try_new(&file, far).expect("asked").is_none());
        assert!(Lock::try_new(&file, far + 1).expect("asked").is_some());
        assert!(is_held(&file, far..far + 1).expect("asked"));
        assert!(!is_held(&file, 0..far).expect("asked"));
        drop(lock);
        assert!(!is_held(&file, far..far + 1).expect("asked"));
        drop(Lock::wait(&file, far).expect("asked"));
    }

    #[test]
    fn a_child_that_is_being_started_keeps_nothing() {
        let file = tempfile::tempfile().expect("a file");
        let lock = Lock::try_new(&file, 7).expect("asked").expect("free");
        // What a forked child has until it becomes another program.
        let duplicate = lock.file.try_clone().expect("duplicated");
        drop(lock);
        assert!(!is_held(&file, 7..8).expect("asked"));
        drop(duplicate);
    }
}
