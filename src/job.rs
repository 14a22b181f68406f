//! What is to be done to an image: [`Job`] = [`Op`] + [`Window`] + what its pixels look like.

use crate::op::Op;
use crate::pixel::PixelFormat;
use crate::window::Window;

/// One edit of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// What happens to every pixel of the window.
    pub op: Op,
    /// What the pixels look like.
    pub format: PixelFormat,
    /// Which pixels.
    pub window: Window,
}
