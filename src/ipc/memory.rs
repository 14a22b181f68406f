//! Shared memory that has a name.
//!
//! 1. It has exactly the length it was made with, zero at first, with memory behind every byte: a full tmpfs is an
//!    error at creation and not a signal later.
//! 2. It is in use as long as a [`SharedMemory`] or a view of one lives, in any process.

use std::ops::{Range, RangeBounds};
use std::sync::Arc;

use super::header::{Kind, PAGE_BYTES, Persistence};
use super::name::Name;
use super::object::Object;
use super::stream::ViewStream;
use crate::error::{Error, Result};
use crate::map::{self, Access, MappedFile, View};

/// Memory that other processes find by its name.
///
/// Dropping the last handle and the last view takes the name away, unless it is kept. If a process stands still
/// (SIGSTOP) just then with the lock of the namespace's folder, the name is left behind instead, as after `kill -9`:
/// whoever wants it, or lists, removes it. For what happens if somebody truncates the file see [`crate::os::fault`].
#[derive(Debug)]
pub struct SharedMemory {
    /// The whole object; the memory lies behind its first page. Views keep the object in use, too.
    map: MappedFile,
    object: Arc<Object>,
    created: bool,
}

impl SharedMemory {
    /// Makes `length` zero bytes of memory and gives them a name.
    ///
    /// # Errors
    /// `Request` if `length` is 0; `Exists` if the name means something already, of whatever kind; `Io` if there is not
    /// that much memory (or disk, for [`Persistence::File`]).
    pub fn create_new(name: &Name, length: u64, persistence: Persistence) -> Result<SharedMemory> {
        if length == 0 {
            return Err(Error::request(name.subject(), "shared memory needs at least one byte"));
        }
        let (object, ()) = Object::create(name, Kind::Memory, persistence, length, |_| Ok(()))?;
        SharedMemory::new(object, true)
    }

    /// Opens the memory of that name, or makes it. Where it exists, `length` and `persistence` do not count; see
    /// [`SharedMemory::len`] and [`SharedMemory::was_created`].
    ///
    /// # Errors
    /// As for [`SharedMemory::open`] and [`SharedMemory::create_new`], but neither `NoObject` nor `Exists`.
    pub fn create_or_open(name: &Name, length: u64, persistence: Persistence) -> Result<SharedMemory> {
        super::create_or_open(
            name,
            || SharedMemory::open(name),
            || SharedMemory::create_new(name, length, persistence),
        )
    }

    /// Opens the memory of that name.
    ///
    /// # Errors
    /// `NoObject` if there is none, or all its users are gone; `Unfit` if the name means another kind of object or a
    /// foreign file.
    pub fn open(name: &Name) -> Result<SharedMemory> {
        SharedMemory::open_with(name, Access::ReadWrite)
    }

    /// The same, for what `access` says: of memory that is opened for reading, all views are.
    ///
    /// In .NET: `MemoryMappedFile.OpenExisting(name, MemoryMappedFileRights.Read)`.
    ///
    /// # Errors
    /// As for [`SharedMemory::open`].
    pub fn open_with(name: &Name, access: Access) -> Result<SharedMemory> {
        SharedMemory::with(Object::open(name, Kind::Memory, |_| Ok(()))?, false, access)
    }

    fn new(object: Object, created: bool) -> Result<SharedMemory> {
        SharedMemory::with(object, created, Access::ReadWrite)
    }

    fn with(object: Object, created: bool, access: Access) -> Result<SharedMemory> {
        let object = Arc::new(object);
        let map = object.mapped(access).keeping(Arc::<Object>::clone(&object));
        Ok(SharedMemory { map, object, created })
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        self.object.name()
    }

    /// Bytes of memory, whoever made it.
    #[expect(clippy::len_without_is_empty, reason = "there is no empty shared memory")]
    pub fn len(&self) -> u64 {
        self.object.header().length
    }

    /// True if this call made it, false if it was there before.
    pub fn was_created(&self) -> bool {
        self.created
    }

    /// How long it lives.
    pub fn persistence(&self) -> Persistence {
        self.object.header().persistence
    }

    /// The bytes `range`, such as `..` or `4096..`, as a view. Views may overlap, and live on when `self` is dropped.
    ///
    /// # Errors
    /// `Request` if they reach past the end; `Io` if the system has no room for the map.
    pub fn view(&self, range: impl RangeBounds<u64>) -> Result<View> {
        self.map.view(self.behind_header(&range)?)
    }

    /// The same bytes, with what is written staying in this view; see [`MappedFile::view_copy_on_write`].
    ///
    /// # Errors
    /// As for [`SharedMemory::view`].
    pub fn view_copy_on_write(&self, range: impl RangeBounds<u64>) -> Result<View> {
        self.map.view_copy_on_write(self.behind_header(&range)?)
    }

    /// The same bytes as a stream.
    ///
    /// # Errors
    /// As for [`SharedMemory::view`].
    pub fn stream(&self, range: impl RangeBounds<u64>) -> Result<ViewStream> {
        self.view(range).map(ViewStream::new)
    }

    fn behind_header(&self, range: &impl RangeBounds<u64>) -> Result<Range<u64>> {
        let range = map::bytes_of(range, self.len());
        if range.start > range.end || range.end > self.len() {
            let why = format!(
                "a view of bytes {} to {} does not fit memory of {} bytes",
                range.start,
                range.end,
                self.len(),
            );
            return Err(Error::request(self.object.name().subject(), why));
        }
        Ok(PAGE_BYTES + range.start..PAGE_BYTES + range.end)
    }
}
