//! `pagelight bench`: how fast this machine edits, and how near that is to what it could do.

mod limit;
mod report;
mod workspace;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use pagelight::bench::state::{self, CacheState};
use pagelight::bench::{self, Config, Plan, Program, Run};
use pagelight::convert::NewPicture;
use pagelight::engine::Settings;
use pagelight::error::{Error, Result, Subject};
use pagelight::os::disk::FileSystem;
use pagelight::os::machine::Machine;
use pagelight::os::process::THIS_PROGRAM;
use pagelight::threads;

pub(super) use limit::Limit;

use super::image::LayoutArgs;
use super::progress::Meter;
use super::{Global, output, stats, words, work};
use report::Report;
use workspace::Workspace;

/// A config of more threads in all than this many a core is left out.
const MAX_PER_CORE: u32 = 8;

/// Measure how fast edits are here, in each state of the page cache, beside what memory and disk can do
///
/// Every figure is the median of whole runs of 'brighten', with its journal, which take turns. A file of its own is
/// edited and removed in the end; an IMAGE says where and what it looks like, and is itself edited only with
/// --in-place, by 0.
#[derive(Args)]
pub(super) struct Bench {
    /// Measure on a file like this image, in its folder [default: one of rgba16 in the current folder]
    image: Option<PathBuf>,
    #[command(flatten)]
    layout_args: LayoutArgs,
    /// How much to edit; at most the image, and half of what is free on the disk
    #[arg(long, value_name = "SIZE", value_parser = words::some_bytes, default_value = "4GiB")]
    bytes: u64,
    /// Threads of each process [default: 1,2,4,... and as many as cores]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=4096))]
    threads: Vec<u32>,
    /// Processes [default: 1,2, and as brighten has them here]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=256))]
    processes: Vec<u32>,
    /// What the page cache holds: warm (edited before), fresh (just written), synced (and on the disk), reread, cold
    /// (nothing) [default: warm,fresh,cold; with --in-place warm,cold]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    states: Vec<CacheState>,
    /// The most rounds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), default_value_t = 5)]
    rounds: u32,
    /// No round begins that would not end within this; one is always made
    #[arg(long, value_name = "SECONDS", value_parser = words::seconds, default_value = "120")]
    budget: Duration,
    /// Where to make the file [default: the image's folder, or the current one]
    #[arg(long, value_name = "DIR", conflicts_with = "in_place")]
    dir: Option<PathBuf>,
    /// Edit the image itself, by 0: every byte is written again as it was
    #[arg(long, requires = "image")]
    in_place: bool,
    /// Draw the figures there, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

impl Bench {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        if let Some(plot) = &self.plot {
            stats::refuse_other_than_svg(plot)?;
        }
        let mut configs = self.configs(global)?;
        let wanted = self.wanted_states()?;
        // Before the work, so that a name that is taken is seen at once.
        let drawing = self.plot.as_deref().map(NewPicture::create).transpose()?;
        let mut workspace = Workspace::find(self, global, &wanted)?;
        if self.threads.is_empty() && self.processes.is_empty() {
            let usual = usual_config(workspace.bytes);
            configs.extend((!configs.contains(&usual)).then_some(usual));
        }
        let machine = Machine::here();
        let memory_bytes = self.memory_bytes(global, &workspace, &machine);
        if (1..workspace.bytes).contains(&machine.unwritten_bytes) && workspace.file_system != FileSystem::Tmpfs {
            global.note(&format!(
                "the system writes to the disk meanwhile, because it leaves no more than {} unwritten; what is warm or \
                 fresh is faster with fewer --bytes",
                output::bytes(machine.unwritten_bytes)
            ));
        }
        let plan = Plan {
            file: workspace.file.clone(),
            data: workspace.data(),
            is_own: workspace.image.is_none(),
            states: workspace.states.clone(),
            configs,
            memory_bytes,
            disk_file: workspace.disk_file.clone(),
            disk_bytes: workspace.disk_bytes,
            rounds: self.rounds,
            budget: self.budget,
        };
        let measured = self.measure(global, &workspace, &plan);
        let given_up = if measured.is_err() { workspace.give_up() } else { Ok(()) };
        if let Err(Error::Interrupted { .. }) = measured {
            given_up.and_then(|()| workspace.close())?;
            return Err(Error::interrupted_and("what was made for the measurements was removed"));
        }
        let mut report = Report {
            workspace: &workspace,
            plan: &plan,
            machine: &machine,
            figures: measured?,
            drawing: None,
        };
        let drawn = drawing.map_or(Ok(()), |drawing| {
            drawing.fill(report.svg()?.as_bytes())?;
            drawing.publish().map(|_| ())
        });
        report.drawing = self.plot.as_deref().filter(|_| drawn.is_ok());
        // Figures that took minutes are not lost because their plot is.
        report.print(global);
        drawn.and(workspace.close())
    }

    fn measure(&self, global: &Global, workspace: &Workspace, plan: &Plan) -> Result<report::Figures> {
        let begun = Instant::now();
        for (file, data) in workspace.to_write(plan) {
            let meter = Meter::new(global, "write", data.end - data.start, 0);
            let opened = std::fs::File::options()
                .write(true)
                .create(true)
                .truncate(true)
                .open(file);
            let opened = opened.map_err(|error| Error::create(file, error))?;
            state::write(&opened, file, data, &|bytes| meter.add(bytes))?;
        }
        let program = Program {
            command: &|run| command(workspace, run),
            work_time: &work_time,
        };
        let meter = Meter::new(global, "try the disk", bench::Bench::begin_bytes(plan), 0);
        let mut bench = bench::Bench::begin(plan, &program, begun, &|bytes| meter.add(bytes))?;
        drop(meter);
        while bench.has_time() {
            let doing = format!("round {} of {}", bench.rounds() + 1, plan.rounds);
            let meter = Meter::new(global, &doing, bench.round_bytes(), 0);
            bench.round(&|bytes| meter.add(bytes))?;
        }
        Ok(report::Figures {
            rows: bench.rows(),
            limits: bench.limits(),
            rounds: bench.rounds(),
            time: bench.elapsed(),
        })
    }

    /// The states that the user wants, each once.
    fn wanted_states(&self) -> Result<Vec<CacheState>> {
        if self.states.is_empty() {
            let usual = [CacheState::Warm, CacheState::Fresh, CacheState::Cold];
            let possible = usual
                .into_iter()
                .filter(|state| !self.in_place || !state.needs_writing());
            return Ok(possible.collect());
        }
        let states = each_once(&self.states);
        match states.iter().find(|state| self.in_place && state.needs_writing()) {
            Some(state) => Err(Error::request(
                Subject::Nothing,
                format!(
                    "--in-place: an image becomes {state} only by being written anew, which would change it; leave \
                 --in-place away, or give --states warm,reread,cold"
                ),
            )),
            None => Ok(states),
        }
    }

    /// The configs that make sense here.
    fn configs(&self, global: &Global) -> Result<Vec<Config>> {
        let cores = u32::try_from(threads::available()).unwrap_or(1);
        let powers = std::iter::successors(Some(1), |threads| Some(threads * 2)).take_while(|&threads| threads < cores);
        let powers = powers.chain([cores]);
        let given = |list: &[u32], usual: Vec<u32>| if list.is_empty() { usual } else { each_once(list) };
        let threads = given(&self.threads, powers.collect());
        let processes = given(&self.processes, vec![1, 2]);
        let highest = |list: &[u32]| list.iter().copied().max().unwrap_or(1);
        let most = match (self.threads.is_empty(), self.processes.is_empty()) {
            (true, true) => cores,
            (false, false) => cores.saturating_mul(MAX_PER_CORE),
            _ => cores.max(highest(&self.threads)).max(highest(&self.processes)),
        };
        let mut configs = Vec::new();
        let mut left_out = Vec::new();
        for &processes in &processes {
            for &threads in &threads {
                let config = Config { processes, threads };
                if config.total_threads() <= most {
                    configs.push(config)
                } else {
                    left_out.push(report::config(config))
                }
            }
        }
        if configs.is_empty() {
            return Err(Error::request(
                Subject::Nothing,
                format!(
                    "--threads, --processes: every combination has more than {most} threads in all; give smaller \
                     numbers"
                ),
            ));
        }
        if !left_out.is_empty() && !self.threads.is_empty() && !self.processes.is_empty() {
            global.note(&format!(
                "left out, because they have more than {MAX_PER_CORE} threads for each core: {}",
                left_out.join(", ")
            ));
        }
        Ok(configs)
    }

    /// How much memory its limit is measured over: never so much that others would have to give theirs.
    fn memory_bytes(&self, global: &Global, workspace: &Workspace, machine: &Machine) -> u64 {
        let pixel_bytes = workspace.format.pixel_bytes();
        let half = match machine.available_bytes {
            // Nobody says.
            0 => workspace.bytes,
            available => available / 2 / pixel_bytes * pixel_bytes,
        };
        if half < workspace.bytes {
            global.note(&format!(
                "the limit of memory is measured over {}, half of what is free",
                output::bytes(half)
            ));
        }
        half.clamp(pixel_bytes, workspace.bytes)
    }
}

/// What `brighten` does with so many bytes.
fn usual_config(bytes: u64) -> Config {
    let processes = work::usual_processes(bytes);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Config {
        processes: number(processes),
        threads: number(Settings::shared_by(processes).threads),
    }
}

fn each_once<T: Copy + PartialEq>(list: &[T]) -> Vec<T> {
    let mut once = Vec::new();
    for &item in list {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}

/// The words of a process that is measured.
fn command(workspace: &Workspace, run: Run) -> Vec<OsString> {
    let mut words = vec![THIS_PROGRAM.to_owned()];
    let limit = |threads: u32, bytes: u64| {
        [
            "limit".to_owned(),
            format!("--threads={threads}"),
            format!("--bytes={bytes}"),
        ]
    };
    let file: Option<&Path> = match run {
        Run::Engine { config, sync } => {
            let amount = u8::from(workspace.image.is_none());
            words.extend(["brighten", "--json", "--progress=never", "--color=never"].map(str::to_owned));
            words.push(format!("--by={amount}"));
            words.push(format!("--pixel={}", workspace.format));
            words.push(format!("--data-offset={}", workspace.data_offset));
            // What the file is has been looked at; it may be longer than what is edited.
            words.extend(["--as-raw", "--part"].map(str::to_owned));
            words.extend(["--offset=0".to_owned(), format!("--length={}", workspace.bytes)]);
            let size = workspace
                .image
                .as_ref()
                .and_then(|image| Some((image.layout.width()?, image.layout.height()?)));
            words.extend(size.map(|(width, height)| format!("--size={width}x{height}")));
            words.push(format!("--processes={}", config.processes));
            words.push(format!("--threads={}", config.threads));
            words.extend((!sync).then(|| "--no-sync".to_owned()));
            Some(&workspace.file)
        }
        Run::Memory { threads, bytes } => {
            words.extend(limit(threads, bytes));
            words.extend(["memory".to_owned(), format!("--pixel={}", workspace.format)]);
            None
        }
        Run::Disk {
            disk_use,
            threads,
            bytes,
        } => {
            words.extend(limit(threads, bytes));
            words.extend(["disk", disk_use.word()].map(str::to_owned));
            Some(&workspace.disk_file)
        }
    };
    let mut words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    // A name may begin with a minus.
    words.extend(file.into_iter().flat_map(|file| ["--".into(), file.into()]));
    words
}

/// How long the work took, from what a process that is measured prints.
fn work_time(printed: &str) -> Option<Duration> {
    let object: serde_json::Value = serde_json::from_str(printed).ok()?;
    Duration::try_from_secs_f64(object["seconds"].as_f64()?).ok()
}
