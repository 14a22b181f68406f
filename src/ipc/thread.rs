//! What the running thread is called: by this process, to know who owns a mutex, and by people.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::os::fork;

/// What this process calls the running thread, and what others do.
#[derive(Clone, Copy)]
pub(super) struct Thread {
    generation: u64,
    /// Never 0, never given twice in a process.
    pub(super) token: u64,
    /// Process id * 2^32 + thread id.
    pub(super) holder: u64,
}

impl Thread {
    #[inline]
    pub(super) fn current() -> Thread {
        thread_local! {
            static CURRENT: Cell<Option<Thread>> = const { Cell::new(None) };
        }
        match CURRENT.get() {
            Some(thread) if fork::is_still(thread.generation) => thread,
            _ => {
                let thread = Thread::new();
                CURRENT.set(Some(thread));
                thread
            }
        }
    }

    fn new() -> Thread {
        static LAST_TOKEN: AtomicU64 = AtomicU64::new(0);
        let thread_id = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
        Thread {
            generation: fork::generation(),
            token: LAST_TOKEN.fetch_add(1, Ordering::Relaxed) + 1,
            holder: u64::from(std::process::id()) << 32 | u64::from(thread_id),
        }
    }
}
