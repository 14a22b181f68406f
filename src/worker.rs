//! A process that works on somebody else's job, as one of many: what its coordinator starts.
//!
//! The program of this package is its own worker. So is a program that uses the library, if it calls [`serve`] before
//! all else; only then can its edits have several processes.
//!
//! 1. All that a worker knows comes with its arguments; what is to be done is in the journal.
//! 2. A worker obeys the journal and its standard input, a pipe, and nothing else: see [`crate::coordinator`].

use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::claim;
use crate::coordinator::PAUSE;
use crate::engine::{self, Settings};
use crate::error::{Error, Result, Subject};
use crate::exit;
use crate::job::Job;
use crate::journal::Journal;
use crate::map::{Access, MappedFile};
use crate::op::PixelFunction;
use crate::os::fault;
use crate::os::process::{self, THIS_PROGRAM};
use crate::run;

/// The first argument of a worker.
const MARK: &str = "pagelight-worker";

/// True once this program has said that it can be a worker.
static IS_SERVING: AtomicBool = AtomicBool::new(false);

/// Does the work of a worker, if this process was started as one; `None` if it was not. Call this first in `main`, with
/// the program's arguments and every [`PixelFunction`] that its jobs may use. After that the program's edits may have
/// several processes.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     match pagelight::worker::serve(std::env::args_os(), &[]) {
///         None => {} // not a worker: the program begins here
///         Some(Ok(())) => return ExitCode::SUCCESS,
///         Some(Err(error)) => {
///             eprintln!("{error}"); // the last line on stderr is what the coordinator tells
///             return pagelight::worker::exit_code(&error); // by which the coordinator knows its kind
///         }
///     }
///     // ...
///     ExitCode::SUCCESS
/// }
/// ```
///
/// # Errors
/// `Unfit` if the image is no longer the file that the job was begun on; else as for [`engine::work`].
pub fn serve(arguments: impl IntoIterator<Item = OsString>, functions: &[PixelFunction]) -> Option<Result<()>> {
    IS_SERVING.store(true, Ordering::Relaxed);
    let mut arguments = arguments.into_iter().skip(1);
    arguments.next().filter(|first| first == MARK)?;
    let arguments: Vec<OsString> = arguments.collect();
    Some(Worker::parse(&arguments).and_then(|worker| worker.run(functions)))
}

/// The exit code of a worker that had this error.
pub fn exit_code(error: &Error) -> ExitCode {
    exit::code(error.kind()).into()
}

/// True if copies of this program can be workers.
pub fn is_served() -> bool {
    IS_SERVING.load(Ordering::Relaxed)
}

/// The command that starts a copy of this program as a worker with these settings: a program and its first arguments,
/// see [`crate::coordinator::Workers::command`].
pub fn command(settings: &Settings) -> Vec<OsString> {
    command_of(OsStr::new(THIS_PROGRAM), settings)
}

/// As [`command`], for another program that calls [`serve`].
pub fn command_of(program: &OsStr, settings: &Settings) -> Vec<OsString> {
    vec![
        program.to_owned(),
        MARK.into(),
        settings.threads.to_string().into(),
        settings.memory_bytes.to_string().into(),
    ]
}

/// A worker, as its arguments describe it.
struct Worker {
    settings: Settings,
    image: PathBuf,
    journal: PathBuf,
    epoch: u64,
}

impl Worker {
    fn parse(arguments: &[OsString]) -> Result<Worker> {
        let number = |text: &OsStr| text.to_str().and_then(|text| text.parse().ok());
        let parsed = match arguments {
            [threads, memory, image, journal, epoch] => {
                number(threads)
                    .zip(number(memory))
                    .zip(number(epoch))
                    .map(|((threads, memory_bytes), epoch)| Worker {
                        settings: Settings {
                            threads: usize::try_from(threads).unwrap_or(1),
                            memory_bytes,
                        },
                        image: image.into(),
                        journal: journal.into(),
                        epoch,
                    })
            }
            _ => None,
        };
        parsed.ok_or_else(|| {
            Error::request(
                Subject::Thing(MARK),
                "is for the coordinator of a job, which starts it with five arguments",
            )
        })
    }

    fn run(&self, functions: &[PixelFunction]) -> Result<()> {
        fault::guard_signals()?;
        let image = MappedFile::open(&self.image, Access::ReadWrite)?;
        let Some(journal) = Journal::open(&self.journal, Access::ReadWrite)? else {
            // The job was ended before this worker had begun.
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
        let Some(mut job) = Job::from_bytes(&header.job, header.chunk_plan.window()) else {
            return Err(Error::unfit(&self.journal, "holds no job that makes sense"));
        };
        job.learn(functions);
        if let Some(name) = job.unknown_function() {
            return Err(Error::request(
                self.image.as_path(),
                format!("the function '{name}' is not one of those that were given to pagelight::worker::serve"),
            ));
        }
        journal.make_writable()?;
        journal.join_epoch(self.epoch);
        let journal = Arc::new(journal);
        let orders = Arc::new(Orders::default());
        obey(Arc::clone(&journal), Arc::clone(&orders));
        engine::work(&job, &image, &journal, &self.settings, &|_| {
            orders.wait_while_paused();
            ControlFlow::Continue(())
        })?;
        if *orders.now() == Order::Leave {
            run::leave_orphaned(&job, &image, &journal)?;
        }
        Ok(())
    }
}

/// The coordinator's last order, read from the pipe that is our standard input.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Resume,
    Pause,
    /// The pipe was closed: the coordinator is gone.
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

    fn wait_while_paused(&self) {
        drop(self.changed.wait_while(self.now(), |order| *order == Order::Pause));
    }
}

/// Starts a thread that notes the coordinator's orders, and asks for a stop when the coordinator is gone.
fn obey(journal: Arc<Journal>, orders: Arc<Orders>) {
    std::thread::spawn(move || {
        while let Some(word) = process::read_order() {
            orders.give(if word == PAUSE { Order::Pause } else { Order::Resume });
        }
        journal.ask_to_stop();
        orders.give(Order::Leave);
    });
}
