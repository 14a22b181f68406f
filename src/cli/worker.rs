//! `pagelight worker`: one of the processes of a job, started by its coordinator and by nobody else.

use std::ffi::OsString;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use clap::Args;
use pagelight::claim;
use pagelight::coordinator::HOLD;
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
        let Some(journal) = Journal::open(&self.journal, Access::ReadWrite)? else {
            // The others were done before this one had begun.
            return Ok(());
        };
        let header = journal.header();
        if header.image_bytes != image.len() || !claim::is_of(&image, &self.journal)? {
            return Err(Error::unfit(
                &self.image,
                format!(
                    "is not the file any more that the job was begun on (that had {} bytes): was it replaced, or given \
                     another length?",
                    header.image_bytes
                ),
            ));
        }
        let Some(job) = Job::from_bytes(&header.job, header.cut.window()) else {
            return Err(Error::unfit(&self.journal, "holds no job that makes sense"));
        };
        journal.make_writable()?;
        journal.join_round(self.round);
        let journal = Arc::new(journal);
        let orders = Arc::new(Orders::default());
        obey(Arc::clone(&journal), Arc::clone(&orders));
        let settings = Settings {
            threads: self.threads,
            memory_bytes: self.memory,
        };
        engine::work(&job, &image, &journal, &settings, &|_| {
            orders.wait_while_held();
            ControlFlow::Continue(())
        })?;
        if *orders.now() == Order::Leave {
            run::leave_orphaned(&job, &image, &journal)?;
        }
        Ok(())
    }
}

/// What the coordinator wants, as far as it says so through the pipe that is our standard input.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Order {
    #[default]
    GoOn,
    Hold,
    /// The pipe was closed: nobody is there any more.
    Leave,
}

#[derive(Default)]
struct Orders {
    now: Mutex<Order>,
    changed: Condvar,
}

impl Orders {
    fn now(&self) -> MutexGuard<'_, Order> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, order: Order) {
        *self.now() = order;
        self.changed.notify_all();
    }

    fn wait_while_held(&self) {
        drop(self.changed.wait_while(self.now(), |order| *order == Order::Hold));
    }
}

/// Takes down the coordinator's orders as they come, and stops the work when it is gone.
fn obey(journal: Arc<Journal>, orders: Arc<Orders>) {
    std::thread::spawn(move || {
        let mut word = [0];
        while std::io::stdin().read_exact(&mut word).is_ok() {
            orders.give(if word == [HOLD] { Order::Hold } else { Order::GoOn });
        }
        journal.ask_to_stop();
        orders.give(Order::Leave);
    });
}
