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
pub mod words;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::journal::header::{
    BOOT_AT, CURSOR_AT, HEADER_BYTES, Header, OWNER_AT, ROUND_AT, SLOT_DONE_AT, SLOT_OWNER_AT, SLOT_PIECE_AT, STATE_AT,
};
use crate::journal::protocol::{Memory, Word};
use crate::journal::words::{ChunkState, Intent};
use crate::map::{Access, MappedFile, PageIn, View};
use crate::os::disk;
use crate::os::identity::{self, Look};
use crate::os::lock::{self, Lock};
use crate::os::unnamed::UnnamedFile;

/// The byte whose lock the process holds that runs the job. Slot `s` has byte `SLOT_LOCKS_AT + s`.
const RUN_LOCK_AT: u64 = 1 << 40;
const SLOT_LOCKS_AT: u64 = RUN_LOCK_AT + 1;

/// Where a job as a whole stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Being worked on, or left by a process that died.
    Active,
    /// Stopped on request, with everything on the disk.
    Paused,
    /// All done; only the journal is still to be removed.
    Complete,
    /// The disk refused some of the image's bytes, and nobody knows which.
    SyncFailed,
}

const STATES: [State; 4] = [State::Active, State::Paused, State::Complete, State::SyncFailed];

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
            Err(error) => return Err(Error::io("open", path, error)),
        };
        let look = Look::at(&file).map_err(|error| Error::io("look at", path, error))?;
        if look.owner != identity::user() {
            return Err(refused(
                path,
                &format!(
                    "belongs to user {}; only that user can resume or abandon the job",
                    look.owner
                ),
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
        if file.len() < HEADER_BYTES as u64 {
            return Err(refused(path, &format!("has {} bytes: it was cut", file.len())));
        }
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
        let word = self.view.load_word(STATE_AT).checked_sub(1);
        let state = word.and_then(|word| STATES.get(usize::try_from(word).ok()?).copied());
        state.ok_or_else(|| refused(self.path(), "is damaged: its state makes no sense"))
    }

    /// Says where the job stands.
    pub fn set_state(&self, state: State) {
        let word = STATES
            .iter()
            .position(|&other| other == state)
            .map_or(0, |place| place as u64 + 1);
        self.view.store_word(STATE_AT, word);
    }

    /// Says that the job is worked on, during this start of the system.
    ///
    /// # Errors
    /// `Io` if the system does not say which start this is.
    pub fn activate(&self) -> Result<()> {
        // In this order: a paused job is resumable after any start, so a death in between does no harm.
        for (word, value) in this_boot()?.into_iter().enumerate() {
            self.view.store_word(BOOT_AT + 8 * word, value);
        }
        self.fence();
        self.set_state(State::Active);
        Ok(())
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
        let lock = self.lock(RUN_LOCK_AT)?;
        if lock.is_some() {
            self.view.store_word(OWNER_AT, u64::from(identity::process()));
        }
        Ok(lock)
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

    /// Counts `bytes` as done by the owner of slot `slot`.
    pub fn count_done(&self, slot: u32, bytes: u64) {
        self.view.add_to_word(self.header.slot_at(slot) + SLOT_DONE_AT, bytes);
    }

    /// Lets a round of work begin, on spans from the first on; the caller has the right to run the job. Whoever still
    /// takes part in a round before, as the orphans of a coordinator that was killed, is asked to stop.
    pub fn open_round(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        // Any number that no other round has, also none of a job that had this name before.
        let number = now.map_or(1, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX).max(1));
        self.view.store_word(CURSOR_AT, 0);
        self.join_round(number);
        self.view.store_word(ROUND_AT, number);
    }

    /// The number of the round that we take part in.
    pub fn round(&self) -> u64 {
        self.round.load(Ordering::Relaxed)
    }

    /// Takes part in the round of this number.
    pub fn join_round(&self, number: u64) {
        self.round.store(number, Ordering::Relaxed);
    }

    /// Asks all who take part in any round to stop after their chunks; the caller has the right to run the job. Whoever
    /// is not seen to hold a slot after this takes no chunk.
    pub fn close_round(&self) {
        self.view.store_word(ROUND_AT, 0);
        fence(Ordering::SeqCst);
    }

    /// Asks all who take part in our round to stop after their chunks.
    pub fn ask_to_stop(&self) {
        self.view.replace_word(ROUND_AT, self.round(), 0);
    }

    /// True once somebody asked, or our round is over.
    pub fn is_asked_to_stop(&self) -> bool {
        self.view.load_word(ROUND_AT) != self.round()
    }

    /// The next span to look for work in: each number from 0 on, once for all threads of all processes. It is only a
    /// hint: whose a chunk is, the chunk's word says.
    pub fn next_span(&self) -> u64 {
        self.view.add_to_word(CURSOR_AT, 1)
    }

    /// The threads that are alive, as the slots say.
    ///
    /// # Errors
    /// `Io`.
    pub fn crew(&self) -> Result<Vec<Hand>> {
        let mut crew = Vec::new();
        for slot in 0..self.header.slots {
            let byte = SLOT_LOCKS_AT + u64::from(slot);
            let held = lock::is_held(self.file.file(), byte..byte + 1);
            if held.map_err(|error| Error::io("look at", self.path(), error))? {
                let slot_at = self.header.slot_at(slot);
                let intent = Intent::from_word(self.load(Word::Intent(slot)));
                crew.push(Hand {
                    process: self.view.load_word(slot_at + SLOT_OWNER_AT),
                    done_bytes: self.view.load_word(slot_at + SLOT_DONE_AT),
                    chunk: match intent {
                        Some(Intent::Idle { chunk, .. } | Intent::Finished { chunk, .. }) => Some(chunk),
                        _ => None,
                    },
                });
            }
        }
        Ok(crew)
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
    pub fn is_named(&self) -> bool {
        let open = Look::at(self.file.file()).map(|look| look.identity);
        let named = std::fs::symlink_metadata(self.path());
        open.is_ok_and(|open| named.is_ok_and(|named| std::os::unix::fs::MetadataExt::ino(&named) == open.inode))
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

    /// How far the job is.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for chunk in 0..self.header.chunks() {
            if let Some(ChunkState::Done { clipped, .. }) = self.chunk(chunk) {
                let part = self.header.cut.chunk(u64::from(chunk)).part;
                tally.done_bytes += part.end - part.start;
                tally.clipped_samples += u64::from(clipped);
            }
        }
        tally
    }

    /// True if there is a chunk that anybody may take.
    pub fn has_free_chunks(&self) -> bool {
        (0..self.header.chunks()).any(|chunk| self.chunk(chunk) == Some(ChunkState::Free))
    }

    /// The state of chunk `chunk`, unless its word means nothing.
    pub fn chunk(&self, chunk: u32) -> Option<ChunkState> {
        ChunkState::from_word(self.load(Word::Chunk(chunk)))
    }

    fn word_at(&self, word: Word) -> usize {
        match word {
            Word::Chunk(chunk) => self.header.chunk_at(chunk),
            Word::Intent(slot) => self.header.slot_at(slot),
            Word::Checksum(slot) => self.header.slot_at(slot) + 8,
        }
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes of the window in chunks that are done.
    pub done_bytes: u64,
    /// Samples of those chunks that clipped.
    pub clipped_samples: u64,
}

/// A thread that works on a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hand {
    /// Its process.
    pub process: u64,
    /// Bytes of the window that it did.
    pub done_bytes: u64,
    /// The chunk that it has in hand.
    pub chunk: Option<u32>,
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

fn sync_folder(path: &Path) -> Result<()> {
    let folder: PathBuf = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let synced = File::open(&folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Error::io("write", &folder, error))
}
