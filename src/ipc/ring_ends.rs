//! The two ends of a ring.

use std::io::{self, Read, Write};
use std::time::Duration;

use super::failpoint;
use super::ring::{ByteRing, Deadline, READER, WRITER};
use crate::error::{Error, Hint, Result};

impl ByteRing {
    /// Becomes the end that writes. A stream that was ended before goes on.
    ///
    /// # Errors
    /// `Busy` if another process, or another handle of this one, is the writer; `Io` if its page cannot be had.
    pub fn into_writer(self) -> Result<RingWriter> {
        self.become_end(WRITER, "writes to it")?;
        self.begin_stream()?;
        Ok(RingWriter::new(self))
    }

    /// Becomes the end that reads.
    ///
    /// # Errors
    /// `Busy` if another process, or another handle of this one, is the reader.
    pub fn into_reader(self) -> Result<RingReader> {
        self.become_end(READER, "reads from it")?;
        Ok(RingReader::new(self))
    }
}

/// The end of a [`ByteRing`] that writes. Dropping it ends the stream, unless a panic does.
#[derive(Debug)]
pub struct RingWriter {
    ring: ByteRing,
}

impl RingWriter {
    pub(super) fn new(ring: ByteRing) -> RingWriter {
        RingWriter { ring }
    }

    /// Writes as many of `bytes` as there is room for, at least one; waits for room for ever, or up to `timeout`. Gives
    /// how many were written: 0 if the time was over, or there were none to write.
    ///
    /// # Errors
    /// `Unfit` if the ring is damaged; `Io` if its pages cannot be had.
    pub fn send(&mut self, bytes: &[u8], timeout: Option<Duration>) -> Result<usize> {
        let deadline = Deadline::new(timeout);
        loop {
            let position = self.ring.position()?;
            let room = self.ring.capacity() - (position.written - position.read);
            let length = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
            if length > 0 {
                if failpoint::is_careless() {
                    self.ring.set_written(position.written + length as u64, false)?;
                }
                self.ring.pieces(position.written, length, |view, at, part| {
                    view.copy_in(at, &bytes[part])
                })?;
                self.ring.set_written(position.written + length as u64, false)?;
                return Ok(length);
            }
            if bytes.is_empty() || deadline.is_over() {
                return Ok(0);
            }
            self.ring.wait_for_reader(position, deadline)?;
        }
    }

    /// How many bytes were written to the ring since it was made, by all its writers: where a new writer goes on.
    ///
    /// # Errors
    /// As for [`RingWriter::send`].
    pub fn position(&self) -> Result<u64> {
        Ok(self.ring.position()?.written)
    }

    /// Waits until everything was read, for ever or up to `timeout`; false if it was not. A writer who leaves before,
    /// as the ring's only user, takes with it what was not read.
    ///
    /// # Errors
    /// As for [`RingWriter::send`].
    pub fn drain(&mut self, timeout: Option<Duration>) -> Result<bool> {
        let deadline = Deadline::new(timeout);
        loop {
            let position = self.ring.position()?;
            if position.read == position.written {
                return Ok(true);
            }
            if deadline.is_over() {
                return Ok(false);
            }
            self.ring.wait_for_reader(position, deadline)?;
        }
    }

    /// Ends the stream: the reader gets what is left, and then its end.
    ///
    /// # Errors
    /// As for [`RingWriter::send`].
    pub fn end(&mut self) -> Result<()> {
        let position = self.ring.position()?;
        self.ring.set_written(position.written, true)
    }

    /// The ring.
    pub fn ring(&self) -> &ByteRing {
        &self.ring
    }
}

impl Write for RingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes, None).map_err(io::Error::other)
    }

    /// Nothing to do: what is written is there for the reader at once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for RingWriter {
    fn drop(&mut self) {
        // A forked child is not the writer; its parent is.
        if !std::thread::panicking() && self.ring.is_of_this_process() {
            // If it fails the reader hears that its writer is gone.
            let _ = self.end();
        }
    }
}

/// The end of a [`ByteRing`] that reads.
#[derive(Debug)]
pub struct RingReader {
    ring: ByteRing,
}

impl RingReader {
    pub(super) fn new(ring: ByteRing) -> RingReader {
        RingReader { ring }
    }

    /// Reads what there is, up to the length of `buffer`; waits for the first byte for ever, or up to `timeout`. Gives
    /// how many bytes were read: 0 if the stream has ended (or the buffer has no room), and None if the time was over.
    ///
    /// # Errors
    /// `Io` if the writer died before it ended the stream, after all that it wrote was read: a new writer may go on,
    /// and to read again waits for it no longer than it takes to see that there is none. `Unfit` if the ring is
    /// damaged; `Io` if its pages cannot be had.
    pub fn receive(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> Result<Option<usize>> {
        let deadline = Deadline::new(timeout);
        loop {
            // In this order: what a writer wrote before it died is seen.
            let lost = self.ring.has_lost_its_writer()?;
            let position = self.ring.position()?;
            let unread = position.written - position.read;
            let length = usize::try_from(unread).map_or(buffer.len(), |unread| unread.min(buffer.len()));
            if length > 0 {
                self.ring.pieces(position.read, length, |view, at, part| {
                    view.copy_out(at, &mut buffer[part])
                })?;
                self.ring.set_read(position.read + length as u64)?;
                return Ok(Some(length));
            }
            if buffer.is_empty() || position.ended {
                return Ok(Some(0));
            }
            if lost {
                return Err(self.lost_its_writer(position.read));
            }
            if deadline.is_over() {
                return Ok(None);
            }
            self.ring.wait_for_writer(position, deadline)?;
        }
    }

    /// How many bytes were read from the ring since it was made, by all its readers: where a new reader goes on.
    ///
    /// # Errors
    /// `Unfit` if the ring is damaged; `Io` if its pages cannot be had.
    pub fn position(&self) -> Result<u64> {
        Ok(self.ring.position()?.read)
    }

    /// The ring.
    pub fn ring(&self) -> &ByteRing {
        &self.ring
    }

    #[cold]
    fn lost_its_writer(&self, read: u64) -> Error {
        let hint = format!("its writer died before it ended the stream, after {read} bytes; start the writer anew");
        let source = io::ErrorKind::UnexpectedEof.into();
        Error::failed("read from", self.ring.name().subject(), Hint::words(hint), source)
    }
}

impl Read for RingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = self.receive(buffer, None).map_err(io::Error::other)?;
        Ok(received.expect("waits without an end"))
    }
}
