//! Names that unrelated processes meet by, and the [`Namespace`] they are meant in.
//!
//! 1. A [`Name`] is a file name and nothing else: no folders, nothing hidden, nothing a terminal would obey. It is
//!    checked once, here.
//! 2. One namespace holds every kind of object: memory, file maps and mutexes. A name means one of them.
//! 3. Nothing here touches the file system.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result, Subject};

/// The longest name, in bytes; file systems take no longer ones.
const MAX_BYTES: usize = 255;

/// Where names are meant: two folders of one user, one for objects that live as long as somebody uses them and one for
/// those that are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Namespace {
    live: PathBuf,
    kept: PathBuf,
}

impl Namespace {
    /// The namespace that all processes of this user share: `/dev/shm/pagelight.<uid>/`, which is memory, and
    /// `/var/tmp/pagelight.<uid>/`, which survives a restart. The folders are made when first needed.
    pub fn of_user() -> Namespace {
        let user = rustix::process::geteuid();
        Namespace::at(
            Path::new(&format!("/dev/shm/pagelight.{user}")),
            Path::new(&format!("/var/tmp/pagelight.{user}")),
        )
    }

    /// A namespace of one's own: `live` for objects that end with their last user, best on tmpfs, and `kept` for those
    /// that survive: another folder. The folders themselves are made when first needed, their parents are not.
    pub fn at(live: &Path, kept: &Path) -> Namespace {
        Namespace {
            live: live.to_owned(),
            kept: kept.to_owned(),
        }
    }

    /// A name in this namespace.
    ///
    /// # Errors
    /// `Request` if the name is empty or longer than 255 bytes, begins with a dot, or has a slash or a control
    /// character (such as NUL) in it; and whatever the name, if both folders of the namespace are one.
    pub fn name(&self, name: &str) -> Result<Name> {
        if self.live == self.kept {
            return Err(self.one_folder());
        }
        let wrong = if name.is_empty() {
            "is empty"
        } else if name.len() > MAX_BYTES {
            "is longer than 255 bytes"
        } else if name.starts_with('.') {
            "begins with a dot"
        } else if name.contains('/') {
            "has a slash in it"
        } else if name.contains(char::is_control) {
            "has a control character in it"
        } else {
            return Ok(Name {
                namespace: Arc::new(self.clone()),
                text: name.to_owned(),
            });
        };
        let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
        let why = format!("the object name '{shown}' {wrong}; choose a plain word");
        Err(Error::request(Subject::Nothing, why))
    }

    /// The error that says both folders are one, in which nobody could tell what is to be removed.
    pub(super) fn one_folder(&self) -> Error {
        Error::request(
            &self.live,
            "is meant as one folder for objects that end with their users and for those that are kept; give two",
        )
    }

    /// The folder of objects that end with their last user.
    pub(super) fn live(&self) -> &Path {
        &self.live
    }

    /// The folder of objects that are kept.
    pub(super) fn kept(&self) -> &Path {
        &self.kept
    }
}

/// The checked name of an object, in its namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    namespace: Arc<Namespace>,
    text: String,
}

impl Name {
    /// A name in [`Namespace::of_user`].
    ///
    /// # Errors
    /// `Request`, as for [`Namespace::name`].
    pub fn new(name: &str) -> Result<Name> {
        Namespace::of_user().name(name)
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it is meant.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The name as messages and the command line write it: `name:testmap`.
    pub(super) fn label(&self) -> PathBuf {
        PathBuf::from(self.to_string())
    }

    /// The object as errors name it.
    pub(super) fn subject(&self) -> Subject {
        Subject::Object(self.to_string())
    }

    /// The error that says there is no such object.
    pub(super) fn no_object(&self) -> Error {
        Error::NoObject { name: self.to_string() }
    }

    /// The error that says somebody has it.
    pub(super) fn busy(&self, why: &str) -> Error {
        Error::busy(self.subject(), why)
    }
}

/// As [`Name::new`], with or without `name:` before it.
impl std::str::FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Name> {
        Name::new(text.strip_prefix("name:").unwrap_or(text))
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "name:{}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_file_names() {
        let long = "x".repeat(256);
        for wrong in ["", ".", "..", ".hidden", "a/b", "/", "a\0b", "a\nb", "\u{1b}[2J", &long] {
            let error = Name::new(wrong).expect_err("refused").to_string();
            assert!(!error.contains(char::is_control), "{error:?}");
            assert!(error.len() < 120, "{error}");
        }
        for right in ["testmap", "Global\\x", "a b", "ä€", "-", "a:b", &long[..255]] {
            let name = Name::new(right).expect("accepted");
            assert_eq!(name.as_str(), right);
            assert_eq!(name.to_string().parse::<Name>().expect("accepted"), name);
        }
    }
}
