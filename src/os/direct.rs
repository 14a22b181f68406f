//! Reading and writing past the page cache, and what else the system does with a cache that whoever measures needs.
#![allow(unsafe_code, reason = "sync_file_range has no safe form")]

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytemuck::{Pod, Zeroable};
use rustix::fs::{Advice, OFlags, fadvise};

/// Direct input and output begins and ends on multiples of this, in the file and in memory.
pub const ALIGN_BYTES: usize = 4096;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(4096))]
struct Page([u8; ALIGN_BYTES]);

/// Memory that a file opened by [`open`] can be read to.
pub struct Block {
    pages: Vec<Page>,
}

impl Block {
    /// Zeros; `bytes` is rounded down to whole pages.
    pub fn new(bytes: usize) -> Block {
        Block {
            pages: vec![Page::zeroed(); bytes / ALIGN_BYTES],
        }
    }

    /// Its bytes.
    pub fn bytes(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.pages)
    }
}

/// Opens a file for reading and writing past the page cache. `None` where the file system does not do that.
///
/// # Errors
/// Whatever the system says.
pub fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::DIRECT | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(flags.bits() as i32);
    match options.open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
        Err(error) => Err(error),
    }
}

/// Has the pages of a part written to the disk. It promises nothing for a power cut, for which `sync_data` is; but that
/// then has little left to do. Where the file system cannot, nothing happens.
///
/// # Errors
/// What went wrong in writing. It is told once: whoever ignores it does not hear of it from `sync_data`.
pub fn write_back(file: &File, range: Range<u64>) -> io::Result<()> {
    let all = libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    let number = |number: u64| libc::off64_t::try_from(number).unwrap_or(libc::off64_t::MAX);
    let (start, length) = (number(range.start), number(range.end - range.start));
    // SAFETY: it takes numbers only, and the descriptor is open as long as `file` is.
    let result = unsafe { libc::sync_file_range(file.as_raw_fd(), start, length, all) };
    match io::Error::last_os_error() {
        error if result != 0 && !matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::ESPIPE)) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// Lets go of what the page cache holds of a file that is on the disk. Bytes that are not there yet stay.
///
/// # Errors
/// Whatever the system says.
pub fn drop_cached(file: &File) -> io::Result<()> {
    Ok(fadvise(file, 0, None, Advice::DontNeed)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn blocks_are_whole_pages_where_pages_begin() {
        let mut block = Block::new(3 * ALIGN_BYTES + 1);
        assert_eq!(block.bytes().len(), 3 * ALIGN_BYTES);
        assert!(block.bytes().as_ptr().addr().is_multiple_of(ALIGN_BYTES));
    }

    #[test]
    fn what_is_written_past_the_cache_is_read_through_it() {
        // The build is on a disk as a rule, and the temporary folder is not.
        let here = std::env::current_exe().expect("this program");
        let file = tempfile::NamedTempFile::new_in(here.parent().expect("a folder")).expect("a file");
        let Some(direct) = open(file.path()).expect("opened") else {
            return;
        };
        let mut block = Block::new(ALIGN_BYTES);
        block.bytes().fill(7);
        direct.write_all_at(block.bytes(), 0).expect("written");
        assert!(std::fs::read(file.path()).expect("read") == [7; ALIGN_BYTES]);
        write_back(file.as_file(), 0..4096).expect("written");
        drop_cached(file.as_file()).expect("dropped");
        block.bytes().fill(0);
        direct.read_exact_at(block.bytes(), 0).expect("read");
        assert!(block.bytes() == [7; ALIGN_BYTES]);
    }
}
