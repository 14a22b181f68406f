//! The directories of a TIFF: which values there are, and where in the file they lie.
//!
//! ```text
//! classic TIFF             BigTIFF
//! byte 0  II or MM         II or MM: the byte order of all numbers
//!      2  42               43
//!      4  directory, 4     8, 2 bytes; 0, 2 bytes
//!      8                   directory, 8 bytes
//!
//! directory: entries, 2    entries, 8
//!   each: tag 2, type 2,   tag 2, type 2,
//!         count 4,         count 8,
//!         value or place 4 value or place 8
//!   next directory, 4      next directory, 8; or 0
//! ```
//!
//! The crate `tiff` reads the same, and the tests compare with it. Here it does not do: it interprets the first page
//! before anybody can ask for another one, and loads its tables for that (49 MB of a million tiles); it takes the last
//! of two entries of one tag, where others take the first; it loses its place in a BigTIFF behind an entry of an
//! unknown type; and it does not say where a value lies, which must be known if no tile is to lie over it.
//!
//! 1. No more than [`BUDGET_BYTES`] of a file are read, and nothing is allocated by a count that was not compared with
//!    what is left of them.
//! 2. A tag that is there twice, and a number of another type than those of whole numbers, are errors.
//!
//! Source: TIFF 6.0; Aldus' and LibTIFF's notes on BigTIFF.

use std::cell::Cell;

use crate::format::found::{Source, Wrong};
use crate::pixel::ByteOrder;

/// What of a file is read at most.
const BUDGET_BYTES: u64 = 64 << 20;
/// Entries of a directory at most; real ones have some dozens.
const MAX_ENTRIES: u64 = 4096;
/// How much of a table is read at once.
const PIECE_BYTES: usize = 64 << 10;

/// A TIFF that is being read.
pub(super) struct Reader<'a> {
    source: Source<'a>,
    pub(super) file_bytes: u64,
    pub(super) order: ByteOrder,
    is_big: bool,
    /// What is left of the budget.
    left_bytes: Cell<u64>,
}

/// What a directory says of one tag.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) tag: u16,
    kind: u16,
    pub(super) count: u64,
    /// Where its value begins; in the directory itself, if it is short.
    pub(super) at: u64,
}

impl Entry {
    /// Bytes of the value; `None` if it is of an unknown type.
    pub(super) fn bytes(&self) -> Option<u64> {
        type_bytes(self.kind).map(|each| self.count.saturating_mul(each))
    }
}

/// The entries of a directory, by their tags.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) at: u64,
    pub(super) end: u64,
    pub(super) entries: Vec<Entry>,
    /// Where the next one begins.
    pub(super) next: Option<u64>,
}

impl Directory {
    pub(super) fn entry(&self, tag: u16) -> Option<&Entry> {
        let place = self.entries.binary_search_by_key(&tag, |entry| entry.tag);
        place.ok().map(|place| &self.entries[place])
    }
}

impl<'a> Reader<'a> {
    /// Reads the header; and where the first directory begins.
    pub(super) fn open(source: Source<'a>) -> Result<(Reader<'a>, u64), Wrong> {
        let head = source.head;
        let order = match head.get(..2) {
            Some(b"MM") => ByteOrder::Big,
            _ => ByteOrder::Little,
        };
        let mut reader = Reader {
            source,
            file_bytes: source.image.len(),
            order,
            is_big: false,
            left_bytes: Cell::new(BUDGET_BYTES),
        };
        let mut header = [0; 16];
        reader.read(&mut header[..8], 0, "its header")?;
        reader.is_big = match reader.number_of(&header[2..4]) {
            42 => false,
            43 => true,
            other => {
                return Err(Wrong::file(format!(
                    "its version is {other}; known are 42 and 43 (BigTIFF)"
                )));
            }
        };
        if !reader.is_big {
            let first = reader.number_of(&header[4..8]);
            return Ok((reader, first));
        }
        reader.read(&mut header, 0, "its header")?;
        let (offset_bytes, zero) = (reader.number_of(&header[4..6]), reader.number_of(&header[6..8]));
        if (offset_bytes, zero) != (8, 0) {
            return Err(Wrong::file(format!(
                "its positions have {offset_bytes} bytes, and those of a BigTIFF have 8"
            )));
        }
        let first = reader.number_of(&header[8..16]);
        Ok((reader, first))
    }

    /// Bytes of the header, before which no directory and no tile begins.
    pub(super) fn header_bytes(&self) -> u64 {
        if self.is_big { 16 } else { 8 }
    }

    /// A number of 1, 2, 4 or 8 bytes.
    fn number_of(&self, bytes: &[u8]) -> u64 {
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self.order {
            ByteOrder::Big => bytes.iter().fold(0, push),
            ByteOrder::Little => bytes.iter().rev().fold(0, push),
        }
    }

    /// Fills `bytes` from byte `at` of the file on, where there is `what`.
    fn read(&self, bytes: &mut [u8], at: u64, what: &str) -> Result<(), Wrong> {
        let length = bytes.len() as u64;
        if at.checked_add(length).is_none_or(|end| end > self.file_bytes) {
            return Err(Wrong::file(format!(
                "{what} at byte {at} ends past the file's {} bytes; it is cut short",
                self.file_bytes
            )));
        }
        let left_bytes = self.left_bytes.get().checked_sub(length);
        self.left_bytes.set(left_bytes.ok_or_else(|| over_budget(what))?);
        Ok(self.source.read_exact_at(bytes, at)?)
    }

    /// The first bytes of the file, as many as there are up to 64 KiB.
    pub(super) fn head(&self) -> &[u8] {
        self.source.head
    }

    /// The directory at byte `at`.
    pub(super) fn directory(&self, at: u64) -> Result<Directory, Wrong> {
        const WHAT: &str = "the directory";
        let (count_bytes, entry_bytes, place_bytes) = if self.is_big { (8, 20, 8) } else { (2, 12, 4) };
        if at < self.header_bytes() {
            return Err(Wrong::file(format!(
                "a directory begins at byte {at}, within the header"
            )));
        }
        let mut number = [0; 8];
        self.read(&mut number[..count_bytes], at, WHAT)?;
        let count = self.number_of(&number[..count_bytes]);
        if count == 0 || count > MAX_ENTRIES {
            return Err(Wrong::file(format!(
                "{WHAT} at byte {at} has {count} entries; 1 to {MAX_ENTRIES} are read"
            )));
        }
        let entries_at = at + count_bytes as u64;
        let length = usize::try_from(count).map_err(|_| over_budget(WHAT))? * entry_bytes;
        let mut bytes = vec![0; length + place_bytes];
        self.read(&mut bytes, entries_at, WHAT)?;
        let next = self.number_of(&bytes[length..]);
        let mut entries = Vec::with_capacity(length / entry_bytes);
        let mut entry_at = entries_at;
        for entry in bytes[..length].chunks_exact(entry_bytes) {
            entries.push(self.entry_of(entry, entry_at, place_bytes));
            entry_at += entry_bytes as u64;
        }
        entries.sort_by_key(|entry| entry.tag);
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].tag == pair[1].tag) {
            return Err(Wrong::file(format!(
                "{WHAT} at byte {at} says tag {} twice",
                pair[0].tag
            )));
        }
        Ok(Directory {
            at,
            end: entries_at + bytes.len() as u64,
            entries,
            next: (next != 0).then_some(next),
        })
    }

    /// The entry of these bytes, which lie at byte `at`.
    fn entry_of(&self, bytes: &[u8], at: u64, place_bytes: usize) -> Entry {
        let kind = u16::try_from(self.number_of(&bytes[2..4])).unwrap_or(0);
        let count = self.number_of(&bytes[4..4 + place_bytes]);
        let value = &bytes[4 + place_bytes..];
        let value_bytes = type_bytes(kind).map(|each| count.saturating_mul(each));
        let is_near = value_bytes.is_none_or(|bytes| bytes <= place_bytes as u64);
        Entry {
            tag: u16::try_from(self.number_of(&bytes[..2])).unwrap_or(0),
            kind,
            count,
            at: if is_near {
                at + 4 + place_bytes as u64
            } else {
                self.number_of(value)
            },
        }
    }

    /// Hands on all numbers of an entry, which must be `count`.
    pub(super) fn each_number(
        &self,
        entry: &Entry,
        count: u64,
        mut each: impl FnMut(u64) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        let what = format!("the value of tag {}", entry.tag);
        let of_number = [1, 3, 4, 13, 16, 18].contains(&entry.kind);
        let Some(number_bytes) = type_bytes(entry.kind).filter(|_| of_number) else {
            return Err(Wrong::file(format!(
                "{what} is of type {}, which is none of whole numbers",
                entry.kind
            )));
        };
        if entry.count != count {
            return Err(Wrong::file(format!(
                "tag {} has {} numbers and needs {count}",
                entry.tag, entry.count
            )));
        }
        let total = entry.bytes().unwrap_or(u64::MAX);
        if total > self.left_bytes.get() {
            return Err(over_budget(&what));
        }
        let (mut at, mut left) = (entry.at, total);
        let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(total).unwrap_or(PIECE_BYTES))];
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(PIECE_BYTES).min(piece.len());
            self.read(&mut piece[..now], at, &what)?;
            for number in piece[..now].chunks_exact(usize::try_from(number_bytes).unwrap_or(8)) {
                each(self.number_of(number))?;
            }
            at += now as u64;
            left -= now as u64;
        }
        Ok(())
    }

    /// All numbers of an entry, if there are no more than `most`.
    pub(super) fn numbers(&self, entry: &Entry, most: u64) -> Result<Vec<u64>, Wrong> {
        if entry.count == 0 || entry.count > most {
            return Err(Wrong::file(format!(
                "tag {} has {} numbers; 1 to {most} are possible",
                entry.tag, entry.count
            )));
        }
        let mut numbers = Vec::new();
        self.each_number(entry, entry.count, |number| {
            numbers.push(number);
            Ok(())
        })?;
        Ok(numbers)
    }

    /// The one number of a tag, if it is there.
    pub(super) fn number(&self, directory: &Directory, tag: u16) -> Result<Option<u64>, Wrong> {
        let Some(entry) = directory.entry(tag) else {
            return Ok(None);
        };
        Ok(self.numbers(entry, 1)?.first().copied())
    }

    /// The start of a text, at most `most` bytes of it.
    pub(super) fn text(&self, entry: &Entry, most: usize) -> Result<String, Wrong> {
        let length = entry.bytes().unwrap_or(0).min(most as u64);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.read(&mut bytes, entry.at, "a text")?;
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..end]).trim().to_owned())
    }
}

/// Bytes of a number of a type.
fn type_bytes(kind: u16) -> Option<u64> {
    match kind {
        // Bytes and characters; then numbers, fractions and floating-point numbers of 2, 4 and 8 bytes.
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16..=18 => Some(8),
        _ => None,
    }
}

fn over_budget(what: &str) -> Wrong {
    Wrong::file(format!(
        "{what} would have more than {BUDGET_BYTES} bytes of headers be read; so large ones are not edited in place"
    ))
}
