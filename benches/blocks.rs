//! A window of many blocks: what it costs to make, to begin a job on, to edit, and to read back from a journal.
//!
//! `cargo bench --bench blocks`; PAGELIGHT_BENCH_BLOCKS says how many, 2^20 unless told otherwise.

use std::ops::ControlFlow;
use std::time::Instant;

use pagelight::claim::ImageJobs;
use pagelight::job::{Job, Target};
use pagelight::layout::{Layout, Step};
use pagelight::map::{Access, MappedFile};
use pagelight::op::Op;
use pagelight::pixel::PixelFormat;
use pagelight::run::{self, Options};

#[expect(dead_code, reason = "one run is measured, and no median taken")]
mod rounds;

/// Bytes of a tile, which never lie next to another one's.
const TILE_BYTES: u64 = 64;
/// From the start of one tile to the next one's, about.
const DISTANCE_BYTES: u64 = 256;

/// The most memory that this process had so far, in MiB.
fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes >> 10
}

/// From now on the peak is that of what comes.
fn forget_the_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("/proc");
}

fn main() {
    let blocks = rounds::from_environment("PAGELIGHT_BENCH_BLOCKS", 1 << 20);
    let folder = rounds::folder();
    let path = folder.path().join("tiles.raw");
    let bytes = usize::try_from((blocks + 1) * DISTANCE_BYTES).expect("fits into memory");
    std::fs::write(&path, vec![7; bytes]).expect("written");
    // In no order, and at distances that no stride describes.
    let place = |index: u64| index * DISTANCE_BYTES + index * index % 96 * 2;
    let starts = (0..blocks).map(|tile| place(tile.wrapping_mul(0x9e37_79b1) % blocks));
    let starts: Vec<u64> = if blocks.is_power_of_two() {
        starts.collect()
    } else {
        (0..blocks).map(place).collect()
    };
    let gray: PixelFormat = "gray16".parse().expect("a format");
    let step = Step {
        channel: 2,
        column: 2,
        row: TILE_BYTES,
        plane: TILE_BYTES,
    };
    let size = (TILE_BYTES / 2, blocks, 1);
    let tell = |what: &str, begun: Instant| {
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{what:<32} {seconds:>7.3} s, memory at most {:>4} MiB",
            peak_mebibytes()
        );
        forget_the_peak();
    };
    forget_the_peak();

    let begun = Instant::now();
    let layout = Layout::tiled(size, gray, (TILE_BYTES / 2, 1), step, starts.into()).expect("a layout");
    tell("a layout of so many tiles", begun);
    let begun = Instant::now();
    let target = Target::whole(&layout).expect("a target");
    drop(layout);
    println!("{} blocks", target.window.blocks().len());
    tell("its window", begun);

    let options = Options {
        sync: false,
        ..Options::default_here()
    };
    let begun = Instant::now();
    let chunk_plan = options.settings.chunk_plan(&target.window);
    println!("{} chunks in {} spans", chunk_plan.chunks(), chunk_plan.spans());
    drop(chunk_plan);
    tell("its cut", begun);

    let image = MappedFile::open(&path, Access::ReadWrite).expect("the image");
    let job = Job {
        op: Op::Brighten { amount: 1 },
        target,
    };
    let begun = Instant::now();
    let stopped = run::start(&job, &image, "", &options, &|bytes| match bytes {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
    stopped.expect_err("stopped after the first chunk");
    tell("a job that is stopped at once", begun);
    drop(job);

    let begun = Instant::now();
    let pending = ImageJobs::of(&image, None)
        .and_then(|jobs| jobs.pending())
        .expect("looked at");
    tell("a look at that job", begun);
    let [pending] = <[_; 1]>::try_from(pending).expect("one job");
    let begun = Instant::now();
    run::resume(&image, pending, &options, &|_| ControlFlow::Continue(())).expect("resumed");
    tell("all of it", begun);
}
