//! The mark on an image: a small value that the file carries with it, whatever its name, and that leads to the folder
//! of its journals.
//!
//! ```text
//! attribute user.pagelight, text, at most 511 bytes, with one space between:
//! 1                                 version
//! -, 0, 1, 2, ...                   how many jobs are begun and not ended; - if not even ids are kept
//! 32 hexadecimal digits             the image's random number
//! 8 hexadecimal digits              CRC-32 of the other four, with one space between
//! the rest                          the folder: its path, or its name alone where the path is too long
//! ```
//!
//! The mark travels in archives and copies, so it is data from outside: a path in it is only looked at.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::os::attribute::{self, Attribute};

const NAME: &str = "user.pagelight";
/// ext4 keeps some 3.5 KB for all attributes of a file; others want some, too.
const MAX_BYTES: usize = 511;
const VERSION: &str = "1";

/// What an image carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The image's random number, which its journal folder knows, too.
    pub uuid: u128,
    /// How many jobs are begun and not ended; `None` if the folder holds nothing that counts, and may be gone.
    pub jobs: Option<u32>,
    /// The folder of the journals: its path, or its name alone.
    pub folder: PathBuf,
}

/// What came of looking for a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marking {
    /// The file system keeps no marks.
    Unsupported,
    /// None is there.
    Unmarked,
    /// This one.
    Marked(Mark),
    /// Something is there that makes no sense; why.
    Unreadable(String),
}

impl Mark {
    /// The mark on `image`.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub fn read(image: &File, path: &Path) -> Result<Marking> {
        let found = attribute::read(image, NAME, MAX_BYTES);
        Ok(match found.map_err(|error| Error::io("look at", path, error))? {
            Attribute::Unsupported => Marking::Unsupported,
            Attribute::Absent => Marking::Unmarked,
            Attribute::Value(bytes) => match Mark::decode(&bytes) {
                Ok(mark) => Marking::Marked(mark),
                Err(why) => Marking::Unreadable(why),
            },
        })
    }

    /// Puts the mark on `image`, in place of the one that it has.
    ///
    /// # Errors
    /// `Io` if there is no room for it, `Permission`.
    pub fn write(&self, image: &File, path: &Path) -> Result<()> {
        let written = attribute::write(image, NAME, &self.encode());
        written.map_err(|error| Error::io("mark", path, error))
    }

    /// Takes the mark from `image`.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub fn remove(image: &File, path: &Path) -> Result<()> {
        attribute::remove(image, NAME).map_err(|error| Error::io("mark", path, error))
    }

    fn encode(&self) -> Vec<u8> {
        let jobs = self.jobs.map_or_else(|| "-".to_owned(), |jobs| jobs.to_string());
        let folder = |path: &Path| {
            let head = format!("{VERSION} {jobs} {:032x}", self.uuid);
            let path = path.as_os_str().as_bytes();
            let check = crc32fast::hash(&[head.as_bytes(), b" ", path].concat());
            [format!("{head} {check:08x} ").as_bytes(), path].concat()
        };
        let bytes = folder(&self.folder);
        match self.folder.file_name() {
            Some(name) if bytes.len() > MAX_BYTES => folder(Path::new(name)),
            _ => bytes,
        }
    }

    fn decode(bytes: &[u8]) -> std::result::Result<Mark, String> {
        if bytes.len() > MAX_BYTES {
            return Err(format!("it has more than {MAX_BYTES} bytes"));
        }
        let mut parts = bytes.splitn(5, |&byte| byte == b' ');
        let mut text = || {
            parts
                .next()
                .and_then(|part| std::str::from_utf8(part).ok())
                .unwrap_or("")
        };
        let version = text();
        if version != VERSION && !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("it is of version {version}, and this program knows {VERSION}"));
        }
        let (jobs, uuid, check) = (text(), text(), text());
        let folder = PathBuf::from(OsString::from_vec(parts.next().unwrap_or(b"").to_vec()));
        let mark = match (u128::from_str_radix(uuid, 16), jobs) {
            (Ok(uuid), "-") => Some(Mark {
                uuid,
                jobs: None,
                folder,
            }),
            (Ok(uuid), jobs) => jobs.parse().ok().map(|jobs| Mark {
                uuid,
                jobs: Some(jobs),
                folder,
            }),
            _ => None,
        };
        // It must be just what would be written: that leaves no other ways to say the same.
        let sound = mark.filter(|mark| {
            let name = mark.folder.file_name();
            check.len() == 8 && name.is_some() && mark.encode() == bytes
        });
        sound.ok_or_else(|| "it is damaged, or no mark of Pagelight".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(folder: &str, jobs: Option<u32>) -> Mark {
        Mark {
            uuid: 0x0123_4567_89ab_cdef_0011_2233_4455_6677,
            jobs,
            folder: folder.into(),
        }
    }

    #[test]
    fn it_reads_back_and_damage_is_noticed() {
        for mark in [
            mark("/data/huge.raw.12345678.pagelight", Some(0)),
            mark("/data/a b/x", None),
            mark("name-alone", Some(17)),
        ] {
            let bytes = mark.encode();
            assert!(bytes.len() <= MAX_BYTES);
            assert_eq!(Mark::decode(&bytes), Ok(mark.clone()));
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(Mark::decode(&flipped).is_err(), "bit {bit}");
            }
            for length in 0..bytes.len() {
                assert!(Mark::decode(&bytes[..length]).is_err(), "{length} bytes");
            }
        }
        assert!(Mark::decode(&vec![b'x'; MAX_BYTES + 1]).is_err());
        let other = Mark::decode(b"2 whatever").expect_err("another version");
        assert_eq!(other, "it is of version 2, and this program knows 1");
    }

    #[test]
    fn of_a_path_that_is_too_long_the_name_is_kept() {
        let long = format!("/{}/folder", "x/".repeat(300));
        let decoded = Mark::decode(&mark(&long, Some(1)).encode()).expect("a mark");
        assert_eq!(decoded.folder, Path::new("folder"));
    }
}
