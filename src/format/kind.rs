//! Which known kind of file it is, by its first bytes.
//!
//! A FITS file, a TIFF or a ZIP edited as if it were raw pixels is destroyed, header first, and no name and no length
//! tells it apart from raw pixels. Its magic does. The crate `file-format` has the magics of most kinds; `MAGICS` has
//! what it lacks, most of it from science, and `rules` has what needs more than a comparison.
//!
//! 1. Four bytes of its own at least speak for a kind. What has a shorter magic (PNM, JPEG, gzip, SGI, ...) is looked
//!    at a second time, until as much speaks for it. So pixels without any pattern are taken for a certain kind once in
//!    2^32 files; and what pictures are full of (zeros, one value all over, ramps) is taken for none, see the tests.
//! 2. Of what `file-format` says only `VETTED` counts. It also knows MP3, icons, fonts and cartridges by two to four
//!    bytes that are ordinary pixels.
//! 3. The name of a file decides nothing, with one exception: the two bytes of a bare JPEG XL codestream, which nothing
//!    follows that could be looked at, count in a file named `.jxl`.
//! 4. A file that was cut short is of its kind as long as the bytes that tell are there.
//!
//! Sources: the formats' own specifications, and file(1)'s magic for those that have none.

mod rules;

use std::fmt;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use file_format::FileFormat;

use crate::error::{Error, Result};
use crate::map::MappedFile;
use rules::Head;

/// How much of a file is looked at: what a JPEG's first segment can have, and the first sectors of a CD.
pub const HEAD_BYTES: usize = 68 << 10;

/// A known kind of file. Those whose own header says where plain samples lie are opened by it, the others are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(&'static str);

impl Kind {
    /// Its name, such as `FITS`.
    pub fn name(self) -> &'static str {
        self.0.split_once(' ').map_or(self.0, |(_article, name)| name)
    }
}

impl fmt::Display for Kind {
    /// `a FITS file`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} file", self.0)
    }
}

/// The kind of an open file.
///
/// # Errors
/// `Io` if its first bytes cannot be read.
pub fn of_file(image: &MappedFile) -> Result<Option<Kind>> {
    Ok(of(image.path(), &head_of(image)?))
}

/// The first [`HEAD_BYTES`] of an open file, or all of it if it is shorter.
///
/// # Errors
/// `Io` if they cannot be read.
pub(super) fn head_of(image: &MappedFile) -> Result<Vec<u8>> {
    let mut head = vec![0; HEAD_BYTES];
    let mut length = 0;
    while length < head.len() {
        match image.file().read_at(&mut head[length..], length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", image.path(), error)),
        }
    }
    head.truncate(length);
    Ok(head)
}

/// The kind of the file `path` that begins with `head`: its first [`HEAD_BYTES`], or all of them if it is shorter.
pub fn of(path: &Path, head: &[u8]) -> Option<Kind> {
    let by_magic = || MAGICS.iter().find(|(magic, _)| head.starts_with(magic));
    let by_crate = || {
        let format = FileFormat::from_bytes(head);
        VETTED.iter().find(|(vetted, _)| *vetted == format)
    };
    let kind = by_magic().map(|(_, kind)| *kind);
    let kind = kind.or_else(|| rules::at(Head(head), path));
    kind.or_else(|| by_crate().map(|(_, kind)| *kind)).map(Kind)
}

/// What a file begins with, and its kind.
const MAGICS: &[(&[u8], &str)] = &[
    // Our own.
    (b"PAGELIGHT\0", "a Pagelight journal"),
    (b"pagelobj", "a Pagelight object"),
    (b"ENVI\n", "an ENVI header"),
    (b"ENVI\r\n", "an ENVI header"),
    // Pictures.
    (b"\0\0\0\x0CjP  \r\n\x87\n", "a JPEG 2000"),
    (b"\0\0\0\x0CJXL \r\n\x87\n", "a JPEG XL"),
    (b"gimp xcf ", "a GIMP"),
    (b"RF64", "a RIFF"),
    (b"%!PS", "a PostScript"),
    // Arrays.
    (b"\x93NUMPY", "an NPY"),
    (b"SIMPLE  =", "a FITS"),
    (b"NRRD000", "an NRRD"),
    (b"\x0E\x03\x13\x01", "an HDF4"),
    (b"CDF\x01", "a NetCDF"),
    (b"CDF\x02", "a NetCDF"),
    (b"CDF\x05", "a NetCDF"),
    (b"MATLAB 5.0 MAT-file", "a MATLAB"),
    (b"# vtk DataFile", "a VTK"),
    (b"ZISRAWFILE\0", "a CZI"),
    // Maps and planets.
    (b"EHFA_HEADER_TAG", "an ERDAS Imagine"),
    (b"NITF0", "a NITF"),
    (b"NSIF0", "a NITF"),
    (b"PDS_VERSION_ID", "a PDS"),
    (b"LBLSIZE=", "a VICAR"),
    (b"Object = IsisCube", "an ISIS cube"),
];

/// The kinds of `file-format` that we take its word for: a magic of four bytes at least, and none that pictures are
/// full of. Those that are missing here and in `MAGICS` have a second look, or no magic worth the name.
const VETTED: &[(FileFormat, &str)] = &[
    // Pictures.
    (FileFormat::AdobePhotoshopDocument, "a PSD"),
    (FileFormat::AnimatedPortableNetworkGraphics, "a PNG"),
    (FileFormat::CanonRaw, "a Canon raw"),
    (FileFormat::CanonRaw2, "a TIFF"),
    (FileFormat::Cineon, "a Cineon"),
    (FileFormat::DigitalPictureExchange, "a DPX"),
    (FileFormat::Djvu, "a DjVu"),
    (FileFormat::Farbfeld, "a farbfeld"),
    (FileFormat::FreeLosslessImageFormat, "a FLIF"),
    (FileFormat::FujifilmRaw, "a Fujifilm raw"),
    (FileFormat::GraphicsInterchangeFormat, "a GIF"),
    (FileFormat::Jpeg2000Codestream, "a JPEG 2000"),
    (FileFormat::JpegNetworkGraphics, "a JNG"),
    (FileFormat::KhronosTexture, "a KTX"),
    (FileFormat::KhronosTexture2, "a KTX"),
    (FileFormat::MagickImageFileFormat, "a MIFF"),
    (FileFormat::MicrosoftDirectdrawSurface, "a DDS"),
    (FileFormat::MultipleImageNetworkGraphics, "an MNG"),
    (FileFormat::NikonElectronicFile, "a TIFF"),
    (FileFormat::OlympusRawFormat, "an Olympus raw"),
    (FileFormat::Openexr, "an OpenEXR"),
    (FileFormat::PanasonicRaw, "a Panasonic raw"),
    (FileFormat::PortableNetworkGraphics, "a PNG"),
    (FileFormat::QuiteOkImage, "a QOI"),
    (FileFormat::RadianceHdr, "a Radiance HDR"),
    (FileFormat::SonyAlphaRaw, "a TIFF"),
    (FileFormat::TagImageFileFormat, "a TIFF"),
    (FileFormat::WindowsBitmap, "a BMP"),
    // Arrays and tables.
    (FileFormat::ApacheArrowColumnar, "an Arrow"),
    (FileFormat::ApacheParquet, "a Parquet"),
    (FileFormat::DigitalImagingAndCommunicationsInMedicine, "a DICOM"),
    (FileFormat::FlexibleImageTransportSystem, "a FITS"),
    (FileFormat::Sqlite3, "an SQLite"),
    // Archives, and what is compressed.
    (FileFormat::DebianPackage, "a Debian package"),
    (FileFormat::Lz4, "an LZ4"),
    (FileFormat::Lzip, "an lzip"),
    (FileFormat::Lzop, "an lzop"),
    (FileFormat::RoshalArchive, "a RAR"),
    (FileFormat::SevenZip, "a 7z"),
    (FileFormat::Snappy, "a Snappy"),
    (FileFormat::TapeArchive, "a tar"),
    (FileFormat::UnixArchiver, "an ar"),
    (FileFormat::WindowsImagingFormat, "a WIM"),
    (FileFormat::Xz, "an xz"),
    (FileFormat::Zstandard, "a zstd"),
    // Disks.
    (FileFormat::Iso9660, "an ISO 9660"),
    (FileFormat::MicrosoftVirtualHardDisk, "a VHD"),
    (FileFormat::MicrosoftVirtualHardDisk2, "a VHDX"),
    (FileFormat::QemuCopyOnWrite, "a QCOW"),
    (FileFormat::Squashfs, "a squashfs"),
    (FileFormat::VirtualMachineDisk, "a VMDK"),
    (FileFormat::VirtualboxVirtualDiskImage, "a VDI"),
    // Programs, texts, sound and video.
    (FileFormat::AdvancedSystemsFormat, "an ASF"),
    (FileFormat::AudioInterchangeFileFormat, "an AIFF"),
    (FileFormat::CompoundFileBinary, "a Microsoft compound"),
    (FileFormat::ExecutableAndLinkableFormat, "an ELF"),
    (FileFormat::ExtensibleBinaryMetaLanguage, "a Matroska"),
    (FileFormat::ExtensibleMarkupLanguage, "an XML"),
    (FileFormat::FreeLosslessAudioCodec, "a FLAC"),
    (FileFormat::HypertextMarkupLanguage, "an HTML"),
    (FileFormat::MaterialExchangeFormat, "an MXF"),
    (FileFormat::OggMultiplexedMedia, "an Ogg"),
    (FileFormat::PortableDocumentFormat, "a PDF"),
    (FileFormat::RichTextFormat, "an RTF"),
    (FileFormat::ShellScript, "a shell script"),
    (FileFormat::WebassemblyBinary, "a WebAssembly"),
];

#[cfg(test)]
mod tests;
