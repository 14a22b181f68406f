//! Whether the journal is still the one that its job left, and since when somebody else can have touched the image.
//!
//! A journal that was copied back tells of an earlier moment: chunks that it calls free were edited since, and nothing
//! in the image shows it. So a journal knows its own inode and birth; how often it was resumed stands in it and, where
//! the file system keeps such, on it as an attribute, which a copy of the contents leaves alone; and threads note in
//! their slots when they were last alive, after which nobody may have changed the journal's bytes.
//!
//! Signs of life are also what the image's own last change is compared with: it is never later, unless somebody else
//! changed the image.

use std::os::unix::fs::FileExt;

use crate::error::{Error, Result};
use crate::journal::header::{BOOT_AT, JournalHeader, MOUNTS_AT, RUN_AT, SLOT_ALIVE_AT, STATE_AT};
use crate::journal::{Journal, refused, this_boot};
use crate::os::attribute::{self, Attribute};
use crate::os::disk::{self, FileSystem};
use crate::os::identity::{self, FileStat};

/// The attribute on a journal that counts how often it was resumed.
const RUN_ATTRIBUTE: &str = "user.pagelight.run";

/// The unit of signs of life.
const UNIT_NANOSECONDS: u64 = 100_000;

/// How much later than the last sign of life the journal may have changed: a thread notes that it is alive, and then
/// stores, and a disk that is busy may make it wait in between.
const SLACK_NANOSECONDS: u64 = 2_000_000_000;

impl Journal {
    /// Notes that the thread of slot `slot` is alive.
    ///
    /// # Errors
    /// `Io` if the journal's page cannot be had.
    pub fn beat(&self, slot: u32) -> Result<()> {
        let since = identity::now_nanoseconds().saturating_sub(self.header.begun_nanoseconds);
        let at = self.offsets.slot_at(slot) + SLOT_ALIVE_AT;
        // Never back, as the clock may go.
        let before = self.codec.read_alive(slot, self.view.load_word(at)?).unwrap_or(0);
        self.set_alive(slot, since.div_ceil(UNIT_NANOSECONDS).max(before))
    }

    pub(super) fn set_alive(&self, slot: u32, units: u64) -> Result<()> {
        let at = self.offsets.slot_at(slot) + SLOT_ALIVE_AT;
        self.view.store_word(at, self.codec.alive(slot, units))
    }

    /// When a thread of the job was last seen alive, in nanoseconds since 1970.
    ///
    /// # Errors
    /// `Unfit` if the journal is damaged; `Io`.
    pub fn last_alive_nanoseconds(&self) -> Result<u64> {
        let mut last = 0;
        for slot in 0..self.header.slots {
            let word = self.view.load_word(self.offsets.slot_at(slot) + SLOT_ALIVE_AT)?;
            let units = self.codec.read_alive(slot, word);
            let damaged = || {
                let what = format!("is damaged: the last sign of life in slot {slot} makes no sense");
                refused(self.path(), &what)
            };
            last = last.max(units.ok_or_else(damaged)?);
        }
        let since = last.saturating_mul(UNIT_NANOSECONDS);
        Ok(self.header.begun_nanoseconds.saturating_add(since))
    }

    /// True if the system was not started anew since the job was begun or resumed.
    ///
    /// # Errors
    /// `Io` if the system does not say which start this is.
    pub fn is_of_this_boot(&self) -> Result<bool> {
        Ok(this_boot()? == self.words(BOOT_AT)?)
    }

    /// The mounts through which the image and the journal were reached when the job was begun or last resumed; 0 for
    /// one that is not known.
    ///
    /// # Errors
    /// `Io` if the journal's page cannot be had.
    pub fn mounts(&self) -> Result<[u64; 2]> {
        self.words(MOUNTS_AT)
    }

    fn words(&self, at: usize) -> Result<[u64; 2]> {
        Ok([self.view.load_word(at)?, self.view.load_word(at + 8)?])
    }

    /// True if this is the file that was made as the journal, and no copy.
    ///
    /// # Errors
    /// `Io`.
    pub fn is_original(&self) -> Result<bool> {
        let stat = self.stat()?;
        Ok(self.header.journal == [stat.identity.inode, stat.identity.birth_nanoseconds])
    }

    /// Makes a journal that was moved to another file system the one that counts.
    ///
    /// # Errors
    /// `Io`.
    pub fn become_original(&self) -> Result<()> {
        let itself = self.stat()?.identity;
        let header = JournalHeader {
            journal: [itself.inode, itself.birth_nanoseconds],
            ..self.header.clone()
        };
        // In one call, which no kill interrupts within a page.
        let written = self.file().write_all_at(&header.encode()[..STATE_AT], 0);
        written.map_err(|error| Error::io("write", self.path(), error))
    }

    /// Refuses a journal whose bytes are those of an earlier moment.
    ///
    /// # Errors
    /// `Unfit`; `Io`.
    pub fn refuse_earlier_copy(&self) -> Result<()> {
        let failed = |error| Error::io("look at", self.path(), error);
        let earlier = |why: &str| {
            Err(refused(
                self.path(),
                &format!("was changed after its job was cut short: {why}, and what it calls untouched may be edited"),
            ))
        };
        // Digits, so that whoever lists the file's attributes can read it.
        if let Attribute::Value(value) = attribute::read(self.file(), RUN_ATTRIBUTE, 20).map_err(failed)? {
            let runs: Option<u64> = std::str::from_utf8(&value).ok().and_then(|digits| digits.parse().ok());
            if runs.is_none_or(|runs| runs > self.view.load_word(RUN_AT).unwrap_or(0)) {
                return earlier("an earlier copy of it was put back");
            }
        }
        // The clock of a server is not ours.
        let local = [FileSystem::Ext4, FileSystem::Xfs, FileSystem::Btrfs, FileSystem::Tmpfs];
        let is_local = local.contains(&disk::file_system(self.file()).map_err(failed)?);
        let changed = self.stat()?.changed_nanoseconds;
        if is_local && changed > self.last_alive_nanoseconds()?.saturating_add(SLACK_NANOSECONDS) {
            return earlier("a copy may have been put back");
        }
        Ok(())
    }

    /// Counts one more time that the job is resumed. Earlier copies of the journal are refused from then on.
    ///
    /// # Errors
    /// `Io`.
    pub fn count_run(&self) -> Result<()> {
        let runs = self.view.load_word(RUN_AT)?.wrapping_add(1);
        // In this order: whoever dies in between leaves a journal that is ahead of its attribute, which is no copy.
        self.view.store_word(RUN_AT, runs)?;
        // Where there are no attributes, one sign less tells a copy.
        let _ = attribute::write(self.file(), RUN_ATTRIBUTE, runs.to_string().as_bytes());
        Ok(())
    }

    fn stat(&self) -> Result<FileStat> {
        FileStat::of(self.file()).map_err(|error| Error::io("look at", self.path(), error))
    }
}
