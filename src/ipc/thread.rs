//! What the running thread is called: by this process, to know who owns a mutex, and by people; and whether a thread is
//! alive.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::os::fork;

/// What this process calls the running thread, and what others do.
#[derive(Clone, Copy)]
pub(super) struct ThreadId {
    generation: u64,
    /// Never 0, never given twice in a process.
    pub(super) token: u64,
    /// Process id * 2^32 + thread id.
    pub(super) holder: u64,
}

impl ThreadId {
    #[inline]
    pub(super) fn current() -> ThreadId {
        thread_local! {
            static CURRENT: Cell<Option<ThreadId>> = const { Cell::new(None) };
        }
        match CURRENT.get() {
            Some(thread) if fork::is_still(thread.generation) => thread,
            _ => {
                let thread = ThreadId::new();
                CURRENT.set(Some(thread));
                thread
            }
        }
    }

    fn new() -> ThreadId {
        static LAST_TOKEN: AtomicU64 = AtomicU64::new(0);
        let thread_id = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
        ThreadId {
            generation: fork::generation(),
            token: LAST_TOKEN.fetch_add(1, Ordering::Relaxed) + 1,
            holder: u64::from(std::process::id()) << 32 | u64::from(thread_id),
        }
    }
}

/// True if there is a thread of this id, and it has not ended. While a dead thread's process has not been waited for,
/// it still has its id; only `/proc` tells then, and where that is not mounted the thread counts as alive.
pub(super) fn is_alive(thread: u32) -> bool {
    let id = i32::try_from(thread).ok().and_then(Pid::from_raw);
    // The system call takes the id of any thread.
    if id.is_none_or(|id| test_kill_process(id) == Err(Errno::SRCH)) {
        return false;
    }
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{thread}/stat")) else {
        return id.is_none_or(|id| test_kill_process(id) != Err(Errno::SRCH));
    };
    // After the program's name, which may hold anything, comes the state; Z and X are the dead.
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim_start().chars().next());
    state.is_none_or(|state| !"ZX".contains(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_live_and_die() {
        assert!(is_alive(std::process::id()));
        assert!(!is_alive(0));
        assert!(!is_alive(u32::MAX));
        let thread = std::thread::spawn(|| {
            let me = (ThreadId::current().holder & 0xffff_ffff) as u32;
            assert!(is_alive(me));
            me
        });
        let id = thread.join().expect("ended");
        // Its id goes a moment after it.
        while is_alive(id) {
            std::thread::yield_now();
        }
        // A process that nobody has waited for yet is dead all the same.
        let mut child = std::process::Command::new("true").spawn().expect("started");
        while is_alive(child.id()) {
            std::thread::yield_now();
        }
        child.wait().expect("ended");
    }
}
