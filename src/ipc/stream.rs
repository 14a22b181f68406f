//! A view as a stream: `Read`, `Write` and `Seek` over a fixed length.
//!
//! 1. It never grows. A write at the end writes nothing, so `write_all` past the end is an error (`WriteZero`) after
//!    the bytes that fit.
//! 2. The position may lie past the end, as in a file; there is nothing to read or write there.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use crate::map::View;

/// Reads and writes a view from a position that moves on.
#[derive(Debug)]
pub struct ViewStream {
    view: View,
    position: u64,
}

impl ViewStream {
    /// A stream over all of `view`, at its beginning.
    pub fn new(view: View) -> ViewStream {
        ViewStream { view, position: 0 }
    }

    /// Bytes in the stream, wherever its position.
    pub fn len(&self) -> usize {
        self.view.len()
    }

    /// True for a stream of no bytes.
    pub fn is_empty(&self) -> bool {
        self.view.is_empty()
    }

    /// The view itself.
    pub fn into_view(self) -> View {
        self.view
    }

    /// Where the next `wanted` bytes lie, as far as there are any.
    fn next(&self, wanted: usize) -> Range<usize> {
        let at = usize::try_from(self.position).map_or(self.view.len(), |at| at.min(self.view.len()));
        at..at + wanted.min(self.view.len() - at)
    }
}

impl Read for ViewStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let part = self.next(buffer.len());
        let out = &mut buffer[..part.len()];
        self.view.copy_out(part.start, out).map_err(io::Error::other)?;
        self.position += part.len() as u64;
        Ok(part.len())
    }
}

impl Write for ViewStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = self.next(bytes.len());
        self.view
            .copy_in(part.start, &bytes[..part.len()])
            .map_err(io::Error::other)?;
        self.position += part.len() as u64;
        Ok(part.len())
    }

    /// Nothing to do: what is written is there for everybody at once. For the disk there is [`View::flush`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for ViewStream {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => (self.view.len() as u64).checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "a position before the beginning or past any end",
            )
        })?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// `Cursor` over a slice is the obvious stream of a fixed length; ours must do the same.
    #[test]
    fn like_a_cursor_over_a_slice() {
        let mut plain = [0u8; 10];
        let mut wanted = Cursor::new(&mut plain[..]);
        let mut stream = ViewStream::new(View::anonymous(10).expect("a view"));
        for round in 0..2000u64 {
            let number = round.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            let (what, amount) = (number % 5, (number / 5 % 14) as usize);
            match what {
                0 => {
                    let (mut a, mut b) = (vec![0; amount], vec![0; amount]);
                    assert_eq!(stream.read(&mut a).expect("read"), wanted.read(&mut b).expect("read"));
                    assert_eq!(a, b);
                }
                1 => {
                    let bytes = vec![(round % 251) as u8; amount];
                    assert_eq!(
                        stream.write(&bytes).expect("written"),
                        wanted.write(&bytes).expect("written")
                    );
                }
                _ => {
                    let to = match what {
                        2 => SeekFrom::Start(amount as u64),
                        3 => SeekFrom::Current(amount as i64 - 7),
                        _ => SeekFrom::End(3 - amount as i64),
                    };
                    let kind = |result: io::Result<u64>| result.map_err(|error| error.kind());
                    assert_eq!(kind(stream.seek(to)), kind(wanted.seek(to)));
                }
            }
            assert_eq!(stream.stream_position().expect("told"), wanted.position());
        }
        let mut bytes = [0; 10];
        stream.view.copy_out(0, &mut bytes).expect("read");
        assert_eq!(bytes, plain);
    }

    #[test]
    fn never_grows() {
        let mut stream = ViewStream::new(View::anonymous(4).expect("a view"));
        let error = stream.write_all(b"12345").expect_err("does not fit");
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
        assert_eq!(stream.len(), 4);
        stream.seek(SeekFrom::Start(u64::MAX)).expect("like a file");
        assert_eq!(stream.read(&mut [0; 4]).expect("nothing there"), 0);
        assert!(stream.seek(SeekFrom::Current(1)).is_err());
    }
}
