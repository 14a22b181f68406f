//! Pictures that can only be decoded whole: farbfeld, PNM, OpenEXR.

use std::path::Path;

use image::codecs::farbfeld::FarbfeldDecoder;
use image::codecs::openexr::OpenExrDecoder;
use image::codecs::pnm::PnmDecoder;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, Limits};

use super::MAX_AT_ONCE_BYTES;
use super::input::{HEADER_BYTES, Input};
use super::picture::{Block, PictureInfo, Put};
use super::samples::{self, Raw};
use crate::error::{Error, Result};
use crate::pixel::{Channels, Sample};

const KIND: &str = "a picture";

/// The most that is read of a header in words: it is read byte by byte, and has comments at most.
const WORDS_BYTES: u64 = 1 << 20;

/// A picture whose header was read.
pub(super) struct WholeSource<'a> {
    decoder: Box<dyn ImageDecoder + 'a>,
    raw: Raw,
    header_bytes: u64,
}

impl<'a> WholeSource<'a> {
    /// Reads the header.
    pub(super) fn open(path: &Path, input: Input<'a>, format: ImageFormat) -> Result<(WholeSource<'a>, PictureInfo)> {
        let refuse = |error| refuse(path, error);
        let header_bytes = match format {
            ImageFormat::Pnm => WORDS_BYTES,
            _ => HEADER_BYTES,
        };
        input.watch().allow("its header", header_bytes);
        let mut decoder: Box<dyn ImageDecoder + 'a> = match format {
            ImageFormat::Farbfeld => Box::new(FarbfeldDecoder::new(input).map_err(refuse)?),
            ImageFormat::OpenExr => Box::new(OpenExrDecoder::new(input).map_err(refuse)?),
            _ => Box::new(PnmDecoder::new(input).map_err(refuse)?),
        };
        let (width, height) = decoder.dimensions();
        if decoder.total_bytes() > MAX_AT_ONCE_BYTES {
            return Err(samples::too_large(path, "a whole picture", decoder.total_bytes()));
        }
        let mut limits = Limits::default();
        limits.max_alloc = Some(2 * MAX_AT_ONCE_BYTES);
        decoder.set_limits(limits).map_err(refuse)?;
        let (channels, raw) = match decoder.color_type() {
            ColorType::L8 => (Channels::GRAY, Raw::U8),
            ColorType::La8 => (Channels::GRAY_ALPHA, Raw::U8),
            ColorType::Rgb8 => (Channels::RGB, Raw::U8),
            ColorType::Rgba8 => (Channels::RGBA, Raw::U8),
            ColorType::L16 => (Channels::GRAY, Raw::Native16),
            ColorType::La16 => (Channels::GRAY_ALPHA, Raw::Native16),
            ColorType::Rgb16 => (Channels::RGB, Raw::Native16),
            ColorType::Rgba16 => (Channels::RGBA, Raw::Native16),
            ColorType::Rgb32F => (Channels::RGB, Raw::Float),
            ColorType::Rgba32F => (Channels::RGBA, Raw::Float),
            other => return Err(samples::unsound(path, KIND, format_args!("{other:?} is not read"))),
        };
        Ok((
            WholeSource {
                decoder,
                raw,
                header_bytes,
            },
            PictureInfo::new(width, height, channels, Sample::U16),
        ))
    }

    /// The most that may be read for the pixels. In words, a sample takes up to three times as much as in memory, and
    /// an OpenEXR may have layers that nobody asked for; but its lists are as long as it says, and stay in memory.
    pub(super) fn max_bytes(&self) -> u64 {
        let most = self.decoder.total_bytes().saturating_mul(16);
        most.saturating_add(self.header_bytes).min(4 * MAX_AT_ONCE_BYTES)
    }

    /// Hands on all pixels.
    pub(super) fn read(self, path: &Path, put: Put<'_>) -> Result<()> {
        let width = u64::from(self.decoder.dimensions().0);
        let bytes = usize::try_from(self.decoder.total_bytes()).unwrap_or(usize::MAX);
        let mut bytes = vec![0; bytes];
        self.decoder
            .read_image_boxed(&mut bytes)
            .map_err(|error| refuse(path, error))?;
        let mut converted = Vec::new();
        self.raw.convert(&bytes, &mut converted);
        put(Block {
            x: 0,
            y: 0,
            width,
            bytes: &converted,
        })
    }
}

fn refuse(path: &Path, error: ImageError) -> Error {
    match error {
        ImageError::IoError(error) => samples::refused(path, KIND, error),
        other => samples::unsound(path, KIND, other),
    }
}
