//! A picture's file, as decoders read it.
//!
//! 1. What a picture says of itself costs nobody more than [`HEADER_BYTES`] of reading, however large its file is: a
//!    hole of a terabyte takes no space, and decoders read headers to their end.
//! 2. A user who wants to stop is heard at every read, so also where no pixels come for a long time.
//! 3. Whatever the reason to read no more, decoders see the end of the file: some try again for ever after an error
//!    (`image` 0.25 does in a comment of a PNM). Whoever uses one asks [`Watch::explain`] for the reason.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::os::regular;
use crate::threads::Progress;

/// The most that is read of a picture before its pixels.
pub(super) const HEADER_BYTES: u64 = 64 << 20;

/// The file, which is read as far as its [`Watch`] allows.
pub(super) struct Input<'a> {
    file: BufReader<File>,
    watch: Rc<Watch<'a>>,
}

/// What is known of the reading: shared by the reader, which a decoder has, and whoever wants to know why that failed.
pub(super) struct Watch<'a> {
    progress: Progress<'a>,
    what: Cell<&'static str>,
    allowed_bytes: Cell<u64>,
    left_bytes: Cell<u64>,
    ended: RefCell<Option<End>>,
}

/// Why there is no more to be read.
enum End {
    Stopped,
    TooMuch,
    Failed(io::Error),
}

impl<'a> Watch<'a> {
    /// From now on so many bytes of `what` may be read.
    pub(super) fn allow(&self, what: &'static str, bytes: u64) {
        self.what.set(what);
        self.allowed_bytes.set(bytes);
        self.left_bytes.set(bytes);
    }

    /// What a decoder made of the file, or the reason why there was no more of it to be read.
    ///
    /// # Errors
    /// The decoder's; `Interrupted` if `progress` said so; `Unfit` if it would be too much; `Io` if the disk failed.
    pub(super) fn explain<T>(&self, path: &Path, decoded: Result<T>) -> Result<T> {
        match self.ended.take() {
            None => decoded,
            Some(End::Stopped) => Err(Error::interrupted()),
            Some(End::Failed(error)) => Err(Error::io("read", path, error)),
            Some(End::TooMuch) => Err(Error::unfit(
                path,
                format!(
                    "{} would be more than {} bytes to read, which no sound picture needs; nothing was made of it",
                    self.what.get(),
                    self.allowed_bytes.get()
                ),
            )),
        }
    }

    /// How many bytes may be read; 0 once there was a reason to end.
    fn most(&self) -> usize {
        let mut ended = self.ended.borrow_mut();
        if ended.is_none() {
            if (self.progress)(0).is_break() {
                *ended = Some(End::Stopped);
            } else if self.left_bytes.get() == 0 {
                *ended = Some(End::TooMuch);
            }
        }
        match *ended {
            None => usize::try_from(self.left_bytes.get()).unwrap_or(usize::MAX),
            Some(_) => 0,
        }
    }

    /// Remembers an error, unless it is one after which reading just goes on.
    fn failed(&self, error: io::Error) -> io::Result<()> {
        if error.kind() == io::ErrorKind::Interrupted {
            return Err(error);
        }
        self.ended.borrow_mut().get_or_insert(End::Failed(error));
        Ok(())
    }

    fn took(&self, bytes: usize) {
        self.left_bytes.set(self.left_bytes.get().saturating_sub(bytes as u64));
    }
}

impl<'a> Input<'a> {
    /// Opens the file for reading, at first [`HEADER_BYTES`] of it.
    ///
    /// # Errors
    /// `Unfit` if it is no regular file; `Io` and the like if it cannot be opened.
    pub(super) fn open(path: &Path, progress: Progress<'a>) -> Result<Input<'a>> {
        let file = regular::open(path).map_err(|error| Error::io("open", path, error))?;
        let file = file.ok_or_else(|| Error::unfit(path, "is no regular file; name a picture"))?;
        let watch = Watch {
            progress,
            what: Cell::new(""),
            allowed_bytes: Cell::new(0),
            left_bytes: Cell::new(0),
            ended: RefCell::new(None),
        };
        watch.allow("its header", HEADER_BYTES);
        Ok(Input {
            file: BufReader::with_capacity(1 << 18, file),
            watch: Rc::new(watch),
        })
    }

    /// What watches over the reading.
    pub(super) fn watch(&self) -> Rc<Watch<'a>> {
        Rc::clone(&self.watch)
    }

    /// The file's length.
    ///
    /// # Errors
    /// Whatever the system says.
    pub(super) fn file_bytes(&self) -> io::Result<u64> {
        Ok(self.file.get_ref().metadata()?.len())
    }
}

impl Read for Input<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let most = self.watch.most().min(bytes.len());
        let read = match self.file.read(&mut bytes[..most]) {
            Ok(read) => read,
            Err(error) => self.watch.failed(error).map(|()| 0)?,
        };
        self.watch.took(read);
        Ok(read)
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let most = self.watch.most();
        match self.file.fill_buf() {
            Ok(bytes) => Ok(&bytes[..most.min(bytes.len())]),
            Err(error) => self.watch.failed(error).map(|()| &[][..]),
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.file.consume(bytes);
        self.watch.took(bytes);
    }
}

impl Seek for Input<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // A jump within what was read already should not have it read again: tiles are often small and close together.
        if let SeekFrom::Start(to) = to
            && let Ok(by) = i64::try_from(i128::from(to) - i128::from(self.file.stream_position()?))
        {
            self.file.seek_relative(by)?;
            return Ok(to);
        }
        self.file.seek(to)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        self.file.stream_position()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("written");
        file
    }

    #[test]
    fn no_more_is_read_than_allowed() {
        let file = file(b"0123456789");
        let go_on = |_| ControlFlow::Continue(());
        let mut input = Input::open(file.path(), &go_on).expect("opened");
        let watch = input.watch();
        watch.allow("it", 7);
        let mut three = [0; 3];
        input.read_exact(&mut three).expect("read");
        assert_eq!(input.fill_buf().expect("read"), b"3456");
        input.consume(2);
        // To be at another place does not give more.
        input.seek(SeekFrom::Start(0)).expect("moved");
        assert_eq!(input.fill_buf().expect("read"), b"01");
        assert!(input.read_exact(&mut three).is_err());
        assert_eq!(input.fill_buf().expect("an end"), b"");
        let why = watch.explain(file.path(), Ok(())).map_err(|error| error.to_string());
        assert!(
            why.as_ref()
                .is_err_and(|why| why.contains("it would be more than 7 bytes")),
            "{why:?}"
        );
    }

    #[test]
    fn a_failing_disk_is_an_end_with_a_reason() {
        let file = file(b"0123456789");
        let go_on = |_| ControlFlow::Continue(());
        let mut input = Input::open(file.path(), &go_on).expect("opened");
        // Opened for writing, it cannot be read.
        input.file = BufReader::new(File::options().write(true).open(file.path()).expect("opened"));
        assert_eq!(input.read(&mut [0; 3]).expect("an end"), 0);
        assert_eq!(input.fill_buf().expect("an end"), b"");
        let why = input.watch().explain(file.path(), Ok(()));
        assert!(matches!(why, Err(Error::Io { doing: "read", .. })), "{why:?}");
    }

    #[test]
    fn a_stop_is_heard_at_every_read() {
        let file = file(b"0123456789");
        let stop = AtomicBool::new(false);
        let progress = |_| {
            if stop.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let mut input = Input::open(file.path(), &progress).expect("opened");
        let mut three = [0; 3];
        input.read_exact(&mut three).expect("read");
        stop.store(true, Ordering::Relaxed);
        assert!(input.read_exact(&mut three).is_err());
        assert_eq!(input.fill_buf().expect("an end"), b"");
        let why = input.watch().explain(file.path(), Ok(()));
        assert!(matches!(why, Err(Error::Interrupted { .. })), "{why:?}");
    }

    #[test]
    fn jumps_lead_where_they_should() {
        let bytes: Vec<u8> = (0..1_000_000u32)
            .map(|at| u8::try_from(at % 251).expect("below 251"))
            .collect();
        let file = file(&bytes);
        let go_on = |_| ControlFlow::Continue(());
        let mut input = Input::open(file.path(), &go_on).expect("opened");
        for to in [5u64, 3, 700_000, 700_010, 0, 999_999, 262_144, 262_143] {
            assert_eq!(input.seek(SeekFrom::Start(to)).expect("moved"), to);
            let mut byte = [0];
            input.read_exact(&mut byte).expect("read");
            assert_eq!(u64::from(byte[0]), to % 251);
            assert_eq!(input.stream_position().expect("asked"), to + 1);
        }
    }
}
