//! `pagelight worker`: one of the processes of a job, started by its coordinator and by nobody else.

use std::ffi::OsString;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use pagelight::claim::Place;
use pagelight::engine::{self, Settings};
use pagelight::error::{Error, Result};
use pagelight::job::Job;
use pagelight::journal::Journal;
use pagelight::map::{Access, MappedFile};
use pagelight::run;

use super::THIS_PROGRAM;

/// Work on a job's journal; started by brighten and resume
#[derive(Args)]
pub(super) struct Worker {
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    memory: u64,
    image: PathBuf,
    journal: PathBuf,
    round: u64,
}

/// The command of a worker, but for the image and the journal.
pub(super) fn command(settings: &Settings) -> Vec<OsString> {
    let words = [THIS_PROGRAM, "worker", "--threads"].map(OsString::from);
    let mut words = Vec::from(words);
    words.push(settings.threads.to_string().into());
    words.push("--memory".into());
    words.push(settings.memory_bytes.to_string().into());
    words.push("--".into());
    words
}

impl Worker {
    pub(super) fn run(&self) -> Result<()> {
        let image = MappedFile::open(&self.image, Access::ReadWrite)?;
        let Some(journal) = Journal::open(&self.journal)? else {
            // The others were done before this one had begun.
            return Ok(());
        };
        if !Place::of(&image, None)?.is_of_this_file(&journal) {
            return Err(Error::unfit(
                &self.image,
                format!(
                    "is not the file any more that the job was begun on (that had {} bytes): was it replaced, or given \
                     another length?",
                    journal.header().image.bytes
                ),
            ));
        }
        let Some(job) = Job::from_bytes(&journal.header().job) else {
            return Err(Error::unfit(&self.journal, "holds no job that makes sense"));
        };
        journal.join_round(self.round);
        let journal = Arc::new(journal);
        let orphaned = Arc::new(AtomicBool::new(false));
        obey(Arc::clone(&journal), Arc::clone(&orphaned));
        let settings = Settings {
            threads: self.threads,
            memory_bytes: self.memory,
        };
        engine::work(&job, &image, &journal, &settings, &|_| ControlFlow::Continue(()))?;
        if orphaned.load(Ordering::Acquire) {
            run::leave_orphaned(&job, &image, &journal)?;
        }
        Ok(())
    }
}

/// Stops the work when the coordinator is gone: our standard input is a pipe that it holds and never writes to.
fn obey(journal: Arc<Journal>, orphaned: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut nothing = [0];
        // Zero bytes, or an error: either way nobody is there.
        let _ = std::io::stdin().read(&mut nothing);
        orphaned.store(true, Ordering::Release);
        journal.ask_to_stop();
    });
}
