//! `pagelight status`: which jobs of an image are unfinished, how far they are, and who works on them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use pagelight::claim::{Found, Place};
use pagelight::error::Result;
use pagelight::journal::{Hand, State};
use pagelight::layout::Layout;
use pagelight::map::Access;
use serde_json::{Value, json};

use super::Global;
use super::image::ImageArgs;
use super::output::{self, percent};

/// How long a running job is watched, to tell its speed.
const WATCH_TIME: Duration = Duration::from_millis(200);

/// Say which jobs of an image are unfinished, and how far they are
#[derive(Args)]
pub(super) struct Status {
    #[command(flatten)]
    image: ImageArgs,
    /// Where the journals are kept, if not beside the image
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
}

impl Status {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let path = &self.image.image;
        let image = self.image.map(Access::Read)?;
        let layout = self.image.layout(&image).ok();
        let place = Place::of(&image, self.journal.as_deref())?;
        let mut lines = Vec::new();
        let mut objects = Vec::new();
        for found in place.jobs()? {
            let (line, object) = describe(&place, &found, layout.as_ref())?;
            // It came to its end while we looked.
            if !found.journal.is_named()? {
                continue;
            }
            lines.push(format!("{}: {line}", path.display()));
            objects.push(object);
        }
        if lines.is_empty() {
            lines.push(format!("{}: no unfinished job", path.display()));
        }
        global.result(
            &lines.join("\n"),
            &json!({ "image": path.to_string_lossy(), "jobs": objects }),
        );
        Ok(())
    }
}

/// A job as text, and as an object.
fn describe(place: &Place, found: &Found, layout: Option<&Layout>) -> Result<(String, Value)> {
    let Found { journal, job } = found;
    let speed = if journal.is_alive()? { watch(found) } else { 0.0 };
    // Whoever dies while watched is not at work any more.
    let alive = journal.is_alive()?;
    let tally = journal.tally();
    let left_bytes = job.window.bytes() - tally.done_bytes;
    let (state, words) = match journal.state()? {
        _ if alive && speed > 0.0 => (
            "running",
            format!(
                "process {} is at work, {:.2} GB/s, {} left",
                journal.owner(),
                speed / 1e9,
                indicatif::HumanDuration(Duration::from_secs_f64(left_bytes as f64 / speed)),
            ),
        ),
        _ if alive => ("running", format!("process {} is at work", journal.owner())),
        State::SyncFailed => (
            "sync_failed",
            "the disk refused some bytes; restore the image, then abandon".to_owned(),
        ),
        _ if !place.is_of_this_file(journal) => (
            "other_image",
            "the image was replaced or has another length since; abandon".to_owned(),
        ),
        State::Paused => ("paused", "interrupted; resume or abandon".to_owned()),
        _ if !journal.is_of_this_boot()? => (
            "before_reboot",
            "cut short before the system was started anew; restore the image, then abandon".to_owned(),
        ),
        _ => ("interrupted", "interrupted; resume or abandon".to_owned()),
    };
    let window = job.window.describe(layout);
    let done = percent(tally.done_bytes, job.window.bytes());
    let mut text = format!("{} of {window}: {done} done, {words}", job.op);
    let mut processes = Vec::new();
    for (process, hands) in by_process(journal.crew()?) {
        let done_bytes = hands.iter().map(|hand| hand.done_bytes).sum();
        let chunks: Vec<u32> = hands.iter().filter_map(|hand| hand.chunk).collect();
        let at: Vec<String> = chunks.iter().map(u32::to_string).collect();
        text += &format!(
            "\n  process {process}: {} threads, {} done, in chunks {} of {}",
            hands.len(),
            output::bytes(done_bytes),
            if at.is_empty() {
                "none".to_owned()
            } else {
                at.join(", ")
            },
            journal.header().chunks(),
        );
        processes.push(json!({
            "pid": process,
            "threads": hands.len(),
            "done_bytes": done_bytes,
            "chunks": chunks,
        }));
    }
    let object = json!({
        "state": state,
        "amount": job.op.amount,
        "window": window,
        "window_bytes": job.window.bytes(),
        "done_bytes": tally.done_bytes,
        "clipped_samples": tally.clipped_samples,
        "bytes_per_second": speed,
        "seconds_left": (speed > 0.0).then(|| left_bytes as f64 / speed),
        "pid": alive.then(|| journal.owner()),
        "processes": processes,
        "chunks": journal.header().chunks(),
        "journal": journal.path().to_string_lossy(),
        "id": String::from_utf8_lossy(&journal.header().token),
    });
    Ok((text, object))
}

/// Bytes a second that get done while we look.
fn watch(found: &Found) -> f64 {
    let before = found.journal.tally().done_bytes;
    let begun = Instant::now();
    std::thread::sleep(WATCH_TIME);
    // A journal that has become a receipt meanwhile knows nothing of chunks.
    found.journal.tally().done_bytes.saturating_sub(before) as f64 / begun.elapsed().as_secs_f64()
}

fn by_process(crew: Vec<Hand>) -> BTreeMap<u64, Vec<Hand>> {
    let mut processes: BTreeMap<u64, Vec<Hand>> = BTreeMap::new();
    for hand in crew {
        processes.entry(hand.process).or_default().push(hand);
    }
    processes
}
