//! TIFF and BigTIFF: read strip by strip or tile by tile, written in strips that are not compressed, so that the size
//! is known before the work begins.

use std::io::{BufWriter, Write};
use std::path::Path;

use tiff::decoder::{ChunkType, Decoder, Limits};
use tiff::encoder::colortype::{ColorType, Gray16, RGB16};
use tiff::encoder::{TiffEncoder, TiffKind};
use tiff::tags::{ExtraSamples, PhotometricInterpretation, SampleFormat, Tag};
use tiff::{ColorType as Colors, TiffError};

use super::input::Input;
use super::picture::{Block, PictureInfo, Put};
use super::samples::{self, Raw};
use super::{MAX_AT_ONCE_BYTES, NewPicture};
use crate::error::{Error, Result};
use crate::pixel::{Channels, PixelFormat, Sample};

/// A strip has about so many bytes, but at least a row.
const STRIP_BYTES: u64 = 1 << 20;
/// What is left of 4 GiB, the most that a TIFF's 32-bit positions reach, for all that is not pixels.
const CLASSIC_DATA_BYTES: u64 = (4 << 30) - (1 << 20);

/// A TIFF whose header was read.
pub(super) struct TiffSource<'a> {
    decoder: Decoder<Input<'a>>,
    raw: Raw,
}

impl<'a> TiffSource<'a> {
    /// Reads the header.
    pub(super) fn open(path: &Path, input: Input<'a>) -> Result<(TiffSource<'a>, PictureInfo)> {
        let refuse = |error| refuse(path, error);
        let mut limits = Limits::default();
        limits.decoding_buffer_size = usize::try_from(MAX_AT_ONCE_BYTES).unwrap_or(usize::MAX);
        limits.intermediate_buffer_size = limits.decoding_buffer_size;
        // The directory is read under the crate's own limits, a quarter of these, and under those of the input.
        let mut decoder = Decoder::new(input).map_err(refuse)?.with_limits(limits);
        let (width, height) = decoder.dimensions().map_err(refuse)?;
        let colors = decoder.colortype().map_err(refuse)?;
        let buffer = decoder.image_buffer_layout().map_err(refuse)?;
        let unfit = |what: String| Err(samples::unsound(path, "a TIFF", what));
        if buffer.planes != 1 {
            return unfit("each channel lies by itself; interleave them by pixel".to_owned());
        }
        let extra = decoder
            .find_tag_unsigned_vec::<u16>(Tag::ExtraSamples)
            .map_err(refuse)?;
        let last_is_alpha = extra.is_some_and(|extra| matches!(extra.as_slice(), [1 | 2]));
        let (channels, bits) = match (colors, last_is_alpha) {
            (Colors::Gray(bits), _) => (Channels::GRAY, bits),
            (Colors::GrayA(bits), _) => (Channels::GRAY_ALPHA, bits),
            (Colors::RGB(bits), _) => (Channels::RGB, bits),
            (Colors::RGBA(bits), _) => (Channels::RGBA, bits),
            (Colors::Multiband { bit_depth, num_samples }, last_is_alpha) => {
                match Channels::bands(num_samples.into(), last_is_alpha && num_samples == 2) {
                    Some(channels) => (channels, bit_depth),
                    None => return unfit(format!("pixels of {num_samples} samples are not read")),
                }
            }
            (other, _) => return unfit(format!("{other:?} is not read; convert it to gray or RGB")),
        };
        let (raw, sample) = match (buffer.sample_format, bits) {
            (SampleFormat::Uint, 8) => (Raw::U8, Sample::U16),
            (SampleFormat::Uint, 16) => (Raw::Native16, Sample::U16),
            (SampleFormat::Int, 16) => (Raw::Native16, Sample::I16),
            (format, bits) => return unfit(format!("samples are {format:?} of {bits} bits; 8 or 16 bits are read")),
        };
        let info = PictureInfo::new(width, height, channels, sample);
        Ok((TiffSource { decoder, raw }, info))
    }

    /// Hands on all pixels.
    pub(super) fn read(mut self, path: &Path, info: &PictureInfo, put: Put<'_>) -> Result<()> {
        let refuse = |error| refuse(path, error);
        let (chunk_width, chunk_height) = self.decoder.chunk_dimensions();
        if chunk_width == 0 || chunk_height == 0 {
            return Err(samples::unsound(path, "a TIFF", "its strips or tiles are empty"));
        }
        let across = match self.decoder.get_chunk_type() {
            ChunkType::Strip => 1,
            ChunkType::Tile => info.width.div_ceil(chunk_width.into()),
        };
        let down = info.height.div_ceil(chunk_height.into());
        let unit_bytes = info.format.channels.count() as u64 * self.raw.bytes();
        let (mut bytes, mut converted) = (Vec::new(), Vec::new());
        for index in 0..across * down {
            let (x, y) = (
                index % across * u64::from(chunk_width),
                index / across * u64::from(chunk_height),
            );
            // Without what a tile has past the picture's edges.
            let width = (info.width - x).min(chunk_width.into());
            let height = (info.height - y).min(chunk_height.into());
            let chunk = u32::try_from(index).map_err(|_| samples::unsound(path, "a TIFF", "too many strips"))?;
            let layout = self.decoder.image_chunk_buffer_layout(chunk).map_err(refuse)?;
            if layout.len as u64 > MAX_AT_ONCE_BYTES {
                return Err(samples::too_large(path, "a strip or tile", layout.len as u64));
            }
            if layout.len as u64 != width * height * unit_bytes {
                return Err(samples::unsound(
                    path,
                    "a TIFF",
                    "its strips or tiles have other sizes than they should",
                ));
            }
            bytes.resize(layout.len, 0);
            self.decoder.read_chunk_bytes(chunk, &mut bytes).map_err(refuse)?;
            self.raw.convert(&bytes, &mut converted);
            put(Block {
                x,
                y,
                width,
                bytes: &converted,
            })?;
        }
        Ok(())
    }
}

fn refuse(path: &Path, error: TiffError) -> Error {
    match error {
        TiffError::IoError(error) => samples::refused(path, "a TIFF", error),
        other => samples::unsound(path, "a TIFF", other),
    }
}

/// What a TIFF is to hold.
pub(super) struct TiffInfo {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: PixelFormat,
}

/// Signed gray; the bits of its samples are those of unsigned ones.
struct SignedGray;
/// Signed red, green and blue.
struct SignedRgb;

impl ColorType for SignedGray {
    type Inner = u16;
    const TIFF_VALUE: PhotometricInterpretation = PhotometricInterpretation::BlackIsZero;
    const BITS_PER_SAMPLE: &'static [u16] = &[16];
    const SAMPLE_FORMAT: &'static [SampleFormat] = &[SampleFormat::Int];

    fn horizontal_predict(row: &[u16], result: &mut Vec<u16>) {
        Gray16::horizontal_predict(row, result);
    }
}

impl ColorType for SignedRgb {
    type Inner = u16;
    const TIFF_VALUE: PhotometricInterpretation = PhotometricInterpretation::RGB;
    const BITS_PER_SAMPLE: &'static [u16] = &[16; 3];
    const SAMPLE_FORMAT: &'static [SampleFormat] = &[SampleFormat::Int; 3];

    fn horizontal_predict(row: &[u16], result: &mut Vec<u16>) {
        RGB16::horizontal_predict(row, result);
    }
}

/// True if so many bytes of pixels need a BigTIFF.
pub(super) fn is_big(data_bytes: u64) -> bool {
    data_bytes > CLASSIC_DATA_BYTES
}

/// Writes a TIFF, or a BigTIFF where it must be: `fill` puts the samples of the next so many rows into its argument.
///
/// # Errors
/// `Io` if the file cannot be written; whatever `fill` returns.
pub(super) fn write(
    picture: &NewPicture,
    info: &TiffInfo,
    fill: impl FnMut(u64, &mut Vec<u16>) -> Result<()>,
) -> Result<()> {
    let failed = |error| picture.failed(error);
    let mut out = BufWriter::with_capacity(1 << 18, picture);
    let data_bytes = u64::from(info.width) * u64::from(info.height) * info.format.pixel_bytes();
    if is_big(data_bytes) {
        write_kind(TiffEncoder::new_big(&mut out).map_err(failed)?, picture, info, fill)?;
    } else {
        write_kind(TiffEncoder::new(&mut out).map_err(failed)?, picture, info, fill)?;
    }
    out.flush().map_err(|error| picture.failed(error))
}

fn write_kind<K: TiffKind>(
    encoder: TiffEncoder<&mut BufWriter<&NewPicture>, K>,
    picture: &NewPicture,
    info: &TiffInfo,
    fill: impl FnMut(u64, &mut Vec<u16>) -> Result<()>,
) -> Result<()> {
    use ExtraSamples as X;
    let channels = info.format.channels;
    let is_rgb = matches!(channels, Channels::RGB | Channels::RGBA);
    // What is beside the one gray or three colors; nobody said that bands are colors.
    let extra = match (channels.has_alpha(), channels.count() - if is_rgb { 3 } else { 1 }) {
        (true, count) => [vec![X::Unspecified; count - 1], vec![X::UnassociatedAlpha]].concat(),
        (false, count) => vec![X::Unspecified; count],
    };
    match (is_rgb, info.format.sample) {
        (false, Sample::I16) => write_strips::<SignedGray, K>(encoder, picture, info, &extra, fill),
        (false, _) => write_strips::<Gray16, K>(encoder, picture, info, &extra, fill),
        (true, Sample::I16) => write_strips::<SignedRgb, K>(encoder, picture, info, &extra, fill),
        (true, _) => write_strips::<RGB16, K>(encoder, picture, info, &extra, fill),
    }
}

fn write_strips<C: ColorType<Inner = u16>, K: TiffKind>(
    mut encoder: TiffEncoder<&mut BufWriter<&NewPicture>, K>,
    picture: &NewPicture,
    info: &TiffInfo,
    extra: &[ExtraSamples],
    mut fill: impl FnMut(u64, &mut Vec<u16>) -> Result<()>,
) -> Result<()> {
    let failed = |error| picture.failed(error);
    let mut image = encoder.new_image::<C>(info.width, info.height).map_err(failed)?;
    if !extra.is_empty() {
        image.extra_samples(extra).map_err(failed)?;
    }
    let row_bytes = u64::from(info.width) * info.format.pixel_bytes();
    let rows = (STRIP_BYTES / row_bytes).clamp(1, info.height.into());
    image.rows_per_strip(u32::try_from(rows).unwrap_or(1)).map_err(failed)?;
    let mut samples = Vec::new();
    while image.next_strip_sample_count() > 0 {
        let strip_rows = image.next_strip_sample_count() * 2 / row_bytes;
        samples.clear();
        fill(strip_rows, &mut samples)?;
        image.write_strip(&samples).map_err(failed)?;
    }
    image.finish().map_err(failed)
}
