//! Small values that a file carries with it, whatever its name: extended attributes of the `user` kind.

use std::fs::File;
use std::io;

use rustix::fs::{XattrFlags, fgetxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;

/// A value of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// The file system keeps none, or none for this mount.
    Unsupported,
    /// It could be there, and is not.
    Absent,
    /// Its bytes, cut off after as many as were asked for and one more.
    Value(Vec<u8>),
}

/// The value `name` of `file`, up to `max_bytes` and one more, by which a longer one is known.
///
/// # Errors
/// Whatever the system says.
pub fn read(file: &File, name: &str, max_bytes: usize) -> io::Result<Attribute> {
    let mut value = vec![0; max_bytes + 1];
    match fgetxattr(file, name, &mut value[..]) {
        Ok(bytes) => {
            value.truncate(bytes);
            Ok(Attribute::Value(value))
        }
        Err(Errno::RANGE) => Ok(Attribute::Value(value)),
        Err(Errno::NODATA) => Ok(Attribute::Absent),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(Attribute::Unsupported),
        Err(error) => Err(error.into()),
    }
}

/// Gives `file` the value `name`, or another one.
///
/// # Errors
/// Whatever the system says: `StorageFull` where there is no room for attributes.
pub fn write(file: &File, name: &str, value: &[u8]) -> io::Result<()> {
    Ok(fsetxattr(file, name, value, XattrFlags::empty())?)
}

/// Takes the value `name` from `file`; not an error if it has none.
///
/// # Errors
/// Whatever the system says.
pub fn remove(file: &File, name: &str) -> io::Result<()> {
    match fremovexattr(file, name) {
        Ok(()) | Err(Errno::NODATA) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
