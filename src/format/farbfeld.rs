//! farbfeld: red, green, blue and alpha of 16 bits, big-endian, behind 16 bytes.
//!
//! ```text
//! byte 0   "farbfeld"
//!      8   width, 4 bytes, big-endian
//!     12   height
//!     16   the pixels, row by row
//! ```
//!
//! Source: suckless.org, "farbfeld".

use super::found::{Container, Found, Wrong};
use crate::layout::Layout;
use crate::pixel::{ByteOrder, Channels, PixelFormat, Sample};

const HEADER_BYTES: u64 = 16;

/// What the head of a farbfeld file says.
pub(super) fn read(head: &[u8]) -> Result<Found, Wrong> {
    let side = |at: usize| -> Option<u64> {
        let bytes = head.get(at..at + 4)?;
        Some(u64::from(u32::from_be_bytes(bytes.try_into().ok()?)))
    };
    let (Some(width), Some(height)) = (side(8), side(12)) else {
        return Err(Wrong::cut_short("its header of 16 bytes"));
    };
    let format = PixelFormat {
        channels: Channels::RGBA,
        sample: Sample::U16,
        order: ByteOrder::Big,
    };
    let layout = Layout::new(HEADER_BYTES, width, height, format)?;
    Ok(Found::new(layout, Container::Farbfeld))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_of_header() {
        let head = b"farbfeld\0\0\x01\x02\x03\0\0\x01\0\0";
        let found = read(head).expect("a picture");
        let format = "rgba16be".parse().expect("a format");
        let layout = Layout::new(16, 0x102, 0x0300_0001, format).expect("a layout");
        assert_eq!(found, Found::new(layout, Container::Farbfeld));
    }

    #[test]
    fn sides_that_lie() {
        let refused = |head: &[u8], says: &str| match read(head) {
            Err(Wrong::File(why)) => assert!(why.to_string().contains(says), "{why}"),
            other => panic!("{other:?}"),
        };
        for end in 8..16 {
            refused(
                &b"farbfeld\0\0\0\x05\0\0\0\x06"[..end],
                "ends within its header of 16 bytes",
            );
        }
        refused(b"farbfeld\0\0\0\0\0\0\0\x06", "0x6 is no size");
        refused(b"farbfeld\0\0\0\x06\0\0\0\0", "6x0 is no size");
        refused(b"farbfeld\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "more than a file can hold");
    }
}
