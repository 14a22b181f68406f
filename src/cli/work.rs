//! The words of every command that edits, and what such a command says in the end.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use clap::Args;
use pagelight::coordinator::{self, Event, Workers};
use pagelight::counts::Counts;
use pagelight::engine::Settings;
use pagelight::error::Result;
use pagelight::job::Job;
use pagelight::op::Op;
use pagelight::os::process::THIS_PROGRAM;
use pagelight::run::{Options, Outcome};
use pagelight::threads::{self, Progress};
use pagelight::worker;
use serde_json::json;

use super::Global;
use super::output::{self, count, gigabytes_per_second, percent, seconds};
use super::progress::Meter;
use super::words;

/// More than anybody has use for.
const MAX_PROCESSES: u16 = 256;

/// How to work.
#[derive(Args)]
#[command(next_help_heading = "The work")]
pub(super) struct WorkArgs {
    /// Threads that work at once in each process [default: as many as the machine has cores for us, divided over the
    /// processes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
    /// Processes that share the work; whichever dies, the others finish what it had begun [default: one for each core,
    /// but no more than have 128 MiB of work each; one if --threads is given]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_PROCESSES)))]
    processes: Option<u16>,
    /// About how much of the image may be in memory at most; a thread needs 4 MiB, and most work takes less
    #[arg(long, value_name = "SIZE", value_parser = words::some_bytes, default_value = "32MiB")]
    memory: u64,
    /// Do not wait until the result is on the disk; a power cut may then lose some of it
    #[arg(long)]
    no_sync: bool,
    /// Keep the journal there instead of beside the image
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// How long a worker may make no progress, when nothing else is left, before it is killed
    #[arg(long, value_name = "SECONDS", value_parser = words::seconds, default_value = "5", hide = true)]
    grace: Duration,
}

impl WorkArgs {
    /// The folder of the journals, if it was named.
    pub(super) fn journal(&self) -> Option<&Path> {
        self.journal.as_deref()
    }

    /// The options of a run on `window_bytes`; says them, if asked to be verbose.
    pub(super) fn options(&self, global: &Global, window_bytes: u64) -> (Options, Events) {
        let processes = self.processes(window_bytes);
        let settings_of = |processes: usize| Settings {
            threads: self
                .threads
                .map_or_else(|| Settings::shared_by(processes).threads, usize::from),
            memory_bytes: (self.memory / processes as u64).max(1),
        };
        let settings = settings_of(processes);
        if global.verbose {
            global.note(&format!(
                "{processes} processes of {} threads, each with at most about {} of the image in memory at once",
                settings.threads,
                output::bytes(settings.memory_bytes),
            ));
        }
        let (sender, events) = channel();
        let workers = (processes > 1).then(|| Workers {
            grace: self.grace,
            suspend: global.suspend.clone(),
            stand_in: self.processes.is_none().then(|| settings_of(1)),
            events: sender,
            ..Workers::new(u32::try_from(processes).unwrap_or(u32::MAX), worker::command(&settings))
        });
        let options = Options {
            settings,
            sync: !self.no_sync,
            journal_folder: self.journal.clone(),
            workers,
        };
        (options, Events::new(events))
    }

    fn processes(&self, window_bytes: u64) -> usize {
        match (self.processes, self.threads) {
            (Some(processes), _) => usize::from(processes),
            // Workers are started from /proc/self/exe; without /proc there is one process.
            (None, None) if Path::new(THIS_PROGRAM).exists() => usual_processes(window_bytes),
            (None, _) => 1,
        }
    }
}

/// How many processes share so much work if nobody says.
pub(super) fn usual_processes(window_bytes: u64) -> usize {
    coordinator::processes_that_pay(window_bytes, threads::available()).min(usize::from(MAX_PROCESSES))
}

/// What is heard of the workers.
pub(super) struct Events {
    events: Receiver<Event>,
}

impl Events {
    pub(super) fn new(events: Receiver<Event>) -> Events {
        Events { events }
    }

    /// Says which workers were killed, and if asked to be verbose, which were started.
    pub(super) fn tell(&self, global: &Global) {
        for event in self.events.try_iter() {
            match event {
                Event::Started { worker, process } if global.verbose => {
                    global.note(&format!("worker {worker} (pid {process}) was started"));
                }
                Event::Started { .. } => {}
                Event::Killed {
                    worker,
                    process,
                    stood_still: false,
                } => global.note(&format!(
                    "worker {worker} (pid {process}) was killed; its work was taken over"
                )),
                Event::Killed { worker, process, .. } => global.note(&format!(
                    "worker {worker} (pid {process}) stood still and was ended; its work was taken over"
                )),
            }
        }
    }
}

/// An edit that is about to be done, as the user hears of it.
pub(super) struct WatchedEdit<'a> {
    /// What is said before the numbers.
    pub(super) doing: &'static str,
    pub(super) path: &'a Path,
    pub(super) job: &'a Job,
    /// Bytes already done, if the job is resumed.
    pub(super) done_bytes: u64,
}

impl WatchedEdit<'_> {
    /// Does the edit by `work`, with a meter, and says what came of it and of the workers.
    pub(super) fn carry_out(
        &self,
        global: &Global,
        events: &Events,
        work: impl FnOnce(Progress<'_>) -> Result<Outcome>,
    ) -> Result<()> {
        let meter = Meter::new(global, self.doing, self.job.target.window.bytes(), self.done_bytes);
        let begun = Instant::now();
        let outcome = work(&|bytes| meter.add(bytes));
        let report = Report {
            path: self.path,
            job: self.job,
            edited_bytes: self.job.target.window.bytes() - self.done_bytes,
            begun,
            edit_time: meter.work_time(),
        };
        drop(meter);
        events.tell(global);
        report.print(global, outcome?);
        Ok(())
    }
}

/// What there is to say of an edit that came to its end.
struct Report<'a> {
    path: &'a Path,
    job: &'a Job,
    /// Of this run; a resumed job may have had less to do than its window.
    edited_bytes: u64,
    begun: Instant,
    /// Time until the last chunk was done; the rest was waiting for the disk.
    edit_time: Duration,
}

impl Report<'_> {
    fn print(&self, global: &Global, outcome: Outcome) {
        let path = output::name(self.path);
        let job = self.job;
        let description = &job.target.description;
        let part = &description.part;
        let counts = match outcome {
            Outcome::Done { counts, left_behind } => {
                if let Some(folder) = left_behind {
                    global.note(&format!(
                        "{}: the edit is complete, but this folder of its journal could not be removed; it does no harm, \
                         and goes with the next job on the image",
                        folder.display()
                    ));
                }
                counts
            }
            Outcome::AlreadyDone => {
                global.result(
                    &format!(
                        "{path}: {} was already applied under this --id; nothing was changed",
                        output::edit(&job.op, part)
                    ),
                    &json!({ "image": self.path.to_string_lossy(), "already_applied": true }),
                );
                return;
            }
        };
        let bytes = self.edited_bytes;
        let samples = job.target.samples();
        let merged = merged(&job.op, counts, samples);
        let speed = gigabytes_per_second(bytes, self.edit_time);
        let sync_time = self.begun.elapsed().saturating_sub(self.edit_time);
        global.result(
            &format!(
                "{path}: {}, channels {}\n{} pixels, {} in {} ({speed:.2} GB/s) and {} for the journal \
                 and the disk\n{} samples clipped ({}){merged}",
                output::edit(&job.op, part),
                description.channels,
                count(description.pixels),
                output::bytes(bytes),
                seconds(self.edit_time),
                seconds(sync_time),
                count(counts.clipped),
                percent(counts.clipped, samples),
            ),
            &json!({
                "image": self.path.to_string_lossy(),
                "window": part,
                "operation": job.op.to_string(),
                "amount": output::amount(&job.op),
                "channels": description.channels,
                "pixel_format": description.format,
                "pixels": description.pixels,
                "bytes": bytes,
                "seconds": self.edit_time.as_secs_f64(),
                "disk_seconds": sync_time.as_secs_f64(),
                "gigabytes_per_second": speed,
                "clipped_samples": counts.clipped,
                "merged_samples": match job.op {
                    Op::Brighten { .. } | Op::Function(_) => None,
                    Op::Table(_) => Some(counts.merged),
                },
            }),
        );
    }
}

/// The words for merged samples, for ops that count them.
fn merged(op: &Op, counts: Counts, samples: u64) -> String {
    match op {
        Op::Brighten { .. } | Op::Function(_) => String::new(),
        Op::Table(_) => format!(
            ", {} merged with other values ({})",
            count(counts.merged),
            percent(counts.merged, samples)
        ),
    }
}
