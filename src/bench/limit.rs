//! What the machine can do at most: the kernel over memory, and the disk past the page cache.
//!
//! Both are measured in a process of their own, by the program's hidden command `limit`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chunk_plan::ChunkPlan;
use crate::digest::Key;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::map::{CopyEdit, Populate, View};
use crate::op::Op;
use crate::os::direct::{self, Block};
use crate::pixel::PixelFormat;
use crate::threads;

/// What is in flight at once, of each thread.
const BLOCK_BYTES: usize = 1 << 20;

/// What is done with a disk to see how fast it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiskUse {
    /// Every block is read and written back at once.
    Mixed,
    /// Every block is read, and when that is done, every block is written: what an edit does where memory is enough.
    Apart,
    /// Every block is read.
    Read,
    /// Every block is written.
    Write,
}

impl DiskUse {
    /// Each of them.
    pub const ALL: [DiskUse; 4] = [DiskUse::Mixed, DiskUse::Apart, DiskUse::Read, DiskUse::Write];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            DiskUse::Mixed => "mixed",
            DiskUse::Apart => "apart",
            DiskUse::Read => "read",
            DiskUse::Write => "write",
        }
    }
}

impl FromStr for DiskUse {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<DiskUse, String> {
        let found = DiskUse::ALL.into_iter().find(|disk_use| disk_use.word() == word);
        found.ok_or_else(|| format!("'{word}' is nothing that is done with a disk"))
    }
}

/// How long an edit of `bytes` of private memory takes that is mapped already, in large pages where the system has
/// some: the engine's own routine, in place, with nothing of files and slots about it.
///
/// # Errors
/// `Io` if the system has no room for the map; it ends whoever then touches more memory than there is.
pub fn memory(bytes: usize, threads: usize, format: PixelFormat) -> Result<Duration> {
    let op = Op::Brighten { amount: 1 };
    let kernel = Kernel::new(&op, format.sample, format.order, &format.channels.color());
    let edit = CopyEdit::new(kernel, Arc::new(Key::new(0)));
    // Of at least a pixel, and so many bytes that nothing overflows.
    let bytes = bytes.clamp(1, isize::MAX.unsigned_abs());
    let share = bytes
        .div_ceil(threads.max(1))
        .next_multiple_of(ChunkPlan::REDO_BLOCK_BYTES);
    let mut shares = Vec::new();
    for start in (0..bytes).step_by(share) {
        let view = View::anonymous(share.min(bytes - start))?;
        view.expect_one_pass();
        view.populate(0..view.len(), Populate::Write)?;
        shares.push(view);
    }
    let begun = Instant::now();
    threads::share(threads, shares.len() as u64, |queue| {
        let mut digest = 0;
        while let Some(view) = queue.take().and_then(|item| shares.get(usize::try_from(item).ok()?)) {
            for at in (0..view.len()).step_by(ChunkPlan::REDO_BLOCK_BYTES) {
                view.copy_edited(
                    at,
                    view,
                    at,
                    ChunkPlan::REDO_BLOCK_BYTES.min(view.len() - at),
                    &edit,
                    0,
                    &mut digest,
                )?;
            }
        }
        Ok(())
    })?;
    Ok(begun.elapsed())
}

/// How long it takes to use the first `bytes` of a file, whole pages, past the page cache, until all is on the disk.
/// The file keeps its bytes only if they are read, or written back at once.
///
/// # Errors
/// `Unfit` where the file system has no way past the page cache; `Io`.
pub fn disk(path: &Path, bytes: u64, threads: usize, disk_use: DiskUse) -> Result<Duration> {
    let file = open(path)?;
    let begun = Instant::now();
    let passes: &[(bool, bool)] = match disk_use {
        DiskUse::Mixed => &[(true, true)],
        DiskUse::Apart => &[(true, false), (false, true)],
        DiskUse::Read => &[(true, false)],
        DiskUse::Write => &[(false, true)],
    };
    for &(reads, writes) in passes {
        pass(&file, path, bytes, threads, reads, writes)?;
    }
    file.sync_data().map_err(|error| Error::io("write", path, error))?;
    Ok(begun.elapsed())
}

/// Goes over all blocks once.
fn pass(file: &File, path: &Path, bytes: u64, threads: usize, reads: bool, writes: bool) -> Result<()> {
    threads::share(threads, bytes.div_ceil(BLOCK_BYTES as u64), |queue| {
        let mut block = Block::new(BLOCK_BYTES);
        while let Some(item) = queue.take() {
            let at = item * BLOCK_BYTES as u64;
            let length = usize::try_from(bytes - at).unwrap_or(usize::MAX).min(BLOCK_BYTES);
            let block = &mut block.bytes()[..length];
            if reads {
                let read = file.read_exact_at(block, at);
                read.map_err(|error| Error::io("read", path, error))?;
            }
            if writes {
                let written = file.write_all_at(block, at);
                written.map_err(|error| Error::io("write", path, error))?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn open(path: &Path) -> Result<File> {
    let opened = direct::open(path).map_err(|error| Error::io("open", path, error))?;
    opened.ok_or_else(|| {
        Error::unfit(
            path,
            "its file system has no way past the page cache (O_DIRECT); leave the cold state away",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_read_and_written_back_unchanged() {
        // The build is on a disk as a rule, and the temporary folder is not.
        let here = std::env::current_exe().expect("this program");
        let file = tempfile::NamedTempFile::new_in(here.parent().expect("a folder")).expect("a file");
        let bytes: Vec<u8> = (0..=250).cycle().take(3 * BLOCK_BYTES + 8192).collect();
        std::fs::write(file.path(), &bytes).expect("written");
        if direct::open(file.path()).expect("opened").is_none() {
            return;
        }
        for disk_use in [DiskUse::Read, DiskUse::Mixed] {
            disk(file.path(), bytes.len() as u64, 3, disk_use).expect("used");
            assert!(std::fs::read(file.path()).expect("read") == bytes, "{disk_use:?}");
        }
        disk(file.path(), 4096, 3, DiskUse::Write).expect("used");
        let now = std::fs::read(file.path()).expect("read");
        assert!(now[..4096] == [0; 4096] && now[4096..] == bytes[4096..]);
    }

    #[test]
    fn memory_of_any_size_and_threads() {
        for (bytes, threads) in [(2, 1), (8, 4), (6 << 20, 3)] {
            memory(bytes, threads, PixelFormat::RGBA16).expect("edited");
        }
    }
}
