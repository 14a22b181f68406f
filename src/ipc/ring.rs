//! A stream of bytes from one process to another, through a ring in shared memory.
//!
//! | bytes | what | who writes it |
//! |---|---|---|
//! | 64..72 | twice the bytes written so far, and 1 if the writer has ended the stream; readers sleep on it | the writer |
//! | 72..80 | how many writers there have been | the writer |
//! | 128..136 | the bytes read so far; writers sleep on it | the reader |
//! | 4096.. | byte `n` of the stream lies at `n` modulo the capacity | the writer |
//!
//! 1. There is one writer and one reader at a time. Each has a lock on one byte of the file, which ends with its
//!    process.
//! 2. Bytes are copied first and counted afterwards. A writer that is killed in between has not written them, a reader
//!    has not read them: the next reader gets them (again).
//! 3. Whoever counts wakes the other. If it is killed before it wakes, the other looks by itself, twice a second.
//! 4. A stream whose writer died without ending it is an error for the reader, once everything was read. A writer whose
//!    reader died waits for the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::LOOK_AGAIN;
use super::failpoint::{self, Failpoint};
use super::header::{Kind, PAGE_BYTES, Persistence};
use super::name::Name;
use super::object::Object;
use crate::error::{Error, Result};
use crate::map::{Access, View};
use crate::os::{fork, range_lock};

const WRITTEN_AT: usize = 64;
const WRITERS_AT: usize = 72;
const READ_AT: usize = 128;

/// The bytes of the file whose locks the two ends have.
pub(super) const WRITER: u8 = 0;
pub(super) const READER: u8 = 1;

/// A ring that other processes find by its name. To use it, become one of its ends.
///
/// .NET has nothing like it between unrelated processes; a named pipe is what comes nearest.
///
/// ```
/// # use pagelight::ipc::{Namespace, Persistence};
/// use std::io::{Read, Write};
/// use pagelight::ipc::ByteRing;
/// # let folder = tempfile::tempdir()?;
/// # let names = Namespace::at(&folder.path().join("live"), &folder.path().join("kept"));
/// # let name = names.name("talk")?;
/// let mut writer = ByteRing::create_or_open(&name, 65_536, Persistence::Process)?.into_writer()?;
/// writer.write_all(b"hello")?;
///
/// // Another process:
/// let mut reader = ByteRing::open(&name)?.into_reader()?;
/// # drop(writer);
/// let mut said = String::new();
/// reader.read_to_string(&mut said)?; // until the writer is dropped
/// assert_eq!(said, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ByteRing {
    words: View,
    bytes: View,
    object: Arc<Object>,
    created: bool,
}

/// How the stream stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// Bytes that were written so far, since the ring was made.
    pub(super) written: u64,
    /// Bytes that were read so far.
    pub(super) read: u64,
    /// True if the writer has ended the stream.
    pub(super) ended: bool,
}

impl ByteRing {
    /// Makes an empty ring that holds up to `capacity` bytes that were written and not yet read.
    ///
    /// # Errors
    /// `Request` if `capacity` is 0; `Exists` if the name means something already, of whatever kind; `Io` if there is
    /// not that much memory.
    pub fn create_new(name: &Name, capacity: u64, persistence: Persistence) -> Result<ByteRing> {
        if capacity == 0 {
            return Err(Error::request(
                name.subject(),
                "a ring needs room for at least one byte",
            ));
        }
        let (object, ()) = Object::create(name, Kind::Ring, persistence, capacity, |_| Ok(()))?;
        ByteRing::new(object, true)
    }

    /// Opens the ring of that name, or makes it. Where it exists, `capacity` and `persistence` do not count.
    ///
    /// # Errors
    /// As for [`ByteRing::open`] and [`ByteRing::create_new`], but neither `NoObject` nor `Exists`.
    pub fn create_or_open(name: &Name, capacity: u64, persistence: Persistence) -> Result<ByteRing> {
        super::create_or_open(
            name,
            || ByteRing::open(name),
            || ByteRing::create_new(name, capacity, persistence),
        )
    }

    /// Opens the ring of that name.
    ///
    /// # Errors
    /// `NoObject` if there is none, or all its users are gone; `Unfit` if the name means another kind of object or a
    /// foreign file.
    pub fn open(name: &Name) -> Result<ByteRing> {
        ByteRing::new(Object::open(name, Kind::Ring, |_| Ok(()))?, false)
    }

    fn new(object: Object, created: bool) -> Result<ByteRing> {
        let object = Arc::new(object);
        let map = object.mapped(Access::ReadWrite).keeping(Arc::<Object>::clone(&object));
        Ok(ByteRing {
            words: map.view(..PAGE_BYTES)?,
            bytes: map.view(PAGE_BYTES..)?,
            object,
            created,
        })
    }

    /// Bytes that it holds, whoever made it.
    pub fn capacity(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        self.object.name()
    }

    /// True if this call made it, false if it was there before.
    pub fn was_created(&self) -> bool {
        self.created
    }

    pub(super) fn become_end(&self, end: u8, does: &str) -> Result<()> {
        match range_lock::try_lock(self.object.file(), end) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.name().busy(&format!("another {does}; wait until it has ended"))),
            Err(error) => Err(Error::io("lock", self.name().subject(), error)),
        }
    }

    /// Counts another writer, and takes back the end of the stream, if it had one.
    pub(super) fn begin_stream(&self) -> Result<()> {
        self.words.add_to_word(WRITERS_AT, 1)?;
        let written = self.words.load_word(WRITTEN_AT)?;
        self.words.store_word(WRITTEN_AT, written & !1)
    }

    /// How the stream stands, or why it cannot be as the words say.
    pub(super) fn position(&self) -> Result<Position> {
        let read = self.words.load_word(READ_AT)?;
        let word = self.words.load_word(WRITTEN_AT)?;
        let (written, ended) = (word >> 1, word & 1 == 1);
        match written.checked_sub(read) {
            Some(unread) if unread <= self.capacity() => Ok(Position { written, read, ended }),
            _ => {
                let what = format!("is damaged: {read} bytes were read of {written}; remove it and make it anew");
                Err(Error::unfit(self.name().subject(), what))
            }
        }
    }

    /// Copies bytes of the stream, from `from` on, in at most two pieces; `copy` gets a place in the view, and which
    /// bytes of the caller's are meant.
    pub(super) fn pieces(
        &self,
        from: u64,
        length: usize,
        mut copy: impl FnMut(&View, usize, std::ops::Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let at = usize::try_from(from % self.capacity()).expect("less than the length of a view");
        let first = length.min(self.bytes.len() - at);
        copy(&self.bytes, at, 0..first)?;
        copy(&self.bytes, 0, first..length)
    }

    /// Counts what was written, and wakes the reader. `ended` ends the stream.
    pub(super) fn set_written(&self, written: u64, ended: bool) -> Result<()> {
        failpoint::reached(Failpoint::RingWritten);
        self.words.store_word(WRITTEN_AT, written << 1 | u64::from(ended))?;
        failpoint::reached(Failpoint::RingCounted);
        self.words.wake_word(WRITTEN_AT)
    }

    /// Counts what was read, and wakes the writer.
    pub(super) fn set_read(&self, read: u64) -> Result<()> {
        failpoint::reached(Failpoint::RingRead);
        self.words.store_word(READ_AT, read)?;
        failpoint::reached(Failpoint::RingCounted);
        self.words.wake_word(READ_AT)
    }

    /// Sleeps until more was written than `seen` says, or the stream was ended, or it is time to look.
    pub(super) fn wait_for_writer(&self, seen: Position, deadline: Deadline) -> Result<()> {
        let word = seen.written << 1 | u64::from(seen.ended);
        self.words.wait_word(WRITTEN_AT, word, deadline.slice())
    }

    /// Sleeps until more was read than `seen` says, or it is time to look.
    pub(super) fn wait_for_reader(&self, seen: Position, deadline: Deadline) -> Result<()> {
        self.words.wait_word(READ_AT, seen.read, deadline.slice())
    }

    /// False in a forked child.
    pub(super) fn is_of_this_process(&self) -> bool {
        fork::is_still(self.object.generation())
    }

    /// True if there was a writer, and there is none now.
    pub(super) fn has_lost_its_writer(&self) -> Result<bool> {
        let failed = |error| Error::io("look at", self.name().subject(), error);
        Ok(self.words.load_word(WRITERS_AT)? > 0
            && !range_lock::is_locked(self.object.file(), WRITER).map_err(failed)?)
    }
}

/// Until when somebody waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    begun: Instant,
    timeout: Option<Duration>,
}

impl Deadline {
    pub(super) fn new(timeout: Option<Duration>) -> Deadline {
        Deadline {
            begun: Instant::now(),
            timeout,
        }
    }

    /// How long to sleep before the next look; nothing when the time is over.
    pub(super) fn slice(self) -> Duration {
        self.timeout.map_or(LOOK_AGAIN, |timeout| {
            timeout.saturating_sub(self.begun.elapsed()).min(LOOK_AGAIN)
        })
    }

    pub(super) fn is_over(self) -> bool {
        self.slice().is_zero()
    }
}
