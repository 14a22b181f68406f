//! The file `image` in a journal folder: which image the folder is for.
//!
//! ```text
//! byte   length
//!    0       16  magic
//!   16        4  version
//!   20        4  bytes of the image's path
//!   24       16  the image's random number, as its mark has it
//!   40       32  the image: device, inode, birth, bytes
//!   72        8  generation: how often it was seen that somebody else had changed the image
//!   80        8  the image's time of modification when our last job ended, in nanoseconds since 1970; 0 if none did
//!   88        n  the image's path, when it was last met
//!    ?        4  CRC-32 of the bytes before
//! ```
//!
//! Numbers are little-endian. The file is replaced as a whole, never changed.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::os::identity::{self, FileIdentity, FileStat};
use crate::os::unnamed;

const MAGIC: [u8; 16] = *b"PAGELIGHT\0IMG\r\n\x1a";
const VERSION: u32 = 1;
const PATH_AT: usize = 88;
/// Paths are shorter on every system.
const MAX_BYTES: u64 = 1 << 16;

/// Which image a folder is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The image's random number.
    pub uuid: u128,
    /// The image, when it was last met.
    pub image: FileIdentity,
    /// How often it was seen that somebody else had changed the image.
    pub generation: u64,
    /// The image's time of modification when our last job ended, in nanoseconds since 1970; 0 if none did.
    pub left_nanoseconds: u64,
    /// Where the image was when it was last met.
    pub path: PathBuf,
}

impl Record {
    /// True if this is the file that the record is of, whatever its length and the number of its device, which changes
    /// from mount to mount.
    pub fn is_of(&self, file: &FileIdentity) -> bool {
        let known = (self.image.inode, self.image.birth_nanoseconds);
        known == (file.inode, file.birth_nanoseconds)
    }

    /// Reads the record `path`; `None` if there is none.
    ///
    /// # Errors
    /// `Unfit` if it is not ours, or damaged; `Io`.
    pub fn read(path: &Path) -> Result<Option<Record>> {
        let failed = |error| Error::io("read", path, error);
        let refused = |why: &str| Error::unfit(path, format!("{why}; nothing was changed"));
        let file = match identity::open_no_link(path, false) {
            Ok(Some(file)) => file,
            Ok(None) => return Err(refused("is a link, and no record of an image")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        FileStat::of(&file)
            .map_err(failed)?
            .refuse_foreign()
            .map_err(|why| refused(&why))?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(refused("is no regular file, so no record of an image"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        let record = Record::decode(&bytes);
        record
            .map(Some)
            .ok_or_else(|| refused("is damaged, or no record of an image"))
    }

    /// Puts the record under its name, in place of the one that is there; with `durably`, its bytes are on the disk
    /// before.
    ///
    /// # Errors
    /// `Io`, `Permission`.
    pub fn write(&self, path: &Path, durably: bool) -> Result<()> {
        let failed = |error| Error::io("write", path, error);
        let write = || {
            let mut file = unnamed::replacement(path)?;
            file.as_file_mut().write_all(&self.encode())?;
            if durably {
                file.as_file().sync_data()?;
            }
            file.persist(path).map_err(|error| error.error)
        };
        write().map(drop).map_err(failed)
    }

    fn encode(&self) -> Vec<u8> {
        let path = self.path.as_os_str().as_bytes();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(u32::try_from(path.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(self.uuid.to_le_bytes());
        let FileIdentity {
            device,
            inode,
            birth_nanoseconds,
            bytes: image_bytes,
        } = self.image;
        for number in [
            device,
            inode,
            birth_nanoseconds,
            image_bytes,
            self.generation,
            self.left_nanoseconds,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(path);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Record> {
        let (bytes, check) = bytes.split_last_chunk::<4>()?;
        let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let is_sound = bytes.starts_with(&MAGIC)
            && word(16)? == VERSION
            && word(20)? as usize == bytes.len().checked_sub(PATH_AT)?
            && u32::from_le_bytes(*check) == crc32fast::hash(bytes);
        let path = PathBuf::from(OsString::from_vec(bytes.get(PATH_AT..)?.to_vec()));
        let record = Record {
            uuid: u128::from_le_bytes(*bytes.get(24..)?.first_chunk()?),
            image: FileIdentity {
                device: number(40)?,
                inode: number(48)?,
                birth_nanoseconds: number(56)?,
                bytes: number(64)?,
            },
            generation: number(72)?,
            left_nanoseconds: number(80)?,
            path,
        };
        is_sound.then_some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_and_damage_is_noticed() {
        let record = Record {
            uuid: 5 << 100,
            image: FileIdentity {
                device: 1,
                inode: 2,
                birth_nanoseconds: 3,
                bytes: 4,
            },
            generation: 6,
            left_nanoseconds: 7,
            path: "/data/huge.raw".into(),
        };
        let bytes = record.encode();
        assert_eq!(Record::decode(&bytes), Some(record));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::decode(&flipped), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Record::decode(&bytes[..length]), None, "{length} bytes");
        }
    }
}
