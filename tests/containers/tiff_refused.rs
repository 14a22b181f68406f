//! TIFFs that are refused: with the reason and the numbers, and untouched.

use std::fs;

use crate::array::{Array, Kind};
use crate::common::{Snapshot, folder, pagelight};
use crate::tiff::{LONG, LONG8, SHORT, Tiff, field, text};

/// A gray picture of 4x5 pixels in strips of two rows: 16, 16 and 8 bytes from byte 19 on.
pub(crate) fn gray() -> Tiff {
    Tiff::new([1, 1, 5, 4], Kind::Unsigned)
}

/// 40x20 pixels in six tiles of 16x16: 512 bytes each.
pub(crate) fn tiled() -> Tiff {
    Tiff {
        tile: Ok((16, 16)),
        ..Tiff::new([1, 1, 20, 40], Kind::Unsigned)
    }
}

pub(crate) fn bytes(tiff: &Tiff) -> Vec<u8> {
    tiff.bytes(&Array::new(tiff.sides, tiff.kind))
}

/// The file must be refused, with these words, by whatever looks at it.
#[track_caller]
pub(crate) fn refuses(bytes: &[u8], words: &[&str], code: i32, says: &[&str]) {
    let folder = folder();
    let path = folder.path().join("a.tif");
    fs::write(&path, bytes).expect("written");
    let before = Snapshot::of(folder.path());
    for command in [
        &["brighten", "--by=1"][..],
        &["adjust", "--gain=2"],
        &["stats"],
        &["info"],
    ] {
        let output = pagelight(command.iter().chain(words))
            .arg(&path)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        for words in says {
            assert!(said.contains(words), "{command:?}: '{words}' is not in: {said}");
        }
    }
    before.assert_unchanged(folder.path());
}

#[track_caller]
fn refused(tiff: &Tiff, says: &str) {
    refuses(
        &bytes(tiff),
        &[],
        65,
        &["a.tif: is a TIFF file", "nothing was changed", says],
    );
}

#[test]
fn pixels_that_are_no_plain_numbers_of_16_bits() {
    let cases: &[(u16, &[u64], &str)] = &[
        (
            259,
            &[5],
            "is compressed (LZW); 'pagelight import' makes an image of it",
        ),
        (259, &[8], "is compressed (deflate)"),
        (259, &[50_000], "is compressed (ZSTD)"),
        (259, &[0], "is compressed (method 0)"),
        (317, &[2], "has samples that are differences (predictor 2)"),
        (258, &[8], "has samples of 8 bits"),
        (258, &[12], "has samples of 12 bits"),
        (258, &[32], "has samples of 32 bits"),
        (339, &[3], "floating-point samples of 16 bits"),
        (339, &[4], "SampleFormat 4"),
        (266, &[2], "FillOrder 2"),
        (262, &[3], "colors of a palette"),
        (262, &[4], "is a mask"),
        (262, &[6], "YCbCr"),
        (262, &[8], "CIE Lab"),
        (262, &[32_803], "color filter (CFA)"),
        (262, &[34_892], "LinearRaw"),
        (262, &[2], "has 1 samples a pixel, and its colors need 3"),
        (284, &[3], "PlanarConfiguration is 3"),
        (256, &[0], "is 0x5 pixels large"),
        (257, &[0], "is 4x0 pixels large"),
        (277, &[0], "has 0 samples a pixel"),
        (278, &[0], "strips or tiles of 4x0"),
        (32_997, &[9], "a volume of 9 slices"),
        (33_422, &[1], "(CFA)"),
        (50_706, &[0x0104], "is a DNG"),
        (338, &[2], "1 more by ExtraSamples"),
    ];
    for (tag, values, says) in cases {
        refused(&gray().with(0, field(*tag, SHORT, values)), says);
    }
    let rgb = || Tiff::new([1, 3, 5, 4], Kind::Unsigned);
    refused(
        &rgb().with(0, field(258, SHORT, &[16, 8, 16])),
        "samples of 16 and of 8 bits",
    );
    refused(&rgb().with(0, field(258, SHORT, &[16, 16])), "BitsPerSample for 2");
    refused(
        &rgb().with(0, field(258, SHORT, &[5, 6, 5])),
        "samples of 16 and of 5 bits",
    );
    refused(
        &rgb().with(0, field(339, SHORT, &[1, 2, 1])),
        "samples of several types",
    );
    refused(&rgb().with(0, field(277, SHORT, &[4])), "BitsPerSample for 3");
    refused(&gray().without(258), "has samples of 1 bits");
    refused(&gray().without(256), "does not say ImageWidth (tag 256)");
    refused(&gray().with(0, field(256, 12, &[0])), "none of whole numbers");
    refused(&gray().with(0, field(256, LONG, &[4, 4])), "tag 256 has 2 numbers");
    refused(
        &gray().with(0, text(270, "ImageJ=1.53\nimages=7\nslices=7\n")),
        "7 images",
    );
}

#[test]
fn strips_and_tiles_that_do_not_fit() {
    let (strips, tiles) = (gray(), tiled());
    let cases = [
        (
            &strips,
            field(273, LONG, &[19, 35]),
            "has 2 places of strips, and 4x5 pixels need 3",
        ),
        (
            &strips,
            field(279, LONG, &[16; 4]),
            "has 4 byte counts of strips, and 4x5 pixels need 3",
        ),
        (
            &strips,
            field(279, LONG, &[16, 15, 8]),
            "strip 2 has 15 bytes by its byte count, and its rows have 16",
        ),
        (
            &strips,
            field(279, LONG, &[16, 16, 16]),
            "strip 3 has 16 bytes by its byte count, and its rows have 8",
        ),
        (
            &strips,
            field(278, LONG, &[1]),
            "has 3 places of strips, and 4x5 pixels need 5",
        ),
        (
            &strips,
            field(273, LONG, &[19, 34, 51]),
            "strips 1 and 2 share bytes from 34 on",
        ),
        (
            &strips,
            field(273, LONG, &[19, 58, 51]),
            "strips 3 and 2 share bytes from 58 on",
        ),
        (
            &strips,
            field(273, LONG, &[19, 19, 51]),
            "strips 1 and 2 share bytes from 19 on",
        ),
        (
            &strips,
            field(273, LONG, &[19, 35, 9000]),
            "strip 3 ends at byte 9008, the file at",
        ),
        (
            &strips,
            field(273, LONG, &[0, 35, 51]),
            "strip 1 shares bytes with the header",
        ),
        (
            &strips,
            field(273, LONG, &[7, 35, 51]),
            "strip 1 shares bytes with the header",
        ),
        (
            &strips,
            field(273, LONG, &[19, 35, 4_294_967_290]),
            "ends at byte 4294967298",
        ),
        (&strips, field(324, LONG, &[19, 35, 51]), "has strips and tiles"),
        (
            &tiles,
            field(325, LONG, &[512, 512, 512, 512, 512, 64]),
            "tile 6 has 64 bytes by its byte count",
        ),
        (&tiles, field(322, SHORT, &[0]), "strips or tiles of 0x16"),
        (
            &tiles,
            field(322, SHORT, &[32]),
            "has 6 places of tiles, and 40x20 pixels need 4",
        ),
        (
            &tiles,
            field(324, LONG, &[19, 531, 1043, 1555, 2066, 2600]),
            "tiles 4 and 5 share bytes from 2066 on",
        ),
    ];
    for (tiff, lie, says) in cases {
        refused(&tiff.clone().with(0, lie), says);
    }
    let sparse = tiled();
    let mut starts: Vec<u64> = (0..6).map(|chunk| sparse.start(0, chunk) as u64).collect();
    starts[3] = 0;
    let lengths = field(325, LONG, &[512, 512, 512, 0, 512, 512]);
    refused(
        &sparse.with(0, field(324, LONG, &starts)).with(0, lengths),
        "tile 4 is not there (a sparse file)",
    );
    refused(
        &gray().without(279),
        "does not say where its strips begin and how long they are",
    );
    refused(&tiled().without(323), "does not say TileLength");
    // Wider or higher than any file.
    let huge = Tiff {
        is_bigtiff: true,
        ..tiled()
    };
    let lies = [field(256, LONG8, &[1 << 63]), field(257, LONG8, &[1 << 63])];
    let huge = lies.into_iter().fold(huge, |tiff, lie| tiff.with(0, lie));
    refused(&huge, "are edited in place");
    let wide = [field(322, LONG8, &[1 << 62]), field(323, LONG8, &[1 << 62])];
    let wide = wide.into_iter().fold(huge, |tiff, lie| tiff.with(0, lie));
    refused(&wide, "more than a file can hold");
}

/// Places a strip where something else lies.
#[test]
fn strips_over_directories_and_values() {
    let plain = gray().with(0, text(270, &"x".repeat(40)));
    let file = bytes(&plain);
    let find = |wanted: &[u8]| {
        file.windows(wanted.len())
            .position(|window| window == wanted)
            .expect("there")
    };
    let value = find(&[b'x'; 40]) as u64;
    let number = |at: usize| u64::from(u32::from_le_bytes(file[at..at + 4].try_into().expect("four")));
    let directory = number(4);
    let moved = |start| plain.clone().with(0, field(273, LONG, &[19, 35, start]));
    refused(&moved(value), "strip 3 shares bytes with the value of tag 270");
    refused(&moved(value - 7), "strip 3 shares bytes with");
    refused(&moved(value + 39), "strip 3 shares bytes with");
    refused(&moved(directory), "strip 3 shares bytes with a directory");
    refused(&moved(directory - 7), "strip 3 shares bytes with");
    refused(&moved(file.len() as u64 - 8), "strip 3 shares bytes with a directory");
    // Two pages of the same samples, and a smaller copy of them.
    let two = Tiff::new([2, 1, 5, 4], Kind::Unsigned);
    let first = |page| field(273, LONG, &[0, 1, 2].map(|chunk| two.start(page, chunk) as u64));
    refused(&two.clone().with(1, first(0)), "strips 1 and 4 share bytes");
    refused(
        &two.clone().with(1, first(0)).with(1, field(254, LONG, &[1])),
        "shares bytes with page 2",
    );
}

/// A gray picture whose directory says `next` of the next one.
fn linked(next: u64) -> Vec<u8> {
    let mut file = bytes(&gray());
    let end = file.len();
    file[end - 4..].copy_from_slice(&u32::try_from(next).expect("small").to_le_bytes());
    file
}

#[test]
fn directories_that_lead_nowhere_or_in_circles() {
    let file = bytes(&gray());
    let first = u64::from(u32::from_le_bytes(file[4..8].try_into().expect("four")));
    let at = |position: u64| {
        let mut file = file.clone();
        file[4..8].copy_from_slice(&u32::try_from(position).expect("small").to_le_bytes());
        file
    };
    let refuses = |file: &[u8], says: &str| refuses(file, &[], 65, &["a.tif: ", "nothing was changed", says]);
    refuses(&linked(first), "page 2 is the directory at byte");
    refuses(&linked(file.len() as u64 - 1), "page 2: the directory at byte");
    refuses(&linked(4), "within the header");
    refuses(&at(0), "has no pages");
    refuses(&at(file.len() as u64), "ends past the file's");
    refuses(&at(4_294_967_295), "ends past the file's");
    for end in [file.len() - 1, file.len() - 4, file.len() - 30] {
        refuses(&file[..end], "it is cut short");
    }
    refuses(&bytes(&gray().with(0, field(330, LONG, &[first]))), "");
    // Entries: none, one twice, and more than there can be.
    let mut none = file.clone();
    none[usize::try_from(first).expect("small")] = 0;
    refuses(&none, "has 0 entries");
    let mut twice = file.clone();
    let tag = usize::try_from(first).expect("small") + 2;
    twice[tag..tag + 2].copy_from_slice(&257u16.to_le_bytes());
    refuses(&twice, "says tag 257 twice");
    let mut many = bytes(&Tiff {
        is_bigtiff: true,
        ..gray()
    });
    let first = usize::try_from(u64::from_le_bytes(many[8..16].try_into().expect("eight"))).expect("small");
    many[first..first + 8].copy_from_slice(&(1u64 << 63).to_le_bytes());
    refuses(&many, "has 9223372036854775808 entries");
    let deep = Tiff {
        is_bigtiff: true,
        ..gray()
    };
    for tag in [273, 279, 258, 330] {
        let mut file = bytes(&deep.clone().with(0, field(tag, LONG8, &[0; 3])));
        let entry = [&tag.to_le_bytes()[..], &LONG8.to_le_bytes(), &3u64.to_le_bytes()].concat();
        let at = file
            .windows(entry.len())
            .position(|window| window == entry)
            .expect("there");
        file[at + 4..at + 12].copy_from_slice(&(1u64 << 61).to_le_bytes());
        refuses(&file, "");
    }
}
