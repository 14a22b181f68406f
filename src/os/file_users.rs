//! Which processes have locked a file as a whole (`flock`), as `/proc/locks` tells.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

/// All locks of the system, read once.
#[derive(Debug, Default)]
pub(crate) struct Locks(Vec<(u64, u64, u32)>);

impl Locks {
    /// Reads them; none where the system does not tell.
    pub(crate) fn read() -> Locks {
        let text = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        Locks(text.lines().filter_map(parse).collect())
    }

    /// The processes that locked `file`, in order. A process that has ended since, while a child of it keeps the lock,
    /// is among them.
    pub(crate) fn of(&self, file: &File) -> Vec<u32> {
        let Ok(metadata) = file.metadata() else {
            return Vec::new();
        };
        let of_file = |(device, inode, _): &&(u64, u64, u32)| (*device, *inode) == (metadata.dev(), metadata.ino());
        let mut processes: Vec<u32> = self.0.iter().filter(of_file).map(|(_, _, process)| *process).collect();
        processes.sort_unstable();
        processes.dedup();
        processes
    }
}

/// A line such as `1: FLOCK  ADVISORY  READ  817 00:1a:2342 0 EOF`. Who only waits for a lock has an arrow before
/// FLOCK.
fn parse(line: &str) -> Option<(u64, u64, u32)> {
    let mut words = line.split_whitespace().skip(1);
    if words.next()? != "FLOCK" {
        return None;
    }
    let process = words.nth(2)?.parse().ok()?;
    let mut place = words.next()?.split(':');
    let major = u32::from_str_radix(place.next()?, 16).ok()?;
    let minor = u32::from_str_radix(place.next()?, 16).ok()?;
    let inode = place.next()?.parse().ok()?;
    Some((rustix::fs::makedev(major, minor), inode, process))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_linux_writes_them() {
        let line = "1: FLOCK  ADVISORY  READ  817 00:1a:2342 0 EOF";
        assert_eq!(parse(line), Some((rustix::fs::makedev(0, 26), 2342, 817)));
        for other in [
            "1: -> FLOCK ADVISORY WRITE 9 00:1a:2342 0 EOF",
            "2: POSIX ADVISORY WRITE 9 00:1a:2 0 EOF",
            "",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn our_own_lock() {
        let file = tempfile::tempfile().expect("a file");
        assert!(Locks::read().of(&file).is_empty());
        file.lock_shared().expect("locked");
        let users = Locks::read().of(&file);
        // Not all file systems have the same number for their device everywhere.
        assert!(users == [std::process::id()] || users.is_empty(), "{users:?}");
    }
}
