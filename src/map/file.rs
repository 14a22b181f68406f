//! Files of which parts can be mapped.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Hint, Result};
use crate::os::disk;
use crate::os::unnamed::UnnamedFile;

/// What the file of a named object begins with.
pub(crate) const OBJECT_MAGIC: [u8; 8] = *b"pagelobj";

/// What a map may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only; a write through a view is an error.
    Read,
    /// Reading and writing; what is written reaches the file and every other map of it.
    ReadWrite,
}

/// A file of which parts can be mapped.
#[derive(Debug)]
pub struct MappedFile {
    pub(super) backing_file: Arc<BackingFile>,
    pub(super) len: u64,
}

/// What a view needs of its file: to stay open, and to say what went wrong.
#[derive(Debug)]
pub(super) struct BackingFile {
    pub(super) file: Arc<File>,
    pub(super) path: PathBuf,
    pub(super) access: Access,
    /// What must outlive every view, and is dropped after the file is closed.
    pub(super) keep: Option<Keep>,
    /// True if what is written stays in this process.
    pub(super) copy_on_write: bool,
}

/// Anything that only has to stay alive; a named object uses it to stay in use.
pub(crate) type Keep = Arc<dyn std::fmt::Debug + Send + Sync + UnwindSafe + RefUnwindSafe>;

impl BackingFile {
    /// Why the pages of `range` could not be had, as an error, by asking for each in the ordinary way: to read a byte
    /// of it, and for space for it. Nothing is written: other threads may be at work there, and even the same byte
    /// written back would undo theirs. `Ok` if there is nothing wrong with the pages (any more).
    pub(super) fn diagnose(&self, range: Range<u64>) -> Result<()> {
        let looked = self.file.metadata();
        let file_bytes = looked.map_err(|error| Error::io("look at", &self.path, error))?.len();
        if file_bytes < range.end {
            let hint = format!(
                "it was truncated to {file_bytes} bytes while in use, and byte {} is needed; restore its length",
                range.end - 1,
            );
            let source = io::ErrorKind::UnexpectedEof.into();
            return Err(Error::failed("reach", &self.path, Hint::words(hint), source));
        }
        let mut byte = [0];
        let end = range.end;
        for at in range.step_by(4096) {
            let failed = |doing, error| match Error::io(doing, &self.path, error) {
                Error::Io { hint, source, .. } => {
                    Error::failed(doing, &self.path, Hint::words(format!("at byte {at}; {hint}")), source)
                }
                other => other,
            };
            let read = self.file.read_exact_at(&mut byte, at);
            read.map_err(|error| failed("read", error))?;
            if self.access == Access::ReadWrite {
                let writable = disk::make_writable(&self.file, at..end.min(at + 4096));
                writable.map_err(|error| failed("write", error))?;
            }
        }
        Ok(())
    }
}

impl MappedFile {
    /// Opens an existing file. It is never created, grown or truncated.
    ///
    /// # Errors
    /// `NotFound`, `Permission`; `Unfit` if it is not a regular file (a directory, a pipe), is empty, or is the file of
    /// a named object, which is opened by its name.
    pub fn open(path: impl AsRef<Path>, access: Access) -> Result<MappedFile> {
        let path = path.as_ref();
        let mut options = OpenOptions::new();
        options.read(true).write(access == Access::ReadWrite);
        // Without this flag opening a pipe would wait for its other end; regular files do not care.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
        // Looked at first, because a directory cannot even be opened for writing, and the reason given would puzzle.
        let before = path.metadata().map_err(|error| Error::io("open", path, error))?;
        refuse_irregular(path, &before)?;
        let file = options.open(path).map_err(|error| Error::io("open", path, error))?;
        MappedFile::from_open(file, path, access)
    }

    /// Makes a file of `len` zero bytes, all of them with disk space behind them.
    ///
    /// # Errors
    /// `Exists`; `Request` if `len` is 0; `Io` if the disk is full, and then no file is left.
    pub fn create(path: impl AsRef<Path>, len: u64) -> Result<MappedFile> {
        let path = path.as_ref();
        if len == 0 {
            return Err(Error::request(path, "a map needs at least one byte"));
        }
        let make = || {
            let unnamed = UnnamedFile::create(path, 0o666)?;
            disk::allocate(unnamed.file(), len)?;
            unnamed.publish()
        };
        let file = make().map_err(|error| Error::create(path, error))?;
        Ok(MappedFile::new(file, path, Access::ReadWrite, len))
    }

    /// Makes the file `len` bytes long; new bytes are zero and have disk space behind them. Views made before stay
    /// valid and keep their length.
    ///
    /// # Errors
    /// `Request` if that would shorten the file; `Io` if the disk is full, and then the file keeps its length.
    pub fn extend(&mut self, len: u64) -> Result<()> {
        if len < self.len {
            return Err(Error::request(
                self.path(),
                format!("has {} bytes and is not shortened to {len}", self.len,),
            ));
        }
        disk::allocate(self.file(), len).map_err(|error| Error::io("extend", self.path(), error))?;
        self.len = len;
        Ok(())
    }

    /// Takes a file that is open already, for reading and for what `access` says; `path` is its name.
    ///
    /// # Errors
    /// As for [`MappedFile::open`].
    pub fn from_open(file: File, path: &Path, access: Access) -> Result<MappedFile> {
        let metadata = file.metadata().map_err(|error| Error::io("look at", path, error))?;
        refuse_irregular(path, &metadata)?;
        if metadata.len() == 0 {
            return Err(Error::unfit(path, "is empty; an image has at least one pixel"));
        }
        refuse_object(&file, path)?;
        Ok(MappedFile::new(file, path, access, metadata.len()))
    }

    pub(super) fn new(file: impl Into<Arc<File>>, path: &Path, access: Access, len: u64) -> MappedFile {
        MappedFile::with_keep(file, path, access, len, None)
    }

    /// A file of `len` bytes that is open already. `keep` lives until the map and its last view are gone.
    pub(crate) fn with_keep(
        file: impl Into<Arc<File>>,
        path: &Path,
        access: Access,
        len: u64,
        keep: Option<Keep>,
    ) -> MappedFile {
        let path = path.to_owned();
        MappedFile {
            backing_file: Arc::new(BackingFile {
                file: file.into(),
                path,
                access,
                keep,
                copy_on_write: false,
            }),
            len,
        }
    }

    /// The same map, which keeps `keep` alive as long as it or a view of it lives. No view may have been made yet.
    #[cfg(feature = "ipc")]
    pub(crate) fn keeping(self, keep: Keep) -> MappedFile {
        let source = Arc::into_inner(self.backing_file).expect("nobody else has the map yet");
        MappedFile::with_keep(source.file, &source.path, source.access, self.len, Some(keep))
    }

    /// What it was opened for.
    #[cfg(feature = "ipc")]
    pub(crate) fn access(&self) -> Access {
        self.backing_file.access
    }

    /// Bytes in the file, as it was when opened or last extended.
    #[expect(clippy::len_without_is_empty, reason = "an empty file is never mapped")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The name under which it was opened.
    pub fn path(&self) -> &Path {
        &self.backing_file.path
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.backing_file.file
    }

    /// Waits until all that was written to the file, by anyone, is on its disk.
    ///
    /// # Errors
    /// `Io`. After one failure the system forgets which pages were not written, so a second success proves nothing.
    pub fn sync(&self) -> Result<()> {
        let synced = self.file().sync_data();
        synced.map_err(|error| Error::io("write", self.path(), error))
    }
}

/// Refuses the file of a named object: that of a mutex holds addresses which the C library believes, so whoever could
/// write it through a view could make it write anywhere in this process.
pub(super) fn refuse_object(file: &File, path: &Path) -> Result<()> {
    let mut begin = [0; OBJECT_MAGIC.len()];
    match file.read_exact_at(&mut begin, 0) {
        Ok(()) if begin == OBJECT_MAGIC => Err(Error::unfit(
            path,
            "is a named object and no image; open it by its name (shm, or the module ipc)",
        )),
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(Error::io("read", path, error)),
        _ => Ok(()),
    }
}

pub(super) fn refuse_irregular(path: &Path, metadata: &std::fs::Metadata) -> Result<()> {
    if metadata.is_dir() {
        return Err(Error::unfit(path, "is a directory; name the image file in it"));
    }
    if !metadata.is_file() {
        return Err(Error::unfit(
            path,
            "is not a regular file; pipes and devices cannot be edited in place",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::digest::Key;
    use crate::kernel::{Kernel, reference};
    use crate::map::{CopyEdit, View};
    use crate::op::{Op, Table};
    use crate::pixel::{ByteOrder, ChannelSet, Sample};

    #[test]
    fn what_is_released_keeps_its_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..=250).cycle().take(3 << 20).collect();
        let file = MappedFile::create(&path, bytes.len() as u64).expect("created");
        let of_file = file.view(0..file.len()).expect("mapped");
        let odd = file.view(4097..file.len() - 1).expect("mapped");
        let of_nothing = View::anonymous(bytes.len()).expect("mapped");
        for view in [&of_file, &odd, &of_nothing] {
            let bytes = &bytes[..view.len()];
            view.expect_one_pass();
            view.copy_in(0, bytes).expect("written");
            for part in [0..0, 0..1, 0..4096, 1..8192, 5000..view.len(), 0..view.len()] {
                view.release(part.clone()).expect("inside");
                let mut read = vec![0; bytes.len()];
                view.copy_out(0, &mut read).expect("read");
                assert!(read == bytes, "{part:?} of {}", view.len());
            }
            assert!(matches!(view.release(0..view.len() + 1), Err(Error::Request { .. })));
        }
        assert_eq!(std::fs::read(&path).expect("read")[4097..5000], bytes[..5000 - 4097]);
    }

    /// Compares edits on the way from view to view, one with the machine's routine and one without, with the reference.
    fn compare(op: &Op, order: ByteOrder, lanes: &ChannelSet, phases: &[usize]) {
        const ROOM: usize = 25_000;
        let bytes: Vec<u8> = (0..=250).cycle().take(ROOM).collect();
        let [from, to] = [(); 2].map(|()| View::anonymous(ROOM).expect("mapped"));
        let kernel = Kernel::new(op, Sample::I16, order, lanes);
        let key = Arc::new(Key::new(3));
        let without = CopyEdit {
            kernel: kernel.clone(),
            params: None,
            key: Arc::clone(&key),
        };
        let with = CopyEdit::new(kernel, Arc::clone(&key));
        let lengths = [
            0, 2, 94, 96, 98, 958, 960, 962, 1058, 1920, 5000, 8062, 8064, 8066, 8160, 16_130, 24_194,
        ];
        for (length, phase) in lengths
            .into_iter()
            .flat_map(|length| phases.iter().map(move |phase| (length, phase)))
        {
            let at = [(7, 501), (64, 0), (1, 2)][length % 3];
            let mut want = vec![0xEE; ROOM];
            let arrived = at.1..at.1 + length;
            want[arrived.clone()].copy_from_slice(&bytes[..length]);
            let part = &mut want[arrived.clone()];
            let want_counts: Counts = reference::apply(op, Sample::I16, order, lanes, part, *phase);
            let want_digest = key.add(9, part);
            from.copy_in(at.0, &bytes[..length]).expect("inside");
            for edit in [&with, &without] {
                let what = format!("{op} {order:?} {lanes:?} from {phase}, {length} bytes");
                to.copy_in(0, &[0xEE; ROOM]).expect("inside");
                let mut digest = 9;
                let counts = from.copy_edited(at.0, &to, at.1, length, edit, *phase, &mut digest);
                assert_eq!(counts.expect("inside"), want_counts, "{what}");
                assert_eq!(digest, want_digest, "{what}");
                let mut got = vec![0; ROOM];
                to.copy_out(0, &mut got).expect("inside");
                assert!(got == want, "{what}");
            }
        }
    }

    #[test]
    fn copies_edit_as_the_kernel_does_at_any_place_phase_and_length() {
        let gain = |value| f64::from(value) * 1.7;
        let table = Op::Table(Arc::new(Table::from_values("gain".to_owned(), Sample::I16, gain, None)));
        for op in [Op::Brighten { amount: -20_000 }, table] {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                compare(&op, order, &ChannelSet::all(3), &[0, 1, 2]);
                for count in [1, 2, 4, 5, 7, 47, 48, 49, 224, 1000] {
                    let lanes = ChannelSet::of(count, |lane| lane % 3 != 1);
                    compare(&op, order, &lanes, &[0, 1 % count, count / 2, count - 1]);
                }
            }
        }
    }
}
