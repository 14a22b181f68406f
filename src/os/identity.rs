//! Which file this is, whatever its name; and since when the system runs.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, StatxFlags, StatxTimestamp, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, open, statx,
};
use rustix::io::Errno;

/// What tells a file from every other one, also from a later one that got the same inode. Not the time of the last
/// change: writes through maps move it at any moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// The device of the file system.
    pub device: u64,
    /// The number within the file system.
    pub inode: u64,
    /// When the file was made, in nanoseconds since 1970; 0 where the file system does not know.
    pub birth_nanoseconds: u64,
    /// Bytes in the file.
    pub bytes: u64,
}

/// What `statx` says of a file.
#[derive(Clone, Copy, Debug)]
pub struct FileStat {
    /// Which file it is.
    pub identity: FileIdentity,
    /// Its names.
    pub links: u32,
    /// Its owner.
    pub owner: u32,
    /// True if others than the owner may write it.
    pub writable_by_others: bool,
    /// When anything of it was last changed, in nanoseconds since 1970. The clock of the system's timer: it may be some
    /// milliseconds late, and never early.
    pub changed_nanoseconds: u64,
    /// When its bytes were last changed, in nanoseconds since 1970.
    pub modified_nanoseconds: u64,
    /// The mount through which it was reached: a number that no other mount gets until the system is started anew; 0
    /// where the system (Linux before 6.8) does not know.
    pub mount: u64,
}

/// What `statx` is to be asked for a mount's unique number, and says that it knows: STATX_MNT_ID_UNIQUE.
const MOUNT_UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);

impl FileStat {
    /// Of an open file.
    ///
    /// # Errors
    /// Whatever `statx` says.
    pub fn of(file: &File) -> io::Result<FileStat> {
        FileStat::ask(file, Path::new(""), AtFlags::EMPTY_PATH)
    }

    /// Of what a path leads to, without opening it. Of a link it is that of the link itself.
    ///
    /// # Errors
    /// Whatever `statx` says.
    pub fn of_path(path: &Path) -> io::Result<FileStat> {
        FileStat::ask(CWD, path, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Refuses what somebody else may have written, and what only seems to be ours.
    ///
    /// # Errors
    /// Why, for the user.
    pub fn refuse_foreign(&self) -> Result<(), String> {
        if self.owner != user() {
            return Err(format!(
                "belongs to user {}; only that user can resume or abandon the job",
                self.owner
            ));
        }
        if self.writable_by_others {
            return Err("may be written by others, so anybody may have made it".to_owned());
        }
        Ok(())
    }

    fn ask(folder: impl AsFd, path: &Path, flags: AtFlags) -> io::Result<FileStat> {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME | MOUNT_UNIQUE;
        let found = statx(folder, path, flags, wanted)?;
        let knows = |what: StatxFlags| found.stx_mask & what.bits() != 0;
        let nanoseconds = |time: StatxTimestamp| {
            u64::try_from(time.tv_sec)
                .unwrap_or(0)
                .saturating_mul(1_000_000_000)
                .saturating_add(u64::from(time.tv_nsec))
        };
        let knows_birth = knows(StatxFlags::BTIME);
        let birth_nanoseconds = nanoseconds(found.stx_btime);
        Ok(FileStat {
            identity: FileIdentity {
                device: u64::from(found.stx_dev_major) << 32 | u64::from(found.stx_dev_minor),
                inode: found.stx_ino,
                birth_nanoseconds: if knows_birth { birth_nanoseconds } else { 0 },
                bytes: found.stx_size,
            },
            links: found.stx_nlink,
            owner: found.stx_uid,
            writable_by_others: found.stx_mode & 0o022 != 0,
            changed_nanoseconds: nanoseconds(found.stx_ctime),
            modified_nanoseconds: nanoseconds(found.stx_mtime),
            mount: if knows(MOUNT_UNIQUE) { found.stx_mnt_id } else { 0 },
        })
    }
}

/// Opens a file for reading, and for writing where `writable`, but not through a link, which would lead to a file that
/// somebody else chose, and without waiting for the other end of a pipe. `None` if it is a link.
///
/// # Errors
/// Whatever the system says.
pub fn open_no_link(path: &Path, writable: bool) -> io::Result<Option<File>> {
    let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | access;
    match open(path, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Where an open file is now, without links: also if it was renamed since. Of a removed file, where it was.
///
/// # Errors
/// Whatever the system says.
pub fn path_of(file: &File) -> io::Result<PathBuf> {
    let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    match path.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(before) if path.symlink_metadata().is_err() => Ok(OsStr::from_bytes(before).into()),
        _ => Ok(path),
    }
}

/// The device that is mounted by the mount of this number (see [`FileStat::mount`]), as long as it is there for this
/// process.
pub fn device_of_mount(mount: u64) -> Option<u64> {
    let mounts = std::fs::read("/proc/self/mountinfo").ok()?;
    let mut points = mounts
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.split(|&byte| byte == b' ').nth(4));
    points.find_map(|point| {
        // Nobody is waited for: a server may have gone.
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
        let stat = FileStat::ask(CWD, Path::new(OsStr::from_bytes(&unescaped(point))), flags).ok()?;
        (stat.mount == mount).then_some(stat.identity.device)
    })
}

/// A path of mountinfo, in which blanks and the like are three octal digits behind a backslash.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.first_chunk::<3>().filter(|_| byte == b'\\');
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    bytes
}

/// The user as whom this process acts.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// This process.
pub fn process() -> u32 {
    std::process::id()
}

/// Sets the time of modification of `file` to now.
///
/// # Errors
/// Whatever the system says.
pub fn touch(file: &File) -> io::Result<()> {
    match file.set_modified(SystemTime::now()) {
        // Who may write to a file that is not his own may not choose the time, but may say that it is now.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
            let times = Timestamps {
                last_access: time(UTIME_OMIT),
                last_modification: time(UTIME_NOW),
            };
            Ok(rustix::fs::futimens(file, &times)?)
        }
        other => other,
    }
}

/// Now, in nanoseconds since 1970.
pub fn now_nanoseconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// A number that nobody else has.
///
/// # Errors
/// Whatever the system says.
pub fn random() -> io::Result<u128> {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(more) => filled += more,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(u128::from_ne_bytes(bytes))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_found_by_their_numbers() {
        assert_eq!(unescaped(b"/a\\040b\\134\\"), b"/a b\\\\");
        let root = FileStat::of_path(Path::new("/")).expect("the root");
        if root.mount == 0 {
            eprintln!("skipped: the system does not number its mounts for good");
            return;
        }
        assert_eq!(device_of_mount(root.mount), Some(root.identity.device));
        assert_eq!(device_of_mount(u64::MAX), None);
    }
}
