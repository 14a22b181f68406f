//! Which file an image is, whatever it is called now, and where the journals of its jobs are.
//!
//! An image with jobs carries a [`Mark`], an attribute that follows it through renames, other paths to it and hard
//! links. The mark leads to the [`Folder`] of the image's journals, and the folder has a [`Record`] of its image. Mark
//! and record must agree; where they do not, the file is a copy of the image, or the image was moved to another file
//! system.
//!
//! | what happened to the image | mark | record | standing |
//! |---|---|---|---|
//! | renamed, linked, reached through another mount, copied over | stays | fits | [`Standing::Ours`] |
//! | moved to another file system, alone or with the folder | comes along | another inode; the first file is gone | [`Standing::Moved`] |
//! | copied with its attributes, a snapshot of its disk | comes along | another inode or device; the first file is there | [`Standing::Copy`] |
//! | replaced by a new file, without a job | is gone | another inode | [`Standing::Unmarked`] |
//! | replaced by a new file, with a job | is gone | another inode, the same path | [`Standing::Replaced`] |
//! | the folder was removed | stays | is gone | [`Standing::Lost`] |
//! | its attributes were stripped | is gone | fits | [`Standing::Stripped`] |
//!
//! Where the file system keeps no attributes, an image is known by its name or its inode, in its own folder only:
//! [`Standing::Unmarkable`].

mod folder;
mod mark;
mod record;

use std::path::{Path, PathBuf};

pub use self::folder::{Folder, NotToBeTrusted};
pub use self::mark::{Mark, Marking};
pub use self::record::Record;

use crate::error::{Error, Result};
use crate::map::MappedFile;
use crate::os::identity::{self, FileStat};
use crate::os::listing;

/// What is known of an image and its jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No job is known.
    Unmarked,
    /// The file system keeps no marks. The folder, if there is one, is beside the image, and its record has the image's
    /// inode or name.
    Unmarkable(Option<Folder>),
    /// Mark and record agree: the image, with its folder.
    Ours(Mark, Folder),
    /// The file that the record is of is gone, and this file has its mark: the image was moved.
    Moved(Mark, Folder),
    /// A copy of an image that is still there.
    Copy(Mark, Folder),
    /// An unmarked file in the place of an image with jobs: a copy of that image, a backup, or any other picture. Only
    /// the user knows.
    Replaced(Folder),
    /// The folder that the mark leads to is gone.
    Lost(Mark),
    /// The folder knows this very file, which carries no mark any more.
    Stripped(Folder),
    /// The file carries a mark that cannot be read; the text says why.
    Unreadable(String),
}

/// An open image file, and what tells which image it is.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The path under which the image was opened.
    pub path: PathBuf,
    /// The image's path now, without links.
    pub resolved: PathBuf,
    /// What the system says of the file.
    pub stat: FileStat,
    /// What is known of the image's jobs.
    pub standing: Standing,
    /// An *unmade* folder: the mark leads to it, but its maker was killed before it had a record.
    pub unmade: Option<PathBuf>,
    /// The user's folder for journals, if they are not beside the image.
    elsewhere: Option<PathBuf>,
}

impl Subject {
    /// Looks at an open image; changes nothing. The image's folder may also be in `elsewhere`, the user's folder for
    /// journals.
    ///
    /// # Errors
    /// `Unfit` if a folder is there that is not to be trusted; `Io`, `Permission`.
    pub fn of(image: &MappedFile, elsewhere: Option<&Path>) -> Result<Subject> {
        let path = image.path();
        let resolved = identity::path_of(image.file()).map_err(|error| Error::io("find", path, error))?;
        let stat = FileStat::of(image.file()).map_err(|error| Error::io("look at", path, error))?;
        let mut subject = Subject {
            path: path.to_owned(),
            resolved,
            stat,
            standing: Standing::Unmarked,
            unmade: None,
            elsewhere: elsewhere.map(Path::to_owned),
        };
        subject.standing = match Mark::read(image.file(), path)? {
            Marking::Unsupported => Standing::Unmarkable(subject.folder_by_inode_or_name()?),
            Marking::Unmarked => subject.standing_unmarked()?,
            Marking::Marked(mark) => subject.standing_of(mark)?,
            Marking::Unreadable(why) => Standing::Unreadable(why),
        };
        Ok(subject)
    }

    /// The folder in which the image is.
    pub fn parent(&self) -> &Path {
        self.resolved.parent().unwrap_or(Path::new("/"))
    }

    fn standing_of(&mut self, mark: Mark) -> Result<Standing> {
        let name = mark.folder.file_name().unwrap_or_default();
        // Beside the image first: image and folder may have been moved together, or be in a snapshot.
        let beside = self.parent().join(name);
        let elsewhere = self.elsewhere.as_ref().map(|folder| folder.join(name));
        let absolute = Some(mark.folder.clone()).filter(|folder| folder.is_absolute());
        let mut trouble = None;
        for path in [Some(beside), elsewhere, absolute].into_iter().flatten() {
            let folder = match Folder::open(&path) {
                Ok(Some(folder)) => folder,
                Ok(None) => continue,
                Err(error) => {
                    trouble = Some(error);
                    continue;
                }
            };
            // After a move to another file system first the record and then the mark gets a new number; a kill may come
            // between the two.
            if folder.record.uuid == mark.uuid || folder.record.is_of(&self.stat.identity) {
                return Ok(match self.first_file(&folder.record) {
                    First::This => Standing::Ours(mark, folder),
                    First::Gone => Standing::Moved(mark, folder),
                    First::Elsewhere => Standing::Copy(mark, folder),
                });
            }
        }
        match trouble {
            Some(error) => Err(error),
            None if mark.jobs.is_none() => {
                let is_its_name = Folder::has_number(&mark.folder, mark.uuid);
                self.unmade = Some(mark.folder).filter(|folder| is_its_name && folder.is_absolute());
                self.standing_unmarked()
            }
            None => Ok(Standing::Lost(mark)),
        }
    }

    /// What has become of the file that a record is of.
    fn first_file(&self, record: &Record) -> First {
        let first = FileStat::of_path(&record.path).ok().map(|stat| stat.identity);
        let first = first.filter(|first| record.is_of(first));
        match (record.is_of(&self.stat.identity), first) {
            // A snapshot has the same inodes on another device.
            (true, Some(first)) if first.device != self.stat.identity.device => First::Elsewhere,
            (true, _) => First::This,
            (false, Some(_)) => First::Elsewhere,
            (false, None) => First::Gone,
        }
    }

    /// The standing of a file without a mark, by the folders in reach.
    fn standing_unmarked(&self) -> Result<Standing> {
        let mut standing = Standing::Unmarked;
        for folder in self.folders_in_reach()? {
            let has_jobs = !folder.journals()?.is_empty();
            if folder.record.is_of(&self.stat.identity) && (has_jobs || !folder.ids()?.is_empty()) {
                return Ok(Standing::Stripped(folder));
            }
            if folder.record.path == self.resolved && has_jobs {
                standing = Standing::Replaced(folder);
            }
        }
        Ok(standing)
    }

    fn folder_by_inode_or_name(&self) -> Result<Option<Folder>> {
        let mut folders = Subject::folders_in(self.parent())?;
        let by_inode = |folder: &Folder| folder.record.is_of(&self.stat.identity);
        let by_name = |folder: &Folder| folder.record.path.file_name() == self.resolved.file_name();
        let place = folders
            .iter()
            .position(by_inode)
            .or_else(|| folders.iter().position(by_name));
        Ok(place.map(|place| folders.swap_remove(place)))
    }

    /// All journal folders beside the image and in the user's folder for journals, also those of other images.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn folders_in_reach(&self) -> Result<Vec<Folder>> {
        let mut folders = Subject::folders_in(self.parent())?;
        if let Some(elsewhere) = &self.elsewhere {
            folders.extend(Subject::folders_in(elsewhere)?);
        }
        Ok(folders)
    }

    fn folders_in(parent: &Path) -> Result<Vec<Folder>> {
        match Folder::all_in(parent) {
            // A user who may not list `parent` has made no folder in it; in a `parent` that is not there nobody has.
            Err(Error::Permission { .. } | Error::NotFound { .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    /// True if the file that `record` is of is in the same folder as the image, under whatever name.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn is_beside(&self, record: &Record) -> Result<bool> {
        let paths = listing::paths_in(self.parent()).map_err(|error| Error::io("read", self.parent(), error))?;
        let is_it = |path: &PathBuf| FileStat::of_path(path).is_ok_and(|stat| record.is_of(&stat.identity));
        Ok(paths.iter().any(is_it))
    }

    /// True if the mounts of these numbers, through which the image and the journals in `folder` were once reached, are
    /// still there: then no unmounting has lost what was in the page cache. A mount that is not known (0) counts as
    /// still there.
    pub fn are_still_mounted(&self, [image, journals]: [u64; 2], folder: &Folder) -> bool {
        // An image that was moved to another file system was reached through the first one before.
        let is_moved = matches!(self.standing, Standing::Moved(..) | Standing::Replaced(_));
        let is_there = |mount: u64, now: &FileStat| {
            // The old mount is there, and the file is now reached through another mount of the same file system.
            let is_other =
                || identity::device_of_mount(mount).is_some_and(|device| is_moved || device == now.identity.device);
            mount == 0 || mount == now.mount || is_other()
        };
        let folder = FileStat::of_path(&folder.path);
        is_there(image, &self.stat) && folder.is_ok_and(|folder| is_there(journals, &folder))
    }
}

/// Where the file that a record is of is now.
enum First {
    This,
    Gone,
    Elsewhere,
}
