//! What to do about an error, in the words of those who call the library; and how a program puts it into words of its
//! own.

use std::borrow::Cow;
use std::io;
use std::path::Path;

/// What to do next. Its `Display` speaks to those who call the library, and names no command and no option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Hint {
    /// Something that is the same for everybody, in words.
    #[error("{0}")]
    Words(Cow<'static, str>),
    /// More is to be done at once than the system has memory for.
    #[error("close other programs, or allow less memory")]
    LessMemory,
    /// The system does not start so many threads.
    #[error("the system does not grant {threads}; take fewer threads")]
    FewerThreads {
        /// So many.
        threads: usize,
    },
    /// The system does not start so many processes.
    #[error("take one process, and look at the limit of processes (ulimit -u)")]
    FewerProcesses,
    /// To see which named objects there are.
    #[error("list those that there are")]
    ListObjects,
    /// The job can be resumed.
    #[error("it can be resumed")]
    Resume,
    /// The job can be resumed after its error, and nothing of what is done is done twice.
    #[error("the job can then be resumed exactly")]
    ResumeThen,
    /// Resuming the job was cut short, and begins anew.
    #[error("resume it to begin that anew")]
    ResumeAnew,
    /// The unfinished job is to be resumed or abandoned first.
    #[error("resume it to finish it, or abandon it to give it up")]
    ResumeOrAbandon,
    /// The unfinished job cannot be finished.
    #[error("abandon the job to give it up")]
    Abandon,
    /// The image is of no use as it is, and the job can be removed then.
    #[error("restore the image, then abandon the job to remove it")]
    RestoreThenAbandon,
    /// The first journal is needed, not a copy of it.
    #[error("bring the first one back, or restore the image and abandon the job")]
    BringFirstBack,
    /// The last copy of the journal is needed.
    #[error("bring the last one back, or restore the image and abandon the job")]
    BringLastBack,
    /// Jobs are missed, with their folder.
    #[error("bring the folder back (or say where it is), or restore the image; {}", Hint::Clear)]
    BringFolderBack,
    /// Jobs are missed.
    #[error("bring them back, or restore the image; {}", Hint::Clear)]
    BringJournalsBack,
    /// The image is a copy of one with an unfinished job.
    #[error("finish the first one and copy it again; {}", Hint::Clear)]
    CopyAgain,
    /// Nobody knows which part of the image is edited.
    #[error("restore the image; {}", Hint::Clear)]
    Restore,
    /// What is left of jobs can be cleared away.
    #[error("to clear the image takes it for a picture of its own, half-edited as it may be")]
    Clear,
    /// The mark of jobs on the image makes no sense, and can be removed.
    #[error("to clear the image removes it")]
    ClearMark,
    /// Another file was here when the job was begun, and only the folder that the user named knows.
    #[error(
        "finish that on the first file; to clear this one with that folder of journals takes it for another picture"
    )]
    FinishFirst,
    /// Another file was here when the job was begun.
    #[error(
        "if this is a copy of the half-edited image, resume the job; if it is a backup or another picture, to clear it \
         says so, and leaves the job to the first file"
    )]
    CopyOrBackup,
    /// Another file was here when the job was begun, and nothing was done there yet.
    #[error("to clear it takes it for another picture, and then the job can be begun on it")]
    ClearThenBegin,
}

impl Hint {
    /// Something that is the same for everybody.
    pub fn words(words: impl Into<Cow<'static, str>>) -> Hint {
        Hint::Words(words.into())
    }
}

/// Who puts errors into words: the library for those who call it, and a program for those who type. A program has
/// commands and options that the library knows nothing of.
pub trait Wording {
    /// What is wrong, if its own words do not do.
    fn reason(&self, reason: &(dyn std::error::Error + 'static)) -> Option<String> {
        let _ = reason;
        None
    }

    /// What to do about it, if the hint's own words do not do; `image` is what the error is about.
    fn hint(&self, hint: &Hint, image: Option<&Path>) -> Option<String> {
        let _ = (hint, image);
        None
    }
}

/// The library's own words.
pub(super) struct Plain;

impl Wording for Plain {}

/// What to do next, as far as the error tells.
pub(super) fn of(error: &io::Error) -> Hint {
    let words = open_files_hint(error).unwrap_or(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space and try again",
        io::ErrorKind::FileTooLarge => "the file system or a limit (ulimit -f) refuses files of this size",
        io::ErrorKind::OutOfMemory => return Hint::LessMemory,
        _ => "look at the disk and at the system's log, then try again",
    });
    Hint::words(words)
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
