//! A picture becomes an image: what kind it is, what it holds, and where its pixels go.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use image::ImageFormat;

use super::input::{Input, Watch};
use super::picture::{PictureInfo, Put};
use super::png_file::PngSource;
use super::tiff_file::TiffSource;
use super::whole::WholeSource;
use super::{samples, tiles};
use crate::error::{Choice, Error, Result, Text, text};
use crate::layout::Layout;
use crate::os::disk;
use crate::threads::{self, Progress};

/// A picture that was opened and looked at, and of which no pixel was decoded yet.
pub struct PictureSource<'a> {
    path: PathBuf,
    kind: Kind<'a>,
    watch: Rc<Watch<'a>>,
    /// What it holds.
    pub info: PictureInfo,
}

enum Kind<'a> {
    Png(Box<PngSource<'a>>),
    Tiff(Box<TiffSource<'a>>),
    Whole(Box<WholeSource<'a>>),
}

impl<'a> PictureSource<'a> {
    /// Opens the picture `path` and reads its header. Pictures that would unfold to more than `limit_bytes` are
    /// refused: a few bytes can say that they are more than any disk holds. `progress` is asked at every read, now and
    /// later, whether to go on; it hears of no bytes.
    ///
    /// # Errors
    /// `Unfit` if it is no picture, or none of a kind that is read, or too large; `Io` and the like if it cannot be
    /// read; `Interrupted` if `progress` said so.
    pub fn open(path: &Path, limit_bytes: u64, progress: Progress<'a>) -> Result<PictureSource<'a>> {
        let input = Input::open(path, progress)?;
        let watch = input.watch();
        let opened = Kind::open(path, input, limit_bytes).and_then(|(kind, info)| {
            info.check(path, limit_bytes)?;
            Ok((kind, info))
        });
        let (kind, info) = watch.explain(path, opened)?;
        Ok(PictureSource {
            path: path.to_owned(),
            kind,
            watch,
            info,
        })
    }

    fn read(self, put: Put<'_>) -> Result<()> {
        let path = &self.path;
        let read = match self.kind {
            Kind::Png(source) => {
                self.watch.allow("its pixels", u64::MAX);
                source.read(path, &self.info, put)
            }
            Kind::Tiff(source) => {
                self.watch.allow("its pixels", u64::MAX);
                source.read(path, &self.info, put)
            }
            Kind::Whole(source) => {
                self.watch.allow("its pixels", source.max_bytes());
                source.read(path, put)
            }
        };
        self.watch.explain(path, read)
    }
}

impl<'a> Kind<'a> {
    /// Finds out of what kind a picture is, and reads its header.
    fn open(path: &Path, mut input: Input<'a>, limit_bytes: u64) -> Result<(Kind<'a>, PictureInfo)> {
        let failed = |error| samples::refused(path, "a picture", error);
        let mut first = Vec::new();
        input.by_ref().take(16).read_to_end(&mut first).map_err(failed)?;
        input.rewind().map_err(failed)?;
        let is_big_tiff = first.starts_with(b"II+\0") || first.starts_with(b"MM\0+");
        let format = if is_big_tiff {
            Some(ImageFormat::Tiff)
        } else {
            image::guess_format(&first).ok()
        };
        Ok(match format {
            Some(ImageFormat::Tiff) => {
                let (source, info) = TiffSource::open(path, input)?;
                (Kind::Tiff(Box::new(source)), info)
            }
            Some(ImageFormat::Png) => {
                let (source, info) = PngSource::open(path, input, limit_bytes)?;
                (Kind::Png(Box::new(source)), info)
            }
            Some(format @ (ImageFormat::Farbfeld | ImageFormat::Pnm | ImageFormat::OpenExr)) => {
                let (source, info) = WholeSource::open(path, input, format)?;
                (Kind::Whole(Box::new(source)), info)
            }
            other => {
                let what = other.map_or("no picture of a kind that is known".to_owned(), |kind| {
                    format!("{kind:?}")
                });
                return Err(Error::unfit(
                    path,
                    format!("is {what}; PNG, TIFF, farbfeld, PNM and OpenEXR are read: convert it to one of them"),
                ));
            }
        })
    }
}

/// A picture, and how often the image is to repeat it, mirrored so that seams do not show.
pub struct Import<'a> {
    source: PictureSource<'a>,
    columns: u64,
    rows: u64,
    /// Where the image's pixels will lie.
    pub layout: Layout,
}

impl<'a> Import<'a> {
    /// The picture `source`, `columns` times side by side and `rows` times one below the other.
    ///
    /// # Errors
    /// `Request` if the image would be larger than any file.
    pub fn new(source: PictureSource<'a>, (columns, rows): (u64, u64)) -> Result<Import<'a>> {
        let info = source.info;
        let (width, height) = (info.width.checked_mul(columns), info.height.checked_mul(rows));
        let layout = match (width, height) {
            (Some(width), Some(height)) => Layout::new(0, width, height, info.format).map_err(Text::from),
            _ => Err(text![
                format!("{columns}x{rows} of it are more than any file holds; give a smaller "),
                Choice::Tile,
            ]),
        };
        let layout = layout.map_err(|why| Error::request(&source.path, why))?;
        Ok(Import {
            source,
            columns,
            rows,
            layout,
        })
    }

    /// Decodes the picture into `image`, a file whose name will be `path`, once there is room for all that the layout
    /// says, repeats it there on `threads` threads, and has it written to the disk. `progress` hears of every byte
    /// once.
    ///
    /// # Errors
    /// `Unfit` if the picture is not sound; `Io` if it cannot be read or the image cannot be written; `Interrupted` if
    /// `progress` said so.
    pub fn write(self, image: &File, path: &Path, threads: usize, progress: Progress<'_>) -> Result<()> {
        let room = disk::allocate_while(image, self.layout.data_bytes(), || progress(0));
        threads::heed(room.map_err(|error| Error::io("create", path, error))?)?;
        let info = self.source.info;
        let pixel_bytes = info.format.pixel_bytes();
        let stride_bytes = info.row_bytes() * self.columns;
        let (mut expected, got) = (info.width * info.height * pixel_bytes, self.source.path.clone());
        self.source.read(&mut |block| {
            let block_row_bytes = block.width * pixel_bytes;
            assert!(block.x + block.width <= info.width, "a block within the picture");
            let full_rows = block_row_bytes == stride_bytes;
            // Rows that follow one another in the file too are written at once.
            let step_bytes = if full_rows {
                block.bytes.len() as u64
            } else {
                block_row_bytes
            };
            #[expect(
                clippy::cast_possible_truncation,
                reason = "no more than the block has, which is in memory"
            )]
            for (y, bytes) in (block.y..).zip(block.bytes.chunks_exact(step_bytes as usize)) {
                assert!(y < info.height, "a block within the picture");
                let written = image.write_all_at(bytes, y * stride_bytes + block.x * pixel_bytes);
                written.map_err(|error| Error::io("write", path, error))?;
            }
            expected = expected.saturating_sub(block.bytes.len() as u64);
            threads::report(progress, block.bytes.len() as u64)?;
            Ok(())
        })?;
        // A decoder that ends early would leave black where the picture was cut short.
        if expected > 0 {
            return Err(samples::unsound(
                &got,
                "a picture",
                format_args!("{expected} bytes of pixels are missing"),
            ));
        }
        tiles::repeat(image, path, &info, (self.columns, self.rows), threads, progress)?;
        let written = disk::write_back_while(image, || progress(0));
        threads::heed(written.map_err(|error| Error::io("write", path, error))?)
    }
}
