//! What the operating system tells of the file system under a file.

use std::fs::File;
use std::ops::Range;

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

/// A file system, as far as somebody here treats it differently or a user wants to read its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// Memory with file names.
    Tmpfs,
    /// The usual one of Linux.
    Ext4,
    /// Red Hat's usual one.
    Xfs,
    /// Copies on write.
    Btrfs,
    /// Over the network.
    Nfs,
    /// Layers, as in containers.
    Overlay,
    /// Any other, with its magic number.
    Other(u64),
}

impl std::fmt::Display for FileSystem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FileSystem::Tmpfs => f.pad("tmpfs"),
            FileSystem::Ext4 => f.pad("ext4"),
            FileSystem::Xfs => f.pad("xfs"),
            FileSystem::Btrfs => f.pad("btrfs"),
            FileSystem::Nfs => f.pad("nfs"),
            FileSystem::Overlay => f.pad("overlay"),
            FileSystem::Other(magic) => write!(f, "file system {magic:#x}"),
        }
    }
}

/// The file system that holds `file`.
///
/// # Errors
/// Whatever `fstatfs` says.
pub fn file_system(file: &File) -> std::io::Result<FileSystem> {
    // The magic numbers are those of statfs(2).
    let magic = rustix::fs::fstatfs(file)?.f_type as u64 & 0xffff_ffff;
    Ok(match magic {
        0x0102_1994 => FileSystem::Tmpfs,
        0xef53 => FileSystem::Ext4,
        0x5846_5342 => FileSystem::Xfs,
        0x9123_683e => FileSystem::Btrfs,
        0x6969 => FileSystem::Nfs,
        0x794c_7630 => FileSystem::Overlay,
        other => FileSystem::Other(other),
    })
}

/// The bytes that this user can still write to the file system that holds `file`, which may be a folder.
///
/// # Errors
/// Whatever `fstatvfs` says.
pub fn free_bytes(file: &File) -> std::io::Result<u64> {
    let found = rustix::fs::fstatvfs(file)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Puts disk space behind every byte of the ranges `wanted`, which are in order and within the file. Bytes that were
/// there keep their values, and holes read as zero as before.
///
/// # Errors
/// `StorageFull` if the disk is; whatever else the operating system says. Where it cannot tell holes or cannot fill
/// them, nothing happens.
pub fn fill_holes(file: &File, wanted: impl Iterator<Item = Range<u64>>) -> std::io::Result<()> {
    let mut next_hole = 0;
    for range in wanted {
        if range.end <= next_hole {
            continue;
        }
        next_hole = match rustix::fs::seek(file, SeekFrom::Hole(range.start)) {
            Ok(hole) => hole,
            Err(_) => return Ok(()),
        };
        if next_hole >= range.end {
            continue;
        }
        let (start, length) = (next_hole, range.end - next_hole);
        let filled = loop {
            match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, start, length) {
                Err(Errno::INTR) => continue,
                other => break other,
            }
        };
        match filled {
            Ok(()) => next_hole = range.end,
            Err(Errno::OPNOTSUPP) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Sees to it that the range can be written: that disk space is behind it, and that it shares none with another file.
/// What it holds stays, whoever writes to it meanwhile.
///
/// # Errors
/// `StorageFull` if the disk is; whatever else the operating system says. Where it cannot do that, nothing happens.
pub fn make_writable(file: &File, range: Range<u64>) -> std::io::Result<()> {
    let unshared = FallocateFlags::KEEP_SIZE | FallocateFlags::UNSHARE_RANGE;
    for flags in [unshared, FallocateFlags::KEEP_SIZE] {
        match rustix::fs::fallocate(file, flags, range.start, range.end - range.start) {
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
    Ok(())
}

/// Gives the disk space behind the range back, where the file system can. The bytes then read as zero.
pub fn free_space(file: &File, range: Range<u64>) {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    // It only saves space.
    let _ = rustix::fs::fallocate(file, flags, range.start, range.end - range.start);
}

/// Gives `file` a length of `bytes` with disk space behind every one of them, so that a full disk is an error now and
/// not a signal later. Bytes that were not there before read as zero.
///
/// # Errors
/// Whatever `fallocate` says. Where the file system cannot reserve space, the file only gets its length.
pub fn allocate(file: &File, bytes: u64) -> std::io::Result<()> {
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Err(Errno::INTR) => continue,
            Err(Errno::OPNOTSUPP) => return file.set_len(bytes),
            other => return Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileExt, MetadataExt};

    /// True if the file system puts space behind a hole when it is told to; says so if not.
    fn reserves_space() -> bool {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(4096).expect("grown");
        let reserved = rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, 4096);
        let reserves = reserved.is_ok() && file.metadata().expect("looked at").blocks() > 0;
        if !reserves {
            eprintln!("skipped: the file system of the temporary folder reserves no space");
        }
        reserves
    }

    #[test]
    fn only_the_wanted_holes_are_filled() {
        if !reserves_space() {
            return;
        }
        let file = tempfile::tempfile().expect("a file");
        file.set_len(1 << 20).expect("grown");
        file.write_all_at(&[7; 4096], 8192).expect("written");
        let blocks = || file.metadata().expect("looked at").blocks();
        let before = blocks();
        fill_holes(&file, std::iter::once(8192..12_288)).expect("nothing to fill");
        assert_eq!(blocks(), before);
        fill_holes(&file, [0..4096, 8192..16_384, 1 << 19..(1 << 19) + 1].into_iter()).expect("filled");
        assert!(blocks() >= before + 3 * 8 && blocks() < 1 << 10, "{} blocks", blocks());
        assert_eq!(file.metadata().expect("looked at").len(), 1 << 20);
        let mut bytes = [1; 4096];
        file.read_exact_at(&mut bytes, 8192).expect("read");
        assert_eq!(bytes, [7; 4096]);
    }
}
