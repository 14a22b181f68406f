//! The words of every command that names an image, and of those that name a part of it.

use std::path::{Path, PathBuf};

use clap::Args;
use pagelight::error::{Error, Result};
use pagelight::format::kind::Kind;
use pagelight::format::{self, Described, Overrides};
use pagelight::layout::Layout;
use pagelight::map::{Access, MappedFile};
use pagelight::pixel::PixelFormat;
use pagelight::window::Window;

use super::names;
use super::words::{self, Rect};

/// An image, and what it looks like where no header says so.
#[derive(Args)]
#[command(next_help_heading = "The image")]
pub(super) struct ImageArgs {
    /// The raw image; an ENVI header (.hdr) beside it is read. Or name:NAME, as 'shm publish' named it
    pub(super) image: PathBuf,
    #[command(flatten)]
    pub(super) look: LookArgs,
}

/// What an image looks like where no header says so.
#[derive(Args, Clone)]
#[command(next_help_heading = "The image")]
pub(super) struct LookArgs {
    /// What a pixel looks like: rgba16, rgb16be, gray:i16le, mycolor, ... [default: the header's]
    #[arg(long, value_name = "FORMAT")]
    pub(super) pixel: Option<PixelFormat>,
    /// Width and height of the image in pixels [default: the header's]
    #[arg(long, value_name = "WxH", value_parser = words::size)]
    pub(super) size: Option<(u64, u64)>,
    /// Bytes before the first pixel [default: the header's, or 0]
    #[arg(long, value_name = "BYTES", value_parser = words::bytes)]
    pub(super) data_offset: Option<u64>,
    /// These are raw pixels, although the file begins as a known kind of file does, such as TIFF
    #[arg(long, requires = "image")]
    pub(super) as_raw: bool,
    /// The pixels are a part of the file; leave what follows them alone
    #[arg(long, requires = "image")]
    pub(super) part: bool,
}

/// An open image whose layout is known.
pub(super) struct OpenImage {
    pub(super) file: MappedFile,
    pub(super) described: Described,
}

impl ImageArgs {
    /// Opens the image and finds out its layout.
    pub(super) fn open(&self, access: Access) -> Result<OpenImage> {
        self.describe(self.map(access)?)
    }

    /// Finds out the layout of the open image.
    pub(super) fn describe(&self, file: MappedFile) -> Result<OpenImage> {
        let described = format::describe(&file, &self.overrides())?;
        Ok(OpenImage { file, described })
    }

    /// What the open image looks like.
    pub(super) fn layout(&self, image: &MappedFile) -> Result<Layout> {
        Ok(format::describe(image, &self.overrides())?.layout)
    }

    /// The known kind of file that the open image is, if it cannot be edited for that.
    pub(super) fn foreign(&self, image: &MappedFile) -> Result<Option<Kind>> {
        format::foreign(image, &self.overrides())
    }

    /// Refuses an open image of a known kind.
    pub(super) fn refuse_foreign(&self, image: &MappedFile) -> Result<()> {
        format::refuse_foreign(image, &self.overrides())
    }

    /// Opens the image, by its path or by the name under which somebody published it.
    pub(super) fn map(&self, access: Access) -> Result<MappedFile> {
        match names::of_image(&self.image) {
            Some(name) => MappedFile::open_named(&name?, access),
            None => MappedFile::open(&self.image, access),
        }
    }

    /// What the words say of the image.
    fn overrides(&self) -> Overrides {
        Overrides {
            format: self.look.pixel,
            size: self.look.size,
            data_offset: self.look.data_offset,
            as_raw: self.look.as_raw,
            part: self.look.part,
        }
    }
}

/// Which part of the image; all of it unless told otherwise.
#[derive(Args)]
#[command(next_help_heading = "The window")]
pub(super) struct WindowArgs {
    /// First byte of the window, counted from the first pixel's first byte
    #[arg(long, value_name = "BYTES", value_parser = words::bytes)]
    offset: Option<u64>,
    /// Bytes in the window [default: to the end of the image]
    #[arg(long, value_name = "BYTES", value_parser = words::bytes)]
    length: Option<u64>,
    /// The window as a rectangle in pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = words::rect, conflicts_with_all = ["offset", "length"])]
    rect: Option<Rect>,
}

impl WindowArgs {
    /// The window that the words mean in the image `path`.
    pub(super) fn window(&self, path: &Path, layout: &Layout) -> Result<Window> {
        let window = match (self.rect, self.offset, self.length) {
            (Some(rect), _, _) => Window::rect(layout, rect.x, rect.y, rect.width, rect.height),
            (None, None, None) => Ok(Window::whole(layout)),
            (None, offset, length) => {
                let offset = offset.unwrap_or(0);
                let length = length.unwrap_or(layout.data_bytes().saturating_sub(offset));
                Window::run(layout, offset, length)
            }
        };
        window.map_err(|why| Error::Request(format!("{}: {why}", path.display())))
    }

    /// True if the words name a part.
    pub(super) fn is_given(&self) -> bool {
        self.rect.is_some() || self.offset.is_some() || self.length.is_some()
    }
}
