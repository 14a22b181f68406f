//! The states of the page cache in which a file can be found, and how it is brought into them.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::str::FromStr;

use crate::chunk_plan::split;
use crate::error::{Error, Result};
use crate::os::direct;
use crate::threads::{self, Progress};

/// What the page cache holds of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheState {
    /// All of it, edited before in the same way: the usual state for a user who edits twice.
    Warm,
    /// All of it, just written by `write` and not yet on the disk.
    Fresh,
    /// All of it, just written, and then to the disk.
    Synced,
    /// All of it, read from the disk.
    Reread,
    /// Nothing.
    Cold,
}

impl CacheState {
    /// Each of them.
    pub const ALL: [CacheState; 5] = [
        CacheState::Warm,
        CacheState::Fresh,
        CacheState::Synced,
        CacheState::Reread,
        CacheState::Cold,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            CacheState::Warm => "warm",
            CacheState::Fresh => "fresh",
            CacheState::Synced => "synced",
            CacheState::Reread => "reread",
            CacheState::Cold => "cold",
        }
    }

    /// True if the bytes come from the disk, so that what counts is when they are there again.
    pub fn is_on_disk(self) -> bool {
        self == CacheState::Cold
    }

    /// True if a file can be brought into it only by being written anew.
    pub fn needs_writing(self) -> bool {
        matches!(self, CacheState::Fresh | CacheState::Synced)
    }

    /// True if it is another one than warm only where there is a disk below the page cache.
    pub fn needs_disk(self) -> bool {
        matches!(self, CacheState::Synced | CacheState::Reread | CacheState::Cold)
    }
}

impl fmt::Display for CacheState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for CacheState {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<CacheState, String> {
        let found = CacheState::ALL.into_iter().find(|state| state.word() == word);
        found.ok_or_else(|| {
            format!(
                "'{word}' is no state; give some of {}",
                CacheState::ALL.map(CacheState::word).join(", ")
            )
        })
    }
}

/// Written or read at once; a multiple of every pixel's bytes is not needed.
const STEP_BYTES: usize = 1 << 20;
/// Written back at once, so that somebody who wants to stop need not wait long.
const SYNC_BYTES: u64 = 64 << 20;

/// Brings the file into a state; what has to be edited to become warm must be edited by the caller. Where the bytes are
/// written anew, the file is emptied first, so that nothing of how they were cached before is left. `progress` hears
/// of no bytes; it is asked whether to go on.
///
/// # Errors
/// `Io`; `Interrupted` if `progress` said so.
pub fn prepare(state: CacheState, path: &Path, data: Range<u64>, progress: Progress<'_>) -> Result<()> {
    let opened = File::options().read(true).write(state.needs_writing()).open(path);
    let file = opened.map_err(|error| Error::io("open", path, error))?;
    if state.needs_writing() {
        write(&file, path, data.clone(), &|_| progress(0))?;
    }
    let failed = |error| Error::io("prepare", path, error);
    if state.needs_disk() {
        for part in split(data.clone(), SYNC_BYTES) {
            threads::report(progress, 0)?;
            direct::write_back(&file, part).map_err(failed)?;
        }
        file.sync_data().map_err(failed)?;
    }
    if let CacheState::Reread | CacheState::Cold = state {
        direct::drop_cached(&file).map_err(failed)?;
    }
    if state == CacheState::Reread {
        read(&file, path, data, progress)?;
    }
    Ok(())
}

/// Empties the file and writes bytes where its data are to be, the same in every step, with a period of 251. `progress`
/// hears of them.
///
/// # Errors
/// As for [`prepare`].
pub fn write(file: &File, path: &Path, data: Range<u64>, progress: Progress<'_>) -> Result<()> {
    let failed = |error| Error::io("write", path, error);
    file.set_len(0).and_then(|()| file.set_len(data.end)).map_err(failed)?;
    let block: Vec<u8> = (0..=250).cycle().take(STEP_BYTES).collect();
    for step in split(data, STEP_BYTES as u64) {
        let length = usize::try_from(step.end - step.start).unwrap_or(0);
        file.write_all_at(&block[..length], step.start).map_err(failed)?;
        threads::report(progress, length as u64)?;
    }
    Ok(())
}

fn read(file: &File, path: &Path, data: Range<u64>, progress: Progress<'_>) -> Result<()> {
    let mut block = vec![0; STEP_BYTES];
    for step in split(data, STEP_BYTES as u64) {
        threads::report(progress, 0)?;
        let length = usize::try_from(step.end - step.start).unwrap_or(0);
        let read = file.read_exact_at(&mut block[..length], step.start);
        read.map_err(|error| Error::io("read", path, error))?;
    }
    Ok(())
}
