//! TIFFs edited where they lie, against the oracle: through the library, and through the program as users type it.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use ::tiff::decoder::{Decoder, DecodingResult, Limits};
use pagelight::Image;
use pagelight::job::{Job, Target};

use crate::array::{Array, Kind, NODATA, Part};
use crate::common::{folder, memory_folder, word};
use crate::edit::{Edit, What};
use crate::grid::{library_part, run_job};
use crate::program::says;
use crate::tiff::{self, LONG, SHORT, Tiff, field, text};

/// Edits a part through the library, and compares the whole file.
#[track_caller]
fn check(path: &Path, tiff: &Tiff, edit: Edit, part: &Part, threads: usize) {
    let mut array = Array::new(tiff.sides, tiff.kind);
    fs::write(path, tiff.bytes(&array)).expect("written");
    let context = format!("{} {edit:?} {part:?} {threads} threads", tiff.name());
    let image = Image::open(path).unwrap_or_else(|error| panic!("{context}: {error}"));
    let described = image.described();
    let usual = library_part(&Part::whole(tiff.sides, tiff.has_alpha()), &described.layout).channels;
    assert!(described.color().iter().eq(usual.iter()), "{context}");
    let theirs = library_part(part, &described.layout);
    let target = Target::of(&described.layout, &theirs, &described.names).expect(&context);
    let job = Job { op: edit.op(), target };
    let counts = edit.apply(&mut array, part);
    run_job(path, &job, threads, (&tiff.bytes(&array), counts), &context);
}

#[test]
fn every_arrangement_is_edited_exactly() {
    let folder = memory_folder().unwrap_or_else(folder);
    let path = folder.path().join("image.tif");
    let mut parts = 0;
    for tiff in tiff::every() {
        let edits = Edit::all(tiff.kind);
        for part in Part::all_of(tiff.sides, tiff.has_alpha(), false) {
            parts += 1;
            check(&path, &tiff, edits[parts % edits.len()], &part, 1 + parts % 3);
        }
    }
    println!("{parts} parts");
}

/// Runs the program on a file of these bytes; what is then in the file, and what it said.
#[track_caller]
fn after(path: &Path, bytes: &[u8], words: &[&str]) -> (Vec<u8>, serde_json::Value) {
    fs::write(path, bytes).expect("written");
    let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    all.extend([word(path).to_owned(), "--json".to_owned()]);
    let said = says(&all);
    (fs::read(path).expect("read"), said)
}

/// The pages of a TIFF as the crate `tiff` reads them: sample after sample, channel by channel where these lie apart.
fn pages_by_the_crate(bytes: &[u8]) -> Vec<Vec<i64>> {
    let mut decoder = Decoder::new(Cursor::new(bytes))
        .expect("a TIFF")
        .with_limits(Limits::unlimited());
    let mut pages = Vec::new();
    loop {
        pages.push(match decoder.read_image().expect("an image") {
            DecodingResult::U16(samples) => samples.into_iter().map(i64::from).collect(),
            DecodingResult::I16(samples) => samples.into_iter().map(i64::from).collect(),
            other => panic!("{other:?}"),
        });
        if !decoder.more_images() {
            return pages;
        }
        decoder.next_image().expect("a page");
    }
}

#[test]
fn another_reader_finds_what_was_edited() {
    let folder = folder();
    let path = folder.path().join("image.tif");
    let mut read = 0;
    for tiff in tiff::every() {
        let [planes, channels, height, width] = tiff.sides;
        // It reads no planar files of several channels, and these names of channels only.
        if tiff.is_planar && channels > 1 || channels == 5 || width * height < 100 {
            continue;
        }
        let mut array = Array::new(tiff.sides, tiff.kind);
        let edit = Edit {
            what: What::Brighten(9999),
            kind: tiff.kind,
            keeps: false,
        };
        let (bytes, _) = after(&path, &tiff.bytes(&array), &["brighten", "--by=9999", "--channels=all"]);
        edit.apply(&mut array, &Part::whole(tiff.sides, false));
        let pages = pages_by_the_crate(&bytes);
        assert_eq!(pages.len(), planes, "{}", tiff.name());
        for (plane, page) in pages.iter().enumerate() {
            let place = |at: usize| [plane, at % channels, at / channels / width, at / channels % width];
            let want: Vec<i64> = (0..page.len()).map(|at| array.value(place(at))).collect();
            assert!(*page == want, "{}", tiff.name());
        }
        read += 1;
    }
    assert!(read > 30, "{read}");
}

#[test]
fn the_program_takes_the_same_words_as_for_other_images() {
    let folder = folder();
    let path = folder.path().join("image.tif");
    let tiff = Tiff {
        tile: Ok((16, 32)),
        order: 5,
        is_bigtiff: true,
        ..Tiff::new([3, 4, 31, 47], Kind::Unsigned)
    };
    let edit = Edit {
        what: What::Brighten(9999),
        kind: tiff.kind,
        keeps: false,
    };
    let whole = Part::whole(tiff.sides, true);
    let parts = [
        whole.clone(),
        Part {
            rows: 3..8,
            columns: 5..40,
            ..whole.clone()
        },
        Part {
            planes: 1..2,
            ..whole.clone()
        },
        Part {
            planes: 0..2,
            channels: vec![1, 3],
            ..whole
        },
    ];
    for (turn, part) in parts.into_iter().enumerate() {
        let mut array = Array::new(tiff.sides, tiff.kind);
        let words = part.words(tiff.sides, true);
        let id = format!("--id=part{turn}");
        let mut all = vec!["brighten", "--by=9999", &id];
        all.extend(words.iter().map(String::as_str));
        let (got, said) = after(&path, &tiff.bytes(&array), &all);
        edit.apply(&mut array, &part);
        assert!(got == tiff.bytes(&array), "{words:?}");
        assert!(said["pixels"].as_u64() > Some(0));
        // Under the same word it is not done again.
        all.extend([word(&path), "--json"]);
        let again = says(&all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(again["already_applied"], true);
        assert!(fs::read(&path).expect("read") == tiff.bytes(&array));
    }
    // Nothing but `info` and `--dry-run` say so much without a change.
    let bytes = tiff.bytes(&Array::new(tiff.sides, tiff.kind));
    let (got, said) = after(&path, &bytes, &["brighten", "--by=9999", "--dry-run"]);
    assert!(got == bytes && said["pixels"] == 3 * 31 * 47);
    let (got, said) = after(&path, &bytes, &["info"]);
    assert!(got == bytes);
    assert_eq!(said["kind"], "BigTIFF");
    assert_eq!(said["tile"], serde_json::json!([16, 32]));
    assert_eq!(
        said["pages"],
        serde_json::json!({"count": 3, "chosen": [1, 2, 3], "levels": []})
    );
    let (_, said) = after(&path, &bytes, &["stats"]);
    let array = Array::new(tiff.sides, tiff.kind);
    let greatest = array.places().iter().map(|place| array.value(*place)).max();
    let channels = said["channels"].as_array().expect("channels");
    let found = channels.iter().filter_map(|channel| channel["max"].as_i64()).max();
    assert_eq!(found, greatest, "{said}");
}

/// A small gray picture, as the program leaves it.
fn brightened(tiff: &Tiff, keeps: bool, part: &Part) -> Vec<u8> {
    let mut array = Array::new(tiff.sides, tiff.kind);
    let edit = Edit {
        what: What::Brighten(100),
        kind: tiff.kind,
        keeps,
    };
    edit.apply(&mut array, part);
    tiff.bytes(&array)
}

#[test]
fn nodata_alpha_and_ink_are_what_the_fields_say() {
    let folder = folder();
    let path = folder.path().join("image.tif");
    let start = |tiff: &Tiff| tiff.bytes(&Array::new(tiff.sides, tiff.kind));
    for kind in [Kind::Unsigned, Kind::Signed] {
        for (declared, keeps) in [
            ("77", true),
            ("77.0 ", true),
            ("77.5", false),
            ("nan", false),
            ("1e9", false),
        ] {
            let tiff = Tiff::new([1, 1, 31, 47], kind).with(0, text(42113, declared));
            let (got, _) = after(&path, &start(&tiff), &["brighten", "--by=100"]);
            assert!(
                got == brightened(&tiff, keeps, &Part::whole(tiff.sides, false)),
                "{declared}"
            );
            assert_eq!(NODATA, 77);
            let (got, _) = after(&path, &start(&tiff), &["brighten", "--by=100", "--nodata=edit"]);
            assert!(
                got == brightened(&tiff, false, &Part::whole(tiff.sides, false)),
                "{declared}"
            );
        }
    }
    // Which channels an edit leaves alone.
    for (channels, photometric, extra, kept) in [
        (2, 1, vec![0], vec![]),
        (2, 1, vec![1], vec![1]),
        (4, 2, vec![0], vec![]),
        (5, 2, vec![2, 0], vec![3]),
        (5, 2, vec![0, 2], vec![4]),
        (5, 2, vec![1, 2], vec![3, 4]),
        (5, 5, vec![2], vec![4]),
        (4, 5, vec![], vec![]),
        (1, 0, vec![], vec![]),
    ] {
        let tiff = Tiff {
            photometric,
            extra,
            ..Tiff::new([1, channels, 9, 11], Kind::Unsigned)
        };
        let mut part = Part::whole(tiff.sides, false);
        part.channels.retain(|channel| !kept.contains(channel));
        let (got, _) = after(&path, &start(&tiff), &["brighten", "--by=100"]);
        assert!(got == brightened(&tiff, false, &part), "{photometric} {:?}", tiff.extra);
        let (_, info) = after(&path, &start(&tiff), &["info"]);
        assert_eq!(
            info["notes"].to_string().contains("darkens"),
            matches!(photometric, 0 | 5),
            "{info}"
        );
    }
}

#[test]
fn what_goes_stale_is_named() {
    let folder = folder();
    let path = folder.path().join("image.tif");
    let metadata = "<GDALMetadata><Item name=\"STATISTICS_MAXIMUM\">7</Item></GDALMetadata>";
    let tiff = Tiff::new([2, 1, 16, 16], Kind::Unsigned)
        .with(0, field(281, SHORT, &[9]))
        .with(0, text(42112, metadata))
        .with(1, field(254, LONG, &[1]));
    let bytes = tiff.bytes(&Array::new(tiff.sides, tiff.kind));
    let (_, info) = after(&path, &bytes, &["info"]);
    let stale = info["stale_parts"].to_string();
    for part in ["smaller copy of 16x16 pixels", "field MaxSampleValue", "statistics"] {
        assert!(stale.contains(part), "{stale}");
    }
    assert_eq!(
        info["pages"],
        serde_json::json!({"count": 2, "chosen": [1], "levels": [[16, 16]]})
    );
    let (got, _) = after(&path, &bytes, &["brighten", "--by=100"]);
    let first = Part {
        planes: 0..1,
        ..Part::whole(tiff.sides, false)
    };
    assert!(got == brightened(&tiff, false, &first), "the copy is as it was");
    let output = crate::common::pagelight(["brighten", "--by=1", word(&path)])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("smaller copy of 16x16") && said.contains("gdal raster overview refresh"),
        "{said}"
    );
}
