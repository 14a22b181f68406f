//! What the operating system tells of the file system under a file.

use std::fs::File;
use std::ops::{ControlFlow, Range};

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

use super::direct;

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

/// As much is asked of the file system at once: it heeds no signal meanwhile, and some take seconds for a gigabyte.
const STEP_BYTES: u64 = 64 << 20;

/// Puts disk space behind every byte of the ranges `wanted`, which are in order and within the file. Bytes that were
/// there keep their values, and holes read as zero as before. `go_on` is asked before every step, so never where there
/// is no hole; `Break` if it said so, and the steps before it then stay done.
///
/// # Errors
/// `StorageFull` if the disk is; whatever else the operating system says. Where it cannot tell holes or cannot fill
/// them, nothing happens.
pub fn fill_holes(
    file: &File,
    wanted: impl Iterator<Item = Range<u64>>,
    go_on: impl Fn() -> ControlFlow<()>,
) -> std::io::Result<ControlFlow<()>> {
    let step_bytes = match file_system(file)? {
        // At memory's speed, and all of a hole or nothing: in steps it would take all memory before it said no.
        FileSystem::Tmpfs => u64::MAX,
        _ => STEP_BYTES,
    };
    // There is no hole between the range that was looked at last and this place.
    let mut next_hole = 0;
    let mut last = 0;
    for range in wanted {
        let mut at = range.start;
        if at < std::mem::replace(&mut last, at) {
            // Another block, with rows between those of the one before.
            next_hole = 0;
        }
        while at.max(next_hole) < range.end {
            if next_hole <= at {
                next_hole = match rustix::fs::seek(file, SeekFrom::Hole(at)) {
                    Ok(hole) => hole,
                    Err(_) => return Ok(ControlFlow::Continue(())),
                };
            }
            if next_hole >= range.end {
                break;
            }
            if go_on().is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let length = step_bytes.min(range.end - next_hole);
            match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, next_hole, length) {
                Ok(()) => at = next_hole + length,
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP) => return Ok(ControlFlow::Continue(())),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(ControlFlow::Continue(()))
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
    if bytes == 0 {
        // No length to ask for.
        return Ok(());
    }
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Err(Errno::INTR) => continue,
            Err(Errno::OPNOTSUPP) => return file.set_len(bytes),
            other => return Ok(other?),
        }
    }
}

/// The same step by step, for a new file that nobody needs half; `go_on` is asked before each, `Break` if it said so.
///
/// # Errors
/// As [`allocate`]; a disk that is too small for all of it is known before the first step.
pub fn allocate_while(
    file: &File,
    bytes: u64,
    go_on: impl Fn() -> ControlFlow<()>,
) -> std::io::Result<ControlFlow<()>> {
    if file_system(file)? == FileSystem::Tmpfs {
        // In steps it would take all memory that there is before it said no.
        return allocate(file, bytes).map(ControlFlow::Continue);
    }
    if bytes.saturating_sub(file.metadata()?.len()) > free_bytes(file)? {
        return Err(std::io::ErrorKind::StorageFull.into());
    }
    let mut at = 0;
    while at < bytes {
        if go_on().is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let length = STEP_BYTES.min(bytes - at);
        match rustix::fs::fallocate(file, FallocateFlags::empty(), at, length) {
            Ok(()) => at += length,
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP) => {
                file.set_len(bytes)?;
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Has all of `file` written to the disk, and `go_on` is asked before every step; `Break` if it said so. A flush, which
/// heeds no signal, then has little left to do.
///
/// # Errors
/// What went wrong in writing.
pub fn write_back_while(file: &File, go_on: impl Fn() -> ControlFlow<()>) -> std::io::Result<ControlFlow<()>> {
    let bytes = file.metadata()?.len();
    let mut at = 0;
    while at < bytes {
        if go_on().is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let end = bytes.min(at + STEP_BYTES);
        direct::write_back(file, at..end)?;
        at = end;
    }
    Ok(ControlFlow::Continue(()))
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
        let fill = |ranges: Vec<Range<u64>>| {
            let filled = fill_holes(&file, ranges.into_iter(), || ControlFlow::Continue(()));
            assert!(filled.expect("filled").is_continue());
        };
        fill(std::iter::once(8192..12_288).collect());
        assert_eq!(blocks(), before);
        fill(vec![0..4096, 8192..16_384, 1 << 19..(1 << 19) + 1]);
        assert!(blocks() >= before + 3 * 8 && blocks() < 1 << 10, "{} blocks", blocks());
        assert_eq!(file.metadata().expect("looked at").len(), 1 << 20);
        let mut bytes = [1; 4096];
        file.read_exact_at(&mut bytes, 8192).expect("read");
        assert_eq!(bytes, [7; 4096]);
    }

    #[test]
    fn many_holes_in_a_range_and_many_ranges_in_a_hole() {
        if !reserves_space() {
            return;
        }
        let file = tempfile::tempfile().expect("a file");
        file.set_len(1 << 20).expect("grown");
        for at in (0..1 << 19).step_by(8192) {
            file.write_all_at(&[7; 4096], at).expect("written");
        }
        let rows = (0..128u64).map(|row| (1 << 19) + row * 4096..(1 << 19) + row * 4096 + 17);
        let ranges = std::iter::once(0..1 << 19).chain(rows);
        let filled = fill_holes(&file, ranges, || ControlFlow::Continue(()));
        assert!(filled.expect("filled").is_continue());
        // Space that was never written to may still be called a hole.
        let blocks = file.metadata().expect("looked at").blocks();
        assert!(blocks >= (1 << 20) / 512, "no hole is left: {blocks} blocks");
    }

    #[test]
    fn an_early_end_leaves_the_steps_before_it() {
        if !reserves_space() {
            return;
        }
        const STEPS: u64 = 10;
        let after = |steps: u64| {
            let asked = std::cell::Cell::new(0);
            move || {
                asked.set(asked.get() + 1);
                if asked.get() > steps {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            }
        };
        let file = tempfile::tempfile().expect("a file");
        let blocks = || file.metadata().expect("looked at").blocks() * 512;
        file.set_len(STEPS * STEP_BYTES).expect("grown");
        let filled = fill_holes(&file, std::iter::once(0..STEPS * STEP_BYTES), after(3)).expect("filled");
        assert!(filled.is_break());
        assert!(
            (3 * STEP_BYTES..4 * STEP_BYTES).contains(&blocks()),
            "{} bytes",
            blocks()
        );

        let file = tempfile::tempfile().expect("a file");
        let ended = allocate_while(&file, STEPS * STEP_BYTES, after(2)).expect("allocated");
        assert!(ended.is_break());
        assert_eq!(file.metadata().expect("looked at").len(), 2 * STEP_BYTES);
        allocate(&file, 2 * STEP_BYTES + 5).expect("allocated");
        assert_eq!(file.metadata().expect("looked at").len(), 2 * STEP_BYTES + 5);
    }
}
