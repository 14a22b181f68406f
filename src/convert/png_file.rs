//! PNG, row by row in both directions.

use std::io::{BufWriter, Write};
use std::path::Path;

use png::{BitDepth, ColorType, Compression, Decoder, DecodingError, Encoder, Reader, Transformations};

use super::input::Input;
use super::picture::{Block, PictureInfo, Put};
use super::samples::{self, Raw};
use super::{MAX_AT_ONCE_BYTES, NewPicture};
use crate::error::{Error, Result};
use crate::pixel::{Channels, Sample};

/// What deflate can pack at most into one byte; a picture that claims more pixels cannot have them.
const MAX_PACKED: u64 = 1032;
/// Rows are handed on in blocks of about so many bytes.
const BLOCK_BYTES: u64 = 1 << 20;
/// Compressed bytes are written in chunks of so many.
const CHUNK_BYTES: usize = 1 << 18;

/// A PNG whose header was read.
pub(super) struct PngSource<'a> {
    reader: Reader<Input<'a>>,
    raw: Raw,
}

impl<'a> PngSource<'a> {
    /// Reads the header.
    pub(super) fn open(path: &Path, input: Input<'a>, limit_bytes: u64) -> Result<(PngSource<'a>, PictureInfo)> {
        let file_bytes = input.file_bytes().map_err(|error| Error::io("look at", path, error))?;
        let mut decoder = Decoder::new(input);
        decoder.set_transformations(Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let refuse = |error| refuse(path, error);
        // Before anything that needs memory for a row.
        let info = decoder.read_header_info().map_err(refuse)?;
        PictureInfo::new(info.width, info.height, channels(info.color_type), Sample::U16).check(path, limit_bytes)?;
        let min_bytes = u64::try_from(info.raw_bytes()).unwrap_or(u64::MAX) / MAX_PACKED;
        if min_bytes > file_bytes {
            return Err(samples::unsound(
                path,
                "a PNG",
                format_args!(
                    "{}x{} pixels need {min_bytes} bytes however well they are packed, and it has {file_bytes}",
                    info.width, info.height
                ),
            ));
        }
        let reader = decoder.read_info().map_err(refuse)?;
        let (color, depth) = reader.output_color_type();
        let raw = match depth {
            BitDepth::Sixteen => Raw::Big16,
            _ => Raw::U8,
        };
        let info = reader.info();
        let info = PictureInfo::new(info.width, info.height, channels(color), Sample::U16);
        Ok((PngSource { reader, raw }, info))
    }

    /// Hands on all pixels.
    pub(super) fn read(mut self, path: &Path, info: &PictureInfo, put: Put<'_>) -> Result<()> {
        let refuse = |error| refuse(path, error);
        let mut block = Vec::new();
        let mut y = 0;
        if self.reader.info().interlaced {
            let whole = self.reader.output_buffer_size().map_or(u64::MAX, |bytes| bytes as u64);
            if whole > MAX_AT_ONCE_BYTES {
                return Err(samples::too_large(path, "an interlaced PNG", whole));
            }
            let mut bytes = vec![0; usize::try_from(whole).unwrap_or(usize::MAX)];
            self.reader.next_frame(&mut bytes).map_err(refuse)?;
            self.raw.convert(&bytes, &mut block);
            put(Block {
                x: 0,
                y,
                width: info.width,
                bytes: &block,
            })?;
            return self.reader.finish().map_err(refuse);
        }
        let mut converted = Vec::new();
        while let Some(row) = self.reader.next_row().map_err(refuse)? {
            self.raw.convert(row.data(), &mut converted);
            block.extend_from_slice(&converted);
            let rows = block.len() as u64 / info.row_bytes();
            if block.len() as u64 >= BLOCK_BYTES || y + rows == info.height {
                put(Block {
                    x: 0,
                    y,
                    width: info.width,
                    bytes: &block,
                })?;
                y += rows;
                block.clear();
            }
        }
        // Also sees that what follows the pixels is there, checksums and all.
        self.reader.finish().map_err(refuse)
    }
}

fn channels(color: ColorType) -> Channels {
    match color {
        ColorType::Grayscale => Channels::GRAY,
        ColorType::GrayscaleAlpha => Channels::GRAY_ALPHA,
        ColorType::Rgb | ColorType::Indexed => Channels::RGB,
        ColorType::Rgba => Channels::RGBA,
    }
}

fn refuse(path: &Path, error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(error) => samples::refused(path, "a PNG", error),
        other => samples::unsound(path, "a PNG", other),
    }
}

/// What a PNG is to hold.
pub(super) struct PngInfo {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: Channels,
    pub(super) bits: BitDepth,
    /// Whether to say that its colors are sRGB.
    pub(super) srgb: bool,
}

/// Writes a PNG: `rows` calls its argument with the bytes of one row after another, in a PNG's byte order.
///
/// # Errors
/// `Io` if the file cannot be written; whatever `rows` returns.
pub(super) fn write(
    picture: &NewPicture,
    info: &PngInfo,
    rows: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
) -> Result<()> {
    let mut out = BufWriter::with_capacity(CHUNK_BYTES, picture);
    let mut encoder = Encoder::new(&mut out, info.width, info.height);
    encoder.set_color(match info.channels {
        Channels::GRAY => ColorType::Grayscale,
        Channels::GRAY_ALPHA => ColorType::GrayscaleAlpha,
        Channels::RGBA => ColorType::Rgba,
        _ => ColorType::Rgb,
    });
    encoder.set_depth(info.bits);
    encoder.set_compression(Compression::Fast);
    if info.srgb {
        encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    }
    let mut writer = encoder.write_header().map_err(|error| picture.failed(error))?;
    let mut pixels = writer
        .stream_writer_with_size(CHUNK_BYTES)
        .map_err(|error| picture.failed(error))?;
    rows(&mut |row| pixels.write_all(row).map_err(|error| picture.failed(error)))?;
    pixels.finish().map_err(|error| picture.failed(error))?;
    writer.finish().map_err(|error| picture.failed(error))?;
    out.flush().map_err(|error| picture.failed(error))
}
