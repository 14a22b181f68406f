//! How claims make, change and remove an image's journal folder and mark. All of it is done under the start lock.

use std::path::Path;

use super::{ImageJobs, PendingJob, Refusal, Request, record_of};
use crate::error::{Error, Result};
use crate::identity::{Folder, Mark, Record, Standing};
use crate::journal::{self, JobState, Journal};
use crate::map::{Access, MappedFile};
use crate::os::identity;

impl ImageJobs {
    /// Removes what jobs that came to their end left behind, and returns those that did not; under the start lock.
    pub(super) fn swept(&self, image: &MappedFile, folder: &mut Folder) -> Result<Vec<PendingJob>> {
        let pending = self.pending()?;
        for path in folder.journals()? {
            let Some((_, JobState::Complete)) = journal::peek(&path)? else {
                continue;
            };
            let Some(journal) = Journal::open(&path, Access::ReadWrite)? else {
                continue;
            };
            // Its process may still live, and then removes the journal itself.
            let Some(_lock) = journal.lock_run()? else {
                continue;
            };
            // After a power cut COMPLETE may be on the disk without the chunk words. So the two are compared within one
            // boot only; where the job was to wait for the disk, the image was flushed before COMPLETE was written.
            if journal.is_of_this_boot()? {
                journal.refuse_undone()?;
            }
            if !journal.header().token.is_empty() {
                self.note_unstamped_end(folder, &journal)?;
            }
            self.count_jobs(image, folder, Some(&path))?;
            if journal.header().token.is_empty() {
                journal.remove(false)?
            } else {
                journal.become_id(&folder.id_path(&path), false)?
            }
        }
        Ok(pending)
    }

    /// The folder to use; `None` if the image has none. A moved image without jobs gets mark and record anew, a copy
    /// loses its mark, and a folder elsewhere than the user says is refused.
    pub(super) fn claimable_folder(&self, image: &MappedFile, request: &Request<'_>) -> Result<Option<Folder>> {
        self.refuse_unknown()?;
        self.refuse_replaced()?;
        match self.standing() {
            Standing::Unmarked | Standing::Replaced(_) => Ok(None),
            Standing::Unmarkable(folder) => {
                self.refuse_unmarkable(request)?;
                Ok(folder.clone().filter(|_| !self.is_replaced()))
            }
            Standing::Moved(mark, folder) => {
                self.refuse_other_place(folder, request.folder)?;
                // With unfinished jobs this waits until one is resumed and compared with the image.
                if self.pending()?.is_empty() {
                    self.adopt(image, mark, folder).map(Some)
                } else {
                    Ok(Some(folder.clone()))
                }
            }
            Standing::Copy(_, folder) => {
                self.refuse_copied_token(folder, request.token)?;
                Mark::remove(image.file(), image.path())?;
                Ok(None)
            }
            Standing::Ours(_, folder) => {
                self.refuse_other_place(folder, request.folder)?;
                let mut folder = folder.clone();
                if folder.record.path != self.subject().resolved {
                    let record = Record {
                        path: self.subject().resolved.clone(),
                        ..folder.record.clone()
                    };
                    folder.set_record(record, false)?;
                }
                Ok(Some(folder))
            }
            Standing::Lost(_) | Standing::Stripped(_) | Standing::Unreadable(_) => unreachable!("refused above"),
        }
    }

    fn refuse_unmarkable(&self, request: &Request<'_>) -> Result<()> {
        let path = &self.subject().path;
        if request.folder.is_some() {
            return Err(Error::request(path, Refusal::NoFolderHere));
        }
        if !request.token.is_empty() {
            return Err(Error::request(path, Refusal::NoIdsHere));
        }
        match self.subject().stat.links {
            0 | 1 => Ok(()),
            links => Err(Error::unfit(
                path,
                format!(
                    "has {links} names (hard links) on a file system that keeps no attributes, and an unfinished job \
                     could be missed under another one; edit a copy, or remove the other names"
                ),
            )),
        }
    }

    fn refuse_other_place(&self, folder: &Folder, wanted: Option<&Path>) -> Result<()> {
        let Some(wanted) = wanted else {
            return Ok(());
        };
        let resolved = wanted
            .canonicalize()
            .map_err(|error| Error::io("find", wanted, error))?;
        let parent = folder.path.parent().unwrap_or(Path::new("/"));
        let place = parent
            .canonicalize()
            .map_err(|error| Error::io("find", parent, error))?;
        if resolved == place {
            return Ok(());
        }
        let why = Refusal::OtherFolder {
            folder: folder.path.clone(),
            wanted: wanted.to_owned(),
        };
        Err(Error::request(&self.subject().path, why))
    }

    /// Writes record and mark of a moved image anew, with a new image number, so that a copy with the old number finds
    /// no journals.
    pub(crate) fn adopt(&self, image: &MappedFile, mark: &Mark, folder: &Folder) -> Result<Folder> {
        let mut folder = folder.clone();
        let mut record = record_of(
            self,
            self.new_uuid()?,
            folder.record.generation,
            folder.record.left_nanoseconds,
        );
        if self.is_changed_by_others(&folder, &self.pending()?)? {
            record.generation += 1;
        }
        folder.set_record(record, true)?;
        let mark = Mark {
            uuid: folder.record.uuid,
            folder: folder.path.clone(),
            ..mark.clone()
        };
        mark.write(image.file(), image.path())?;
        Ok(folder)
    }

    fn new_uuid(&self) -> Result<u128> {
        identity::random().map_err(|error| Error::io("name", &self.subject().path, error))
    }

    /// Makes a folder for an image that has none. The mark is written first, so that a half-made folder of a killed
    /// process is found.
    pub(super) fn new_folder(&self, image: &MappedFile, wanted: Option<&Path>) -> Result<Folder> {
        self.remove_unmade(image)?;
        let uuid = self.new_uuid()?;
        let parent = match wanted {
            Some(wanted) => wanted
                .canonicalize()
                .map_err(|error| Error::io("find", wanted, error))?,
            None => self.subject().parent().to_owned(),
        };
        let name = self.subject().resolved.file_name().unwrap_or_default();
        let path = Folder::path_in(&parent, name, uuid);
        let mark = Mark {
            uuid,
            jobs: None,
            folder: path.clone(),
        };
        if !self.is_unmarkable() {
            mark.write(image.file(), image.path())?;
        }
        let made = Folder::create(&path, record_of(self, uuid, 0, 0));
        made.inspect_err(|_| {
            let _ = self.unmark(image);
        })
    }

    /// Removes an unmade folder, whose maker was killed, and the mark that leads to it.
    pub(super) fn remove_unmade(&self, image: &MappedFile) -> Result<()> {
        match &self.subject().unmade {
            None => Ok(()),
            Some(unmade) => {
                Folder::remove_unmade(unmade);
                self.unmark(image)
            }
        }
    }

    fn is_unmarkable(&self) -> bool {
        matches!(self.standing(), Standing::Unmarkable(_))
    }

    pub(super) fn unmark(&self, image: &MappedFile) -> Result<()> {
        if self.is_unmarkable() {
            Ok(())
        } else {
            Mark::remove(image.file(), image.path())
        }
    }

    /// Writes the number of journals in `folder` to the mark, without `going`, which is about to be removed or renamed.
    pub(super) fn count_jobs(&self, image: &MappedFile, folder: &Folder, going: Option<&Path>) -> Result<()> {
        if self.is_unmarkable() {
            return Ok(());
        }
        let journals = folder.journals()?;
        let jobs = journals.iter().filter(|path| Some(path.as_path()) != going).count();
        let is_id = |path: &Path| matches!(journal::peek(path), Ok(Some((header, _))) if !header.token.is_empty());
        let keeps_ids = !folder.ids()?.is_empty() || going.is_some_and(is_id);
        let mark = Mark {
            uuid: folder.record.uuid,
            jobs: (jobs > 0 || keeps_ids).then(|| u32::try_from(jobs).unwrap_or(u32::MAX)),
            folder: folder.path.clone(),
        };
        mark.write(image.file(), image.path())
    }

    /// Removes the folder and the mark if no job and no id is left.
    pub(super) fn remove_if_empty(&self, image: &MappedFile, folder: &Folder, durably: bool) -> Result<()> {
        if !folder.journals()?.is_empty() || !folder.ids()?.is_empty() {
            return Ok(());
        }
        folder.remove()?;
        self.unmark(image)?;
        if durably {
            journal::sync_folder(&folder.path)
        } else {
            Ok(())
        }
    }
}
