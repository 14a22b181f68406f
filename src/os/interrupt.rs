//! Ctrl-C and its relatives as a question that work asks now and then. One of two doors to signal-hook.
#![allow(unsafe_code, reason = "whether a signal is ignored can only be asked so")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

/// Knows whether somebody asked this process to stop.
#[derive(Clone, Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP ask instead of killing. A second one kills, at once. Those that are ignored
    /// stay so: that is how `nohup` and a shell's background jobs ask for it.
    ///
    /// A file too large for the limits of this process (`ulimit -f`) becomes an error where it else would kill.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn install() -> io::Result<Interrupt> {
        let asked = Arc::new(AtomicBool::new(false));
        flag::register(SIGXFSZ, Arc::default())?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if is_ignored(signal)? {
                continue;
            }
            // In this order, so that the first one finds the flag unset.
            flag::register_conditional_default(signal, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Interrupt { asked })
    }

    /// True once a signal came.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

fn is_ignored(signal: libc::c_int) -> io::Result<bool> {
    // SAFETY: a `sigaction` of zeros is a valid one: no flags, an empty mask, the default handler.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: no new action is given, and the old one is written to a live `sigaction`.
    match unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut now) } {
        0 => Ok(now.sa_sigaction == libc::SIG_IGN),
        _ => Err(io::Error::last_os_error()),
    }
}
