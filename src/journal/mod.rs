//! The journal of a job: a file that knows which chunks are done and holds the finished bytes of those in flight, so
//! that a killed job can be finished exactly.
//!
//! The journal protects bytes, whatever is done to them: it knows no operation. Every process of a job maps the file;
//! it is their common memory.
//!
//! * [`header`]: the bytes of the file. [`words`]: the words that change. [`protocol`]: in which order.
//! * [`check`]: whether what a dead process left is sound, before anything of it is used. `continuity`: whether the
//!   journal is still the one that the job left, and since when somebody else can have touched the image.
//!
//! 1. A journal appears under its name complete, with disk space behind every byte, and belongs to its user alone.
//! 2. A file that is not such a journal (a link, somebody else's, damaged, of another version) is refused, untouched.
//! 3. A thread holds the lock on its slot's byte while it works; whoever gets that lock knows it to be dead.
//! 4. A page of it that cannot be had is an error of whoever wanted it, never a signal.

pub mod check;
mod continuity;
pub mod header;
pub mod protocol;
mod reading;
mod state;
mod teamwork;
pub mod words;

pub use reading::{peek, read_id};
pub use state::JobState;
pub use teamwork::{SlotOwner, Totals};

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::digest::Key;
use crate::error::{Error, Result, Subject};
use crate::journal::header::{
    BOOT_AT, CHUNK_DIGEST_AT, HEADER_BYTES, JournalHeader, MOUNTS_AT, OWNER_AT, Offsets, SLOT_COUNT_AT, SLOT_COUNTS_AT,
    SLOT_DIGESTS_AT, SLOT_DONE_AT, SLOT_HINT_AT, SLOT_OWNER_AT, SLOT_REDO_BLOCK_AT, STATE_AT,
};
use crate::journal::protocol::{Memory, Word};
use crate::journal::words::{ChunkState, Codec, Count, SlotState};
use crate::map::{Access, MappedFile, Populate, View};
use crate::os::disk;
use crate::os::identity::{self, FileStat};
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
    header: JournalHeader,
    offsets: Offsets,
    codec: Codec,
    /// The epoch that whoever opened it takes part in.
    epoch: AtomicU64,
}

impl Journal {
    /// Makes the journal `path`, complete before it gets that name; the first bytes of the image may change once
    /// [`Journal::make_durable`] is through. What the header says of the journal file itself is put right. `mounts` are
    /// those through which the image and the journal are reached. Returns it with the right to run the job.
    ///
    /// # Errors
    /// `Exists` if there is a file of that name; `Io` if the disk is full, and then nothing is left.
    pub fn create(path: &Path, header: JournalHeader, mounts: [u64; 2]) -> Result<(Journal, Lock)> {
        header.limits().map_err(|why| Error::request(Subject::Nothing, why))?;
        let failed = |error| Error::io("create", path, error);
        let unnamed = UnnamedFile::create(path, 0o600).map_err(failed)?;
        disk::allocate(unnamed.file(), header.journal_bytes() as u64).map_err(failed)?;
        let itself = FileStat::of(unnamed.file()).map_err(failed)?.identity;
        let header = JournalHeader {
            journal: [itself.inode, itself.birth_nanoseconds],
            ..header
        };
        let file = unnamed.file().try_clone().map_err(failed)?;
        let journal = Journal::map(MappedFile::from_open(file, path, Access::ReadWrite)?, header)?;
        journal.fill()?;
        journal.make_writable()?;
        journal.activate(mounts)?;
        let lock = journal.lock_run()?;
        let lock = lock.ok_or_else(|| Error::busy(path, "somebody holds a new journal"))?;
        unnamed.publish().map_err(failed)?;
        Ok((journal, lock))
    }

    /// Writes what a fresh journal holds.
    fn fill(&self) -> Result<()> {
        let (header, codec) = (&self.header, &self.codec);
        self.view.copy_in(0, &header.encode())?;
        self.view.copy_in(HEADER_BYTES, &header.job)?;
        header.encode_blocks(|at, blocks| self.view.copy_in(at, blocks))?;
        for chunk in 0..header.chunks() {
            let (free, _) = codec.chunk(chunk, ChunkState::Free);
            self.store(Word::Chunk(chunk), free)?;
        }
        for slot in 0..header.slots {
            self.store(Word::SlotState(slot), codec.slot_state(slot, SlotState::Empty))?;
            self.store(Word::Hint(slot), codec.hint(slot, 0))?;
            let (chunks, last) = (0, None);
            self.store(Word::Count(slot), codec.count(slot, Count { chunks, last }))?;
            self.set_alive(slot, 0)?;
        }
        self.view
            .store_word(STATE_AT, codec.state(JobState::Active.to_number()))
    }

    /// Opens the journal `path`, to look at it or to work on it; `None` if it is gone.
    ///
    /// # Errors
    /// `Unfit` if it is a link, somebody else's, damaged or of another version; `Permission`, `Io`.
    pub fn open(path: &Path, access: Access) -> Result<Option<Journal>> {
        let Some(file) = reading::open_own(path, access)? else {
            return Ok(None);
        };
        let length = file
            .metadata()
            .map_err(|error| Error::io("look at", path, error))?
            .len();
        let header = reading::read_header(&file, path, length)?;
        let journal = Journal::map(MappedFile::from_open(file, path, access)?, header)?;
        journal.state()?;
        Ok(Some(journal))
    }

    fn map(file: MappedFile, header: JournalHeader) -> Result<Journal> {
        let view = file.view(0..file.len())?;
        // All of it now: a page that cannot be had is best known before anything depends on it. Only to be read: the
        // system takes a page that is populated for writing for a change of the file, and when that was last changed
        // is still to be looked at.
        view.populate(0..view.len(), Populate::Read)?;
        let epoch = AtomicU64::new(0);
        Ok(Journal {
            codec: Codec::new(header.seed()),
            offsets: header.offsets(),
            file,
            view,
            header,
            epoch,
        })
    }

    /// Populates all of it for writing, by somebody who has seen that it is sound.
    ///
    /// # Errors
    /// `Io` if there is no room for a page.
    pub fn make_writable(&self) -> Result<()> {
        // First, because it is the change that the system sees.
        self.beat(0)?;
        self.view.populate(0..self.view.len(), Populate::Write)
    }

    /// What never changes in it.
    pub fn header(&self) -> &JournalHeader {
        &self.header
    }

    /// The key of its digests.
    pub fn key(&self) -> Key {
        Key::new(self.header.seed())
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The open file.
    pub fn file(&self) -> &File {
        self.file.file()
    }

    /// The shared bytes.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Where the redo block of slot `slot` begins in [`Journal::view`].
    pub fn slot_redo_block_at(&self, slot: u32) -> usize {
        self.offsets.slot_at(slot) + SLOT_REDO_BLOCK_AT
    }

    /// Where the job stands.
    ///
    /// # Errors
    /// `Unfit` if the journal says nothing that makes sense.
    pub fn state(&self) -> Result<JobState> {
        let number = self.codec.read_state(self.view.load_word(STATE_AT)?);
        let state = number.and_then(JobState::from_number);
        state.ok_or_else(|| refused(self.path(), "is damaged: its state makes no sense"))
    }

    /// Says where the job stands, and returns true; but once the disk refused some of the image's bytes, that stays. A
    /// process that has no more right to the job may be the one to learn it, at any moment.
    ///
    /// # Errors
    /// `Io` if the journal's page cannot be had.
    pub fn set_state(&self, state: JobState) -> Result<bool> {
        let word_of = |state: JobState| self.codec.state(state.to_number());
        loop {
            let word = self.view.load_word(STATE_AT)?;
            if word == word_of(JobState::SyncFailed) {
                return Ok(false);
            }
            if self.view.replace_word(STATE_AT, word, word_of(state))? {
                return Ok(true);
            }
        }
    }

    /// Says that the job is worked on, by this process, during this start of the system, through these mounts of the
    /// image's and the journal's file systems; false as for [`Journal::set_state`].
    ///
    /// # Errors
    /// `Io` if the system does not say which start this is.
    pub fn activate(&self, mounts: [u64; 2]) -> Result<bool> {
        // In this order: a paused job is resumable after any start, so a death in between does no harm.
        for (at, values) in [(BOOT_AT, this_boot()?), (MOUNTS_AT, mounts)] {
            for (word, value) in values.into_iter().enumerate() {
                self.view.store_word(at + 8 * word, value)?;
            }
        }
        self.fence();
        self.sign()?;
        self.beat(0)?;
        self.set_state(JobState::Active)
    }

    /// Says that this process has the job in its hands.
    ///
    /// # Errors
    /// `Io` if the journal's page cannot be had.
    pub fn sign(&self) -> Result<()> {
        self.view.store_word(OWNER_AT, u64::from(identity::process()))
    }

    /// The process that runs the job, or was the last to.
    ///
    /// # Errors
    /// As for [`Journal::sign`].
    pub fn owner(&self) -> Result<u64> {
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
            let slot_at = self.offsets.slot_at(slot);
            self.view
                .store_word(slot_at + SLOT_OWNER_AT, u64::from(identity::process()))?;
            self.view.store_word(slot_at + SLOT_DONE_AT, 0)?;
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
        let open = FileStat::of(self.file.file()).map_err(failed)?.identity;
        match FileStat::of_path(self.path()) {
            Ok(named) => Ok(named.identity.inode == open.inode && named.identity.device == open.device),
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

    /// Removes the journal's name; with `durably`, waits until the disk knows. Not an error if it is gone.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub fn remove(&self, durably: bool) -> Result<()> {
        match std::fs::remove_file(self.path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", self.path(), error)),
            _ if durably => sync_folder(self.path()),
            _ => Ok(()),
        }
    }

    /// Turns the journal of a complete job into the record `path` of its id, which keeps the header, the job and its
    /// blocks only.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub fn become_id(&self, path: &Path, durably: bool) -> Result<()> {
        std::fs::rename(self.path(), path).map_err(|error| Error::io("rename", self.path(), error))?;
        // Not shortened: others may have it mapped, to look at it, and a page that is gone would be their end.
        let kept = self.offsets.chunk_at(0) as u64;
        disk::free_space(self.file.file(), kept..self.file.len());
        if durably { sync_folder(path) } else { Ok(()) }
    }

    fn word_at(&self, word: Word) -> usize {
        let offsets = &self.offsets;
        match word {
            Word::Chunk(chunk) => offsets.chunk_at(chunk),
            Word::Digest(chunk) => offsets.chunk_at(chunk) + CHUNK_DIGEST_AT,
            Word::SlotState(slot) => offsets.slot_at(slot),
            Word::Hint(slot) => offsets.slot_at(slot) + SLOT_HINT_AT,
            Word::PrefixDigest(slot, odd) => offsets.slot_at(slot) + SLOT_DIGESTS_AT + 8 * odd as usize,
            Word::PrefixCounts(slot, odd) => offsets.slot_at(slot) + SLOT_COUNTS_AT + 8 * odd as usize,
            Word::Count(slot) => offsets.slot_at(slot) + SLOT_COUNT_AT,
        }
    }
}

impl Memory for Journal {
    fn codec(&self) -> &Codec {
        &self.codec
    }

    fn load(&self, word: Word) -> Result<u64> {
        self.view.load_word(self.word_at(word))
    }

    fn store(&self, word: Word, value: u64) -> Result<()> {
        self.view.store_word(self.word_at(word), value)
    }

    fn replace(&self, word: Word, old: u64, new: u64) -> Result<bool> {
        self.view.replace_word(self.word_at(word), old, new)
    }

    fn fence(&self) {
        // Holds back later stores until earlier loads and stores are through. On x86-64 it costs nothing.
        fence(Ordering::AcqRel);
    }
}

fn this_boot() -> Result<[u64; 2]> {
    let boot = identity::boot().map_err(|error| Error::io("read", Subject::Thing("the system's boot id"), error))?;
    let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| boot[at + i]));
    Ok([half(0), half(8)])
}

fn refused(path: &Path, why: &str) -> Error {
    Error::unfit(
        path,
        format!("{why}; nothing was changed. If the job is given up, restore the image and remove this file"),
    )
}

/// Waits until the names in the folder of `path` are on the disk.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    let folder: PathBuf = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let synced = File::open(&folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Error::io("write", &folder, error))
}
