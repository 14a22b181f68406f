//! The folder of an image's journals: a name beside the image or in a place that the user chose, private to its user.
//!
//! ```text
//! huge.raw.1b4e28ba.pagelight/      the image's name when the folder was made, and the first digits of its number
//!     image                         which image it is for: see `record`
//!     <random number>.journal       a job that is not ended
//!     <random number>.id            a job that was done under an id
//! ```
//!
//! 1. Nothing in it is believed unless it and the file belong to this user, and nobody else may write to them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::identity::record::Record;
use crate::os::identity::FileStat;
use crate::os::listing;

const SUFFIX: &str = ".pagelight";
const RECORD: &str = "image";
const JOURNAL: &str = "journal";
const ID: &str = "id";
/// Why no journals are kept in a folder that was just made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot keep a journal that could be trusted when it is read back ({why}); nothing was changed; name a folder for \
     it on another disk"
)]
pub struct NotToBeTrusted {
    /// What was found when the folder was read back.
    pub why: String,
}

/// Of an image's name, in the name of its folder: what leaves room within the 255 bytes of a name.
const STEM_BYTES: usize = 180;

/// A journal folder that is there, and ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Which image it is for.
    pub record: Record,
}

impl Folder {
    /// The path that a folder in `parent` gets, for the image of this name and number.
    pub fn path_in(parent: &Path, image_name: &OsStr, uuid: u128) -> PathBuf {
        let stem = image_name.as_bytes();
        let mut name = OsString::from_vec(stem[..stem.len().min(STEM_BYTES)].to_vec());
        name.push(format!(".{:08x}{SUFFIX}", uuid >> 96));
        parent.join(name)
    }

    /// True if the name of the folder `path` is one that [`Folder::path_in`] gives to images of this number.
    pub fn has_number(path: &Path, uuid: u128) -> bool {
        let name = path.file_name().unwrap_or_default();
        name.as_bytes()
            .ends_with(format!(".{:08x}{SUFFIX}", uuid >> 96).as_bytes())
    }

    /// Makes the folder, which must not be there, with its record.
    ///
    /// # Errors
    /// `Exists`, `NoFolder`, `Io`, `Permission`; `Unfit` if what is made could not be believed when it is read back, as
    /// where the file system shows all files as everybody's. Nothing is left then.
    pub fn create(path: &Path, record: Record) -> Result<Folder> {
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(0o700);
        builder.create(path).map_err(|error| Error::create(path, error))?;
        let made = record.write(&path.join(RECORD), true).and_then(|()| {
            let folder = Folder::open(path)?;
            folder
                .filter(|folder| folder.record == record)
                .ok_or_else(|| Error::unfit(path, "was replaced while it was being made; try again"))
        });
        made.map_err(|error| {
            // As far as it goes: what is left has no journals.
            let _ = std::fs::remove_file(path.join(RECORD));
            let _ = std::fs::remove_dir(path);
            match error {
                Error::Unfit { reason, .. } => {
                    let why = reason.to_string();
                    Error::unfit(path, NotToBeTrusted { why })
                }
                other => other,
            }
        })
    }

    /// Opens the folder `path`; `None` if there is none, or it holds no record.
    ///
    /// # Errors
    /// `Unfit` if it is a link, a file, somebody else's or may be written by others; `Io`, `Permission`.
    pub fn open(path: &Path) -> Result<Option<Folder>> {
        let stat = match FileStat::of_path(path) {
            Ok(stat) => stat,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(Error::io("look at", path, error)),
        };
        let refused = |why: &str| Error::unfit(path, format!("{why}, so it is no journal folder; nothing was changed"));
        let kind = std::fs::symlink_metadata(path).map_err(|error| Error::io("look at", path, error))?;
        if !kind.is_dir() {
            return Err(refused("is no folder, or a link to one"));
        }
        stat.refuse_foreign().map_err(|why| Error::unfit(path, why))?;
        let record = Record::read(&path.join(RECORD))?;
        Ok(record.map(|record| Folder {
            path: path.to_owned(),
            record,
        }))
    }

    /// Writes another record.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub fn set_record(&mut self, record: Record, durably: bool) -> Result<()> {
        record.write(&self.path.join(RECORD), durably)?;
        self.record = record;
        Ok(())
    }

    /// Where the journal of the job of this number is.
    pub fn journal_path(&self, uuid: u128) -> PathBuf {
        self.path.join(format!("{uuid:032x}.{JOURNAL}"))
    }

    /// Where a journal's record of its id will be.
    pub fn id_path(&self, journal: &Path) -> PathBuf {
        journal.with_extension(ID)
    }

    /// The journals in it, in the order of their names.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub fn journals(&self) -> Result<Vec<PathBuf>> {
        self.files(JOURNAL)
    }

    /// The records of ids in it, in the order of their names.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub fn ids(&self) -> Result<Vec<PathBuf>> {
        self.files(ID)
    }

    fn files(&self, extension: &str) -> Result<Vec<PathBuf>> {
        let mut paths = match paths_in(&self.path) {
            // Its last job came to its end.
            Err(Error::NotFound { .. }) => return Ok(Vec::new()),
            other => other?,
        };
        paths.retain(|path| path.extension() == Some(OsStr::new(extension)));
        Ok(paths)
    }

    /// Removes the folder, in which no journal and no id is left.
    ///
    /// # Errors
    /// `Io`, `Permission`: also if somebody put something else into it.
    pub fn remove(&self) -> Result<()> {
        let failed = |error| Error::io("remove", &self.path, error);
        for path in paths_in(&self.path)? {
            let name = path.file_name().unwrap_or_default();
            if name == OsStr::new(RECORD) || is_unmade_record(&path) {
                std::fs::remove_file(&path).map_err(failed)?;
            }
        }
        std::fs::remove_dir(&self.path).map_err(failed)
    }

    /// Removes the folder `path` that somebody was just making when he was killed: it has no record, and holds at most
    /// what was to become one. Whatever else is there stays.
    pub fn remove_unmade(path: &Path) {
        let is_ours = FileStat::of_path(path).is_ok_and(|stat| stat.refuse_foreign().is_ok());
        let is_folder = std::fs::symlink_metadata(path).is_ok_and(|kind| kind.is_dir());
        let paths = paths_in(path).unwrap_or_default();
        if is_ours && is_folder && paths.iter().all(|path| is_unmade_record(path)) {
            // It is only litter.
            let _ = paths.iter().try_for_each(std::fs::remove_file);
            let _ = std::fs::remove_dir(path);
        }
    }

    /// The folders in `parent` that could be opened, whosever images they are for.
    ///
    /// # Errors
    /// `Io` if the folder cannot be read; `Permission`.
    pub fn all_in(parent: &Path) -> Result<Vec<Folder>> {
        let mut folders = Vec::new();
        for path in paths_in(parent)? {
            let name = path.file_name().unwrap_or_default();
            if name.as_bytes().ends_with(SUFFIX.as_bytes()) {
                // What is not ours, or no such folder, is none of our business here.
                folders.extend(Folder::open(&path).ok().flatten());
            }
        }
        Ok(folders)
    }
}

/// True for the name of what was about to be a record when its writer was killed.
fn is_unmade_record(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_bytes().starts_with(b".pagelight-")
}

fn is_absence(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
    )
}

fn paths_in(folder: &Path) -> Result<Vec<PathBuf>> {
    listing::paths_in(folder).map_err(|error| Error::io("read", folder, error))
}
