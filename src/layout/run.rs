//! A run of an image's pixels, told by bytes.

use super::{Layout, tiles};
use crate::error::{Choice, Text, text};
use crate::pixel::ChannelSet;
use crate::window::Window;

impl Layout {
    /// `length_bytes` bytes from `offset_bytes` on, counted from the first pixel's first byte, and which lanes of them
    /// are of the channels.
    ///
    /// # Errors
    /// A message for the user, if either is not whole pixels, the length is 0, the end lies past the image, or pixels
    /// do not lie one after another.
    pub fn run_window(
        &self,
        offset_bytes: u64,
        length_bytes: u64,
        channels: &ChannelSet,
    ) -> Result<(Window, ChannelSet), Text> {
        if !self.is_one_run() {
            return Err(text![
                Choice::Offset,
                " and ",
                Choice::Length,
                " need pixels that lie one after another; this image has planes, bands or tiles that lie apart; use ",
                Choice::Rect,
                ", ",
                Choice::Plane,
                " and ",
                Choice::Channels,
            ]);
        }
        let pixel_bytes = self.format.pixel_bytes();
        for (word, bytes) in [(Choice::Offset, offset_bytes), (Choice::Length, length_bytes)] {
            if bytes % pixel_bytes != 0 {
                let why = format!(
                    " {bytes} is not whole pixels of {pixel_bytes} bytes ({}); try {}",
                    self.format,
                    bytes - bytes % pixel_bytes,
                );
                return Err(text![word, why]);
            }
        }
        let data_bytes = self.data_bytes();
        if length_bytes == 0 {
            return Err(text![
                format!("the window from byte {offset_bytes} of the image's {data_bytes} on is empty; give a "),
                Choice::Length,
                " of at least one pixel, or a smaller ",
                Choice::Offset,
            ]);
        }
        if offset_bytes
            .checked_add(length_bytes)
            .is_none_or(|end| end > data_bytes)
        {
            let why = "ends past the image's";
            return Err(text![
                format!("a window of {length_bytes} bytes from {offset_bytes} on {why} {data_bytes} bytes; "),
                Choice::Offset,
                " and ",
                Choice::Length,
                " together must not exceed them",
            ]);
        }
        let block = tiles::run(self.data_offset() + offset_bytes, length_bytes);
        Ok((Window::of(vec![block])?, channels.as_lanes()))
    }
}
