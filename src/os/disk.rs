//! What the operating system tells of the file system under a file.

use std::fs::File;

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

/// Gives `file` a length of `bytes` with disk space behind every one of them, so that a full disk is an error now and
/// not a signal later. Bytes that were not there before read as zero.
///
/// # Errors
/// Whatever `fallocate` says. Where the file system cannot reserve space, the file only gets its length.
pub fn allocate(file: &File, bytes: u64) -> std::io::Result<()> {
    loop {
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(rustix::io::Errno::OPNOTSUPP) => return file.set_len(bytes),
            other => return Ok(other?),
        }
    }
}
