//! Which pages of a TIFF are meant, and what of a file is left alone.

use std::fs;
use std::path::Path;

use crate::array::Kind;
use crate::common::{folder, pagelight, word};
use crate::tiff::{Field, LONG, SHORT, Tiff, field};
use crate::tiff_refused::{bytes, gray, refuses, tiled};

#[test]
fn pages_that_are_not_alike_are_listed_and_chosen() {
    let two = Tiff::new([2, 1, 6, 4], Kind::Unsigned);
    let other = two
        .clone()
        .with(1, field(256, SHORT, &[2]))
        .with(1, field(279, LONG, &[8, 8, 8]));
    let list = "has 2 pictures that are not alike; choose one by --page: 1 (4x6 gray:u16le), 2 (2x6 gray:u16le)";
    refuses(&bytes(&other), &[], 2, &[list]);
    refuses(&bytes(&other), &["--page=3"], 2, &["--page 3: it has pages 1 to 2"]);
    let packed = two.clone().with(1, field(259, SHORT, &[5]));
    refuses(&bytes(&packed), &[], 2, &["2 (4x6, not edited: is compressed (LZW))"]);
    refuses(&bytes(&packed), &["--page=2"], 65, &["page 2 is compressed (LZW)"]);
    let small = two.clone().with(1, field(254, LONG, &[1]));
    refuses(&bytes(&small), &["--page=2"], 2, &["--page 2 is a smaller copy"]);
    let mask = two.clone().with(1, field(254, LONG, &[4]));
    refuses(&bytes(&mask), &["--page=2"], 2, &["--page 2 is a mask"]);
    refuses(
        &bytes(
            &two.clone()
                .with(0, field(254, LONG, &[1]))
                .with(1, field(254, LONG, &[4])),
        ),
        &[],
        65,
        &["no picture"],
    );
    // The one that is chosen is edited, and nothing else.
    for page in [0, 1] {
        let folder = folder();
        let path = folder.path().join("a.tif");
        let mut want = bytes(&other);
        fs::write(&path, &want).expect("written");
        assert!(run(&path, &["brighten", "--by=300", &format!("--page={}", page + 1)]));
        for chunk in 0..3 {
            let start = other.start(page, chunk);
            let length = if page == 0 { 16 } else { 8 };
            for at in (start..start + length).step_by(2) {
                let old = u16::from_le_bytes([want[at], want[at + 1]]);
                want[at..at + 2].copy_from_slice(&old.saturating_add(300).to_le_bytes());
            }
        }
        assert!(fs::read(&path).expect("read") == want, "page {page}");
    }
}

fn run(path: &Path, words: &[&str]) -> bool {
    let output = pagelight(words.iter().copied().chain([word(path)]))
        .output()
        .expect("it runs");
    output.status.success()
}

#[test]
fn trailers_of_a_cog_are_not_left_behind() {
    let mut file = bytes(&Tiff { order: 900, ..tiled() });
    let ghost =
        b"GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\nLAYOUT=IFDS_BEFORE_DATA\nBLOCK_TRAILER=LAST_4_BYTES_REPEATED\n";
    let at = 19 + 512;
    // Behind the header is where it stands; the first tile of such a file does not begin before.
    file[at..at + ghost.len()].copy_from_slice(ghost);
    refuses(
        &file,
        &[],
        65,
        &["a.tif: ", "cloud optimized GeoTIFF (COG)", "gdal_translate"],
    );
    let text = b"KNOWN_INCOMPATIBLE_EDITION=YES\n";
    file[at + ghost.len()..at + ghost.len() + text.len()].copy_from_slice(text);
    let folder = folder();
    let path = folder.path().join("a.tif");
    fs::write(&path, &file).expect("written");
    assert!(run(&path, &["brighten", "--by=300"]));
}

#[test]
fn fields_of_unknown_tags_and_types_are_left_alone() {
    for is_bigtiff in [false, true] {
        let unknown = Field {
            tag: 60_000,
            kind: 99,
            values: vec![7],
        };
        let tiff = Tiff { is_bigtiff, ..gray() }
            .with(0, unknown)
            .with(0, field(300, LONG, &[1, 2, 3, 4]));
        let folder = folder();
        let path = folder.path().join("a.tif");
        fs::write(&path, bytes(&tiff)).expect("written");
        assert!(run(&path, &["brighten", "--by=300"]));
    }
}
