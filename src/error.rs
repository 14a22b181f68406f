//! The one error type: few variants, each of which a user can act on.
//!
//! Every text is one lower-case line that names the file and the numbers and ends with what to do next. The operating
//! system's own words stay reachable through [`std::error::Error::source`]. Which exit code a variant means is the
//! command line's business, not this module's.

use std::io;
use std::path::{Path, PathBuf};

/// What everything fallible in this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request does not fit the image or itself: a window past the end, an amount out of range.
    #[error("{0}")]
    Request(String),

    /// The file is not what it should be: a directory, not whole pixels, a header that lies.
    #[error("{}: {what}", path.display())]
    Unfit {
        /// The file that does not fit.
        path: PathBuf,
        /// What is wrong with it, with the numbers, and the way out.
        what: String,
    },

    /// There is no such file.
    #[error("{}: no such file; check the name", path.display())]
    NotFound {
        /// The name that leads nowhere.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },

    /// A file cannot be made where there is no folder for it.
    #[error("cannot create {}: its folder does not exist; make it first, or choose another", path.display())]
    NoFolder {
        /// The file that was to be made.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },

    /// A file of that name is there already, and it is never overwritten.
    #[error("{}: exists already and is not overwritten; choose another name or remove it first", path.display())]
    Exists {
        /// The name that is taken.
        path: PathBuf,
    },

    /// The operating system does not let this user do it.
    #[error("cannot {doing} {}: permission denied; check the rights of the file and of its folder", path.display())]
    Permission {
        /// What was being done, as a verb: `open`, `write`.
        doing: &'static str,
        /// The file it was done to.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },

    /// Reading or writing failed: a full disk, a disk error, a file truncated while in use.
    #[error("cannot {doing} {}: {hint}", path.display())]
    Io {
        /// What was being done, as a verb: `read`, `write`.
        doing: &'static str,
        /// The file it was done to.
        path: PathBuf,
        /// What to do next.
        hint: String,
        /// The operating system's words.
        source: io::Error,
    },

    /// The system lacks something without which nothing works.
    #[error("{0}")]
    Lacking(String),

    /// An unfinished job is in the way: it is to be resumed or abandoned first.
    #[error("{0}")]
    Unfinished(String),

    /// There is no named object of that name, or nobody uses it any more.
    #[error("{name}: no such object, or all its users are gone; see what there is with 'pagelight shm list'")]
    NoObject {
        /// The name, as `name:testmap`.
        name: String,
    },

    /// Somebody else has it, or did not give it back in time.
    #[error("{0}")]
    Busy(String),

    /// A worker process of the job failed.
    #[error("{message}")]
    Worker {
        /// Its exit code.
        code: i32,
        /// What it said.
        message: String,
    },

    /// The user asked to stop.
    #[error("interrupted{0}")]
    Interrupted(String),
}

impl Error {
    /// A file that is not what it should be; `what` says why and ends with the way out.
    pub fn unfit(path: &Path, what: impl Into<String>) -> Error {
        Error::Unfit {
            path: path.to_owned(),
            what: what.into(),
        }
    }

    /// Turns an operating-system error into the variant a user can act on; `doing` is a verb.
    pub fn io(doing: &'static str, path: &Path, source: io::Error) -> Error {
        let path = path.to_owned();
        match source.kind() {
            // A name below a file, as in `huge.raw/x`, leads nowhere just as well.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NotFound { path, source },
            io::ErrorKind::AlreadyExists => Error::Exists { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Error::Permission { doing, path, source }
            }
            _ => Error::Io {
                doing,
                path,
                hint: hint(&source).to_owned(),
                source,
            },
        }
    }

    /// The same for a file that could not be made: what is missing then is its folder.
    pub fn create(path: &Path, source: io::Error) -> Error {
        match Error::io("create", path, source) {
            Error::NotFound { path, source } => Error::NoFolder { path, source },
            other => other,
        }
    }
}

/// What to do next, as far as the error tells.
fn hint(error: &io::Error) -> &'static str {
    open_files_hint(error).unwrap_or(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space and try again",
        io::ErrorKind::FileTooLarge => "the file system or a limit (ulimit -f) refuses files of this size",
        io::ErrorKind::OutOfMemory => "close other programs, or give a smaller --memory",
        _ => "look at the disk and at the system's log, then try again",
    })
}

/// What to do about too many open files, if the error tells of them.
pub(crate) fn open_files_hint(error: &io::Error) -> Option<&'static str> {
    // Numbers of Linux, ENFILE and EMFILE, for which there are no kinds.
    match number(error)? {
        23 => Some(
            "the system may have no more files open at once; close other programs, or allow more with 'sysctl \
             fs.file-max' and 'ulimit -n'",
        ),
        24 => Some("a process may have no more files open at once; allow more with 'ulimit -n' and try again"),
        _ => None,
    }
}

/// The operating system's number of an error, also where a library put a path around it.
fn number(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| {
        let mut cause: &dyn std::error::Error = error.get_ref()?;
        loop {
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                return number(error);
            }
            cause = cause.source()?;
        }
    })
}
