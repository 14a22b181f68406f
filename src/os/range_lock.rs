//! Locks on single bytes of a file (open file description locks): how the two ends of a ring show that they are there.
//!
//! They belong to the open file as `flock` does, end with it, also after `kill -9`, and know nothing of `flock`.
#![allow(unsafe_code, reason = "no crate has these locks for single bytes")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use libc::{c_int, c_short};

/// Takes the lock of byte `at`, if nobody has it through another opening of the file.
pub(crate) fn try_lock(file: &File, at: u8) -> io::Result<bool> {
    match call(file, libc::F_OFD_SETLK, at) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// True if somebody has the lock of byte `at` through another opening of the file.
pub(crate) fn is_locked(file: &File, at: u8) -> io::Result<bool> {
    Ok(call(file, libc::F_OFD_GETLK, at)? != short(libc::F_UNLCK))
}

/// Asks for the lock of one byte; gives the kind of lock that the system answers with.
fn call(file: &File, what: c_int, at: u8) -> io::Result<c_short> {
    let mut lock = libc::flock {
        l_type: short(libc::F_WRLCK),
        l_whence: short(libc::SEEK_SET),
        l_start: i64::from(at),
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: an open descriptor, and a lock that lives through the call and is read and written by nobody else.
    match unsafe { libc::fcntl(file.as_raw_fd(), what, &raw mut lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(lock.l_type),
    }
}

/// The C library gives these small constants another type than its own structure has.
fn short(constant: c_int) -> c_short {
    c_short::try_from(constant).expect("a small constant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_opening_has_a_byte() {
        let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let open = || File::options().read(true).write(true).open(&path).expect("opened");
        let (a, b) = (open(), open());
        assert!(try_lock(&a, 0).expect("asked") && try_lock(&a, 0).expect("asked again"));
        assert!(!try_lock(&b, 0).expect("asked"));
        assert!(try_lock(&b, 1).expect("asked"));
        assert!(is_locked(&b, 0).expect("asked") && !is_locked(&a, 0).expect("our own"));
        drop(a);
        assert!(!is_locked(&b, 0).expect("asked") && try_lock(&b, 0).expect("asked"));
    }
}
