//! Signals while another program runs in our stead: they are meant for it. Another door to signal-hook.

use std::io;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::interrupt;

/// From now on signals do not kill this process, until dropped.
#[derive(Debug)]
pub struct Patience {
    signals: Signals,
}

/// Passes signals on, until dropped.
#[derive(Debug)]
pub struct Forwarding {
    handle: Handle,
}

impl Patience {
    /// Holds signals back. To be called before the program is started, or one could slip in between.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn new() -> io::Result<Patience> {
        // What we ignore, the program will ignore too: `nohup` means it.
        let signals = Signals::new(interrupt::heeded(&[SIGINT, SIGQUIT, SIGTERM, SIGHUP])?)?;
        Ok(Patience { signals })
    }

    /// Passes on to `child` what is sent to us alone (SIGTERM, SIGHUP). What comes from a terminal's keys (SIGINT,
    /// SIGQUIT) it gets from there, as we do.
    pub fn forward_to(mut self, child: &Child) -> Forwarding {
        let pid = Pid::from_child(child);
        let handle = self.signals.handle();
        std::thread::spawn(move || {
            for signal in self.signals.forever() {
                let signal = match signal {
                    SIGTERM => Signal::TERM,
                    SIGHUP => Signal::HUP,
                    _ => continue,
                };
                // A child that has ended a moment ago needs no signal any more; it is waited for only later.
                let _ = kill_process(pid, signal);
            }
        });
        Forwarding { handle }
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.handle.close();
    }
}
