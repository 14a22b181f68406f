//! Bytes of a file as memory: [`MappedFile`], and [`View`]s of parts of it. The only door to memmap2.
//!
//! 1. A map is shared with other processes, so no reference into it is ever made. Views copy in and out of private
//!    memory, and that is all they do.
//! 2. A view has exactly the length that was asked for, at any byte offset; pages stay an inner matter. An empty view
//!    at the end of the file is legal.
//! 3. Nothing here grows or shrinks a file, except [`MappedFile::create`] and [`MappedFile::extend`].
//!
//! Other programs may truncate a file while it is mapped. To reach what is gone then is an `Io` error if the program
//! has called [`crate::os::fault::install`] (on x86-64), and a signal (SIGBUS) that ends it if it has not.
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

mod file;
mod values;
mod views;
mod words;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytemuck::{AnyBitPattern, NoUninit};
use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};

use self::file::BackingFile;
#[cfg(feature = "ipc")]
pub(crate) use self::file::OBJECT_MAGIC;
pub use self::file::{Access, MappedFile};
#[cfg(feature = "ipc")]
pub(crate) use self::views::bytes_of;

use crate::counts::Counts;
use crate::digest::{self, Key, STRETCH_BYTES};
use crate::error::{Error, Result, Subject};
use crate::kernel::Kernel;
use crate::os::copied::Copied;
use crate::os::copy::copy;
use crate::os::copy_edited::RoutineParams;

/// Bytes of the scratch buffer: private memory on the stack, through which an edit goes that has no routine of its own.
/// Small enough for the nearest cache, whole blocks of the kernels, and a multiple of 64, by which the copies advance.
const SCRATCH_BYTES: usize = 960;

/// For which access [`View::populate`] makes pages ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Populate {
    /// Ready to be written.
    Write,
    /// Ready to be read; a write may need a second fault.
    Read,
}

/// A kernel made ready for copies from view to view, with the key by which what it leaves is digested: in one pass
/// where the machine has a routine for it, else through a scratch buffer.
#[derive(Clone, Debug)]
pub struct CopyEdit {
    kernel: Kernel,
    params: Option<RoutineParams>,
    key: Arc<Key>,
}

impl CopyEdit {
    /// Makes `kernel` ready for this machine.
    pub fn new(kernel: Kernel, key: Arc<Key>) -> CopyEdit {
        CopyEdit {
            params: RoutineParams::new(&kernel),
            kernel,
            key,
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
    backing_file: Option<Arc<BackingFile>>,
}

impl View {
    /// `len` zero bytes with no file behind them.
    ///
    /// # Errors
    /// `Io` if the system has no room for the map.
    pub fn anonymous(len: usize) -> Result<View> {
        let failed = |error| Error::io("map", Subject::Thing("memory"), error);
        let map = match len {
            0 => None,
            _ => Some(MmapOptions::new().len(len).map_anon().map_err(failed)?.into()),
        };
        Ok(View {
            map,
            len,
            lead: 0,
            start: 0,
            backing_file: None,
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
        let not_copied = unsafe { copy(out.as_mut_ptr(), from, out.len()) };
        self.finish_copy(at, out.len(), not_copied)
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
        let not_copied = unsafe { copy(to, bytes.as_ptr(), bytes.len()) };
        self.finish_copy(at, bytes.len(), not_copied)
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
        let not_copied = unsafe { copy(to, from, length) };
        if not_copied > 0 {
            other.diagnose(other_at..other_at + length)?;
        }
        self.finish_copy(at, length, not_copied)
    }

    /// Copies `length` bytes from `from` on to `to_at` of `to`, with what `edit` does to samples. `from` must be a
    /// sample's first byte, `phase` is that sample's lane (see [`crate::kernel`]), and `length` is whole samples. What
    /// arrives is added to `digest`, as [`Key::add`] would.
    ///
    /// # Errors
    /// As for [`View::copy_out`] and [`View::copy_in`].
    #[expect(clippy::too_many_arguments, reason = "two places, a length, and what is to happen")]
    #[inline]
    pub fn copy_edited(
        &self,
        from: usize,
        to: &View,
        to_at: usize,
        length: usize,
        edit: &CopyEdit,
        phase: usize,
        digest: &mut u64,
    ) -> Result<Counts> {
        to.refuse_read_only()?;
        let mut counts = Counts::default();
        let mut at = 0;
        while at < length {
            let stretch_bytes = STRETCH_BYTES.min(length - at);
            let phase = edit.kernel.phase_after(phase, at);
            let copied = self.copy_edited_stretch(from + at, to, to_at + at, stretch_bytes, edit, phase)?;
            *digest = digest::add_stretch(*digest, copied.partial, stretch_bytes);
            counts += copied.counts;
            at += stretch_bytes;
        }
        Ok(counts)
    }

    #[inline]
    fn copy_edited_stretch(
        &self,
        from: usize,
        to: &View,
        to_at: usize,
        length: usize,
        edit: &CopyEdit,
        phase: usize,
    ) -> Result<Copied> {
        let source = self.pointer(from, length)?;
        let target = to.pointer(to_at, length)?;
        let mut copied = Copied::default();
        if let Some(params) = edit.params.as_ref().filter(|_| phase == 0) {
            // SAFETY: `pointer` checked that both maps have these bytes, and both live as long as their views.
            copied = unsafe { params.copy_blocks(target, source, length, &edit.key) };
            if copied.faulted {
                to.diagnose(to_at..to_at + length)?;
                self.finish_copy(from, length, length)?;
            }
        }
        if copied.bytes < length {
            self.copy_edited_through_scratch(from, to, to_at, length, edit, phase, &mut copied)?;
        }
        Ok(copied)
    }

    /// Goes on where there is no routine, or less than a block is left. Apart, so that nobody else pays for its buffer.
    #[inline(never)]
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of its only caller, and what that has done"
    )]
    fn copy_edited_through_scratch(
        &self,
        from: usize,
        to: &View,
        to_at: usize,
        length: usize,
        edit: &CopyEdit,
        phase: usize,
        copied: &mut Copied,
    ) -> Result<()> {
        let mut buffer = [0; SCRATCH_BYTES];
        while copied.bytes < length {
            let scratch = &mut buffer[..SCRATCH_BYTES.min(length - copied.bytes)];
            self.copy_out(from + copied.bytes, scratch)?;
            copied.counts += edit.kernel.apply(scratch, edit.kernel.phase_after(phase, copied.bytes));
            copied.partial = copied.partial.plus(edit.key.partial(copied.bytes, scratch));
            to.copy_in(to_at + copied.bytes, scratch)?;
            copied.bytes += scratch.len();
        }
        Ok(())
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
    pub fn populate(&self, part: Range<usize>, how: Populate) -> Result<()> {
        self.pointer(part.start, part.len())?;
        let Some(map) = self.map.as_ref().filter(|_| !part.is_empty()) else {
            return Ok(());
        };
        let advice = match how {
            Populate::Write => Advice::PopulateWrite,
            Populate::Read => Advice::PopulateRead,
        };
        loop {
            let Err(error) = map.advise_range(advice, self.lead + part.start, part.len()) else {
                return Ok(());
            };
            match rustix::io::Errno::from_io_error(&error) {
                Some(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Some(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => return Ok(()),
                _ => {
                    self.diagnose(part)?;
                    return Err(Error::io("map", self.path(), error));
                }
            }
        }
    }

    /// Says that the view's bytes will be used once and in order. What is not in memory is then read from the disk in
    /// large steps and kept in huge pages where the system can, and goes first when memory is short.
    pub fn expect_one_pass(&self) {
        if let Some(map) = &self.map {
            for advice in [Advice::HugePage, Advice::Sequential] {
                // They are hints; whoever does not know them is only slower.
                let _ = map.advise(advice);
            }
        }
    }

    /// Releases the pages that lie wholly in `part`: their bytes stay in the file, and they take no place in this
    /// process's memory any more. They come back when they are touched.
    ///
    /// Where the system cannot do that nothing happens.
    ///
    /// # Errors
    /// `Request` if `part` reaches past the end of the view.
    pub fn release(&self, part: Range<usize>) -> Result<()> {
        self.pointer(part.start, part.len())?;
        // Private memory would be lost.
        let (Some(map), Some(source)) = (&self.map, &self.backing_file) else {
            return Ok(());
        };
        if source.copy_on_write {
            return Ok(());
        }
        let page_bytes = rustix::param::page_size();
        let start = (self.lead + part.start).next_multiple_of(page_bytes);
        let end = (self.lead + part.end) / page_bytes * page_bytes;
        if start < end {
            // SAFETY: the map is of a file and shared, so the bytes are the file's: they stay, and come back when they
            // are touched. They are in the map, as `pointer` checked.
            let gone = unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, start, end - start) };
            // They then go with the map.
            let _ = gone;
        }
        Ok(())
    }

    /// The end of a copy of `length` bytes from `at` on.
    #[inline]
    fn finish_copy(&self, at: usize, length: usize, not_copied: usize) -> Result<()> {
        if not_copied == 0 {
            Ok(())
        } else {
            self.faulted(at..at + length)
        }
    }

    #[cold]
    fn faulted(&self, part: Range<usize>) -> Result<()> {
        self.diagnose(part)?;
        let unknown = io::Error::other("a page could not be had");
        Err(Error::io("reach", self.path(), unknown))
    }

    /// Why the pages of `part` could not be had. `Ok` if there is nothing wrong with them (any more).
    #[cold]
    fn diagnose(&self, part: Range<usize>) -> Result<()> {
        let range = self.start + part.start as u64..self.start + part.end as u64;
        self.backing_file
            .as_ref()
            .map_or(Ok(()), |source| source.diagnose(range))
    }

    fn path(&self) -> &Path {
        self.backing_file
            .as_ref()
            .map_or(Path::new("memory"), |source| &source.path)
    }

    /// Where byte `at` is, after making sure that `length` bytes follow it. The address is good as long as the view.
    #[inline]
    pub(crate) fn pointer(&self, at: usize, length: usize) -> Result<*mut u8> {
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
        Error::request(
            self.path(),
            format!(
                "{length} bytes from byte {at} on reach past the end of a view of {} bytes",
                self.len,
            ),
        )
    }

    #[inline]
    fn refuse_read_only(&self) -> Result<()> {
        match &self.backing_file {
            Some(source) if source.access == Access::Read => {
                Err(Error::request(&source.path, "was opened for reading only"))
            }
            _ => Ok(()),
        }
    }
}
