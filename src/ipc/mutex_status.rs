//! How a mutex stands, for people: by the time of reading it may stand differently.

use super::thread;

/// How a mutex stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Who has it.
    pub holder: Option<Holder>,
    /// True if it was held when the machine or its last user went down, or an owner let go of it in a panic, and nobody
    /// has been told yet.
    pub abandoned: bool,
    /// How often an owner died with it, or let go of it in a panic, and the next one was told.
    pub abandonments: u64,
}

/// A thread that has a mutex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process' id.
    pub process: u32,
    /// The thread's id; of a process' first thread it is the process' own.
    pub thread: u32,
    /// False if the thread is dead: the mutex is abandoned and waits for the next owner.
    pub alive: bool,
}

impl Holder {
    pub(super) fn new(holder: u64) -> Holder {
        let (process, thread) = ((holder >> 32) as u32, (holder & 0xffff_ffff) as u32);
        Holder {
            process,
            thread,
            alive: thread::is_alive(thread),
        }
    }
}
