//! `pagelight status`: which jobs of an image are unfinished, how far they are, who works on them, and which ids are
//! known.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use pagelight::claim::{ImageJobs, PendingJob};
use pagelight::error::Result;
use pagelight::journal::{JobState, Journal, SlotOwner};
use pagelight::map::Access;
use pagelight::run;
use serde_json::{Value, json};

use super::Global;
use super::image::ImageArgs;
use super::output::{self, percent};

/// How long a running job is watched, to tell its speed.
const WATCH_TIME: Duration = Duration::from_millis(200);

/// Say which jobs of an image are unfinished, how far they are, and which were done under an --id
#[derive(Args)]
pub(super) struct Status {
    #[command(flatten)]
    image: ImageArgs,
    /// Where the journals are, if they were moved there
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
}

impl Status {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let path = &self.image.image;
        let shown = output::name(path);
        let image = self.image.map(Access::Read)?;
        let jobs = ImageJobs::of(&image, self.journal.as_deref())?;
        let mut lines = Vec::new();
        let mut objects = Vec::new();
        for pending in jobs.pending()? {
            // It may come to its end while we look.
            let Some(journal) = pending.open(Access::Read)? else {
                continue;
            };
            let (line, object) = describe(&jobs, &pending, &journal, image.len())?;
            if !journal.is_named()? {
                continue;
            }
            lines.push(format!("{shown}: {line}"));
            objects.push(object);
        }
        if lines.is_empty() {
            lines.push(format!("{shown}: no unfinished job"));
        }
        let mut ids = Vec::new();
        for id in jobs.ids()? {
            let token = String::from_utf8_lossy(&id.token).into_owned();
            let word = output::printable(&token);
            lines.push(if id.is_certain { format!("{shown}: --id {word} was done") } else { format!(
                    "{shown}: --id {word} was done, but the image was changed by somebody else since: is it still in it? \
                     'pagelight forget' lets it be done once more"
                ) });
            ids.push(json!({ "id": token, "certain": id.is_certain }));
        }
        global.result(
            &lines.join("\n"),
            &json!({
                "image": path.to_string_lossy(),
                "jobs": objects,
                "ids": ids,
                "journals": jobs.folder().map(|folder| folder.path.to_string_lossy()),
            }),
        );
        Ok(())
    }
}

/// A job as text, and as an object.
fn describe(jobs: &ImageJobs, pending: &PendingJob, journal: &Journal, image_bytes: u64) -> Result<(String, Value)> {
    let job = &pending.job;
    let speed = if journal.is_alive()? { watch(journal)? } else { 0.0 };
    // Whoever dies while watched is not at work any more.
    let alive = journal.is_alive()?;
    let totals = journal.totals()?;
    let left_bytes = job.target.window.bytes() - totals.done_bytes;
    let owner = journal.owner()?;
    let (state, words) = state(
        jobs,
        pending,
        journal,
        image_bytes,
        Pace {
            alive,
            speed,
            left_bytes,
        },
    )?;
    let part = &job.target.description.part;
    let done = percent(totals.done_bytes, job.target.window.bytes());
    let mut text = format!("{} of {part}: {done} done, {words}", job.op);
    let mut processes = Vec::new();
    for (process, slot_owners) in by_process(journal.slot_owners()?) {
        let done_bytes = slot_owners.iter().map(|slot_owner| slot_owner.done_bytes).sum();
        let chunks: Vec<u32> = slot_owners.iter().filter_map(|slot_owner| slot_owner.chunk).collect();
        let at: Vec<String> = chunks.iter().map(u32::to_string).collect();
        text += &format!(
            "\n  process {process}: {} threads, {} done, in chunks {} of {}",
            slot_owners.len(),
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
            "threads": slot_owners.len(),
            "done_bytes": done_bytes,
            "chunks": chunks,
        }));
    }
    let object = json!({
        "state": state,
        "operation": job.op.to_string(),
        "amount": output::amount(&job.op),
        "window": part,
        "window_bytes": job.target.window.bytes(),
        "done_bytes": totals.done_bytes,
        "clipped_samples": totals.counts.clipped,
        "bytes_per_second": speed,
        "seconds_left": (speed > 0.0).then(|| left_bytes as f64 / speed),
        "pid": alive.then_some(owner),
        "processes": processes,
        "chunks": journal.header().chunks(),
        "journal": journal.path().to_string_lossy(),
        "id": String::from_utf8_lossy(&journal.header().token),
    });
    Ok((text, object))
}

/// Whether somebody is at work, and how fast.
struct Pace {
    alive: bool,
    /// Bytes a second.
    speed: f64,
    left_bytes: u64,
}

/// The state of a job, for programs and for people.
fn state(
    jobs: &ImageJobs,
    pending: &PendingJob,
    journal: &Journal,
    image_bytes: u64,
    Pace {
        alive,
        speed,
        left_bytes,
    }: Pace,
) -> Result<(&'static str, String)> {
    let owner = journal.owner()?;
    let is_same_start = run::is_same_start(jobs, journal)?;
    Ok(match journal.state()? {
        _ if alive && speed > 0.0 => (
            "running",
            format!(
                "process {owner} is at work, {:.2} GB/s, {} left",
                speed / 1e9,
                indicatif::HumanDuration(Duration::from_secs_f64(left_bytes as f64 / speed)),
            ),
        ),
        _ if alive => ("running", format!("process {owner} is at work")),
        _ if jobs.is_replaced() => (
            "replaced",
            "but this is not the file that it was begun on, which was replaced; resume if this is a copy of the \
             half-edited image, abandon if it is a backup or another picture"
                .to_owned(),
        ),
        JobState::SyncFailed => (
            "sync_failed",
            "the disk refused some bytes; restore the image, then abandon".to_owned(),
        ),
        _ if pending.header.image_bytes != image_bytes => {
            ("other_image", "the image has another length since; abandon".to_owned())
        }
        JobState::Paused => ("paused", "interrupted; resume or abandon".to_owned()),
        _ if !is_same_start => (
            "before_reboot",
            "cut short before the system was started or the disk mounted anew; restore the image, then abandon"
                .to_owned(),
        ),
        _ => ("interrupted", "interrupted; resume or abandon".to_owned()),
    })
}

/// Bytes a second that get done while we look.
fn watch(journal: &Journal) -> Result<f64> {
    let before = journal.counted_bytes()?;
    let begun = Instant::now();
    std::thread::sleep(WATCH_TIME);
    // A journal that came to its end meanwhile knows nothing of chunks.
    let done = journal.counted_bytes()?.saturating_sub(before);
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

fn by_process(slot_owners: Vec<SlotOwner>) -> BTreeMap<u64, Vec<SlotOwner>> {
    let mut processes: BTreeMap<u64, Vec<SlotOwner>> = BTreeMap::new();
    for slot_owner in slot_owners {
        processes.entry(slot_owner.process).or_default().push(slot_owner);
    }
    processes
}
