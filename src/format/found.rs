//! What the header of a file says of it, and why it may not be believed.

use std::fmt;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Described, Overrides};
use crate::error::Text;
use crate::layout::Layout;
use crate::map::MappedFile;
use crate::mend::Mend;

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
    /// The directories of a TIFF.
    Tiff,
    /// Those of a BigTIFF.
    BigTiff,
    /// A FITS header.
    Fits,
    /// An MRC header.
    Mrc,
    /// An NRRD header, before the samples or in a file of its own.
    Nrrd,
    /// That of a MetaImage, before the samples or in a file of its own.
    MetaImage,
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
            Container::Tiff => "TIFF",
            Container::BigTiff => "BigTIFF",
            Container::Fits => "FITS",
            Container::Mrc => "MRC",
            Container::Nrrd => "NRRD",
            Container::MetaImage => "MetaImage",
        })
    }
}

/// A file of a known kind whose header is to be read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) image: &'a MappedFile,
    /// Its first [`HEAD_BYTES`](super::kind::HEAD_BYTES), or all of it.
    pub(super) head: &'a [u8],
    pub(super) overrides: &'a Overrides,
}

impl Source<'_> {
    /// Fills `bytes` from byte `at` of the file on. A file that ends before is an error of kind `UnexpectedEof`.
    pub(super) fn read_exact_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.image.file().read_exact_at(bytes, at)
    }
}

/// What may be in a file behind the last sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nothing; or what the user says is to be left alone.
    Nothing,
    /// Whatever the format puts there: directories, other pages.
    Anything,
}

/// A part of the file itself that was made from its samples, and that an edit of them makes untrue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StalePart {
    /// What it is.
    pub what: String,
    /// The command that makes it anew, if there is one; another program's.
    pub renewed_by: Option<String>,
}

/// Which pictures of a file that may have several are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageChoice {
    /// All pages of the file.
    pub count: u64,
    /// The numbers of those that are meant, from 1; each is a plane.
    pub chosen: Vec<u64>,
    /// Width and height of the smaller copies of the first one.
    pub levels: Vec<(u64, u64)>,
}

/// What of the file is mended once its samples are edited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// What becomes of what, in words; empty if nothing does.
    pub what: String,
    /// What is written.
    pub mends: Vec<Mend>,
}

/// What a file's own header says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) layout: Layout,
    pub(super) container: Container,
    pub(super) behind: Behind,
    /// What the channels are called, if the header says so.
    pub(super) names: Option<Vec<String>>,
    /// The value of samples that mean nothing; it may be outside the samples' range.
    pub(super) nodata: Option<i32>,
    /// Channels that are alpha, beside a last one.
    pub(super) alpha: Vec<usize>,
    /// What of the file an edit makes untrue.
    pub(super) stale: Vec<StalePart>,
    /// What users may not expect of its samples.
    pub(super) notes: Vec<String>,
    /// Which of its pictures are meant, if it may have several.
    pub(super) pages: Option<PageChoice>,
    /// What of that is mended.
    pub(super) mended: Mended,
}

impl Found {
    /// Samples that end where the file does, and nothing more to say of them.
    pub(super) fn new(layout: Layout, container: Container) -> Found {
        Found {
            layout,
            container,
            behind: Behind::Nothing,
            names: None,
            nodata: None,
            alpha: Vec::new(),
            stale: Vec::new(),
            notes: Vec::new(),
            pages: None,
            mended: Mended::default(),
        }
    }
}

impl Found {
    /// The same of the file `path`, with the header beside it, if that said so. Channels that nobody names are called
    /// what they are.
    pub(super) fn describe(self, path: &Path, header: Option<PathBuf>) -> Described {
        let format = self.layout.format();
        let channels = format.channels;
        Described {
            container: self.container,
            header,
            unnamed_bands: self.names.is_none() && channels.are_bands(),
            names: self.names.unwrap_or_else(|| channels.names()),
            nodata: self.nodata.filter(|&value| format.sample.bits(value).is_some()),
            stale: super::beside(path, self.container),
            stale_parts: self.stale,
            alpha: self.alpha,
            notes: self.notes,
            pages: self.pages,
            mended: self.mended,
            layout: self.layout,
        }
    }
}

/// Why a file cannot be edited as its header says.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It is not what it should be.
    File(Text),
    /// The user's words do not fit it, or are missing.
    Words(Text),
    /// It cannot be read.
    Read(io::Error),
}

impl Wrong {
    pub(super) fn file(why: impl Into<Text>) -> Wrong {
        Wrong::File(why.into())
    }

    pub(super) fn cut_short(what: &str) -> Wrong {
        Wrong::file(format!("ends within {what}; it is cut short"))
    }
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Wrong {
        Wrong::Read(error)
    }
}

impl From<String> for Wrong {
    fn from(why: String) -> Wrong {
        Wrong::file(why)
    }
}
