//! Headers as real programs write them, damaged ones, and those of images that cannot be edited.

use super::*;

const PLAIN: &str = "ENVI\nsamples = 30\nlines = 20\nbands = 4\ndata type = 12\ninterleave = bip\nbyte order = 0\n";

fn parse(text: &str) -> EnviHeader {
    EnviHeader::parse(text).expect(text)
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let message = EnviHeader::parse(text).expect_err(text);
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
        "3band:u16le",
        "5banda:i16le",
        "300band:u16le",
    ] {
        let header = EnviHeader::new(40_000, 30_000, format.parse().expect("a format"));
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

fn named(bands: u64, names: &str) -> EnviHeader {
    let text = PLAIN.replace("bands = 4", &format!("bands = {bands}"));
    parse(&format!("{text}band names = {{{names}}}\n"))
}

#[test]
fn bands_mean_what_they_are_called() {
    let check = |bands, names: &str, format: &str| {
        let header = named(bands, names);
        assert_eq!(header.format.channels.to_string(), format, "{names}");
        let listed: Vec<&str> = names
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        assert_eq!(header.band_names, listed);
    };
    check(4, "Red, Green, Blue, Near Infrared", "4band");
    check(4, "Blue, Green, Red, Alpha", "4banda");
    check(4, " red,GREEN , Blue, alpha", "rgba");
    check(3, "Red, Green, Blue", "rgb");
    check(3, "Blue, Green, Red", "3band");
    check(3, "NIR, Red, Green", "3band");
    check(3, "Band 1, Band 2, Band 3", "3band");
    check(2, "NIR, Alpha", "graya");
    check(2, "Red, NIR", "2band");
    check(1, "NIR", "gray");
    check(1, "Alpha", "gray");
    // Of bands without names nobody knows the meaning.
    for (bands, format) in [
        (1, "gray"),
        (2, "2band"),
        (3, "3band"),
        (4, "4band"),
        (224, "224band"),
        (65_535, "65535band"),
    ] {
        check(bands, "", format);
    }
    // Names reach terminals.
    assert_eq!(named(1, "a\u{1b}[2Jb\u{9b}c").band_names, ["a?[2Jb?c"]);
}

#[test]
fn samples_lie_as_the_interleave_says() {
    let step = |text: &str| parse(text).layout().expect(text).step();
    let steps = |channel, column, row, plane| Step {
        channel,
        column,
        row,
        plane,
    };
    assert_eq!(step(PLAIN), steps(2, 8, 240, 4800));
    assert_eq!(step(&PLAIN.replace("bip", "BIL")), steps(60, 2, 240, 4800));
    assert_eq!(step(&PLAIN.replace("bip", "bsq")), steps(1200, 2, 60, 4800));
    // Where one band, column or pixel is all there is, the three are one.
    let all = ["bip", "bil", "bsq"];
    let one_band = PLAIN.replace("bands = 4", "bands = 1");
    let one_pixel = PLAIN
        .replace("samples = 30", "samples = 1")
        .replace("lines = 20", "lines = 1");
    for text in [one_band, one_pixel] {
        for interleave in all {
            let text = text.replace("bip", interleave);
            let layout = parse(&text).layout().expect(&text);
            assert!(
                layout.is_one_run() && layout.step() == step(&text.replace(interleave, "bip")),
                "{text}"
            );
        }
    }
    for interleave in all {
        let text = format!("{}header offset = 13\n", PLAIN.replace("bip", interleave));
        assert_eq!(parse(&text).layout().expect(&text).data(), 13..4813, "{interleave}");
        assert_eq!(parse(&parse(&text).to_text()), parse(&text));
        // More than can be counted, whichever product it is that is too large.
        for (from, to) in [
            ("samples = 30", "samples = 9223372036854775808"),
            ("lines = 20", "lines = 9223372036854775808"),
            ("samples = 30\nlines = 20", "samples = 4294967296\nlines = 4294967296"),
            ("header offset = 13", "header offset = 18446744073709551615"),
        ] {
            let huge = parse(&text.replace(from, to)).layout();
            assert!(
                huge.is_err_and(|why| why.contains("more than a file can hold")),
                "{interleave} {to}"
            );
        }
        for from in ["samples = 30", "lines = 20"] {
            let none = parse(&text.replace(from, &format!("{} = 0", from.split(' ').next().expect("a key")))).layout();
            assert!(none.is_err_and(|why| why.contains("at least 1")), "{interleave}");
        }
    }
}

#[test]
fn nodata_is_a_value_that_a_sample_can_have() {
    let check = |text: &str, want: Option<i32>| {
        let header = parse(&format!("{PLAIN}data ignore value = {text}\n"));
        assert_eq!(header.nodata, want, "{text}");
    };
    check("0", Some(0));
    check("0.0", Some(0));
    check("-0", Some(0));
    check("-9999", Some(-9999));
    check("-9999.000", Some(-9999));
    check("6.5535e+04", Some(65_535));
    check("65535", Some(65_535));
    check("65536", None);
    check("-1e38", None);
    check("-3.40282346638529e+38", None);
    check("1e999", None);
    check("nan", None);
    check("-inf", None);
    check("0.5", None);
    check("", None);
    refused(
        &format!("{PLAIN}data ignore value = none\n"),
        "data ignore value = none is no number",
    );
    assert_eq!(parse(PLAIN).nodata, None);
    assert!(
        !parse(&format!("{PLAIN}data ignore value = 7\n"))
            .to_text()
            .contains("ignore")
    );
}

#[test]
fn what_cannot_be_edited_is_refused_by_name() {
    refused(&PLAIN.replace("bip", "tiled"), "interleave = tiled with 4 bands");
    refused(
        &PLAIN.replace("interleave = bip\n", ""),
        "does not say 'interleave', and 4 bands",
    );
    refused(
        &PLAIN.replace("bands = 4", "bands = 65536"),
        "bands = 65536; supported are 1 to 65535",
    );
    refused(&PLAIN.replace("bands = 4", "bands = 0"), "bands = 0");
    refused(&PLAIN.replace("type = 12", "type = 4"), "data type = 4");
    refused(&PLAIN.replace("order = 0", "order = 2"), "byte order = 2");
    refused(&format!("{PLAIN}file compression = 1\n"), "compressed");
    refused(&format!("{PLAIN}band names = {{Red, Green}}\n"), "2 band names");
    refused(
        &format!("{PLAIN}major frame offsets = {{0, 16}}\n"),
        "major frame offsets = 16",
    );
    refused(
        &format!("{PLAIN}minor frame offsets = {{4}}\n"),
        "minor frame offsets = 4",
    );
    refused(
        &format!("{PLAIN}minor frame offsets = {{x}}\n"),
        "minor frame offsets = x",
    );
    parse(&format!(
        "{PLAIN}major frame offsets = {{0, 0.0}}\nminor frame offsets = {{0}}\n"
    ));
    let one = PLAIN.replace("bands = 4", "bands = 1");
    for interleave in ["interleave = bsq\n", "interleave = nonsense\n", ""] {
        let header = parse(&one.replace("interleave = bip\n", interleave));
        assert_eq!(header.format.channels, Channels::GRAY);
    }
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
    let whole = EnviHeader::new(30, 20, PixelFormat::RGBA16).to_text();
    for end in 0..whole.len() {
        let _ = EnviHeader::parse(&whole[..end]);
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
    check("gdal-rgb-big-endian.hdr", "3band:u16be", (2048, 1024), 0);
    check("4band-bsq.hdr", "4band:u16le", (512, 384), 0);
    check("comments-and-case.hdr", "gray:i16be", (100, 50), 317);
    refused(&file("refused-float-cube.hdr"), "data type = 4");
    refused(&file("refused-hostile.hdr"), "samples");
}

#[test]
fn a_pipe_in_the_place_of_a_header_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("a.hdr");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("made");
    let refused = read(&pipe).expect_err("refused").to_string();
    assert!(refused.contains("is no regular file"), "{refused}");
    // Nor is it found.
    assert_eq!(find(&folder.path().join("a.raw")).expect("looked"), None);
}
