//! What the header of a file says of it, and why it may not be believed.

use std::fmt;

use crate::error::Text;
use crate::layout::Layout;

/// What says where an image's samples lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Container {
    /// Nothing; the user does.
    Raw,
    /// An ENVI header beside it.
    Envi,
    /// The header of a NumPy array.
    Npy,
    /// That of a gray Netpbm picture.
    Pgm,
    /// That of a color Netpbm picture.
    Ppm,
    /// That of a Netpbm picture of any channels.
    Pam,
    /// A farbfeld header.
    Farbfeld,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Container::Raw => "raw",
            Container::Envi => "ENVI",
            Container::Npy => "NPY",
            Container::Pgm => "PGM",
            Container::Ppm => "PPM",
            Container::Pam => "PAM",
            Container::Farbfeld => "farbfeld",
        })
    }
}

/// What a file's own header says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) layout: Layout,
    pub(super) container: Container,
}

/// Why a file cannot be edited as its header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is not what it should be.
    File(Text),
    /// The user's words do not fit it.
    Words(Text),
}

impl Wrong {
    pub(super) fn file(why: impl Into<Text>) -> Wrong {
        Wrong::File(why.into())
    }

    pub(super) fn cut_short(what: &str) -> Wrong {
        Wrong::file(format!("ends within {what}; it is cut short"))
    }
}

impl From<String> for Wrong {
    fn from(why: String) -> Wrong {
        Wrong::file(why)
    }
}
