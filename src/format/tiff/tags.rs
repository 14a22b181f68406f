//! The numbers of a TIFF's fields, as far as they count here.
//!
//! Source: TIFF 6.0, the Adobe supplements, DNG 1.7, SGI's and GDAL's own tags.

pub(super) const NEW_SUBFILE_TYPE: u16 = 254;
pub(super) const SUBFILE_TYPE: u16 = 255;
pub(super) const WIDTH: u16 = 256;
pub(super) const HEIGHT: u16 = 257;
pub(super) const BITS: u16 = 258;
pub(super) const COMPRESSION: u16 = 259;
pub(super) const PHOTOMETRIC: u16 = 262;
pub(super) const FILL_ORDER: u16 = 266;
pub(super) const DESCRIPTION: u16 = 270;
pub(super) const STRIP_OFFSETS: u16 = 273;
pub(super) const SAMPLES: u16 = 277;
pub(super) const ROWS_PER_STRIP: u16 = 278;
pub(super) const STRIP_BYTES: u16 = 279;
pub(super) const PLANAR: u16 = 284;
pub(super) const PREDICTOR: u16 = 317;
pub(super) const TILE_WIDTH: u16 = 322;
pub(super) const TILE_HEIGHT: u16 = 323;
pub(super) const TILE_OFFSETS: u16 = 324;
pub(super) const TILE_BYTES: u16 = 325;
pub(super) const SUB_DIRECTORIES: u16 = 330;
pub(super) const INK_SET: u16 = 332;
pub(super) const EXTRA_SAMPLES: u16 = 338;
pub(super) const SAMPLE_FORMAT: u16 = 339;
pub(super) const DEPTH: u16 = 32997;
pub(super) const CFA_REPEAT: u16 = 33421;
pub(super) const CFA_PATTERN: u16 = 33422;
pub(super) const EXIF: u16 = 34665;
pub(super) const GPS: u16 = 34853;
pub(super) const INTEROPERABILITY: u16 = 40965;
pub(super) const METADATA: u16 = 42112;
pub(super) const NODATA: u16 = 42113;
pub(super) const DNG_VERSION: u16 = 50706;

/// Fields of numbers that were counted from the samples.
pub(super) const COUNTED: [(u16, &str); 4] = [
    (280, "MinSampleValue"),
    (281, "MaxSampleValue"),
    (340, "SMinSampleValue"),
    (341, "SMaxSampleValue"),
];

/// The name of a compression.
pub(super) fn compression(number: u64) -> String {
    let name = match number {
        2..=4 => "fax",
        5 => "LZW",
        6 | 7 => "JPEG",
        8 | 32946 => "deflate",
        32773 => "PackBits",
        33003 | 33004 | 33005 | 34712 => "JPEG 2000",
        34887 => "LERC",
        34892 => "lossy JPEG",
        34925 => "LZMA",
        50000 => "ZSTD",
        50001 => "WebP",
        50002 | 52546 => "JPEG XL",
        other => return format!("method {other}"),
    };
    name.to_owned()
}

/// The name of what pixels mean.
pub(super) fn photometric(number: u64) -> String {
    let name = match number {
        6 => "YCbCr",
        8 => "CIE Lab",
        9 => "ICC Lab",
        10 => "ITU Lab",
        32803 => "color filter (CFA)",
        32844 => "LogL",
        32845 => "LogLuv",
        34892 => "raw (LinearRaw)",
        other => return format!("unknown (PhotometricInterpretation {other})"),
    };
    name.to_owned()
}
