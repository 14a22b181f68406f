//! Ordinary pictures in and out: [`Import`], [`export()`], [`preview`]. The only door to `image`, `png` and `tiff`.
//!
//! 1. Memory stays bounded, whatever a picture's size or whatever it says of itself: nothing larger than
//!    [`MAX_AT_ONCE_BYTES`] is decoded at once. PNG goes row by row, TIFF strip by strip or tile by tile; what can only
//!    be decoded whole (farbfeld, PNM, OpenEXR, interlaced PNG) is refused past that.
//! 2. Samples of 16 bits are kept as they are, bit for bit; those of 8 bits are multiplied by 257, so that black stays
//!    black and white stays white. Floating-point samples (OpenEXR) are clamped to 0 to 1, which becomes 0 to 65535,
//!    and stay linear; what is no number becomes 0.
//! 3. Color profiles and other notes in a picture are not carried over, in either direction.
//! 4. What a format cannot hold is refused before the work begins.
//! 5. What a picture says of itself is read up to a bound, and a user who wants to stop is heard meanwhile
//!    (`input.rs`).

mod area;
mod export;
mod import;
mod input;
mod new_picture;
mod picture;
mod png_file;
pub mod preview;
mod samples;
mod tiff_file;
mod tiles;
mod whole;

pub use self::area::Area;
pub use self::export::{PictureFormat, export};
pub use self::import::{Import, PictureSource};
pub use self::new_picture::NewPicture;

/// The most that is decoded at once: a row of a PNG, a strip or tile of a TIFF, the whole of other pictures.
pub const MAX_AT_ONCE_BYTES: u64 = 512 << 20;
