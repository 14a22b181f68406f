//! Views of a file: shared with everybody who maps it, or copied on write; and files that are made when they are
//! missing, or have no name at all.

use std::fs::{File, OpenOptions};
use std::ops::{Bound, Range, RangeBounds};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use memmap2::MmapOptions;
use rustix::fs::{MemfdFlags, OFlags};

use super::View;
use super::file::{self, Access, BackingFile, MappedFile};
use crate::error::{Error, Result, Subject};
use crate::os::disk;

/// Maps begin and end on multiples of this in the file, where the file has them. Linux then maps a large folio of the
/// page cache by one entry instead of 512, and on ext4 marks it dirty once instead of 512 times.
const MAP_GRANULE_BYTES: u64 = 2 << 20;

impl MappedFile {
    /// Opens a file for reading and writing, or makes it, with `len` zero bytes. One that is empty, or shorter than
    /// `len`, is extended; a longer one stays as long as it is.
    ///
    /// In .NET: `MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, capacity)`.
    ///
    /// # Errors
    /// As for [`MappedFile::open`]; `Request` if it would be empty; `Io` if the disk is full, and then the file keeps
    /// its length.
    pub fn open_or_create(path: impl AsRef<Path>, len: u64) -> Result<MappedFile> {
        let path = path.as_ref();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        if let Ok(before) = path.metadata() {
            file::refuse_irregular(path, &before)?;
        }
        let file = options.open(path).map_err(|error| Error::create(path, error))?;
        let failed = |error| Error::io("extend", path, error);
        let metadata = file.metadata().map_err(failed)?;
        file::refuse_irregular(path, &metadata)?;
        if metadata.len().max(len) == 0 {
            return Err(Error::request(
                path,
                "is empty, and a map needs at least one byte; give a length",
            ));
        }
        if metadata.len() > 0 {
            file::refuse_object(&file, path)?;
        }
        if metadata.len() < len {
            disk::allocate(&file, len).map_err(failed)?;
        }
        Ok(MappedFile::new(file, path, Access::ReadWrite, metadata.len().max(len)))
    }

    /// `len` zero bytes of memory without a name, of which views can be made as of a file. Children of this process do
    /// not get them.
    ///
    /// In .NET: `MemoryMappedFile.CreateNew(null, capacity)`.
    ///
    /// # Errors
    /// `Request` if `len` is 0; `Io` if there is not that much memory.
    pub fn unnamed(len: u64) -> Result<MappedFile> {
        if len == 0 {
            return Err(Error::request(
                Subject::Nothing,
                "unnamed memory needs at least one byte",
            ));
        }
        let path = Path::new("memory");
        let failed = |error: std::io::Error| Error::io("create", Subject::Thing("memory"), error);
        let file = rustix::fs::memfd_create("pagelight", MemfdFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
        let file = File::from(file);
        disk::allocate(&file, len).map_err(failed)?;
        Ok(MappedFile::new(file, path, Access::ReadWrite, len))
    }

    /// Maps the bytes `range`, such as `5..`. Any number of views may exist at once, also of the same bytes.
    ///
    /// # Errors
    /// `Request` if the range reaches past the end of the file; `Io` if the system has no room for the map.
    pub fn view(&self, range: impl RangeBounds<u64>) -> Result<View> {
        self.map(bytes_of(&range, self.len), Arc::clone(&self.backing_file))
    }

    /// The same bytes to be read and written, also where the file was opened for reading only; what is written stays in
    /// this view, which nobody else sees. Pages that were not written show what others write to the file, or do not:
    /// the system promises neither.
    ///
    /// In .NET: `CreateViewAccessor(offset, size, MemoryMappedFileAccess.CopyOnWrite)`.
    ///
    /// # Errors
    /// As for [`MappedFile::view`].
    pub fn view_copy_on_write(&self, range: impl RangeBounds<u64>) -> Result<View> {
        let source = BackingFile {
            file: Arc::clone(&self.backing_file.file),
            path: self.backing_file.path.clone(),
            access: Access::ReadWrite,
            keep: self.backing_file.keep.clone(),
            copy_on_write: true,
        };
        self.map(bytes_of(&range, self.len), Arc::new(source))
    }

    fn map(&self, range: Range<u64>, backing_file: Arc<BackingFile>) -> Result<View> {
        let past_end = || {
            Error::request(
                self.path(),
                format!(
                    "a view of bytes {} to {} does not fit a file of {} bytes",
                    range.start, range.end, self.len,
                ),
            )
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
                match backing_file.access {
                    _ if backing_file.copy_on_write => copy_on_write(&options, &backing_file.file),
                    Access::Read => options.map_raw_read_only(&*backing_file.file),
                    Access::ReadWrite => options.map_raw(&*backing_file.file),
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
            backing_file: Some(backing_file),
        })
    }
}

fn copy_on_write(options: &MmapOptions, file: &File) -> std::io::Result<memmap2::MmapRaw> {
    // SAFETY: others may change the file's bytes under the map. No reference into it is ever made: it is turned into a
    // raw one at once, and views copy in and out as they do with every other map.
    let map = unsafe { options.map_copy(file) };
    map.map(Into::into)
}

/// What `range` means of `len` bytes. One that ends before it begins, or past the end, stays so, and is refused.
pub(crate) fn bytes_of(range: &impl RangeBounds<u64>, len: u64) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => len,
    };
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range() {
        let file = MappedFile::unnamed(10).expect("made");
        let lengths = [
            file.view(..),
            file.view(3..),
            file.view(..4),
            file.view(2..=4),
            file.view(10..),
            file.view(0..10),
        ];
        let lengths = lengths.map(|view| view.expect("fits").len());
        assert_eq!(lengths, [10, 7, 4, 3, 0, 10]);
        for wrong in [
            file.view(11..),
            file.view(..11),
            file.view(..=10),
            file.view(0..=u64::MAX),
        ] {
            assert!(matches!(wrong, Err(Error::Request { .. })));
        }
        let (start, end) = (5, 4);
        assert!(file.view(start..end).is_err());
        assert!(MappedFile::unnamed(0).is_err());
    }

    #[test]
    fn what_is_written_to_a_copy_stays_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, [7; 10_000]).expect("written");
        let file = MappedFile::open(&path, Access::Read).expect("opened");
        let (copy, other) = (file.view_copy_on_write(..), file.view_copy_on_write(4090..));
        let (copy, other) = (copy.expect("mapped"), other.expect("mapped"));
        copy.write(5000, &1u8).expect("written");
        assert_eq!(copy.read::<u8>(5000).expect("read"), 1);
        // Not even to save memory.
        copy.release(0..10_000).expect("inside");
        assert_eq!(copy.read::<u8>(5000).expect("read"), 1);
        assert_eq!(other.read::<u8>(910).expect("read"), 7);
        assert_eq!(std::fs::read(&path).expect("read"), [7; 10_000]);
        assert!(file.view(..).expect("mapped").write(0, &1u8).is_err());
    }

    #[test]
    fn open_or_create() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        assert!(matches!(
            MappedFile::open_or_create(&path, 0),
            Err(Error::Request { .. })
        ));
        assert_eq!(path.metadata().expect("made, empty").len(), 0);
        for (len, actual) in [(5000, 5000), (10, 5000), (0, 5000), (5001, 5001)] {
            let file = MappedFile::open_or_create(&path, len).expect("opened");
            assert_eq!((file.len(), path.metadata().expect("there").len()), (actual, actual));
            file.view(..).expect("mapped").write(9, &9u8).expect("written");
        }
        assert_eq!(std::fs::read(&path).expect("read")[9], 9);
        assert!(matches!(
            MappedFile::open_or_create(folder.path(), 1),
            Err(Error::Unfit { .. })
        ));
        let nowhere = folder.path().join("none/file");
        assert!(matches!(
            MappedFile::open_or_create(nowhere, 1),
            Err(Error::NoFolder { .. })
        ));
    }
}
