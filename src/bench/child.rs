//! One process that is measured, from its start to its end.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::bench::Measured;
use crate::error::{Error, ErrorKind, Result};
use crate::exit;
use crate::os::process::Handle;
use crate::os::usage::{self, Usage};
use crate::threads::Progress;

/// How often somebody is asked whether to go on; seldom, so that it takes nothing from what is measured.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long a process that works on the bench's own file may take to stop.
const STOP_TIME: Duration = Duration::from_secs(2);

/// A process that is to be measured.
pub(super) struct Subject<'a> {
    pub(super) command: Vec<OsString>,
    pub(super) work_time: &'a dyn Fn(&str) -> Option<Duration>,
    /// The file that it works on, if nobody needs its bytes.
    pub(super) own_file: Option<&'a Path>,
}

/// How it ended.
struct ChildExit {
    waited: std::io::Result<(ExitStatus, Usage)>,
    at: Instant,
    printed: String,
    said: String,
}

impl Subject<'_> {
    /// Runs it to its end. `progress` hears of no bytes; when it says `Break`, the process is stopped.
    pub(super) fn measure(&self, progress: Progress<'_>) -> Result<Measured> {
        let program = Path::new(&self.command[0]);
        let failed = |error| Error::io("run", program, error);
        // In a process group of its own, so that Ctrl-C is heard here only, and passed on once.
        let mut command = Command::new(program);
        command.args(&self.command[1..]).process_group(0);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let begun = Instant::now();
        let mut child = command.spawn().map_err(failed)?;
        let handle = Handle::new(&mut child).map_err(failed)?;
        let (sender, exits) = channel();
        std::thread::spawn(move || {
            // Nobody listens any more if it could not be stopped.
            let _ = sender.send(wait(child));
        });
        let mut asked: Option<Instant> = None;
        let exit = loop {
            match exits.recv_timeout(LOOK_INTERVAL) {
                Ok(exit) => break exit,
                Err(RecvTimeoutError::Disconnected) => return Err(failed(std::io::ErrorKind::BrokenPipe.into())),
                Err(RecvTimeoutError::Timeout) => {}
            }
            match asked {
                None if progress(0).is_break() => {
                    asked = Some(Instant::now());
                    self.stop(&handle).map_err(failed).inspect_err(|_| {
                        let _ = handle.kill();
                    })?;
                }
                Some(asked) if self.own_file.is_some() && asked.elapsed() > STOP_TIME => {
                    handle.kill().map_err(failed)?;
                }
                _ => {}
            }
        };
        if asked.is_some() {
            return Err(Error::interrupted());
        }
        self.read(&exit, begun)
    }

    /// Asks it to stop. Bytes that nobody needs are not waited for: their file is emptied.
    fn stop(&self, handle: &Handle) -> std::io::Result<()> {
        handle.ask_to_stop()?;
        match self.own_file {
            Some(path) => File::options().write(true).open(path)?.set_len(0),
            None => Ok(()),
        }
    }

    fn read(&self, exit: &ChildExit, begun: Instant) -> Result<Measured> {
        let program = Path::new(&self.command[0]);
        let waited = exit.waited.as_ref().map_err(|error| std::io::Error::from(error.kind()));
        let (status, usage) = waited.map_err(|error| Error::io("wait for", program, error))?;
        let last_line = exit.said.lines().last().unwrap_or_default();
        let said = last_line.strip_prefix("pagelight: ").unwrap_or(last_line);
        let fault = |message: String| Error::Worker {
            kind: status.code().map_or(ErrorKind::Untold, exit::kind),
            job: None,
            message,
        };
        if let Some(signal) = status.signal() {
            return Err(fault(format!(
                "what was measured was killed by signal {signal}; try again"
            )));
        }
        if !status.success() {
            return Err(fault(said.to_owned()));
        }
        let work = (self.work_time)(&exit.printed);
        let work = work.ok_or_else(|| fault(format!("what was measured printed no time: {:?}", exit.printed)))?;
        Ok(Measured {
            whole: exit.at - begun,
            work,
            usage: *usage,
        })
    }
}

/// Takes down what it prints and says, little as that is, and waits for it.
fn wait(mut child: Child) -> ChildExit {
    let (mut printed, mut said) = (String::new(), String::new());
    if let Some(stdout) = &mut child.stdout {
        let _ = stdout.read_to_string(&mut printed);
    }
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.read_to_string(&mut said);
    }
    let waited = usage::wait(child);
    ChildExit {
        waited,
        at: Instant::now(),
        printed,
        said,
    }
}
