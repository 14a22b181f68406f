//! Some of every container through the program, as users type it; and what it prints.

use std::fs;
use std::path::Path;

use crate::array::{Array, Kind, Part};
use crate::common::{folder, pagelight, word};
use crate::edit::Edit;
use crate::files::{self, Container, science};

/// Some of each kind of container.
pub(crate) fn some() -> Vec<Container> {
    let (signed, unsigned) = (Kind::Signed, Kind::Unsigned);
    let mut all = vec![
        files::raw("rgba", unsigned, false, 0, (31, 47)),
        files::raw("5band", signed, true, 13, (31, 47)).with_rest(),
        files::raw("graya", Kind::Flipped, true, 1, (31, 47)),
        files::npy("yx", false, [1, 1, 31, 47], unsigned, false),
        files::npy("yx", true, [1, 1, 31, 47], signed, true),
        files::npy("yxc", true, [1, 3, 31, 47], unsigned, false).with_rest(),
        files::npy("zyx", false, [5, 1, 31, 47], signed, false),
        files::npy("zyx", true, [5, 1, 31, 47], unsigned, true),
        files::npy("cyx", false, [1, 3, 31, 47], unsigned, false),
        files::npy("cyx", true, [1, 7, 31, 47], unsigned, false),
        files::npy("tzyxc", true, [4, 3, 13, 17], unsigned, true),
        files::npy("yxz", false, [300, 1, 13, 17], unsigned, false),
        files::farbfeld((31, 47)),
        science::fits(signed, "primary", (1, 31, 47)),
        science::fits(Kind::Flipped, "extension", (5, 31, 47)),
        science::fits(Kind::Flipped, "one of two", (1, 31, 47)),
        science::mrc(signed, true, 1024, (5, 31, 47)),
        science::mrc(unsigned, false, 0, (1, 31, 47)).with_rest(),
        science::nrrd("zyx", [5, 1, 31, 47], signed, false, true),
        science::nrrd("czyx", [3, 7, 13, 17], unsigned, true, false),
        science::meta_image([5, 1, 31, 47], signed, false, false),
        science::meta_image([1, 3, 31, 47], unsigned, true, true),
    ];
    for interleave in ["bip", "bil", "bsq"] {
        all.push(files::envi(interleave, 1, unsigned, true, (31, 47)));
        all.push(files::envi(interleave, 3, signed, false, (31, 47)));
        all.push(files::envi(interleave, 4, unsigned, false, (31, 47)).with_rest());
        all.push(files::envi(interleave, 224, unsigned, true, (17, 19)));
    }
    for what in ["P5", "P6", "GRAYSCALE_ALPHA", "RGB_ALPHA"] {
        all.push(files::pnm(what, (31, 47)));
    }
    all
}

/// Runs the program, which must succeed, and reads what it says as JSON.
#[track_caller]
pub(crate) fn says(words: &[String]) -> serde_json::Value {
    let output = pagelight(words).output().expect("it runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {complaint}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[track_caller]
fn check(folder: &Path, container: &Container, part: &Part, edit: Edit, more: &str) {
    let mut array = Array::new(container.sides, container.kind);
    let path = container.write(folder, &array);
    let mut words = edit.words();
    words.extend([
        word(&path).to_owned(),
        "--json".to_owned(),
        "--no-sync".to_owned(),
        more.to_owned(),
    ]);
    words.extend(container.words());
    words.extend(part.words(container.sides, container.has_alpha));
    let said = says(&words);
    let samples = array.places().iter().filter(|place| part.has(**place, &array)).count();
    let counts = edit.apply(&mut array, part);
    let (got, want) = (fs::read(&path).expect("read"), container.edited_bytes(&array));
    let first = got.iter().zip(&want).position(|(got, want)| got != want);
    assert_eq!((first, got.len()), (None, want.len()), "first difference: {words:?}");
    assert_eq!(said["clipped_samples"], counts.clipped, "{words:?}");
    assert_eq!(said["pixels"], samples / part.channels.len(), "{words:?}");
    if edit.is_table() {
        assert_eq!(said["merged_samples"], counts.merged, "{words:?}")
    } else {
        assert!(said["merged_samples"].is_null(), "{words:?}")
    }
    // Nothing of its own is left beside it.
    let names = folder.read_dir().expect("the folder").count();
    assert!(names <= 2, "{words:?}");
}

#[test]
fn the_program_edits_what_the_words_mean() {
    let (mut turn, mut runs) = (0, 0);
    for container in some() {
        let folder = folder();
        let edits = Edit::all(container.kind);
        for part in Part::all_of(container.sides, container.has_alpha, container.is_run()) {
            let more = ["--threads=1", "--processes=2", "--threads=3"][turn % 3];
            // Every third one; the library's tests have all of them.
            if turn % 3 == 0 || runs % 4 == 0 {
                check(folder.path(), &container, &part, edits[turn % edits.len()], more);
            }
            (turn, runs) = (turn + 5, runs + 1);
        }
    }
    println!("{runs} parts");
}

#[test]
fn declared_nodata_is_kept_unless_told_otherwise() {
    for interleave in ["bip", "bil", "bsq"] {
        let folder = folder();
        let plain = files::envi(interleave, 3, Kind::Unsigned, true, (31, 47));
        let header = folder.path().join("image.hdr");
        for keeps in [true, false] {
            for edit in Edit::all(Kind::Unsigned) {
                let mut array = Array::new(plain.sides, plain.kind);
                let path = plain.write(folder.path(), &array);
                let text = fs::read_to_string(&header).expect("read") + "data ignore value = 77\n";
                fs::write(&header, &text).expect("written");
                let edit = Edit { keeps, ..edit };
                let mut words = edit.words();
                words.retain(|word| !keeps || !word.starts_with("--nodata"));
                words.extend([word(&path).to_owned(), "--json".to_owned(), "--no-sync".to_owned()]);
                let said = says(&words);
                let counts = edit.apply(&mut array, &Part::whole(plain.sides, false));
                assert!(
                    fs::read(&path).expect("read") == plain.bytes(&array),
                    "{interleave} {edit:?}"
                );
                assert_eq!(said["clipped_samples"], counts.clipped, "{interleave} {edit:?}");
                assert_eq!(fs::read_to_string(&header).expect("read"), text);
            }
        }
    }
}
