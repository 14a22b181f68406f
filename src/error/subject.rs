//! What an error is about.

use std::fmt;
use std::path::{Path, PathBuf};

/// What something could not be done to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// Nothing that has a name: the request itself.
    #[default]
    Nothing,
    /// A file or a folder.
    Path(PathBuf),
    /// An object that processes share, as `name:testmap`.
    Object(String),
    /// Something that is no file: `memory`, `signals`, `standard output`.
    Thing(&'static str),
}

impl Subject {
    /// The file or folder, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Subject::Path(path) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Nothing => Ok(()),
            Subject::Path(path) => path.display().fmt(f),
            Subject::Object(name) => f.pad(name),
            Subject::Thing(thing) => f.pad(thing),
        }
    }
}

impl From<&Path> for Subject {
    fn from(path: &Path) -> Subject {
        Subject::Path(path.to_owned())
    }
}

impl From<&PathBuf> for Subject {
    fn from(path: &PathBuf) -> Subject {
        Subject::Path(path.clone())
    }
}

impl From<PathBuf> for Subject {
    fn from(path: PathBuf) -> Subject {
        Subject::Path(path)
    }
}

impl From<&Subject> for Subject {
    fn from(subject: &Subject) -> Subject {
        subject.clone()
    }
}
