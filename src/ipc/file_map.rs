//! A file's map under a name: another process maps the same file by the name alone.
//!
//! What is published is where the file lies and which file it is (device and inode), so whoever opens the name gets
//! that very file or an error, never another one that has taken its place. Behind the object's first page:
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | device |
//! | 8..16 | inode |
//! | 16..24 | length when published |
//! | 24..32 | 1 for reading, 2 for reading and writing |
//! | 32.. | the path, absolute |

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directory::FileIdentity;
use super::header::{Kind, ObjectHeader, PAGE_BYTES, Persistence};
use super::name::Name;
use super::object::Object;
use crate::error::{Error, Result};
use crate::map::{Access, MappedFile};

const PATH_AT: usize = 32;

/// A file map has this name as long as this value lives, or somebody else has opened the name.
#[derive(Debug)]
pub struct Published {
    object: Object,
}

impl Published {
    /// The name.
    pub fn name(&self) -> &Name {
        self.object.name()
    }
}

impl MappedFile {
    /// Gives the map a name, by which other processes open it ([`MappedFile::open_named`]) as long as the result lives
    /// or one of them has it.
    ///
    /// # Errors
    /// `Exists` if the name means something already; `NotFound` or `Unfit` if the file no longer is where it was
    /// opened.
    pub fn publish(&self, name: &Name) -> Result<Published> {
        let path = self.path();
        let absolute = path.canonicalize().map_err(|error| Error::io("find", path, error))?;
        let identity = FileIdentity::of(self.file()).map_err(|error| Error::io("look at", path, error))?;
        let target = Target {
            device: identity.device(),
            inode: identity.inode(),
            length: self.len(),
            access: self.access(),
            path: absolute,
        };
        target.check(&MappedFile::open(&target.path, Access::Read)?)?;
        let bytes = target.to_bytes();
        let fill = |file: &Arc<File>| {
            let written = file.write_all_at(&bytes, PAGE_BYTES);
            written.map_err(|error| Error::io("write", name.subject(), error))
        };
        let (object, ()) = Object::create(name, Kind::FileMap, Persistence::Process, bytes.len() as u64, fill)?;
        Ok(Published { object })
    }

    /// Opens the file map of that name. The name stays in use as long as the map or one of its views lives.
    ///
    /// # Errors
    /// `NoObject` if there is none, or all its users are gone; `Unfit` if the name means another kind of object, or
    /// another file lies where the published one was; `Request` if it was published for reading only and `access` asks
    /// for more.
    pub fn open_named(name: &Name, access: Access) -> Result<MappedFile> {
        let object = Object::open(name, Kind::FileMap, |_| Ok(()))?;
        let target = Target::read(object.file(), object.header(), &name.label())?;
        if access == Access::ReadWrite && target.access == Access::Read {
            return Err(Error::request(name.subject(), "was published for reading only"));
        }
        let file = MappedFile::open(&target.path, access)?;
        target.check(&file)?;
        Ok(file.keeping(Arc::new(object)))
    }
}

/// Which file a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    device: u64,
    inode: u64,
    pub(super) length: u64,
    access: Access,
    pub(super) path: PathBuf,
}

impl Target {
    fn to_bytes(&self) -> Vec<u8> {
        let access: u64 = match self.access {
            Access::Read => 1,
            Access::ReadWrite => 2,
        };
        let numbers = [self.device, self.inode, self.length, access];
        let mut bytes: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
        bytes.extend(self.path.as_os_str().as_bytes());
        bytes
    }

    /// Reads what the file map `file` means.
    pub(super) fn read(file: &File, header: ObjectHeader, label: &Path) -> Result<Target> {
        let mut bytes = vec![0; usize::try_from(header.length.min(1 << 16)).unwrap_or(0)];
        let read = file.read_exact_at(&mut bytes, PAGE_BYTES);
        read.map_err(|error| Error::io("read", label, error))?;
        let damaged = || Error::unfit(label, "is damaged; remove it and publish the file anew");
        let (numbers, path) = bytes.split_at_checked(PATH_AT).ok_or_else(damaged)?;
        let numbers: Vec<u64> = numbers
            .chunks_exact(8)
            .map(|word| word.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
            .collect();
        let access = match numbers[3] {
            1 => Access::Read,
            2 => Access::ReadWrite,
            _ => return Err(damaged()),
        };
        Ok(Target {
            device: numbers[0],
            inode: numbers[1],
            length: numbers[2],
            access,
            path: PathBuf::from(OsStr::from_bytes(path)),
        })
    }

    /// Refuses `file` if it is not the one that was published.
    fn check(&self, file: &MappedFile) -> Result<()> {
        let identity = FileIdentity::of(file.file()).map_err(|error| Error::io("look at", &self.path, error))?;
        if (identity.device(), identity.inode()) != (self.device, self.inode) {
            return Err(Error::unfit(
                &self.path,
                "is not the file that was published; publish this one anew",
            ));
        }
        if file.len() < self.length {
            let what = format!(
                "had {} bytes when published and has {} now; publish it anew",
                self.length,
                file.len()
            );
            return Err(Error::unfit(&self.path, what));
        }
        Ok(())
    }
}
