//! What `bench` says in the end: a table, one JSON object, a drawing.

use std::path::Path;
use std::time::Duration;

use pagelight::bench::limit::DiskUse;
use pagelight::bench::{Config, Plan, Row, Run, Spread};
use pagelight::error::{Error, Result};
use pagelight::os::machine::Machine;
use pagelight::plot::{self, Bar};
use pagelight::threads;
use serde_json::{Value, json};

use super::workspace::Workspace;
use crate::cli::Global;
use crate::cli::output::{self, count, seconds};

/// What was measured.
pub(super) struct Figures {
    pub(super) rows: Vec<Row>,
    pub(super) limits: Vec<(Run, Spread)>,
    pub(super) rounds: u32,
    pub(super) time: Duration,
}

/// All that is told.
pub(super) struct Report<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) plan: &'a Plan,
    pub(super) machine: &'a Machine,
    pub(super) figures: Figures,
    pub(super) drawing: Option<&'a Path>,
}

/// `2x4`: processes and their threads.
pub(super) fn config(config: Config) -> String {
    format!("{}x{}", config.processes, config.threads)
}

impl Report<'_> {
    pub(super) fn print(&self, global: &Global) {
        global.result(&self.text(), &self.object());
    }

    /// Where and on what, in one line.
    fn heading(&self) -> String {
        format!(
            "{} of {} on {}, Linux {}, {} cores ({}), {} of memory",
            output::bytes(self.workspace.bytes),
            self.workspace.format,
            self.workspace.file_system,
            self.machine.kernel,
            threads::available(),
            match self.machine.processor.as_str() {
                "" => "unknown",
                name => name,
            },
            output::bytes(self.machine.memory_bytes),
        )
    }

    fn text(&self) -> String {
        let figures = &self.figures;
        let rounds = match figures.rounds {
            1 => "1 round".to_owned(),
            rounds => format!("medians of {rounds} rounds"),
        };
        let mut lines = vec![
            format!("{}: {}", output::name(&self.workspace.parent), self.heading()),
            format!(
                "{rounds} in {}; whole runs of brighten, with the journal; cold to the disk, the others --no-sync",
                seconds(figures.time)
            ),
            String::new(),
        ];
        let headings = [
            "state", "way", "GB/s", "from", "to", "limit", "of limit", "edit", "user", "system", "minor", "major",
            "peak",
        ];
        let mut table = vec![headings.map(str::to_owned)];
        table.extend(figures.rows.iter().map(|row| cells(row, self.workspace.bytes)));
        lines.extend(align(&table));
        lines.push(String::new());
        lines.push(
            "way: processes x threads of each; limit, edit: GB/s; user, system: seconds; minor, major: page faults; \
             peak: memory of the largest process"
                .to_owned(),
        );
        lines.extend(self.limits());
        lines.extend(self.drawing.map(|drawing| format!("plot {}", output::name(drawing))));
        lines.join("\n")
    }

    /// The limits in words.
    fn limits(&self) -> Vec<String> {
        let mut memory = Vec::new();
        let mut disk = Vec::new();
        for (run, rate) in &self.figures.limits {
            match run {
                Run::Memory { threads, .. } => memory.push(format!("{:.2} with {}", rate.median, of_threads(*threads))),
                Run::Disk { disk_use, threads, .. } => {
                    let what = match disk_use {
                        DiskUse::Mixed => "each block read and written back",
                        DiskUse::Apart => "read and then written",
                        DiskUse::Read => "read only",
                        DiskUse::Write => "written only",
                    };
                    let words = format!("{:.2} {what} with {}", rate.median, of_threads(*threads));
                    // What the rows are compared with first, though it is measured last.
                    let place = if matches!(disk_use, DiskUse::Mixed | DiskUse::Apart) {
                        0
                    } else {
                        disk.len()
                    };
                    disk.insert(place, words);
                }
                Run::Engine { .. } => {}
            }
        }
        let mut lines = Vec::new();
        if !memory.is_empty() {
            lines.push(format!(
                "limit of memory, the kernel alone, GB/s: {}",
                memory.join(", ")
            ));
        }
        if !disk.is_empty() {
            lines.push(format!(
                "limit of the disk, past the page cache, GB/s: {}",
                disk.join(", ")
            ));
        }
        lines
    }

    fn object(&self) -> Value {
        let figures = &self.figures;
        let limits = figures.limits.iter().filter_map(|(run, rate)| {
            let (of, threads) = match run {
                Run::Memory { threads, .. } => ("memory".to_owned(), threads),
                Run::Disk { disk_use, threads, .. } => (format!("disk_{}", disk_use.word()), threads),
                Run::Engine { .. } => return None,
            };
            Some(json!({ "of": of, "threads": threads, "gigabytes_per_second": spread(rate) }))
        });
        let skipped = self.workspace.skipped.iter();
        json!({
            "folder": self.workspace.parent.to_string_lossy(),
            "image": self.workspace.image.as_ref().map(|_| self.workspace.file.to_string_lossy()),
            "pixel_format": self.workspace.format.to_string(),
            "data_offset": self.workspace.data_offset,
            "bytes": self.workspace.bytes,
            "file_system": self.workspace.file_system.to_string(),
            "kernel": self.machine.kernel,
            "processor": self.machine.processor,
            "cores": threads::available(),
            "memory_bytes": self.machine.memory_bytes,
            "unwritten_bytes": self.machine.unwritten_bytes,
            "rounds": figures.rounds,
            "seconds": figures.time.as_secs_f64(),
            "budget_seconds": self.plan.budget.as_secs_f64(),
            "limits": limits.collect::<Vec<_>>(),
            "rows": figures.rows.iter().map(row_object).collect::<Vec<_>>(),
            "skipped": skipped.map(|(state, why)| json!({ "state": state.word(), "why": why })).collect::<Vec<_>>(),
            "plot": self.drawing.map(|drawing| drawing.to_string_lossy()),
        })
    }

    /// The drawing.
    pub(super) fn svg(&self) -> Result<String> {
        let bars: Vec<Bar> = self.figures.rows.iter().map(bar).collect();
        let note = "whole runs of brighten with the journal, processes x threads of each; medians, from least to most";
        plot::bars(&self.heading(), note, &bars)
            .map_err(|why| Error::unfit(&self.workspace.parent, format!("its figures cannot be drawn: {why}")))
    }
}

fn of_threads(threads: u32) -> String {
    match threads {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    }
}

fn spread(spread: &Spread) -> Value {
    json!({ "median": spread.median, "least": spread.min, "most": spread.max })
}

fn row_object(row: &Row) -> Value {
    json!({
        "state": row.state.word(),
        "processes": row.config.processes,
        "threads": row.config.threads,
        "sync": row.state.is_on_disk(),
        "rounds": row.rounds,
        "seconds": spread(&row.seconds),
        "gigabytes_per_second": spread(&row.rate),
        "edit_seconds": spread(&row.edit_seconds),
        "limit": if row.state.is_on_disk() { "disk" } else { "memory" },
        "limit_gigabytes_per_second": row.limit_rate.median,
        "fraction_of_limit": row.fraction_of_limit,
        "user_seconds": spread(&row.user_seconds),
        "system_seconds": spread(&row.system_seconds),
        "minor_faults": spread(&row.minor_faults),
        "major_faults": spread(&row.major_faults),
        "disk_read_bytes": spread(&row.read_bytes),
        "peak_bytes": spread(&row.peak_bytes),
    })
}

fn bar(row: &Row) -> Bar {
    Bar {
        group: row.state.to_string(),
        label: config(row.config),
        rate: row.rate.median,
        min: row.rate.min,
        max: row.rate.max,
        limit: row.limit_rate.median,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts, and never negative"
)]
fn cells(row: &Row, bytes: u64) -> [String; 13] {
    let whole = |number: f64| number.round() as u64;
    [
        row.state.to_string(),
        config(row.config),
        format!("{:.2}", row.rate.median),
        format!("{:.2}", row.rate.min),
        format!("{:.2}", row.rate.max),
        format!("{:.2}", row.limit_rate.median),
        format!("{:.0} %", row.fraction_of_limit * 100.0),
        format!("{:.2}", bytes as f64 / row.edit_seconds.median.max(1e-9) / 1e9),
        format!("{:.2}", row.user_seconds.median),
        format!("{:.2}", row.system_seconds.median),
        count(whole(row.minor_faults.median)),
        count(whole(row.major_faults.median)),
        output::bytes(whole(row.peak_bytes.median)),
    ]
}

/// Columns as wide as their widest cell; the first to the left, the others to the right.
fn align<const N: usize>(table: &[[String; N]]) -> Vec<String> {
    let widths: Vec<usize> = (0..N)
        .map(|column| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &[String; N]| {
        let mut line = format!("{:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            line += &format!("  {cell:>width$}");
        }
        line
    };
    table.iter().map(line).collect()
}
