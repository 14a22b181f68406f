//! Bytes of a file as memory: [`MappedFile`], and [`View`]s of parts of it. The only door to memmap2.
//!
//! 1. A map is shared with other processes, so no reference into it is ever made. Views copy in and out of private
//!    memory, and that is all they do.
//! 2. A view has exactly the length that was asked for, at any byte offset; pages stay an inner matter. An empty view
//!    at the end of the file is legal.
//! 3. Nothing here grows or shrinks a file, except [`MappedFile::create`] and [`MappedFile::extend`].
//!
//! The loop of Microsoft's memory-mapped-file sample reads like this:
//!
//! ```
//! use bytemuck::{Pod, Zeroable};
//! use pagelight::map::{Access, MappedFile};
//!
//! #[derive(Clone, Copy, Pod, Zeroable)]
//! #[repr(C)]
//! struct MyColor {
//!     red: i16,
//!     green: i16,
//!     blue: i16,
//!     alpha: i16,
//! }
//!
//! impl MyColor {
//!     fn brighten(&mut self, value: i16) {
//!         for channel in [&mut self.red, &mut self.green, &mut self.blue, &mut self.alpha] {
//!             *channel = channel.saturating_add(value);
//!         }
//!     }
//! }
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("ExtremelyLargeImage.data");
//! # std::fs::write(&path, vec![0u8; 3_000_000])?;
//! let offset = 1_000_000; // a window that starts at byte 1,000,000 ...
//! let length = 1_500_000; // ... and holds 187,500 pixels
//! let file = MappedFile::open(&path, Access::ReadWrite)?;
//! let accessor = file.view(offset..offset + length)?;
//!
//! for i in (0..accessor.len()).step_by(size_of::<MyColor>()) {
//!     let mut color: MyColor = accessor.read(i)?;
//!     color.brighten(10);
//!     accessor.write(i, &color)?;
//! }
//! # let bytes = std::fs::read(&path)?;
//! # assert_eq!(bytes[999_998..1_000_002], [0, 0, 10, 0]);
//! # assert_eq!(bytes[2_499_998..2_500_002], [10, 0, 0, 0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![allow(
    unsafe_code,
    reason = "raw copies to and from the map need it; nothing else here does"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytemuck::{AnyBitPattern, NoUninit};
use memmap2::{Advice, MmapOptions, MmapRaw};

use crate::error::{Error, Result};
use crate::op::Kernel;
use crate::os::copy::copy;
use crate::os::copy_add::Recipe;
use crate::os::disk;

/// Maps begin and end on multiples of this in the file, where the file has them. Linux then maps a large folio of the
/// page cache by one entry instead of 512, and on ext4 marks it dirty once instead of 512 times.
const MAP_GRANULE_BYTES: u64 = 2 << 20;

/// A tile: private bytes on the stack, through which an edit goes that has no routine of its own. Small enough for the
/// nearest cache, whole pixels of every format, and a multiple of 64, the step of the copies.
const TILE_BYTES: usize = 960;

/// What a map may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only; a write through a view is an error.
    Read,
    /// Reading and writing; what is written reaches the file and every other map of it.
    ReadWrite,
}

/// A file of which parts can be mapped.
#[derive(Debug)]
pub struct MappedFile {
    source: Arc<Source>,
    len: u64,
}

/// What a view needs of its file: to stay open, and to say what went wrong.
#[derive(Debug)]
struct Source {
    file: File,
    path: PathBuf,
    access: Access,
}

impl MappedFile {
    /// Opens an existing file. It is never created, grown or truncated.
    ///
    /// # Errors
    /// `NotFound`, `Permission`; `Unfit` if it is not a regular file (a directory, a pipe) or is empty.
    pub fn open(path: &Path, access: Access) -> Result<MappedFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(access == Access::ReadWrite);
        // Without this flag opening a pipe would wait for its other end; regular files do not care.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
        // Looked at first, because a directory cannot even be opened for writing, and the reason given would puzzle.
        let before = path.metadata().map_err(|error| Error::io("open", path, error))?;
        refuse_irregular(path, &before)?;
        let file = options.open(path).map_err(|error| Error::io("open", path, error))?;
        let metadata = file.metadata().map_err(|error| Error::io("look at", path, error))?;
        refuse_irregular(path, &metadata)?;
        if metadata.len() == 0 {
            return Err(Error::unfit(path, "is empty; an image has at least one pixel"));
        }
        Ok(MappedFile::new(file, path, access, metadata.len()))
    }

    /// Makes a file of `len` zero bytes, all of them with disk space behind them.
    ///
    /// # Errors
    /// `Exists`; `Request` if `len` is 0; `Io` if the disk is full, and then no file is left.
    pub fn create(path: &Path, len: u64) -> Result<MappedFile> {
        if len == 0 {
            return Err(Error::Request(format!(
                "{}: a map needs at least one byte",
                path.display()
            )));
        }
        let make = || {
            let unnamed = crate::os::unnamed::UnnamedFile::create(path)?;
            disk::allocate(unnamed.file(), len)?;
            unnamed.publish()
        };
        let file = make().map_err(|error| Error::create(path, error))?;
        Ok(MappedFile::new(file, path, Access::ReadWrite, len))
    }

    /// Makes the file `len` bytes long; new bytes are zero and have disk space behind them. Views made before stay
    /// valid and keep their length.
    ///
    /// # Errors
    /// `Request` if that would shorten the file; `Io` if the disk is full, and then the file keeps its length.
    pub fn extend(&mut self, len: u64) -> Result<()> {
        if len < self.len {
            return Err(Error::Request(format!(
                "{}: has {} bytes and is not shortened to {len}",
                self.path().display(),
                self.len,
            )));
        }
        disk::allocate(self.file(), len).map_err(|error| Error::io("extend", self.path(), error))?;
        self.len = len;
        Ok(())
    }

    fn new(file: File, path: &Path, access: Access, len: u64) -> MappedFile {
        let path = path.to_owned();
        MappedFile {
            source: Arc::new(Source { file, path, access }),
            len,
        }
    }

    /// Bytes in the file, as it was when opened or last extended.
    #[expect(clippy::len_without_is_empty, reason = "an empty file is never mapped")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The name under which it was opened.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.source.file
    }

    /// Maps the bytes `range`. Any number of views may exist at once, also of the same bytes.
    ///
    /// # Errors
    /// `Request` if the range reaches past the end of the file; `Io` if the system has no room for the map.
    pub fn view(&self, range: Range<u64>) -> Result<View> {
        let past_end = || {
            Error::Request(format!(
                "{}: a view of bytes {} to {} does not fit a file of {} bytes",
                self.path().display(),
                range.start,
                range.end,
                self.len,
            ))
        };
        if range.start > range.end || range.end > self.len {
            return Err(past_end());
        }
        // The one place where file positions become memory lengths.
        let in_memory = |bytes: u64| usize::try_from(bytes).map_err(|_| past_end());
        let len = in_memory(range.end - range.start)?;
        let outer_start = range.start / MAP_GRANULE_BYTES * MAP_GRANULE_BYTES;
        let outer_end = range.end.next_multiple_of(MAP_GRANULE_BYTES).min(self.len);
        let outer_len = in_memory(outer_end - outer_start)?;
        let map = (len > 0)
            .then(|| {
                let mut options = MmapOptions::new();
                options.offset(outer_start).len(outer_len);
                match self.source.access {
                    Access::Read => options.map_raw_read_only(&self.source.file),
                    Access::ReadWrite => options.map_raw(&self.source.file),
                }
            })
            .transpose()
            .map_err(|error| Error::io("map", self.path(), error))?;
        Ok(View {
            map,
            lead: if len > 0 {
                in_memory(range.start - outer_start)?
            } else {
                0
            },
            len,
            start: range.start,
            source: Some(Arc::clone(&self.source)),
        })
    }

    /// Waits until all that was written to the file, by anyone, is on its disk.
    ///
    /// # Errors
    /// `Io`. After one failure the system forgets which pages were not written, so a second success proves nothing.
    pub fn sync(&self) -> Result<()> {
        let synced = self.file().sync_data();
        synced.map_err(|error| Error::io("write", self.path(), error))
    }
}

fn refuse_irregular(path: &Path, metadata: &std::fs::Metadata) -> Result<()> {
    if metadata.is_dir() {
        return Err(Error::unfit(path, "is a directory; name the image file in it"));
    }
    if !metadata.is_file() {
        return Err(Error::unfit(
            path,
            "is not a regular file; pipes and devices cannot be edited in place",
        ));
    }
    Ok(())
}

/// Which pages [`View::page_in`] brings into the map, and in what state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageIn {
    /// Ready to be written.
    Write,
    /// Ready to be read; a write may need a second fault.
    Read,
}

/// A kernel made ready for copies from view to view: in one pass where the machine has a routine for it, else by tiles.
#[derive(Clone, Debug)]
pub struct Edit {
    kernel: Kernel,
    recipe: Option<Recipe>,
}

impl Edit {
    /// Makes `kernel` ready for this machine.
    pub fn new(kernel: Kernel) -> Edit {
        Edit {
            recipe: Recipe::new(&kernel),
            kernel,
        }
    }
}

/// Some bytes of a file, or of nothing ([`View::anonymous`]), as memory that is shared with every other view of them.
#[derive(Debug)]
pub struct View {
    /// None if empty, because the system maps no empty ranges.
    map: Option<MmapRaw>,
    /// Bytes of the map before the view's first.
    lead: usize,
    len: usize,
    /// The view's place in the file.
    start: u64,
    source: Option<Arc<Source>>,
}

impl View {
    /// `len` zero bytes with no file behind them.
    ///
    /// # Errors
    /// `Io` if the system has no room for the map.
    pub fn anonymous(len: usize) -> Result<View> {
        let failed = |error| Error::io("map", Path::new("memory"), error);
        let map = match len {
            0 => None,
            _ => Some(MmapOptions::new().len(len).map_anon().map_err(failed)?.into()),
        };
        Ok(View {
            map,
            len,
            lead: 0,
            start: 0,
            source: None,
        })
    }

    /// Bytes in the view.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True for the legal view of no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies the bytes from `at` on into `out`, which it fills.
    ///
    /// # Errors
    /// `Request` if they reach past the end of the view.
    #[inline]
    pub fn copy_out(&self, at: usize, out: &mut [u8]) -> Result<()> {
        let from = self.pointer(at, out.len())?;
        // SAFETY: `pointer` checked that the map, which lives as long as `self`, has these bytes; `out` is private
        // memory of that length, so the two do not overlap.
        unsafe { copy(out.as_mut_ptr(), from, out.len()) };
        Ok(())
    }

    /// Copies `bytes` into the view, from `at` on.
    ///
    /// # Errors
    /// `Request` if they reach past the end of the view, or the file was opened for reading only.
    #[inline]
    pub fn copy_in(&self, at: usize, bytes: &[u8]) -> Result<()> {
        self.refuse_read_only()?;
        let to = self.pointer(at, bytes.len())?;
        // SAFETY: `pointer` checked that the map, which lives as long as `self`, has these bytes, and it is mapped
        // writable; `bytes` is private memory, so the two do not overlap.
        unsafe { copy(to, bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    /// Copies `length` bytes of `other`, from `other_at` on, into this view, from `at` on.
    ///
    /// # Errors
    /// `Request` if they reach past the end of either view, or this one is for reading only.
    #[inline]
    pub fn copy_from(&self, at: usize, other: &View, other_at: usize, length: usize) -> Result<()> {
        self.refuse_read_only()?;
        let from = other.pointer(other_at, length)?;
        let to = self.pointer(at, length)?;
        // SAFETY: `pointer` checked that both maps have these bytes, and both live as long as their views.
        unsafe { copy(to, from, length) };
        Ok(())
    }

    /// Copies `length` bytes from `from` on to `to_at` of `to`, with what `edit` does to pixels, and returns how many
    /// samples clipped. `from` must be a pixel's first byte, and `length` whole pixels.
    ///
    /// # Errors
    /// As for [`View::copy_out`] and [`View::copy_in`].
    #[inline]
    pub fn copy_edited(&self, from: usize, to: &View, to_at: usize, length: usize, edit: &Edit) -> Result<u64> {
        to.refuse_read_only()?;
        let source = self.pointer(from, length)?;
        let target = to.pointer(to_at, length)?;
        let (mut done, mut clipped) = (0, 0);
        if let Some(recipe) = &edit.recipe {
            // SAFETY: `pointer` checked that both maps have these bytes, and both live as long as their views.
            (done, clipped) = unsafe { recipe.copy_blocks(target, source, length) };
        }
        let mut buffer = [0; TILE_BYTES];
        while done < length {
            let tile = &mut buffer[..TILE_BYTES.min(length - done)];
            self.copy_out(from + done, tile)?;
            clipped += edit.kernel.apply(tile);
            to.copy_in(to_at + done, tile)?;
            done += tile.len();
        }
        Ok(clipped)
    }

    /// Reads the value at byte `at`, which needs no alignment.
    ///
    /// # Errors
    /// `Request` if it reaches past the end of the view.
    pub fn read<T: AnyBitPattern + NoUninit>(&self, at: usize) -> Result<T> {
        let mut value = T::zeroed();
        self.copy_out(at, bytemuck::bytes_of_mut(&mut value))?;
        Ok(value)
    }

    /// Writes `value` at byte `at`, which needs no alignment.
    ///
    /// # Errors
    /// `Request` if it reaches past the end of the view, or the file was opened for reading only.
    pub fn write<T: NoUninit>(&self, at: usize, value: &T) -> Result<()> {
        self.copy_in(at, bytemuck::bytes_of(value))
    }

    /// Waits until what was written through this view is on the disk.
    ///
    /// # Errors
    /// `Io`; see [`MappedFile::sync`] for what a failure means.
    pub fn flush(&self) -> Result<()> {
        let flushed = self.map.as_ref().map_or(Ok(()), |map| map.flush());
        flushed.map_err(|error| Error::io("write", self.path(), error))
    }

    /// Brings the pages that hold `part` into the map at once, which is many times faster than touching them one by
    /// one, and tells of a truncated file, a full disk or a read error by an error instead of a signal.
    ///
    /// Where the system cannot do that (Linux before 5.14, other systems) nothing happens, and the pages come in when
    /// they are touched.
    ///
    /// # Errors
    /// `Io` with the true cause. `Request` if `part` reaches past the end of the view.
    pub fn page_in(&self, part: Range<usize>, how: PageIn) -> Result<()> {
        self.pointer(part.start, part.len())?;
        let Some(map) = self.map.as_ref().filter(|_| !part.is_empty()) else {
            return Ok(());
        };
        let advice = match how {
            PageIn::Write => Advice::PopulateWrite,
            PageIn::Read => Advice::PopulateRead,
        };
        loop {
            let Err(error) = map.advise_range(advice, self.lead + part.start, part.len()) else {
                return Ok(());
            };
            match rustix::io::Errno::from_io_error(&error) {
                Some(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Some(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => return Ok(()),
                _ => return Err(self.cause(part, error)),
            }
        }
    }

    /// Why the pages of `part` cannot be had, by asking for a byte of each in the ordinary way.
    fn cause(&self, part: Range<usize>, error: io::Error) -> Error {
        let Some(source) = &self.source else {
            return Error::io("map", self.path(), error);
        };
        let range = self.start + part.start as u64..self.start + part.end as u64;
        let file_bytes = match source.file.metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) => return Error::io("look at", &source.path, error),
        };
        if file_bytes < range.end {
            return Error::Io {
                doing: "edit",
                path: source.path.clone(),
                hint: format!(
                    "it was truncated to {file_bytes} bytes while in use, and byte {} is needed; restore the file",
                    range.end - 1,
                ),
                source: error,
            };
        }
        let mut byte = [0];
        for at in range.step_by(4096) {
            if let Err(error) = source.file.read_exact_at(&mut byte, at) {
                return Error::io("read", &source.path, error);
            }
            if source.access == Access::ReadWrite
                && let Err(error) = source.file.write_all_at(&byte, at)
            {
                return Error::io("write", &source.path, error);
            }
        }
        Error::io("map", &source.path, error)
    }

    fn path(&self) -> &Path {
        self.source.as_ref().map_or(Path::new("memory"), |source| &source.path)
    }

    /// Where byte `at` is, after making sure that `length` bytes follow it.
    #[inline]
    fn pointer(&self, at: usize, length: usize) -> Result<*mut u8> {
        if at.checked_add(length).is_none_or(|end| end > self.len) {
            return Err(self.past_end(at, length));
        }
        let base = self
            .map
            .as_ref()
            .map_or(std::ptr::dangling_mut(), |map| map.as_mut_ptr());
        // SAFETY: the map has `lead + len` bytes or more, and `at` is at most `len`; for an empty view both are 0.
        Ok(unsafe { base.add(self.lead + at) })
    }

    #[cold]
    fn past_end(&self, at: usize, length: usize) -> Error {
        Error::Request(format!(
            "{}: {length} bytes from byte {at} on reach past the end of a view of {} bytes",
            self.path().display(),
            self.len,
        ))
    }

    #[inline]
    fn refuse_read_only(&self) -> Result<()> {
        match &self.source {
            Some(source) if source.access == Access::Read => Err(Error::Request(format!(
                "{}: was opened for reading only",
                source.path.display()
            ))),
            _ => Ok(()),
        }
    }
}
