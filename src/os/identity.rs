//! Which file this is, whatever its name; and since when the system runs.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags, open, statx};
use rustix::io::Errno;

/// What tells a file from every other one, also from a later one that got the same inode. Not the time of the last
/// change: writes through maps move it at any moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The device of the file system.
    pub device: u64,
    /// The number within the file system.
    pub inode: u64,
    /// When the file was made, in nanoseconds since 1970; 0 where the file system does not know.
    pub birth_nanoseconds: u64,
    /// Bytes in the file.
    pub bytes: u64,
}

/// What else one look at a file tells.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Which file it is.
    pub identity: Identity,
    /// Its names.
    pub links: u32,
    /// Its owner.
    pub owner: u32,
    /// True if others than the owner may write it.
    pub writable_by_others: bool,
}

impl Look {
    /// Looks at an open file.
    ///
    /// # Errors
    /// Whatever `statx` says.
    pub fn at(file: &File) -> io::Result<Look> {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let found = statx(file, "", AtFlags::EMPTY_PATH, wanted)?;
        let knows_birth = found.stx_mask & StatxFlags::BTIME.bits() != 0;
        let birth = found.stx_btime;
        let birth_nanoseconds = u64::try_from(birth.tv_sec)
            .unwrap_or(0)
            .saturating_mul(1_000_000_000)
            .saturating_add(u64::from(birth.tv_nsec));
        Ok(Look {
            identity: Identity {
                device: u64::from(found.stx_dev_major) << 32 | u64::from(found.stx_dev_minor),
                inode: found.stx_ino,
                birth_nanoseconds: if knows_birth { birth_nanoseconds } else { 0 },
                bytes: found.stx_size,
            },
            links: found.stx_nlink,
            owner: found.stx_uid,
            writable_by_others: found.stx_mode & 0o022 != 0,
        })
    }
}

/// Opens a file for reading and writing, but not through a link, which would lead to a file that somebody else chose,
/// and without waiting for the other end of a pipe. `None` if it is a link.
///
/// # Errors
/// Whatever the system says.
pub fn open_no_link(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::RDWR;
    match open(path, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The user as whom this process acts.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// This process.
pub fn process() -> u32 {
    std::process::id()
}

/// Another value after every start of the system.
///
/// # Errors
/// Whatever the system says when asked.
pub fn boot() -> io::Result<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let id = u128::from_str_radix(&digits, 16).map_err(io::Error::other)?;
    Ok(id.to_be_bytes())
}
