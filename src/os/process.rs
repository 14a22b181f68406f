//! A process that is held on to, so that a signal never reaches another one that got its number.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// This very program, whatever has become of its file.
pub const THIS_PROGRAM: &str = "/proc/self/exe";

/// Waits for one byte on the standard input of this process; `None` once nobody can send any more.
pub fn read_order() -> Option<u8> {
    let mut byte = [0];
    loop {
        match rustix::io::read(rustix::stdio::stdin(), &mut byte) {
            Ok(1) => return Some(byte[0]),
            Err(rustix::io::Errno::INTR) => {}
            _ => return None,
        }
    }
}

/// A child process.
#[derive(Debug)]
pub struct Handle {
    descriptor: OwnedFd,
}

impl Handle {
    /// Holds on to `child`, which nobody has waited for yet.
    ///
    /// # Errors
    /// Whatever the system says; the child, which nobody could stop any more, was ended then.
    pub fn new(child: &mut Child) -> io::Result<Handle> {
        Handle::of(child.id()).inspect_err(|_| {
            // It has ended already if it cannot be killed.
            let _ = child.kill();
            let _ = child.wait();
        })
    }

    /// Holds on to the process of this number, which must be a child that nobody has waited for: only then is the
    /// number still its own.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn of(process: u32) -> io::Result<Handle> {
        let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
        let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Handle { descriptor })
    }

    /// Kills it at once, also if it stands still. Not an error if it has ended.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn kill(&self) -> io::Result<()> {
        self.send(Signal::KILL)
    }

    /// Asks it to stop (SIGTERM). Not an error if it has ended.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn ask_to_stop(&self) -> io::Result<()> {
        self.send(Signal::TERM)
    }

    fn send(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.descriptor, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
