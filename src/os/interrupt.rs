//! Ctrl-C and its relatives as a question that work asks now and then. One of three doors to signal-hook.
#![allow(unsafe_code, reason = "an action in a signal handler cannot be registered without")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::{flag, low_level};

/// Knows whether somebody asked this process to stop.
#[derive(Clone, Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP ask instead of killing. A second one kills, at once. Those that are
    /// ignored stay so: that is how `nohup` and a shell's background jobs ask for it.
    ///
    /// A file too large for the limits of this process (`ulimit -f`) becomes an error where it else would kill.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn install() -> io::Result<Interrupt> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in heeded(&[SIGINT, SIGTERM, SIGHUP])? {
            let asked = Arc::clone(&asked);
            // One swap, and not a look and then a store: two signals may come to two threads at the same time.
            let action = move || {
                if asked.swap(true, Ordering::SeqCst) {
                    // Should it fail, the work still stops after the chunks in flight.
                    let _ = low_level::emulate_default_handler(signal);
                }
            };
            // SAFETY: the action only swaps an atomic and calls a function that may be called in a signal handler.
            unsafe { low_level::register(signal, action) }?;
        }
        // The last one: where it is caught, the others are not only caught but heeded.
        flag::register(SIGXFSZ, Arc::default())?;
        Ok(Interrupt { asked })
    }

    /// True once a signal came.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Those of `signals` that this process does not ignore.
///
/// # Errors
/// Whatever the system says.
pub(super) fn heeded(signals: &[i32]) -> io::Result<Vec<i32>> {
    let ignored = ignored_signals()?;
    let heeded = signals
        .iter()
        .copied()
        .filter(|signal| ignored & 1 << (signal - 1) == 0);
    Ok(heeded.collect())
}

/// A bit for each signal that this process ignores, the lowest for signal 1.
fn ignored_signals() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_known() {
        // Rust's runtime ignores it in every program.
        let broken_pipe = 1 << (signal_hook::consts::SIGPIPE - 1);
        assert_eq!(ignored_signals().expect("asked") & broken_pipe, broken_pipe);
    }
}
