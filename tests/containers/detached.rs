//! Headers in files of their own: whoever names one means the file that it names.

use std::fs;
use std::path::{Path, PathBuf};

use pagelight::Image;
use pagelight::op::Op;
use serde_json::Value;
use tempfile::TempDir;

use crate::array::{Array, Kind, Part};
use crate::common::{Snapshot, folder, pagelight, pattern, word};
use crate::edit::{Edit, What};
use crate::program::says;

const SIDES: [usize; 4] = [3, 1, 31, 47];

/// The samples, big-endian and signed, behind 5 bytes.
fn samples(array: &Array) -> Vec<u8> {
    let places = array.places().into_iter();
    [
        pattern(0..5),
        places
            .flat_map(|place| Kind::Signed.bytes(array.value(place)))
            .collect(),
    ]
    .concat()
}

/// Headers of both formats, for samples in the file `name`.
fn headers(folder: &Path, name: &str) -> [PathBuf; 2] {
    let nrrd = format!(
        "NRRD0005\ntype: int16\ndimension: 3\nsizes: 47 31 3\nkinds: space space space\nendian: big\nencoding: raw\n\
         byteskip: 5\ndatafile: {name}\n"
    );
    let meta = format!(
        "ObjectType = Image\nNDims = 3\nDimSize = 47 31 3\nElementType = MET_SHORT\nBinaryDataByteOrderMSB = True\n\
         HeaderSize = 5\nElementDataFile = {name}\n"
    );
    let paths = [folder.join("image.nhdr"), folder.join("image.mhd")];
    fs::write(&paths[0], nrrd).expect("written");
    fs::write(&paths[1], meta).expect("written");
    paths
}

fn words(command: &str, image: &Path, more: &[&str]) -> Vec<String> {
    let all = [&[command, word(image), "--json"], more].concat();
    all.into_iter().map(str::to_owned).collect()
}

const EDIT: Edit = Edit {
    what: What::Brighten(9999),
    kind: Kind::Signed,
    keeps: false,
};

struct House {
    folder: TempDir,
    data: PathBuf,
    headers: [PathBuf; 2],
    array: Array,
}

impl House {
    fn new() -> House {
        let folder = folder();
        let array = Array::new(SIDES, Kind::Signed);
        let data = folder.path().join("the data.raw");
        fs::write(&data, samples(&array)).expect("written");
        House {
            headers: headers(folder.path(), "the data.raw"),
            folder,
            data,
            array,
        }
    }
}

#[test]
fn every_command_takes_the_header_for_its_image() {
    let mut house = House::new();
    for header in house.headers.clone() {
        let text = fs::read(&header).expect("read");
        let before = Snapshot::of(house.folder.path());
        let said = says(&words("info", &header, &[]));
        assert_eq!(
            (&said["width"], &said["height"], &said["planes"]),
            (&47.into(), &31.into(), &3.into())
        );
        assert_eq!(
            (&said["pixel_format"], &said["data_offset"]),
            (&"gray:i16be".into(), &5.into())
        );
        assert_eq!(said["header"], Value::from(word(&header)));
        assert_eq!(said["file_bytes"], 5 + 3 * 31 * 47 * 2);
        let said = says(&words("stats", &header, &["--plane=2"]));
        assert_eq!(said["pixels"], 31 * 47, "{said}");
        says(&words("brighten", &header, &["--by=9999", "--dry-run"]));
        says(&words("status", &header, &[]));
        says(&words("resume", &header, &[]));
        before.assert_unchanged(house.folder.path());

        let part = Part {
            planes: 1..3,
            rows: 3..14,
            columns: 2..7,
            ..Part::whole(SIDES, false)
        };
        let more = ["--by=9999", "--plane=2-3", "--rect=2,3,5,11", "--no-sync", "--id=once"];
        says(&words("brighten", &header, &more));
        EDIT.apply(&mut house.array, &part);
        assert!(fs::read(&house.data).expect("read") == samples(&house.array));
        assert_eq!(fs::read(&header).expect("read"), text);
        // The ids lie by the data file, so that they are known under either name.
        let said = says(&words("brighten", &header, &more));
        assert_eq!(said["already_applied"], true, "{said}");
        let said = says(&words("status", &house.data, &[]));
        assert!(said.to_string().contains("once"), "{said}");
        says(&words("forget", &header, &["--all"]));

        let picture = house.folder.path().join("out.tif");
        let to = [word(&picture).to_owned()];
        let mut export = words("export", &header, &["--plane=1"]);
        export.splice(2..2, to.clone());
        says(&export);
        let png = house.folder.path().join("out.png");
        let mut preview = words("preview", &header, &["--plane=1"]);
        preview.splice(2..2, [word(&png).to_owned()]);
        says(&preview);
        fs::remove_file(picture)
            .and_then(|()| fs::remove_file(png))
            .expect("removed");
    }
}

#[test]
fn the_library_takes_it_too() {
    let mut house = House::new();
    for header in house.headers.clone() {
        let image = Image::open(&header).expect("opened");
        assert_eq!(image.described().header.as_ref(), Some(&header));
        let edit = image.edit(Op::Brighten { amount: 9999 }).without_sync();
        edit.run().expect("done");
        EDIT.apply(&mut house.array, &Part::whole(SIDES, false));
        assert!(fs::read(&house.data).expect("read") == samples(&house.array));
    }
}

#[test]
fn a_job_that_was_cut_short_is_resumed_by_either_name() {
    for (place, name) in ["the data.raw", "image.nhdr", "image.mhd"].into_iter().enumerate() {
        let mut house = House::new();
        let image = Image::open(&house.headers[place % 2]).expect("opened");
        let edit = image.edit(Op::Brighten { amount: 9999 }).without_sync();
        let stopped = edit.on_progress(|_| std::ops::ControlFlow::Break(())).run();
        let error = stopped.expect_err("paused");
        drop(image);
        if error.unfinished_job().is_some() {
            says(&words("resume", &house.folder.path().join(name), &["--no-sync"]));
            EDIT.apply(&mut house.array, &Part::whole(SIDES, false));
        }
        assert!(fs::read(&house.data).expect("read") == samples(&house.array), "{name}");
    }
}

#[test]
fn a_header_does_not_choose_what_is_written_elsewhere() {
    let house = House::new();
    let below = house.folder.path().join("below");
    fs::create_dir(&below).expect("made");
    let absolute = house.data.canonicalize().expect("there");
    for name in ["../the data.raw", word(&absolute), "/etc/hostname"] {
        for header in headers(&below, name) {
            let before = Snapshot::of(house.folder.path());
            for command in [
                &["brighten", "--by=1"][..],
                &["info"],
                &["resume"],
                &["status"],
                &["stats"],
            ] {
                let output = pagelight([command, &[word(&header)]].concat())
                    .output()
                    .expect("it runs");
                let says = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(65), "{command:?} {says}");
                assert!(says.contains("not in the header's folder"), "{says}");
            }
            before.assert_unchanged(house.folder.path());
        }
    }
    // As raw samples a header is a file like any other.
    let header = &house.headers[0];
    let length = fs::metadata(header).expect("there").len() / 2;
    let size = format!("--size={length}x1");
    let output = pagelight(["stats", word(header), "--as-raw", "--pixel=gray16", "--part", &size]).output();
    assert!(output.expect("it runs").status.success());
}

#[test]
fn words_and_lengths_that_do_not_fit() {
    let house = House::new();
    for header in &house.headers {
        let refuses = |more: &[&str], code: i32, says: &str| {
            let all = [&["brighten", "--by=1", word(header)], more].concat();
            let output = pagelight(all).output().expect("it runs");
            let line = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{line}");
            assert!(line.contains(says), "{line}");
        };
        for more in [
            "--pixel=gray16",
            "--size=1x1",
            "--data-offset=5",
            "--axes=zyx",
            "--page=1",
        ] {
            refuses(
                &[more],
                2,
                &format!("leave out {}", more.split('=').next().expect("a word")),
            );
        }
        let good = fs::read(&house.data).expect("read");
        fs::write(&house.data, &good[1..]).expect("written");
        refuses(&[], 65, "correct the header");
        refuses(&["--part"], 65, "correct the header");
        fs::write(&house.data, [&good[..], b"x"].concat()).expect("written");
        refuses(&[], 65, "--part");
        fs::remove_file(&house.data).expect("removed");
        refuses(&[], 65, "is not there");
        fs::write(&house.data, &good).expect("written");
    }
}
