//! The one error type: few variants, each of which a user can act on.
//!
//! Every text is one lower-case line that names the file and the numbers and ends with what to do next. The operating
//! system's own words stay reachable through [`std::error::Error::source`].
//!
//! ```
//! use pagelight::Image;
//! use pagelight::error::{Error, ErrorKind, Result};
//! use pagelight::op::Op;
//!
//! fn brighten(image: &Image) -> Result<()> {
//!     match image.edit(Op::Brighten { amount: 100 }).run() {
//!         Err(Error::Busy { process, window, .. }) => println!("{process:?} is at work on bytes {window:?}"),
//!         Err(Error::Unfinished { job: Some(job), .. }) => {
//!             image.resume_from(&job)?;
//!         }
//!         Err(error) if error.kind() == ErrorKind::Permission => println!("ask its owner: {error}"),
//!         ended => {
//!             ended?;
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! 1. [`Error::kind`] is for those who only tell errors apart; it is also what a worker process tells of its own error.
//! 2. What is to be done is a [`Hint`], not a text: a program has commands and options for it, and puts it into its own
//!    words by [`Error::text`]. The library's own words name none.
//! 3. The kinds with their exit codes, and an example of each, are the table in [`crate::exit`].

mod display;
mod hint;
mod kind;
mod subject;
mod text;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

pub(crate) use self::hint::open_files_hint;
pub use self::hint::{Hint, Wording};
pub use self::kind::ErrorKind;
pub use self::subject::Subject;
pub(crate) use self::text::text;
pub use self::text::{Choice, Piece, Text};

/// What everything fallible in this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong: words, or a type of the module that found it, for those who want to know more.
pub type Reason = Box<dyn std::error::Error + Send + Sync>;

/// Why something could not be done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The request does not fit the image or itself: a window past the end, an amount out of range.
    Request {
        /// What it was asked of.
        subject: Subject,
        /// What does not fit, with the numbers.
        reason: Reason,
    },

    /// The file is not what it should be: a directory, not whole pixels, a header that lies.
    Unfit {
        /// The file that does not fit.
        subject: Subject,
        /// What is wrong with it, with the numbers.
        reason: Reason,
        /// What to do next, where the reason does not say so.
        hint: Option<Hint>,
    },

    /// There is no such file.
    NotFound {
        /// The name that leads nowhere.
        subject: Subject,
        /// The operating system's words.
        source: io::Error,
    },

    /// A file cannot be made where there is no folder for it.
    NoFolder {
        /// The file that was to be made.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },

    /// A file of that name is there already, and it is never overwritten.
    Exists {
        /// The name that is taken.
        subject: Subject,
    },

    /// The operating system does not let this user do it.
    Permission {
        /// What was being done, as a verb: `open`, `write`.
        doing: &'static str,
        /// What it was done to.
        subject: Subject,
        /// The operating system's words.
        source: io::Error,
    },

    /// Reading or writing failed: a full disk, a disk error, a file truncated while in use.
    Io {
        /// What was being done, as a verb: `read`, `write`.
        doing: &'static str,
        /// What it was done to.
        subject: Subject,
        /// What to do next.
        hint: Hint,
        /// The job that can be resumed then.
        job: Option<Box<UnfinishedJob>>,
        /// The operating system's words.
        source: io::Error,
    },

    /// The system lacks something without which nothing works.
    Lacking {
        /// What it lacks, and how to have it.
        what: &'static str,
    },

    /// An unfinished job is in the way: it is to be resumed or abandoned first.
    Unfinished {
        /// The image that has it.
        image: PathBuf,
        /// What stands in the way.
        reason: Reason,
        /// What to do next, where the reason does not say so.
        hint: Option<Hint>,
        /// The job, if it is known and can be resumed.
        job: Option<Box<UnfinishedJob>>,
    },

    /// There is no named object of that name, or nobody uses it any more.
    NoObject {
        /// The name, as `name:testmap`.
        name: String,
    },

    /// Somebody else has it, or did not give it back in time.
    Busy {
        /// What they have.
        subject: Subject,
        /// Who has it, and what to do then.
        reason: Reason,
        /// The process that has it, if it is known.
        process: Option<u32>,
        /// The bytes of the file from the first to the last one that they work on, if it is a part of an image. They
        /// may leave others in between alone.
        window: Option<Range<u64>>,
    },

    /// A worker process failed, of a job or of a measurement.
    Worker {
        /// What kind of error it told.
        kind: ErrorKind,
        /// What it said.
        message: String,
        /// The job that can be resumed then.
        job: Option<Box<UnfinishedJob>>,
    },

    /// The user asked to stop.
    Interrupted {
        /// How things are left; empty if there is nothing to say.
        what: String,
        /// What to do to go on.
        hint: Option<Hint>,
        /// The job that can be resumed.
        job: Option<Box<UnfinishedJob>>,
    },
}

/// An unfinished job, by where it lies. [`Image::resume_from`](crate::Image::resume_from) finishes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnfinishedJob {
    /// The image.
    pub image: PathBuf,
    /// The job's journal.
    pub journal: PathBuf,
}

impl Error {
    /// A request that does not fit; `reason` says why and ends with the way out.
    pub fn request(subject: impl Into<Subject>, reason: impl Into<Reason>) -> Error {
        Error::Request {
            subject: subject.into(),
            reason: reason.into(),
        }
    }

    /// A file that is not what it should be; `reason` says why and ends with the way out, unless a hint does.
    pub fn unfit(subject: impl Into<Subject>, reason: impl Into<Reason>) -> Error {
        Error::Unfit {
            subject: subject.into(),
            reason: reason.into(),
            hint: None,
        }
    }

    /// An unfinished job, or what is left of one, in the way.
    pub fn unfinished(image: &Path, reason: impl Into<Reason>) -> Error {
        Error::Unfinished {
            image: image.to_owned(),
            reason: reason.into(),
            hint: None,
            job: None,
        }
    }

    /// Somebody has it, nobody knows who.
    pub fn busy(subject: impl Into<Subject>, reason: impl Into<Reason>) -> Error {
        Error::Busy {
            subject: subject.into(),
            reason: reason.into(),
            process: None,
            window: None,
        }
    }

    /// Somebody asked to stop, and there is no more to say.
    pub fn interrupted() -> Error {
        Error::interrupted_and("")
    }

    /// Somebody asked to stop; `what` says how things are left.
    pub fn interrupted_and(what: impl Into<String>) -> Error {
        Error::Interrupted {
            what: what.into(),
            hint: None,
            job: None,
        }
    }

    /// Turns an operating-system error into the variant a user can act on; `doing` is a verb.
    pub fn io(doing: &'static str, subject: impl Into<Subject>, source: io::Error) -> Error {
        let subject = subject.into();
        match source.kind() {
            // A name below a file, as in `huge.raw/x`, leads nowhere just as well.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NotFound { subject, source },
            io::ErrorKind::AlreadyExists => Error::Exists { subject },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Error::Permission { doing, subject, source }
            }
            _ => Error::failed(doing, subject, hint::of(&source), source),
        }
    }

    /// The same whatever the operating system says, with a hint that knows more.
    pub fn failed(doing: &'static str, subject: impl Into<Subject>, hint: Hint, source: io::Error) -> Error {
        Error::Io {
            doing,
            subject: subject.into(),
            hint,
            job: None,
            source,
        }
    }

    /// The same as [`Error::io`] for a file that could not be made: what is missing then is its folder.
    pub fn create(path: &Path, source: io::Error) -> Error {
        match Error::io("create", path, source) {
            Error::NotFound { source, .. } => Error::NoFolder {
                path: path.to_owned(),
                source,
            },
            other => other,
        }
    }

    /// The same error with what to do next, as far as its variant has room for that.
    #[must_use]
    pub fn with_hint(mut self, new: Hint) -> Error {
        match &mut self {
            Error::Io { hint, .. } => *hint = new,
            Error::Unfit { hint, .. } | Error::Unfinished { hint, .. } | Error::Interrupted { hint, .. } => {
                *hint = Some(new);
            }
            _ => {}
        }
        self
    }

    /// The same error with the job that can be resumed, as far as its variant has room for that.
    #[must_use]
    pub fn with_job(mut self, new: UnfinishedJob) -> Error {
        match &mut self {
            Error::Io { job, .. }
            | Error::Unfinished { job, .. }
            | Error::Worker { job, .. }
            | Error::Interrupted { job, .. } => *job = Some(Box::new(new)),
            _ => {}
        }
        self
    }

    /// What kind of error it is; of a worker's, what the worker told.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Request { .. } => ErrorKind::Request,
            Error::Unfit { .. } => ErrorKind::Unfit,
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::NoFolder { .. } => ErrorKind::NoFolder,
            Error::Exists { .. } => ErrorKind::Exists,
            Error::Permission { .. } => ErrorKind::Permission,
            Error::Io { .. } => ErrorKind::Io,
            Error::Lacking { .. } => ErrorKind::Lacking,
            Error::Unfinished { .. } => ErrorKind::Unfinished,
            Error::NoObject { .. } => ErrorKind::NoObject,
            Error::Busy { .. } => ErrorKind::Busy,
            Error::Worker { kind, .. } => *kind,
            Error::Interrupted { .. } => ErrorKind::Interrupted,
        }
    }

    /// The file or folder that it is about, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Error::Request { subject, .. }
            | Error::Unfit { subject, .. }
            | Error::NotFound { subject, .. }
            | Error::Exists { subject }
            | Error::Permission { subject, .. }
            | Error::Io { subject, .. }
            | Error::Busy { subject, .. } => subject.path(),
            Error::NoFolder { path, .. } | Error::Unfinished { image: path, .. } => Some(path),
            Error::Lacking { .. } | Error::NoObject { .. } | Error::Worker { .. } | Error::Interrupted { .. } => None,
        }
    }

    /// What is wrong, where that is more than the variant says: to be downcast to what a module documents.
    pub fn reason(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Request { reason, .. }
            | Error::Unfit { reason, .. }
            | Error::Unfinished { reason, .. }
            | Error::Busy { reason, .. } => Some(&**reason),
            _ => None,
        }
    }

    /// The job that can be resumed: the one that is in the way, or that this very error cut short.
    pub fn unfinished_job(&self) -> Option<&UnfinishedJob> {
        match self {
            Error::Io { job, .. }
            | Error::Unfinished { job, .. }
            | Error::Worker { job, .. }
            | Error::Interrupted { job, .. } => job.as_deref(),
            _ => None,
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::NotFound { source, .. }
            | Error::NoFolder { source, .. }
            | Error::Permission { source, .. }
            | Error::Io { source, .. } => Some(source),
            _ => self.reason()?.source(),
        }
    }
}

#[cfg(test)]
mod tests;
