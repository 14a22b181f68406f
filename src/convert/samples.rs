//! From the samples that decoders hand out to ours, 16 bits and little-endian.

use std::fmt::{Display, Write};
use std::io;
use std::path::Path;

use crate::error::Error;

/// What a decoder hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// 8 bits.
    U8,
    /// 16 bits, in this machine's byte order.
    Native16,
    /// 16 bits, the high byte first.
    Big16,
    /// Floating point, 32 bits, in this machine's byte order.
    Float,
}

impl Raw {
    pub(super) fn bytes(self) -> u64 {
        match self {
            Raw::U8 => 1,
            Raw::Native16 | Raw::Big16 => 2,
            Raw::Float => 4,
        }
    }

    /// Puts the samples of `from` into `to`, which then has just these.
    pub(super) fn convert(self, from: &[u8], to: &mut Vec<u8>) {
        to.clear();
        match self {
            // v * 257 is v in both bytes.
            Raw::U8 => to.extend(from.iter().flat_map(|&v| [v, v])),
            Raw::Native16 if cfg!(target_endian = "little") => to.extend_from_slice(from),
            Raw::Native16 | Raw::Big16 => to.extend(from.chunks_exact(2).flat_map(|v| [v[1], v[0]])),
            Raw::Float => to.extend(from.chunks_exact(4).flat_map(|v| {
                // A cast from what is no number gives 0.
                let share = f32::from_ne_bytes([v[0], v[1], v[2], v[3]]).clamp(0.0, 1.0);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 0 to 65535.5, or no number"
                )]
                let sample = (share * 65535.0 + 0.5) as u16;
                sample.to_le_bytes()
            })),
        }
    }
}

/// Why a picture could not be read: a real failure of the disk, or else a picture that is not sound.
pub(super) fn refused(path: &Path, kind: &str, error: io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::io("read", path, error);
    }
    unsound(path, kind, error)
}

/// A picture that the decoder refuses.
pub(super) fn unsound(path: &Path, kind: &str, why: impl Display) -> Error {
    let why = shortened(why);
    Error::unfit(
        path,
        format!("is damaged, cut short, or {kind} of a sort that is not read: {why}; nothing was made of it"),
    )
}

/// Some decoders say all that a picture holds of a wrong sort, millions of numbers.
const MAX_LETTERS: usize = 300;

/// The beginning of what a decoder says, without making the rest.
fn shortened(why: impl Display) -> String {
    struct Short(String);

    impl Write for Short {
        fn write_str(&mut self, more: &str) -> std::fmt::Result {
            let left = MAX_LETTERS.saturating_sub(self.0.chars().count());
            self.0.extend(more.chars().take(left));
            if more.chars().nth(left).is_some() {
                self.0.push_str("...");
                return Err(std::fmt::Error);
            }
            Ok(())
        }
    }

    let mut short = Short(String::new());
    // It ends early where it is long.
    let _ = write!(short, "{why}");
    short.0
}

/// A picture of which too much would be in memory at once.
pub(super) fn too_large(path: &Path, what: &str, bytes: u64) -> Error {
    Error::unfit(
        path,
        format!(
            "{what} of {bytes} bytes would be in memory at once, more than {}; convert it with another program to a \
             TIFF of strips or a PNG that is not interlaced, which are read piece by piece",
            super::MAX_AT_ONCE_BYTES,
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: Raw, from: &[u8], want: &[u16]) {
        let mut to = vec![7];
        raw.convert(from, &mut to);
        let got: Vec<u16> = to.chunks_exact(2).map(|v| u16::from_le_bytes([v[0], v[1]])).collect();
        assert_eq!(got, want, "{raw:?}");
    }

    #[test]
    fn a_long_story_is_cut_short() {
        assert_eq!(shortened("why"), "why");
        assert_eq!(shortened("é".repeat(MAX_LETTERS)), "é".repeat(MAX_LETTERS));
        let long = format!("{:?}", shortened(format_args!("{:?}", vec![7; 1000])));
        assert!(
            long.starts_with("\"[7, 7, ") && long.ends_with("...\"") && long.len() == MAX_LETTERS + 5,
            "{long}"
        );
    }

    #[test]
    fn both_ends_stay_where_they_are() {
        check(Raw::U8, &[0, 1, 128, 255], &[0, 257, 32_896, 65_535]);
        check(Raw::Big16, &[0x12, 0x34, 0xff, 0xff], &[0x1234, 0xffff]);
        check(Raw::Native16, &0x1234u16.to_ne_bytes(), &[0x1234]);
        let floats = [-1.0, 0.0, 0.5, 1.0, 7.0, f32::NAN, f32::INFINITY];
        let bytes: Vec<u8> = floats.iter().flat_map(|v: &f32| v.to_ne_bytes()).collect();
        check(Raw::Float, &bytes, &[0, 0, 32_768, 65_535, 65_535, 0, 65_535]);
    }
}
