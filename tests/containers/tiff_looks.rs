//! What looks at the pixels of a TIFF sees the same as in a raw file of the same values.

use std::fs;

use crate::array::{Array, Kind};
use crate::common::{folder, pagelight, word};
use crate::tiff::{self, Tiff};

/// The values of one plane, pixel by pixel, little-endian.
fn raw(array: &Array, plane: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in 0..array.height {
        for x in 0..array.width {
            for channel in 0..array.channels {
                let [high, low] = Kind::Unsigned.bytes(array.value([plane, channel, y, x]));
                bytes.extend([low, high]);
            }
        }
    }
    bytes
}

#[test]
fn previews_exports_and_statistics_are_those_of_a_raw_file() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let mut looked = 0;
    for (turn, tiff) in tiff::every().into_iter().enumerate() {
        let [planes, channels, height, width] = tiff.sides;
        if channels == 5 || width * height < 200 || turn % 5 > 0 {
            continue;
        }
        let tiff = Tiff {
            kind: Kind::Unsigned,
            ..tiff
        };
        let array = Array::new(tiff.sides, tiff.kind);
        let plane = planes - 1;
        fs::write(path("a.tif"), tiff.bytes(&array)).expect("written");
        fs::write(path("a.raw"), raw(&array, plane)).expect("written");
        let pixel = ["gray", "graya", "rgb", "rgba"][channels - 1];
        let of_raw = [format!("--pixel={pixel}:u16le"), format!("--size={width}x{height}")];
        let of_tiff = [format!("--plane={}", plane + 1)];
        let rect = format!("--rect={},{},{},{}", width / 3, height / 4, width / 2, height / 2);
        for more in [&[][..], &[rect.as_str()]] {
            let look = |name: &str, own: &[String], command: &str, out: Option<&str>| {
                let mut words = vec![command.to_owned(), word(&path(name)).to_owned()];
                words.extend(out.map(|out| word(&path(out)).to_owned()));
                words.extend(own.iter().cloned().chain(more.iter().map(|word| (*word).to_owned())));
                words.push("--json".to_owned());
                let output = pagelight(&words).output().expect("it runs");
                assert!(
                    output.status.success(),
                    "{words:?}: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
                let picture = out.map(|out| {
                    let bytes = fs::read(path(out)).expect("read");
                    fs::remove_file(path(out)).expect("removed");
                    bytes
                });
                (output.stdout, picture)
            };
            for (command, out) in [
                ("export", Some("out.tif")),
                ("export", Some("out.png")),
                ("preview", Some("look.png")),
            ] {
                let (_, want) = look("a.raw", &of_raw, command, out);
                let (_, got) = look("a.tif", &of_tiff, command, out);
                assert!(got == want, "{command} {more:?} {}", tiff.name());
            }
            let channels = |said: &[u8]| -> serde_json::Value {
                let said: serde_json::Value = serde_json::from_slice(said).expect("JSON");
                said["channels"].clone()
            };
            let (want, _) = look("a.raw", &of_raw, "stats", None);
            let (got, _) = look("a.tif", &of_tiff, "stats", None);
            assert!(channels(&want).is_array());
            assert_eq!(channels(&got), channels(&want), "{more:?} {}", tiff.name());
            looked += 1;
        }
    }
    println!("{looked}");
    assert!(looked > 40, "{looked}");
}
