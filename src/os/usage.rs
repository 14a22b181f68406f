//! What a child process used, from its start to its end.
#![allow(unsafe_code, reason = "std waits without asking what was used")]

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// What a process and the children that it waited for used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Time of processors in its own code.
    pub user: Duration,
    /// Time of processors in the system, for it.
    pub system: Duration,
    /// Pages that were mapped and already in memory.
    pub minor_faults: u64,
    /// Pages that had to be read.
    pub major_faults: u64,
    /// What had to be read from disks.
    pub read_bytes: u64,
    /// The most that was in memory at once, by the largest single one of the processes. It begins at what the parent
    /// once had: a parent that is to measure stays small.
    pub peak_bytes: u64,
}

/// Waits for `child`, which nobody has waited for yet, and says how it ended and what it used. Its pipes are to be read
/// before: they close.
///
/// # Errors
/// Whatever the system says.
pub fn wait(child: Child) -> io::Result<(ExitStatus, Usage)> {
    let process = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    // As for `Child::wait`: a child that reads must not wait for us.
    drop(child);
    let mut status = 0;
    // SAFETY: the structure is numbers, for which zeros are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to variables of ours. The number is the child's own: it was not waited for, and
        // nobody else can any more, because whoever waits needs the `Child`.
        let ended = unsafe { libc::wait4(process, &raw mut status, 0, &raw mut usage) };
        if ended == process {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let number = |number: libc::c_long| u64::try_from(number).unwrap_or(0);
    let usage = Usage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        minor_faults: number(usage.ru_minflt),
        major_faults: number(usage.ru_majflt),
        // Linux counts in blocks of 512 bytes, whatever the disk's are.
        read_bytes: number(usage.ru_inblock) << 9,
        // Linux counts in KiB.
        peak_bytes: number(usage.ru_maxrss) << 10,
    };
    Ok((ExitStatus::from_raw(status), usage))
}

fn duration(time: libc::timeval) -> Duration {
    let microseconds = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0)) + Duration::from_micros(microseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_childs_end_and_use_are_known() {
        let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 7";
        let child = Command::new("sh").args(["-c", script]).spawn().expect("started");
        let (status, usage) = wait(child).expect("waited for");
        assert_eq!(status.code(), Some(7));
        assert!(usage.user + usage.system > Duration::ZERO, "{usage:?}");
        assert!(usage.minor_faults > 0 && usage.peak_bytes > 1 << 16, "{usage:?}");
    }
}
