//! Many processes beside one process of as many threads, and what it costs to start a worker.
//!
//! `cargo bench --bench processes` prints two tables. Each figure is a median over rounds in which the ways take turns
//! on one file, which is in the page cache and dirty from the run before. Absolute numbers of a shared machine mean
//! little, so each stands as a ratio too. What is measured is the whole program, `brighten --no-sync`, from its start
//! to its end: `whole`; and what it says the edit took: `edit`.
//!
//! `PAGELIGHT_BENCH_BYTES` (2 GiB), `PAGELIGHT_BENCH_ROUNDS` (7) and `PAGELIGHT_BENCH_DIR` (the target folder) change
//! the defaults.

mod rounds;

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Seconds of one run.
#[derive(Clone, Copy)]
struct Took {
    whole: f64,
    edit: f64,
}

fn brighten(path: &Path, processes: u64, threads: u64, window: &[&str]) -> Took {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagelight"));
    command.args([
        "brighten",
        "--by=1",
        "--pixel=rgba:u16le",
        "--no-sync",
        "--json",
        "--progress=never",
    ]);
    command.args([format!("--processes={processes}"), format!("--threads={threads}")]);
    let begun = Instant::now();
    let output = command.args(window).arg(path).output().expect("run");
    let whole = begun.elapsed().as_secs_f64();
    assert!(output.status.success(), "{output:?}");
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("an object");
    let edit = object["seconds"].as_f64().expect("a number");
    Took { whole, edit }
}

fn main() {
    let bytes = rounds::from_environment("PAGELIGHT_BENCH_BYTES", 2 << 30) >> 20 << 20;
    let rounds = rounds::from_environment("PAGELIGHT_BENCH_ROUNDS", 7);
    let folder = rounds::folder();
    let path = folder.path().join("bench.raw");
    let mut file = std::fs::File::create(&path).expect("created");
    let block: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
    for _ in 0..bytes >> 20 {
        file.write_all(&block).expect("written");
    }
    report_sizes(&path, bytes, rounds);
    report_starts(&path, rounds);
}

fn report_sizes(path: &Path, bytes: u64, rounds: u64) {
    println!(
        "{} MiB of rgba16, warm, medians of {rounds} rounds, GB/s of image\n",
        bytes >> 20
    );
    println!("| processes x threads | whole | edit | whole / one process | edit / one process |");
    println!("|---|---|---|---|---|");
    let ways = [(1, 1), (1, 2), (2, 1), (1, 4), (2, 2), (4, 1)];
    let mut took: Vec<Vec<Took>> = vec![Vec::new(); ways.len()];
    // The first run finds the file as it was written, which is another state.
    brighten(path, 1, 2, &[]);
    for _ in 0..rounds {
        for (took, (processes, threads)) in took.iter_mut().zip(ways) {
            took.push(brighten(path, processes, threads, &[]));
        }
    }
    let medians: Vec<Took> = took
        .iter()
        .map(|took| Took {
            whole: rounds::median(took.iter().map(|took| took.whole).collect()),
            edit: rounds::median(took.iter().map(|took| took.edit).collect()),
        })
        .collect();
    for (took, (processes, threads)) in medians.iter().zip(ways) {
        let alone = ways
            .iter()
            .position(|&way| way == (1, processes * threads))
            .expect("listed");
        println!(
            "| {processes} x {threads} | {:.2} | {:.2} | {:.2} | {:.2} |",
            bytes as f64 / took.whole / 1e9,
            bytes as f64 / took.edit / 1e9,
            medians[alone].whole / took.whole,
            medians[alone].edit / took.edit,
        );
    }
}

/// What a worker costs that finds nothing to do.
fn report_starts(path: &Path, rounds: u64) {
    println!("\n| processes on one pixel | milliseconds | more, for each process beyond the first two |");
    println!("|---|---|---|");
    let ways = [1, 2, 4, 8, 16];
    let mut took: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    for _ in 0..rounds * 5 {
        for (took, processes) in took.iter_mut().zip(ways) {
            took.push(brighten(path, processes, 1, &["--offset=8", "--length=8"]).whole);
        }
    }
    let medians: Vec<f64> = took.into_iter().map(|took| rounds::median(took) * 1000.0).collect();
    for (milliseconds, processes) in medians.iter().zip(ways) {
        let more = match processes {
            1 | 2 => "-".to_owned(),
            _ => format!("{:.2}", (milliseconds - medians[1]) / (processes - 2) as f64),
        };
        println!("| {processes} | {milliseconds:.1} | {more} |");
    }
}
