//! Shared memory that has a name.
//!
//! 1. It has exactly the length it was made with, zero at first, with memory behind every byte: a full tmpfs is an
//!    error at creation and not a signal later.
//! 2. It is in use as long as a [`SharedMemory`] or a view of one lives, in any process.

use std::sync::Arc;

use super::header::{Kind, PAGE_BYTES, Persistence};
use super::name::Name;
use super::object::Object;
use super::stream::ViewStream;
use crate::error::{Error, Result};
use crate::map::{MappedFile, View};

/// Memory that other processes find by its name.
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
        SharedMemory::new(Object::open(name, Kind::Memory, |_| Ok(()))?, false)
    }

    fn new(object: Object, created: bool) -> Result<SharedMemory> {
        let object = Arc::new(object);
        let map = object.mapped()?.keeping(Arc::<Object>::clone(&object));
        Ok(SharedMemory { map, object, created })
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

    /// `length` bytes from `offset` on as a view; a length of 0 means all the rest, which at the very end is nothing.
    /// Views may overlap, and live on when `self` is dropped.
    ///
    /// # Errors
    /// `Request` if they reach past the end; `Io` if the system has no room for the map.
    pub fn view(&self, offset: u64, length: u64) -> Result<View> {
        let end = match length {
            0 => Some(self.len()),
            _ => offset.checked_add(length),
        };
        match end {
            Some(end) if offset <= end && end <= self.len() => self.map.view(PAGE_BYTES + offset..PAGE_BYTES + end),
            _ => Err(Error::request(
                self.object.name().subject(),
                format!(
                    "a view of {length} bytes from byte {offset} on does not fit memory of {} bytes",
                    self.len(),
                ),
            )),
        }
    }

    /// The same bytes as a stream.
    ///
    /// # Errors
    /// As for [`SharedMemory::view`].
    pub fn stream(&self, offset: u64, length: u64) -> Result<ViewStream> {
        self.view(offset, length).map(ViewStream::new)
    }
}
