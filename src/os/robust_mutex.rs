//! A pthread mutex in shared memory that survives the death of its owner.
//!
//! It stands here and not in `ipc`, because it is a service of the operating system like the others on this floor; what
//! is built of it (names, threads that own, recursion) is `ipc`'s business.
//!
//! 1. Process-shared, robust, and of the *normal* type. The recursive and the error-checking types compare thread ids,
//!    which repeat across PID namespaces: they were seen to grant a mutex that another process held. Relocking by its
//!    owner is therefore a deadlock here; whoever builds on this must know its own.
//! 2. A mutex whose owner died is marked consistent before [`RobustMutex::lock`] returns. So it never becomes "not
//!    recoverable", a state in which glibc's trylock returns an error *and keeps the lock*.
//! 3. The kernel hands on 2,048 mutexes of a thread that dies, and none of a thread that executes another program
//!    unless it is its process' first. What it leaves locked, [`RobustMutex::give_up`] hands on in the same way.
//! 4. Time limits count on the monotonic clock, so that setting the date neither shortens nor stretches them.
#![allow(unsafe_code, reason = "the pthread functions are C")]

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libc::{c_int, clockid_t, pthread_mutex_t, pthread_mutexattr_t, timespec};

/// Bytes that a mutex takes.
pub(crate) const BYTES: usize = size_of::<pthread_mutex_t>();

/// Where in a mutex the word lies that the kernel reads: which of its numbers of 32 bits.
const WORD: usize = if cfg!(target_env = "musl") { 1 } else { 0 };

/// The thread that has it, in that word.
const THREAD: u32 = 0x3fff_ffff;
/// The kernel's mark on a mutex whose owner died.
const OWNER_DIED: u32 = 0x4000_0000;
/// Somebody waits.
const WAITERS: u32 = 0x8000_0000;

unsafe extern "C" {
    // POSIX 2024, glibc 2.30; the libc crate does not have it.
    fn pthread_mutex_clocklock(mutex: *mut pthread_mutex_t, clock: clockid_t, until: *const timespec) -> c_int;
}

/// How the mutex came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Its last owner had released it.
    Released,
    /// Its last owner died with it.
    Abandoned,
}

/// A mutex somewhere in a shared map. The value is only its address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RobustMutex(*mut pthread_mutex_t);

impl RobustMutex {
    /// Makes a mutex at `at`, free.
    ///
    /// # Safety
    /// `at` is aligned as a `pthread_mutex_t`, mapped readable and writable for [`BYTES`] bytes, and nobody uses it
    /// before this returns. It stays mapped at this address as long as the value or a copy of it is used, and until
    /// whatever is locked through it is unlocked.
    pub(crate) unsafe fn initialise(at: *mut u8) -> io::Result<RobustMutex> {
        let mutex: *mut pthread_mutex_t = at.cast();
        assert!(mutex.is_aligned());
        let mut attributes = MaybeUninit::<pthread_mutexattr_t>::uninit();
        // SAFETY: room for attributes, which this call fills.
        check(unsafe { libc::pthread_mutexattr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: the attributes were made by the call above; so in the next two.
        check(unsafe { libc::pthread_mutexattr_setpshared(attributes.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED) })?;
        // SAFETY: as above.
        check(unsafe { libc::pthread_mutexattr_setrobust(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_ROBUST) })?;
        // SAFETY: as above.
        check(unsafe { libc::pthread_mutexattr_settype(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_NORMAL) })?;
        // SAFETY: the caller vouches for the place, and the attributes are complete.
        check(unsafe { libc::pthread_mutex_init(mutex, attributes.as_ptr()) })?;
        // SAFETY: the attributes were made above and are not used again.
        check(unsafe { libc::pthread_mutexattr_destroy(attributes.as_mut_ptr()) })?;
        Ok(RobustMutex(mutex))
    }

    /// The mutex that was made at `at`, by this process or another.
    ///
    /// # Safety
    /// As for [`RobustMutex::initialise`], which was called for this place once; processes that share the mutex have
    /// the same C library's idea of it.
    pub(crate) unsafe fn at(at: *mut u8) -> RobustMutex {
        RobustMutex(at.cast())
    }

    /// Waits for the mutex.
    pub(crate) fn lock(self) -> io::Result<Taken> {
        // SAFETY: a mutex that stays mapped, by the promise of whoever made this value.
        self.taken(unsafe { libc::pthread_mutex_lock(self.0) })
    }

    /// Takes the mutex if it is free, else `WouldBlock`.
    pub(crate) fn try_lock(self) -> io::Result<Taken> {
        // SAFETY: as in `lock`.
        self.taken(unsafe { libc::pthread_mutex_trylock(self.0) })
    }

    /// Waits for the mutex, at most `timeout`, else `TimedOut`.
    pub(crate) fn lock_within(self, timeout: Duration) -> io::Result<Taken> {
        let until = monotonic(timeout);
        // SAFETY: as in `lock`; `until` lives through the call.
        self.taken(unsafe { pthread_mutex_clocklock(self.0, libc::CLOCK_MONOTONIC, &raw const until) })
    }

    /// Releases the mutex, which this thread holds. If it does not, that is an error and nothing happens.
    pub(crate) fn unlock(self) -> io::Result<()> {
        // SAFETY: as in `lock`. A robust mutex knows its owner's thread and refuses others (EPERM).
        check(unsafe { libc::pthread_mutex_unlock(self.0) })
    }

    /// The id of the thread that has it, as its own PID namespace numbers threads; 0 if none has.
    pub(crate) fn owner(self) -> u32 {
        self.word().load(Ordering::Acquire) & THREAD
    }

    /// Does for a dead owner what the kernel did not: whoever takes the mutex next is told. False if `owner`, a
    /// thread's id, does not have it (any more).
    ///
    /// The thread must be dead, and of those who know that only one may call this at a time: else a second call could
    /// meet a new thread of the same id.
    pub(crate) fn give_up(self, owner: u32) -> bool {
        let word = self.word();
        let held = word.load(Ordering::Acquire);
        if owner == 0 || held & THREAD != owner {
            return false;
        }
        let given_up = held & WAITERS | OWNER_DIED;
        if word
            .compare_exchange(held, given_up, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            return false;
        }
        // It fails only where there is no such word, and then nobody waits there.
        let _ = rustix::thread::futex::wake(word, rustix::thread::futex::Flags::empty(), 1);
        true
    }

    fn word(&self) -> &AtomicU32 {
        let word = self.0.cast::<u32>().wrapping_add(WORD);
        // SAFETY: a number of a mutex that stays mapped, by the promise of whoever made this value. The C library and
        // the kernel, too, reach it by atomic instructions.
        unsafe { AtomicU32::from_ptr(word) }
    }

    fn taken(self, result: c_int) -> io::Result<Taken> {
        if result == libc::EOWNERDEAD {
            // SAFETY: as in `lock`; the mutex is this thread's, and inconsistent, as the result says.
            check(unsafe { libc::pthread_mutex_consistent(self.0) })?;
            return Ok(Taken::Abandoned);
        }
        check(result).map(|()| Taken::Released)
    }
}

/// The moment `timeout` from now.
fn monotonic(timeout: Duration) -> timespec {
    const FOR_EVER_SECONDS: u64 = 1 << 32;
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = timeout.as_secs().min(FOR_EVER_SECONDS) as i64;
    let nanoseconds = now.tv_nsec + i64::from(timeout.subsec_nanos());
    timespec {
        tv_sec: now.tv_sec + seconds + nanoseconds / 1_000_000_000,
        tv_nsec: nanoseconds % 1_000_000_000,
    }
}

fn check(result: c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        // The C library's word for a try that failed; the others have this one.
        libc::EBUSY => Err(io::ErrorKind::WouldBlock.into()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mutex that may be sent to threads of a test, and is never freed.
    #[derive(Clone, Copy)]
    struct Shared(usize);

    impl Shared {
        fn new() -> Shared {
            let place: &'static mut MaybeUninit<pthread_mutex_t> = Box::leak(Box::new(MaybeUninit::zeroed()));
            let at = place.as_mut_ptr().cast();
            // SAFETY: private memory of the right size and alignment that is never freed.
            unsafe { RobustMutex::initialise(at) }.expect("made");
            Shared(at.expose_provenance())
        }

        fn get(self) -> RobustMutex {
            // SAFETY: made in `new`, never freed.
            unsafe { RobustMutex::at(std::ptr::with_exposed_provenance_mut(self.0)) }
        }
    }

    #[test]
    fn a_dead_owner_is_told_once() {
        let mutex = Shared::new();
        let owner = std::thread::spawn(move || mutex.get().lock().expect("locked"));
        assert_eq!(owner.join().expect("ended"), Taken::Released);
        assert_eq!(mutex.get().try_lock().expect("taken"), Taken::Abandoned);
        mutex.get().unlock().expect("recoverable");
        assert_eq!(mutex.get().lock().expect("taken"), Taken::Released);
        mutex.get().unlock().expect("unlocked");
    }

    #[test]
    fn held_by_another_thread() {
        let mutex = Shared::new();
        mutex.get().lock().expect("locked");
        let other = std::thread::spawn(move || {
            let kinds = [
                mutex.get().try_lock().map_err(|error| error.kind()),
                mutex.get().lock_within(Duration::ZERO).map_err(|error| error.kind()),
                mutex
                    .get()
                    .lock_within(Duration::from_millis(5))
                    .map_err(|error| error.kind()),
            ];
            (kinds, mutex.get().unlock().map_err(|error| error.raw_os_error()))
        });
        let (kinds, unlocked) = other.join().expect("ended");
        assert_eq!(kinds[0], Err(io::ErrorKind::WouldBlock));
        assert_eq!(kinds[1..], [Err(io::ErrorKind::TimedOut); 2]);
        assert_eq!(unlocked, Err(Some(libc::EPERM)), "release by a non-owner");
        mutex.get().unlock().expect("still ours");
    }

    #[test]
    fn the_longest_time_out_is_a_moment_that_the_system_accepts() {
        let mutex = Shared::new();
        assert_eq!(mutex.get().lock_within(Duration::MAX).expect("free"), Taken::Released);
        assert!(monotonic(Duration::MAX).tv_sec > 1 << 32);
        let almost = monotonic(Duration::from_nanos(999_999_999));
        assert!((0..1_000_000_000).contains(&almost.tv_nsec));
    }
}
