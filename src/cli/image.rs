//! The words of every command that names an image, and of those that name a part of it.

use std::path::{Path, PathBuf};

use clap::Args;
use pagelight::error::{Error, Result};
use pagelight::format::detached::Detached;
use pagelight::format::kind::Kind;
use pagelight::format::{self, Axes, Described, Overrides};
use pagelight::job::Target;
use pagelight::map::{Access, MappedFile};
use pagelight::pixel::{ChannelSet, PixelFormat};

use super::area::AreaArgs;
use super::names;
use super::words;

/// An image, and what it looks like where no header says so.
#[derive(Args)]
#[command(next_help_heading = "The image")]
pub(super) struct ImageArgs {
    /// The raw image; an ENVI header (.hdr) beside it is read. Or name:NAME, as 'shm publish' named it
    pub(super) image: PathBuf,
    #[command(flatten)]
    pub(super) layout_args: LayoutArgs,
}

/// What an image looks like where no header says so.
#[derive(Args, Clone)]
#[command(next_help_heading = "The image")]
pub(super) struct LayoutArgs {
    /// What a pixel looks like: rgba16, rgb16be, gray:i16le, mycolor, ... [default: the header's]
    #[arg(long, value_name = "FORMAT")]
    pub(super) pixel: Option<PixelFormat>,
    /// Width and height of the image in pixels [default: the header's]
    #[arg(long, value_name = "WxH", value_parser = words::size)]
    pub(super) size: Option<(u64, u64)>,
    /// Bytes before the first pixel [default: the header's, or 0]
    #[arg(long, value_name = "BYTES", value_parser = words::bytes)]
    pub(super) data_offset: Option<u64>,
    /// What the axes of an NPY array are: yx, yxc, cyx, zyx, tzyxc, ... [default: a last axis of 1 to 4 is channels,
    /// else columns; rows and planes in front of it]
    #[arg(long, value_name = "AXES", requires = "image")]
    pub(super) axes: Option<Axes>,
    /// A picture of a file that has several, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), requires = "image")]
    pub(super) page: Option<u64>,
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
        let header = self.detached()?;
        let file = self.map_by(header.as_ref(), access)?;
        let described = format::describe_by(header.as_ref(), &file, &self.overrides())?;
        Ok(OpenImage { file, described })
    }

    /// Finds out the layout of the open image.
    pub(super) fn describe(&self, file: MappedFile) -> Result<OpenImage> {
        let described = self.look_at(&file)?;
        Ok(OpenImage { file, described })
    }

    /// What the open image looks like.
    pub(super) fn look_at(&self, image: &MappedFile) -> Result<Described> {
        format::describe_by(self.detached()?.as_ref(), image, &self.overrides())
    }

    /// The known kind of file that the open image is, if it cannot be edited for that.
    pub(super) fn foreign(&self, image: &MappedFile) -> Result<Option<Kind>> {
        if self.detached()?.is_some() {
            return Ok(None);
        }
        format::foreign(image, &self.overrides())
    }

    /// Refuses an open image of a known kind.
    pub(super) fn refuse_foreign(&self, image: &MappedFile) -> Result<()> {
        if self.detached()?.is_some() {
            return Ok(());
        }
        format::refuse_foreign(image, &self.overrides())
    }

    /// Opens the image, by its path, by that of its header, or by the name under which somebody published it.
    pub(super) fn map(&self, access: Access) -> Result<MappedFile> {
        self.map_by(self.detached()?.as_ref(), access)
    }

    fn map_by(&self, header: Option<&Detached>, access: Access) -> Result<MappedFile> {
        match names::of_image(&self.image) {
            Some(name) => MappedFile::open_named(&name?, access),
            None => MappedFile::open(header.map_or(&*self.image, Detached::data), access),
        }
    }

    /// The header that was named instead of its image.
    fn detached(&self) -> Result<Option<Detached>> {
        if self.layout_args.as_raw || names::of_image(&self.image).is_some() {
            return Ok(None);
        }
        Detached::find(&self.image)
    }

    /// What the words say of the image.
    fn overrides(&self) -> Overrides {
        Overrides {
            format: self.layout_args.pixel,
            size: self.layout_args.size,
            data_offset: self.layout_args.data_offset,
            axes: self.layout_args.axes,
            page: self.layout_args.page,
            as_raw: self.layout_args.as_raw,
            part: self.layout_args.part,
        }
    }
}

/// Which part of the image; all of it unless told otherwise.
#[derive(Args)]
#[command(next_help_heading = "The window")]
pub(super) struct WindowArgs {
    /// First byte of the window, counted from the first pixel's first byte
    #[arg(long, value_name = "BYTES", value_parser = words::bytes, conflicts_with_all = ["rect", "plane"])]
    offset: Option<u64>,
    /// Bytes in the window [default: to the end of the image]
    #[arg(long, value_name = "BYTES", value_parser = words::bytes, conflicts_with_all = ["rect", "plane"])]
    length: Option<u64>,
    #[command(flatten)]
    pub(super) area: AreaArgs,
}

impl WindowArgs {
    /// The window that the words mean in an image, and of each of its pixels the channels: those that were named, or
    /// `usual` ones.
    pub(super) fn target(&self, path: &Path, described: &Described, usual: &ChannelSet) -> Result<Target> {
        let layout = &described.layout;
        let part = self.area.part(path, described, usual)?;
        let target = match (self.offset, self.length) {
            (None, None) => Target::of(layout, &part, &described.names),
            (offset, length) => {
                let offset = offset.unwrap_or(0);
                let length = length.unwrap_or(layout.data_bytes().saturating_sub(offset));
                Target::of_run(layout, offset, length, &part.channels, &described.names)
            }
        };
        let mut target = target.map_err(|why| Error::request(path, why))?;
        target.mends.clone_from(&described.mended.mends);
        Ok(target)
    }

    /// True if the words name a part.
    pub(super) fn is_given(&self) -> bool {
        self.area.names_an_area() || self.offset.is_some() || self.length.is_some()
    }

    /// True if they name it by bytes.
    pub(super) fn is_in_bytes(&self) -> bool {
        self.offset.is_some() || self.length.is_some()
    }
}
