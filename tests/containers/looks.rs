//! What looks at an image sees the array, however it lies in the file: stats, export, preview.

use std::fs::{self, File};
use std::path::Path;

use serde_json::{Value, json};
use tiff::decoder::{Decoder, DecodingResult};

use crate::array::{Array, Kind, Part};
use crate::common::{folder, word};
use crate::files::{self, Container};
use crate::pictures::decode_png;
use crate::program::{says, some};

/// The words of a command that looks at a container's file.
fn words(command: &str, path: &Path, container: &Container) -> Vec<String> {
    let mut words = vec![command.to_owned(), word(path).to_owned(), "--json".to_owned()];
    words.extend(container.words());
    words
}

/// What stats are to say of a channel.
fn stats_of(array: &Array, part: &Part, channel: usize, kind: Kind) -> Value {
    let (low, high) = kind.ends();
    let places = array.places();
    let values: Vec<i64> = places
        .iter()
        .filter(|place| place[1] == channel && part.has(**place, array))
        .map(|place| array.value(*place))
        .collect();
    let mut histogram = vec![0; 256];
    for value in &values {
        histogram[usize::try_from((value - low) / 256).expect("a bin")] += 1;
    }
    let count = |wanted: i64| values.iter().filter(|value| **value == wanted).count();
    json!({
        "min": values.iter().min(),
        "max": values.iter().max(),
        "mean": values.iter().sum::<i64>() as f64 / values.len() as f64,
        "nodata": 0,
        "clipped_low": count(low),
        "clipped_high": count(high),
        "histogram": histogram,
    })
}

#[test]
fn stats_are_exact() {
    for container in some() {
        let folder = folder();
        let array = Array::new(container.sides, container.kind);
        let path = container.write(folder.path(), &array);
        // They count alpha, too.
        let whole = Part::whole(container.sides, false);
        for part in Part::all_of(container.sides, false, container.is_run()) {
            let mut words = words("stats", &path, &container);
            words.extend(part.words(container.sides, false));
            let mut said = says(&words);
            let channels = said["channels"].as_array_mut().expect("channels");
            assert_eq!(channels.len(), part.channels.len(), "{words:?}");
            for (channel, said) in part.channels.iter().zip(channels) {
                let want = stats_of(&array, &part, *channel, container.kind);
                let object = said.as_object_mut().expect("an object");
                object.remove("name");
                // What is read back of a float's text may be another one in its last bit.
                let (mean, exact) = (object["mean"].as_f64(), want["mean"].as_f64());
                let (mean, exact) = (mean.expect("a number"), exact.expect("a number"));
                assert!(
                    (mean - exact).abs() < 1e-9,
                    "{words:?} channel {channel}: {mean} {exact}"
                );
                object.insert("mean".to_owned(), want["mean"].clone());
                assert_eq!(*said, want, "{words:?} channel {channel}");
            }
        }
        assert!(container.bytes(&array) == fs::read(&path).expect("read"), "{whole:?}");
    }
}

/// The samples of one plane's part, row by row, the channels of a pixel side by side, as a picture has them: unsigned
/// numbers of the same bits.
fn samples(array: &Array, part: &Part) -> Vec<u16> {
    let mut samples = Vec::new();
    for y in part.rows.clone() {
        for x in part.columns.clone() {
            for channel in &part.channels {
                let value = array.value([part.planes.start, *channel, y, x]);
                samples.push(u16::try_from(value.rem_euclid(65_536)).expect("16 bits"));
            }
        }
    }
    samples
}

#[test]
fn exported_pictures_have_the_same_samples() {
    for container in some() {
        let folder = folder();
        let array = Array::new(container.sides, container.kind);
        let path = container.write(folder.path(), &array);
        for mut part in Part::all_of(container.sides, false, false) {
            // A picture is of one plane.
            part.planes = part.planes.end - 1..part.planes.end;
            let want = samples(&array, &part);
            let sides = (part.columns.len(), part.rows.len());
            let sides = (
                u32::try_from(sides.0).expect("small"),
                u32::try_from(sides.1).expect("small"),
            );
            let picture = folder.path().join("out.tif");
            let mut words = words("export", &path, &container);
            words.insert(2, word(&picture).to_owned());
            words.extend(part.words(container.sides, false));
            says(&words);
            let mut decoder = Decoder::new(File::open(&picture).expect("opened")).expect("a TIFF");
            assert_eq!(decoder.dimensions().expect("sides"), sides, "{words:?}");
            let got = match decoder.read_image().expect("sound") {
                DecodingResult::U16(samples) => samples,
                DecodingResult::I16(samples) => samples.into_iter().map(i16::cast_unsigned).collect(),
                _ => panic!("{words:?}: other samples"),
            };
            assert!(got == want, "{words:?}");
            fs::remove_file(picture).expect("removed");

            // A PNG has neither signed samples nor bands.
            if container.kind == Kind::Signed || !has_colors(&container, &part) {
                continue;
            }
            let picture = folder.path().join("out.png");
            words[2] = word(&picture).to_owned();
            says(&words);
            let (got_sides, _, _, got) = decode_png(&picture);
            let want: Vec<u8> = want.iter().flat_map(|sample| sample.to_be_bytes()).collect();
            assert!(got_sides == sides && got == want, "{words:?}");
            fs::remove_file(picture).expect("removed");
        }
    }
}

/// True if what is chosen of the channels is gray or color.
fn has_colors(container: &Container, part: &Part) -> bool {
    let count = container.sides[1];
    part.channels.len() == 1
        || (part.channels.len() == count && (count == 3 || container.has_alpha)) && !container.name.starts_with("ENVI")
}

/// The preview of one plane.
fn preview(folder: &Path, container: &Container, array: &Array, plane: usize, most: usize) -> (u32, u32, Vec<u8>) {
    let path = container.write(folder, array);
    let picture = folder.join("preview.png");
    let mut words = words("preview", &path, container);
    words.insert(2, word(&picture).to_owned());
    words.push(format!("--max={most}"));
    if container.sides[0] > 1 {
        words.push(format!("--plane={}", plane + 1));
    }
    says(&words);
    let ((width, height), _, _, bytes) = decode_png(&picture);
    fs::remove_file(picture).expect("removed");
    (width, height, bytes)
}

/// One plane of an array as an array.
fn plane_of(array: &Array, plane: usize, kind: Kind) -> Array {
    let [_, channels, height, width] = array.sides();
    let mut one = Array::new([1, channels, height, width], kind);
    for place @ [_, channel, y, x] in one.places() {
        one.set(place, array.value([plane, channel, y, x]));
    }
    one
}

#[test]
fn previews_are_the_same_however_samples_lie() {
    let sizes = [
        [1, 3, 31, 47],
        [1, 4, 47, 31],
        [3, 1, 31, 47],
        [300, 3, 9, 13],
        [1, 300, 9, 13],
    ];
    for sides @ [planes, channels, height, width] in sizes {
        for (kind, is_big) in [(Kind::Unsigned, false), (Kind::Signed, true)] {
            let folder = folder();
            let array = Array::new(sides, kind);
            let plane = planes / 2;
            let one = plane_of(&array, plane, kind);
            let plain = match channels {
                1 => "gray".to_owned(),
                3 => "rgb".to_owned(),
                bands => format!("{bands}band"),
            };
            let plain = files::raw(&plain, kind, is_big, 0, (height, width));
            let mut all: Vec<Container> = Vec::new();
            for axes in [
                "yx", "xy", "zyx", "yxz", "cyx", "yxc", "ycx", "xyc", "zyxc", "yxcz", "cyxz", "zcyx",
            ] {
                let has = |letter, side: usize| axes.contains(letter) || side == 1;
                if has('z', planes) && has('c', channels) {
                    all.extend([false, true].map(|is_fortran| files::npy(axes, is_fortran, sides, kind, is_big)));
                }
            }
            if planes == 1 {
                let envi = |interleave| files::envi(interleave, channels, kind, is_big, (height, width));
                all.extend(["bip", "bil", "bsq"].map(envi));
            }
            for most in [1024, 10, 1] {
                let want = preview(folder.path(), &plain, &one, 0, most);
                for container in &all {
                    let got = preview(folder.path(), container, &array, plane, most);
                    assert_eq!((got.0, got.1), (want.0, want.1), "{} {most}", container.name);
                    // Columns add up in another order than rows.
                    let near = |got: &u8, want: &u8| got.abs_diff(*want) <= u8::from(most < 1024);
                    let are_near = got.2.len() == want.2.len() && got.2.iter().zip(&want.2).all(|(a, b)| near(a, b));
                    assert!(are_near, "{} {most}", container.name);
                }
            }
        }
    }
}

#[test]
fn a_preview_of_a_small_image_is_its_pixels() {
    let folder = folder();
    for is_fortran in [false, true] {
        let container = files::npy("yxc", is_fortran, [1, 3, 31, 47], Kind::Unsigned, true);
        let array = Array::new(container.sides, container.kind);
        let (width, height, got) = preview(folder.path(), &container, &array, 0, 47);
        let want: Vec<u8> = samples(&array, &Part::whole(container.sides, false))
            .iter()
            .map(|&sample| u8::try_from((u32::from(sample) * 255 + 32_767) / 65_535).expect("a byte"))
            .collect();
        assert_eq!((width, height), (47, 31));
        assert!(got == want, "fortran {is_fortran}");
    }
}
