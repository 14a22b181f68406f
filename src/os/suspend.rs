//! Ctrl-Z, for a process whose work is done by others: they are to stand still before it does. The third door to
//! signal-hook.
#![allow(unsafe_code, reason = "an action in a signal handler cannot be registered without")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGTSTP;
use signal_hook::low_level;

use super::interrupt;

/// Knows whether somebody asked this process to stand still.
#[derive(Clone, Debug, Default)]
pub struct Suspend {
    /// True while somebody looks whether it was asked. Otherwise the process stands still at once.
    is_watched: Arc<AtomicBool>,
    asked: Arc<AtomicBool>,
}

/// As long as it lives, [`Watch::asked`] is to be looked at now and then.
#[derive(Debug)]
pub struct Watch<'a> {
    suspend: &'a Suspend,
}

impl Suspend {
    /// From now on SIGTSTP asks, while it is watched. If it is ignored it stays so. To be called once: whoever is not
    /// watched stands still at once.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn install() -> io::Result<Suspend> {
        let suspend = Suspend::default();
        for signal in interrupt::heeded(&[SIGTSTP])? {
            let Suspend { is_watched, asked } = suspend.clone();
            let action = move || {
                if is_watched.load(Ordering::SeqCst) {
                    asked.store(true, Ordering::SeqCst);
                } else {
                    stand_still();
                }
            };
            // SAFETY: the action only touches atomics and calls a function that may be called in a signal handler.
            unsafe { low_level::register(signal, action) }?;
        }
        Ok(suspend)
    }

    /// Begins to watch.
    pub fn watch(&self) -> Watch<'_> {
        self.is_watched.store(true, Ordering::SeqCst);
        Watch { suspend: self }
    }
}

impl Watch<'_> {
    /// True if a signal came since the last time.
    pub fn asked(&self) -> bool {
        self.suspend.asked.swap(false, Ordering::SeqCst)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.suspend.is_watched.store(false, Ordering::SeqCst);
        if self.asked() {
            stand_still();
        }
    }
}

/// Stands still until somebody lets this process go on.
pub fn stand_still() {
    // It cannot fail; if it did, the process would just go on.
    let _ = low_level::emulate_default_handler(SIGTSTP);
}
