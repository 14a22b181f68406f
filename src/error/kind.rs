//! Kinds of errors: to tell them apart without their data, and for those who speak of `std::io` errors.

use std::io;

use super::Error;

/// What kind of error it is, without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// [`Error::Request`]
    Request,
    /// [`Error::Unfit`]
    Unfit,
    /// [`Error::NotFound`]
    NotFound,
    /// [`Error::NoFolder`]
    NoFolder,
    /// [`Error::Exists`]
    Exists,
    /// [`Error::Permission`]
    Permission,
    /// [`Error::Io`]
    Io,
    /// [`Error::Lacking`]
    Lacking,
    /// [`Error::Unfinished`]
    Unfinished,
    /// [`Error::NoObject`]
    NoObject,
    /// [`Error::Busy`]
    Busy,
    /// [`Error::Interrupted`]
    Interrupted,
    /// A worker process panicked.
    Panicked,
    /// A worker process failed and did not tell how.
    Untold,
}

impl From<Error> for io::Error {
    /// The error as one of input and output, with itself inside. One that was interrupted, or is in the way, has no
    /// kind of its own there: whoever reads or writes tries again on `Interrupted`, as nobody should.
    fn from(error: Error) -> io::Error {
        let kind = match (&error, error.kind()) {
            (Error::Io { source, .. }, _) => source.kind(),
            (_, ErrorKind::Request) => io::ErrorKind::InvalidInput,
            (_, ErrorKind::Unfit) => io::ErrorKind::InvalidData,
            (_, ErrorKind::NotFound | ErrorKind::NoFolder | ErrorKind::NoObject) => io::ErrorKind::NotFound,
            (_, ErrorKind::Exists) => io::ErrorKind::AlreadyExists,
            (_, ErrorKind::Permission) => io::ErrorKind::PermissionDenied,
            (_, ErrorKind::Lacking) => io::ErrorKind::Unsupported,
            (_, ErrorKind::Busy) => io::ErrorKind::ResourceBusy,
            _ => io::ErrorKind::Other,
        };
        let kind = match kind {
            io::ErrorKind::Interrupted => io::ErrorKind::Other,
            kind => kind,
        };
        io::Error::new(kind, error)
    }
}
