//! Claims: who may work on which window of an image. The journals beside the image say so.
//!
//! A run that begins takes the start lock on the image for a moment, compares its window with those of the journals
//! that are there, and publishes its own. Overlap with a job that is alive: busy. Overlap with one that nobody works
//! on: unfinished, and not to be edited over. Disjoint windows, also interleaved rectangles, work side by side.
//!
//! Journals are found by the image's resolved path and by its inode, both parts of their names:
//!
//! ```text
//! huge.raw.<path>-<inode>-<window>.pagelight             a job         (numbers in hexadecimal)
//! huge.raw.<path>-<inode>-<token>.pagelight-receipt      a job with a token, done
//! ```
//!
//! 1. An image has one name: with hard links its journals might not be found, so such an image is refused.
//! 2. The claim is what the journal says; it ends when the journal is removed, not when a process ends.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cut::Cut;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::journal::header::Header;
use crate::journal::{self, Journal, State};
use crate::map::MappedFile;
use crate::os::identity::{Identity, Look};
use crate::os::lock::Lock;
use crate::window::Window;

/// The byte of the image whose lock is held while a run begins; past the end of every file.
const START_LOCK_AT: u64 = 1 << 62;
const JOB_SUFFIX: &str = ".pagelight";
const RECEIPT_SUFFIX: &str = ".pagelight-receipt";
/// Of an image's name, in the names of its journals: what leaves room within the 255 bytes of a name.
const STEM_BYTES: usize = 180;

/// Where the journals of an image are.
#[derive(Debug)]
pub struct Place {
    image_path: PathBuf,
    folder: PathBuf,
    stem: OsString,
    path_mark: String,
    image: Identity,
    links: u32,
}

/// A journal that was found, and its job.
#[derive(Debug)]
pub struct Found {
    /// The journal, open.
    pub journal: Journal,
    /// What it is for.
    pub job: Job,
}

/// A claim: the right to work on a job.
#[derive(Debug)]
pub struct Claim {
    /// The job's journal.
    pub journal: Journal,
    /// The job.
    pub job: Job,
    /// Held as long as this process runs the job.
    pub(crate) _lock: Lock,
}

/// What came of asking for a claim.
#[derive(Debug)]
pub enum Asked {
    /// The job may begin.
    Granted(Box<Claim>),
    /// A job of this token is there, unfinished, and is to be resumed.
    Resumable(Box<Found>),
    /// The job of this token was done before.
    AlreadyDone,
}

impl Place {
    /// The place for the journals of `image`: beside it, or `folder`.
    ///
    /// # Errors
    /// `Io`.
    pub fn of(image: &MappedFile, folder: Option<&Path>) -> Result<Place> {
        let path = image.path();
        let look = Look::at(image.file()).map_err(|error| Error::io("look at", path, error))?;
        let resolved = path.canonicalize().map_err(|error| Error::io("find", path, error))?;
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => resolved.parent().map_or(PathBuf::from("/"), Path::to_owned),
        };
        let name = resolved.file_name().unwrap_or(OsStr::new("image")).as_bytes();
        Ok(Place {
            folder,
            stem: OsString::from_vec(name[..name.len().min(STEM_BYTES)].to_vec()),
            path_mark: format!("{:08x}", crc32fast::hash(resolved.as_os_str().as_bytes())),
            image: look.identity,
            links: look.links,
            image_path: path.to_owned(),
        })
    }

    /// Refuses an image that has several names.
    ///
    /// # Errors
    /// `Unfit`.
    pub fn refuse_links(&self) -> Result<()> {
        match self.links {
            0 | 1 => Ok(()),
            links => Err(Error::unfit(
                &self.image_path,
                format!(
                    "has {links} names (hard links), and an unfinished job could be missed under another one; edit a \
                     copy, or remove the other names"
                ),
            )),
        }
    }

    /// The jobs of the image that are not done, in the order of their names. Journals of jobs that are done, whose
    /// removal a death prevented, are removed.
    ///
    /// # Errors
    /// `Unfit` if something under a journal's name is no sound journal; `Io`.
    pub fn jobs(&self) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for path in self.paths(|name| self.is_of_image(name))? {
            let Some(journal) = Journal::open(&path)? else {
                continue;
            };
            // Done and removed between our opening it and now?
            if !journal.is_named()? {
                continue;
            }
            if journal.state()? == State::Complete && self.clean_up(&journal)? {
                continue;
            }
            let Some(job) = Job::from_bytes(&journal.header().job) else {
                return Err(Error::unfit(
                    &path,
                    "holds no job that makes sense; nothing was changed",
                ));
            };
            found.push(Found { journal, job });
        }
        Ok(found)
    }

    /// The paths of what lies in the folder under the names that are `wanted`, in order.
    fn paths(&self, wanted: impl Fn(&OsStr) -> bool) -> Result<Vec<PathBuf>> {
        let unreadable = |error| Error::io("read", &self.folder, error);
        let mut paths = Vec::new();
        for entry in self.folder.read_dir().map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            if wanted(&name) {
                paths.push(self.folder.join(name));
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// The receipt of the image's job of this token, whatever the image's name was then.
    fn receipt(&self, token: &[u8]) -> Result<Option<Header>> {
        let end = format!("-{:x}-{:08x}{RECEIPT_SUFFIX}", self.image.inode, crc32fast::hash(token));
        for path in self.paths(|name| name.as_bytes().ends_with(end.as_bytes()))? {
            let receipt = journal::read_receipt(&path)?;
            if let Some(receipt) = receipt.filter(|receipt| receipt.image == self.image && receipt.token == token) {
                return Ok(Some(receipt));
            }
        }
        Ok(None)
    }

    /// Removes the journal of a job that is done, unless the process that did it still lives and will. True if the
    /// journal is gone.
    fn clean_up(&self, journal: &Journal) -> Result<bool> {
        // Under the lock, because under this name another journal may soon be.
        let Some(_lock) = journal.lock_run()? else {
            return Ok(false);
        };
        if journal.is_named()? {
            // After a power cut the state may be on the disk and the chunks' words not; the image was there before both.
            if journal.is_of_this_boot()? {
                journal.refuse_undone()?;
            }
            self.end(journal, false)?;
        }
        Ok(true)
    }

    /// Ends a job that is done: its journal goes, or becomes the receipt.
    pub(crate) fn end(&self, journal: &Journal, durably: bool) -> Result<()> {
        let token = &journal.header().token;
        match token.is_empty() || !self.is_of_this_file(journal) {
            true => journal.remove(durably),
            false => journal.become_receipt(&self.receipt_path(token), durably),
        }
    }

    /// True if the journal belongs to the file that is the image now, not to another one of the same name.
    pub fn is_of_this_file(&self, journal: &Journal) -> bool {
        journal.header().image == self.image
    }

    /// Asks for the right to do `job`, cut as `cut`, on `slots` threads at most. The journal is not on the disk yet.
    ///
    /// # Errors
    /// `Unfit` if the image has hard links; `Busy` if a run that overlaps is alive; `Unfinished` if one that overlaps waits to be finished; `Request` if the
    /// token was used for another job; `Io`.
    pub fn claim(&self, image: &MappedFile, job: &Job, cut: Cut, slots: u32, token: &str) -> Result<Asked> {
        self.refuse_links()?;
        let locked = Lock::wait(image.file(), START_LOCK_AT);
        let _start_lock = locked.map_err(|error| Error::io("lock", image.path(), error))?;
        // Before the receipts, because a journal may become one.
        let jobs = self.jobs()?;
        if !token.is_empty()
            && let Some(receipt) = self.receipt(token.as_bytes())?
        {
            return self.same_job(&receipt, job, token).map(|()| Asked::AlreadyDone);
        }
        for found in jobs {
            let header = found.journal.header();
            if !token.is_empty() && header.token == token.as_bytes() {
                self.same_job(header, job, token)?;
                return Ok(Asked::Resumable(Box::new(found)));
            }
            if found.job.window.overlaps(&job.window) {
                return Err(self.in_the_way(&found)?);
            }
        }
        let begun = SystemTime::now().duration_since(UNIX_EPOCH);
        let header = Header {
            cut,
            slots,
            image: self.image,
            begun_seconds: begun.map_or(0, |since| since.as_secs()),
            job: job.to_bytes(),
            token: token.as_bytes().to_vec(),
        };
        let (journal, lock) = Journal::create(&self.job_path(&job.window), header)?;
        Ok(Asked::Granted(Box::new(Claim {
            journal,
            job: *job,
            _lock: lock,
        })))
    }

    /// Takes over a job that was found, unless somebody runs it.
    ///
    /// # Errors
    /// `Busy` if somebody does; `Io`.
    pub fn take_over(&self, found: Found) -> Result<Claim> {
        match found.journal.lock_run()? {
            // Another may have finished it just before we got the lock.
            Some(_) if !found.journal.is_named()? => Err(Error::Busy(format!(
                "{}: the job was ended by another process just now; look again",
                self.image_path.display()
            ))),
            Some(lock) => Ok(Claim {
                journal: found.journal,
                job: found.job,
                _lock: lock,
            }),
            None => Err(self.in_the_way(&found)?),
        }
    }

    fn same_job(&self, header: &Header, job: &Job, token: &str) -> Result<()> {
        if header.job == job.to_bytes() {
            return Ok(());
        }
        Err(Error::Request(format!(
            "{}: --id {token} was used for another job on this image; choose another word",
            self.image_path.display()
        )))
    }

    /// Why a job that was found is in the way.
    fn in_the_way(&self, found: &Found) -> Result<Error> {
        let path = self.image_path.display();
        let (op, window) = (found.job.op, found.job.window.describe(None));
        if found.journal.is_alive()? {
            let owner = found.journal.owner();
            return Ok(Error::Busy(format!(
                "{path}: process {owner} is at work there ({op}, {window}); wait for its end, or choose another window"
            )));
        }
        Ok(Error::Unfinished(format!(
            "{path}: an unfinished job is in the way ({op}, {window}); 'pagelight resume' finishes it, 'pagelight \
             abandon' gives it up"
        )))
    }

    fn is_of_image(&self, name: &OsStr) -> bool {
        let Some(rest) = name.as_bytes().strip_suffix(JOB_SUFFIX.as_bytes()) else {
            return false;
        };
        let Some(marks) = rest
            .rsplit(|&byte| byte == b'.')
            .next()
            .and_then(|marks| std::str::from_utf8(marks).ok())
        else {
            return false;
        };
        let marks: Vec<&str> = marks.split('-').collect();
        let inode = format!("{:x}", self.image.inode);
        matches!(marks[..], [path, of, _] if path == self.path_mark || of == inode)
    }

    fn job_path(&self, window: &Window) -> PathBuf {
        let numbers: Vec<u8> = window.to_numbers().into_iter().flat_map(u64::to_le_bytes).collect();
        self.path(crc32fast::hash(&numbers), JOB_SUFFIX)
    }

    /// Where the receipt of the job of this token is.
    fn receipt_path(&self, token: &[u8]) -> PathBuf {
        self.path(crc32fast::hash(token), RECEIPT_SUFFIX)
    }

    fn path(&self, mark: u32, suffix: &str) -> PathBuf {
        let mut name = self.stem.clone();
        name.push(format!(".{}-{:x}-{mark:08x}{suffix}", self.path_mark, self.image.inode));
        self.folder.join(name)
    }
}
