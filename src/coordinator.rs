//! Runs a job in many processes: starts the workers, watches them, replaces the dead. It edits nothing itself while
//! they live.
//!
//! A worker is this same program, started with the job's image and journal (see `worker`); the journal is all that the
//! processes share. So a worker may die at any instruction: its slots' locks become free, the chunks that it had begun
//! are finished from its slots, and the chunks that it never reached are free for the others.
//!
//! 1. A worker is never taken for dead: it has ended, or it holds its locks. A worker that makes no progress when
//!    nothing else is left is killed, and then it has ended.
//! 2. A worker ends when the coordinator does: the worker's standard input is a pipe, and it stops when the pipe
//!    closes.
//! 3. Only the coordinator hears of Ctrl-C and Ctrl-Z. Workers are in process groups of their own; they obey the
//!    journal, and what comes through the pipe: [`PAUSE`] and [`RESUME`].

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crate::engine::{self, Settings};
use crate::error::{Error, Hint, Result, open_files_hint};
use crate::exit;
use crate::job::Job;
use crate::journal::Journal;
use crate::map::MappedFile;
use crate::os::process::Handle;
use crate::os::suspend::{self, Suspend, Watch};
use crate::threads::{self, Progress};

/// Tells a worker to take no chunk for now. No signal is used for that: a stopped worker could not see its coordinator
/// die.
pub const PAUSE: u8 = b'h';
/// Tells a worker to take chunks again.
pub const RESUME: u8 = b'g';

/// How often the journal is asked how far the job is.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The part of a window below which a process of its own costs more than it saves.
const MIN_SHARE_BYTES: u64 = 128 << 20;

/// How many processes best share a window of `window_bytes` on a machine of `cores`: one for each core, if each then
/// has enough to do, and otherwise fewer, with several cores each. Threads of one process share its address space: a
/// page that one thread releases must be dropped by the cores of all, and that takes longer than the rest of releasing
/// it.
pub fn processes_that_pay(window_bytes: u64, cores: usize) -> usize {
    let shares = usize::try_from(window_bytes / MIN_SHARE_BYTES).unwrap_or(usize::MAX);
    let cores_each = cores.div_ceil(cores.min(shares).max(1));
    cores.div_ceil(cores_each)
}

/// How workers are to be run.
#[derive(Clone, Debug)]
pub struct Workers {
    /// How many at once, at least 1.
    pub processes: u32,
    /// A program and its first arguments. Three more follow: the image's path, the journal's path and the epoch's
    /// number.
    pub command: Vec<std::ffi::OsString>,
    /// The *grace*: how long a worker may make no progress, when nothing else is left, before it is killed.
    pub grace: Duration,
    /// Tells when this process is to stand still (Ctrl-Z), and its workers with it.
    pub suspend: Option<Suspend>,
    /// How this process does the work itself if the system lets it start no worker; `None` if that is an error.
    pub stand_in: Option<Settings>,
    /// Gets what becomes of the workers.
    pub events: Sender<Event>,
}

impl Workers {
    /// So many workers of this command, without anybody who hears of them. That one cannot be started is an error.
    pub fn new(processes: u32, command: Vec<std::ffi::OsString>) -> Workers {
        Workers {
            processes,
            command,
            grace: Duration::from_secs(5),
            suspend: None,
            stand_in: None,
            events: channel().0,
        }
    }
}

/// What became of a worker, for those who watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was started.
    Started {
        /// Its number, from 1 on.
        worker: u32,
        /// Its process.
        process: u32,
    },
    /// It was killed, by somebody else or because it stood still; its work was taken over.
    Killed {
        /// Its number, from 1 on.
        worker: u32,
        /// Its process.
        process: u32,
        /// True if it was the coordinator that killed it.
        stood_still: bool,
    },
}

struct Worker {
    number: u32,
    process: u32,
    handle: Handle,
    /// The worker stops when this is dropped.
    pipe: Option<ChildStdin>,
    stood_still: bool,
}

/// How a worker ended.
struct WorkerExit {
    number: u32,
    status: std::io::Result<ExitStatus>,
    said: String,
}

/// Has workers edit until no chunk is left, or until `progress` asks for an early end. The caller holds the right to
/// run the job, and has recovered the slots of dead threads.
///
/// # Errors
/// `Worker` if a worker failed with an error of its own; `Interrupted`; `Io` if a worker cannot be started.
pub fn work(job: &Job, image: &MappedFile, journal: &Journal, wanted: &Workers, progress: Progress<'_>) -> Result<()> {
    let (sender, exits) = channel();
    let mut coordinator = Coordinator {
        image,
        journal,
        wanted,
        watch: wanted.suspend.as_ref().map(Suspend::watch),
        sender,
        workers: Vec::new(),
        started: 0,
        failed: None,
    };
    let outcome = coordinator.run(job, &exits, progress);
    if outcome.is_err() {
        journal.ask_to_stop();
    }
    coordinator.wait_for_all(&exits);
    outcome.and(coordinator.failed.map_or(Ok(()), Err))
}

struct Coordinator<'a> {
    image: &'a MappedFile,
    journal: &'a Journal,
    wanted: &'a Workers,
    watch: Option<Watch<'a>>,
    sender: Sender<WorkerExit>,
    workers: Vec<Worker>,
    started: u32,
    failed: Option<Error>,
}

impl Coordinator<'_> {
    fn run(&mut self, job: &Job, exits: &Receiver<WorkerExit>, progress: Progress<'_>) -> Result<()> {
        // Read before the first worker is started: it may have done much by the time the last one is.
        let mut done_bytes = self.journal.counted_bytes()?;
        for _ in 0..self.wanted.processes {
            match self.start() {
                Err(_) if self.wanted.stand_in.is_some() => break,
                started => started?,
            }
        }
        if let (true, Some(settings)) = (self.workers.is_empty(), &self.wanted.stand_in) {
            return engine::work(job, self.image, self.journal, settings, progress);
        }
        let mut last_change = Instant::now();
        while !self.workers.is_empty() {
            match exits.recv_timeout(LOOK_INTERVAL) {
                // Noted before anything else: each end of a worker is reported only once.
                Ok(exit) => {
                    self.note_exit(job, exit)?;
                    last_change = Instant::now();
                }
                Err(RecvTimeoutError::Timeout) => self.kill_those_that_stand_still(last_change)?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.stand_still_if_asked() {
                last_change = Instant::now();
            }
            let now_done = self.journal.counted_bytes()?.max(done_bytes);
            threads::report(progress, now_done - done_bytes)?;
            if now_done != done_bytes {
                (done_bytes, last_change) = (now_done, Instant::now());
            }
        }
        Ok(())
    }

    fn start(&mut self) -> Result<()> {
        let mut command = Command::new(&self.wanted.command[0]);
        command
            .args(&self.wanted.command[1..])
            .arg(self.image.path())
            .arg(self.journal.path())
            .arg(self.journal.epoch().to_string());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        // Not `Error::io`, which would say that the image is missing or forbidden.
        let failed = |source| {
            let hint = open_files_hint(&source).map_or(Hint::FewerProcesses, Hint::words);
            Error::failed("start a worker for", self.image.path(), hint, source)
        };
        let mut child = command.spawn().map_err(failed)?;
        let handle = Handle::new(&mut child).map_err(failed)?;
        self.started += 1;
        let (number, process) = (self.started, child.id());
        let pipe = child.stdin.take();
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            // Nobody listens any more when the coordinator has given up.
            let _ = sender.send(wait(number, child));
        });
        self.workers.push(Worker {
            number,
            process,
            handle,
            pipe,
            stood_still: false,
        });
        self.tell(Event::Started {
            worker: number,
            process,
        });
        Ok(())
    }

    /// Takes note of a worker's end: takes over the work of one that was killed, and remembers the first error.
    fn note_exit(&mut self, job: &Job, exit: WorkerExit) -> Result<()> {
        let Some(place) = self.workers.iter().position(|worker| worker.number == exit.number) else {
            return Ok(());
        };
        let worker = self.workers.remove(place);
        let status = exit
            .status
            .map_err(|error| Error::io("wait for a worker of", self.image.path(), error))?;
        if status.success() {
            return Ok(());
        }
        let Some(code) = status.code() else {
            return self.take_over(job, &worker, status);
        };
        self.journal.ask_to_stop();
        self.failed.get_or_insert(Error::Worker {
            kind: exit::kind(code),
            job: None,
            message: if exit.said.is_empty() {
                format!(
                    "{}: worker {} ended with code {code}",
                    self.image.path().display(),
                    worker.number
                )
            } else {
                exit.said
            },
        });
        Ok(())
    }

    fn take_over(&mut self, job: &Job, worker: &Worker, status: ExitStatus) -> Result<()> {
        debug_assert!(status.signal().is_some());
        engine::recover_dead_slots(job, self.image, self.journal)?;
        self.tell(Event::Killed {
            worker: worker.number,
            process: worker.process,
            stood_still: worker.stood_still,
        });
        // Bounded: if every worker dies, another worker does not help.
        let left = self.journal.totals()?.done_bytes < job.target.window.bytes();
        if left && self.started < 3 * self.wanted.processes && !self.journal.is_asked_to_stop()? {
            self.start()?;
        }
        Ok(())
    }

    fn tell(&self, event: Event) {
        // A caller that does not want to hear of workers has dropped the other end.
        let _ = self.wanted.events.send(event);
    }

    /// Kills the workers if nothing has changed for the grace and there is nothing else to be done: a worker that
    /// stands still would hold its chunks for ever.
    fn kill_those_that_stand_still(&mut self, last_change: Instant) -> Result<()> {
        if last_change.elapsed() < self.wanted.grace {
            return Ok(());
        }
        // As long as there are free chunks, a worker that stands still holds up nobody: the disk may just be slow.
        if self.journal.has_free_chunks()? && !self.journal.is_asked_to_stop()? {
            return Ok(());
        }
        let path = self.image.path();
        for worker in self.workers.iter_mut().filter(|worker| !worker.stood_still) {
            worker
                .handle
                .kill()
                .map_err(|error| Error::io("end a worker of", path, error))?;
            worker.stood_still = true;
        }
        Ok(())
    }

    /// Waits until no worker is left; those that do not obey in time are killed.
    fn wait_for_all(&mut self, exits: &Receiver<WorkerExit>) {
        let mut patience = Instant::now() + self.wanted.grace;
        while !self.workers.is_empty() {
            if let Ok(exit) = exits.recv_timeout(LOOK_INTERVAL) {
                self.workers.retain(|worker| worker.number != exit.number);
            } else if Instant::now() > patience {
                // A recovery finishes the chunks that they had begun from their slots.
                self.workers.iter().for_each(|worker| drop(worker.handle.kill()));
                patience += self.wanted.grace;
            }
            if self.stand_still_if_asked() {
                patience = Instant::now() + self.wanted.grace;
            }
        }
    }

    /// Stands still with all workers, if somebody asked, until somebody lets this process go on; true then.
    fn stand_still_if_asked(&mut self) -> bool {
        if !self.watch.as_ref().is_some_and(Watch::asked) {
            return false;
        }
        self.tell_workers(PAUSE);
        suspend::stand_still();
        self.tell_workers(RESUME);
        true
    }

    fn tell_workers(&mut self, word: u8) {
        for pipe in self.workers.iter_mut().filter_map(|worker| worker.pipe.as_mut()) {
            // A worker that cannot be told has ended.
            let _ = pipe.write_all(&[word]);
        }
    }
}

/// Waits for the end of a worker, and reads what it says on stderr.
fn wait(number: u32, mut child: Child) -> WorkerExit {
    let mut said = String::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.read_to_string(&mut said);
    }
    let status = child.wait();
    let last_line = said.lines().last().unwrap_or_default();
    WorkerExit {
        number,
        status,
        said: last_line.strip_prefix("pagelight: ").unwrap_or(last_line).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_for_each_core_if_it_has_enough_to_do() {
        let check = |share, bytes, cores, want| {
            assert_eq!(processes_that_pay(share * MIN_SHARE_BYTES + bytes, cores), want);
        };
        check(0, 0, 2, 1);
        check(1, 0, 2, 1);
        check(1, MIN_SHARE_BYTES - 1, 2, 1);
        check(2, 0, 2, 2);
        check(2, 0, 1, 1);
        check(8, 0, 64, 8);
        check(5, 0, 8, 4);
        check(33, 0, 64, 32);
        check(4, 0, 6, 3);
        check(5, 0, 7, 4);
        check(1 << 30, 0, 64, 64);
    }
}
