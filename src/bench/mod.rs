//! Measures the engine on this machine and in this folder, beside what the machine can do at most.
//!
//! Every figure is of a process of its own, from its start to its end: this program's `brighten`, with its journal, or
//! one that measures a limit. How they are started is said by whoever calls; what they print is read there too.
//!
//! 1. Configs that are compared take turns: every config, and every limit, is measured once in each round. Every other
//!    round goes backwards, so that none always comes first.
//! 2. The file is brought into its state before each measurement, and that takes no part in it.
//! 3. A state that ends on the disk ([`CacheState::is_on_disk`]) is measured with the wait for the disk, and compared
//!    with what the disk can do; any other one without, and compared with what memory can do.
//! 4. This process stays small: a child's peak of memory begins at its parent's.
//! 5. A file that is not the bench's own keeps its bytes: it is edited by 0, and nothing else writes to it.

mod child;
mod figures;
pub mod limit;
pub mod state;

use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::threads::{self, Progress};

use child::Subject;
pub use figures::{Row, Spread};
use limit::DiskUse;
use state::CacheState;

/// A config of the engine: how many processes of how many threads each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// At least 1.
    pub processes: u32,
    /// At least 1.
    pub threads: u32,
}

impl Config {
    /// Threads of all processes together.
    pub fn total_threads(self) -> u32 {
        self.processes.saturating_mul(self.threads)
    }
}

/// One thing that is measured, by a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Run {
    /// The engine.
    Engine {
        /// By how many.
        config: Config,
        /// Until all is on the disk.
        sync: bool,
    },
    /// The kernel over private memory.
    Memory {
        /// By how many.
        threads: u32,
        /// Over so many bytes.
        bytes: u64,
    },
    /// The disk past the page cache.
    Disk {
        /// What is done with it.
        disk_use: DiskUse,
        /// By how many.
        threads: u32,
        /// Over so many bytes, whole pages.
        bytes: u64,
    },
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// From the start of the process to its end.
    pub whole: Duration,
    /// What the process says that the work itself took.
    pub work: Duration,
    /// What it used.
    pub usage: crate::os::usage::Usage,
}

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The file that is edited.
    pub file: PathBuf,
    /// The bytes of it that are.
    pub data: Range<u64>,
    /// True if the file is the bench's own: it can then be written anew, and cut off when somebody is in a hurry.
    pub is_own: bool,
    /// The states to measure in, in order, each once.
    pub states: Vec<CacheState>,
    /// The configs to measure, each once.
    pub configs: Vec<Config>,
    /// The limit of memory is measured over so many bytes.
    pub memory_bytes: u64,
    /// What the disk's limit is measured on, the bench's own: from the first byte on, over so many bytes.
    pub disk_file: PathBuf,
    /// Whole pages.
    pub disk_bytes: u64,
    /// The most rounds, at least 1.
    pub rounds: u32,
    /// No round begins that would not end within this; but one is always made.
    pub budget: Duration,
}

/// How the processes that are measured are started, and understood.
pub struct Program<'a> {
    /// The program and its arguments.
    pub command: &'a dyn Fn(Run) -> Vec<OsString>,
    /// From what it prints to how long the work took.
    pub work_time: &'a dyn Fn(&str) -> Option<Duration>,
}

/// The configs in which the disk's limit is looked for: what is done, and by how many threads, each with a block in
/// flight. The fastest one is the limit.
const DISK_TRIALS: [(DiskUse, u32); 4] = [
    (DiskUse::Mixed, 4),
    (DiskUse::Apart, 4),
    (DiskUse::Mixed, 8),
    (DiskUse::Apart, 8),
];
/// As much of the file is enough to choose among them.
const DISK_TRIAL_BYTES: u64 = 512 << 20;

/// Measurements on their way.
pub struct Bench<'a> {
    plan: &'a Plan,
    program: &'a Program<'a>,
    begun: Instant,
    rounds: u32,
    longest_round: Duration,
    /// What was measured, in the order of the first round.
    samples: Vec<(Option<CacheState>, Run, Vec<Measured>)>,
    /// The fastest config of the disk, if that is measured.
    disk_config: (DiskUse, u32),
    /// True if the file was last edited without a wait for the disk, and not touched since.
    is_warm: bool,
}

impl<'a> Bench<'a> {
    /// Gets ready: finds out how the disk is fastest, if a state needs to know. The file has its bytes already. The
    /// budget counts from when all was `begun`.
    ///
    /// # Errors
    /// `Worker` if a process fails, with its words and its exit code; `Io`; `Interrupted` if `progress` said so.
    pub fn begin(
        plan: &'a Plan,
        program: &'a Program<'a>,
        begun: Instant,
        progress: Progress<'_>,
    ) -> Result<Bench<'a>> {
        let mut bench = Bench {
            plan,
            program,
            begun,
            rounds: 0,
            longest_round: Duration::ZERO,
            samples: Vec::new(),
            disk_config: DISK_TRIALS[0],
            is_warm: false,
        };
        if plan.uses_disk() {
            bench.try_disk(progress)?;
        }
        Ok(bench)
    }

    /// The bytes that [`Bench::begin`] reports.
    pub fn begin_bytes(plan: &Plan) -> u64 {
        let trials = DISK_TRIALS.len() as u64 + 2;
        if plan.uses_disk() {
            trials * plan.disk_bytes.min(DISK_TRIAL_BYTES)
        } else {
            0
        }
    }

    fn try_disk(&mut self, progress: Progress<'_>) -> Result<()> {
        let bytes = self.plan.disk_bytes.min(DISK_TRIAL_BYTES);
        let mut fastest = Duration::MAX;
        for (disk_use, threads) in DISK_TRIALS {
            let run = Run::Disk {
                disk_use,
                threads,
                bytes,
            };
            let measured = self.measure(run, progress)?;
            if measured.work < fastest {
                (fastest, self.disk_config) = (measured.work, (disk_use, threads));
            }
        }
        let (_, threads) = self.disk_config;
        for disk_use in [DiskUse::Read, DiskUse::Write] {
            let run = Run::Disk {
                disk_use,
                threads,
                bytes,
            };
            let measured = self.measure(run, progress)?;
            self.keep(None, run, measured);
        }
        Ok(())
    }

    /// True as long as there is time for another round.
    pub fn has_time(&self) -> bool {
        let soon = self.begun.elapsed() + self.longest_round;
        self.rounds == 0 || (self.rounds < self.plan.rounds && soon <= self.plan.budget)
    }

    /// Rounds made.
    pub fn rounds(&self) -> u32 {
        self.rounds
    }

    /// Since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The bytes that [`Bench::round`] reports.
    pub fn round_bytes(&self) -> u64 {
        let runs = self.runs();
        runs.iter().map(|(_, run)| self.plan.bytes_of(*run)).sum()
    }

    /// Measures every config in every state once.
    ///
    /// # Errors
    /// As for [`Bench::begin`].
    pub fn round(&mut self, progress: Progress<'_>) -> Result<()> {
        let begun = Instant::now();
        let mut runs = self.runs();
        if self.rounds % 2 == 1 {
            runs.reverse();
        }
        for (state, run) in runs {
            if let Some(state) = state {
                self.prepare(state, run, progress)?;
            }
            let measured = self.measure(run, progress)?;
            self.keep(state, run, measured);
        }
        self.rounds += 1;
        self.longest_round = self.longest_round.max(begun.elapsed());
        Ok(())
    }

    /// All that is measured in a round, in order. Limits have no state.
    fn runs(&self) -> Vec<(Option<CacheState>, Run)> {
        let mut runs: Vec<(Option<CacheState>, Run)> = Vec::new();
        for &state in &self.plan.states {
            for &config in &self.plan.configs {
                let limit = (None, self.limit_of(state, config));
                if !runs.contains(&limit) {
                    runs.push(limit);
                }
                let sync = state.is_on_disk();
                runs.push((Some(state), Run::Engine { config, sync }));
            }
        }
        runs
    }

    /// What is compared with a config in a state.
    fn limit_of(&self, state: CacheState, config: Config) -> Run {
        if state.is_on_disk() {
            let (disk_use, threads) = self.disk_config;
            return Run::Disk {
                disk_use,
                threads,
                bytes: self.plan.disk_bytes,
            };
        }
        Run::Memory {
            threads: config.total_threads(),
            bytes: self.plan.memory_bytes,
        }
    }

    fn prepare(&mut self, state: CacheState, run: Run, progress: Progress<'_>) -> Result<()> {
        if state != CacheState::Warm {
            self.is_warm = false;
            return state::prepare(state, &self.plan.file, self.plan.data.clone(), progress);
        }
        if !self.is_warm {
            // Not counted: the same, once.
            self.start(run, &|_| progress(0))?;
        }
        Ok(())
    }

    fn measure(&mut self, run: Run, progress: Progress<'_>) -> Result<Measured> {
        if let Run::Disk { bytes, .. } = run {
            // What is in the cache and not yet on the disk would be written on the way.
            let plan = self.plan;
            state::prepare(CacheState::Cold, &plan.file, plan.data.clone(), progress)?;
            state::prepare(CacheState::Cold, &plan.disk_file, 0..bytes, progress)?;
        }
        let measured = self.start(run, progress)?;
        threads::report(progress, self.plan.bytes_of(run))?;
        Ok(measured)
    }

    fn start(&mut self, run: Run, progress: Progress<'_>) -> Result<Measured> {
        self.is_warm = matches!(run, Run::Engine { sync: false, .. });
        let subject = Subject {
            command: (self.program.command)(run),
            work_time: self.program.work_time,
            own_file: self.plan.is_own.then_some(self.plan.file.as_path()),
        };
        subject.measure(progress)
    }

    fn keep(&mut self, state: Option<CacheState>, run: Run, measured: Measured) {
        let known = self.samples.iter_mut().find(|(s, r, _)| (*s, *r) == (state, run));
        match known {
            Some((.., samples)) => samples.push(measured),
            None => self.samples.push((state, run, vec![measured])),
        }
    }

    /// What was measured in each state and config, in their order, beside its limit.
    pub fn rows(&self) -> Vec<Row> {
        let of = |state: Option<CacheState>, run: Run| {
            let found = self.samples.iter().find(|(s, r, _)| (*s, *r) == (state, run));
            found.map_or(&[][..], |(.., samples)| samples)
        };
        let mut rows = Vec::new();
        for &state in &self.plan.states {
            for &config in &self.plan.configs {
                let sync = state.is_on_disk();
                let limit = self.limit_of(state, config);
                let samples = of(Some(state), Run::Engine { config, sync });
                let bytes = self.plan.data.end - self.plan.data.start;
                let limit_rate = figures::rate(of(None, limit), self.plan.bytes_of(limit));
                rows.push(figures::row(state, config, samples, bytes, limit_rate));
            }
        }
        rows
    }

    /// The limits, in GB/s, in the order in which they were measured.
    pub fn limits(&self) -> Vec<(Run, Spread)> {
        let limits = self.samples.iter().filter(|(state, ..)| state.is_none());
        limits
            .map(|(_, run, samples)| (*run, figures::rate(samples, self.plan.bytes_of(*run))))
            .collect()
    }
}

impl Plan {
    /// True if a state is compared with what the disk can do.
    pub fn uses_disk(&self) -> bool {
        self.states.iter().any(|state| state.is_on_disk())
    }

    fn bytes_of(&self, run: Run) -> u64 {
        match run {
            Run::Engine { .. } => self.data.end - self.data.start,
            Run::Memory { bytes, .. } | Run::Disk { bytes, .. } => bytes,
        }
    }
}
