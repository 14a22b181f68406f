//! Many threads on one queue of numbered items of work. The only door to rayon.
//!
//! Each thread runs one long task that asks [`WorkQueue`] for the next number. No rayon call is made within a task: a
//! thread that waits there would take up another task, in the middle of whatever the first had in its hands.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Hint, Result, Subject};

/// What long work reports to: called now and then with the bytes just finished, from any thread. `Break` asks for an
/// early end.
pub type Progress<'a> = &'a (dyn Fn(u64) -> ControlFlow<()> + Sync);

/// Reports `bytes` just finished.
///
/// # Errors
/// `Interrupted` if an early end is asked for.
pub fn report(progress: Progress<'_>, bytes: u64) -> Result<()> {
    heed(progress(bytes))
}

/// Turns an answer of [`Progress`] that was passed on into an error.
///
/// # Errors
/// `Interrupted` if it asks for an early end.
pub fn heed(answer: ControlFlow<()>) -> Result<()> {
    match answer {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::interrupted()),
    }
}

/// The numbers of the items from 0 on, each handed out once.
#[derive(Debug)]
pub struct WorkQueue {
    next: AtomicU64,
    end: u64,
    stop: AtomicBool,
}

impl WorkQueue {
    /// The next number, unless there are no more or a thread failed.
    pub fn take(&self) -> Option<u64> {
        let item = self.next.fetch_add(1, Ordering::Relaxed);
        (item < self.end && !self.stopped()).then_some(item)
    }

    /// True once a thread has failed, so that the others need not go on.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// As many threads as this process may run at once.
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs `task` on each of `threads` threads over the numbers from 0 to `end`, and returns what the tasks did. One
/// thread is the caller's own.
///
/// # Errors
/// The first error by thread; the other threads stop at their next item. `Io` if the system grants no threads.
pub fn share<T: Send>(threads: usize, end: u64, task: impl Fn(&WorkQueue) -> Result<T> + Sync) -> Result<Vec<T>> {
    let queue = WorkQueue {
        next: AtomicU64::new(0),
        end,
        stop: AtomicBool::new(false),
    };
    if threads <= 1 {
        return task(&queue).map(|done| vec![done]);
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| {
            let (subject, source) = (Subject::Thing("threads"), std::io::Error::other(error));
            Error::failed("start", subject, Hint::FewerThreads { threads }, source)
        })?;
    let ended = pool.broadcast(|_| {
        let ended = task(&queue);
        if ended.is_err() {
            queue.stop.store(true, Ordering::Relaxed);
        }
        ended
    });
    ended.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_taken_once() {
        for (threads, end) in [(1, 0), (1, 1), (2, 1), (3, 1000)] {
            let taken = share(threads, end, |queue| {
                Ok(std::iter::from_fn(|| queue.take()).collect::<Vec<_>>())
            });
            let mut taken: Vec<u64> = taken.expect("no task failed").concat();
            taken.sort_unstable();
            assert!(taken.into_iter().eq(0..end));
        }
    }

    #[test]
    fn one_failure_ends_all() {
        let failed = share(2, u64::MAX, |queue| {
            while let Some(item) = queue.take() {
                if item == 100 {
                    return Err(Error::interrupted());
                }
            }
            Ok(())
        });
        assert!(matches!(failed, Err(Error::Interrupted { .. })));
    }
}
