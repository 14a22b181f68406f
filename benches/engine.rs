//! The engine beside the direct edit of the map and beside the limit, in each state of the page cache.
//!
//! `cargo bench --bench engine` prints a table. Every figure is a median over rounds in which the loops take turns in
//! this one process; absolute numbers of a shared machine mean little, so each stands as a ratio too.
//!
//! * limit: the engine's routine in place over private memory that is mapped already, the same threads.
//! * direct: the kernel in place on a slice of the map, 16 MiB mapped and populated at a time. Unsound beside other
//!   processes, and nothing of it could be finished after a crash: it is here to be compared with.
//! * slots: the engine's loop through a slot, without a journal and without what the engine tells the system of its
//!   maps.
//! * engine: what `brighten --no-sync` does, from the claim to the journal's removal.
//!
//! Last, what a tiny job costs beside creating, syncing and removing one file.
//!
//! Not criterion: the file must be brought into its state anew before every single run, and loops that are compared
//! must take turns. `PAGELIGHT_BENCH_BYTES` (1 GiB), `PAGELIGHT_BENCH_ROUNDS` (5) and `PAGELIGHT_BENCH_DIR` (the
//! target folder) change the defaults.
#![allow(
    unsafe_code,
    reason = "the direct edit, which the engine is compared with, needs a slice of the map"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "a length that is mapped at once fits in memory"
)]

mod rounds;

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use memmap2::{Advice, MmapOptions};
use pagelight::bench::limit;
use pagelight::bench::state::{self, CacheState};
use pagelight::chunk_plan::ChunkPlan;
use pagelight::digest::Key;
use pagelight::engine::Settings;
use pagelight::job::{Job, Target};
use pagelight::layout::Layout;
use pagelight::map::{Access, CopyEdit, MappedFile, Populate, View};
use pagelight::op::Op;
use pagelight::os::disk::{FileSystem, file_system};
use pagelight::pixel::PixelFormat;
use pagelight::run::{self, Options};
use pagelight::threads;

/// Spans of the direct edit.
const SPAN_BYTES: u64 = 16 << 20;

/// What the loop through a slot populates and releases at once, as the engine does.
const BATCH_BYTES: u64 = 1 << 20;

struct Bench {
    path: PathBuf,
    bytes: u64,
    job: Job,
}

impl Bench {
    fn prepare(&self, state: CacheState) {
        state::prepare(state, &self.path, 0..self.bytes, &|_| ControlFlow::Continue(())).expect("prepared");
    }

    fn engine(&self, threads: usize) -> f64 {
        let image = MappedFile::open(&self.path, Access::ReadWrite).expect("the image");
        let options = options(threads);
        let begun = Instant::now();
        run::start(&self.job, &image, "", &options, &|_| ControlFlow::Continue(())).expect("edited");
        begun.elapsed().as_secs_f64()
    }

    fn slots(&self, threads: usize) -> f64 {
        let image = MappedFile::open(&self.path, Access::ReadWrite).expect("the image");
        let populate = match file_system(image.file()) {
            Ok(FileSystem::Tmpfs) => Populate::Read,
            _ => Populate::Write,
        };
        let chunk_plan = options(threads).settings.chunk_plan(&self.job.target.window);
        let edit = CopyEdit::new(self.job.kernel(), Arc::new(Key::new(1)));
        let begun = Instant::now();
        threads::share(threads, chunk_plan.spans(), |queue| {
            let slot = View::anonymous(ChunkPlan::REDO_BLOCK_BYTES)?;
            let mut digest = 0;
            while let Some(span) = queue.take() {
                let part = chunk_plan.span(span);
                let view = image.view(part.clone())?;
                let mut at = 0;
                while at < view.len() {
                    let left = BATCH_BYTES - (part.start + at as u64) % BATCH_BYTES;
                    let end = view.len().min(at + left as usize);
                    view.populate(at..end, populate)?;
                    for redo_block in (at..end).step_by(ChunkPlan::REDO_BLOCK_BYTES) {
                        let length = ChunkPlan::REDO_BLOCK_BYTES.min(end - redo_block);
                        view.copy_edited(redo_block, &slot, 0, length, &edit, 0, &mut digest)?;
                        view.copy_from(redo_block, &slot, 0, length)?;
                    }
                    view.release(at..end)?;
                    at = end;
                }
            }
            Ok(())
        })
        .expect("edited");
        begun.elapsed().as_secs_f64()
    }

    fn direct(&self, threads: usize) -> f64 {
        let file = File::options()
            .read(true)
            .write(true)
            .open(&self.path)
            .expect("the image");
        let advice = match file_system(&file) {
            Ok(FileSystem::Tmpfs) => Advice::PopulateRead,
            _ => Advice::PopulateWrite,
        };
        let kernel = self.job.kernel();
        let begun = Instant::now();
        threads::share(threads, self.bytes.div_ceil(SPAN_BYTES), |queue| {
            let mut clipped = 0;
            while let Some(span) = queue.take() {
                let start = span * SPAN_BYTES;
                let len = (self.bytes - start).min(SPAN_BYTES) as usize;
                // SAFETY: this process made the file, and no other thread or process touches this part of it.
                let mut map = unsafe { MmapOptions::new().offset(start).len(len).map_mut(&file) }.expect("mapped");
                map.advise(advice).expect("populated");
                clipped += kernel.apply(&mut map, 0).clipped;
            }
            Ok(clipped)
        })
        .expect("edited");
        begun.elapsed().as_secs_f64()
    }
}

fn options(threads: usize) -> Options {
    Options {
        settings: Settings {
            threads,
            ..Settings::default_here()
        },
        sync: false,
        journal_folder: None,
        workers: None,
    }
}

fn main() {
    let bytes = rounds::from_environment("PAGELIGHT_BENCH_BYTES", 1 << 30) >> 20 << 20;
    let rounds = rounds::from_environment("PAGELIGHT_BENCH_ROUNDS", 5);
    let folder = rounds::folder();
    let path = folder.path().join("bench.raw");
    drop(MappedFile::create(&path, bytes).expect("created"));
    let format = PixelFormat::RGBA16;
    let layout = Layout::run(0, bytes / 8, format).expect("a layout");
    let job = Job {
        op: Op::Brighten { amount: 10 },
        target: Target::whole(&layout).expect("a target"),
    };
    let bench = Bench { path, bytes, job };
    report(&bench, rounds, folder.path());
    report_tiny(&bench, folder.path());
}

fn report(bench: &Bench, rounds: u64, folder: &Path) {
    let place = File::open(folder).and_then(|f| file_system(&f)).expect("a file system");
    println!(
        "{} MiB of rgba16 on {place}, medians of {rounds} rounds, GB/s of image\n",
        bench.bytes >> 20
    );
    println!(
        "| state of the cache | threads | limit | direct | slots | engine | slots / direct | engine / slots | engine / limit |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for state in [CacheState::Fresh, CacheState::Reread, CacheState::Synced] {
        for threads in [1, 2] {
            let mut seconds: [Vec<f64>; 4] = Default::default();
            for _ in 0..rounds {
                let limit = limit::memory(bench.bytes as usize, threads, PixelFormat::RGBA16);
                seconds[0].push(limit.expect("memory").as_secs_f64());
                bench.prepare(state);
                seconds[1].push(bench.direct(threads));
                bench.prepare(state);
                seconds[2].push(bench.slots(threads));
                bench.prepare(state);
                seconds[3].push(bench.engine(threads));
            }
            let [limit, direct, slots, engine] =
                seconds.map(|seconds| bench.bytes as f64 / rounds::median(seconds) / 1e9);
            println!(
                "| {state} | {threads} | {limit:.1} | {direct:.1} | {slots:.1} | {engine:.1} | {:.2} | {:.2} | {:.2} |",
                slots / direct,
                engine / slots,
                engine / limit,
            );
        }
    }
}

/// The fixed cost of a job: a window of one pixel, to the disk, beside a file that is made, synced and removed.
fn report_tiny(bench: &Bench, folder: &Path) {
    let image = MappedFile::open(&bench.path, Access::ReadWrite).expect("the image");
    let layout = Layout::run(0, bench.bytes / 8, PixelFormat::RGBA16).expect("a layout");
    let names = PixelFormat::RGBA16.names();
    let colors = PixelFormat::RGBA16.channels.color();
    let job = Job {
        target: Target::of_run(&layout, 8, 8, &colors, &names).expect("inside"),
        op: bench.job.op.clone(),
    };
    let options = Options {
        sync: true,
        ..options(1)
    };
    let (mut jobs, mut files) = (Vec::new(), Vec::new());
    for _ in 0..101 {
        let begun = Instant::now();
        run::start(&job, &image, "", &options, &|_| ControlFlow::Continue(())).expect("edited");
        jobs.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let path = folder.join("tiny");
        let file = File::create_new(&path).expect("created");
        (&file).write_all(&[7; 4096]).expect("written");
        file.sync_all().expect("synced");
        std::fs::remove_file(&path).expect("removed");
        files.push(begun.elapsed().as_secs_f64());
    }
    println!(
        "\na job of one pixel: {:.2} ms; one file created, synced and removed: {:.2} ms",
        rounds::median(jobs) * 1000.0,
        rounds::median(files) * 1000.0,
    );
}
