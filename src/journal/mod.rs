//! The journal of a job: a file beside the image that knows which chunks are done and holds the finished bytes of
//! those in flight, so that a killed job can be finished exactly.
//!
//! The journal protects bytes, whatever is done to them: it knows no operation. Every process of a job maps the file;
//! it is their common memory.
//!
//! * [`header`]: the bytes of the file. [`words`]: the words that change. [`protocol`]: in which order.
//! * [`check`]: whether what a dead process left is sound, before anything of it is used.
//!
//! 1. A journal appears under its name complete, with disk space behind every byte, and belongs to its user alone.
//! 2. A file that is not such a journal (a link, somebody else's, damaged, of another version) is refused, untouched.
//! 3. A thread holds the lock on its slot's byte while it works; whoever gets that lock knows it to be dead.

pub mod check;
pub mod header;
pub mod protocol;
mod state;
mod teamwork;
pub mod words;

pub use state::State;
pub use teamwork::{Hand, Tally};

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::error::{Error, Result};
use crate::journal::header::{
    BOOT_AT, HEADER_BYTES, Header, OWNER_AT, SLOT_DONE_AT, SLOT_OWNER_AT, SLOT_PIECE_AT, STATE_AT,
};
use crate::journal::protocol::{Memory, Word};
use crate::map::{Access, MappedFile, PageIn, View};
use crate::os::disk;
use crate::os::identity::{self, Look};
use crate::os::lock::{self, Lock};
use crate::os::unnamed::UnnamedFile;

/// The byte whose lock the process holds that runs the job. Slot `s` has byte `SLOT_LOCKS_AT + s`.
const RUN_LOCK_AT: u64 = 1 << 40;
const SLOT_LOCKS_AT: u64 = RUN_LOCK_AT + 1;

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    file: MappedFile,
    view: View,
    header: Header,
    /// The round of work that whoever opened it takes part in.
    round: AtomicU64,
}

impl Journal {
    /// Makes the journal `path`, complete before it gets that name; the first bytes of the image may change once
    /// [`Journal::make_durable`] is through. Returns it with the right to run the job.
    ///
    /// # Errors
    /// `Exists` if there is a file of that name; `Io` if the disk is full, and then nothing is left.
    pub fn create(path: &Path, header: Header) -> Result<(Journal, Lock)> {
        header.limits().map_err(Error::Request)?;
        let failed = |error| Error::io("create", path, error);
        let unnamed = UnnamedFile::create(path, 0o600).map_err(failed)?;
        disk::allocate(unnamed.file(), header.journal_bytes() as u64).map_err(failed)?;
        let file = unnamed.file().try_clone().map_err(failed)?;
        let journal = Journal::map(MappedFile::from_open(file, path, Access::ReadWrite)?, header)?;
        journal.view.copy_in(0, &journal.header.encode())?;
        journal.activate()?;
        let lock = journal.lock_run()?;
        let lock = lock.ok_or_else(|| Error::Busy(format!("{}: somebody holds a new journal", path.display())))?;
        unnamed.publish().map_err(failed)?;
        Ok((journal, lock))
    }

    /// Opens the journal `path`; `None` if it is gone.
    ///
    /// # Errors
    /// `Unfit` if it is a link, somebody else's, damaged or of another version; `Permission`, `Io`.
    pub fn open(path: &Path) -> Result<Option<Journal>> {
        let file = match identity::open_no_link(path) {
            Ok(Some(file)) => file,
            Ok(None) => return Err(refused(path, "is a link, and a journal never is one")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => match std::fs::symlink_metadata(path).map(|named| MetadataExt::uid(&named)) {
                Ok(owner) if owner != identity::user() => return Err(refused(path, &foreign(owner))),
                _ => return Err(Error::io("open", path, error)),
            },
        };
        let look = Look::at(&file).map_err(|error| Error::io("look at", path, error))?;
        if look.owner != identity::user() {
            return Err(refused(path, &foreign(look.owner)));
        }
        // Removed since we found its name: the job came to its end.
        if look.links == 0 {
            return Ok(None);
        }
        if look.identity.bytes < HEADER_BYTES as u64 {
            return Err(refused(
                path,
                &format!("has {} bytes: it is no journal, or was cut", look.identity.bytes),
            ));
        }
        // Removed since we found its name: the job came to its end.
        if look.links == 0 {
            return Ok(None);
        }
        if look.links != 1 || look.writable_by_others {
            return Err(refused(
                path,
                "has other names or may be written by others, so anybody may have made it",
            ));
        }
        let file = MappedFile::from_open(file, path, Access::ReadWrite)?;
        let mut page = [0; HEADER_BYTES];
        file.view(0..HEADER_BYTES as u64)?.copy_out(0, &mut page)?;
        let header = Header::decode(&page, file.len()).map_err(|why| refused(path, &why))?;
        let journal = Journal::map(file, header)?;
        journal.state()?;
        Ok(Some(journal))
    }

    fn map(file: MappedFile, header: Header) -> Result<Journal> {
        let view = file.view(0..file.len())?;
        // All of it now: a page that cannot be had is an error here and would be a signal later.
        view.page_in(0..view.len(), PageIn::Write)?;
        let round = AtomicU64::new(0);
        Ok(Journal {
            file,
            view,
            header,
            round,
        })
    }

    /// What never changes in it.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The shared bytes.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Where the piece of slot `slot` begins in [`Journal::view`].
    pub fn slot_piece_at(&self, slot: u32) -> usize {
        self.header.slot_at(slot) + SLOT_PIECE_AT
    }

    /// Where the job stands.
    ///
    /// # Errors
    /// `Unfit` if the journal says nothing that makes sense.
    pub fn state(&self) -> Result<State> {
        let state = State::from_word(self.view.load_word(STATE_AT));
        state.ok_or_else(|| refused(self.path(), "is damaged: its state makes no sense"))
    }

    /// Says where the job stands, and returns true; but once the disk refused some of the image's bytes, that stays. A
    /// process that has no more right to the job may be the one to learn it, at any moment.
    pub fn set_state(&self, state: State) -> bool {
        loop {
            let word = self.view.load_word(STATE_AT);
            if word == State::SyncFailed.to_word() {
                return false;
            }
            if self.view.replace_word(STATE_AT, word, state.to_word()) {
                return true;
            }
        }
    }

    /// Says that the job is worked on, by this process, during this start of the system; false as for
    /// [`Journal::set_state`].
    ///
    /// # Errors
    /// `Io` if the system does not say which start this is.
    pub fn activate(&self) -> Result<bool> {
        // In this order: a paused job is resumable after any start, so a death in between does no harm.
        for (word, value) in this_boot()?.into_iter().enumerate() {
            self.view.store_word(BOOT_AT + 8 * word, value);
        }
        self.fence();
        self.sign();
        Ok(self.set_state(State::Active))
    }

    /// Says that this process has the job in its hands.
    pub fn sign(&self) {
        self.view.store_word(OWNER_AT, u64::from(identity::process()));
    }

    /// True if the system was not started anew since the job was begun or resumed.
    ///
    /// # Errors
    /// `Io` if the system does not say which start this is.
    pub fn is_of_this_boot(&self) -> Result<bool> {
        Ok(this_boot()? == [BOOT_AT, BOOT_AT + 8].map(|at| self.view.load_word(at)))
    }

    /// The process that runs the job, or was the last to.
    pub fn owner(&self) -> u64 {
        self.view.load_word(OWNER_AT)
    }

    /// Takes the right to run the job; `None` if a process that lives has it.
    ///
    /// # Errors
    /// `Io`.
    pub fn lock_run(&self) -> Result<Option<Lock>> {
        self.lock(RUN_LOCK_AT)
    }

    /// Takes slot `slot` for a thread; `None` if a thread that lives has it.
    ///
    /// # Errors
    /// `Io`.
    pub fn lock_slot(&self, slot: u32) -> Result<Option<Lock>> {
        let lock = self.lock(SLOT_LOCKS_AT + u64::from(slot))?;
        if lock.is_some() {
            let slot_at = self.header.slot_at(slot);
            self.view
                .store_word(slot_at + SLOT_OWNER_AT, u64::from(identity::process()));
            self.view.store_word(slot_at + SLOT_DONE_AT, 0);
        }
        Ok(lock)
    }

    fn lock(&self, byte: u64) -> Result<Option<Lock>> {
        Lock::try_new(self.file.file(), byte).map_err(|error| Error::io("lock", self.path(), error))
    }

    /// True if any process works on the job.
    ///
    /// # Errors
    /// `Io`.
    pub fn is_alive(&self) -> Result<bool> {
        let all = RUN_LOCK_AT..SLOT_LOCKS_AT + u64::from(self.header.slots);
        lock::is_held(self.file.file(), all).map_err(|error| Error::io("look at", self.path(), error))
    }

    /// True if the journal's name still leads to this file.
    ///
    /// # Errors
    /// `Io`; a journal that cannot be looked at is not one that is gone.
    pub fn is_named(&self) -> Result<bool> {
        let failed = |error| Error::io("look at", self.path(), error);
        let open = Look::at(self.file.file()).map_err(failed)?.identity;
        match std::fs::symlink_metadata(self.path()) {
            Ok(named) => Ok(MetadataExt::ino(&named) == open.inode),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Waits until all of the journal is on the disk.
    ///
    /// # Errors
    /// `Io`; not to be tried again.
    pub fn sync(&self) -> Result<()> {
        self.file.sync()
    }

    /// Waits until the journal and its name are on the disk.
    ///
    /// # Errors
    /// `Io`; not to be tried again.
    pub fn make_durable(&self) -> Result<()> {
        self.sync()?;
        sync_folder(self.path())
    }

    /// Removes the journal's name; with `durably`, waits until the disk knows.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub fn remove(&self, durably: bool) -> Result<()> {
        std::fs::remove_file(self.path()).map_err(|error| Error::io("remove", self.path(), error))?;
        if durably { sync_folder(self.path()) } else { Ok(()) }
    }

    /// Turns the journal of a complete job into the receipt `path`, which keeps the header only.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub fn become_receipt(&self, path: &Path, durably: bool) -> Result<()> {
        std::fs::rename(self.path(), path).map_err(|error| Error::io("rename", self.path(), error))?;
        // Not shortened: others may have it mapped, to look at it, and a page that is gone would be their death.
        disk::free_space(self.file.file(), HEADER_BYTES as u64..self.file.len());
        if durably { sync_folder(path) } else { Ok(()) }
    }

    fn word_at(&self, word: Word) -> usize {
        match word {
            Word::Chunk(chunk) => self.header.chunk_at(chunk),
            Word::Intent(slot) => self.header.slot_at(slot),
            Word::Checksum(slot) => self.header.slot_at(slot) + 8,
        }
    }
}

impl Memory for Journal {
    fn load(&self, word: Word) -> u64 {
        self.view.load_word(self.word_at(word))
    }

    fn store(&self, word: Word, value: u64) {
        self.view.store_word(self.word_at(word), value);
    }

    fn replace(&self, word: Word, old: u64, new: u64) -> bool {
        self.view.replace_word(self.word_at(word), old, new)
    }

    fn fence(&self) {
        // Holds back later stores until earlier loads and stores are through. On x86-64 it costs nothing.
        fence(Ordering::AcqRel);
    }
}

/// Reads the header of a receipt; `None` if there is no such file.
///
/// # Errors
/// `Unfit` if it is no receipt.
pub fn read_receipt(path: &Path) -> Result<Option<Header>> {
    let mut page = [0; HEADER_BYTES];
    let read = File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut page));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| Error::io("read", path, error))?,
    }
    // The journal's length is in its header; the receipt has only that page left.
    let journal_bytes = u64::from_le_bytes(std::array::from_fn(|i| page[24 + i]));
    Header::decode(&page, journal_bytes)
        .map(Some)
        .map_err(|why| refused(path, &why))
}

fn this_boot() -> Result<[u64; 2]> {
    let boot = identity::boot().map_err(|error| Error::io("read", Path::new("the system's boot id"), error))?;
    let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| boot[at + i]));
    Ok([half(0), half(8)])
}

fn refused(path: &Path, why: &str) -> Error {
    Error::unfit(
        path,
        format!("{why}; nothing was changed. If the job is given up, restore the image and remove this file"),
    )
}

fn foreign(owner: u32) -> String {
    format!("belongs to user {owner}; only that user can resume or abandon the job")
}

fn sync_folder(path: &Path) -> Result<()> {
    let folder: PathBuf = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let synced = File::open(&folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Error::io("write", &folder, error))
}
