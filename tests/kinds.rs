//! Containers are edited as their own header says; files of other known kinds are refused, named and left alone; what a
//! pixel looks like is said and not guessed; and the header that is read is the file's own.

mod common;
#[path = "common/pictures.rs"]
mod pictures;

use std::fs;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{Image, Part, Snapshot, folder, pagelight, pattern, word};
use pictures::{big, little, png_bytes, samples};
use serde_json::Value;
use tempfile::TempDir;
use tiff::encoder::colortype::Gray16;
use tiff::encoder::{TiffEncoder, TiffKindBig, TiffKindStandard};

const SIDES: (u32, u32) = (12, 10);

/// A name, the bytes, and the kind as it is called.
type Sample = (&'static str, Vec<u8>, &'static str);

/// `bytes` at `at`, after what is there.
fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    file.resize(file.len().max(at + bytes.len()), 0);
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A file of zeros but for these bytes.
fn parts(parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    parts.iter().for_each(|(at, bytes)| put(&mut file, *at, bytes));
    file
}

fn with_pixels(head: &[u8]) -> Vec<u8> {
    [head, &big(&samples(120, 7))].concat()
}

/// Gray TIFFs as a program writes them: a name and the bytes.
fn tiffs() -> Vec<(&'static str, Vec<u8>)> {
    let pixels = samples(120, 3);
    let mut standard = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::<_, TiffKindStandard>::new_generic(&mut standard).expect("begun");
    encoder
        .write_image::<Gray16>(SIDES.0, SIDES.1, &pixels)
        .expect("encoded");
    let mut large = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::<_, TiffKindBig>::new_generic(&mut large).expect("begun");
    encoder
        .write_image::<Gray16>(SIDES.0, SIDES.1, &pixels)
        .expect("encoded");
    vec![("a.tif", standard.into_inner()), ("big.tif", large.into_inner())]
}

fn other_pictures() -> Vec<Sample> {
    let png = png_bytes(
        SIDES,
        png::ColorType::Grayscale,
        png::BitDepth::Sixteen,
        &big(&samples(120, 5)),
    );
    let float = image::Rgb32FImage::from_pixel(SIDES.0, SIDES.1, image::Rgb([0.5; 3]));
    let mut exr = Cursor::new(Vec::new());
    let float = image::DynamicImage::from(float);
    float.write_to(&mut exr, image::ImageFormat::OpenExr).expect("encoded");
    let jpeg = parts(&[
        (
            0,
            b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xFF\xDB\0\x43\0",
        ),
        (25, &[1; 64]),
        (89, b"\xFF\xC0\0\x0B\x08\0\x01\0\x01\x01\x01\x11\0\xFF\xD9"),
    ]);
    let quantized = parts(&[
        (0, b"\xFF\xD8\xFF\xDB\0\x43\0"),
        (71, b"\xFF\xC0\0\x0B\x08\0\x01\0\x01\x01\x01\x11\0"),
    ]);
    let codestream = b"\xFF\x4F\xFF\x51\0\x29\0\0\0\0\0\x04\0\0\0\x04";
    vec![
        ("a.png", png, "PNG"),
        ("a.exr", exr.into_inner(), "OpenEXR"),
        ("a.pfm", with_pixels(b"Pf\n12 5\n-1.000000\n"), "PFM"),
        ("a.jpg", jpeg, "JPEG"),
        ("plain.jpg", quantized, "JPEG"),
        (
            "a.jp2",
            b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 ".to_vec(),
            "JPEG 2000",
        ),
        ("a.j2c", codestream.to_vec(), "JPEG 2000"),
        (
            "a.jxl",
            b"\0\0\0\x0CJXL \r\n\x87\n\0\0\0\x14ftypjxl ".to_vec(),
            "JPEG XL",
        ),
        ("bare.jxl", with_pixels(b"\xFF\x0A\x41\x98\x06\x88"), "JPEG XL"),
        (
            "a.webp",
            b"RIFF\x24\0\0\0WEBPVP8L\x18\0\0\0\x2F\x03\xC0\0\0".to_vec(),
            "WebP",
        ),
        ("a.wav", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0".to_vec(), "RIFF"),
        ("a.gif", b"GIF89a\x04\0\x04\0\x80\0\0".to_vec(), "GIF"),
        (
            "a.bmp",
            b"BM\x96\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x04\0\0\0\x04\0\0\0\x01\0\x18\0".to_vec(),
            "BMP",
        ),
        (
            "a.psd",
            b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x04\0\0\0\x04\0\x10\0\x03".to_vec(),
            "PSD",
        ),
        ("a.avif", b"\0\0\0\x1Cftypavif\0\0\0\0mif1avifmiaf".to_vec(), "AVIF"),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), "HEIF"),
        (
            "a.mp4",
            b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec(),
            "ISO media",
        ),
        (
            "a.sgi",
            with_pixels(b"\x01\xDA\0\x02\0\x02\0\x0C\0\x0A\0\x01\0\0\0\0\0\0\xFF\xFF"),
            "SGI",
        ),
        ("a.dpx", b"SDPX\0\0\x20\0V1.0\0\0\0\0".to_vec(), "DPX"),
        ("le.dpx", b"XPDS\0\x20\0\0V1.0\0\0\0\0".to_vec(), "DPX"),
        ("a.cin", b"\x80\x2A\x5F\xD7\0\0\x04\0\0\0\x04\0".to_vec(), "Cineon"),
    ]
}

/// A header of cards as FITS has it, and pixels.
fn fits() -> Vec<u8> {
    fits_of("OBJECT  = 'none'")
}

/// The same with another card instead of the one that is there, or one more.
fn fits_of(card: &str) -> Vec<u8> {
    let mut cards = vec![
        "SIMPLE  =                    T / conforms to FITS standard",
        "BITPIX  =                   16",
        "NAXIS   =                    2",
        "NAXIS1  =                   12",
        "NAXIS2  =                   10",
    ];
    match cards.iter().position(|other| other[..8] == card[..8]) {
        Some(at) => cards[at] = card,
        None => cards.push(card),
    }
    cards.push("END");
    let mut file: Vec<u8> = cards
        .iter()
        .flat_map(|card| format!("{card:<80}").into_bytes())
        .collect();
    file.resize(2880, b' ');
    with_pixels(&file)
}

fn arrays() -> Vec<Sample> {
    let npy = b"\x93NUMPY\x01\0\x46\0{'descr': '<u2', 'fortran_order': False, 'shape': (10, 12), }          \n";
    let npz = [
        b"PK\x03\x04\x14\0\0\0\0\0\x36\x43\x78\x5d\xa7\x81\xcf\x7d\xf0\0\0\0\xf0\0\0\0\x05\0\0\0a.npy",
        &npy[..],
    ];
    let nifti = [(0, &348_u32.to_le_bytes()[..]), (344, b"n+1\0")];
    let nifti_2 = [(0, &540_u32.to_be_bytes()[..]), (4, b"n+2\0\r\n\x1A\n"), (539, b"\0")];
    vec![
        ("a.npz", with_pixels(&npz.concat()), "NPZ"),
        (
            "a.h5",
            parts(&[(0, b"\x89HDF\r\n\x1A\n\0\0\0\0\0\x08\x08\0"), (2047, b"\0")]),
            "HDF5",
        ),
        (
            "user-block.h5",
            parts(&[(512, b"\x89HDF\r\n\x1A\n"), (2047, b"\0")]),
            "HDF5",
        ),
        ("a.nii", with_pixels(&parts(&nifti)), "NIfTI"),
        ("b.nii", with_pixels(&parts(&nifti_2)), "NIfTI"),
        (
            "a.dcm",
            with_pixels(&parts(&[(128, b"DICM\x02\0\0\0UL\x04\0")])),
            "DICOM",
        ),
    ]
}

fn others() -> Vec<Sample> {
    let mut sqlite = b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20".to_vec();
    sqlite.resize(4096, 0);
    let tar = parts(&[
        (0, b"a.txt"),
        (100, b"0000644"),
        (108, b"0000000"),
        (116, b"0000000"),
        (124, b"00000000030"),
        (136, b"00000000000"),
        (148, b"006717\0 0"),
        (257, b"ustar\x0000"),
        (512, b"pixelspixelspixelspixels"),
        (10_239, b"\0"),
    ]);
    let zip =
        b"PK\x03\x04\x14\0\0\0\0\0\x36\x43\x78\x5d\xa7\x81\xcf\x7d\x18\0\0\0\x18\0\0\0\x05\0\0\0a.txtpixelspixels";
    let gzip =
        b"\x1f\x8b\x08\0\x84\x4a\x05\x6b\x02\xff\x2b\xc8\xac\x48\xcd\x29\x2e\xc0\x20\x01\xa7\x81\xcf\x7d\x18\0\0\0";
    let bzip2 = b"BZh91AY&SY\xb6\xf7\x58\x5f\0\0\x07\x81\x80\x02\x24\x48\x40\x20\x0030\xc0\x02\xa8\x1a\x43";
    let xz = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\x02\0\x21\x01\x16\0\0\0\x74\x2f\xe5\xa3\xe0\0\x17\0\x0c\x5d\0\x38";
    let elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0\xd0\x23\0\0\0\0\0\0\x40\0\0\0\0\0\0\0";
    vec![
        ("a.zip", zip.to_vec(), "ZIP"),
        ("a.gz", gzip.to_vec(), "gzip"),
        ("a.bz2", bzip2.to_vec(), "bzip2"),
        ("a.xz", xz.to_vec(), "xz"),
        (
            "a.zst",
            b"\x28\xb5\x2f\xfd\x24\x1c\xe1\0\0\x1f\x8b\x08\0\x84\x4a".to_vec(),
            "zstd",
        ),
        ("a.7z", b"7z\xBC\xAF\x27\x1C\0\x04\x5B\x38\xBF\x8B".to_vec(), "7z"),
        ("a.tar", tar, "tar"),
        ("a.sqlite", sqlite, "SQLite"),
        ("program", elf.to_vec(), "ELF"),
        ("a.pdf", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj\n".to_vec(), "PDF"),
        (
            "a.hdr",
            b"ENVI\nsamples = 12\nlines = 10\nbands = 1\ndata type = 12\n".to_vec(),
            "ENVI header",
        ),
        (
            "a.pagelight",
            parts(&[(0, b"PAGELIGHT\0JOB\r\n\x1a"), (4095, b"\0")]),
            "Pagelight journal",
        ),
    ]
}

/// A container whose own header says where its samples lie, as it is called, and as what it is edited.
type Opened = (&'static str, Vec<u8>, &'static str, Image);

/// A sample of each container.
fn containers() -> Vec<Opened> {
    let container = |name, head: &[u8], kind, format, (width, height)| {
        let image = Image {
            format,
            data_offset: head.len() as u64,
            width,
            height,
        };
        (name, with_pixels(head), kind, image)
    };
    let npy = b"\x93NUMPY\x01\0\x48\0{'descr': '<u2', 'fortran_order': False, 'shape': (10, 12), }          \n";
    let bands = b"\x93NUMPY\x02\0\x49\0\0\0{'descr': '>i2', 'fortran_order': False, 'shape': (5, 12, 2), }         \n";
    let pam = b"P7\nWIDTH 6\nHEIGHT 5\nDEPTH 4\nMAXVAL 65535\nTUPLTYPE RGB_ALPHA\nENDHDR\n";
    let nrrd = b"NRRD0004\ntype: ushort\ndimension: 2\nsizes: 12 10\nendian: big\nencoding: raw\n\n";
    let meta =
        b"NDims = 2\nDimSize = 12 10\nElementByteOrderMSB = F\nElementType = MET_SHORT\nElementDataFile = LOCAL\n";
    vec![
        container("a.nrrd", nrrd, "NRRD", "gray:u16be", (12, 10)),
        container("a.mha", meta, "MetaImage", "gray:i16le", (12, 10)),
        container("a.npy", npy, "NPY", "gray:u16le", (12, 10)),
        container("b.npy", bands, "NPY", "2band:i16be", (12, 5)),
        container("a.pgm", b"P5\n12 10\n65535\n", "PNM", "gray:u16be", (12, 10)),
        container("a.ppm", b"P6 8 5\n65535\n", "PNM", "rgb:u16be", (8, 5)),
        container("a.pam", pam, "PNM", "rgba:u16be", (6, 5)),
        container(
            "a.ff",
            b"farbfeld\0\0\0\x05\0\0\0\x06",
            "farbfeld",
            "rgba:u16be",
            (5, 6),
        ),
    ]
}

/// Containers of which an edit changes more than samples, or that have more than samples behind their header.
fn other_containers() -> Vec<Sample> {
    let mrc = [
        (0, &b"\x0C\0\0\0\x0A\0\0\0\x01\0\0\0\x06\0\0\0"[..]),
        (208, b"MAP \x44\x44\0\0"),
        (1023, b"\0"),
    ];
    vec![("a.fits", fits(), "FITS"), ("a.mrc", with_pixels(&parts(&mrc)), "MRC")]
}

/// Containers of samples that cannot be edited where they lie: a name, the bytes, the kind, and why not.
fn other_samples() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let npy = |descr: &str, shape: &str| {
        let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = u16::try_from(text.len()).expect("short").to_le_bytes();
        with_pixels(&[b"\x93NUMPY\x01\0", &length[..], text.as_bytes()].concat())
    };
    vec![
        ("a.pbm", b"P1\n3 2\n1 0 1\n0 1 0\n".to_vec(), "PNM", "1 bit"),
        ("raw.pbm", with_pixels(b"P4\n44 40\n"), "PNM", "1 bit"),
        (
            "ascii.pgm",
            b"P2\n# a comment\n3 2\n255\n1 2 3 4 5 6\n".to_vec(),
            "PNM",
            "digits",
        ),
        ("ascii.ppm", b"P3 1 1 255 1 2 3\n".to_vec(), "PNM", "digits"),
        ("bytes.pgm", with_pixels(b"P5\n24 10\n255\n"), "PNM", "8 bits"),
        ("less.pgm", with_pixels(b"P5\n12 10\n4095\n"), "PNM", "4095"),
        ("float.npy", npy("'<f2'", "(12, 10)"), "NPY", "'<f2'"),
        ("bytes.npy", npy("'|u1'", "(24, 10)"), "NPY", "'|u1'"),
        ("records.npy", npy("[('a', '<u2')]", "(120,)"), "NPY", "records"),
        ("empty.npy", npy("'<u2'", "(0, 12)"), "NPY", "0x12"),
        (
            "huge.npy",
            npy("'<u2'", "(9223372036854775808, 2)"),
            "NPY",
            "9223372036854775808x2",
        ),
        (
            "be.tif",
            with_pixels(b"MM\0*\0\0\0\x08\0\x01\x01\0\0\x03\0\0\0\x01\0\x0C\0\0\0\0\0\0"),
            "TIFF",
            "ImageLength",
        ),
        (
            "big-be.tif",
            with_pixels(b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0"),
            "TIFF",
            "0 entries",
        ),
        ("float.fits", fits_of("BITPIX  =                  -16"), "FITS", "BITPIX = -16"),
        ("scaled.fits", fits_of("BSCALE  =                  2.0"), "FITS", "BSCALE"),
        ("a.mrc", parts(&[(0, b"\x01\0\0\0\x01\0\0\0\x01\0\0\0\x02"), (208, b"MAP \x44\x44"), (1027, b"\0")]), "MRC", "mode is 2"),
        (
            "gz.nrrd",
            with_pixels(b"NRRD0004\ntype: short\ndimension: 2\nsizes: 12 10\nendian: big\nencoding: gzip\n\n"),
            "NRRD",
            "compressed",
        ),
        (
            "zlib.mha",
            with_pixels(b"NDims = 2\nDimSize = 12 10\nCompressedData = True\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"),
            "MetaImage",
            "compressed",
        ),
        ("none.ff", with_pixels(b"farbfeld\0\0\0\0\0\0\0\x06"), "farbfeld", "0x6"),
    ]
}

/// A sample of every kind that is refused, each as long as some image of whole pixels of any format.
fn all() -> Vec<Sample> {
    let mut all = [other_pictures(), arrays(), others()].concat();
    for (_, bytes, _) in &mut all {
        let length = bytes.len().next_multiple_of(24);
        bytes.resize(length, 0);
    }
    all
}

/// A folder with one file.
struct House {
    folder: TempDir,
    image: PathBuf,
}

impl House {
    fn new(name: &str, bytes: &[u8]) -> House {
        let folder = folder();
        let image = folder.path().join(name);
        fs::write(&image, bytes).expect("written");
        House { folder, image }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn header(&self, name: &str, width: u64, height: u64, bands: u64) {
        let text =
            format!("ENVI\nsamples = {width}\nlines = {height}\nbands = {bands}\ndata type = 12\ninterleave = bip\n");
        fs::write(self.path(name), text).expect("written");
    }

    /// What a command on `image` ends with; it touches nothing.
    #[track_caller]
    fn looks(&self, image: &Path, command: &str, words: &[&str]) -> (Option<i32>, String) {
        let before = Snapshot::of(self.folder.path());
        let output = run(image, command, words);
        before.assert_unchanged(self.folder.path());
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    #[track_caller]
    fn refuses(&self, words: &[&str], code: i32, says: &[&str]) {
        self.refuses_to("brighten", words, code, says);
    }

    #[track_caller]
    fn refuses_to(&self, command: &str, words: &[&str], code: i32, says: &[&str]) {
        let (ended, line) = self.looks(&self.image, command, words);
        let what = format!("{command} {words:?}: {line}");
        assert_eq!(ended, Some(code), "{what}");
        assert_eq!(line.lines().count(), 1, "{what}");
        says.iter()
            .for_each(|words| assert!(line.contains(words), "{words:?} is not in {what}"));
    }

    /// The file after an edit of `image` that must be exactly this one, by `words`.
    #[track_caller]
    fn edits(&self, words: &[&str], format: &'static str, data_offset: u64, (width, height): (u64, u64)) {
        let before = fs::read(&self.image).expect("read");
        let output = run(&self.image, "brighten", words);
        assert!(output.status.success(), "{words:?} {output:?}");
        let image = Image {
            format,
            data_offset,
            width,
            height,
        };
        let mut want = before;
        let index = |at: u64| usize::try_from(at).expect("small");
        let data = index(image.data().start)..index(image.data().end);
        image.brighten(0, &mut want[data], Part::Whole, 20);
        assert!(fs::read(&self.image).expect("read") == want, "{words:?}");
    }
}

/// A command on an image, with what it needs and more words.
fn run(image: &Path, command: &str, words: &[&str]) -> Output {
    let picture = image.with_extension("new.png");
    let mut all = vec![command, word(image)];
    match command {
        "brighten" => all.push("--by=20"),
        "preview" | "export" => all.push(word(&picture)),
        "bench" => all.extend(["--states=warm", "--in-place"]),
        _ => {}
    }
    all.extend_from_slice(words);
    pagelight(all).output().expect("it runs")
}

#[test]
fn a_known_kind_is_refused_by_every_command() {
    for (name, bytes, kind) in all() {
        let house = House::new(name, &bytes);
        let named = format!("{name}: is a{} {kind} file; ", if is_an(kind) { "n" } else { "" });
        let says = [&named[..], "nothing was changed", "--as-raw"];
        let refuses = |command, words: &[&str]| house.refuses_to(command, words, 65, &says);
        for command in ["brighten", "resume", "stats", "preview", "export", "bench"] {
            refuses(command, &[]);
        }
        let size = format!("--size={}x1", bytes.len() / 2);
        refuses("brighten", &["--pixel=rgba16"]);
        refuses("brighten", &["--pixel=gray16", &size]);
        refuses(
            "brighten",
            &["--pixel=gray16", "--size=1x1", "--part", "--data-offset=8"],
        );
        refuses("brighten", &["--dry-run"]);
        // A header that is there but does not fit, or is none at all, changes nothing.
        if name != "a.hdr" {
            house.header(&format!("{name}.hdr"), 7, 1, 1);
            refuses("brighten", &["--pixel=gray16", &size]);
            fs::write(house.path(&format!("{name}.hdr")), "no header").expect("written");
            refuses("brighten", &["--pixel=gray16", &size]);
        }
    }
}

fn is_an(kind: &str) -> bool {
    ["E", "HD", "ISO", "MR", "NP", "NR", "AVIF", "SG", "SQ", "xz", "Op"]
        .iter()
        .any(|beginning| kind.starts_with(beginning))
}

#[test]
fn containers_are_edited_where_they_lie() {
    for (name, bytes, kind, image) in containers() {
        let sides = (image.width, image.height);
        let house = House::new(name, &bytes);
        house.edits(&[], image.format, image.data_offset, sides);
        // A header that is there but does not fit, or is none at all, changes nothing.
        house.header(&format!("{name}.hdr"), 7, 1, 1);
        house.edits(&[], image.format, image.data_offset, sides);
        fs::write(house.path(&format!("{name}.hdr")), "no header").expect("written");
        house.edits(&[], image.format, image.data_offset, sides);
        // One that fits to the byte comes first.
        let text = format!(
            "ENVI\nsamples = 60\nlines = 2\nbands = 1\ndata type = 12\nheader offset = {}\n",
            bytes.len() - 240
        );
        fs::write(house.path(&format!("{name}.hdr")), text).expect("written");
        house.edits(&[], "gray:u16le", image.data_offset, (60, 2));
        // Nor does a name matter.
        let house = House::new("plain.raw", &bytes);
        house.edits(&[], image.format, image.data_offset, sides);
        for words in ["--pixel=gray16", "--size=1x1", "--data-offset=8"] {
            let word = words.split('=').next().expect("a word");
            let says = [
                &format!("plain.raw: is a{} {kind} file", if is_an(kind) { "n" } else { "" }),
                word,
                "--as-raw",
            ];
            house.refuses(&[words], 2, &says);
            house.refuses(&[words, "--part"], 2, &says);
        }
    }
}

#[test]
fn tiffs_are_edited_where_they_lie() {
    for (name, bytes) in tiffs() {
        let pixels = little(&samples(120, 3));
        let at = bytes
            .windows(240)
            .position(|window| window == pixels)
            .expect("its pixels");
        for name in [name, "plain.raw"] {
            let house = House::new(name, &bytes);
            house.edits(&[], "gray:u16le", at as u64, (12, 10));
            house.edits(&["--page=1"], "gray:u16le", at as u64, (12, 10));
            house.refuses(&["--pixel=gray16"], 2, &["is a TIFF file", "--pixel", "--as-raw"]);
            house.refuses(&["--axes=yx"], 2, &["is a TIFF file", "--axes"]);
            house.refuses(&["--page=2"], 2, &["it has pages 1 to 1"]);
        }
    }
}

#[test]
fn a_container_of_another_length_than_it_says_is_refused() {
    for (name, bytes, kind, image) in containers() {
        let end = bytes.len();
        let house = House::new(name, &bytes[..end - 1]);
        let says = [
            &format!("{kind} file of {} bytes", end - 1),
            &format!("end at {end}; it is cut short"),
            "nothing was changed",
        ];
        house.refuses(&[], 65, &says);
        house.refuses(&["--part"], 65, &says);
        let house = House::new(name, &[&bytes[..], b"\n"].concat());
        house.refuses(
            &[],
            65,
            &[
                &format!("end at {end}; 1 are left over"),
                "nothing was changed",
                "--part",
            ],
        );
        house.edits(
            &["--part"],
            image.format,
            image.data_offset,
            (image.width, image.height),
        );
        let house = House::new(name, &[&bytes[..], &bytes[..]].concat());
        house.refuses(&[], 65, &["another one begins there", "--part"]);
    }
}

#[test]
fn containers_of_other_samples_are_refused() {
    for (name, bytes, kind, why) in other_samples() {
        let house = House::new(name, &bytes);
        let named = format!(
            "{name}: is a{} {kind} file, but cannot",
            if is_an(kind) { "n" } else { "" }
        );
        for command in ["brighten", "stats", "preview", "export", "bench"] {
            house.refuses_to(command, &[], 65, &[&named, "nothing was changed", why, "--as-raw"]);
        }
    }
}

#[test]
fn axes_of_an_array_are_said() {
    let shape = b"\x93NUMPY\x01\0\x48\0{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4, 10), }        \n";
    let house = House::new("a.npy", &with_pixels(shape));
    let before = fs::read(&house.image).expect("read");
    let red = |words: &[&str]| {
        let output = run(&house.image, "brighten", words);
        assert!(output.status.success(), "{output:?}");
        fs::read(&house.image).expect("read")
    };
    let after = red(&["--axes=cyx", "--channels=red"]);
    let image = Image {
        format: "gray:u16le",
        data_offset: 82,
        width: 10,
        height: 4,
    };
    let mut want = before;
    image.brighten(0, &mut want[82..162], Part::Whole, 20);
    assert!(after == want);
    house.refuses(
        &["--axes=yx"],
        2,
        &["a.npy: its array has 3 axes, 3x4x10; --axes yx means 2"],
    );
    house.refuses(&["--axes=yxq"], 2, &["'yxq' has 'q', which is no axis"]);
    house.refuses(&["--page=1"], 2, &["a.npy: is an NPY file, which has no pages"]);
    house.refuses(&["--page=0"], 2, &["--page"]);
    let plain = House::new("plain.raw", &pattern(0..240));
    plain.refuses(
        &["--page=1", "--pixel=gray16"],
        2,
        &["plain.raw: --page", "TIFF", "leave it out"],
    );
    plain.refuses(
        &["--axes=yx", "--pixel=gray16"],
        2,
        &["plain.raw: --axes", "NPY", "leave it out"],
    );
}

#[test]
fn as_raw_it_is_edited() {
    let containers = containers().into_iter().map(|(name, mut bytes, kind, _)| {
        bytes.resize(bytes.len().next_multiple_of(24), 0);
        (name, bytes, kind)
    });
    for (name, bytes, _) in all().into_iter().chain(containers).chain(other_containers()) {
        let samples = bytes.len() as u64 / 2;
        let house = House::new(name, &bytes);
        house.edits(&["--as-raw", "--pixel=gray16"], "gray:u16le", 0, (samples, 1));
        let house = House::new(name, &bytes);
        let words = ["--as-raw", "--pixel=rgb16be", "--size=2x1", "--data-offset=3", "--part"];
        house.edits(&words, "rgb:u16be", 3, (2, 1));
    }
    // That it is raw does not say what its pixels are.
    let house = House::new("a.fits", &fits());
    house.refuses(&["--as-raw"], 2, &["has no header", "--pixel"]);
}

#[test]
fn a_kind_cut_short_is_refused_or_asked_about() {
    let containers = containers();
    let containers = containers.into_iter().map(|(name, bytes, kind, _)| (name, bytes, kind));
    let containers = containers.chain(other_containers());
    for (name, bytes, kind) in all().into_iter().chain(containers) {
        for length in [1, 4, 8, 64].into_iter().filter(|&length| length < bytes.len()) {
            let house = House::new(name, &bytes[..length]);
            for command in ["brighten", "stats", "info"] {
                let (code, line) = house.looks(&house.image, command, &[]);
                // The bytes that tell them from their families may be gone.
                let family = match kind {
                    "AVIF" | "HEIF" => "ISO media",
                    "NPZ" => "ZIP",
                    kind => kind,
                };
                let is_named = line.contains(kind) || line.contains(family);
                let fits = match code {
                    Some(65) => is_named,
                    Some(0) => command == "info",
                    code => code == Some(2) && line.contains("has no header"),
                };
                assert!(fits, "{command} {name} of {length} bytes: {code:?} {line}");
            }
        }
    }
}

#[test]
fn info_says_what_it_is() {
    for (name, bytes, kind) in all() {
        let house = House::new(name, &bytes);
        let before = Snapshot::of(house.folder.path());
        let output = run(&house.image, "info", &[]);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(
            text.contains(&format!("{kind} file")) && text.contains("not supported"),
            "{text}"
        );
        let object: Value = serde_json::from_slice(&run(&house.image, "info", &["--json"]).stdout).expect("JSON");
        assert_eq!(object["kind"], kind);
        assert_eq!(object["file_bytes"], bytes.len());
        assert!(object["width"].is_null() && object["pixels"].is_null());
        before.assert_unchanged(house.folder.path());
    }
    for (name, bytes, _, image) in containers() {
        let house = House::new(name, &bytes);
        let object: Value = serde_json::from_slice(&run(&house.image, "info", &["--json"]).stdout).expect("JSON");
        assert_eq!(object["width"], image.width, "{object}");
        assert_eq!(object["pixel_format"], image.format, "{object}");
        assert_eq!(object["data_offset"], image.data_offset, "{object}");
    }
    let house = House::new("plain.raw", &pattern(0..4800));
    house.refuses_to("info", &[], 2, &["plain.raw: has no header", "--pixel rgba16"]);
    let output = run(&house.image, "info", &["--json", "--pixel=rgba16"]);
    let object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(object["kind"], "raw");
}

#[test]
fn what_needs_no_layout_works_on_every_file() {
    for bytes in [fits(), pattern(0..4801)] {
        let house = House::new("a", &bytes);
        for command in ["status", "abandon"] {
            let (code, line) = house.looks(&house.image, command, &[]);
            assert_eq!(code, Some(0), "{command}: {line}");
        }
    }
    let house = House::new("plain.raw", &pattern(0..4800));
    assert_eq!(house.looks(&house.image, "resume", &[]).0, Some(0));
}

#[test]
fn an_unfinished_job_on_a_known_kind_is_resumed() {
    use pagelight::map::{Access, MappedFile};
    use pagelight::run::{self, Options};
    // Longer than a chunk.
    let mut bytes = fits();
    bytes.resize(8 << 20, 3);
    let house = House::new("a.fits", &bytes);
    let image = Image {
        format: "gray:u16le",
        data_offset: 0,
        width: 4 << 20,
        height: 1,
    };
    let job = image.job(Part::Whole, 20);
    let file = MappedFile::open(&house.image, Access::ReadWrite).expect("opened");
    let stopped = run::start(&job, &file, "", &Options::default_here(), &|_| ControlFlow::Break(()));
    assert!(stopped.is_err());
    drop(file);
    let output = self::run(&house.image, "resume", &[]);
    assert!(output.status.success(), "{output:?}");
    image.brighten(0, &mut bytes, Part::Whole, 20);
    assert!(fs::read(&house.image).expect("read") == bytes);
}

#[test]
fn a_header_that_fits_to_the_byte_wins_over_a_magic() {
    let mut bytes = pattern(0..4800);
    bytes[..8].copy_from_slice(b"II*\0\x08\0\0\0");
    let house = House::new("image.raw", &bytes);
    house.refuses(&[], 65, &["is a TIFF file"]);
    house.refuses(&["--pixel=rgba16"], 2, &["is a TIFF file", "--as-raw"]);
    house.header("image.hdr", 24, 100, 1);
    house.edits(&[], "gray:u16le", 0, (24, 100));
    fs::write(&house.image, &bytes).expect("written");
    house.edits(&["--pixel=rgb16be", "--size=8x100"], "rgb:u16be", 0, (8, 100));
    fs::write(&house.image, &bytes).expect("written");
    house.header("image.hdr", 24, 99, 1);
    house.refuses(&[], 65, &["is a TIFF file", "--as-raw"]);
    house.refuses(&["--size=24x100"], 2, &["is a TIFF file"]);
    house.edits(&["--size=24x100", "--as-raw"], "gray:u16le", 0, (24, 100));
}

#[test]
fn the_header_beside_the_target_of_a_link_is_read() {
    let house = House::new("image.raw", &pattern(0..4800));
    house.header("image.hdr", 30, 80, 1);
    fs::create_dir(house.path("links")).expect("made");
    let link = house.path("links/a.raw");
    symlink("../image.raw", &link).expect("linked");
    let second = house.path("links/b.raw");
    symlink("a.raw", &second).expect("linked");
    let info = |path: &Path| -> Value {
        let output = run(path, "info", &["--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    for path in [&link, &second] {
        let object = info(path);
        assert_eq!(
            (&object["width"], &object["pixel_bytes"]),
            (&30.into(), &2.into()),
            "{object}"
        );
    }
    // Also before one beside the link; and that one counts if there is no other one.
    house.header("links/a.hdr", 10, 80, 3);
    assert_eq!(info(&link)["width"], 30);
    fs::remove_file(house.path("image.hdr")).expect("removed");
    assert_eq!(info(&link)["width"], 10);
    fs::remove_file(house.path("links/a.hdr")).expect("removed");
    assert_eq!(run(&link, "brighten", &[]).status.code(), Some(2));
    // And a link is no way around the kind, nor a header of itself.
    fs::write(house.path("a.fits"), fits()).expect("written");
    let disguised = house.path("links/c.raw");
    symlink("../a.fits", &disguised).expect("linked");
    symlink("../a.fits", house.path("links/c.hdr")).expect("linked");
    assert_eq!(run(&disguised, "brighten", &["--pixel=rgba16"]).status.code(), Some(2));
    fs::rename(house.path("image.raw"), house.path("d.hdr")).expect("renamed");
    symlink("d.hdr", house.path("d.raw")).expect("linked");
    let output = run(&house.path("d.raw"), "info", &["--pixel=rgba16"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn an_edit_through_a_link_is_as_the_target_s_header_says() {
    let house = House::new("image.raw", &pattern(0..4800));
    house.header("image.hdr", 30, 80, 1);
    fs::create_dir(house.path("links")).expect("made");
    let link = House {
        folder: folder(),
        image: house.path("links/a.raw"),
    };
    symlink("../image.raw", &link.image).expect("linked");
    link.edits(&[], "gray:u16le", 0, (30, 80));
}

#[test]
fn named_maps_follow_the_same_rules() {
    let nifti = with_pixels(&parts(&[(0, &348_u32.to_le_bytes()[..]), (344, b"n+1\0")]));
    let (known, plain) = (House::new("a.nii", &nifti), House::new("plain.raw", &pattern(0..4800)));
    let names_folder = folder();
    let names = names_folder.path().join("names");
    let run = |words: &[&str]| {
        let output = pagelight(words).env("PAGELIGHT_NAMES", &names).output();
        let output = output.expect("it runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let publish = |name: &str, house: &House| {
        let mut command = std::process::Command::new(common::PROGRAM);
        command.args(["shm", "publish", name, word(&house.image), "--hold"]);
        command
            .env("PAGELIGHT_NAMES", &names)
            .stdout(std::process::Stdio::null());
        let mut holder = common::plain(&mut command).spawn().expect("it runs");
        while run(&["status", &format!("name:{name}")]).0 == Some(66) {
            assert!(holder.try_wait().expect("asked").is_none(), "it holds nothing");
        }
        holder
    };
    let holders = [publish("known", &known), publish("plain", &plain)];
    let ends = [
        run(&["brighten", "name:known", "--by=1", "--pixel=gray16"]),
        run(&["brighten", "name:plain", "--by=1"]),
        run(&["brighten", "name:plain", "--by=20", "--pixel=gray16", "--dry-run"]),
    ];
    for mut holder in holders {
        holder.kill().and_then(|()| holder.wait()).expect("killed");
    }
    assert!(
        ends[0].0 == Some(65) && ends[0].1.contains("is a NIfTI file"),
        "{ends:?}"
    );
    assert!(ends[1].0 == Some(2) && ends[1].1.contains("has no header"), "{ends:?}");
    assert_eq!(ends[2].0, Some(0), "{ends:?}");
    assert!(fs::read(&known.image).expect("read") == nifti);
}

#[test]
fn what_a_pixel_looks_like_is_not_guessed() {
    let house = House::new("plain.raw", &pattern(0..4800));
    for command in ["brighten", "stats", "export", "preview", "info", "bench"] {
        let says = [
            "plain.raw: has no header; say --pixel rgba16 (then it has 600 pixels)",
            "--pixel rgb16 (800)",
            "--pixel gray16 (2400)",
            "--size WIDTHxHEIGHT",
            "ENVI header",
        ];
        house.refuses_to(command, &[], 2, &says);
    }
    // Only what fits is offered, behind the offset that was said.
    let odd = House::new("odd.raw", &pattern(0..4806));
    odd.refuses(
        &[],
        2,
        &["say --pixel rgb16 (then it has 801 pixels)", "--pixel gray16 (2403)"],
    );
    assert!(!odd.looks(&odd.image, "brighten", &[]).1.contains("rgba16"));
    odd.refuses(
        &["--data-offset=6"],
        2,
        &["say --pixel rgba16 (then it has 600 pixels)"],
    );
    House::new("odd.raw", &[7; 4801]).refuses(&[], 2, &["4801 bytes are not whole samples", "--data-offset"]);
    house.edits(&["--pixel=graya16"], "graya:u16le", 0, (1200, 1));
}

#[test]
fn a_size_alone_means_rgba16_or_nothing() {
    let house = House::new("plain.raw", &pattern(0..4800));
    house.edits(&["--size=30x20"], "rgba:u16le", 0, (30, 20));
    house.edits(&["--size=24x20", "--data-offset=960"], "rgba:u16le", 960, (24, 20));
    house.refuses(
        &["--size=40x20"],
        2,
        &["40x20 pixels fill them if they are rgb16", "say --pixel"],
    );
    house.refuses(&["--size=40x60"], 2, &["if they are gray16;"]);
    house.refuses(&["--size=40x30"], 2, &["if they are graya16;"]);
    house.refuses(
        &["--size=30x21"],
        2,
        &["has 4800 bytes", "would need 5040", "correct --size"],
    );
    house.refuses(&["--size=30x19"], 2, &["would need 4560", "--part"]);
    house.refuses(
        &["--size=30x19", "--part"],
        2,
        &["would need 4560", "say --pixel and --part"],
    );
}

#[test]
fn bytes_left_over_need_the_word_part() {
    let house = House::new("image.raw", &pattern(0..4805));
    let words = ["--pixel=rgba16", "--size=30x20"];
    house.refuses(
        &words,
        2,
        &["has 4805 bytes", "end at 4800", "5 are left over", "--part"],
    );
    house.edits(&[&words[..], &["--part"]].concat(), "rgba:u16le", 0, (30, 20));
    house.refuses(&["--pixel=rgba16"], 65, &["5 are left over", "--part"]);
    house.edits(&["--pixel=rgba16", "--part"], "rgba:u16le", 0, (600, 1));
    house.refuses(&["--pixel=rgba16", "--size=30x21", "--part"], 2, &["would need 5040"]);
    House::new("tiny.raw", b"1234567").refuses(&["--pixel=rgba16", "--part"], 65, &["7 bytes"]);

    house.header("image.hdr", 30, 80, 1);
    house.refuses(&[], 65, &["has 4805 bytes", "image.hdr", "4800", "--part"]);
    house.edits(&["--part"], "gray:u16le", 0, (30, 80));
    house.header("image.hdr", 30, 81, 1);
    house.refuses(&["--part"], 65, &["has 4805 bytes", "4860"]);

    let house = House::new("image.raw", &pattern(0..4800));
    house.header("image.hdr", 30, 80, 1);
    house.refuses(&["--size=30x79"], 65, &["has 4800 bytes", "it has 4740", "--part"]);
    house.edits(&["--size=30x79", "--part"], "gray:u16le", 0, (30, 79));
    house.refuses(&["--data-offset=60"], 65, &["it has 4860"]);
    house.edits(&["--data-offset=60", "--size=30x79"], "gray:u16le", 60, (30, 79));
}

/// Not even as raw pixels: whoever could write into it could make a program write anywhere in its own memory.
#[test]
fn a_named_object_is_never_an_image() {
    let house = House::new("object", &parts(&[(0, b"pagelobj\x01\0\0\0\x01\0\0\0"), (4095, b"\0")]));
    for command in [
        "brighten", "adjust", "stats", "preview", "export", "bench", "info", "resume",
    ] {
        for words in [&[][..], &["--as-raw", "--pixel=gray16"]] {
            if words.is_empty() || !matches!(command, "resume") {
                house.refuses_to(command, words, 65, &["object: is a named object and no image"]);
            }
        }
    }
}
