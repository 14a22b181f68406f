//! Headers as real programs write them, damaged ones, and those of images that cannot be edited.

use super::*;

const PLAIN: &str = "ENVI\nsamples = 30\nlines = 20\nbands = 4\ndata type = 12\ninterleave = bip\nbyte order = 0\n";

fn parse(text: &str) -> Header {
    Header::parse(text).expect(text)
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let message = Header::parse(text).expect_err(text);
    assert!(message.contains(why), "{message}");
    assert!(!message.contains('\n'), "{message}");
}

#[test]
fn what_is_written_reads_back() {
    for format in [
        "rgba16",
        "rgba16be",
        "rgb16",
        "gray:i16be",
        "graya16",
        "mycolor",
        "2band:u16be",
    ] {
        let header = Header::new(40_000, 30_000, format.parse().expect("a format"));
        assert_eq!(parse(&header.to_text()), header, "{format}");
    }
}

#[test]
fn real_headers_are_read() {
    let header = parse(
        "\u{feff}ENVI\r\n; made by hand\r\ndescription = {\r\n  File Imported into ENVI,\r\n  lines = 7}\r\n\
         Samples   = 30\r\nLINES = 20\r\nbands=4\r\nheader offset = 13\r\nfile type = ENVI Standard\r\n\
         data type = 2\r\nInterleave = BIP\r\nsensor type = Unknown\r\nbyte order = 1\r\n\
         map info = {UTM, 1, 1, 1.0e5, 2, 3}\r\nwavelength units = Unknown\r\n\
         band names = {\r\n Red, Green,\r\n ; the last one is special\r\n Blue, ALPHA}\r\n\r\n",
    );
    assert_eq!((header.width, header.height, header.data_offset), (30, 20, 13));
    assert_eq!(header.format, "rgba:i16be".parse().expect("a format"));
    assert_eq!(header.band_names, ["Red", "Green", "Blue", "ALPHA"]);
}

#[test]
fn a_fourth_band_is_alpha_only_by_name() {
    let names = |names: &str| parse(&format!("{PLAIN}band names = {{{names}}}\n"));
    assert_eq!(parse(PLAIN).format.channels, Channels::FourBands);
    assert!(parse(PLAIN).unnamed_bands());
    assert_eq!(
        names("Red, Green, Blue, Near Infrared").format.channels,
        Channels::FourBands
    );
    assert!(!names("Red, Green, Blue, Near Infrared").unnamed_bands());
    assert_eq!(names("Red, Green, Blue, Alpha").format.channels, Channels::Rgba);
}

#[test]
fn what_cannot_be_edited_is_refused_by_name() {
    refused(&PLAIN.replace("bip", "bsq"), "interleave = bsq");
    refused(&PLAIN.replace("bip", "BIL"), "interleave = bil");
    refused(&PLAIN.replace("bands = 4", "bands = 7"), "bands = 7");
    refused(&PLAIN.replace("bands = 4", "bands = 0"), "bands = 0");
    refused(&PLAIN.replace("type = 12", "type = 4"), "data type = 4");
    refused(&PLAIN.replace("order = 0", "order = 2"), "byte order = 2");
    refused(&format!("{PLAIN}file compression = 1\n"), "compressed");
    refused(&format!("{PLAIN}band names = {{Red, Green}}\n"), "2 band names");
    assert_eq!(
        parse(&PLAIN.replace("bands = 4", "bands = 1").replace("bip", "bsq"))
            .format
            .channels,
        Channels::Gray
    );
}

#[test]
fn damage_is_refused() {
    refused("", "ENVI");
    refused("garbage\0\u{1}\u{2}", "ENVI");
    refused("ENVI\ngarbage \u{7}", "key = value");
    refused("ENVI\n", "bands");
    refused(&PLAIN.replace("lines = 20\n", ""), "lines");
    refused(&PLAIN.replace("lines = 20", "lines = -20"), "lines");
    refused(&PLAIN.replace("lines = 20", "lines = 99999999999999999999"), "lines");
    refused(&format!("{PLAIN}lines = 21\n"), "twice");
    refused(&format!("{PLAIN}description = {{never closed\n"), "truncated");
    // Cut anywhere, a header is refused or still means the same image, but never panics.
    let whole = Header::new(30, 20, PixelFormat::RGBA16).to_text();
    for end in 0..whole.len() {
        let _ = Header::parse(&whole[..end]);
    }
}

#[test]
fn headers_as_real_programs_write_them() {
    let file = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/envi").join(name);
        std::fs::read_to_string(path).expect(name)
    };
    let check = |name: &str, format: &str, sides: (u64, u64), data_offset: u64| {
        let header = parse(&file(name));
        assert_eq!(header.format.to_string(), format, "{name}");
        assert_eq!(
            (header.width, header.height, header.data_offset),
            (sides.0, sides.1, data_offset),
            "{name}"
        );
    };
    check("classic-crlf-4band-nir.hdr", "4band:u16le", (512, 384), 0);
    check("gdal-rgb-big-endian.hdr", "rgb:u16be", (2048, 1024), 0);
    check("comments-and-case.hdr", "gray:i16be", (100, 50), 317);
    refused(&file("refused-bsq.hdr"), "interleave = bsq");
    refused(&file("refused-float-cube.hdr"), "data type = 4");
    refused(&file("refused-hostile.hdr"), "samples");
}
