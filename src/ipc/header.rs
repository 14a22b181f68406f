//! The first page of every named object: what it is, and whether this program can use it.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | `pagelobj` |
//! | 8..12 | version of this table: 1 |
//! | 12..16 | [`Kind`]: 1 memory, 2 mutex, 3 file map, 4 event, 5 ring, 6 value with its mutex |
//! | 16..20 | [`Persistence`]: 1 process, 2 file |
//! | 20..24 | the C library's and the machine's idea of a mutex, see [`ABI`] |
//! | 24..32 | length of what follows the page, in bytes |
//! | 32..36 | process id of the creator, for people |
//! | 64..4096 | the own part of a mutex, an event or a ring, see `mutex_page.rs`, `event.rs`, `ring.rs` |
//! | 4096.. | the memory, the ring's bytes, the value, or the file map's target |
//!
//! Numbers are little-endian. Bytes not named are zero.
//!
//! 1. The page is written once, before the object has its name, and never again, but for the own part of its kind.
//! 2. Whatever is under a name without being all this is refused, and left as it is.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::map::OBJECT_MAGIC;
use crate::os::robust_mutex;

/// Where an object's own bytes begin.
pub(super) const PAGE_BYTES: u64 = 4096;

/// The same as a length in memory.
pub(super) const PAGE_LENGTH: usize = 4096;

/// Bytes of the part that this file knows.
pub(super) const HEADER_BYTES: usize = 64;

const VERSION: u32 = 1;

/// Two programs can share a mutex only if these agree: its size, the width of a pointer, the C library, the processor.
#[expect(clippy::cast_possible_truncation, reason = "both sizes are below 100")]
const ABI: u32 = (robust_mutex::BYTES as u32) << 16
    | (size_of::<usize>() as u32) << 8
    | (cfg!(target_env = "musl") as u32) << 4
    | (cfg!(target_endian = "big") as u32) << 3
    | match () {
        () if cfg!(target_arch = "x86_64") => 1,
        () if cfg!(target_arch = "aarch64") => 2,
        () => 0,
    };

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`super::SharedMemory`].
    Memory,
    /// [`super::NamedMutex`].
    Mutex,
    /// A file's map, made by [`crate::map::MappedFile::publish`].
    FileMap,
    /// [`super::NamedEvent`].
    Event,
    /// [`super::ByteRing`].
    Ring,
    /// [`super::SharedMutex`].
    Value,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Kind::Memory => "memory",
            Kind::Mutex => "mutex",
            Kind::FileMap => "file map",
            Kind::Event => "event",
            Kind::Ring => "ring",
            Kind::Value => "value with its mutex",
        })
    }
}

/// How long an object lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// As long as a process uses it, however its users end.
    Process,
    /// Until it is removed; also through a restart of the machine.
    File,
}

/// The header as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ObjectHeader {
    pub(super) kind: Kind,
    pub(super) persistence: Persistence,
    pub(super) length: u64,
    pub(super) creator: u32,
}

impl ObjectHeader {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let kind: u32 = match self.kind {
            Kind::Memory => 1,
            Kind::Mutex => 2,
            Kind::FileMap => 3,
            Kind::Event => 4,
            Kind::Ring => 5,
            Kind::Value => 6,
        };
        let persistence: u32 = match self.persistence {
            Persistence::Process => 1,
            Persistence::File => 2,
        };
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..8].copy_from_slice(&OBJECT_MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&kind.to_le_bytes());
        bytes[16..20].copy_from_slice(&persistence.to_le_bytes());
        bytes[20..24].copy_from_slice(&ABI.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.length.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.creator.to_le_bytes());
        bytes
    }

    /// The header of a file of `file_bytes`, or what is wrong with it.
    fn parse(bytes: &[u8; HEADER_BYTES], file_bytes: u64) -> std::result::Result<ObjectHeader, String> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if bytes[0..8] != OBJECT_MAGIC {
            return Err("is a foreign file, not a named object".to_owned());
        }
        if word(8) != VERSION {
            return Err(format!("was made by another version ({}, this is {VERSION})", word(8)));
        }
        let kind = match word(12) {
            1 => Kind::Memory,
            2 => Kind::Mutex,
            3 => Kind::FileMap,
            4 => Kind::Event,
            5 => Kind::Ring,
            6 => Kind::Value,
            other => return Err(format!("is of an unknown kind ({other})")),
        };
        let persistence = match word(16) {
            1 => Persistence::Process,
            2 => Persistence::File,
            other => return Err(format!("has an unknown persistence ({other})")),
        };
        if word(20) != ABI {
            return Err("was made by a program for another machine or C library".to_owned());
        }
        let length = u64::from(word(24)) | u64::from(word(28)) << 32;
        if length.checked_add(PAGE_BYTES) != Some(file_bytes) {
            return Err(format!(
                "is damaged: its {file_bytes} bytes should be {length} and a header"
            ));
        }
        Ok(ObjectHeader {
            kind,
            persistence,
            length,
            creator: word(32),
        })
    }

    /// Reads and checks the header of `file`. Nothing is changed, whatever it is.
    pub(super) fn read(file: &File, label: &Path) -> Result<ObjectHeader> {
        let refuse = |what: &str| Error::unfit(label, format!("{what}; remove it or choose another name"));
        let metadata = file.metadata().map_err(|error| Error::io("look at", label, error))?;
        if !metadata.is_file() {
            return Err(refuse("is no regular file"));
        }
        let mut bytes = [0; HEADER_BYTES];
        match file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(refuse("is a foreign file, too short for a named object"));
            }
            read => read.map_err(|error| Error::io("read", label, error))?,
        }
        ObjectHeader::parse(&bytes, metadata.len()).map_err(|what| refuse(&what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: ObjectHeader = ObjectHeader {
        kind: Kind::Memory,
        persistence: Persistence::File,
        length: 0x1_0000_0001,
        creator: 77,
    };

    #[test]
    fn what_is_written_is_read() {
        let kinds = [
            Kind::Memory,
            Kind::Mutex,
            Kind::FileMap,
            Kind::Event,
            Kind::Ring,
            Kind::Value,
        ];
        for kind in kinds {
            for persistence in [Persistence::Process, Persistence::File] {
                let header = ObjectHeader {
                    kind,
                    persistence,
                    ..HEADER
                };
                let file_bytes = header.length + PAGE_BYTES;
                assert_eq!(ObjectHeader::parse(&header.to_bytes(), file_bytes), Ok(header));
            }
        }
    }

    #[test]
    fn every_byte_that_decides_is_looked_at() {
        let good = HEADER.to_bytes();
        for at in 0..32 {
            let mut bytes = good;
            bytes[at] ^= 0x10;
            assert!(
                ObjectHeader::parse(&bytes, HEADER.length + PAGE_BYTES).is_err(),
                "byte {at}"
            );
        }
        assert!(ObjectHeader::parse(&good, HEADER.length).is_err());
        let mut huge = good;
        huge[24..32].fill(0xff);
        assert!(ObjectHeader::parse(&huge, PAGE_BYTES - 1).is_err());
    }
}
